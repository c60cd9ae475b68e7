"""The words in which people are told."""

from datetime import UTC, datetime, time, timedelta

import pytest

from fbm_sync.adapters.notify.pages import Pages, samples
from fbm_sync.adapters.notify.wording import MOST_ORDERS_LISTED, Wording
from fbm_sync.domain.alert import Reason, Severity, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar, ShipCalendars
from fbm_sync.domain.letters import Letter
from fbm_sync.domain.telling import Purpose
from fbm_sync.errors import ConfigError
from fbm_sync.settings.marketplaces import MARKETPLACES

from builders import a_finding, a_notification, a_step, an_alert

CALENDAR = ShipCalendar(timezone="America/Los_Angeles", cut_off=time(14))
PAGES = Pages(Wording(calendars=ShipCalendars(house=CALENDAR)))
NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
SHIP_BY = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)  # 14:00 in Los Angeles
LAST_WEEK = "Mon 16 Nov 2026 03:00 PST"
ORDER = "111-2222222-3333333"
KEY = f"main:due_soon:{ORDER}"


def step(happened=TransitionKind.OPENED, reason=Reason.FIRST_FOUND, **finding):
    facts = {
        "account": "main",
        "kind": "due_soon",
        "subject": ORDER,
        "text": "Everything it needs is on the shelf.",
        "action": "Ship it now.",
        "stage": "T-12",
        "orders": (ORDER,),
        "due_at": SHIP_BY,
        **finding,
    }
    alert = an_alert(a_finding(**facts), opened_at=NOW, changed_at=NOW)
    return a_step(alert, happened, reason, at=NOW)


def message(*steps, pages=PAGES, now=NOW, purpose=Purpose.NEWS):
    notes = tuple(a_notification(number, one) for number, one in enumerate(steps))
    return pages.message(Letter(channel="mail", notifications=notes, purpose=purpose), now)


def subject(**finding):
    return message(step(**finding)).subject


def test_the_subject_says_which_order_by_when_and_how_long_is_left():
    assert subject() == f"T-12 · order {ORDER} must ship by Tue 14:00 PST, 11 h 0 min left"


def test_the_body_says_what_is_wrong_what_to_do_and_where():
    assert message(step()).text.split("\n\n") == [
        "Everything it needs is on the shelf.",
        "Must ship by Tue 14:00 PST, 11 h 0 min left.",
        "What to do: Ship it now.",
        f"https://sellercentral.amazon.com/orders-v3/order/{ORDER}",
        f"Alert {KEY}\nNo more reminders: fbm-sync alerts --ack '{KEY}'",
    ]


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        (
            {"kind": "at_risk"},
            f"T-12 · order {ORDER} may ship late; must ship by Tue 14:00 PST, 11 h 0 min left",
        ),
        (
            {"kind": "late_certain", "stage": None, "severity": Severity.CRITICAL},
            f"Act now · order {ORDER} will ship late; must ship by Tue 14:00 PST, 11 h 0 min left",
        ),
        (
            {"kind": "overdue", "stage": None, "due_at": NOW - timedelta(minutes=30)},
            f"Warning · order {ORDER} is late; was due Tue 02:30 PST, 30 min ago",
        ),
        (
            {"kind": "auto_cancel_soon", "stage": None, "due_at": NOW - timedelta(days=8)},
            f"Warning · order {ORDER} will soon be cancelled by Amazon; was due {LAST_WEEK}, 8 days ago",
        ),
        (
            {"kind": "cancel_requested", "stage": None},
            f"Warning · order {ORDER} do not ship: the buyer asks to cancel",
        ),
        (
            {"kind": "unknown_deadline", "stage": None, "due_at": None},
            f"Warning · order {ORDER} has no ship-by date",
        ),
        (
            {"kind": "invented_later", "stage": None, "due_at": None, "severity": Severity.INFO},
            f"Note · order {ORDER} invented later",
        ),
        (
            {
                "kind": "oversold",
                "subject": "LAMP-1",
                "stage": None,
                "due_at": None,
                "severity": Severity.CRITICAL,
            },
            "Act now · LAMP-1 is oversold; orders hit: 1",
        ),
        (
            {"kind": "push_held", "subject": "a1b2", "stage": None, "due_at": None},
            "Warning · changes wait for your word · a1b2",
        ),
    ],
)
def test_each_trouble_has_its_words(finding, expected):
    assert subject(**finding) == expected


def test_something_other_than_an_order_may_be_due_too():
    told = message(step(subject="client secret"))

    assert "Due Tue 14:00 PST, 11 h 0 min left." in told.text
    assert "sellercentral" not in told.text + told.html


def test_a_far_deadline_carries_its_date_through_a_change_of_clocks():
    far = datetime(2027, 3, 31, 21, 0, tzinfo=UTC)

    assert "must ship by Wed 31 Mar 2027 14:00 PDT, 127 days" in subject(due_at=far)


def test_an_end_is_told_as_an_end():
    told = message(step(TransitionKind.RESOLVED, Reason.NO_LONGER_FOUND))

    assert told.subject == f"Resolved · order {ORDER} · due soon"
    assert told.text.startswith("Resolved: the trouble is no longer found.\n\nIt was: Everything it needs")
    for text in (told.text, told.html):
        assert not any(words in text for words in ("What to do", "ust ship", "reminders"))


def test_a_new_stage_says_so():
    told = message(step(TransitionKind.ESCALATED, Reason.STAGE_REACHED, stage="T-4"))

    assert told.subject.startswith("T-4 · order")
    assert "It got more urgent: stage T-4 reached." in told.text


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        (TransitionKind.ESCALATED, Reason.GOT_WORSE, "It got more urgent: now warning."),
        (TransitionKind.REMINDED, Reason.STILL_OPEN, "Open for 3 h 0 min, and nobody has acknowledged it."),
        (TransitionKind.REMINDED, Reason.SNOOZE_OVER, "The snooze is over. It has been open for 3 h 0 min."),
        (TransitionKind.RESOLVED, Reason.GOES_ON, "it turned into another trouble of the same order."),
    ],
)
def test_what_brought_the_message_about_is_said(kind, reason, words):
    told = message(step(kind, reason), now=NOW + timedelta(hours=3))

    assert words in told.text
    assert words in told.html
    assert told.subject.startswith("Still open · ") == (kind is TransitionKind.REMINDED)


def test_the_second_channels_are_told_why_they_hear_of_it():
    told = message(step(), now=NOW + timedelta(minutes=30), purpose=Purpose.SECOND)

    assert told.subject.startswith(f"Nobody reacted · order {ORDER}")
    assert "Critical for 30 min, and nobody has acknowledged it." in told.text


def test_the_orders_hurt_are_listed_up_to_a_point():
    orders = tuple(f"111-0000000-{number:07}" for number in range(MOST_ORDERS_LISTED + 3))

    body = message(step(subject="PO-7/1", due_at=None, orders=orders)).text

    assert f"Orders ({len(orders)}):\n  {orders[0]}\n" in body
    assert orders[MOST_ORDERS_LISTED - 1] in body
    assert orders[MOST_ORDERS_LISTED] not in body
    assert "  and 3 more" in body


def test_a_few_orders_are_all_listed():
    body = message(step(subject="PO-7/1", orders=(ORDER, "other"))).text

    assert f"Orders (2):\n  {ORDER}\n  other\n" in body
    assert "and" not in body.partition("Orders")[2]


def test_without_a_known_next_step_none_is_invented():
    assert "What to do" not in message(step(action="")).text


def test_a_subject_is_one_short_line_whatever_amazon_or_a_seller_wrote():
    line = subject(subject="LAMP\r\nBcc: someone\n" + "x" * 300)

    assert len(line) == 160
    assert line.isprintable()


# --- several at once -----------------------------------------------------------------------------


def a_bundle(orders):
    cause = step(kind="po_late", subject="PO-7", severity=Severity.CRITICAL, due_at=None, orders=orders)
    shared = {"kind": "at_risk", "bundle": cause.alert.key}
    return [cause, *(step(subject=order, orders=(order,), **shared) for order in orders)]


def test_what_shares_a_cause_is_one_message_that_lists_the_orders_with_their_links():
    orders = tuple(f"111-0000000-{number:07}" for number in range(3))
    ended = step(TransitionKind.RESOLVED, Reason.NO_LONGER_FOUND, bundle="main:po_late:PO-7")

    told = message(*a_bundle(orders), ended)

    assert told.subject == "T-12 · po late · PO-7 (+3 more)"
    assert "fbm-sync alerts --ack 'main:po_late:PO-7'" in message(*a_bundle(orders)[1:]).text
    assert "Orders (" not in told.text, "each is listed below already"
    for text in (told.text, told.html):
        assert "For the same reason:" in text
        assert "Resolved meanwhile:" in text
        for order in orders:
            assert f"https://sellercentral.amazon.com/orders-v3/order/{order}" in text


def test_what_was_only_too_much_for_messages_of_their_own_has_no_common_reason():
    told = message(step(), step(subject="111-2222222-4444444"))

    for text in (told.text, told.html):
        assert "Also:" in text
        assert "For the same reason" not in text


def test_a_very_long_list_ends_with_where_the_rest_is():
    orders = tuple(f"111-0000000-{number:07}" for number in range(30))

    told = message(*a_bundle(orders))

    for text in (told.text, told.html):
        assert orders[19] in text
        assert orders[20] not in text
        assert "and 10 more" in text
    assert "\n\n\n" not in told.text


def test_the_digest_is_one_message_of_notes():
    notes = [step(kind=name, severity=Severity.INFO) for name in ("due_soon", "pending_stuck")]
    ended = step(TransitionKind.RESOLVED, Reason.NO_LONGER_FOUND, kind="at_risk")

    told = message(*notes, ended, purpose=Purpose.DIGEST)

    assert told.subject.startswith(f"Daily digest · 3 notes: order {ORDER} must ship by")
    for text in (told.text, told.html):
        assert "Nothing here is urgent." in text
        assert "has been pending for too long" in text
        assert "Resolved:" in text
    assert message(notes[0], purpose=Purpose.DIGEST).subject.startswith("Daily digest · 1 note: ")


# --- the account's own place and time --------------------------------------------------------------


def test_each_account_is_named_and_has_its_own_clock_and_seller_central():
    wording = Wording(
        calendars=ShipCalendars(house=CALENDAR, of_accounts={"de": ShipCalendar(timezone="Europe/Berlin")}),
        hosts={"main": "https://sellercentral.amazon.com", "de": "https://sellercentral-europe.amazon.com"},
    )

    told = message(step(account="de"), pages=Pages(wording))

    assert told.subject == f"T-12 · de · order {ORDER} must ship by Tue 23:00 CET, 11 h 0 min left"
    assert f"https://sellercentral-europe.amazon.com/orders-v3/order/{ORDER}" in told.text


def test_every_marketplace_has_a_seller_central():
    hosts = {one.country: one.seller_central for one in MARKETPLACES.values()}
    assert hosts["US"] == "https://sellercentral.amazon.com"
    assert hosts["GB"] == hosts["DE"] == "https://sellercentral-europe.amazon.com"
    assert hosts["JP"] == "https://sellercentral.amazon.co.jp"
    assert all(host.startswith("https://sellercentral") and ".amazon." in host for host in hosts.values())


# --- templates ---------------------------------------------------------------------------------------


def with_templates(folder, **texts):
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return Pages(PAGES.wording, folder)


def test_no_word_of_others_becomes_markup():
    told = message(step(text="<script>alert('x')</script> & more", action="<b>"))

    assert "<script>" not in told.html
    assert "&lt;script&gt;" in told.html
    assert "<script>" in told.text


def test_a_seller_may_word_the_messages(tmp_path):
    pages = with_templates(
        tmp_path, subject_txt="Hey: {{ lead.short }}", message_html="<p>{{ lead.action }}</p>"
    )

    told = message(step(action="Now & here."), pages=pages)

    assert told.subject.startswith(f"Hey: order {ORDER}")
    assert told.html == "<p>Now &amp; here.</p>"
    assert told.text == message(step(action="Now & here.")).text, "what is left out stays ours"


def test_every_faulty_template_is_named_with_its_line(tmp_path):
    with pytest.raises(ConfigError) as refusal:
        with_templates(
            tmp_path,
            subject_txt="{{ lead.headlin }}",
            message_txt="fine\n{% if lead %}\n",
            message_html="{{ ''.__class__.__mro__ }}",
            digest_txt="{{ 1 // 0 }}",
            mesage_txt="x",
        )

    faults = "\n".join(refusal.value.problems)
    assert len(refusal.value.problems) == 5
    assert all(fault.startswith("alerts.templates: ") for fault in refusal.value.problems)
    assert "mesage.txt is not a template; known are subject.txt" in faults
    assert "subject.txt line 1: " in faults
    assert "headlin" in faults
    assert "message.txt line 2: " in faults
    assert "message.html line 1: " in faults
    assert "digest.txt line 1: " in faults


def test_templates_in_a_folder_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="is not a folder"):
        Pages(PAGES.wording, tmp_path / "gone")


def test_a_template_that_fails_when_it_matters_gives_way_to_ours(tmp_path):
    pages = with_templates(tmp_path, message_txt="{% if 'boom' in lead.news %}{{ lead.nothing }}{% endif %}x")

    assert message(step(), pages=pages).text == "x"
    assert message(step(text="boom"), pages=pages) == message(step(text="boom"))


@pytest.mark.parametrize("letter", list(samples()), ids=lambda one: f"{one.purpose}-{len(one.notifications)}")
def test_every_kind_of_letter_has_a_subject_a_text_and_a_page(letter):
    told = PAGES.message(letter, NOW)
    assert told.subject
    assert told.text
    assert told.html.startswith("<!DOCTYPE html>")
    assert told.html.endswith("</html>")
    assert "\n\n\n" not in told.text
