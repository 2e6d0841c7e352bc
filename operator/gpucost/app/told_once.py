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
    cause: str = ""
    """Where those of one kind have several, they are told once for each."""


def told_once(remarks: Iterable[Remark]) -> list[str]:
    """A line for each kind and cause: ``other-region: Node n1: ... (also n2, n3, n4 and 7 more)``."""
    return [f"{kind}: {sentence}" for kind, sentence in one_of_each(remarks)]


def one_of_each(remarks: Iterable[Remark]) -> list[tuple[str, str]]:
    """For each kind and cause the kind, and the sentence of the first with whom the others are about."""
    alike: dict[tuple[str, str], list[Remark]] = {}
    for remark in remarks:
        alike.setdefault((remark.kind, remark.cause), []).append(remark)
    return [(kind, _one_of(found)) for (kind, _), found in alike.items()]


def named(names: Sequence[str]) -> str:
    """``n1, n2, n3 and 7 more``."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return plain(", ".join(names[:_MOST_NAMED])) + more


def _one_of(remarks: Sequence[Remark]) -> str:
    first, *others = remarks
    also = [subject for subject in dict.fromkeys(other.subject for other in others) if subject != first.subject]
    return plain(first.sentence) + (f" (also {named(also)})" if also else "")
