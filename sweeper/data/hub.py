"""Reads data sets through `datasets`: from the Hugging Face hub, or from a folder that it can load."""

from collections.abc import Iterator
from typing import Any

from sweeper.data.records import Record
from sweeper.errors import InputError, SweepError, UnavailableError
from sweeper.space.data_settings import HubSet
from sweeper.space.suggest import did_you_mean

_NO_NETWORK = ("OfflineModeIsEnabled", "ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError")
"""Names of errors that mean a data set could not be asked for; their modules differ by version."""


def hub_records(source: HubSet) -> Iterator[Record]:
    """The rows of one split, with their index from 0 as number.

    Raises InputError for a data set, subset or split that is not there, UnavailableError where the
    hub cannot be reached. Code in a data set is not run.
    """
    for number, values in enumerate(load_split(source)):
        yield Record(f"{source}, row {number}", number, values)


def load_split(source: HubSet) -> Any:
    """The `datasets.Dataset` of a split, downloaded or from its cache."""
    from datasets import load_dataset
    from datasets.utils.logging import disable_progress_bar

    disable_progress_bar()
    try:
        rows = load_dataset(source.source, source.subset, split=source.split)
    except Exception as error:  # datasets raises many kinds, down to bare ValueError; each is the user's
        raise _told(source, error) from None
    if len(rows) == 0:
        raise InputError(str(source), "the split has no rows", "Name another split")
    return rows


def _told(source: HubSet, error: Exception) -> SweepError:
    """One line about what went wrong, with what there is to choose from where that can be had."""
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    if any(kind.__name__ in _NO_NETWORK for kind in type(error).__mro__):
        return UnavailableError(f"{source}: the hub cannot be reached ({reason}). Download the set first.")
    splits = _splits(source)
    if splits and source.split not in splits:
        fix = did_you_mean(source.split, splits, f"Splits there: {', '.join(splits)}")
        return InputError(str(source), f"there is no split '{source.split}'", fix)
    return InputError(str(source), f"the data set cannot be loaded ({reason})", "Correct data.train")


def _splits(source: HubSet) -> list[str]:
    from datasets import get_dataset_split_names

    try:
        return list(get_dataset_split_names(source.source, source.subset))
    except Exception:  # it only helps to word an error that is told anyway
        return []
