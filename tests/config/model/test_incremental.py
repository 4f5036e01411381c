"""The incremental in its three spellings, and what is wrong with one."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.config import load_config
from tests.config.support import config, endpoint, one, problem


def half(value: int) -> float:
    return value / 2


@pytest.mark.parametrize(
    "keys",
    [
        {"params": {"since": {"type": "incremental", "cursor_path": "u", "initial_value": 4}}},
        {"incremental": {"cursor_path": "u", "initial_value": 4, "start_param": "since"}},
        {"params": {"since": "{incremental.start_value}"}, "incremental": {"cursor_path": "u", "initial_value": 4}},
    ],
)
def test_s61_the_three_spellings_ask_for_the_same(keys: dict[str, Any]) -> None:
    found = one(endpoint(**keys))

    assert ("u", 4) == (found.incremental.cursor_path, found.incremental.initial_value)
    assert "7" == str(found.request.render(incremental={"start_value": 7}).params["since"])
    assert {} == found.request.render().params


def test_s61_an_incremental_param_wins_over_the_endpoint() -> None:
    found = one(
        endpoint(params={"since": {"type": "incremental", "cursor_path": "a"}}, incremental={"cursor_path": "b"})
    )

    assert "a" == found.incremental.cursor_path


def test_s61_two_incremental_params_are_an_error() -> None:
    found = problem(config(endpoint(params={name: {"type": "incremental", "cursor_path": "u"} for name in "ab"})))

    assert ("resources[0].endpoint.params.b", "config_conflict") == (found.path, found.code)


@pytest.mark.parametrize("key", ["end_value", "end_param"])
def test_s61_an_incremental_param_has_no_end(key: str) -> None:
    param = {"type": "incremental", "cursor_path": "u", "initial_value": 1, key: 9 if key == "end_value" else "x"}

    found = problem(config(endpoint(params={"a": param})))

    assert ("resources[0].endpoint.params.a", "config_conflict") == (found.path, found.code)


@pytest.mark.parametrize("name", ["convert", "transform"])
@pytest.mark.parametrize("value", [half, f"{__name__}:half"])
def test_s61_convert_has_an_older_name_and_may_be_imported(name: str, value: Any) -> None:
    found = one(endpoint(incremental={"cursor_path": "u", name: value})).incremental

    assert (2.0, None) == (found.convert(4), found.transform)


def test_s62_an_incremental_without_cursor_path_is_an_error() -> None:
    """dlt ignores it in silence and loads everything."""
    found = problem(config(endpoint(incremental={"initial_value": 1})))

    assert ("resources[0].endpoint.incremental.cursor_path", "config_missing_key") == (found.path, found.code)


@pytest.mark.parametrize(
    ("incremental", "code"),
    [
        ({"cursor_path": "u", "end_value": 3}, "config_conflict"),
        ({"cursor_path": "u", "initial_value": 5, "end_value": 3}, "config_bad_value"),
        ({"cursor_path": "u", "convert": half, "transform": half}, "config_conflict"),
        ({"cursor_path": "u", "last_value_func": "maxx"}, "config_bad_value"),
        ({"cursor_path": "u", "row_order": "up"}, "config_bad_value"),
        ({"cursor_path": "u", "lag": "1d"}, "config_bad_value"),
        ({"cursor_path": "u", "step": "0d"}, "config_bad_value"),
        ({"cursor_path": "u", "step": "1 fortnight"}, "config_bad_value"),
        ({"cursor_path": "u", "convert": "no.such_module:x"}, "config_bad_import"),
        ({"cursor_path": "u", "convert": f"{__name__}:nothing"}, "config_bad_import"),
        ({"cursor_path": "u", "convert": "half"}, "config_wrong_type"),
        ({"cursor_path": ""}, "config_bad_jsonpath"),
    ],
)
def test_a_wrong_incremental_is_an_error(incremental: dict[str, Any], code: str) -> None:
    if incremental.get("lag"):
        code = "config_wrong_type"

    assert code == problem(config(endpoint(incremental=incremental))).code


def test_a_descending_range_is_right_for_min() -> None:
    found = one(
        endpoint(incremental={"cursor_path": "u", "initial_value": 5, "end_value": 3, "last_value_func": "min"})
    )

    assert 3 == found.incremental.end_value


def test_every_option_is_kept() -> None:
    written = {
        "cursor_path": "a.b[0]",
        "initial_value": 1,
        "end_value": 9,
        "start_param": "s",
        "end_param": "e",
        "last_value_func": "min",
        "primary_key": ["id"],
        "row_order": "asc",
        "on_cursor_value_missing": "include",
        "lag": 3,
        "range_start": "open",
        "range_end": "closed",
        "allow_external_schedulers": True,
        "step": "1mo",
        "state": "shared",
    }
    written["initial_value"], written["end_value"] = 9, 1

    found = one(endpoint(incremental=written)).incremental

    assert written == {name: getattr(found, name) for name in written}


def test_values_of_any_type_stay_as_they_are() -> None:
    from datetime import date, datetime, timezone

    for value in (1, 1.5, "x", date(2024, 1, 1), datetime(2024, 1, 1, tzinfo=timezone.utc)):
        assert (
            value is one(endpoint(incremental={"cursor_path": "u", "initial_value": value})).incremental.initial_value
        )


class Incremental:
    """Looks like ``dlt.sources.incremental``."""

    def __init__(self) -> None:
        self.cursor_path = "u"
        self.initial_value = 3
        self.end_value = None
        self.last_value_func = max
        self.resource_name = "x"


def test_an_incremental_object_of_dlt_is_understood() -> None:
    found = one(endpoint(params={"since": Incremental()}))

    assert ("u", 3, "max") == (
        found.incremental.cursor_path,
        found.incremental.initial_value,
        found.incremental.last_value_func,
    )


def test_an_initial_value_from_the_environment_is_read_at_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("START", "2024-01-01")

    loaded = load_config(
        config(endpoint(incremental={"cursor_path": "u", "initial_value": "${START}"})), interpolate_env=True
    )

    assert "2024-01-01" == loaded.resources[0].endpoint.incremental.initial_value
