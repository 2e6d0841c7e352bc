"""The service account's token is replaced in its file, and the one before is worth nothing any more."""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from past_morning import SETTLED, PastMorning, past_morning
from running_operator import NAMESPACE, RunningOperator, with_token

from sandbox.errors import SandboxError

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
HOUR = timedelta(hours=1)
CARD = """
apiVersion: gpucost.io/v1alpha1
kind: GpuRateCard
metadata: {name: written-later}
spec: {rates: [{name: all, nodeHourly: "3"}]}
"""


@pytest.fixture
def morning(
    control_plane_binaries: dict[str, Path], prometheus_binaries: dict[str, Path], kubectl: Path, tmp_path: Path
) -> Iterator[PastMorning]:
    assert control_plane_binaries
    assert prometheus_binaries
    assert kubectl
    with past_morning(tmp_path / "morning", hours=2 * HOUR, seed=8) as morning:
        yield morning


def give_account(morning: PastMorning, folder: Path, holder: str) -> None:
    """What a pod is given; the token dies with the Secret ``holder``, as a projected one does with its pod."""
    kubectl = morning.sandbox.kubectl
    kubectl("create", "secret", "generic", holder, "-n", NAMESPACE)
    bound_to = ("--bound-object-kind", "Secret", "--bound-object-name", holder)
    token = kubectl("create", "token", "gpucost", "-n", NAMESPACE, *bound_to).strip()
    cluster = yaml.safe_load(morning.kubeconfig.read_text())["clusters"][0]["cluster"]
    folder.mkdir(exist_ok=True)
    ca = cluster.get("certificate-authority-data")
    certificate = b64decode(ca) if ca else Path(cluster["certificate-authority"]).read_bytes()
    (folder / "ca.crt").write_bytes(certificate)
    (folder / "server").write_text(urlsplit(cluster["server"]).netloc)
    aside = folder / "token.new"
    aside.write_text(token)
    aside.rename(folder / "token")


def card_is_told(morning: PastMorning) -> bool:
    cards = json.loads(morning.sandbox.kubectl("get", "gpuratecards", "-o", "json"))["items"]
    return bool(cards and cards[0].get("status", {}).get("conditions"))


def is_worth_nothing(morning: PastMorning, token: str) -> bool:
    path = with_token(morning.kubeconfig, token, morning.kubeconfig.with_name("old.kubeconfig"))
    try:
        morning.sandbox.kubectl("get", "nodes", "--kubeconfig", str(path))
    except SandboxError as error:
        return "Unauthorized" in str(error) or "logged in" in str(error)
    return False


def test_the_operator_goes_on_with_the_new_token(morning: PastMorning, tmp_path: Path, eventually: Eventually) -> None:
    account = tmp_path / "account"
    give_account(morning, account, "first")
    first = (account / "token").read_text()
    morning.set_time(HOUR + SETTLED)
    url = morning.sandbox.prometheus_url
    with RunningOperator(tmp_path, account, url, now=morning.pace, haste=20) as operator:
        assert eventually(lambda: morning.is_at(HOUR), 60), operator.log()
        give_account(morning, account, "second")
        morning.sandbox.kubectl("delete", "secret", "first", "-n", NAMESPACE)
        assert eventually(lambda: is_worth_nothing(morning, first), 60)
        morning.set_time(2 * HOUR + SETTLED)
        assert eventually(lambda: morning.is_at(2 * HOUR), 60), operator.log()
        card = tmp_path / "card.yaml"
        card.write_text(CARD)
        morning.sandbox.kubectl("apply", "-f", str(card))
        assert eventually(lambda: "GpuRateCard written-later was written" in operator.log(), 60), operator.log()
        assert eventually(lambda: card_is_told(morning), 60), operator.log()
        assert operator.leads()
        assert operator.stop() < 10
    morning.assert_true(2 * HOUR)
