"""The chart's objects on a real API server: what it takes of them, and what their rights let the operator do."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from api_objects import DAY, Api, eventually, install_crds, make_cluster_report, make_report
from chart_rendering import EVERYTHING, MATRIX, URL, Chart, Object, Values, pick, pod_of
from kubernetes.client import (
    ApiClient,
    AuthenticationV1TokenRequest,
    AuthorizationV1Api,
    CoreV1Api,
    V1SelfSubjectRulesReview,
    V1SelfSubjectRulesReviewSpec,
    V1TokenRequestSpec,
)
from running_operator import with_token

from gpucost.app.leading.lease import Lease, LeaseTiming
from gpucost.app.leading.lease_api import KubeLeaseApi
from gpucost.app.mending.remembering_store import RememberingStore
from gpucost.app.mending.report_memory import ReportMemory, key_of
from gpucost.cluster.connection import connect
from gpucost.cluster.live import LiveCluster
from gpucost.model.errors import Conflict, GpuCostError
from gpucost.model.time import Period, PeriodKind, format_time
from gpucost.reports.resources.gpu_cost_window import WindowSpec
from gpucost.reports.resources.gpu_rate_card import RateCardStatus
from gpucost.reports.storage.events import Happening
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport
from sandbox.control_plane import ControlPlane, control_plane

pytestmark = pytest.mark.cluster

NAMESPACE = "chart-trials"
LEAST: Values = {"prometheus": {"url": URL}}
DRY = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
OTHERS = {"servicemonitors": "ServiceMonitor", "podmonitors": "PodMonitor", "prometheusrules": "PrometheusRule"}


@pytest.fixture(scope="module")
def plane(control_plane_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Of its own: reports of the cluster are written here."""
    with control_plane(control_plane_binaries, tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture(scope="module")
def api(plane: ControlPlane, kubectl: Path) -> Iterator[Api]:
    api = install_crds(plane, kubectl)
    enforced = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": enforced}}
    accounts = [account_named(name) for name in ("gpucost", "gpu-costs", "own")]
    others = [crd_of_others(*names) for names in OTHERS.items()]
    api.kubectl("create", "-f", "-", told=as_list([namespace, *accounts, *others]))
    api.kubectl("wait", "--for=condition=Established", "crd", *(f"{plural}.monitoring.coreos.com" for plural in OTHERS))
    yield api
    api.client.rest_client.pool_manager.clear()


@pytest.fixture(scope="module")
def chart(helm: Path, tmp_path_factory: pytest.TempPathFactory) -> Chart:
    return Chart(helm, tmp_path_factory.mktemp("chart"), NAMESPACE)


def as_list(objects: list[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def crd_of_others(plural: str, kind: str) -> Object:
    """Of Prometheus Operator, with room for anything."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


# --- objects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_the_api_server_takes_all_objects_and_pod_security_the_pods_of(api: Api, chart: Chart, values: Values) -> None:
    rendered = chart.render(values)
    objects = [*rendered, pod_of(pick(rendered, "Deployment"), NAMESPACE)]
    told = api.kubectl(*DRY, told=as_list(objects))
    assert told.count("serverside-applied (server dry run)") == len(objects)


def account_named(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}}


def test_the_crds_are_those_of_the_repository(api: Api, chart: Chart) -> None:
    rendered = chart.render(LEAST, "--set=crds.enabled=true", "--show-only=templates/crds.yaml")
    there = {crd["metadata"]["name"]: crd for crd in json.loads(api.kubectl("get", "crd", "-o", "json"))["items"]}
    for crd in rendered:
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        dry = json.loads(api.kubectl(*DRY, "--force-conflicts", "-o", "json", told=json.dumps(crd)))
        assert dry["spec"] == there[crd["metadata"]["name"]]["spec"]
    assert len(rendered) == sum(name.endswith(".gpucost.io") for name in there)


def test_a_pod_with_more_rights_is_refused_there(api: Api, chart: Chart) -> None:
    values: Values = {**LEAST, "securityContext": {"allowPrivilegeEscalation": True}}
    pod = pod_of(pick(chart.render(values), "Pod"), NAMESPACE)
    refusal = api.refusal("create", "--dry-run=server", "-f", "-", told=json.dumps(pod))
    assert "violates PodSecurity" in refusal


# --- rights ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Worker:
    """One account, and what an operator does with it."""

    client: ApiClient
    number: int
    """No other worker has it: for names."""
    card: Object
    report: StoredReport
    """One that is gone."""
    cluster_report: StoredClusterReport
    """One that is gone."""

    @property
    def store(self) -> RememberingStore:
        return RememberingStore(self.client, operator_namespace=NAMESPACE, memory=ReportMemory())

    @property
    def day(self) -> Period:
        start = DAY.start + timedelta(days=self.number)
        return Period(start, start + timedelta(days=1), PeriodKind.DAY)

    def watch(self, plural: str) -> None:
        """As kopf does."""
        status = self.ask("GET", f"/apis/gpucost.io/v1alpha1/{plural}?watch=true")
        if status != 200:
            raise GpuCostError(f"{status} for a watch of {plural}")

    def ask(self, method: str, path: str, body: Object | None = None) -> int:
        """The status of the answer."""
        headers = {"Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"}
        self.client.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
        answer = self.client.rest_client.pool_manager.request(
            method,
            f"{self.client.configuration.host}{path}",
            headers=headers,
            body=None if body is None else json.dumps(body),
            preload_content=False,
        )
        answer.close()
        return int(answer.status)

    def lead(self) -> None:
        api = KubeLeaseApi(self.client, NAMESPACE, call_seconds=5, name=f"lease-{self.number}")
        lease = Lease(api, "me", LeaseTiming())
        for _ in range(2):
            lease.step()
            if lease.problem:
                raise GpuCostError(lease.problem)

    def decide(self) -> None:
        window = WindowSpec(
            start=format_time(self.day.start), end=format_time(self.day.end), chunk=0, chunks=0, data="", digest="none"
        )
        self.store.create_record((window,))


WORK: dict[str, Callable[[Worker], object]] = {
    "it reads pods, nodes and namespaces": lambda worker: LiveCluster(worker.client).read(),
    "it reads rate cards": lambda worker: worker.store.read_rate_cards(),
    "it watches rate cards": lambda worker: worker.watch("gpuratecards"),
    "it says what becomes of a card": lambda worker: worker.store.write_rate_card_status(
        worker.card, RateCardStatus(observed_generation=1, nodes_in_force=0)
    ),
    "it tells by an Event that a card is bad": lambda worker: worker.store.tell_of_rate_card(
        worker.card,
        Happening(type="Warning", reason="Tried", message="Tried.", key=str(worker.number)),
        datetime.now(UTC),
    ),
    "it decides a window": Worker.decide,
    "it reads what was decided": lambda worker: worker.store.read_records(DAY.start),
    "it removes what every report has": lambda worker: worker.store.delete_records(worker.day.end),
    "it writes a report": lambda worker: worker.store.write_report(
        make_report(NAMESPACE, f"team-{worker.number}"), None
    ),
    "it reads the reports of a day": lambda worker: worker.store.read_reports(DAY),
    "it reads one report": lambda worker: worker.store.read_one(key_of(worker.report)),
    "it watches reports": lambda worker: worker.watch("gpucostreports"),
    "it removes a report": lambda worker: worker.store.remove(worker.report),
    "it writes the cluster's report": lambda worker: worker.store.write_cluster_report(
        make_cluster_report(worker.day), None
    ),
    "it finds the cluster's last report": lambda worker: worker.store.latest_cluster_report(PeriodKind.DAY),
    "it reads one report of the cluster": lambda worker: worker.store.read_one(key_of(worker.cluster_report)),
    "it watches the cluster's reports": lambda worker: worker.watch("clustergpucostreports"),
    "it removes a report of the cluster": lambda worker: worker.store.remove(worker.cluster_report),
    "it takes the lead and keeps it": Worker.lead,
}


def failures(worker: Worker) -> set[str]:
    failed = set()
    for sentence, work in WORK.items():
        try:
            work(worker)
        except Conflict:
            continue  # others wrote before it: the right to do so was there
        except GpuCostError as error:
            failed.add(sentence if "403" in str(error) else f"{sentence}: {error}")
    return failed


Grant = tuple[str, str, str]
"""Name of the role, resource, verb."""


def grants_of(roles: list[Object]) -> list[Grant]:
    return [
        (role["metadata"]["name"], resource, verb)
        for role in roles
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]


def without(role: Object, taken: Grant | None, suffix: str) -> Object:
    rules = [
        {"apiGroups": rule["apiGroups"], "resources": [resource], "verbs": verbs}
        for rule in role["rules"]
        for resource in rule["resources"]
        if (verbs := [verb for verb in rule["verbs"] if (role["metadata"]["name"], resource, verb) != taken])
    ]
    return renamed({**role, "rules": rules}, suffix)


def renamed(each: Object, suffix: str) -> Object:
    return {**each, "metadata": {**each["metadata"], "name": f"{each['metadata']['name']}-{suffix}"}}


def bound(binding: Object, suffix: str) -> Object:
    role = {**binding["roleRef"], "name": f"{binding['roleRef']['name']}-{suffix}"}
    (subject,) = binding["subjects"]
    return renamed({**binding, "roleRef": role, "subjects": [{**subject, "name": f"gpucost-{suffix}"}]}, suffix)


@dataclass(frozen=True)
class Accounts:
    """Each with the chart's rights less one."""

    api: Api
    plane: ControlPlane
    objects: list[Object]
    """The chart's."""
    folder: Path
    card: Object
    report: StoredReport
    cluster_report: StoredClusterReport

    @property
    def roles(self) -> list[Object]:
        names = ("ClusterRole", "Role")
        return [
            each for each in self.objects if each["kind"] in names and not each["metadata"]["name"].endswith("-view")
        ]

    def make(self, number: int, taken: Grant | None) -> Worker:
        suffix = f"less-{number}"
        bindings = [each for each in self.objects if each["kind"].endswith("Binding")]
        client = self.plane.client()
        client.create(account_named(f"gpucost-{suffix}"))
        for each in (
            *(without(role, taken, suffix) for role in self.roles),
            *(bound(each, suffix) for each in bindings),
        ):
            client.create(each)
        client.close()
        return self.worker(number, f"gpucost-{suffix}")

    def worker(self, number: int, account: str) -> Worker:
        request = AuthenticationV1TokenRequest(spec=V1TokenRequestSpec(audiences=[], expiration_seconds=3600))
        told = CoreV1Api(self.api.client).create_namespaced_service_account_token(account, NAMESPACE, request)
        assert told.status
        path = with_token(self.plane.kubeconfig, told.status.token, self.folder / f"{account}.kubeconfig")
        return Worker(connect(path), number, self.card, self.report, self.cluster_report)


@pytest.fixture(scope="module")
def accounts(api: Api, plane: ControlPlane, chart: Chart, tmp_path_factory: pytest.TempPathFactory) -> Accounts:
    card = {"apiVersion": "gpucost.io/v1alpha1", "kind": "GpuRateCard", "metadata": {"name": "tried"}}
    api.kubectl("apply", "-f", "-", told=json.dumps({**card, "spec": EVERYTHING["rateCard"]["spec"]}))
    store = RememberingStore(api.client, operator_namespace=NAMESPACE, memory=ReportMemory())
    report = store.write_report(make_report(NAMESPACE, "gone"), None)
    cluster_report = store.write_cluster_report(make_cluster_report(), None)
    store.remove(report)
    store.remove(cluster_report)
    return Accounts(
        api,
        plane,
        chart.render(LEAST),
        tmp_path_factory.mktemp("accounts"),
        json.loads(api.kubectl("get", "grc", "tried", "-o", "json")),
        report,
        cluster_report,
    )


@pytest.fixture(scope="module")
def operator(accounts: Accounts) -> Worker:
    """With all of the chart's rights."""
    worker = accounts.make(1, None)
    assert eventually(lambda: not failures(worker)), failures(worker)
    return worker


def test_every_right_is_needed_and_none_is_missing(accounts: Accounts, operator: Worker) -> None:
    grants = grants_of(accounts.roles)
    workers = [accounts.make(number, grant) for number, grant in enumerate(grants, start=2)]
    assert eventually(lambda: len(failures(workers[-1])) < len(WORK))  # its rights are known by now, so are the others'
    needless = [grant for grant, worker in zip(grants, workers, strict=True) if not failures(worker)]
    assert needless == []
    assert failures(operator) == set()


REFUSED: dict[str, tuple[str, str]] = {
    f"{method} {path}": (method, path)
    for place in (
        "/api/v1/namespaces/{own}/pods",
        "/api/v1/namespaces/{own}/secrets",
        "/api/v1/namespaces/{own}/configmaps",
        "/api/v1/namespaces/{own}/serviceaccounts",
        "/api/v1/namespaces/kube-system/secrets",
        "/api/v1/namespaces/{own}/events",
        "/api/v1/nodes",
        "/api/v1/namespaces",
        "/apis/apps/v1/namespaces/{own}/deployments",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
        "/apis/gpucost.io/v1alpha1/gpuratecards",
        "/apis/gpucost.io/v1alpha1/namespaces/default/gpucostwindows",
    )
    for method, path in (
        ("POST", place),
        ("DELETE", place),
        *((method, f"{place}/a") for method in ("PUT", "PATCH", "DELETE")),
    )
} | {
    f"{method} {path}": (method, path)
    for method, path in (
        ("PATCH", "/api/v1/nodes/a/status"),
        ("PATCH", "/api/v1/namespaces/{own}/pods/a/status"),
        ("POST", "/api/v1/namespaces/{own}/pods/a/binding"),
        ("POST", "/api/v1/namespaces/{own}/pods/a/eviction"),
        ("POST", "/api/v1/namespaces/{own}/pods/a/exec?command=ls"),
        ("POST", "/api/v1/namespaces/{own}/serviceaccounts/gpucost/token"),
        ("PUT", "/api/v1/namespaces/kube-system/finalize"),
        ("PATCH", "/apis/apps/v1/namespaces/{own}/deployments/a/scale"),
    )
}


def test_it_can_write_nothing_else(operator: Worker) -> None:
    answers = {
        sentence: operator.ask(
            method, path.replace("{own}", NAMESPACE), {} if method in ("PUT", "PATCH", "POST") else None
        )
        for sentence, (method, path) in REFUSED.items()
    }
    assert answers == dict.fromkeys(REFUSED, 403)


UNREADABLE = ("secrets", "configmaps", "serviceaccounts")


def test_it_can_read_no_secrets_and_no_configmaps(operator: Worker) -> None:
    for plural in UNREADABLE:
        assert operator.ask("GET", f"/api/v1/namespaces/{NAMESPACE}/{plural}") == 403
        assert operator.ask("GET", f"/api/v1/{plural}") == 403


WRITES_ANYWHERE = {
    "gpuratecards/status": {"patch"},
    "gpucostreports": {"create", "patch", "delete"},
    "gpucostreports/status": {"patch"},
    "clustergpucostreports": {"create", "patch", "delete"},
    "clustergpucostreports/status": {"patch"},
}
WRITES: dict[str, dict[str, set[str]]] = {
    NAMESPACE: {"gpucostwindows": {"create", "delete"}, "leases": {"create", "update"}},
    "default": {"events": {"create"}},
    "kube-system": {},
}


@pytest.mark.parametrize("namespace", WRITES)
def test_it_writes_its_own_kinds_a_lease_and_events(operator: Worker, namespace: str) -> None:
    asked = V1SelfSubjectRulesReview(spec=V1SelfSubjectRulesReviewSpec(namespace=namespace))
    review = AuthorizationV1Api(operator.client).create_self_subject_rules_review(asked)
    assert review.status
    found: dict[str, set[str]] = {}
    for rule in review.status.resource_rules:
        for resource in rule.resources or ():
            if writes := set(rule.verbs) - {"get", "list", "watch"}:
                found.setdefault(resource, set()).update(writes)
    of_everyone = {f"selfsubject{what}reviews" for what in ("", "access", "rules")}
    assert {key: verbs for key, verbs in found.items() if key not in of_everyone} == {
        **WRITES_ANYWHERE,
        **WRITES[namespace],
    }


MAY: dict[str, tuple[str, str, str]] = {
    "who views may list reports": ("view", "list", "yes"),
    "who views may not write them": ("view", "patch", "no"),
    "nor may who edits": ("edit", "patch", "no"),
    "nor an admin of the namespace": ("admin", "delete", "no"),
}


@pytest.mark.parametrize(("role", "verb", "answer"), MAY.values(), ids=MAY)
def test_nobody_edits_their_own_bill(api: Api, chart: Chart, role: str, verb: str, answer: str) -> None:
    view = [each for each in chart.render(LEAST) if each["metadata"]["name"].endswith("-view")]
    api.kubectl("apply", "-f", "-", told=as_list(view))
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"people-{role}", "namespace": "default"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"user-{role}"}],
    }
    api.kubectl("apply", "-f", "-", told=json.dumps(binding))

    asked = ("gpucostreports", f"--as=user-{role}", "-n", "default")
    assert eventually(lambda: may(api, "list", *asked) == "yes")
    assert may(api, verb, *asked) == answer


def may(api: Api, *asked: str) -> str:
    """kubectl ends with 1 where it says no."""
    command = ("auth", "can-i", *asked)
    done = subprocess.run(
        [str(api.kubectl_path), "--kubeconfig", str(api.kubeconfig), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()
