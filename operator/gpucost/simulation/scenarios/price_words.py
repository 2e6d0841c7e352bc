"""Words for what prices rest on: rate cards, power of cards, and prices that other programs publish."""

from collections.abc import Mapping
from typing import Any

from gpucost.simulation.scenarios.draft import A_DAY_AGO, Draft
from gpucost.simulation.scenarios.exporters import Exporter
from gpucost.simulation.scenarios.measures import POWER
from gpucost.simulation.scenarios.objects import NodeSpec, PodSpec
from gpucost.simulation.scenarios.rate_cards import RateCardSpec
from gpucost.simulation.scenarios.series import SCRAPED_SINCE, SCRAPED_UNTIL

KARPENTER_PRICES = "karpenter_cloudprovider_instance_type_offering_price_estimate"
OPENCOST_PRICES = "node_total_hourly_cost"

INSTANCE_TYPE = "node.kubernetes.io/instance-type"
ZONE = "topology.kubernetes.io/zone"
CAPACITY_TYPE = "karpenter.sh/capacity-type"

_KARPENTER = {"job": "karpenter", "instance": "10.1.0.30:8080", "namespace": "kube-system", "pod": "karpenter-0"}
_OPENCOST = {"job": "opencost", "instance": "10.1.0.40:9003", "namespace": "opencost", "pod": "opencost-0"}


def rate_card(
    s: Draft,
    name: str,
    *rates: Mapping[str, Any],
    created: int = A_DAY_AGO,
    valid_from: int | None = None,
    valid_until: int | None = None,
    **terms: Any,
) -> None:
    """``rates`` as they are written, without names; ``terms``: other keys of the card, as they are written."""
    card = RateCardSpec(
        name=f"{s.slug}-{name}",
        rates=tuple({"name": f"rate-{number}", **rate} for number, rate in enumerate(rates)),
        created=created,
        valid_from=valid_from,
        valid_until=valid_until,
        terms=terms,
    )
    s.rate_cards.append(card)


def bought_as(instance_type: str, zone: str = "us-east-1a", capacity_type: str = "on-demand") -> dict[str, str]:
    """What the cloud and Karpenter label a node with."""
    region = zone.rstrip("abcdef")
    return {
        INSTANCE_TYPE: instance_type,
        "topology.kubernetes.io/region": region,
        ZONE: zone,
        CAPACITY_TYPE: capacity_type,
    }


def power(
    s: Draft,
    node: NodeSpec,
    card: str,
    watts: float,
    holder: PodSpec | None = None,
    *,
    instance: tuple[str, str] = ("", ""),
    since: int = SCRAPED_SINCE,
    until: int = SCRAPED_UNTIL,
    exporter: Exporter | None = None,
    labels: Mapping[str, str] | None = None,
) -> None:
    """What the exporter reads of a card, printed for a device and its holder as `Draft.see` prints them."""
    by = exporter or node.exporter
    page = s.page(node, card, holder, instance=instance, exporter=by)
    page |= labels or {}
    s.scrape(by.metric(POWER), by.stored(page), watts, since=since, until=until, every=by.every)


def publish(s: Draft, *programs: str) -> None:
    """Whose prices are configured to count, the first that has one: ``karpenter``, ``opencost``."""
    s.configured["prometheus"] = {"prices": list(programs)}


def karpenter_price(
    s: Draft,
    instance_type: str,
    hourly: float,
    *,
    zone: str = "us-east-1a",
    capacity_type: str = "on-demand",
    since: int = SCRAPED_SINCE,
    until: int = SCRAPED_UNTIL,
) -> None:
    """Of what can be bought."""
    offering = {"instance_type": instance_type, "capacity_type": capacity_type, "zone": zone}
    s.scrape(KARPENTER_PRICES, _KARPENTER | offering, hourly, since=since, until=until)


def opencost_price(
    s: Draft, node: NodeSpec, hourly: float, *, since: int = SCRAPED_SINCE, until: int = SCRAPED_UNTIL
) -> None:
    """Of a node, scraped by a job that keeps its own labels beside OpenCost's."""
    told = {
        "node": node.name,
        "exported_instance": node.name,
        "instance_type": node.labels.get(INSTANCE_TYPE, ""),
        "arch": "amd64",
    }
    s.scrape(OPENCOST_PRICES, _OPENCOST | told, hourly, since=since, until=until)
