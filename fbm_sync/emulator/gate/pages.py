"""Opaque page tokens: where a paged answer goes on, and for which question."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

TOKEN_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A place in a fixed list of ids; `query` is the question it belongs to, `bound` what was echoed.

    `size` is kept where the token alone must say how many go on a page.
    """

    query: object
    ids: tuple[str, ...]
    offset: int
    bound: str
    issued_at: datetime
    size: int = 0
    is_second: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkTrouble:
    """How a fault disturbs a walk when it meets a page of it.

    `page` is "repeat" (the next page is this one again), "duplicate" (the same, but the walk goes on after
    that) or "reorder" (this page and the next are shuffled together); `touch` so many orders of the walk
    change before it goes on.
    """

    page: str = ""
    touch: int = 0

    def shuffled(self, page: Page, size: int) -> Page:
        """The page a walk shows in its place; the same page is always shuffled the same way."""
        if self.page != "reorder":
            return page
        start, end = page.offset, page.offset + 2 * size
        both = list(page.ids[start:end])
        random.Random("/".join(both)).shuffle(both)
        return replace(page, ids=(*page.ids[:start], *both, *page.ids[end:]))

    def following(self, page: Page, size: int, now: datetime) -> Page | None:
        """Where a walk goes on after the page; None at its end."""
        once_more = self.page == "duplicate" and not page.is_second
        again, end = once_more or self.page == "repeat", page.offset + size
        if not again and end >= len(page.ids):
            return None
        return replace(page, offset=page.offset if again else end, is_second=once_more, issued_at=now)


NO_TROUBLE = WalkTrouble()


class PageTokens:
    """Hands out page tokens and finds the page again, until the token is a day old."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        self._new_token = new_token
        self._pages: OrderedDict[str, Page] = OrderedDict()

    def issue(self, page: Page) -> str:
        """A token for that page; forgets those that have expired."""
        while self._pages:
            oldest = next(iter(self._pages))
            if page.issued_at - self._pages[oldest].issued_at <= TOKEN_LIFETIME:
                break
            del self._pages[oldest]
        token = self._new_token()
        self._pages[token] = page
        return token

    def find(self, token: str, query: object, now: datetime) -> Page | None:
        """The page a token stands for; None when unknown, expired, or asked with another question."""
        page = self._pages.get(token)
        if page is None or page.query != query or now - page.issued_at > TOKEN_LIFETIME:
            return None
        return page
