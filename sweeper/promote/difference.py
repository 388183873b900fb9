"""Tells where two texts part."""


def describe_difference(found: str, wanted: str) -> str:
    """The first place where `found` leaves `wanted`, with a little of both."""
    pairs = zip(found, wanted, strict=False)
    same = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(found), len(wanted)))
    near = slice(max(same - 20, 0), same + 40)
    return f"{found[near]!r} where {wanted[near]!r} is wanted (character {same})"
