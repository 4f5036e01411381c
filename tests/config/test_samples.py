"""Configs in the shapes that dlt's and Dango's documentation show, section by section: each loads and plans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.config import PAGINATORS, build_plan, load_config
from tests.config.support import config

SAMPLES = Path(__file__).parent / "samples"


def convert(epoch: Any) -> str:
    return str(int(epoch))


def shout(row: dict[str, Any]) -> dict[str, Any]:
    return row


def hook(response: Any, *args: Any, **kwargs: Any) -> Any:
    return response


def repositories() -> Iterator[list[dict[str, Any]]]:
    yield [{"name": "x"}]


class Custom:
    def update_state(self, response: Any, data: Any = None) -> None: ...

    def update_request(self, request: Any) -> None: ...


class Session: ...


RESOLVE = {"type": "resolve", "resource": "tickets", "field": "number"}
DICTS: dict[str, dict[str, Any]] = {
    "quick example": config(
        "tickets",
        {"name": "notes", "endpoint": {"path": "tickets/{resources.tickets.id}/notes", "params": {"sort": "created"}}},
        auth={"token": "t"},
        paginator={"type": "json_link", "next_url_path": "paging.next"},
    ),
    "quick example, older": config(
        "tickets",
        {
            "name": "notes",
            "endpoint": {"path": "tickets/{ticket}/notes", "params": {"ticket": RESOLVE, "sort": "created"}},
        },
        auth={"token": "t"},
        paginator={"type": "json_response", "next_url_path": "paging.next"},
    ),
    "github": config(
        {
            "name": "tickets",
            "endpoint": {
                "path": "tickets",
                "params": {
                    "direction": "desc",
                    "since": {
                        "type": "incremental",
                        "cursor_path": "updated_at",
                        "initial_value": "2024-01-25T11:21:28Z",
                    },
                },
            },
        },
        {
            "name": "notes",
            "endpoint": {"path": "tickets/{resources.tickets.number}/notes"},
            "include_from_parent": ["id"],
        },
        defaults={"primary_key": "id", "write_disposition": "merge", "endpoint": {"params": {"per_page": 100}}},
        auth={"token": "t"},
    ),
    "a resource below a key, older": config(
        "a", {"b": {"name": "b_name", "write_disposition": "append", "endpoint": {"params": {"x": "y"}}}}
    ),
    "older paginator name": config("a", paginator={"type": "json_links", "next_url_path": "paging.next"}),
    "older header paginator name": config("a", paginator="header_links"),
    "paginator instance": config({"name": "a", "endpoint": {"path": "a", "paginator": Custom()}}),
    "registered paginator": config("a", paginator={"type": "custom_paginator", "next_url_path": "paging.nextLink"}),
    "escaped json path": config(
        {
            "name": "a",
            "endpoint": {"path": "users", "paginator": {"type": "json_link", "next_url_path": "['@odata.nextLink']"}},
        }
    ),
    "single entity with a paginator": config(
        {
            "name": "a",
            "endpoint": {
                "path": "user/{id}/notes",
                "params": {"id": 1},
                "paginator": {"type": "json_link", "next_url_path": "next"},
            },
        }
    ),
    "data selectors": config(
        {"name": "a", "endpoint": {"data_selector": "results.posts"}},
        {"name": "b", "endpoint": {"data_selector": "posts"}},
    ),
    "auth": config(
        {"name": "a", "endpoint": {"auth": {"type": "http_basic", "username": "u", "password": "p"}}},
        {"name": "b", "endpoint": {"auth": {"type": "api_key", "name": "k", "api_key": "v", "location": "query"}}},
        {
            "name": "c",
            "endpoint": {
                "auth": {
                    "type": "oauth2_client_credentials",
                    "access_token_url": "https://login.example.com/token",
                    "client_id": "i",
                    "client_secret": "s",
                    "access_token_request_data": {"grant_type": "account_credentials", "account_id": "x"},
                    "default_token_expiration": 3600,
                }
            },
        },
        auth=hook,
    ),
    "by query": config(
        "posts", {"name": "a", "endpoint": {"path": "notes", "params": {"post_id": "{resources.posts.id}"}}}
    ),
    "by body": config(
        "posts",
        {
            "name": "a",
            "endpoint": {
                "path": "search",
                "method": "POST",
                "json": {"filters": {"id": "{resources.posts.id}"}, "order": "desc", "limit": 5},
            },
        },
    ),
    "graphql": config(
        "artists",
        {
            "name": "a",
            "endpoint": {
                "method": "POST",
                "json": {"query": 'query A {{ artist(id: "{resources.artists.id}") {{ id name }} }}'},
            },
        },
    ),
    "escaped query": config({"name": "a", "endpoint": {"params": {"search": "{{'filters': [{{'id': 42}}]}}"}}}),
    "several resolve params": config(
        "groups",
        {
            "name": "users",
            "endpoint": {
                "path": "groups/{g}/users",
                "params": {"g": {"type": "resolve", "resource": "groups", "field": "id"}},
            },
        },
        {
            "name": "details",
            "endpoint": {
                "path": "groups/{g}/users/{u}/details",
                "params": {
                    "g": {"type": "resolve", "resource": "users", "field": "group_id"},
                    "u": {"type": "resolve", "resource": "users", "field": "items[0].id"},
                },
            },
        },
    ),
    "a parent in python": config(
        {
            "name": "tickets",
            "endpoint": {
                "path": "acme/{repository}/tickets/",
                "params": {"repository": {"type": "resolve", "resource": "repositories", "field": "name"}},
            },
        },
        repositories,
    ),
    "processing steps": config(
        {
            "name": "posts",
            "endpoint": "posts",
            "processing_steps": [{"filter": bool}, {"map": shout}, {"filter": bool}, {"yield_map": list}],
        }
    ),
    "incremental placeholders": config(
        {
            "name": "a",
            "endpoint": {
                "path": "posts/since/{incremental.start_value}/list",
                "data_selector": "results",
                "headers": {"X-Since": "{incremental.start_value}"},
                "params": {"created_since": "{incremental.start_value}", "until": "{incremental.end_value}"},
                "incremental": {"cursor_path": "created_at", "initial_value": "2024-01-25T00:00:00Z"},
            },
        },
        {
            "name": "b",
            "endpoint": {
                "method": "POST",
                "json": {"filters": {"fromDate": "{incremental.start_value}", "toDate": "2024-03-25"}, "limit": 1000},
                "incremental": {"cursor_path": "created_at", "initial_value": "2024-01-25T00:00:00Z"},
            },
        },
    ),
    "incremental, older": config(
        {
            "name": "a",
            "endpoint": {
                "incremental": {
                    "start_param": "since",
                    "end_param": "until",
                    "cursor_path": "u",
                    "initial_value": "1",
                    "end_value": "2",
                    "convert": convert,
                }
            },
        },
        {
            "name": "b",
            "endpoint": {
                "params": {
                    "since": {"type": "incremental", "cursor_path": "u", "initial_value": "1", "convert": convert}
                }
            },
        },
        {
            "name": "c",
            "endpoint": {
                "incremental": {"start_param": "since", "cursor_path": "u", "initial_value": "1", "transform": convert}
            },
        },
    ),
    "response actions": config(
        {
            "name": "a",
            "endpoint": {
                "response_actions": [
                    hook,
                    {"status_code": 404, "action": "ignore"},
                    {"content": "Not found", "action": "ignore"},
                    {"status_code": 200, "content": "some text", "action": hook},
                    {"status_code": 200, "content": "some text", "action": [hook, hook]},
                ]
            },
        }
    ),
    "session": config("a", session=Session()),
    "pokemon": config(
        "pokemon",
        "berry",
        "location",
        {
            "name": "details",
            "write_disposition": {"disposition": "merge", "strategy": "scd2"},
            "endpoint": "pokemon/{resources.pokemon.name}",
        },
        defaults={"endpoint": {"params": {"limit": 1000}}, "write_disposition": "replace"},
        paginator="json_link",
    ),
}


@pytest.fixture
def _custom() -> Iterator[None]:
    PAGINATORS["custom_paginator"] = Custom
    yield
    del PAGINATORS["custom_paginator"]


@pytest.mark.usefixtures("_custom")
@pytest.mark.parametrize("sample", DICTS.values(), ids=DICTS.keys())
def test_the_shapes_of_dlts_documentation_load(sample: dict[str, Any]) -> None:
    plan = build_plan(load_config(sample), name="s")

    assert len(sample["resources"]) == len(plan.resources)


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("dango_*.yml")), ids=lambda path: path.stem)
def test_the_shapes_of_dangos_documentation_load(file: Path) -> None:
    plan = build_plan(load_config(file), name="s")

    assert plan.resources
    assert all(item.line for item in plan.resources)
