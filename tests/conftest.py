"""For all tests: the slow ones first, and the conformance tests' counts at the end of a run."""

import contextlib
import functools
import itertools
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

_MEASURED_EXAMPLES = 40
"""Of a property only the first examples are measured: the others rarely reach another line."""


def pytest_collection_modifyitems(items):
    items.sort(key=_turn)
    # Once for each function: the cases of a parametrized one share it.
    for test in {item.function for item in items if hasattr(getattr(item, "function", None), "hypothesis")}:
        test.hypothesis.inner_test = _measured_at_first(test.hypothesis.inner_test)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Do not measure coverage in long tests: they take several times as long, and others show the same lines.

    The measuring library's own marker for this does nothing where tests run in several processes.
    """
    if _turn(item) == len(_LONG):
        return (yield)
    with _unmeasured():
        return (yield)


def _measured_at_first(test):
    examples = itertools.count()

    @functools.wraps(test)
    def run(*words, **drawn):
        if next(examples) < _MEASURED_EXAMPLES:
            return test(*words, **drawn)
        with _unmeasured():
            return test(*words, **drawn)

    return run


@contextlib.contextmanager
def _unmeasured():
    here, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        sys.settrace(here)
        threading.settrace(in_threads)


def _turn(item):
    return next((turn for turn, name in enumerate(_LONG) if name in item.nodeid), len(_LONG))


def pytest_terminal_summary(terminalreporter):
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = list(tally.lines(tally.entries_of(reports)))
    if lines:
        terminalreporter.section("conformance with Amazon's models")
        for line in lines:
            terminalreporter.line(line)
