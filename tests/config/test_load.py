"""What is found when a config is loaded, in which order, and how it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagster_rest.config import ConfigError, build_plan, load_config, load_config_text
from dagster_rest.config.errors import one_of
from tests.config.support import BASE, config, endpoint


def found(source: Any, **options: Any) -> list[Any]:
    """The problems of loading alone."""

    def load() -> Any:
        if isinstance(source, str):
            return load_config_text(source, source="shop.yaml", **options)
        return load_config(source, **options)

    with pytest.raises(ConfigError) as caught:
        load()
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("source", "path", "code"),
    [
        (config("a", base_url="api.example.com"), "client.base_url", "config_bad_value"),
        (config("a", base_url="//api.example.com"), "client.base_url", "config_bad_value"),
        (config("a", base_url="https:/api.example.com"), "client.base_url", "config_bad_value"),
        (config("a", base_url="https://"), "client.base_url", "config_bad_value"),
        (config("a", base_url="ftp://api.example.com"), "client.base_url", "config_bad_value"),
        (config("a", base_url="localhost:8000"), "client.base_url", "config_bad_value"),
        (config("a", proxy="proxy:3128"), "client.proxy", "config_bad_value"),
        (config({"name": "a", "partitions": {"cron": "61 * * * *", "start": "2024"}}), "cron", "config_bad_value"),
        (config({"name": "a", "partitions": {"every": "daily", "timezone": "Europe/Berln"}}), "timezone", None),
        (config({"name": "a", "partitions": {"every": "daily", "start": "someday"}}), "start", "config_bad_value"),
        (config({"name": "a", "partitions": {"every": "daily", "end": "12:30"}}), "end", "config_bad_value"),
        (config({"name": "a", "freshness": {"deadline_cron": "soon"}}), "deadline_cron", "config_bad_value"),
        (config({"name": "a", "freshness": {"timezone": "Mars"}}), "timezone", "config_bad_value"),
        (config({"name": "a", "automation": "0 0 30 2 *"}), "automation", "config_bad_value"),
        (config({"name": "a", "automation": "@dayly"}), "automation", "config_bad_value"),
        (config(endpoint(expect={"max_drop": 5})), "max_drop", "config_bad_value"),
        (config({"name": "a", "checks": {"row_count_drop": {"max_drop": -0.1}}}), "max_drop", "config_bad_value"),
        (config(endpoint(incremental={"cursor_path": "u", "initial_value": {"a": 1}})), "initial_value", None),
        (config(endpoint(incremental={"cursor_path": "u", "initial_value": ["a"]})), "initial_value", None),
        (config(endpoint(incremental={"cursor_path": "u", "initial_value": True})), "initial_value", None),
        (config(endpoint(incremental={"cursor_path": "u", "initial_value": float("nan")})), "initial_value", None),
    ],
)
def test_a_value_without_meaning_is_found_at_load(source: Any, path: str, code: str | None) -> None:
    (only,) = found(source)

    assert only.path.endswith(path)
    assert only.code == code or code is None
    assert only.expected


@pytest.mark.parametrize("url", ["", BASE, "HTTP://localhost:8000/v1", "https://u:p@[::1]:8/x?y=z", "https://ü.de"])
def test_these_are_base_urls(url: str) -> None:
    assert url == load_config(config("a", base_url=url)).client.base_url


@pytest.mark.parametrize("url", ["${URL}", "${SCHEME}://x", "https://${HOST}/v1", "http${S}://x", "${A}${B}"])
def test_these_may_become_base_urls(url: str) -> None:
    assert url == load_config(config("a", base_url=url), interpolate_env=True).client.base_url


def test_a_base_url_that_cannot_become_one_is_found() -> None:
    (only,) = found(config("a", base_url="api.${DOMAIN}/v1"), interpolate_env=True)

    assert "client.base_url" == only.path


@pytest.mark.parametrize("cron", ["0 0 * * *", "*/5 8-18 * * MON-FRI", "@daily"])
def test_these_are_cron_expressions(cron: str) -> None:
    partitions = {"cron": cron, "start": "2024-01-01"}
    loaded = load_config(config({"name": "a", "partitions": partitions, "automation": cron}))

    assert (cron, cron) == (loaded.resources[0].partitions.cron, loaded.resources[0].automation)


ORDER = """\
resources:
  - name: first
    primry_key: id
    endpoint: {method: get}
  - endpoint:
      path: x
      incremental: {initial_value: 1}
  - name: third
    tags: {team: 5}
client:
  heders: {}
  auth: {type: bearr}
  timeout: soon
nothing: 1
"""


def test_problems_stand_in_the_order_of_the_file() -> None:
    problems = found(ORDER)

    assert [3, 4, 5, 7, 9, 10, 11, 12, 13, 14] == [problem.line for problem in problems]


def test_problems_of_a_dict_stand_in_its_order() -> None:
    source = {"resources": [{"endpoint": {"mthod": "GET", "path": 5}, "name": 3}], "client": {"heders": {}}}

    assert [
        "resources[0].endpoint.mthod",
        "resources[0].endpoint.path",
        "resources[0].name",
        "client.base_url",
        "client.heders",
    ] == [problem.path for problem in found(source)]


def test_problems_of_the_plan_stand_in_the_order_of_the_file() -> None:
    text = f"""\
resources:
  - name: a
    endpoint:
      json: {{x: "{{nothing}}"}}
      params: {{y: "{{nothing}}"}}
      path: "{{nothing}}"
client: {{base_url: {BASE}}}
"""
    assert [4, 5, 6] == [problem.line for problem in found(text)]


def test_a_key_with_dots_and_brackets_has_its_line() -> None:
    text = f"""\
client:
  base_url: {BASE}
resources:
  - name: a
    endpoint:
      params:
        ok: 1
        filter[a.b]: "{{nothing}}"
    columns:
      a.b:
        data_typ: text
"""
    assert [11] == [problem.line for problem in found(text)]
    assert [8] == [problem.line for problem in found(text.replace("data_typ:", "data_type:"))]


def test_a_key_that_was_merged_in_has_the_line_where_it_is_written() -> None:
    text = f"""\
x-base: &base
  primary_key: id
  slected: true
client: {{base_url: {BASE}}}
resources:
  - <<: *base
    name: a
"""
    assert [("resources[0].slected", 3)] == [(problem.path, problem.line) for problem in found(text)]


def test_a_home_for_anchors() -> None:
    loaded = load_config_text(
        f"""
x-paging: &paging {{type: offset, limit: 50}}
x-unused: "${{NOT_SET}} and {{braces"
client: {{base_url: {BASE}}}
resources:
  - {{name: a, endpoint: {{paginator: *paging}}}}
  - {{name: b, endpoint: {{paginator: {{<<: *paging, limit: 10}}}}}}
"""
    )

    assert [50, 10] == [resource.endpoint.paginator.limit for resource in loaded.resources]
    assert ["client", "resources"] == list(loaded.to_dlt()[0])


def test_only_the_top_level_is_one() -> None:
    (only,) = found({**config({"name": "a", "x-mine": 1}), "x_mine": 1, "x-fine": 2}, interpolate_env=False)[:1]

    assert ("config_unknown_key", "resources[0].x-mine") == (only.code, only.path)


def test_two_merges_in_one_mapping_both_count() -> None:
    loaded = load_config_text(
        f"""
x-a: &a {{primary_key: id, description: from a}}
x-b: &b {{description: from b, group_name: g}}
client: {{base_url: {BASE}}}
resources:
  - <<: *a
    <<: *b
    name: r
    group_name: own
"""
    )

    resource = loaded.resources[0]
    assert ("id", "from b", "own") == (resource.primary_key, resource.description, resource.group_name)


CIRCLE = [
    {"name": "a", "endpoint": "x/{resources.b.id}"},
    {"name": "b", "endpoint": "y/{resources.a.id}"},
]


def test_a_circle_is_found_at_load() -> None:
    (only,) = found(config(*CIRCLE))

    assert ("config_cycle", "resources[0].endpoint.path") == (only.code, only.path)
    assert "a -> b -> a" in only.message


def test_a_circle_is_found_beside_other_problems() -> None:
    assert ["config_cycle", "config_unknown_placeholder"] == [
        problem.code for problem in found(config(*CIRCLE, endpoint(path="{nothing}")))
    ]


def test_a_circle_through_the_defaults_names_them() -> None:
    (only,) = found(config("orgs", "repos", defaults={"endpoint": {"params": {"org": "{resources.orgs.id}"}}}))

    assert ("config_cycle", "resource_defaults.endpoint.params.org") == (only.code, only.path)
    assert "`orgs`" in str(only.hint)
    assert "resource_defaults" in str(only.hint)


def test_a_longer_circle_through_the_defaults_names_them() -> None:
    problems = found(
        config(
            {"name": "a", "endpoint": {"path": "a/{resources.b.id}", "params": {"org": None}}},
            "b",
            defaults={"endpoint": {"params": {"org": "{resources.a.id}"}}},
        )
    )

    assert ["resource_defaults.endpoint.params.org"] == [problem.path for problem in problems]


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        (endpoint(path="{nothing}"), "config_unknown_placeholder"),
        ({"name": "posts"}, "config_duplicate_resource"),
        ({"name": "x", "include_from_parent": ["id"]}, "config_include_without_parent"),
        (endpoint(params={"p": {"type": "resolve", "resource": "posts", "field": "id"}}), "config_unused_binding"),
    ],
)
def test_what_does_not_fit_together_is_found_at_load(resource: Any, code: str) -> None:
    assert [code] == [problem.code for problem in found(config("posts", resource))]


def test_a_parent_that_may_be_another_asset_is_left_to_the_plan() -> None:
    loaded = load_config(config(endpoint(path="x/{resources.other.id}")))

    assert ("other",) == tuple(
        link.resource for link in build_plan(loaded, name="s", external_parents=["other"]).resources[0].parents
    )
    with pytest.raises(ConfigError) as caught:
        build_plan(loaded, name="s")
    assert "config_unknown_parent" == caught.value.code


def test_an_import_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hooks_that_fail.py").write_text("import a_library_that_is_not_installed\n")
    (tmp_path / "hooks_that_work.py").write_text("def convert(value):\n    return value\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def reason(text: str) -> Any:
        (only,) = found(config(endpoint(incremental={"cursor_path": "u", "convert": text})))
        return only

    assert (
        "ModuleNotFoundError: No module named 'a_library_that_is_not_installed'" in reason("hooks_that_fail:x").message
    )
    assert "No module named 'no_such_module'" in reason("no_such_module:x").message
    assert "Did you mean `convert`?" == reason("hooks_that_work:convrt").hint


def test_at_most_ten_names_are_listed_and_near_ones_first() -> None:
    (only,) = found(config({"name": "a", "zzz": 1}))

    assert str(only.expected).endswith(" more")
    assert 10 == str(only.expected).removeprefix("one of ").partition(", and ")[0].count(",") + 1
    assert one_of(["b", "order_id", "c"], word="ordr").startswith("one of order_id, b")
    assert "one of a, b" == one_of(["a", "b"])
    assert "one of n0, n1, n2, n3, n4, n5, n6, n7, n8, n9, and 2 more" == one_of(f"n{number}" for number in range(12))
