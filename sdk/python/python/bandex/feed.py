"""A book that keeps itself whole: it takes every push, and asks for a new snapshot if one does not fit."""

from __future__ import annotations

from typing import Generic, TypeVar

from ._core import Client, LocalBook, LocalOrders, Markets, Subscription
from .errors import BookBroken
from .types import Depth

__all__ = ["BookFeed"]

BookT = TypeVar("BookT", LocalBook, LocalOrders)


class BookFeed(Generic[BookT]):
    """A book with the subscription that keeps it true: an async iterator of the book whenever it has changed and is
    whole. Whoever stops waiting for it may go on later.
    """

    def __init__(self, pushes: Subscription, book: BookT) -> None:
        """Keeps ``book`` true by what ``pushes`` brings; they must be about the same."""
        self.pushes = pushes
        self.book: BookT = book
        self.faults = 0
        """How often a push did not fit, so that the book was emptied and asked for anew."""

    @staticmethod
    async def levels(client: Client, markets: Markets, market: str, depth: Depth = "full") -> BookFeed[LocalBook]:
        """Follows a market's book by levels: so many of the best of each side, or all of them."""
        pushes = await client.subscribe("book", market, depth=depth)
        return BookFeed(pushes, LocalBook(markets, market, depth))

    @staticmethod
    async def orders(client: Client, markets: Markets, market: str) -> BookFeed[LocalOrders]:
        """Follows a market's book order by order."""
        return BookFeed(await client.subscribe("book_orders", market), LocalOrders(markets, market))

    def __aiter__(self) -> BookFeed[BookT]:
        return self

    async def __anext__(self) -> BookT:
        while True:
            push = await anext(self.pushes)
            try:
                self.book.apply(push)
            except BookBroken as error:
                # What comes between a fault and the snapshot is of no use.
                if error.code not in ("no_snapshot", "elsewhere"):
                    self.faults += 1
                    self.pushes.refresh()
            if self.book.is_live:
                return self.book
