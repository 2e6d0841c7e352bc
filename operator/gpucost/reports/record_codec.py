"""A record as bytes, and as the objects that hold it: compressed, in chunks that the API server takes."""

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from gpucost.model.errors import InputError
from gpucost.model.money import format_e9, parse_hours
from gpucost.model.time import format_time
from gpucost.reports.record import WindowRecord
from gpucost.reports.resources.gpu_cost_window import MOST_CHUNK_CHARACTERS, WindowSpec

_VERSION = b"\x02"
_VERSION_WITH_E9_HOURS = b"\x01"
"""Its hours are in units of 1e-9."""
_MOST_BYTES = 1 << 30
"""Larger than any record that its chunks can hold in earnest; a guard against a bomb."""


def encode(record: WindowRecord) -> bytes:
    return _VERSION + zlib.compress(msgspec.json.encode(record), level=6)


def decode(packed: bytes) -> WindowRecord:
    """Inverse of `encode`, also of an earlier version: a figure that it did not have is 0.

    Raises InputError where ``packed`` is nothing that `encode` made.
    """
    return _read(packed[:1], _unpack(packed))


def digest(record: WindowRecord) -> str:
    """Of the uncompressed rows: the same for equal records, whatever compressed them."""
    return _digest(msgspec.json.encode(record))


def _digest(rows: bytes) -> str:
    return "sha256:" + hashlib.sha256(rows).hexdigest()


def _unpack(packed: bytes) -> bytes:
    if packed[:1] not in (_VERSION, _VERSION_WITH_E9_HOURS):
        raise InputError(
            f"A window record begins with {packed[:1]!r}, which this gpucost cannot read;"
            " run the version that wrote it until its reports are up to date"
        )
    unpacker = zlib.decompressobj()
    try:
        rows = unpacker.decompress(packed[1:], _MOST_BYTES)
    except zlib.error as error:
        raise _unreadable(error) from error
    if not unpacker.eof:
        raise InputError("A window record is cut short or too large; delete it, so that it is computed again")
    return rows


def _read(version: bytes, rows: bytes) -> WindowRecord:
    try:
        if version == _VERSION_WITH_E9_HOURS:
            rows = json.dumps(_with_ticks(json.loads(rows))).encode()
        return msgspec.json.decode(rows, type=WindowRecord)
    except (ValueError, msgspec.DecodeError) as error:
        raise _unreadable(error) from error


def _with_ticks(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            name: parse_hours(format_e9(value)) if name.endswith("_hours") else _with_ticks(value)
            for name, value in part.items()
        }
    return [_with_ticks(entry) for entry in part] if isinstance(part, list) else part


def _unreadable(error: Exception) -> InputError:
    return InputError(f"A window record cannot be read: {error}; delete it, so that it is computed again")


def to_specs(record: WindowRecord, chunk_characters: int = MOST_CHUNK_CHARACTERS) -> list[WindowSpec]:
    """The chunks, and last the index, in the order in which they are to be written."""
    text = base64.b64encode(encode(record)).decode("ascii")
    pieces = [text[first : first + chunk_characters] for first in range(0, len(text), chunk_characters)]
    start, end, sealed = format_time(record.start), format_time(record.end), digest(record)
    return [
        WindowSpec(start=start, end=end, chunk=number, chunks=len(pieces), data=piece, digest=sealed)
        for number, piece in [*enumerate(pieces, start=1), (0, "")]
    ]


def from_specs(specs: Sequence[WindowSpec]) -> WindowRecord:
    """Inverse of `to_specs`, in any order of ``specs``.

    Raises InputError where there is no index, a chunk is missing, or the digest is of other rows.
    """
    index = next((spec for spec in specs if spec.chunk == 0), None)
    if index is None:
        raise InputError("A window record has no index, so it was never decided; write its index or delete its chunks")
    name = f"The window record {index.start} - {index.end}"
    chunks = {spec.chunk: spec.data for spec in specs if spec.digest == index.digest}
    missing = [number for number in range(1, index.chunks + 1) if number not in chunks]
    if missing:
        raise InputError(
            f"{name} lacks chunk {missing[0]} of {index.chunks}; delete its index, so that it is computed again"
        )
    text = "".join(chunks[number] for number in range(1, index.chunks + 1))
    try:
        packed = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InputError(f"{name} is no base64: {error}; delete it, so that it is computed again") from error
    rows = _unpack(packed)
    if _digest(rows) != index.digest:
        raise InputError(f"{name} does not have the digest of its index; delete it, so that it is computed again")
    return _read(packed[:1], rows)
