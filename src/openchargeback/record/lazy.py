"""A sequence that is made when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, overload

T_co = TypeVar("T_co", covariant=True)


class LazySequence(Sequence[T_co]):
    """Equal to any sequence with the same values, as a tuple would be."""

    def __init__(self, make: Callable[[], Sequence[T_co]]) -> None:
        self._make: Callable[[], Sequence[T_co]] | None = make
        self._made: tuple[T_co, ...] = ()

    def _values(self) -> tuple[T_co, ...]:
        make = self._make  # another thread may be making it, too
        if make is not None:
            self._made = tuple(make())
            self._make = None
        return self._made

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | Sequence[T_co]:
        return self._values()[index]

    def __iter__(self) -> Iterator[T_co]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __eq__(self, other: object) -> bool:
        return self._values() == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return repr(self._values())
