"""What a materialization shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg

from dagster_rest.assets import keys
from dagster_rest.assets.keys import CHECK_METADATA, METADATA
from tests.assets.support import Source, metadata_of
from tests.support.server import Reply, Request

PLOTTED = {
    "dagster/row_count",
    "dagster_rest/rows_loaded",
    "dagster_rest/rows_deleted",
    "dagster_rest/rows_skipped",
    "dagster_rest/rows_fetched",
    "dagster_rest/duplicates",
    "dagster_rest/discarded_rows",
    "dagster_rest/discarded_values",
    "dagster_rest/requests",
    "dagster_rest/pages",
    "dagster_rest/retries",
    "dagster_rest/bytes_received",
    "dagster_rest/duration_seconds",
    "dagster_rest/throttled_seconds",
    "dagster_rest/parents",
    "dagster_rest/null_parents",
    "dagster_rest/windows",
}

ITEMS: dict[str, Any] = {
    "name": "items",
    "endpoint": {"path": "items", "paginator": "single_page"},
    "primary_key": "id",
    "write_disposition": "merge",
}


def entries(result: dg.ExecuteInProcessResult, table: str) -> dict[str, Any]:
    for event in result.get_asset_materialization_events():
        if event.step_materialization_data.materialization.asset_key.path[-1] == table:
            return dict(event.step_materialization_data.materialization.metadata)
    raise AssertionError(table)


def numbers(result: dg.ExecuteInProcessResult, table: str) -> set[str]:
    return {
        name
        for name, value in entries(result, table).items()
        if isinstance(value, (dg.IntMetadataValue, dg.FloatMetadataValue))
    }


def test_the_same_numbers_every_time_so_that_the_ui_plots_them(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    first = numbers(source.load(ITEMS), "items")
    source.api.json("/items", [])

    assert first == numbers(source.load(ITEMS), "items") == PLOTTED


def test_characters_that_were_replaced_are_counted(source: Source) -> None:
    endpoint = {**ITEMS["endpoint"], "encoding_errors": "replace"}
    source.api.json("/items", Reply(body=b'[{"id": 1, "name": "M\xfcller"}]'))

    result = source.load({**ITEMS, "endpoint": endpoint})

    assert 1 == entries(result, "items")["dagster_rest/replaced_characters"].value
    assert "dagster_rest/replaced_characters" in METADATA


def test_every_key_is_described(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "tags": ["a"]}])
    source.api.json("/items/1/notes", [{"text": "x"}])
    notes = {"name": "notes", "endpoint": "items/{resources.items.id}/notes", "include_from_parent": ["id"]}

    result = source.load({**ITEMS, "preview": True}, notes)

    shown = {name for table in ("items", "notes") for name in entries(result, table)}
    assert set() == shown - set(METADATA)


def test_columns_with_types_and_descriptions(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "price": 1.5, "at": "2026-01-01T00:00:00Z"}])

    result = source.load({**ITEMS, "columns": {"price": {"description": "In euros."}}})

    schema = metadata_of(result, "items")["dagster/column_schema"]
    assert [
        ("id", "BIGINT", None),
        ("price", "DOUBLE", "In euros."),
        ("at", "TIMESTAMP WITH TIME ZONE", None),
    ] == sorted(
        ((c.name, c.type, c.description) for c in schema.columns if not c.name.startswith("_")),
        key=lambda column: ["id", "price", "at"].index(column[0]),
    )
    assert [False] == [column.constraints.nullable for column in schema.columns if column.name == "id"]


def test_columns_of_the_parent_have_a_lineage(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "Owner": "a"}])
    source.api.json("/items/1/notes", [{"text": "x"}])
    notes = {"name": "notes", "endpoint": "items/{resources.items.id}/notes", "include_from_parent": ["Owner"]}

    lineage = metadata_of(source.load(ITEMS, notes), "notes")["dagster/column_lineage"]

    parent = dg.TableColumnDep(asset_key=dg.AssetKey(["src", "items"]), column_name="owner")
    assert {"_items_owner": [parent]} == dict(lineage.deps_by_column)


def test_nested_tables_with_their_rows(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "tags": ["a", "b"]}])

    assert {"items__tags": 2} == metadata_of(source.load(ITEMS), "items")["dagster_rest/tables"]


def test_cursor_before_and_after(source: Source) -> None:
    endpoint = {"path": "items", "incremental": {"cursor_path": "n", "initial_value": 0}}
    source.api.json("/items", [{"id": 1, "n": 5}])
    first = metadata_of(source.load({**ITEMS, "endpoint": endpoint}), "items")
    source.api.json("/items", [{"id": 2, "n": 9}])

    second = metadata_of(source.load({**ITEMS, "endpoint": endpoint}), "items")

    assert ("5", "int", "n") == tuple(first[f"dagster_rest/{key}"] for key in ("cursor", "cursor_type", "cursor_path"))
    assert "dagster_rest/cursor_start" not in first
    assert ("5", "9") == tuple(second[f"dagster_rest/{key}"] for key in ("cursor_start", "cursor"))


def test_the_paginator_with_the_evidence_for_it(source: Source) -> None:
    @source.api.get("/items")
    def pages(request: Request) -> Any:
        last = request.param("page") == "2"
        return {"results": [{"id": 2 if last else 1}], "next": None if last else f"{source.api.url}/items?page=2"}

    found = metadata_of(source.load({**ITEMS, "endpoint": "items"}), "items")["dagster_rest/paginator"]

    assert found.startswith("json_link(")
    assert "next" in found


def test_schema_changes_are_listed(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    source.load(ITEMS)
    source.api.json("/items", [{"id": 1, "colour": "red"}])

    assert (
        "- added column items.colour (text)" == metadata_of(source.load(ITEMS), "items")["dagster_rest/schema_changes"]
    )


def test_no_preview_unless_it_is_asked_for(source: Source) -> None:
    source.api.json("/items", [{"id": n, "name": "x" * 500} for n in range(9)])

    assert "dagster_rest/preview" not in metadata_of(source.load(ITEMS), "items")
    preview = entries(source.load({**ITEMS, "preview": 2}), "items")["dagster_rest/preview"]

    assert [0, 1] == [record.data["id"] for record in preview.records]
    assert {200} == {len(str(record.data["name"])) for record in preview.records}


def test_the_url_is_shown_without_its_secrets(source: Source) -> None:
    source.api.json("/items", [{"id": 1}])
    endpoint = {"path": "items", "params": {"api_key": "hunter2"}}

    found = metadata_of(source.load({**ITEMS, "endpoint": endpoint}), "items")["dagster_rest/endpoint"]

    assert found.startswith(f"{source.api.url}/items")
    assert "hunter2" not in found


def test_the_same_content_keeps_its_data_version(source: Source) -> None:
    source.api.json("/items", [{"id": 1, "v": 1}])
    versions = []
    for value in (1, 1, 2):
        source.api.json("/items", [{"id": 1, "v": value}])
        result = source.load({**ITEMS, "write_disposition": "replace"})
        event = result.get_asset_materialization_events()[0]
        tags = event.step_materialization_data.materialization.tags or {}
        versions.append(tags["dagster/data_version"])

    assert versions[0] == versions[1] != versions[2]


def test_keys_are_written_in_one_file() -> None:
    room = Path(keys.__file__).parent
    texts = {path: path.read_text() for path in room.rglob("*.py") if path != Path(keys.__file__)}

    assert [] == [f"{path.name}: {key}" for path, text in texts.items() for key in METADATA if f'"{key}"' in text]
    assert [] == [f"{path.name}: {key}" for path, text in texts.items() for key in CHECK_METADATA if f'"{key}"' in text]
