"""A real Prometheus behind TLS that asks for a client's certificate and for a user's name and password."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gpucost.app.configuration.settings import Settings
from gpucost.model.errors import GpuCostError, SourceUnavailable
from gpucost.telemetry.client import PrometheusClient
from sandbox.certificates import Certificates, write_certificates
from sandbox.processes import LOCALHOST, free_ports, running

pytestmark = pytest.mark.cluster

HASHES = {
    "test": "$2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay",
}
"""bcrypt of a password, from Prometheus' own documentation."""


@dataclass(frozen=True)
class Guarded:
    url: str
    folder: Path
    certificates: Certificates

    def ask(self, **changes: object) -> bytes:
        """``changes`` of the right settings; None: without."""
        pair = self.certificates.admin
        settings: dict[str, object] = {
            "url": self.url,
            "caFile": str(self.certificates.ca),
            "usernameFile": self.file("name", "reader\n"),
            "passwordFile": self.file("password", "test\n"),
            "certificateFile": str(pair.certificate),
            "keyFile": str(pair.key),
            "headers": {"X-Scope-OrgID": self.file("tenant", "blue")},
            **changes,
        }
        told = {key: value for key, value in settings.items() if value is not None}
        with PrometheusClient(Settings.model_validate({"prometheus": told}).telemetry()) as client:
            return client.custom_query("vector(1)")

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)


@pytest.fixture(scope="module")
def guarded(prometheus_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    certificates = write_certificates(folder / "keys")
    web = {
        "tls_server_config": {
            "cert_file": str(certificates.server.certificate),
            "key_file": str(certificates.server.key),
            "client_ca_file": str(certificates.ca),
            "client_auth_type": "RequireAndVerifyClientCert",
        },
        "basic_auth_users": {"reader": HASHES["test"]},
    }
    (folder / "web.yml").write_text(yaml.safe_dump(web))
    (folder / "prometheus.yml").write_text("{}")
    (port,) = free_ports(1)
    command = [
        prometheus_binaries["prometheus"],
        f"--config.file={folder / 'prometheus.yml'}",
        f"--web.config.file={folder / 'web.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOCALHOST}:{port}",
    ]
    found = Guarded(f"https://{LOCALHOST}:{port}", folder, certificates)
    with running("prometheus", command, log=folder / "prometheus.log") as process:
        process.wait_until(lambda: answers(found), 60)
        yield found


def answers(guarded: Guarded) -> bool:
    try:
        return b'"success"' in guarded.ask()
    except SourceUnavailable:
        return False


def test_who_shows_everything_gets_an_answer(guarded: Guarded) -> None:
    assert b'"success"' in guarded.ask()


REFUSED = {
    "no password": ({"usernameFile": None, "passwordFile": None}, r"refuses our account \(401\); set prometheus"),
    "no certificate of ours": ({"certificateFile": None, "keyFile": None}, "cannot be"),
    "no authority that we know": ({"caFile": None}, "set prometheus.caFile"),
}


@pytest.mark.parametrize(("changes", "told"), REFUSED.values(), ids=REFUSED)
def test_who_lacks_something_is_told(guarded: Guarded, changes: dict[str, object], told: str) -> None:
    with pytest.raises(GpuCostError, match=told):
        guarded.ask(**changes)


def test_a_wrong_password_is_told_and_not_repeated(guarded: Guarded) -> None:
    with pytest.raises(SourceUnavailable, match="401") as caught:
        guarded.ask(passwordFile=guarded.file("wrong", "hush-hush"))
    assert "hush-hush" not in str(caught.value)
    assert "passwordFile" in str(caught.value)


def test_a_certificate_and_the_key_of_another_are_told(guarded: Guarded) -> None:
    with pytest.raises(GpuCostError, match=r"prometheus\.keyFile .* cannot be used"):
        guarded.ask(keyFile=str(guarded.certificates.server.key))


def test_a_renewed_certificate_is_used_by_the_next_connection(guarded: Guarded, tmp_path: Path) -> None:
    """The one before is of an authority that nobody here knows."""
    foreign = write_certificates(tmp_path / "foreign").admin
    for name, file in (("tls.crt", foreign.certificate), ("tls.key", foreign.key)):
        (tmp_path / name).write_bytes(file.read_bytes())
    own = {
        **{"url": guarded.url, "caFile": str(guarded.certificates.ca)},
        **{"usernameFile": guarded.file("name", "reader"), "passwordFile": guarded.file("password", "test")},
        **{"certificateFile": str(tmp_path / "tls.crt"), "keyFile": str(tmp_path / "tls.key")},
    }
    with PrometheusClient(Settings.model_validate({"prometheus": own}).telemetry()) as client:
        with pytest.raises(SourceUnavailable):
            client.custom_query("vector(1)")
        for name, file in (
            ("tls.crt", guarded.certificates.admin.certificate),
            ("tls.key", guarded.certificates.admin.key),
        ):
            (tmp_path / name).write_bytes(file.read_bytes())
        assert b'"success"' in client.custom_query("vector(1)")
