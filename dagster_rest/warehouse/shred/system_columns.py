"""The columns that this package adds to every row: ids, and links from nested rows to those they are nested in."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster_rest.warehouse.schema import LIST_INDEX, PARENT_ROW_ID, ROOT_ROW_ID

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Links:
    """What nested rows belong to: an array each, one value a row.

    Args:
        parent: The ``_row_id`` of the row in the table above.
        root: The ``_row_id`` of the row in the root table.
        index: The position in the list, from 0.
    """

    parent: pa.Array
    root: pa.Array
    index: pa.Array

    def filtered(self, keep: list[bool]) -> Links:
        """Return the links of the rows that are kept."""
        import pyarrow as pa

        mask = pa.array(keep)
        return Links(parent=self.parent.filter(mask), root=self.root.filter(mask), index=self.index.filter(mask))

    def columns(self) -> dict[str, pa.Array]:
        """Return the links by column name."""
        return {ROOT_ROW_ID: self.root, PARENT_ROW_ID: self.parent, LIST_INDEX: self.index}


class RowIds:
    """Gives every row of a load an id: a hash of load and table, and the number of the row in the table.

    Args:
        load_id: The load.
        row_numbers: Rows made so far by table; changed in place.
    """

    def __init__(self, load_id: str, *, row_numbers: Counter[str]) -> None:
        self._load_id = load_id
        self._row_numbers = row_numbers
        self._tokens: dict[str, str] = {}

    def take(self, table: str, count: int) -> pa.Array:
        """Return the ids of the next rows of a table."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if table not in self._tokens:
            digest = hashlib.blake2b(f"{self._load_id}/{table}".encode(), digest_size=6)
            self._tokens[table] = digest.hexdigest()
        start = self._row_numbers[table]
        self._row_numbers[table] += count
        numbers = pa.array(range(start, start + count), pa.int64())
        return pc.binary_join_element_wise(self._tokens[table], pc.cast(numbers, pa.string()), "_")
