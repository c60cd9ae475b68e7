"""An explanation: what was decided and why, what would change it, from what; and how it is shown."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fbm_sync.cli.wording import cap_label, gate_title, meanings, needed
from fbm_sync.domain.decision import Fact
from fbm_sync.domain.explain import Turn
from fbm_sync.domain.listing import count_units
from fbm_sync.domain.policy import Cap, Gate

Local = Callable[[datetime], str]
"""Says an instant in the seller's own time."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why something is as it is, the answer first; `asked_at` is the past instant in question, else `None`.

    `action` is the step to take now, empty where nothing needs to be done.
    """

    subject: str
    answer: str
    why: Sequence[str] = ()
    action: str = ""
    facts: Sequence[Fact]
    rules: Sequence[str]
    rejected: Sequence[str] = ()
    would_change: Sequence[tuple[Turn, str]] = ()
    gates: Sequence[Gate] = ()
    cap: Cap | None = None
    asked_at: datetime | None = None
    decided_at: datetime | None = None
    run_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the documented shape, and beside it gates, caps, what would change it, and the words."""
        cap = self.cap
        return {
            "subject": self.subject,
            "decision": " ".join((self.answer, *self.why)),
            "action": self.action or None,
            "facts": list(self.facts),
            "rules": list(self.rules),
            "rejected": list(self.rejected),
            "would_change": [
                {
                    "kind": turn.kind,
                    "name": turn.name or None,
                    "needed": turn.needed or None,
                    "units": turn.units,
                    "on": turn.on,
                    "at": turn.at,
                    "alone": turn.alone,
                    "text": text,
                }
                for turn, text in self.would_change
            ],
            "gates": list(self.gates),
            "cap": None if cap is None else {"binding": cap.binding, "limits": dict(cap.limits)},
            "words": self.words(),
            "asked_at": self.asked_at,
            "decided_at": self.decided_at,
            "run_id": self.run_id,
        }

    def sections(self, local: Local) -> Iterable[tuple[str, Sequence[str]]]:
        """Yield heading and lines of each part that a person reads below the answer."""
        yield "Why", self.why
        yield "What to do", [self.action] if self.action else []
        yield "What would change it", [text for _, text in self.would_change]
        yield "What it rests on", [_fact_line(fact, local) for fact in self.facts]
        yield _gates_heading(self.gates), _gate_lines(self.gates)
        yield "Limits on the units sold ahead (caps): the smallest decides", _cap_lines(self.cap)
        yield "The rule", self.rules
        # Gates that are closed have said already why it may not be sold ahead.
        yield "What was rejected, and why", self.rejected if all(gate.passed for gate in self.gates) else ()
        yield "The words", [f"{term}: {meaning}" for term, meaning in self.words().items()]

    def words(self) -> Mapping[str, str]:
        """Return the special words in this explanation with their meaning."""
        facts = (f"{fact.name} {fact.value}" for fact in self.facts)
        changes = (text for _, text in self.would_change)
        parts = (self.why, facts, _gate_lines(self.gates), _cap_lines(self.cap), self.rules, self.rejected)
        return meanings([self.answer, self.action, *changes, *(line for lines in parts for line in lines)])


def _fact_line(fact: Fact, local: Local) -> str:
    return f"{fact.name}: {fact.value}" + (f"  (as of {local(fact.as_of)})" if fact.as_of else "")


def _gates_heading(gates: Sequence[Gate]) -> str:
    closed = sum(not gate.passed for gate in gates)
    found = f"{closed} of {len(gates)} not met" if closed else f"all {len(gates)} are met"
    return f"Conditions for selling ahead of stock (gates): {found}"


def _gate_lines(gates: Sequence[Gate]) -> list[str]:
    """Say each condition with what was found and what is needed, those not met first."""
    return [
        f"{'ok' if gate.passed else 'NO'}  {gate_title(gate.name)}: {gate.value}; "
        f"needed: {needed(gate.limit)}"
        for gate in sorted(gates, key=lambda gate: gate.passed)
    ]


def _cap_lines(cap: Cap | None) -> list[str]:
    """Say each limit in force with its rule, the smallest first."""
    if cap is None:
        return []
    rules = {limit.name: limit.rule for limit in cap.details}
    smallest_first = sorted(cap.limits.items(), key=lambda entry: (entry[1], entry[0] != cap.binding))
    return [
        f"{'→' if name == cap.binding else ' '} {count_units(units)}: {cap_label(name)}"
        + (f" – {rules[name]}" if name in rules else "")
        for name, units in smallest_first
    ]
