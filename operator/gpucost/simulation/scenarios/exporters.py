"""The spellings of dcgm-exporter, and what a scrape configuration makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMES = ("namespace", "pod", "container")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """One exporter and the job that scrapes it; as it stands, as the GPU Operator installs it."""

    job: str = "nvidia-dcgm-exporter"
    instance: str = "10.0.0.7:9400"
    pod: str = "nvidia-dcgm-exporter-x7k2p"
    targets: Mapping[str, str] = field(
        default_factory=lambda: {
            "namespace": "gpu-operator",
            "container": "nvidia-dcgm-exporter",
            "service": "nvidia-dcgm-exporter",
            "endpoint": "gpu-metrics",
        }
    )
    """Labels that the scrape attaches; with them it attaches the exporter's pod. None: a static configuration."""
    honor_labels: bool = False
    hostname: str = "Hostname"
    """Name of the label; empty: it is left out."""
    hostname_value: str = ""
    """Empty: the name of the node."""
    uuid: str = "UUID"
    holder: tuple[str, str, str] = NAMES
    idle: Mapping[str, str] = field(default_factory=dict)
    """What an idle device has for names."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Labels that Prometheus adds to everything: ``prometheus_replica``, ``cluster``, ``node`` ..."""
    lower_case: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Metrics that it prints under another name."""
    leaves_out: tuple[str, ...] = ()
    """Metrics that it does not print."""
    every: int = 30
    """Seconds between scrapes."""

    def metric(self, name: str) -> str:
        name = self.renamed.get(name, name)
        return name.lower() if self.lower_case else name

    def page(self, node: str, device: Mapping[str, str], holder: tuple[str, str, str] | None) -> dict[str, str]:
        """Labels as it prints them; ``holder``: namespace, pod and container."""
        place = {self.hostname: self.hostname_value or node} if self.hostname else {}
        names = self.idle if holder is None else dict(zip(self.holder, holder, strict=True))
        return {**device, **place, **names}

    def stored(self, page: Mapping[str, str]) -> dict[str, str]:
        """The labels under which Prometheus stores a line of the page."""
        own = {"job": self.job, "instance": self.instance}
        if self.targets:
            own |= {"pod": self.pod, **self.targets}
        printed = {name.lower(): value for name, value in page.items()} if self.lower_case else dict(page)
        if not self.honor_labels:
            printed = {f"exported_{name}" if name in own else name: value for name, value in printed.items()}
        return {name: value for name, value in {**own, **printed, **self.extra}.items() if value}


OPERATOR = Exporter()
STATIC = Exporter(job="gpu", targets={})
"""Scraped by a static configuration, which attaches nothing but job and instance."""
