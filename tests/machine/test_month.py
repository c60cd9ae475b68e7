"""Nine days of trouble: nobody is late unsaid, and Amazon counts what we count."""

from datetime import timedelta

import pytest
import structlog

from month_figures import MISLAID, SHORTAGE, SLIP, figures
from simulated_month import Luck, play

pytestmark = pytest.mark.timeout(400)  # some twelve seconds, on a machine that does nothing else


def test_every_late_order_that_could_be_known_of_was_told_of_in_time_and_is_counted_as_amazon_does(
    tmp_path, capsys
):
    luck = Luck(loss_every=3, mislaid=0.04, regretted=0.03, given_up=0.15)
    with structlog.testing.capture_logs():  # rendering twenty lines a turn takes longer than writing them
        outcome = play(tmp_path, days=9, orders_a_day=40, seed=2, turn=timedelta(hours=8), luck=luck)
    with capsys.disabled():
        print("\nmonth: " + "\n       ".join(figures(outcome)))

    # Enough went wrong for the rest to mean something.
    assert outcome.failed == ()
    assert outcome.orders >= 200
    assert {SLIP, SHORTAGE, MISLAID} <= {one.cause for one in outcome.knowable}
    assert outcome.by_end.keys() >= {"shipped in time", "shipped late", "cancelled for the buyer", "given up"}

    assert [one for one in outcome.knowable if not one.was_warned_of] == []
    assert outcome.false_alarm_share < 0.5

    assert len(outcome.counted) == 10
    assert [one for one in outcome.counted if one.ours != one.amazons] == []
    late, due, cancelled, created = outcome.counted[-1].ours
    assert 0 < late < due
    assert 0 < cancelled < created
