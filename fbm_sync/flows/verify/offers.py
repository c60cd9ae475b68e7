"""Offers: every listing as Amazon shows it now, held against what was last seen, last written and decided."""

import dataclasses
from collections.abc import Mapping, Sequence

from fbm_sync.domain.drift import Drift
from fbm_sync.domain.listing import ObservedOffer, Offer
from fbm_sync.domain.offer_comparison import (
    GONE_AFTER,
    KnownListing,
    compare_offers,
    gone_listings,
    is_suspect,
)
from fbm_sync.domain.order import Sku
from fbm_sync.domain.truth import doubt_about, named
from fbm_sync.errors import RemoteError
from fbm_sync.ports import Books, Clock, Ledger, OfferChannel, Progress, unwatched

_MOST_ASKED = 200
_AT_A_TIME = 1_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OffersVerified:
    """How many listings were compared, which drifted, which are gone; how many looks were recorded.

    `wanted` says what drifted listings should show, where that was decided; `doubts` what could not be
    compared, and why.
    """

    compared: int = 0
    drifts: tuple[Drift, ...] = ()
    wanted: Mapping[Sku, Offer | None] = dataclasses.field(default_factory=dict)
    gone: tuple[Sku, ...] = ()
    recorded: int = 0
    doubts: tuple[str, ...] = ()


def verify_offers(
    account: str,
    channel: OfferChannel,
    ledger: Ledger,
    clock: Clock,
    *,
    repair: bool = False,
    progress: Progress = unwatched,
) -> OffersVerified:
    """Compare an account's listings with Amazon; with `repair` record what differs, so that it is mended."""
    look = _Look(account, ledger)
    try:
        for page in channel.sweep():
            look.at(page.offers)
            look.unreadable += [item.subject for item in page.unreadable]
            progress("listings", len(look.seen), page.expected_total)
        doubt = look.doubt()
        gone = () if doubt else look.at_absent(channel, clock)
    except RemoteError as error:
        return OffersVerified(compared=len(look.seen), doubts=(f"listings: {error}",))
    if doubt:
        return OffersVerified(compared=len(look.seen), doubts=(doubt,))
    return OffersVerified(
        compared=len(look.seen),
        drifts=tuple(look.drifts),
        wanted=look.wanted_of_drifts(),
        gone=gone,
        recorded=look.record() if repair else 0,
        doubts=tuple(look.doubts),
    )


class _Look:
    """One look at all listings of an account."""

    def __init__(self, account: str, ledger: Ledger) -> None:
        self.account, self.ledger = account, ledger
        self.seen: set[Sku] = set()
        self.unreadable: list[str] = []
        self.absent: list[Sku] = []
        self.drifts: list[Drift] = []
        self.doubts: list[str] = []
        self._news: list[ObservedOffer] = []
        with ledger.snapshot() as books:
            self._drifted = {
                drift.sku: drift for drift, _ in books.watch.drifts() if drift.account == account
            }

    def at(self, offers: Sequence[ObservedOffer]) -> None:
        """Compare some listings with what is known of them."""
        fresh = [offer for offer in offers if offer.sku not in self.seen]
        with self.ledger.snapshot() as books:
            known = self._known(books, fresh)
        self.drifts += compare_offers(known, fresh)
        self._news += [
            one for one in fresh if one.sku not in known or known[one.sku].shown.offer != one.offer
        ]
        self.seen |= {offer.sku for offer in fresh}

    def _known(self, books: Books, offers: Sequence[ObservedOffer]) -> dict[Sku, KnownListing]:
        skus = [offer.sku for offer in offers]
        if not skus:
            return {}
        wanted = self._wanted(books, skus)
        confirmed = books.truth.confirmed(self.account, skus)
        known = {
            sku: KnownListing(
                shown=shown,
                confirmed=confirmed.get(sku),
                drift=self._drifted.get(sku),
                wanted=wanted.get(sku),
            )
            for sku, shown in books.offers.observed(self.account, skus).items()
        }
        suspects = [one.sku for one in offers if one.sku in known and is_suspect(known[one.sku], one)]
        return known | {sku: self._explained(books, sku, known[sku]) for sku in suspects}

    def _explained(self, books: Books, sku: Sku, known: KnownListing) -> KnownListing:
        """Add what may explain what a listing shows: what was written of late, and what was given back."""
        since = known.told_since
        return dataclasses.replace(
            known,
            written=tuple(books.truth.written(self.account, [sku], since).get(sku, ())),
            returned_units=books.truth.returned_units(self.account, sku, since),
        )

    def _wanted(self, books: Books, skus: Sequence[Sku]) -> dict[Sku, Offer | None]:
        decided = books.offers.decisions(skus=skus)
        return {one.sku: one.desired for one in decided if one.account == self.account}

    def wanted_of_drifts(self) -> dict[Sku, Offer | None]:
        """Return what the drifted listings should show."""
        skus = [drift.sku for drift in self.drifts]
        if not skus:
            return {}
        with self.ledger.snapshot() as books:
            return self._wanted(books, skus)

    # --- what is not there ------------------------------------------------------------------------

    def doubt(self) -> str:
        """Say why the whole look should not be believed; "" if it may be.

        What many looks before did not show either is gone, and no reason to doubt this one.
        """
        with self.ledger.snapshot() as books:
            known = books.offers.observed(self.account)
            swept_at = books.runs.last_success("offers", self.account)
        unread = {Sku(name) for name in self.unreadable}
        self.absent = sorted(known.keys() - self.seen - unread)
        lately = {
            sku for sku, one in known.items() if swept_at is None or swept_at - one.observed_at < GONE_AFTER
        }
        shown = len(lately) - len(lately.intersection(self.absent))
        return doubt_about("listings", known=len(lately), shown=shown)

    def at_absent(self, channel: OfferChannel, clock: Clock) -> tuple[Sku, ...]:
        """Ask for the listings that were not shown, each by its SKU; return which of them are gone."""
        if self.unreadable:
            count = len(self.unreadable)
            self.doubts.append(f"{count} listings that cannot be read: {named(self.unreadable)}")
        asked, left = self.absent[:_MOST_ASKED], self.absent[_MOST_ASKED:]
        if left:
            self.doubts.append(f"{len(left)} more listings that were not shown")
        if not asked:
            return ()
        found = channel.observe(asked)
        self.at(list(found.values()))
        with self.ledger.snapshot() as books:
            lost = books.offers.observed(self.account, asked)
            wanted = self._wanted(books, asked)
        return gone_listings([one for sku, one in lost.items() if sku not in found], wanted, clock.now())

    # --- afterwards -------------------------------------------------------------------------------

    def record(self) -> int:
        """Record what listings show that differs, and the drifts; return how many looks were recorded."""
        for start in range(0, len(self._news), _AT_A_TIME):
            with self.ledger.transaction() as books:
                books.offers.record_observed(self._news[start : start + _AT_A_TIME])
        if self.drifts:
            with self.ledger.transaction() as books:
                books.truth.note_drifts(self.drifts)
        return len(self._news)
