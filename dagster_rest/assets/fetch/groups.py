"""What a window asks for: parent rows in groups of one request each, or the one of a top-level resource."""

import dataclasses
from collections.abc import Sequence

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.parents.fan_out import TOP_LEVEL, ParentGroup, batch_groups, group_parents
from dagster_rest.assets.parents.rows import ParentInput
from dagster_rest.assets.partition_state import PartitionState


def request_groups(
    context: LoadContext, parents: ParentInput, *, states: Sequence[PartitionState]
) -> list[ParentGroup]:
    """The groups to ask for, of all partitions.

    Args:
        context: The load.
        parents: The parents' rows.
        states: The partitions, with the parents' cursors: those of one batch go on from the same value.

    Raises:
        StateError: As ``group_parents``.
    """
    plan, request = context.plan, context.request
    if plan.parents:
        by_partition = {
            partition: group_parents(plan, rows, partition=partition, retried=parents.retried)
            for partition, rows in parents.rows.items()
        }
    else:
        by_partition = {"": list(TOP_LEVEL)}
    if context.partitioned and not parents.by_partition and not context.asks_one_range:
        (groups,) = by_partition.values()
        by_partition = {
            one.key: [dataclasses.replace(group, partition=one.key) for group in groups] for one in request.partitions
        }
    cursors = {one.partition.key: one.parent_cursors for one in states}
    return [
        group
        for partition, groups in by_partition.items()
        for group in batch_groups(plan, groups, cursors=cursors.get(partition))[: request.limit]
    ]
