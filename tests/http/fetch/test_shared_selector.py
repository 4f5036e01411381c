"""One detected data selector for all units of a fetch, whichever answers first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import FetchOptions, FetchUnit, HttpError, RestClient, SelectorError
from tests.support.server import ApiServer, Reply

Opener = Callable[..., RestClient]
ISSUE, USER = {"id": 1, "title": "broken"}, {"id": 7, "name": "ann"}


def fetch(client: RestClient, paths: list[str], **options: Any) -> list[list[Any]]:
    units = [FetchUnit(RequestSpec(path=path), index=n) for n, path in enumerate(paths)]
    rows: list[list[Any]] = [[] for _ in paths]
    for page in client.fetch(units, options=FetchOptions(**options)):
        rows[page.unit.index] += page
    return rows


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("late", ["a", "b"])
def test_what_was_detected_for_one_parent_holds_for_the_others(
    api: ApiServer, open_client: Opener, concurrency: int, late: str
) -> None:
    """dlt detects for every parent, and loads the users of the second as issues."""
    api.json("/a", Reply(json={"issues": [ISSUE]}, delay=0.2 if late == "a" else 0))
    api.json("/b", Reply(json={"issues": [], "users": [USER]}, delay=0.2 if late == "b" else 0))
    assert [[ISSUE], []] == fetch(open_client(max_concurrency=concurrency), ["a", "b"])


@pytest.mark.parametrize("concurrency", [1, 8])
def test_an_answer_without_the_detected_list_is_an_error(api: ApiServer, open_client: Opener, concurrency: int) -> None:
    api.json("/a", {"issues": [ISSUE]})
    api.json("/b", Reply(json={"issues": [], "users": [USER]}, delay=0.1))
    with pytest.raises(SelectorError, match="'users' matches nothing") as caught:
        fetch(open_client(max_concurrency=concurrency), ["b", "a"])
    assert "http_selector_matched_nothing" == caught.value.code
    assert "data_selector" in str(caught.value)


def test_missing_data_that_is_allowed_gives_no_rows(api: ApiServer, client: RestClient) -> None:
    api.json("/a", {"issues": [ISSUE]})
    api.json("/b", {"users": [USER]})
    assert [[ISSUE], []] == fetch(client, ["a", "b"], allow_missing_data=True)


@pytest.mark.parametrize("nothing", [b"{}", b"[]", b"null", b'""', b""])
def test_an_answer_with_nothing_in_it_decides_nothing(api: ApiServer, client: RestClient, nothing: bytes) -> None:
    """An empty list of some APIs is `[]` where a full one is an object."""
    api.json("/a", Reply(body=nothing))
    api.json("/b", {"issues": [ISSUE]})
    api.json("/c", {"issues": [], "users": [USER]})
    assert [[], [ISSUE], []] == fetch(client, ["a", "b", "c"])


def test_an_ignored_answer_decides_nothing(api: ApiServer, client: RestClient) -> None:
    api.json("/a", Reply(status=404, json={"users": [USER]}, delay=0.1))
    api.json("/b", {"issues": [ISSUE]})
    actions = [{"status_code": 404, "action": "ignore"}]
    assert [[], [ISSUE]] == fetch(client, ["a", "b"], response_actions=actions)


@pytest.mark.parametrize("errors", [["busy"], [{"message": "busy"}]])
def test_a_list_of_errors_decides_nothing(api: ApiServer, client: RestClient, errors: list[Any]) -> None:
    api.json("/a", {"errors": errors})
    api.json("/b", {"issues": [ISSUE]})
    assert [[], [ISSUE]] == fetch(client, ["a", "b"], on_unit_error=lambda *_: True)


def test_a_unit_that_is_left_out_decides_nothing(api: ApiServer, client: RestClient) -> None:
    api.json("/a", Reply(status=400, json={}, delay=0.1))
    api.json("/b", {"issues": [ISSUE]})
    assert [[], [ISSUE]] == fetch(client, ["a", "b"], on_unit_error=lambda *_: True)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([ISSUE], {"message": "no issues"}),
        ([ISSUE], {"issues": [ISSUE]}),
        ({"message": "no issues"}, {"issues": [ISSUE]}),
        ({"message": "no issues"}, [ISSUE]),
        ({"id": 5, "issues": []}, {"id": 6, "issues": [ISSUE]}),
    ],
)
def test_another_kind_of_body_is_an_error(api: ApiServer, client: RestClient, first: Any, second: Any) -> None:
    """A message is no record of a list, and a list in an envelope no entity."""
    api.json("/a", first)
    api.json("/b", second)
    with pytest.raises(SelectorError) as caught:
        fetch(client, ["a", "b"])
    assert "http_selector_matched_nothing" == caught.value.code


def test_a_selector_that_is_written_takes_both_kinds(api: ApiServer, client: RestClient) -> None:
    api.json("/a", [ISSUE])
    api.json("/b", ISSUE)
    assert [[ISSUE], [ISSUE]] == fetch(client, ["a", "b"], data_selector="$")


def test_a_page_of_another_kind_is_an_error(api: ApiServer, client: RestClient) -> None:
    api.replies("/items", [[ISSUE], {"message": "too far"}])
    paginator = {"type": "page_number", "total_path": None}
    with pytest.raises(HttpError) as caught:
        list(client.paginate("items", paginator=paginator))
    assert "http_selector_matched_nothing" == caught.value.code


def test_all_parents_may_be_entities(api: ApiServer, client: RestClient) -> None:
    api.json("/a", {"id": 1, "tags": ["x"]})
    api.json("/b", {"id": 2, "tags": []})
    assert [[{"id": 1, "tags": ["x"]}], [{"id": 2, "tags": []}]] == fetch(client, ["a", "b"])


@pytest.mark.parametrize("concurrency", [1, 2, 8])
def test_many_units_that_tell_nothing_do_not_lock_up(api: ApiServer, open_client: Opener, concurrency: int) -> None:
    for n in range(40):
        api.json(f"/u{n}", {} if n < 39 else {"issues": [ISSUE]})
    rows = fetch(open_client(max_concurrency=concurrency), [f"u{n}" for n in range(40)])
    assert [ISSUE] == [row for unit in rows for row in unit]


def test_a_fetch_goes_on_with_what_was_detected_before(api: ApiServer, client: RestClient) -> None:
    api.json("/a", {"issues": [ISSUE]})
    api.json("/b", {"issues": [], "users": [USER]})
    (page,) = client.fetch([FetchUnit(RequestSpec(path="a"), index=0)])
    assert page.selector == {"path": "issues", "shape": "list"}
    assert [[]] == fetch(client, ["b"], selector=page.selector)


def test_a_page_of_a_written_selector_has_none_that_was_detected(api: ApiServer, client: RestClient) -> None:
    api.json("/a", {"issues": [ISSUE]})
    (page,) = client.paginate("a", data_selector="issues")
    assert page.selector is None
