"""Cards as anybody may write them: what is bad becomes a sentence, and the others stay."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucost.model.errors import ConfigurationError, InputError
from gpucost.model.rates import NodeRate
from gpucost.pricing.assess import assess
from gpucost.pricing.card_schema import load_rate_cards
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.pricing.rules import PriceRules
from tests.unit.pricing.priced_nodes import AT, COUNT, hourly, make_card, make_node

RULES = PriceRules()
NODE = make_node("p4d.24xlarge", {COUNT: "8"})
OWNED: dict[str, Any] = {"purchase": "420000", "lifetimeHours": 43800}
COMMITMENT: dict[str, Any] = {"upfront": "100000", "termHours": 8760}
Rate = dict[str, Any]

AN_HOURLY = "is not a number from 0 to 1000000 with at most nine decimals; write it such as"
BAD_RATES: dict[str, tuple[Rate, str]] = {
    "no number": ({"nodeHourly": "abc"}, f'nodeHourly "abc" {AN_HOURLY} "2.50"'),
    "negative": ({"nodeHourly": "-1"}, f'nodeHourly "-1" {AN_HOURLY}'),
    "NaN": ({"nodeHourly": "NaN"}, f'nodeHourly "NaN" {AN_HOURLY}'),
    "nothing at all": ({"gpuHourly": ""}, f'gpuHourly "" {AN_HOURLY}'),
    "endless": ({"nodeHourly": float("inf")}, f'nodeHourly "inf" {AN_HOURLY}'),
    "beyond all prices": ({"nodeHourly": "1e400"}, f'nodeHourly "1e400" {AN_HOURLY}'),
    "too fine": ({"nodeHourly": "0.0000000001"}, AN_HOURLY),
    "in other digits": ({"nodeHourly": "٣"}, AN_HOURLY),
    "with a comma": ({"nodeHourly": "2,50"}, AN_HOURLY),
    "with a sign of its currency": ({"nodeHourly": "$2.50"}, AN_HOURLY),
    "with spaces": ({"nodeHourly": " 2.50 "}, AN_HOURLY),
    "with an end of line": ({"nodeHourly": "2.50\n"}, f'nodeHourly "2.50 " {AN_HOURLY}'),
    "a truth": ({"nodeHourly": True}, AN_HOURLY),
    "a list": ({"nodeHourly": ["1"]}, f"nodeHourly {AN_HOURLY}"),
    "an integer that Python does not spell out": (
        {"nodeHourly": 1 << 99999},
        "nodeHourly a number of many digits is not",
    ),
    "no price": ({}, "it must have exactly one of nodeHourly, gpuHourly, commitment, owned"),
    "two prices": ({"nodeHourly": "1", "gpuHourly": "1"}, "it must have exactly one of nodeHourly"),
    "a price beside a commitment": ({"nodeHourly": "1", "commitment": COMMITMENT}, "it must have exactly one of"),
    "a commitment beside owned": ({"owned": OWNED, "commitment": COMMITMENT}, "it must have exactly one of"),
    "a commitment without a payment": ({"commitment": {"termHours": 1}}, "commitment.upfront is missing"),
    "a commitment without a term": ({"commitment": {"upfront": "1"}}, "commitment.termHours is missing"),
    "a term of no time": ({"commitment": COMMITMENT | {"termHours": 0}}, 'commitment.termHours "0"'),
    "a term in quotes": (
        {"commitment": COMMITMENT | {"termHours": "8760"}},
        'commitment.termHours "8760" is no whole number; write it without quotes',
    ),
    "a term of half hours": ({"commitment": COMMITMENT | {"termHours": 0.5}}, 'commitment.termHours "0.5"'),
    "a term that is NaN": ({"commitment": COMMITMENT | {"termHours": float("nan")}}, 'commitment.termHours "nan"'),
    "a term that is a truth": ({"commitment": COMMITMENT | {"termHours": True}}, "commitment.termHours"),
    "a term of ages": ({"commitment": COMMITMENT | {"termHours": 1_000_001}}, "commitment.termHours"),
    "a payment below nothing": (
        {"commitment": COMMITMENT | {"upfront": "-1"}},
        'commitment.upfront "-1" is not a number from 0 to 1000000000 with at most nine decimals',
    ),
    "a commitment that is a number": ({"commitment": 7}, 'commitment "7" must hold keys, such as upfront'),
    "a misspelt key of a commitment": (
        {"commitment": COMMITMENT | {"term": 1}},
        'commitment.term "1" is an unknown key',
    ),
    "a commitment beyond all prices": (
        {"commitment": {"upfront": "1000000000", "termHours": 999}},
        "it comes to more than 1000000 an hour (1000000000 / 999 h); mend its price",
    ),
    "a life of no time": ({"owned": OWNED | {"lifetimeHours": 0}}, "owned.lifetimeHours"),
    "a site that draws less than its machines": (
        {"owned": OWNED | {"pue": "0.9"}},
        'owned.pue "0.9" is not a number from 1 to 10',
    ),
    "power below nothing": ({"owned": OWNED | {"powerPricePerKWh": "-0.1"}}, "owned.powerPricePerKWh"),
    "the power's price misspelt": ({"owned": OWNED | {"powerPricePerKwh": "1"}}, "is an unknown key"),
    "owned with a discount": ({"owned": OWNED, "discountPercent": "5"}, "owned has no discount"),
    "a misspelt key": ({"nodeHourly": "1", "discountPercnt": "5"}, 'discountPercnt "5" is an unknown key'),
    "a misspelt match": ({"nodeHourly": "1", "match": {"instance": "x"}}, 'match.instance "x" is an unknown key'),
    "a match of nothing": ({"nodeHourly": "1", "match": None}, "match must hold keys, such as instanceType"),
    "too much discount": ({"nodeHourly": "1", "discountPercent": "101"}, "discountPercent"),
    "a fraction above one": ({"nodeHourly": "1", "gpuFraction": "1.1"}, "gpuFraction"),
    "a fraction in words": (
        {"nodeHourly": "1", "gpuFraction": "half"},
        'gpuFraction "half" is not a number from 0 to 1 or one of all, aws-split, opencost-ratio, residual',
    ),
    "a priority in quotes": ({"nodeHourly": "1", "priority": "9"}, 'priority "9" is no whole number'),
    "an unknown capacity type": ({"nodeHourly": "1", "match": {"capacityType": "cheap"}}, "match.capacityType"),
    "a day instead of a time": ({"nodeHourly": "1", "validFrom": "2026-11-24"}, "no time with a zone"),
    "a day that is none": ({"nodeHourly": "1", "validFrom": "2026-13-41T00:00:00Z"}, "no time with a zone"),
    "a time without its zone": ({"nodeHourly": "1", "validFrom": "2026-11-24T00:00:00"}, "no time with a zone"),
    "a time in other digits": ({"nodeHourly": "1", "validFrom": "٢٠٢٦-11-24T00:00:00Z"}, "no time with a zone"),
    "a time before all others": ({"nodeHourly": "1", "validFrom": "0001-01-01T00:00:00+01:00"}, "no time with a zone"),
    "an end before the start": (
        {"nodeHourly": "1", "validFrom": "2026-02-01T00:00:00Z", "validUntil": "2026-02-01T01:00:00+01:00"},
        "validUntil must be after validFrom",
    ),
    "an end before the start of its card": (
        {"nodeHourly": "1", "validUntil": "2026-01-01T00:00:00Z"},
        "it never counts, with validFrom 2026-02-01T00:00:00Z and validUntil 2026-01-01T00:00:00Z of rate and card",
    ),
    "no text for a name": ({"name": ["x"], "nodeHourly": "1"}, "name is no text"),
    "a number for a label": ({"nodeHourly": "1", "match": {"nodeLabels": {"tier": 1}}}, "match.nodeLabels.tier"),
}


@pytest.mark.parametrize(("rate", "words"), BAD_RATES.values(), ids=BAD_RATES)
def test_a_bad_rate_is_told_and_takes_no_good_one_down(rate: Rate, words: str) -> None:
    card = make_card("c", rate, {"nodeHourly": "5"}, validFrom="2026-02-01T00:00:00Z")
    parsed = parse_rate_cards([card, make_card("d")], RULES)
    (problem,) = parsed.problems
    assert problem.startswith("GpuRateCard c/")
    assert words in problem
    assert "\n" not in problem
    assert hourly(parsed.rate_of(NODE, AT)) == "5"


def test_of_two_rates_with_one_name_the_second_is_told_since_nobody_could_tell_which_priced_a_node() -> None:
    broken = {"name": "p4d", "nodeHourly": "abc"}
    rates = [{"name": "p4d", "nodeHourly": price} for price in ("5", "6")]
    parsed = parse_rate_cards([make_card("c", broken, *rates), make_card("d", rates[1], priority=-1)], RULES)
    assert parsed.problems[1:] == (
        "GpuRateCard c/p4d is not used: a rate before it has the same name; give it one of its own",
    )
    assert [rate.name for rate in parsed.rates] == ["c/p4d", "d/p4d"]
    assert hourly(parsed.rate_of(NODE, AT)) == "5"


def test_a_price_that_is_too_high_only_when_converted_is_told_with_the_conversion() -> None:
    rules = PriceRules(currency="VND", exchange_rates={"USD": Decimal(25_000)})
    (problem,) = parse_rate_cards([make_card("c", {"nodeHourly": "98.32"}, currency="USD")], rules).problems
    assert "more than 1000000 an hour (98.32 x 25000)" in problem


EURO = "its currency is EUR and gpucost is set to USD; convert its rates, or declare in exchangeRates what one EUR is"
BAD_CARDS: dict[str, tuple[object, str]] = {
    "no object": ("card", 'GpuRateCard number 1 is not used: "card" must hold keys, such as metadata'),
    "no name": ({"metadata": {}, "spec": {"rates": []}}, "metadata.name is missing"),
    "metadata that are none": ({"metadata": None, "spec": {"rates": []}}, "metadata must hold keys, such as name"),
    "no spec": ({"metadata": {"name": "c"}}, "GpuRateCard c is not used: spec is missing"),
    "a spec that is none": ({"metadata": {"name": "c"}, "spec": []}, "spec must hold keys, such as rates"),
    "no rates": ({"metadata": {"name": "c"}, "spec": {}}, "spec.rates is missing"),
    "rates that are no list": ({"metadata": {"name": "c"}, "spec": {"rates": "x"}}, 'spec.rates "x" is no list'),
    "an unknown key": (make_card("c", until="x"), 'spec.until "x" is an unknown key'),
    "a currency of small letters": (make_card("c", {"nodeHourly": "1"}, currency="usd"), "spec.currency"),
    "another currency": (make_card("c", {"nodeHourly": "1"}, currency="EUR"), f"GpuRateCard c is not used: {EURO}"),
    "an end before its start": (
        make_card("c", validFrom="2026-02-01T00:00:00Z", validUntil="2026-01-01T00:00:00Z"),
        "spec validUntil must be after validFrom",
    ),
    "too many rates": (make_card("c", *[{"nodeHourly": "1"}] * 1001), "spec.rates"),
    "a discount that is none": (make_card("c", {"nodeHourly": "1"}, discountPercent="some"), "spec.discountPercent"),
}


@pytest.mark.parametrize(("card", "words"), BAD_CARDS.values(), ids=BAD_CARDS)
def test_a_bad_card_is_told_and_takes_no_good_one_down(card: object, words: str) -> None:
    parsed = parse_rate_cards([card, make_card("good", {"nodeHourly": "5"})], RULES)
    (problem,) = parsed.problems
    assert words in problem
    assert hourly(parsed.rate_of(NODE, AT)) == "5"


def test_texts_of_a_card_are_cut_and_kept_on_one_line() -> None:
    wild = "a\nb\x1b[31m" + "c" * 10_000
    card = make_card(wild, {"name": wild, "nodeHourly": wild}, {wild: 1}, {"name": [["x"] * 1000] * 1000})
    parsed = parse_rate_cards([card, make_card("d", {"nodeHourly": "5"}, source="x\ny")], RULES)
    assert parsed.problems
    assert all(problem.isprintable() and len(problem) < 1000 for problem in parsed.problems)
    rate = parsed.rate_of(NODE, AT)
    assert isinstance(rate, NodeRate)
    assert rate.source == "GpuRateCard d/r0 (x y)"


LOOP: list[Any] = []
LOOP.append(LOOP)
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.binary(max_size=4)
    | st.datetimes()
    | st.sampled_from(["1e999999999", "9" * 5000, "NaN", "-0", "1_0", "٣", "0x10", "2026-01-01T00:00:00Z"])
    | st.integers(-1, 1).map(lambda sign: sign << 99_999)  # more digits than Python spells out
    | st.just(LOOP),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        *("name", "match", "nodeHourly", "gpuHourly", "commitment", "owned", "priority", "validFrom", "validUntil"),
        *("discountPercent", "gpuFraction", "source", "currency", "rates", "upfront", "termHours", "purchase"),
    ]
)
SPECS = st.dictionaries(KEYS, ODD, max_size=4)


@settings(deadline=None)  # a busy machine is no failure
@given(spec=SPECS | ODD, rate=SPECS | ODD, metadata=ODD)
def test_whatever_stands_in_a_card_is_read_or_told(spec: Any, rate: Any, metadata: Any) -> None:
    cards = [
        {"metadata": metadata, "spec": spec},
        {"metadata": {"name": "c", "creationTimestamp": metadata, "generation": metadata}, "spec": {"rates": [rate]}},
        {"metadata": {"name": "d"}, "spec": {"rates": [{"name": "r", "nodeHourly": "1"} | rate]}}
        if isinstance(rate, dict)
        else rate,
    ]
    verdicts = assess(cards, [NODE], AT, RULES)
    for verdict in verdicts:
        assert all(len(problem) < 1000 and "\n" not in problem for problem in verdict.problems)
    parsed = parse_rate_cards(cards, RULES)
    assert all(isinstance(parsed.rate_of(NODE, AT), NodeRate) for _ in parsed.rates[:1] if parsed.match(NODE, AT))


CARD_TEXT = """
apiVersion: gpucost.io/v1alpha1
kind: GpuRateCard
metadata: {name: NAME}
spec:
  validFrom: 2026-01-01T00:00:00Z
  rates:
  - {name: all, nodeHourly: 2.50}
"""
FILES: dict[str, tuple[str, list[str]]] = {
    "one document": (CARD_TEXT.replace("NAME", "a"), ["a"]),
    "several documents": (
        CARD_TEXT.replace("NAME", "a") + "---" + CARD_TEXT.replace("NAME", "b") + "---\n",
        ["a", "b"],
    ),
    "a list": (
        '{"kind": "List", "items": [{"kind": "GpuRateCard", "metadata": {"name": "a"},'
        ' "spec": {"rates": [{"name": "all", "nodeHourly": "2.5"}]}}]}',
        ["a"],
    ),
}


@pytest.mark.parametrize(("text", "names"), FILES.values(), ids=FILES)
def test_a_file_holds_cards_as_the_api_does(tmp_path: Path, text: str, names: list[str]) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(text)
    parsed = parse_rate_cards(load_rate_cards(path), RULES)
    assert parsed.problems == ()
    assert [rate.name for rate in parsed.rates] == [f"{name}/all" for name in names]
    assert hourly(parsed.rate_of(NODE, AT)) == "2.5"


BAD_FILES = {
    "no YAML": ("{", r"rates\.yaml is no YAML"),
    "a time that is none": ("when: 2026-13-41T00:00:00Z", r"rates\.yaml (is no YAML|holds an object)"),
    "a number that is none": ("!!int ''", r"rates\.yaml is no YAML"),
    "a truth that is none": ("!!bool maybe", r"rates\.yaml is no YAML"),
    "a moment that is none": ("!!timestamp soon", r"rates\.yaml is no YAML"),
    "a number of too many digits": ("9" * 5000, r"rates\.yaml is no YAML"),
    "too many lists in one another": ("[" * 5000, r"rates\.yaml is no YAML"),
    "another kind": ("kind: Pod", "object of kind Pod; it must hold GpuRateCards only"),
    "a kind that is no text": ("kind: &a [*a, *a]", "object of kind dict"),
    "a list of another kind": ("kind: List\nitems: [{kind: Node}]", "object of kind Node"),
    "a text": ("hello", "object of kind str"),
    "a binary": ("\x00\x01", "is no YAML"),
    "nothing": ("", "holds no GpuRateCard"),
    "an empty list": ("kind: List\nitems: []", "holds no GpuRateCard"),
    "a list of no items": ("kind: List", "holds no GpuRateCard"),
    "a list whose items are none": ("kind: List\nitems: 5", "holds no GpuRateCard"),
}


@pytest.mark.parametrize(("text", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        load_rate_cards(path)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.yaml cannot be read: No such file"):
        load_rate_cards(tmp_path / "gone.yaml")


@settings(deadline=None)  # a busy machine is no failure
@given(number=st.floats(allow_nan=False) | st.integers())
def test_a_number_of_yaml_counts_as_it_is_written(number: float) -> None:
    text = yaml.safe_dump({"nodeHourly": number})
    card = make_card("c", yaml.safe_load(text))
    parsed = parse_rate_cards([card], RULES)
    for rate in parsed.rates:
        assert float(rate.unit.amount) == number
        assert 0 <= number <= 1_000_000
