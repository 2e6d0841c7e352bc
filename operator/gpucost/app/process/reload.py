"""The configuration in force, and the file that it is from: looked at again and again, since a mounted one is replaced.

The kubelet replaces it by another link, editors in place or by another file; so what counts is what it holds.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydantic.alias_generators import to_camel

from gpucost.app.configuration.settings import Settings, parse_settings, read_configuration
from gpucost.model.errors import ConfigurationError

NEED_RESTART = ("listen", "namespace", "leader_election")
"""Names of settings that a running process cannot change."""

logger = logging.getLogger(__name__)


class Configuration:
    """Looked at by one thread; attributes are replaced whole, so any may read them."""

    def __init__(self, path: Path, *, check: Callable[[Settings], object], clock: Callable[[], datetime]) -> None:
        """``check`` raises ConfigurationError where the operator cannot work with settings that are right as such.

        Raises ConfigurationError where that is so, or the file is bad.
        """
        self._path = path
        self._check = check
        self._clock = clock
        content = read_configuration(path)
        self.settings = self._parse(content)
        """Those in force."""
        self.loaded = clock()
        """When they were read."""
        self.problem = ""
        """Why what the file holds now is not in force, a sentence; empty: it is."""
        self._seen = self._judged = _digest(content)

    def look(self) -> bool:
        """Whether other settings are in force now. What is bad is refused, with the sentence that it is at a start.

        It counts at the second look that finds it: at the first, somebody may be in the middle of writing it.
        """
        try:
            content = read_configuration(self._path)
        except ConfigurationError as error:
            return self._is_new(str(error).encode()) and self._refuse(error)
        if not self._is_new(content):
            return False
        try:
            settings = self._parse(content)
        except ConfigurationError as error:
            return self._refuse(error)
        return self._take(settings)

    def _is_new(self, content: bytes) -> bool:
        before, self._seen = self._seen, _digest(content)
        if self._seen != before or self._seen == self._judged:
            return False
        self._judged = self._seen
        return True

    def _parse(self, content: bytes) -> Settings:
        settings = parse_settings(content, self._path)
        self._check(settings)
        return settings

    def _refuse(self, error: ConfigurationError) -> bool:
        logger.warning("the configuration is not taken, the one before stays in force: %s", error)
        self.problem = str(error)
        return False

    def _take(self, settings: Settings) -> bool:
        kept = {name: getattr(self.settings, name) for name in NEED_RESTART}
        changed = [to_camel(name) for name, value in kept.items() if getattr(settings, name) != value]
        if changed:
            logger.warning(
                "%s: %s changed and will count after a restart of the operator, not before; all else counts at once",
                *(self._path, " and ".join(changed)),
            )
        settings = settings.model_copy(update=kept)
        is_other, was_refused = settings != self.settings, bool(self.problem)
        if is_other:
            logger.info("the configuration %s has changed; it counts from the next window on", self._path)
        elif was_refused:
            logger.info("the configuration %s is again the one that is in force", self._path)
        self.settings, self.loaded, self.problem = settings, self._clock(), ""
        return is_other


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
