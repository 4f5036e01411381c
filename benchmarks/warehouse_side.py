"""One workload through the warehouse room alone: a plain fetch, decode, `Stager`, `commit_load`. No Dagster.

`python -m benchmarks.warehouse_side flat http://127.0.0.1:1234 folder run`
"""

from __future__ import annotations

import datetime
import http.client
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from benchmarks.workloads import DATASET, WORKLOADS
from dagster_rest.assets.run.garbage import collect_rarely
from dagster_rest.config.model.table.disposition import WriteDisposition
from dagster_rest.warehouse.load.commit import commit_load
from dagster_rest.warehouse.schema import RecordedSchema, ResourceSpec
from dagster_rest.warehouse.stage.stager import Stager
from dagster_rest.warehouse.state.catalog import read_schema


def pages(url: str, path: str) -> Iterator[list[Any]]:
    """All pages, one after the other, over one connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    number, total = 1, 1
    while number <= total:
        connection.request("GET", f"/{path}?page={number}")
        body = orjson.loads(connection.getresponse().read())
        total = body["total_pages"]
        yield body["data"]
        number += 1
    connection.close()


def main(workload: str, url: str, folder: Path, part: str) -> None:
    """Run the workload (`part` is `prepare` or `run`)."""
    import duckdb

    chosen = WORKLOADS[workload]
    config = (chosen.prepare if part == "prepare" else chosen.config)(url)  # type: ignore[misc]
    (resource,) = config["resources"]
    key = resource.get("primary_key")
    spec = ResourceSpec(
        dataset=DATASET,
        resource=resource["name"],
        table_name=resource["name"],
        primary_key=(key,) if key else (),
        write_disposition=WriteDisposition(disposition=resource.get("write_disposition", "append")),
    )
    database = folder / "warehouse.duckdb"
    known = RecordedSchema(dataset=DATASET)
    if database.exists():
        with duckdb.connect(str(database)) as connection:
            known = read_schema(connection, DATASET)
    stager = Stager.open(folder / f"staging-{part}", spec=spec, known=known, fingerprint="bench", load_id=part)
    for number, page in enumerate(pages(url, resource["endpoint"]["path"])):
        stager.write(page, position={"page": number})
    staged = stager.finish()
    with duckdb.connect(str(database)) as connection:
        connection.execute("BEGIN")
        commit_load(connection, staged, load_id=part, loaded_at=datetime.datetime.now(datetime.timezone.utc))
        connection.execute("COMMIT")
    stager.discard()


if __name__ == "__main__":
    # As in a load of the package.
    with collect_rarely():
        main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
