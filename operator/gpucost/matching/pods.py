"""Which pod a series means, and when that pod held what it asked for.

Times are milliseconds since the epoch; `ALWAYS` and `NEVER` stand for edges that nobody knows.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gpucost.model.fleet import Pod
from gpucost.model.tenancy import Tenant
from gpucost.model.time import milliseconds
from gpucost.model.usage import NamedHolder

ALWAYS = -(2**53)
NEVER = 2**53
LABELS_UNKNOWN = "labels-unknown"
RECONSTRUCTED = "reconstructed"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    return milliseconds(moment - _EPOCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A pod and the time in which it held devices."""

    pod: Pod
    start: int
    end: int
    timed: bool
    """The API, or what is left of it, says when it held devices even where telemetry is silent."""
    last_seen: int
    """The last look that listed it, where it vanished after that and ``end`` is only the latest possible; `NEVER`: the
    end is known, or it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """One pod that a series may mean, for the time in which it may mean it."""

    tenant: Tenant
    """Of a namesake where the pod itself is forgotten."""
    pod_uid: str
    """Empty where nobody can tell which of several pods it was."""
    start: int
    end: int
    certain: bool = True
    """False: a former pod of this name that nobody remembers; it held only what the others cannot have held."""
    life: Life | None = None
    flags: tuple[str, ...] = ()


class Pods:
    """All pods that the API or telemetry remembers, by uid and by name."""

    def __init__(self, known: Iterable[Pod], ended: Iterable[Pod], tenant_of: Callable[[Pod], Tenant]) -> None:
        self._tenant_of = tenant_of
        lives = {pod.uid: _life(pod, timed=pod.bound is not None) for pod in known}
        for pod in ended:
            uid = pod.uid or f"{pod.namespace}/{pod.name}"
            lives.setdefault(uid, _life(pod, timed=pod.bound is not None and pod.ended is not None))
        namesakes: defaultdict[tuple[str, str], list[Life]] = defaultdict(list)
        for life in lives.values():
            namesakes[life.pod.namespace, life.pod.name].append(life)
        self._by_name = {name: _one_after_another(lives) for name, lives in namesakes.items()}
        self.lives = tuple(life for _, lives in sorted(self._by_name.items()) for life in lives)
        self._by_uid = {life.pod.uid: life for life in self.lives if life.pod.uid}

    def meant_by(self, named: NamedHolder, node: str) -> tuple[Claimant, ...]:
        """The pods that a series of that node means by this name: in the order of time, at least one."""
        life = self._by_uid.get(named.pod_uid)
        if life is not None:
            return (self._claimant([life]),)
        namesakes = self._by_name.get((named.namespace, named.pod), ())
        here = [] if named.pod_uid else [life for life in namesakes if life.pod.node in (node, "")]
        if here:
            return (*self._former(here[0]), *self._told_apart(here))
        if namesakes:
            return (self._forgotten(namesakes[-1].pod, named.pod_uid, RECONSTRUCTED),)
        bare = Pod(uid=named.pod_uid, namespace=named.namespace, name=named.pod, node=node)
        return (self._forgotten(bare, named.pod_uid, LABELS_UNKNOWN),)

    def _told_apart(self, lives: Iterable[Life]) -> Iterator[Claimant]:
        """Pods of one tenant whose times nobody knows are one claimant: a row for each would only be a guess."""
        alike: defaultdict[tuple[int, int, Tenant], list[Life]] = defaultdict(list)
        for life in lives:
            alike[life.start, life.end, self._tenant_of(life.pod)].append(life)
        return (self._claimant(group) for group in alike.values())

    def _claimant(self, alike: Sequence[Life]) -> Claimant:
        life = max(alike, key=lambda life: life.timed)
        return Claimant(
            tenant=self._tenant_of(life.pod),
            pod_uid=life.pod.uid if life.timed or len(alike) == 1 else "",
            start=life.start,
            end=life.end,
            life=life,
        )

    def _former(self, first: Life) -> tuple[Claimant, ...]:
        """The pod that bore this name before the first that is known."""
        if first.start == ALWAYS:
            return ()
        former = Claimant(
            tenant=self._tenant_of(first.pod),
            pod_uid="",
            start=ALWAYS,
            end=first.start,
            certain=False,
            flags=(RECONSTRUCTED,),
        )
        return (former,)

    def _forgotten(self, labels_of: Pod, pod_uid: str, flag: str) -> Claimant:
        return Claimant(tenant=self._tenant_of(labels_of), pod_uid=pod_uid, start=ALWAYS, end=NEVER, flags=(flag,))


def _life(pod: Pod, *, timed: bool) -> Life:
    return Life(
        pod=pod,
        start=to_ms(pod.bound) if pod.bound else ALWAYS,
        end=to_ms(pod.ended) if pod.ended else NEVER,
        timed=timed,
        last_seen=to_ms(pod.last_seen) if pod.last_seen else NEVER,
    )


def _one_after_another(lives: Sequence[Life]) -> tuple[Life, ...]:
    """In the order of time. A name is free only once its pod is gone, so each ends at the latest as the next starts."""
    ordered = sorted(lives, key=lambda life: (life.start, life.end, life.pod.uid))
    return tuple(
        replace(life, end=min([life.end, *(later.start for later in ordered if later.start > life.start)]))
        for life in ordered
    )
