"""Troubles a scenario or a test orders in advance: refusals, broken answers, lost connections."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field

from .exchange import Answer
from .fields import Fields
from .shop import JsonObject

BODIES = ("errors", "no_errors", "message", "html", "empty")
ANY_OPERATION = "*"
OPERATIONS = (
    "token",
    "searchOrders",
    "getOrder",
    "getListingsItem",
    "searchListingsItems",
    "patchListingsItem",
)
_CODES = {
    400: "InvalidInput",
    403: "Unauthorized",
    404: "NotFound",
    429: "QuotaExceeded",
    500: "InternalFailure",
    503: "ServiceUnavailable",
}


@dataclass(slots=True, kw_only=True)
class FaultRule:
    """One trouble: which calls it meets (`skip` pass first, then `count`) and what happens to them.

    `after` lets the request have its effect before the answer is spoilt: the write happened, but the
    client cannot know. `count` None lasts until the faults are cleared.
    """

    operation: str = ANY_OPERATION
    count: int | None = 1
    skip: int = 0
    status: int | None = None
    body: str = "errors"
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    reset: bool = False
    cut: bool = False
    repeat_page: bool = False
    after: bool = False

    @property
    def name(self) -> str:
        """What it does, in a word, for the journal."""
        kinds = [("reset", self.reset), ("cut", self.cut), ("repeat", self.repeat_page)]
        named = [kind for kind, present in kinds if present]
        if self.status is not None:
            named.append(str(self.status))
        return "+".join(named) or "delay"

    def spoil(self, answer: Answer | None) -> Answer | None:
        """The answer as the client will see it; None means the request goes through untouched."""
        if self.status is not None:
            answer = self._made_up_answer(self.status)
        if self.reset or self.cut:
            answer = answer or Answer(body={})
            answer.reset, answer.cut = self.reset, self.cut
        if answer is not None:
            answer.headers.update(self.headers)
        return answer

    @property
    def needs_no_answer(self) -> bool:
        """Whether the request never reaches the operation."""
        return not self.after and (self.status is not None or self.reset)

    def _made_up_answer(self, status: int) -> Answer:
        text = "Emulated fault."
        if self.body == "html":
            page = f"<html><body><h1>{status} {text}</h1></body></html>"
            return Answer(status=status, body=page, media_type="text/html")
        if self.body == "empty":
            return Answer(status=status, body="", media_type="text/plain")
        bodies: dict[str, JsonObject] = {
            "message": {"message": text},
            "no_errors": {"errors": []},
            "errors": {"errors": [{"code": _CODES.get(status, "Fault"), "message": text, "details": ""}]},
        }
        return Answer(status=status, body=bodies[self.body])


class Faults:
    """The rules in force, in the order they were given."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def add(self, rules: Collection[FaultRule]) -> None:
        """Put more rules behind those in force."""
        self._rules.extend(rules)

    def clear(self) -> None:
        """End all troubles."""
        self._rules.clear()

    def listing(self) -> list[JsonObject]:
        """The rules still in force, for people."""
        return [
            {"operation": rule.operation, "count": rule.count, "skip": rule.skip, "does": rule.name}
            for rule in self._rules
        ]

    def next_for(self, operation: str) -> FaultRule | None:
        """The rule that meets this call, now used once; a rule still skipping lets the next one try."""
        for rule in self._rules:
            if rule.operation != operation and (rule.operation != ANY_OPERATION or operation == "token"):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            if rule.count is not None:
                rule.count -= 1
                if rule.count <= 0:
                    self._rules.remove(rule)
            return rule
        return None


def read_fault(source: Fields) -> FaultRule:
    """One rule as a scenario or a control request writes it."""
    status = source.whole_or_none("status", least=200, most=599)
    rule = FaultRule(
        operation=source.choice("operation", (*OPERATIONS, ANY_OPERATION), ANY_OPERATION),
        count=None if source.flag("forever") else source.whole("count", 1, least=1),
        skip=source.whole("skip"),
        status=status,
        body=source.choice("body", BODIES, "errors"),
        headers=_read_headers(source),
        delay_seconds=source.number("delay_seconds", 0.0),
        reset=source.flag("reset"),
        cut=source.flag("cut"),
        repeat_page=source.choice("page_token", ("repeat",), "") == "repeat",
        after=source.flag("after"),
    )
    if rule.name == "delay" and not rule.delay_seconds and not rule.headers:
        source.problem("", "does nothing: give status, reset, cut, page_token, headers or delay_seconds")
    source.close()
    return rule


def _read_headers(source: Fields) -> dict[str, str]:
    headers = source.raw("headers")
    if headers is None:
        return {}
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        source.problem("headers", f"must be an object of texts, not {json.dumps(headers):.60}")
        return {}
    return {str(name): value for name, value in headers.items()}
