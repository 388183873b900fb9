"""Turns pydantic's errors into problems with a key path, a value, a rule and a fix."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.suggest import closest, did_you_mean
from sweeper.space.wording import KeyPath, count, dotted, is_number, shown


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file. `at_key` where the key is to blame and not its value.

    The last key of `key_path` need not be there: it may be what is missing.
    """

    key_path: KeyPath
    text: str
    fix: str
    at_key: bool = False

    @classmethod
    def without_value(cls, key_path: KeyPath) -> "Problem":
        """A key with nothing after its colon."""
        glued = ":" in str(key_path[-1])  # {max:1} is a key of the name "max:1"
        fix = "Put a space after the colon" if glued else "Give it one or remove the line"
        return cls(key_path, f"{dotted(key_path)} has no value", fix, at_key=True)


def problems_of(error: ValidationError, model: type[BaseModel], data: Any) -> list[Problem]:
    """All that pydantic found, but for missing keys that stand there misspelled."""
    found = [(details, _key_path(details["loc"], data)) for details in error.errors(include_url=False)]
    meant = {
        (*key_path[:-1], closest(str(key_path[-1]), _missing_keys(model, data, key_path[:-1])))
        for details, key_path in found
        if details["type"] == "extra_forbidden"
    }
    return [
        _problem(details, key_path, model, data)
        for details, key_path in found
        if details["type"] != "missing" or (*key_path, details["loc"][-1]) not in meant
    ]


def _key_path(loc: tuple[str | int, ...], data: Any) -> KeyPath:
    """The keys in pydantic's loc, which also names union members and validators."""
    keys: list[str | int] = []
    for piece in loc:
        in_mapping = isinstance(data, dict) and piece in data
        in_list = isinstance(data, list) and isinstance(piece, int) and piece < len(data)
        if in_mapping or in_list:
            keys.append(piece)
            data = data[piece]
    return tuple(keys)


def _problem(details: ErrorDetails, key_path: KeyPath, model: type[BaseModel], data: Any) -> Problem:
    kind, name, value = details["type"], dotted(key_path), details["input"]
    context = details.get("ctx", {})
    if kind == "missing":
        return _missing((*key_path, str(details["loc"][-1])), model)
    if kind == "extra_forbidden":
        owner = _model_at(model, key_path[:-1])
        known = f"Known keys here: {', '.join(owner.model_fields if owner else ())}"
        fix = did_you_mean(str(key_path[-1]), _missing_keys(model, data, key_path[:-1]), known)
        return Problem(key_path, f"{name} is an unknown key", fix, at_key=True)
    if isinstance(broken := context.get("error"), BrokenRule):
        broken = broken.under(*key_path)
        return Problem(broken.at, f"{dotted(broken.at)} {broken.problem}", broken.fix, broken.at_key)
    rule = _RULES[kind](context) if kind in _RULES else _own_words(details["msg"])
    return Problem(key_path, f"{name} is {shown(value)}, must be {rule}", _fix(details, key_path, model))


def _missing(key_path: KeyPath, model: type[BaseModel]) -> Problem:
    example = _example(model, key_path)
    fix = f"Add it, for example `{key_path[-1]}: {example}`" if example else "Add it"
    return Problem(key_path, f"{dotted(key_path)} is missing", fix, at_key=True)


_RULES: dict[str, Callable[[dict[str, Any]], str]] = {
    "int_type": lambda _: "a whole number",
    "float_type": lambda _: "a number",
    "string_type": lambda _: "text",
    "bool_type": lambda _: "true or false",
    "list_type": lambda _: "a list",
    "dict_type": lambda _: "a mapping",
    "model_type": lambda _: "a mapping of keys to values",
    "finite_number": lambda _: "a finite number",
    "literal_error": lambda context: str(context["expected"]),
    "greater_than": lambda context: f"greater than {_bound(context['gt'])}",
    "greater_than_equal": lambda context: f"at least {_bound(context['ge'])}",
    "less_than": lambda context: f"less than {_bound(context['lt'])}",
    "less_than_equal": lambda context: f"at most {_bound(context['le'])}",
    "string_too_short": lambda context: f"text of at least {count(context['min_length'], 'character')}",
    "string_too_long": lambda context: f"text of at most {count(context['max_length'], 'character')}",
    "too_short": lambda context: f"a list of at least {count(context['min_length'], 'entry', 'entries')}",
    "too_long": lambda context: f"a list of at most {count(context['max_length'], 'entry', 'entries')}",
}
"""What pydantic's kinds of error ask for, in the words of a user."""


def _bound(limit: Any) -> str:
    return str(limit).removesuffix(".0")


def _own_words(message: str) -> str:
    return message.removeprefix("Input should be ").removeprefix("Value error, ")


def _fix(details: ErrorDetails, key_path: KeyPath, model: type[BaseModel]) -> str:
    kind, value = details["type"], details["input"]
    example = _example(model, key_path)
    otherwise = f"Write for example `{key_path[-1]}: {example}`" if example else "Correct it"
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", details["ctx"]["expected"])
        return did_you_mean(str(value), allowed, "Write one of them")
    if kind in ("int_type", "float_type") and isinstance(value, str) and is_number(value):
        return f"Write {value.strip()} without quotes"
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"Write {int(value)}"
    if kind == "string_type" and isinstance(value, (int, float)):
        return "Put it in quotes"
    return otherwise


def _missing_keys(model: type[BaseModel], data: Any, key_path: KeyPath) -> list[str]:
    """The keys that the mapping at `key_path` may have and has not: what a misspelled one can mean."""
    owner = _model_at(model, key_path)
    for key in key_path:
        data = data[key]
    return [key for key in owner.model_fields if key not in data] if owner else []


def _example(model: type[BaseModel], key_path: KeyPath) -> str | None:
    """The YAML text that the model's field gives as its example."""
    owner = _model_at(model, key_path[:-1])
    field = owner.model_fields.get(str(key_path[-1])) if owner and key_path else None
    return str(field.examples[0]) if field and field.examples else None


def _model_at(model: type[BaseModel], key_path: KeyPath) -> type[BaseModel] | None:
    """The model that describes the mapping at `key_path`: the first one in each field's annotation."""
    found: type[BaseModel] | None = model
    for key in key_path:
        if isinstance(key, str) and found is not None:
            field = found.model_fields.get(key)
            found = _first_model(field.annotation) if field else None
    return found


def _first_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _first_model(part))), None)
