"""A key that may stand in several places has one meaning: what stands nearer to the resource wins."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.config import ConfigError, build_plan, load_config
from dagster_rest.config.model.base import field_keys
from dagster_rest.config.model.endpoint import EndpointConfig
from dagster_rest.config.model.resource import ResourceConfig
from tests.config.support import config, endpoint, one

NAMES = ("on_empty", "on_name_collision")
VALUES = {"on_empty": ("fail", "ignore"), "on_name_collision": ("error", "suffix")}


def test_these_keys_stand_in_a_resource_and_in_its_endpoint() -> None:
    """Another one needs its own line in ``defaults.ALSO_IN_ENDPOINT``, and in this test."""
    assert set(NAMES) == set(field_keys(ResourceConfig)) & set(field_keys(EndpointConfig))


def written(place: str, name: str, value: Any) -> dict[str, Any]:
    return {"endpoint": {name: value}} if place == "endpoint" else {name: value}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("own", ["resource", "endpoint"])
@pytest.mark.parametrize("below", ["resource", "endpoint"])
@pytest.mark.parametrize("turned", [False, True])
def test_the_resources_own_word_beats_the_defaults(name: str, own: str, below: str, turned: bool) -> None:
    inherited, said = reversed(VALUES[name]) if turned else VALUES[name]

    plan = one({"name": "a", **written(own, name, said)}, defaults=written(below, name, inherited))

    assert said == getattr(plan.config, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("below", ["resource", "endpoint"])
def test_the_defaults_count_where_the_resource_says_nothing(name: str, below: str) -> None:
    value = VALUES[name][1]

    assert value == getattr(one("a", defaults=written(below, name, value)).config, name)
    assert {"on_empty": "warn", "on_name_collision": "error"}[name] == getattr(one("a").config, name)


def drop(plan: Any) -> float:
    from dagster_rest.assets.checks.evaluate import plan_checks

    return next(check.max_drop for check in plan_checks(plan) if check.name == "row_count_drop")


def test_an_own_max_drop_beats_that_of_inherited_checks() -> None:
    inherited = {"checks": {"row_count_drop": {"max_drop": 0.9, "severity": "error"}}}
    own = {**endpoint(expect={"max_drop": 0.1}), "write_disposition": "replace"}

    assert 0.1 == drop(one(own, defaults=inherited))
    assert "error" == one(own, defaults=inherited).config.checks["row_count_drop"].severity
    assert 0.9 == drop(one({**endpoint(), "write_disposition": "replace"}, defaults=inherited))


@pytest.mark.parametrize("below", [{}, {"checks": False}, {"checks": {"primary_key": "error"}}])
def test_an_own_max_drop_leaves_inherited_checks_that_give_none_as_they_are(below: dict[str, Any]) -> None:
    expected = one(endpoint(), defaults=below).config.checks

    assert expected == one(endpoint(expect={"max_drop": 0.1}), defaults=below).config.checks


def pages(plan: Any) -> int | None:
    """How many pages are asked for: what the endpoint says and what the paginator says both bind."""
    bounds = [plan.endpoint.max_pages, getattr(plan.paginator, "max_pages", None)]
    return min((bound for bound in bounds if bound is not None), default=None)


LINKS: dict[str, Any] = {"type": "json_link"}


@pytest.mark.parametrize(
    ("own", "below", "client", "expected"),
    [
        ({"max_pages": 9}, {"paginator": {**LINKS, "max_pages": 1}}, None, 9),
        ({"paginator": {**LINKS, "max_pages": 9}}, {"max_pages": 1}, None, 9),
        ({"max_pages": 9}, {}, {**LINKS, "max_pages": 1}, 9),
        ({}, {"max_pages": 9}, {**LINKS, "max_pages": 1}, 9),
        ({}, {}, {**LINKS, "max_pages": 3}, 3),
        ({"max_pages": 9, "paginator": {**LINKS, "max_pages": 1}}, {}, None, 1),
        ({"paginator": LINKS}, {"max_pages": 4}, None, 4),
    ],
)
def test_the_nearer_number_of_pages_counts(own: Any, below: Any, client: Any, expected: int) -> None:
    options = {} if client is None else {"paginator": client}

    assert expected == pages(one(endpoint(**own), defaults={"endpoint": below}, **options))


def test_auto_with_a_number_of_pages_is_the_clients_paginator_with_that_number() -> None:
    plan = one(
        endpoint(paginator={"type": "auto", "max_pages": 2}),
        paginator={"type": "page_number", "base_page": 1, "max_pages": 7},
    )

    assert ("page_number", 1, 2) == (plan.paginator.type, plan.paginator.base_page, pages(plan))


def test_auto_with_a_number_of_pages_detects_where_the_client_names_none() -> None:
    plan = one(endpoint(paginator={"type": "auto", "max_pages": 2}), paginator="auto")

    assert ("auto", 2) == (plan.paginator.type, pages(plan))


def test_auto_bounds_a_paginator_of_ones_own() -> None:
    class Mine:
        def update_state(self, *_: Any) -> None: ...

        def update_request(self, *_: Any) -> None: ...

    mine = Mine()
    plan = one(endpoint(paginator={"type": "auto", "max_pages": 2}), paginator=mine)

    assert (mine, 2) == (plan.paginator, plan.endpoint.max_pages)


@pytest.mark.parametrize("names", [["valid_from"], [], ["a", "b", "c"]])
def test_validity_needs_two_columns(names: list[str]) -> None:
    disposition = {"disposition": "merge", "strategy": "scd2", "validity_column_names": names}

    with pytest.raises(ConfigError) as caught:
        load_config(config({"name": "a", "write_disposition": disposition}))

    assert ("config_bad_value", "[from, to]") == (caught.value.code, caught.value.problems[0].expected)


@pytest.mark.parametrize("value", ["orders", lambda row: "orders"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_parent_table_is_refused(value: Any, nested: bool) -> None:
    """dlt fails with a KeyError when it extracts such a resource."""
    keys = {"parent_table_name": value}
    resource = {"name": "a", "nested_hints": {"kids": keys}} if nested else {"name": "a", **keys}

    with pytest.raises(ConfigError) as caught:
        load_config(config(resource))

    (only,) = caught.value.problems
    assert ("config_conflict", True) == (only.code, only.path.endswith("parent_table_name"))
    assert "include_from_parent" in str(only.hint)


def test_no_parent_table_is_fine() -> None:
    assert build_plan(load_config(config({"name": "a", "parent_table_name": None})), name="s")
