"""Runs tests in processes that have the libraries loaded: most of a short run of tests is their import.

`python -m benchmarks.warm serve SOCKET` loads them; `python -m benchmarks.warm ask SOCKET ARGUMENTS...` runs pytest
there, once for each ARGUMENTS until one run fails, and exits like the last one. Who asks and ends, ends the tests.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import shlex
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

LIBRARIES = (
    "pytest",
    "aiohttp",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "dagster",
    "duckdb",
    "httpx",
    "jsonschema",
    "jwt",
    "numpy",
    "pendulum",
    "pyarrow.compute",
    "pyarrow.parquet",
    "pydantic",
    "requests",
    "yaml",
)
"""What the tests import beside the package; what is not installed they do not."""


def serve(path: str) -> None:
    """Carry out one run of tests after the other, for as long as the process lives that started this one.

    Args:
        path: The socket to listen on.
    """
    parent = os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    for name in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        listening.settimeout(2.0)
        while os.getppid() == parent:
            with suppress(TimeoutError):
                caller, _ = listening.accept()
                with caller:
                    _answer(caller)


def _answer(caller: socket.socket) -> None:
    arguments = json.loads(caller.makefile().readline())
    child = os.fork()
    if child == 0:
        caller.close()
        _carry_out(arguments)
    ended = os.pidfd_open(child)
    try:
        select.select([ended, caller], [], [])
    finally:
        os.close(ended)
        for end in (os.kill, os.killpg):
            with suppress(ProcessLookupError):
                end(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with suppress(BrokenPipeError):
        caller.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def ask(path: str, arguments: Sequence[str]) -> int:
    """Run tests where the libraries are loaded.

    Args:
        path: The socket of the server.
        arguments: The arguments of pytest, with blanks between, for each run.

    Returns:
        The exit code of the first run that failed, or 0.
    """
    for each in arguments:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(path)
            server.sendall(f"{json.dumps(shlex.split(each))}\n".encode())
            code = int(server.makefile().readline())
        if code:
            return code
    return 0


def _carry_out(arguments: Sequence[str]) -> None:
    import pytest

    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        code = int(pytest.main(list(arguments)))
    finally:
        os._exit(code)


if __name__ == "__main__":
    verb, address, *rest = sys.argv[1:]
    sys.exit(ask(address, rest) if verb == "ask" else serve(address))
