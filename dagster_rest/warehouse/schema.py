"""What is known of the tables: columns, their types and hints, and what a resource asks of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from dagster_rest.warehouse import naming

if TYPE_CHECKING:
    from dagster_rest.config.model.table.disposition import WriteDisposition
    from dagster_rest.config.plan.build import ResourcePlan

LOAD_ID = "_load_id"
ROW_ID = "_row_id"
PARENT_ROW_ID = "_parent_row_id"
ROOT_ROW_ID = "_root_row_id"
LIST_INDEX = "_list_index"
ROW_VERSION = "_row_version"
DEDUP_TEXT = "dedup sort"
"""A staged column: what the API wrote where the column with the ``dedup_sort`` hint keeps less of it. No column of a
table has its name: names have no blanks."""
SYSTEM_COLUMNS = frozenset({LOAD_ID, ROW_ID, PARENT_ROW_ID, ROOT_ROW_ID, LIST_INDEX})

ContractMode = Literal["evolve", "freeze", "discard_row", "discard_value"]
ContractEntity = Literal["tables", "columns", "data_type"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    Args:
        name: The normalised name.
        data_type: A type of ``types.py``; None while a hinted column waits for its first value.
        nullable: False for keys and for what a hint says.
        description: For people; shown in Dagster's column schema.
        source: The key (path) as the API wrote it, of the key that made the column.
        variant: True for ``price__v_text`` and the like.
        hinted: True if a hint fixed the type, so that data can't widen it.
        hints: Everything else a hint said (``hard_delete``, ``dedup_sort``, ``x-...``).
    """

    name: str
    data_type: str | None
    nullable: bool = True
    description: str | None = None
    source: str | None = None
    variant: bool = False
    hinted: bool = False
    hints: Mapping[str, Any] = field(default_factory=dict)

    def hinted_like(self, other: Column) -> Column:
        """Return the column as the config that made the other describes it; name, type and origin stay."""
        return replace(
            self, nullable=other.nullable, description=other.description, hinted=other.hinted, hints=other.hints
        )

    def to_json(self) -> dict[str, Any]:
        """Return the column as JSON values."""
        return {**vars(self), "hints": dict(self.hints)}


TableKind = Literal["root", "nested", "standalone", "quarantine"]
"""``standalone``: a nested table whose own key makes it a table of its own, with a link to where it came from."""

_LOAD_ID = Column(name=LOAD_ID, data_type="text", nullable=False, description="The load that wrote the row.")
_ROW_ID = Column(name=ROW_ID, data_type="text", nullable=False, description="Identifies the row.")
_LINKS = (
    Column(name=ROOT_ROW_ID, data_type="text", nullable=False, description="`_row_id` in the root table."),
    Column(name=PARENT_ROW_ID, data_type="text", nullable=False, description="`_row_id` in the table above."),
    Column(name=LIST_INDEX, data_type="bigint", nullable=False, description="Position in the list, from 0."),
)
_LOOSE_LINKS = (
    Column(name=ROOT_ROW_ID, data_type="text", description="`_row_id` in the root table; null if it was not written."),
    Column(name=PARENT_ROW_ID, data_type="text", description="`_row_id` in the table above; null likewise."),
    _LINKS[2],
)
_SYSTEM: Mapping[TableKind, tuple[Column, ...]] = {
    "root": (_LOAD_ID, _ROW_ID),
    "quarantine": (_LOAD_ID, _ROW_ID),
    "nested": (*_LINKS, _ROW_ID),
    "standalone": (_LOAD_ID, *_LOOSE_LINKS, _ROW_ID),
}


def system_columns(kind: TableKind) -> tuple[Column, ...]:
    """Return the columns that this package adds to a kind of table, in their order."""
    return _SYSTEM[kind]


@dataclass(kw_only=True)
class TableSchema:
    """One table: its position among nested tables, and its columns in order.

    Args:
        name: The normalised name.
        root: The table at the top of its family; itself unless it is nested.
        parent: The table it is nested in.
        kind: What it is.
        resource: The resource that made it.
        source: The key path of a nested table's lists, as the API wrote it.
        columns: Its columns by name, those of this package left out.
        is_new: False if the database recorded it before this load.
    """

    name: str
    root: str
    parent: str | None = None
    kind: TableKind = "root"
    resource: str = ""
    source: str | None = None
    columns: dict[str, Column] = field(default_factory=dict)
    is_new: bool = True

    @property
    def typed_columns(self) -> list[Column]:
        """The columns that have a type, hence exist in the database."""
        return [column for column in self.columns.values() if column.data_type is not None]

    @property
    def all_columns(self) -> list[Column]:
        """The columns in the order of a new table: data first, then those of this package."""
        typed = sorted(self.typed_columns, key=lambda column: column.name == ROW_VERSION)
        return [*typed, *system_columns(self.kind)]

    def is_recorded_as(self, other: TableSchema | None) -> bool:
        """Whether the database records the table just so: names, types and hints, in the same order."""
        return other is not None and replace(self, is_new=False) == other and list(self.columns) == list(other.columns)

    def copy(self) -> TableSchema:
        """Return a copy whose columns may be changed."""
        return replace(self, columns=dict(self.columns))

    def to_json(self) -> dict[str, Any]:
        """Return the table as JSON values."""
        return {**vars(self), "columns": [column.to_json() for column in self.columns.values()]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TableSchema:
        """Build the table from what ``to_json`` returned."""
        columns = [Column(**column) for column in value["columns"]]
        return cls(**{**value, "columns": {column.name: column for column in columns}})


@dataclass(frozen=True, kw_only=True)
class RecordedSchema:
    """The tables and columns recorded so far for one dataset. Small and picklable."""

    dataset: str
    tables: Mapping[str, TableSchema] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ResourceSpec:
    """What the warehouse has to know of a resource.

    Args:
        dataset: The DuckDB schema.
        resource: The resource's name.
        table_name: The raw name, or a function of the record that returns one.
        primary_key: Key fields as the API writes them.
        merge_key: Likewise.
        write_disposition: ``disposition``, ``strategy`` and ``options``.
        columns: Hints: a dict, a list, a pydantic model or an Arrow schema.
        schema_contract: A mode, or a dict of modes by ``tables``, ``columns``, ``data_type``.
        max_table_nesting: Levels of dicts and lists that become columns and tables; None for all.
        nested_hints: Hints of nested tables by path.
        on_name_collision: ``error`` or ``suffix``.
        quarantine: Keep what the contract discards in ``<table>__quarantine``.
        where: The config path, for errors.
        asset: The asset as the ledger writes it: the owner of the tables. None outside of assets: then the resource is.
    """

    dataset: str
    resource: str
    table_name: str | Callable[[Any], str]
    write_disposition: WriteDisposition
    primary_key: tuple[str, ...] = ()
    merge_key: tuple[str, ...] = ()
    columns: Any = None
    schema_contract: Any = None
    max_table_nesting: int | None = None
    nested_hints: Any = None
    on_name_collision: Literal["error", "suffix"] = "error"
    quarantine: bool = False
    where: str | None = None
    asset: str | None = None

    @classmethod
    def from_plan(cls, plan: ResourcePlan, *, dataset: str, asset: str | None = None) -> ResourceSpec:
        """Build the spec of a planned resource."""
        config = plan.config
        return cls(
            dataset=dataset,
            resource=plan.name,
            table_name=plan.table_name,
            write_disposition=plan.write_disposition,
            primary_key=tuple(plan.primary_key),
            merge_key=tuple(plan.merge_key),
            columns=config.columns,
            schema_contract=config.schema_contract,
            max_table_nesting=config.max_table_nesting,
            nested_hints=config.nested_hints,
            on_name_collision=config.on_name_collision or "error",
            quarantine=bool(config.quarantine),
            where=plan.config_path,
            asset=asset,
        )

    @property
    def table(self) -> str:
        """The normalised name of the root table; the resource's name when ``table_name`` is a function."""
        return naming.normalize(self.table_name if isinstance(self.table_name, str) else self.resource)

    @property
    def has_fixed_table(self) -> bool:
        """False if the table name depends on the record."""
        return isinstance(self.table_name, str)

    @property
    def quarantine_table(self) -> str:
        """Where discarded records and values are kept."""
        return naming.join(self.table, "quarantine")


def dedup_column(table: TableSchema) -> Column | None:
    """Return the column by which one of several records with a key is chosen."""
    return next((column for column in table.columns.values() if column.hints.get("dedup_sort")), None)


def contract_mode(contract: Any, entity: ContractEntity) -> ContractMode:
    """Return the mode of one entity from a contract in any of its forms."""
    if contract is None:
        return "evolve"
    if isinstance(contract, str):
        mode: Any = contract
    elif isinstance(contract, Mapping):
        mode = contract.get(entity)
    else:
        mode = getattr(contract, entity, None)
    return mode or "evolve"


@dataclass(kw_only=True)
class StagedSchema:
    """The tables of one load while it is staged: what was known, and what the data added."""

    tables: dict[str, TableSchema] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, known: RecordedSchema, *, spec: ResourceSpec) -> StagedSchema:
        """Copy what is known of the tables that a resource may write to."""
        tables = {}
        for name, table in known.tables.items():
            inside = table.root == spec.table or name.startswith(spec.table + naming.SEPARATOR)
            if inside or not spec.has_fixed_table:
                tables[name] = table.copy()
        return cls(tables=tables)

    def add_column(self, table: TableSchema, column: Column) -> None:
        """Add a column, or give a hinted one its type."""
        table.columns[column.name] = column
        if not table.is_new:
            self.changes.append(f"added column {table.name}.{column.name} ({column.data_type})")

    def set_type(self, table: TableSchema, column: Column, data_type: str) -> Column:
        """Widen a column."""
        widened = replace(column, data_type=data_type)
        table.columns[column.name] = widened
        self.changes.append(f"widened column {table.name}.{column.name} ({column.data_type} to {data_type})")
        return widened

    def to_json(self) -> dict[str, Any]:
        """Return the schema as JSON values."""
        return {"tables": [table.to_json() for table in self.tables.values()], "changes": list(self.changes)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> StagedSchema:
        """Build the schema from what ``to_json`` returned."""
        tables = [TableSchema.from_json(table) for table in value["tables"]]
        return cls(tables={table.name: table for table in tables}, changes=list(value["changes"]))
