"""Answers of one load that show more than one list: never another list for one parent than for the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import BodyError, FetchOptions, FetchUnit, Page, RestClient, SelectorError
from tests.support.server import ApiServer

Opener = Callable[..., RestClient]
ISSUE, OTHER, USER = {"id": 1, "title": "broken"}, {"id": 2, "title": "slow"}, {"id": 7, "name": "ann"}
BOTH = {"issues": [ISSUE], "users": [USER]}
NOTE = {"code": 5, "text": "nothing today"}


def fetch(api: ApiServer, client: RestClient, bodies: Sequence[Any], **options: Any) -> list[Page]:
    """The first pages of so many parents, with these bodies."""
    for n, body in enumerate(bodies):
        api.json(f"/u{n}", body)
    units = [FetchUnit(RequestSpec(path=f"u{n}"), index=n) for n in range(len(bodies))]
    return list(client.fetch(units, options=FetchOptions(**options)))


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param([{"issues": [], "users": [USER]}, BOTH], id="the first parent has the other list only"),
        pytest.param([{"users": [USER]}, BOTH], id="another list appears"),
        pytest.param([{"users": [USER]}, {"issues": [ISSUE], "users": []}], id="the decided list is empty"),
        pytest.param([{"issues": [ISSUE]}, {"users": [USER], "issues": [OTHER]}], id="another order of keys"),
        pytest.param([{"issues": [ISSUE]}, {"issues": [OTHER], "data": [USER]}], id="a list of a usual name appears"),
        pytest.param([{"data": {"list": [USER]}}, {"issues": [ISSUE], "data": {"list": [USER]}}], id="nested"),
        pytest.param([{"a.b": [USER]}, {"issues": [ISSUE], "a.b": [USER]}], id="a key with a dot"),
    ],
)
def test_parents_whose_answers_point_to_different_lists_are_an_error(
    api: ApiServer, open_client: Opener, concurrency: int, bodies: list[Any]
) -> None:
    """dlt detects for every parent, and loads users among issues."""
    with pytest.raises(SelectorError) as caught:
        fetch(api, open_client(max_concurrency=concurrency), bodies)
    assert "http_selector_ambiguous" == caught.value.code
    assert "data_selector" in str(caught.value)


def test_the_error_names_both_lists(api: ApiServer, client: RestClient) -> None:
    with pytest.raises(SelectorError, match=r"'users'.*'issues'"):
        fetch(api, client, [{"users": [USER]}, BOTH])


def test_missing_data_that_is_allowed_does_not_allow_another_list(api: ApiServer, client: RestClient) -> None:
    with pytest.raises(SelectorError) as caught:
        fetch(api, client, [{"users": [USER]}, BOTH], allow_missing_data=True)
    assert "http_selector_ambiguous" == caught.value.code


def test_pages_of_one_list_that_point_to_different_lists_are_an_error(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"issues": [], "users": [USER], "next": "/more"})
    api.json("/more", BOTH)
    with pytest.raises(SelectorError) as caught:
        list(client.paginate("items"))
    assert "http_selector_ambiguous" == caught.value.code


def test_what_was_detected_before_an_interruption_is_held_against_later_answers(
    api: ApiServer, client: RestClient
) -> None:
    before = fetch(api, client, [{"a.b": [USER]}])[0].selector
    with pytest.raises(SelectorError) as caught:
        fetch(api, client, [{"issues": [ISSUE], "a.b": [USER]}], selector=before)
    assert "http_selector_ambiguous" == caught.value.code


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param([{"issues": [ISSUE]}, {"issues": [], "users": [USER]}], id="users beside no issues"),
        pytest.param([{"issues": [ISSUE]}, {"issues": None, "users": [USER]}], id="null issues"),
        pytest.param([BOTH, {"issues": [], "users": [USER]}], id="both, then one"),
        pytest.param([{"issues": [], "users": []}, BOTH], id="the first parent has nothing in any list"),
        pytest.param([{"issues": [], "users": []}, {"issues": [ISSUE]}], id="nothing, then one list"),
        pytest.param([{"issues": [ISSUE]}, {"id": 7, "issues": []}], id="an empty list beside an id"),
        pytest.param([{"errors": []}, BOTH], id="no errors"),
        pytest.param([BOTH, {"errors": []}], id="no errors, later"),
        pytest.param([{"messages": [], "warnings": []}, BOTH], id="no messages"),
        pytest.param([{"total": 0}, BOTH], id="a count of nothing"),
        pytest.param([BOTH, {"meta": {"total": 0, "page": 1}}], id="a count of nothing, later"),
    ],
)
def test_parents_without_records_neither_decide_nor_disagree(
    api: ApiServer, client: RestClient, bodies: list[Any]
) -> None:
    pages = fetch(api, client, bodies)
    assert [ISSUE] == [row for page in pages for row in page]
    assert () == tuple(warning for page in pages for warning in page.warnings)


def test_the_first_filled_list_decides_where_all_were_empty(api: ApiServer, client: RestClient) -> None:
    pages = fetch(api, client, [{"issues": [], "users": []}, {"issues": [], "users": [USER]}])
    assert [[], [USER]] == pages


def test_an_empty_list_before_the_one_that_is_taken_is_a_warning(api: ApiServer, client: RestClient) -> None:
    """Tomorrow it may be filled, and be the one that is taken."""
    body = {"issues": [], "users": [USER]}
    pages = fetch(api, client, [body, body])
    assert [[USER], [USER]] == pages
    (warning,) = {warning for page in pages for warning in page.warnings}
    assert "'users'" in warning
    assert "'issues'" in warning
    assert "data_selector" in warning


def test_a_filled_list_beside_an_empty_one_of_a_usual_name_is_a_warning(api: ApiServer, client: RestClient) -> None:
    (page,) = fetch(api, client, [{"data": [], "posts": [ISSUE]}])
    assert [] == page
    (warning,) = page.warnings
    assert "'data', but may be those at 'posts'" in warning


def test_lists_that_are_empty_for_some_parents_only_are_no_matter(api: ApiServer, client: RestClient) -> None:
    full, without_tags = {"posts": [ISSUE], "tags": [USER]}, {"posts": [OTHER], "tags": []}
    pages = fetch(api, client, [without_tags, full])
    assert [[OTHER], [ISSUE]] == pages
    assert () == pages[0].warnings


def test_an_object_where_a_list_was_is_an_error(api: ApiServer, client: RestClient) -> None:
    with pytest.raises(SelectorError, match="'data' is not a list") as caught:
        fetch(api, client, [{"data": [ISSUE]}, {"data": {"message": "no such user"}}])
    assert "http_selector_matched_nothing" == caught.value.code


@pytest.mark.parametrize("nothing", [{}, "", None, []])
def test_nothing_where_a_list_was_is_an_empty_page(api: ApiServer, client: RestClient, nothing: Any) -> None:
    assert [[ISSUE], []] == fetch(api, client, [{"data": [ISSUE]}, {"data": nothing}])


@pytest.mark.parametrize("body", [{"messages": [NOTE]}, {"warnings": ["old"]}, {"messages": ["a", "b"]}])
@pytest.mark.parametrize("first", [True, False])
def test_a_list_of_messages_is_never_taken_for_the_records(
    api: ApiServer, client: RestClient, body: Any, first: bool
) -> None:
    """dlt loads the messages of that parent."""
    with pytest.raises(SelectorError) as caught:
        fetch(api, client, [body, BOTH] if first else [BOTH, body])
    assert "http_selector_matched_nothing" == caught.value.code


def test_a_list_of_messages_decides_nothing(api: ApiServer, client: RestClient) -> None:
    pages = fetch(api, client, [{"messages": [NOTE]}, BOTH], on_unit_error=lambda *_: True)
    assert [[ISSUE]] == pages


def test_a_count_without_its_records_is_an_error(api: ApiServer, client: RestClient) -> None:
    with pytest.raises(SelectorError, match="counts records") as caught:
        fetch(api, client, [{"total": 3, "page": 1}])
    assert "http_selector_matched_nothing" == caught.value.code


def test_a_selector_that_is_written_takes_what_it_says(api: ApiServer, client: RestClient) -> None:
    bodies = [{"issues": [], "users": [USER]}, BOTH, {"users": [], "total": 0}]
    assert [[USER], [USER], []] == fetch(api, client, bodies, data_selector="users")


def test_an_entity_with_a_field_of_errors_decides_for_all_parents(api: ApiServer, client: RestClient) -> None:
    with pytest.raises(SelectorError, match="not one record"):
        fetch(api, client, [{"id": 1, "error": "too late"}, {"issues": [ISSUE]}])


def test_errors_without_records_stay_errors(api: ApiServer, client: RestClient) -> None:
    with pytest.raises(BodyError):
        fetch(api, client, [{"errors": [NOTE], "code": 5}])
