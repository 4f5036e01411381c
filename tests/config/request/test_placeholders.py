"""Placeholders: where they stand, what type they keep, what braces mean, and that values are never parsed."""

from __future__ import annotations

import json
import string
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagster_rest.config import ConfigError, NullParentValue, Problem, RequestSpec
from tests.config.support import config, endpoint, plan, problem, problems


def render(
    value: Any = None, /, *, incremental: dict[str, Any] | None = None, row: dict[str, Any] | None = None, **keys: Any
) -> RequestSpec:
    """The request of a child of ``posts`` whose parent row has ``id``."""
    found = plan("posts", endpoint(**keys)).resource("items")
    return found.request.render(parent=row if row is not None else {"id": value}, incremental=incremental)


@pytest.mark.parametrize("value", range(5))
def test_s39_a_parent_value_in_the_path(value: int) -> None:
    assert f"posts/{value}/items" == render(value, path="posts/{resources.posts.id}/items").path


@pytest.mark.parametrize("value", range(5))
def test_s39_a_parent_value_elsewhere(value: int) -> None:
    text = "{resources.posts.id}"

    assert {"q": str(value)} == render(value, params={"q": text}).params
    assert {"X": str(value)} == render(value, headers={"X": text}).headers
    assert {"a": {"b": [value]}} == render(value, json={"a": {"b": [text]}}).json
    assert {"f": str(value)} == render(value, data={"f": text}).data
    assert [("f", str(value)), ("g", "1")] == render(value, data=[("f", text), ("g", "1")]).data
    assert f"id={value}" == render(value, data=f"id={text}").data


@pytest.mark.parametrize("value", [1, None, True, [1, "a"], {"a": {"b": None}}, 1.5, "1"])
def test_s40_json_keeps_the_type(value: Any) -> None:
    found = render(
        value, json={"a": "{resources.posts.id}", "b": ["{resources.posts.id}"], "c": "x {resources.posts.id}"}
    ).json

    assert {"a": value, "b": [value], "c": f"x {value}"} == found


@pytest.mark.parametrize(("value", "text"), [(None, "None"), (True, "True"), (1.0, "1.0"), ([1, 2], "[1, 2]")])
def test_s40_a_query_value_is_the_text_that_dlt_sends(value: Any, text: str) -> None:
    assert {"a": text, "b": ["1", text]} == render(
        value, params={"a": "{resources.posts.id}", "b": ["1", "{resources.posts.id}"]}
    ).params


def test_s40_static_values_keep_their_type_but_booleans() -> None:
    assert {"a": 1, "b": "True", "d": 1.5, "e": [1, "False"]} == render(
        params={"a": 1, "b": True, "c": None, "d": 1.5, "e": [1, None, False]}
    ).params


def test_s40_a_format_spec_makes_json_text() -> None:
    assert {"a": "007", "b": "[1, 2]"} == render(
        row={"id": 7, "l": [1, 2]}, json={"a": "{resources.posts.id:03d}", "b": "{resources.posts.l!r}"}
    ).json


def test_keys_are_filled_in_too() -> None:
    assert {"k7": 1} == render(7, json={"k{resources.posts.id}": 1}).json
    assert {"k7": 1} == render(7, params={"k{resources.posts.id}": 1}).params
    assert {"k7": "1"} == render(7, headers={"k{resources.posts.id}": 1}).headers


def test_s41_doubled_braces_are_literal() -> None:
    text = "{{not_this {{and}}}} {resources.posts.id}"
    expected = "{not_this {and}} 7"

    assert {"a": expected} == render(7, params={"a": text}).params
    assert {"a": expected} == render(7, json={"a": text}).json
    assert {"a": expected} == render(7, data={"a": text}).data
    assert {"a": expected} == render(7, headers={"a": text}).headers
    assert expected == render(7, data=text).data


def test_s41_a_graphql_body_is_doubled() -> None:
    text = 'query {{ artist(id: "{resources.posts.id}") {{ id }} }}'

    assert {"query": 'query { artist(id: "7") { id } }'} == render(7, json={"query": text}).json


def test_s42_doubled_braces_are_literal_in_a_path_too() -> None:
    """dlt takes one level away too many and fails."""
    assert "x/{lit}/7/y" == render(7, path="x/{{lit}}/{resources.posts.id}/y").path


def test_s42_format_specs_work_in_a_path_too() -> None:
    """dlt drops them there."""
    assert "x/007/y" == render(7, path="x/{resources.posts.id:03d}/y").path


def test_s42_a_path_value_is_one_segment() -> None:
    """dlt lets the value add segments, a query and a fragment."""
    assert "x/a%20b%2Fc%3Fd%23%C3%A9/z" == render("a b/c?d#é", path="x/{resources.posts.id}/z").path


@pytest.mark.parametrize(("value", "text"), [("..", "%2E%2E"), (".", "%2E"), ("a.b", "a.b"), ("%2F", "%252F")])
def test_s42_a_path_value_cannot_step_up(value: str, text: str) -> None:
    assert f"x/{text}/z" == render(value, path="x/{resources.posts.id}/z").path


def test_a_static_param_in_the_path_is_written_by_the_author() -> None:
    found = render(path="repos/{repo}/issues", params={"repo": "a/b c?", "q": 1})

    assert ("repos/a/b%20c%3F/issues", {"q": 1}) == (found.path, found.params)


def test_a_static_param_may_hold_a_placeholder() -> None:
    assert "c/a%2Fb/x" == render("a/b", path="c/{id}/x", params={"id": "{resources.posts.id}"}).path


def test_a_url_from_a_parent_is_used_whole_and_marked() -> None:
    found = render("https://other.example.com/a?b=1", path="{resources.posts.id}")

    assert ("https://other.example.com/a?b=1", True) == (found.path, found.origin_from_data)


def test_a_host_from_a_parent_is_marked() -> None:
    assert render("evil.example.com", path="https://{resources.posts.id}/x").origin_from_data
    assert not render("evil.example.com", path="https://api.example.com/{resources.posts.id}").origin_from_data
    assert not render("7", path="x/{resources.posts.id}").origin_from_data


@pytest.mark.parametrize(
    ("path", "value", "marked"),
    [
        ("{resources.posts.id}://api.example.com/x", "http", True),
        ("https://api.example.com:{resources.posts.id}/x", "8080", True),
        ("https://api.example.com{resources.posts.id}/x", "@evil", True),
        ("https://{resources.posts.id}@api.example.com/x", "user", True),
        ("https://api.example.com?id={resources.posts.id}", "7", False),
        ("https://api.example.com#{resources.posts.id}", "7", False),
        ("https://api.example.com/{resources.posts.id}", "//evil", False),
    ],
)
def test_data_before_the_path_is_marked(path: str, value: str, marked: bool) -> None:
    """A scheme from data could send credentials in the clear."""
    assert marked == render(value, path=path).origin_from_data


def test_a_null_in_a_path_is_an_error_of_its_own() -> None:
    with pytest.raises(NullParentValue) as caught:
        render(None, path="x/{resources.posts.id}")

    assert ("config_null_parent_value", "resources[1].endpoint.path") == (caught.value.code, caught.value.where)


@pytest.mark.parametrize("path", ["x/{resources.posts.id}", "x/{resources.posts.id}/y", "x/{resources.posts.id}?a=b"])
def test_an_empty_text_is_no_segment_of_a_path(path: str) -> None:
    """`posts/` and `posts//comments` are other lists with many servers; dlt asks for them."""
    with pytest.raises(NullParentValue) as caught:
        render("", path=path)

    assert ("config_null_parent_value", "resources[1].endpoint.path") == (caught.value.code, caught.value.where)
    assert "is empty" in str(caught.value)


@pytest.mark.parametrize(
    "path", ["x/a{resources.posts.id}", "x/{resources.posts.id}.json", "x/a-{resources.posts.id}/y"]
)
def test_an_empty_text_may_be_a_part_of_a_segment(path: str) -> None:
    assert path.replace("{resources.posts.id}", "") == render("", path=path).path


def test_a_field_that_the_row_lacks_is_an_error() -> None:
    with pytest.raises(ConfigError) as caught:
        render(row={}, path="x/{resources.posts.id}")

    assert "config_missing_parent_value" == caught.value.code


def test_a_spec_that_does_not_fit_is_an_error_without_the_value() -> None:
    with pytest.raises(ConfigError) as caught:
        render("s3cr3t", params={"a": "{resources.posts.id:03d}"})

    assert "config_bad_format" == caught.value.code
    assert "s3cr3t" not in str(caught.value)


INCREMENTAL = {"cursor_path": "u", "initial_value": "a", "lag": None}


def test_s59_incremental_values_everywhere() -> None:
    text = "{incremental.start_value}"
    found = (
        plan(
            endpoint(
                path=f"x/{text}/y",
                params={"a": text},
                headers={"b": text},
                json={"c": text, "d": f"from {text}"},
                incremental=INCREMENTAL,
            )
        )
        .resources[0]
        .request.render(incremental={"start_value": 5})
    )

    assert ("x/5/y", {"a": "5"}, {"b": "5"}, {"c": 5, "d": "from 5"}) == (
        found.path,
        found.params,
        found.headers,
        found.json,
    )


def test_s59_an_unset_value_leaves_its_key_out() -> None:
    """dlt sends the text ``None``."""
    text = "{incremental.end_value}"
    found = (
        plan(
            endpoint(
                params={"a": text, "b": f"until {text}", "c": 1, "d": ["x", text]},
                headers={"h": text},
                json={"a": text, "l": [text, 1], "n": {"x": text}},
                incremental=INCREMENTAL,
            )
        )
        .resources[0]
        .request.render(incremental={"start_value": 1, "end_value": None})
    )

    assert ({"c": 1, "d": ["x"]}, {}, {"l": [1], "n": {}}) == (found.params, found.headers, found.json)


@pytest.mark.parametrize("keys", [{"path": "x/{incremental.end_value}"}, {"data": "until={incremental.end_value}"}])
def test_s59_an_unset_value_where_nothing_can_be_left_out_is_an_error(keys: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(endpoint(incremental=INCREMENTAL, **keys)).resources[0].request.render(incremental={})

    assert ("config_unset_placeholder", "`{incremental.end_value}` has no value in this run") == (
        caught.value.code,
        caught.value.message,
    )


def test_the_options_of_an_incremental_can_be_named() -> None:
    found = plan(
        endpoint(
            params={"a": "{incremental.cursor_path}", "b": "{incremental.lag}", "c": "{incremental.range_end}"},
            incremental=INCREMENTAL,
        )
    )

    assert {"a": "u", "c": "open"} == found.resources[0].request.render().params


def test_start_and_end_params_are_sent_with_their_type() -> None:
    found = (
        plan(
            endpoint(
                params={"since": "x", "q": 1},
                incremental={"cursor_path": "u", "start_param": "since", "end_param": "until"},
            )
        )
        .resources[0]
        .request
    )

    assert {"q": 1, "since": 5, "until": 9} == found.render(incremental={"start_value": 5, "end_value": 9}).params
    assert {"q": 1} == found.render().params
    assert {"start_value", "end_value"} == found.incremental_attributes


def test_a_partition_can_be_named() -> None:
    found = plan(endpoint(params={"from": "{partition.start}", "key": "{partition.key}"})).resources[0].request

    assert {"key": "eu"} == found.render(partition={"key": "eu"}).params
    assert {"start", "key"} == found.partition_attributes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "config_bad_placeholder"),
        ("}", "config_bad_placeholder"),
        ("{}", "config_unknown_placeholder"),
        ("{0}", "config_unknown_placeholder"),
        ("{unknown.posts.id}", "config_unknown_placeholder"),
        ("{ resources.posts.id }", "config_unknown_placeholder"),
        ("{resources.posts}", "config_unknown_placeholder"),
        ("{resources.}", "config_unknown_placeholder"),
        ("{resources..id}", "config_unknown_placeholder"),
        ("{resources.posts.}", "config_unknown_placeholder"),
        ("{resources.posts.a[[}", "config_bad_placeholder"),
        ("{resources.posts.id:{x}}", "config_bad_placeholder"),
        ("{resources.posts.id!z}", "config_bad_placeholder"),
        ("{resources.posts.a[{]}", "config_bad_placeholder"),
        ("{resources.posts.a b}", "config_bad_jsonpath"),
        ("{resources.gone.id}", "config_unknown_parent"),
        ("{incremental.start_value}", "config_unknown_placeholder"),
    ],
)
@pytest.mark.parametrize("key", ["path", "params", "json", "headers", "data"])
def test_s44_what_refers_to_nothing_is_an_error_of_the_config(key: str, text: str, code: str) -> None:
    keys = {key: text} if key == "path" else {key: {"a": text}}

    found = problem(config("posts", endpoint(**keys)))

    assert (code, "resources[1].endpoint." + ("path" if key == "path" else f"{key}.a")) == (found.code, found.path)


def test_a_path_param_that_is_not_there_is_named() -> None:
    found = problem(config(endpoint(path="x/{orgg}", params={"org": 1})))

    assert ("config_unknown_placeholder", "Did you mean `org`?") == (found.code, found.hint)


def test_a_param_is_filled_in_in_the_path_alone() -> None:
    found = problem(config(endpoint(path="x/{org}", params={"org": 1, "q": "{org}"})))

    assert ("resources[0].endpoint.params.q", "config_unknown_placeholder") == (found.path, found.code)


def test_every_problem_of_a_text_is_named() -> None:
    found = problems(config(endpoint(path="{one}/{two}")))

    assert ["`{one}` refers to nothing", "`{two}` refers to nothing"] == [item.message for item in found]


def test_an_unknown_attribute_of_the_incremental_is_named() -> None:
    found = problem(config(endpoint(params={"a": "{incremental.start_valu}"}, incremental={"cursor_path": "u"})))

    assert ("config_unknown_incremental", "Did you mean `start_value`?") == (found.code, found.hint)


def test_a_client_header_is_sent_as_written() -> None:
    assert {"X": "{braces}"} == plan("a", headers={"X": "{braces}"}).client.headers


# --- whatever the value is, it arrives -----------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TEXTS = st.text(st.characters(codec="utf-8"))
TEMPLATE = (
    plan(
        "posts",
        endpoint(
            path="a/{resources.posts.id}/b",
            params={"q": "{resources.posts.v}", "m": "<{resources.posts.v}>"},
            headers={"h": "<{resources.posts.v}>"},
            json={"v": "{resources.posts.v}", "l": ["{resources.posts.v}"], "m": "<{resources.posts.v}>"},
        ),
    )
    .resource("items")
    .request
)


@given(value=JSON_VALUES)
def test_json_bodies_carry_any_value_unchanged(value: Any) -> None:
    body = TEMPLATE.render(parent={"id": 1, "v": value}).json

    assert json.dumps([value, [value]]) == json.dumps([body["v"], body["l"]])


@given(value=JSON_VALUES)
def test_texts_carry_the_text_of_any_value(value: Any) -> None:
    text = value if isinstance(value, str) else str(value)

    found = TEMPLATE.render(parent={"id": 1, "v": value})

    assert (text, f"<{text}>", f"<{text}>") == (found.params["q"], found.params["m"], found.headers["h"])


@given(value=TEXTS.filter(bool))
def test_a_path_carries_any_text_in_one_segment(value: str) -> None:
    path = TEMPLATE.render(parent={"id": value, "v": 0}).path

    before, segment, after = path.split("/")
    assert ("a", value, "b") == (before, unquote(segment), after)
    assert set(segment) <= set(string.ascii_letters + string.digits + "_.-~%:@!$&'()*+,;=")


@given(value=TEXTS)
def test_values_of_the_incremental_are_never_parsed(value: str) -> None:
    template = plan(
        endpoint(params={"a": "{incremental.start_value}"}, incremental={"cursor_path": "u", "start_param": "b"})
    ).resources[0]

    assert {"a": value, "b": value} == template.request.render(incremental={"start_value": value}).params


@given(text=TEXTS)
def test_doubling_braces_makes_any_text_literal(text: str) -> None:
    doubled = text.replace("{", "{{").replace("}", "}}")

    found = plan(endpoint(params={"a": doubled}, json={"a": doubled, "k": [doubled]})).resources[0].request.render()

    assert ({"a": text}, {"a": text, "k": [text]}) == (found.params, found.json)


@given(text=TEXTS)
def test_any_text_is_a_template_or_a_problem_of_the_config(text: str) -> None:
    refused: tuple[Problem, ...] = ()
    try:
        plan("posts", endpoint(path=text, params={"a": text}, json={"a": text}))
    except ConfigError as error:
        refused = error.problems

    assert {item.path.rpartition("endpoint.")[2] for item in refused} <= {"path", "params.a", "json.a"}


def test_problems_counts_each_place_once() -> None:
    assert 2 == len(problems(config(endpoint(params={"a": "{x}", "b": "{x}"}))))
