"""The reference says what ``gpucost rates`` and ``gpucost doctor`` print."""

import re
from pathlib import Path

import pytest

from gpucost import pricing
from gpucost.model.rates import CARDS_ESTIMATED
from gpucost.reports.bill_difference import DIFFERENCE_COLUMNS, PARTS
from gpucost.reports.catalog_table import CATALOG_COLUMNS
from gpucost.reports.findings import Health
from gpucost.reports.rate_table import NO_RATE, RATE_COLUMNS

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text()
FLAG = r'(?:\bflag=|^[A-Z_]+ = )"([a-z]+(?:-[a-z]+)+)"'
"""As the sources of a rate write it: in a doubt, or as a constant."""


def first_column(header: str) -> tuple[str, ...]:
    """Words of the table with this header."""
    table = TEXT[TEXT.index(header) :].partition("\n\n")[0]
    return tuple(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE))


TABLES = {
    "fields of rates": ("| field |", RATE_COLUMNS),
    "fields of the bundled list": ("| field of the list |", CATALOG_COLUMNS),
    "states of a finding": ("| status |", tuple(Health)),
}


@pytest.mark.parametrize(("header", "words"), TABLES.values(), ids=TABLES)
def test_a_table_has_all_in_their_order(header: str, words: tuple[str, ...]) -> None:
    assert first_column(header) == words


def test_every_flag_of_a_rate_is_explained_and_no_other() -> None:
    sources = [path.read_text() for path in Path(str(pricing.__file__)).parent.glob("*.py")]
    flags = {flag for source in sources for flag in re.findall(FLAG, source, re.MULTILINE)}
    assert set(first_column("| flag of a rate |")) == flags | {CARDS_ESTIMATED, NO_RATE}


def test_every_amount_of_a_what_if_is_named() -> None:
    named = TEXT[TEXT.index("### What `--what-if` prints") :].partition("\n## ")[0]
    assert [name for name in (*DIFFERENCE_COLUMNS, *PARTS.values()) if f"`{name}`" not in named] == []
