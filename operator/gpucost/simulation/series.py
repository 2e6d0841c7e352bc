"""What a node's exporter measures: one series per metric, device and holder, as integers per tick."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gpucost.model.usage import Ints
from gpucost.simulation.curves import FULL, compute_millionths, idle_memory_mib, memory_mib
from gpucost.simulation.fleet import Fleet, Hold
from gpucost.simulation.grid import Ticks
from gpucost.simulation.hardware import Card, Device, Exporter, GpuModel, SimulatedNode
from gpucost.simulation.identity import stable_key
from gpucost.simulation.mig_profiles import A100_40GB, COMPUTE_SLICES


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    help: str
    decimals: int = 0
    """Values are whole numbers of 10 ** -decimals."""

    def format(self, value: int) -> str:
        """As the exporter prints it: ``%d``, or ``%f`` with six decimals."""
        return f"{value // FULL}.{value % FULL:06d}" if self.decimals else str(value)


POWER = Metric("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", decimals=6)
GPU_UTIL = Metric("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).")
FB_FREE = Metric("DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB).")
FB_USED = Metric("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).")
FB_RESERVED = Metric("DCGM_FI_DEV_FB_RESERVED", "Framebuffer memory reserved (in MiB).")
GR_ENGINE = Metric("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Ratio of time the graphics engine is active.", decimals=6)
METRICS = (POWER, GPU_UTIL, FB_FREE, FB_USED, FB_RESERVED, GR_ENGINE)
"""In the order of the exporter's page."""


@dataclass(frozen=True, slots=True)
class GpuSeries:
    """Samples of one series at every tick of ``ticks``."""

    metric: Metric
    labels: dict[str, str]
    """In the order in which the exporter prints them."""
    ticks: Ticks
    values: Ints
    """(t,) in units of the metric's last decimal."""


@dataclass(frozen=True, slots=True)
class Use:
    """Use of one device while one holder, or nobody, has it."""

    device: Device
    hold: Hold | None
    ticks: Ticks
    memory: Ints
    """(t,) MiB."""
    compute: Ints
    """(t,) millionths of the device."""


def series_of(fleet: Fleet, node: SimulatedNode, ticks: Ticks) -> Iterator[GpuSeries]:
    """Everything that the exporter of ``node`` measures in ``ticks``, card by card."""
    if node.exporter is None or node.model is None:
        return
    for card in node.cards:
        uses = [use for device in card.devices for use in uses_of(fleet, device, ticks)]
        power = _card_power(fleet.seed, card, node.model, ticks, uses)
        for use in uses:
            yield from _series_of_use(node, node.exporter, card, use, power[_places(ticks, use.ticks)])


def uses_of(fleet: Fleet, device: Device, ticks: Ticks) -> Iterator[Use]:
    """Use of the device, holder after holder, without a gap."""
    before = ticks.before
    for hold in fleet.holds[device]:
        held = hold.ticks & ticks
        if not len(held):
            continue
        if held.before > before:
            yield _idle(fleet.seed, device, Ticks(before, held.before))
        yield _held(hold, held)
        before = held.last
    if before < ticks.last:
        yield _idle(fleet.seed, device, Ticks(before, ticks.last))


def _held(hold: Hold, ticks: Ticks) -> Use:
    at = _numbers(ticks)
    behaviour = hold.pod.behaviour
    return Use(
        device=hold.device,
        hold=hold,
        ticks=ticks,
        memory=memory_mib(behaviour, hold.key, hold.device.usable_mib, hold.ticks.before, at),
        compute=compute_millionths(behaviour, hold.key, at),
    )


def _idle(seed: int, device: Device, ticks: Ticks) -> Use:
    at = _numbers(ticks)
    key = stable_key(seed, "idle", device.uuid, device.gpu_instance_id)
    return Use(device=device, hold=None, ticks=ticks, memory=idle_memory_mib(key, at), compute=np.zeros_like(at))


def _series_of_use(node: SimulatedNode, exporter: Exporter, card: Card, use: Use, power: Ints) -> Iterator[GpuSeries]:
    device = use.device
    labels = _labels(node, exporter, card, use)
    values = {
        POWER: power,
        FB_FREE: device.usable_mib - use.memory,
        FB_USED: use.memory,
        GR_ENGINE: use.compute,
    }
    if not device.profile:
        values[GPU_UTIL] = np.minimum(100, -(-use.compute * 5 // 4 // 10_000))
    if device.reserved_mib:
        values[FB_RESERVED] = np.full_like(use.memory, device.reserved_mib)
    for metric, numbers in values.items():
        yield GpuSeries(metric, labels, use.ticks, numbers)


def _labels(node: SimulatedNode, exporter: Exporter, card: Card, use: Use) -> dict[str, str]:
    labels = {
        "gpu": str(card.index),
        "UUID": card.uuid,
        "pci_bus_id": card.pci_bus_id,
        "device": f"nvidia{card.index}",
        "modelName": node.model.name if node.model else "",
    }
    if use.device.profile:
        labels |= {"GPU_I_PROFILE": use.device.profile, "GPU_I_ID": use.device.gpu_instance_id}
    labels |= {exporter.hostname_label: node.name, "DCGM_FI_DRIVER_VERSION": exporter.driver}
    if use.hold:
        labels |= {"container": use.hold.container, "namespace": use.hold.pod.namespace, "pod": use.hold.pod.name}
    return labels


def _card_power(seed: int, card: Card, model: GpuModel, ticks: Ticks, uses: list[Use]) -> Ints:
    """Of the whole board, (t,) microwatts: the exporter repeats it on every instance."""
    activity = np.zeros(len(ticks), dtype=np.int64)
    for use in uses:
        slices = A100_40GB[use.device.profile].compute_slices if use.device.profile else COMPUTE_SLICES
        activity[_places(ticks, use.ticks)] += use.compute * slices
    ripple = stable_key(seed, "power", card.uuid) % 5 + _numbers(ticks) % 7
    return (
        model.idle_watts * FULL + (model.most_watts - model.idle_watts) * activity // COMPUTE_SLICES + ripple * 137_000
    )


def _numbers(ticks: Ticks) -> Ints:
    return np.arange(ticks.before + 1, ticks.last + 1, dtype=np.int64)


def _places(whole: Ticks, part: Ticks) -> slice:
    return slice(part.before - whole.before, part.last - whole.before)
