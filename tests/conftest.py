"""For all tests: the slow ones first, and the conformance tests' counts at the end of a run."""

import pytest

import tally

_LONG = ("e2e/test_the_demo", "machine/", "flows/test_scope", "e2e/", "foreign/")
"""Whole shops and days of work, the longest first: begun last, they would keep one core busy alone."""


def pytest_collection_modifyitems(items):
    items.sort(key=_turn)
    for item in items:
        if _turn(item) < len(_LONG):
            # Measuring makes them twice as long, and what they run through is measured elsewhere.
            item.add_marker(pytest.mark.no_cover)


def _turn(item):
    return next((turn for turn, name in enumerate(_LONG) if name in item.nodeid), len(_LONG))


def pytest_terminal_summary(terminalreporter):
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = list(tally.lines(tally.entries_of(reports)))
    if lines:
        terminalreporter.section("conformance with Amazon's models")
        for line in lines:
            terminalreporter.line(line)
