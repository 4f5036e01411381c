"""Whatever a config is made of, it is read in bounded time, or it is an error."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from dagster_rest.config import ConfigError, build_plan, load_config, load_config_text
from tests.config.support import BASE, config, endpoint

HEAD = f"client: {{base_url: {BASE}}}\n"


def laughs(levels: int, begin: str, more: str) -> str:
    """Anchors of which each holds the one before nine times."""
    lines = [f"  a0: &a0 {begin}"]
    for level in range(1, levels):
        lines.append(f"  a{level}: &a{level} " + more.format(", ".join([f"*a{level - 1}"] * 9)))
    return "\n".join(lines)


YAML = {
    "lists": f"x-a:\n{laughs(30, '[x]', '[{}]')}\n{HEAD}resources: [{{name: a, endpoint: {{json: *a29}}}}]\n",
    "mappings": f"{HEAD}resources:\n- name: a\n  endpoint:\n   json:\n"
    + "\n".join(
        f"    a{n}: &a{n} {{{', '.join(f'k{k}: *a{n - 1}' for k in range(9)) if n else 'x: y'}}}" for n in range(30)
    ),
    "merges": f"x-a:\n{laughs(30, '{k: v}', '{{<<: [{}]}}')}\n"
    f"{HEAD}resources: [{{name: a, endpoint: {{json: *a29}}}}]\n",
    "itself": f"{HEAD}resources: &r [{{name: a, endpoint: {{json: {{x: *r}}}}}}]\n",
    "merged into itself": f"{HEAD}resources: [{{name: a, endpoint: {{json: &j {{<<: *j}}}}}}]\n",
    "flow": f"{HEAD}resources: {'[' * 100_000}{']' * 100_000}\n",
    "flow that never ends": f"{HEAD}resources: {'[{a: ' * 100_000}",
    "blocks": HEAD + "resources:\n" + "\n".join(f"{' ' * n}a:" for n in range(1, 2000)),
    "dashes": HEAD + "resources:\n" + "- " * 100_000 + "a\n",
    "a long number": f"{HEAD}resources: [{{name: a, endpoint: {{paginator: {{type: offset, limit: {'9' * 900}}}}}}}]\n",
}
SCRIPT = """
import resource, sys
from dagster_rest.config import ConfigError, build_plan, load_config_text
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
try:
    build_plan(load_config_text(sys.stdin.read(), source="bomb.yaml"), name="s")
except ConfigError as error:
    print(len(str(error)) < 5000, all(problem.code for problem in error.problems))
"""


@pytest.mark.parametrize("name", [name for name in YAML if name != "a long number"])
def test_a_text_that_is_a_bomb_is_an_error(name: str) -> None:
    """In a process of its own with little time and memory: what it would take otherwise is all there is."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], input=YAML[name], capture_output=True, text=True, timeout=120, check=False
    )

    assert (0, "True True\n") == (done.returncode, done.stdout), done.stderr[-2000:]


def test_a_long_number_is_read_or_refused() -> None:
    text = YAML["a long number"]

    assert 10**900 - 1 == load_config_text(text).resources[0].endpoint.paginator.limit
    with pytest.raises(ConfigError):
        load_config_text(text.replace("9" * 900, "9" * 5000))


def itself() -> Any:
    source = config(endpoint(json={"a": []}))
    source["resources"][0]["endpoint"]["json"]["a"].extend([source, source])
    return source


def a_tuple_in_itself() -> Any:
    source = config(endpoint(json={"a": []}))
    inner = source["resources"][0]["endpoint"]["json"]["a"]
    inner.append((inner, inner))
    return source


def multiplied() -> Any:
    value: Any = ["x"]
    for _ in range(60):
        value = {"a": value, "b": value}
    return config(endpoint(json=value))


def deep() -> Any:
    value: Any = "x"
    for _ in range(5000):
        value = [value]
    return config(endpoint(json=value if isinstance(value, dict) else {"a": value}))


@pytest.mark.parametrize("make", [itself, a_tuple_in_itself, multiplied, deep])
def test_a_value_that_has_no_end_is_an_error(make: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(make())

    assert {"config_bad_value"} == {problem.code for problem in caught.value.problems}
    assert 5 > len(caught.value.problems)


def test_a_value_may_stand_in_many_places() -> None:
    shared = {"a": ["x"] * 10}
    source = config(*[{"name": f"r{number}", "endpoint": {"json": shared}} for number in range(1000)])

    assert 1000 == len(load_config(source).resources)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "place", [lambda n: endpoint(params={"a": n}), lambda n: endpoint(json={"a": [n]}), lambda n: endpoint(max_pages=n)]
)
def test_a_number_that_cannot_be_written_is_an_error(sign: int, place: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build_plan(load_config(config(place(sign * 10**5000))), name="s")

    assert "the number is too long" == caught.value.problems[0].message


@pytest.mark.parametrize("key", ["timeout", "retry"])
def test_a_number_beyond_floats_is_no_crash(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(config("a", **{key: 10**400 if key == "timeout" else {"total": 10**400}}))

    assert "config_bad_value" == caught.value.code


def test_a_number_that_is_no_number_in_yaml_is_text() -> None:
    loaded = load_config_text(f"{HEAD}resources: [{{name: a, endpoint: {{params: {{x: 1e999}}}}}}]")

    assert {"x": "1e999"} == loaded.resources[0].endpoint.params
