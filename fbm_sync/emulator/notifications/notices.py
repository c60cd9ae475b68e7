"""Tells subscribers what has happened: to each that wants it, in time, unless it gets lost on the way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from fbm_sync.emulator.clock import Agenda
from fbm_sync.emulator.notifications.postman import Letter, Postman
from fbm_sync.emulator.notifications.shapes import EVENT_BRIDGE, KINDS, Notice, bridged, envelope
from fbm_sync.emulator.notifications.subscriptions import Destination, Directory
from fbm_sync.emulator.shop import JsonObject, ShopRules


class Notices:
    """Turns what happens into notifications.

    Which are lost or arrive twice is drawn from the seed, in the order in which they were due.
    """

    def __init__(
        self,
        rules: ShopRules,
        directory: Directory,
        postman: Postman,
        agenda: Agenda,
        new_id: Callable[[], str],
    ) -> None:
        self.application_id = f"amzn1.sellerapps.app.{new_id()}"
        self._rules = rules
        self._directory = directory
        self._postman = postman
        self._agenda = agenda
        self._new_id = new_id
        self._luck = random.Random(f"{rules.seed}/notices")
        self._counts: Counter[str] = Counter()

    def announce(self, kind: str, fact: Mapping[str, Any], at: datetime, now: datetime) -> None:
        """Write a notification for every subscription of that type; sent once the delay has passed."""
        due_at = at + timedelta(seconds=self._rules.notices.delay_seconds)
        for one in self._directory.of_kind(kind):
            if not one.wants(fact):
                continue
            notice = Notice(
                kind=KINDS[kind],
                version=one.version,
                fact=fact,
                happened_at=at,
                notification_id=self._new_id(),
                subscription_id=one.subscription_id,
            )
            self._counts["announced"] += 1
            if due_at <= now:
                self._send(notice, one.destination, due_at)
            else:
                self._agenda.schedule(due_at, partial(self._send, notice, one.destination))

    def _send(self, notice: Notice, destination: Destination, at: datetime) -> None:
        # Both are drawn every time, so that one share does not change what the other meets.
        is_lost = self._luck.random() < self._rules.notices.lost
        is_doubled = self._luck.random() < self._rules.notices.duplicated
        if is_lost:
            self._counts["lost"] += 1
            return
        letter = self._letter(notice, destination, at)
        self._postman.post(letter)
        if is_doubled:
            self._counts["duplicated"] += 1
            self._postman.post(letter)

    def _letter(self, notice: Notice, destination: Destination, at: datetime) -> Letter:
        document = envelope(
            notice,
            seller_id=self._rules.seller_id,
            application_id=self.application_id,
            published_at=at,
        )
        if destination.channel != EVENT_BRIDGE:
            return Letter(destination.arn, document)
        source = destination.source(self.application_id)
        document = bridged(
            document, source=source, account_id=destination.account_id, region=destination.region
        )
        queue = self._rules.notices.event_bridge_queue
        return Letter(queue or source, document, "" if queue else "no event_bridge_queue is set")

    def flush(self, seconds: float) -> bool:
        """Wait until all that is due has been sent; False when that took longer than these real seconds."""
        return self._postman.flush(seconds)

    def state(self) -> JsonObject:
        """What was announced and what became of it."""
        kept = self._postman.state()
        undelivered = kept.pop("undelivered")
        destinations = self._directory.destinations.values()
        counts = {name: self._counts[name] for name in ("announced", "lost", "duplicated")}
        return {
            "notifications": {
                **counts,
                **kept,
                "destinations": [one.shape(self.application_id) for one in destinations],
                "subscriptions": [
                    {"notificationType": one.kind.name} | one.shape()
                    for one in self._directory.subscriptions.values()
                ],
            },
            "undelivered": undelivered,
        }
