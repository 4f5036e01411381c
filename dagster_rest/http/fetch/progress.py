"""Says every few seconds how far a fetch is."""

from __future__ import annotations

import logging
import time

from dagster_rest.http.page import FetchOptions, Page, Progress

logger = logging.getLogger("dagster_rest.http")


class ProgressLog:
    """Counts the pages of a fetch, and logs a line every few seconds."""

    def __init__(self, options: FetchOptions) -> None:
        self._options = options
        self._began = self._reported = time.monotonic()
        self._pages = self._rows = self._units = 0

    def seconds_left(self) -> float:
        """Until the next line."""
        return max(0.01, self._reported + self._options.progress_seconds - time.monotonic())

    def count(self, page: Page) -> None:
        """Count a page that is handed to the caller."""
        self._pages += 1
        self._rows += len(page)
        self._units += page.is_last
        self.report_if_due()

    def report_if_due(self) -> None:
        """Log a line, and call `FetchOptions.progress`, if it is time."""
        options, seconds = self._options, time.monotonic()
        if seconds - self._reported < options.progress_seconds:
            return
        self._reported = seconds
        now = Progress(self._pages, self._rows, self._units, seconds - self._began)
        of = f" of {options.units_total}" if options.units_total is not None else ""
        logger.info(
            "%s: %d pages, %d rows, %.0f rows/s, %d%s parents done",
            options.where or "fetch",
            now.pages,
            now.rows,
            now.rows / max(now.seconds, 0.001),
            now.units_done,
            of,
        )
        if options.progress is not None:
            options.progress(now)
