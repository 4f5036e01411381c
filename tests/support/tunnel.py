"""A proxy on 127.0.0.1: CONNECT, plain requests, and a password if one is wanted."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Tunnel:
    """Connects whoever asks to whatever is asked for.

    Args:
        login: `user:password`, if it wants one.
        refuse: Answer everything with this status line instead.
    """

    def __init__(self, *, login: str | None = None, refuse: bytes | None = None) -> None:
        self._login, self._refuse = login, refuse
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._closing = False
        self.connects: list[str] = []
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Tunnel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self._closing:
                connection.close()
                return
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(10)
            self._handle(connection)

    def _handle(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(65536)
            if not piece:
                return
            head += piece
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.connects.append(f"{method} {target}")
        if self._refuse is not None:
            connection.sendall(b"HTTP/1.1 " + self._refuse + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if self._login is not None and base64.b64encode(self._login.encode()) not in head:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            upstream = socket.create_connection((host, int(port)), timeout=10)
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            parts = urlsplit(target)
            upstream = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10)
            # One request of each connection, so that every one is seen.
            asked, _, body = head.partition(b"\r\n\r\n")
            lines = [line for line in asked.split(b"\r\n") if not line.lower().startswith(b"connection:")]
            upstream.sendall(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
        with upstream:
            back = threading.Thread(target=pump, args=(upstream, connection), daemon=True)
            back.start()
            pump(connection, upstream)
            back.join(10)


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Hand on what comes until there is no more."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
