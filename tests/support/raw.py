"""A server that answers every connection with the bytes it is given, HTTP or not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading


class RawServer:
    """Reads one request of each connection, writes `answer` and closes.

    Args:
        answer: The bytes.
        context: With TLS.
    """

    def __init__(self, answer: bytes, *, context: ssl.SSLContext | None = None) -> None:
        self._answer, self._context = answer, context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.requests: list[bytes] = []
        self.peers: list[str | None] = []
        self.port = self._socket.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A connection wakes the thread, which a closed socket alone does not.
        self._closing = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._thread.join(5)
        self._socket.close()

    _closing = False

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self._closing:
                connection.close()
                return
            with contextlib.suppress(OSError), connection:
                self._handle(connection)

    def _handle(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        if self._context is None:
            self._answer_on(connection)
            return
        with self._context.wrap_socket(connection, server_side=True) as secured:
            subject = (secured.getpeercert() or {}).get("subject", ())
            self.peers.append(next((value for pairs in subject for key, value in pairs if key == "commonName"), None))
            self._answer_on(secured)

    def _answer_on(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            if not piece:
                return
            received += piece
        self.requests.append(received)
        connection.sendall(self._answer)


def answer(body: bytes = b"[]", *, headers: bytes = b"", status: bytes = b"200 OK") -> bytes:
    """The bytes of a response."""
    length = b"Content-Length: %d\r\nConnection: close\r\n" % len(body)
    return b"HTTP/1.1 " + status + b"\r\n" + length + headers + b"\r\n" + body
