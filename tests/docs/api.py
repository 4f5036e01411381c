"""The API that the docs talk about: a small shop and a blog."""

from __future__ import annotations

from typing import Any

from tests.support.server import ApiServer, Reply, Request

ORDERS = [
    {"id": 1, "total": 10.0, "customer_id": 1, "updated_at": "2026-01-01T09:00:00Z", "note": None},
    {"id": 2, "total": 25.5, "customer_id": 2, "updated_at": "2026-01-02T09:00:00Z", "note": "gift"},
    {"id": 3, "total": 7.25, "customer_id": 1, "updated_at": "2026-01-03T09:00:00Z", "note": None},
]
POSTS = [{"id": 1, "title": "Hello", "author_id": 1}, {"id": 2, "title": "Again", "author_id": None}]


def serve_shop(api: ApiServer) -> None:
    """Orders that can be asked for by time, with lines; posts with comments; users."""

    @api.get("/orders")
    def orders(request: Request) -> Reply:
        since = request.param("updated_since") or ""
        until = request.param("updated_until") or "9"
        rows = [row for row in ORDERS if since <= str(row["updated_at"]) and str(row["updated_at"])[:10] < until]
        if request.headers.get("if-none-match") == '"1"':
            return Reply(status=304)
        return Reply(json=rows, headers={"ETag": '"1"'})

    @api.get("/orders/{id}/lines")
    def lines(request: Request) -> list[dict[str, Any]]:
        order = int(request.path_params["id"])
        return [{"id": order * 10 + n, "sku": f"S{n}"} for n in (1, 2)]

    @api.get("/posts/{id}/comments")
    def comments(request: Request) -> list[dict[str, Any]]:
        return [{"id": int(request.path_params["id"]) * 10, "text": "Thanks!"}]

    @api.get("/users/{id}")
    def user(request: Request) -> dict[str, Any]:
        return {"id": int(request.path_params["id"]), "name": "Ada"}

    @api.get("/events")
    def events(request: Request) -> list[dict[str, Any]]:
        day = request.param("day") or request.param("from") or "2026-01-01"
        return [{"id": f"{day}-{n}", "at": f"{day[:10]}T0{n}:00:00Z"} for n in (1, 2)]

    @api.get("/prices")
    def prices(request: Request) -> list[dict[str, Any]]:
        return [{"id": int(one), "price": 1.0} for one in (request.param("ids") or "").split(",") if one]

    api.json("/posts", POSTS)
    api.json("/users", [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bo"}])
    api.json("/customers", {"count": 2, "rows": [{"id": 1}, {"id": 2}]})
