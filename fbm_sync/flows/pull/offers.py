"""Offers: what Amazon shows for every listing, remembered."""

import dataclasses

from fbm_sync.ports import Clock, Failure, Ledger, OfferChannel, Progress, unwatched


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OffersPulled:
    """How many listings were read, and what could not be."""

    observed: int = 0
    failures: tuple[Failure, ...] = ()


def pull_offers(
    account: str,
    channel: OfferChannel,
    ledger: Ledger,
    clock: Clock,
    *,
    run_id: str,
    progress: Progress = unwatched,
) -> OffersPulled:
    """Read what Amazon shows for every listing and remember it."""
    observed = 0
    failures: list[Failure] = []
    for page in channel.sweep():
        with ledger.transaction() as books:
            books.offers.record_observed(page.offers)
        observed += len(page.offers)
        failures.extend(
            Failure(
                what=f"listing {item.subject}",
                why=item.reason,
                next="It is left as it is and read again later.",
            )
            for item in page.unreadable
        )
        progress("offers", observed, page.expected_total)
    with ledger.transaction() as books:
        books.runs.succeeded("offers", account, run_id, clock.now())
    return OffersPulled(observed=observed, failures=tuple(failures))
