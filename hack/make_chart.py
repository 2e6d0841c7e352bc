"""Makes what the chart repeats of the rest: ``python hack/make_chart.py [--check]``.

Its CRDs are those of ``crds/``, since a package of the chart cannot reach out of its folder. The schema of its value
``config`` has the keys of the settings, so that ``helm install`` refuses a key that the operator would refuse. The
table of values in its README is made of the comments in ``values.yaml``.
"""

import argparse
import difflib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from gpucost.app.configuration.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "charts" / "gpucost"
SCHEMA, VALUES, README = (CHART / name for name in ("values.schema.json", "values.yaml", "README.md"))
CRDS = CHART / "files" / "crds"

BEGIN, END = "<!-- values: made by make chart -->\n", "<!-- end of values -->\n"
_MOST_CHARACTERS = 110

Texts = Mapping[Path, str]


@dataclass(frozen=True)
class Value:
    """A row of the table."""

    path: str
    default: str
    """As YAML; empty: the rows below have it."""
    text: str


def wanted() -> Texts:
    """What each file should hold. Raises ValueError where a value has no comment."""
    return {
        **{CRDS / path.name: path.read_text() for path in (ROOT / "crds").glob("*.yaml")},
        SCHEMA: schema_text(json.loads(SCHEMA.read_text())),
        README: readme_text(README.read_text(), values_of(VALUES.read_text())),
    }


def present() -> Texts:
    return {path: path.read_text() for path in (*CRDS.glob("*.yaml"), SCHEMA, README)}


def schema_text(schema: dict[str, Any]) -> str:
    properties = {**schema["properties"], "config": section_schema(Settings)}
    return _json({**schema, "properties": properties}) + "\n"


def section_schema(section: type[BaseModel]) -> dict[str, Any]:
    """The keys alone: whether a value is right is for the operator to say, in a better sentence."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {str(field.alias): _key_schema(field.annotation) for field in section.model_fields.values()},
    }


def _key_schema(annotation: object) -> dict[str, Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return section_schema(annotation)
    return {}


def _json(value: Any, indent: int = 0) -> str:
    """Each object on one line where that is short, for people."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict) or indent + len(line) <= _MOST_CHARACTERS:
        return line
    inner = " " * (indent + 2)
    parts = [f"{inner}{json.dumps(key)}: {_json(part, indent + 2)}" for key, part in value.items()]
    return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"


def values_of(text: str) -> list[Value]:
    """The documented ones, in their order. Raises ValueError where one has no comment."""
    return list(_values(yaml.compose(text), "", text.splitlines()))


def _values(node: yaml.Node | None, place: str, lines: Sequence[str]) -> Iterator[Value]:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        path = f"{place}.{key.value}".removeprefix(".")
        told = _comment_above(lines, key.start_mark.line)
        inner = list(_values(value, path, lines)) if not told or _has_comments(value, lines) else []
        if not told and not inner:
            raise ValueError(f"values.yaml: {path} has no comment; say above it what it is for")
        if told:
            yield Value(path, "" if inner else _default(value), told)
        yield from inner


def _has_comments(node: yaml.Node, lines: Sequence[str]) -> bool:
    if not isinstance(node, yaml.MappingNode):
        return False
    return any(_comment_above(lines, key.start_mark.line) or _has_comments(value, lines) for key, value in node.value)


def _comment_above(lines: Sequence[str], line: int) -> str:
    told: list[str] = []
    while line and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        told.insert(0, lines[line].lstrip().removeprefix("#").strip())
    return " ".join(told)


def _default(node: yaml.Node) -> str:
    value = yaml.safe_load(yaml.serialize(node))
    return yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).removesuffix("...\n").strip()


def readme_text(text: str, values: Sequence[Value]) -> str:
    rows = [
        f"| `{value.path}` | {f'`{value.default}`' if value.default else ''} | {value.text} |\n" for value in values
    ]
    table = "".join(("\n| value | default | what it is |\n|---|---|---|\n", *rows, "\n"))
    pattern = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    made, count = pattern.subn(lambda _: table, text)
    if count != 1:
        raise ValueError(f"{README.name} of the chart has no place for its values; put {BEGIN.strip()} {END.strip()}")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Makes what the chart repeats of the rest of the repository.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is stale")
    there, due = present(), wanted()
    if parser.parse_args(arguments).check:
        return _check(there, due)
    CRDS.mkdir(parents=True, exist_ok=True)
    for path in there.keys() - due.keys():
        path.unlink()
    for path, text in due.items():
        path.write_text(text)
    return 0


def _check(there: Texts, due: Texts) -> int:
    stale = sorted(path for path in there.keys() | due.keys() if there.get(path) != due.get(path))
    for path in stale:
        old, new = (texts.get(path, "").splitlines(keepends=True) for texts in (there, due))
        name = str(path.relative_to(ROOT))
        sys.stdout.writelines(difflib.unified_diff(old, new, name, f"{name} as it should be"))
    if stale:
        print("The chart is stale; run make chart")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
