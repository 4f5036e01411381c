"""The base of every error this package raises on purpose: a class, a code, and a way out."""

from __future__ import annotations


class RestError(Exception):
    """An error with a stable code, the place it happened at, and what to do next.

    Each room derives its own family (``ConfigError``, ``HttpError`` ...). Codes are stable slugs, documented
    with cause and fix in ``docs/errors.md``. No argument may hold a secret: redact before raising.

    Args:
        message: What was found, in one sentence.
        code: The stable slug, for example ``http_selector_matched_nothing``.
        where: The place: a config path (``resources[1].endpoint.paginator``), a redacted URL, a page.
        hint: What to do next.

    Example:
        ```python
        from dagster_rest.errors import RestError

        error = RestError("unknown key `pth`", code="config_unknown_key", hint="Did you mean `path`?")
        assert error.code == "config_unknown_key"
        ```
    """

    def __init__(self, message: str, *, code: str, where: str | None = None, hint: str | None = None) -> None:
        self.message = message
        self.code = code
        self.where = where
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        place = f" (at {self.where})" if self.where else ""
        way_out = f" {self.hint}" if self.hint else ""
        return f"[{self.code}] {self.message}{place}{way_out}"

    def __reduce__(self) -> tuple[object, ...]:
        # Dagster pickles errors between processes; keyword-only arguments need help there.
        return (_rebuild, (type(self), self.message, self.code, self.where, self.hint))


def _rebuild(cls: type[RestError], message: str, code: str, where: str | None, hint: str | None) -> RestError:
    error = cls.__new__(cls)
    RestError.__init__(error, message, code=code, where=where, hint=hint)
    return error
