"""Instances of dlt's classes in a config, and the other objects that dlt takes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pydantic
import pytest

from dagster_rest.config.values.jsonpath import first_match
from tests.config.support import endpoint, one, plan


def of_dlt(module: str, class_name: str, /, **attributes: Any) -> Any:
    """Looks like an instance of a class of dlt."""
    made = type(class_name, (), {"__module__": f"dlt.sources.helpers.rest_client.{module}"})()
    vars(made).update(attributes)
    return made


def test_a_paginator_of_dlt_is_the_config_it_stands_for() -> None:
    import jsonpath_ng.ext

    link = of_dlt("paginators", "JSONLinkPaginator", next_url_path=jsonpath_ng.ext.parse("paging.next"))
    page = of_dlt(
        "paginators",
        "PageNumberPaginator",
        base_index=1,
        initial_value=3,
        param_name="p",
        param_body_path=None,
        total_path=None,
        maximum_value=9,
        stop_after_empty_page=True,
        has_more_path=None,
    )

    assert {"type": "json_link", "next_url_path": "paging.next"} == one(endpoint(paginator=link)).paginator.model_dump(
        exclude_unset=True
    )
    found = one(endpoint(paginator=page)).paginator
    assert (1, 3, "p", None, 9) == (found.base_page, found.page, found.page_param, found.total_path, found.maximum_page)


def test_an_auth_of_dlt_is_the_config_it_stands_for() -> None:
    client = plan("a", auth=of_dlt("auth", "APIKeyAuth", name="X", api_key="k", location="query")).client

    assert ("api_key", "X", "k", "query") == (
        client.auth.type,
        client.auth.name,
        client.auth.api_key,
        client.auth.location,
    )


def test_a_compiled_selector_is_the_same_as_its_text() -> None:
    import jsonpath_ng.ext

    found = one(endpoint(data_selector=jsonpath_ng.ext.parse("data.items[0]"))).data_selector

    assert isinstance(found, str)
    assert 7 == first_match(found)({"data": {"items": [7]}})


class Row(pydantic.BaseModel):
    id: int
    title: str | None


@pytest.mark.parametrize("columns", [Row, f"{__name__}:Row"])
def test_columns_may_be_a_pydantic_model(columns: Any) -> None:
    assert Row.__name__ == one({"name": "a", "columns": columns}).config.columns.__name__


def test_columns_may_be_a_pyarrow_schema() -> None:
    import pyarrow as pa

    schema = pa.schema([("id", pa.int64())])

    assert schema is one({"name": "a", "columns": schema}).config.columns


def test_hints_may_be_callables_of_the_row() -> None:
    found = one({"name": "a", "table_name": repr, "primary_key": len, "write_disposition": str, "columns": dict})

    assert (repr, len) == (found.table_name, found.config.primary_key)


@pytest.mark.compat
def test_dlt_itself_has_these_attributes(tmp_path: Path) -> None:
    """Every attribute that is read off dlt's instances is there, with the value its constructor was given."""
    script = """
import json
from dlt.sources.helpers.rest_client import auth, paginators
made = [
    paginators.SinglePagePaginator(), paginators.JSONLinkPaginator("a.b"), paginators.HeaderLinkPaginator("l"),
    paginators.HeaderCursorPaginator("k", "c"), paginators.JSONResponseCursorPaginator("p", has_more_path="m"),
    paginators.OffsetPaginator(limit=5, offset=1, maximum_offset=9),
    paginators.PageNumberPaginator(base_page=1, page=2),
    auth.BearerTokenAuth("t"), auth.APIKeyAuth("n", "k"), auth.HttpBasicAuth("u", "p"),
]
told = lambda v: v if isinstance(v, (str, int, bool, type(None))) else str(v)
print(json.dumps([[type(o).__module__, type(o).__name__, {k: told(v)
      for k, v in vars(o).items() if not k.startswith("_")}] for o in made]))
"""
    environment = {**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    done = subprocess.run(
        [os.environ["DLT_PYTHON"], "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=tmp_path,
    )

    found = []
    for module, name, attributes in json.loads(done.stdout.splitlines()[-1]):
        instance = of_dlt(module.rpartition(".")[2], name, **attributes)
        key = "auth" if module.endswith("auth") else "paginator"
        made = getattr(one(endpoint(**{key: instance})), key)
        found.append(made.model_dump(exclude_unset=True))

    assert [
        {"type": "single_page"},
        {"type": "json_link", "next_url_path": "a.b"},
        {"type": "header_link", "links_next_key": "l"},
        {"type": "header_cursor", "cursor_key": "k", "cursor_param": "c"},
        {
            "type": "cursor",
            "cursor_path": "p",
            "cursor_param": "cursor",
            "stop_after_empty_page": False,
            "has_more_path": "m",
        },
        {
            "type": "offset",
            "limit": 5,
            "offset": 1,
            "offset_param": "offset",
            "limit_param": "limit",
            "total_path": "total",
            "maximum_offset": 9,
            "stop_after_empty_page": True,
        },
        {
            "type": "page_number",
            "base_page": 1,
            "page": 2,
            "page_param": "page",
            "total_path": "total",
            "stop_after_empty_page": True,
        },
        {"type": "bearer", "token": "t"},
        {"type": "api_key", "name": "n", "api_key": "k", "location": "header"},
        {"type": "http_basic", "username": "u", "password": "p"},
    ] == found
