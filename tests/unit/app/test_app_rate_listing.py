from datetime import UTC, datetime, timedelta

import pytest

from gpucost.app.prices.rate_listing import remarks_on_rates
from gpucost.app.told_once import told_once
from gpucost.model.rates import MissingRate
from gpucost.pricing.blend import Segment, blend
from gpucost.reports.rate_table import RatedNode

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def make_rated(node: str, since: datetime) -> RatedNode:
    """Without a rate from ``since`` on, and with other reasons before."""
    before, after = (MissingRate(node=node, reason=f"Node {node}: {why}") for why in ("it is broken", "it has expired"))
    rate = blend([Segment(AT, since, after), Segment(since, AT + timedelta(minutes=5), before)])
    return RatedNode(name=node, instance_type="", region="", capacity_type="", cards=8, rate=rate, age_days=None)


@pytest.mark.parametrize("minutes", [0, 2], ids=["of a whole window", "of a part of a window"])
def test_nodes_that_lack_a_rate_for_one_reason_are_told_once(minutes: int) -> None:
    (told,) = told_once(remarks_on_rates(make_rated(node, AT + timedelta(minutes=minutes)) for node in ("n1", "n2")))
    assert told.startswith("no-rate: Node n1")
    assert told.endswith(" (also n2)")
