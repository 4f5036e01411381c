"""The paginators that a config can name."""

from typing import Annotated, Any, Literal, TypeAlias, get_args

from pydantic import Field, model_validator
from typing_extensions import Self

from dagster_rest.config.model.base import ConfigModel, extension, key
from dagster_rest.config.model.choice import ByType
from dagster_rest.config.registry import PAGINATORS
from dagster_rest.config.values.problems import problem
from dagster_rest.config.values.types import AnyMapping, Anything, Bool, Count, FilledText, Int, JsonPath, Positive


class PaginatorModel(ConfigModel):
    """What every paginator has."""

    max_pages: Positive | None = extension(None, "Stop after this many pages, without an error.")


def _exclusive(model: PaginatorModel, *names: str) -> None:
    given = [name for name in names if getattr(model, name) is not None]
    if len(given) > 1:
        raise problem(
            "config_conflict",
            f"`{given[0]}` and `{given[1]}` cannot be used together",
            expected=f"one of {', '.join(names)}",
        )


class AutoPaginatorConfig(PaginatorModel):
    """The paginator is detected from the first response, unless the client names one."""

    type: Literal["auto"] = "auto"


class SinglePagePaginatorConfig(PaginatorModel):
    """One request, one page."""

    type: Literal["single_page"] = "single_page"


class JSONLinkPaginatorConfig(PaginatorModel):
    """The URL of the next page is in the body."""

    type: Literal["json_link", "json_response"] = "json_link"
    next_url_path: JsonPath = key("next", "JSONPath of the next page's URL.")


class HeaderLinkPaginatorConfig(PaginatorModel):
    """The URL of the next page is in the `Link` header."""

    type: Literal["header_link"] = "header_link"
    links_next_key: FilledText = key("next", "The `rel` of the next page's link.")


class HeaderCursorPaginatorConfig(PaginatorModel):
    """The cursor of the next page is in a response header."""

    type: Literal["header_cursor"] = "header_cursor"
    cursor_key: FilledText = key("next", "Name of the response header with the cursor.")
    cursor_param: FilledText = key("cursor", "Query parameter for the cursor.")
    initial_cursor: Anything | None = extension(None, "Cursor of the first request.")


class JSONResponseCursorPaginatorConfig(PaginatorModel):
    """The cursor of the next page is in the body."""

    type: Literal["cursor"] = "cursor"
    cursor_path: JsonPath = key("cursors.next", "JSONPath of the next page's cursor; missing or empty ends.")
    cursor_param: FilledText | None = key(None, "Query parameter for the cursor; `cursor` if no other place is named.")
    cursor_body_path: FilledText | None = key(None, "Dotted path in the JSON body for the cursor.")
    cursor_header: FilledText | None = extension(None, "Request header for the cursor.")
    stop_after_empty_page: Bool = key(False, "End at a page without records.")
    has_more_path: JsonPath | None = key(None, "JSONPath of a flag that says whether there are more pages.")
    initial_cursor: Anything | None = extension(None, "Cursor of the first request.")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        _exclusive(self, "cursor_param", "cursor_body_path", "cursor_header")
        return self


class OffsetPaginatorConfig(PaginatorModel):
    """Pages are requested by the number of records to skip."""

    type: Literal["offset"] = "offset"
    limit: Positive = Field(description="Records in a page, and the step of the offset.")
    offset: Count = key(0, "Offset of the first request.")
    offset_param: FilledText | None = key(None, "Query parameter for the offset; `offset` if no other place is named.")
    offset_body_path: FilledText | None = key(None, "Dotted path in the JSON body for the offset.")
    offset_header: FilledText | None = extension(None, "Request header for the offset.")
    limit_param: FilledText | None = key(None, "Query parameter for the limit; `limit` if no other place is named.")
    limit_body_path: FilledText | None = key(None, "Dotted path in the JSON body for the limit.")
    limit_header: FilledText | None = extension(None, "Request header for the limit.")
    total_path: JsonPath | None = key("total", "JSONPath of the total number of records.")
    advance_by: Literal["auto", "rows", "limit"] = extension(
        "auto",
        "How the offset moves: by the `rows` received, by the `limit`, or `auto`: by the limit, but by the rows of a "
        "shorter page.",
    )
    on_incomplete: Literal["fail", "warn"] = extension(
        "fail", "What happens if a list ends before the API's own total."
    )
    maximum_offset: Count | None = key(None, "Offsets stay below this.")
    stop_after_empty_page: Bool = key(True, "End at a page without records.")
    has_more_path: JsonPath | None = key(None, "JSONPath of a flag that says whether there are more pages.")

    @model_validator(mode="after")
    def _terminates(self) -> Self:
        _exclusive(self, "offset_param", "offset_body_path", "offset_header")
        _exclusive(self, "limit_param", "limit_body_path", "limit_header")
        _needs_an_end(self, "maximum_offset")
        return self


class PageNumberPaginatorConfig(PaginatorModel):
    """Pages are requested by number."""

    type: Literal["page_number"] = "page_number"
    base_page: Int = key(0, "Number of the API's first page.")
    page: Int | None = key(None, "Number of the first page to request; `base_page` if absent.")
    page_param: FilledText | None = key(None, "Query parameter for the page; `page` if no other place is named.")
    page_body_path: FilledText | None = key(None, "Dotted path in the JSON body for the page.")
    page_header: FilledText | None = extension(None, "Request header for the page.")
    total_path: JsonPath | None = key("total", "JSONPath of the total number of pages (not of records).")
    on_incomplete: Literal["fail", "warn"] = extension(
        "fail", "What happens if a list ends before the API's own total."
    )
    maximum_page: Int | None = key(None, "Page numbers stay below this.")
    stop_after_empty_page: Bool = key(True, "End at a page without records.")
    has_more_path: JsonPath | None = key(None, "JSONPath of a flag that says whether there are more pages.")

    @model_validator(mode="after")
    def _terminates(self) -> Self:
        _exclusive(self, "page_param", "page_body_path", "page_header")
        _needs_an_end(self, "maximum_page")
        return self


def _needs_an_end(model: OffsetPaginatorConfig | PageNumberPaginatorConfig, maximum: str) -> None:
    ends = (model.total_path, getattr(model, maximum), model.has_more_path, model.max_pages)
    if all(end is None for end in ends) and not model.stop_after_empty_page:
        raise problem(
            "config_conflict",
            "nothing would ever stop this paginator",
            expected=f"one of total_path, {maximum}, has_more_path, or stop_after_empty_page: true",
        )


class RegisteredPaginatorConfig(ConfigModel):
    """A paginator that the user has added with ``register_paginator``: its alias and its arguments."""

    type: str
    options: AnyMapping = key({}, "Keyword arguments of the registered class.")


NamedPaginator: TypeAlias = (
    AutoPaginatorConfig
    | SinglePagePaginatorConfig
    | JSONLinkPaginatorConfig
    | HeaderLinkPaginatorConfig
    | HeaderCursorPaginatorConfig
    | JSONResponseCursorPaginatorConfig
    | OffsetPaginatorConfig
    | PageNumberPaginatorConfig
)
PAGINATOR_MODELS: tuple[type[ConfigModel], ...] = get_args(NamedPaginator)


def _is_paginator(value: Any) -> bool:
    return isinstance(value, RegisteredPaginatorConfig) or (
        hasattr(value, "update_state") and hasattr(value, "update_request")
    )


PAGINATOR_CHOICE = ByType(
    "paginator",
    models=PAGINATOR_MODELS,
    registered=lambda kind, options: RegisteredPaginatorConfig(type=kind, options=options),
    registered_names=lambda: list(PAGINATORS),
    accepts=_is_paginator,
    # So wrote the documentation of dlt's first REST sources.
    deprecated={"json_links": "json_link", "header_links": "header_link"},
)
PaginatorConfig: TypeAlias = Annotated[NamedPaginator | RegisteredPaginatorConfig | Any, PAGINATOR_CHOICE]
