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
    exists,
    func,
    or_,
    select,
    update,
)

from fbm_sync.adapters.store import hold_record, remembered, shown_terms
from fbm_sync.adapters.store.offer_tables import (
    ObservedOfferRow,
    OfferDecisionRow,
    PushReceiptRow,
    VerdictRow,
)
from fbm_sync.adapters.store.plan_book import note_changed
from fbm_sync.adapters.store.plan_tables import ChangedSkuRow
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
_RECEIPTS = table_of(PushReceiptRow)
_CHANGED = table_of(ChangedSkuRow)

_OBSERVED_OFFER = TypeAdapter(ObservedOffer)
_VERDICT = TypeAdapter(Verdict)
_RECEIPT = TypeAdapter(PushReceipt)
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

    def asking(self, account: str, skus: Sequence[Sku] = ()) -> tuple[OfferDecision, ...]:
        column = _DECISIONS.c
        ours = _WITH_VERDICTS.where(column.superseded_at.is_(None), column.account == account)
        asked = ours.where(column.is_notable, column.asks_for_change)
        # Not as a join: SQLite would go through all decisions to find the few SKUs.
        news = column.sku.in_(select(_CHANGED.c.sku))
        moved = ours.where(news, column.asks_for_change.is_(False), column.leaves_alone.is_(False))
        return _sorted_decisions([*self._of_skus(asked, skus), *self._of_skus(moved, skus)])

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
            select(column.sku, _VERDICTS.c.body)
            .join_from(_DECISIONS, _VERDICTS, column.digest == _VERDICTS.c.digest)
            .where(*in_force, one_of(column.sku, sorted(skus)))
        )
        found = {
            Sku(row.sku): from_json(_VERDICT, row.body).desired for row in self._connection.execute(statement)
        }
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
        column = _RECEIPTS.c
        same_sku = (column.account == receipt.change.account, column.sku == receipt.change.sku)
        self._connection.execute(
            update(_RECEIPTS)
            .where(*same_sku, column.in_force, column.answered_at <= receipt.at)
            .values(in_force=False)
        )
        # An answer that comes in late (a slow thread) is history at once.
        newer = select(exists().where(*same_sku, column.in_force))
        row = {
            "account": receipt.change.account,
            "sku": receipt.change.sku,
            "outcome": receipt.outcome.value,
            "answered_at": receipt.at,
            "submission_id": receipt.submission_id,
            "run_id": run_id,
            "in_force": not self._connection.execute(newer).scalar_one(),
            "body": to_json(_RECEIPT, receipt),
        }
        insert_all(self._connection, _RECEIPTS, [row])

    def receipts(self, account: str, outcomes: Sequence[PushOutcome] = ()) -> tuple[PushReceipt, ...]:
        column = _RECEIPTS.c
        statement = select(column.body).where(column.account == account, column.in_force)
        if outcomes:
            statement = statement.where(column.outcome.in_([outcome.value for outcome in outcomes]))
        bodies = self._connection.execute(statement.order_by(column.sku)).scalars()
        return tuple(from_json(_RECEIPT, body) for body in bodies)

    def receipt_of(self, account: str, sku: Sku) -> PushReceipt | None:
        column = _RECEIPTS.c
        statement = select(column.body).where(column.account == account, column.sku == sku, column.in_force)
        body = self._connection.execute(statement).scalar_one_or_none()
        return None if body is None else from_json(_RECEIPT, body)

    def answers(self, account: str, skus: Collection[Sku]) -> Mapping[Sku, PushReceipt]:
        column = _RECEIPTS.c
        newest = select(column.body).where(column.account == account, column.in_force)
        bodies = self._connection.execute(newest.where(one_of(column.sku, sorted(skus)))).scalars()
        return {one.change.sku: one for one in (from_json(_RECEIPT, body) for body in bodies)}

    def answered_to_others(
        self, account: str, skus: Collection[Sku], run_id: str, after: datetime
    ) -> frozenset[Sku]:
        column = _RECEIPTS.c
        sent = column.outcome.in_([PushOutcome.ACCEPTED.value, PushOutcome.REJECTED.value])
        theirs = (column.account == account, column.in_force, sent, column.run_id != run_id)
        statement = select(column.sku).where(*theirs, column.answered_at > after)
        named = statement.where(one_of(column.sku, sorted(skus)))
        return frozenset(Sku(sku) for sku in self._connection.execute(named).scalars())

    def latest_confirmed(self, account: str, before: datetime, limit: int) -> tuple[PushReceipt, ...]:
        column = _RECEIPTS.c
        statement = (
            select(column.body)
            .where(column.account == account, column.outcome == PushOutcome.CONFIRMED.value)
            .where(column.in_force, column.answered_at < before)
            .order_by(column.answered_at.desc())
            .limit(limit)
        )
        return tuple(from_json(_RECEIPT, body) for body in self._connection.execute(statement).scalars())

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
