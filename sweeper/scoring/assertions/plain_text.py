"""Assertions that compare texts as they are."""

from sweeper.scoring.assertions.kind import Asked, Kind, Verdict, text, texts, verdict
from sweeper.space.wording import shown


def equals(asked: Asked, value: str) -> Verdict:
    """To the letter, outer white space aside."""
    return verdict(asked.answer.strip() == value.strip(), "equal", f"is not {shown(value.strip())}")


def iequals(asked: Asked, value: str) -> Verdict:
    """As `equals`, letter case aside."""
    is_equal = asked.answer.strip().casefold() == value.strip().casefold()
    return verdict(is_equal, "equal but for case", f"is not {shown(value.strip())} in any case")


def contains(asked: Asked, value: str) -> Verdict:
    return verdict(value in asked.answer, f"holds {shown(value)}", f"does not hold {shown(value)}")


def icontains(asked: Asked, value: str) -> Verdict:
    is_in = value.casefold() in asked.answer.casefold()
    return verdict(is_in, f"holds {shown(value)}", f"does not hold {shown(value)} in any case")


def contains_all(asked: Asked, value: list[str]) -> Verdict:
    absent = [each for each in value if each not in asked.answer]
    return verdict(not absent, f"holds all {len(value)}", f"lacks {', '.join(map(shown, absent[:3]))}")


def contains_any(asked: Asked, value: list[str]) -> Verdict:
    found = next((each for each in value if each in asked.answer), None)
    return verdict(found is not None, f"holds {shown(found)}", f"holds none of {len(value)}")


def starts_with(asked: Asked, value: str) -> Verdict:
    """White space at both fronts aside."""
    is_first = asked.answer.lstrip().startswith(value.lstrip())
    return verdict(is_first, f"starts with {shown(value)}", f"does not start with {shown(value)}")


KINDS = {
    "equals": Kind(text, equals),
    "iequals": Kind(text, iequals),
    "contains": Kind(text, contains),
    "icontains": Kind(text, icontains),
    "contains-all": Kind(texts, contains_all),
    "contains-any": Kind(texts, contains_any),
    "starts-with": Kind(text, starts_with),
}
