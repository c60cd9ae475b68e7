"""What has to be decided anew: the SKUs of which something has changed, and all they are tied to.

A decision rests on the facts of its SKU, on those of SKUs in the same orders, and on what is true of the
shop or of the account as a whole. The last two are kept as digests: while they stay the same, what has not
changed need not be looked at again.
"""

import dataclasses
import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import Enum

import fbm_sync
from fbm_sync.domain.open_risk import OpenRisks
from fbm_sync.domain.order import Sku
from fbm_sync.domain.policy import Headroom
from fbm_sync.domain.shop import ShopTerms, ShopTotals, days_of
from fbm_sync.ports import Books, News, PlanBasis


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to decide anew: some SKUs, or (`None`) the whole shop; and what that rests on."""

    skus: frozenset[Sku] | None
    news: News
    shop: str
    last: PlanBasis | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to decide anew."""
        return self.skus is not None and not self.skus

    def widened(self, by: Collection[Sku], books: Books, now: datetime) -> "Scope":
        """Return the scope with more SKUs and all they are tied to."""
        together = (self.skus or frozenset()).union(by)
        return dataclasses.replace(self, skus=books.orders.tied_to(together, now))


def scope_of(
    books: Books, terms: ShopTerms, totals: ShopTotals, now: datetime, *, whole: bool = False
) -> Scope:
    """Find out what has changed since the last plan, by news or by time alone."""
    news, last = books.plans.news(), books.plans.basis()
    shop = digest_of_shop(books, terms, totals, now)
    if whole or last is None or last.shop != shop or last.planned_at > now:
        return Scope(skus=None, news=news, shop=shop, last=last)
    changed = news.skus | books.orders.skus_turning(last.planned_at, now)
    return Scope(skus=books.orders.tied_to(changed, now), news=news, shop=shop, last=last)


def digest_of_shop(books: Books, terms: ShopTerms, totals: ShopTotals, now: datetime) -> str:
    """Return a digest of all that any decision rests on and that no news of single SKUs tell.

    That are the program and its rules, the day, what was learned from past purchase orders, whether the
    stock list is too old, how long the shop is known, how fast we are, which of Amazon's limits are broken.
    """
    pools = terms.pools(())
    rooms = {account: known.headroom for account, known in totals.accounts.items()}
    begun = {pool: totals.known_since(pool, terms) for pool in pools}
    return _digest(
        [
            fbm_sync.__version__,
            terms,
            days_of(terms, now),
            books.supply.state().past,
            {pool: totals.why_stale(pool, terms, now) is None for pool in pools},
            {pool: None if at is None else terms.calendar.local_date(at) for pool, at in begun.items()},
            {account: known.lag for account, known in totals.accounts.items()},
            {
                account: (room.breached, room.on_time_rate, room.on_time_target)
                for account, room in rooms.items()
            },
        ]
    )


def digest_of_account(headroom: Headroom, risks: OpenRisks) -> str:
    """Return a digest of what the SKUs sold ahead by an account share: spare orders, and what uses them."""
    return f"{headroom.orders} spare {_digest(risks)}"


def has_other_room(last: PlanBasis | None, account: str, headroom: Headroom) -> bool:
    """Tell whether an account has not as many spare orders as it had at the last plan."""
    before = last.accounts.get(account, "") if last else ""
    return not before.startswith(f"{headroom.orders} spare ")


def _digest(value: object) -> str:
    return hashlib.sha256(repr(_plain(value)).encode()).hexdigest()


def _plain(value: object) -> object:
    """Return a value as lists and words in a sequence that is the same in every process."""
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return [type(value).__name__, *((field.name, _plain(getattr(value, field.name))) for field in fields)]
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return sorted((str(key), _plain(part)) for key, part in value.items())
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return repr(value)
