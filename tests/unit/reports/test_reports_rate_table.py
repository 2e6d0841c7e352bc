import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
import yaml

from gpucost.model.money import E9
from gpucost.model.rates import Doubt, MissingRate, NodeRate, RateOrigin
from gpucost.reports.plain_text import plain
from gpucost.reports.rate_table import (
    RATE_COLUMNS,
    RatedNode,
    age_in_days,
    card_hour_e9,
    rates_csv,
    rates_json,
    rates_table,
    rates_yaml,
)

RATE = NodeRate(
    node="n1",
    hourly_e9=24 * E9,
    origin=RateOrigin.RATE_CARD,
    source="GpuRateCard contract/p4d",
    as_of="2026-10-01",
    terms="30.00 - 20 %",
    doubts=(
        Doubt(flag="power-missing", message="its power was not measured"),
        Doubt(flag="price-ignored", message="another price was ignored", is_estimate=False),
    ),
    gpu_fraction=0.5,
    gpu_fraction_terms="9 x 8 / (9 x 8 + 72)",
)
PRICED = RatedNode(
    name="n1",
    instance_type="p4d.24xlarge",
    region="us-east-1",
    capacity_type="on-demand",
    cards=8,
    rate=RATE,
    age_days=55,
)
UNPRICED = RatedNode(
    name="n2",
    instance_type="",
    region="",
    capacity_type="on-demand",
    cards=0,
    rate=MissingRate(node="n2", reason="Node n2: nothing matches it; add a GpuRateCard"),
    age_days=None,
)


def rows_of(*nodes: RatedNode) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(rates_json(nodes, "EUR"))
    return rows


def test_a_row_holds_the_exact_figures_and_where_they_come_from() -> None:
    assert rows_of(PRICED) == [
        {
            "node": "n1",
            "instanceType": "p4d.24xlarge",
            "region": "us-east-1",
            "capacityType": "on-demand",
            "gpus": 8,
            "hourlyRate": "24.000000000",
            "gpuFraction": "0.500000",
            "gpuHourPrice": "1.500000000",
            "currency": "EUR",
            "origin": "rate-card",
            "source": "GpuRateCard contract/p4d",
            "asOf": "2026-10-01",
            "ageDays": 55,
            "terms": "30.00 - 20 %; 9 x 8 / (9 x 8 + 72)",
            "flags": ["power-missing", "price-ignored"],
        }
    ]


def test_what_is_not_known_is_null_and_never_zero() -> None:
    (row,) = rows_of(UNPRICED)
    known = {"node": "n2", "capacityType": "on-demand", "currency": "EUR", "flags": ["no-rate"]}
    assert row == dict.fromkeys(RATE_COLUMNS) | known


def test_a_price_of_nothing_is_no_unknown() -> None:
    (row,) = rows_of(replace(PRICED, rate=replace(RATE, hourly_e9=0), age_days=0))
    assert (row["hourlyRate"], row["gpuHourPrice"], row["ageDays"]) == ("0.000000000", "0.000000000", 0)


def test_without_a_count_of_gpus_there_is_no_price_of_a_gpu_hour() -> None:
    (row,) = rows_of(replace(PRICED, cards=0))
    assert (row["hourlyRate"], row["gpus"], row["gpuHourPrice"]) == ("24.000000000", None, None)


def test_yaml_says_the_same_as_json() -> None:
    assert yaml.safe_load(rates_yaml([PRICED, UNPRICED], "EUR")) == rows_of(PRICED, UNPRICED)


def test_csv_says_the_same_with_empty_cells_for_what_is_not_known() -> None:
    first, second = csv.DictReader(io.StringIO(rates_csv([PRICED, UNPRICED], "EUR")))
    assert list(first) == list(RATE_COLUMNS)
    assert (first["gpus"], first["ageDays"], first["flags"]) == ("8", "55", "power-missing price-ignored")
    assert {second[key] for key in ("gpus", "hourlyRate", "gpuHourPrice", "ageDays", "source")} == {""}


def test_a_source_that_is_a_formula_runs_in_no_spreadsheet() -> None:
    hostile = replace(PRICED, rate=replace(RATE, source='=HYPERLINK("x")'))
    (row,) = csv.DictReader(io.StringIO(rates_csv([hostile], "EUR")))
    assert row["source"] == '\'=HYPERLINK("x")'


def test_a_table_is_rounded_and_shows_what_is_not_known_as_a_dash() -> None:
    header, first, second = rates_table([PRICED, UNPRICED], "EUR").splitlines()
    assert " ".join(header.split()) == "NODE INSTANCE-TYPE GPUS EUR/HOUR EUR/GPU-HOUR ORIGIN AGE FLAGS SOURCE"
    cells = "n1 p4d.24xlarge 8 24.0000 1.5000 rate-card 55d power-missing,price-ignored GpuRateCard contract/p4d"
    assert " ".join(first.split()) == cells
    assert second.split() == ["n2", "-", "-", "-", "-", "-", "-", "no-rate", "-"]


def test_a_wide_table_has_the_terms_and_the_whole_source() -> None:
    long = replace(PRICED, rate=replace(RATE, source="a contract " * 10))
    assert "a contract " * 9 not in rates_table([long], "EUR")
    assert "a contract " * 9 in rates_table([long], "EUR", wide=True)
    assert "30.00 - 20 %" in rates_table([long], "EUR", wide=True)


def test_no_nodes_are_no_table() -> None:
    assert rates_table([], "EUR") == ""


def test_a_terminal_obeys_nothing_that_a_card_says() -> None:
    hostile = replace(PRICED, rate=replace(RATE, source="con\x1b[2Jtract\nn9 free"))
    (_, line) = rates_table([hostile], "EUR", wide=True).splitlines()
    assert line.endswith("con?[2Jtract n9 free")


CARD_HOURS: Mapping[str, tuple[tuple[int, float, int], int]] = {
    "all of the node goes to its cards": ((10, 1.0, 2), 5),
    "a part of it does": ((10, 0.6, 2), 3),
    "half of the last digit is rounded up": ((5, 1.0, 2), 3),
    "less is rounded down": ((4, 1.0, 3), 1),
    "a part is rounded before it is divided, as the bill is": ((3, 0.5, 1), 2),
}


@pytest.mark.parametrize(("given", "price"), CARD_HOURS.values(), ids=CARD_HOURS)
def test_price_of_a_gpu_hour(given: tuple[int, float, int], price: int) -> None:
    assert card_hour_e9(*given) == price


AGES = {
    "days since the date": ("2026-11-01", 23),
    "of today": ("2026-11-24", 0),
    "of tomorrow": ("2026-11-25", 0),
    "without a date": ("", None),
    "of no date": ("last year", None),
}


@pytest.mark.parametrize(("as_of", "days"), AGES.values(), ids=AGES)
def test_age_of_a_price(as_of: str, days: int | None) -> None:
    assert age_in_days(as_of, date(2026, 11, 24)) == days


def test_long_text_is_cut_where_it_says_so() -> None:
    assert plain("abcdefgh", most=6) == "abc..."
    assert plain("abcdef", most=6) == "abcdef"
