"""The demo's own file through dlt: that it is a dlt config, and the rows that dlt leaves out."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from examples.demo import api

OURS = ("description", "fan_out")
LOAD = """
import json, os, sys
import dlt, yaml
from dlt.sources.rest_api import rest_api_source

config = yaml.safe_load(open(sys.argv[1]).read().replace("${GEO_API_URL}", sys.argv[2]))
for resource in config["resources"]:
    for key in sys.argv[4].split(","):
        resource.pop(key, None)
database = dlt.destinations.duckdb(os.path.join(sys.argv[3], "dlt.duckdb"))
pipeline = dlt.pipeline("geo", destination=database, dataset_name="geo", pipelines_dir=sys.argv[3])
pipeline.run(rest_api_source(config, name="geo"))
print(json.dumps(pipeline.last_trace.last_normalize_info.row_counts))
"""


@pytest.mark.compat
def test_dlt_takes_the_file_and_leaves_out_children_of_several_parents(tmp_path: Path) -> None:
    database = tmp_path / "geo.sqlite"
    api.build_database(database)
    with api.serve(database) as url:
        done = subprocess.run(
            [
                os.environ["DLT_PYTHON"],
                "-c",
                LOAD,
                str(api.FOLDER / "geo.yaml"),
                url,
                str(tmp_path),
                ",".join(OURS),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    assert 0 == done.returncode, done.stderr
    rows = json.loads(done.stdout.splitlines()[-1])

    assert (7, 58, 1749, 51) == tuple(rows[name] for name in ("continents", "countries", "city_updates", "us_states"))
    # One cursor for all parents: after a recent city of one country, the older ones of others are dropped.
    assert rows["cities"] < 100
