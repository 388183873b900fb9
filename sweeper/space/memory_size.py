"""Sizes in bytes, as users write them (24GB, 24GiB) and as they are shown."""

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


def size(number_of_bytes: float) -> str:
    """Decimal units, as disks are sold: '512 B', '20.1 MB', '3.4 GB'."""
    if number_of_bytes < 1000:
        return f"{number_of_bytes:.0f} B"
    for unit in ("kB", "MB", "GB"):
        number_of_bytes /= 1000
        if number_of_bytes < 999.95 or unit == "GB":
            break
    return f"{number_of_bytes:.1f} {unit}"
