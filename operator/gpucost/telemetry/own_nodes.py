"""GPU nodes that the API lists no more, from what an earlier run of ourselves said of them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from gpucost.model.fleet import Cluster, Node
from gpucost.model.node_details import Detail, node_of
from gpucost.model.time import Window, milliseconds
from gpucost.telemetry.client import PrometheusClient
from gpucost.telemetry.decode import decode_vector
from gpucost.telemetry.own_pods import time_of
from gpucost.telemetry.pods import own_label
from gpucost.telemetry.queries import OWN_NODE_CREATED, OWN_NODE_ENDED, OwnNodeDetailsQuery, OwnNodesQuery
from gpucost.telemetry.settings import TelemetrySettings

AFTERWARDS = timedelta(hours=1)
"""So long after the windows is still looked at what we said: a node that was there then was there all the time."""

_NODES_PER_QUERY = 20
_NAME = re.compile(r"[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?")
_UID = re.compile(r"[-.\w]{1,128}", re.ASCII)

Series = Iterable[tuple[Mapping[str, str], float]]


class NodeHistory:
    """For one thread at a time."""

    def __init__(self, settings: TelemetrySettings, client: PrometheusClient) -> None:
        self._settings, self._client = settings, client

    def ended_nodes(self, cluster: Cluster, windows: Sequence[Window]) -> tuple[Node, ...]:
        """What our own series last said of nodes that were there in the windows and that the cluster lists no more.

        Only series of this very cluster count, also where Prometheus holds several that nothing else tells apart: none
        do where the cluster does not tell who it is.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """
        if not cluster.uid:
            return ()
        start, at = windows[0].start, windows[-1].end + AFTERWARDS
        range_ms = milliseconds(at - start + self._settings.node_history)
        births = births_of(self._times(OWN_NODE_CREATED, cluster, range_ms, at))
        listed = {node.uid for node in cluster.nodes}
        if births.keys() <= listed:
            return ()
        ends = ends_of(self._times(OWN_NODE_ENDED, cluster, range_ms, at))
        wanted = sorted(uid for uid in births.keys() - listed if ends.get(uid, at) > start)
        details: list[tuple[Mapping[str, str], float]] = []
        for batch in _batches(wanted):
            query = OwnNodeDetailsQuery(
                cluster_uid=cluster.uid, uids=batch, range_ms=range_ms, matchers=self._settings.matchers
            )
            details += self._ask(query.promql(), at)
        nodes = nodes_of(births, ends, details, cluster)
        return tuple(node for node in nodes if node.uid in wanted and (node.ended is None or node.ended > start))

    def _times(self, metric: str, cluster: Cluster, range_ms: int, at: datetime) -> Series:
        query = OwnNodesQuery(
            metric=metric, cluster_uid=cluster.uid, range_ms=range_ms, matchers=self._settings.matchers
        )
        return self._ask(query.promql(), at)

    def _ask(self, promql: str, at: datetime) -> Series:
        return decode_vector(self._client.custom_query(promql, at), self._client.name)


@dataclass(frozen=True, slots=True)
class Birth:
    """Name of a node and when it was created."""

    name: str
    created: datetime


def births_of(series: Series) -> dict[str, Birth]:
    """By UID; what can be no node is left out."""
    births: dict[str, Birth] = {}
    for labels, seconds in series:
        uid, name, created = labels.get("uid", ""), own_label(labels, "node"), time_of(seconds)
        if created is not None and _UID.fullmatch(uid) and _NAME.fullmatch(name):
            births[uid] = Birth(name, created)
    return births


def ends_of(series: Series) -> dict[str, datetime]:
    """By UID: the node was gone by then."""
    ends = ((labels.get("uid", ""), time_of(seconds)) for labels, seconds in series)
    return {uid: end for uid, end in ends if end is not None}


def nodes_of(
    births: Mapping[str, Birth], ends: Mapping[str, datetime], details: Series, cluster: Cluster
) -> Iterator[Node]:
    """The nodes of which there are ``details``: each with those that were true at the last look that listed it.

    Where nothing tells when a node was gone, it was by the creation of the next of its name, or by this look. An end
    before the last look was a mistake: the node was listed again.
    """
    following = _following(births, cluster)
    for uid, (seen, told) in _last_told(details).items():
        birth = births.get(uid)
        if birth is None:
            continue
        end = ends.get(uid)
        bounds = (cluster.seen_at, following.get(uid, cluster.seen_at), end if end and end >= seen else cluster.seen_at)
        yield node_of(
            told, name=birth.name, uid=uid, created=birth.created, last_seen=seen, ended=max(min(bounds), birth.created)
        )


def _following(births: Mapping[str, Birth], cluster: Cluster) -> dict[str, datetime]:
    """By UID: when the next node of the same name was created."""
    by_name: defaultdict[str, set[tuple[datetime, str]]] = defaultdict(set)
    for uid, birth in births.items():
        by_name[birth.name].add((birth.created, uid))
    for node in cluster.nodes:
        by_name[node.name].add((node.created, node.uid))
    following: dict[str, datetime] = {}
    for namesakes in by_name.values():
        ordered = sorted(namesakes)
        following |= {uid: created for (_, uid), (created, _) in pairwise(ordered)}
    return following


def _last_told(details: Series) -> dict[str, tuple[datetime, list[Detail]]]:
    """By UID: when the node was last listed, and what was true of it then."""
    by_look: defaultdict[str, defaultdict[float, list[Detail]]] = defaultdict(lambda: defaultdict(list))
    for labels, seconds in details:
        detail = Detail(labels.get("kind", ""), labels.get("key", ""), labels.get("value", ""))
        by_look[labels.get("uid", "")][seconds].append(detail)
    last: dict[str, tuple[datetime, list[Detail]]] = {}
    for uid, looks in by_look.items():
        seconds = max(looks)
        seen = time_of(seconds)
        if seen is not None:
            last[uid] = seen, looks[seconds]
    return last


def _batches(uids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(uids[first : first + _NODES_PER_QUERY]) for first in range(0, len(uids), _NODES_PER_QUERY))
