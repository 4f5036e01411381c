"""The generated files are current, and the JSON Schema agrees with the loader."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dagster_rest.config import RestApiConfig, load_config
from dagster_rest.config.export import is_extension
from dagster_rest.config.reference import SCHEMA_FILE, reference_page, schema_text
from dagster_rest.config.schema import json_schema, reachable
from tests.config.support import config, endpoint

DOCS = Path(__file__).parents[2] / "docs"
HINT = "run: python -m dagster_rest.config.reference"


@pytest.mark.parametrize("file", [SCHEMA_FILE, DOCS / "config.schema.json"])
def test_the_schema_files_are_current(file: Path) -> None:
    assert schema_text() == file.read_text(encoding="utf-8"), HINT


def test_the_reference_page_is_current() -> None:
    assert reference_page() == (DOCS / "config_reference.md").read_text(encoding="utf-8"), HINT


def test_every_key_is_described() -> None:
    missing = [
        f"{model.__name__}.{name}"
        for model in reachable(RestApiConfig)
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
    config(endpoint(paginator={"type": "my_own", "x": 1})),
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

BAD: list[Any] = [
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


def test_the_config_of_the_docs_passes_both() -> None:
    text = (DOCS / "config.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in text.split("```yaml\n")[1:]]
    whole = [block for block in blocks if block.startswith(("# yaml-language-server", "client:"))]

    assert whole
    for block in whole:
        assert [] == [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(block))]
        assert load_config(yaml.safe_load(block), interpolate_env=True).resources
