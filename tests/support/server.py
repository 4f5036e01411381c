"""A REST API on 127.0.0.1 for tests: real sockets, a request log, and faults on demand.

```python
with ApiServer() as api:

    @api.get("/posts/{id}")
    def post(request):
        return {"id": int(request.path_params["id"])}

    httpx.get(f"{api.url}/posts/7").json()  # {"id": 7}
    api.targets()  # ["GET /posts/7"]
```
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from aiohttp import web
from multidict import CIMultiDict

Fault = Literal["reset", "half_body", "silence"]
PageStyle = Literal["page_number", "offset", "cursor", "json_link", "header_link"]


class Headers(Mapping[str, str]):
    """Header names without case; of a repeated name the last one."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values = {name.lower(): value for name, value in pairs}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire. `target` is the raw path and query."""

    method: str
    target: str
    headers: Headers
    body: bytes
    path_params: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, list[str]]:
        """The query, every value of a repeated name in order; blank values kept."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def param(self, name: str, default: str | None = None) -> str | None:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """A response that needs more than a JSON body.

    `json` or `body` (bytes, or an iterable of bytes to stream). `delay` in seconds before the answer. Faults:
    `reset` closes the connection without an answer, `half_body` promises twice the bytes it sends and closes,
    `silence` never answers.
    """

    status: int = 200
    json: Any = None
    body: bytes | str | Iterable[bytes] | None = None
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = field(default_factory=dict)
    delay: float = 0.0
    fault: Fault | None = None

    def payload(self) -> bytes | Iterable[bytes]:
        """What goes over the wire."""
        if isinstance(self.body, str):
            return self.body.encode()
        if self.body is not None:
            return self.body
        return b"" if self.status in (204, 304) else json.dumps(self.json).encode()


Handler = Callable[[Request], Any]


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    handler: Handler

    def match(self, method: str, path: str) -> dict[str, str] | None:
        if method != self.method:
            return None
        found = self.pattern.fullmatch(path)
        return {n: unquote(v) for n, v in zip(self.names, found.groups(), strict=True)} if found else None


class ApiServer:
    """An API on a free port of `host`, served from a background thread until the `with` block ends.

    Later routes win over earlier ones, so a test can replace a handler. An unknown path answers 404.
    After `limit` requests everything answers 418, so that an endless loop fails fast.
    """

    def __init__(self, *, host: str = "127.0.0.1", limit: int = 10_000) -> None:
        self.host = host
        self.limit = limit
        self.port = 0
        self.requests: list[Request] = []
        self.max_in_flight = 0
        self._in_flight = 0
        self._routes: list[_Route] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="api-server", daemon=True)

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> ApiServer:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the test server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop_event().set)
        self._thread.join(10)

    def route(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Register a handler, which returns JSON-able data or a `Reply`. `{name}` is one path segment."""
        names = tuple(re.findall(r"\{(\w+)\}", path))
        pattern = re.compile(re.sub(r"\\\{\w+\\\}", "([^/]*)", re.escape(path)))

        def register(handler: Handler) -> Handler:
            self._routes.insert(0, _Route(method, pattern, names, handler))
            return handler

        return register

    def get(self, path: str) -> Callable[[Handler], Handler]:
        """Register a handler of GET."""
        return self.route("GET", path)

    def post(self, path: str) -> Callable[[Handler], Handler]:
        """Register a handler of POST."""
        return self.route("POST", path)

    def json(self, path: str, value: Any, *, method: str = "GET") -> None:
        """Answer with a constant (a `Reply` too)."""
        self.route(method, path)(lambda _: value)

    def replies(self, path: str, values: Sequence[Any], *, method: str = "GET") -> None:
        """Answer with one value after the other; the last one for good."""
        left = list(values)
        self.route(method, path)(lambda _: left.pop(0) if len(left) > 1 else left[0])

    def pages(
        self,
        path: str,
        rows: Sequence[Any],
        *,
        size: int = 10,
        style: PageStyle = "page_number",
        key: str = "data",
    ) -> None:
        """Serve `rows` as a paginated list.

        Styles: `page_number` (`?page=` from 1, body `{key, page, total_pages}`), `offset` (`?offset=&limit=`,
        body `{key, total}`), `cursor` (`?cursor=`, body `{key, cursors: {next}}`), `json_link` (body
        `{key, next}`, an absolute URL with `?page=`), `header_link` (body is the list; a `Link` header).
        """
        self.get(path)(lambda request: _page(self.url, path, rows, size, style, key, request))

    def targets(self) -> list[str]:
        """The log as text: `["GET /posts?page=1", ...]`, in the order of arrival."""
        return [f"{r.method} {r.target}" for r in list(self.requests)]

    def _stop_event(self) -> asyncio.Event:
        assert self._stop is not None
        return self._stop

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = web.Server(self._handle, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, self.host, 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _handle(self, raw: web.BaseRequest) -> web.StreamResponse:
        self._in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self._in_flight)
        try:
            reply = await self._reply(raw)
            return await _send(raw, reply)
        finally:
            self._in_flight -= 1

    async def _reply(self, raw: web.BaseRequest) -> Reply:
        request, handler = self._find(raw, await raw.read())
        self.requests.append(request)
        if len(self.requests) > self.limit:
            return Reply(status=418, json={"error": f"more than {self.limit} requests"})
        if handler is None:
            return Reply(status=404, json={"error": f"no route for {request.method} {request.path}"})
        answer = handler(request)
        reply = answer if isinstance(answer, Reply) else Reply(json=answer)
        if reply.delay:
            await asyncio.sleep(reply.delay)
        return reply

    def _find(self, raw: web.BaseRequest, body: bytes) -> tuple[Request, Handler | None]:
        target = raw.raw_path
        path = urlsplit(target).path if not target.startswith("//") else target.split("?")[0]
        headers = Headers(raw.headers.items())
        for route in self._routes:
            params = route.match(raw.method, path)
            if params is not None:
                return Request(raw.method, target, headers, body, params), route.handler
        return Request(raw.method, target, headers, body), None


async def _send(raw: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    if reply.fault == "silence":
        await asyncio.Event().wait()
    if reply.fault == "reset":
        return _hang_up(raw, web.Response())
    payload = reply.payload()
    headers: CIMultiDict[str] = CIMultiDict(reply.headers)
    headers.setdefault("Content-Type", "application/json")
    if reply.fault == "half_body":
        body = payload if isinstance(payload, bytes) else b"".join(payload)
        headers["Content-Length"] = str(len(body) * 2 + 2)
        response = web.StreamResponse(status=reply.status, headers=headers)
        await response.prepare(raw)
        await response.write(body)
        return _hang_up(raw, response)
    if isinstance(payload, bytes):
        return web.Response(status=reply.status, headers=headers, body=payload)
    response = web.StreamResponse(status=reply.status, headers=headers)
    await response.prepare(raw)
    try:
        for piece in payload:
            await response.write(piece)
    except ConnectionError:
        return _hang_up(raw, response)
    return response


def _hang_up(raw: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    if raw.transport is not None:
        raw.transport.close()
    return response


def _page(
    url: str, path: str, rows: Sequence[Any], size: int, style: PageStyle, key: str, request: Request
) -> dict[str, Any] | Reply:
    if style == "offset":
        start, size = int(request.param("offset") or 0), int(request.param("limit") or size)
        return {key: list(rows[start : start + size]), "total": len(rows)}
    if style == "cursor":
        start = int(request.param("cursor") or 0)
        after = start + size
        return {key: list(rows[start:after]), "cursors": {"next": str(after) if after < len(rows) else None}}
    number = int(request.param("page") or 1)
    piece = list(rows[(number - 1) * size : number * size])
    total_pages = -(-len(rows) // size)
    after_url = f"{url}{path}?page={number + 1}" if number < total_pages else None
    if style == "json_link":
        return {key: piece, "next": after_url}
    if style == "header_link":
        return Reply(json=piece, headers={"Link": f'<{after_url}>; rel="next"'} if after_url else {})
    return {key: piece, "page": number, "total_pages": total_pages}
