"""The benchmark of a mass push, in small: it pushes a whole shop and says what it took."""

from benchmarks.mass_push import least_by_feed, main


def test_a_small_mass_push_is_made_proven_and_measured(capsys):
    size = ["--skus", "150", "--zeroed", "12", "--later", "3", "--patched", "20"]
    main([*size, "--feed-seconds", "15", "--report-seconds", "30"])
    told = " ".join(capsys.readouterr().out.split())
    assert "1 createFeed," in told
    assert "15 patchListingsItem" in told, "what goes off sale, and nothing else"
    assert "every zero-out live 21 s (lower bound 21 s, ratio 1.00)" in told
    assert "every change confirmed" in told
    assert "By patches alone (20 really made" in told


def test_the_lower_bound_lets_feeds_and_patches_go_on_beside_each_other():
    assert least_by_feed(25_000, 600) == 600
    assert least_by_feed(26_000, 600) == 600, "a thousand by patch, meanwhile"
    assert least_by_feed(99_000, 600) == 2_400
    assert least_by_feed(100, 600) == 19
