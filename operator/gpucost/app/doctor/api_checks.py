"""The API server: whether it answers, and knows our kinds."""

from collections.abc import Iterator, Sequence

from gpucost.app.doctor.reading import ok
from gpucost.reports.findings import Finding, Health
from gpucost.reports.storage.kube_client import KubeClient, Place

API_SERVER, KINDS = "API server", "CRDs"

_VERSION = Place("version", api="")


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
            fix='install them with "kubectl apply --server-side -f crds/", or with crds.enabled=true of the chart',
        )
    else:
        yield ok(KINDS, "all kinds of gpucost.io are served")
