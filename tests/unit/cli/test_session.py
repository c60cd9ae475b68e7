"""What a person writes for a time, and where the global options may stand."""

from datetime import UTC, date, datetime, timedelta

import pytest
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.cli.commands import _global_options_first
from fbm_sync.cli.screen import plain
from fbm_sync.cli.session import instant
from fbm_sync.domain.alert import Severity
from fbm_sync.errors import ConfigError
from fbm_sync.ports import Failure

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (None, None),
        ("7d", NOW - timedelta(days=7)),
        ("36h", NOW - timedelta(hours=36)),
        ("90m", NOW - timedelta(minutes=90)),
        ("2w", NOW - timedelta(weeks=2)),
        (" 7 d ", NOW - timedelta(days=7)),
        ("0d", NOW),
        ("2026-03-01T00:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T00:00:00.250+02:00", datetime(2026, 2, 28, 22, 0, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_a_span_or_an_instant_is_understood(text, meant):
    assert instant(text, NOW, "--since") == meant


@pytest.mark.parametrize(
    "text", ["", "7", "d", "-7d", "7y", "yesterday", "2026-03-01", "2026-03-01T00:00", "999999w"]
)
def test_anything_else_is_refused_with_the_option_and_examples(text):
    with pytest.raises(ConfigError) as refused:
        instant(text, NOW, "--until")
    (problem,) = refused.value.problems
    assert problem.startswith("--until: ")
    assert repr(text) in problem
    assert "7d" in problem


def test_seven_days_count_from_now(shop, document):
    with freeze_time("2026-03-02T09:00:00Z", ignore=["asyncio", "uvicorn"]):
        document("sync", "--since", "7d", "--only", "orders", code=0)
    (asked,) = [
        one
        for one in shop.get("/_emulator/requests").json()["requests"]
        if one["operation"] == "searchOrders"
    ]
    assert asked["params"]["lastUpdatedAfter"].startswith("2026-02-23T09:00:00")


WORDS = st.lists(st.sampled_from(["sync", "--apply", "--since", "7d", "--order", "111-1", "x"]), max_size=6)
GLOBALS = st.lists(
    st.sampled_from([("--json",), ("--verbose",), ("--config", "a.toml"), ("--config=b.toml",)]), max_size=4
)


@given(words=WORDS, options=GLOBALS, data=st.data())
def test_global_options_mean_the_same_wherever_they_stand(words, options, data):
    mixed = [(word,) for word in words]
    places = sorted(data.draw(st.integers(0, len(words)), label="place") for _ in options)
    for place, option in reversed(list(zip(places, options, strict=True))):
        mixed.insert(place, option)
    front = [part for option in options for part in option]
    assert _global_options_first([part for group in mixed for part in group]) == [*front, *words]


@given(words=WORDS, behind=st.lists(st.sampled_from(["--json", "--config", "--verbose"])))
def test_what_stands_behind_a_bare_double_dash_is_left_alone(words, behind):
    assert _global_options_first([*words, "--", *behind]) == [*words, "--", *behind]


def test_a_config_option_without_its_file_is_left_for_the_parser_to_refuse():
    assert _global_options_first(["sync", "--config"]) == ["--config", "sync"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (NOW, "2026-03-02T09:00:00+00:00"),
        (date(2026, 3, 2), "2026-03-02"),
        (Severity.CRITICAL, "critical"),
        (frozenset({"b", "a"}), ["a", "b"]),
        (
            Failure(what="order 1", why="gone", next="look"),
            {"what": "order 1", "why": "gone", "next": "look"},
        ),
    ],
)
def test_json_has_a_word_for_everything_we_show(value, shown):
    assert plain(value) == shown


def test_what_has_no_json_form_is_a_fault_of_ours():
    with pytest.raises(TypeError, match="object has no JSON form"):
        plain(object())
