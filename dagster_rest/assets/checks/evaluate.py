"""Checks of a load: evaluated inside its transaction, just before the commit, without a step of their own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_rest.assets.checks.evidence import Evidence, Finding
from dagster_rest.assets.checks.rules import RULES
from dagster_rest.assets.errors import BlockingCheckError
from dagster_rest.assets.model.planned_check import DEFAULT_MAX_DROP, PlannedCheck

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from dagster_rest.assets.model.asset import RestAsset
    from dagster_rest.assets.report import LoadReport
    from dagster_rest.config.plan.build import ResourcePlan


def plan_checks(plan: "ResourcePlan") -> tuple[PlannedCheck, ...]:
    """The checks of a resource: every rule that applies, unless its config switches it off.

    Args:
        plan: The resource.

    Raises:
        ConfigError: ``config_unknown_key`` for a check that does not exist; ``config_conflict`` for one that is to
            block and only to warn.
    """
    configured = plan.config.checks
    if configured is False:
        return ()
    wanted: Mapping[str, Any] = configured if isinstance(configured, Mapping) else {}
    _refuse_unknown(wanted, plan)
    planned = []
    for name, rule in RULES.items():
        config = wanted.get(name)
        if (config is None or config.enabled) and rule.applies(plan):
            planned.append(_planned(name, config, plan))
    return tuple(planned)


def _refuse_unknown(wanted: Mapping[str, Any], plan: "ResourcePlan") -> None:
    from dagster_rest.config.errors import ConfigError, Problem, did_you_mean, one_of

    problems = [
        Problem(
            path=f"{plan.config_path}.checks.{name}",
            code="config_unknown_key",
            message=f"there is no check `{name}`",
            expected=one_of(RULES, word=name),
            hint=did_you_mean(name, RULES),
        )
        for name in wanted
        if name not in RULES
    ]
    if problems:
        raise ConfigError(plan.origin.locate(problems), source=plan.source_file)


def _planned(name: str, config: Any, plan: "ResourcePlan") -> PlannedCheck:
    expect = plan.endpoint.expect
    max_drop = expect.max_drop if expect is not None else None
    if config is None:
        return PlannedCheck(name=name, max_drop=DEFAULT_MAX_DROP if max_drop is None else max_drop)
    if config.blocking and config.severity == "warn":
        raise plan.error(
            f"the check `{name}` is blocking, but its severity is a warning",
            code="config_conflict",
            key=f"checks.{name}",
            expected="severity: error, or no severity",
        )
    if config.max_drop is not None:
        max_drop = config.max_drop
    return PlannedCheck(
        name=name,
        severity=config.severity or ("error" if config.blocking else "warn"),
        blocking=config.blocking,
        max_drop=DEFAULT_MAX_DROP if max_drop is None else max_drop,
    )


def check_specs(checks: Iterable[PlannedCheck], *, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The specs of an asset's checks.

    Args:
        checks: What ``plan_checks`` gave.
        key: The asset.
    """
    return [
        dg.AssetCheckSpec(
            name=check.name, asset=key, description=RULES[check.name].description, blocking=check.blocking
        )
        for check in checks
    ]


def evaluate_checks(
    connection: "DuckDBPyConnection", asset: "RestAsset", report: "LoadReport", *, only: Iterable[str]
) -> list[dg.AssetCheckResult]:
    """Evaluate an asset's checks in the transaction of its load.

    Args:
        connection: The transaction, with the load's rows in the tables.
        asset: The asset.
        report: What the load did.
        only: Names of the checks that the run selects.

    Raises:
        BlockingCheckError: With all results, when one that fails is to block.
    """
    selected = set(only)
    results = []
    failed = []
    for check in asset.checks:
        if check.name not in selected:
            continue
        evidence = Evidence(connection=connection, asset=asset, report=report, check=check)
        finding = RULES[check.name].evaluate(evidence)
        results.append(_result(asset.key, check, finding))
        if check.blocking and not finding.passed:
            failed.append(f"{check.name}: {finding.description}")
    if failed:
        raise BlockingCheckError(
            f"the load is rolled back, tables and cursor are as before; {'; '.join(failed)}",
            where=asset.plan.config_path,
            results=results,
        )
    return results


def _result(key: dg.AssetKey, check: PlannedCheck, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=check.name,
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR if check.severity == "error" else dg.AssetCheckSeverity.WARN,
        description=finding.description,
        metadata=dict(finding.numbers),
    )


def refused_null_key(asset: "RestAsset", error: Exception, *, only: Iterable[str]) -> list[dg.AssetCheckResult]:
    """The failed ``primary_key_not_null`` of a load that was refused for a null in its key; else nothing.

    Args:
        asset: The asset.
        error: What the load raised.
        only: Names of the checks that the run selects.
    """
    from dagster_rest.warehouse.errors import NullInRequiredColumnError
    from dagster_rest.warehouse.naming import normalize

    check = next((one for one in asset.checks if one.name == "primary_key_not_null"), None)
    if check is None or check.name not in set(only) or not isinstance(error, NullInRequiredColumnError):
        return []
    if not any(f".{normalize(name)} " in error.message for name in asset.plan.primary_key):
        return []
    finding = Finding(passed=False, description=f"The load is refused: {error.message}.")
    return [_result(asset.key, replace(check, severity="error"), finding)]
