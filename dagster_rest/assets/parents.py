"""The parent rows a run works on: from the stored keys of sibling assets, or from the table of any other asset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dagster_rest.assets.errors import StateError
from dagster_rest.assets.partitions import Slice
from dagster_rest.assets.rest_asset import RestAsset, ledger_name
from dagster_rest.warehouse.fan_out import ParentRows, mark_consumed, read_parent_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.config.plan import ParentLink

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class ParentInput:
    """The parent rows of one run.

    Args:
        rows: Per partition key, per parent resource: its rows. One entry with an empty key where the parents'
            partitions do not matter.
        by_partition: Whether the child follows its parents' partitions.
        consumed: The parent loads to record as consumed: (child partition, parent asset id, load ids).
        forget_earlier: Whether earlier consumption is void (a rebuild).
    """

    rows: Mapping[str, Rows] = field(default_factory=dict)
    by_partition: bool = False
    consumed: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    forget_earlier: bool = False

    def mark_consumed(self, connection: "DuckDBPyConnection", asset: RestAsset) -> None:
        """Record in the child's transaction what it has worked on."""
        for partition, parent, load_ids in self.consumed:
            mark_consumed(
                connection,
                child=asset.id,
                child_partition=partition,
                parent=parent,
                load_ids=load_ids,
                forget_earlier=self.forget_earlier,
            )


def read_parents(
    connection: "DuckDBPyConnection | None", asset: RestAsset, *, slices: Sequence[Slice], everything: bool
) -> ParentInput:
    """Read the parent rows of a run, in one short look.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        asset: The child.
        slices: The partitions of the run.
        everything: Whether consumed rows count too (a rebuild).

    Raises:
        StateError: ``state_parent_not_loaded`` when a parent has never been loaded into this database.
    """
    if not asset.plan.parents:
        return ParentInput()
    by_partition = any(asset.follows_partitions_of(link.resource) for link in asset.plan.parents)
    rows: dict[str, Rows] = {}
    consumed: list[tuple[str, str, tuple[str, ...]]] = []
    for one in slices if by_partition else [Slice()]:
        found = {
            link.resource: _read(connection, asset, link, slice_=one, everything=everything)
            for link in asset.plan.parents
        }
        rows[one.key] = {name: parent.rows for name, parent in found.items()}
        consumed += [
            (one.key, ledger_name(asset.parents[name]), parent.load_ids)
            for name, parent in found.items()
            if parent.load_ids
        ]
    return ParentInput(rows=rows, by_partition=by_partition, consumed=tuple(consumed), forget_earlier=everything)


def _read(
    connection: "DuckDBPyConnection | None",
    asset: RestAsset,
    link: "ParentLink",
    *,
    slice_: Slice,
    everything: bool,
) -> ParentRows:
    key = asset.parents[link.resource]
    if link.resource in asset.external:
        from dagster_rest.warehouse.external import read_table_rows

        found = read_table_rows(connection, path=key.path, fields=(*link.fields, *link.include))
    else:
        parent = asset.source.resource(link.resource)
        follows = asset.follows_partitions_of(link.resource)
        which = "all" if everything or follows or asset.partitions_def is not None else asset.plan.fan_out
        found = read_parent_rows(
            connection,
            parent=ledger_name(key),
            child=asset.id,
            child_partition=slice_.key,
            which=which,
            latest_group_only=not everything
            and not follows
            and parent.write_disposition.disposition == "append"
            and parent.config.partitions is None,
            partitions=[slice_.key] if follows else None,
        )
    if not found.known:
        raise _not_loaded(asset, link, partition=slice_.key)
    return found


def _not_loaded(asset: RestAsset, link: "ParentLink", *, partition: str) -> StateError:
    key = asset.parents[link.resource].to_user_string()
    if partition and asset.follows_partitions_of(link.resource):
        message = f"the partition {partition} of the parent {link.resource!r} ({key}) has never been loaded"
        hint = f"Materialize {partition} of {key} first, or of both together."
    else:
        message = f"the parent {link.resource!r} ({key}) has never been loaded into this database"
        hint = f"Materialize {key} first, or both together."
    return StateError(message, code="state_parent_not_loaded", where=asset.plan.config_path, hint=hint)
