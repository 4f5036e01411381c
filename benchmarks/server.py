"""The API of the benchmarks, a process of its own: bodies rendered before they are asked for, and no logging.

```
python -m benchmarks.server     # prints its URL, serves until stdin closes
```
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import sys

from aiohttp import web

ROWS = 1000
JSON = {"Content-Type": "application/json"}
START = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)


def _moment(number: int) -> str:
    return (START + dt.timedelta(seconds=37 * number)).isoformat().replace("+00:00", "Z")


@functools.cache
def _flat_tails() -> list[bytes]:
    """The eleven columns behind the id, for each place on a page."""
    countries = ["DE", "PL", "FR", "JP", "US"]
    return [
        (
            f'"name":"Customer {n}","email":"customer{n}@example.com","amount":{n * 1.37:.2f},'
            f'"quantity":{n % 90},"active":{"true" if n % 3 else "false"},"created_at":"{_moment(n)}",'
            f'"updated_at":"{_moment(n * 7)}","category":"category {n % 12}","country":"{countries[n % 5]}",'
            f'"note":"{"a longer text, as people write it " * (n % 3)}","score":{n / 7 if n % 10 else "null"}}}'
        ).encode()
        for n in range(ROWS)
    ]


@functools.cache
def _nested_tails() -> list[bytes]:
    """The objects and the list behind the id, for each place on a page."""
    return [
        (
            f'"number":"O-{n}","placed_at":"{_moment(n)}","customer":{{"id":{n % 200},"name":"Customer {n % 200}",'
            f'"address":{{"city":"City {n % 30}","zip":"{10000 + n}"}}}},"total":{n * 2.5},"lines":['
            + ",".join(
                f'{{"sku":"S-{n}-{line}","quantity":{line + 1},"price":{line * 1.25 + n},'
                f'"gift":{"true" if line == 2 else "false"}}}'
                for line in range(3)
            )
            + "]}"
        ).encode()
        for n in range(ROWS)
    ]


@functools.lru_cache(maxsize=400)
def _page(kind: str, page: int, pages: int, start: int) -> bytes:
    tails = _flat_tails() if kind == "flat" else _nested_tails()
    first = start + (page - 1) * ROWS
    rows = b",".join(b'{"id":%d,%s' % (first + n, tail) for n, tail in enumerate(tails))
    return b'{"data":[%s],"page":%d,"total_pages":%d}' % (rows, page, pages)


@functools.cache
def _parents(count: int) -> bytes:
    rows = b",".join(b'{"id":%d,"name":"Parent %d"}' % (n, n) for n in range(count))
    return b'{"data":[%s]}' % rows


@functools.cache
def _small() -> bytes:
    rows = b",".join(b'{"id":%d,%s' % (n, tail) for n, tail in enumerate(_flat_tails()[:100]))
    return b'{"data":[%s]}' % rows


async def _flat(request: web.Request) -> web.Response:
    pages, start = int(request.match_info["pages"]), int(request.match_info["start"])
    return web.Response(body=_page("flat", int(request.query.get("page", 1)), pages, start), headers=JSON)


async def _nested(request: web.Request) -> web.Response:
    pages = int(request.match_info["pages"])
    return web.Response(body=_page("nested", int(request.query.get("page", 1)), pages, 0), headers=JSON)


async def _parent_list(request: web.Request) -> web.Response:
    return web.Response(body=_parents(int(request.match_info["count"])), headers=JSON)


async def _children(request: web.Request) -> web.Response:
    delay = int(request.match_info["delay"])
    if delay:
        await asyncio.sleep(delay / 1000)
    parent = int(request.match_info["parent"])
    rows = b",".join(b'{"id":%d,"text":"child %d"}' % (parent * 5 + n, n) for n in range(5))
    return web.Response(body=b'{"data":[%s]}' % rows, headers=JSON)


async def _small_list(request: web.Request) -> web.Response:
    return web.Response(body=_small(), headers=JSON)


async def _serve() -> None:
    app = web.Application()
    app.router.add_get("/flat/{pages}/{start}", _flat)
    app.router.add_get("/nested/{pages}", _nested)
    app.router.add_get("/parents/{count}", _parent_list)
    app.router.add_get("/children/{delay}/{parent}/rows", _children)
    app.router.add_get("/small", _small_list)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
