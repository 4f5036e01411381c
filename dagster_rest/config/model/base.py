"""The base of every config model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NoReturn, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from dagster_rest.config.errors import did_you_mean, one_of
from dagster_rest.config.values.env import env_names, is_env
from dagster_rest.config.values.environment import Failure, read_fields, secret_fields
from dagster_rest.config.values.problems import Problems, problem, raised_again, wrong_type
from dagster_rest.config.values.secrets import MASK, is_secret_name, masked_url


def key(default: Any, description: str, **more: Any) -> Any:
    """A key of dlt's config."""
    return Field(default, description=description, **more)


def extension(default: Any, description: str, **more: Any) -> Any:
    """A key that dlt does not have: ``to_dlt()`` takes it out and says so."""
    return Field(default, description=description, json_schema_extra={"x-extension": True}, **more)


class ConfigModel(BaseModel):
    """A part of the config: frozen, closed to unknown keys, silent about secrets.

    Built by keyword arguments it raises ``ConfigError``, as ``load_config`` does.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
        defer_build=True,
    )
    type_names: ClassVar[tuple[str, ...]] = ()
    """The values of its ``type``, if it has one that can be left out: how a choice between models names it."""
    filled_at_run: ClassVar[frozenset[str]] = frozenset()
    """Keys that may not be empty when a step runs, wherever their text came from."""
    elsewhere: ClassVar[dict[str, str]] = {}
    """Keys that are right in another model, and where they belong."""

    def __init__(self, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            _raise_config_error(error)

    # pydantic calls an overridden __init__ for nested models too, unless it is marked as its own.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def of_resolved(cls, data: dict[str, Any]) -> Self:
        """A model of values that come from the environment already: no text in them is a reference.

        Args:
            data: The values by key.

        Raises:
            ConfigError: As for keyword arguments.
        """
        try:
            return cls.model_validate(data, context={"resolved": True})
        except ValidationError as error:
            _raise_config_error(error)

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        kind = cls.model_fields.get("type")
        if kind is not None and not kind.is_required():
            cls.type_names = get_args(kind.annotation)

    @model_validator(mode="wrap")
    @classmethod
    def _read_environment(cls, data: Any, handler: Any, info: ValidationInfo) -> Any:
        """Definition-time texts are read before they are checked, and all problems are reported together."""
        context = info.context or {}

        def checked(value: Any) -> Any:
            try:
                return handler(value)
            except ValidationError as error:
                raise _explained(error, cls) from None

        if not isinstance(data, dict) or context.get("resolved"):
            return checked(data)
        failures: list[Failure] = []
        interpolated = bool(context.get("yaml"))
        read = read_fields(cls, data, interpolated=interpolated, failures=failures)
        if not failures:
            return checked(read)
        problems = Problems()
        problems.check_rest(checked, read, left_out={path[0] for path, _ in failures})
        for path, error in failures:
            problems.add(error, path)
        raise problems.error()

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        secrets = secret_fields(type(self))
        for name in type(self).model_fields:
            if name in self.model_fields_set:
                yield name, shown(getattr(self, name), name=name, secret=name in secrets)

    def __str__(self) -> str:
        return repr(self)


def field_keys(model: type[ConfigModel]) -> list[str]:
    """The keys of a model as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _explained(error: ValidationError, model: type[ConfigModel]) -> ValidationError:
    """The error with this model's unknown keys named in our words."""
    problems = Problems()
    for item in error.errors(include_url=False):
        unknown = item["type"] == "extra_forbidden" and len(item["loc"]) == 1
        found = _unknown_key(str(item["loc"][0]), model) if unknown else raised_again(item)
        problems.add(found, item["loc"], item["input"])
    return problems.error()


def _unknown_key(unknown: str, model: type[ConfigModel]) -> PydanticCustomError:
    known = field_keys(model)
    hint = model.elsewhere.get(unknown) or did_you_mean(unknown, known)
    shown = unknown if len(unknown) <= 60 else f"{unknown[:20]}..."
    expected = None if hint else one_of(known, word=unknown)
    return problem("config_unknown_key", f"unknown key `{shown}`", expected=expected, hint=hint)


# Loads what pydantic needs to build a model now, so that the first config is as quick as the next.
ConfigModel.model_rebuild()


def _raise_config_error(error: ValidationError) -> NoReturn:
    from dagster_rest.config.explain import to_config_error

    raise to_config_error(error) from None


def shown(value: Any, *, name: str = "", secret: bool = False) -> Any:
    """What a repr may show of ``value``."""
    if is_env(value):
        return Shown(f"<from {'+'.join(env_names(value))}>")
    if value is None or isinstance(value, (bool, ConfigModel)):
        return value
    if secret or (isinstance(value, (str, int, float, bytes)) and (name == "data" or is_secret_name(name))):
        return Shown(MASK)
    if isinstance(value, str):
        return masked_url(value) if "://" in value or "?" in value else value
    if isinstance(value, dict):
        hidden = name in ("headers", "data")
        return {item: shown(value[item], name=item if isinstance(item, str) else "", secret=hidden) for item in value}
    if type(value) in (list, tuple):
        # Some of Dagster's objects are tuples that refuse to be iterated.
        return [shown(item, name=name) for item in value]
    if isinstance(value, (int, float)):
        return value
    return Shown(f"<{getattr(value, '__qualname__', None) or type(value).__qualname__}>")


class Shown(str):
    """Text that appears in a repr without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def check_model(value: Any, model: type[ConfigModel], info: ValidationInfo, *, expected: str) -> Any:
    """``value`` as ``model``: an instance of it or a mapping."""
    if isinstance(value, model):
        return value
    if not isinstance(value, dict):
        raise wrong_type(value, expected=expected)
    return model.model_validate(value, context=info.context)
