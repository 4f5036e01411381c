"""The base of every config model, and the choice between models by their ``type``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import Self

from dagster_rest.config.errors import did_you_mean, one_of
from dagster_rest.config.read.dlt_objects import mapping_of
from dagster_rest.config.values.env import EnvRef, is_env
from dagster_rest.config.values.environment import Failure, is_secret_field, read_fields
from dagster_rest.config.values.secrets import MASK, is_secret_name, masked_url
from dagster_rest.config.values.types import (
    IMPORT_STRING,
    Checked,
    JsonSchema,
    at,
    from_env,
    import_object,
    problem,
    wrong_type,
)


def key(default: Any, description: str, **more: Any) -> Any:
    """A key of dlt's config."""
    return Field(default, description=description, **more)


def own(default: Any, description: str, **more: Any) -> Any:
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
        use_attribute_docstrings=False,
    )
    type_names: ClassVar[tuple[str, ...]] = ()
    filled_at_run: ClassVar[frozenset[str]] = frozenset()
    """Keys that may not be empty when a step runs, wherever their text came from."""
    schema_rules: ClassVar[JsonSchema] = {}
    """What JSON Schema can say of the keys together."""
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
        for name, field in type(self).model_fields.items():
            if name not in self.model_fields_set:
                continue
            yield name, shown(getattr(self, name), name=name, secret=is_secret_field(field))

    def __str__(self) -> str:
        return repr(self)


def field_keys(model: type[ConfigModel]) -> list[str]:
    """The keys of a model as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _explained(error: ValidationError, model: type[ConfigModel]) -> ValidationError:
    """The error with this model's unknown keys named in our words."""
    details = []
    for item in error.errors(include_url=False):
        kind: Any = item["type"]
        if kind == "extra_forbidden" and len(item["loc"]) == 1:
            kind = _unknown_key(str(item["loc"][0]), model)
        elif kind.startswith("config_"):
            kind = PydanticCustomError(kind, item["msg"], item.get("ctx"))
        details.append(InitErrorDetails(type=kind, loc=item["loc"], input=item["input"], ctx=item.get("ctx", {})))
    return ValidationError.from_exception_data("config", details, hide_input=True)


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
        return Shown(f"<from {'+'.join(getattr(value, 'env_var_names', (value.env_var_name,)))}>")
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


class ByType(Checked):
    """A choice between models by their ``type``: an alias, a mapping with ``type``, or an instance.

    Args:
        noun: What is chosen, for messages.
        models: The models; each names its aliases in ``type_names``.
        registered: Makes the config of an alias that a user has registered; None if there is none of that name.
        registered_names: The aliases that users have registered.
        accepts: Whether an object is an instance of the wanted kind.
        default: The type of a mapping without ``type``.
        older: Older aliases, understood and not advertised.
        secret_key: The key that a lone text from the environment was meant for.
    """

    def __init__(
        self,
        noun: str,
        *,
        models: tuple[type[ConfigModel], ...],
        registered: Callable[[str, dict[str, Any]], ConfigModel],
        registered_names: Callable[[], list[str]],
        accepts: Callable[[Any], bool],
        default: str | None = None,
        older: Mapping[str, str] = MappingProxyType({}),
        secret_key: str | None = None,
    ) -> None:
        self.noun = noun
        self.models = models
        self.by_name = {name: model for model in models for name in model.type_names}
        self.registered = registered
        self.registered_names = registered_names
        self.accepts = accepts
        self.default = default
        self.older = older
        self.secret_key = secret_key
        super().__init__(
            self.choose,
            schema=cast(JsonSchema, {}),
            expected=f"a {noun}",
            read_at="parts" if secret_key is None else "check",
        )

    def names(self) -> list[str]:
        """All aliases."""
        return [*self.by_name, *self.registered_names()]

    def model_for(self, value: Any) -> type[ConfigModel] | None:
        """The model that ``value`` is checked against, if it names one."""
        kind = value.get("type", self.default) if isinstance(value, dict) else value
        return self.by_name.get(self.older.get(kind, kind)) if isinstance(kind, str) else None

    def choose(self, value: Any, info: ValidationInfo) -> Any:
        """The model, registered alias or instance that the value means."""
        if isinstance(value, dict):
            return self._from_mapping(value, info)
        if self.secret_key is not None and is_env(value):
            raise self._lone_secret(value)
        if isinstance(value, str) and not is_env(value):
            if not IMPORT_STRING.match(value):
                return self._by_name(value, {"type": value}, info, nested=False)
            value = import_object(value)
        of_dlt = mapping_of(value)
        return self._from_object(value) if of_dlt is None else self._from_mapping(of_dlt, info)

    def _lone_secret(self, value: Any) -> PydanticCustomError:
        named = str.__str__(value) if isinstance(value, EnvRef) else f'dg.EnvVar("{value.env_var_name}")'
        return problem(
            "config_wrong_type",
            "found a text from the environment",
            expected=f"{self.noun}: {{{self.secret_key}: {named}}}",
        )

    def _from_mapping(self, value: dict[Any, Any], info: ValidationInfo) -> Any:
        if is_env(value.get("type")):
            value = {**value, "type": from_env(value["type"])}
        kind = value.get("type", self.default)
        if "type" not in value and self.default is not None:
            self._check_default(value)
        if kind is None:
            raise at(
                "type",
                problem("config_missing_key", "the key is required", expected=f"one of {', '.join(self.names())}"),
            )
        if not isinstance(kind, str) or is_env(kind):
            raise at("type", wrong_type(kind, expected=f"one of {', '.join(self.names())}"))
        return self._by_name(kind, value, info, nested=True)

    def _check_default(self, value: dict[Any, Any]) -> None:
        """Without ``type`` the default is meant, unless the keys are those of exactly one other model."""
        keys = set(value)
        fitting = [name for name, model in self.by_name.items() if keys and keys <= set(model.model_fields)]
        if len(fitting) == 1 and fitting[0] != self.default:
            hint = f"These are the keys of `type: {fitting[0]}`."
            raise at(
                "type", problem("config_missing_key", "the key is required", expected=f"type: {fitting[0]}", hint=hint)
            )

    def _by_name(self, kind: str, value: dict[Any, Any], info: ValidationInfo, *, nested: bool) -> Any:
        kind = self.older.get(kind, kind)
        model = self.by_name.get(kind)
        if model is not None:
            return model.model_validate({**value, "type": kind}, context=info.context)
        if kind in self.registered_names():
            return self.registered(kind, {name: item for name, item in value.items() if name != "type"})
        error = problem(
            "config_unknown_type",
            f"no {self.noun} has this type",
            expected=f"one of {', '.join(self.names())}",
            hint=did_you_mean(kind, self.names())
            or f"A {self.noun} of your own is named with register_{self.noun} first.",
        )
        raise at("type", error) if nested else error

    def _from_object(self, value: Any) -> Any:
        if isinstance(value, self.models) or (isinstance(value, ConfigModel) and self.accepts(value)):
            return value
        if isinstance(value, type):
            raise problem("config_wrong_type", "found a class", expected=f"an instance of a {self.noun}")
        if (
            value is None
            or isinstance(value, (str, bytes, int, float, list, tuple, set, frozenset))
            or not self.accepts(value)
        ):
            raise wrong_type(value, expected=f"a {self.noun}: a type's name, a mapping with `type`, or an instance")
        return value


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
                kind = PydanticCustomError(item["type"], item["msg"], item.get("ctx"))
                self.add(kind, (*path, *item["loc"]), item["input"])

    def add(self, error: PydanticCustomError, loc: tuple[str | int, ...], found: Any = None) -> None:
        """Keep an error. What was found serves suggestions; it is never shown."""
        self._details.append(InitErrorDetails(type=error, loc=loc, input=found))

    def error(self) -> ValidationError:
        """What was collected, as one error."""
        return ValidationError.from_exception_data("config", self._details, hide_input=True)

    def raise_if_any(self) -> None:
        """Raise what was collected."""
        if self._details:
            raise self.error()


def check_model(model: type[ConfigModel], value: Any, info: ValidationInfo, *, expected: str) -> Any:
    """``value`` as ``model``: an instance of it or a mapping."""
    if isinstance(value, model):
        return value
    if not isinstance(value, dict):
        raise wrong_type(value, expected=expected)
    return model.model_validate(value, context=info.context)
