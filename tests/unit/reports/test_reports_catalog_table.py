import csv
import io
import json

import yaml

from gpucost.model.money import E9
from gpucost.reports.catalog_table import (
    CATALOG_COLUMNS,
    Listed,
    catalog_csv,
    catalog_json,
    catalog_table,
    catalog_yaml,
)

PRICES = (
    Listed(
        cloud="AWS",
        instance="p4d.24xlarge",
        gpus=8,
        gpu="A100 40GB",
        hourly_e9=20 * E9,
        region="us-east-1",
        source="AWS price list",
        date="2026-09-25",
    ),
    Listed(gpu="H100", products=("NVIDIA-H100*", "H100*"), hourly_e9=4 * E9, source="median", date="2026-09-01"),
)


def test_every_price_has_a_row_with_its_source_and_date() -> None:
    instance, model = json.loads(catalog_json(PRICES, "USD"))
    assert tuple(instance) == tuple(model) == CATALOG_COLUMNS
    assert (instance["kind"], instance["hourlyRate"], instance["gpuHourPrice"]) == (
        "instance",
        "20.000000000",
        "2.500000000",
    )
    assert (model["kind"], model["hourlyRate"], model["gpuHourPrice"]) == ("gpu-model", None, "4.000000000")
    assert model["products"] == ["NVIDIA-H100*", "H100*"]
    assert [row["date"] for row in (instance, model)] == ["2026-09-25", "2026-09-01"]


def test_yaml_and_csv_say_the_same_as_json() -> None:
    rows = json.loads(catalog_json(PRICES, "USD"))
    assert yaml.safe_load(catalog_yaml(PRICES, "USD")) == rows
    instance, model = csv.DictReader(io.StringIO(catalog_csv(PRICES, "USD")))
    assert (instance["gpus"], instance["products"], model["gpus"], model["products"]) == (
        "8",
        "",
        "",
        "NVIDIA-H100* H100*",
    )


def test_a_table_has_a_line_for_each() -> None:
    header, instance, model = catalog_table(PRICES, "USD").splitlines()
    assert "USD/GPU-HOUR" in header
    assert instance.split()[:2] == ["AWS", "p4d.24xlarge"]
    assert model.split()[:4] == ["-", "-", "-", "H100"]
