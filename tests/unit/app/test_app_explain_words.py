"""What an explanation says in words, and of what it says it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from math import nan

import pytest

from gpucost.app.explaining.explain import Explainer
from gpucost.model.errors import ConfigurationError
from gpucost.model.fleet import Pod
from gpucost.model.holdings import Note, WindowHoldings
from gpucost.model.policies import Policy, UsedRatio
from gpucost.model.rates import Doubt, MissingRate
from tests.unit.app.explained_pods import (
    A100,
    CARD,
    MORNING,
    SLICE,
    START,
    line_of,
    make_cluster,
    make_explainer,
    make_holder,
    make_pod,
    make_rate,
    make_usage,
    make_window,
    tell_of,
    text_of,
    told_of,
    wrong_products_of,
)


def test_the_worked_example_of_the_documentation_is_explained_as_it_is_there() -> None:
    text = text_of(make_window(make_holder(SLICE), slice_share=0.5, held=0.6))
    lines = [
        ("rate", "21.957642000 USD an hour for node n1, from contract (2026-09-25)"),
        ("node bill", "21.957642000 x 0.083333333 h = 1.829803500 USD"),
        ("cards", "8 physical, the most that anybody counts: price list 8"),
        ("card-hour", "21.957642000 / 8 = 2.744705250 USD"),
        (
            "device",
            f"MIG 3g.20gb of {A100}, mig: compute 3/7, memory 4/8; the larger part: 0.500000000 of its card",
        ),
        ("held", "0.050000000 h"),
        ("measured", "0.050000000 h, 100.0% of the held time"),
        ("ratios", "memory 0.600000, compute 0.450000, in the mean while held"),
        ("used ratio", "0.600000000: the larger of the two (max), decided by memory in 1 window"),
        ("reserved", "0.500000000 x 0.050000000 h = 0.025000000 card-hours"),
        ("used", "0.500000000 x 0.050000000 h x 0.600000000 = 0.015000000 card-hours"),
        ("charged", "0.025000000 card-hours: the larger of reserved and used"),
        (
            "cost",
            "0.025000000 x 2.744705250 = 0.068617631 USD: used 0.041170579, idle 0.027447052,"
            " of unknown use 0.000000000",
        ),
    ]
    assert [(about, line_of(text, about)) for about, _ in lines] == lines


POLICIES = {
    "memory": (Policy(used_ratio=UsedRatio.MEMORY), 0.6, 0.45, "the memory ratio (memory), decided by memory"),
    "compute": (Policy(used_ratio=UsedRatio.COMPUTE), 0.6, 0.45, "the compute ratio (compute), decided by compute"),
    "mean": (Policy(used_ratio=UsedRatio.MEAN), 0.6, 0.45, "the mean of the two (mean), decided by both"),
    "weighted": (
        Policy(used_ratio=UsedRatio.WEIGHTED, memory_weight=0.25),
        0.6,
        0.45,
        "0.25 of the memory ratio and 0.75 of the compute ratio (weighted), decided by both",
    ),
    "one that is not measured leaves the other": (
        Policy(),
        nan,
        0.45,
        "the larger of the two (max), decided by compute",
    ),
    "the larger": (Policy(), 0.2, 0.45, "the larger of the two (max), decided by compute"),
}


@pytest.mark.parametrize(("policy", "memory", "compute", "words"), POLICIES.values(), ids=POLICIES)
def test_the_policy_of_the_used_ratio_is_told(policy: Policy, memory: float, compute: float, words: str) -> None:
    text = text_of(make_window(make_holder(CARD), memory=memory, compute=compute), policy)
    assert line_of(text, "used ratio").endswith(f": {words} in 1 window")
    assert wrong_products_of(text) == []


POOL_OF_GUESSED = replace(SLICE, uuid="", gpu_instance_id="", model="NVIDIA Z9")
GUESSED = replace(SLICE, model="NVIDIA Z9", profile="3g.20gb")
POOL = replace(CARD, uuid="")
SEEN_NEVER = {"seen": 0.0, "memory": nan, "compute": nan}
WORDS: dict[str, tuple[Callable[[], WindowHoldings], str, str]] = {
    "instances that were scaled": (
        lambda: make_window(make_holder(SLICE), slice_share=0.4),
        "scaled",
        "to 0.400000000, since the instances of its card add up to more than the card",
    ),
    "devices of which nobody knows which one was held": (
        lambda: make_window(make_holder(POOL), slice_share=3.0, slots=0.25),
        "pool",
        "which of such devices it was is not known: together they are 3.000000000 cards",
    ),
    "slots": (
        lambda: make_window(make_holder(CARD), slots=0.25),
        "slots",
        "0.250000000 of the slots of the device",
    ),
    "slots of several devices": (
        lambda: make_window(make_holder(POOL), slice_share=3.0, slots=0.25),
        "slots",
        "0.250000000 of the slots of the pool",
    ),
    "a slot that used more than it reserved": (
        lambda: make_window(make_holder(CARD), slots=0.25),
        "charged",
        "0.050000000 card-hours: the larger of reserved and used",
    ),
    "a profile that nobody knows": (
        lambda: make_window(make_holder(GUESSED, flags=("unknown-profile",)), slice_share=3 / 7),
        "device",
        "MIG 3g.20gb of NVIDIA Z9, mig: its slices are not known, so its share is an estimate: 0.428571429 of its card",
    ),
    "devices of a profile that nobody knows, of which nobody knows which one was held": (
        lambda: make_window(make_holder(POOL_OF_GUESSED), slice_share=6 / 7, slots=0.25),
        "pool",
        "which of such devices it was is not known: together they are 0.857142857 cards",
    ),
    "a flag, in a sentence": (
        lambda: make_window(make_holder(GUESSED, flags=("unknown-profile",)), slice_share=3 / 7),
        "note",
        "unknown-profile: the MIG profile is not in the table for this GPU, so its share is estimated from its memory"
        " or its name",
    ),
    "a flag that nobody wrote down": (
        lambda: make_window(make_holder(CARD, flags=("odd",))),
        "note",
        "odd",
    ),
    "a use that was never measured": (
        lambda: make_window(make_holder(CARD), **SEEN_NEVER),
        "used ratio",
        "unknown: use was not measured, which is not zero",
    ),
    "a holder that no series names": (
        lambda: make_window(make_holder(CARD, flags=("not-in-telemetry",)), **SEEN_NEVER),
        "held",
        "0.083333333 h: timed by the API, since no series names it",
    ),
    "a charge without a use": (
        lambda: make_window(make_holder(CARD), **SEEN_NEVER),
        "charged",
        "0.083333333 card-hours: what is reserved",
    ),
    "a use that was measured for a part": (
        lambda: make_window(make_holder(CARD), seen=0.5),
        "charged",
        "0.083333333 card-hours: the larger of reserved and used while measured, what is reserved for the rest",
    ),
    "a node without a rate": (
        lambda: make_window(make_holder(CARD), rate=MissingRate(node="n1", reason="Node n1 has no rate; annotate it")),
        "rate",
        "none for node n1, so there is no cost: Node n1 has no rate; annotate it",
    ),
    "a node with more cards than its type": (
        lambda: make_window(make_holder(CARD), cards=9),
        "cards",
        "9 physical, the most that anybody counts: telemetry 9, price list 8",
    ),
    "a node whose cards nobody counts": (
        lambda: make_window(make_holder(CARD), cards=2, notes=(Note("CardCountEstimated", "x", "n1", "y"),)),
        "cards",
        "2 physical, as the node's capacity suggests: nobody counts them",
    ),
    "claims that did not fit": (
        lambda: make_window(*[make_holder(CARD, pod=f"train-{number}") for number in range(9)], memory=1.0),
        "charged",
        "0.074074074 card-hours: the larger of reserved and used, cut to what fits",
    ),
}


@pytest.mark.parametrize(("found", "about", "words"), WORDS.values(), ids=WORDS)
def test_it_tells_of(found: Callable[[], WindowHoldings], about: str, words: str) -> None:
    assert line_of(text_of(found()), about) == words


FRACTIONS = {"without a model": ("", ""), "by a model": ("9 x 8 / 80", "; 9 x 8 / 80")}


@pytest.mark.parametrize(("terms", "told"), FRACTIONS.values(), ids=FRACTIONS)
def test_the_part_that_goes_to_the_cards_is_told(terms: str, told: str) -> None:
    rate = make_rate(gpu_fraction=0.9, gpu_fraction_terms=terms)
    text = text_of(make_window(make_holder(CARD), gpu_fraction=0.9, rate=rate))
    assert line_of(text, "GPU part") == f"1.829803500 x 0.900000000 = 1.646823150 USD{told}"
    assert line_of(text, "card-hour") == "21.957642000 x 0.900000000 / 8 = 2.470234725 USD"
    assert wrong_products_of(text) == []


def test_how_a_rate_comes_about_and_what_is_doubtful_about_it_are_told() -> None:
    doubt = Doubt(flag="power-missing", message="nothing measured its power")
    rate = make_rate(terms="2 x 10.978821", doubts=(doubt,))
    text = text_of(make_window(make_holder(CARD), rate=rate))
    assert line_of(text, "terms") == "2 x 10.978821 = 21.957642000 USD an hour"
    assert line_of(text, "doubt") == "power-missing: nothing measured its power"
    (step,) = told_of(make_explainer(make_window(make_holder(CARD), rate=rate)).explanation())["holders"][0]["steps"]
    assert (step["node"]["rateTerms"], step["node"]["rateOrigin"]) == (rate.terms, "rate-card")
    assert step["node"]["rateDoubts"] == [{"flag": doubt.flag, "message": doubt.message}]
    assert step["node"]["rateEstimated"] is True


def test_use_that_was_measured_for_a_part_is_of_that_part() -> None:
    found = make_window(make_holder(CARD), seen=0.5)
    (step,) = told_of(make_explainer(found).explanation())["holders"][0]["steps"]
    assert (step["held"]["heldHours"], step["held"]["measuredHours"]) == ("0.083333333", "0.041666667")
    assert wrong_products_of(text_of(found)) == []


def test_without_a_rate_there_is_no_cost_but_there_are_hours() -> None:
    found = make_window(make_holder(CARD), rate=MissingRate(node="n1", reason="none"))
    told = told_of(make_explainer(found).explanation())
    step = told["holders"][0]["steps"][0]
    assert [told["cost"], step["cost"], step["node"]["rate"], step["node"]["cardHourlyRate"]] == [None] * 4
    assert step["gpuHours"]["charged"] == "0.083333333"
    assert "The pod costs an unknown amount of USD." in text_of(found)


def test_windows_with_other_factors_are_told_apart_and_those_with_the_same_are_summed() -> None:
    found = make_window(make_holder(CARD))
    later = [replace(found, window=window) for window in MORNING[1:3]]
    dearer = make_window(make_holder(CARD), rate=make_rate(hourly_e9=24_000_000_000))
    explainer = make_explainer(found)
    for window in (later[0], replace(dearer, window=later[1].window)):
        tell_of(explainer, window, Policy())
    (holder,) = told_of(explainer.explanation())["holders"]
    assert [(step["windows"], step["node"]["rate"]) for step in holder["steps"]] == [
        (2, "21.957642000"),
        (1, "24.000000000"),
    ]


def test_a_pod_is_found_without_its_namespace_where_that_is_plain() -> None:
    assert make_explainer(make_window(make_holder(CARD)), namespace=None).explanation().namespace == "ml"


def test_a_pod_that_several_namespaces_have_needs_one() -> None:
    found = make_window(make_holder(CARD), make_holder(CARD, namespace="prod"))
    with pytest.raises(ConfigurationError, match=r"train-0 in several namespaces \(ml, prod\); name one of them"):
        make_explainer(found, namespace=None).explanation()


def nothing_of(name: str, namespace: str | None, *listed: Pod) -> str:
    explainer = Explainer(name, namespace, Policy())
    if listed:
        explainer.on_read(make_cluster(*listed), make_usage((CARD, "x", 1.0)), ())
    tell_of(explainer, make_window(make_holder(CARD), make_holder(CARD, pod="web")), Policy())
    with pytest.raises(ConfigurationError) as caught:
        explainer.explanation()
    return str(caught.value)


SPAN = "held no GPU in 2025-03-04T08:00:00Z - 2025-03-04T08:05:00Z:"
NOTHING: dict[str, tuple[str, str | None, tuple[Pod, ...], str]] = {
    "a name that is close": (
        "train",
        "ml",
        (),
        f"Pod ml/train {SPAN} it was not bound to a node then, requests no GPU, or does not exist; names like it that"
        " did are ml/train-0",
    ),
    "a name like no other": (
        "zzz",
        None,
        (),
        f"Pod zzz {SPAN} it was not bound to a node then, requests no GPU, or does not exist;"
        " `gpucost allocations` shows who did",
    ),
    "another namespace": (
        "train-0",
        "prod",
        (),
        f"Pod prod/train-0 {SPAN} a pod of that name did in namespace ml; give that with -n",
    ),
    "a pod of later": (
        "next",
        "ml",
        (make_pod("next", bound=START + timedelta(hours=2)),),
        f"Pod ml/next {SPAN} it was bound to node n1 only at 2025-03-04T10:00:00Z; ask for another time with --from and"
        " --to",
    ),
    "a pod of before": (
        "past",
        "ml",
        (make_pod("past", bound=START - timedelta(hours=2), ended=START - timedelta(hours=1)),),
        f"Pod ml/past {SPAN} it had ended at 2025-03-04T07:00:00Z; ask for another time with --from and --to",
    ),
}


@pytest.mark.parametrize(("name", "namespace", "listed", "message"), NOTHING.values(), ids=NOTHING)
def test_a_pod_that_held_nothing_is_an_error_that_says_why(
    name: str, namespace: str | None, listed: tuple[Pod, ...], message: str
) -> None:
    assert nothing_of(name, namespace, *listed) == message
