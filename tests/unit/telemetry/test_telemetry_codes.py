from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.telemetry.codes import KeyCodes

MANY = [b"series-%d" % number for number in range(1000)]

ANSWERS: dict[str, list[list[bytes]]] = {
    "nothing": [[], []],
    "the same again": [MANY, list(MANY)],
    "some have gone": [MANY, MANY[:100] + MANY[130:700] + MANY[701:]],
    "more have gone in a row than is looked ahead": [MANY, MANY[:5] + MANY[500:]],
    "the first and the last have gone": [MANY, MANY[1:-1]],
    "new ones at the end": [MANY[:900], MANY],
    "new ones in the middle": [MANY[:300] + MANY[310:], MANY],
    "all of them are new": [MANY[:500], MANY[500:]],
    "the order is turned round": [MANY, MANY[::-1]],
    "a key comes twice": [MANY, MANY[:200] + MANY[:200], MANY[100:300] + MANY[150:250]],
    "nothing in between": [MANY, [], MANY],
    "one key": [[b"a"], [b"b"], [b"a"]],
}


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
def test_a_key_always_has_the_code_of_its_first_coming(answers: list[list[bytes]]) -> None:
    codes, known = KeyCodes(), dict[bytes, int]()
    for keys in answers:
        expected = [known.setdefault(key, len(known)) for key in keys]
        assert codes.codes_of(keys).tolist() == expected
    assert (len(codes), codes.keys_from(0)) == (len(known), list(known))


@given(st.randoms(use_true_random=False), st.lists(st.tuples(st.floats(0, 0.3), st.integers(0, 40)), max_size=5))
def test_whatever_comes_and_goes_the_codes_are_those_of_a_dictionary(
    random: Random, changes: list[tuple[float, int]]
) -> None:
    codes, known = KeyCodes(), dict[bytes, int]()
    keys, made = list(MANY[:400]), 0
    for vanishing, coming in [(0.0, 0), *changes]:
        keys = [key for key in keys if random.random() >= vanishing]
        for _ in range(coming):
            keys.insert(random.randint(0, len(keys)), b"new-%d" % made)
            made += 1
        expected = [known.setdefault(key, len(known)) for key in keys]
        assert codes.codes_of(list(keys)).tolist() == expected


def test_new_keys_are_told_by_the_codes_that_they_got() -> None:
    codes = KeyCodes()
    codes.codes_of([b"a", b"b"])
    known = len(codes)
    codes.codes_of([b"a", b"c", b"b", b"d"])
    assert codes.keys_from(known) == [b"c", b"d"]


def test_what_is_forgotten_counts_from_0_again() -> None:
    codes = KeyCodes()
    codes.codes_of([b"a", b"b"])
    codes.forget()
    assert (len(codes), codes.codes_of([b"b", b"a"]).tolist()) == (0, [0, 1])
