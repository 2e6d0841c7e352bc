"""Who may not write sends nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from gpucost.model.errors import NotLeading, SourceUnavailable
from gpucost.reports.storage.kube_client import KubeClient, Place

NOWHERE = "http://127.0.0.1:1"
PLACE = Place("gpucostreports", "ml", "research-2026-11-24")
DOCUMENT: dict[str, Any] = {"metadata": {"name": PLACE.name}}
WRITES: dict[str, Callable[[KubeClient], object]] = {
    "create": lambda api: api.create(PLACE, DOCUMENT),
    "apply": lambda api: api.apply(PLACE, DOCUMENT),
    "apply of a status": lambda api: api.apply(PLACE, DOCUMENT, status=True),
    "delete": lambda api: api.delete(PLACE),
}


class Guard:
    """Says yes so often, then no."""

    def __init__(self, yes: int) -> None:
        self.left = yes

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0


@pytest.fixture
def client() -> Iterator[ApiClient]:
    client = ApiClient(Configuration(host=NOWHERE, retries=False))
    yield client
    client.rest_client.pool_manager.clear()


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_each_write_asks_before_it_sends(client: ApiClient, write: Callable[[KubeClient], object]) -> None:
    api = KubeClient(client, Guard(1))
    with pytest.raises(SourceUnavailable):
        write(api)
    with pytest.raises(NotLeading):
        write(api)


def test_reads_do_not_ask(client: ApiClient) -> None:
    api = KubeClient(client, Guard(0))
    with pytest.raises(SourceUnavailable):
        api.get(PLACE)
    with pytest.raises(SourceUnavailable):
        api.list_all(Place("gpucostreports"))


def test_it_passes_by_whoever_deals_with_failures(client: ApiClient) -> None:
    def swallow() -> None:
        try:
            KubeClient(client, Guard(0)).delete(PLACE)
        except Exception:  # noqa: BLE001 - what is tested
            pytest.fail("it was taken for a failure")

    with pytest.raises(NotLeading, match="delete gpucostreports research-2026-11-24"):
        swallow()


def test_whoever_has_no_guard_may_write(client: ApiClient) -> None:
    with pytest.raises(SourceUnavailable):
        KubeClient(client).create(PLACE, {"metadata": {"creationTimestamp": datetime.now(UTC).isoformat()}})
