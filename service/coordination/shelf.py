"""Records by key, and by the labels under which they are looked for, so that no step goes through all of them."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Record = TypeVar("Record")


class Shelf(Generic[Key, Record]):
    """`labels` tells under what a record is found besides its key; a record put again moves to its new labels."""

    def __init__(self, labels: Callable[[Record], tuple[Hashable, ...]]) -> None:
        self._labels = labels
        self._records: dict[Key, Record] = {}
        self._by_label: defaultdict[Hashable, dict[Key, None]] = defaultdict(dict)

    def __contains__(self, key: Key) -> bool:
        return key in self._records

    def __getitem__(self, key: Key) -> Record:
        return self._records[key]

    def get(self, key: Key) -> Record | None:
        """The record, if it is here."""
        return self._records.get(key)

    def under(self, label: Hashable) -> list[Record]:
        """The records with this label, in the order in which they got it."""
        return [self._records[key] for key in self._by_label.get(label, ())]

    def num_under(self, *labels: Hashable) -> int:
        """How many records have one of these labels."""
        return sum(len(self._by_label.get(label, ())) for label in labels)

    def put(self, key: Key, *, record: Record) -> None:
        """Puts a record here, over an older one of the same key."""
        before = self._records.get(key)
        old = () if before is None else self._labels(before)
        new = self._labels(record)
        self._records[key] = record
        if old != new:
            self._unlabel(key, old)
            for label in new:
                self._by_label[label][key] = None

    def drop(self, key: Key) -> None:
        """Takes a record away, if it is here."""
        record = self._records.pop(key, None)
        if record is not None:
            self._unlabel(key, self._labels(record))

    def _unlabel(self, key: Key, labels: tuple[Hashable, ...]) -> None:
        for label in labels:
            del self._by_label[label][key]
            if not self._by_label[label]:
                del self._by_label[label]
