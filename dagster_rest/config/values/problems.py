"""What is wrong with a value, as an error for pydantic to collect; no message shows a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError


def problem(code: str, message: str, *, expected: str | None = None, hint: str | None = None) -> PydanticCustomError:
    """An error for pydantic to collect; ``message`` may not contain a value."""
    context = {"expected": expected, "hint": hint}
    return PydanticCustomError(code, message, context)


def at(step: str | int, error: PydanticCustomError, *more: str | int) -> ValidationError:
    """The error placed below a key, to be raised from a check."""
    details = InitErrorDetails(type=error, loc=(step, *more), input=None)
    return ValidationError.from_exception_data("config", [details], hide_input=True)


def type_name(value: object) -> str:
    """What a YAML or Python author would call the type of ``value``."""
    names = {
        bool: "true/false",
        int: "a whole number",
        float: "a number",
        str: "text",
        dict: "a mapping",
        type(None): "null",
    }
    if isinstance(value, (list, tuple)):
        return "a list"
    return names.get(type(value)) or ("text" if isinstance(value, str) else f"a {type(value).__name__}")


def wrong_type(value: object, *, expected: str) -> PydanticCustomError:
    """The problem of a value with another type than expected."""
    return problem("config_wrong_type", f"found {type_name(value)}", expected=expected)


def raised_again(item: Mapping[str, Any]) -> PydanticCustomError:
    """One of the errors of a ValidationError, to be put into another one."""
    return PydanticCustomError(item["type"], item["msg"], item.get("ctx"))


class Problems:
    """Collects the errors of several parts of one value, to raise them together."""

    def __init__(self) -> None:
        self._details: list[InitErrorDetails] = []

    def check(self, step: str | int, check: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """The result of ``check(*args, **options)``, or None with its error kept below ``step``."""
        try:
            return check(*args, **options)
        except ValidationError as error:
            self._keep(error, (step,))
        except PydanticCustomError as error:
            self.add(error, (step,))
        return None

    def check_rest(self, handler: Callable[[Any], Any], data: dict[str, Any], *, left_out: set[Any]) -> None:
        """The errors of what ``handler`` makes of ``data``, but for the absence of keys that were ``left_out``."""
        try:
            handler(data)
        except ValidationError as error:
            self._keep(error, (), unless=lambda item: item["type"] == "missing" and item["loc"][0] in left_out)

    def _keep(
        self, error: ValidationError, path: tuple[str | int, ...], *, unless: Callable[[Any], bool] = lambda item: False
    ) -> None:
        for item in error.errors(include_url=False):
            if not unless(item):
                self.add(raised_again(item), (*path, *item["loc"]), item["input"])

    def add(self, error: PydanticCustomError, loc: tuple[str | int, ...], found: Any = None) -> None:
        """Keep an error. What was found serves suggestions; it is never shown."""
        self._details.append(InitErrorDetails(type=error, loc=loc, input=found))

    @property
    def found(self) -> bool:
        """Whether anything was collected."""
        return bool(self._details)

    def error(self) -> ValidationError:
        """What was collected, as one error."""
        return ValidationError.from_exception_data("config", self._details, hide_input=True)


def check_each(
    items: Iterable[tuple[str | int, Any]], check: Callable[..., Any], *args: Any, **options: Any
) -> list[Any]:
    """The results of ``check(item, *args, **options)``; what is wrong with the items is raised together.

    Args:
        items: The items, each with its key or index, below which its errors are.
        check: Gives back the value to keep, or raises a problem.
        *args: More arguments of the check.
        **options: Its options.
    """
    problems = Problems()
    found = [problems.check(key, check, item, *args, **options) for key, item in items]
    if problems.found:
        raise problems.error()
    return found
