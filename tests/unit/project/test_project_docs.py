"""The documentation says what the code does."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path

from pydantic.alias_generators import to_camel

from gpucost.app.settings import LabelSettings, PrometheusSettings, Settings
from gpucost.model.mig import slices_of

DOCS = Path(__file__).parents[3] / "docs"


def test_every_setting_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "configuration.md").read_text()
    names = [*Settings.model_fields, *PrometheusSettings.model_fields, *LabelSettings.model_fields]
    assert [name for name in names if f"{to_camel(name)}:" not in text] == []


def test_every_relative_link_leads_somewhere() -> None:
    pages = [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in _links(page.read_text())
        if not (page.parent / target.partition("#")[0]).exists()
    ]
    assert broken == []


def _links(text: str) -> list[str]:
    targets = [part.partition(")")[0] for part in text.split("](")[1:]]
    return [target for target in targets if not target.startswith(("http", "#"))]


def test_the_worked_example_is_right() -> None:
    text = (DOCS / "how-it-computes.md").read_text()
    node_cost = Fraction("21.957642") / 12
    card_cost = node_cost / 8
    slices = slices_of("3g.20gb", "NVIDIA A100-SXM4-40GB")
    assert slices is not None
    cost = card_cost * slices.dominant * Fraction(3, 5)
    used = cost * Fraction(60, 100)
    figures = [node_cost, cost, used, cost - used, node_cost - cost]
    assert [rounded for rounded in map(_rounded, figures) if f"**{rounded}**" not in text] == []


def _rounded(amount: Fraction) -> str:
    exact = Decimal(amount.numerator) / Decimal(amount.denominator)
    return str(exact.quantize(Decimal("1e-9"), rounding=ROUND_HALF_EVEN))
