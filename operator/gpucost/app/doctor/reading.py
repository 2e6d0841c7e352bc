"""What several checks look at, read once; where that failed, each of them can say why it saw nothing."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

from gpucost.model.errors import GpuCostError
from gpucost.reports.findings import Finding, Health

T = TypeVar("T")


class NotLookedAt(GpuCostError):
    """There is nothing to look at, or no way to it; what is wrong, if anything is, is told elsewhere."""


class Reading(Generic[T]):
    """Something that is read when it is first asked for, and never again."""

    def __init__(self, lack: str, read: Callable[[], T]) -> None:
        """``lack``: what to say where it is missing, such as ``the API server does not answer``.

        ``read`` may raise GpuCostError.
        """
        self._lack = lack
        self._read = read
        self._found: list[T] = []
        self._error: GpuCostError | None = None

    def get(self) -> T:
        """Raises the same GpuCostError each time, where reading failed."""
        if self._error is not None:
            raise self._error
        if not self._found:
            try:
                self._found.append(self._read())
            except GpuCostError as error:
                self._error = error
                raise
        return self._found[0]

    @property
    def lack(self) -> str:
        """Why it is missing, in short; empty where it is there."""
        try:
            self.get()
        except NotLookedAt as reason:
            return str(reason)
        except GpuCostError:
            return self._lack
        return ""


def look(subject: str, check: Callable[[], Iterable[Finding]], *needs: Reading[Any]) -> Iterator[Finding]:
    """What ``check`` finds; without one of its ``needs`` it is not asked, and nothing is known of ``subject``.

    What is wrong with a need is told by the check whose subject it is.
    """
    lack = next((lack for need in needs if (lack := need.lack)), "")
    if lack:
        yield unknown(subject, lack)
        return
    try:
        yield from check()
    except NotLookedAt as reason:
        yield unknown(subject, str(reason))
    except GpuCostError as error:
        yield failure(subject, str(error))


def failure(subject: str, sentence: str, health: Health = Health.FAILURE) -> Finding:
    """From a sentence that tells its fix after a semicolon."""
    found, _, fix = sentence.rstrip(".").partition("; ")
    return Finding(health=health, subject=subject, found=found, fix=fix)


def ok(subject: str, found: str) -> Finding:
    return Finding(health=Health.OK, subject=subject, found=found)


def warning(subject: str, found: str, fix: str) -> Finding:
    return Finding(health=Health.WARNING, subject=subject, found=found, fix=fix)


def unknown(subject: str, why: str) -> Finding:
    return Finding(health=Health.UNKNOWN, subject=subject, found=why)
