"""The code location that `make dev` opens: the demo API's graph, and what comes after it.

A project of your own looks the same: one line for the graph, a database, and what you build on the tables.
"""

import os
from pathlib import Path

import dagster as dg
from dagster_duckdb import DuckDBResource

from dagster_rest import build_rest_definitions, build_rest_polling_sensor

HERE = Path(__file__).parent
CONFIG = HERE / "examples" / "demo" / "geo.yaml"

duckdb = DuckDBResource(database=os.environ.get("GEO_DUCKDB", str(HERE / ".dagster" / "warehouse.duckdb")))


@dg.asset(
    key=["geo", "continent_summary"],
    deps=[["geo", "countries"], ["geo", "cities"]],
    group_name="geo_reports",
    kinds={"duckdb", "sql"},
)
def continent_summary(duckdb: DuckDBResource) -> dg.MaterializeResult:
    """The large countries and cities of each continent, and the share of people who live in those cities."""
    with duckdb.get_connection() as connection:
        connection.execute(
            """
            create or replace table geo.continent_summary as
            with cities as (
                select country, count(*) as cities, sum(population) as population
                from geo.cities group by country
            )
            select
                countries._continents_name as continent,
                count(*) as countries,
                sum(cities.cities) as cities,
                round(100.0 * sum(cities.population) / sum(countries.population), 1) as percent_in_cities
            from geo.countries left join cities on cities.country = countries.iso
            group by all order by all
            """
        )
        rows = connection.execute("select count(*) from geo.continent_summary").fetchall()[0][0]
        connection.close()
    return dg.MaterializeResult(metadata={"dagster/row_count": rows, "dagster/table_name": "geo.continent_summary"})


everything = dg.define_asset_job("geo_everything", selection=dg.AssetSelection.all())

defs = dg.Definitions.merge(
    build_rest_definitions(CONFIG, name="geo", duckdb=duckdb),
    dg.Definitions(
        assets=[continent_summary],
        jobs=[everything],
        # Off until it is switched on: it asks the API every minute, and runs what has changed.
        sensors=[build_rest_polling_sensor(CONFIG, name="geo", resources=["city_updates", "us_states"])],
        schedules=[dg.ScheduleDefinition(name="geo_every_morning", job=everything, cron_schedule="0 6 * * *")],
    ),
)
