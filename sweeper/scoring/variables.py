"""{{variables}} in prompts and in values, by Jinja in a sandbox: no files, no attributes of Python's."""

from collections.abc import Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from sweeper.space.broken_rule import BrokenRule
from sweeper.space.suggest import closest


class _Sandbox(ImmutableSandboxedEnvironment):
    """Also without products and powers, which make a text of any size out of a few letters."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        raise SecurityError(f"the operator {operator} is not allowed here")


_SANDBOX = _Sandbox(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)


def render(template: str, variables: Mapping[str, Any]) -> str:
    """The text with its variables filled in. Raises BrokenRule for what is missing or not Jinja."""
    if "{{" not in template and "{%" not in template and "{#" not in template:
        return template
    try:
        return _SANDBOX.from_string(template).render(variables)
    except UndefinedError as error:
        raise _missing(template, variables, error) from None
    except TemplateSyntaxError as error:
        problem = f"is no template that Jinja reads ({error.message}, line {error.lineno} of it)"
        raise BrokenRule(problem, "Write {{name}} for a variable") from None
    except (TemplateError, TypeError, ValueError, ArithmeticError, OverflowError, RecursionError) as error:
        told = " ".join(str(error).split())[:200]
        raise BrokenRule(f"cannot be rendered ({told})", "Write {{name}} for a variable") from None


def render_value(value: Any, variables: Mapping[str, Any]) -> Any:
    """The same for every text in a value that holds {{; other braces (in a pattern) stay as they are."""
    if isinstance(value, str):
        return render(value, variables) if "{{" in value else value
    if isinstance(value, list):
        return [_rendered_at(index, each, variables) for index, each in enumerate(value)]
    if isinstance(value, dict):
        return {key: _rendered_at(key, each, variables) for key, each in value.items()}
    return value


def _rendered_at(key: str | int, value: Any, variables: Mapping[str, Any]) -> Any:
    try:
        return render_value(value, variables)
    except BrokenRule as broken:
        raise broken.under(key) from None


def _missing(template: str, variables: Mapping[str, Any], error: UndefinedError) -> BrokenRule:
    wanted = meta.find_undeclared_variables(_SANDBOX.parse(template)) - set(variables)
    if not wanted:
        return BrokenRule(f"cannot be rendered ({error.message})", "Correct it")
    name = min(wanted)
    near = closest(name, variables)
    known = f"Variables here: {', '.join(sorted(variables)) or 'none'}"
    fix = f"Did you mean '{near}'?" if near else known
    return BrokenRule(f"needs the variable '{name}', which the case does not give", fix)
