"""The tables that the resources of a source write, as far as the config names them: no two resources share one."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dagster_rest.warehouse import naming

if TYPE_CHECKING:
    from dagster_rest.assets.definition.translator import RestResourceProps

_RESERVED = frozenset({"_dagster_rest", "information_schema", "pg_catalog"})


def check_table_names(props: Mapping[str, "RestResourceProps"], *, dataset: str) -> None:
    """Refuse resources that would write to the same table, wherever the config shows it.

    What only the data shows (a list that makes the nested table ``orders__lines`` beside a resource of that name) is
    refused when it is loaded.

    Args:
        props: The resources.
        dataset: The DuckDB schema.

    Raises:
        ConfigError: ``config_conflict`` for two resources of one table; ``config_bad_value`` for a dataset that is a
            schema of this package or of DuckDB.
    """
    from dagster_rest.config.errors import ConfigError, Problem, problem_error

    if dataset.lower() in _RESERVED:
        raise problem_error(
            f"the dataset `{dataset}` is a reserved schema",
            code="config_bad_value",
            path="dataset",
            expected="another name",
        )
    taken: dict[str, tuple[str, str]] = {}
    problems = []
    for one in props.values():
        for table, what in _tables(one):
            owner, its = taken.setdefault(table, (one.resource.name, what))
            if owner != one.resource.name:
                problems.append(
                    Problem(
                        path=f"{one.resource.config_path}.{_key_of(one)}",
                        line=one.resource.line,
                        code="config_conflict",
                        message=f"`{table}` is {what}, and {its} of `{owner}`: each would lose what the other loads",
                        hint="Give each its own `table_name`; and combine them in a view: "
                        "`FROM one UNION ALL BY NAME FROM other`.",
                    )
                )
    if problems:
        raise ConfigError(problems, source=next(iter(props.values())).resource.source_file)


def _key_of(one: "RestResourceProps") -> str:
    return "name" if one.resource.config.table_name is None else "table_name"


def _tables(one: "RestResourceProps") -> Iterator[tuple[str, str]]:
    """The tables that a resource is known to write, and what each of them is."""
    if one.table is None or one.resource.write_disposition.disposition == "skip":
        return
    config = one.resource.config
    yield one.table, "the table"
    yield naming.join(one.table, "sample"), "the table for samples"
    if config.quarantine:
        yield naming.join(one.table, "quarantine"), "the quarantine"
    nested = config.nested_hints
    for path in nested if isinstance(nested, Mapping) else ():
        parts = (path,) if isinstance(path, str) else tuple(path)
        yield naming.join(one.table, *(naming.normalize(str(part)) for part in parts)), "a nested table"
