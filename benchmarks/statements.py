"""A fault that cosmic-ray does not know: a statement that is not carried out. Loaded by it, not by `mutate.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cosmic_ray.operators.operator import Example, Operator
from parso.python.tree import Keyword

KEPT = ("import_name", "import_from", "return_stmt", "string", "strings", "global_stmt", "nonlocal_stmt")
"""Statements that stay: what returns nothing, or misses a name, is noticed by everything."""
KEPT_KEYWORDS = ("pass", "break", "continue")


class RemoveStatement(Operator):  # type: ignore[misc]
    """Replaces a simple statement by `pass`."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Where the statement is, if the node is one."""
        if node.type != "simple_stmt":
            return
        statement = node.children[0]
        keyword = statement.type == "keyword" and statement.value in KEPT_KEYWORDS
        declared = statement.type == "expr_stmt" and [part.type for part in statement.children[1:]] == ["annassign"]
        declared = declared and len(statement.children[1].children) == 2
        if statement.type not in KEPT and not keyword and not declared:
            yield statement.start_pos, statement.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """The statement as `pass`, in its place."""
        first = node.children[0].get_first_leaf()
        node.children[0] = Keyword("pass", first.start_pos, first.prefix)
        return node

    @classmethod
    def examples(cls) -> Sequence[Any]:
        """What it does."""
        return (Example("if a:\n    b()\n", "if a:\n    pass\n"), Example("a = 1\n", "pass\n"))


class Provider:
    """What cosmic-ray asks for operators."""

    def __iter__(self) -> Iterator[str]:
        return iter(("RemoveStatement",))

    def __getitem__(self, name: str) -> type[RemoveStatement]:
        return {"RemoveStatement": RemoveStatement}[name]
