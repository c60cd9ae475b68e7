"""Accounts side by side: none waits for another, none stops another."""

import threading

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars

from fbm_sync.side_by_side import for_each


def test_accounts_are_worked_for_at_the_same_time():
    all_here = threading.Barrier(3, timeout=30)
    for_each(["us", "uk", "de"], lambda _name: all_here.wait() and None, at_once=True)


def test_an_account_that_fails_keeps_no_other_from_its_work():
    done = []

    def work(name):
        if name == "us":
            raise ValueError(name)
        done.append(name)

    with pytest.raises(ValueError, match="us"):
        for_each(["us", "uk", "de"], work, at_once=True)
    assert sorted(done) == ["de", "uk"]


def test_the_first_account_s_error_is_told_whoever_fails_first():
    first_may_fail = threading.Event()

    def work(name):
        if name == "us":
            first_may_fail.wait(30)
        else:
            first_may_fail.set()
        raise ValueError(name)

    with pytest.raises(ValueError, match="us"):
        for_each(["us", "uk"], work, at_once=True)


def test_in_a_simulation_they_take_turns_in_their_order():
    seen = []
    for_each(["us", "uk"], lambda name: seen.append((name, threading.current_thread())), at_once=False)
    assert seen == [("us", threading.main_thread()), ("uk", threading.main_thread())]


def test_each_keeps_the_context_of_the_run():
    seen = {}
    with bound_contextvars(run_id="run-1"):
        for_each(["us", "uk"], lambda name: seen.update({name: get_contextvars()["run_id"]}), at_once=True)
    assert seen == {"us": "run-1", "uk": "run-1"}
