"""Whether the staged files of a failed load may be resumed, or have to be fetched again."""

from dagster_rest.assets.errors import Contended, StateError
from dagster_rest.warehouse.errors import WarehouseError

_NOT_THE_DATA = frozenset(
    {
        "warehouse_conflict",
        "warehouse_disk_full",
        "warehouse_in_use",
        "warehouse_locked",
        "warehouse_newer_format",
        "warehouse_newer_ledger",
        "warehouse_no_folder",
        "warehouse_out_of_memory",
        "warehouse_read_only",
        "warehouse_staging_failed",
        "warehouse_unreadable",
    }
)
_NOT_THIS_RUN = frozenset({"state_contended", "state_fenced"})


def is_known_good(error: BaseException) -> bool:
    """Whether an error says nothing against the data that is staged, so that a later run may commit it.

    A process that is stopped, an API that does not answer and a disk that is full do not; everything else may be about
    the data, errors nobody thought of among them: then it is fetched again, which costs time alone.

    Args:
        error: What ended the load.
    """
    from dagster_rest.http.errors import (
        DecodeError,
        HttpConnectionError,
        HttpStatusError,
        ResponseTooLargeError,
        RetryLater,
    )

    if not isinstance(error, Exception) or isinstance(error, Contended):
        return True
    if isinstance(error, WarehouseError):
        return error.code in _NOT_THE_DATA
    if isinstance(error, StateError):
        return error.code in _NOT_THIS_RUN
    # Not the errors of pagination: pages that came twice are staged twice.
    return isinstance(error, (HttpStatusError, HttpConnectionError, RetryLater, ResponseTooLargeError, DecodeError))
