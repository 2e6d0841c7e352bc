"""Window records on the API server: GpuCostWindows that are created once, read and removed, never changed.

A record is an index, whose name is the lock, and chunks. The chunks are written first and removed last, so an index
always has its chunks, and chunks without an index were never decided.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from gpucost.model.errors import Conflict, InputError
from gpucost.model.time import parse_time
from gpucost.reports.build import Object
from gpucost.reports.naming import MANAGED_BY_LABEL, MANAGER, chunk_name, record_name
from gpucost.reports.resources.fields import API_VERSION
from gpucost.reports.resources.gpu_cost_window import KIND, PLURAL, WindowSpec
from gpucost.reports.storage.kube_client import KubeClient, Place
from gpucost.reports.storage.kube_errors import AlreadyExists

PAGE_RECORDS = 20
"""A chunk may be 500 kB, so a page is up to 10 MB."""

_NAME = re.compile(r"(?P<record>\d{4}-\d{2}-\d{2}t\d{6}z)(?:-(?P<content>[0-9a-f]{16})-\d{4})?")

Record = Sequence[WindowSpec]
"""Index and chunks."""


@dataclass(frozen=True, slots=True)
class _Piece:
    record: str
    """Name of its index."""
    content: str
    """Tells apart the chunks of different writers; empty: it is an index itself."""
    spec: WindowSpec


class RecordStore:
    def __init__(self, api: KubeClient, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    def create(self, record: Record) -> None:
        """Decide: chunks first, index last.

        Raises Conflict where something was decided from the same start: then that counts, and is to be read.
        """
        index = next(spec for spec in record if spec.chunk == 0)
        start = parse_time(index.start)
        content = "\n".join(spec.model_dump_json() for spec in sorted(record, key=lambda spec: spec.chunk))
        for spec in record:
            if spec.chunk:
                self._create_chunk(chunk_name(start, content, spec.chunk), spec)
        try:
            self._create(record_name(start), index)
        except AlreadyExists as error:
            raise Conflict(
                f"What comes after {index.start} was decided by another writer; read its record and use that"
            ) from error

    def _create_chunk(self, name: str, spec: WindowSpec) -> None:
        try:
            self._create(name, spec)
        except AlreadyExists:
            return  # of the same content, by its name: another writer's, or ours of an attempt that was cut off

    def _create(self, name: str, spec: WindowSpec) -> None:
        document = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": name, "namespace": self._namespace, "labels": {MANAGED_BY_LABEL: MANAGER}},
            "spec": spec.model_dump(mode="json", by_alias=True),
        }
        self._api.create(Place(PLURAL, self._namespace, name), document)

    def read(self, after: datetime) -> list[Record]:
        """What was decided from ``after`` on, oldest first.

        A record that begins before it is no use to reports that stand there. Raises InputError where a record lacks
        a chunk or cannot be understood.
        """
        documents = self._api.list_all(Place(PLURAL, self._namespace), page_objects=PAGE_RECORDS)
        first = record_name(after)
        pieces = [piece for document in documents if (piece := _parse(document)) and piece.record >= first]
        indexes = sorted((piece for piece in pieces if not piece.content), key=lambda piece: piece.record)
        return [(index.spec, *_chunks_of(index, pieces)) for index in indexes]

    def delete(self, until: datetime) -> None:
        """Remove what was decided before ``until``: indexes, then chunks, also those that never got an index.

        Only for what every report has.
        """
        found = [
            (match, document["metadata"]["uid"])
            for document in self._api.list_all(Place(PLURAL, self._namespace), names_only=True)
            if (match := _NAME.fullmatch(document["metadata"]["name"])) and match["record"] < record_name(until)
        ]
        for match, uid in sorted(found, key=lambda each: each[0]["content"] or ""):
            self._api.delete(Place(PLURAL, self._namespace, match.string), uid=uid)


def _parse(document: Object) -> _Piece | None:
    """None: not named as we name ours, so not ours."""
    name = document["metadata"]["name"]
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return _Piece(match["record"], match["content"] or "", WindowSpec.model_validate(document.get("spec")))
    except ValidationError as error:
        raise InputError(
            f"{KIND} {name} cannot be understood ({error.error_count()} errors); run the version of gpucost that"
            " wrote it until its reports are up to date"
        ) from error


def _chunks_of(index: _Piece, pieces: Sequence[_Piece]) -> Record:
    """Those of one writer with the index's rows, in order: whoever wrote them, the digest tells that they are right."""
    wanted = range(1, index.spec.chunks + 1)
    by_content: dict[str, dict[int, WindowSpec]] = {}
    for piece in pieces:
        same_rows = (piece.spec.end, piece.spec.digest) == (index.spec.end, index.spec.digest)
        if piece.content and piece.record == index.record and same_rows:
            by_content.setdefault(piece.content, {})[piece.spec.chunk] = piece.spec
    for chunks in [*by_content.values(), {}]:
        if set(chunks) == set(wanted):
            return [chunks[number] for number in wanted]
    raise InputError(
        f"{KIND} {index.record} lacks chunks, which gpucost does not remove before it; delete it, so that what comes"
        f" after {index.spec.start} is computed again"
    )
