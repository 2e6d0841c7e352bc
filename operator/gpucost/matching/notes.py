"""What a person should know about how a window was matched."""

from collections.abc import Iterable, Sequence

from gpucost.matching.groups import Groups
from gpucost.matching.kinds import WHOLE_CARD
from gpucost.matching.nodes import CardCount, Nodes
from gpucost.matching.regimes import Regimes
from gpucost.model.holdings import Note
from gpucost.model.usage import Device, Indices

CARD_COUNT_DISAGREES = "CardCountDisagrees"
CARD_COUNT_ESTIMATED = "CardCountEstimated"
REQUEST_NOT_ATTRIBUTED = "RequestNotAttributed"
SLOTS_ESTIMATED = "SlotsEstimated"
UNKNOWN_NODES = "UnknownNodes"
UNKNOWN_PROFILE = "UnknownProfile"
USE_WITHOUT_HOLDER = "UseWithoutHolder"

_MOST_NAMES = 3


def unknown_nodes(devices: Iterable[Device]) -> tuple[Note, ...]:
    """One note for all ``devices``, whose nodes the API does not know."""
    names = sorted({device.node for device in devices})
    if not names:
        return ()
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (
        Note(
            UNKNOWN_NODES,
            "NotInCluster",
            "telemetry",
            f"Telemetry shows GPUs of nodes that this cluster does not have ({', '.join(names[:_MOST_NAMES])}{more}); "
            "they are not billed; where Prometheus holds several clusters, set prometheus.matchers to this one",
        ),
    )


def unknown_profiles(devices: Iterable[Device]) -> tuple[Note, ...]:
    """``devices`` whose share of their card was guessed."""
    return tuple(
        Note(
            UNKNOWN_PROFILE,
            "NotInTable",
            f"{node}/{profile}",
            f'Node {node}: what part of a GPU "{model}" the MIG profile "{profile}" is, is not known, so its share is '
            "estimated from its memory or its name; report profile and model as an issue to have them added",
        )
        for node, profile, model in sorted({(device.node, device.profile, device.model) for device in devices})
    )


def card_counts(nodes: Nodes, line: Indices, cards: CardCount) -> tuple[Note, ...]:
    """Of the nodes in ``line`` (m,)."""
    used, estimated = cards.used, cards.estimated
    doubtful = cards.disagree | estimated
    return tuple(
        _estimated(nodes.all[number].name, cards, number, int(used[number]))
        if estimated[number]
        else _disagree(nodes.all[number].name, cards, number, int(used[number]))
        for number in line[doubtful[line]].tolist()
    )


def not_attributed(nodes: Nodes, machines: Indices, requests: Sequence[tuple[int, str]]) -> tuple[Note, ...]:
    """``requests``: machine and resource of pods that request what is not known; told of ``machines`` (m,)."""
    present = set(machines.tolist())
    names = tuple(nodes.machines)
    return tuple(
        Note(
            REQUEST_NOT_ATTRIBUTED,
            "UnknownResource",
            f"{names[number]}/{resource}",
            f"Node {names[number]}: pods request {resource}, and nothing tells what part of a GPU that is: what they "
            "hold is unallocated unless telemetry names it; say which NVIDIA resource it stands for",
        )
        for number, resource in requests
        if number in present
    )


def slots_estimated(nodes: Nodes, groups: Groups, regimes: Regimes, held: Iterable[int]) -> tuple[Note, ...]:
    """``held``: numbers of groups of shared devices that have holders."""
    return tuple(
        _slots(nodes.described[groups.machine[number]].name, groups.kind[number], int(regimes.replicas[number]))
        for number in sorted(set(held))
        if regimes.guessed[number]
    )


def used_without_holder(devices: Iterable[Device]) -> tuple[Note, ...]:
    return tuple(_used(device) for device in devices)


def _slots(node: str, kind: str, replicas: int) -> Note:
    what = "GPU" if kind == WHOLE_CARD else f"MIG instance {kind}"
    return Note(
        SLOTS_ESTIMATED,
        "NotLabelled",
        f"{node}/{kind}" if kind else node,
        f"Node {node}: no label tells into how many slots a shared {what} is divided, so it is taken to be {replicas}, "
        "by capacity or requests; run GPU feature discovery, which labels the replicas",
    )


def _used(device: Device) -> Note:
    place = "/".join(filter(None, (device.node, device.uuid, device.gpu_instance_id)))
    return Note(
        USE_WITHOUT_HOLDER,
        "NobodyRequestedIt",
        place,
        f"Node {device.node}: {place.removeprefix(device.node + '/')} is in use and no pod requests it, so the use is "
        "billed to nobody; look for privileged pods or NVIDIA_VISIBLE_DEVICES=all, and let them request the GPU",
    )


def _disagree(node: str, cards: CardCount, number: int, used: int) -> Note:
    sources = (
        ("telemetry", cards.seen),
        ("price list", cards.listed),
        ("label nvidia.com/gpu.count", cards.labelled),
    )
    told = ", ".join(f"{name} {count[number]}" for name, count in sources if count[number])
    return Note(
        CARD_COUNT_DISAGREES,
        "SourcesDiffer",
        node,
        f"Node {node}: sources disagree about its number of GPUs ({told}), so its bill is divided by {used}, the most; "
        "look for a GPU that is gone or a wrong instance type",
    )


def _estimated(node: str, cards: CardCount, number: int, used: int) -> Note:
    shown, handed_out = int(cards.seen[number]), int(cards.capacity[number])
    if shown:
        cause = (
            f"by its capacity it has {handed_out} GPUs and telemetry shows {shown}, and neither the price list nor GPU "
            f"feature discovery tells their number, so its bill is divided by {used}"
        )
    else:
        cause = (
            "neither telemetry nor the price list nor GPU feature discovery tells its number of GPUs, so its bill is "
            f"divided by {used}, as its capacity suggests"
        )
    return Note(
        CARD_COUNT_ESTIMATED,
        "OnlyCapacity",
        node,
        f"Node {node}: {cause}; see whether dcgm-exporter runs there and shows all GPUs",
    )
