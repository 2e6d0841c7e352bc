"""Plays a fleet live: its exporters' pages over HTTP, its pods coming and going in the API server."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gpucost.model.errors import GpuCostError
from gpucost.model.time import floor_to, format_time
from sandbox.load import KubernetesObjects, Stage
from sandbox.processes import LOCALHOST

Page = Callable[[datetime], str]
Clock = Callable[[], datetime]

_RETRY = timedelta(seconds=3)
_AFTER_THE_EDGE = timedelta(milliseconds=20)  # an edge belongs to the interval that it ends


def now() -> datetime:
    return datetime.now(UTC)


def interval_end(at: datetime, interval: timedelta) -> datetime:
    """The end of the interval that contains ``at``: the state of the fleet is the same all through it."""
    edge = floor_to(at, interval)
    return edge if edge == at else edge + interval


@contextmanager
def exporters(pages: Mapping[str, Page], interval: timedelta, clock: Clock = now) -> Iterator[str]:
    """Serves every page at its path, as of now; yields ``host:port``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # Prometheus keeps its connections

        def do_GET(self) -> None:
            page = pages.get(self.path)
            text = page(interval_end(clock(), interval)) if page else f"There is no page at {self.path}\n"
            body = text.encode()
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """A line per scrape would bury everything else."""

    with ThreadingHTTPServer((LOCALHOST, 0), Handler) as server:
        server.daemon_threads = True
        with _thread("exporters", server.serve_forever):
            try:
                yield f"{LOCALHOST}:{server.server_address[1]}"
            finally:
                server.shutdown()


@contextmanager
def player(
    stage: Stage, snapshot: Callable[[datetime], KubernetesObjects], interval: timedelta, clock: Clock = now
) -> Iterator[None]:
    """Shows the fleet on ``stage`` as it is now, at once and then at every edge of its grid."""
    stop = threading.Event()
    stage.show(snapshot(interval_end(clock(), interval)))

    def play() -> None:
        pause = _until_next(clock(), interval)
        while not stop.wait(pause / timedelta(seconds=1)):
            try:
                stage.show(snapshot(interval_end(clock(), interval)))
                pause = _until_next(clock(), interval)
            except GpuCostError as error:
                print(f"{format_time(clock())} the fleet stands still: {error}", file=sys.stderr, flush=True)
                pause = _RETRY

    with _thread("player", play):
        try:
            yield
        finally:
            stop.set()


def _until_next(at: datetime, interval: timedelta) -> timedelta:
    return floor_to(at, interval) + interval - at + _AFTER_THE_EDGE


@contextmanager
def _thread(name: str, run: Callable[[], None]) -> Iterator[None]:
    """A thread that the block must bring to its end before it ends itself."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()
