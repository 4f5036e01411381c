"""How near a fan-out comes to the ideal: 2,000 requests of 50 ms at concurrency 32, server in a process of its own.

Run: python -m benchmarks.fan_out
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import time
from multiprocessing.connection import Connection

from aiohttp import web

from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import FetchOptions, FetchUnit, RestClient

LATENCY = 0.05


def serve(pipe: Connection) -> None:
    async def child(request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(LATENCY)
        return web.Response(body=b'[{"id": 1, "name": "x"}]', content_type="application/json")

    async def main() -> None:
        runner = web.ServerRunner(web.Server(child))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=512).start()
        pipe.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


def measure(port: int, *, requests: int, concurrency: int) -> float:
    units = [FetchUnit(RequestSpec(path=f"c/{n}"), index=n) for n in range(requests)]
    with RestClient(f"http://127.0.0.1:{port}", max_concurrency=concurrency) as client:
        client.get("warm-up")
        began = time.perf_counter()
        pages = sum(1 for _ in client.fetch(units, options=FetchOptions(paginator="single_page")))
        seconds = time.perf_counter() - began
    if pages != requests:
        raise SystemExit(f"{pages} pages instead of {requests}")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    try:
        port = ours.recv()
        ideal = given.requests / given.concurrency * LATENCY
        times = [measure(port, requests=given.requests, concurrency=given.concurrency) for _ in range(given.repeat)]
    finally:
        server.terminate()
        server.join()
    best = min(times)
    print(f"ideal {ideal:.3f} s; measured {', '.join(f'{t:.3f}' for t in times)} s; best / ideal = {best / ideal:.3f}")


if __name__ == "__main__":
    main()
