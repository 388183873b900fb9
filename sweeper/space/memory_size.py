"""Memory sizes as users write them: 24GB, 24GiB."""

import re

_UNITS = {"b": 1}
for _power, _letter in enumerate("kmgt", start=1):
    _UNITS[f"{_letter}b"] = 1000**_power
    _UNITS[f"{_letter}ib"] = 1024**_power


def memory_bytes(text: str) -> int | None:
    """Bytes of "24GB" (10^9 each) or "24 GiB" (2^30 each); None where the text is no size above 0."""
    found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]+)\s*", text.lower(), re.ASCII)
    if found is None or found[2] not in _UNITS:
        return None
    return int(float(found[1]) * _UNITS[found[2]]) or None
