"""Scenario S66: credentials go to configured origins only."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from urllib3.util import parse_url
from yarl import URL

from dagster_rest.config.request.render import RequestSpec
from dagster_rest.http import FetchOptions, FetchUnit, HttpError, OriginError, RestClient
from dagster_rest.http.origin import origin_of
from tests.support.server import ApiServer, Reply

Opener = Callable[..., RestClient]


@pytest.fixture
def other() -> Iterator[ApiServer]:
    with ApiServer() as server:
        server.json("/items", {"data": [{"id": 2}], "next": None})
        yield server


@pytest.fixture
def secret_client(open_client: Opener) -> RestClient:
    return open_client(auth={"token": "tok-secret"}, headers={"X-Api-Key": "key-secret"})


def test_s66_a_next_link_to_another_origin_is_refused(
    api: ApiServer, other: ApiServer, secret_client: RestClient
) -> None:
    """dlt: sends the credentials."""
    api.json("/items", {"data": [{"id": 1}], "next": f"{other.url}/items"})
    with pytest.raises(OriginError, match=str(other.port)) as caught:
        list(secret_client.paginate("items", paginator="json_link"))
    assert "http_origin" == caught.value.code
    assert [] == other.requests


def test_s66_a_redirect_to_another_origin_is_refused(
    api: ApiServer, other: ApiServer, secret_client: RestClient
) -> None:
    """dlt: strips Authorization, sends the API key header."""
    api.json("/items", Reply(status=302, headers={"Location": f"{other.url}/items"}))
    with pytest.raises(OriginError, match="redirect"):
        secret_client.get("items")
    assert [] == other.requests


def test_s66_a_parent_value_that_is_a_url_is_refused(other: ApiServer, secret_client: RestClient) -> None:
    unit = FetchUnit(RequestSpec(path=f"{other.url}/items", origin_from_data=True), index=0)
    with pytest.raises(OriginError):
        list(secret_client.fetch([unit], options=FetchOptions()))
    assert [] == other.requests


def test_s66_an_origin_that_the_config_writes_is_trusted(other: ApiServer, secret_client: RestClient) -> None:
    unit = FetchUnit(RequestSpec(path=f"{other.url}/items"), index=0)
    list(secret_client.fetch([unit], options=FetchOptions()))
    assert "Bearer tok-secret" == other.requests[0].headers["authorization"]


def test_s66_allowed_origins_are_trusted(api: ApiServer, other: ApiServer, open_client: Opener) -> None:
    api.json("/items", {"data": [{"id": 1}], "next": f"{other.url}/items"})
    client = open_client(auth={"token": "tok-secret"}, allowed_origins=[other.url])
    assert 2 == len(list(client.paginate("items", paginator="json_link")))
    assert "Bearer tok-secret" == other.requests[0].headers["authorization"]


def test_a_redirect_on_the_same_origin_is_followed_with_credentials(api: ApiServer, secret_client: RestClient) -> None:
    api.json("/old", Reply(status=301, headers={"Location": "/items"}))
    api.json("/items", [{"id": 1}])
    assert [{"id": 1}] == secret_client.get("old").json()
    assert ("Bearer tok-secret", "key-secret") == tuple(
        api.requests[1].headers[n] for n in ("authorization", "x-api-key")
    )


def test_redirects_can_be_switched_off(api: ApiServer, open_client: Opener) -> None:
    api.json("/old", Reply(status=302, headers={"Location": "/items"}))
    assert 302 == open_client(follow_redirects=False).get("old").status_code


def test_redirects_in_a_circle_are_an_error(api: ApiServer, client: RestClient) -> None:
    api.json("/old", Reply(status=302, headers={"Location": "/old"}))
    with pytest.raises(HttpError, match="redirects"):
        client.get("old")


def test_a_local_file_is_no_next_page(api: ApiServer, client: RestClient) -> None:
    api.json("/items", {"data": [{"id": 1}], "next": "file:///etc/passwd"})
    with pytest.raises(HttpError, match="not an http"):
        list(client.paginate("items", paginator="json_link"))


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("HTTPS://API.example.com/x", "https://api.example.com:443"),
        ("http://h:8080/x?y", "http://h:8080"),
        ("http://user:pass@h/x", "http://h:80"),
        ("http://[::1]/x", "http://[::1]:80"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert origin == origin_of(url)


def test_https_on_the_same_host_is_the_same_origin() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "http":
            return httpx.Response(301, headers={"Location": str(request.url).replace("http:", "https:")})
        return httpx.Response(200, json=[request.headers["authorization"]])

    transport = httpx.MockTransport(answer)
    with RestClient("http://api.test", auth={"token": "tok-secret"}, transport=transport) as client:
        assert ["Bearer tok-secret"] == client.get("items").json()


@pytest.mark.parametrize(
    "url",
    [
        "https://api.test:8443/items",
        "https://api.test:444/items",
        "https://api.test:80/items",
        "https://api.test.evil.test/items",
        "http://xapi.test:443/items",
    ],
)
def test_what_is_not_the_https_side_of_the_api_is_another_origin(url: str) -> None:
    """Only port 80 is upgraded, and only to 443: what listens on another port may be somebody else."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(200, json={"data": [{"id": len(seen)}], "next": url})

    transport = httpx.MockTransport(answer)
    with (
        RestClient("http://api.test", auth={"token": "tok-secret"}, transport=transport) as client,
        pytest.raises(OriginError),
    ):
        list(client.paginate("items", paginator="json_link"))
    assert ["http://api.test/items"] == seen


def test_http_is_no_origin_of_an_https_api() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(302, headers={"Location": "http://api.test/items"}))
    with (
        RestClient("https://api.test", auth={"token": "tok-secret"}, transport=transport) as client,
        pytest.raises(OriginError, match=r"http://api\.test:80"),
    ):
        client.get("items")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_keeps_every_header(api: ApiServer, open_client: Opener, other: ApiServer, status: int) -> None:
    """httpx drops cookies on every redirect, and Authorization on one to another origin, though it is trusted."""
    api.json("/old", Reply(status=status, headers={"Location": f"{other.url}/items"}))
    headers = {"Authorization": "Key 1", "Cookie": "sid=1", "X-Api-Key": "key-1", "X-Tenant": "t"}
    open_client(headers=headers, allowed_origins=[other.url]).get("old", headers={"X-Tenant": "own"})
    sent = other.requests[0].headers
    assert {**headers, "X-Tenant": "own"} == {name: sent[name] for name in headers}
    assert f"{other.host}:{other.port}" == sent["host"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirected_get_has_no_body_and_none_is_announced(api: ApiServer, client: RestClient, status: int) -> None:
    api.json("/old", Reply(status=status, headers={"Location": "/new"}))
    api.json("/new", [{"id": 1}])
    assert [{"id": 1}] == client.get("old").json()
    sent = api.requests[1]
    assert (b"", []) == (
        sent.body,
        [name for name in ("transfer-encoding", "content-length", "content-type") if name in sent.headers],
    )


@pytest.mark.parametrize(
    ("status", "method", "body", "content_type"),
    [
        (301, "GET", b"", None),
        (302, "GET", b"", None),
        (303, "GET", b"", None),
        (307, "POST", b'{"a":1}', "application/json"),
        (308, "POST", b'{"a":1}', "application/json"),
    ],
)
def test_a_redirected_post(
    api: ApiServer, client: RestClient, status: int, method: str, body: bytes, content_type: str | None
) -> None:
    api.json("/old", Reply(status=status, headers={"Location": "/new"}), method="POST")
    api.json("/new", [{"id": 1}], method=method)
    client.post("old", json={"a": 1})
    sent = api.requests[1]
    assert (method, body, content_type) == (sent.method, sent.body, sent.headers.get("content-type"))
    assert "transfer-encoding" not in sent.headers


def test_a_host_header_of_ones_own_stays_on_its_origin(api: ApiServer, open_client: Opener, other: ApiServer) -> None:
    api.json("/old", Reply(status=302, headers={"Location": "/older"}))
    api.json("/older", Reply(status=302, headers={"Location": f"{other.url}/items"}))
    open_client(headers={"Host": "tenant.test"}, allowed_origins=[other.url]).get("old")
    hosts = [request.headers["host"] for request in (*api.requests, *other.requests)]
    assert ["tenant.test", "tenant.test", f"{other.host}:{other.port}"] == hosts


def test_a_cookie_that_a_redirect_sets_is_sent_on(api: ApiServer, client: RestClient) -> None:
    api.json("/old", Reply(status=302, headers={"Location": "/new", "Set-Cookie": "sid=7; Path=/"}))
    api.json("/new", [])
    client.get("old")
    assert "sid=7" == api.requests[1].headers["cookie"]


def test_a_cookie_goes_to_another_port_only_where_that_may_be_asked(
    api: ApiServer, open_client: Opener, other: ApiServer
) -> None:
    """A cookie is of its host, whatever the port (RFC 6265, 8.5); no origin is asked that is not trusted."""
    api.json("/items", Reply(json={"data": [{"id": 1}], "next": f"{other.url}/items"}, headers={"Set-Cookie": "sid=7"}))
    with pytest.raises(OriginError):
        list(open_client().paginate("items", paginator="json_link"))
    assert [] == other.requests
    list(open_client(allowed_origins=[other.url]).paginate("items", paginator="json_link"))
    assert ["sid=7"] == [request.headers["cookie"] for request in other.requests]


def test_cookies_are_of_one_client(api: ApiServer, open_client: Opener) -> None:
    api.json("/items", Reply(json=[], headers={"Set-Cookie": "sid=7"}))
    open_client().get("items")
    open_client().get("items")
    assert [None, None] == [request.headers.get("cookie") for request in api.requests]


def test_an_allowed_origin_without_a_scheme_is_an_error_not_ignored() -> None:
    with pytest.raises(HttpError, match="not an origin") as caught:
        RestClient("https://api.test", allowed_origins=["files.test"])
    assert "http_client_config" == caught.value.code


def test_a_base_url_that_nobody_can_read_shows_nothing_of_itself() -> None:
    with pytest.raises(HttpError) as caught:
        RestClient("http://user:hunter22/x@api.test")
    assert "http_request_invalid" == caught.value.code
    assert "hunter22" not in str(caught.value)


# Texts in which one reader sees the API and another reader somebody else; {good} and {evil} are host:port.
TRICKS = [
    "http://{good}:1\\@{evil}/x",
    "http://good:1\\@{evil}/x",
    "http://{good}@{evil}/x",
    "http://{good}\\@{evil}/x",
    "http://{evil}\\@{good}/x",
    "http://{good}#@{evil}/x",
    "http://{good}?@{evil}/x",
    "http://{good}%2f@{evil}/x",
    "http://user:{good}@{evil}/x",
    "http://{evil}#{good}/x",
    "http://{evil}/{good}",
    "http:/{evil}/x",
    "http:{evil}/x",
    "http:///{evil}/x",
    "http:\\\\{evil}/x",
    "//{evil}/x",
    "///{evil}/x",
    "/\\{evil}/x",
    "\\\\{evil}/x",
    "\t//{evil}/x",
    " //{evil}/x",
    "ht\ntp://{evil}/x",
    "http://{good}\t@{evil}/x",
    "http://{good}\r\nX: @{evil}/x",
    "HTTP://{evil}/x",
    "http://[{evil}]/x",
    "http://[evil/x",
    "http://{good}.evil.test/x",
    "http://{good}\u3002evil.test/x",
    "http://\uff45vil.test/x",
    "https://{good}@{evil}/x",
    "http://{good} @{evil}/x",
    "http://{good}\x00@{evil}/x",
    "http://{good};@{evil}/x",
]


@pytest.mark.parametrize("way", ["next link", "link header", "redirect", "parent"])
@pytest.mark.parametrize("trick", TRICKS)
def test_no_text_leads_to_a_host_that_the_config_does_not_name(
    api: ApiServer, other: ApiServer, open_client: Opener, trick: str, way: str
) -> None:
    url = trick.format(good=f"127.0.0.1:{api.port}", evil=f"127.0.0.1:{other.port}")
    client = open_client(auth={"token": "tok-secret"}, retry={"attempts": 1})
    options: dict[str, Any] = {"paginator": "single_page"}
    path, from_data = "items", False
    if way == "next link":
        api.replies("/items", [{"data": [{"id": 1}], "next": url}, {"data": [{"id": 2}]}])
        options = {"paginator": "json_link"}
    elif way == "link header":
        if not url.isascii() or not url.isprintable():
            pytest.skip("no header holds this")
        api.replies("/items", [Reply(json=[{"id": 1}], headers={"Link": f'<{url}>; rel="next"'}), [{"id": 2}]])
        options = {"paginator": "header_link"}
    elif way == "redirect":
        if not url.isascii() or not url.isprintable():
            pytest.skip("no header holds this")
        api.replies("/items", [Reply(status=302, headers={"Location": url}), [{"id": 2}]])
    else:
        path, from_data = url, True
    unit = FetchUnit(RequestSpec(path=path, origin_from_data=from_data), index=0)
    with contextlib.suppress(HttpError):
        list(client.fetch([unit], options=FetchOptions(**options)))
    assert [] == other.requests


PIECES = [
    *("http:", "https:", "HTTP:", "ftp:", "", "//", "/", "\\", "://", "api.test", "evil.test", "API.TEST", "good:1"),
    *("@", ":", "?", "#", "%40", "%2f", "%5c", "[", "]", "::1", "[::1]", "127.0.0.1", "80", "443", ":8080", "user"),
    *("\t", "\n", "\r", "\0", " ", ".", "..", ";", "&", "=", "x", "\u3002", "\u212a", "\uff0f", "\xe9", "\ud800"),
]


def random_url(chance: random.Random) -> str:
    """A text of pieces that URLs are made of, in an order that they need not have."""
    text = chance.choice(["http://", "https://", "//", ""]) if chance.random() < 0.7 else ""
    return text + "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 9)))


def readings(url: httpx.URL) -> list[tuple[str, str, int | None]]:
    """Where a URL leads: as httpx sends it, and as aiohttp and requests read the text that they get from it."""
    default = {"http": 80, "https": 443}.get(url.scheme)
    text = str(url)
    yarl, urllib3 = URL(text, encoded=True), parse_url(text)
    return [
        (url.scheme, url.raw_host.decode(), url.port or default),
        (yarl.scheme, yarl.raw_host or "", yarl.port),
        (urllib3.scheme or "", urllib3.host or "", urllib3.port or default),
    ]


def check_random_urls(count: int, seed: int) -> int:
    """How many of the URLs were sent; none of them anywhere but to the API."""
    chance = random.Random(seed)
    sent: list[httpx.Request] = []
    link = ""

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        if request.url.path == "/redirect" and link.isascii() and link.isprintable():
            return httpx.Response(302, headers={"Location": link})
        return httpx.Response(200, json={"data": [{"id": len(sent)}], "next": link if len(sent) == 1 else None})

    allowed = {("http", "api.test", 80), ("https", "api.test", 443)}
    reached = 0
    options = FetchOptions(paginator="json_link")
    transport = httpx.MockTransport(answer)
    retry = {"attempts": 1}
    with RestClient("http://api.test", auth={"token": "tok-1"}, transport=transport, retry=retry) as client:
        for number in range(count):
            link = random_url(chance)
            sent.clear()
            path = [link, "list", "redirect"][number % 3]
            unit = FetchUnit(RequestSpec(path=path, origin_from_data=path == link), index=0)
            with contextlib.suppress(HttpError):
                list(client.fetch([unit], options=options))
            for request in sent:
                assert set(readings(request.url)) <= allowed, (link, readings(request.url))
            reached += len(sent) > (path != link)
    return reached


def test_random_urls_lead_nowhere_else() -> None:
    assert check_random_urls(1_500, seed=1) > 100


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_random_urls_lead_nowhere_else(seed: int) -> None:
    assert check_random_urls(30_000, seed=seed) > 2_000
