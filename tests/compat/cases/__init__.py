"""The cases, one module an area of `dlt_semantics` section 5. Importable without dagster_rest and without dlt."""
