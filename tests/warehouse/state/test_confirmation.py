"""Which loads a step may confirm."""

from __future__ import annotations

from tests.warehouse.support import NOON, Warehouse


def test_a_load_that_was_taken_back_is_never_confirmed(warehouse: Warehouse) -> None:
    from dagster_rest.warehouse.state.ledger import confirm_loads, take_back_loads
    from dagster_rest.warehouse.state.ledger_tables import ensure_ledger

    ensure_ledger(warehouse.conn)
    for number, load_id in enumerate(("back", "told")):
        warehouse.conn.execute(
            "insert into _dagster_rest.loads (seq, load_id, asset, partition, load_group, run_id, attempt, storage_id,"
            " status, boundary, rows_loaded, complete, fingerprint, data_version, committed_at)"
            " values (?, ?, 'a', '', '', '', 0, '', 'pending', [], 0, true, '', '', now())",
            [number, load_id],
        )
    take_back_loads(warehouse.conn, asset="a", load_ids=["back"])
    confirm_loads(warehouse.conn, load_ids=["back", "told"], confirmed_at=NOON)

    found = warehouse.rows("select load_id, status, confirmed_at from _dagster_rest.loads order by load_id")
    assert [("back", "taken_back", None), ("told", "confirmed", NOON)] == found
