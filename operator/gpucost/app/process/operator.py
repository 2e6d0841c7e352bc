"""``gpucost run``: starts the parts, watches over them and the configuration, stops them in time."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from kubernetes.client import ApiClient

from gpucost.app.computing.looks import LatestLook
from gpucost.app.process.assembly import Assembly, check_settings
from gpucost.app.process.health import Health
from gpucost.app.process.leadership import Leadership, make_lease
from gpucost.app.process.metrics import make_registry
from gpucost.app.process.reload import Configuration
from gpucost.app.process.terms import Terms
from gpucost.app.process.web import WebServer
from gpucost.app.windows.state import LoopState

STOP_SECONDS = 8.0
"""How long a stop waits for the window in work. It may be cut off: who goes on completes it to the same figures."""
RELEASE_SECONDS = 1.0
"""How long it waits for the Lease to be given back, which else runs out by itself."""
LOOK_SECONDS = 1.0
"""Between two looks at the configuration."""

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


def run_operator(config: Path, connect: Callable[[], ApiClient], *, clock: Callable[[], datetime] = utc_now) -> int:
    """Until SIGTERM or SIGINT, or until a part ends by itself; the exit code.

    ``connect`` makes a client with credentials read anew. Raises ConfigurationError where that fails, the configuration
    is bad, or its address cannot be had.
    """
    ends: SimpleQueue[int] = SimpleQueue()  # exit codes; unlike an Event, it may be written to where a signal strikes
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: ends.put(0))
    configuration = Configuration(config, check=check_settings, clock=clock)
    settings = configuration.settings
    state, look = LoopState(), LatestLook()
    leadership = Leadership(make_lease(settings, connect()))
    assembly = Assembly(
        connect,
        state=state,
        look=look,
        clock=clock,
        is_leading=leadership.is_held,
        on_failure=lambda: ends.put(1),
    )
    terms = Terms(
        assembly,
        settings=lambda: configuration.settings,
        lead=leadership,
        state=state,
        on_failure=lambda: ends.put(1),
    )
    registry = make_registry(state, look, leadership, configuration)
    web = WebServer(settings.listen, Health(state, leadership), registry)
    logger.info("listening on port %d; the API server is %s", web.port, assembly.api_server)
    leadership.start(on_change=terms.interrupt)
    terms.start()
    code = _wait(ends, configuration, terms)
    logger.info("stopping")
    has_ended = terms.stop(STOP_SECONDS)
    leadership.stop(RELEASE_SECONDS)
    if not has_ended:
        logger.warning("the window in work is cut off; who leads next completes it")
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)
    return code


def _wait(ends: "SimpleQueue[int]", configuration: Configuration, terms: Terms) -> int:
    """For the end; a new configuration is taken meanwhile."""
    while True:
        try:
            return ends.get(timeout=LOOK_SECONDS)
        except Empty:
            if configuration.look():
                terms.interrupt()
