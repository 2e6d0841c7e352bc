"""The pods of every stream, one life after another, from before the start to the end of the simulation.

What a stream does up to a time does not depend on when the simulation ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

from gpucost.simulation.grid import Ticks, time_of
from gpucost.simulation.hardware import Device
from gpucost.simulation.identity import short_name, stable_uuid
from gpucost.simulation.pods import Controller, SimulatedContainer, SimulatedPod
from gpucost.simulation.workloads import HOURS, Stream

_LONG_AGO = 9 * 24 * HOURS
_CRON_DELAY = 15
"""Ticks from a CronJob's time to the binding of its pod."""


@dataclass(frozen=True, slots=True)
class _Life:
    number: int
    bound: int
    ended: int | None
    devices: tuple[Device, ...]


def lives_of(stream: Stream, seed: int, node_devices: Sequence[Device], span: Ticks) -> Iterator[SimulatedPod]:
    """The pods of one stream that hold their devices in ``span``, in order of time."""
    random = Random(f"{seed}/{stream.namespace}/{stream.name}/{stream.ordinal}/{stream.node}")  # noqa: S311
    pool = tuple(node_devices[place] for place in stream.devices)
    lives = _forever(pool, random, span) if stream.lasts is None else _in_turn(stream, stream.lasts, pool, random, span)
    for life in lives:
        if life.ended is None or life.ended > span.before:
            yield _pod(stream, seed, life)


def _forever(pool: tuple[Device, ...], random: Random, span: Ticks) -> Iterator[_Life]:
    yield _Life(0, span.before - random.randrange(1 * HOURS, _LONG_AGO), None, pool)


def _in_turn(
    stream: Stream, lasts: tuple[int, int], pool: tuple[Device, ...], random: Random, span: Ticks
) -> Iterator[_Life]:
    bound = span.before - random.randrange(lasts[1])
    if stream.every:
        bound = span.before // stream.every * stream.every + _CRON_DELAY - stream.every
    for number in count():
        if bound >= span.last:
            return
        ended = bound + random.randint(*lasts)
        yield _Life(number, bound, ended, _some_of(pool, stream.sizes, random))
        bound = bound + stream.every if stream.every else ended + random.randint(*stream.pause)


def _some_of(pool: tuple[Device, ...], sizes: tuple[int, ...], random: Random) -> tuple[Device, ...]:
    if not sizes:
        return pool
    size = random.choice(sizes)
    first = random.randrange(len(pool) - size + 1)
    return pool[first : first + size]


def _pod(stream: Stream, seed: int, life: _Life) -> SimulatedPod:
    words = (stream.namespace, stream.kind, stream.name, str(stream.ordinal), str(life.bound))
    owner, template = _owner(stream, seed, life)
    name = _pod_name(stream, owner, seed, words)
    uid = stable_uuid(seed, "pod", *words)
    top = owner
    while top and top.parent and top.kind == "ReplicaSet":
        top = top.parent
    return SimulatedPod(
        namespace=stream.namespace,
        name=name,
        uid=uid,
        node=stream.node,
        labels={**_labels_of_kind(stream, owner, name), **template, **_labels_of_payer(stream)},
        owner=owner,
        payer=stream.payer,
        workload=f"{top.kind}/{top.name}" if top else f"Pod/{name}",
        behaviour=stream.behaviour,
        containers=_containers(stream, life.devices),
        bound=time_of(life.bound),
        ended=None if life.ended is None else time_of(life.ended),
        template=template,
    )


def _containers(stream: Stream, devices: tuple[Device, ...]) -> tuple[SimulatedContainer, ...]:
    each = len(devices) // len(stream.containers)
    containers = []
    for place, name in enumerate(stream.containers):
        own = devices[place * each : (place + 1) * each]
        requests = dict(stream.requests)
        if own:
            requests[own[0].resource] = str(len(own))
        containers.append(SimulatedContainer(name=name, devices=own, requests=requests))
    return tuple(containers)


def _owner(stream: Stream, seed: int, life: _Life) -> tuple[Controller | None, dict[str, str]]:
    """The controller of a life and the labels that it selects its pods by."""

    def made(api_version: str, kind: str, name: str, parent: Controller | None = None) -> Controller:
        uid = stable_uuid(seed, kind, stream.namespace, name)
        return Controller(api_version=api_version, kind=kind, name=name, uid=uid, parent=parent)

    match stream.kind:
        case "Deployment":
            template_hash = short_name(seed, "template", stream.namespace, stream.name, str(life.number), length=10)
            deployment = made("apps/v1", "Deployment", stream.name)
            replica_set = made("apps/v1", "ReplicaSet", f"{stream.name}-{template_hash}", deployment)
            return replica_set, {"app": stream.name, "pod-template-hash": template_hash}
        case "StatefulSet":
            return made("apps/v1", "StatefulSet", stream.name), {"app": stream.name}
        case "CronJob":
            cron_job = made("batch/v1", "CronJob", stream.name)
            minute = (life.bound - _CRON_DELAY) // 2
            job = made("batch/v1", "Job", f"{stream.name}-{minute}", cron_job)
            return job, {"batch.kubernetes.io/controller-uid": job.uid}
        case "Job":
            job = made("batch/v1", "Job", f"{stream.name}-{life.number + 1:03d}")
            return job, {"batch.kubernetes.io/controller-uid": job.uid}
        case _:
            return None, {}


def _pod_name(stream: Stream, owner: Controller | None, seed: int, words: tuple[str, ...]) -> str:
    if stream.kind == "StatefulSet":
        return f"{stream.name}-{stream.ordinal}"
    return f"{owner.name if owner else stream.name}-{short_name(seed, 'pod', *words)}"


def _labels_of_kind(stream: Stream, owner: Controller | None, name: str) -> dict[str, str]:
    if owner and owner.kind == "Job":
        return {"batch.kubernetes.io/job-name": owner.name}
    if owner and owner.kind == "StatefulSet":
        return {
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(stream.ordinal),
        }
    return {}


def _labels_of_payer(stream: Stream) -> dict[str, str]:
    keys: Mapping[str, str] = stream.label_keys
    return {key: getattr(stream.payer, dimension) for dimension, key in keys.items()}
