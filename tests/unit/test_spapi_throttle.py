"""The request limits, in virtual time."""

import random
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from fbm_sync.adapters.spapi.throttle import PREVIEW, PUBLISHED_PLANS, Throttle

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


class VirtualClock:
    """Sleeping moves it; it never waits."""

    def __init__(self):
        self.at = START
        self.slept = []

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)

    @property
    def elapsed(self):
        return (self.at - START).total_seconds()


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def throttle(clock):
    return Throttle(clock)


def test_the_burst_goes_out_at_once_and_the_next_request_waits_for_its_token(clock, throttle):
    for _ in range(20):
        throttle.acquire("searchOrders")
    assert clock.elapsed == 0
    throttle.acquire("searchOrders")
    assert clock.elapsed == pytest.approx(1 / 0.0056, abs=0.1)


def test_over_a_long_time_no_more_goes_out_than_the_plan_allows(clock, throttle):
    for _ in range(200):
        throttle.acquire("getListingsItem")
    assert clock.elapsed >= 190 / 5
    assert clock.elapsed == pytest.approx(190 / 5, rel=0.01)


def test_an_idle_hour_saves_up_the_burst_and_no_more(clock, throttle):
    for _ in range(5):
        throttle.acquire("searchListingsItems")
    clock.sleep(3600)
    assert throttle.tokens_left()["searchListingsItems"] == 5


@pytest.mark.parametrize("operation", PUBLISHED_PLANS)
def test_operations_have_limits_of_their_own(throttle, operation):
    before = throttle.tokens_left()
    throttle.acquire(operation)
    after = throttle.tokens_left()
    also = {"patchListingsItem"} if operation == PREVIEW else set()
    assert {name for name in before if after[name] != before[name]} == {operation} | also


def test_a_preview_counts_as_a_patch_too_and_goes_once_a_second(clock, throttle):
    for _ in range(4):
        throttle.acquire(PREVIEW)
    assert clock.elapsed == pytest.approx(3, abs=0.1)
    for _ in range(5):
        throttle.acquire("patchListingsItem")
    assert clock.elapsed == pytest.approx(3, abs=0.3)


def test_a_seller_with_raised_limits_may_do_more(clock):
    throttle = Throttle(clock, rate_factor=100)
    for _ in range(2000):
        throttle.acquire("searchOrders")
    assert clock.elapsed == 0
    throttle.acquire("searchOrders")
    assert clock.elapsed == pytest.approx(1 / 0.56, abs=0.1)


def test_lowered_limits_still_let_one_request_through(clock):
    throttle = Throttle(clock, rate_factor=0.01)
    throttle.acquire(PREVIEW)
    assert clock.elapsed == 0
    throttle.acquire(PREVIEW)
    assert clock.elapsed == pytest.approx(100, abs=1)


def test_a_rate_named_by_amazon_replaces_the_published_one_at_once(clock, throttle):
    throttle.learn("searchOrders", 0.5)
    throttle.empty("searchOrders")
    throttle.acquire("searchOrders")
    assert clock.elapsed == pytest.approx(2, abs=0.1)
    assert throttle.rate("searchOrders") == 0.5


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_nonsensical_rate_is_ignored(throttle, rate):
    throttle.learn("searchOrders", rate)
    throttle.learn("an operation we do not use", 1)
    assert throttle.rate("searchOrders") == 0.0056


def test_what_flowed_in_before_a_rate_was_learned_is_kept(clock, throttle):
    throttle.empty("getOrder")
    clock.sleep(4)
    throttle.learn("getOrder", 0.001)
    assert throttle.tokens_left()["getOrder"] == 2


def test_a_waiting_request_is_re_timed_when_a_rate_is_learned(clock, throttle):
    throttle.empty("searchOrders")
    real_sleep = clock.sleep

    def sleep_and_learn(seconds):
        real_sleep(seconds)
        if clock.elapsed > 10:
            throttle.learn("searchOrders", 5)

    clock.sleep = sleep_and_learn
    throttle.acquire("searchOrders")
    assert clock.elapsed < 13


def test_after_a_refusal_nothing_goes_out_before_amazon_says_so(clock, throttle):
    throttle.empty("getOrder", 60)
    assert throttle.tokens_left()["getOrder"] == 0
    throttle.acquire("getOrder")
    assert clock.elapsed == pytest.approx(60, abs=0.1)


def test_a_second_refusal_does_not_shorten_the_first(clock, throttle):
    throttle.empty("getOrder", 60)
    throttle.empty("getOrder", 1)
    assert throttle.seconds_for({"getOrder": 1}) == pytest.approx(60)


def test_a_refused_preview_empties_both_of_its_limits(throttle):
    throttle.empty(PREVIEW)
    left = throttle.tokens_left()
    assert (left[PREVIEW], left["patchListingsItem"]) == (0, 0)


def test_a_plan_of_calls_says_how_long_it_takes(throttle):
    assert throttle.seconds_for({"searchOrders": 20}) == 0
    assert throttle.seconds_for({"searchOrders": 21}) == pytest.approx(1 / 0.0056)
    assert throttle.seconds_for({"searchOrders": 100}) == pytest.approx(80 / 0.0056)
    assert throttle.seconds_for({}) == 0


def test_while_one_operation_waits_the_others_fill_up_again(throttle):
    throttle.empty("searchListingsItems")
    together = throttle.seconds_for({"searchOrders": 21, "searchListingsItems": 5})
    assert together == pytest.approx(1 / 0.0056)


def test_planned_previews_use_up_patches_too(throttle):
    assert throttle.seconds_for({PREVIEW: 10}) == pytest.approx(9)
    throttle.empty("patchListingsItem")
    assert throttle.seconds_for({PREVIEW: 1, "patchListingsItem": 5}) == pytest.approx(0.2 + 1)


def test_a_plan_matches_what_then_happens(clock, throttle):
    for _ in range(7):
        throttle.acquire("getListingsItem")
    expected = throttle.seconds_for({"getListingsItem": 50})
    before = clock.elapsed
    for _ in range(50):
        throttle.acquire("getListingsItem")
    assert clock.elapsed - before == pytest.approx(expected, abs=0.05)


def test_planning_uses_nothing_up(throttle):
    throttle.seconds_for({"getOrder": 1000})
    assert throttle.tokens_left()["getOrder"] == 30


def test_a_clock_that_is_set_back_neither_fills_nor_stops_the_bucket(clock, throttle):
    throttle.empty("getOrder")
    clock.at -= timedelta(hours=1)
    assert throttle.tokens_left()["getOrder"] == 0
    clock.sleep(2)
    assert throttle.tokens_left()["getOrder"] == 1


def test_many_threads_share_one_bucket_without_overdrawing_it():
    class FastClock:
        """Real threads, time a hundred times as fast."""

        def __init__(self):
            self.started = time.monotonic()

        def now(self):
            return START + timedelta(seconds=(time.monotonic() - self.started) * 100)

        def sleep(self, seconds):
            time.sleep(seconds / 100)

    clock = FastClock()
    throttle = Throttle(clock)
    sent_at = []

    def work():
        for _ in range(5):
            throttle.acquire("searchListingsItems")
            sent_at.append(clock.now())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent_at) == 40
    assert (max(sent_at) - START).total_seconds() >= 35 / 5 - 0.01


def test_a_sleep_that_is_called_off_ends_the_wait(clock, throttle):
    class Stopping(Exception):
        pass

    def called_off(seconds):
        raise Stopping

    throttle.empty("searchOrders")
    clock.sleep = called_off
    with pytest.raises(Stopping):
        throttle.acquire("searchOrders")
    assert throttle.tokens_left()["searchOrders"] == 0


# --- limits that outlive the process ----------------------------------------------------------------


class SharedMemory:
    """What the processes of one account remember together."""

    def __init__(self):
        self.budgets = {}
        self.revised = []

    def recall(self):
        return dict(self.budgets)

    def revise(self, operation, change):
        self.revised.append(operation)
        self.budgets[operation] = change(self.budgets.get(operation))


@pytest.fixture
def memory():
    return SharedMemory()


def test_a_restart_does_not_give_a_spent_burst_back(clock, memory):
    before = Throttle(clock, memory=memory)
    for _ in range(20):
        before.acquire("searchOrders")
    after = Throttle(clock, memory=memory)
    assert after.tokens_left()["searchOrders"] == 0
    after.acquire("searchOrders")
    assert clock.elapsed == pytest.approx(1 / 0.0056, abs=0.1)


def test_time_that_passes_while_nothing_runs_fills_the_bucket_again(clock, memory):
    before = Throttle(clock, memory=memory)
    for _ in range(20):
        before.acquire("searchOrders")
    clock.sleep(600)
    assert Throttle(clock, memory=memory).tokens_left()["searchOrders"] == 3


def test_a_clock_that_was_set_back_gives_nothing_away(clock, memory):
    before = Throttle(clock, memory=memory)
    for _ in range(20):
        before.acquire("searchOrders")
    clock.sleep(-86_400)
    assert Throttle(clock, memory=memory).tokens_left()["searchOrders"] == 0


def test_the_daemon_and_a_command_beside_it_share_one_burst(clock, memory):
    daemon, command = Throttle(clock, memory=memory), Throttle(clock, memory=memory)
    daemon.tokens_left()
    command.tokens_left()
    for _ in range(10):
        daemon.acquire("searchOrders")
        command.acquire("searchOrders")
    assert clock.elapsed == 0
    daemon.acquire("searchOrders")
    command.acquire("searchOrders")
    assert clock.elapsed == pytest.approx(2 / 0.0056, abs=0.2)


def test_a_rate_that_amazon_named_is_known_after_a_restart(clock, memory):
    Throttle(clock, memory=memory).learn("searchOrders", 0.05)
    assert Throttle(clock, memory=memory).rate("searchOrders") == 0.05


def test_a_rate_that_amazon_never_named_follows_the_configuration(clock, memory):
    Throttle(clock, memory=memory).acquire("searchOrders")
    assert Throttle(clock, memory=memory, rate_factor=10).rate("searchOrders") == pytest.approx(0.056)


def test_a_ban_outlives_the_process_that_was_banned(clock, memory):
    Throttle(clock, memory=memory).empty("getOrder", retry_after_seconds=900)
    after = Throttle(clock, memory=memory)
    assert after.seconds_for({"getOrder": 1}) == pytest.approx(900)
    after.acquire("getOrder")
    assert clock.elapsed == pytest.approx(900, abs=0.1)


def test_a_limit_that_is_whole_again_within_seconds_costs_no_write(clock, memory):
    throttle = Throttle(clock, memory=memory)
    throttle.acquire("patchListingsItem")
    throttle.acquire(PREVIEW)
    throttle.empty("searchListingsItems")
    assert memory.revised == []


def test_the_same_rate_named_with_every_answer_is_written_once(clock, memory):
    throttle = Throttle(clock, memory=memory)
    for _ in range(5):
        throttle.learn("getOrder", 0.5)
    assert memory.revised == ["getOrder"]


def test_whoever_runs_the_budget_as_a_whole_stays_within_the_plan(clock, memory):
    draw = random.Random(7)
    throttles = [Throttle(clock, memory=memory) for _ in range(3)]
    for sent in range(1, 301):
        if draw.random() < 0.1:
            throttles[draw.randrange(3)] = Throttle(clock, memory=memory)
        draw.choice(throttles).acquire("getOrder")
        assert sent <= 30 + clock.elapsed * 0.5 + 1e-6


def test_work_that_can_wait_leaves_the_others_their_requests(clock, throttle):
    throttle.leave("searchOrders", 5)
    assert clock.elapsed == 0
    for _ in range(16):
        throttle.acquire("searchOrders")
    throttle.leave("searchOrders", 5)
    assert clock.elapsed == pytest.approx(2 / 0.0056, abs=1)
    waited = clock.elapsed
    for _ in range(6):
        throttle.acquire("searchOrders")
    assert clock.elapsed == waited, "waiting has used nothing up"


def test_more_than_can_ever_be_saved_up_is_not_waited_for(clock, throttle):
    throttle.leave("searchOrders", 1000)
    assert clock.elapsed == 0
