"""What pydantic found wrong with a file of settings, for people: which key, which value, and what to write instead."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from gpucost.pricing.fields import complaint


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """One line. Whoever wrote an unknown key is told the one that was meant, or which there are."""
    explained = [_explain(entry, model) for entry in error.errors(include_url=False)]
    return complaint(ValidationError.from_exception_data(error.title, explained))


def _explain(entry: ErrorDetails, model: type[BaseModel]) -> InitErrorDetails:
    kind, place, value, text = entry["type"], entry["loc"], entry["input"], entry["msg"]
    if kind in ("extra_forbidden", "invalid_key"):
        kind, value, text = "unknown_key", None, f"is an unknown key; {_known(model, place)}"
    elif kind == "model_type":
        text = f"must hold keys, such as {_keys_at(model, place)[0]}"
    return InitErrorDetails(type=PydanticCustomError(kind, "{text}", {"text": text}), loc=place, input=value)


def _known(model: type[BaseModel], place: Sequence[int | str]) -> str:
    section, key = place[:-1], str(place[-1])
    keys = _keys_at(model, section)
    nearest = get_close_matches(key, keys, n=1)
    if nearest:
        return f"did you mean {'.'.join([*map(str, section), *nearest])}?"
    return f"{'.'.join(map(str, section)) or 'the file'} may hold {', '.join(keys)}"


def _keys_at(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    section: Any = model
    for step in place:
        section = next(field.annotation for field in section.model_fields.values() if field.alias == step)
    return [field.alias for field in section.model_fields.values()]
