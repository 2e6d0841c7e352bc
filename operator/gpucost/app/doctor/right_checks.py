"""Whether this account may do what gpucost does: read the cluster and, as the operator, write its own kinds."""

from collections.abc import Iterator
from dataclasses import dataclass

from gpucost.app.doctor.reading import ok
from gpucost.reports.findings import Finding, Health
from gpucost.reports.storage.kube_client import KubeClient, Place

RIGHTS = "rights"

_REVIEWS = Place("selfsubjectaccessreviews", api="/apis/authorization.k8s.io/v1")
_OURS, _CORE = "gpucost.io", ""
_EVENTS_NAMESPACE = "default"
"""In which the API server takes events about objects without a namespace."""

_READING = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True)
class Right:
    group: str
    resource: str
    """``reports/status`` for the status of reports."""
    verbs: tuple[str, ...]
    namespace: str = ""
    """Empty: in all."""


_READS = tuple(
    Right(group, resource, ("list",))
    for group, resource in ((_CORE, "nodes"), (_CORE, "pods"), (_CORE, "namespaces"), (_OURS, "gpuratecards"))
)


def writes_in(namespace: str) -> tuple[Right, ...]:
    """What the operator in ``namespace`` must be allowed beside reading."""
    reports = ("gpucostreports", "clustergpucostreports")
    return (
        Right(_OURS, "gpuratecards", ("watch",)),
        Right(_OURS, "gpuratecards/status", ("patch",)),
        *(Right(_OURS, plural, ("get", "list", "watch", "create", "patch", "delete")) for plural in reports),
        *(Right(_OURS, f"{plural}/status", ("patch",)) for plural in reports),
        Right(_OURS, "gpucostwindows", ("list", "create", "delete"), namespace),
        Right("coordination.k8s.io", "leases", ("get", "create", "update"), namespace),
        Right(_CORE, "events", ("create",), _EVENTS_NAMESPACE),
    )


def check_rights(api: KubeClient, namespace: str) -> Iterator[Finding]:
    """An account that may write nothing is a reader's: what it lacks of the operator's rights is no failure."""
    refused = [right.resource for right in _READS if _lacking(api, right)]
    if refused:
        yield Finding(
            health=Health.FAILURE,
            subject=RIGHTS,
            found=f"this account may not list {', '.join(refused)} in all namespaces",
            fix='grant it the verb "list" on them in a ClusterRole',
        )
        return
    may = f"this account may list {', '.join(right.resource for right in _READS)}"
    lacking = {right: _lacking(api, right) for right in writes_in(namespace)}
    if all(_READING.union(verbs).issuperset(right.verbs) for right, verbs in lacking.items()):
        yield ok(RIGHTS, f"{may}; it writes nothing, as only the operator's own must")
    elif any(lacking.values()):
        told = "; ".join(_in_words(right, verbs) for right, verbs in lacking.items() if verbs)
        yield Finding(
            health=Health.FAILURE,
            subject=RIGHTS,
            found=f"this account writes for gpucost, and may not {told}",
            fix="grant it that, as the roles of the chart do",
        )
    else:
        yield ok(RIGHTS, f"{may}, and do all that the operator must in namespace {namespace}")


def _lacking(api: KubeClient, right: Right) -> list[str]:
    return [verb for verb in right.verbs if not _is_allowed(api, right, verb)]


def _is_allowed(api: KubeClient, right: Right, verb: str) -> bool:
    resource, _, subresource = right.resource.partition("/")
    asked = {"group": right.group, "resource": resource, "subresource": subresource, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {**asked, "namespace": right.namespace}},
    }
    return bool((api.create(_REVIEWS, review).get("status") or {}).get("allowed"))


def _in_words(right: Right, verbs: list[str]) -> str:
    where = f" in namespace {right.namespace}" if right.namespace else ""
    return f"{', '.join(verbs)} {right.resource}{where}"
