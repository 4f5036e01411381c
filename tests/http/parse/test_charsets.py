"""Bytes that are not of the encoding they are said to have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dagster_rest.config import ConfigError, load_config
from dagster_rest.http import DecodeError, RestClient
from dagster_rest.http.parse.json import decode_json, decode_replacing
from tests.support.server import ApiServer, Reply

NAME = "Müller"
LATIN = json.dumps([{"name": NAME}], ensure_ascii=False).encode("latin-1")


def collect(api: ApiServer, client: RestClient, body: bytes, charset: str | None, **options: Any) -> list[Any]:
    kind = "application/json" + (f"; charset={charset}" if charset else "")
    api.json("/items", Reply(body=body, headers={"Content-Type": kind}))
    return [row for page in client.paginate("items", **options) for row in page]


@pytest.mark.parametrize("charset", [None, "utf-8", "klingon"])
def test_bytes_that_are_no_utf8_are_an_error(api: ApiServer, client: RestClient, charset: str | None) -> None:
    """dlt: guesses another encoding, or writes replacement characters."""
    with pytest.raises(DecodeError, match="not utf-8") as caught:
        collect(api, client, LATIN, charset)
    assert "http_charset" == caught.value.code
    assert ("encoding_errors" in str(caught.value), "`encoding`" in str(caught.value)) == (True, True)


@pytest.mark.parametrize("charset", ["latin-1", "iso-8859-1", "cp1252"])
def test_the_encoding_that_the_response_names_is_used(api: ApiServer, client: RestClient, charset: str) -> None:
    assert [{"name": NAME}] == collect(api, client, LATIN, charset)


@pytest.mark.parametrize("charset", [None, "utf-8"])
def test_the_encoding_that_the_config_names_is_used(api: ApiServer, client: RestClient, charset: str | None) -> None:
    assert [{"name": NAME}] == collect(api, client, LATIN, charset, encoding="cp1252")


def test_bytes_that_are_not_of_the_named_encoding_are_an_error(api: ApiServer, client: RestClient) -> None:
    body = b'[{"name": "\x81\xff"}]'
    with pytest.raises(DecodeError, match="not shift_jis"):
        collect(api, client, body, "shift_jis")


def test_they_can_be_replaced_and_are_counted(api: ApiServer, client: RestClient) -> None:
    body = '[{"name": "M?ller", "legit": "�"}, {"name": "J?rg"}]'.encode().replace(b"?", b"\xfc")
    api.json("/items", Reply(body=body))
    pages = list(client.paginate("items", encoding_errors="replace"))
    assert [[{"name": "M�ller", "legit": "�"}, {"name": "J�rg"}]] == pages
    assert 2 == pages[0].replaced


def test_nothing_is_replaced_in_good_pages(api: ApiServer, client: RestClient) -> None:
    api.json("/items", [{"name": NAME}])
    pages = list(client.paginate("items", encoding_errors="replace"))
    assert (0, [[{"name": NAME}]]) == (pages[0].replaced, pages)


def test_every_page_is_counted_for_itself(api: ApiServer, client: RestClient) -> None:
    bad = b'{"data": [{"n": "\xff"}], "next": "/items?p=2"}'
    api.replies("/items", [Reply(body=bad), {"data": [{"n": "good"}]}])
    pages = list(client.paginate("items", paginator="json_link", encoding_errors="replace"))
    assert [1, 0] == [page.replaced for page in pages]


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b"<html>\xfc</html>", b'{"a": \xff'])
def test_what_is_no_json_either_way_is_said_to_be_no_json(body: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_json(body)
    assert "http_not_json" == caught.value.code
    with pytest.raises(DecodeError):
        decode_replacing(body)


def test_digits_are_kept_in_every_encoding() -> None:
    body = '{"n": 123456789012345678901234567890, "name": "Müller"}'
    assert json.loads(body) == decode_json(body.encode("latin-1"), encoding="latin-1")
    assert json.loads(body) == decode_json(body.encode("utf-16"))


@pytest.mark.parametrize("key", ["encoding", "encoding_errors", "on_body_errors"])
def test_a_wrong_choice_is_found_at_load(key: str) -> None:
    endpoint = {"path": "items", key: "klingon"}
    with pytest.raises(ConfigError, match=key):
        load_config({"client": {"base_url": "http://x"}, "resources": [{"name": "items", "endpoint": endpoint}]})
