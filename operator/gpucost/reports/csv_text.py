"""CSV that a spreadsheet opens without running anything in it."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

Cell = str | bool | Sequence[str] | None

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_LINE_ENDS = re.compile(r"[\r\n]+")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Every row is one line; unknown is an empty cell; several words stand in one cell with spaces between them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else " ".join(value)
    if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    return _LINE_ENDS.sub(" ", text)
