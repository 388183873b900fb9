"""Encoded rows that are made when they are asked for."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import overload

from sweeper.data.encode import EncodedRow


class LazyRows(Sequence[EncodedRow]):
    """A sequence by `_row`, which makes the row at a place from 0 on. A slice of it is made at once."""

    @abstractmethod
    def _row(self, at: int) -> EncodedRow: ...

    @overload
    def __getitem__(self, index: int) -> EncodedRow: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[EncodedRow, ...]: ...

    def __getitem__(self, index: int | slice) -> EncodedRow | tuple[EncodedRow, ...]:
        places = range(len(self))[index]
        return self._row(places) if isinstance(places, int) else tuple(self._row(at) for at in places)
