from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.model.money import E9, HOUR_TICKS, format_hours, hours_to_e9, parse_hours

WRITTEN = {
    "nothing": (0, "0.000000000"),
    "the least there is": (1, "0.000000001"),
    "five minutes": (HOUR_TICKS // 12, "0.083333333"),
    "twelve times five minutes": (12 * (HOUR_TICKS // 12), "1.000000000"),
    "twelve times five minutes of a seventh": (12 * (HOUR_TICKS // 84), "0.142857143"),
    "a year of a hundred thousand cards": (8760 * 100_000 * HOUR_TICKS, "876000000.000000000"),
}


@pytest.mark.parametrize(("ticks", "text"), WRITTEN.values(), ids=WRITTEN)
def test_hours_are_written_with_nine_decimals(ticks: int, text: str) -> None:
    assert format_hours(ticks) == text


@given(st.integers(0, 2**80))
def test_nine_decimals_give_the_count_back_and_are_the_nearest(ticks: int) -> None:
    assert parse_hours(format_hours(ticks)) == ticks
    assert abs(hours_to_e9(ticks) - Decimal(ticks) * E9 / HOUR_TICKS) <= Decimal("0.500001")


@pytest.mark.parametrize("parts", [2, 3, 4, 5, 6, 7, 8, 10])
def test_a_window_of_five_minutes_is_divided_without_a_rest(parts: int) -> None:
    assert HOUR_TICKS // 12 % parts == 0


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="no decimal number"):
        parse_hours("an hour")
