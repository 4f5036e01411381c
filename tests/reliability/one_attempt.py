"""One attempt of one step, without Dagster's executor: `python -m tests.reliability.one_attempt <spec file>`.

Dagster has no way to give up a step and run its next attempt while the first still lives; a cluster does that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dagster_duckdb import DuckDBResource

from dagster_rest.assets.context import RunRequest
from dagster_rest.assets.definition.planning import plan_source, resource_props, rest_assets
from dagster_rest.assets.definition.translator import DagsterRestTranslator
from dagster_rest.assets.model.partitions import Partition
from dagster_rest.assets.run.load import ResourceLoad
from dagster_rest.assets.start.facts import EventLog, RunLineage
from dagster_rest.errors import RestError
from dagster_rest.http import RestClient
from tests.reliability.guards import switch_off
from tests.reliability.location import NAME, Recorder


def main(spec_file: str) -> int:
    spec = json.loads(Path(spec_file).read_text())
    if spec.get("without"):
        switch_off(spec["without"])
    source = plan_source(spec["config"], name=NAME)
    props = resource_props(source, dataset=NAME, partitions_def=None)
    translator = DagsterRestTranslator()
    specs = {one.resource.name: translator.get_asset_spec(one) for one in props.values()}
    asset = next(one for one in rest_assets(source, props=props, specs=specs) if one.plan.name == spec["targets"][0])
    with RestClient.from_config(source.client) as client:
        load = ResourceLoad(
            asset,
            request=RunRequest(
                run=RunLineage(run_id=spec["run_id"], attempt=spec["attempt"]),
                storage_id="one",
                partitions=[Partition()],
                read_log=lambda *_: EventLog(),
            ),
            client=client,
            database=DuckDBResource(database=spec["database"]),
            log=print,
            on_event=Recorder(spec),
        )
        try:
            load.confirm(load.run())
        except RestError as error:
            print(error.code)  # noqa: T201
            return 1
        finally:
            load.close()
    print("committed")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
