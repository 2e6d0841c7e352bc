"""From settings to the parts that work for one term, and what of them outlives it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from kubernetes.client import ApiClient

from gpucost.app.committing.closing import Closer
from gpucost.app.committing.commit import Committer
from gpucost.app.committing.retention import Retention
from gpucost.app.committing.standing import Standing
from gpucost.app.computing.looks import LatestLook, RememberingCluster
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.configuration.rules import rules_of, timing_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.mending.mended_store import MendedStore
from gpucost.app.mending.mender import Mender
from gpucost.app.mending.rebuilding import Rebuilder
from gpucost.app.mending.remembering_store import RememberingStore
from gpucost.app.mending.report_memory import ReportMemory
from gpucost.app.prices.card_standing import CardStanding
from gpucost.app.prices.gpu_nodes import gpu_nodes
from gpucost.app.prices.rates import Prices
from gpucost.app.process.kopf_operator import KopfThread, make_registry
from gpucost.app.process.side_works import SideWorks
from gpucost.app.windows.loop import WindowLoop
from gpucost.app.windows.state import LoopState
from gpucost.cluster.live import LiveCluster
from gpucost.reports.storage.store import ReportStore
from gpucost.telemetry.source import PrometheusTelemetry

_PODS_KEPT = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Parts:
    """What works for one term."""

    loop: WindowLoop
    store: ReportStore
    watch: KopfThread
    """Of our own kinds."""
    telemetry: PrometheusTelemetry


def check_settings(settings: Settings) -> None:
    """Raises ConfigurationError where the operator cannot work with them."""
    PrometheusTelemetry(settings.telemetry()).close()


class Assembly:
    """Builds the parts of one term after another, for one thread."""

    def __init__(
        self,
        connect: Callable[[], ApiClient],
        *,
        state: LoopState,
        look: LatestLook,
        clock: Callable[[], datetime],
        is_leading: Callable[[], bool],
        on_failure: Callable[[], None],
    ) -> None:
        """``on_failure`` is called where the watch ends by itself.

        Raises ConfigurationError where there is no way to the API server."""
        self._connect = connect
        self._client = connect()
        self._state = state
        self._look = look
        self._clock = clock
        self._is_leading = is_leading
        self._on_failure = on_failure
        self.forget()

    @property
    def api_server(self) -> str:
        return str(self._client.configuration.host)

    def forget(self) -> None:
        """Another replica does the work, so what was seen before grows old. A new configuration is no reason."""
        self._memory = ReportMemory()
        self._remembering: RememberingCluster | None = None
        self._look.forget()

    def build(self, settings: Settings, term: Event) -> Parts:
        """Nothing of it is started; ``term`` is set when the term is to end."""
        telemetry = PrometheusTelemetry(settings.telemetry())
        cluster = LiveCluster(self._client, resources=settings.resources, clock=self._clock)
        plain = self._store(settings)
        pipeline = Pipeline(
            cluster=self._remember(cluster),
            telemetry=telemetry,
            rates=Prices(settings, plain.read_rate_cards, telemetry),
            rules=rules_of(settings),
        )
        mender = self._mender(settings, plain, pipeline)
        store = self._mended_store(settings, mender)
        cards = self._card_standing(settings, store, cluster)
        retention = Retention(store, settings.retention.rules, clock=self._clock, forget=self._memory.forget)
        loop = WindowLoop(
            pipeline=pipeline,
            telemetry=telemetry,
            committer=Committer(
                store, currency=settings.currency, clock=self._clock, mend=mender.mend, beat=self._state.begin
            ),
            closer=Closer(
                store, lateness=settings.lateness, clock=self._clock, mend=mender.mend, beat=self._state.begin
            ),
            standing=Standing(store, currency=settings.currency, clock=self._clock),
            timing=timing_of(settings),
            state=self._state,
            clock=self._clock,
            stop=term,
            witness=self._look,
            side_work=SideWorks(mender, cards, retention),
        )
        handlers = make_registry(self._connect, on_rate_card_change=cards.mark, on_report=self._memory.saw_event)
        watch = KopfThread(handlers, on_end=lambda: None if term.is_set() else self._on_failure())
        return Parts(loop=loop, store=store, watch=watch, telemetry=telemetry)

    def _store(self, settings: Settings) -> RememberingStore:
        return RememberingStore(
            self._client,
            operator_namespace=settings.namespace,
            memory=self._memory,
            may_write=self._is_leading,
        )

    def _mended_store(self, settings: Settings, mender: Mender) -> MendedStore:
        return MendedStore(
            self._client,
            operator_namespace=settings.namespace,
            memory=self._memory,
            mender=mender,
            may_write=self._is_leading,
        )

    def _mender(self, settings: Settings, store: RememberingStore, pipeline: Pipeline) -> Mender:
        rebuilder = Rebuilder(
            store,
            pipeline,
            currency=settings.currency,
            timing=timing_of(settings),
            clock=self._clock,
            beat=self._state.begin,
        )
        return Mender(
            store,
            self._memory,
            rebuilder,
            currency=settings.currency,
            clock=self._clock,
            on_mended=self._state.count_mended,
        )

    def _remember(self, cluster: LiveCluster) -> RememberingCluster:
        if self._remembering is None:
            self._remembering = RememberingCluster(cluster, keep=_PODS_KEPT)
        self._remembering.source = cluster
        return self._remembering

    def _card_standing(self, settings: Settings, store: ReportStore, cluster: LiveCluster) -> CardStanding:
        look = self._look
        return CardStanding(
            store,
            lambda: gpu_nodes(cluster.read_nodes().objects, shown={facts.node.uid for facts in look.nodes}),
            rules=settings.price_rules,
            state=self._state,
            clock=self._clock,
        )
