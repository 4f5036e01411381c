"""What the checks of the fetch find: rows that came, paginations that ended early, parents that were left out."""

from dagster_rest.assets import keys
from dagster_rest.assets.checks.evidence import Evidence, Finding


def total_rows(evidence: Evidence) -> Finding:
    """Whether as many rows came as the API counts."""
    report = evidence.report
    if report.total is None:
        return Finding(passed=False, description="The response has no total at expect.total_path.")
    if report.resumed or report.sampled or "row_order" in report.ended_by:
        return Finding(
            passed=True,
            description="Not compared: the run did not fetch everything (resumed, sampled, or ended by row_order).",
            numbers={keys.API_TOTAL: report.total},
        )
    numbers = {keys.API_TOTAL: report.total, keys.ROWS_FETCHED: report.rows_fetched}
    if report.total == report.rows_fetched:
        return Finding(passed=True, description=f"All {report.total} rows of the API's total.", numbers=numbers)
    return Finding(
        passed=False,
        description=f"The API counts {report.total} rows and sent {report.rows_fetched}.",
        numbers=numbers,
    )


def min_rows(evidence: Evidence) -> Finding:
    """Whether as many rows came as are expected."""
    expect = evidence.asset.plan.endpoint.expect
    assert expect is not None
    assert expect.min_rows is not None
    numbers = {keys.ROWS_FETCHED: evidence.report.rows_fetched, keys.MIN_ROWS: expect.min_rows}
    if evidence.report.sampled:
        return Finding(passed=True, description="Not compared: the run was a sample.", numbers=numbers)
    return Finding(
        passed=evidence.report.rows_fetched >= expect.min_rows,
        description=f"{evidence.report.rows_fetched} rows; at least {expect.min_rows} are expected.",
        numbers=numbers,
    )


def pagination_ignored(evidence: Evidence) -> Finding:
    """Whether no pagination ended early at an ignored response."""
    count = evidence.report.ignored_midway
    return Finding(
        passed=not count,
        description=(
            f"{count} paginations ended at an ignored response after their first page; rows after it are not loaded."
            if count
            else "No pagination ended at an ignored response after its first page."
        ),
        numbers={keys.IGNORED: count},
    )


def rows_ahead(evidence: Evidence) -> Finding:
    """Whether the cursor goes to the newest row."""
    seen = [one.ahead.found() for one in evidence.report.partitions]
    count = sum(one for one, _ in seen)
    if not count:
        return Finding(passed=True, description="The cursor moves to the newest row.", numbers={keys.ROWS_AHEAD: 0})
    examples = [example for _, some in seen for example in some]
    return Finding(
        passed=False,
        description=(
            f"{count} rows are too far away to move the cursor: {'; '.join(examples)}. They are loaded; the next run"
            " continues from the newest of the others. incremental.max_future and max_step set the limit."
        ),
        numbers={keys.ROWS_AHEAD: count},
    )


def null_parents(evidence: Evidence) -> Finding:
    """Whether every parent has a value for the path."""
    counts = evidence.report.counts
    return Finding(
        passed=not counts.null_parents,
        description=(
            f"{counts.null_parents} of {counts.parents} parents have no value for the path and were skipped."
            if counts.null_parents
            else "Every parent has a value for the path."
        ),
        numbers={keys.NULL_PARENTS: counts.null_parents, keys.PARENTS: counts.parents},
    )


def failed_parents(evidence: Evidence) -> Finding:
    """Whether the request of every parent was answered."""
    counts = evidence.report.counts
    numbers = {keys.FAILED_PARENTS: counts.failed_parents, keys.PARENTS: counts.parents}
    if not counts.failed_parents:
        return Finding(passed=True, description="The request of every parent succeeded.", numbers=numbers)
    from dagster_rest.warehouse.state.catalog import METADATA_SCHEMA, literal

    query = f"select * from {METADATA_SCHEMA}.failed_parents where child = {literal(evidence.asset.id)}"
    return Finding(
        passed=False,
        description=f"{counts.failed_parents} of {counts.parents} parents failed and were skipped; the next run tries"
        " them again.",
        numbers={**numbers, keys.QUERY: query},
    )
