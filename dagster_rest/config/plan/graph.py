"""Which resource is the parent of which, and an order in which parents come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def topological(names: Sequence[str], parents: Mapping[str, Sequence[str]]) -> list[str]:
    """The names, parents first, otherwise in the given order. There must be no cycle."""
    order: list[str] = []
    done: set[str] = set()
    for start in names:
        stack = [(start, iter(parents.get(start, ())))]
        while stack:
            name, rest = stack[-1]
            pending = next((parent for parent in rest if parent not in done), None)
            if name in done or pending is None:
                stack.pop()
                if name not in done:
                    done.add(name)
                    order.append(name)
            else:
                stack.append((pending, iter(parents.get(pending, ()))))
    return order


def cycles(names: Sequence[str], parents: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Each cycle once, as a chain that ends where it began."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in names:
        chain: list[str] = []
        on_chain: dict[str, int] = {}
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            name, depth = stack.pop()
            for left in chain[depth:]:
                del on_chain[left]
            del chain[depth:]
            if name in on_chain:
                found.append([*chain[on_chain[name] :], name])
                continue
            if name in done:
                continue
            on_chain[name] = depth
            chain.append(name)
            done.add(name)
            stack.extend((parent, depth + 1) for parent in reversed(parents.get(name, ())))
    return found
