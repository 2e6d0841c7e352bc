"""Sentences for people: on stderr, so that data on stdout stays data."""

import sys


def tell(sentence: str) -> None:
    print(sentence, file=sys.stderr)
