"""What helm makes of the chart, without a cluster."""

import os
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from chart_rendering import (
    CHART,
    EVERYTHING,
    MATRIX,
    NAMESPACE,
    URL,
    Chart,
    Object,
    Values,
    configuration_of,
    pick,
)

from gpucost.app.configuration.settings import load_settings

pytestmark = pytest.mark.cluster

ROLE = Path(__file__).with_name("operator_role.yaml")
GOLDEN = Path(__file__).parents[1] / "unit" / "chart" / "golden"
META = yaml.safe_load((CHART / "Chart.yaml").read_text())
COMMON = {
    "app.kubernetes.io/name": "gpucost",
    "app.kubernetes.io/instance": "gpucost",
    "app.kubernetes.io/version": META["appVersion"],
    "app.kubernetes.io/managed-by": "Helm",
    "helm.sh/chart": f"gpucost-{META['version']}",
}
PROMETHEUS = {"prometheus": {"url": URL}}
KUBERNETES = ("1.31", "1.34", "1.37")
OTHERS = ("monitoring.coreos.com/", "gpucost.io/")
"""Kinds of these are no part of Kubernetes."""
CONTRADICTIONS: dict[str, tuple[Values, str]] = {
    "no URL": ({}, "prometheus.url is not set; name the Prometheus"),
    "two URLs": (
        {**PROMETHEUS, "config": {"prometheus": {"url": URL}}},
        "prometheus.url and config.prometheus.url are both set",
    ),
    "a password in the URL": ({"prometheus": {"url": "https://me:secret@prometheus"}}, "prometheus.url holds a user's"),
    "a password in the configuration's": (
        {"config": {"prometheus": {"url": "https://me:secret@prometheus"}}},
        "prometheus.url holds a user's",
    ),
    "two tokens": (
        {
            "prometheus": {"url": URL, "tokenSecret": {"name": "a"}},
            "config": {"prometheus": {"tokenFile": "/token"}},
        },
        "prometheus.tokenSecret and config.prometheus.tokenFile are both set",
    ),
    "a token and a password": (
        {"prometheus": {"url": URL, "tokenSecret": {"name": "a"}, "basicAuthSecret": {"name": "b"}}},
        "a token (prometheus.tokenSecret or config.prometheus.tokenFile) and a user's name or password",
    ),
    "a password of the configuration too": (
        {
            "prometheus": {"url": URL, "basicAuthSecret": {"name": "a"}},
            "config": {"prometheus": {"passwordFile": "/password"}},
        },
        "prometheus.basicAuthSecret and config.prometheus.passwordFile are both set",
    ),
    "a certificate that nobody asks for": (
        {"prometheus": {"url": "http://p", "clientCertificateSecret": {"name": "a"}}},
        "prometheus.url is no https URL",
    ),
    "a certificate of the configuration too": (
        {
            "prometheus": {"url": "https://p", "clientCertificateSecret": {"name": "a"}},
            "config": {"prometheus": {"certificateFile": "/tls.crt", "keyFile": "/tls.key"}},
        },
        "prometheus.clientCertificateSecret and config.prometheus.certificateFile are both set",
    ),
    "a token, and a password of the configuration": (
        {
            "prometheus": {"url": URL, "tokenSecret": {"name": "a"}},
            "config": {"prometheus": {"usernameFile": "/name", "passwordFile": "/password"}},
        },
        "and passwordFile) are both set, and there is one Authorization header",
    ),
    "a token and a password of the configuration alone": (
        {**PROMETHEUS, "config": {"prometheus": {"tokenFile": "/a", "usernameFile": "/b", "passwordFile": "/c"}}},
        "and passwordFile) are both set, and there is one Authorization header",
    ),
    "a name without a password": (
        {**PROMETHEUS, "config": {"prometheus": {"usernameFile": "/name"}}},
        "of config.prometheus.usernameFile and config.prometheus.passwordFile one is set",
    ),
    "a certificate of the configuration that nobody asks for": (
        {
            "prometheus": {"url": "http://p"},
            "config": {"prometheus": {"certificateFile": "/tls.crt", "keyFile": "/tls.key"}},
        },
        "config.prometheus.certificateFile) is set and prometheus.url is no https URL",
    ),
    "a header that is ours": (
        {"prometheus": {"url": URL, "headerSecrets": [{"header": "Authorization", "name": "a", "key": "b"}]}},
        "the header authorization tells who we are",
    ),
    "too many headers": (
        {
            "prometheus": {
                "url": URL,
                "tenantSecret": {"name": "a"},
                "headerSecrets": [{"header": f"X-{number}", "name": "b", "key": "c"} for number in range(20)],
            }
        },
        "21 headers are set for Prometheus",
    ),
    "two tenants": (
        {
            "prometheus": {
                "url": URL,
                "tenantSecret": {"name": "a"},
                "headerSecrets": [{"header": "x-scope-orgid", "name": "b", "key": "c"}],
            }
        },
        "the header x-scope-orgid is set twice",
    ),
    "a header of the configuration too": (
        {
            "prometheus": {"url": URL, "tenantSecret": {"name": "a"}},
            "config": {"prometheus": {"headers": {"X-Scope-OrgID": "/tenant"}}},
        },
        "the header X-Scope-OrgID is set twice, among them in config.prometheus.headers",
    ),
    "two sources of certificates": (
        {"prometheus": {"url": URL, "caSecret": {"name": "a"}, "caConfigMap": {"name": "b"}}},
        "prometheus.caSecret and prometheus.caConfigMap are both set",
    ),
    "certificates of the configuration too": (
        {"prometheus": {"url": URL, "caSecret": {"name": "a"}}, "config": {"prometheus": {"caFile": "/ca.crt"}}},
        "config.prometheus.caFile are both set",
    ),
    "another address": ({**PROMETHEUS, "config": {"listen": "0.0.0.0:9000"}}, "config.listen cannot be set"),
    "another namespace": ({**PROMETHEUS, "config": {"namespace": "costs"}}, "config.namespace is costs"),
    "two monitors": (
        {**PROMETHEUS, "metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
        "metrics.serviceMonitor and metrics.podMonitor are both enabled",
    ),
    "no account": ({**PROMETHEUS, "serviceAccount": {"create": False}}, "name the account to use"),
    "replicas that do not agree who leads": (
        {**PROMETHEUS, "replicaCount": 2, "config": {"leaderElection": {"enabled": False}}},
        "replicaCount is 2 and config.leaderElection.enabled is false",
    ),
    "a budget for one": ({**PROMETHEUS, "podDisruptionBudget": {"enabled": True}}, "set replicaCount to 2"),
}
NO_SUCH_VALUES: dict[str, tuple[Values, str]] = {
    "an unknown value": ({**PROMETHEUS, "replicas": 2}, "replicas"),
    "an unknown value within": ({"prometheus": {"url": URL, "bearer": "abc"}}, "bearer"),
    "an unknown key of the configuration": ({**PROMETHEUS, "config": {"windw": "5m"}}, "windw"),
    "an unknown key within it": ({**PROMETHEUS, "config": {"labels": {"squad": ["a"]}}}, "squad"),
    "no URL at all": ({"prometheus": {"url": "prometheus:9090"}}, "url"),
    "a text for a number": ({**PROMETHEUS, "replicaCount": "two"}, "replicaCount"),
    "a port that there is not": ({**PROMETHEUS, "service": {"port": 70000}}, "port"),
    "a digest that is none": ({**PROMETHEUS, "image": {"digest": "latest"}}, "digest"),
}


@pytest.fixture
def chart(helm: Path, tmp_path: Path) -> Chart:
    return Chart(helm, tmp_path)


def golden_text(objects: list[Object]) -> str:
    """Without what all objects have."""
    return "---\n".join(
        yaml.safe_dump({**each, "metadata": without_common_labels(each["metadata"])}, sort_keys=False, width=110)
        for each in sorted(objects, key=lambda each: (each["kind"], each["metadata"]["name"]))
    )


def without_common_labels(metadata: Object) -> Object:
    """Raises AssertionError where one is missing."""
    labels = dict(metadata["labels"])
    assert {key: labels.pop(key, None) for key in COMMON} == COMMON
    return {
        **{key: part for key, part in metadata.items() if key != "labels"},
        **({"labels": labels} if labels else {}),
    }


def test_helm_finds_nothing_to_complain_of(chart: Chart) -> None:
    for values in ({}, *MATRIX.values()):
        told = chart.run("lint", "--strict", str(CHART), "-f", chart.file(values))
        assert "0 chart(s) failed" in told
        assert "WARNING" not in told


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_as_the_schemas_of_kubernetes_say(chart: Chart, version: str) -> None:
    """The oldest that the chart takes, one between, and the newest."""
    for sentence, values in MATRIX.items():
        for each in chart.render(values):
            if not each["apiVersion"].startswith(OTHERS):
                told = kubernetes_validate.validate(each, version, strict=True)
                assert told.startswith(version), sentence


def test_an_object_that_is_not_as_they_say_is_found(chart: Chart) -> None:
    deployment = pick(chart.render(PROMETHEUS), "Deployment")
    deployment["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(deployment, KUBERNETES[0], strict=True)


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_the_operator_takes_the_configuration_of(
    chart: Chart, values: Values, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPUCOST_NAMESPACE", NAMESPACE)
    path = tmp_path / "config.yaml"
    path.write_text(configuration_of(chart.render(values)))
    settings = load_settings(path)
    assert settings.telemetry().url in (
        URL,
        "https://thanos.monitoring.svc:9091/tenant",
        "https://mimir.example.com/prometheus",
    )
    assert settings.listen == "0.0.0.0:8080"


def test_the_configuration_comes_through_to_the_letter(chart: Chart, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(configuration_of(chart.render(EVERYTHING)))
    prometheus = load_settings(path).prometheus
    assert prometheus.max_answer_bytes == 67108864
    assert str(prometheus.token_file) == "/etc/gpucost/prometheus/token"
    assert str(prometheus.ca_file) == "/etc/gpucost/prometheus/ca.crt"


SECRETS: Values = {
    "prometheus": {
        "url": "https://mimir.example.com/prometheus",
        "basicAuthSecret": {"name": "reader"},
        "clientCertificateSecret": {"name": "gpucost-client", "privateKeyKey": "key.pem"},
        "tenantSecret": {"name": "tenants", "key": "blue"},
        "headerSecrets": [{"header": "X-Api-Key", "name": "gateway", "key": "api-key"}],
    },
    "config": {"prometheus": {"headers": {"X-Plain": "/etc/plain"}}},
}


def test_credentials_are_files_of_secrets_and_nothing_else(chart: Chart, tmp_path: Path) -> None:
    documents = chart.render(SECRETS)
    path = tmp_path / "config.yaml"
    path.write_text(configuration_of(documents))
    telemetry = load_settings(path).telemetry()
    folder = Path("/etc/gpucost/prometheus")
    assert dict(telemetry.header_files) == {
        "X-Scope-OrgID": folder / "headers" / "X-Scope-OrgID",
        "X-Api-Key": folder / "headers" / "X-Api-Key",
        "X-Plain": Path("/etc/plain"),
    }
    (deployment,) = (each for each in documents if each["kind"] == "Deployment")
    (volume,) = (each for each in deployment["spec"]["template"]["spec"]["volumes"] if each["name"] == "prometheus")
    mounted = {
        folder / item["path"]: (source["secret"]["name"], item["key"])
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
    assert mounted == {
        telemetry.username_file: ("reader", "username"),
        telemetry.password_file: ("reader", "password"),
        telemetry.certificate_file: ("gpucost-client", "tls.crt"),
        telemetry.key_file: ("gpucost-client", "key.pem"),
        folder / "headers" / "X-Scope-OrgID": ("tenants", "blue"),
        folder / "headers" / "X-Api-Key": ("gateway", "api-key"),
    }


@pytest.mark.parametrize(("values", "sentence"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_sentence_tells_what_contradicts_itself(chart: Chart, values: Values, sentence: str) -> None:
    assert sentence in chart.refusal(values)


@pytest.mark.parametrize(("values", "named"), NO_SUCH_VALUES.values(), ids=NO_SUCH_VALUES)
def test_what_the_schema_does_not_know_is_refused_by_name(chart: Chart, values: Values, named: str) -> None:
    told = chart.refusal(values)
    assert "schema" in told
    assert named in told


def test_the_objects_are_those_of_the_golden_files(chart: Chart) -> None:
    """Run with UPDATE_GOLDEN=1 to write them anew. The second has only what differs from the first."""
    least = chart.render(PROMETHEUS)
    shown = {"only-the-url": least, "everything": [each for each in chart.render(EVERYTHING) if each not in least]}
    for name, objects in shown.items():
        path, text = GOLDEN / f"{name}.yaml", golden_text(objects)
        if os.environ.get("UPDATE_GOLDEN"):
            path.write_text(text)
        assert text == path.read_text()


def test_the_tests_of_the_operator_grant_what_the_chart_grants(chart: Chart) -> None:
    granted = list(yaml.safe_load_all(ROLE.read_text()))
    assert rules_by_scope(granted) == rules_by_scope(chart.render(PROMETHEUS))


def rules_by_scope(objects: list[Object]) -> dict[tuple[str, str], list[Object]]:
    """Of the operator's roles; all but those in ``default`` are in its own namespace."""
    return {
        (role["kind"], "events" if role["metadata"].get("namespace") == "default" else ""): role["rules"]
        for role in objects
        if role["kind"] in ("Role", "ClusterRole") and not role["metadata"]["name"].endswith("-view")
    }


def test_no_secret_is_named_but_by_its_name(chart: Chart) -> None:
    for pod in (
        pick(chart.render(EVERYTHING), "Deployment")["spec"]["template"],
        pick(chart.render(EVERYTHING), "Pod"),
    ):
        (container,) = pod["spec"]["containers"]
        assert {entry["name"] for entry in container.get("env", ())} <= {"POD_NAME"}
        assert "secret" not in " ".join(container["args"]).lower()
    assert [each for each in chart.render(EVERYTHING) if each["kind"] == "Secret"] == []


def test_names_stay_within_their_length(chart: Chart) -> None:
    for each in chart.render(PROMETHEUS, release="a" * 53):
        assert len(each["metadata"]["name"]) <= 63
        assert all(len(str(label)) <= 63 for label in each["metadata"].get("labels", {}).values())


def test_users_that_openshift_chooses_are_left_to_it(chart: Chart) -> None:
    objects = chart.render(MATRIX["OpenShift, which chooses the user"])
    for pod in (pick(objects, "Deployment")["spec"]["template"], pick(objects, "Pod")):
        assert pod["spec"]["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


POLICY_PORTS = {
    "that of the URL": ({"prometheus": {"url": "http://prometheus:9090/path"}}, 9090),
    "http": ({"prometheus": {"url": "http://prometheus"}}, 80),
    "https": ({"prometheus": {"url": "https://prometheus/a:1"}}, 443),
    "an IPv6 address": ({"prometheus": {"url": "http://[fd00::9]/"}}, 80),
    "the pods' own": ({"prometheus": {"url": "http://mimir"}, "networkPolicy": {"prometheusPort": 8080}}, 8080),
}


@pytest.mark.parametrize(("values", "port"), POLICY_PORTS.values(), ids=POLICY_PORTS)
def test_the_network_policy_lets_the_operator_reach_prometheus(chart: Chart, values: Values, port: int) -> None:
    policy = pick(chart.render(values, "--set=networkPolicy.enabled=true,crds.enabled=false"), "NetworkPolicy")
    assert policy["spec"]["egress"][-1] == {"ports": [{"port": port}]}


def test_a_package_has_all_that_an_install_needs(chart: Chart, tmp_path: Path) -> None:
    chart.run("package", str(CHART), "-d", str(tmp_path))
    (package,) = tmp_path.glob("gpucost-*.tgz")
    documents = yaml.safe_load_all(chart.run("template", "a", str(package), "-f", chart.file(PROMETHEUS)))
    kinds = [document["kind"] for document in documents if document]
    assert kinds.count("CustomResourceDefinition") == len(list((CHART / "files" / "crds").iterdir()))


NOTES: dict[str, tuple[Values, str]] = {
    "where there are no rates": (PROMETHEUS, "public list prices stand in"),
    "where nothing is scraped": (PROMETHEUS, "Set metrics.serviceMonitor.enabled"),
    "that a token goes in clear": ({"prometheus": {"url": URL, "tokenSecret": {"name": "a"}}}, "use an https URL"),
    "that a key in a header goes in clear": (
        {"prometheus": {"url": URL, "headerSecrets": [{"header": "X-Api-Key", "name": "a", "key": "b"}]}},
        "use an https URL",
    ),
    "that nothing runs": ({**PROMETHEUS, "replicaCount": 0}, "replicaCount is 0"),
    "that an uninstall deletes reports": ({**PROMETHEUS, "crds": {"keep": False}}, "will delete every report"),
    "that CRDs are somebody else's": ({**PROMETHEUS, "crds": {"enabled": False}}, "waits until somebody installs"),
    "that rights must be granted": ({**PROMETHEUS, "rbac": {"create": False}}, "grant the account gpucost what"),
}


@pytest.mark.parametrize(("values", "sentence"), NOTES.values(), ids=NOTES)
def test_the_notes_tell(chart: Chart, tmp_path: Path, values: Values, sentence: str) -> None:
    assert sentence in notes(chart, tmp_path, values)


def test_the_notes_warn_of_nothing_where_nothing_is_missing(chart: Chart, tmp_path: Path) -> None:
    told = notes(chart, tmp_path, EVERYTHING)
    assert "What to do next" in told
    assert "What may be missing" not in told


def notes(chart: Chart, folder: Path, values: Values) -> str:
    """As an object, since helm makes the notes themselves only where it installs into a cluster."""
    copy = folder / "noted"
    shutil.copytree(CHART, copy)
    told = (copy / "templates" / "NOTES.txt").read_text()
    (copy / "templates" / "_notes.tpl").write_text(f'{{{{ define "notes" }}}}{told}{{{{ end }}}}')
    (copy / "templates" / "notes.yaml").write_text('notes: {{ include "notes" . | quote }}')
    shown = ("--show-only=templates/notes.yaml", "-f", chart.file(values))
    return str(yaml.safe_load(chart.run("template", "gpucost", str(copy), "-n", NAMESPACE, *shown))["notes"])


ALERTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "nothing is heard": ({}, {"GpuCostDown"}),
    "all is well": (
        {"gpucost_windows_behind": "0x200", "gpucost_committed_until_timestamp_seconds": "0+60x200"},
        set(),
    ),
    "one of two leads": (
        {
            "gpucost_windows_behind": "0x200",
            'gpucost_leader{pod="a"}': "1x200",
            'gpucost_leader{pod="b"}': "0x200",
        },
        set(),
    ),
    "nobody leads": (
        {
            "gpucost_windows_behind": "0x200",
            'gpucost_leader{pod="a"}': "0x200",
            'gpucost_leader{pod="b"}': "0x200",
        },
        {"GpuCostNobodyLeads"},
    ),
    "a configuration is refused": (
        {"gpucost_windows_behind": "0x200", "gpucost_config_refused": "1x200"},
        {"GpuCostConfigRefused"},
    ),
    "windows stop": (
        {"gpucost_windows_behind": "0+1x200", "gpucost_committed_until_timestamp_seconds": "0x200"},
        {"GpuCostBehind"},
    ),
    "a source is away": (
        {"gpucost_windows_behind": "0x200", 'gpucost_attempt_failures_total{reason="SourceUnavailable"}': "0+1x200"},
        {"GpuCostFailing"},
    ),
    "an answer was partial": (
        {"gpucost_windows_behind": "0x200", 'gpucost_windows_incomplete_total{reason="PartialAnswer"}': "0+1x200"},
        {"GpuCostWindowsIncomplete"},
    ),
    "a node has no rate": (
        {
            "gpucost_windows_behind": "0x200",
            'gpucost_node_info{node="a",rate=""}': "1x200",
            'gpucost_node_info{node="b",rate="2.5"}': "1x200",
        },
        {"GpuCostNodeWithoutRate"},
    ),
    "a card is refused": (
        {"gpucost_windows_behind": "0x200", 'gpucost_rate_cards{state="refused"}': "1x200"},
        {"GpuCostRateCardRefused"},
    ),
    "cards are accepted": (
        {"gpucost_windows_behind": "0x200", 'gpucost_rate_cards{state="accepted"}': "3x200"},
        set(),
    ),
    "an exporter prints nonsense": (
        {"gpucost_windows_behind": "0x200", 'gpucost_samples_dropped_total{reason="sentinel"}': "0+9x200"},
        {"GpuCostSamplesDropped"},
    ),
}


def test_alerts_fire_when_they_should(chart: Chart, prometheus_binaries: dict[str, Path], tmp_path: Path) -> None:
    rules = pick(chart.render(EVERYTHING), "PrometheusRule")["spec"]
    names = [rule["alert"] for rule in rules["groups"][0]["rules"]]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    cases: list[Object] = [
        {
            "name": sentence,
            "interval": "1m",
            "input_series": [{"series": in_namespace(name), "values": values} for name, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count by (alertname) (ALERTS{{alertname="{name}",alertstate="firing"}})',
                    "eval_time": "3h",
                    "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1}] if name in firing else [],
                }
                for name in names
            ],
        }
        for sentence, (series, firing) in ALERTS.items()
    ]
    trial = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": cases}
    (tmp_path / "trial.yaml").write_text(yaml.safe_dump(trial))
    promtool = str(prometheus_binaries["promtool"])
    for command in (("check", "rules", "--lint=all", "--lint-fatal"), ("test", "rules")):
        file = "rules.yaml" if command[0] == "check" else "trial.yaml"
        done = subprocess.run([promtool, *command, file], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert {name for _, firing in ALERTS.values() for name in firing} == set(names)


def in_namespace(series: str) -> str:
    name, _, labels = series.partition("{")
    return f'{name}{{namespace="{NAMESPACE}",{labels or "}"}'
