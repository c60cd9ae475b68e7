"""An explanation: what was decided, from what, by which rule, what would change it; and how it is shown."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from fbm_sync.cli.wording import cap_label, gate_label, meanings
from fbm_sync.domain.explain import Turn
from fbm_sync.domain.listing import count_units
from fbm_sync.domain.offer import Fact
from fbm_sync.domain.policy import Cap, Gate

Local = Callable[[datetime], str]
"""Says an instant in the seller's own time."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why something is as it is; `asked_at` is the past instant in question, `None` for now."""

    subject: str
    decision: str
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
            "decision": self.decision,
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
        """Yield heading and lines of each part that a person reads below the decision."""
        yield "What it rests on", [_fact_line(fact, local) for fact in self.facts]
        gates = [_gate_line(gate) for gate in self.gates]
        yield "Gates: conditions for selling ahead of stock, all of which must be met", gates
        yield "Caps: limits on the units sold ahead, of which the smallest counts", _cap_lines(self.cap)
        yield "The rule", self.rules
        yield "What was rejected, and why", self.rejected
        yield "What would change it", [text for _, text in self.would_change]
        yield "The words", [f"{term}: {meaning}" for term, meaning in self.words().items()]

    def words(self) -> Mapping[str, str]:
        """Return the special words in this explanation with their meaning."""
        facts = (f"{fact.name} {fact.value}" for fact in self.facts)
        gates = (f"{_gate_line(gate)}" for gate in self.gates)
        changes = (text for _, text in self.would_change)
        parts = (facts, gates, _cap_lines(self.cap), self.rules, self.rejected, changes)
        return meanings([self.decision, *(line for lines in parts for line in lines)])


def _fact_line(fact: Fact, local: Local) -> str:
    return f"{fact.name}: {fact.value}" + (f"  (as of {local(fact.as_of)})" if fact.as_of else "")


def _gate_line(gate: Gate) -> str:
    found = f"{gate.value} (needed: {gate.limit})"
    return f"{'met    ' if gate.passed else 'NOT MET'}  {gate.name} – {gate_label(gate.name)}: {found}"


def _cap_lines(cap: Cap | None) -> list[str]:
    if cap is None:
        return []
    rules = {limit.name: f" ({limit.rule})" for limit in cap.details}
    smallest_first = sorted(cap.limits.items(), key=lambda entry: (entry[1], entry[0] != cap.binding))
    return [
        f"{'binds  ' if name == cap.binding else '       '}  {name} – {count_units(units)}, "
        f"{cap_label(name)}{rules.get(name, '')}"
        for name, units in smallest_first
    ]
