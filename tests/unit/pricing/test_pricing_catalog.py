from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from importlib.resources import files
from itertools import permutations
from statistics import median
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gpucost.model.cards import split_product
from gpucost.model.errors import InputError
from gpucost.pricing.catalog import Catalog, ListPrice, ModelPrice, bundled_catalog, parse_catalog

READ_ON = date(2026, 11, 25)
"""When the prices were last looked through; none can be younger."""

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
    "H100": (3.9, 12.5),
    "H100 NVL": (6.5, 9.0),
    "H100 PCIe": (3.0, 4.0),
    "H200": (6.0, 10.5),
    "L4": (0.5, 3.5),
    "L40": (1.2, 1.3),
    "L40S": (1.8, 7.6),
    "RTX 6000": (0.6, 0.8),
    "RTX PRO 6000": (2.5, 5.6),
    "T4": (0.5, 4.4),
    "V100 16GB": (0.7, 3.1),
    "V100 32GB": (3.0, 4.0),
}
"""USD that a GPU of the model may cost on demand, host included; a price outside is a slip of the pen."""

CATALOG = bundled_catalog()


def raw_catalog() -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.safe_load(
        files("gpucost.pricing").joinpath("catalog.yaml").read_text(encoding="utf-8")
    )
    return content


def make_model(gpu: str, *products: str) -> ModelPrice:
    return ModelPrice(gpu=gpu, products=products, hourly_e9=1_000_000_000, source="a price list", date="2026-01-01")


def make_price(instance: str, day: str = "2026-01-01") -> ListPrice:
    return ListPrice(
        cloud="C", instance=instance, gpus=1, gpu="T4", hourly_e9=1, region="", source="a price list", date=day
    )


def gpu_of(catalog: Catalog, product: str) -> str | None:
    model = catalog.find_model(product)
    return model.gpu if model else None


@pytest.mark.parametrize("price", CATALOG.prices, ids=lambda price: price.instance)
def test_a_list_price_is_plausible_sourced_and_dated(price: ListPrice) -> None:
    low, high = PER_GPU_HOUR[price.gpu]
    assert low <= price.hourly_e9 / 1e9 / price.gpus <= high
    assert price.gpus in (1, 2, 4, 8, 16)
    assert all((price.cloud, price.instance, price.gpu))
    assert len(price.source) > 10
    assert 0 <= price.age_days(READ_ON) < 365


@pytest.mark.parametrize("model", CATALOG.models, ids=lambda model: model.gpu)
def test_a_model_costs_what_its_instances_do(model: ModelPrice) -> None:
    listed = [price for price in CATALOG.prices if price.gpu == model.gpu]
    per_gpu = [Fraction(price.hourly_e9, price.gpus) for price in listed]
    low, high = PER_GPU_HOUR[model.gpu]
    assert low <= model.hourly_e9 / 1e9 <= high
    assert model.hourly_e9 == round(median(per_gpu) / 100_000) * 100_000
    assert model.date == min(price.date for price in listed)
    prices = f"median of {len(listed)} prices" if len(listed) > 1 else "the one price"
    assert model.source == f"{prices} per GPU in the bundled list"


def test_every_gpu_has_a_price_of_its_model_and_the_other_way_round() -> None:
    models = [model.gpu for model in CATALOG.models]
    assert len(models) == len(set(models))
    assert set(models) == {price.gpu for price in CATALOG.prices} == set(PER_GPU_HOUR)


def test_the_instance_types_of_many_clouds_are_listed_once() -> None:
    assert {price.cloud for price in CATALOG.prices} == {
        "AWS",
        "Azure",
        "CoreWeave",
        "Google Cloud",
        "Lambda",
        "Oracle Cloud",
    }
    names = [price.instance.lower() for price in CATALOG.prices]
    assert len(names) == len(set(names)) > 110


def test_the_file_names_a_region_for_every_price_and_any_is_none() -> None:
    regions = {entry["region"] for entry in raw_catalog()["lists"]}
    assert regions == {"us-east-1", "us-central1", "eastus", "any"}
    assert {price.region for price in CATALOG.prices} == {"us-east-1", "us-central1", "eastus", ""}


def test_every_row_of_the_file_becomes_a_price() -> None:
    content = raw_catalog()
    assert len(CATALOG.prices) == sum(len(entry["instances"]) for entry in content["lists"])
    assert len(CATALOG.models) == len(content["models"])


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
    price = CATALOG.find([instance])
    assert price is not None
    assert (price.gpus, price.hourly_e9) == expected


def test_the_first_listed_name_counts_whatever_its_case() -> None:
    price = CATALOG.find(["unheard-of", "STANDARD_nc4as_t4_v3", "p5.48xlarge"])
    assert price is not None
    assert price.instance == "Standard_NC4as_T4_v3"
    assert CATALOG.find(["unheard-of"]) is None
    assert CATALOG.find([]) is None


def test_a_price_ages_by_days() -> None:
    assert make_price("a", "2026-11-25").age_days(READ_ON) == 0
    assert make_price("a", "2026-05-29").age_days(READ_ON) == 180


PRODUCTS = {
    "Tesla-T4": "T4",
    "Tesla-V100-SXM2-16GB": "V100 16GB",
    "Tesla-V100-PCIE-16GB": "V100 16GB",
    "Tesla-V100-SXM2-32GB": "V100 32GB",
    "Tesla-V100-SXM3-32GB": "V100 32GB",
    "Quadro-RTX-6000": "RTX 6000",
    "NVIDIA-A10": "A10",
    "NVIDIA-A10G": "A10G",
    "NVIDIA-A100-SXM4-40GB": "A100 40GB",
    "NVIDIA-A100-PCIE-40GB": "A100 40GB",
    "A100-SXM4-40GB": "A100 40GB",
    "NVIDIA-A100-SXM4-80GB": "A100 80GB",
    "NVIDIA-A100-80GB-PCIe": "A100 80GB",
    "A100-SXM4-80GB": "A100 80GB",
    "NVIDIA-L4": "L4",
    "NVIDIA-L40": "L40",
    "NVIDIA-L40S": "L40S",
    "NVIDIA-H100-80GB-HBM3": "H100",
    "NVIDIA-H100-PCIe": "H100 PCIe",
    "NVIDIA-H100-NVL": "H100 NVL",
    "NVIDIA-GH200-480GB": "GH200",
    "NVIDIA-H200": "H200",
    "NVIDIA-B200": "B200",
    "NVIDIA-GB200": "GB200",
    "NVIDIA-B300-SXM6-AC": "B300",
    "NVIDIA-GB300": "GB300",
    "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition": "RTX PRO 6000",
}
"""What GPU feature discovery really labels."""


@pytest.mark.parametrize(("product", "gpu"), PRODUCTS.items(), ids=PRODUCTS)
def test_a_product_is_of_its_model_whatever_its_case(product: str, gpu: str) -> None:
    assert gpu_of(CATALOG, product) == gpu
    assert gpu_of(CATALOG, product.upper()) == gpu
    assert gpu_of(CATALOG, split_product(f"{product}-SHARED")[0]) == gpu
    assert gpu_of(CATALOG, split_product(f"{product}-MIG-1g.10gb")[0]) == gpu


def test_every_model_is_found_by_a_real_product() -> None:
    assert set(PRODUCTS.values()) == {model.gpu for model in CATALOG.models}


NEAR_MISSES = {
    "nothing is labelled": "",
    "a maker is no product": "NVIDIA",
    "a model is no product": "T4",
    "an A100 of unknown memory": "NVIDIA-A100",
    "an A100 of another memory": "NVIDIA-A100-SXM-64GB",
    "an A100 on a network card": "NVIDIA-A100X",
    "a cut-down A100": "NVIDIA-A800-SXM4-80GB",
    "a part of an A100 in a virtual machine": "GRID-A100-40C",
    "a part of an A10 in a virtual machine": "NVIDIA-A10-24Q",
    "a V100S": "Tesla-V100S-PCIE-32GB",
    "an L40G": "NVIDIA-L40G",
    "an H100 of another memory": "NVIDIA-H100-64GB-HBM2",
    "an H200 NVL": "NVIDIA-H200-NVL",
    "an H20": "NVIDIA-H20",
    "a GH200 of another memory": "NVIDIA-GH200-144G-HBM3e",
    "a workstation's RTX PRO 6000": "NVIDIA-RTX-PRO-6000-Blackwell-Workstation-Edition",
    "an RTX 6000 of a later generation": "NVIDIA-RTX-6000-Ada-Generation",
    "another maker's": "AMD-Instinct-MI300X",
    "a pattern is no product": "*",
    "something else in front": "not-NVIDIA-L4",
    "a second line": "NVIDIA-L4\nNVIDIA-L4",
}


@pytest.mark.parametrize("product", NEAR_MISSES.values(), ids=NEAR_MISSES)
def test_a_near_miss_is_of_no_model(product: str) -> None:
    assert CATALOG.find_model(product) is None


EXCEPTIONS = {
    "a name is an exception to a pattern": (["A100-*", "A100-40GB"], "A100-40GB", 1),
    "so is a longer pattern": (["A*", "A100-*", "*"], "A100-80GB", 1),
    "so is one with fewer gaps": (["A*-*GB", "A*-GB", "A*GB"], "A100-GB", 1),
    "and the others keep the rest": (["A*-*GB", "A*-GB", "A*GB"], "A100-40GB", 0),
}


@pytest.mark.parametrize(("patterns", "product", "best"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_the_most_exact_pattern_counts_in_whatever_order(patterns: Sequence[str], product: str, best: int) -> None:
    models = [make_model(f"model {number}", pattern) for number, pattern in enumerate(patterns)]
    for order in permutations(models):
        assert gpu_of(Catalog([], models=order), product) == f"model {best}"


OVERLAPS = {
    "one pattern for two models": ("NVIDIA-L4", "NVIDIA-L4"),
    "but for its case": ("NVIDIA-A100-*", "nvidia-a100-*"),
    "a beginning and an end": ("NVIDIA-*", "*-40GB"),
    "two beginnings and two ends": ("NVIDIA-*-40GB", "NVIDIA-A100-*"),
    "gaps in different places": ("A*1*", "*A*1"),
}


@pytest.mark.parametrize(("one", "other"), OVERLAPS.values(), ids=OVERLAPS)
def test_two_models_that_a_product_could_be_of_are_refused(one: str, other: str) -> None:
    for first, second in ((one, other), (other, one)):
        with pytest.raises(InputError, match=r"GPU models X and Y overlap in the price catalog.*more exact"):
            Catalog([], models=[make_model("X", first), make_model("Y", second)])


PATTERN = st.text("ab*", min_size=1, max_size=5).filter(lambda text: "**" not in text)


@given(st.lists(PATTERN, min_size=2, max_size=3), st.text("ab", max_size=6))
def test_the_order_of_models_never_decides(patterns: list[str], product: str) -> None:
    models = [make_model(f"model {number}", pattern) for number, pattern in enumerate(patterns)]
    try:
        found = {gpu_of(Catalog([], models=order), product) for order in permutations(models)}
    except InputError:
        return
    assert len(found) == 1


def test_the_patterns_of_one_model_may_overlap() -> None:
    assert gpu_of(Catalog([], models=[make_model("X", "NVIDIA-*", "*-40GB")]), "NVIDIA-A100-40GB") == "X"


ONE_LIST = """
currency: USD
lists:
- {cloud: C, region: r, source: C price list, date: "2026-01-01", instances: [INSTANCES]}
models:
- {gpu: T4, products: [Tesla-T4], hourly: "1", source: a price list, date: "2026-01-01"}
"""
ROW = "{instance: a, gpus: 1, gpu: T4, hourly: '1'}"


def test_a_small_catalog_is_read() -> None:
    catalog = parse_catalog(ONE_LIST.replace("INSTANCES", ROW))
    assert catalog.prices == (
        ListPrice(
            cloud="C",
            instance="a",
            gpus=1,
            gpu="T4",
            hourly_e9=1_000_000_000,
            region="r",
            source="C price list",
            date="2026-01-01",
        ),
    )
    assert catalog.models == (make_model("T4", "Tesla-T4"),)
    assert catalog.currency == "USD"


BAD_ROWS = {
    "an instance twice": (f"{ROW}, {{instance: A, gpus: 1, gpu: T4, hourly: '2'}}", "Instance type A is listed twice"),
    "a price of nothing": ("{instance: a, gpus: 1, gpu: T4, hourly: '0'}", "hourly"),
    "a price that is no number": ("{instance: a, gpus: 1, gpu: T4, hourly: NaN}", "hourly"),
    "no GPU": ("{instance: a, gpus: 0, gpu: T4, hourly: '1'}", "gpus"),
    "a row without its GPU": ("{instance: a, gpus: 1, hourly: '1'}", "gpu is missing"),
    "a misspelt key": ("{instance: a, gpus: 1, gpu: T4, hourly: '1', spot: '1'}", "spot"),
    "no YAML": ("{", "price catalog cannot be understood"),
}


@pytest.mark.parametrize(("instances", "words"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_refused(instances: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_catalog(ONE_LIST.replace("INSTANCES", instances))


BAD_CATALOGS = {
    "a price without a day": ('date: "2026-01-01", instances', 'date: "", instances', "lists.0.date"),
    "a day that never was": (
        'date: "2026-01-01", instances',
        'date: "2026-02-30", instances',
        'lists.0.date "2026-02-30" is no day',
    ),
    "a price without a region": ("region: r", 'region: ""', "lists.0.region"),
    "a price without a source": ("source: C price list, ", "", "lists.0.source is missing"),
    "no models": ("models:", "model:", "models is missing"),
    "a model without products": ("[Tesla-T4]", "[]", "models.0.products"),
    "a pattern that fits everything twice": ("[Tesla-T4]", '["**"]', "models.0.products.0"),
    "a pattern of other letters": ("[Tesla-T4]", '["Tesla-[TV]4"]', "models.0.products.0"),
    "a model that costs nothing": ('hourly: "1"', 'hourly: "0"', "models.0.hourly"),
    "no currency": ("currency: USD", "currency: dollars", "currency"),
}


@pytest.mark.parametrize(("right", "wrong", "words"), BAD_CATALOGS.values(), ids=BAD_CATALOGS)
def test_a_bad_catalog_is_refused(right: str, wrong: str, words: str) -> None:
    text = ONE_LIST.replace("INSTANCES", ROW)
    assert right in text
    with pytest.raises(InputError, match=words):
        parse_catalog(text.replace(right, wrong))


def test_what_is_no_mapping_lacks_everything() -> None:
    with pytest.raises(InputError, match="currency is missing; lists is missing; models is missing"):
        parse_catalog("[]")


@pytest.mark.parametrize("text", ["", "[]", "prices", "- a", "\x00", "a: *b"])
def test_what_is_no_catalog_at_all_is_refused_with_the_fix(text: str) -> None:
    with pytest.raises(InputError, match=r"price catalog cannot be understood: .*; mend it, or install gpucost again"):
        parse_catalog(text)


def test_a_gpu_model_twice_is_refused() -> None:
    with pytest.raises(InputError, match="GPU model t4 is listed twice in the price catalog; keep one"):
        Catalog([], models=[make_model("T4", "Tesla-T4"), make_model("t4", "NVIDIA-T4")])


def test_an_instance_type_twice_is_refused_whatever_its_case() -> None:
    with pytest.raises(InputError, match="Instance type P4D is listed twice in the price catalog; keep one"):
        Catalog([make_price("p4d"), make_price("P4D")])
