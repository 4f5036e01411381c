from __future__ import annotations

import httpx
import pytest

from tests.support.server import ApiServer, Reply, Request


def test_routes_with_path_parameters_and_logs_targets() -> None:
    with ApiServer() as api:

        @api.get("/posts/{id}")
        def post(request: Request) -> dict[str, str]:
            return {"id": request.path_params["id"]}

        assert {"id": "a b"} == httpx.get(f"{api.url}/posts/a%20b?x=1").json()
        assert ["GET /posts/a%20b?x=1"] == api.targets()


def test_an_unknown_path_is_404() -> None:
    with ApiServer() as api:
        assert 404 == httpx.get(f"{api.url}/nowhere").status_code


def test_a_loop_ends_with_418() -> None:
    with ApiServer(limit=1) as api:
        api.json("/a", [])
        assert [200, 418] == [httpx.get(f"{api.url}/a").status_code for _ in range(2)]


@pytest.mark.parametrize("fault", ["reset", "half_body"])
def test_faults_break_the_connection(fault: str) -> None:
    with ApiServer() as api:
        api.json("/a", Reply(json=[1, 2, 3], fault=fault))  # type: ignore[arg-type]
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{api.url}/a")


def test_silence_never_answers_and_the_server_still_stops() -> None:
    with ApiServer() as api:
        api.json("/a", Reply(fault="silence"))
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{api.url}/a", timeout=0.2)


@pytest.mark.parametrize("style", ["page_number", "offset", "cursor", "json_link", "header_link"])
def test_pages_serve_the_first_page_of_every_style(style: str) -> None:
    with ApiServer() as api:
        api.pages("/items", [1, 2, 3], size=2, style=style)  # type: ignore[arg-type]
        body = httpx.get(f"{api.url}/items").json()
        assert [1, 2] == (body if isinstance(body, list) else body["data"])
