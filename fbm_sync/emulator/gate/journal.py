"""The record of every request seen, for tests and demos to check what a client really asked."""

from __future__ import annotations

import json
from collections import Counter, deque
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from fbm_sync.emulator.clock import format_instant
from fbm_sync.emulator.gate.exchange import Call
from fbm_sync.emulator.shop import JsonObject

KEPT = 50_000
UPLOAD = "uploadDocument"
_SECRET_PARAMS = {"paginationToken", "pageToken", "nextToken", "X-Amz-Signature"}


class Journal:
    """Remembers the latest requests in order, numbered from 1, without any token or credential in them."""

    def __init__(self) -> None:
        self._entries: deque[JsonObject] = deque(maxlen=KEPT)
        self._counts: Counter[tuple[str, int]] = Counter()
        self.last = 0

    def record(self, call: Call, status: int, now: datetime, fault: str = "") -> None:
        """Write down one request and how it ended; status 0 means the connection was reset."""
        self.last += 1
        self._counts[call.operation, status] += 1
        self._entries.append(
            {
                "n": self.last,
                "at": format_instant(now),
                "operation": call.operation,
                "method": call.method,
                "path": call.path,
                "status": status,
                "params": _summary(call),
                "fault": fault or None,
            }
        )

    def since(self, number: int) -> JsonObject:
        """The requests after that number, and how often each operation ended in each status so far."""
        counts: dict[str, dict[str, int]] = {}
        for (operation, status), times in sorted(self._counts.items()):
            counts.setdefault(operation, {})[str(status)] = times
        newer = [entry for entry in self._entries if entry["n"] > number]
        return {"requests": newer, "last": self.last, "counts": counts}


def _summary(call: Call) -> JsonObject:
    if call.operation == "token":
        grant = parse_qs(call.body.decode("utf-8", "replace")).get("grant_type", [""])
        return {"grant_type": grant[-1]}
    summary: JsonObject = {}
    for name in dict.fromkeys(key for key, _ in call.params.pairs):
        values = ",".join(value for key, value in call.params.pairs if key == name)
        summary[name] = "(token)" if name in _SECRET_PARAMS else values
    summary.update(call.path_values)
    if call.operation == UPLOAD:
        summary["bytes"] = len(call.body)
    elif call.body:
        summary["body"] = _json_or_none(call.body)
    return summary


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
