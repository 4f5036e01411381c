"""Which Dagster instance a run belongs to, whatever keeps its runs: a database, Dagster+, a storage of one's own."""

import hashlib
import os
from typing import Any

import dagster as dg


def storage_identity(instance: dg.DagsterInstance) -> str:
    """A text that is the same as long as runs and events go to the same storage.

    A SQL database has an id of its own. On Dagster+ it is the deployment: a branch deployment is another one. Any
    other storage is known by its class and its config, of which a digest is shown.

    Args:
        instance: The Dagster instance.
    """
    return _of_database(instance.run_storage) or _of_deployment(instance) or _of_class(instance.run_storage)


def _of_database(storage: Any) -> str | None:
    # Only SQL storages have such an id. A custom `storage` of dagster.yaml hands runs on to one of its own.
    for one in (storage, getattr(getattr(storage, "_storage", None), "run_storage", None)):
        ask = getattr(one, "get_run_storage_id", None)
        if callable(ask):
            return str(ask())
    return None


def _of_deployment(instance: Any) -> str | None:
    url = getattr(instance, "dagster_cloud_url", None)
    if not url:
        return None
    names = tuple(getattr(instance, "deployment_names", ()))
    # An agent may serve several deployments; the processes that it starts have theirs in the environment.
    name = names[0] if len(names) == 1 else os.environ.get("DAGSTER_CLOUD_DEPLOYMENT_NAME", "")
    return f"{url}/{name}"


def _of_class(storage: Any) -> str:
    data = getattr(storage, "inst_data", None)
    if data is None:
        return f"{type(storage).__module__}.{type(storage).__qualname__}"
    digest = hashlib.blake2b(str(data.config_yaml).encode(), digest_size=8).hexdigest()
    return f"{data.module_name}.{data.class_name}:{digest}"
