"""Pods that the API listed a while ago and lists no more."""

from dataclasses import replace
from datetime import datetime, timedelta

from gpucost.model.fleet import Cluster, Pod


class RememberedPods:
    """Keeps GPU pods that vanished between two looks, with their last labels, for the window in which they ended.

    Time is that of the looks; nothing here asks a clock. Bounded by age and by count: the longest gone goes first.
    """

    def __init__(self, *, keep: timedelta, most: int) -> None:
        self._keep = keep
        self._most = most
        self._listed: dict[str, Pod] = {}
        self._gone: dict[str, tuple[datetime, Pod]] = {}

    def recall(self, cluster: Cluster) -> Cluster:
        """The look with the remembered pods added; it is remembered in turn.

        A vanished pod keeps ``ended`` as it was last seen: None where it had not ended, since the look does not
        tell when it did; `gone_by` bounds it. A pod that is listed again is no longer a remembered one.
        """
        listed = {pod.uid: pod for pod in cluster.pods}
        for uid, pod in self._listed.items():
            if uid not in listed:
                self._gone[uid] = (cluster.seen_at, pod)
        self._gone = {
            uid: (missed_at, pod)
            for uid, (missed_at, pod) in self._gone.items()
            if uid not in listed and cluster.seen_at - missed_at <= self._keep
        }
        for uid in list(self._gone)[: max(0, len(self._gone) - self._most)]:
            del self._gone[uid]
        self._listed = listed
        return replace(cluster, pods=(*cluster.pods, *(pod for _, pod in self._gone.values())))

    def gone_by(self, uid: str) -> datetime | None:
        """The first look that missed the pod: it held nothing after it. None where it is not remembered."""
        entry = self._gone.get(uid)
        return entry[0] if entry else None
