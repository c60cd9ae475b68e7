"""Policies with other options than the file has, checked as the file is; and how long the past is kept."""

import pytest

from fbm_sync.domain.policy import BackorderKind
from fbm_sync.domain.supply import LotStatus
from fbm_sync.errors import ConfigError
from fbm_sync.settings import load, load_policies

FILE = """
[[accounts]]
name = "main"
seller_id = "A1EXAMPLE"
marketplaces = ["ATVPDKIKX0DER"]

[policy.default]
max_units = 7

[policy.lamps]
backorder = "backorder"
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "fbm_sync.toml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("key", "text", "field", "value"),
    [
        ("max_units", "20", "max_units", 20),
        ("confidence", "0.97", "confidence", 0.97),
        ("max_cash", '"2500.00"', "max_cash_minor", 250_000),
        ("backorder", "preorder", "backorder", BackorderKind.PREORDER),
        ("backorder", '"preorder"', "backorder", BackorderKind.PREORDER),
        ("firm_statuses", '["customs"]', "firm_statuses", frozenset({LotStatus.CUSTOMS})),
    ],
)
def test_an_option_is_spelt_as_in_the_file_or_as_a_bare_word(path, key, text, field, value):
    policies = load_policies(path, [("lamps", key, text)], {})
    assert getattr(policies["lamps"], field) == value
    assert policies["default"] == load(path, {}).policies["default"]
    assert path.read_text() == FILE


def test_what_a_named_policy_leaves_out_it_takes_from_the_default_as_supposed(path):
    policies = load_policies(path, [("default", "max_units", "3"), ("default", "handling_days", "5")], {})
    assert (policies["lamps"].max_units, policies["lamps"].handling_days) == (3, 5)


def test_the_default_policy_can_be_supposed_where_the_file_has_none(path):
    path.write_text(FILE.partition("[policy.default]")[0])
    assert load_policies(path, [("default", "max_units", "3")], {})["default"].max_units == 3


def test_every_fault_is_told_in_the_words_of_the_file(path):
    changes = [
        ("default", "confidence", "3"),
        ("lamps", "colour", "red"),
        ("lamps", "backorder", "perhaps"),
        ("chairs", "max_units", "3"),
    ]
    with pytest.raises(ConfigError) as refusal:
        load_policies(path, changes, {})
    first, *others = refusal.value.problems
    assert first == "policy.chairs: there is no such policy (known: default, lamps)"
    assert [one.partition(":")[0] for one in sorted(others)] == [
        "policy.default.confidence",
        "policy.lamps.backorder",
        "policy.lamps.colour",
    ]


def test_the_past_is_kept_for_ninety_days_unless_the_file_says_otherwise(path):
    assert load(path, {}).keep_days == 90
    path.write_text(FILE + "[store]\nkeep_days = 0\n")
    assert load(path, {}).keep_days == 0


@pytest.mark.parametrize("value", ["-1", "3651", '"90"', "1.5", "true"])
def test_a_time_that_is_none_is_refused(path, value):
    path.write_text(FILE + f"[store]\nkeep_days = {value}\n")
    with pytest.raises(ConfigError, match=r"store\.keep_days: .* a whole number of days from 0 \(keep all\)"):
        load(path, {})
