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
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from fbm_sync.adapters.store import remembered, shown_terms
from fbm_sync.adapters.store.offer_tables import (
    HoldRow,
    ObservedOfferRow,
    OfferDecisionRow,
    PushReceiptRow,
    VerdictRow,
)
from fbm_sync.adapters.store.plan_book import note_changed
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import CHUNK, chunks, insert_all, one_of, upsert
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.decision import OfferDecision, Verdict
from fbm_sync.domain.listing import ObservedOffer, Offer, OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.ports import DecisionCensus, Hold

_OBSERVED = table_of(ObservedOfferRow)
_DECISIONS = table_of(OfferDecisionRow)
_VERDICTS = table_of(VerdictRow)
_RECEIPTS = table_of(PushReceiptRow)
_HOLDS = table_of(HoldRow)

_OBSERVED_OFFER = TypeAdapter(ObservedOffer)
_VERDICT = TypeAdapter(Verdict)
_RECEIPT = TypeAdapter(PushReceipt)
_TEXTS = TypeAdapter(tuple[str, ...])
_CHANGES = TypeAdapter(tuple[OfferChange, ...])
_MOMENTS = TypeAdapter(tuple[datetime | None, ...])

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
        statement = select(_DECISIONS, _VERDICTS.c.body).join_from(
            _DECISIONS, _VERDICTS, column.digest == _VERDICTS.c.digest
        )
        if at is None:
            statement = statement.where(column.superseded_at.is_(None))
        else:
            still = or_(column.superseded_at.is_(None), column.superseded_at > at)
            statement = statement.where(column.first_decided_at <= at, still)
        found = [_decision(row, at) for row in self._of_skus(statement, skus)]
        return tuple(sorted(found, key=lambda decision: (decision.account, decision.sku)))

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
        column = _HOLDS.c
        # What a person has released stays released; only questions that nobody answered are replaced.
        older = (column.account == hold.account, column.hold_id != hold.hold_id, column.released_at.is_(None))
        self._connection.execute(delete(_HOLDS).where(*older))
        row = {
            "hold_id": hold.hold_id,
            "account": hold.account,
            "held_at": hold.held_at,
            "released_at": hold.released_at,
            "reasons": to_json(_TEXTS, hold.reasons),
            "changes": to_json(_CHANGES, hold.changes),
        }
        upsert(self._connection, _HOLDS, [row], keep=row.keys())

    def holds(self, account: str | None = None) -> tuple[Hold, ...]:
        statement = select(_HOLDS).order_by(_HOLDS.c.held_at, _HOLDS.c.hold_id)
        if account is not None:
            statement = statement.where(_HOLDS.c.account == account)
        return tuple(_hold(row) for row in self._connection.execute(statement).mappings())

    def drop_holds(self, account: str) -> None:
        self._connection.execute(delete(_HOLDS).where(_HOLDS.c.account == account))

    def release(self, hold_id: str, now: datetime) -> Hold | None:
        this = _HOLDS.c.hold_id == hold_id
        # Released again, it counts from now: a release does not last for ever.
        self._connection.execute(update(_HOLDS).where(this).values(released_at=now))
        row = self._connection.execute(select(_HOLDS).where(this)).mappings().one_or_none()
        return None if row is None else _hold(row)


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


def _decision(row: RowMapping, at: datetime | None) -> OfferDecision:
    """Return a decision as last renewed or, seen from before that renewal, as first taken."""
    as_first_taken = at is not None and at < row["renewed_at"]
    evidence = row["evidence"] if as_first_taken else row["renewed_evidence"]
    return OfferDecision(
        account=row["account"],
        sku=Sku(row["sku"]),
        verdict=from_json(_VERDICT, row["body"]),
        decided_at=row["first_decided_at"] if as_first_taken else row["renewed_at"],
        run_id=row["run_id"] if as_first_taken else row["renewed_run_id"],
        as_of=from_json(_MOMENTS, evidence),
    )


def _hold(row: RowMapping) -> Hold:
    return Hold(
        hold_id=row["hold_id"],
        account=row["account"],
        reasons=from_json(_TEXTS, row["reasons"]),
        changes=from_json(_CHANGES, row["changes"]),
        held_at=row["held_at"],
        released_at=row["released_at"],
    )
