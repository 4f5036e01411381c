"""A wrong config: every problem, its path, what was expected, the near miss; never a value."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.config import (
    CODES,
    ClientConfig,
    ConfigError,
    EndpointConfig,
    build_plan,
    load_config,
    load_config_text,
)
from dagster_rest.config.model.paginators import PAGINATOR_CHOICE
from dagster_rest.errors import RestError
from tests.config.support import BASE, config, endpoint, problem, problems


@pytest.mark.parametrize(
    ("source", "path", "code", "hint"),
    [
        (
            {**config("a"), "resource_defauts": {}},
            "resource_defauts",
            "config_unknown_key",
            "Did you mean `resource_defaults`?",
        ),
        (config("a", heders={}), "client.heders", "config_unknown_key", "Did you mean `headers`?"),
        (
            config({"name": "a", "primry_key": "x"}),
            "resources[0].primry_key",
            "config_unknown_key",
            "Did you mean `primary_key`?",
        ),
        (
            config({"name": "a", "params": {}}),
            "resources[0].params",
            "config_unknown_key",
            "`params` belongs in `endpoint`.",
        ),
        (
            config(endpoint(primary_key="x")),
            "resources[0].endpoint.primary_key",
            "config_unknown_key",
            "`primary_key` belongs in the resource, beside `endpoint`.",
        ),
        (
            config(endpoint(data_selectr="x")),
            "resources[0].endpoint.data_selectr",
            "config_unknown_key",
            "Did you mean `data_selector`?",
        ),
        (
            config(endpoint(paginator={"type": "cursor", "cursor_pth": "x"})),
            "resources[0].endpoint.paginator.cursor_pth",
            "config_unknown_key",
            "Did you mean `cursor_path`?",
        ),
        (
            config("a", auth={"type": "api_key", "api_key": "k", "locaton": "query"}),
            "client.auth.locaton",
            "config_unknown_key",
            "Did you mean `location`?",
        ),
        (
            config(endpoint(incremental={"cursor_path": "u", "intial_value": 1})),
            "resources[0].endpoint.incremental.intial_value",
            "config_unknown_key",
            "Did you mean `initial_value`?",
        ),
        (
            config({"name": "a", "columns": {"x": {"data_typ": "text"}}}),
            "resources[0].columns.x.data_typ",
            "config_unknown_key",
            "Did you mean `data_type`?",
        ),
        (
            config({"name": "a", "processing_steps": [{"fliter": bool}]}),
            "resources[0].processing_steps[0].fliter",
            "config_unknown_key",
            "Did you mean `filter`?",
        ),
        (
            config(endpoint(response_actions=[{"status_code": 404, "acton": "ignore", "action": "ignore"}])),
            "resources[0].endpoint.response_actions[0].acton",
            "config_unknown_key",
            "Did you mean `action`?",
        ),
        (
            config("a", "b", "a"),
            "resources[2].name",
            "config_duplicate_resource",
            "Rename one.",
        ),
        (config(endpoint(method="get")), "resources[0].endpoint.method", "config_bad_value", "Did you mean `GET`?"),
        (
            config(endpoint(response_actions=[{"status_code": 404, "action": "ignor"}])),
            "resources[0].endpoint.response_actions[0].action",
            "config_bad_value",
            "Did you mean `ignore`?",
        ),
        (
            config({"name": "a", "write_disposition": "mrege"}),
            "resources[0].write_disposition",
            "config_bad_value",
            "Did you mean `merge`?",
        ),
    ],
)
def test_s06_a_near_miss_is_named(source: Any, path: str, code: str, hint: str) -> None:
    found = problem(source)

    assert (path, code, hint) == (found.path, found.code, found.hint)


@pytest.mark.parametrize(
    ("source", "path", "code", "expected"),
    [
        (config(endpoint(method="PUT")), "resources[0].endpoint.method", "config_bad_value", "one of GET, POST"),
        ({"client": {"base_url": BASE}, "resources": "a"}, "resources", "config_wrong_type", "a list"),
        ({"client": {"base_url": BASE}}, "resources", "config_missing_key", None),
        ({"resources": []}, "client", "config_missing_key", None),
        ({"client": "x", "resources": []}, "client", "config_wrong_type", "a mapping"),
        (config("a", base_url=None), "client.base_url", "config_wrong_type", "text"),
        (config(3), "resources[0]", "config_wrong_type", "a name, a mapping, a callable, or an asset"),
        (config({"name": "a", "selected": "yes"}), "resources[0].selected", "config_wrong_type", "true or false"),
        (
            config({"name": "a", "max_table_nesting": "1"}),
            "resources[0].max_table_nesting",
            "config_wrong_type",
            "a whole number of at least 0",
        ),
        (config({"name": ""}), "resources[0].name", "config_bad_value", "text"),
        (
            config({"name": "a", "primary_key": 5}),
            "resources[0].primary_key",
            "config_wrong_type",
            "a name, a list of names, or a callable",
        ),
        (
            config(endpoint(params={"a": {"b": 1}})),
            "resources[0].endpoint.params.a",
            "config_wrong_type",
            "a value, a list of values, or a mapping with type: resolve or type: incremental",
        ),
        (config(endpoint(data_selector=3)), "resources[0].endpoint.data_selector", "config_wrong_type", "a JSONPath"),
        (
            config(endpoint(data_selector="a[[")),
            "resources[0].endpoint.data_selector",
            "config_bad_jsonpath",
            "a JSONPath, such as data.items or ['@odata.nextLink']",
        ),
        (
            config(endpoint(paginator={"total_path": "x"})),
            "resources[0].endpoint.paginator.type",
            "config_missing_key",
            f"one of {', '.join(PAGINATOR_CHOICE.names())}",
        ),
        (
            config(endpoint(response_actions=[{"action": "ignore"}])),
            "resources[0].endpoint.response_actions[0]",
            "config_missing_key",
            "one of status_code, content, json",
        ),
        (
            config(endpoint(response_actions=[{"status_code": "40", "action": "ignore"}])),
            "resources[0].endpoint.response_actions[0].status_code",
            "config_bad_value",
            'a status code (404 or "404") or a class ("4xx")',
        ),
        (config(endpoint(json={"a": 1}, data="x")), "resources[0].endpoint", "config_conflict", "one body"),
        (
            config({"name": "a", "write_disposition": {"disposition": "replace", "strategy": "upsert"}}),
            "resources[0].write_disposition",
            "config_conflict",
            "disposition: merge",
        ),
        (
            config(
                {"name": "a", "write_disposition": {"disposition": "merge", "strategy": "upsert", "deduplicated": True}}
            ),
            "resources[0].write_disposition",
            "config_conflict",
            "one of skip_unchanged_rows, row_version_column_name, source_filter",
        ),
        (
            config({"name": "a", "columns": [{"data_type": "text"}]}),
            "resources[0].columns[0].name",
            "config_missing_key",
            "the column's name",
        ),
        (
            config({"name": "a", "columns": {"x": {"data_type": "txt"}}}),
            "resources[0].columns.x.data_type",
            "config_bad_value",
            "one of text, double, bool, timestamp, bigint, binary, json, decimal, wei, date, time",
        ),
        (
            config({"name": "a", "primary_key": len}),
            "resources[0].primary_key",
            "config_conflict",
            "`table_name` as a callable too",
        ),
        (config({"name": "a", "incremental": {}}), "resources[0].incremental", "config_unknown_key", None),
        (config({"name": "a", "auth": {}}), "resources[0].auth", "config_unknown_key", None),
        (config("a", headers={"X": 1}), "client.headers", "config_wrong_type", "text; write numbers in quotes"),
        (config("a", auth="bearer"), "client.auth.token", "config_missing_key", None),
        (
            config("a", rate_limit={"requests": 0}),
            "client.rate_limit.requests",
            "config_bad_value",
            "a whole number of at least 1",
        ),
        (
            config("a", timeout="fast"),
            "client.timeout",
            "config_bad_value",
            "seconds, or text such as 500ms, 30s, 1m, 24h, 7d, 2w",
        ),
        (
            config({"name": "a", "partitions": {"every": "daily", "cron": "x"}}),
            "resources[0].partitions",
            "config_conflict",
            "exactly one of every, cron, keys, dynamic, dimensions",
        ),
    ],
)
def test_s06_a_wrong_value_says_what_was_expected(source: Any, path: str, code: str, expected: str | None) -> None:
    found = problem(source)

    assert (path, code) == (found.path, found.code)
    assert expected is None or expected == found.expected


def test_s07_a_missing_base_url_or_name_is_a_problem_like_others() -> None:
    """dlt answers with a bare KeyError."""
    found = problems({"client": {}, "resources": [{"endpoint": "x"}]})

    assert [("client.base_url", "config_missing_key"), ("resources[0].name", "config_missing_key")] == [
        (item.path, item.code) for item in found
    ]


def test_every_problem_is_listed_at_once() -> None:
    found = problems(
        config(
            {"nme": "a"},
            endpoint(method="PUT", paginator={"type": "page_numbr"}),
            7,
            auth={"type": "http_basic"},
            heders={},
        )
    )

    assert [
        "client.auth.username",
        "client.auth.password",
        "client.heders",
        "resources[0].name",
        "resources[0].nme",
        "resources[1].endpoint.method",
        "resources[1].endpoint.paginator.type",
        "resources[2]",
    ] == [item.path for item in found]


def test_every_problem_of_the_plan_is_listed_at_once() -> None:
    found = problems(
        config(
            endpoint(path="{nothing}", params={"a": "{incremental.x}"}),
            {"name": "b", "include_from_parent": ["id"]},
            {"name": "b"},
        )
    )

    assert [
        ("resources[0].endpoint.path", "config_unknown_placeholder"),
        ("resources[0].endpoint.params.a", "config_unknown_placeholder"),
        ("resources[1].include_from_parent", "config_include_without_parent"),
        ("resources[2].name", "config_duplicate_resource"),
    ] == [(item.path, item.code) for item in found]


YAML = """\
client:
  base_url: https://api.example.com

# a comment
resources:
  - posts
  - name: items
    endpoint:
      path: items
      paginator:
        type: page_number
        total_pth: x
"""


def test_the_line_of_the_yaml_file_is_named() -> None:
    found = problem_of(YAML)

    assert ("resources[1].endpoint.paginator.total_pth", 12) == (found.path, found.line)


def test_the_line_of_a_problem_of_the_plan_is_named() -> None:
    found = problem_of(YAML.replace("path: items", "path: items/{id}").replace("total_pth", "total_path"))

    assert ("resources[1].endpoint.path", 9) == (found.path, found.line)


def test_a_missing_key_has_the_line_of_what_it_is_missing_from() -> None:
    assert 7 == problem_of(YAML.replace("name: items", "selected: true").replace("total_pth", "total_path")).line


def problem_of(text: str) -> Any:
    with pytest.raises(ConfigError) as caught:
        build_plan(load_config_text(text, source="shop.yaml"), name="s")
    assert "shop.yaml" in str(caught.value)
    (only,) = caught.value.problems
    return only


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    assert "config_file" == problem(tmp_path / "none.yaml").code


def test_a_file_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")

    assert "config_file" == problem("x.yaml", base_path=tmp_path).code


def test_a_yaml_error_names_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config_text("client: [\n  a: b\n")

    assert ("config_yaml", 3) == (caught.value.code, caught.value.problems[0].line)


def test_a_key_that_stands_twice_is_a_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config_text("client:\n  base_url: a\n  base_url: b\nresources: []\n")

    assert ("config_duplicate_key", "client.base_url", 3) == (
        caught.value.code,
        caught.value.problems[0].path,
        caught.value.problems[0].line,
    )


SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    "source",
    [
        config("a", auth={"token": SECRET, "tokn": SECRET}),
        config("a", auth={"type": SECRET}),
        config("a", auth=SECRET),
        config(
            "a",
            auth={
                "type": "oauth2_client_credentials",
                "client_secret": SECRET,
                "access_token_request_data": {"x": [SECRET]},
            },
        ),
        config("a", defaults={"endpoint": {"auth": {"type": "bearer", "tokn": SECRET}}}),
        config(endpoint(auth={"type": "http_basic", "username": SECRET, "passwrd": SECRET})),
        config("a", headers={"Authorization": [SECRET]}),
        config("a", base_url=[f"https://u:{SECRET}@example.com"]),
        config("a", base_url=f"https://u:{SECRET}@example.com", proxy={"x": SECRET}),
        config("a", timeout=SECRET),
        config(endpoint(params={"api_key": {"x": SECRET}})),
        config(endpoint(headers={"X-Key": {"x": SECRET}})),
        config(endpoint(json={"token": f"{{{SECRET}}}"}, data=3, method=SECRET)),
        config(endpoint(method=SECRET)),
        config(endpoint(data_selector=f"[[{SECRET}")),
        config({"name": "a", "write_disposition": SECRET, "columns": {"a": SECRET}}),
        config("a", params=SECRET),
        config("a", verify=[SECRET], cert={"a": SECRET}),
        config(endpoint(incremental={"cursor_path": "a", "initial_value": SECRET, "lag": SECRET})),
    ],
)
def test_no_value_is_ever_shown(source: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(source)

    error: BaseException | None = caught.value
    assert SECRET not in str(error)
    assert SECRET not in repr(error)
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize(
    "keys",
    [
        {"json": {"token": f"{{{SECRET}}}"}},
        {"json": {"a": f'{{"password": "{SECRET}"}}'}},
        {"params": {"api_key": f"{{{SECRET}}}"}},
        {"headers": {"Authorization": f"Bearer {{{SECRET}}}"}},
        {"data": f"{{token={SECRET}}}"},
        {"data": f'{{"{SECRET}"}}'},
        {"data": f"{{{SECRET}:x}} {{"},
    ],
)
def test_no_value_is_shown_by_the_plan(keys: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        build_plan(load_config(config(endpoint(**keys))), name="s")

    assert SECRET not in str(caught.value)


def test_no_repr_shows_a_secret() -> None:
    loaded = load_config(
        config(
            endpoint(
                params={"api_key": SECRET, "q": "x"},
                headers={"X-Any": SECRET},
                json={"password": SECRET},
                path=f"items?token={SECRET}",
                auth={"type": "custom_header", "name": "X", "value": SECRET},
            ),
            base_url=f"https://u:{SECRET}@example.com/?key={SECRET}",
            headers={"Authorization": SECRET},
            auth={
                "type": "oauth2_client_credentials",
                "access_token_url": "https://id.example.com",
                "client_id": SECRET,
                "client_secret": SECRET,
                "access_token_request_data": {"password": SECRET},
            },
            proxy=f"http://u:{SECRET}@proxy",
            cert=["a", "b", SECRET],
            defaults={"endpoint": {"auth": {"token": SECRET}}},
        )
    )

    assert SECRET not in repr(loaded)
    assert SECRET not in str(loaded)
    assert SECRET not in repr(build_plan(loaded, name="s"))


def test_no_repr_shows_a_form() -> None:
    assert SECRET not in repr(build_plan(load_config(config(endpoint(data=f"password={SECRET}"))), name="s"))


def test_keys_of_another_auth_without_type_are_recognised() -> None:
    found = problem(config("a", auth={"api_key": "k", "name": "X"}))

    assert ("client.auth.type", "type: api_key") == (found.path, found.expected)


def test_a_model_built_by_hand_raises_the_same_error() -> None:
    with pytest.raises(ConfigError) as caught:
        ClientConfig(base_ur=SECRET)  # type: ignore[call-arg]

    assert ["base_url", "base_ur"] == [item.path for item in caught.value.problems]
    assert SECRET not in str(caught.value)


def test_a_nested_model_built_by_hand_is_checked() -> None:
    with pytest.raises(ConfigError) as caught:
        EndpointConfig(paginator={"type": "offset"})

    assert "paginator.limit" == caught.value.problems[0].path


def test_the_error_is_one_of_the_family_and_survives_pickling() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({})
    copied = pickle.loads(pickle.dumps(caught.value))

    assert isinstance(copied, RestError)
    assert caught.value.problems == copied.problems
    assert str(caught.value) == str(copied)


def test_every_code_that_is_raised_is_listed() -> None:
    import re

    import dagster_rest.config as package

    folder = Path(package.__file__).parent
    used = set()
    for file in folder.rglob("*.py"):
        used.update(re.findall(r'"(config_[a-z_]+)"', file.read_text()))

    assert set(CODES) == used
