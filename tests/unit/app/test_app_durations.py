from datetime import timedelta

import pytest

from gpucost.app.configuration.durations import LONGEST, parse_duration

SPANS = {
    "0s": timedelta(0),
    "500ms": timedelta(milliseconds=500),
    "90s": timedelta(seconds=90),
    "5m": timedelta(minutes=5),
    "1h30m": timedelta(minutes=90),
    "7d": timedelta(days=7),
    "3650d": LONGEST,
}


@pytest.mark.parametrize(("text", "span"), SPANS.items(), ids=SPANS)
def test_a_span_is_what_its_parts_add_up_to(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


BAD = {
    "nothing": ("", "is no span of time"),
    "no unit": ("5", "is no span of time"),
    "an unknown unit": ("5w", "is no span of time"),
    "a sign": ("-5m", "is no span of time"),
    "a part": ("0.5h", "is no span of time"),
    "other digits": ("٥m", "is no span of time"),
    "a novel": ("1s" * 1000, "is no span of time"),
    "longer than the longest": ("3650d1ms", "is longer than 3650d"),
    "longer than any clock runs": ("99999999999999999999999999999999d", "is longer than 3650d"),
}


@pytest.mark.parametrize(("text", "told"), BAD.values(), ids=BAD)
def test_what_is_no_span_is_told_in_a_sentence(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        parse_duration(text)
    assert len(str(caught.value)) < 120
