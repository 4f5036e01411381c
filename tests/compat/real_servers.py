"""Three REST servers that nobody of this project wrote, started on free ports: Kinto, Datasette, json-server.

They are installed by `make compat` into `.venv-servers` (`REST_SERVERS`), from `tests/compat/servers/`.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

DATASETTE_TOKEN = "open-sesame"
KINTO_USER = ("loader", "a-password")

KINTO_INI = """
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.includes = kinto.plugins.accounts
multiauth.policies = account
multiauth.policy.account.use = kinto.plugins.accounts.authentication.AccountsAuthenticationPolicy
kinto.account_create_principals = system.Everyone
kinto.bucket_create_principals = system.Authenticated
[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
level = WARNING
handlers =
"""


def installed() -> Path:
    """The folder that the servers are installed in."""
    folder = os.environ.get("REST_SERVERS")
    if not folder:
        raise RuntimeError("REST_SERVERS is not set: run `make compat`, which installs the servers")
    return Path(folder)


@contextmanager
def kinto(folder: Path) -> Iterator[httpx.Client]:
    """Kinto with everything in memory, and one account. The client writes as that account."""
    port = _free_port()
    ini = folder / "kinto.ini"
    ini.write_text(KINTO_INI.format(port=port))
    command = [str(installed() / "bin" / "kinto"), "start", "--ini", str(ini)]
    with _serving(command, f"http://127.0.0.1:{port}/v1", folder) as url:
        user, password = KINTO_USER
        account = httpx.put(f"{url}/accounts/{user}", json={"data": {"password": password}})
        account.raise_for_status()
        # Without a slash at the end httpx would replace the last segment of the base URL.
        with httpx.Client(base_url=url, auth=KINTO_USER, timeout=30) as client:
            yield client


@contextmanager
def datasette(folder: Path, script: str) -> Iterator[tuple[str, sqlite3.Connection]]:
    """Datasette over a SQLite file that `script` makes, five rows a page, with a bearer token."""
    file = folder / "library.db"
    database = sqlite3.connect(file)
    database.executescript(script)
    metadata = folder / "metadata.json"
    tokens = {"tokens": [{"token": DATASETTE_TOKEN, "actor": {"id": "loader"}}]}
    metadata.write_text(json.dumps({"allow": {"id": "loader"}, "plugins": {"datasette-auth-tokens": tokens}}))
    port = _free_port()
    command = [
        *(str(installed() / "bin" / "datasette"), "serve", str(file), "-p", str(port), "-m", str(metadata)),
        *("--setting", "default_page_size", "5"),
    ]
    try:
        with _serving(command, f"http://127.0.0.1:{port}", folder) as url:
            yield url, database
    finally:
        database.close()


@contextmanager
def json_server(folder: Path, tables: Mapping[str, Sequence[Any]]) -> Iterator[httpx.Client]:
    """json-server over these tables; the client writes to it."""
    file = folder / "db.json"
    file.write_text(json.dumps(tables))
    port = _free_port()
    binary = installed() / "node_modules" / ".bin" / "json-server"
    command = [str(binary), str(file), "-p", str(port), "-H", "127.0.0.1", "-q"]
    with (
        _serving(command, f"http://127.0.0.1:{port}", folder) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        yield client


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _serving(command: Sequence[str], url: str, folder: Path) -> Iterator[str]:
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _wait_for(url, process, folder / "server.log")
            yield url
        finally:
            # They hold nothing worth a graceful end, and some wait for idle connections.
            process.kill()
            process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text()}")
        try:
            httpx.get(url + "/")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"no answer from {url}: {log.read_text()}")
