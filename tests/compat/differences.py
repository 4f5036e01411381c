"""Every difference from dlt that is on purpose. A case that differs names its row."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One decision: what dlt 1.31 does, and what happens here."""

    case: str
    dlt: str
    here: str


DIFFERENCES = {
    difference.case: difference
    for difference in (
        Difference(
            "child with incremental, several parents (S60)",
            "one cursor for all parents, which moves between them: rows are lost",
            "one start value per run, and a cursor per parent",
        ),
        Difference(
            "auto paginator on a 1-based `total_pages` API (S33)",
            "page 1 twice, the last page never",
            "each page once",
        ),
        Difference(
            "`next*` scalar in a body that does not paginate (S34), constant cursor (S30), empty header cursor",
            "requests forever",
            "one request, or an error on the repeat",
        ),
        Difference(
            "a number of pages with a fraction (S14)",
            "rounded down: the last page is lost",
            "rounded up",
        ),
        Difference(
            'a last link of `""` or `false` (S25)',
            "fails with an invalid URL",
            "ends the list",
        ),
        Difference(
            "evidence for the detection of paginators and rows",
            "any key that begins with `next`, always sent as `?cursor=`; the first list found, `errors` and `links` "
            "too",
            "the evidence of the response: `@odata.nextLink`, a token sent under its own name; lists of objects "
            "first, `errors`, `links` and `meta` last",
        ),
        Difference(
            "a selector with several matches",
            "one match is unwrapped, several are not: the shape depends on their number",
            "always the same shape",
        ),
        Difference(
            "one paginator instance on two resources (S31); a path param from defaults used twice (S08)",
            "rows are lost; an error",
            "both work",
        ),
        Difference(
            "a body that reports errors beside its records",
            "the records, no error",
            "an error (as GraphQL reports that a part of a query failed); `on_body_errors: warn` loads them",
        ),
        Difference(
            "selector matches nothing, body not empty",
            "no rows, no error",
            "an error; `allow_missing_data: true` allows it",
        ),
        Difference(
            "unknown `action`, status code as text, hook result",
            "ignored",
            'an error for an unknown action; `"404"` and `"4xx"` match; `retry` and `fail` work',
        ),
        Difference("204 or empty body", "fails; an empty object is one empty row", "an empty page"),
        Difference(
            "which failures are retried",
            "429, 5xx, broken connections",
            "408 too",
        ),
        Difference(
            "next link, redirect or parent value that leads to another origin",
            "the credentials are sent there (API key headers on redirects too)",
            "refused, with the origin named; `allowed_origins` lists those that may have them",
        ),
        Difference(
            "OAuth2 token: per resource, no refresh on 401",
            "a token for each resource; a 401 of the API fails",
            "one token per client, renewed once on a 401",
        ),
        Difference("API key in a cookie", "`NotImplementedError`", "is sent"),
        Difference(
            "path values",
            "not encoded: a slash or a question mark changes the URL; format specs are dropped, doubled braces fail",
            "one path segment, percent-encoded; format specs and doubled braces work",
        ),
        Difference(
            "unset placeholder (`{incremental.end_value}`)",
            "the text `None`",
            "the parameter is left out; in a path it is an error",
        ),
        Difference(
            "`incremental` without `cursor_path`",
            "the whole block is ignored",
            "an error",
        ),
        Difference(
            "a datetime as `initial_value` beside text in the rows",
            "an error",
            "compared as points in time",
        ),
        Difference(
            "ints over 64 bits, long decimals",
            "fails; digits are lost",
            "HUGEINT or DECIMAL, else text: no digit is lost",
        ),
        Difference(
            "names that collide in one row (`Id` and `id`)",
            "one of the values is overwritten",
            "one column if the values are equal, else an error that names both; `on_name_collision: suffix` keeps both",
        ),
        Difference(
            "a parent value that is null, used in a path",
            "requests `/None/`",
            "that parent is skipped and counted, with a warning; `on_null_parent: fail` refuses",
        ),
        Difference(
            "`total_path` missing in the response, another stop condition set (S14)",
            "an error",
            "continues with the other condition, with a warning",
        ),
        Difference(
            "a list that ends before its own total",
            "the rows received are loaded, without an error",
            "an error; `on_incomplete: warn` allows it",
        ),
        Difference(
            "`upsert` with the same key twice in a load",
            "both are inserted",
            "the last one wins",
        ),
        Difference(
            "`hard_delete` of a key that is not there, with `upsert`",
            "the row marked as deleted is inserted",
            "nothing is inserted",
        ),
        Difference(
            "`tables: freeze` on the first run",
            "fails",
            "the first load creates its tables",
        ),
        Difference(
            "two parents (S46)",
            "an error",
            "the cross product, if the config says `parents: product`; else the same error",
        ),
        Difference(
            "secrets in errors, logs, validation",
            "shown in four places",
            "never, anywhere",
        ),
        Difference(
            "two resources with one table (S78)",
            "both load into it; a `replace` or refresh of one deletes the rows of the other",
            "refused when the definitions load; a view brings two tables together",
        ),
    )
}
