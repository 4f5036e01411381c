"""Paginators in a config: every parameter, every alias, and which one is in effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dagster_rest.config import PAGINATORS, RegisteredPaginatorConfig, load_config
from tests.config.support import config, endpoint, one, problem, problems

PAGE = {"type": "page_number", "total_path": "pages"}
LINK = {"type": "json_link"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("single_page", "SinglePagePaginatorConfig"),
        ("json_link", "JSONLinkPaginatorConfig"),
        ("json_response", "JSONLinkPaginatorConfig"),
        ("header_link", "HeaderLinkPaginatorConfig"),
        ("header_cursor", "HeaderCursorPaginatorConfig"),
        ("cursor", "JSONResponseCursorPaginatorConfig"),
        ("page_number", "PageNumberPaginatorConfig"),
        ({"type": "offset", "limit": 10}, "OffsetPaginatorConfig"),
        ({"type": "json_response", "next_url_path": "paging.next"}, "JSONLinkPaginatorConfig"),
    ],
)
def test_aliases_and_mappings_name_a_paginator(written: Any, name: str) -> None:
    assert name == type(one(endpoint(paginator=written)).paginator).__name__


@pytest.mark.parametrize(
    "written",
    [
        {"type": "json_link", "next_url_path": "['@odata.nextLink']", "max_pages": 3},
        {"type": "header_link", "links_next_key": "suivant"},
        {"type": "header_cursor", "cursor_key": "X-Next", "cursor_param": "c"},
        {
            "type": "cursor",
            "cursor_path": "data[-1].id",
            "cursor_param": "after",
            "stop_after_empty_page": True,
            "has_more_path": "more",
        },
        {"type": "cursor", "cursor_path": "next", "cursor_body_path": "page.cursor"},
        {
            "type": "offset",
            "limit": 5,
            "offset": 10,
            "offset_param": "o",
            "limit_param": "l",
            "total_path": None,
            "maximum_offset": 100,
            "stop_after_empty_page": False,
            "has_more_path": "more",
        },
        {"type": "offset", "limit": 5, "offset_body_path": "o", "limit_body_path": "page.l"},
        {
            "type": "page_number",
            "base_page": 1,
            "page": 3,
            "page_param": "p",
            "total_path": "meta.pages",
            "maximum_page": 9,
            "stop_after_empty_page": False,
            "has_more_path": "more",
        },
        {"type": "page_number", "page_body_path": "p"},
    ],
)
def test_every_parameter_is_kept(written: dict[str, Any]) -> None:
    found = one(endpoint(paginator=written)).paginator

    assert written == {name: getattr(found, name) for name in written}


def test_defaults_are_those_of_dlt() -> None:
    page, offset, cursor, link = (
        one(endpoint(paginator=written)).paginator
        for written in ("page_number", {"type": "offset", "limit": 1}, "cursor", "json_link")
    )

    assert (0, None, None, "total", True) == (
        page.base_page,
        page.page,
        page.page_param,
        page.total_path,
        page.stop_after_empty_page,
    )
    assert (0, "total", True) == (offset.offset, offset.total_path, offset.stop_after_empty_page)
    assert ("cursors.next", None, False) == (cursor.cursor_path, cursor.cursor_param, cursor.stop_after_empty_page)
    assert "next" == link.next_url_path


@pytest.mark.parametrize(
    "written",
    [
        {"type": "page_number", "page_param": "p", "page_body_path": "q"},
        {"type": "offset", "limit": 1, "offset_param": "p", "offset_body_path": "q"},
        {"type": "offset", "limit": 1, "limit_param": "p", "limit_body_path": "q"},
        {"type": "cursor", "cursor_param": "p", "cursor_body_path": "q"},
        {"type": "page_number", "total_path": None, "stop_after_empty_page": False},
        {"type": "offset", "limit": 1, "total_path": None, "stop_after_empty_page": False},
    ],
)
def test_s27_conflicts_are_found_when_the_config_is_loaded(written: dict[str, Any]) -> None:
    found = problem(config(endpoint(paginator=written)))

    assert ("resources[0].endpoint.paginator", "config_conflict") == (found.path, found.code)


def test_s27_empty_parameter_names_are_refused() -> None:
    found = problems(config(endpoint(paginator={"type": "page_number", "page_param": ""})))

    assert ["resources[0].endpoint.paginator.page_param"] == [item.path for item in found]


@pytest.mark.parametrize("client", [None, "auto", LINK])
@pytest.mark.parametrize("below", ["absent", None, "auto", "header_link"])
@pytest.mark.parametrize("own", ["absent", None, "auto", PAGE])
@pytest.mark.parametrize("path", ["items", "items/{id}"])
def test_s28_the_paginator_in_effect(client: Any, below: Any, own: Any, path: str) -> None:
    """Endpoint over defaults over client; null and auto fall through to the client; an entity path has one page."""
    resource: dict[str, Any] = {"path": path, "params": {"id": 1}}
    if own != "absent":
        resource["paginator"] = own
    defaults = {"endpoint": {} if below == "absent" else {"paginator": below}}
    merged = own if own != "absent" else (None if below == "absent" else below)
    single = path.endswith("}")
    of_client = "json_link" if client == LINK else None
    if merged is None:
        expected = "single_page" if single else of_client
    else:
        expected = of_client if merged == "auto" else ("page_number" if merged == PAGE else merged)

    found = one({"name": "items", "endpoint": resource}, defaults=defaults, paginator=client).paginator

    assert expected == (found.type if found is not None else None)


@pytest.mark.parametrize(
    ("path", "single"),
    [
        ("users/{id}", True),
        ("users/{resources.users.id}/", True),
        ("users/{id}.json", True),
        ("x?o={o}", True),
        ("{org}", True),
        ("users/{id}/comments", False),
        ("users", False),
        ("users/{resources.users.id:03d}", False),
        ("x/{{lit}}", False),
    ],
)
def test_s37_entity_paths(path: str, single: bool) -> None:
    from dagster_rest.config.plan.build import is_single_entity

    assert single is is_single_entity(path)


def test_s37_an_entity_path_selects_the_whole_body_unless_told() -> None:
    params = {"id": 1}

    assert "$" == one(endpoint(path="a/{id}", params=params)).data_selector
    assert "data" == one(endpoint(path="a/{id}", params=params, data_selector="data")).data_selector
    assert None is one(endpoint(path="a")).data_selector


@pytest.fixture
def registered() -> Iterator[None]:
    PAGINATORS["mine"] = object
    yield
    del PAGINATORS["mine"]


@pytest.mark.usefixtures("registered")
def test_s29_a_registered_alias_keeps_its_arguments() -> None:
    found = one(endpoint(paginator={"type": "mine", "step": 5})).paginator

    assert RegisteredPaginatorConfig(type="mine", options={"step": 5}) == found
    assert RegisteredPaginatorConfig(type="mine", options={}) == one(endpoint(paginator="mine")).paginator


class Custom:
    def update_state(self, response: Any, data: Any = None) -> None: ...

    def update_request(self, request: Any) -> None: ...


INSTANCE = Custom()


def test_s29_an_instance_is_kept_and_can_be_imported() -> None:
    assert INSTANCE is one(endpoint(paginator=INSTANCE)).paginator
    assert "Custom" == type(one(endpoint(paginator=f"{__name__}:INSTANCE")).paginator).__name__


def test_an_unknown_alias_is_named_with_the_nearest() -> None:
    found = problem(config(endpoint(paginator={"type": "page_numbr"})))

    assert ("resources[0].endpoint.paginator.type", "config_unknown_type", "Did you mean `page_number`?") == (
        found.path,
        found.code,
        found.hint,
    )


def test_a_parameter_of_another_paginator_is_refused() -> None:
    """dlt checks against all paginators together and fails later with a TypeError."""
    found = problem(config(endpoint(paginator={"type": "cursor", "page_param": "p"})))

    assert ("resources[0].endpoint.paginator.page_param", "config_unknown_key") == (found.path, found.code)


def test_offset_needs_a_limit() -> None:
    found = problem(config(endpoint(paginator="offset")))

    assert ("resources[0].endpoint.paginator.limit", "config_missing_key") == (found.path, found.code)


def test_a_class_is_not_an_instance() -> None:
    assert "config_wrong_type" == problem(config(endpoint(paginator=Custom))).code


def test_the_client_keeps_its_own() -> None:
    assert "header_link" == load_config(config("a", paginator="header_link")).client.paginator.type
