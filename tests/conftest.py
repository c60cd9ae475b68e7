"""For all tests: the slow ones first, and the conformance tests' counts at the end of a run."""

import pytest

import tally

_LONG = ("e2e/test_the_demo", "machine/", "flows/test_scope", "e2e/", "foreign/")
"""Whole shops and days of work, the longest first: begun last, they would keep one core busy alone."""

_MANY = 500

_TELLING = ("_allocation", "_arrivals", "_delay", "_fewest_late")
"""Files of which drawn examples alone reach every branch: these are measured, however many they are."""


def pytest_collection_modifyitems(items):
    items.sort(key=_turn)
    for item in items:
        # Measuring makes them several times as long, and what they run through is measured elsewhere.
        if _turn(item) < len(_LONG) or (_examples(item) >= _MANY and not item.path.stem.endswith(_TELLING)):
            item.add_marker(pytest.mark.no_cover)


def _examples(item):
    """Return with how many drawn examples a test runs; 0 when it draws none."""
    drawing = getattr(getattr(item, "function", None), "_hypothesis_internal_use_settings", None)
    return drawing.max_examples if drawing else 0


def _turn(item):
    return next((turn for turn, name in enumerate(_LONG) if name in item.nodeid), len(_LONG))


def pytest_terminal_summary(terminalreporter):
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = list(tally.lines(tally.entries_of(reports)))
    if lines:
        terminalreporter.section("conformance with Amazon's models")
        for line in lines:
            terminalreporter.line(line)
