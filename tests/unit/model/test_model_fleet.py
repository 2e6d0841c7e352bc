from datetime import UTC, datetime

import pytest

from gpucost.model.fleet import Node

STABLE, COREWEAVE, BETA = (
    "node.kubernetes.io/instance-type",
    "node.coreweave.cloud/type",
    "beta.kubernetes.io/instance-type",
)
TYPES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "the usual label": ({STABLE: "p4d.24xlarge"}, ("p4d.24xlarge",)),
    "only the label of old clusters": ({BETA: "p4d.24xlarge"}, ("p4d.24xlarge",)),
    "a cloud with a label of its own": ({COREWEAVE: "gd-8xh100", STABLE: "own"}, ("own", "gd-8xh100")),
    "the same twice": ({STABLE: "p4d.24xlarge", BETA: "p4d.24xlarge"}, ("p4d.24xlarge",)),
    "an empty label": ({STABLE: "", BETA: "p4d.24xlarge"}, ("p4d.24xlarge",)),
    "none": ({}, ()),
}


@pytest.mark.parametrize(("labels", "types"), TYPES.values(), ids=TYPES)
def test_the_type_of_a_node_is_found_under_every_label_that_clouds_use(
    labels: dict[str, str], types: tuple[str, ...]
) -> None:
    node = Node(name="n1", uid="u", created=datetime(2026, 11, 24, tzinfo=UTC), labels=labels)
    assert node.instance_types == types
    assert node.instance_type == (types[0] if types else "")
