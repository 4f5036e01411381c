"""The parent rows a run works on: from the stored keys of sibling assets, or from the table of any other asset."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dagster_rest.assets.errors import StateError
from dagster_rest.assets.model.asset import RestAsset, ledger_name
from dagster_rest.assets.model.partitioning import means_the_same
from dagster_rest.assets.model.partitions import Slice
from dagster_rest.warehouse.state.parents.consumed import (
    consumed_values,
    mark_consumed,
    replace_consumed_values,
    value_hashes,
)
from dagster_rest.warehouse.state.parents.external import read_table_rows
from dagster_rest.warehouse.state.parents.failed import read_failed_parents
from dagster_rest.warehouse.state.parents.rows import ParentRows, lacks_keys, read_parent_rows
from dagster_rest.warehouse.state.partitionings import read_partitioning

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.config.plan.links import ParentLink

Rows = Mapping[str, ParentRows]


@dataclass(frozen=True, kw_only=True)
class Consumption:
    """What of one parent a run works on, to be recorded in its own transaction.

    Args:
        partition: The child's partition, or the empty text.
        parent: The parent's asset id.
        load_ids: The parent's loads.
        values: What tells the parent's rows apart, where its loads do not; else None.
    """

    partition: str
    parent: str
    load_ids: tuple[str, ...] = ()
    values: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class ParentInput:
    """The parent rows of one run.

    Args:
        rows: Per partition key, per parent resource: its rows. One entry with an empty key where the parents'
            partitions do not matter.
        by_partition: Whether the child follows its parents' partitions.
        consumed: What to record as consumed.
        forget_earlier: Whether earlier consumption is void (a rebuild).
        again: Keys of parents that failed in an earlier run: they are wanted, though they are not new.
    """

    rows: Mapping[str, Rows] = field(default_factory=dict)
    by_partition: bool = False
    consumed: tuple[Consumption, ...] = ()
    forget_earlier: bool = False
    again: frozenset[str] = frozenset()

    def mark_consumed(self, connection: "DuckDBPyConnection", asset: RestAsset, *, in_part: bool) -> None:
        """Record in the child's transaction what it has worked on.

        Args:
            connection: A connection inside the child's transaction.
            asset: The child.
            in_part: Whether the run asked for a range of its own: then its parents are still new to the next one.
        """
        if in_part and not self.forget_earlier:
            return
        for one in self.consumed:
            place = {"child": asset.id, "child_partition": one.partition, "parent": one.parent}
            load_ids = () if in_part else one.load_ids
            mark_consumed(connection, **place, load_ids=load_ids, forget_earlier=self.forget_earlier)
            if one.values is not None:
                replace_consumed_values(connection, **place, hashes=() if in_part else one.values)


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
    only_new = asset.plan.fan_out == "new" and asset.partitions_def is None and not everything
    asks_earlier = _asks_earlier_loads(asset) and not everything
    owes = only_new or asks_earlier
    again = read_failed_parents(connection, child=asset.id, partition="") if owes else {}
    rows: dict[str, Rows] = {}
    consumed: list[Consumption] = []
    for one in slices if by_partition else [Slice()]:
        reader = _Reader(
            connection,
            asset,
            slice_=one,
            everything=everything,
            with_old=bool(again) and only_new,
            with_earlier=bool(again) and asks_earlier,
        )
        found = {link.resource: reader.read(link) for link in asset.plan.parents}
        rows[one.key] = {name: parent.rows for name, parent in found.items()}
        consumed += [parent.consumption for parent in found.values()]
    return ParentInput(
        rows=rows,
        by_partition=by_partition,
        consumed=tuple(one for one in consumed if one.load_ids or one.values is not None),
        forget_earlier=everything,
        again=frozenset(again),
    )


def unseen_parents(connection: "DuckDBPyConnection | None", asset: RestAsset) -> tuple[str, ...]:
    """The parents that have rows which the child will never see, for they were loaded before a child used them.

    Args:
        connection: An open connection, or None where the database does not exist yet.
        asset: The child.
    """
    if asset.plan.fan_out != "new" or asset.partitions_def is not None:
        return ()
    own = [asset.source.resource(link.resource) for link in asset.plan.parents if link.resource not in asset.external]
    return tuple(
        plan.name
        for plan in own
        if plan.incremental is not None
        and lacks_keys(
            connection,
            parent=ledger_name(asset.parents[plan.name]),
            appends=plan.write_disposition.disposition == "append",
        )
    )


def _asks_earlier_loads(asset: RestAsset) -> bool:
    """Whether a parent that is owed may be of an earlier load than those that the child asks for.

    So it is where each load of the parent brings what is new, and the child asks for the latest. A child that replaces
    holds the rows of the latest parents alone.
    """
    if asset.plan.fan_out != "all" or asset.partitions_def is not None or len(asset.plan.parents) != 1:
        return False
    (link,) = asset.plan.parents
    if link.resource in asset.external or asset.plan.write_disposition.disposition == "replace":
        return False
    return asset.source.resource(link.resource).incremental is not None


@dataclass(frozen=True, kw_only=True)
class _Found:
    rows: ParentRows
    consumption: Consumption


class _Reader:
    """Reads the rows of the parents of one run and partition."""

    def __init__(
        self,
        connection: "DuckDBPyConnection | None",
        asset: RestAsset,
        *,
        slice_: Slice,
        everything: bool,
        with_old: bool,
        with_earlier: bool,
    ) -> None:
        self._connection = connection
        self._asset = asset
        self._slice = slice_
        self._everything = everything
        self._with_earlier = with_earlier
        # A new row meets the old ones of the other parents, too.
        self._with_old = with_old or len(asset.plan.parents) > 1

    def read(self, link: "ParentLink") -> _Found:
        """The rows of a parent.

        Raises:
            StateError: ``state_parent_not_loaded``.
        """
        asset, parent_id = self._asset, ledger_name(self._asset.parents[link.resource])
        found = self._read_table(link) if link.resource in asset.external else self._read_keys(link)
        if not found.known or self._has_other_partitions(link):
            raise _not_loaded(asset, link, partition=self._slice.key)
        values = None
        if self._is_told_by_values(link):
            values = tuple(value_hashes(found.rows, fields=link.fields))
            found = self._told_by_values(found, values, parent=parent_id)
        consumption = Consumption(partition=self._slice.key, parent=parent_id, load_ids=found.load_ids, values=values)
        return _Found(rows=found, consumption=consumption)

    def _has_other_partitions(self, link: "ParentLink") -> bool:
        """Whether what is loaded of a parent was of other partitions than those whose key the child goes by."""
        asset = self._asset
        if not asset.follows_partitions_of(link.resource):
            return False
        recorded = read_partitioning(self._connection, asset=ledger_name(asset.parents[link.resource])).description
        return not means_the_same(recorded, asset.partitions_def)

    def _is_told_by_values(self, link: "ParentLink") -> bool:
        """Whether the parent's loads do not say which of its rows are new, for each of them brings all."""
        asset = self._asset
        if asset.partitions_def is not None or asset.plan.fan_out != "new":
            return False
        if link.resource in asset.external:
            return True
        return len(asset.plan.parents) > 1 and asset.source.resource(link.resource).incremental is None

    def _told_by_values(self, found: ParentRows, values: Sequence[str], *, parent: str) -> ParentRows:
        known = consumed_values(self._connection, child=self._asset.id, child_partition=self._slice.key, parent=parent)
        if known is None or self._everything:
            return found
        return dataclasses.replace(found, is_new=tuple(value not in known for value in values))

    def _read_table(self, link: "ParentLink") -> ParentRows:
        path = self._asset.parents[link.resource].path
        return read_table_rows(self._connection, path=path, fields=(*link.fields, *link.include))

    def _read_keys(self, link: "ParentLink") -> ParentRows:
        asset, everything = self._asset, self._everything
        parent = asset.source.resource(link.resource)
        follows = asset.follows_partitions_of(link.resource)
        which = "all" if everything or follows or asset.partitions_def is not None else asset.plan.fan_out
        appends = parent.write_disposition.disposition == "append" and link.resource not in asset.partitioned_parents
        return read_parent_rows(
            self._connection,
            parent=ledger_name(asset.parents[link.resource]),
            child=asset.id,
            child_partition=self._slice.key,
            which=which,
            with_old=self._with_old,
            latest_group_only=not everything
            and not follows
            and appends
            and (which == "all" or self._is_told_by_values(link)),
            with_earlier=self._with_earlier,
            partitions=[self._slice.key] if follows else None,
        )


def _not_loaded(asset: RestAsset, link: "ParentLink", *, partition: str) -> StateError:
    key = asset.parents[link.resource].to_user_string()
    if partition and asset.follows_partitions_of(link.resource):
        message = f"the partition {partition} of the parent {link.resource!r} ({key}) has never been loaded"
        hint = f"Materialize {partition} of {key} first, or of both together."
    else:
        message = f"the parent {link.resource!r} ({key}) has never been loaded into this database"
        hint = f"Materialize {key} first, or both together."
    return StateError(message, code="state_parent_not_loaded", where=asset.plan.config_path, hint=hint)
