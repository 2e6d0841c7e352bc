"""The chart, and values to render it with."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "charts" / "gpucost"
NAMESPACE = "gpucost"
URL = "http://prometheus.monitoring.svc:9090"

Object = dict[str, Any]
Values = dict[str, Any]

CARD: Object = {"currency": "USD", "rates": [{"name": "all", "nodeHourly": "2.50"}]}
EVERYTHING: Values = {
    "prometheus": {
        "url": "https://thanos.monitoring.svc:9091/tenant",
        "tokenSecret": {"name": "prometheus-token"},
        "caConfigMap": {"name": "openshift-service-ca.crt", "key": "service-ca.crt"},
    },
    "config": {
        "window": "10m",
        "exchangeRates": {"EUR": 1.08},
        "leaderElection": {"leaseDuration": "15s"},
        "prometheus": {"matchers": ['cluster="prod"'], "maxAnswerBytes": 67108864},
    },
    "rateCard": {"name": "contract", "spec": CARD},
    "replicaCount": 2,
    "image": {"digest": f"sha256:{'0' * 64}"},
    "imagePullSecrets": [{"name": "registry"}],
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/gpucost"}},
    "service": {"port": 80, "annotations": {"example.com/owner": "platform"}},
    "metrics": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "kps"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "kps"}},
    },
    "networkPolicy": {"enabled": True, "ingressFrom": [{"namespaceSelector": {}}]},
    "podDisruptionBudget": {"enabled": True},
    "podLabels": {"team": "platform"},
    "podAnnotations": {"example.com/note": "none"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "system", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    ],
    "priorityClassName": "system-cluster-critical",
}
MATRIX: dict[str, Values] = {
    "nothing but the URL": {"prometheus": {"url": URL}},
    "the URL in the configuration": {"config": {"prometheus": {"url": URL}}},
    "everything": EVERYTHING,
    "a pod monitor": {"prometheus": {"url": URL}, "metrics": {"podMonitor": {"enabled": True, "interval": ""}}},
    "certificates from a Secret": {"prometheus": {"url": URL, "caSecret": {"name": "ca"}}},
    "an account that is there": {
        "prometheus": {"url": URL},
        "serviceAccount": {"create": False, "name": "own"},
        "rbac": {"create": False, "aggregateToView": False},
    },
    "other names": {"prometheus": {"url": URL}, "nameOverride": "costs", "fullnameOverride": "gpu-costs"},
    "OpenShift, which chooses the user": {
        "prometheus": {"url": URL},
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
    },
    "a network policy and no port in the URL": {
        "prometheus": {"url": "https://mimir.example.com/prometheus"},
        "networkPolicy": {"enabled": True},
    },
    "nothing runs": {"prometheus": {"url": URL}, "replicaCount": 0, "crds": {"keep": False}},
}


@dataclass(frozen=True)
class Chart:
    """What helm makes of it."""

    helm: Path
    folder: Path
    """Of the caller's own, for values."""
    namespace: str = NAMESPACE

    def render(self, values: Values, *arguments: str, release: str = "gpucost") -> list[Object]:
        """All objects; the CRDs, which are large and known, with the argument ``--set=crds.enabled=true`` only."""
        text = self.template(values, *(arguments or ("--set=crds.enabled=false",)), release=release)
        return [document for document in yaml.safe_load_all(text) if document]

    def template(self, values: Values, *arguments: str, release: str = "gpucost") -> str:
        return self.run("template", release, str(CHART), "-n", self.namespace, "-f", self.file(values), *arguments)

    def refusal(self, values: Values, *arguments: str) -> str:
        """The complaint about values that must not pass."""
        command = ("template", "gpucost", str(CHART), "-n", self.namespace, "-f", self.file(values), *arguments)
        done = self._run(*command)
        assert done.returncode != 0, f"rendered: {values}"
        return done.stderr

    def file(self, values: Values) -> str:
        path = self.folder / f"values-{len(list(self.folder.iterdir()))}.yaml"
        path.write_text(yaml.safe_dump(values))
        return str(path)

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """What helm prints to both, where it succeeds."""
        done = self._run(*arguments, environ=environ)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def _run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        home = {"HOME": str(self.folder)}  # where helm and its client keep what they fetched
        command = [str(self.helm), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60, env={**home, **(environ or {})}
        )


def pick(objects: list[Object], kind: str, name: str = "") -> Object:
    (found,) = (each for each in objects if each["kind"] == kind and name in ("", each["metadata"]["name"]))
    return found


def configuration_of(objects: list[Object]) -> str:
    """The text of the file that the operator reads."""
    return str(pick(objects, "ConfigMap")["data"]["config.yaml"])


def pod_of(workload: Object, namespace: str) -> Object:
    """The pod that a Deployment makes; or, where it is one, the pod itself."""
    template = workload if workload["kind"] == "Pod" else workload["spec"]["template"]
    metadata = {**template["metadata"], "name": "tried", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
