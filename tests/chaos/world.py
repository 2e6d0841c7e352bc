"""A past stretch of a fleet's life in a real API server and a real Prometheus, and what was written there."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gpucost.model.errors import SourceUnavailable
from gpucost.model.time import DAY, Window, format_time, parse_time, start_of_day, windows_between
from gpucost.simulation.fleet import Fleet, make_fleet
from sandbox.kube import KubeClient, NotFound
from sandbox.session import Sandbox, Say, in_silence
from tests.integration.running_operator import install
from tests.integration.true_figures import assert_bill_exact, assert_reports_true, figures_of

Object = dict[str, Any]
Snapshot = dict[str, Object]
"""``kind namespace/name`` to what a report says, without the times at which it was said."""

_API = "/apis/gpucost.io/v1alpha1"
_REPORTS, _CLUSTER_REPORTS, _RECORDS = "gpucostreports", "clustergpucostreports", "gpucostwindows"
_MOST_DIFFERENCES = 10
_KINDS_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    sandbox: Sandbox
    fleet: Fleet
    span: Window
    """Whole days with samples and truth."""
    window: timedelta
    """The operator's, which its settings must say too."""
    kubeconfig: Path
    """The operator's account."""
    folder: Path
    api: KubeClient
    """May do everything; for any thread."""

    @classmethod
    @contextmanager
    def start(
        cls,
        folder: Path,
        *,
        seed: int,
        days: int,
        window: timedelta = timedelta(minutes=5),
        nodes: Sequence[str] = (),
        say: Say = in_silence,
    ) -> Iterator["World"]:
        """The days that end with the first of this month; ``nodes``: only what runs on these, where there are any."""
        end = start_of_day(datetime.now(UTC)).replace(day=1) + DAY
        if end + DAY > datetime.now(UTC):  # the days lie in the past, with the time that their closing takes
            end = (end - 2 * DAY).replace(day=1) + DAY
        span = Window(end - days * DAY, end)
        fleet = part_of(make_fleet(seed=seed, start=span.start, end=span.end), nodes)
        with (
            Sandbox.start(folder / "sandbox", fleet=fleet, history=span, say=say) as sandbox,
            closing(sandbox.plane.client()) as api,
        ):
            world = cls(
                sandbox=sandbox,
                fleet=fleet,
                span=span,
                window=window,
                kubeconfig=install(sandbox),
                folder=folder,
                api=api,
            )
            world.wait_for_kinds()
            yield world

    def wait_for_kinds(self) -> None:
        """A new kind is served a moment after it was taken."""
        deadline = time.monotonic() + _KINDS_SECONDS
        while True:
            try:
                for plural in (_RECORDS, _CLUSTER_REPORTS, _REPORTS):
                    self.list_all(plural)
                return
            except (SourceUnavailable, NotFound):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def committed_until(self) -> datetime | None:
        """End of the last window that every report has."""
        ends = [
            parse_time(report["status"]["lastWindowEnd"])
            for report in self.list_all(_CLUSTER_REPORTS)
            if report["spec"]["period"] == "Day" and report.get("status", {}).get("windows")
        ]
        return max(ends, default=None)

    def is_closed(self) -> bool:
        """Whether every day has all its windows and is Final, and so is the month that is over with one of them."""
        final = {
            (report["spec"]["period"], report["spec"]["end"])
            for report in self.list_all(_CLUSTER_REPORTS)
            if report.get("status", {}).get("phase") == "Final"
        }
        wanted = {("Day", format_time(day.end)) for day in self.days()}
        wanted |= {("Month", format_time(day.end)) for day in self.days() if day.end.day == 1}
        return wanted <= final

    def days(self) -> tuple[Window, ...]:
        count = self.span.length // DAY
        return tuple(Window(self.span.start + n * DAY, self.span.start + (n + 1) * DAY) for n in range(count))

    def list_all(self, plural: str) -> list[Object]:
        items: list[Object] = self.api.get(f"{_API}/{plural}")["items"]
        return items

    def clear(self) -> None:
        """As before the first window; while no operator runs."""
        for plural in (_RECORDS, _CLUSTER_REPORTS, _REPORTS):
            for item in self.list_all(plural):
                self.delete(plural, item["metadata"])

    def delete(self, plural: str, metadata: Object) -> None:
        inside = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        try:
            self.api.delete(f"{_API}{inside}/{plural}/{metadata['name']}")
        except NotFound:
            return

    def snapshot(self) -> Snapshot:
        """All reports of all periods."""
        return {
            f"{item['spec']['period']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}": {
                "spec": item["spec"],
                "labels": item["metadata"]["labels"],
                "status": figures_of(item),
            }
            for plural in (_REPORTS, _CLUSTER_REPORTS)
            for item in self.list_all(plural)
        }

    def assert_true(self) -> None:
        """Every day's reports equal the closed form, and hold every window exactly once."""
        for day in self.days():
            windows = windows_between(day.start, day.end, self.window)
            reports = {
                (item["spec"].get("namespace") or item["metadata"]["namespace"], item["spec"]["team"]): item
                for item in self._of_day(_REPORTS, day)
            }
            assert_reports_true(reports, self.fleet, windows)
            (cluster,) = self._of_day(_CLUSTER_REPORTS, day)
            assert_bill_exact(cluster, self.fleet, windows)
            assert cluster["status"]["windows"] == len(windows)
            phases = {item["status"]["phase"] for item in (cluster, *reports.values())}
            assert phases == {"Final"}, phases

    def _of_day(self, plural: str, day: Window) -> list[Object]:
        start = format_time(day.start)
        return [
            item for item in self.list_all(plural) if (item["spec"]["period"], item["spec"]["start"]) == ("Day", start)
        ]


def part_of(fleet: Fleet, nodes: Sequence[str]) -> Fleet:
    """The pods on these nodes (no name: on all) whose names come only once.

    Of two pods of one name, one after the other, a process that saw neither knows only what kube-state-metrics says,
    and that is more in a batch of many windows than in each of them alone: such a row may be an estimate in one and
    none in the other.
    """
    kept = tuple(node for node in fleet.nodes if node.name in nodes or not nodes)
    names = {node.name for node in kept}
    often = Counter((pod.namespace, pod.name) for pod in fleet.pods)
    pods = tuple(pod for pod in fleet.pods if pod.node in names and often[pod.namespace, pod.name] == 1)
    uids, namespaces = {pod.uid for pod in pods}, {pod.namespace for pod in pods}
    return replace(
        fleet,
        nodes=kept,
        namespaces=tuple(namespace for namespace in fleet.namespaces if namespace.name in namespaces),
        pods=pods,
        holds={
            device: tuple(hold for hold in fleet.holds[device] if hold.pod.uid in uids)
            for node in kept
            for device in node.devices
        },
    )


def differences(found: Snapshot, expected: Snapshot) -> list[str]:
    """A line for each report, or figure of one, that is not the same; the first few."""
    lines = [f"{key}: {'missing' if key in expected else 'not expected'}" for key in found.keys() ^ expected.keys()]
    for key in sorted(found.keys() & expected.keys()):
        for part in ("spec", "labels", "status"):
            mine, other = found[key][part], expected[key][part]
            lines += [
                f"{key} {part}.{name}: expected {other.get(name)}, is {mine.get(name)}"
                for name in sorted(mine.keys() | other.keys())
                if mine.get(name) != other.get(name)
            ]
    return lines[:_MOST_DIFFERENCES]
