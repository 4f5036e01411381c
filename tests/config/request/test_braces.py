"""A reference that would be sent as text, because its braces are doubled or nothing reads it there, is an error."""

from __future__ import annotations

from typing import Any

import pytest

from dagster_rest.config import ConfigError, build_plan, load_config
from tests.config.support import BASE, config, endpoint

INCREMENTAL = {"cursor_path": "u", "initial_value": 1}
WRITTEN = [
    ("{{ resources.posts.id }}", "{resources.posts.id}"),
    ("{{resources.posts.id}}", "{resources.posts.id}"),
    ("{{{{ resources.posts.id }}}}", "{resources.posts.id}"),
    ("{{ incremental.start_value }}", "{incremental.start_value}"),
    ("{{partition.key}}", "{partition.key}"),
    ("a {{ resources.posts.'x.y'[0] }} b", "{resources.posts.'x.y'[0]}"),
]


@pytest.mark.parametrize(("text", "meant"), WRITTEN)
@pytest.mark.parametrize(
    ("place", "keys"),
    [
        ("path", lambda text: {"path": f"x/{text}/y"}),
        ("params.a", lambda text: {"params": {"a": text}}),
        ("params.a", lambda text: {"params": {"a": [1, text]}}),
        ("headers.X-A", lambda text: {"headers": {"X-A": text}}),
        ("json.a.b[0]", lambda text: {"json": {"a": {"b": [text]}}}),
        ("data.a", lambda text: {"data": {"a": text}}),
        ("data", lambda text: {"data": f'{{{{"a": "{text}"}}}}'}),
        ("data[0][1]", lambda text: {"data": [["a", text]]}),
    ],
)
@pytest.mark.parametrize("yaml", [False, True])
def test_doubled_braces_around_a_reference_name_the_single_form(
    text: str, meant: str, place: str, keys: Any, yaml: bool
) -> None:
    source = config("posts", endpoint(incremental=INCREMENTAL, **keys(text)))

    with pytest.raises(ConfigError) as caught:
        load_config(source, interpolate_env=yaml)

    (only,) = caught.value.problems
    assert "config_bad_placeholder" == only.code
    assert only.path.startswith(f"resources[1].endpoint.{place.partition('[')[0]}")
    assert f"Write single braces: {meant}." == only.hint


def test_a_key_of_params_too() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config("posts", endpoint(params={"{{ resources.posts.id }}": 1})))

    assert "config_bad_placeholder" == caught.value.code


@pytest.mark.parametrize(
    "source",
    [
        config("a", base_url=f"{BASE}/{{resources.a.id}}"),
        config("a", base_url=f"{BASE}/{{{{ resources.a.id }}}}"),
        config("a", headers={"X": "{incremental.start_value}"}),
        config("a", params={"day": "{{ partition.key }}"}),
        config({"name": "a", "table_name": "t_{partition.key}"}),
        config({"name": "a", "tags": {"day": "{partition.key}"}}),
        config({"name": "a", "processing_steps": [{"where": "day = '{partition.key}'"}]}),
        config(endpoint(data_selector="{resources.a.id}")),
        config(endpoint(paginator={"type": "cursor", "cursor_param": "{resources.a.id}"})),
        config(endpoint(incremental={"cursor_path": "u", "initial_value": "{partition.start}"})),
        config(endpoint(incremental={"cursor_path": "u", "start_param": "{partition.start}"})),
        config(endpoint(response_actions=[{"content": "{resources.a.id}", "action": "ignore"}])),
    ],
)
@pytest.mark.parametrize("yaml", [False, True])
def test_a_placeholder_where_none_is_filled_in_is_an_error(source: Any, yaml: bool) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(source, interpolate_env=yaml)

    assert ["config_unknown_placeholder"] == [problem.code for problem in caught.value.problems]
    assert "path, params, json, data and headers" in str(caught.value)


def test_prose_may_speak_of_placeholders() -> None:
    text = "One request for each {resources.posts.id}."
    action = {"status_code": 404, "action": "fail", "message": text}

    assert load_config(config({**endpoint(response_actions=[action]), "description": text}))


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("query {{ orders {{ id resources }} }}", "query { orders { id resources } }"),
        ("{{not_this {{and}}}}", "{not_this {and}}"),
        ("{{{resources.posts.id}}}", "{7}"),
        ("{{ {resources.posts.id} }}", "{ 7 }"),
        ("{{resources}}", "{resources}"),
    ],
)
def test_other_doubled_braces_are_literal(text: str, sent: str) -> None:
    plan = build_plan(load_config(config("posts", endpoint(json={"q": text}))), name="s").resource("items")

    assert {"q": sent} == plan.request.render(parent={"id": 7}).json


def test_no_secret_is_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config(endpoint(headers={"Authorization": "{{ resources.hunter2.x }}"})))

    assert "hunter2" not in str(caught.value)
