"""What is recorded of offers: seen, decided (with the whole history), pushed, held."""

import dataclasses
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    func,
    or_,
    select,
    update,
)

from fbm_sync.adapters.store import hold_record, receipt_record, remembered, shown_terms
from fbm_sync.adapters.store.offer_tables import (
    ObservedOfferRow,
    OfferDecisionRow,
    VerdictRow,
)
from fbm_sync.adapters.store.plan_book import note_changed
from fbm_sync.adapters.store.plan_tables import ChangedSkuRow
from fbm_sync.adapters.store.push_tables import PushClaimRow
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import CHUNK, chunks, insert_all, one_of, upsert
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.decision import OfferDecision, Verdict
from fbm_sync.domain.guard import OnSale
from fbm_sync.domain.hold import DroppedChange, Hold
from fbm_sync.domain.listing import ObservedOffer, Offer
from fbm_sync.domain.order import Sku
from fbm_sync.ports import DecisionCensus

_OBSERVED = table_of(ObservedOfferRow)
_DECISIONS = table_of(OfferDecisionRow)
_VERDICTS = table_of(VerdictRow)
_CHANGED = table_of(ChangedSkuRow)
_CLAIMS = table_of(PushClaimRow)

_OBSERVED_OFFER = TypeAdapter(ObservedOffer)
_VERDICT = TypeAdapter(Verdict)
_MOMENTS = TypeAdapter(tuple[datetime | None, ...])

_WITH_VERDICTS = select(_DECISIONS, _VERDICTS.c.body).join_from(
    _DECISIONS, _VERDICTS, _DECISIONS.c.digest == _VERDICTS.c.digest
)
_RENEW = (
    update(_DECISIONS)
    .where(_DECISIONS.c.decision_id == bindparam("of_decision"))
    .values(
        renewed_at=bindparam("at"), renewed_run_id=bindparam("by_run"), renewed_evidence=bindparam("shown_by")
    )
)
_SUPERSEDE = (
    update(_DECISIONS)
    .where(_DECISIONS.c.decision_id == bindparam("of_decision"))
    .values(superseded_at=bindparam("at"))
)


class SqlOfferBook:
    """Offers in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- seen

    def record_observed(self, offers: Sequence[ObservedOffer]) -> None:
        by_account: dict[str, list[ObservedOffer]] = {}
        for offer in offers:
            by_account.setdefault(offer.account, []).append(offer)
        changes: list[shown_terms.Change] = []
        for account, seen in by_account.items():
            memory = remembered.known(self._connection, account, [offer.sku for offer in seen])
            before = {sku: one.seen for sku, one in memory.items()}
            differing = [offer for offer in seen if _differs(before.get(offer.sku), offer)]
            note_changed(self._connection, (offer.sku for offer in differing))
            # What orders have taken off since is no drift when it shows again, nor is it news.
            known = [(memory[offer.sku].as_seen, offer) for offer in differing if offer.sku in memory]
            later = [(was, now) for was, now in known if was.observed_at <= now.observed_at]
            shown_terms.note(self._connection, account, later)
            changes.extend(later)
            remembered.look(self._connection, account, seen, memory)
        shown_terms.renew(self._connection, changes)

    def listed(self) -> tuple[Sku, ...]:
        skus = self._connection.execute(select(_OBSERVED.c.sku).distinct()).scalars()
        return tuple(sorted(Sku(sku) for sku in skus))

    def unexplained(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, int]:
        return remembered.unexplained(self._connection, account, skus)

    def observed(self, account: str, skus: Sequence[Sku] = ()) -> Mapping[Sku, ObservedOffer]:
        column = _OBSERVED.c
        every = select(column.body).where(column.account == account).order_by(column.sku)
        asked = every.where(one_of(column.sku, skus)) if skus else every
        bodies = self._connection.execute(asked).scalars()
        return {offer.sku: offer for offer in (from_json(_OBSERVED_OFFER, body) for body in bodies)}

    def on_sale(self, account: str) -> OnSale:
        units = func.coalesce(func.sum(_OBSERVED.c.quantity), 0)
        statement = select(func.count(), units).where(_OBSERVED.c.account == account)
        listings, on_sale = self._connection.execute(statement).one()
        return OnSale(listings=listings, units=int(on_sale))

    # --- decided

    def record_decisions(self, decisions: Sequence[OfferDecision]) -> int:
        newest = {(decision.account, decision.sku): decision for decision in decisions}
        texts, changed = _Texts(), 0
        for chunk in chunks(list(newest.values()), CHUNK):
            changed += self._record_newest(chunk, texts)
        return changed

    def _record_newest(self, decisions: Sequence[OfferDecision], texts: "_Texts") -> int:
        in_force = self._in_force(decisions)
        renewed, superseded, fresh = [], [], []
        for decision in decisions:
            digest = texts.digest_of(decision.verdict)
            evidence = texts.times(decision.as_of)
            before = in_force.get((decision.account, decision.sku))
            if before is not None and before.digest == digest:
                if before.renewed_evidence != evidence:
                    renewed.append(_renewal(before.decision_id, decision, evidence))
                continue
            if before is not None:
                superseded.append({"of_decision": before.decision_id, "at": decision.decided_at})
            fresh.append(_decision_row(decision, digest, evidence))
        for statement, parameters in ((_RENEW, renewed), (_SUPERSEDE, superseded)):
            if parameters:
                self._connection.execute(statement, parameters)
        upsert(self._connection, _VERDICTS, texts.unwritten(), keep=("body",))
        insert_all(self._connection, _DECISIONS, fresh)
        return len(fresh)

    def _in_force(self, decisions: Iterable[OfferDecision]) -> dict[tuple[str, str], Any]:
        """Return number, digest and evidence of the decisions in force, by account and SKU."""
        column = _DECISIONS.c
        statement = select(column.sku, column.decision_id, column.digest, column.renewed_evidence)
        skus: dict[str, list[Sku]] = {}
        for decision in decisions:
            skus.setdefault(decision.account, []).append(decision.sku)
        found: dict[tuple[str, str], Any] = {}
        for account, some in skus.items():
            in_force = statement.where(
                column.superseded_at.is_(None), column.account == account, one_of(column.sku, some)
            )
            found |= {(account, row.sku): row for row in self._connection.execute(in_force)}
        return found

    def decisions(self, *, skus: Sequence[Sku] = (), at: datetime | None = None) -> tuple[OfferDecision, ...]:
        column = _DECISIONS.c
        if at is None:
            statement = _WITH_VERDICTS.where(column.superseded_at.is_(None))
        else:
            still = or_(column.superseded_at.is_(None), column.superseded_at > at)
            statement = _WITH_VERDICTS.where(column.first_decided_at <= at, still)
        return _sorted_decisions(self._of_skus(statement, skus), at)

    def asking(
        self, account: str, skus: Sequence[Sku] = (), *, but_in_feeds: bool = False
    ) -> tuple[OfferDecision, ...]:
        column = _DECISIONS.c
        ours = _WITH_VERDICTS.where(column.superseded_at.is_(None), column.account == account)
        if but_in_feeds:
            in_feeds = select(_CLAIMS.c.sku).where(
                _CLAIMS.c.account == account, _CLAIMS.c.feed_number.is_not(None)
            )
            ours = ours.where(column.sku.not_in(in_feeds))
        asked = ours.where(column.is_notable, column.asks_for_change)
        # Not as a join: SQLite would go through all decisions to find the few SKUs.
        news = column.sku.in_(select(_CHANGED.c.sku))
        moved = ours.where(news, column.asks_for_change.is_(False), column.leaves_alone.is_(False))
        return _sorted_decisions([*self._of_skus(asked, skus), *self._of_skus(moved, skus)])

    def decided_since(self, account: str, since: datetime) -> tuple[Sku, ...]:
        column = _DECISIONS.c
        asking = select(column.sku).where(
            column.superseded_at.is_(None),
            column.is_notable,
            column.account == account,
            column.asks_for_change,
        )
        latest = asking.where(column.first_decided_at > since)
        return tuple(Sku(sku) for sku in self._connection.execute(latest.order_by(column.sku)).scalars())

    def count_decided(self, account: str, skus: Sequence[Sku] = ()) -> int:
        column = _DECISIONS.c
        in_force = select(func.count()).where(column.superseded_at.is_(None), column.account == account)
        left_alone = in_force.where(column.is_notable, column.leaves_alone)
        if skus:
            named = one_of(column.sku, dict.fromkeys(skus))
            in_force, left_alone = in_force.where(named), left_alone.where(named)
        listings, untouched = (self._connection.execute(one).scalar_one() for one in (in_force, left_alone))
        return listings - untouched

    def desired(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, Offer]:
        column = _DECISIONS.c
        in_force = (column.superseded_at.is_(None), column.account == account)
        statement = (
            select(column.sku, column.digest, _VERDICTS.c.body)
            .join_from(_DECISIONS, _VERDICTS, column.digest == _VERDICTS.c.digest)
            .where(*in_force, one_of(column.sku, sorted(skus)))
        )
        verdicts, found = {}, {}
        for row in self._connection.execute(statement):
            if row.digest not in verdicts:
                verdicts[row.digest] = from_json(_VERDICT, row.body).desired
            found[Sku(row.sku)] = verdicts[row.digest]
        return {sku: offer for sku, offer in found.items() if offer is not None}

    def census(self) -> DecisionCensus:
        column = _DECISIONS.c
        in_force = select(func.count()).where(column.superseded_at.is_(None))
        notable = in_force.where(column.is_notable)
        statements = (in_force, notable.where(column.asks_for_change), notable.where(column.leaves_alone))
        listings, changes, untouched = (self._connection.execute(one).scalar_one() for one in statements)
        return DecisionCensus(listings=listings, changes=changes, untouched=untouched)

    def sharing_budget(self, account: str) -> frozenset[Sku]:
        column = _DECISIONS.c
        statement = select(column.sku).where(
            column.superseded_at.is_(None), column.is_notable, column.account == account, column.shares_budget
        )
        return frozenset(Sku(sku) for sku in self._connection.execute(statement).scalars())

    def _of_skus(self, statement: Select[Any], skus: Sequence[Sku]) -> list[RowMapping]:
        if skus:
            statement = statement.where(one_of(_DECISIONS.c.sku, dict.fromkeys(skus)))
        return list(self._connection.execute(statement).mappings())

    # --- pushed

    def record_receipt(self, receipt: PushReceipt, run_id: str) -> None:
        receipt_record.record(self._connection, [receipt], run_id)

    def record_receipts(self, receipts: Sequence[PushReceipt], run_id: str) -> None:
        receipt_record.record(self._connection, receipts, run_id)

    def receipts(
        self, account: str, outcomes: Sequence[PushOutcome] = (), *, most: int | None = None
    ) -> tuple[PushReceipt, ...]:
        return receipt_record.of_account(self._connection, account, outcomes, most)

    def count_receipts(
        self, account: str, outcomes: Sequence[PushOutcome], *, since: datetime | None = None
    ) -> int:
        return receipt_record.count(self._connection, account, outcomes, since)

    def receipt_of(self, account: str, sku: Sku) -> PushReceipt | None:
        return receipt_record.of_skus(self._connection, account, [sku]).get(sku)

    def answers(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, PushReceipt]:
        return receipt_record.of_skus(self._connection, account, skus)

    def answered_to_others(
        self, account: str, skus: Collection[Sku], run_id: str, after: datetime
    ) -> frozenset[Sku]:
        return receipt_record.answered_to_others(self._connection, account, skus, run_id, after)

    def latest_confirmed(self, account: str, before: datetime, limit: int) -> tuple[PushReceipt, ...]:
        return receipt_record.latest_confirmed(self._connection, account, before, limit)

    # --- held

    def record_hold(self, hold: Hold) -> None:
        hold_record.remember(self._connection, hold)

    def holds(self, account: str | None = None) -> tuple[Hold, ...]:
        return hold_record.in_force(self._connection, account)

    def end_holds(self, account: str, *, but: Collection[str] = ()) -> None:
        hold_record.end(self._connection, account, but)

    def drop(self, changes: Sequence[DroppedChange]) -> None:
        hold_record.drop(self._connection, changes)

    def dropped(self, account: str) -> Mapping[Sku, DroppedChange]:
        return hold_record.dropped(self._connection, account)

    def take_up(self, account: str, skus: Collection[Sku]) -> None:
        hold_record.take_up(self._connection, account, skus)


def _differs(before: ObservedOffer | None, now: ObservedOffer) -> bool:
    """Tell whether Amazon shows something else than it did; being seen again is no news."""
    return before is None or dataclasses.replace(before, observed_at=now.observed_at) != now


class _Texts:
    """The JSON of verdicts and of the times of their facts; what many SKUs share is written out once."""

    def __init__(self) -> None:
        # A verdict is kept with its digest, so that no other one can get its place in memory.
        self._verdicts: dict[int, tuple[Verdict, str]] = {}
        self._unwritten: list[dict[str, Any]] = []
        self._times: dict[tuple[datetime | None, ...], str] = {}

    def digest_of(self, verdict: Verdict) -> str:
        """Return a verdict's digest, under which its text is to be stored."""
        known = self._verdicts.get(id(verdict))
        if known is None:
            body = to_json(_VERDICT, verdict)
            known = self._verdicts[id(verdict)] = verdict, hashlib.sha256(body.encode()).hexdigest()
            self._unwritten.append({"digest": known[1], "body": body})
        return known[1]

    def unwritten(self) -> list[dict[str, Any]]:
        """Return the rows of verdicts that have come up since the last call."""
        rows, self._unwritten = self._unwritten, []
        return rows

    def times(self, moments: tuple[datetime | None, ...]) -> str:
        """Return the JSON of the times of facts."""
        if moments not in self._times:
            self._times[moments] = to_json(_MOMENTS, moments)
        return self._times[moments]


def _renewal(decision_id: int, decision: OfferDecision, evidence: str) -> dict[str, Any]:
    return {
        "of_decision": decision_id,
        "at": decision.decided_at,
        "by_run": decision.run_id,
        "shown_by": evidence,
    }


def _decision_row(decision: OfferDecision, digest: str, evidence: str) -> dict[str, Any]:
    verdict = decision.verdict
    flags = {
        "asks_for_change": verdict.desired is not None and verdict.desired != verdict.observed,
        "leaves_alone": verdict.desired is None,
        "shares_budget": verdict.shares_budget,
    }
    return {
        "account": decision.account,
        "sku": decision.sku,
        "mode": verdict.mode.value,
        "first_decided_at": decision.decided_at,
        "run_id": decision.run_id,
        "evidence": evidence,
        "renewed_at": decision.decided_at,
        "renewed_run_id": decision.run_id,
        "renewed_evidence": evidence,
        "superseded_at": None,
        "digest": digest,
        "is_notable": any(flags.values()),
        "has_worries": bool(verdict.worries),
        **flags,
    }


def _sorted_decisions(rows: Iterable[RowMapping], at: datetime | None = None) -> tuple[OfferDecision, ...]:
    verdicts: dict[str, Verdict] = {}
    found = []
    for row in rows:
        if row["digest"] not in verdicts:
            verdicts[row["digest"]] = from_json(_VERDICT, row["body"])
        found.append(_decision(row, verdicts[row["digest"]], at))
    return tuple(sorted(found, key=lambda decision: (decision.account, decision.sku)))


def _decision(row: RowMapping, verdict: Verdict, at: datetime | None) -> OfferDecision:
    """Return a decision as last renewed or, seen from before that renewal, as first taken."""
    as_first_taken = at is not None and at < row["renewed_at"]
    evidence = row["evidence"] if as_first_taken else row["renewed_evidence"]
    return OfferDecision(
        account=row["account"],
        sku=Sku(row["sku"]),
        verdict=verdict,
        decided_at=row["first_decided_at"] if as_first_taken else row["renewed_at"],
        run_id=row["run_id"] if as_first_taken else row["renewed_run_id"],
        as_of=from_json(_MOMENTS, evidence),
    )
