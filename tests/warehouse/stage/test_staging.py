"""Parts, checkpoints, and going on after a crash at any moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dagster_rest.warehouse.load.commit import commit_load
from dagster_rest.warehouse.schema import RecordedSchema
from dagster_rest.warehouse.stage.stager import Stager
from tests.warehouse.support import DATASET, NOON, Warehouse, table_spec

PAGES = [[{"id": page * 3 + row, "tags": [page, row]} for row in range(3)] for page in range(6)]


class CrashError(Exception):
    """Stands for the end of the process."""


def open_stager(folder: Path, **options: Any) -> Stager:
    defaults: dict[str, Any] = {"fingerprint": "f", "load_id": "first", "rows_per_part": 1}
    return Stager.open(folder, spec=table_spec(), known=RecordedSchema(dataset=DATASET), **{**defaults, **options})


def run_to_end(folder: Path, **options: Any) -> Stager:
    """Write the pages that no checkpoint covers, as an asset would."""
    stager = open_stager(folder, **options)
    begin = 0 if stager.position is None else stager.position["next"]
    for number in range(begin, len(PAGES)):
        stager.write_side("keys", [{"page": number}])
        stager.write(PAGES[number], position={"next": number + 1})
    return stager


def load(warehouse: Warehouse, stager: Stager) -> None:
    staged = stager.finish()
    warehouse.conn.execute("BEGIN")
    commit_load(warehouse.conn, staged, load_id=stager.load_id, loaded_at=NOON)
    warehouse.conn.execute("COMMIT")


def crash_at(event: str, occurrence: int) -> Callable[[str], None]:
    seen = []

    def on_event(name: str) -> None:
        if name == event:
            seen.append(name)
            if len(seen) == occurrence:
                raise CrashError

    return on_event


@pytest.mark.parametrize("occurrence", [1, 2, 4])
@pytest.mark.parametrize("event", ["part_written", "before_checkpoint_rename", "after_checkpoint_rename"])
def test_after_a_crash_every_row_is_there_once(
    tmp_path: Path, warehouse: Warehouse, event: str, occurrence: int
) -> None:
    with pytest.raises(CrashError):
        run_to_end(tmp_path / "s", on_event=crash_at(event, occurrence))
    stager = run_to_end(tmp_path / "s", load_id="second")
    staged = stager.finish()
    load(warehouse, stager)

    assert [(number,) for number in range(18)] == warehouse.table("posts", "id")
    assert [(36, 18, 18)] == warehouse.rows(
        "SELECT count(*), count(DISTINCT t._parent_row_id), (SELECT count(DISTINCT _row_id) FROM shop.posts) "
        "FROM shop.posts__tags t JOIN shop.posts p ON t._parent_row_id = p._row_id"
    )
    assert [{"page": number} for number in range(6)] == list(staged.side("keys"))


def test_the_interrupted_load_goes_on_under_its_own_id(tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        run_to_end(tmp_path / "s", on_event=crash_at("part_written", 3))
    stager = open_stager(tmp_path / "s", load_id="second")

    assert ("first", True, None, {"next": 2}, 6) == (
        stager.load_id,
        stager.resumed,
        stager.reset_reason,
        stager.position,
        stager.rows_staged,
    )


def test_files_that_no_checkpoint_covers_are_removed(tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        run_to_end(tmp_path / "s", on_event=crash_at("part_written", 3))
    before = {path.name for path in (tmp_path / "s").iterdir()}
    open_stager(tmp_path / "s")
    saved = json.loads((tmp_path / "s" / "checkpoint.json").read_text())
    covered = {part["file"] for part in saved["parts"]} | {file for files in saved["sides"].values() for file in files}

    assert {"checkpoint.json", *covered} == {path.name for path in (tmp_path / "s").iterdir()}
    assert before > covered


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda folder: (folder / "checkpoint.json").write_bytes(b"\x00\xff{"), "can't be read"),
        (lambda folder: (folder / "checkpoint.json").write_text("[1]"), "is not valid"),
        (lambda folder: (folder / "checkpoint.json").write_text('{"version": 99}'), "version 99"),
        (lambda folder: (folder / "checkpoint.json").write_text('{"version": 1, "parts": 5}'), "is not valid"),
        (lambda folder: next(folder.glob("*.parquet")).unlink(), "are gone"),
        (lambda folder: (folder / "checkpoint.json").unlink(), None),
    ],
    ids=["bytes", "other JSON", "other version", "other content", "a part is gone", "no checkpoint"],
)
def test_a_damaged_folder_costs_time_and_no_data(
    tmp_path: Path, warehouse: Warehouse, damage: Any, reason: Any
) -> None:
    with pytest.raises(CrashError):
        run_to_end(tmp_path / "s", on_event=crash_at("after_checkpoint_rename", 3))
    damage(tmp_path / "s")
    stager = run_to_end(tmp_path / "s", load_id="second")
    load(warehouse, stager)

    assert "second" == stager.load_id
    assert not stager.resumed
    assert reason is None if stager.reset_reason is None else reason in stager.reset_reason
    assert 18 == len(warehouse.table("posts", "id"))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"fingerprint": "other"}, "configuration changed"),
        ({"ttl_seconds": -1}, "s old"),
        ({"resume": False}, "disabled"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_not_used(tmp_path: Path, options: Any, reason: str) -> None:
    with pytest.raises(CrashError):
        run_to_end(tmp_path / "s", on_event=crash_at("after_checkpoint_rename", 3))
    stager = open_stager(tmp_path / "s", load_id="second", **options)

    assert (None, 0, "second") == (stager.position, stager.rows_staged, stager.load_id)
    assert reason in (stager.reset_reason or "")
    assert [] == list((tmp_path / "s").iterdir())


def test_a_checkpoint_from_the_future_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        run_to_end(tmp_path / "s", on_event=crash_at("after_checkpoint_rename", 3))
    file = tmp_path / "s" / "checkpoint.json"
    saved = json.loads(file.read_text())
    file.write_text(json.dumps({**saved, "started_at": saved["started_at"] + 86_400}))
    stager = open_stager(tmp_path / "s", load_id="second")

    assert ("second", False) == (stager.load_id, stager.resumed)
    assert "s old" in (stager.reset_reason or "")


def test_a_resumed_load_keeps_the_types_it_had(tmp_path: Path, warehouse: Warehouse) -> None:
    stager = open_stager(tmp_path / "s", seconds_per_part=0)
    stager.write([{"v": 1}], position={})
    stager.write([{"v": "x"}], position={})
    again = open_stager(tmp_path / "s")
    again.write([{"v": 2**70}, {"v": "2"}], position={})
    load(warehouse, again)

    assert {"v": "HUGEINT", "v__v_text": "VARCHAR"} == warehouse.types("posts")
    assert [(1, None), (2, None), (2**70, None), (None, "x")] == warehouse.table("posts", "v", "v__v_text")


def test_small_pages_share_a_part(tmp_path: Path) -> None:
    stager = open_stager(tmp_path / "s", rows_per_part=1000, seconds_per_part=3600)
    for number in range(100):
        stager.write([{"id": number}], position={"page": number})

    assert [] == list((tmp_path / "s").iterdir())
    assert 100 == stager.rows_staged
    assert 1 == len(stager.finish().parts["posts"])


def test_a_part_is_written_when_its_time_has_come(tmp_path: Path) -> None:
    stager = open_stager(tmp_path / "s", rows_per_part=1000, seconds_per_part=0)
    stager.write([{"id": 1}], position={"page": 1})

    assert {"page": 1} == open_stager(tmp_path / "s").position


def test_extra_values_are_set_on_each_record(tmp_path: Path, warehouse: Warehouse) -> None:
    stager = open_stager(tmp_path / "s")
    stager.write([{"id": 1}, 5], extra={"_p_id": [7, 8]})
    load(warehouse, stager)

    assert [(1, 7, None), (None, 8, 5)] == warehouse.table("posts", "id", "_p_id", "value")


def test_discard_removes_the_folder(tmp_path: Path) -> None:
    stager = run_to_end(tmp_path / "s")
    stager.finish()
    stager.discard()

    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("event", ["in_transaction", "replace_swap"])
def test_a_crash_in_the_transaction_leaves_the_table_as_it_was(warehouse: Warehouse, event: str) -> None:
    warehouse.load(table_spec("replace"), [{"id": 1, "l": [1]}])
    with pytest.raises(CrashError):
        warehouse.load(table_spec("replace"), [{"id": 2, "new": 5}], on_event=crash_at(event, 1))

    assert [(1,)] == warehouse.table("posts", "id")
    assert [(1,)] == warehouse.table("posts__l", "value")
    warehouse.load(table_spec("replace"), [{"id": 2, "new": 5}])
    assert [(2, 5)] == warehouse.table("posts", "id", "new")


def test_a_folder_that_looks_like_a_partition_gives_no_values(tmp_path: Path, warehouse: Warehouse) -> None:
    stager = open_stager(tmp_path / "env=prod" / "id=77")
    stager.write([{"id": 1, "env": "test"}])
    load(warehouse, stager)

    assert [(1, "test")] == warehouse.table("posts", "id", "env")
