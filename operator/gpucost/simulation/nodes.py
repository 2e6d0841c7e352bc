"""The five nodes of the simulated cluster."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gpucost.simulation.hardware import Card, Device, Exporter, GpuModel, SimulatedNode
from gpucost.simulation.identity import short_name, stable_uuid
from gpucost.simulation.mig_profiles import A100_40GB

A100 = GpuModel(
    name="NVIDIA A100-SXM4-40GB",
    product="NVIDIA-A100-SXM4-40GB",
    family="ampere",
    compute_capability=(8, 0),
    memory_mib=40960,
    reserved_mib=598,
    idle_watts=52,
    most_watts=400,
)
H100 = GpuModel(
    name="NVIDIA H100 80GB HBM3",
    product="NVIDIA-H100-80GB-HBM3",
    family="hopper",
    compute_capability=(9, 0),
    memory_mib=81559,
    reserved_mib=551,
    idle_watts=70,
    most_watts=700,
)
A10G = GpuModel(
    name="NVIDIA A10G",
    product="NVIDIA-A10G",
    family="ampere",
    compute_capability=(8, 6),
    memory_mib=23028,
    reserved_mib=296,
    idle_watts=16,
    most_watts=300,
)

GEOMETRIES = (
    ("1g.5gb",) * 7,
    ("3g.20gb", "3g.20gb"),
    ("4g.20gb", "2g.10gb", "1g.5gb"),
    ("2g.10gb", "2g.10gb", "2g.10gb"),
    ("3g.20gb", "1g.5gb"),
    ("1g.10gb",) * 4,
    ("7g.40gb",),
    ("3g.20gb", "2g.10gb", "1g.5gb", "1g.5gb"),
)
"""Instances of each card of the MIG node. The fifth card is not cut whole; those of the last claim 15/14 of theirs."""

CARDS = 8
_AGE = timedelta(days=30)
_MIG_RESERVED_MIB = 11
_FIRST_INSTANCE_ID = {"7g.40gb": 0, "3g.20gb": 1, "4g.20gb": 1, "2g.10gb": 3, "1g.10gb": 3, "1g.5gb": 7}
_BUSES = ("10:1C", "10:1D", "20:1C", "20:1D", "90:1C", "90:1D", "A0:1C", "A0:1D")


def build_nodes(seed: int, start: datetime) -> tuple[SimulatedNode, ...]:
    """Every node is much older than ``start``, and never goes."""
    created = start.replace(minute=0, second=0, microsecond=0) - _AGE

    def node(name: str, instance_type: str, *, number: int, rate: str, cpus: int, memory_gib: int) -> SimulatedNode:
        return SimulatedNode(
            name=name,
            uid=stable_uuid(seed, "node", name),
            created=created,
            instance_type=instance_type,
            instance_id="i-0" + stable_uuid(seed, "instance", name).replace("-", "")[:16],
            address=f"10.0.0.{number}",
            cpus=cpus,
            memory_gib=memory_gib,
            hourly_rate=rate,
            rate_is_annotated=False,
        )

    return (
        _with_cards(
            node("gpu-a100-1", "p4d.24xlarge", number=11, rate="21.957642", cpus=96, memory_gib=1152), seed, A100
        ),
        _with_cards(
            node("gpu-h100-1", "p5.48xlarge", number=12, rate="55.04", cpus=192, memory_gib=2048),
            seed,
            H100,
            prints_reserved=False,
        ),
        _with_cards(
            _at_contract_price(
                node("gpu-mig-1", "p4d.24xlarge", number=13, rate="24.000000007", cpus=96, memory_gib=1152)
            ),
            seed,
            A100,
            geometries=GEOMETRIES,
            hostname_label="hostname",
        ),
        _with_cards(node("gpu-idle-1", "g5.48xlarge", number=14, rate="16.288", cpus=192, memory_gib=768), seed, A10G),
        node("cpu-1", "m6i.4xlarge", number=15, rate="0.768", cpus=16, memory_gib=64),
    )


def _at_contract_price(node: SimulatedNode) -> SimulatedNode:
    return replace(node, rate_is_annotated=True)


def _with_cards(
    node: SimulatedNode,
    seed: int,
    model: GpuModel,
    *,
    geometries: Sequence[Sequence[str]] = ((),) * CARDS,
    prints_reserved: bool = True,
    hostname_label: str = "Hostname",
) -> SimulatedNode:
    cards = []
    for index, profiles in enumerate(geometries):
        uuid = "GPU-" + stable_uuid(seed, "card", node.name, str(index))
        devices = (
            _instances(node.name, uuid, profiles)
            if profiles
            else (_whole(node.name, uuid, model, prints_reserved=prints_reserved),)
        )
        bus = f"00000000:{_BUSES[index]}.0"
        cards.append(Card(index=index, uuid=uuid, pci_bus_id=bus, devices=devices))
    exporter = Exporter(
        pod=f"nvidia-dcgm-exporter-{short_name(seed, 'exporter', node.name)}",
        address=node.address.replace("10.0.0.", "10.1.0.") + ":9400",
        hostname_label=hostname_label,
        driver="550.54.15",
    )
    return replace(node, model=model, exporter=exporter, cards=tuple(cards))


def _whole(node: str, uuid: str, model: GpuModel, *, prints_reserved: bool) -> Device:
    return Device(
        node=node,
        uuid=uuid,
        gpu_instance_id="",
        profile="",
        total_mib=model.memory_mib if prints_reserved else model.memory_mib - model.reserved_mib,
        reserved_mib=model.reserved_mib if prints_reserved else 0,
    )


def _instances(node: str, uuid: str, profiles: Sequence[str]) -> tuple[Device, ...]:
    seen: Counter[int] = Counter()
    devices = []
    for profile in profiles:
        first = _FIRST_INSTANCE_ID[profile]
        devices.append(
            Device(
                node=node,
                uuid=uuid,
                gpu_instance_id=str(first + seen[first]),
                profile=profile,
                total_mib=A100_40GB[profile].memory_mib,
                reserved_mib=_MIG_RESERVED_MIB,
            )
        )
        seen[first] += 1
    return tuple(devices)
