"""``gpucost simulate-exporter``: dcgm-exporter's page for a node that has no GPU, with the real pods that run on it."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

from gpucost.app.cli.messages import tell
from gpucost.cluster.connection import connect
from gpucost.cluster.live import LiveCluster
from gpucost.model.errors import ConfigurationError, GpuCostError, InputError
from gpucost.model.fleet import Cluster
from gpucost.simulation.exporter import page
from gpucost.simulation.labelled import hardware_of
from gpucost.simulation.placing import Placing

PATH = "/metrics"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "simulate-exporter",
        help="for trying out: the metrics of GPUs that a node does not have",
        description="Serves what dcgm-exporter would print for a node with such labels, for the pods that run there.",
    )
    parser.add_argument("--node", required=True, metavar="NAME", help="the node that pretends to have GPUs")
    parser.add_argument("--host", default="0.0.0.0", help="where to listen (default: 0.0.0.0)")  # noqa: S104 - in a pod
    parser.add_argument("--port", type=int, default=9400, help="where to listen; 0: any (default: 9400)")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="default: the pod's account or $KUBECONFIG")
    parser.add_argument("--context", metavar="NAME", help="the kubeconfig's context to use")
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    cluster = LiveCluster(connect(options.kubeconfig, context=options.context))
    print_page = NodePage(options.node, cluster.read)
    with make_server(options.host, options.port, print_page) as server:
        tell(f"Simulating the exporter of node {options.node} on http://{options.host}:{server.server_port}{PATH}")
        server.serve_forever()
    return 0


class NodePage:
    """The page of one node, made anew from a look at the API each time."""

    def __init__(self, node: str, read: Callable[[], Cluster]) -> None:
        self._node = node
        self._read = read
        self._placing = Placing()
        self._lock = Lock()

    def __call__(self, at: datetime) -> str:
        """Raises GpuCostError where the API does not answer, or the node is not there or cannot be simulated."""
        with self._lock:
            cluster = self._read()
            node = next((node for node in cluster.nodes if node.name == self._node), None)
            if node is None:
                raise InputError(f"There is no node {self._node}; name one that `kubectl get nodes` lists")
            hardware = hardware_of(node)
            return page(self._placing.place(node, hardware, cluster.pods, at), hardware, at)


def make_server(host: str, port: int, print_page: Callable[[datetime], str]) -> ThreadingHTTPServer:
    """Raises ConfigurationError where it cannot listen there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != PATH:
                self._answer(404, f"There is only {PATH}.\n")
                return
            try:
                self._answer(200, print_page(datetime.now(UTC)))
            except GpuCostError as error:
                tell(str(error))
                self._answer(503, f"{error}\n")

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """A line per scrape would bury everything else."""

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"The exporter cannot listen on {host}:{port}: {error}; choose others with --host and --port"
        ) from error
