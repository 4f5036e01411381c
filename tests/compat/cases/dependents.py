"""D. Placeholders and dependents: S39 to S52."""

from __future__ import annotations

from typing import Any

from tests.compat.apis import by_link, by_offset, items, plain_pages
from tests.compat.case import Answer, Call, Cases, Expect, Runs, Setup, source

CASES = Cases("Parents and children")
PARENTS = [{"id": n, "title": f"t{n}"} for n in range(5)]


def pair(child: dict[str, Any], *, parent: dict[str, Any] | None = None, **more: Any) -> Any:
    """Parent `p` at `/p` and a child `c`."""
    return source({"name": "p", **(parent or {})}, {"name": "c", **child}, **more)


def kids(call: Call) -> Any:
    """Two rows that say whose children they are."""
    return [{"k": 1, "of": call.params.get("id")}, {"k": 2, "of": call.params.get("id")}]


# Where a parent's value may stand -------------------------------------------------------------------------------

CASES.same(
    "S39-path",
    "the parent's value in the path",
    pair({"endpoint": "p/{resources.p.id}/kids"}),
    {"/p": PARENTS, "/p/{id}/kids": kids},
    unordered=True,
    requests=["GET /p", *(f"GET /p/{n}/kids" for n in range(5))],
    rows={"p": 5, "c": 10},
)
CASES.same(
    "S39-query",
    "the parent's value in the query",
    pair({"endpoint": {"path": "kids", "params": {"of": "{resources.p.id}", "x": 1}}}),
    {"/p": PARENTS, "/kids": lambda call: [{"of": call.arg("of")}]},
    unordered=True,
    requests=["GET /p", *(f"GET /kids?of={n}&x=1" for n in range(5))],
    values={"c.of": ["0", "1", "2", "3", "4"]},
)
CASES.same(
    "S39-json",
    "the parent's value in the json",
    pair(
        {
            "endpoint": {
                "path": "kids",
                "method": "POST",
                "json": {"of": "{resources.p.id}", "deep": {"l": ["{resources.p.title}"]}},
            }
        }
    ),
    {"/p": PARENTS, "POST /kids": lambda call: [call.json()]},
    unordered=True,
    bodies=[None, *({"json": {"of": n, "deep": {"l": [f"t{n}"]}}} for n in range(5))],
    values={"c.of": [0, 1, 2, 3, 4]},
)
CASES.same(
    "S39-headers",
    "the parent's value in a header",
    pair({"endpoint": {"path": "kids", "headers": {"X-Of": "{resources.p.id}", "X-{resources.p.title}": "v"}}}),
    {"/p": PARENTS, "/kids": lambda call: [{"of": call.headers["x-of"]}]},
    unordered=True,
    values={"c.of": ["0", "1", "2", "3", "4"]},
)
CASES.same(
    "S39-data",
    "the parent's value in form data",
    pair({"endpoint": {"path": "kids", "method": "POST", "data": {"of": "{resources.p.id}", "x": "y z"}}}),
    {"/p": PARENTS[:2], "POST /kids": lambda call: [{"said": call.body.decode()}]},
    unordered=True,
    values={"c.said": ["of=0&x=y+z", "of=1&x=y+z"]},
)
CASES.same(
    "S39-params-key",
    "the parent's value in the name of a param",
    pair({"endpoint": {"path": "kids", "params": {"by_{resources.p.title}": 1}}}),
    {"/p": PARENTS[:2], "/kids": items(1)},
    unordered=True,
    requests=["GET /p", "GET /kids?by_t0=1", "GET /kids?by_t1=1"],
)
CASES.same(
    "S39-second-run",
    "a second run requests the children of the parents of that run",
    pair({"endpoint": "p/{resources.p.id}/kids"}),
    {"/p": Runs(PARENTS[:2], PARENTS[1:3]), "/p/{id}/kids": kids},
    runs=2,
    unordered=True,
    requests=[
        ["GET /p", "GET /p/0/kids", "GET /p/1/kids"],
        ["GET /p", "GET /p/1/kids", "GET /p/2/kids"],
    ],
    rows={"p": 4, "c": 8},
)
CASES.same(
    "S39-no-parents",
    "no parent rows, no child requests",
    pair({"endpoint": "p/{resources.p.id}/kids"}),
    {"/p": [], "/p/{id}/kids": kids},
    requests=["GET /p"],
    rows={},
)

# Types and text -------------------------------------------------------------------------------------------------

MANY = [{"id": 1, "i": 7, "n": None, "b": True, "f": 1.5, "l": [1, 2], "o": {"k": "v"}, "s": "x"}]
CASES.same(
    "S40-json",
    "json keeps the type of a value that is alone; mixed text is text",
    pair(
        {
            "endpoint": {
                "path": "kids",
                "method": "POST",
                "json": {
                    **{key: f"{{resources.p.{key}}}" for key in ("i", "n", "b", "f", "l", "o", "s")},
                    "mixed": "<{resources.p.i}>",
                    "constant": 5,
                    "none": None,
                },
            }
        }
    ),
    {"/p": MANY, "POST /kids": items(1)},
    unordered=True,
    bodies=[
        None,
        {
            "json": {
                "i": 7,
                "n": None,
                "b": True,
                "f": 1.5,
                "l": [1, 2],
                "o": {"k": "v"},
                "s": "x",
                "mixed": "<7>",
                "constant": 5,
                "none": None,
            }
        },
    ],
)
CASES.same(
    "S40-query-text",
    "a query takes the value as text",
    pair(
        {
            "endpoint": {
                "path": "kids",
                "params": {k: f"{{resources.p.{k}}}" for k in ("i", "b", "f", "s", "l")},
            }
        }
    ),
    {"/p": MANY, "/kids": items(1)},
    unordered=True,
    requests=["GET /p", "GET /kids?b=True&f=1.5&i=7&l=[1, 2]&s=x"],
)
CASES.same(
    "S40-format-spec",
    "a format spec in a param",
    pair({"endpoint": {"path": "kids", "params": {"id": "{resources.p.id:03d}"}}}),
    {"/p": MANY, "/kids": items(1)},
    unordered=True,
    requests=["GET /p", "GET /kids?id=001"],
)
CASES.same(
    "S41-params",
    "doubled braces are braces in params",
    source({"name": "x", "endpoint": {"params": {"a": "{{lit}}", "b": "{{not_this {{and}}}}"}}}),
    {"/x": items(1)},
    requests=["GET /x?a={lit}&b={not_this {and}}"],
)
CASES.same(
    "S41-json",
    "doubled braces are braces in json (GraphQL)",
    source({"name": "x", "endpoint": {"method": "POST", "json": {"query": "query {{ users {{ id }} }}"}}}),
    {"POST /x": items(1)},
    bodies=[{"json": {"query": "query { users { id } }"}}],
)
CASES.same(
    "S41-headers",
    "doubled braces are braces in headers; client headers are literal",
    source({"name": "x", "endpoint": {"headers": {"X-A": "{{a}}"}}}, client={"headers": {"X-B": "{{b}}"}}),
    {"/x": items(1)},
    headers=[{"x-a": "{a}", "x-b": "{{b}}"}],
)
CASES.same(
    "S41-data",
    "doubled braces are braces in data",
    source({"name": "x", "endpoint": {"method": "POST", "data": '{{"a": 1}}'}}),
    {"POST /x": items(1)},
    bodies=[{"json": {"a": 1}}],
)
ENCODED = "path values"
CASES.differs(
    "S42-encoding",
    "a parent's value with a slash, a question mark and a hash in the path",
    pair({"endpoint": "c/{resources.p.v}/z"}),
    {"/p": [{"v": "a b/c?d#é"}], "/c/{v}/z": items(1), "/c/{v}/{w}": items(1)},
    row=ENCODED,
    unordered=True,
    dlt=Expect(requests=["GET /p", "GET /c/a%20b/c?d="]),
    ours=Expect(requests=["GET /p", "GET /c/a%20b%2Fc%3Fd%23%C3%A9/z"], rows={"p": 1, "c": 1}),
)
CASES.differs(
    "S42-format-spec",
    "a format spec in the path",
    pair({"endpoint": "c/{resources.p.id:03d}/z"}),
    {"/p": [{"id": 7}], "/c/{v}/z": items(1)},
    row=ENCODED,
    unordered=True,
    dlt=Expect(requests=["GET /p", "GET /c/7/z"]),
    ours=Expect(requests=["GET /p", "GET /c/007/z"]),
)
CASES.differs(
    "S42-braces",
    "doubled braces in the path",
    source({"name": "x", "endpoint": "x/{{lit}}"}),
    {"/x/{lit}": items(1)},
    row=ENCODED,
    dlt=Expect(error="lit"),
    ours=Expect(request_count=1, rows={"x": 1}),
)
CASES.differs(
    "S42-null",
    "a parent's value is null and used in the path",
    pair({"endpoint": "c/{resources.p.v}/z"}),
    {"/p": [{"id": 1, "v": None}, {"id": 2, "v": 5}], "/c/{v}/z": lambda call: [{"of": call.params["v"]}]},
    row="a parent value that is null, used in a path",
    unordered=True,
    dlt=Expect(requests=["GET /p", "GET /c/None/z", "GET /c/5/z"], values={"c.of": ["5", "None"]}),
    ours=Expect(requests=["GET /p", "GET /c/5/z"], values={"c.of": ["5"]}),
)
NESTED = [{"o": {"k": {"z": 4}}, "l": [{"id": 8}, {"id": 9}], "a.b": 3, "x-y": 2}]
for name, field, value in [
    ("nested", "o.k.z", 4),
    ("index", "l[1].id", 9),
    ("quoted", "'a.b'", 3),
    ("dashed", "x-y", 2),
    ("first-match", "l[*].id", 8),
]:
    CASES.same(
        f"S43-{name}",
        f"the parent's field as JSONPath {field!r}",
        pair({"endpoint": {"path": "kids", "params": {"v": f"{{resources.p.{field}}}"}}}),
        {"/p": NESTED, "/kids": items(1)},
        unordered=True,
        requests=["GET /p", f"GET /kids?v={value}"],
    )
CASES.same(
    "S43-scalar-parents",
    "parents that are scalars, by $",
    pair({"endpoint": "kids/{resources.p.$}"}),
    {"/p": ["a", "b"], "/kids/{v}": lambda call: [{"of": call.params["v"]}]},
    unordered=True,
    requests=["GET /p", "GET /kids/a", "GET /kids/b"],
    values={"c.of": ["a", "b"]},
)

# Errors ---------------------------------------------------------------------------------------------------------

for name, build, word in [
    (
        "unknown-context",
        source({"name": "x", "endpoint": {"params": {"a": "{unknown.posts.id}"}}}),
        "unknown.posts.id",
    ),
    (
        "short-reference",
        source("p", {"name": "x", "endpoint": {"params": {"a": "{resources.p}"}}}),
        "resources.p",
    ),
    ("unknown-parent", source({"name": "x", "endpoint": "x/{resources.nobody.id}"}), "nobody"),
    ("unbound-path", source({"name": "x", "endpoint": "x/{org}/y"}), "org"),
    (
        "unused-resolve",
        source(
            "p",
            {"name": "x", "endpoint": {"params": {"i": {"type": "resolve", "resource": "p", "field": "id"}}}},
        ),
        "i",
    ),
    (
        "cycle",
        source({"name": "a", "endpoint": "a/{resources.b.id}"}, {"name": "b", "endpoint": "b/{resources.a.id}"}),
        "a",
    ),
    (
        "incremental-without",
        source({"name": "x", "endpoint": {"params": {"a": "{incremental.start_value}"}}}),
        "incremental",
    ),
]:
    CASES.same(f"S44-{name}", f"an error: {name}", build, {"/p": items(1), "/x": items(1)}, error=word, rows={})
CASES.same(
    "S44-field-missing",
    "an error: a field that no parent row has",
    pair({"endpoint": "c/{resources.p.nothing}"}),
    {"/p": items(2)},
    error="nothing",
    # Here the parent is loaded on its own and stays.
    compare=(),
)
CASES.same(
    "S44-include-missing",
    "an error: include_from_parent names a field that is not there",
    pair({"endpoint": "c/{resources.p.id}", "include_from_parent": ["nothing"]}),
    {"/p": items(2), "/c/{id}": items(1)},
    error="nothing",
    # Here the parent is loaded on its own and stays.
    compare=(),
)

# Shapes of dependence -------------------------------------------------------------------------------------------

CASES.same(
    "S45-two-fields",
    "two fields of one parent in one path",
    pair({"endpoint": "c/{resources.p.id}/{resources.p.title}/z"}),
    {"/p": PARENTS[:2], "/c/{id}/{title}/z": items(1)},
    unordered=True,
    requests=["GET /p", "GET /c/0/t0/z", "GET /c/1/t1/z"],
)
CASES.same(
    "S45-two-children",
    "two children of one parent fetch it once",
    source(
        "p",
        {"name": "c", "endpoint": "c/{resources.p.id}/z"},
        {"name": "d", "endpoint": "d/{resources.p.title}/z"},
    ),
    {"/p": PARENTS[:2], "/c/{id}/z": kids, "/d/{id}/z": kids},
    unordered=True,
    requests=["GET /p", "GET /c/0/z", "GET /c/1/z", "GET /d/t0/z", "GET /d/t1/z"],
    rows={"p": 2, "c": 4, "d": 4},
)
CASES.same(
    "S45-grandchildren",
    "a chain of three, children written before their parents",
    source(
        {"name": "g", "endpoint": "c/{resources.c.id}/g", "include_from_parent": ["of"]},
        {"name": "c", "endpoint": "p/{resources.p.id}/c"},
        "p",
    ),
    {
        "/p": PARENTS[:2],
        "/p/{id}/c": lambda call: [{"id": f"{call.params['id']}{n}", "of": call.params["id"]} for n in "ab"],
        "/c/{id}/g": lambda call: [{"leaf": call.params["id"]}],
    },
    unordered=True,
    rows={"p": 2, "c": 4, "g": 4},
    values={"g.leaf": ["0a", "0b", "1a", "1b"], "g._c_of": ["0", "0", "1", "1"]},
)
CASES.same(
    "S46",
    "an error: two different parents",
    source("p", "q", {"name": "c", "endpoint": "c/{resources.p.id}/{resources.q.id}"}),
    {"/p": items(2), "/q": items(2)},
    error="parent",
    requests=[],
    rows={},
)
CASES.differs(
    "S46-product",
    "two different parents, with `parents: product`",
    source("p", "q", {"name": "c", "parents": "product", "endpoint": "c/{resources.p.id}/{resources.q.id}/z"}),
    {"/p": items(2), "/q": items(2), "/c/{a}/{b}/z": items(1)},
    row="two parents (S46)",
    unordered=True,
    dlt=Expect(error="parents"),
    ours=Expect(
        requests=["GET /p", "GET /q", *(f"GET /c/{a}/{b}/z" for a in (1, 2) for b in (1, 2))],
        rows={"p": 2, "q": 2, "c": 4},
    ),
)
for name, more in {"plain": {}, "parallelized": {"parallelized": True}}.items():
    CASES.same(
        f"S47-{name}",
        f"include_from_parent on every child row, {name}",
        pair({"endpoint": "p/{resources.p.id}/kids", "include_from_parent": ["id", "title"], **more}),
        {"/p": PARENTS, "/p/{id}/kids": kids},
        unordered=True,
        rows={"p": 5, "c": 10},
        values={"c._p_title": sorted(f"t{n}" for n in [*range(5), *range(5)])},
        types={"c._p_id": "BIGINT", "c._p_title": "VARCHAR"},
    )
CASES.same(
    "S47-overwrites",
    "include_from_parent overwrites a key of the same name",
    pair({"endpoint": "p/{resources.p.id}/kids", "include_from_parent": ["id"]}),
    {"/p": items(1), "/p/{id}/kids": [{"_p_id": "own"}]},
    unordered=True,
    values={"c._p_id": [1]},
)
CASES.same(
    "S47-objects",
    "include_from_parent of an object and a list",
    pair({"endpoint": "p/{resources.p.id}/kids", "include_from_parent": ["o", "l"]}),
    {"/p": [{"id": 1, "o": {"k": 1}, "l": [1, 2]}], "/p/{id}/kids": items(1)},
    unordered=True,
    rows={"p": 1, "p__l": 2, "c": 1, "c___p_l": 2},
)
CASES.same(
    "S48",
    "paginated children of a paginated parent",
    source(
        {"name": "p", "endpoint": {"paginator": {"type": "page_number", "total_path": None}}},
        {
            "name": "c",
            "endpoint": {"path": "p/{resources.p.id}/kids", "paginator": {"type": "offset", "limit": 5}},
        },
    ),
    {"/p": plain_pages(items(5), 2), "/p/{id}/kids": by_offset(items(12))},
    unordered=True,
    request_count=4 + 5 * 3,
    rows={"p": 5, "c": 60},
)
CASES.same(
    "S48-links",
    "children with next links, each parent from its own first page",
    pair({"endpoint": {"path": "p/{resources.p.id}/kids", "paginator": "json_link"}}),
    {
        "/p": PARENTS[:3],
        "/p/{id}/kids": by_link([items(2), items(1, 3)], lambda call, index: f"{call.path}?n={index}"),
    },
    unordered=True,
    requests=["GET /p", *(f"GET /p/{n}/kids{q}" for n in range(3) for q in ("", "?n=1"))],
    rows={"p": 3, "c": 9},
)
CASES.same(
    "S48-entity",
    "a child path that ends in the parent's value is an entity",
    pair({"endpoint": "p/{resources.p.id}"}),
    {"/p": PARENTS[:2], "/p/{id}": lambda call: {"id": call.params["id"], "tags": ["a", "b"]}},
    unordered=True,
    rows={"p": 2, "c": 2, "c__tags": 4},
)
CASES.same(
    "S49",
    "parallelized children are the same rows",
    pair({"endpoint": "p/{resources.p.id}/kids", "parallelized": True}, parent={"parallelized": True}),
    {"/p": [{"id": n} for n in range(30)], "/p/{id}/kids": kids},
    unordered=True,
    request_count=31,
    rows={"p": 30, "c": 60},
)
CASES.same(
    "S50",
    "a parent that is not selected is fetched and not loaded",
    pair({"endpoint": "p/{resources.p.id}/kids"}, parent={"selected": False}),
    {"/p": PARENTS, "/p/{id}/kids": kids},
    unordered=True,
    request_count=6,
    rows={"c": 10},
)
CASES.same(
    "S50-nobody-needs-it",
    "a resource that is not selected and has no child is not fetched",
    source("x", {"name": "y", "selected": False}),
    {"/x": items(1), "/y": items(1)},
    requests=["GET /x"],
    rows={"x": 1},
)


def parent_in_python(setup: Setup) -> dict[str, Any]:
    """The parent's rows come from a function of the user."""
    config = pair({"endpoint": "p/{resources.p.id}/kids"})(setup)
    config["resources"][0] = setup.lib.parent("p", lambda: [PARENTS[:2], PARENTS[2:3]])
    return config


CASES.same(
    "S51",
    "parent rows from Python, as lists",
    parent_in_python,
    {"/p/{id}/kids": kids},
    unordered=True,
    requests=["GET /p/0/kids", "GET /p/1/kids", "GET /p/2/kids"],
    rows={"c": 6},
)
CASES.same(
    "S52",
    "the old resolve syntax",
    pair(
        {
            "endpoint": {
                "path": "p/{pid}/kids",
                "params": {"pid": {"type": "resolve", "resource": "p", "field": "id"}, "q": "a"},
            }
        }
    ),
    {"/p": PARENTS[:2], "/p/{id}/kids": kids},
    unordered=True,
    requests=["GET /p", "GET /p/0/kids?q=a", "GET /p/1/kids?q=a"],
    rows={"p": 2, "c": 4},
)
CASES.same(
    "S45-slash-name",
    "a parent whose name has a slash and a dash",
    source({"name": "v1/my-p", "endpoint": "p"}, {"name": "c", "endpoint": "p/{resources.v1/my-p.id}/kids"}),
    {"/p": PARENTS[:2], "/p/{id}/kids": kids},
    unordered=True,
    rows={"v1_my_p": 2, "c": 4},
)
CASES.same(
    "S64-child-ignored",
    "a child request that is ignored leaves out that parent only",
    pair(
        {
            "endpoint": {
                "path": "p/{resources.p.id}/kids",
                "response_actions": [{"status_code": 404, "action": "ignore"}],
            }
        }
    ),
    {
        "/p": PARENTS[:3],
        "/p/{id}/kids": lambda call: Answer(status=404, json={}) if call.params["id"] == "1" else kids(call),
    },
    unordered=True,
    request_count=4,
    rows={"p": 3, "c": 4},
)
CASES.same(
    "S44-child-fails",
    "a child request that fails fails the run",
    pair({"endpoint": "p/{resources.p.id}/kids"}),
    {"/p": PARENTS[:1], "/p/{id}/kids": Answer(status=404, json={})},
    unordered=True,
    error="404",
    compare=("requests",),
)
