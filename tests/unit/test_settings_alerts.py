"""What a seller may say of alerts: programs as channels, who hears of what, when, in which words."""

from datetime import time, timedelta

import pytest

from fbm_sync.domain.alert import Severity
from fbm_sync.domain.telling import Route
from fbm_sync.errors import ConfigError
from fbm_sync.settings import load

BASE = """
[[accounts]]
name = "main"
seller_id = "A1EXAMPLE"
marketplaces = ["ATVPDKIKX0DER"]
"""
CHANNELS = """
[alerts]
channels = ["env:ALERT_MAIL"]
[alerts.webhooks.shop]
url = "https://example.com/hook"
secret = "env:HOOK_SECRET"
"""
ENVIRON = {"ALERT_MAIL": "mailto://host", "HOOK_SECRET": "s3cret"}


@pytest.fixture
def alerts(tmp_path):
    def read(text, environ=ENVIRON):
        file = tmp_path / "fbm_sync.toml"
        file.write_text(BASE + text)
        return load(file, environ).alerts

    return read


@pytest.fixture
def faults(alerts):
    def read(text, environ=ENVIRON):
        with pytest.raises(ConfigError) as refusal:
            alerts(text, environ)
        return [fault.removeprefix("fbm_sync.toml: ") for fault in refusal.value.problems]

    return read


def test_what_is_not_said_has_its_usual_value(alerts):
    usual = alerts("")
    assert (usual.digest_at, usual.templates) == (time(8), None)
    assert (usual.routes, usual.webhooks) == ((), ())
    assert usual.remind_after == {
        Severity.WARNING: timedelta(hours=24),
        Severity.CRITICAL: timedelta(hours=4),
    }


def test_reminders_and_the_digest_can_be_switched_off(alerts):
    off = alerts('[alerts]\ndigest_at = ""\nremind_hours = { warning = 0, critical = 0.5 }')
    assert off.digest_at is None
    assert off.remind_after == {Severity.CRITICAL: timedelta(minutes=30)}


def test_a_program_is_a_channel_whose_secret_is_never_shown(alerts):
    found = alerts(CHANNELS)
    (hook,) = found.webhooks
    assert (hook.name, hook.url, hook.secret) == ("shop", "https://example.com/hook", "s3cret")
    assert "s3cret" not in repr(found)
    assert "example.com" not in repr(found)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("env:HOOK_SECRET", "s3cret"), "alerts.webhooks.shop.secret: secrets never belong in this file"),
        (("env:HOOK_SECRET", "env:OTHER"), "the environment variable OTHER is not set"),
        (("https://example", "http://example"), "would send secrets unencrypted"),
        (("webhooks.shop", "webhooks.Shop"), "alerts.webhooks.Shop: a name has small letters"),
        (("webhooks.shop", "webhooks.alert_mail"), "another channel has this name already"),
        (("webhooks.shop", "webhooks.log"), "another channel has this name already"),
        (('secret = "env:HOOK_SECRET"', ""), "alerts.webhooks.shop.secret: missing"),
    ],
)
def test_a_program_that_cannot_be_told_is_a_fault(faults, change, fault):
    (found,) = faults(CHANNELS.replace(*change))
    assert fault in found
    assert "s3cret" not in found


def test_plain_http_is_for_this_machine_only(alerts):
    (hook,) = alerts(CHANNELS.replace("https://example.com", "http://127.0.0.1:9")).webhooks
    assert hook.url == "http://127.0.0.1:9/hook"


def test_a_route_says_who_hears_of_what(alerts):
    found = alerts(
        CHANNELS
        + """
[[alerts.routes]]
channels = ["alert_mail", "alert_mail"]
[[alerts.routes]]
channels = ["shop"]
kinds = ["oversold"]
accounts = ["main"]
least_severity = "critical"
escalate_to = ["alert_mail"]
escalate_after_minutes = 5
"""
    )
    assert found.routes == (
        Route(channels=("alert_mail",)),
        Route(
            channels=("shop",),
            kinds=frozenset({"oversold"}),
            accounts=frozenset({"main"}),
            least_severity=Severity.CRITICAL,
            escalate_to=("alert_mail",),
            escalate_after=timedelta(minutes=5),
        ),
    )


def test_every_fault_of_a_route_is_named(faults):
    found = faults(
        CHANNELS
        + """
[[alerts.routes]]
channels = ["shop"]
[[alerts.routes]]
channels = ["pager"]
accounts = ["uk"]
escalate_to = ["boss"]
"""
    )
    assert found == [
        "alerts.routes number 2.channels: there is no channel 'pager' (known: alert_mail, shop)",
        "alerts.routes number 2.escalate_to: there is no channel 'boss' (known: alert_mail, shop)",
        "alerts.routes number 2.accounts: there is no account 'uk' (known: main)",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[alerts]\ndigest_at = "8"', 'alerts.digest_at: "8" is not a time of day'),
        ("[alerts]\nremind_hours = { warning = -1 }", "alerts.remind_hours.warning: -1 is not allowed"),
        ("[[alerts.routes]]\nchannels = []", "is not allowed; write a list of channel names"),
        ('[[alerts.routes]]\nchannels = ["x"]\nleast_severity = "loud"', '"info", "warning" or "critical"'),
        ('[alerts]\ntemplates = "gone"', 'alerts.templates: "gone" is not a folder'),
        ("[alerts]\ndigest = 1", "did you mean digest_at?"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(faults, text, fault):
    assert any(fault in one for one in faults(text))


def test_templates_lie_in_a_folder_beside_the_file(alerts, tmp_path):
    (tmp_path / "words").mkdir()
    assert alerts('[alerts]\ntemplates = "words"').templates == tmp_path / "words"
