"""What is recorded of offers: seen, decided (with the whole history), pushed, held."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    Connection,
    Row,
    RowMapping,
    Select,
    bindparam,
    delete,
    exists,
    or_,
    select,
    update,
)

from fbm_sync.adapters.store.offer_tables import HoldRow, ObservedOfferRow, OfferDecisionRow, PushReceiptRow
from fbm_sync.adapters.store.shapes import from_json, to_json
from fbm_sync.adapters.store.tables import table_of
from fbm_sync.adapters.store.writing import CHUNK, LOOKUP, chunks, insert_all, upsert
from fbm_sync.domain.change import PushOutcome, PushReceipt
from fbm_sync.domain.listing import ObservedOffer, OfferChange
from fbm_sync.domain.offer import OfferDecision
from fbm_sync.domain.order import Sku
from fbm_sync.ports import Hold

_OBSERVED = table_of(ObservedOfferRow)
_DECISIONS = table_of(OfferDecisionRow)
_RECEIPTS = table_of(PushReceiptRow)
_HOLDS = table_of(HoldRow)

_OBSERVED_OFFER = TypeAdapter(ObservedOffer)
_DECISION = TypeAdapter(OfferDecision)
_RECEIPT = TypeAdapter(PushReceipt)
_TEXTS = TypeAdapter(tuple[str, ...])
_CHANGES = TypeAdapter(tuple[OfferChange, ...])
_MOMENTS = TypeAdapter(tuple[datetime | None, ...])

_RENEW = (
    update(_DECISIONS)
    .where(_DECISIONS.c.decision_id == bindparam("of_decision"))
    .values(
        renewed_at=bindparam("at"), renewed_run_id=bindparam("run_id"), renewed_evidence=bindparam("evidence")
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
        rows = [
            {
                "account": offer.account,
                "sku": offer.sku,
                "quantity": offer.offer.quantity,
                "observed_at": offer.observed_at,
                "body": to_json(_OBSERVED_OFFER, offer),
            }
            for offer in offers
        ]
        upsert(self._connection, _OBSERVED, rows, newer_by="observed_at")

    def observed(self, account: str, skus: Sequence[Sku] = ()) -> Mapping[Sku, ObservedOffer]:
        column = _OBSERVED.c
        every = select(column.body).where(column.account == account).order_by(column.sku)
        asked = [every.where(column.sku.in_(chunk)) for chunk in chunks(skus, LOOKUP)] or [every]
        bodies = (body for statement in asked for body in self._connection.execute(statement).scalars())
        return {offer.sku: offer for offer in (from_json(_OBSERVED_OFFER, body) for body in bodies)}

    # --- decided

    def record_decisions(self, decisions: Sequence[OfferDecision]) -> int:
        newest = {(decision.account, decision.sku): decision for decision in decisions}
        changed = 0
        for chunk in chunks(list(newest.values()), CHUNK):
            changed += self._record_newest(chunk)
        return changed

    def _record_newest(self, decisions: Sequence[OfferDecision]) -> int:
        in_force = self._in_force([decision.sku for decision in decisions])
        renewed, superseded, fresh = [], [], []
        for decision in decisions:
            digest = _digest(decision)
            before = in_force.get((decision.account, decision.sku))
            if before is not None and before.digest == digest:
                renewed.append(_renewal(before.decision_id, decision))
                continue
            if before is not None:
                superseded.append({"of_decision": before.decision_id, "at": decision.decided_at})
            fresh.append(_decision_row(decision, digest))
        for statement, parameters in ((_RENEW, renewed), (_SUPERSEDE, superseded)):
            if parameters:
                self._connection.execute(statement, parameters)
        insert_all(self._connection, _DECISIONS, fresh)
        return len(fresh)

    def _in_force(self, skus: Sequence[Sku]) -> dict[tuple[str, str], Row[Any]]:
        """Return number and digest of the decisions in force, by account and SKU."""
        column = _DECISIONS.c
        statement = select(column.account, column.sku, column.decision_id, column.digest)
        found: dict[tuple[str, str], Row[Any]] = {}
        for some in chunks(skus, LOOKUP):
            in_force = statement.where(column.superseded_at.is_(None), column.sku.in_(some))
            found |= {(row.account, row.sku): row for row in self._connection.execute(in_force)}
        return found

    def decisions(self, *, skus: Sequence[Sku] = (), at: datetime | None = None) -> tuple[OfferDecision, ...]:
        column = _DECISIONS.c
        statement = select(_DECISIONS)
        if at is None:
            statement = statement.where(column.superseded_at.is_(None))
        else:
            still = or_(column.superseded_at.is_(None), column.superseded_at > at)
            statement = statement.where(column.first_decided_at <= at, still)
        found = [_decision(row, at) for row in self._of_skus(statement, skus)]
        return tuple(sorted(found, key=lambda decision: (decision.account, decision.sku)))

    def _of_skus(self, statement: Select[Any], skus: Sequence[Sku]) -> list[RowMapping]:
        if not skus:
            return list(self._connection.execute(statement).mappings())
        found: list[RowMapping] = []
        for some in chunks(list(dict.fromkeys(skus)), LOOKUP):
            found.extend(self._connection.execute(statement.where(_DECISIONS.c.sku.in_(some))).mappings())
        return found

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


def _digest(decision: OfferDecision) -> str:
    """Return what stays the same while a decision stays the same: all of it but times and run."""
    body = _DECISION.dump_python(decision, mode="json", exclude={"decided_at": True, "run_id": True})
    for fact in body["facts"]:
        del fact["as_of"]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _evidence(decision: OfferDecision) -> str:
    return to_json(_MOMENTS, tuple(fact.as_of for fact in decision.facts))


def _renewal(decision_id: int, decision: OfferDecision) -> dict[str, Any]:
    return {
        "of_decision": decision_id,
        "at": decision.decided_at,
        "run_id": decision.run_id,
        "evidence": _evidence(decision),
    }


def _decision_row(decision: OfferDecision, digest: str) -> dict[str, Any]:
    return {
        "account": decision.account,
        "sku": decision.sku,
        "mode": decision.mode.value,
        "first_decided_at": decision.decided_at,
        "renewed_at": decision.decided_at,
        "renewed_run_id": decision.run_id,
        "renewed_evidence": _evidence(decision),
        "superseded_at": None,
        "digest": digest,
        "body": to_json(_DECISION, decision),
    }


def _decision(row: RowMapping, at: datetime | None) -> OfferDecision:
    """Return a decision as last renewed or, seen from before that renewal, as first taken."""
    decision = from_json(_DECISION, row["body"])
    if at is not None and at < row["renewed_at"]:
        return decision
    moments = from_json(_MOMENTS, row["renewed_evidence"])
    facts = (
        dataclasses.replace(fact, as_of=as_of) for fact, as_of in zip(decision.facts, moments, strict=True)
    )
    return dataclasses.replace(
        decision, decided_at=row["renewed_at"], run_id=row["renewed_run_id"], facts=tuple(facts)
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
