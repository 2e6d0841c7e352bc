from typing import Any

import pytest

from gpucost.reports.conditions import add_concerns
from gpucost.reports.digest import is_intact
from gpucost.reports.fold import close, fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.record import record_of
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from tests.unit.reports.made_ledgers import NOW, make_holder, make_ledger, make_note, make_period

RECORD = record_of([make_ledger([make_holder()])])
STATUS = fold_report(None, RECORD, ("ml-prod", "search"), make_period(), now=NOW)
EDITS: dict[str, dict[str, Any]] = {
    "a figure": {"cost": "1.000000000"},
    "a figure that is gone": {"used_cost": None},
    "an entry": {"by_product": ()},
    "the phase": {"phase": "Final"},
    "where it ends": {"last_window_end": "2026-11-24T00:10:00Z"},
    "what people read": {"summary": STATUS.summary.model_copy(update={"cost": "0.00"})},
    "what came up": {"concerns": add_concerns((), [make_note()])},
    "the digest": {"digest": ""},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_is_seen(edit: dict[str, Any]) -> None:
    assert not is_intact(STATUS.model_copy(update=edit))


def test_conditions_are_no_figures() -> None:
    assert is_intact(STATUS.model_copy(update={"conditions": ()}))


def test_what_is_folded_or_closed_is_intact() -> None:
    assert is_intact(STATUS)
    assert is_intact(close(STATUS))
    assert is_intact(close(fold_cluster(None, RECORD, make_period(), now=NOW)))


@pytest.mark.parametrize("with_nulls", [True, False])
def test_the_way_through_the_api_server_breaks_nothing(with_nulls: bool) -> None:
    stored = STATUS.model_dump(mode="json", by_alias=True, exclude_none=not with_nulls)
    assert is_intact(ReportStatus.model_validate(dict(reversed(stored.items()))))
