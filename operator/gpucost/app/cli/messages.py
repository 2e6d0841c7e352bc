"""What a command says: data on stdout, sentences for people on stderr, so that data stays data."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gpucost.model.errors import ConfigurationError


def tell(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def write(data: str) -> None:
    """On stdout, and out at once: a failure is to show here and not when the process ends.

    Raises BrokenPipeError where its reader has seen enough, ConfigurationError where it cannot be written.
    """
    with _writing():
        print(data, end="", flush=True)


def flush() -> None:
    """Out with what others have printed on stdout. Raises as `write`."""
    with _writing():
        if sys.stdout is not None:  # None where the process was started with stdout closed
            sys.stdout.flush()


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        _drop_what_is_buffered()
        raise
    except OSError as error:
        _drop_what_is_buffered()
        raise ConfigurationError(
            f"The output cannot be written: {error.strerror}; make room, or write to another place"
        ) from error


def _drop_what_is_buffered() -> None:
    """It has nowhere to go, and the interpreter would fail on it at its end."""
    with open(os.devnull, "wb") as devnull:
        os.dup2(devnull.fileno(), sys.stdout.fileno())
