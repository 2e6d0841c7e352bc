"""``gpucost run`` with a clock of one's own: ``python operator_process.py CONFIG KUBECONFIG [TIME [HASTE]]``.

KUBECONFIG may be a folder with ``server`` (host:port), ``token`` and ``ca.crt``: then it is what a pod is given.

TIME is the time that it is now, or the name of a file with a `Pace`: then time passes at any speed, stands still, and
jumps whenever the file is replaced. HASTE: how many times shorter than usual the operator waits.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.config import incluster_config

from gpucost.app import backoff
from gpucost.app.process.logs import configure_logging
from gpucost.app.process.operator import run_operator, utc_now
from gpucost.app.windows import loop
from gpucost.cluster.connection import connect
from gpucost.model.time import parse_time

_LEAST_IDLE_SECONDS = 0.1
_LEAST_BACKOFF_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Pace:
    """Simulated time as a function of real time."""

    simulated: datetime
    """At `real`."""
    real: float
    """Unix time."""
    speed: float
    """Simulated seconds in a real one."""
    until: datetime
    """When time stands still."""

    def now(self) -> datetime:
        return min(self.until, self.simulated + timedelta(seconds=(time.time() - self.real) * self.speed))

    def shifted(self, by: timedelta) -> "Pace":
        """Of a clock that is wrong."""
        return replace(self, simulated=self.simulated + by, until=self.until + by)

    @classmethod
    def still(cls, moment: datetime) -> "Pace":
        return cls(moment, time.time(), 0.0, moment)

    @classmethod
    def read(cls, path: Path) -> "Pace":
        simulated, real, speed, until = path.read_text().split()
        return cls(parse_time(simulated), float(real), float(speed), parse_time(until))

    def write(self, path: Path) -> None:
        """In one step, so that a reader finds the old or the new one."""
        aside = path.with_suffix(".new")
        aside.write_text(f"{self.simulated.isoformat()} {self.real!r} {self.speed!r} {self.until.isoformat()}")
        aside.rename(path)


class PacedClock:
    """Goes as the file says."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = (0, 0)
        self._pace = Pace.read(path)

    def __call__(self) -> datetime:
        stat = os.stat(self._path)
        seen = stat.st_ino, stat.st_mtime_ns
        if seen != self._seen:
            self._seen, self._pace = seen, Pace.read(self._path)
        return self._pace.now()


def main(config: str, kubeconfig: str, at: str = "", haste: str = "1") -> int:
    configure_logging()
    _shorten_waits(float(haste))
    return run_operator(Path(config), _way_to(Path(kubeconfig)), clock=_clock(at))


def _way_to(kubeconfig: Path) -> Callable[[], ApiClient]:
    if not kubeconfig.is_dir():
        return lambda: connect(kubeconfig)
    host, _, port = (kubeconfig / "server").read_text().rpartition(":")
    os.environ.pop("KUBECONFIG", None)
    os.environ |= {incluster_config.SERVICE_HOST_ENV_NAME: host, incluster_config.SERVICE_PORT_ENV_NAME: port}
    incluster_config.SERVICE_TOKEN_FILENAME = str(kubeconfig / "token")
    incluster_config.SERVICE_CERT_FILENAME = str(kubeconfig / "ca.crt")
    incluster_config.InClusterConfigLoader = _HastyAccount
    return connect


class _HastyAccount(incluster_config.InClusterConfigLoader):  # type: ignore[misc]  # the library has no types
    """Looks at the token's file again after a second, not a minute."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._token_refresh_period = timedelta(seconds=1)


def _clock(at: str) -> Callable[[], datetime]:
    if not at:
        return utc_now
    if (path := Path(at)).is_file():
        return PacedClock(path)
    shift = parse_time(at) - datetime.now(UTC)
    return lambda: datetime.now(UTC) + shift


def _shorten_waits(haste: float) -> None:
    """Within what the machine bears."""
    if haste > 1:
        loop.IDLE_SECONDS = max(_LEAST_IDLE_SECONDS, loop.IDLE_SECONDS / haste)
        backoff.FIRST_SECONDS = max(_LEAST_BACKOFF_SECONDS, backoff.FIRST_SECONDS / haste)
        backoff.MOST_SECONDS = max(10 * _LEAST_BACKOFF_SECONDS, backoff.MOST_SECONDS / haste)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
