"""What a load keeps of its records for the resources that fan out from it: the values that their requests take."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dagster_rest.config.values.jsonpath import MISSING, first_match

if TYPE_CHECKING:
    from dagster_rest.config.plan.build import ResourcePlan
    from dagster_rest.warehouse.state.parents.keys import Rank


class KeyCollector:
    """Takes from a parent's record what its children use: the fan-out key values.

    Args:
        plan: The parent.
        children: The resources that fan out from it.
    """

    def __init__(self, plan: "ResourcePlan", children: Sequence["ResourcePlan"]) -> None:
        names = {
            name: None
            for child in children
            for link in child.parents
            if link.resource == plan.name
            for name in (*link.fields, *link.include)
        }
        self.fields: tuple[str, ...] = tuple(names)
        merges = plan.write_disposition.disposition == "merge"
        replaces_by_merge_key = plan.write_disposition.strategy in ("delete-insert", "scd2")
        self._key = [_take_column(name) for name in plan.primary_key]
        self._merge_key = [_take_column(name) for name in plan.merge_key] if replaces_by_merge_key else []
        self._takers = {name: first_match(name) for name in self.fields}
        self._hints = _MergeHints.read(plan) if self.fields and merges else _MergeHints()

    def __bool__(self) -> bool:
        return bool(self.fields)

    def collect(self, records: Sequence[Any]) -> list[dict[str, Any]]:
        """One staged row for each record."""
        from dagster_rest.warehouse.state.parents.keys import encode_row

        return [
            encode_row(
                self._values(record),
                row_key=_key_values(record, self._key),
                merge_key=_key_values(record, self._merge_key),
                rank=self._hints.rank(record),
                deleted=self._hints.deletes(record),
            )
            for record in records
        ]

    def _values(self, record: Any) -> dict[str, Any]:
        taken = ((name, take(record)) for name, take in self._takers.items())
        return {name: value for name, value in taken if value is not MISSING}


@dataclass(frozen=True, kw_only=True)
class _MergeHints:
    """What column hints say about the rows of a merge: which of several is kept, and which are to be deleted."""

    sort: Callable[[Any], Any] | None = None
    ascending: bool = False
    sorts_text: bool = False
    deleted: Callable[[Any], Any] | None = None
    deleted_is_bool: bool = False

    @classmethod
    def read(cls, plan: "ResourcePlan") -> "_MergeHints":
        """The hints of a resource."""
        from dagster_rest.warehouse.shred.hints import read_columns

        columns = read_columns(plan.config.columns, where=plan.config_path).values()
        sort = next((column for column in columns if column.hints.get("dedup_sort")), None)
        deleted = next((column for column in columns if column.hints.get("hard_delete")), None)
        return cls(
            sort=_take_column(sort.source or sort.name) if sort else None,
            ascending=sort is not None and sort.hints["dedup_sort"] == "asc",
            sorts_text=sort is not None and sort.data_type == "text",
            deleted=_take_column(deleted.source or deleted.name) if deleted else None,
            deleted_is_bool=deleted is not None and deleted.data_type == "bool",
        )

    def rank(self, record: Any) -> "Rank | None":
        """What a record of several with one key is chosen by."""
        if self.sort is None:
            return None
        from dagster_rest.warehouse.state.parents.keys import Rank

        value = self.sort(record)
        return Rank(value=None if value is MISSING else value, ascending=self.ascending, as_text=self.sorts_text)

    def deletes(self, record: Any) -> bool:
        """Whether a record says that its row is gone."""
        value = self.deleted(record) if self.deleted is not None else None
        if value is MISSING or value is None or isinstance(value, bool):
            return value is True
        return not self.deleted_is_bool or str(value).strip().lower() in ("true", "t", "yes", "y", "1")


def _take_column(name: str) -> Callable[[Any], Any]:
    """What takes a column's value out of a record: a key may be named as the API or as the table names it."""
    from dagster_rest.warehouse.naming import normalize

    wanted = normalize(name)

    def take(record: Any) -> Any:
        if isinstance(record, Mapping) and name in record:
            return record[name]
        return _find_column(record, wanted)

    return take


def _find_column(record: Any, wanted: str) -> Any:
    from dagster_rest.warehouse.naming import SEPARATOR, normalize

    if not isinstance(record, Mapping):
        return MISSING
    for key, value in record.items():
        name = normalize(str(key))
        if name == wanted:
            return value
        if wanted.startswith(name + SEPARATOR):
            found = _find_column(value, wanted.removeprefix(name + SEPARATOR))
            if found is not MISSING:
                return found
    return MISSING


def _key_values(record: Any, key: Sequence[Callable[[Any], Any]]) -> list[Any] | None:
    """The values of a key, or None where one is absent: as in the table, such a row is like no other."""
    values = [take(record) for take in key]
    if not values or any(value is None or value is MISSING for value in values):
        return None
    return [int(value) if isinstance(value, float) and value.is_integer() else value for value in values]
