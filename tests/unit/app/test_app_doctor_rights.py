"""What the doctor asks for, what the operator is granted, and what docs/install.md tells people to grant are one."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from gpucost.app.doctor.right_checks import check_rights
from gpucost.reports.findings import Finding, Health
from gpucost.reports.storage.kube_client import KubeClient

ROOT = Path(__file__).parents[3]
ROLES = ROOT / "tests" / "integration" / "operator_role.yaml"
"""The same as the chart's: a test with helm compares the two."""
INSTALL = ROOT / "docs" / "install.md"
NAMESPACE = "gpucost"
EVERYWHERE = ""
PLACES = {"the cluster": EVERYWHERE, "the release's namespace": NAMESPACE, "the namespace `default`": "default"}

Grant = tuple[str, str, str]
"""Namespace, resource with its subresource, verb."""


def granted() -> set[Grant]:
    return {
        (role["metadata"].get("namespace", EVERYWHERE), resource, verb)
        for role in yaml.safe_load_all(ROLES.read_text())
        for rule in role.get("rules", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def documented() -> Iterator[Grant]:
    for place, resources, verbs in re.findall(
        r"^\| (the .*?) \| (`.*?) \| (.*?) \|$", INSTALL.read_text(), re.MULTILINE
    ):
        for resource in re.findall("`(.*?)`", resources):
            for verb in verbs.split(", "):
                yield PLACES[place], re.sub(r"\.[a-z0-9.]+$", "", resource), verb


class Reviewer:
    """An API server that is only asked who may do what."""

    def __init__(self, rights: set[Grant]) -> None:
        self.rights = rights
        self.asked: set[Grant] = set()

    def create(self, _place: object, review: Mapping[str, Any]) -> dict[str, Any]:
        of = review["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (of["resource"], of["subresource"])))
        grant = of["namespace"], resource, of["verb"]
        self.asked.add(grant)
        return {"status": {"allowed": grant in self.rights}}


def findings(rights: set[Grant]) -> tuple[Finding, set[Grant]]:
    reviewer = Reviewer(rights)
    (found,) = check_rights(cast(KubeClient, reviewer), NAMESPACE)
    return found, reviewer.asked


def test_the_doctor_asks_for_all_that_the_operator_is_granted_and_for_nothing_else() -> None:
    found, asked = findings(granted())
    assert found.health is Health.OK
    assert asked == granted()


def test_the_page_about_installing_lists_all_that_the_operator_is_granted() -> None:
    assert sorted(documented()) == sorted(granted())


@pytest.mark.parametrize("taken", sorted(granted()), ids=" ".join)
def test_each_right_that_is_missing_is_told(taken: Grant) -> None:
    found, _ = findings(granted() - {taken})
    namespace, resource, verb = taken
    assert found.health is Health.FAILURE
    assert re.search(rf"may not {verb} {re.escape(resource)}\b", found.found)
    assert namespace == EVERYWHERE or found.found.endswith(f"in namespace {namespace}")
    assert found.fix


def test_a_reader_lacks_nothing() -> None:
    found, _ = findings({grant for grant in granted() if grant[2] == "list"})
    assert found.health is Health.OK
    assert "it writes nothing" in found.found
