"""Answers that are too long, or drip, or end in pieces."""

import time

import pytest

from gpucost.model.answers import read_whole

SOON = 60.0


class Pieces:
    """As a response: comes back with what there is, a piece each time."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.asked: list[int] = []

    def read1(self, most: int) -> bytes:
        self.asked.append(most)
        return self._pieces.pop(0)[:most] if self._pieces else b""


def test_pieces_are_joined_until_there_are_none() -> None:
    assert read_whole(Pieces(b"ab", b"c").read1, most=10, deadline=time.monotonic() + SOON) == b"abc"


def test_one_byte_more_than_the_most_is_read_and_no_further_one() -> None:
    pieces = Pieces(b"ab", b"cde", b"f")
    assert read_whole(pieces.read1, most=3, deadline=time.monotonic() + SOON) == b"abcd"
    assert pieces.asked == [4, 2]


def test_room_is_made_for_a_piece_at_a_time() -> None:
    pieces = Pieces(b"a")
    read_whole(pieces.read1, most=2**28, deadline=time.monotonic() + SOON)
    assert max(pieces.asked) <= 2**20


def test_what_has_not_ended_in_time_is_an_error() -> None:
    with pytest.raises(TimeoutError, match="had not come to an end in time"):
        read_whole(Pieces(b"a", b"b").read1, most=10, deadline=time.monotonic() - 1)
