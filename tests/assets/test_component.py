"""`RestApiComponent`: in a Dagster project, through `dg`, and with every attribute of a translation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml
from dagster.components.core.component_tree import ComponentTreeException
from dagster.components.testing import create_defs_folder_sandbox
from dagster.components.testing.test_cases import TestTranslation

from dagster_rest import RestApiComponent, RestApiResource
from dagster_rest.config import ConfigError
from tests.assets.component_project import write_project
from tests.assets.support import snapshot_of
from tests.support.server import ApiServer

# Dagster's own loading of defs.yaml warns of itself: of pydantic, of its code references, of its test cases' templates.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore:.* is currently in beta"),
    pytest.mark.filterwarnings("ignore:Accessing `{{automation_condition"),
]

CONFIG: dict[str, Any] = {
    "client": {"base_url": "https://api.example.com"},
    "resources": [
        {"name": "posts", "primary_key": "id"},
        {"name": "comments", "endpoint": "posts/{resources.posts.id}/comments"},
    ],
}


def build(attributes: Mapping[str, Any], *, files: Mapping[str, str] | None = None) -> dg.Definitions:
    given = {"duckdb": "warehouse.duckdb", **attributes}
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(
            component_cls=RestApiComponent,
            defs_yaml_contents={"type": "dagster_rest.RestApiComponent", "attributes": given},
        )
        for name, text in (files or {}).items():
            (path / name).write_text(text)
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, definitions):
            assert isinstance(component, RestApiComponent)
            return definitions


def keys(definitions: dg.Definitions) -> list[str]:
    return sorted(spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs())


def test_the_whole_config_in_place() -> None:
    definitions = build({"name": "blog", "config": CONFIG, "duckdb": "warehouse.duckdb"})

    assert ["blog/comments", "blog/posts"] == keys(definitions)
    spec = next(spec for spec in definitions.resolve_all_asset_specs() if spec.key.path[-1] == "comments")
    assert [dg.AssetKey(["blog", "posts"])] == [dep.asset_key for dep in spec.deps]
    assert {"blog", "duckdb"} == set(definitions.resources or {})


def test_the_config_in_a_file_beside() -> None:
    text = yaml.safe_dump(CONFIG)

    assert ["blog/comments", "blog/posts"] == keys(
        build({"name": "blog", "config": "blog.yaml"}, files={"blog.yaml": text})
    )


def test_without_a_file_the_duckdb_resource_is_the_projects() -> None:
    assert {"blog"} == set(build({"name": "blog", "config": CONFIG, "duckdb": None}).resources or {})


def test_dlts_placeholders_pass_through_the_templates() -> None:
    endpoint = {
        "path": "posts",
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "updated", "initial_value": "2026-01-01"},
    }
    config = {**CONFIG, "resources": [{"name": "posts", "endpoint": endpoint}, CONFIG["resources"][1]]}

    assert ["blog/comments", "blog/posts"] == keys(build({"name": "blog", "config": config}))


@pytest.mark.parametrize("token", ["{{ env.BLOG_TOKEN }}", "${BLOG_TOKEN}"])
def test_secrets_reach_the_api_and_no_snapshot(token: str, monkeypatch: pytest.MonkeyPatch, api: ApiServer) -> None:
    api.json("/posts", [])
    monkeypatch.setenv("BLOG_TOKEN", "hunter2-very-secret")
    client = {"base_url": api.url, "auth": {"type": "bearer", "token": token}}

    definitions = build({"name": "blog", "config": {**CONFIG, "client": client}, "duckdb": "w.duckdb"})

    resource = (definitions.resources or {})["blog"]
    assert isinstance(resource, RestApiResource)
    resource.get("posts")
    resource.close()
    assert "Bearer hunter2-very-secret" == api.requests[0].headers["authorization"]
    assert "hunter2" not in snapshot_of(definitions)


def test_two_components_on_two_files() -> None:
    one = build({"name": "blog", "config": CONFIG, "duckdb": "one.duckdb"})
    two = build({"name": "shop", "config": CONFIG, "duckdb": "two.duckdb", "duckdb_key": "shop_file"})

    merged = dg.Definitions.merge(one, two)

    assert {"blog", "shop", "duckdb", "shop_file"} == set(merged.resources or {})
    asset = merged.resolve_assets_def(dg.AssetKey(["shop", "posts"]))
    assert {"shop", "shop_file", "io_manager"} == set(asset.required_resource_keys)


def test_a_component_cannot_be_named_like_the_duckdb_resource() -> None:
    with pytest.raises(ComponentTreeException) as caught:
        build({"name": "duckdb", "config": CONFIG})

    assert "duckdb_key" in str(caught.value.__cause__)


def test_a_template_and_a_placeholder_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLOG_VERSION", "v2")
    endpoint = {"path": "{{ env.BLOG_VERSION }}/posts/{resources.posts.id}/comments"}
    config = {**CONFIG, "resources": ["posts", {"name": "comments", "endpoint": endpoint}]}

    spec = next(
        spec
        for spec in build({"name": "blog", "config": config}).resolve_all_asset_specs()
        if spec.key.path[-1] == "comments"
    )

    assert [dg.AssetKey(["blog", "posts"])] == [dep.asset_key for dep in spec.deps]


def test_doubled_braces_in_a_file_of_its_own_are_explained() -> None:
    text = yaml.safe_dump({**CONFIG, "resources": ["posts", {"name": "c", "endpoint": "p/{{ resources.posts.id }}"}]})

    with pytest.raises(ComponentTreeException) as caught:
        build({"name": "blog", "config": "blog.yaml"}, files={"blog.yaml": text})

    assert isinstance(caught.value.__cause__, ConfigError)
    assert "Write single braces: {resources.posts.id}." == caught.value.__cause__.problems[0].hint


def test_one_op_a_sensor_retries_and_a_pool() -> None:
    definitions = build(
        {
            "name": "blog",
            "config": CONFIG,
            "mode": "single_op",
            "polling_seconds": 120,
            "op": {"pool": "blog", "max_retries": 2, "backfill_policy": {"type": "multi_run"}, "tags": {"a": "b"}},
        }
    )

    (asset,) = [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)]
    assert ("blog", "blog", "b") == (asset.op.name, asset.op.pool, asset.op.tags["a"])
    assert asset.op.retry_policy is not None
    assert 2 == asset.op.retry_policy.max_retries
    assert ["blog_polling_sensor"] == [sensor.name for sensor in definitions.sensors or ()]


def test_a_wrong_config_says_where() -> None:
    config = {"client": {"base_url": "https://api.example.com"}, "resources": [{"name": "posts", "primry_key": "id"}]}

    with pytest.raises(ComponentTreeException) as caught:
        build({"name": "blog", "config": config})

    assert isinstance(caught.value.__cause__, ConfigError)
    assert "resources[0].primry_key" == caught.value.__cause__.where


def test_a_translation_may_use_the_resource() -> None:
    definitions = build(
        {
            "name": "blog",
            "config": CONFIG,
            "translation": {"key": "raw/{{ resource.name }}", "tags": {"endpoint": "{{ props.key_name }}"}},
        }
    )

    assert ["raw/comments", "raw/posts"] == keys(definitions)
    child = next(spec for spec in definitions.resolve_all_asset_specs() if spec.key.path[-1] == "comments")
    assert [dg.AssetKey(["raw", "posts"])] == [dep.asset_key for dep in child.deps]
    assert "comments" == child.tags["endpoint"]


def test_two_components_share_one_file() -> None:
    first, second = (
        build({"name": name, "config": CONFIG, "duckdb": "/data/warehouse.duckdb"}) for name in ("one", "two")
    )

    assert {"one", "two", "duckdb"} == set(dg.Definitions.merge(first, second).resources or {})


class TestEveryTranslation(TestTranslation):
    """Dagster's own cases."""

    def test_translation(self, attributes: Any, assertion: Any, key_modifier: Any) -> None:
        config = {**CONFIG, "resources": [{"name": "posts", "endpoint": {"params": {"part": "{partition.key}"}}}]}
        definitions = build({"name": "blog", "config": config, "translation": attributes})
        key = dg.AssetKey(["blog", "posts"])

        expected = key_modifier(key) if key_modifier else key
        (spec,) = [spec for spec in definitions.resolve_all_asset_specs() if spec.key == expected]
        assert assertion(spec)


def dg_command(project: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dg")), *arguments],
        cwd=project,
        env={
            **os.environ,
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "DG_CLI_CONFIG": str(project / "none.toml"),
            "NO_COLOR": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 0 == done.returncode, f"dg {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty Dagster project."""
    return write_project(tmp_path)


def test_dg_lists_scaffolds_and_checks_the_component(
    project: Path, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(project / "src"), *sys.path]))

    assert "dagster_rest.RestApiComponent" in dg_command(project, "list", "components")
    dg_command(
        project,
        "scaffold",
        "defs",
        "dagster_rest.RestApiComponent",
        "blog",
        "--base-url",
        api.url,
        "--resource",
        "posts",
    )
    written = project / "src" / "shop_project" / "defs" / "blog"
    assert {"defs.yaml", "rest_api.yaml"} == {path.name for path in written.iterdir()}
    dg_command(project, "check", "yaml")
    dg_command(project, "check", "defs")
    assert "blog/posts" in dg_command(project, "list", "defs")
    api.json("/posts", [{"id": 1}])
    dg_command(project, "launch", "--assets", "blog/posts")
    with duckdb.connect(str(project / "warehouse.duckdb"), read_only=True) as connection:
        assert [(1,)] == connection.execute("select id from blog.posts").fetchall()


def test_dg_check_yaml_names_the_wrong_attribute(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(project / "src"), *sys.path]))
    folder = project / "src" / "shop_project" / "defs" / "blog"
    folder.mkdir()
    (folder / "defs.yaml").write_text(
        yaml.safe_dump({"type": "dagster_rest.RestApiComponent", "attributes": {"name": "blog", "confg": {}}})
    )

    with pytest.raises(AssertionError, match="confg"):
        dg_command(project, "check", "yaml")
