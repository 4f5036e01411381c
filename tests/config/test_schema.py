"""The generated files are current, and the JSON Schema agrees with the loader."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dagster_rest.config import PAGINATORS, RestApiConfig, load_config
from dagster_rest.config.model.auth import AUTH_CHOICE
from dagster_rest.config.model.export import is_extension
from dagster_rest.config.model.paginators import PAGINATOR_CHOICE
from dagster_rest.config.read.yaml import read_yaml
from dagster_rest.config.schema import json_schema
from tests.config import test_errors
from tests.config.support import config, endpoint, problems
from tools.config_reference import SCHEMA_FILE, models, reference_page, schema_text

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HINT = "run: python -m tools.config_reference"


@pytest.mark.parametrize("file", [SCHEMA_FILE, DOCS / "config.schema.json"])
def test_the_schema_files_are_current(file: Path) -> None:
    assert schema_text() == file.read_text(encoding="utf-8"), HINT


def test_the_reference_page_is_current() -> None:
    assert reference_page() == (DOCS / "config_reference.md").read_text(encoding="utf-8"), HINT


def test_every_key_is_described() -> None:
    missing = [
        f"{model.__name__}.{name}"
        for model in models()
        for name, field in model.model_fields.items()
        if not field.description and name != "type"
    ]

    assert [] == missing


def test_keys_of_our_own_are_marked_in_model_and_schema() -> None:
    client = json_schema()["$defs"]["ClientConfig"]["properties"]

    assert {
        "params",
        "timeout",
        "retry",
        "rate_limit",
        "max_concurrency",
        "allowed_origins",
        "verify",
        "cert",
        "proxy",
        "http2",
        "follow_redirects",
        "staging_dir",
        "max_response_bytes",
    } == {name for name, item in client.items() if item.get("x-extension")}
    assert is_extension(RestApiConfig.model_fields["client"]) is False


VALIDATOR = jsonschema.Draft202012Validator(json_schema())

GOOD: list[Any] = [
    config("posts"),
    config(
        {
            "name": "a",
            "endpoint": "a",
            "primary_key": ["a"],
            "write_disposition": "merge",
            "columns": {"x": {"data_type": "text", "x-a": 1}},
        }
    ),
    config(
        {
            "name": "a",
            "write_disposition": {"disposition": "merge", "strategy": "scd2"},
            "schema_contract": {"columns": "freeze"},
        }
    ),
    config(endpoint(paginator="header_link"), endpoint(paginator={"type": "offset", "limit": 5, "total_path": None})),
    config(endpoint(paginator={"type": "offset", "limit": "${LIMIT}"})),
    config(endpoint(params={"a": 1, "b": None, "c": [1, "x"], "since": {"type": "incremental", "cursor_path": "u"}})),
    config(
        endpoint(incremental={"cursor_path": "u", "initial_value": 1, "lag": 3, "step": "1d"}),
        {"name": "b", "partitions": "daily"},
    ),
    config(
        endpoint(
            response_actions=[
                {"status_code": "4xx", "action": "ignore"},
                {"status_code": [404, "500"], "action": "fail"},
            ]
        )
    ),
    config("a", auth={"token": "${T}"}, timeout={"connect": "5s"}, rate_limit={"requests": 10, "per": "1m"}),
    config("a", auth=None, paginator=None, retry={"attempts": 2, "statuses": [500, "4xx"]}),
    config(
        "a",
        auth={"type": "api_key", "api_key": "${K}", "location": "query"},
        defaults={"endpoint": {"params": {"a": 1}}},
    ),
]

# What the editor of a YAML file has to know, beside the docs and the tests of errors.
GOOD += [
    config("a", timeout=30),
    config("a", timeout="30s"),
    config("a", timeout="${TIMEOUT}"),
    config(endpoint(paginator="json_response"), endpoint(paginator="json_links")),
    config(endpoint(paginator="${PAGINATOR}", method="${METHOD}", data_selector="${X}")),
    config(endpoint(paginator="my_package.paging:PAGINATOR", auth="my_package.auth:make_auth")),
    config(endpoint(response_actions=["my_package.hooks:log", {"content": "x", "action": "my_package.hooks:log"}])),
    config(endpoint(response_actions=[{"status_code": 404, "action": ["a.b:c", "a.b:d"]}])),
    config({"name": "a", "write_disposition": "a.b:c", "schema_contract": "a.b:c", "columns": "a.b:C"}),
    config({"name": "a", "nested_hints": "a.b:c", "processing_steps": [{"map": "a.b:C.method"}], "source": "a.b:c"}),
    config({"name": "a", "automation": "on_new_data", "freshness": "24h", "preview": True, "checks": {"x": "warn"}}),
    config({"name": "a", "automation": "0 6 * * 1-5", "partitions": {"cron": "@daily", "start": "2024-01-01"}}),
    config({"name": "a", "table_name": "a.b:c", "tags": {"a": "${B}"}, "selected": "${SELECTED}"}),
    {**config("a"), "x-anchors": {"anything": [1, 2]}},
    config({"name": "a", "partitions": {"dimensions": {"day": "daily", "shop": ["a", "b"]}}}),
    config("a", auth={"token": "t"}),
    config("a", base_url=""),
    config("a", base_url="${URL}"),
]
BAD: list[Any] = [
    config(endpoint(paginator={"type": "ofset", "limit": 5})),
    config(endpoint(paginator={"type": "my_own", "x": 1})),
    config(endpoint(paginator="ofset")),
    config(endpoint(paginator="offset")),
    config(endpoint(paginator={"limit": 5})),
    config("a", auth={"type": "bearr", "token": "t"}),
    config("a", auth="bearer"),
    config("a", auth={"type": "api_key", "token": "t"}),
    config("a", auth="${TOKEN}"),
    config("a", base_url="api.example.com"),
    config("a", timeout="soon"),
    config(endpoint(response_actions=[{"status_code": 404, "action": "ignor"}])),
    config(endpoint(response_actions=[{"status_code": 404, "action": "a.b"}])),
    config({"name": "a", "automation": "egaer"}),
    config({"name": "a", "partitions": {"dimensions": {"day": "dayly"}}}),
    config({"name": "a", "schema_contract": "frozen"}),
    config({"name": "a", "parent_table_name": "orders"}),
    config({"name": "a", "x-mine": 1}),
    config(endpoint(expect={"max_drop": 5})),
    config(endpoint(incremental={"cursor_path": "u", "initial_value": {"a": 1}})),
    {"client": {"base_url": "x"}},
    config("a", heders={}),
    config({"name": "a", "primry_key": "x"}),
    config({"endpoint": "a"}),
    config(endpoint(method="PUT")),
    config(endpoint(paginator={"type": "cursor", "page_param": "x"})),
    config(endpoint(paginator={"type": "offset"})),
    config("a", auth={"type": "api_key"}),
    config(endpoint(incremental={"initial_value": 1})),
    config({"name": "a", "columns": {"x": {"data_typ": "text"}}}),
    config({"name": "a", "write_disposition": "mrege"}),
    config("a", max_concurrency=0),
]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("sample", GOOD)
def test_the_schema_accepts_what_a_yaml_file_may_hold(sample: Any) -> None:
    assert [] == [error.message for error in VALIDATOR.iter_errors(copy.deepcopy(sample))]


@pytest.mark.parametrize("sample", BAD)
def test_the_schema_refuses_what_the_loader_refuses(sample: Any) -> None:
    assert not VALIDATOR.is_valid(sample)


def test_the_schema_is_in_the_package() -> None:
    assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))["$defs"]["EndpointConfig"]["properties"]["path"]


def test_a_registered_type_is_known_to_a_schema_made_where_it_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PAGINATORS, "my_own", object)
    validator = jsonschema.Draft202012Validator(json_schema())

    assert validator.is_valid(config(endpoint(paginator={"type": "my_own", "x": 1}), endpoint(paginator="my_own")))
    assert not validator.is_valid(config(endpoint(paginator={"type": "my_onw", "x": 1})))


def test_the_schema_can_be_written_for_an_editor(tmp_path: Path) -> None:
    (tmp_path / "my_paging.py").write_text(
        "from dagster_rest import register_paginator\nfrom dagster_rest.http import SinglePagePaginator\n"
        "class Mine(SinglePagePaginator):\n    pass\nregister_paginator('mine', Mine)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "dagster_rest.config.schema", "my_paging"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert jsonschema.Draft202012Validator(json.loads(done.stdout)).is_valid(config(endpoint(paginator="mine")))


@pytest.mark.parametrize("kind", [*PAGINATOR_CHOICE.by_name, *AUTH_CHOICE.by_name])
def test_every_type_is_offered_by_name(kind: str) -> None:
    """What an editor completes are constants and enumerations of the alternatives."""
    definitions = json_schema()["$defs"]
    choice = definitions["AnyPaginator" if kind in PAGINATOR_CHOICE.by_name else "AnyAuth"]["anyOf"]
    types = [
        definitions[one["$ref"].rpartition("/")[2]].get("properties", {}).get("type") for one in choice if "$ref" in one
    ]

    assert 1 == sum(one is not None and kind in one.get("enum", [one.get("const")]) for one in types)


@pytest.mark.parametrize(
    ("model", "key", "words"),
    [
        ("ResponseAction", "action", {"ignore", "retry", "fail"}),
        ("ResourceConfig", "automation", {"eager", "on_new_data"}),
        ("ResourceConfig", "write_disposition", {"append", "replace", "merge", "skip"}),
        ("IncrementalConfig", "last_value_func", {"max", "min"}),
    ],
)
def test_words_are_offered(model: str, key: str, words: set[str]) -> None:
    def offered(schema: Any) -> set[str]:
        if not isinstance(schema, dict):
            return set()
        inner = [word for one in schema.get("anyOf", []) for word in offered(one)]
        return {*schema.get("enum", []), *inner}

    assert words <= offered(json_schema()["$defs"][model]["properties"][key])


EXAMPLES = [file for file in sorted((ROOT / "examples").rglob("*.yaml")) if file.name != "datasette.yaml"]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_switches_the_schema_on_and_passes_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    line = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)

    assert line is not None
    assert SCHEMA_FILE == (file.parent / line[1]).resolve()
    assert [] == [error.message for error in VALIDATOR.iter_errors(read_yaml(text, source=None))]


def error_cases() -> list[Any]:
    """The configs of the tests of errors that a YAML file could hold, with the code that each is refused with."""
    found = []
    for test in vars(test_errors).values():
        for mark in getattr(test, "pytestmark", []):
            if mark.name == "parametrize" and mark.args[0] in ("source", ("source", "path", "code", "hint")):
                found += [case if mark.args[0] == "source" else case[0] for case in mark.args[1]]
            elif mark.name == "parametrize" and mark.args[0] == ("source", "path", "code", "expected"):
                found += [case[0] for case in mark.args[1]]
    return [source for source in found if is_yaml(source)]


def is_yaml(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_yaml(item) for key, item in value.items())
    if isinstance(value, list):
        return all(is_yaml(item) for item in value)
    return value is None or type(value) in (str, int, float, bool)


STRUCTURAL = {"config_unknown_key", "config_missing_key", "config_wrong_type", "config_unknown_type"}


@pytest.mark.parametrize("source", error_cases())
def test_the_schema_flags_what_the_tests_of_errors_find_in_the_structure(source: Any) -> None:
    codes = {item.code for item in problems(copy.deepcopy(source))}

    assert VALIDATOR.is_valid(source) is False or codes.isdisjoint(STRUCTURAL)


def test_there_are_error_cases() -> None:
    assert 40 < len(error_cases())


def test_the_config_of_the_docs_passes_both() -> None:
    text = (DOCS / "config.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    whole = [block for block in blocks if block.startswith(("# yaml-language-server", "client:"))]

    assert whole
    for block in whole:
        assert [] == [error.message for error in VALIDATOR.iter_errors(read_yaml(block, source=None))]
        assert load_config(yaml.safe_load(block), interpolate_env=True).resources
