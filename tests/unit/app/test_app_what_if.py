from datetime import UTC, datetime
from typing import Any

from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.what_if import applied, out_of_time
from gpucost.model.time import Window

NOVEMBER = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def make_card(name: str, price: str = "1", *, created: str | None = None, **terms: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"creationTimestamp": created, "uid": f"uid-{name}"} if created else {})
    rates = [{"name": "all", "nodeHourly": price}]
    return {"kind": "GpuRateCard", "metadata": metadata, "spec": {"rates": rates} | terms}


THERE = (make_card("a", created="2026-01-01T00:00:00Z"), make_card("b", created="2026-02-01T00:00:00Z"))


def test_a_card_of_the_same_name_replaces_the_one_that_is_there_and_is_as_old() -> None:
    first, second = applied(THERE, [make_card("a", "2", created="2026-11-24T00:00:00Z")])
    assert first == make_card("a", "2") | {"metadata": THERE[0]["metadata"]}
    assert second is THERE[1]


def test_another_card_is_added_and_is_younger_than_all() -> None:
    *there, added = applied(THERE, [make_card("c", created="2025-01-01T00:00:00Z")])
    assert tuple(there) == THERE
    assert added == make_card("c")


def test_of_two_cards_of_one_name_in_a_file_the_last_counts_as_it_would_when_applied() -> None:
    (only,) = applied([], [make_card("a", "1"), make_card("a", "2")])
    assert only == make_card("a", "2")


def test_what_is_no_card_is_left_for_whoever_reads_cards_to_tell() -> None:
    assert applied(["nonsense"], [{"metadata": None}, 7]) == ("nonsense", {"metadata": None}, 7)


def test_a_rate_that_counts_at_no_moment_of_the_time_is_told() -> None:
    cards = [
        make_card("later", validFrom="2026-12-01T00:00:00Z"),
        make_card("earlier", validUntil="2026-11-01T00:00:00Z"),
        make_card("partly", validFrom="2026-11-30T00:00:00Z"),
    ]
    before, after = out_of_time(cards, NOVEMBER, Settings())
    assert after.startswith("GpuRateCard later/all counts from 2026-12-01T00:00:00Z on, after this time; ")
    assert before.startswith("GpuRateCard earlier/all counted until 2026-11-01T00:00:00Z, before this time; ")
