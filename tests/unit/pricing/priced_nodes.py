"""Builders of nodes and GpuRateCards."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gpucost.model.fleet import Node
from gpucost.model.money import format_e9
from gpucost.model.rates import MissingRate, NodeRate

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
REGION = "topology.kubernetes.io/region"
PRODUCT = "nvidia.com/gpu.product"
COUNT = "nvidia.com/gpu.count"


def make_node(
    instance_type: str = "",
    labels: Mapping[str, str] | None = None,
    *,
    rate: str | None = None,
    capacity: Mapping[str, int] | None = None,
) -> Node:
    return Node(
        name="n1",
        uid="uid-n1",
        created=AT,
        labels={**({INSTANCE_TYPE: instance_type} if instance_type else {}), **(labels or {})},
        annotations={} if rate is None else {"gpucost.io/hourly-rate": rate},
        capacity=capacity or {},
    )


def make_card(name: str, *rates: dict[str, Any], created: str | None = None, **spec: Any) -> dict[str, Any]:
    """``created`` None: as in a file."""
    return {
        "apiVersion": "gpucost.io/v1alpha1",
        "kind": "GpuRateCard",
        "metadata": {"name": name, "uid": "1", "resourceVersion": "5", "creationTimestamp": created},
        "spec": {"rates": [{"name": f"r{number}"} | rate for number, rate in enumerate(rates)], **spec},
    }


def hourly(rate: NodeRate | MissingRate | None) -> str:
    assert isinstance(rate, NodeRate), rate
    return format_e9(rate.hourly_e9).rstrip("0").rstrip(".")
