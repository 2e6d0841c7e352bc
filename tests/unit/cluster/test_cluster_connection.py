from pathlib import Path

import pytest

from gpucost.cluster.connection import connect
from gpucost.model.errors import ConfigurationError

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: here, context: {cluster: c, user: u}}]
"""


def save(folder: Path, text: str = KUBECONFIG) -> Path:
    path = folder / "config"
    path.write_text(text)
    return path


def test_an_explicit_kubeconfig_beats_the_environment(tmp_path: Path) -> None:
    client = connect(save(tmp_path), environ={"KUBECONFIG": "/gone", "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert client.configuration.host == "https://127.0.0.1:1"


def test_the_environment_names_a_kubeconfig(tmp_path: Path) -> None:
    client = connect(environ={"KUBECONFIG": str(save(tmp_path))})
    assert client.configuration.host == "https://127.0.0.1:1"


def test_the_client_does_not_retry_on_its_own(tmp_path: Path) -> None:
    client = connect(save(tmp_path), environ={})
    assert client.configuration.retries is False


BROKEN = {
    "no file": None,
    "an empty file": "",
    "no YAML": "{",
    "another kind of YAML": "- 1\n- 2\n",
    "a text": "hello",
    "no contexts": "apiVersion: v1\nkind: Config\n",
    "a context without a cluster": KUBECONFIG.replace("cluster: c, user", "cluster: gone, user"),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_kubeconfig_is_a_sentence(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "config" if text is None else save(tmp_path, text)
    with pytest.raises(ConfigurationError, match=r"cannot be used: .*kubectl") as caught:
        connect(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pod_without_an_account_is_told_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="automountServiceAccountToken"):
        connect(environ={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})


def test_no_cluster_at_all_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match="No Kubernetes cluster is configured"):
        connect(environ={})
