"""Who may put messages into a queue: what its policy says now, and what it should say.

Here: pure functions on a policy's JSON. A policy is judged by what it allows; a statement that forbids, or
allows on a condition, is beyond this module, and Amazon's own try when notifications are set up decides.
"""

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

AMAZON = "437568002678"
"""The AWS account that sends the Selling Partner API's notifications."""

EVENT_BRIDGE = "events.amazonaws.com"
"""The AWS service that passes on the notifications which Amazon delivers to EventBridge only."""

_NEEDED = {AMAZON: ("sqs:SendMessage", "sqs:GetQueueAttributes"), EVENT_BRIDGE: ("sqs:SendMessage",)}
_NAMES = {AMAZON: "FbmSyncAmazonSends", EVENT_BRIDGE: "FbmSyncEventBridgeSends"}


def admits(policy: str | None, sender: str, arn: str) -> bool:
    """Tell whether a policy lets a sender do all it needs to deliver into the queue."""
    allowed = [
        statement
        for statement in _statements(policy)
        if statement.get("Effect") == "Allow"
        and _names_sender(statement.get("Principal"), sender)
        and _matches(statement.get("Resource"), arn)
    ]
    return all(
        any(_matches(statement.get("Action"), action, fold=True) for statement in allowed)
        for action in _NEEDED[sender]
    )


def completed(policy: str | None, senders: Sequence[str], arn: str) -> str:
    """Return the policy with what is missing for these senders added, ready to be pasted."""
    missing = [sender for sender in senders if not admits(policy, sender, arn)]
    added = [
        {
            "Sid": _NAMES[sender],
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{AMAZON}:root"}
            if sender == AMAZON
            else {"Service": EVENT_BRIDGE},
            "Action": list(_NEEDED[sender]),
            "Resource": arn,
        }
        for sender in missing
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": [*_statements(policy), *added]}, indent=2)


def _statements(policy: str | None) -> list[Mapping[str, Any]]:
    """Return the statements of a policy; none of one that is missing or unreadable."""
    try:
        document = json.loads(policy or "{}")
    except ValueError:
        return []
    found = document.get("Statement") if isinstance(document, dict) else None
    return [statement for statement in _listed(found) if isinstance(statement, dict)]


def _names_sender(principal: object, sender: str) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    if sender == EVENT_BRIDGE:
        return sender in _listed(principal.get("Service"))
    accepted = {"*", sender, f"arn:aws:iam::{sender}:root"}
    return any(name in accepted for name in _listed(principal.get("AWS")))


def _matches(patterns: object, wanted: str, *, fold: bool = False) -> bool:
    """Tell whether one of the patterns, which may hold * and ?, fits."""
    texts = [pattern for pattern in _listed(patterns) if isinstance(pattern, str)]
    if fold:
        texts, wanted = [text.lower() for text in texts], wanted.lower()
    return any(fnmatchcase(wanted, text.replace("[", "[[]")) for text in texts)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
