"""What the conformance tests went through, counted across all of them and printed at the end of the run."""

from collections import Counter

PROPERTY = "conformance"
RESPONSE, TROUBLE, EXAMPLE, RULE, NOTIFICATION, DOCUMENT, REQUEST = (
    "responses validated",
    "troubles made to order validated",
    "examples of Amazon's parsed",
    "rules of Amazon's refused when broken",
    "notifications validated",
    "documents validated",
    "requests of ours validated",
)
_KINDS = (RESPONSE, TROUBLE, DOCUMENT, NOTIFICATION, REQUEST, EXAMPLE, RULE)
_counted: list[tuple[str, str, str]] = []


def count(kind, name, detail=""):
    """One more of that kind, within the test that runs."""
    _counted.append((kind, name, str(detail)))


def taken():
    """What was counted since the last look, which forgets it."""
    found = list(_counted)
    _counted.clear()
    return found


def entries_of(reports):
    """What the tests behind these reports counted, each once, also when they ran in other processes."""
    for report in reports:
        # The last of a test's three reports has everything.
        if getattr(report, "when", None) == "teardown":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    yield tuple(value)


def lines(entries):
    """A block for people: each kind with its total, under it what it consists of."""
    tallies = {kind: {} for kind in _KINDS}
    for kind, name, detail in entries:
        tallies[kind].setdefault(name, Counter())[detail] += 1
    for kind, tally in tallies.items():
        if not tally:
            continue
        total = sum(sum(details.values()) for details in tally.values())
        pairs = sum(len(details) for details in tally.values())
        by_detail = any(detail for details in tally.values() for detail in details)
        yield f"{kind}: {total} ({len(tally)} kinds{f', {pairs} with status' if by_detail else ''})"
        for name, details in sorted(tally.items()):
            parts = [f"{detail} x{times}".strip() for detail, times in sorted(details.items())]
            yield f"    {name:<34} {'  '.join(parts)}"
