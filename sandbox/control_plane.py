"""A real Kubernetes API: etcd, kube-apiserver and kube-controller-manager on 127.0.0.1.

There is no scheduler and no kubelet: a pod is bound by its ``spec.nodeName`` and lives by what is written to its
status. The node-lifecycle controller is left out, since without kubelets it would evict every pod.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gpucost.model.errors import GpuCostError
from sandbox.certificates import Certificates, write_certificates
from sandbox.kube import KubeClient
from sandbox.processes import LOCALHOST, Command, free_ports, running

_START_SECONDS = 60.0  # of a loaded machine; a quiet one takes 3
_NODE_CONTROLLERS = ("node-lifecycle-controller",)
_WORKLOAD_CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "daemonset-controller",
    "job-controller",
    "cronjob-controller",
    "ttl-after-finished-controller",
)


@dataclass(frozen=True, slots=True)
class ControlPlane:
    url: str
    kubeconfig: Path
    """Of a user who may do everything; carries its certificates."""

    def client(self) -> KubeClient:
        return KubeClient.from_kubeconfig(self.kubeconfig)


@contextmanager
def control_plane(
    binaries: Mapping[str, Path], folder: Path, *, workload_controllers: bool = True
) -> Iterator[ControlPlane]:
    """Runs until the block ends. Its thread must outlive the block: the servers die with it.

    ``workload_controllers`` False: Deployments, Jobs and the like make, adopt and end no pods.
    Raises SandboxError where a server does not come up.
    """
    etcd_port, peer_port, api_port, manager_port = free_ports(4)
    certificates = write_certificates(folder / "pki")
    url = f"https://{LOCALHOST}:{api_port}"
    kubeconfig = _write_kubeconfig(folder / "kubeconfig", url, certificates)
    plane = ControlPlane(url, kubeconfig)
    logs = folder / "logs"
    etcd: Command = [binaries["etcd"], *_etcd_flags(folder / "etcd", etcd_port, peer_port)]
    api: Command = [binaries["kube-apiserver"], *_api_flags(certificates, folder, etcd_port, api_port)]
    left_out = _NODE_CONTROLLERS + (() if workload_controllers else _WORKLOAD_CONTROLLERS)
    manager: Command = [
        binaries["kube-controller-manager"],
        *_manager_flags(certificates, kubeconfig, manager_port, left_out),
    ]
    with (
        running("etcd", etcd, log=logs / "etcd.log"),
        running("kube-apiserver", api, log=logs / "kube-apiserver.log") as api_server,
        closing(plane.client()) as client,
    ):
        api_server.wait_until(lambda: _answers(client, "/readyz"), _START_SECONDS)
        with running("kube-controller-manager", manager, log=logs / "kube-controller-manager.log") as controllers:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            controllers.wait_until(lambda: _answers(client, account), _START_SECONDS)
            yield plane


def _answers(client: KubeClient, path: str) -> bool:
    try:
        client.get(path)
    except GpuCostError:
        return False
    return True


def _etcd_flags(data: Path, port: int, peer_port: int) -> list[str]:
    client, peer = f"http://{LOCALHOST}:{port}", f"http://{LOCALHOST}:{peer_port}"
    return [
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _api_flags(certificates: Certificates, folder: Path, etcd_port: int, port: int) -> list[str]:
    return [
        f"--etcd-servers=http://{LOCALHOST}:{etcd_port}",
        f"--cert-dir={folder / 'pki'}",
        f"--tls-cert-file={certificates.server.certificate}",
        f"--tls-private-key-file={certificates.server.key}",
        f"--client-ca-file={certificates.ca}",
        f"--bind-address={LOCALHOST}",
        f"--secure-port={port}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--allow-privileged=true",
        "--authorization-mode=RBAC",
        f"--service-account-issuer=https://{LOCALHOST}:{port}/",
        f"--service-account-key-file={certificates.service_account_public_key}",
        f"--service-account-signing-key-file={certificates.service_account_key}",
        "--endpoint-reconciler-type=none",
    ]


def _manager_flags(certificates: Certificates, kubeconfig: Path, port: int, left_out: tuple[str, ...]) -> list[str]:
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--root-ca-file={certificates.ca}",
        f"--service-account-private-key-file={certificates.service_account_key}",
        "--use-service-account-credentials",
        f"--tls-cert-file={certificates.server.certificate}",
        f"--tls-private-key-file={certificates.server.key}",
        f"--bind-address={LOCALHOST}",
        f"--secure-port={port}",
        "--leader-elect=false",
        "--kube-api-qps=500",  # its 40 controllers each ask for an account first
        "--kube-api-burst=500",
        f"--controllers={','.join(['*', *(f'-{name}' for name in left_out)])}",
    ]


def _write_kubeconfig(path: Path, url: str, certificates: Certificates) -> Path:
    cluster = {"server": url, "certificate-authority-data": _encoded(certificates.ca)}
    user = {
        "client-certificate-data": _encoded(certificates.admin.certificate),
        "client-key-data": _encoded(certificates.admin.key),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": "admin", "user": user}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "admin"}}],
        "current-context": "sandbox",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2))
    return path


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
