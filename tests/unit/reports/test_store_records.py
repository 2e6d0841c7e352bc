"""Against a list in memory: orders and objects that a real API server does not give."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from gpucost.model.errors import InputError
from gpucost.reports.storage.kube_client import KubeClient, Place
from gpucost.reports.storage.record_store import RecordStore

START = datetime(2026, 11, 24, tzinfo=UTC)
INDEX = "2026-11-24t000000z"
CHUNK = f"{INDEX}-0123456789abcdef-0001"
NEXT = "2026-11-24t000500z"
SPEC = {"start": "2026-11-24T00:00:00Z", "end": "2026-11-24T00:05:00Z", "chunk": 0, "chunks": 0, "digest": "sha256:0"}


class WindowList:
    """As much of a `KubeClient` as reading and removing takes."""

    def __init__(self, **windows: object) -> None:
        self.windows = windows
        self.deleted: list[str | None] = []

    def list_all(self, _: Place, **__: object) -> Sequence[dict[str, Any]]:
        return [{"metadata": {"name": name, "uid": name}, "spec": spec} for name, spec in self.windows.items()]

    def delete(self, place: Place, **_: object) -> bool:
        self.deleted.append(place.name)
        return True


def make_store(windows: WindowList) -> RecordStore:
    return RecordStore(cast(KubeClient, windows), "gpucost")


def test_an_index_is_removed_before_its_chunks() -> None:
    windows = WindowList(**dict.fromkeys([CHUNK, INDEX], SPEC))
    make_store(windows).delete(datetime(2026, 11, 24, 0, 5, tzinfo=UTC))
    assert windows.deleted == [INDEX, CHUNK]


def test_what_gpucost_did_not_name_is_neither_read_nor_removed() -> None:
    windows = WindowList(**{name: {"odd": 1} for name in ("mine", f"{INDEX}-mine", "2026-11-24")}, **{NEXT: SPEC})
    make_store(windows).delete(START)
    assert windows.deleted == []
    assert [record[0].start for record in make_store(windows).read(START)] == ["2026-11-24T00:00:00Z"]


def test_a_record_of_another_version_is_told() -> None:
    with pytest.raises(InputError, match=f"GpuCostWindow {INDEX} cannot be understood"):
        make_store(WindowList(**{INDEX: {**SPEC, "carbon": 1}})).read(START)
