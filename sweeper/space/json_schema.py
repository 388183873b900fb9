"""The JSON Schema of a space file, for editors: made from the models and rules that read the file."""

import math
from typing import Any

from ruamel.yaml import YAML

from sweeper.space.read_expression import KINDS
from sweeper.space.rules import (
    ALL_LINEAR,
    AUTO,
    CONSTANT_ONLY,
    LEFT_TO_MEMORY,
    LIMIT,
    NAMES,
    NUMBERS,
    PAIR,
    SWITCHES,
)
from sweeper.space.schema import ParametersSection, SpaceFile

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}


def space_schema() -> Schema:
    """A schema (draft 2020-12) of what may stand where.

    Not covered, for JSON Schema cannot say it: whether files exist, whether values fit each other
    (min below max, epochs beside steps), what stands in an expression, and 8.0 for a whole number.
    """
    schema: Schema = SpaceFile.model_json_schema()
    schema = _without_null(schema)
    definitions = schema["$defs"]
    definitions.update({f"value of {name}": _value(name) for name in KINDS})
    definitions["condition"] = _condition()
    section = definitions[ParametersSection.__name__]
    section["properties"] = {name: _parameter(name) for name in ParametersSection.model_fields}
    section["dependentRequired"] = {PAIR[0]: [PAIR[1]], PAIR[1]: [PAIR[0]]}
    excluding = (("num_train_epochs", "max_steps"), ("effective_batch_size", PAIR[0]))
    section["allOf"] = [{"not": {"required": list(both)}} for both in excluding]
    schema["properties"]["baseline"]["items"] = _named({name: _ref(name) for name in KINDS}, minProperties=1)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "A space file of sweeper",
    }


def _without_null(node: Any) -> Any:
    """Models have None where a key is left out; a file has no such value. Examples become values."""
    if isinstance(node, list):
        return [_without_null(item) for item in node if item != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    plain = {key: _without_null(value) for key, value in node.items() if (key, value) != ("default", None)}
    if len(plain.get("anyOf", ())) == 1:
        plain = {**plain.pop("anyOf")[0], **plain}
    if isinstance(examples := plain.get("examples"), list):
        plain["examples"] = [YAML(typ="safe", pure=True).load(text) for text in examples]
    return plain


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/value of {name}"}


def _value(name: str) -> Schema:
    """What one value of a parameter may be."""
    if name in SWITCHES:
        return {"type": "boolean"}
    if name in NAMES:
        return {"enum": list(NAMES[name])}
    if name == "target_modules":
        modules = {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}
        return {"anyOf": [{"const": ALL_LINEAR}, modules]}
    rule = NUMBERS[name]
    lowest = {"exclusiveMinimum" if rule.above else "minimum": rule.minimum}
    highest = {"exclusiveMaximum": rule.below} if rule.below < math.inf else {"maximum": LIMIT}
    return {"type": "integer" if rule.integer else "number", **lowest, **highest, "description": rule.wanted}


def _parameter(name: str) -> Schema:
    """A value, or a mapping that says how it is drawn or computed."""
    value = _ref(name)
    if name in CONSTANT_ONLY:
        return value
    at_times = {"when": {"$ref": "#/$defs/condition"}, "otherwise": value}
    choice = {"values": {"type": "array", "items": value, "minItems": 1, "uniqueItems": True}}
    forms = [_named({**choice, **at_times}, required=["values"])]
    if name in NUMBERS:
        step = {"type": "number", "exclusiveMinimum": 0, "maximum": LIMIT}
        ends = {"min": value, "max": value, "log": {"type": "boolean"}, "step": step}
        forms.append(_named({**ends, **at_times}, required=["min", "max"]))
    forms.append(_named({"expr": _TEXT, **at_times}, required=["expr"]))
    for form in forms:
        form["dependentRequired"] = {"otherwise": ["when"]}
    alone: list[Schema] = [{"const": AUTO}] if name == LEFT_TO_MEMORY else []
    return {"anyOf": [value, *alone, *forms]}


def _condition() -> Schema:
    """An expression, or parameters with the values they must have."""
    names = {}
    for name in KINDS:
        values = {"type": "array", "items": _ref(name), "minItems": 1}
        names[name] = {"anyOf": [_ref(name), _named({"values": values}, required=["values"])]}
    return {"anyOf": [_TEXT, _named(names, minProperties=1)]}


def _named(properties: Schema, **more: Any) -> Schema:
    """A mapping of these keys and no others."""
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}
