"""What a plan or a judgement rests on, read from the ledger in one transaction."""

from datetime import datetime, timedelta

from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.demand import DEMAND_DAYS
from fbm_sync.domain.plan import ShopFacts, ShopTerms
from fbm_sync.domain.supply import SupplySnapshot
from fbm_sync.ports import Books


def load_facts(books: Books, terms: ShopTerms, now: datetime) -> ShopFacts:
    """Read all that a plan rests on; without any accepted supply nothing is on hand."""
    reading = books.supply.reading()
    return ShopFacts(
        holding=books.orders.holding_units(now),
        recent=books.orders.touched_since(now - timedelta(days=DEMAND_DAYS)),
        supply=reading.snapshot if reading else SupplySnapshot(stock=()),
        observed={account: books.offers.observed(account) for account in terms.accounts},
        confirmed=tuple(
            receipt
            for account in terms.accounts
            for receipt in books.offers.receipts(account, [PushOutcome.CONFIRMED])
        ),
        assigned={(judged.account, judged.order_id): judged.items for judged in books.orders.outlooks()},
    )
