"""The API server: whether it answers, knows our kinds, and lets this account read."""

from collections.abc import Iterator, Sequence

from gpucost.app.doctor.reading import ok
from gpucost.reports.findings import Finding, Health
from gpucost.reports.storage.kube_client import KubeClient, Place

API_SERVER, KINDS, RIGHTS = "API server", "CRDs", "rights"

_VERSION = Place("version", api="")
_REVIEWS = Place("selfsubjectaccessreviews", api="/apis/authorization.k8s.io/v1")
_LISTED = (("", "nodes"), ("", "pods"), ("", "namespaces"), ("gpucost.io", "gpuratecards"))
"""API group and resource."""


def version_of(api: KubeClient) -> str:
    """Raises SourceUnavailable where the API server does not answer."""
    told = api.get(_VERSION) or {}
    return str(told.get("gitVersion", "of no known version"))


def check_version(host: str, version: str) -> Iterator[Finding]:
    yield ok(API_SERVER, f"{host} answers, Kubernetes {version}")


def check_kinds(missing: Sequence[str]) -> Iterator[Finding]:
    if missing:
        yield Finding(
            health=Health.FAILURE,
            subject=KINDS,
            found=f"the API server does not serve {', '.join(missing)} of gpucost.io",
            fix='install them with "kubectl apply --server-side -f crds/"',
        )
    else:
        yield ok(KINDS, "all kinds of gpucost.io are served")


def check_rights(api: KubeClient) -> Iterator[Finding]:
    """What this account may list; the operator's own account may be another."""
    refused = [resource for group, resource in _LISTED if not _may_list(api, group, resource)]
    if refused:
        yield Finding(
            health=Health.FAILURE,
            subject=RIGHTS,
            found=f"this account may not list {', '.join(refused)} in all namespaces",
            fix='grant it the verb "list" on them in a ClusterRole',
        )
    else:
        yield ok(RIGHTS, f"this account may list {', '.join(resource for _, resource in _LISTED)}")


def _may_list(api: KubeClient, group: str, resource: str) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"group": group, "resource": resource, "verb": "list"}},
    }
    answer = api.create(_REVIEWS, review)
    return bool((answer.get("status") or {}).get("allowed"))
