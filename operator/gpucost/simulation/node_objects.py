"""Nodes with what cloud, GPU feature discovery, MIG manager and device plugin write on them."""

from collections import Counter
from datetime import datetime
from typing import Any

from gpucost.model.time import format_time
from gpucost.simulation.hardware import SimulatedNode
from gpucost.simulation.mig_profiles import A100_40GB

HOURLY_RATE = "gpucost.io/hourly-rate"

_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def node_object(node: SimulatedNode, at: datetime) -> dict[str, Any]:
    """The node as ``GET /api/v1/nodes/NAME`` returns it at ``at``."""
    resources = {
        "cpu": str(node.cpus),
        "memory": f"{node.memory_gib}Gi",
        "ephemeral-storage": "500Gi",
        "pods": "110",
        **{name: str(count) for name, count in gpu_capacity(node).items()},
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "uid": node.uid,
            "creationTimestamp": format_time(node.created),
            "labels": _labels(node),
            "annotations": {HOURLY_RATE: node.hourly_rate} if node.rate_is_annotated else {},
        },
        "spec": {"providerID": f"aws:///us-east-1a/{node.instance_id}"},
        "status": {
            "capacity": resources,
            "allocatable": dict(resources),
            "addresses": [
                {"type": "InternalIP", "address": node.address},
                {"type": "Hostname", "address": node.name},
            ],
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": message,
                    "lastHeartbeatTime": format_time(at),
                    "lastTransitionTime": format_time(node.created),
                }
                for kind, status, reason, message in _CONDITIONS
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": node.uid,
                "containerRuntimeVersion": "containerd://2.1.5",
                "kernelVersion": "6.12.40",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.35.3",
                "machineID": node.instance_id,
                "operatingSystem": "linux",
                "osImage": "Amazon Linux 2023",
                "systemUUID": node.uid,
            },
        },
    }


def gpu_capacity(node: SimulatedNode) -> dict[str, int]:
    """Extended resources as the device plugin registers them; under MIG ``mixed`` no whole cards are left."""
    counts = Counter(device.resource for device in node.devices)
    return {"nvidia.com/gpu": 0, **counts} if node.is_mig else dict(counts)


def _labels(node: SimulatedNode) -> dict[str, str]:
    return {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": node.instance_type,
        "topology.kubernetes.io/region": "us-east-1",
        "topology.kubernetes.io/zone": "us-east-1a",
        "eks.amazonaws.com/capacityType": "ON_DEMAND",
        **_feature_labels(node),
    }


def _feature_labels(node: SimulatedNode) -> dict[str, str]:
    """Labels of GPU feature discovery and of the MIG manager."""
    model = node.model
    if model is None or node.exporter is None:
        return {}
    major, minor, revision = node.exporter.driver.split(".")
    labels = {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.count": str(len(node.cards)),
        "nvidia.com/gpu.product": model.product,
        "nvidia.com/gpu.memory": str(model.memory_mib),
        "nvidia.com/gpu.family": model.family,
        "nvidia.com/gpu.compute.major": str(model.compute_capability[0]),
        "nvidia.com/gpu.compute.minor": str(model.compute_capability[1]),
        "nvidia.com/gpu.replicas": "0" if node.is_mig else "1",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/gpu.mode": "compute",
        "nvidia.com/gpu.machine": node.instance_type,
        "nvidia.com/gfd.timestamp": str(int(node.created.timestamp())),
        "nvidia.com/cuda.driver-version.full": node.exporter.driver,
        "nvidia.com/cuda.driver-version.major": major,
        "nvidia.com/cuda.driver-version.minor": minor,
        "nvidia.com/cuda.driver-version.revision": revision,
        "nvidia.com/cuda.runtime-version.full": "12.4",
        "nvidia.com/cuda.runtime-version.major": "12",
        "nvidia.com/cuda.runtime-version.minor": "4",
        "nvidia.com/mig.capable": str("A10G" not in model.name).lower(),
        "nvidia.com/mps.capable": "false",
    }
    return labels | _mig_labels(node, model.product) if node.is_mig else labels


def _mig_labels(node: SimulatedNode, product: str) -> dict[str, str]:
    labels = {
        "nvidia.com/mig.strategy": "mixed",
        "nvidia.com/mig.config": "custom",
        "nvidia.com/mig.config.state": "success",
    }
    for name, count in sorted(Counter(device.profile for device in node.devices).items()):
        profile = A100_40GB[name]
        attributes = {
            "count": count,
            "product": f"{product}-MIG-{name}",
            "memory": profile.memory_mib,
            "multiprocessors": profile.multiprocessors,
            "slices.gi": profile.compute_slices,
            "slices.ci": profile.compute_slices,
            "engines.copy": profile.copy_engines,
            "engines.decoder": profile.decoders,
            "engines.encoder": 0,
            "engines.jpeg": 0,
            "engines.ofa": 0,
            "replicas": 1,
            "sharing-strategy": "none",
        }
        labels |= {f"nvidia.com/mig-{name}.{key}": str(value) for key, value in attributes.items()}
    return labels
