"""Alerts for programs: a signed JSON document, posted to an address of the seller's own.

The signature is the HMAC-SHA256, keyed with the shared secret, of the timestamp, a full stop and the body
as sent. Whoever checks it, and that the timestamp is fresh, knows that it comes from here and is not an
old one sent again.
"""

import hashlib
import hmac
import json
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from fbm_sync.adapters.notify.attempt import Attempts
from fbm_sync.adapters.notify.pages import Pages
from fbm_sync.domain.letters import Letter, Notification
from fbm_sync.errors import DeliveryError
from fbm_sync.ports import Clock

TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-Fbm-Sync-Timestamp", "X-Fbm-Sync-Signature"

VERSION = 1
"""Of the document; it changes only when something is taken away or means something else."""

_TRY_AGAIN = frozenset({408, 425, 429})
_FIRST_REFUSAL, _FIRST_FAULT = 400, 500


class WebhookNotifier:
    """One address that takes alerts as JSON; neither address nor secret is ever shown.

    A refusal (4xx) is final, except when it asks to come back later; everything else is tried again.
    Redirects are not followed: the document was meant for this address.
    """

    def __init__(
        self,
        name: str,
        url: str,
        secret: str,
        pages: Pages,
        *,
        clock: Clock,
        timeout_seconds: float = 10.0,
    ) -> None:
        self.label = f"webhook {name}"
        self._url, self._secret = url, secret.encode()
        self._pages, self._clock = pages, clock
        self._timeout_seconds = timeout_seconds
        self._attempts = Attempts(self.label, timeout_seconds + 2)

    def __repr__(self) -> str:
        return f"WebhookNotifier({self.label})"

    def deliver(self, letter: Letter) -> None:
        now = self._clock.now()
        body = json.dumps(self._document(letter, now), ensure_ascii=False).encode()
        self._attempts.run(lambda: self._send(body, now))

    def _send(self, body: bytes, now: datetime) -> DeliveryError | None:
        timestamp = str(int(now.timestamp()))
        headers = {
            "Content-Type": "application/json",
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: f"sha256={signature(self._secret, timestamp, body)}",
        }
        # What the receiver answers is not read: its status says all.
        with (
            httpx.Client(timeout=self._timeout_seconds, trust_env=False) as client,
            client.stream("POST", self._url, content=body, headers=headers) as answer,
        ):
            return self._judged(answer, now)

    def _judged(self, answer: httpx.Response, now: datetime) -> DeliveryError | None:
        status = answer.status_code
        if answer.is_success:
            return None
        if _FIRST_REFUSAL <= status < _FIRST_FAULT and status not in _TRY_AGAIN:
            return DeliveryError(
                f"{self.label} answered {status} and will not take it. Correct its address or secret.",
                retryable=False,
            )
        return DeliveryError(
            f"{self.label} answered {status}. It is tried again.",
            retryable=True,
            retry_after_seconds=_retry_after(answer.headers.get("Retry-After"), now),
        )

    def _document(self, letter: Letter, now: datetime) -> dict[str, Any]:
        message = self._pages.message(letter, now)
        return {
            "version": VERSION,
            "channel": letter.channel,
            "purpose": letter.purpose.value,
            "sent_at": now.isoformat(),
            "subject": message.subject,
            "text": message.text,
            "notifications": [self._entry(one, now) for one in letter.notifications],
        }

    def _entry(self, one: Notification, now: datetime) -> dict[str, Any]:
        step = one.transition
        alert, finding = step.alert, step.alert.finding
        return {
            "id": one.notification_id,
            "transition": step.kind.value,
            "reason": step.reason.value,
            "at": step.at.isoformat(),
            "key": finding.key,
            "account": finding.account,
            "kind": finding.kind,
            "subject": finding.subject,
            "severity": finding.severity.value,
            "stage": finding.stage,
            "state": alert.state.value,
            "opened_at": alert.opened_at.isoformat(),
            "due_at": finding.due_at.isoformat() if finding.due_at else None,
            "bundle": finding.bundle or None,
            "text": finding.text,
            "action": finding.action,
            "orders": list(finding.orders),
            "link": self._pages.wording.entry(step, now).link or None,
        }


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the signature of a document, in hexadecimal digits."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _retry_after(text: str | None, now: datetime) -> float | None:
    """Return how many seconds the receiver wants us to wait: it names them, or a date."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((at - now).total_seconds(), 0.0) if at.tzinfo is not None else None
