"""What every channel to people must do: on the log, a real mail server and a real webhook on loopback."""

import hashlib
import hmac
import re
import time as real_time
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fbm_sync.adapters.notify.apprise_channel import AppriseNotifier
from fbm_sync.adapters.notify.attempt import Attempts
from fbm_sync.adapters.notify.log_channel import LogNotifier
from fbm_sync.adapters.notify.pages import Pages
from fbm_sync.adapters.notify.webhook import WebhookNotifier
from fbm_sync.adapters.notify.wording import Wording
from fbm_sync.domain.alert import Reason, Severity, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.letters import Letter
from fbm_sync.errors import ConfigError, DeliveryError

from builders import a_finding, a_notification, a_step, an_alert
from fakes import FakeNotifier
from receivers import Mailbox, Webhook

CALENDAR = ShipCalendar(timezone="America/Los_Angeles", cut_off=time(14))
WORDING = Wording(calendars=ShipCalendars(house=CALENDAR))
PAGES = Pages(WORDING)
NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
ORDER = "111-2222222-3333333"
SUBJECT = f"T-12 · order {ORDER} must ship by Tue 14:00 PST, 11 h 0 min left"
SECRET = "shared-secret"


def a_letter(kind=TransitionKind.OPENED, severity=Severity.WARNING, not_before=NOW):
    finding = a_finding(
        "due_soon",
        ORDER,
        severity,
        account="main",
        text="2 × <Lamp & Co> wait – täglich.",
        action="Ship it now.",
        stage="T-12",
        orders=(ORDER,),
        due_at=NOW + timedelta(hours=11),
    )
    alert = an_alert(finding, opened_at=NOW, changed_at=NOW)
    step = a_step(alert, kind, Reason.FIRST_FOUND, at=NOW)
    note = a_notification(1, step, channel="test", not_before=not_before)
    return Letter(channel="test", notifications=(note,))


@pytest.fixture
def webhook():
    server = Webhook()
    yield server
    server.stop()


@pytest.fixture
def mailbox():
    server = Mailbox()
    yield server
    server.stop()


class Clock:
    """A clock that stands."""

    def __init__(self, moment=NOW):
        self.moment = moment

    def now(self):
        return self.moment


class Channel:
    """A notifier, a way to see which subjects arrived, and one to break and mend what lies behind it."""

    def __init__(self, notifier, told, break_down=None, mend=None):
        self.notifier = notifier
        self.told = told
        self.break_down = break_down
        self.mend = mend


def _fake():
    notifier = FakeNotifier()

    def break_down():
        notifier.broken = DeliveryError("It is down.", retryable=True)

    return Channel(
        notifier,
        lambda: [PAGES.message(one, NOW).subject for one in notifier.delivered],
        break_down,
        notifier.behave,
    )


def _web(webhook):
    def answer(status):
        webhook.status = status

    return Channel(
        AppriseNotifier(webhook.url, PAGES),
        lambda: [sent["title"] for sent in webhook.received if webhook.status == 200],
        lambda: answer(503),
        lambda: (answer(200), webhook.received.clear()),
    )


def _signed(webhook):
    def answer(status):
        webhook.status = status

    return Channel(
        WebhookNotifier("shop", webhook.plain_url, SECRET, PAGES, clock=Clock()),
        lambda: [sent["subject"] for sent in webhook.received if webhook.status == 200],
        lambda: answer(503),
        lambda: (answer(200), webhook.received.clear()),
    )


def _mail(mailbox):
    def refuse(refuses):
        mailbox.refuses = refuses

    notifier = AppriseNotifier(mailbox.url, PAGES)
    return Channel(
        notifier,
        lambda: [sent["Subject"] for sent in mailbox.received],
        lambda: refuse(True),
        lambda: refuse(False),
    )


@pytest.fixture(params=["fake", "log", "webhook", "signed", "mail"])
def channel(request):
    if request.param == "fake":
        yield _fake()
    elif request.param == "webhook":
        yield _web(request.getfixturevalue("webhook"))
    elif request.param == "signed":
        yield _signed(request.getfixturevalue("webhook"))
    elif request.param == "mail":
        yield _mail(request.getfixturevalue("mailbox"))
    else:
        with capture_logs() as lines:
            yield Channel(LogNotifier(WORDING), lambda: [line["headline"] for line in lines])


def test_each_message_arrives_once_and_on_its_own(channel):
    channel.notifier.deliver(a_letter())
    channel.notifier.deliver(a_letter(TransitionKind.RESOLVED))

    assert channel.told() == [SUBJECT, f"Resolved · order {ORDER} · due soon"]


@pytest.mark.parametrize("channel", ["fake", "webhook", "signed", "mail"], indirect=True)
def test_a_channel_that_is_down_says_so_and_works_again_afterwards(channel):
    channel.break_down()
    with pytest.raises(DeliveryError) as failure:
        channel.notifier.deliver(a_letter())
    assert failure.value.retryable
    assert channel.told() == []

    channel.mend()
    channel.notifier.deliver(a_letter())

    assert channel.told() == [SUBJECT]


def test_a_mail_says_what_is_wrong_and_what_to_do_as_a_page_and_in_plain_text(mailbox):
    AppriseNotifier(mailbox.url, PAGES).deliver(a_letter())

    (mail,) = mailbox.received
    text = mail.get_body(("plain",)).get_content()
    assert "2 × <Lamp & Co> wait – täglich." in text
    assert "What to do: Ship it now." in " ".join(text.split())
    assert f"https://sellercentral.amazon.com/orders-v3/order/{ORDER}" in text
    page = mail.get_body(("html",)).get_content()
    assert "2 × &lt;Lamp &amp; Co&gt; wait – täglich." in page
    assert f'href="https://sellercentral.amazon.com/orders-v3/order/{ORDER}"' in page


def test_mails_do_not_wait_for_each_other(mailbox):
    notifier = AppriseNotifier(mailbox.url, PAGES)
    for _ in range(3):
        notifier.deliver(a_letter())
    assert len(mailbox.received) == 3
    assert notifier._service.request_rate_per_sec == 0, "else Apprise rests 5.5 s between two mails"


def test_a_webhook_gets_the_words_untouched(webhook):
    AppriseNotifier(webhook.url, PAGES).deliver(a_letter())

    (sent,) = webhook.received
    assert sent["message"].startswith("2 × <Lamp & Co> wait – täglich.\n\nMust ship by Tue 14:00 PST")


def test_a_channel_shows_no_secret_of_itself(webhook, mailbox):
    for notifier in (AppriseNotifier(webhook.url, PAGES), AppriseNotifier(mailbox.url, PAGES)):
        shown = f"{notifier!r} {notifier!s} {notifier.label}"
        assert notifier.label in repr(notifier)
        assert not any(secret in shown for secret in ("secret", "hunter2", "example.com"))
    assert LogNotifier(WORDING).label == "log"


# --- the log -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "severity", "level"),
    [
        (TransitionKind.OPENED, Severity.INFO, "info"),
        (TransitionKind.OPENED, Severity.WARNING, "warning"),
        (TransitionKind.ESCALATED, Severity.CRITICAL, "error"),
        (TransitionKind.RESOLVED, Severity.CRITICAL, "info"),
    ],
)
def test_the_level_of_the_log_line_says_how_soon_a_person_must_act(kind, severity, level):
    with capture_logs() as lines:
        LogNotifier(WORDING).deliver(a_letter(kind, severity))

    (line,) = lines
    assert (line["event"], line["log_level"], line["transition"]) == ("alert_told", level, kind.value)
    assert line["key"] == f"main:due_soon:{ORDER}"


# --- what goes wrong on the way ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "severity", "mood"),
    [
        (TransitionKind.OPENED, Severity.INFO, "info"),
        (TransitionKind.OPENED, Severity.WARNING, "warning"),
        (TransitionKind.ESCALATED, Severity.CRITICAL, "failure"),
        (TransitionKind.RESOLVED, Severity.CRITICAL, "success"),
    ],
)
def test_the_mood_of_a_message_fits_its_news(webhook, kind, severity, mood):
    AppriseNotifier(webhook.url, PAGES).deliver(a_letter(kind, severity))

    assert webhook.received[0]["type"] == mood


@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
def test_a_service_that_refuses_is_tried_again(webhook, status):
    notifier = AppriseNotifier(webhook.url, PAGES)
    webhook.status = status
    with pytest.raises(DeliveryError, match=str(status)) as failure:
        notifier.deliver(a_letter())
    webhook.status = 200
    notifier.deliver(a_letter())

    assert failure.value.retryable
    assert "secret" not in str(failure.value)
    assert "hunter2" not in str(failure.value)


def test_a_mail_server_that_refuses_is_tried_again(mailbox):
    mailbox.refuses = True

    with pytest.raises(DeliveryError) as failure:
        AppriseNotifier(mailbox.url, PAGES).deliver(a_letter())

    assert failure.value.retryable
    assert "example.com" not in str(failure.value)


@pytest.mark.parametrize(
    "url", ["json://127.0.0.1:1/hook-secret", "mailto://127.0.0.1:1?from=a@example.com&to=b@example.com"]
)
def test_a_service_that_is_not_there_is_tried_again(url):
    with pytest.raises(DeliveryError) as failure:
        AppriseNotifier(url, PAGES).deliver(a_letter())

    assert failure.value.retryable
    assert "secret" not in str(failure.value)


def test_a_service_that_hangs_holds_nobody_up(webhook):
    notifier = AppriseNotifier(f"{webhook.url}?rto=10", PAGES, timeout_seconds=0.2)
    webhook.delay.clear()
    started = real_time.monotonic()

    with pytest.raises(DeliveryError, match=r"did not answer within 0\.2 s") as failure:
        notifier.deliver(a_letter())
    with pytest.raises(DeliveryError, match="still hangs on the message before"):
        notifier.deliver(a_letter())

    assert failure.value.retryable
    assert real_time.monotonic() - started < 5
    webhook.delay.set()
    notifier._attempts._sending.join()
    notifier.deliver(a_letter())
    assert len(webhook.received) == 2


def test_a_broken_plug_in_is_a_failed_delivery(webhook, monkeypatch):
    import apprise

    def break_down(*args, **kwargs):
        raise RuntimeError("Atza|hunter2")

    notifier = AppriseNotifier(webhook.url, PAGES)
    monkeypatch.setattr(apprise.Apprise, "notify", break_down)

    with pytest.raises(DeliveryError, match="RuntimeError") as failure:
        notifier.deliver(a_letter())
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize("url", ["slak://token-secret", "slack://secret", "secret", "", "://"])
def test_an_address_that_names_no_service_is_refused_at_once_without_showing_it(url):
    with pytest.raises(ConfigError) as refusal:
        AppriseNotifier(url, PAGES)

    assert refusal.value.problems[0].startswith("alerts.channels: ")
    assert "secret" not in str(refusal.value)


def test_how_long_is_left_counts_from_when_people_read_it(webhook):
    AppriseNotifier(webhook.url, PAGES, clock=Clock(NOW + timedelta(hours=3))).deliver(a_letter())
    AppriseNotifier(webhook.url, PAGES).deliver(a_letter(not_before=NOW + timedelta(hours=5)))

    assert [sent["title"].rpartition(", ")[2] for sent in webhook.received] == [
        "8 h 0 min left",
        "6 h 0 min left",
    ]


# --- signed documents for programs -------------------------------------------------------------------


def test_a_program_can_tell_that_a_document_is_ours_and_fresh(webhook):
    WebhookNotifier("shop", webhook.plain_url, SECRET, PAGES, clock=Clock()).deliver(a_letter())

    ((headers, body),) = webhook.requests
    timestamp = headers["X-Fbm-Sync-Timestamp"]
    expected = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Fbm-Sync-Signature"] == f"sha256={expected}"
    assert int(timestamp) == NOW.timestamp()
    assert headers["Content-Type"] == "application/json"


def test_a_program_gets_every_step_with_its_names(webhook):
    WebhookNotifier("shop", webhook.plain_url, SECRET, PAGES, clock=Clock()).deliver(a_letter())

    (document,) = webhook.received
    (entry,) = document.pop("notifications")
    assert document.pop("text").startswith("2 × <Lamp & Co> wait")
    assert document == {
        "version": 1,
        "channel": "test",
        "purpose": "news",
        "sent_at": NOW.isoformat(),
        "subject": SUBJECT,
    }
    assert entry == {
        "id": 1,
        "transition": "opened",
        "reason": "first_found",
        "at": NOW.isoformat(),
        "key": f"main:due_soon:{ORDER}",
        "account": "main",
        "kind": "due_soon",
        "subject": ORDER,
        "severity": "warning",
        "stage": "T-12",
        "state": "open",
        "opened_at": NOW.isoformat(),
        "due_at": (NOW + timedelta(hours=11)).isoformat(),
        "bundle": None,
        "text": "2 × <Lamp & Co> wait – täglich.",
        "action": "Ship it now.",
        "orders": [ORDER],
        "link": f"https://sellercentral.amazon.com/orders-v3/order/{ORDER}",
    }


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        *((status, True) for status in (301, 408, 425, 429, 500, 503)),
        *((status, False) for status in (400, 401, 404, 410)),
    ],
)
def test_a_program_that_refuses_for_good_is_not_asked_again(webhook, status, retryable):
    webhook.status = status
    notifier = WebhookNotifier("shop", webhook.plain_url, SECRET, PAGES, clock=Clock())

    with pytest.raises(DeliveryError, match=f"webhook shop answered {status}") as failure:
        notifier.deliver(a_letter())

    assert failure.value.retryable is retryable
    assert len(webhook.received) == 1
    assert not any(hidden in f"{failure.value} {notifier!r}" for hidden in (SECRET, "hook-secret"))


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ("120", 120),
        ("Tue, 24 Nov 2026 11:10:00 GMT", 600),
        ("Tue, 24 Nov 2026 10:00:00 GMT", 0),
        ("Tue, 24 Nov 2026 11:10:00 -0000", None),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_a_program_may_say_when_to_come_back(webhook, answer, seconds):
    webhook.status, webhook.answers = 429, {} if answer is None else {"Retry-After": answer}
    notifier = WebhookNotifier("shop", webhook.plain_url, SECRET, PAGES, clock=Clock())

    with pytest.raises(DeliveryError) as failure:
        notifier.deliver(a_letter())

    assert failure.value.retry_after_seconds == seconds


def test_a_program_that_is_not_there_or_hangs_is_tried_again(webhook):
    nobody = WebhookNotifier("shop", "http://127.0.0.1:1/hook-secret", SECRET, PAGES, clock=Clock())
    slow = WebhookNotifier("shop", webhook.plain_url, SECRET, PAGES, clock=Clock(), timeout_seconds=0.2)
    webhook.delay.clear()

    for notifier, words in ((nobody, "ConnectError"), (slow, "ReadTimeout")):
        with pytest.raises(DeliveryError, match=words) as failure:
            notifier.deliver(a_letter())
        assert failure.value.retryable
        assert "hook-secret" not in str(failure.value)


def test_a_broken_channel_is_a_failed_delivery_and_not_the_end():
    def break_down():
        raise RuntimeError("boom")

    with pytest.raises(DeliveryError, match="x: RuntimeError"):
        Attempts("x", 1.0).run(break_down)


def test_the_readme_says_how_a_program_makes_sure(webhook):
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = [one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "def is_ours" in one]
    receiver = {}
    exec(block, receiver)
    now = datetime.now(UTC)
    WebhookNotifier("shop", webhook.plain_url, SECRET, PAGES, clock=Clock(now)).deliver(a_letter())
    WebhookNotifier("shop", webhook.plain_url, SECRET, PAGES, clock=Clock(NOW)).deliver(a_letter())
    (headers, body), (old, old_body) = webhook.requests

    assert receiver["is_ours"](headers, body, SECRET)
    assert not receiver["is_ours"](headers, body + b" ", SECRET)
    assert not receiver["is_ours"](headers, body, "another")
    assert not receiver["is_ours"](old, old_body, SECRET)
