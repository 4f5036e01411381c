"""Gathers what a run's start is decided on: the ledger, the locks, the event log, in this order."""

from dagster_rest.assets.context import LoadContext
from dagster_rest.assets.model.partitions import Partition
from dagster_rest.assets.run.inputs import Inputs
from dagster_rest.assets.run.owner import check_owner
from dagster_rest.assets.run.recorded_tables import lost_tables, may_repartition
from dagster_rest.assets.start.decision import decide_run
from dagster_rest.assets.start.facts import Facts, Liveness
from dagster_rest.assets.start.given_range import begins_beyond
from dagster_rest.assets.start.liveness import is_alive
from dagster_rest.assets.start.start import RunStart
from dagster_rest.warehouse.state.load_row import AssetState, LoadRow


def start_of_run(context: LoadContext, inputs: Inputs) -> RunStart:
    """What a run starts from; the facts are gathered in an order in which no load falls between two reads.

    Args:
        context: The load.
        inputs: What was read of the warehouse.

    Raises:
        StateError: ``state_fenced``, and as ``check_owner``, ``lost_tables`` and ``may_repartition``.
    """
    check_owner(context, inputs.other_owner)
    lost = lost_tables(context, inputs.tables)
    repartitions = may_repartition(context, inputs.other_partitions, inputs.tables)
    facts = {
        one.key: _facts(context, one, inputs.states[one.key], lost=lost, repartitions=repartitions)
        for one in context.request.partitions
    }
    start = decide_run(facts, passes_over=lambda found: _passes_over(context, found))
    for key, one in start.partitions.items():
        if one.message:
            context.log(f"{key}: {one.message}" if key else one.message)
    return start


def _passes_over(context: LoadContext, start: RunStart) -> bool:
    """Whether the range begins beyond what is loaded, so that a cursor after it would pass over rows."""
    beyond = begins_beyond(
        context.plan,
        start=start,
        per_parent=context.per_parent,
        start_override=context.request.start_value,
        end_override=context.request.end_value,
    )
    return beyond and not any(one.start is not None for one in context.request.partitions)


def _facts(
    context: LoadContext, one: Partition, state: AssetState, *, lost: tuple[str, ...], repartitions: bool
) -> Facts:
    request, options = context.request, context.options
    context.check_attempt(state.unsettled)
    ours = {load.load_group for load in state.unsettled if load.run_id in request.run}
    wanted = [
        load
        for load in state.unsettled
        if load.load_group in ours or _matters(load, latest=state.latest, key=options.key)
    ]
    liveness = {load.load_id: _liveness_of(context, load) for load in wanted if load.status == "pending"}
    latest = state.latest.load_id if state.latest else None
    return Facts(
        ledger=state,
        log=request.read_log(one, [load.load_id for load in wanted], latest),
        liveness=liveness,
        run=request.run,
        options=options,
        rules=context.rules(one),
        storage_id=request.storage_id,
        lost_tables=lost,
        repartitions=repartitions,
        now=context.clock().timestamp(),
    )


def _matters(load: LoadRow, *, latest: LoadRow | None, key: str) -> bool:
    """Whether it is worth asking Dagster about a load that is no run's of ours."""
    is_latest = latest is not None and load.load_group == latest.load_group
    return load.status == "pending" and (is_latest or (bool(key) and load.request_key == key))


def _liveness_of(context: LoadContext, load: LoadRow) -> Liveness:
    """Whether the step that committed a load may still report it. Dagster's run status comes before the lock."""
    ours = load.storage_id == context.request.storage_id
    if load.run_id == context.request.run.run_id or (ours and context.request.run_is_over(load.run_id)):
        return "over"
    seen = is_alive(context.root, asset=context.asset.id, run_id=load.run_id, attempt=load.attempt)
    if seen is None:
        return "alive" if ours else "unknown"
    return "alive" if seen else "over"
