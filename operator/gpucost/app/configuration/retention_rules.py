"""How long reports are kept."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRules:
    """How long reports are kept, and how much all of them together may be."""

    days: int = 35
    """How many days after its end a Day is kept."""
    months: int = 13
    """How many months are kept beside the one that is not over."""
    objects: int = 20_000
    megabytes: int = 300
