"""What can be wrong with a config: one exception that lists every problem at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dagster_rest.errors import RestError

PathPart = str | int
"""One step of a config path: a key, or the index of a list."""

CODES: dict[str, str] = {
    "config_bad_env_reference": "`${` in a YAML text does not name a variable; write `${NAME}`, or `$${` for a literal `${`.",
    "config_bad_format": "A format spec such as `:03d` does not fit the value it got; remove it or convert the value first.",
    "config_bad_import": "An import string `package.module:function` could not be imported; correct the module or the attribute.",
    "config_bad_jsonpath": "The text is not a JSONPath; quote names with special characters as `['a.b']`.",
    "config_bad_placeholder": "The braces of a placeholder do not match, or a `{...}` was meant literally; double literal braces: `{{` and `}}`.",
    "config_bad_value": "The value has the right type but is not valid here; use one of the forms that the message names.",
    "config_conflict": "Two keys cannot be used together; keep one of them.",
    "config_cycle": "Resources refer to each other in a cycle; remove one of the references.",
    "config_duplicate_key": "A YAML mapping has the same key twice and one would be lost; keep one.",
    "config_duplicate_resource": "Two resources have the same name; rename one.",
    "config_file": "The config file cannot be read; check the path, its permissions and that it is UTF-8 text.",
    "config_include_without_parent": "`include_from_parent` is set on a resource without a parent; refer to the parent with `{resources.<name>.<field>}` or remove it.",
    "config_missing_env": "Environment variables that the config names are not set, or empty; set them in the process that runs the step.",
    "config_missing_key": "A required key is missing; add it.",
    "config_missing_parent_value": "A parent row lacks the field that a child's placeholder names; correct the field name, or make the parent load the field.",
    "config_null_parent_value": "A parent value used in a path is null or an empty text; the parent is skipped, or refused with `on_null_parent: fail`.",
    "config_two_parents": "A resource refers to two parents; use one, or set `parents: product` to request every combination.",
    "config_unknown_incremental": "`{incremental.<name>}` names an attribute that does not exist; use start_value, end_value, last_value or initial_value.",
    "config_unknown_key": "The key is not known here; correct its spelling, or move it to where it belongs.",
    "config_unknown_parent": "A placeholder names a resource that is not in the config; correct the name, or pass the other asset to the factory.",
    "config_unknown_placeholder": "A placeholder is neither a parent field, nor an incremental value, nor (in a path) a param; write `{resources.<name>.<field>}`.",
    "config_unknown_type": "`type` is not a known type; use one of the listed types, or register yours first.",
    "config_unset_placeholder": "A placeholder in a path has no value in this run; set `initial_value` or `end_value` of the incremental, or move the placeholder to `params`.",
    "config_unused_binding": "A `resolve` param is not used in the path; write `{<param>}` in the path or remove the param.",
    "config_wrong_type": "The value has the wrong type; the message shows the expected type.",
    "config_yaml": "The file is not valid YAML; the message names line and column.",
}


_LISTED = 10


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a config.

    Attributes:
        path: Where, for example ``resources[2].endpoint.paginator.total_path``; empty for the whole config.
        line: Line in the YAML file, from 1; None for a config that was not read from YAML.
        code: A stable slug, see ``docs/errors/config.md``.
        message: What was found.
        expected: What would have been right, if that can be said.
        hint: What to do next, often a "did you mean".
    """

    path: str
    code: str
    message: str
    line: int | None = None
    expected: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = self.path or "config"
        if self.line is not None:
            where += f" (line {self.line})"
        text = f"{where}: {self.message}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.hint:
            text += f". {self.hint}"
        return f"{text} [{self.code}]"


class ConfigError(RestError):
    """A config that cannot be used, with every problem in it.

    Args:
        problems: At least one problem.
        source: The file the config came from, if any.

    Attributes:
        problems: All problems, in the order of the config.
        source: The file the config came from, or None.

    Example:
        ```python
        from dagster_rest.config import ConfigError, load_config

        try:
            load_config({"client": {"base_url": "https://api.example.com", "heders": {}}, "resources": []})
        except ConfigError as error:
            assert error.problems[0].path == "client.heders"
            assert error.problems[0].hint == "Did you mean `headers`?"
        ```
    """

    problems: tuple[Problem, ...]
    source: str | None

    def __init__(self, problems: Iterable[Problem], *, source: str | None = None) -> None:
        self.problems = tuple(problems)
        self.source = source
        first = self.problems[0]
        super().__init__(first.message, code=first.code, where=first.path or None, hint=first.hint)

    def __str__(self) -> str:
        origin = f" in {self.source}" if self.source else ""
        if len(self.problems) == 1:
            return f"1 problem{origin}: {self.problems[0]}"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        return f"{len(self.problems)} problems{origin}:\n{lines}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.problems, self.source))


class NullParentValue(ConfigError):  # noqa: N818 - the name is part of the contract between the rooms
    """A parent value that a path needs is null, so there is no request to make for this parent."""


def _rebuild(cls: type[ConfigError], problems: tuple[Problem, ...], source: str | None) -> ConfigError:
    return cls(problems, source=source)


def problem_error(
    message: str, *, code: str, path: str, expected: str | None = None, hint: str | None = None
) -> ConfigError:
    """A ConfigError with one problem."""
    return ConfigError([Problem(path=path, code=code, message=message, expected=expected, hint=hint)])


def did_you_mean(word: object, known: Iterable[str]) -> str | None:
    """A hint that names the nearest known word, or None if nothing is near."""
    if not isinstance(word, str) or len(word) > 80:
        return None
    import difflib

    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"Did you mean `{names[near[0]]}`?" if near else None


def one_of(names: Iterable[str], *, word: object = None) -> str:
    """A list of what is possible, for a message: what is near ``word`` first, and not more than ten."""
    import difflib

    known = list(dict.fromkeys(names))
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.4) if isinstance(word, str) and len(word) <= 80 else []
    ordered = [*near, *(name for name in known if name not in near)]
    more = f", and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return f"one of {', '.join(ordered[:_LISTED])}{more}"


def join_path(base: str, *steps: str | int) -> str:
    """A path in the form of ``resources[2].endpoint.params``."""
    text = base
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text
