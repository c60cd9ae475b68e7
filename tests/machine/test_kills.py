"""A few of the kills that `tests/benchmarks/kills.py` deals out by the hundred."""

from datetime import timedelta

from killed_shop import KilledShop

REST = timedelta(minutes=16)


def test_wherever_a_run_is_killed_the_next_one_leaves_nothing_missing_wrong_or_unsaid(tmp_path):
    killed = []
    with KilledShop(tmp_path / "shop", skus=24, orders_a_day=3, days=2) as shop:
        for number, place in enumerate(("orders", "push: write", "push: confirm", "alert", "notify")):
            shop.live_on(timedelta(minutes=4), recounted=20 if number % 2 else 5)
            shop.let_feeds_be_quick(timedelta(seconds=1))
            run = shop.run("sync", "--apply", killed_in=place)
            killed += [run.phase] if run.was_killed else []
        shop.live_on(REST, recounted=5)
        left_alone = shop.run("sync", "--apply")

        assert len(killed) >= 4, killed
        assert left_alone.returncode == 0, left_alone.stdout + left_alone.stderr
        assert shop.judge().faults() == []
        assert shop.repeated_letters() <= killed.count("notify")
        assert shop.unsigned() == []
