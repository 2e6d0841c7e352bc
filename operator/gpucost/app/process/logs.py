"""One line an event on stderr, in UTC."""

import logging
import sys
import time


def configure_logging(*, verbose: bool = False) -> None:
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)sZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    # It warns of each start in a thread, where it cannot handle signals; they are ours to handle.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
    for chatty in ("kopf", "urllib3", "asyncio", "aiohttp", "kubernetes"):
        logging.getLogger(chatty).setLevel(logging.DEBUG if verbose else logging.WARNING)
