"""The words in which scenarios are written: a draft is told of nodes, pods, scrapes and, at last, the truth."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gpucost.simulation.scenarios.exporters import OPERATOR, Exporter
from gpucost.simulation.scenarios.features import A100_40, GPU, whole_cards
from gpucost.simulation.scenarios.kube_state import exporter_series, pod_series
from gpucost.simulation.scenarios.measures import Part, exact, measures
from gpucost.simulation.scenarios.objects import Container, NodeSpec, PodSpec, make_uid
from gpucost.simulation.scenarios.rate_cards import RateCardSpec
from gpucost.simulation.scenarios.scenario import LOOK, WINDOWS, Charge, NodeTruth, Scenario, WindowTruth
from gpucost.simulation.scenarios.series import SCRAPED_SINCE, SCRAPED_UNTIL, Series

A_DAY_AGO, AN_HOUR_AGO = -86_400, -3_600
_CARD_HOURLY = 12
"""So a card costs 1 in a window of five minutes, and a cost in the truth is a share of a card."""
_WINDOWS_PER_HOUR = 12


class Draft:
    """A scenario in the making; names of nodes, namespaces and cards are its own."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.rate_cards: list[RateCardSpec] = []
        self.configured: dict[str, Any] = {}
        self._nodes: list[NodeSpec] = []
        self._pods: list[PodSpec] = []
        self._namespaces: dict[str, dict[str, str]] = {slug: {}}
        self._series: list[Series] = []
        self._charges: list[tuple[int | None, Charge]] = []
        self._rests: list[tuple[int | None, NodeTruth]] = []
        self._notes: list[tuple[int | None, str]] = []
        self._looks = [LOOK]
        self._matchers = [f'scenario="{slug}"']

    def namespace(self, name: str, **labels: str) -> str:
        full = f"{self.slug}-{name}"
        self._namespaces[full] = labels
        return full

    def node(
        self,
        name: str = "node",
        *,
        model: str = A100_40,
        cards: int = 1,
        card_hourly: Part = _CARD_HOURLY,
        annotated: bool = True,
        capacity: Mapping[str, int] | None = None,
        labels: Mapping[str, str] | None = None,
        exporter: Exporter = OPERATOR,
        created: int = A_DAY_AGO,
        listed_until: int | None = None,
        ready: bool = True,
        schedulable: bool = True,
    ) -> NodeSpec:
        """By default of whole cards that are not shared. ``annotated``: it says itself what it costs."""
        full = f"{self.slug}-{name}"
        node = NodeSpec(
            name=full,
            uid=make_uid(full, str(created)),
            model=model,
            cards=cards,
            hourly=exact(card_hourly) * cards,
            annotated=annotated,
            capacity={GPU: cards} if capacity is None else capacity,
            labels=whole_cards(model, cards) if labels is None else labels,
            exporter=replace(exporter, instance=f"{full}:9400", pod=f"nvidia-dcgm-exporter-{name}"),
            created=created,
            listed_until=listed_until,
            ready=ready,
            schedulable=schedulable,
        )
        self._nodes.append(node)
        return node

    def calm_node(self) -> None:
        """A node on which nothing happens: it is scraped all the time, and so tells the interval of its job."""
        node = self.node("calm")
        self.see(node, "calm")
        self.rest(node, 1)

    def pod(
        self,
        name: str,
        node: NodeSpec,
        requests: Mapping[str, int] | int = 1,
        *,
        containers: Sequence[Container] = (),
        namespace: str = "",
        bound: int = AN_HOUR_AGO,
        ended: int | None = None,
        listed_until: int | None = None,
        waiting: str = "",
        labels: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> PodSpec:
        """``requests``: resource to count, or how many of ``nvidia.com/gpu``, of one container ``main``."""
        claims = {GPU: requests} if isinstance(requests, int) else requests
        pod = PodSpec(
            namespace=namespace or self.slug,
            name=name,
            uid=make_uid(self.slug, namespace, name, str(bound)),
            node=node,
            containers=tuple(containers) or (Container(name="main", requests=claims),),
            bound=bound,
            ended=ended,
            listed_until=listed_until,
            waiting=waiting,
            labels=labels or {},
            owner=owner,
        )
        self._pods.append(pod)
        return pod

    def see(
        self,
        node: NodeSpec,
        card: str,
        holder: PodSpec | None = None,
        *,
        memory: Part | None = 0,
        compute: Part | None = 0,
        instance: tuple[str, str] = ("", ""),
        total: int = 0,
        since: int = SCRAPED_SINCE,
        until: int = SCRAPED_UNTIL,
        exporter: Exporter | None = None,
        container: str = "",
        labels: Mapping[str, str] | None = None,
        values: Mapping[str, float] | None = None,
        model: str = "",
    ) -> None:
        """Scrapes of one device, named ``holder``, with the same use from ``since`` to ``until``.

        ``instance``: GPU instance id and profile. ``memory`` and ``compute`` are ratios of the device; None: not
        measured. ``values``: metrics as they are, on top of these or instead.
        """
        by = exporter or node.exporter
        page = self.page(node, card, holder, instance=instance, container=container, exporter=by, model=model)
        page |= labels or {}
        measured = measures(memory, compute, total=total, is_instance=bool(instance[0]))
        for metric, value in {**measured, **(values or {})}.items():
            if metric not in by.leaves_out:
                self.scrape(by.metric(metric), by.stored(page), value, since=since, until=until, every=by.every)

    def idle(self, node: NodeSpec, card: str, profile: str, instances: Iterable[int], *, model: str = "") -> None:
        """Scrapes of instances of one profile that nobody holds and nobody uses."""
        for number in instances:
            self.see(node, card, instance=(str(number), profile), model=model)

    def scrape(
        self,
        metric: str,
        labels: Mapping[str, str],
        value: float,
        *,
        since: int = SCRAPED_SINCE,
        until: int = SCRAPED_UNTIL,
        every: int = 30,
    ) -> None:
        """Any series, with the labels under which it is stored."""
        own = {**labels, "scenario": self.slug}
        self._series.append(Series(metric=metric, labels=own, value=value, since=since, until=until, every=every))

    def uuid(self, card: str) -> str:
        return f"GPU-{self.slug}-{card}"

    def kube_state(self, *pods: PodSpec) -> None:
        """kube-state-metrics told of these pods while they were listed."""
        self._series += (_of(self.slug, series) for pod in pods for series in pod_series(pod))

    def kube_state_of_exporter(self, node: NodeSpec) -> None:
        """kube-state-metrics tells on which node its exporter runs."""
        self._series.append(_of(self.slug, exporter_series(node.exporter, node.name)))

    def look_before(self, at: int) -> None:
        self._looks.insert(0, at)

    def look_last(self, at: int) -> None:
        self._looks[-1] = at

    def only(self, matcher: str) -> None:
        """A matcher that is configured too, since Prometheus holds more than this cluster."""
        self._matchers.append(matcher)

    def owes(
        self,
        pod: PodSpec,
        cost: Part,
        used: Part | None,
        *,
        unknown: Part = 0,
        card: str = "",
        instance: str = "",
        container: str = "",
        uid: str = "",
        flags: str = "",
        window: int | None = None,
        says: Mapping[str, str] | None = None,
    ) -> None:
        """The truth of one pod in ``window`` (None: in each). ``used`` None: not known. ``says``: other columns."""
        charge = Charge(
            node=pod.node.name,
            node_uid=pod.node.uid,
            namespace=pod.namespace,
            pod=pod.name,
            cost=exact(cost),
            used=None if used is None else exact(used),
            unknown=exact(cost if used is None else unknown),
            pod_uid=uid,
            uuid=self.uuid(card) if card else "",
            gpu_instance_id=instance,
            container=container,
            flags=frozenset(flags.split()),
            says=says or {},
        )
        self._charges.append((window, charge))

    def rest(
        self,
        node: NodeSpec,
        unallocated: Part,
        *,
        unobserved: Part = 0,
        alive: Part = 1,
        reasons: Mapping[str, Part] | None = None,
        hourly: Part | None = None,
        window: int | None = None,
    ) -> None:
        """What nobody held of a node that lived for the part ``alive`` of the window, at its own rate or another."""
        truth = NodeTruth(
            node=node.name,
            uid=node.uid,
            bill=(node.hourly if hourly is None else exact(hourly)) / _WINDOWS_PER_HOUR * exact(alive),
            charges=(),
            unallocated=exact(unallocated),
            unobserved=exact(unobserved),
            reasons=None if reasons is None else {reason: exact(part) for reason, part in reasons.items()},
        )
        self._rests.append((window, truth))

    def told(self, *notes: str, window: int | None = None) -> None:
        """Types of conditions that must be told."""
        self._notes += ((window, note) for note in notes)

    def scenario(self, story: str) -> Scenario:
        return Scenario(
            slug=self.slug,
            story=story,
            nodes=tuple(self._nodes),
            pods=tuple(self._pods),
            namespaces=self._namespaces,
            series=tuple(self._series),
            looks=tuple(self._looks),
            matchers=tuple(self._matchers),
            rate_cards=tuple(self.rate_cards),
            configured=self.configured,
            truth=tuple(self._truth(window) for window in range(WINDOWS)),
        )

    def _truth(self, window: int) -> WindowTruth:
        charges = [charge for when, charge in self._charges if when in (None, window)]
        nodes = [truth for when, truth in self._rests if when in (None, window)]
        untold = {charge.node for charge in charges} - {node.node for node in nodes}
        if untold:
            raise ValueError(f"{self.slug}: pods owe on {sorted(untold)}, of which no rest is told in window {window}")
        return WindowTruth(
            nodes=tuple(
                replace(node, charges=tuple(charge for charge in charges if charge.node_uid == node.uid))
                for node in nodes
            ),
            notes=frozenset(note for when, note in self._notes if when in (None, window)),
        )

    def page(
        self,
        node: NodeSpec,
        card: str,
        holder: PodSpec | None,
        *,
        instance: tuple[str, str] = ("", ""),
        container: str = "",
        exporter: Exporter | None = None,
        model: str = "",
    ) -> dict[str, str]:
        """Labels as the exporter prints them."""
        by = exporter or node.exporter
        device = {by.uuid: self.uuid(card), "gpu": card, "device": f"nvidia-{card}", "modelName": model or node.model}
        if instance[0]:
            device |= {"GPU_I_ID": instance[0], "GPU_I_PROFILE": instance[1]}
        names = (holder.namespace, holder.name, container or holder.containers[0].name) if holder else None
        return by.page(node.name, device, names)


def _of(slug: str, series: Series) -> Series:
    return replace(series, labels={**series.labels, "scenario": slug})
