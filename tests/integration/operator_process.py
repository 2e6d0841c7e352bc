"""``gpucost run`` with a clock of one's own: ``python operator_process.py CONFIG KUBECONFIG [NOW]``."""

import sys
from datetime import UTC, datetime
from pathlib import Path

from gpucost.app.logs import configure_logging
from gpucost.app.operator import run_operator
from gpucost.app.settings import load_settings
from gpucost.cluster.connection import connect
from gpucost.model.time import parse_time


def main(config: str, kubeconfig: str, now: str | None = None) -> int:
    configure_logging()
    shift = parse_time(now) - datetime.now(UTC) if now else datetime.now(UTC) - datetime.now(UTC)
    return run_operator(
        load_settings(Path(config)), lambda: connect(Path(kubeconfig)), clock=lambda: datetime.now(UTC) + shift
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
