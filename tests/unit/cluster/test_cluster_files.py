from datetime import UTC, datetime
from pathlib import Path

import pytest

from gpucost.cluster.files import ClusterFiles
from gpucost.model.errors import ConfigurationError, GpuCostError, InputError
from tests.unit.cluster.kube_objects import make_namespace, make_node, make_page, make_pod

SEEN_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def save(folder: Path, **pages: bytes) -> ClusterFiles:
    for plural, page in pages.items():
        (folder / f"{plural}.json").write_bytes(page)
    return ClusterFiles(folder, seen_at=SEEN_AT)


def test_saved_objects_are_a_cluster(tmp_path: Path) -> None:
    namespaces = make_page(make_namespace("ml", team="vision"), make_namespace("kube-system"))
    files = save(
        tmp_path,
        nodes=make_page(make_node() | {"kind": "Node"}),
        pods=make_page(make_pod() | {"kind": "Pod"}),
        namespaces=namespaces,
    )
    cluster = files.read()
    assert cluster.seen_at == SEEN_AT
    assert [node.name for node in cluster.nodes] == ["n1"]
    assert [pod.name for pod in cluster.pods] == ["train"]
    assert cluster.namespaces == {"ml": {"team": "vision"}, "kube-system": {}}
    assert cluster.uid == "uid-kube-system"
    assert files.problems == ()


def test_namespaces_may_be_absent(tmp_path: Path) -> None:
    cluster = save(tmp_path, nodes=make_page(), pods=make_page()).read()
    assert (cluster.namespaces, cluster.uid) == ({}, "")


def test_a_repeated_object_counts_once_and_is_told(tmp_path: Path) -> None:
    nodes, pods = make_page(make_node(), make_node()), make_page(make_pod(), make_pod())
    files = save(tmp_path, nodes=nodes, pods=pods, namespaces=make_page())
    cluster = files.read()
    assert (len(cluster.nodes), len(cluster.pods)) == (1, 1)
    assert files.problems == (
        "Node n1 is listed more than once; the first one counts",
        "Pod with uid uid-train is listed more than once; the first one counts",
    )


def test_a_second_look_forgets_the_problems_of_the_first(tmp_path: Path) -> None:
    files = save(tmp_path, nodes=make_page(make_node(metadata__uid="")), pods=make_page(), namespaces=make_page())
    files.read()
    assert len(files.problems) == 1
    save(tmp_path, nodes=make_page(make_node()))
    files.read()
    assert files.problems == ()


BAD_FOLDERS: dict[str, tuple[dict[str, bytes], type[GpuCostError], str]] = {
    "pods are missing": ({"nodes": make_page()}, ConfigurationError, "pods.json cannot be read: No such file"),
    "nodes are missing": ({"pods": make_page()}, ConfigurationError, "nodes.json cannot be read: No such file"),
    "a torn file": ({"nodes": make_page()[:-3]}, InputError, "nodes.json cannot be understood"),
    "files swapped": (
        {"nodes": make_page(make_pod() | {"kind": "Pod"})},
        InputError,
        "an object of kind Pod where every object must be a Node",
    ),
    "torn namespaces": (
        {"nodes": make_page(), "pods": make_page(), "namespaces": b"{"},
        InputError,
        "namespaces.json cannot be understood",
    ),
}


@pytest.mark.parametrize(("pages", "kind", "words"), BAD_FOLDERS.values(), ids=BAD_FOLDERS)
def test_an_error_names_the_file_and_the_fix(
    tmp_path: Path, pages: dict[str, bytes], kind: type[GpuCostError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        save(tmp_path, **pages).read()
    assert words in str(caught.value)
    assert 'save it again with "kubectl get ' in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone does not exist; save nodes\.json"):
        ClusterFiles(tmp_path / "gone", seen_at=SEEN_AT).read()
