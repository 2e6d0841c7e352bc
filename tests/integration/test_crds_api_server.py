"""The CRDs in a real API server: what it takes, what it refuses, and how kubectl shows it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gpucost.model.errors import Refused
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.pricing.rules import PriceRules
from gpucost.reports.storage.kube_client import KubeClient, Place
from gpucost.reports.storage.store import ReportStore
from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import (
    OPERATOR_NAMESPACE,
    Api,
    Object,
    eventually,
    install_crds,
    make_cluster_report,
    make_report,
)

pytestmark = pytest.mark.cluster

NAMESPACE = "crd-trials"
KINDS = {"gcr": "GpuCostReport", "cgcr": "ClusterGpuCostReport"}
DRY = ("create", "--dry-run=server", "-f", "-")


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, kubectl: Path) -> Iterator[Api]:
    api = install_crds(control_plane, kubectl)
    api.kubectl("create", "namespace", NAMESPACE)
    yield api
    api.client.rest_client.pool_manager.clear()


@pytest.fixture(scope="module")
def store(api: Api) -> ReportStore:
    return ReportStore(api.client, operator_namespace=OPERATOR_NAMESPACE)


def make_card(**spec: Any) -> Object:
    return {
        "apiVersion": "gpucost.io/v1alpha1",
        "kind": "GpuRateCard",
        "metadata": {"name": "contract"},
        "spec": {"currency": "USD", "rates": [{"name": "all", "nodeHourly": "2.50"}], **spec},
    }


def make_rate(**rate: Any) -> Object:
    return make_card(rates=[{"name": "all", **rate}])


COMMITMENT: Object = {"upfront": "100000", "hourly": "9.10", "termHours": 8760}
OWNED: Object = {
    "purchase": "420000",
    "lifetimeHours": 43800,
    "hourlyFixed": "1.20",
    "powerPricePerKWh": "0.18",
    "pue": "1.4",
}
EXAMPLE = """
apiVersion: gpucost.io/v1alpha1
kind: GpuRateCard
metadata: {name: aws-contract}
spec:
  currency: USD
  source: "AWS private pricing, contract 1234, 2026-10-01"
  priority: 10
  validFrom: "2026-10-01T00:00:00Z"
  rates:
  - name: p4d
    match:
      instanceType: p4d.24xlarge
      region: us-east-1
      capacityType: on-demand
      gpuProduct: "NVIDIA-A100*"
      nodeLabels: {pool: train}
    nodeHourly: "21.957642"
    discountPercent: "12"
    gpuFraction: "1"
  - name: reserved
    match: {capacityType: reserved}
    commitment: {upfront: "100000", hourly: "9.10", termHours: 8760}
  - name: dgx-on-prem
    match: {nodeLabels: {site: basement}}
    owned: {purchase: "420000", lifetimeHours: 43800, hourlyFixed: "1.20", powerPricePerKWh: "0.18", pue: "1.4"}
"""


def make_window(**spec: Any) -> Object:
    return {
        "apiVersion": "gpucost.io/v1alpha1",
        "kind": "GpuCostWindow",
        "metadata": {"name": "w", "namespace": NAMESPACE},
        "spec": {
            "start": "2026-11-24T00:00:00Z",
            "end": "2026-11-24T00:05:00Z",
            "chunk": 0,
            "chunks": 0,
            "data": "",
            "digest": "sha256:0",
            **spec,
        },
    }


def test_every_crd_is_established_and_structural(api: Api) -> None:
    crds = json.loads(api.kubectl("get", "crd", "-o", "json"))["items"]
    conditions = {
        crd["metadata"]["name"]: {entry["type"]: entry["status"] for entry in crd["status"]["conditions"]}
        for crd in crds
        if crd["spec"]["group"] == "gpucost.io"
    }
    good = {"NamesAccepted": "True", "Established": "True"}
    assert conditions == {
        "clustergpucostreports.gpucost.io": good,
        "gpucostreports.gpucost.io": good,
        "gpucostwindows.gpucost.io": good,
        "gpuratecards.gpucost.io": good,
    }


GOOD_OBJECTS: dict[str, Object] = {
    "a rate card": make_card(),
    "a rate that is free": make_rate(gpuHourly="0"),
    "the highest rate": make_rate(nodeHourly="1000000.000000000"),
    "a card with all its terms": make_card(
        source="contract 7",
        priority=-5,
        validFrom="2026-01-01T00:00:00Z",
        validUntil="2027-01-01T00:00:00+01:00",
        discountPercent="12.5",
        gpuFraction="0.75",
        rates=[
            {
                "name": "all",
                "gpuHourly": "2.5",
                "match": {"capacityType": "spot", "gpuProduct": "NVIDIA-A100-*", "nodeLabels": {"pool": "train"}},
            }
        ],
    ),
    "a commitment": make_rate(commitment=COMMITMENT, discountPercent="10"),
    "owned hardware": make_rate(owned=OWNED),
    "owned hardware on a card with a discount": make_card(
        discountPercent="10", rates=[{"name": "own", "owned": {"purchase": "1000000000.000000000", "lifetimeHours": 1}}]
    ),
    "a model for the part of the GPUs": make_rate(nodeHourly="1", gpuFraction="opencost-ratio"),
    "as many rates as a card may have": make_card(
        rates=[
            {"name": f"r{number}", "owned": OWNED, "validFrom": "2026-01-01T00:00:00Z", "match": {"zone": "z" * 253}}
            for number in range(1000)
        ]
    ),
    "an absent price may be written as null": make_rate(nodeHourly="1", gpuHourly=None),
    "a window": make_window(),
}


@pytest.mark.parametrize("document", GOOD_OBJECTS.values(), ids=GOOD_OBJECTS)
def test_the_api_server_takes_what_is_right(api: Api, document: Object) -> None:
    api.kubectl(*DRY, told=json.dumps(document))


ONE_PRICE = "write exactly one of nodeHourly, gpuHourly, commitment, owned"
BAD_OBJECTS: dict[str, tuple[Object, str]] = {
    "a rate that is no number": (make_rate(nodeHourly="abc"), "spec.rates[0].nodeHourly"),
    "a negative rate": (make_rate(nodeHourly="-1"), "spec.rates[0].nodeHourly"),
    "a rate that is NaN": (make_rate(nodeHourly="NaN"), "spec.rates[0].nodeHourly"),
    "a rate beyond all prices": (make_rate(gpuHourly="1e400"), "spec.rates[0].gpuHourly"),
    "a rate just beyond all prices": (make_rate(gpuHourly="1000000.1"), "spec.rates[0].gpuHourly"),
    "a rate with ten decimals": (make_rate(gpuHourly="0.0000000001"), "spec.rates[0].gpuHourly"),
    "a rate as a JSON number": (make_rate(nodeHourly=2.5), "spec.rates[0].nodeHourly"),
    "two prices": (make_rate(nodeHourly="1", gpuHourly="1"), ONE_PRICE),
    "a price beside a commitment": (make_rate(nodeHourly="1", commitment=COMMITMENT), ONE_PRICE),
    "all prices": (make_rate(nodeHourly="1", gpuHourly="1", commitment=COMMITMENT, owned=OWNED), ONE_PRICE),
    "no price": (make_rate(), ONE_PRICE),
    "owned hardware with a discount": (make_rate(owned=OWNED, discountPercent="5"), "owned has no discount"),
    "a term of no time": (make_rate(commitment=COMMITMENT | {"termHours": 0}), "commitment.termHours"),
    "a term in quotes": (make_rate(commitment=COMMITMENT | {"termHours": "8760"}), "commitment.termHours"),
    "a term of ages": (make_rate(commitment=COMMITMENT | {"termHours": 1_000_001}), "commitment.termHours"),
    "a commitment without a term": (make_rate(commitment={"upfront": "1"}), "commitment.termHours"),
    "a life of no time": (make_rate(owned=OWNED | {"lifetimeHours": 0}), "owned.lifetimeHours"),
    "a purchase beyond all prices": (make_rate(owned=OWNED | {"purchase": "1000000000.1"}), "owned.purchase"),
    "a site that draws less than its machines": (make_rate(owned=OWNED | {"pue": "0.99"}), "owned.pue"),
    "a fraction in words": (make_rate(nodeHourly="1", gpuFraction="half"), "spec.rates[0].gpuFraction"),
    "a fraction in words on the card": (make_card(gpuFraction="half"), "spec.gpuFraction"),
    "a currency that is none": (make_card(currency="dollars"), "spec.currency"),
    "a currency in small letters": (make_card(currency="usd"), "spec.currency"),
    "more rates than a card may have": (
        make_card(rates=[{"name": f"r{number}", "nodeHourly": "1"} for number in range(1001)]),
        "spec.rates",
    ),
    "a card that ends before it begins": (
        make_card(validFrom="2026-02-01T00:00:00Z", validUntil="2026-01-01T00:00:00Z"),
        "validUntil must be after validFrom",
    ),
    "a rate that ends as it begins": (
        make_rate(nodeHourly="1", validFrom="2026-02-01T00:00:00Z", validUntil="2026-02-01T01:00:00+01:00"),
        "validUntil must be after validFrom",
    ),
    "a discount of more than everything": (make_card(discountPercent="100.1"), "spec.discountPercent"),
    "an unknown capacity type": (make_rate(nodeHourly="1", match={"capacityType": "cheap"}), "capacityType"),
    "a misspelt field": (make_card(discountPercnt="5"), 'unknown field "spec.discountPercnt"'),
    "a misspelt field of owned hardware": (make_rate(owned=OWNED | {"powerPricePerKwh": "1"}), "unknown field"),
    "a misspelt field of a match": (make_rate(nodeHourly="1", match={"zones": "x"}), "unknown field"),
    "a window that ends before it begins": (make_window(end="2026-11-23T00:00:00Z"), "end must be after start"),
    "a window of an unknown time": (make_window(end="soon"), "spec.end"),
}


@pytest.mark.parametrize(("document", "words"), BAD_OBJECTS.values(), ids=BAD_OBJECTS)
def test_the_api_server_refuses_what_is_wrong_and_says_where(api: Api, document: Object, words: str) -> None:
    assert words in api.refusal(*DRY, told=json.dumps(document))


DECIMALS: dict[str, Callable[[str], Object]] = {
    "spec.discountPercent": lambda text: make_card(discountPercent=text),
    "spec.gpuFraction": lambda text: make_card(gpuFraction=text),
    "spec.rates[0].nodeHourly": lambda text: make_rate(nodeHourly=text),
    "spec.rates[0].gpuHourly": lambda text: make_rate(gpuHourly=text),
    "spec.rates[0].discountPercent": lambda text: make_rate(nodeHourly="1", discountPercent=text),
    "spec.rates[0].gpuFraction": lambda text: make_rate(nodeHourly="1", gpuFraction=text),
    "spec.rates[0].commitment.upfront": lambda text: make_rate(commitment=COMMITMENT | {"upfront": text}),
    "spec.rates[0].commitment.hourly": lambda text: make_rate(commitment=COMMITMENT | {"hourly": text}),
    "spec.rates[0].owned.purchase": lambda text: make_rate(owned=OWNED | {"purchase": text}),
    "spec.rates[0].owned.hourlyFixed": lambda text: make_rate(owned=OWNED | {"hourlyFixed": text}),
    "spec.rates[0].owned.powerPricePerKWh": lambda text: make_rate(owned=OWNED | {"powerPricePerKWh": text}),
    "spec.rates[0].owned.pue": lambda text: make_rate(owned=OWNED | {"pue": text}),
}
NO_DECIMALS = ["abc", "-1", "1e400", "NaN", "", "1\n", " 1", "٣"]


@pytest.mark.parametrize("place", DECIMALS)
def test_no_decimal_of_a_card_takes_what_is_no_number(api: Api, place: str) -> None:
    cards = [{**DECIMALS[place](text), "metadata": {"name": f"c{number}"}} for number, text in enumerate(NO_DECIMALS)]
    told = api.refusal(*DRY, told=json.dumps({"apiVersion": "v1", "kind": "List", "items": cards}))
    assert [
        name for name in (f'"c{number}" is invalid: {place}' for number in range(len(cards))) if name not in told
    ] == []


def test_the_example_card_is_taken_and_priced(api: Api) -> None:
    api.kubectl("apply", "-f", "-", told=EXAMPLE)
    (kept,) = json.loads(api.kubectl("get", "grc", "-o", "json"))["items"]
    cards = parse_rate_cards([kept], PriceRules())
    api.kubectl("delete", "grc", "aws-contract")
    assert cards.problems == ()
    assert sorted(rate.name.removeprefix("aws-contract/") for rate in cards.rates) == ["dgx-on-prem", "p4d", "reserved"]
    assert all(rate.card.created and rate.card.uid == kept["metadata"]["uid"] for rate in cards.rates)


def test_kubectl_apply_refuses_an_unknown_key(api: Api) -> None:
    """kubectl asks for strict validation where it is not told otherwise, server-side or not."""
    document = EXAMPLE.replace("discountPercent", "discountPercnt")
    for way in ((), ("--server-side",)):
        told = api.refusal("apply", *way, "--dry-run=server", "-f", "-", told=document)
        assert "spec.rates[0].discountPercnt" in told
        assert "unknown field" in told or "not declared in schema" in told


BAD_SPECS = {
    "an end before the start": ({"end": "2026-11-23T00:00:00Z"}, "end must be after start"),
    "an unknown period": ({"period": "Week"}, "spec.period"),
    "no team": ({"team": ""}, "spec.team"),
    "a currency that is none": ({"currency": "dollars"}, "spec.currency"),
    "an unknown field": ({"teem": "x"}, 'unknown field "spec.teem"'),
}


@pytest.mark.parametrize(("change", "words"), BAD_SPECS.values(), ids=BAD_SPECS)
@pytest.mark.parametrize("report", [make_report(NAMESPACE), make_cluster_report()], ids=["report", "cluster report"])
def test_a_report_with_a_wrong_spec_is_refused(api: Api, report: Object, change: Object, words: str) -> None:
    if "team" not in report["spec"] and "team" in change:
        change, words = {"namespace": "x"}, 'unknown field "spec.namespace"'
    bad = {**report, "spec": {**report["spec"], **change}}
    assert words in api.refusal(*DRY, told=json.dumps(bad))


def test_the_spec_of_a_report_cannot_change(api: Api, store: ReportStore) -> None:
    report = store.write_report(make_report(NAMESPACE, "spec-stays"), None)
    change = ("patch", "gcr", report.name, "-n", NAMESPACE, "--type=merge", "-p")
    assert "the spec cannot change" in api.refusal(*change, '{"spec": {"team": "other"}}')
    assert "the spec cannot change" in api.refusal(*change, '{"spec": {"namespace": "other"}}')
    assert "spec" in api.refusal(*change, '{"spec": null}')


def test_a_window_cannot_change(api: Api) -> None:
    api.kubectl("create", "-f", "-", told=json.dumps(make_window()))
    change = ("patch", "gcw", "w", "-n", NAMESPACE, "--type=merge", "-p", '{"spec": {"data": "eA=="}}')
    assert "the spec cannot change" in api.refusal(*change)


CHANGES_OF_A_FINAL_REPORT = {
    "a figure that changes": {"status": {"windows": 9}},
    "opening it again": {"status": {"phase": "Open"}},
    "dropping its status": {"status": None},
    "dropping its phase": {"status": {"phase": None}},
    "one figure more": {"status": {"efficiency": "1.000000"}},
}


@pytest.fixture(scope="module")
def final_reports(store: ReportStore) -> dict[str, Place]:
    report = store.write_report(make_report(NAMESPACE, "final", phase="Final"), None)
    cluster_report = store.write_cluster_report(make_cluster_report(phase="Final"), None)
    return {
        "gcr": Place("gpucostreports", NAMESPACE, report.name),
        "cgcr": Place("clustergpucostreports", name=cluster_report.name),
    }


@pytest.mark.parametrize("change", CHANGES_OF_A_FINAL_REPORT.values(), ids=CHANGES_OF_A_FINAL_REPORT)
@pytest.mark.parametrize("kind", ["gcr", "cgcr"])
def test_a_final_report_refuses_every_change_of_its_status(
    api: Api, final_reports: dict[str, Place], kind: str, change: Object
) -> None:
    target = (kind, str(final_reports[kind].name), "-n", NAMESPACE, "--subresource=status")
    assert api.refusal("patch", *target, "--type=merge", "-p", json.dumps(change))


@pytest.mark.parametrize("kind", ["gcr", "cgcr"])
def test_a_final_report_refuses_an_apply_without_a_status(api: Api, final_reports: dict[str, Place], kind: str) -> None:
    place = final_reports[kind]
    document = {"apiVersion": "gpucost.io/v1alpha1", "kind": KINDS[kind], "metadata": {"name": place.name}}
    with pytest.raises(Refused, match="a Final report cannot change"):
        KubeClient(api.client).apply(place, document, status=True)


def test_a_final_report_can_be_labelled_and_deleted(api: Api, store: ReportStore) -> None:
    report = store.write_report(make_report(NAMESPACE, "goes", phase="Final"), None)
    api.kubectl("label", "gcr", report.name, "-n", NAMESPACE, "seen=yes")
    api.kubectl("delete", "gcr", report.name, "-n", NAMESPACE)


def test_reports_are_selected_by_team_and_period(api: Api, store: ReportStore) -> None:
    store.write_report(make_report(NAMESPACE, "picked"), None)
    store.write_report(make_report(NAMESPACE, "passed-over"), None)
    selector = "--field-selector=spec.team=picked,spec.period=Day"
    assert api.kubectl("get", "gcr", "-n", NAMESPACE, selector, "-o", "name").split() == [
        "gpucostreport.gpucost.io/picked-2026-11-24"
    ]


def test_kubectl_shows_the_columns(api: Api, store: ReportStore) -> None:
    store.write_report(make_report(NAMESPACE, "shown"), None)
    header, row = api.kubectl("get", "gcr", "-n", NAMESPACE, "shown-2026-11-24", "-o", "wide").splitlines()
    assert " ".join(header.split()) == (
        "NAME TEAM PERIOD COST USED IDLE GPU-HOURS EFFICIENCY PHASE COVERAGE ESTIMATED PRODUCTS CURRENCY LAST WINDOW"
    )
    assert " ".join(row.split()) == (
        "shown-2026-11-24 shown Day 1.50 - - 0.5 - Open 0% 0.00 1 USD 2026-11-24T00:05:00Z"
    )
    narrow = api.kubectl("get", "gpucost", "-n", NAMESPACE)
    assert "shown-2026-11-24" in narrow
    assert "COVERAGE" not in narrow


def test_kubectl_explains_every_figure(api: Api) -> None:
    assert eventually(lambda: "topPods" in api.kubectl("explain", "gcr.status"))
    explained = api.kubectl("explain", "gcr.status")
    assert "usedCost / (usedCost + idleCost)" in explained
    assert "<no description>" not in api.kubectl("explain", "gcr", "--recursive")
    assert "Card time that nobody held" in api.kubectl("explain", "cgcr.status")
    assert "Price of each physical GPU" in api.kubectl("explain", "grc.spec.rates")
