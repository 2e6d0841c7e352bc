"""Rows of holders as columns."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from gpucost.model.holdings import Holder
from gpucost.model.usage import Indices


@dataclass(frozen=True, kw_only=True)
class HolderRows:
    """Axis: e rows. The columns of a subclass are arrays (e,)."""

    holders: tuple[Holder, ...]

    def at(self, rows: Indices) -> Self:
        """These rows only."""
        columns = {name: getattr(self, name)[rows] for name in self._columns()}
        return type(self)(holders=tuple(self.holders[row] for row in rows.tolist()), **columns)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Rows of each part after those of the one before it."""
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in cls._columns()
        }
        return cls(holders=tuple(holder for part in parts for holder in part.holders), **columns)

    @classmethod
    def _columns(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls) if field.name != "holders")
