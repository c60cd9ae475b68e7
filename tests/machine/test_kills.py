"""A few of the kills that `tests/benchmarks/kills.py` deals out by the hundred."""

from datetime import timedelta

from killed_shop import FEED_FROM, KilledShop

REST = timedelta(minutes=16)
PLACES = ("orders", "push", "notify")


def test_whenever_a_run_is_killed_the_next_one_leaves_nothing_missing_wrong_or_unsaid(tmp_path):
    with KilledShop(tmp_path / "shop", skus=40, orders_a_day=6, days=4) as shop:
        length = shop.run("sync", "--apply").seconds
        killed = []
        for number in range(5):
            shop.live_on(timedelta(minutes=4), recounted=FEED_FROM if number % 2 else 10)
            shop.let_feeds_be_quick(timedelta(seconds=1))
            run = shop.run("sync", "--apply", killed_after=length * (number + 0.5) / 6)
            killed += [run.phase] if run.was_killed else []
        shop.live_on(REST, recounted=10)
        left_alone = shop.run("sync", "--apply")

        assert len(killed) >= 2, "hardly any run was killed"
        assert left_alone.code == 0, left_alone.out + left_alone.err
        assert shop.judge().faults() == []
        assert shop.repeated_letters() <= killed.count("notify")
        assert shop.unsigned() == []
        assert shop.run("verify", "--json").document["missing_orders"] == []
