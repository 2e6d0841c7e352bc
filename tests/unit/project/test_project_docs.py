"""The documentation says what the code does."""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from gpucost.app.cli.arguments import OUTPUTS
from gpucost.app.cli.main import make_parser
from gpucost.app.configuration.settings import LabelSettings, Settings, load_settings
from gpucost.matching.named import SAMPLES_DROPPED, UNKNOWN_PROFILE
from gpucost.matching.pods import LABELS_UNKNOWN, RECONSTRUCTED
from gpucost.matching.unnamed import NOT_IN_TELEMETRY
from gpucost.model.mig import slices_of
from gpucost.pricing.card_schema import Commitment, Match, Owned, Rate, RateCardSpec, load_rate_cards
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.pricing.rules import PriceRules
from gpucost.reports.allocations import COLUMNS
from gpucost.reports.explain_words import FLAG_MEANINGS
from gpucost.reports.ledger import CAPPED, ESTIMATED, RATE_ESTIMATED
from gpucost.reports.report_csv import reports_csv

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = DOCS / "reference"
FLAGS = {
    CAPPED,
    ESTIMATED,
    LABELS_UNKNOWN,
    NOT_IN_TELEMETRY,
    RATE_ESTIMATED,
    RECONSTRUCTED,
    SAMPLES_DROPPED,
    UNKNOWN_PROFILE,
}


def blocks(page: str) -> list[str]:
    """The YAML blocks of a page of the reference."""
    return re.findall(r"^```yaml\n(.*?)^```", (REFERENCE / page).read_text(), re.MULTILINE | re.DOTALL)


def keys_of(content: Any, place: str = "") -> set[str]:
    """``prometheus.url`` and so on: where values stand."""
    if not isinstance(content, dict) or not content:
        return {place}
    return {key for name, value in content.items() for key in keys_of(value, f"{place}.{name}".strip("."))}


def setting_keys(section: type[BaseModel] = Settings, place: str = "") -> set[str]:
    keys: set[str] = set()
    for field in section.model_fields.values():
        key = f"{place}.{field.alias}".strip(".")
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            keys |= setting_keys(inner, key)
        else:
            keys.add(key)
    return keys


def load(folder: Path, text: str) -> Settings:
    path = folder / "config.yaml"
    path.write_text(text)
    return load_settings(path)


@pytest.fixture
def anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a pod nor told a namespace."""
    monkeypatch.delenv("GPUCOST_NAMESPACE", raising=False)
    monkeypatch.setattr("gpucost.app.configuration.settings._ACCOUNT_NAMESPACE", Path("/gone"))


@pytest.mark.usefixtures("anywhere")
def test_the_defaults_in_the_reference_are_those_of_the_code(tmp_path: Path) -> None:
    defaults, *_ = blocks("configuration.md")
    assert load(tmp_path, defaults) == Settings()


def test_the_examples_of_the_reference_can_be_loaded(tmp_path: Path) -> None:
    _, example, other = blocks("configuration.md")
    assert load(tmp_path, example).telemetry().url == "https://prometheus.monitoring.svc:9090"
    assert load(tmp_path, other).telemetry().password_file is not None


def test_every_setting_is_in_the_reference() -> None:
    text = (REFERENCE / "configuration.md").read_text()
    keys = setting_keys()
    assert set().union(*(keys_of(yaml.safe_load(block)) for block in blocks("configuration.md"))) == keys
    rows = set(re.findall(r"^\| `([\w.*]+)`[ ,]", text, re.MULTILINE))
    label_lists = {f"labels.{to_camel(name)}" for name in LabelSettings.model_fields} - {"labels.namespaceFirst"}
    in_one_row = {"prometheus.metrics.memoryFree", "prometheus.metrics.memoryReserved"}
    assert rows == (keys - label_lists - in_one_row) | {"labels.*"}


def test_the_rate_card_of_the_reference_is_one_and_has_every_key(tmp_path: Path) -> None:
    (example,) = blocks("rate-cards.md")
    path = tmp_path / "rates.yaml"
    path.write_text(example)
    cards = parse_rate_cards(load_rate_cards(path), PriceRules())
    assert (cards.problems, len(cards.rates)) == ((), 4)
    spec = yaml.safe_load(example)["spec"]
    rates = spec["rates"]
    assert aliases(RateCardSpec) == set(spec)
    assert aliases(Rate) <= {key for rate in rates for key in rate} | set(spec)
    assert aliases(Match) == {key for rate in rates for key in rate["match"]}
    for name, model in (("commitment", Commitment), ("owned", Owned)):
        assert [rate[name].keys() for rate in rates if name in rate] == [aliases(model)]


def test_every_key_of_a_rate_card_is_explained() -> None:
    rows = set(re.findall(r"^\| `([\w.]+)` \|", (REFERENCE / "rate-cards.md").read_text(), re.MULTILINE))
    inner = {f"commitment.{key}" for key in aliases(Commitment)} | {f"owned.{key}" for key in aliases(Owned)}
    assert rows == aliases(RateCardSpec) | aliases(Rate) | aliases(Match) | inner


def aliases(model: type[BaseModel]) -> set[str]:
    return {str(field.alias) for field in model.model_fields.values()}


def test_every_command_and_option_is_in_the_reference() -> None:
    text = (REFERENCE / "cli.md").read_text()
    (commands,) = (action.choices for action in make_parser()._actions if isinstance(action.choices, dict))
    options = {text for parser in commands.values() for action in parser._actions for text in action.option_strings}
    named = {f"gpucost {command}" for command in commands} | options - {"-h", "--help"}
    assert [name for name in named if f"`{name}" not in text] == []
    rows = re.findall(r"^\| (`-.*?) \|", text, re.MULTILINE)
    assert {option for row in rows for option in re.findall(r"`(-[\w-]+)", row)} == options - {"-h", "--help"}
    assert [output for output in OUTPUTS if f"`{output}`" not in text] == []


def test_the_columns_of_allocations_are_in_the_reference_in_their_order() -> None:
    text = (REFERENCE / "cli.md").read_text()
    table = text[text.index("| column |") : text.index("Money and hours")]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == COLUMNS


def test_the_columns_of_reports_as_csv_are_in_the_reference_in_their_order() -> None:
    text = (REFERENCE / "cli.md").read_text()
    listed = text[text.index("Columns of `csv`") : text.index("They mean what")]
    header = reports_csv([]).strip().split(",")
    assert re.findall(r"`(\w+)`", listed)[1:] == header


def test_every_flag_is_explained() -> None:
    text = (REFERENCE / "cli.md").read_text()
    table = text[text.index("| flag of a holder |") : text.index("| flag of an `unallocated` row |")]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == FLAGS


def test_every_flag_is_explained_in_a_sentence_where_a_pod_is() -> None:
    assert set(FLAG_MEANINGS) == FLAGS


def test_every_page_that_is_named_anywhere_exists() -> None:
    root = DOCS.parent
    folders = [root / name for name in ("operator", "sandbox", "hack", "tests", "docs", "crds")]
    files = [path for folder in folders for kind in ("py", "md", "yaml") for path in folder.rglob(f"*.{kind}")]
    missing = [
        f"{path.relative_to(root)}: {page}"
        for path in [*files, *root.glob("*.md"), *root.glob("*.yaml")]
        for page in re.findall(r"(?<![\w/.-])docs/[\w./-]*[\w/-]", path.read_text())
        if not (root / page).exists()
    ]
    assert missing == []


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
