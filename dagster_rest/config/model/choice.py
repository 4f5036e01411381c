"""The discriminated union of models by their ``type``: paginators and auths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler, GetPydanticSchema, TypeAdapter, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypeAliasType

from dagster_rest.config.errors import did_you_mean
from dagster_rest.config.model.base import ConfigModel
from dagster_rest.config.read.dlt_objects import mapping_of
from dagster_rest.config.values.checks import from_env
from dagster_rest.config.values.env import EnvRef, is_env
from dagster_rest.config.values.imports import IMPORT_STRING, import_object
from dagster_rest.config.values.problems import at, problem, wrong_type
from dagster_rest.config.values.types import Checked, Environment, ImportString


class ByType(Checked):
    """A choice between models by their ``type``: an alias, a mapping with ``type``, or an instance.

    Args:
        noun: What is chosen, for messages.
        models: The models; each names its aliases in ``type_names``.
        registered: Makes the config of an alias that a user has registered; None if there is none of that name.
        registered_names: The aliases that users have registered.
        accepts: Whether an object is an instance of the wanted kind.
        default: The type of a mapping without ``type``.
        deprecated: Older aliases, understood and not advertised.
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
        deprecated: Mapping[str, str] = MappingProxyType({}),
        secret_key: str | None = None,
    ) -> None:
        self.noun = noun
        self.models = models
        self.by_name = {name: model for model in models for name in model.type_names}
        self.registered = registered
        self.registered_names = registered_names
        self.accepts = accepts
        self.default = default
        self.deprecated = deprecated
        self.secret_key = secret_key
        alternatives = GetPydanticSchema(get_pydantic_json_schema=self._alternatives)
        super().__init__(
            self.choose,
            takes=TypeAliasType(f"Any{noun.title()}", Annotated[Any, alternatives]),
            expected=f"a {noun}",
            read_at="parts" if secret_key is None else "check",
        )

    def _alternatives(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The JSON Schema of what YAML may hold: a name alone only where nothing else is required."""
        alone = [name for name, model in self.by_name.items() if not _needs_keys(model)]
        registered = self.registered_names()
        written: list[Any] = [ImportString, *([Environment] if self.secret_key is None else []), *self.models]
        shown: list[dict[str, Any]] = []
        if alone or registered:
            shown.append({"enum": [*alone, *registered]})
        if self.deprecated:
            shown.append({"enum": list(self.deprecated), "deprecated": True})
        shown.extend(handler(core_schema.union_schema([TypeAdapter(one).core_schema for one in written]))["anyOf"])
        if registered:
            shown.append({"type": "object", "properties": {"type": {"enum": registered}}, "required": ["type"]})
        return {"anyOf": shown}

    def names(self) -> list[str]:
        """All aliases."""
        return [*self.by_name, *self.registered_names()]

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
        kind = self.deprecated.get(kind, kind)
        model = self.by_name.get(kind)
        if model is not None:
            return model.model_validate({**value, "type": kind}, context=info.context)
        if kind in self.registered_names():
            return self.registered(kind, {name: item for name, item in value.items() if name != "type"})
        error = problem(
            "config_unknown_type",
            f"no {self.noun} has this type",
            expected=f"one of {', '.join(self.names())}",
            hint=did_you_mean(kind, self.names()) or f"Register your own {self.noun} with register_{self.noun} first.",
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


def _needs_keys(model: type[ConfigModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())
