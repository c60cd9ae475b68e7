"""Opaque page tokens: where a paged answer goes on, and for which question."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

TOKEN_LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A place in a fixed list of ids; `query` is the question it belongs to, `bound` what was echoed."""

    query: object
    ids: tuple[str, ...]
    offset: int
    bound: str
    issued_at: datetime


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
