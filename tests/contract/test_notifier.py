"""What every channel to people must do: on the log, a real mail server and a real webhook on loopback."""

import email
import email.policy
import json
import threading
import time as real_time
from datetime import UTC, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from structlog.testing import capture_logs

from fbm_sync.adapters.notify.apprise_channel import AppriseNotifier
from fbm_sync.adapters.notify.log_channel import LogNotifier
from fbm_sync.adapters.notify.wording import word
from fbm_sync.domain.alert import (
    Alert,
    AlertState,
    Finding,
    Notification,
    Severity,
    Transition,
    TransitionKind,
)
from fbm_sync.domain.calendar import ShipCalendar
from fbm_sync.errors import ConfigError, DeliveryError

from fakes import FakeNotifier

CALENDAR = ShipCalendar(timezone="America/Los_Angeles", cut_off=time(14))
NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
ORDER = "111-2222222-3333333"
SUBJECT = f"T-12 · order {ORDER} must ship by Tue 14:00 PST, 11 h 0 min left"


def a_notification(kind=TransitionKind.OPENED, severity=Severity.WARNING, not_before=NOW):
    finding = Finding(
        account="main",
        kind="due_soon",
        subject=ORDER,
        severity=severity,
        text="2 × <Lamp & Co> wait – täglich.",
        action="Ship it now.",
        stage="T-12",
        orders=(ORDER,),
        due_at=NOW + timedelta(hours=11),
    )
    alert = Alert(finding=finding, state=AlertState.OPEN, opened_at=NOW, changed_at=NOW)
    step = Transition(alert=alert, kind=kind, reason="first found", at=NOW, not_before=not_before)
    return Notification(notification_id=1, channel="test", transition=step)


class Webhook:
    """A web server that keeps what it is sent; `status` and `delay` decide how it answers."""

    def __init__(self):
        self.received = []
        self.status = 200
        self.delay = threading.Event()
        self.delay.set()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.delay.wait(10)
                webhook.received.append(json.loads(body))
                self.send_response(webhook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://user:hunter2@127.0.0.1:{self._server.server_port}/hook-secret"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self):
        self.delay.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _AnyPort(Controller):
    """A mail server on whichever port is free."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Mailbox:
    """A mail server that keeps what it is sent, or refuses it."""

    def __init__(self):
        self.received = []
        self.refuses = False
        self._controller = _AnyPort(self, hostname="127.0.0.1", port=0)
        self._controller.start()
        self.url = f"mailto://127.0.0.1:{self._controller.port}?from=shop@example.com&to=seller@example.com&mode=insecure"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's name)
        if self.refuses:
            return "554 no"
        self.received.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def stop(self):
        self._controller.stop(no_assert=True)


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
        lambda: [word(one.transition, CALENDAR, NOW).subject for one in notifier.delivered],
        break_down,
        notifier.behave,
    )


def _web(webhook):
    def answer(status):
        webhook.status = status

    return Channel(
        AppriseNotifier(webhook.url, CALENDAR),
        lambda: [sent["title"] for sent in webhook.received if webhook.status == 200],
        lambda: answer(503),
        lambda: (answer(200), webhook.received.clear()),
    )


def _mail(mailbox):
    def refuse(refuses):
        mailbox.refuses = refuses

    notifier = AppriseNotifier(mailbox.url, CALENDAR)
    notifier._service.request_rate_per_sec = 0  # else Apprise rests 5.5 s between two mails
    return Channel(
        notifier,
        lambda: [sent["Subject"] for sent in mailbox.received],
        lambda: refuse(True),
        lambda: refuse(False),
    )


@pytest.fixture(params=["fake", "log", "webhook", "mail"])
def channel(request):
    if request.param == "fake":
        yield _fake()
    elif request.param == "webhook":
        yield _web(request.getfixturevalue("webhook"))
    elif request.param == "mail":
        yield _mail(request.getfixturevalue("mailbox"))
    else:
        with capture_logs() as lines:
            yield Channel(LogNotifier(CALENDAR), lambda: [line["headline"] for line in lines])


def test_each_message_arrives_once_and_on_its_own(channel):
    channel.notifier.deliver(a_notification())
    channel.notifier.deliver(a_notification(TransitionKind.RESOLVED))

    assert channel.told() == [SUBJECT, f"Resolved · order {ORDER} · due soon"]


@pytest.mark.parametrize("channel", ["fake", "webhook", "mail"], indirect=True)
def test_a_channel_that_is_down_says_so_and_works_again_afterwards(channel):
    channel.break_down()
    with pytest.raises(DeliveryError) as failure:
        channel.notifier.deliver(a_notification())
    assert failure.value.retryable
    assert channel.told() == []

    channel.mend()
    channel.notifier.deliver(a_notification())

    assert channel.told() == [SUBJECT]


def test_a_mail_says_what_is_wrong_and_what_to_do_in_plain_text(mailbox):
    AppriseNotifier(mailbox.url, CALENDAR).deliver(a_notification())

    (mail,) = mailbox.received
    text = mail.get_body(("plain",)).get_content()
    assert "2 × <Lamp & Co> wait – täglich." in text
    assert "What to do: Ship it now." in text
    assert f"https://sellercentral.amazon.com/orders-v3/order/{ORDER}" in text


def test_a_webhook_gets_the_words_untouched(webhook):
    AppriseNotifier(webhook.url, CALENDAR).deliver(a_notification())

    (sent,) = webhook.received
    assert sent["message"].startswith("2 × <Lamp & Co> wait – täglich.\n\nMust ship by Tue 14:00 PST")


def test_a_channel_shows_no_secret_of_itself(webhook, mailbox):
    for notifier in (AppriseNotifier(webhook.url, CALENDAR), AppriseNotifier(mailbox.url, CALENDAR)):
        shown = f"{notifier!r} {notifier!s} {notifier.label}"
        assert notifier.label in repr(notifier)
        assert not any(secret in shown for secret in ("secret", "hunter2", "example.com"))
    assert LogNotifier(CALENDAR).label == "log"


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
        LogNotifier(CALENDAR).deliver(a_notification(kind, severity))

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
    AppriseNotifier(webhook.url, CALENDAR).deliver(a_notification(kind, severity))

    assert webhook.received[0]["type"] == mood


@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
def test_a_service_that_refuses_is_tried_again(webhook, status):
    notifier = AppriseNotifier(webhook.url, CALENDAR)
    webhook.status = status
    with pytest.raises(DeliveryError, match=str(status)) as failure:
        notifier.deliver(a_notification())
    webhook.status = 200
    notifier.deliver(a_notification())

    assert failure.value.retryable
    assert "secret" not in str(failure.value)
    assert "hunter2" not in str(failure.value)


def test_a_mail_server_that_refuses_is_tried_again(mailbox):
    mailbox.refuses = True

    with pytest.raises(DeliveryError) as failure:
        AppriseNotifier(mailbox.url, CALENDAR).deliver(a_notification())

    assert failure.value.retryable
    assert "example.com" not in str(failure.value)


@pytest.mark.parametrize(
    "url", ["json://127.0.0.1:1/hook-secret", "mailto://127.0.0.1:1?from=a@example.com&to=b@example.com"]
)
def test_a_service_that_is_not_there_is_tried_again(url):
    with pytest.raises(DeliveryError) as failure:
        AppriseNotifier(url, CALENDAR).deliver(a_notification())

    assert failure.value.retryable
    assert "secret" not in str(failure.value)


def test_a_service_that_hangs_holds_nobody_up(webhook):
    notifier = AppriseNotifier(f"{webhook.url}?rto=10", CALENDAR, timeout_seconds=0.2)
    webhook.delay.clear()
    started = real_time.monotonic()

    with pytest.raises(DeliveryError, match=r"did not answer within 0\.2 s") as failure:
        notifier.deliver(a_notification())
    with pytest.raises(DeliveryError, match="still hangs on the message before"):
        notifier.deliver(a_notification())

    assert failure.value.retryable
    assert real_time.monotonic() - started < 5
    webhook.delay.set()
    notifier._sending.join()
    notifier.deliver(a_notification())
    assert len(webhook.received) == 2


def test_a_broken_plug_in_is_a_failed_delivery(webhook, monkeypatch):
    import apprise

    def break_down(*args, **kwargs):
        raise RuntimeError("Atza|hunter2")

    notifier = AppriseNotifier(webhook.url, CALENDAR)
    monkeypatch.setattr(apprise.Apprise, "notify", break_down)

    with pytest.raises(DeliveryError, match="RuntimeError") as failure:
        notifier.deliver(a_notification())
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize("url", ["slak://token-secret", "slack://secret", "secret", "", "://"])
def test_an_address_that_names_no_service_is_refused_at_once_without_showing_it(url):
    with pytest.raises(ConfigError) as refusal:
        AppriseNotifier(url, CALENDAR)

    assert refusal.value.problems[0].startswith("alerts.channels: ")
    assert "secret" not in str(refusal.value)


def test_how_long_is_left_counts_from_when_people_read_it(webhook):
    class Clock:
        def now(self):
            return NOW + timedelta(hours=3)

    AppriseNotifier(webhook.url, CALENDAR, clock=Clock()).deliver(a_notification())
    AppriseNotifier(webhook.url, CALENDAR).deliver(a_notification(not_before=NOW + timedelta(hours=5)))

    assert [sent["title"].rpartition(", ")[2] for sent in webhook.received] == [
        "8 h 0 min left",
        "6 h 0 min left",
    ]
