"""Our errors as Dagster understands them: come back later, or do not try again."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from dagster_rest.errors import RestError


def is_hopeless(error: RestError) -> bool:
    """Whether trying again changes nothing: somebody has to correct credentials or config."""
    from dagster_rest.config.errors import ConfigError
    from dagster_rest.http import errors

    permanent = (
        *(ConfigError, errors.HttpAuthError, errors.AuthConfigError, errors.ClientConfigError),
        *(errors.OriginError, errors.PaginationError, errors.SelectorError),
    )
    return isinstance(error, permanent)


@contextmanager
def dagster_errors(*, max_retries: int = 3) -> Iterator[None]:
    """Translate errors that Dagster's retries should know about.

    `RetryLater` becomes `dg.RetryRequested` with its wait, so that no worker sleeps through it; errors of
    credentials and config become `dg.Failure(allow_retries=False)`. Others pass.

    Args:
        max_retries: How often Dagster may run the step again for `RetryLater`.

    Raises:
        dagster.RetryRequested: The API asks for a long wait.
        dagster.Failure: Trying again is useless.
    """
    try:
        yield
    except RestError as error:
        from dagster_rest.http.errors import RetryLater

        if isinstance(error, RetryLater):
            raise dg.RetryRequested(max_retries=max_retries, seconds_to_wait=error.seconds) from error
        if is_hopeless(error):
            raise failure(error) from error
        raise


def failure(error: RestError) -> dg.Failure:
    """The Dagster failure of an error that no retry can heal."""
    return dg.Failure(
        description=str(error),
        metadata={"dagster_rest/error_code": dg.MetadataValue.text(error.code)},
        allow_retries=False,
    )
