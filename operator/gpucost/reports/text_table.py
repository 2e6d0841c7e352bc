"""Columns of text, laid out as kubectl does: left-aligned, three spaces between them, never narrower than six."""

from collections.abc import Sequence

_PADDING = 3
_LEAST_WIDTH = 6


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> str:
    """One line per row, each ended by a newline; the columns in ``right`` are right-aligned."""
    lines = [header, *rows]
    widths = [max(_LEAST_WIDTH - _PADDING, *(len(line[column]) for line in lines)) for column in range(len(header))]
    return "".join(_line(line, widths, right) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    last = len(cells) - 1
    padded = [
        cell.rjust(widths[column]) if column in right else cell if column == last else cell.ljust(widths[column])
        for column, cell in enumerate(cells)
    ]
    return (" " * _PADDING).join(padded) + "\n"
