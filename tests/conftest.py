"""For all tests: the slow ones first, and the conformance tests' counts at the end of a run."""

import sys
import threading

import pytest

import tally

_LONG = (
    "e2e/test_the_demo",
    "machine/",
    "flows/test_scope",
    "e2e/",
    "unit/test_demo",
    "foreign/",
    "contract/test_pitfalls",
    "conformance/",
)
"""Whole shops and days of work, the longest first: begun last, they would keep one core busy alone."""

_MANY = 500

_TELLING = ("_allocation", "_arrivals", "_delay", "_fewest_late")
"""Files of which drawn examples alone reach every branch: these are measured, however many they are."""


def pytest_collection_modifyitems(items):
    items.sort(key=_turn)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Do not measure coverage in long tests: they take several times as long, and others show the same lines.

    The measuring library's own marker for this does nothing where tests run in several processes.
    """
    is_long = _turn(item) < len(_LONG) or (_examples(item) >= _MANY and not item.path.stem.endswith(_TELLING))
    if not is_long:
        return (yield)
    here, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(here)
        threading.settrace(in_threads)


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
