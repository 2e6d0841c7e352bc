"""The code lookup beside a plain dictionary: series go anywhere, new ones come at the end."""

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.timing import WARM_UPS, medians
from gpucost.model.usage import Indices
from gpucost.telemetry.codes import KeyCodes

_REPEATS = 9
CHURNS = (0.0, 0.0005, 0.01, 0.05)


def print_lookup(rows: int) -> None:
    """One line for each part of the series that is new: nanoseconds a row, and the ratio to the dictionary."""
    for churn in CHURNS:
        seconds = _seconds(rows, churn)
        took, plain = seconds["codes"], seconds["dictionary"]
        print(
            f"{rows:>10,} rows  code lookup, {churn:6.2%} churn           {took / rows * 1e9:7.1f} ns/row"
            f"  dict {plain / rows * 1e9:6.1f} ns/row  ratio {took / plain:5.2f}"
        )


def _seconds(rows: int, churn: float) -> dict[str, float]:
    codes, plain = KeyCodes(), _Dictionary()
    first = [_key(number) for number in range(rows)]
    codes.codes_of(first)
    plain.codes_of(first)
    return medians(
        {
            "codes": _one_by_one(codes.codes_of, _answers(rows, churn)),
            "dictionary": _one_by_one(plain.codes_of, _answers(rows, churn)),
        },
        _REPEATS,
    )


def _answers(rows: int, churn: float) -> list[list[bytes]]:
    """One after another, each with ``churn`` of its series new. Every key is a new object, as a decoded one is."""
    chance = np.random.default_rng(1)
    known, answers = list(range(rows)), []
    for _ in range(WARM_UPS + _REPEATS):
        kept = [number for number in known if chance.random() >= churn]
        known = [*kept, *range(known[-1] + 1, known[-1] + 1 + rows - len(kept))]
        answers.append([_key(number) for number in known])
    return answers


class _Dictionary:
    def __init__(self) -> None:
        self._code: dict[bytes, int] = {}

    def codes_of(self, keys: Sequence[bytes]) -> Indices:
        codes = np.fromiter((self._code.get(key, -1) for key in keys), dtype=np.intp, count=len(keys))
        for row in np.flatnonzero(codes < 0).tolist():
            codes[row] = self._code.setdefault(keys[row], len(self._code))
        return codes


def _one_by_one(codes_of: Callable[[Sequence[bytes]], Indices], answers: list[list[bytes]]) -> Callable[[], object]:
    following = iter(answers)
    return lambda: codes_of(next(following))


def _key(number: int) -> bytes:
    """Labels as Prometheus prints them."""
    return (
        b'{"__stat__":"sum","namespace":"ns-%d","pod":"llm-%d-5d9f7","container":"server","UUID":"GPU-%032x",'
        b'"GPU_I_ID":"%d","GPU_I_PROFILE":"1g.5gb","modelName":"NVIDIA A100-SXM4-40GB","Hostname":"node-%d"}'
    ) % (number % 100, number, number * 2654435761, number % 7, number // 56)
