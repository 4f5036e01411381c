"""Processing steps on the records."""

from pydantic import model_validator
from typing_extensions import Self

from dagster_rest.config.model.base import ConfigModel, extension, key
from dagster_rest.config.values.problems import problem
from dagster_rest.config.values.types import Callback, FilledText


class ProcessingStep(ConfigModel):
    """One step on the records, before the incremental filter.

    Several keys of one step run in the order filter, map, yield_map, where, select.
    """

    filter: Callback | None = key(None, "Keeps the records for which the callable returns true.")
    map: Callback | None = key(None, "Returns the record to store instead.")
    yield_map: Callback | None = key(None, "Yields any number of records for one record.")
    where: FilledText | None = extension(None, "SQL condition on the record's fields.")
    select: FilledText | None = extension(None, "SQL select list over the record's fields.")

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.model_fields_set:
            raise problem(
                "config_missing_key", "the step is empty", expected="one of filter, map, yield_map, where, select"
            )
        return self
