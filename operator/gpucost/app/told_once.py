"""Sentences about many subjects, each kind told once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gpucost.reports.plain_text import plain

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one subject."""

    kind: str
    """A word: those of one kind are told once."""
    subject: str
    sentence: str
    """Names the subject; without a full stop."""


def told_once(remarks: Iterable[Remark]) -> list[str]:
    """A line for each kind: ``other-region: Node n1: ... (also n2, n3, n4 and 7 more)``."""
    return [f"{kind}: {sentence}" for kind, sentence in one_of_each(remarks).items()]


def one_of_each(remarks: Iterable[Remark]) -> dict[str, str]:
    """For each kind the sentence of the first, and whom the others are about."""
    of_kind: dict[str, list[Remark]] = {}
    for remark in remarks:
        of_kind.setdefault(remark.kind, []).append(remark)
    return {kind: _one_of(found) for kind, found in of_kind.items()}


def named(names: Sequence[str]) -> str:
    """``n1, n2, n3 and 7 more``."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return plain(", ".join(names[:_MOST_NAMED])) + more


def _one_of(remarks: Sequence[Remark]) -> str:
    first, *others = remarks
    also = [subject for subject in dict.fromkeys(other.subject for other in others) if subject != first.subject]
    return plain(first.sentence) + (f" (also {named(also)})" if also else "")
