"""A SOCKS5 proxy (RFC 1928, 1929) on 127.0.0.1, which writes down what it is asked for."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.support.tunnel import Tunnel, pump

_NO_AUTH, _PASSWORD, _NONE = 0, 2, 0xFF
_IPV4, _NAME, _IPV6 = 1, 3, 4


class SocksProxy(Tunnel):
    """Connects whoever asks to port `to` of this host, whatever host is asked for.

    Args:
        to: The port.
        login: `user:password`, if it wants one.
        refuse: Answer every request with this code instead.
    """

    def __init__(self, *, to: int, login: str | None = None, refuse: int | None = None) -> None:
        super().__init__(login=login)
        self._to, self._code = to, refuse
        self.logins: list[str] = []
        self.url = f"socks5://127.0.0.1:{self.port}"

    def _handle(self, connection: socket.socket) -> None:
        _, count = _exactly(connection, 2)
        offered = _exactly(connection, count)
        wanted = _NO_AUTH if self._login is None else _PASSWORD
        connection.sendall(bytes([5, wanted if wanted in offered else _NONE]))
        if wanted not in offered or (wanted == _PASSWORD and not self._let_in(connection)):
            return
        _, _, _, kind = _exactly(connection, 4)
        host = self._host(connection, kind)
        port = int.from_bytes(_exactly(connection, 2), "big")
        self.connects.append(f"{host}:{port}")
        connection.sendall(bytes([5, self._code or 0, 0, _IPV4, 127, 0, 0, 1, 0, 0]))
        if self._code:
            return
        with socket.create_connection(("127.0.0.1", self._to), timeout=10) as upstream:
            back = threading.Thread(target=pump, args=(upstream, connection), daemon=True)
            back.start()
            pump(connection, upstream)
            back.join(10)

    def _let_in(self, connection: socket.socket) -> bool:
        _, length = _exactly(connection, 2)
        user = _exactly(connection, length)
        password = _exactly(connection, _exactly(connection, 1)[0])
        self.logins.append(f"{user.decode()}:{password.decode()}")
        right = self.logins[-1] == self._login
        connection.sendall(bytes([1, 0 if right else 1]))
        return right

    def _host(self, connection: socket.socket, kind: int) -> str:
        if kind == _NAME:
            return _exactly(connection, _exactly(connection, 1)[0]).decode()
        family, length = (socket.AF_INET6, 16) if kind == _IPV6 else (socket.AF_INET, 4)
        return socket.inet_ntop(family, _exactly(connection, length))


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = connection.recv(count - len(found))
        if not piece:
            with contextlib.suppress(OSError):
                connection.close()
            raise ConnectionError("the client is gone")
        found += piece
    return found
