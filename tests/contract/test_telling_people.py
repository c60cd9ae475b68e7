"""From a finding to people and programs: a mail server, and webhooks that are slow, down, or refuse."""

import contextlib

import pytest

from fbm_sync.adapters.notify.apprise_channel import AppriseNotifier
from fbm_sync.adapters.notify.log_channel import LogNotifier
from fbm_sync.adapters.notify.pages import Pages
from fbm_sync.adapters.notify.webhook import WebhookNotifier
from fbm_sync.adapters.notify.wording import Wording
from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.delivering import channel_findings
from fbm_sync.flows.alert import AlertTerms, remember
from fbm_sync.flows.notify import Delivery

from builders import a_finding
from fakes import FakeClock
from receivers import Mailbox, Webhook

CALENDARS = ShipCalendars(house=ShipCalendar(timezone="UTC"))
TERMS = AlertTerms(channels=("mail", "slow", "shaky", "gone"))


class House:
    """The alert list with one mailbox and three programs."""

    def __init__(self, path, mailbox, hooks):
        self.clock = FakeClock()
        self.ledger = open_ledger(f"sqlite:///{path}", create=True)
        self.mailbox, self.hooks = mailbox, hooks
        pages = Pages(Wording(calendars=CALENDARS))
        self.notifiers = {
            "log": LogNotifier(pages.wording),
            "mail": AppriseNotifier(mailbox.url, pages, clock=self.clock),
            **{
                name: WebhookNotifier(name, hook.plain_url, "s3cret", pages, clock=self.clock)
                for name, hook in hooks.items()
            },
        }
        self.delivery = Delivery(lambda: self.ledger, self.clock, lambda: self.notifiers)

    def find(self, *findings):
        with self.ledger.transaction() as books:
            failing = channel_findings(
                books.alerts.outbox.channels().values(), TERMS.channels, self.clock.now()
            )
            remember(books, [*findings, *failing], CALENDARS, TERMS, self.clock.now())

    def mails(self):
        return [mail["Subject"] for mail in self.mailbox.received]

    def heard(self, name):
        return [
            (one["transition"], one["key"])
            for document in self.hooks[name].received
            for one in document["notifications"]
        ]


@pytest.fixture
def house(tmp_path):
    with contextlib.ExitStack() as stack:
        mailbox = Mailbox()
        stack.callback(mailbox.stop)
        hooks = {}
        for name in ("slow", "shaky", "gone"):
            hooks[name] = Webhook()
            stack.callback(hooks[name].stop)
        here = House(tmp_path / "alerts.db", mailbox, hooks)
        stack.callback(here.ledger.close)
        stack.callback(here.delivery.close, 20)
        yield here


def test_each_receiver_gets_its_news_whatever_the_others_do(house):
    slow, shaky, gone = (house.hooks[name] for name in ("slow", "shaky", "gone"))
    slow.delay.clear()
    shaky.status, gone.status = 503, 410
    shaky.answers = {"Retry-After": "90"}
    trouble = a_finding("stale_orders", text="Orders were not read.")
    opened, failing = ("opened", trouble.key), ("opened", ":channel_failed:gone")

    house.find(trouble)
    failures = 0
    while failures < 2 or not house.mails():
        report = house.delivery.run(wait_seconds=0.1)
        assert "slow" in report.busy
        failures += report.failed
    assert house.mails() == ["Warning · orders are not being read · 111-1"]

    slow.delay.set()
    assert house.delivery.run(wait_seconds=20).busy == ()
    assert house.heard("slow") == [opened]
    assert len(shaky.received) == 1, "not before it wants to be asked again"

    shaky.status = gone.status = 200
    shaky.received.clear()
    gone.received.clear()
    house.find(trouble)
    house.clock.advance(seconds=90)
    house.delivery.run(wait_seconds=20)
    assert house.heard("shaky") == [opened, failing] or house.heard("shaky") == [failing, opened]
    assert house.mails()[1:] == ["Warning · the channel gone does not work"]
    assert house.heard("gone") == [], "what it refused for good is not told again"

    house.clock.advance(minutes=5)
    house.find()
    house.delivery.run(wait_seconds=20)
    assert ("resolved", trouble.key) in house.heard("slow")
    assert ("resolved", trouble.key) not in house.heard("gone"), "it never heard of the trouble"
    assert "Resolved · orders are not being read · 111-1" in house.mails()


def test_a_burst_with_one_cause_is_one_mail(house):
    cause = a_finding("po_late", "PO-7", text="It is six days late.")
    orders = [
        a_finding(
            "at_risk", f"111-0000000-{number:07}", bundle=cause.key, orders=(f"111-0000000-{number:07}",)
        )
        for number in range(25)
    ]
    house.find(cause, *orders)
    house.clock.advance(minutes=2)
    house.delivery.run(wait_seconds=20)
    (mail,) = house.mailbox.received
    assert mail["Subject"] == "Warning · po late · PO-7 (+25 more)"
    page = mail.get_body(("html",)).get_content()
    assert page.count("https://sellercentral.amazon.com/orders-v3/order/") == 20
    assert "and 5 more" in page
    assert len(house.heard("slow")) == 26


def test_a_mail_server_that_was_down_gets_the_newest_step_only(house):
    house.mailbox.refuses = True
    house.find(a_finding(stage="T-24"))
    house.delivery.run(wait_seconds=20)
    house.clock.advance(hours=12)
    house.find(a_finding(stage="T-12"))
    house.mailbox.refuses = False
    house.clock.advance(minutes=1)
    house.delivery.run(wait_seconds=20)
    assert [subject.split(" · ")[0] for subject in house.mails()] == ["T-12"]
