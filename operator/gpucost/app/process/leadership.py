"""Whether this process does the work, or stands by for another replica that does."""

import os
from collections.abc import Callable, Mapping

from kubernetes.client import ApiClient

from gpucost.app.configuration.settings import Settings
from gpucost.app.leading.lease import Lease, new_identity
from gpucost.app.leading.lease_api import KubeLeaseApi
from gpucost.app.leading.lease_thread import LeaseThread
from gpucost.reports.plain_text import plain

POD_VARIABLE = "POD_NAME"

_MOST_NAME_CHARACTERS = 100


def make_lease(settings: Settings, client: ApiClient) -> Lease | None:
    """None: this replica is the only one. ``client`` is for the Lease alone."""
    election = settings.leader_election
    if not election.enabled:
        return None
    timing = election.timing
    api = KubeLeaseApi(client, settings.namespace, call_seconds=timing.call)
    return Lease(api, identity_of(os.environ), timing)


def identity_of(environ: Mapping[str, str]) -> str:
    """The pod's name, where it is told.

    It is another one in each replica, and the same after a restart of the container, which so finds that the Lease is
    still its own and waits for nobody.
    """
    return environ.get(POD_VARIABLE) or new_identity()


class Leadership:
    """Asked before each write, and by probes and metrics; from any thread.

    `is_held` goes by the monotonic clock, so a process that was paused beyond its time knows so when it wakes up,
    before it has asked anybody. What was on its way by then can do no harm: see `KubeClient`.
    """

    def __init__(self, lease: Lease | None) -> None:
        """None: there is no election; this process leads."""
        self.changes = 0
        """How often it came to lead, or ceased to."""
        self._lease = lease
        self._thread: LeaseThread | None = None

    def start(self, *, on_change: Callable[[], None]) -> None:
        """Take part. ``on_change`` is called in another thread whenever the lead was gained or lost."""
        if self._lease is None:
            return

        def changed(_held: bool) -> None:
            self.changes += 1
            on_change()

        self._thread = LeaseThread(self._lease, on_change=changed)
        self._thread.start()

    def stop(self, wait_seconds: float) -> None:
        """Give the lead back, so that another replica takes over at once; after the work has ended."""
        if self._thread is not None:
            self._thread.stop(wait_seconds)

    def is_held(self) -> bool:
        return self._lease is None or self._lease.is_held()

    def why_dead(self) -> str | None:
        """A sentence where only a restart helps."""
        if self._thread is None or self._thread.is_alive():
            return None
        return "the thread that keeps the Lease has ended"

    def why_unsettled(self) -> str | None:
        """For a process that does not lead: a sentence where it is not known that another one does."""
        lease = self._lease
        if lease is None:
            return None
        if lease.problem:
            return lease.problem
        return None if lease.holder not in ("", lease.identity) else f"nobody holds the {lease.name} yet"

    def standing(self) -> str:
        """For people: what this process is doing here."""
        if self._lease is None or self.is_held():
            return "ok"
        return f"standing by: {plain(self._lease.holder, _MOST_NAME_CHARACTERS)} holds the {self._lease.name}"
