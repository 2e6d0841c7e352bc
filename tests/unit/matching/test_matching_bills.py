"""The bill of a node is exact."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucost.model.bills import HOUR_MS, bill_e9, part_e9


@settings(deadline=None)
@given(st.integers(0, 10**13), st.integers(0, 24 * HOUR_MS))
def test_a_bill_is_rate_times_life_rounded_once(hourly_e9: int, alive_ms: int) -> None:
    exact = Fraction(hourly_e9 * alive_ms, HOUR_MS)
    assert bill_e9(np.array([hourly_e9]), np.array([alive_ms])).tolist() == [floor(exact + Fraction(1, 2))]


PARTS = {
    "all of an amount that no float holds": (2**53 + 1, 1.0, 2**53 + 1),
    "three quarters": (1_000, 0.75, 750),
    "rounded": (10, 0.33, 3),
    "nothing": (1_000, 0.0, 0),
}


@pytest.mark.parametrize(("amount", "fraction", "expected"), PARTS.values(), ids=PARTS)
def test_part_of_an_amount(amount: int, fraction: float, expected: int) -> None:
    assert part_e9(np.array([amount]), np.array([fraction])).tolist() == [expected]
