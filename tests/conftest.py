"""For all tests: the conformance tests' counts at the end of a run, in this process or in several."""

import tally


def pytest_terminal_summary(terminalreporter):
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    lines = list(tally.lines(tally.entries_of(reports)))
    if lines:
        terminalreporter.section("conformance with Amazon's models")
        for line in lines:
            terminalreporter.line(line)
