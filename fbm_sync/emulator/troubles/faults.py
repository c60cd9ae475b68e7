"""Troubles a scenario or a test orders in advance: refusals, broken answers, lost connections."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fbm_sync.emulator.fields import Fields
from fbm_sync.emulator.gate.exchange import Answer
from fbm_sync.emulator.gate.pages import WalkTrouble
from fbm_sync.emulator.jobs.documents import cut_compression, mistake_charset
from fbm_sync.emulator.shop import JsonObject
from fbm_sync.emulator.troubles.spoils import (
    JSON_SPOILS,
    made_up_answer,
    only_promised,
    redirection,
    with_new_words,
)

if TYPE_CHECKING:
    from fbm_sync.emulator.troubles.chaos import Chaos

BODIES = ("errors", "no_errors", "message", "html", "empty")
PAGE_TROUBLES = ("duplicate", "reorder")
ANY_OPERATION = "*"
OPERATIONS = (
    "token",
    "searchOrders",
    "getOrder",
    "getListingsItem",
    "searchListingsItems",
    "patchListingsItem",
    "getMarketplaceParticipations",
    "createDestination",
    "getDestinations",
    "getDestination",
    "deleteDestination",
    "createSubscription",
    "getSubscription",
    "getSubscriptions",
    "getSubscriptionById",
    "deleteSubscriptionById",
    "createFeedDocument",
    "createFeed",
    "getFeed",
    "getFeeds",
    "cancelFeed",
    "getFeedDocument",
    "createReport",
    "getReport",
    "getReports",
    "cancelReport",
    "getReportDocument",
    "uploadDocument",
    "downloadDocument",
)


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
    gzip_cut: bool = False
    wrong_charset: bool = False
    redirect: bool = False
    json: str = ""
    expire_tokens: bool = False
    page: str = ""
    touch: int = 0
    new_words: bool = False
    only_promised: bool = False
    slow_seconds: float = 0.0
    after: bool = False
    label: str = ""

    @property
    def name(self) -> str:
        """What it does, in a word, for the journal."""
        kinds = {
            "reset": self.reset,
            "cut": self.cut,
            self.page: self.page,
            f"touch {self.touch}": self.touch,
            "redirect": self.redirect,
            f"json-{self.json}": self.json,
            "expire-tokens": self.expire_tokens,
            "enum-unknown": self.new_words,
            "missing-optional": self.only_promised,
            "slow": self.slow_seconds,
            "gzip-cut": self.gzip_cut,
            "charset": self.wrong_charset,
            str(self.status): self.status is not None,
        }
        return self.label or "+".join(kind for kind, present in kinds.items() if present) or "delay"

    @property
    def walk(self) -> WalkTrouble:
        """What it does to a walk through pages."""
        return WalkTrouble(page=self.page, touch=self.touch)

    def spoil(self, answer: Answer | None) -> Answer | None:
        """The answer as the client will see it; None means the request goes through untouched."""
        if self.redirect:
            answer = redirection()
        elif self.status is not None:
            answer = made_up_answer(self.status, self.body)
        if self.reset or self.cut:
            answer = answer or Answer(body={})
            answer.reset, answer.cut = self.reset, self.cut
        if answer is not None and self.wrong_charset:
            mistake_charset(answer)
        if answer is not None and self.gzip_cut:
            cut_compression(answer)
        if answer is not None:
            self._spoil_body(answer)
            answer.slow_seconds = self.slow_seconds
            answer.headers.update(self.headers)
        return answer

    def _spoil_body(self, answer: Answer) -> None:
        is_fact = answer.status == 200 and isinstance(answer.body, dict)
        if self.only_promised and is_fact:
            answer.body = only_promised(answer.body)
        if self.new_words and is_fact:
            answer.body = with_new_words(answer.body)
        if self.json:
            JSON_SPOILS[self.json](answer)

    @property
    def needs_no_answer(self) -> bool:
        """Whether the request never reaches the operation."""
        return not self.after and (self.status is not None or self.reset or self.redirect)


class Faults:
    """The rules in force, in the order they were given."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._chaos: Chaos | None = None

    def add(self, rules: Collection[FaultRule]) -> None:
        """Put more rules behind those in force."""
        self._rules.extend(rules)

    def clear(self) -> None:
        """End all troubles."""
        self._rules.clear()
        self._chaos = None

    def unleash(self, chaos: Chaos) -> None:
        """From now on have a mix of troubles drawn for every call that no rule meets."""
        self._chaos = chaos

    def listing(self) -> list[JsonObject]:
        """The rules still in force, for people."""
        rules = [
            {"operation": rule.operation, "count": rule.count, "skip": rule.skip, "does": rule.name}
            for rule in self._rules
        ]
        return rules + ([self._chaos.listing()] if self._chaos else [])

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
        return self._chaos.draw(operation) if self._chaos else None


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
        redirect=source.flag("redirect"),
        json=source.choice("json", JSON_SPOILS, ""),
        expire_tokens=source.choice("tokens", ("expire",), "") == "expire",
        page=source.choice("page_token", ("repeat",), "") or source.choice("page", PAGE_TROUBLES, ""),
        touch=source.whole("touch"),
        new_words=source.choice("enum", ("unknown",), "") == "unknown",
        only_promised=source.choice("missing", ("optional",), "") == "optional",
        slow_seconds=source.number("slow", 0.0),
        gzip_cut=source.choice("gzip", ("cut",), "") == "cut",
        wrong_charset=source.choice("charset", ("wrong",), "") == "wrong",
        after=source.flag("after"),
    )
    if rule.name == "delay" and not rule.delay_seconds and not rule.headers:
        words = "status, reset, cut, redirect, json, tokens, page, page_token, touch, enum, missing, slow"
        source.problem("", f"does nothing: give {words}, gzip, charset, headers or delay_seconds")
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
