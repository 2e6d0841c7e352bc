from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.model.rates import Doubt, MissingRate, NodeRate, RateOrigin
from gpucost.model.time import Window
from gpucost.pricing.blend import Segment, blend, living_part
from tests.unit.pricing.priced_nodes import AT, make_node

MINUTE = timedelta(minutes=1)
WINDOW = Window(AT, AT + 5 * MINUTE)
E9 = 1_000_000_000


def make_rate(hourly: float = 1.0, source: str = "a", **fields: Any) -> NodeRate:
    rate = NodeRate(node="n1", hourly_e9=round(hourly * E9), origin=RateOrigin.RATE_CARD, source=source)
    return replace(rate, **fields)


def make_segments(*parts: tuple[float, NodeRate | MissingRate]) -> list[Segment]:
    """Parts of so many seconds, from the start of the window on."""
    segments, start = [], AT
    for seconds, rate in parts:
        end = start + timedelta(seconds=seconds)
        segments.append(Segment(start, end, rate))
        start = end
    return segments


def blended(*parts: tuple[float, NodeRate | MissingRate]) -> NodeRate:
    rate = blend(make_segments(*parts))
    assert isinstance(rate, NodeRate), rate
    return rate


def test_a_rate_that_counts_all_the_time_stays_as_it_is() -> None:
    rate = make_rate(3, terms="4 - 25 %")
    assert blended((300, rate)) is rate


def test_two_rates_count_for_as_long_as_each_does() -> None:
    rate = blended((150, make_rate(15, "GpuRateCard a/x")), (150, make_rate(21.957642, "list")))
    assert rate.hourly_e9 == 18_478_821_000
    assert rate.source == "GpuRateCard a/x until 12:02:30Z, then list"
    assert rate.terms == "(15 x 150 s + 21.957642 x 150 s) / 300 s"


def test_three_rates_are_named_in_turn() -> None:
    rate = blended((60, make_rate(1, "a")), (60, make_rate(2, "b")), (180.5, make_rate(1, "a")))
    assert rate.source == "a until 12:01:00Z, then b until 12:02:00Z, then a"
    assert rate.terms == "(1 x 60 s + 2 x 60 s + 1 x 180.5 s) / 300.5 s"


def test_the_origin_is_that_of_the_rate_that_counts_longest() -> None:
    short = make_rate(1, origin=RateOrigin.RATE_CARD)
    rate = blended((100, short), (200, make_rate(2, origin=RateOrigin.LIST_PRICE)))
    assert rate.origin is RateOrigin.LIST_PRICE


def test_the_date_is_that_of_the_oldest_price() -> None:
    dated = [make_rate(hourly, as_of=date) for hourly, date in ((1, "2026-11-24"), (2, ""), (3, "2026-09-25"))]
    assert blended(*((100, rate) for rate in dated)).as_of == "2026-09-25"


def test_every_doubt_is_kept_once() -> None:
    region, spot = Doubt(flag="other-region", message="r"), Doubt(flag="spot-ratio", message="s")
    rate = blended((100, make_rate(1, doubts=(region,))), (200, make_rate(2, doubts=(spot, region))))
    assert rate.doubts == (region, spot)


CARD_PRICES: dict[str, tuple[int | None, int | None, int | None]] = {
    "both are per card": (1 * E9, 4 * E9, 2 * E9),
    "one is per node": (1 * E9, None, None),
    "none is": (None, None, None),
    "a card that costs nothing is a price": (0, 3 * E9, 1 * E9),
}


@pytest.mark.parametrize(("first", "second", "expected"), CARD_PRICES.values(), ids=CARD_PRICES)
def test_the_price_of_a_card(first: int | None, second: int | None, expected: int | None) -> None:
    rates = (make_rate(8, card_hourly_e9=first), make_rate(32, card_hourly_e9=second))
    assert blended((200, rates[0]), (100, rates[1])).card_hourly_e9 == expected


def test_a_mean_of_prices_per_card_is_one_itself() -> None:
    rates = [make_rate(hourly_e9=8 * each, card_hourly_e9=each) for each in (0, 1, 2)]
    rate = blended(*zip((1, 100, 200), rates, strict=True))
    assert (rate.card_hourly_e9, rate.hourly_e9) == (2, 16)  # 500 / 301, rounded, and 8 times that


def test_a_mean_of_cards_that_cost_nothing_is_nothing() -> None:
    free = [make_rate(0, source, card_hourly_e9=0) for source in "ab"]
    assert blended((100, free[0]), (200, free[1])).hourly_e9 == 0


def test_the_part_of_the_gpus_is_weighted_by_cost() -> None:
    half = make_rate(1, gpu_fraction=0.5, gpu_fraction_terms="aws-split: x = 0.5")
    rate = blended((150, half), (150, make_rate(3)))
    assert rate.gpu_fraction == pytest.approx((0.5 * 1 + 1.0 * 3) / 4)
    assert (
        rate.gpu_fraction_terms == "aws-split: x = 0.5 until 12:02:30Z, then 1; in the mean of what each costs 0.875000"
    )


def test_a_part_of_the_gpus_that_does_not_change_stays_exact() -> None:
    third = [make_rate(hourly, gpu_fraction=1 / 3, gpu_fraction_terms="t") for hourly in (1, 3)]
    rate = blended((100, third[0]), (200, third[1]))
    assert (rate.gpu_fraction, rate.gpu_fraction_terms) == (1 / 3, "t")


def test_rates_of_nothing_have_a_part_for_the_gpus_too() -> None:
    assert blended((100, make_rate(0, "a", gpu_fraction=0.5)), (100, make_rate(0, "b"))).gpu_fraction == 0.5


def test_a_part_without_a_rate_leaves_the_window_without_one_and_says_which() -> None:
    missing = MissingRate(node="n1", reason="Node n1: no GpuRateCard matches it; add one")
    assert blend(make_segments((150, make_rate()), (150, missing))) == MissingRate(
        node="n1", reason="Node n1, from 12:02:30Z to 12:05:00Z: no GpuRateCard matches it; add one"
    )


def test_a_window_without_any_rate_says_so_without_times() -> None:
    missing = MissingRate(node="n1", reason="Node n1: no GpuRateCard matches it; add one")
    assert blend(make_segments((150, missing), (150, missing))) == missing


def test_a_rate_counts_to_the_microsecond() -> None:
    rate = blended((150.000999, make_rate(0)), (149.999001, make_rate(3_000_000)))
    assert rate.hourly_e9 == 1_499_990_010_000_000
    assert rate.terms == "(0 x 150.000999 s + 3000000 x 149.999001 s) / 300 s"


def test_what_is_shorter_than_a_millisecond_does_not_count() -> None:
    missing = MissingRate(node="n1", reason="Node n1: none")
    assert blended((0.0001, make_rate(5)), (300, make_rate(7))) == make_rate(7)
    assert blended((300, make_rate(7)), (0.0009, missing)) == make_rate(7)
    assert blended((0.0001, make_rate(5)), (0.0001, make_rate(7))) == make_rate(5)


LIVES: dict[str, tuple[float, float | None, float, float]] = {
    "there all the time": (-60, None, 0, 5),
    "created in the window": (2, None, 2, 5),
    "ended in the window": (-60, 3, 0, 3),
    "created and ended in it": (1, 2, 1, 2),
    "ended before it, as the API has it": (-60, -1, 0, 5),
    "created after it, as the API has it": (9, None, 0, 5),
    "ended at its start": (-60, 0, 0, 5),
}


@pytest.mark.parametrize(("created", "ended", "start", "end"), LIVES.values(), ids=LIVES)
def test_the_part_of_the_window_in_which_a_node_lived(
    created: float, ended: float | None, start: float, end: float
) -> None:
    def at(minutes: float) -> datetime:
        return AT + minutes * MINUTE

    node = replace(make_node(), created=at(created), ended=None if ended is None else at(ended))
    assert living_part(node, WINDOW) == (at(start), at(end))


HOURLY = st.integers(0, 10**15)
PARTS = st.lists(st.tuples(st.integers(1, 86_400_000), HOURLY), min_size=1, max_size=6)


def segments_of(parts: Sequence[tuple[int, int]]) -> list[Segment]:
    """Parts of so many milliseconds with so much an hour."""
    return make_segments(
        *((ms / 1000, make_rate(source=str(hourly_e9), hourly_e9=hourly_e9)) for ms, hourly_e9 in parts)
    )


@given(PARTS)
def test_the_rate_of_the_window_costs_what_its_parts_cost(parts: list[tuple[int, int]]) -> None:
    rate = blend(segments_of(parts))
    assert isinstance(rate, NodeRate)
    total_ms = sum(ms for ms, _ in parts)
    exact = Fraction(sum(ms * hourly for ms, hourly in parts), total_ms)
    assert abs(rate.hourly_e9 - exact) <= Fraction(1, 2)
    assert min(hourly for _, hourly in parts) <= rate.hourly_e9 <= max(hourly for _, hourly in parts)


@given(PARTS, st.data())
def test_a_part_that_is_split_where_nothing_changes_changes_nothing(
    parts: list[tuple[int, int]], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(parts) - 1))
    ms, hourly_e9 = parts[number]
    first = data.draw(st.integers(0, ms))
    split = [*parts[:number], (first, hourly_e9), (ms - first, hourly_e9), *parts[number + 1 :]]
    assert blend(segments_of(split)) == blend(segments_of(parts))
