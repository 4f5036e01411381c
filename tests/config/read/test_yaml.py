"""YAML as config authors mean it: texts stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagster_rest.config import ConfigError, build_plan, load_config, load_config_text
from tests.config.support import BASE


def param(text: str) -> Any:
    """The value of a query parameter written as ``text``."""
    loaded = load_config_text(
        f"client: {{base_url: {BASE}}}\nresources: [{{name: a, endpoint: {{params: {{x: {text}}}}}}}]\n"
    )
    return loaded.resources[0].endpoint.params["x"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("NO", "NO"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("1", 1),
        ("-3", -3),
        ("007", "007"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1.5.2", "1.5.2"),
        ("'5'", "5"),
        (".inf", ".inf"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    assert (value, type(value)) == (param(text), type(param(text)))


def shout(row: dict[str, Any]) -> dict[str, Any]:
    return {key.upper(): value for key, value in row.items()}


def table_of(row: dict[str, Any]) -> str:
    return str(row["kind"])


class Names:
    upper = staticmethod(str.upper)


def test_callables_are_import_strings() -> None:
    loaded = load_config_text(
        f"""
client: {{base_url: {BASE}}}
resources:
  - name: a
    table_name: {__name__}:table_of
    processing_steps:
      - map: {__name__}:shout
      - where: id < 10
      - select: "* exclude (email)"
    endpoint:
      incremental: {{cursor_path: u, convert: "{__name__}:Names.upper"}}
      response_actions: [{{status_code: 404, action: "{__name__}:shout"}}]
"""
    )
    resource = loaded.resources[0]

    assert {"A": 1} == resource.processing_steps[0].map({"a": 1})
    assert "id < 10" == resource.processing_steps[1].where
    assert "X" == resource.endpoint.incremental.convert("x")
    assert "k" == resource.table_name({"kind": "k"})
    assert {"A": 1} == resource.endpoint.response_actions[0].action({"a": 1})


def test_a_table_name_with_a_colon_in_a_dict_is_a_name() -> None:
    loaded = load_config({"client": {"base_url": BASE}, "resources": [{"name": "a", "table_name": "shop:orders"}]})

    assert "shop:orders" == loaded.resources[0].table_name


def test_a_file_is_read_from_the_base_path_and_lines_are_kept(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        f"client:\n  base_url: {BASE}\nresources:\n  - a\n\n  - name: b\n", encoding="utf-8"
    )

    plan = build_plan(load_config("shop.yaml", base_path=tmp_path), name="shop")

    assert [4, 6] == [item.line for item in plan.resources]
    assert [str(tmp_path / "shop.yaml")] * 2 == [item.source_file for item in plan.resources]


def test_anchors_and_merge_keys_work() -> None:
    loaded = load_config_text(
        f"""
client: {{base_url: {BASE}}}
resources:
  - &base {{name: a, primary_key: id}}
  - {{<<: *base, name: b}}
"""
    )

    assert [("a", "id"), ("b", "id")] == [(item.name, item.primary_key) for item in loaded.resources]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just text",
        "- a",
        "3",
        "client: !!python/object/apply:os.getcwd []",
        "a: &a [*a]",
        "client: {? [a, b] : c}\nresources: []",
        "client: *nothing",
        "\t",
        "client: {base_url: x}\nresources: " + "[" * 200 + "]" * 200,
        "a: b\n---\nc: d",
    ],
)
def test_what_is_no_config_is_one_error(text: str) -> None:
    with pytest.raises(ConfigError):
        load_config_text(text)
