"""kopf in a thread of its own: watches our own kinds and nothing else, writes nothing.

Never a changing handler, timer or daemon here: they would put annotations and finalizers on objects.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import kopf
from kubernetes.client import ApiClient

from gpucost.reports.build import Object
from gpucost.reports.resources import cluster_gpu_cost_report, gpu_cost_report
from gpucost.reports.resources.fields import GROUP, VERSION

_LOGIN_KEEPS = timedelta(minutes=5)
"""After this the credentials are read anew: a token in a file may have been renewed."""

logger = logging.getLogger(__name__)


class _EndlessBackoff:
    """kopf gives up where its backoffs end; an API server that is away for an hour is no reason to."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1.0, 2.0), itertools.repeat(3.0))


def _ignore(_kind: str | None, _document: Object) -> None:
    pass


def make_registry(
    connect: Callable[[], ApiClient],
    *,
    on_rate_card_change: Callable[[], None],
    on_report: Callable[[str | None, Object], None] = _ignore,
) -> kopf.OperatorRegistry:
    """What is called, is called in the thread of kopf's event loop; it must be quick.

    A handler that is no coroutine would run in a pool, whose threads become more whenever two events come together.

    ``on_report`` gets the type of every event of a report of ours, ``DELETED`` among others, and the report as it is or
    was last.
    """
    registry = kopf.OperatorRegistry()
    generations: dict[str | None, int | None] = {}
    """Of the cards' specs, by uid: a status that we wrote is no change."""

    @kopf.on.startup(registry=registry)
    async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.scanning.disabled = True
        settings.posting.enabled = False
        settings.peering.standalone = True
        settings.watching.chunk_size = 500
        settings.watching.server_timeout = 300
        settings.watching.client_timeout = 330
        settings.networking.request_timeout = 30
        settings.networking.connect_timeout = 3
        settings.networking.error_backoffs = _EndlessBackoff()
        settings.persistence.finalizer = f"{GROUP}/finalizer"
        settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
        settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP, key="last-handled")

    @kopf.on.login(registry=registry)
    def login(**_: Any) -> kopf.ConnectionInfo:
        return _connection_info(connect())

    @kopf.on.event(GROUP, VERSION, "gpuratecards", registry=registry)
    async def rate_card_changed(name: str, uid: str | None, type: str | None, meta: kopf.Meta, **_: Any) -> None:
        if type == "DELETED":
            generations.pop(uid, None)
            logger.info("GpuRateCard %s is gone; from the next window on it does not count", name)
        elif generations.get(uid) == meta.get("generation"):
            return
        else:
            generations[uid] = meta.get("generation")
            if type is not None:
                logger.info("GpuRateCard %s was written; what can be used of it counts from the next window on", name)
        on_rate_card_change()

    @kopf.on.event(GROUP, VERSION, gpu_cost_report.PLURAL, registry=registry)
    @kopf.on.event(GROUP, VERSION, cluster_gpu_cost_report.PLURAL, registry=registry)
    async def report_changed(event: kopf.RawEvent, **_: Any) -> None:
        on_report(event["type"], {**event["object"]})

    return registry


class KopfThread:
    """Runs kopf until `stop`; ``ended`` is set when it ends, whatever the reason."""

    def __init__(self, registry: kopf.OperatorRegistry, *, on_end: Callable[[], None]) -> None:
        self._registry = registry
        self._on_end = on_end
        self._stop = Event()
        self.error: Exception | None = None
        self._thread = Thread(target=self._run, name="kopf", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self, wait_seconds: float) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(wait_seconds)

    def _run(self) -> None:
        settings = kopf.OperatorSettings()
        try:
            asyncio.run(
                kopf.operator(
                    registry=self._registry,
                    settings=settings,
                    standalone=True,
                    clusterwide=True,
                    stop_flag=self._stop,
                )
            )
        except Exception as error:  # noqa: BLE001 - told to the supervisor, which ends the process
            self.error = error
        finally:
            settings.execution.executor.shutdown(wait=False)  # kopf leaves its threads behind
            self._on_end()


def _connection_info(client: ApiClient) -> kopf.ConnectionInfo:
    configuration = client.configuration
    scheme, _, token = (configuration.get_api_key_with_prefix("BearerToken") or "").rpartition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        scheme=scheme or None,
        token=token or None,
        expiration=datetime.now(UTC) + _LOGIN_KEEPS,
    )
