"""Simulated cards behind a real node: as many, and cut as, the labels of GPU feature discovery say."""

import re
from collections.abc import Sequence

from gpucost.model.errors import InputError
from gpucost.model.fleet import Node
from gpucost.simulation.hardware import Card, Device, Exporter, GpuModel, SimulatedNode
from gpucost.simulation.identity import stable_uuid
from gpucost.simulation.mig_profiles import A100_40GB, COMPUTE_SLICES, MEMORY_SLICES
from gpucost.simulation.nodes import A10G, A100, H100

DRIVER = "550.54.15"
MOST_CARDS = 16

_MODELS = {model.product: model for model in (A100, H100, A10G)}
_SHARED = "-SHARED"
"""GPU feature discovery's suffix for cards that are handed out in slots."""
_MIG_COUNT = re.compile(r"nvidia\.com/mig-(\d+g\.\d+gb)\.count")
_SEED = 1
_MIG_RESERVED_MIB = 11


def hardware_of(node: Node) -> SimulatedNode:
    """The same cards, with the same UUIDs, for the same node.

    Raises InputError where the labels name no model or no number of cards that can be simulated.
    """
    model = _model_of(node)
    count = _number(node, "nvidia.com/gpu.count", most=MOST_CARDS)
    profiles = [
        match[1]
        for key in sorted(node.labels)
        if (match := _MIG_COUNT.fullmatch(key))
        for _ in range(_number(node, key, most=MOST_CARDS * COMPUTE_SLICES))
    ]
    geometries = _spread(node, profiles, count) if profiles else ((),) * count
    cards = tuple(_card(node, model, index, geometry) for index, geometry in enumerate(geometries))
    return SimulatedNode(
        name=node.name,
        uid=node.uid,
        created=node.created,
        instance_type=node.instance_type,
        instance_id="",
        address="",
        cpus=int(node.cpus),
        memory_gib=int(node.memory_gib),
        hourly_rate="",
        rate_is_annotated=False,
        model=model,
        exporter=Exporter(pod="", address="", hostname_label="Hostname", driver=DRIVER),
        cards=cards,
    )


def _model_of(node: Node) -> GpuModel:
    product = node.labels.get("nvidia.com/gpu.product", "")
    model = _MODELS.get(product.removesuffix(_SHARED))
    if model is None:
        raise InputError(
            f'Node {node.name} has the label nvidia.com/gpu.product "{product}", which is not simulated;'
            f" set it to one of {', '.join(_MODELS)}"
        )
    return model


def _number(node: Node, key: str, *, most: int) -> int:
    text = node.labels.get(key, "")
    if not re.fullmatch(r"[1-9]\d{0,2}", text, re.ASCII) or int(text) > most:
        raise InputError(f'Node {node.name} has the label {key} "{text}"; set it to a number from 1 to {most}')
    return int(text)


def _spread(node: Node, profiles: Sequence[str], cards: int) -> tuple[tuple[str, ...], ...]:
    """Instances card by card: the largest first, each on the emptiest card that has room for it."""
    for profile in profiles:
        if profile not in A100_40GB:
            raise InputError(
                f"Node {node.name} has MIG instances {profile}, which are not simulated;"
                f" take some of {', '.join(A100_40GB)}"
            )
    spread: list[list[str]] = [[] for _ in range(cards)]
    for profile in sorted(profiles, key=lambda profile: (-A100_40GB[profile].memory_slices, profile)):
        fitting = [card for card in spread if _fits([*card, profile])]
        if not fitting:
            raise InputError(f"Node {node.name} has more MIG instances than fit on {cards} cards; take fewer")
        min(fitting, key=_memory_slices).append(profile)
    return tuple(tuple(card) for card in spread)


def _fits(profiles: Sequence[str]) -> bool:
    compute = sum(A100_40GB[profile].compute_slices for profile in profiles)
    return compute <= COMPUTE_SLICES and _memory_slices(profiles) <= MEMORY_SLICES


def _memory_slices(profiles: Sequence[str]) -> int:
    return sum(A100_40GB[profile].memory_slices for profile in profiles)


def _card(node: Node, model: GpuModel, index: int, geometry: Sequence[str]) -> Card:
    uuid = "GPU-" + stable_uuid(_SEED, "card", node.name, str(index))
    whole = Device(
        node=node.name,
        uuid=uuid,
        gpu_instance_id="",
        profile="",
        total_mib=model.memory_mib,
        reserved_mib=model.reserved_mib,
    )
    instances = tuple(
        Device(
            node=node.name,
            uuid=uuid,
            gpu_instance_id=str(number),
            profile=profile,
            total_mib=A100_40GB[profile].memory_mib,
            reserved_mib=_MIG_RESERVED_MIB,
        )
        for number, profile in enumerate(geometry, start=1)
    )
    return Card(index=index, uuid=uuid, pci_bus_id=f"00000000:{index + 16:02X}:1C.0", devices=instances or (whole,))
