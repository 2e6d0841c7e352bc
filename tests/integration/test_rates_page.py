"""The recipes of docs/rates.md as a reader would use them: ``kubectl apply``, taken whole by a real API server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import Api, install_crds

pytestmark = pytest.mark.cluster

PAGE = (Path(__file__).parents[2] / "docs" / "rates.md").read_text()
CARDS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
KIND = "gpuratecards"


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, kubectl: Path) -> Iterator[Api]:
    api = install_crds(control_plane, kubectl)
    yield api
    api.kubectl("delete", KIND, "--all")
    api.client.rest_client.pool_manager.clear()


def test_every_recipe_can_be_applied_beside_the_others(api: Api) -> None:
    api.kubectl("apply", "-f", "-", told="---\n".join(CARDS))
    names = {card["metadata"]["name"] for card in json.loads(api.kubectl("get", KIND, "-o", "json"))["items"]}
    assert len(names) == len(CARDS) == 5
