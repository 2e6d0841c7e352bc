import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.model.errors import InputError
from gpucost.model.ledger import Figures, Ledger
from gpucost.model.money import hours_to_e9
from gpucost.reports.record import WindowRecord, record_of
from gpucost.reports.record_codec import decode, digest, encode, from_specs, to_specs
from gpucost.reports.resources.gpu_cost_window import MOST_CHUNK_CHARACTERS, WindowSpec
from tests.unit.reports.made_ledgers import (
    FEW,
    HOUR,
    USD,
    ledgers,
    make_figures,
    make_holder,
    make_ledger,
    make_node_line,
    make_note,
)


def make_record(**names: Any) -> WindowRecord:
    return record_of([make_ledger([make_holder(**names)])])


@FEW
@given(ledgers())
def test_a_record_is_the_sum_of_its_ledgers(some: list[Ledger]) -> None:
    record = record_of(some)
    held = sum((line.figures for ledger in some for line in ledger.holders), Figures())
    assert sum((group.totals.figures for group in record.groups), Figures()) == held
    for group in record.groups:
        for entries in group.lists.values():
            assert sum(entry.charge.cost or 0 for entry in entries) == group.totals.figures.cost
    bills = sum(line.cost for ledger in some for line in ledger.nodes)
    assert sum(node.cost or 0 for node in record.nodes) == bills


@FEW
@given(ledgers())
def test_the_order_of_rows_does_not_matter(some: list[Ledger]) -> None:
    turned = [replace(ledger, holders=ledger.holders[::-1], nodes=ledger.nodes[::-1]) for ledger in some]
    assert digest(record_of(turned)) == digest(record_of(some))


@FEW
@given(ledgers(), st.integers(1, 400), st.randoms())
def test_a_record_comes_back_from_its_chunks_in_any_order(some: list[Ledger], size: int, random: Random) -> None:
    record = record_of(some)
    specs = to_specs(record, chunk_characters=max(size, len(encode(record)) // 100 + 1))
    random.shuffle(specs)
    assert from_specs(specs) == record


def test_the_index_comes_last_and_chunks_keep_their_size() -> None:
    specs = to_specs(make_record(), chunk_characters=100)
    assert [spec.chunk for spec in specs] == [*range(1, len(specs)), 0]
    assert {len(spec.data) for spec in specs[:-2]} == {100}
    assert {(spec.start, spec.end, spec.chunks) for spec in specs} == {
        ("2026-11-24T00:00:00Z", "2026-11-24T00:05:00Z", len(specs) - 1)
    }
    assert len(to_specs(make_record())[0].data) <= MOST_CHUNK_CHARACTERS


def test_sums_beyond_64_bits_survive() -> None:
    record = record_of([make_ledger([make_holder(make_figures(2**70, 1))])])
    assert decode(encode(record)) == record


def without_index(specs: list[WindowSpec]) -> Sequence[WindowSpec]:
    return specs[:-1]


def without_a_chunk(specs: list[WindowSpec]) -> Sequence[WindowSpec]:
    return specs[1:]


def with_a_chunk_of_another_record(specs: list[WindowSpec]) -> Sequence[WindowSpec]:
    return [*to_specs(make_record(pod="other-pod"), chunk_characters=100)[:1], *specs[1:]]


def with_rows_of_another_record(specs: list[WindowSpec]) -> Sequence[WindowSpec]:
    (chunk, _), index = to_specs(make_record(pod="other-pod")), specs[-1]
    return [
        chunk.model_copy(update={"digest": index.digest, "chunks": 1}),
        index.model_copy(update={"chunks": 1}),
    ]


def with_odd_characters(specs: list[WindowSpec]) -> Sequence[WindowSpec]:
    return [specs[0].model_copy(update={"data": "?" + specs[0].data[1:]}), *specs[1:]]


DAMAGE: dict[str, tuple[Callable[[list[WindowSpec]], Sequence[WindowSpec]], str]] = {
    "no index": (without_index, "no index"),
    "a chunk is missing": (without_a_chunk, "lacks chunk 1 of"),
    "a chunk is of another record": (with_a_chunk_of_another_record, "lacks chunk 1 of"),
    "the rows are of another record": (with_rows_of_another_record, "digest"),
    "no base64": (with_odd_characters, "no base64"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_record_is_refused(damage: Callable[[list[WindowSpec]], Sequence[WindowSpec]], message: str) -> None:
    specs = to_specs(make_record(), chunk_characters=100)
    with pytest.raises(InputError, match=message):
        from_specs(damage(specs))


GARBAGE = {
    "nothing": b"",
    "a later version": b"\x03" + encode(make_record())[1:],
    "not compressed": b"\x02{}",
    "cut short": encode(make_record())[:-9],
    "not a record": b"\x02" + zlib.compress(b"{}"),
    "no JSON": b"\x02" + zlib.compress(b"{"),
    "an earlier version that is no record": b"\x01" + zlib.compress(b"[]"),
    "an earlier version that is no JSON": b"\x01" + zlib.compress(b"{"),
    "no text": b"\x02" + zlib.compress(b'{"start":"\xff"}'),
    "base64 of a record": base64.b64encode(encode(make_record())),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_no_record(garbage: bytes) -> None:
    with pytest.raises(InputError, match="window record"):
        decode(garbage)


def with_old_figures(part: Any) -> Any:
    """As the first version wrote it: hours in 1e-9, and nothing of what nobody held."""
    if isinstance(part, dict):
        return {
            name: hours_to_e9(value) if name.endswith("_hours") else with_old_figures(value)
            for name, value in part.items()
            if name != "unallocated_share"
        }
    return [with_old_figures(entry) for entry in part] if isinstance(part, list) else part


def test_a_record_of_an_earlier_version_is_read_with_its_own_digest() -> None:
    record = make_record()
    rows = json.dumps(with_old_figures(json.loads(zlib.decompress(encode(record)[1:]))), separators=(",", ":")).encode()
    packed = b"\x01" + zlib.compress(rows)
    assert decode(packed) == record
    sealed = "sha256:" + hashlib.sha256(rows).hexdigest()
    specs = [spec.model_copy(update={"digest": sealed}) for spec in to_specs(record)]
    chunk = specs[0].model_copy(update={"data": base64.b64encode(packed).decode()})
    assert from_specs([chunk, specs[-1]]) == record


def test_notes_reach_the_teams_that_they_concern() -> None:
    notes = [
        make_note("n1"),
        make_note("ml-prod/llm-0", type="UseOutOfRange", reason="NotANumber"),
        make_note("n1/1g.5gb", type="MigProfileUnknown", reason="NotInTable"),
        make_note("n1/9g.5gb", type="MigProfileUnknown", reason="NotInTable"),
        make_note("GPU-2", type="CardCountDisagrees", reason="SourcesDisagree"),
    ]
    holders = [make_holder(profile="1g.5gb"), make_holder(team="ads", pod="ads-0", node="n2", uuid="GPU-2")]
    record = record_of([make_ledger(holders, notes=notes), make_ledger(holders, notes=notes, number=1)])
    by_team = {group.team: [note.type for note in group.notes] for group in record.groups}
    assert by_team == {"search": ["RateMissing", "UseOutOfRange", "MigProfileUnknown"], "ads": ["CardCountDisagrees"]}
    assert list(record.notes) == notes


def test_two_nodes_of_one_name_are_told_apart() -> None:
    lives = [make_node_line(uid="first", host=USD), make_node_line(uid="second", host=2 * USD)]
    record = record_of([make_ledger([], lives)])
    assert [(node.uid, node.cost) for node in record.nodes] == [("first", USD), ("second", 2 * USD)]


def test_a_node_that_gets_a_rate_later_is_priced_from_then_on() -> None:
    unpriced, priced = make_node_line(rate_e9=None, rate_source=""), make_node_line(host=USD)
    record = record_of([make_ledger([], [unpriced]), make_ledger([], [priced], number=1)])
    assert (record.nodes[0].cost, record.nodes[0].alive_hours) == (USD, 2 * (HOUR // 12))
    assert record.rates[0].node_hours == HOUR // 12


NOT_A_RECORD: dict[str, tuple[list[Ledger], str]] = {
    "nothing": ([], "at least one"),
    "a gap": ([make_ledger(), make_ledger(number=2)], "without a gap"),
    "two days": ([make_ledger(number=287), make_ledger(number=288)], "one UTC day"),
    "two currencies": ([make_ledger(), replace(make_ledger(number=1), currency="EUR")], "one currency"),
}


@pytest.mark.parametrize(("some", "message"), NOT_A_RECORD.values(), ids=NOT_A_RECORD)
def test_only_consecutive_windows_of_a_day_and_a_currency_make_a_record(some: list[Ledger], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        record_of(some)


def test_the_last_window_of_a_day_ends_with_the_day() -> None:
    record = record_of([make_ledger(number=286), make_ledger(number=287)])
    assert (record.windows, record.length) == (2, timedelta(minutes=5))
    assert record.end - record.start == timedelta(minutes=10)
