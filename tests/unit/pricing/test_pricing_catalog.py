from importlib.resources import files

import pytest
import yaml

from gpucost.model.errors import InputError
from gpucost.pricing.catalog import ListPrice, bundled_catalog, parse_catalog

PER_GPU_HOUR = {
    "A10": (1.2, 2.1),
    "A100 40GB": (1.9, 3.8),
    "A100 80GB": (2.5, 5.1),
    "A10G": (1.0, 4.2),
    "B200": (6.0, 15.0),
    "B300": (14.0, 18.0),
    "GB200": (10.0, 17.0),
    "GB300": (17.0, 19.0),
    "GH200": (2.0, 7.0),
    "H100": (3.0, 12.5),
    "H100 NVL": (6.5, 9.0),
    "H200": (6.0, 10.5),
    "L4": (0.5, 3.5),
    "L40": (1.2, 1.3),
    "L40S": (1.8, 7.6),
    "RTX 6000": (0.6, 0.8),
    "RTX PRO 6000": (2.5, 5.6),
    "T4": (0.5, 4.4),
    "V100 16GB": (0.7, 3.1),
}
"""USD that a GPU of the model may cost on demand, host included; a price outside is a slip of the pen."""

ONE_LIST = """
currency: USD
lists:
- {cloud: C, region: r, source: C price list, date: "2026-01-01", instances: [INSTANCES]}
"""


def all_prices() -> list[ListPrice]:
    content = yaml.safe_load(files("gpucost.pricing").joinpath("catalog.yaml").read_text(encoding="utf-8"))
    names = [row["instance"] for entry in content["lists"] for row in entry["instances"]]
    return [price for name in names if (price := bundled_catalog().find([name]))]


PRICES = all_prices()


@pytest.mark.parametrize("price", PRICES, ids=lambda price: price.instance)
def test_a_list_price_is_plausible_and_sourced(price: ListPrice) -> None:
    low, high = PER_GPU_HOUR[price.gpu]
    assert low <= price.hourly_e9 / 1e9 / price.gpus <= high
    assert price.gpus in (1, 2, 4, 8, 16)
    assert len(price.source) > 10
    assert price.date == "" or "2026-01-01" <= price.date <= "2026-12-31"


def test_the_instance_types_of_many_clouds_are_listed() -> None:
    assert {price.cloud for price in PRICES} == {
        "AWS",
        "Azure",
        "CoreWeave",
        "Google Cloud",
        "Lambda",
        "Oracle Cloud",
    }
    assert len(PRICES) > 90


def test_every_model_with_a_plausible_price_is_listed() -> None:
    assert {price.gpu for price in PRICES} == set(PER_GPU_HOUR)


KNOWN = {
    "p4d.24xlarge": (8, 21_957_642_000),
    "p5.48xlarge": (8, 55_040_000_000),
    "Standard_ND96isr_H100_v5": (8, 98_320_000_000),
    "a2-highgpu-1g": (1, 3_673_390_000),
    "g6e.16xlarge": (1, 7_577_190_000),
    "gb200-4x": (4, 42_000_000_000),
}


@pytest.mark.parametrize(("instance", "expected"), KNOWN.items(), ids=KNOWN)
def test_an_instance_type_has_its_cards_and_its_price(instance: str, expected: tuple[int, int]) -> None:
    price = bundled_catalog().find([instance])
    assert price is not None
    assert (price.gpus, price.hourly_e9) == expected


def test_the_first_listed_name_counts_whatever_its_case() -> None:
    catalog = bundled_catalog()
    price = catalog.find(["unheard-of", "STANDARD_nc4as_t4_v3", "p5.48xlarge"])
    assert price is not None
    assert price.instance == "Standard_NC4as_T4_v3"
    assert catalog.find(["unheard-of"]) is None
    assert catalog.find([]) is None


BAD_CATALOGS = {
    "an instance twice": (
        "{instance: a, gpus: 1, gpu: T4, hourly: '1'}, {instance: A, gpus: 1, gpu: T4, hourly: '2'}",
        "Instance type A is listed twice",
    ),
    "a price of nothing": ("{instance: a, gpus: 1, gpu: T4, hourly: '0'}", "hourly"),
    "no GPU": ("{instance: a, gpus: 0, gpu: T4, hourly: '1'}", "gpus"),
    "a misspelt key": ("{instance: a, gpus: 1, gpu: T4, hourly: '1', spot: '1'}", "spot"),
    "no YAML": ("{", "price catalog cannot be understood"),
}


@pytest.mark.parametrize(("instances", "words"), BAD_CATALOGS.values(), ids=BAD_CATALOGS)
def test_a_bad_catalog_is_refused(instances: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_catalog(ONE_LIST.replace("INSTANCES", instances))
