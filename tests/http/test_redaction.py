"""Scenario S67: no secret in anything that is written."""

from __future__ import annotations

import html
import json
import logging
import pickle
import random
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from dagster_rest.config import build_plan, load_config
from dagster_rest.http import FetchOptions, FetchUnit, Redactor, RestClient
from dagster_rest.http.redaction import environment_secrets, is_sensitive_name, named_secrets, userinfo_secrets
from tests.support.server import ApiServer, Reply, Request

Opener = Callable[..., RestClient]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("http://user:hunter22@h/x", "http://***@h/x"),
        ("GET /x?api_key=abc&page=2&access_token=d", "GET /x?api_key=***&page=2&access_token=***"),
        ("/x?client_secret=a%20b#f", "/x?client_secret=***#f"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("{'Authorization': 'Basic dXNlcg=='}", "{'Authorization': '***'}"),
        ("Cookie: a=b; c=d", "Cookie: ***"),
        ("sent Bearer eyJhbGciOi to it", "sent Bearer *** to it"),
        ('{"password": "x", "name": "y"}', '{"password": "***", "name": "y"}'),
        ('{"refresh_token":"x"}', '{"refresh_token":"***"}'),
        ('{"code": "US", "key": "PROJ-1"}', '{"code": "US", "key": "PROJ-1"}'),
        ("https://h/keys/monkey?page=1", "https://h/keys/monkey?page=1"),
    ],
)
def test_patterns(text: str, clean: str) -> None:
    assert clean == Redactor().redact(text)


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "x{}y",
        "%73ecret",
        "secret%20%2F%2Bvalue",
        "secret+%2F%2Bvalue",
        "c2VjcmV0IC8rdmFsdWU=",
        "c2VjcmV0IC8rdmFsdWU",
    ],
)
def test_known_values_in_the_forms_they_travel_in(form: str) -> None:
    secret = "secret /+value"
    text = form.format(secret)
    if form != "%73ecret":
        assert "***" in Redactor([secret]).redact(f"before {text} after")


ODD = 'aB3/x+y"q\\w %&9=='


@pytest.mark.parametrize(
    "form",
    [
        json.dumps(ODD)[1:-1],
        json.dumps(ODD)[1:-1].replace("/", "\\/"),
        json.dumps(json.dumps(ODD))[3:-3],
        repr(ODD)[1:-1],
        html.escape(ODD),
        quote(ODD, safe="").replace("%2F", "%2f").replace("%5C", "%5c"),
        quote(ODD, safe="/+="),
        quote(quote(ODD, safe=""), safe=""),
        "".join(char if char.isalnum() else f"\\u{ord(char):04x}" for char in ODD),
    ],
)
def test_known_values_in_any_escaped_form(form: str) -> None:
    assert "bad key *** at 3" == Redactor([ODD]).redact(f"bad key {form} at 3")


def test_random_values_in_any_escaped_form() -> None:
    chance = random.Random(7)
    for _ in range(300):
        secret = "x" + "".join(chance.choices("ab1-+/=\\\"'&<%# éп\n😀", k=8)) + "y"
        written = json.dumps(secret)[1:-1]
        forms = [secret, written, written.replace("/", "\\/"), repr(secret)[1:-1], html.escape(secret), quote(secret)]
        assert ["***"] * len(forms) == [Redactor([secret]).redact(form) for form in forms], secret


@pytest.mark.parametrize("secret", ["\\" * 12 + "x", '\\"' * 12 + "x", '"' * 30, "пароль" * 6, "/" * 30])
def test_no_text_takes_for_ever(secret: str) -> None:
    redactor = Redactor([secret])
    for text in ("\\" * 3000, ("\\" * 4 + '"') * 1000, json.dumps("пароль" * 300) + "!", "/" * 29 + "%25" * 2000):
        redactor.redact(text)


@pytest.mark.parametrize(
    "value",
    [
        "Bearer tok-123",
        "Token token=tok-123",
        'Token token="tok-123", realm="x"',
        "SSWS tok-123",
        "Basic dXNlcjp0b2stMTIz",
        "sid=tok-123; theme=dark",
    ],
)
def test_a_credential_is_hidden_without_what_stands_before_it(value: str) -> None:
    assert "the token *** is not valid" == Redactor([value]).redact("the token tok-123 is not valid")


def test_a_position_with_a_secret_that_could_not_be_put_back_is_not_stored() -> None:
    assert Redactor(["aB3/xyz=="]).conceal({"next_url": "http://h/x?k=aB3%2fxyz%3d%3d"}) is None


def test_short_values_are_left_to_the_patterns() -> None:
    assert "a b c" == Redactor(["a", "b", ""]).redact("a b c")


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Api-Key", "api_key", "accessToken", "client_secret", "Cookie", "sig"]
)
def test_sensitive_names(name: str) -> None:
    assert is_sensitive_name(name)


@pytest.mark.parametrize("name", ["page", "monkey", "keyboard", "limit", "author", "User-Agent"])
def test_harmless_names(name: str) -> None:
    assert not is_sensitive_name(name)


def test_named_secrets_are_found_at_any_depth() -> None:
    body = {"a": {"password": "p-1"}, "b": [{"token": "t-1"}], "c": "x", "d": [("api_key", "k-1")]}
    assert ["p-1", "t-1", "k-1"] == named_secrets(body)


def test_state_is_stored_without_secrets_and_read_back() -> None:
    redactor = Redactor(["top-secret"])
    stored = redactor.conceal({"next_url": "http://h/x?k=top-secret&p=2"})
    assert "top-secret" not in str(stored)
    assert {"next_url": "http://h/x?k=top-secret&p=2"} == Redactor(["top-secret"]).reveal(stored)


def test_an_address_from_the_environment_stays_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "https://shop.example.com")
    monkeypatch.setenv("SHOP_TOKEN", "tok-in-path")
    monkeypatch.setenv("SHOP_KEY", "key-1234")
    from dagster_rest.config import EnvRef

    whole = {"base_url": EnvRef("${SHOP_URL}"), "auth": {"token": EnvRef("${SHOP_KEY}")}}
    assert ["key-1234"] == environment_secrets(whole)
    assert ["tok-in-path"] == environment_secrets({"base_url": EnvRef("${SHOP_URL}/bot${SHOP_TOKEN}/")})
    assert ["tok-in-path"] == environment_secrets({"base_url": EnvRef("https://api.example.com/bot${SHOP_TOKEN}")})


# One secret for each place that a config can hold one.
SECRETS = {
    "userinfo": "s3cret-userinfo",
    "url_query": "s3cret-url-query",
    "client_header": "s3cret-client-header",
    "client_cookie": "s3cret-client-cookie",
    "client_param": "s3cret-client-param",
    "bearer": "s3cret-bearer",
    "oauth_secret": "s3cret-oauth",
    "oauth_data": "s3cret-oauth-data",
    "issued": "s3cret-issued-token",
    "param": "s3cret-param",
    "header": "s3cret-header",
    "json": "s3cret-json",
    "env_param": "s3cret-env-param",
    "env_json": "s3cret-env-json",
    "default_auth": "s3cret-default-auth",
    "path_query": "s3cret-path-query",
}


def config_of(api: ApiServer, *, auth: Any) -> dict[str, Any]:
    return {
        "client": {
            "base_url": f"http://user:{SECRETS['userinfo']}@{api.host}:{api.port}?token={SECRETS['url_query']}",
            "headers": {"X-Api-Key": SECRETS["client_header"], "Cookie": f"session={SECRETS['client_cookie']}"},
            "params": {"api_key": SECRETS["client_param"]},
            "auth": auth,
            "retry": {"backoff": 0, "jitter": 0, "attempts": 2},
        },
        "resource_defaults": {"endpoint": {"params": {"access_token": SECRETS["param"]}}},
        "resources": [
            {
                "name": "items",
                "endpoint": {
                    "path": f"items?secret={SECRETS['path_query']}",
                    "method": "POST",
                    "params": {"q": "${ENV_PARAM}"},
                    "headers": {"X-Auth-Token": SECRETS["header"]},
                    "json": {"login": {"password": SECRETS["json"], "note": "${ENV_JSON}"}},
                    "paginator": "json_link",
                },
            }
        ],
    }


def run(config: dict[str, Any]) -> None:
    loaded = load_config(config, interpolate_env=True)
    plan = build_plan(loaded, name="shop").resources[0]
    with RestClient.from_config(loaded.client) as client:
        unit = FetchUnit(plan.request.render(), index=0)
        options = FetchOptions.from_plan(plan)
        for page in client.fetch([unit], options=options):
            logging.getLogger("test").info("%r %r %r %s %s", page.request, page.paginator, unit, options, page.state)


AUTHS: dict[str, Callable[[ApiServer], Any]] = {
    "bearer": lambda api: {"type": "bearer", "token": SECRETS["bearer"]},
    "api_key_query": lambda api: {"type": "api_key", "name": "k", "api_key": SECRETS["bearer"], "location": "query"},
    "basic": lambda api: {"type": "http_basic", "username": "someone", "password": SECRETS["bearer"]},
    "oauth": lambda api: {
        "type": "oauth2_client_credentials",
        "access_token_url": f"{api.url}/token",
        "client_id": "some-client",
        "client_secret": SECRETS["oauth_secret"],
        "access_token_request_data": {"assertion": SECRETS["oauth_data"]},
    },
}


def echo(request: Request) -> dict[str, Any]:
    """What an API says that shows back all it was sent."""
    return {"target": request.target, "headers": dict(request.headers), "body": request.body.decode()}


OUTCOMES: dict[str, Callable[[ApiServer, Request], Any]] = {
    "success": lambda api, r: {"data": [{"id": 1}], "next": None},
    "next_link_repeats_all": lambda api, r: {
        "data": [{"id": len(api.requests)}],
        "next": None if "page=2" in r.target else f"{r.target}&page=2",
    },
    "status": lambda api, r: Reply(status=400, json=echo(r)),
    "unauthorized": lambda api, r: Reply(status=401, json=echo(r)),
    "server_error": lambda api, r: Reply(status=500, json=echo(r)),
    "no_json": lambda api, r: Reply(body=f"<html>{echo(r)}"),
    "no_selection": lambda api, r: {"data": {"x": echo(r)}, "next": r.target, r.headers["x-api-key"]: 1},
    "reset": lambda api, r: Reply(json=echo(r), fault="reset"),
    "redirect": lambda api, r: Reply(status=302, headers={"Location": f"http://localhost:1{r.target}"}),
    "wait": lambda api, r: Reply(status=429, json=echo(r), headers={"Retry-After": "3600"}),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("auth", AUTHS)
def test_s67_no_secret_is_written_whatever_happens(
    api: ApiServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, auth: str, outcome: str
) -> None:
    monkeypatch.setenv("ENV_PARAM", SECRETS["env_param"])
    monkeypatch.setenv("ENV_JSON", SECRETS["env_json"])
    caplog.set_level(logging.DEBUG)
    api.post("/items")(lambda request: OUTCOMES[outcome](api, request))
    api.json("/token", {"access_token": SECRETS["issued"]}, method="POST")
    written = ""
    try:
        run(config_of(api, auth=AUTHS[auth](api)))
    except Exception as error:
        written = "".join(traceback.format_exception(error)) + repr(error)
    assert ("success" in outcome or "next_link" in outcome) == (written == "")
    logged = "\n".join(record.getMessage() + str(record.exc_text) for record in caplog.records)
    sent = "\n".join(str(echo(request)) for request in api.requests)
    assert SECRETS["client_header"] in sent, written
    leaks = [place for place, secret in SECRETS.items() if secret in written + logged]
    assert [] == leaks


def test_s67_the_loggers_of_the_libraries_are_redacted(
    api: ApiServer, open_client: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api.json("/items", [])
    open_client(auth={"type": "api_key", "name": "k", "api_key": "key-s3cret", "location": "query"}).get("items")
    assert "HTTP Request: GET" in caplog.text
    assert "key-s3cret" not in caplog.text


def test_s67_filters_go_with_the_client(api: ApiServer) -> None:
    before = list(logging.getLogger("httpx").filters)
    with RestClient(api.url) as client:
        client.get("x")
        assert len(logging.getLogger("httpx").filters) == len(before) + 1
    assert before == logging.getLogger("httpx").filters


def test_reprs_show_no_secrets(open_client: Opener) -> None:
    client = open_client(
        "http://user:s3cret-1@h",
        headers={"X-Token": "s3cret-2"},
        auth={"token": "s3cret-3"},
        params={"key": "s3cret-4"},
    )
    shown = f"{client!r} {client.connection.sender!r} {client.redactor!r} {client.connection.context(FetchOptions())!r}"
    assert "s3cret" not in shown


def test_a_pickle_of_pages_holds_the_records_alone(api: ApiServer, open_client: Opener) -> None:
    """Dagster's own IO manager pickles what an asset returns."""
    api.json("/items", [{"id": 1}])
    client = open_client(auth={"token": "s3cret-3"}, headers={"X-Token": "s3cret-2"})
    pickled = pickle.dumps(list(client.paginate("items", params={"key": "s3cret-4"})))
    assert b"s3cret" not in pickled
    assert [[{"id": 1}]] == pickle.loads(pickled)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("[(b'Set-Cookie', b'sid=1; Path=/'), (b'X', b'y')]", "[(b'Set-Cookie', b'***'), (b'X', b'y')]"),
        ("(b'x-auth-token', b'it\\'s')", "(b'x-auth-token', b'***')"),
        ("('api_key', 'k-1')", "('api_key', '***')"),
        ("(b'Content-Type', b'text/html')", "(b'Content-Type', b'text/html')"),
    ],
)
def test_pairs_as_libraries_log_them(text: str, clean: str) -> None:
    assert clean == Redactor().redact(text)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("http://user:p%40ss@h:80/x", ["user", "p@ss"]),
        ("http://user:pa/ss@h/x", ["user", "pa/ss"]),
        ("user:pass@h:80", ["user", "pass"]),
        ("http://h/users/me@example.com", []),
        ("http://h:80/users/me@example.com", []),
        ("http://[::1]:80/me@x", []),
        ("http://[::1]/me@x", []),
        ("http://h?mail=me@x", []),
        ("", []),
    ],
)
def test_user_and_password_in_a_url(url: str, secrets: list[str]) -> None:
    assert secrets == userinfo_secrets(url)
