"""F. HTTP: S63 to S69."""

from __future__ import annotations

import base64
from typing import Any

from tests.compat.apis import by_cursor, items
from tests.compat.case import Answer, Cases, Expect, Setup, source

CASES = Cases("HTTP")
ONE = [{"id": 1}]


def acted(*actions: Any, **endpoint: Any) -> Any:
    """Resource `x` with these response_actions."""
    return source({"name": "x", "endpoint": {"response_actions": list(actions), **endpoint}})


# Retries --------------------------------------------------------------------------------------------------------


def fails_first(status: int, times: int, **headers: str) -> Any:
    """This status for the first requests, then a row."""
    return lambda call: Answer(status=status, json={}, headers=headers) if call.seen < times else ONE


for status in (429, 500, 501, 502, 503, 504):
    CASES.same(
        f"S63-{status}",
        f"{status} is retried",
        source("x"),
        {"/x": fails_first(status, 2)},
        requests=["GET /x"] * 3,
        rows={"x": 1},
    )
CASES.same(
    "S63-gives-up",
    "an error after five attempts",
    source("x"),
    {"/x": fails_first(500, 99)},
    requests=["GET /x"] * 5,
    error="500",
    rows={},
)
CASES.same(
    "S63-post", "a POST is retried", source({"name": "x", "endpoint": {"method": "POST", "json": {"q": 1}}}),
    {"POST /x": fails_first(503, 1)}, requests=["POST /x"] * 2, bodies=[{"json": {"q": 1}}] * 2, rows={"x": 1},
)  # fmt: skip
for status in (400, 401, 403, 404, 409, 410, 422):
    CASES.same(
        f"S63-{status}",
        f"an error: {status} is not retried",
        source("x"),
        {"/x": fails_first(status, 99)},
        requests=["GET /x"],
        error=str(status),
        rows={},
    )
CASES.differs(
    "S63-408",
    "an error: 408",
    source("x"),
    {"/x": fails_first(408, 99)},
    row="which failures are retried",
    dlt=Expect(requests=["GET /x"], error="408", rows={}),
    ours=Expect(requests=["GET /x"] * 5, error="408", rows={}),
)
CASES.same(
    "S63-retry-after",
    "Retry-After: 0 or a past date is retried without that wait",
    source("x"),
    {
        "/x": lambda call: (
            Answer(
                status=429,
                json={},
                headers={"Retry-After": ("0", "Wed, 21 Oct 2015 07:28:00 GMT")[call.seen]},
            )
            if call.seen < 2
            else ONE
        )
    },
    requests=["GET /x"] * 3,
    rows={"x": 1},
)
CASES.same(
    "S63-later-page",
    "a failure on a later page is retried; earlier pages are kept",
    source({"name": "x", "endpoint": {"paginator": "cursor"}}),
    {
        "/x": lambda call: (
            Answer(status=500, json={})
            if call.arg("cursor") == "c1" and call.seen < 3
            else by_cursor([items(2), items(2, 3)])(call)
        )
    },
    requests=["GET /x", "GET /x?cursor=c1", "GET /x?cursor=c1", "GET /x?cursor=c1"],
    rows={"x": 4},
)

# Response actions -----------------------------------------------------------------------------------------------

NOT_FOUND = Answer(status=404, json={"message": "no such thing"})
for name, action in {
    "status": {"status_code": 404, "action": "ignore"},
    "content": {"content": "no such", "action": "ignore"},
    "both": {"status_code": 404, "content": "no such", "action": "ignore"},
}.items():
    CASES.same(
        f"S64-ignore-{name}",
        f"a response is ignored by {name}",
        acted(action),
        {"/x": NOT_FOUND},
        requests=["GET /x"],
        rows={},
    )
for name, action in {
    "status": {"status_code": 410, "action": "ignore"},
    "content": {"content": "other", "action": "ignore"},
    "both": {"status_code": 404, "content": "other", "action": "ignore"},
}.items():
    CASES.same(
        f"S64-mismatch-{name}",
        f"an error: the action does not match by {name}",
        acted(action),
        {"/x": NOT_FOUND},
        requests=["GET /x"],
        error="404",
        rows={},
    )
CASES.same(
    "S64-ignore-500",
    "an ignored 500 is not retried",
    acted({"status_code": 500, "action": "ignore"}),
    {"/x": Answer(status=500, json={})},
    requests=["GET /x"],
    rows={},
)
CASES.same(
    "S64-ignore-200",
    "a 200 is ignored by its content",
    acted({"content": "error", "action": "ignore"}),
    {"/x": {"error": "none today", "data": items(2)}},
    requests=["GET /x"],
    rows={},
)
CASES.same(
    "S64-empty-list",
    "an error: an empty list of actions",
    acted(),
    {"/x": NOT_FOUND},
    error="404",
    rows={},
)
CASES.same(
    "S64-later-page",
    "a later page that is ignored ends the pages and keeps the earlier ones",
    acted({"status_code": 404, "action": "ignore"}, paginator="cursor"),
    {"/x": lambda call: NOT_FOUND if call.arg("cursor") else {"data": items(2), "cursors": {"next": "c1"}}},
    requests=["GET /x", "GET /x?cursor=c1"],
    rows={"x": 2},
)


def say_once(response: Any, *args: Any, **kwargs: Any) -> None:
    """A hook that changes the body in place: the rows get a word appended."""
    response._content = response.content.replace(b'"v": "', b'"v": "+')


def forgive(response: Any, *args: Any, **kwargs: Any) -> None:
    """A hook that makes a success of a failure."""
    response.status_code = 200


def refuse(response: Any, *args: Any, **kwargs: Any) -> None:
    """A hook that fails."""
    raise RuntimeError("refused by the hook")


CASES.same(
    "S64-hooks",
    "hooks run in their order, all that match",
    acted(
        say_once,
        {"status_code": 200, "action": [say_once, say_once]},
        {"status_code": 404, "action": say_once},
    ),
    {"/x": [{"v": ""}]},
    values={"x.v": ["+++"]},
)
CASES.same(
    "S64-hook-status",
    "a hook that changes the status",
    acted({"status_code": 404, "action": forgive}),
    {"/x": Answer(status=404, json=ONE)},
    rows={"x": 1},
)
CASES.same(
    "S64-hook-raises",
    "an error: a hook that raises",
    acted(refuse),
    {"/x": ONE},
    error="refused by the hook",
    rows={},
)
CASES.same(
    "S64-hook-each-attempt",
    "a hook sees every attempt",
    acted({"status_code": 503, "action": say_once}),
    {"/x": fails_first(503, 2)},
    requests=["GET /x"] * 3,
    rows={"x": 1},
)
UNKNOWN = "unknown `action`, status code as text, hook result"
CASES.differs(
    "S64-status-text",
    "the status code as text",
    acted({"status_code": "404", "action": "ignore"}),
    {"/x": NOT_FOUND},
    row=UNKNOWN,
    dlt=Expect(error="404"),
    ours=Expect(requests=["GET /x"], rows={}),
)
CASES.differs(
    "S64-unknown-action",
    "an action nobody knows",
    acted({"status_code": 200, "action": "ignroe"}),
    {"/x": ONE},
    row=UNKNOWN,
    dlt=Expect(requests=["GET /x"], rows={"x": 1}),
    ours=Expect(error="no such action", requests=[], rows={}),
)
CASES.differs(
    "S64-retry",
    "the action retry",
    acted({"status_code": 404, "action": "retry"}),
    {"/x": fails_first(404, 1)},
    row=UNKNOWN,
    dlt=Expect(error="404", requests=["GET /x"]),
    ours=Expect(requests=["GET /x"] * 2, rows={"x": 1}),
)

# Auth -----------------------------------------------------------------------------------------------------------

BASIC = "Basic " + base64.b64encode("jö:p:w".encode()).decode()
for name, auth, header, query in [
    ("bearer", {"type": "bearer", "token": "t1"}, {"authorization": "Bearer t1"}, ""),
    ("bearer-by-default", {"token": "t1"}, {"authorization": "Bearer t1"}, ""),
    ("basic", {"type": "http_basic", "username": "jö", "password": "p:w"}, {"authorization": BASIC}, ""),
    ("api-key", {"type": "api_key", "api_key": "k"}, {"authorization": "k"}, ""),
    (
        "api-key-name",
        {"type": "api_key", "name": "X-Key", "api_key": "k"},
        {"x-key": "k", "authorization": None},
        "",
    ),
    (
        "api-key-query",
        {"type": "api_key", "name": "key", "api_key": "k v", "location": "query"},
        {},
        "&key=k v",
    ),
    ("api-key-param", {"type": "api_key", "name": "key", "api_key": "k", "location": "param"}, {}, "&key=k"),
]:
    CASES.same(
        f"S65-{name}",
        f"auth {name}",
        source({"name": "x", "endpoint": {"params": {"a": 1}}}, client={"auth": auth}),
        {"/x": ONE},
        requests=[f"GET /x?a=1{query}"],
        headers=[header],
    )
CASES.same(
    "S65-over-header",
    "auth wins over a header of the config",
    source("x", client={"auth": {"token": "t1"}, "headers": {"Authorization": "mine"}}),
    {"/x": ONE},
    headers=[{"authorization": "Bearer t1"}],
)
CASES.same(
    "S65-endpoint",
    "an endpoint with its own auth",
    source(
        {"name": "x", "endpoint": {"auth": {"type": "api_key", "name": "X-Key", "api_key": "k"}}},
        client={"auth": {"token": "t1"}},
    ),
    {"/x": ONE},
    headers=[{"x-key": "k", "authorization": None}],
)
CASES.same(
    "S65-endpoint-none",
    "an endpoint with auth None sends none",
    source({"name": "x", "endpoint": {"auth": None}}, client={"auth": {"token": "t1"}}),
    {"/x": ONE},
    headers=[{"authorization": None}],
)
CASES.same(
    "S65-pages",
    "every page carries the auth",
    source(
        {"name": "x", "endpoint": {"paginator": "cursor"}},
        client={"auth": {"type": "api_key", "name": "key", "api_key": "k", "location": "query"}},
    ),
    {"/x": by_cursor([items(1), items(1, 2)])},
    requests=["GET /x?key=k", "GET /x?cursor=c1&key=k"],
)
CASES.differs(
    "S65-cookie",
    "an API key in a cookie",
    source("x", client={"auth": {"type": "api_key", "name": "key", "api_key": "k", "location": "cookie"}}),
    {"/x": ONE},
    row="API key in a cookie",
    dlt=Expect(error="NotImplementedError"),
    ours=Expect(requests=["GET /x"], headers=[{"cookie": "key=k"}], rows={"x": 1}),
)


def oauth(*resources: Any, **more: Any) -> Any:
    """OAuth2 client credentials against `/token` of the same API."""

    def build(setup: Setup) -> dict[str, Any]:
        auth = {
            "type": "oauth2_client_credentials",
            "access_token_url": f"{setup.url}/token",
            "client_id": "me",
            "client_secret": "s&cret",
            **more,
        }
        return source(*resources, client={"auth": auth})(setup)

    return build


def token(expires_in: int) -> Any:
    """Tokens `t1`, `t2` ..."""
    return lambda call: {"access_token": f"t{call.seen + 1}", "expires_in": expires_in}


PAGED = {"name": "x", "endpoint": {"paginator": "cursor"}}
CASES.same(
    "S65-oauth",
    "OAuth2 client credentials: one token for all pages",
    oauth(PAGED),
    {"POST /token": token(3600), "/x": by_cursor([items(1), items(1, 2)])},
    requests=["POST /token", "GET /x", "GET /x?cursor=c1"],
    headers=[{"authorization": None}, {"authorization": "Bearer t1"}, {"authorization": "Bearer t1"}],
    rows={"x": 2},
)
CASES.same(
    "S65-oauth-extra",
    "OAuth2: more data for the token request",
    oauth("x", access_token_request_data={"scope": "read", "audience": "a"}),
    {"POST /token": lambda call: {"access_token": "t", "said": call.body.decode()}, "/x": ONE},
    requests=["POST /token", "GET /x"],
    bodies=[
        {
            "form": [
                ["audience", "a"],
                ["client_id", "me"],
                ["client_secret", "s&cret"],
                ["grant_type", "client_credentials"],
                ["scope", "read"],
            ]
        },
        None,
    ],
)
CASES.same(
    "S65-oauth-expired",
    "OAuth2: expires_in 0 requests a new token each time",
    oauth(PAGED),
    {"POST /token": token(0), "/x": by_cursor([items(1), items(1, 2)])},
    requests=["POST /token", "GET /x", "POST /token", "GET /x?cursor=c1"],
    rows={"x": 2},
)
CASES.same(
    "S65-oauth-refused",
    "an error: the token URL answers 401",
    oauth("x"),
    {"POST /token": Answer(status=401, json={"error": "invalid_client"}), "/x": ONE},
    requests=["POST /token"],
    error="401",
    rows={},
)
ONE_TOKEN = "OAuth2 token: per resource, no refresh on 401"
CASES.differs(
    "S65-oauth-two-resources",
    "OAuth2: two resources",
    oauth("x", "y"),
    {"POST /token": token(3600), "/x": ONE, "/y": ONE},
    row=ONE_TOKEN,
    unordered=True,
    dlt=Expect(requests=["POST /token", "POST /token", "GET /x", "GET /y"]),
    ours=Expect(requests=["POST /token", "GET /x", "GET /y"], rows={"x": 1, "y": 1}),
)
CASES.differs(
    "S65-oauth-401",
    "OAuth2: the API answers 401 to a token that expired early",
    oauth("x"),
    {
        "POST /token": token(3600),
        "/x": lambda call: Answer(status=401, json={}) if call.headers.get("authorization") == "Bearer t1" else ONE,
    },
    row=ONE_TOKEN,
    dlt=Expect(error="401", requests=["POST /token", "GET /x"]),
    ours=Expect(requests=["POST /token", "GET /x", "POST /token", "GET /x"], rows={"x": 1}),
)

# Other origins --------------------------------------------------------------------------------------------------

ORIGIN = "next link, redirect or parent value that leads to another origin"
CASES.differs(
    "S66-next-link",
    "a next link to another host",
    source({"name": "x", "endpoint": {"paginator": "json_link"}}, client={"auth": {"token": "t"}}),
    {"/x": lambda call: {"data": items(1), "next": f"{call.elsewhere}/y"}},
    elsewhere={"/y": {"data": items(1, 2)}},
    row=ORIGIN,
    dlt=Expect(requests=["GET /x", "GET /y"], headers=[{"authorization": "Bearer t"}, {"authorization": "Bearer t"}]),
    ours=Expect(requests=["GET /x"], error="127.0.0.2", rows={}),
)
CASES.differs(
    "S66-redirect",
    "a redirect to another host: an API key header",
    source("x", client={"auth": {"type": "api_key", "name": "X-Key", "api_key": "k"}}),
    {"/x": lambda call: Answer(status=302, headers={"Location": f"{call.elsewhere}/y"})},
    elsewhere={"/y": ONE},
    row=ORIGIN,
    dlt=Expect(requests=["GET /x", "GET /y"], headers=[{"x-key": "k"}, {"x-key": "k"}]),
    ours=Expect(requests=["GET /x"], error="127.0.0.2", rows={}),
)
CASES.differs(
    "S66-redirect-bearer",
    "a redirect to another host: a bearer token",
    source("x", client={"auth": {"token": "t"}}),
    {"/x": lambda call: Answer(status=302, headers={"Location": f"{call.elsewhere}/y"})},
    elsewhere={"/y": ONE},
    row=ORIGIN,
    dlt=Expect(requests=["GET /x", "GET /y"], headers=[{"authorization": "Bearer t"}, {"authorization": None}]),
    ours=Expect(requests=["GET /x"], error="127.0.0.2", rows={}),
)
CASES.same(
    "S66-redirect-same-host",
    "a redirect on the same host is followed with the auth",
    source("x", client={"auth": {"token": "t"}}),
    {"/x": lambda call: Answer(status=302, headers={"Location": f"{call.url}/y"}), "/y": ONE},
    requests=["GET /x", "GET /y"],
    headers=[{"authorization": "Bearer t"}] * 2,
    rows={"x": 1},
)
SECRETS = "secrets in errors, logs, validation"
CASES.same(
    "S67-url",
    "an error: the URL in the message has no secret",
    source(
        {"name": "x", "endpoint": {"params": {"token": "hide-me-1"}}},
        client={"auth": {"type": "api_key", "name": "api_key", "api_key": "hide-me-2", "location": "query"}},
    ),
    {"/x": NOT_FOUND},
    error="404",
    hidden="hide-me",
    rows={},
)
CASES.differs(
    "S67-url-with-actions",
    "an error: the URL in the message, with response_actions",
    acted({"status_code": 500, "action": "ignore"}, params={"token": "hide-me"}),
    {"/x": NOT_FOUND},
    row=SECRETS,
    dlt=Expect(error="hide-me"),
    ours=Expect(error="404", hidden="hide-me"),
)
CASES.differs(
    "S67-validation",
    "an error: the validation of a config with a secret in its defaults",
    source(
        {"name": "x", "bogus": 1},
        defaults={"endpoint": {"auth": {"type": "bearer", "token": "hide-me"}}},
    ),
    {"/x": ONE},
    row=SECRETS,
    dlt=Expect(error="bogus"),
    ours=Expect(error="bogus", hidden="hide-me"),
)

# Bodies ---------------------------------------------------------------------------------------------------------

POST = {"method": "POST"}
for name, data, body, kind in [
    ("dict", {"a": 1, "b": "x y"}, {"form": [["a", "1"], ["b", "x y"]]}, "application/x-www-form-urlencoded"),
    ("tuples", [("a", "1"), ("a", "2")], {"form": [["a", "1"], ["a", "2"]]}, "application/x-www-form-urlencoded"),
    ("text", "plain text", {"raw": "plain text"}, None),
    ("bytes", b"raw bytes", {"raw": "raw bytes"}, None),
    ("empty-dict", {}, None, None),
]:
    CASES.same(
        f"S68-data-{name}",
        f"data as {name}",
        source({"name": "x", "endpoint": {**POST, "data": data}}),
        {"POST /x": ONE},
        bodies=[body],
        headers=[{"content-type": kind}],
    )
CASES.same(
    "S68-json",
    "json as a body",
    source({"name": "x", "endpoint": {**POST, "json": {"a": [1, None, {"b": True}]}}}),
    {"POST /x": ONE},
    bodies=[{"json": {"a": [1, None, {"b": True}]}}],
    headers=[{"content-type": "application/json"}],
)
CASES.same(
    "S68-json-empty",
    "an empty json object is sent, by GET too",
    source({"name": "x", "endpoint": {"json": {}}}),
    {"/x": ONE},
    bodies=[{"json": {}}],
)
CASES.same(
    "S68-get-json",
    "a GET with a json body",
    source({"name": "x", "endpoint": {"json": {"q": 1}}}),
    {"/x": ONE},
    bodies=[{"json": {"q": 1}}],
)
CASES.same(
    "S68-post-nothing",
    "a POST without a body",
    source({"name": "x", "endpoint": POST}),
    {"POST /x": ONE},
    requests=["POST /x"],
    bodies=[None],
)


def own_session(setup: Setup) -> dict[str, Any]:
    """A session of the user's own, with a header of its own."""
    config = source({"name": "x", "endpoint": {"paginator": "cursor"}})(setup)
    config["client"]["session"] = setup.lib.session({"X-Session": "mine"})
    return config


CASES.same(
    "S69",
    "a session of the user's own is used for every request",
    own_session,
    {"/x": by_cursor([items(1), items(1, 2)])},
    requests=["GET /x", "GET /x?cursor=c1"],
    headers=[{"x-session": "mine"}] * 2,
    rows={"x": 2},
)
