"""``gpucost run``: starts the parts, watches over them, stops them in time."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from kubernetes.client import ApiClient

from gpucost.app.backoff import Backoff
from gpucost.app.card_standing import CardStanding
from gpucost.app.commit import Committer
from gpucost.app.gpu_nodes import gpu_nodes
from gpucost.app.kopf_operator import KopfThread
from gpucost.app.kopf_operator import make_registry as make_kopf_registry
from gpucost.app.looks import LatestLook, RememberingCluster
from gpucost.app.loop import WindowLoop
from gpucost.app.metrics import make_registry
from gpucost.app.pipeline import Pipeline
from gpucost.app.rates import Prices
from gpucost.app.rules import rules_of, timing_of
from gpucost.app.settings import Settings
from gpucost.app.standing import Standing
from gpucost.app.state import LoopState
from gpucost.app.web import WebServer
from gpucost.cluster.live import LiveCluster
from gpucost.model.errors import GpuCostError, SourceUnavailable
from gpucost.reports.storage.store import ReportStore
from gpucost.telemetry.source import PrometheusTelemetry

STOP_SECONDS = 8.0
"""How long a stop waits for the window in work. It may be cut off: the next start completes it to the same figures."""

_PODS_KEPT = timedelta(hours=6)

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


def run_operator(
    settings: Settings, connect: Callable[[], ApiClient], *, clock: Callable[[], datetime] = utc_now
) -> int:
    """Until SIGTERM or SIGINT; the exit code. ``connect`` makes a client with credentials read anew."""
    stop = Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    state, look = LoopState(), LatestLook()
    telemetry = PrometheusTelemetry(settings.telemetry())
    client = connect()
    store = ReportStore(client, operator_namespace=settings.namespace)
    web = WebServer(settings.listen, state, make_registry(state, look, settings.labels.keys()))
    logger.info("listening on port %d; reading %s and %s", web.port, client.configuration.host, telemetry.name)
    if not _wait_for_kinds(store, state, stop):
        return 0
    cluster = LiveCluster(client, resources=settings.resources, clock=clock)
    cards = CardStanding(
        store,
        lambda: gpu_nodes(cluster.read_nodes().objects, shown={facts.node.uid for facts in look.nodes}),
        rules=settings.price_rules,
        state=state,
        clock=clock,
    )
    pipeline = Pipeline(
        cluster=RememberingCluster(cluster, keep=_PODS_KEPT),
        telemetry=telemetry,
        rates=Prices(settings, store.read_rate_cards, telemetry),
        rules=rules_of(settings),
    )
    loop = WindowLoop(
        pipeline=pipeline,
        telemetry=telemetry,
        committer=Committer(store, currency=settings.currency, clock=clock),
        standing=Standing(store, currency=settings.currency, clock=clock),
        timing=timing_of(settings),
        state=state,
        clock=clock,
        stop=stop,
        witness=look,
        side_work=cards,
    )
    registry = make_kopf_registry(connect, on_rate_card_change=cards.mark)
    return _supervise(loop, KopfThread(registry, on_end=stop.set), state, stop)


def _wait_for_kinds(store: ReportStore, state: LoopState, stop: Event) -> bool:
    """kopf stays deaf to a kind that is not there when it starts. False: stopped meanwhile."""
    backoff = Backoff()
    while not stop.is_set():
        try:
            missing = store.missing_kinds()
            if not missing:
                return True
            raise SourceUnavailable(
                f"The API server does not serve {', '.join(missing)} of gpucost.io; install them with"
                ' "kubectl apply --server-side -f crds/"'
            )
        except GpuCostError as error:
            if str(error) != state.last_error:
                logger.warning("trying again: %s", error)
            state.fail(error)
            stop.wait(backoff.failed())
    return False


def _supervise(loop: WindowLoop, kopf_thread: KopfThread, state: LoopState, stop: Event) -> int:
    """Any part that ends by itself ends all: the pod is started anew."""
    windows = Thread(target=_run_loop, args=(loop, state, stop), name="windows", daemon=True)
    windows.start()
    kopf_thread.start()
    stop.wait()
    failed = state.loop_ended or not kopf_thread.is_alive()
    if kopf_thread.error is not None:
        logger.error("watching our own kinds ended: %s", kopf_thread.error)
    logger.info("stopping")
    kopf_thread.stop(wait_seconds=1.0)
    windows.join(STOP_SECONDS)
    code = 1 if failed else 0
    if windows.is_alive():
        logger.warning("the window in work is cut off; the next start completes it")
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run_loop(loop: WindowLoop, state: LoopState, stop: Event) -> None:
    try:
        loop.run()
    finally:
        state.loop_ended = not stop.is_set()
        stop.set()
