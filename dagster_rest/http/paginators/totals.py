"""How much an API says there is, as far as that can be true."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Total:
    """The totals that a list's pages have named.

    Rows come and go while a list is read, so its total moves. The latest says where the list ends; the highest, how
    far it may go: between the two a page that is asked for may be there or not.

    Attributes:
        latest: The one named last.
        highest: The highest one.
    """

    latest: int | None = None
    highest: int | None = None

    def named(self, total: int) -> Total:
        """After a page that named a total."""
        return Total(total, max(total, self.highest or 0))

    def reached(self, reached: int) -> Total:
        """After a page that reaches this far: a total that is exceeded was wrong."""
        if self.latest is None or reached <= self.latest:
            return self
        return Total(self.highest, self.highest) if reached <= (self.highest or 0) else Total()

    def leaves(self, reached: int) -> bool:
        """Whether the latest total says that there is more than this."""
        return self.latest is not None and reached < self.latest

    def is_over(self, reached: int) -> bool:
        """Whether the latest total says that this is all."""
        return self.latest is not None and reached >= self.latest

    def is_over_for_sure(self, reached: int) -> bool:
        """Whether no total said that there is more than this."""
        return self.is_over(reached) and reached >= (self.highest or 0)
