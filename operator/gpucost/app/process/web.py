"""``/healthz``, ``/readyz`` and ``/metrics``: answered from threads of their own, whatever the loop is doing."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gpucost.app.process.health import Health
from gpucost.model.errors import ConfigurationError

logger = logging.getLogger(__name__)

Answer = tuple[HTTPStatus, str, bytes]


class _Handler(BaseHTTPRequestHandler):
    timeout = 10.0
    routes: dict[str, Callable[[], Answer]]

    def do_GET(self) -> None:
        route = self.routes.get(self.path.partition("?")[0])
        status, kind, body = (
            route() if route else (HTTPStatus.NOT_FOUND, "text/plain", b"try /healthz, /readyz or /metrics\n")
        )
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        logger.debug(format, *args)


class WebServer:
    """Serves until `close`; a failing scrape of ``/metrics`` never reaches the loop."""

    def __init__(self, listen: str, health: Health, registry: CollectorRegistry) -> None:
        """Raises ConfigurationError where the address cannot be had."""
        host, _, port = listen.rpartition(":")
        routes = {
            "/healthz": lambda: _probe(health.why_dead()),
            "/readyz": lambda: _probe(health.why_not_ready(), health.leadership.standing()),
            "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry)),
        }
        try:
            self._server = ThreadingHTTPServer((host, int(port)), type("Handler", (_Handler,), {"routes": routes}))
        except (OSError, OverflowError) as error:
            raise ConfigurationError(f"listen: {listen} cannot be used: {error}; name a free address") from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        Thread(target=self._server.serve_forever, name="web", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _probe(problem: str | None, good: str = "ok") -> Answer:
    status = HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK
    return status, "text/plain; charset=utf-8", f"{problem or good}\n".encode()
