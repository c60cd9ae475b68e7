"""The words in which people are told."""

from datetime import UTC, datetime, time, timedelta

import pytest

from fbm_sync.adapters.notify.wording import MOST_ORDERS_LISTED, word
from fbm_sync.domain.alert import Alert, AlertState, Finding, Severity, Transition, TransitionKind
from fbm_sync.domain.calendar import ShipCalendar

CALENDAR = ShipCalendar(timezone="America/Los_Angeles", cut_off=time(14))
NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
SHIP_BY = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)  # 14:00 in Los Angeles
LAST_WEEK = "Mon 16 Nov 2026 03:00 PST"
ORDER = "111-2222222-3333333"


def a_step(happened=TransitionKind.OPENED, reason="first found", **finding):
    facts = {
        "account": "main",
        "kind": "due_soon",
        "subject": ORDER,
        "severity": Severity.WARNING,
        "text": "Everything it needs is on the shelf.",
        "action": "Ship it now.",
        "stage": "T-12",
        "orders": (ORDER,),
        "due_at": SHIP_BY,
        **finding,
    }
    state = AlertState.RESOLVED if happened is TransitionKind.RESOLVED else AlertState.OPEN
    alert = Alert(finding=Finding(**facts), state=state, opened_at=NOW, changed_at=NOW)
    return Transition(alert=alert, kind=happened, reason=reason, at=NOW, not_before=NOW)


def subject(**finding):
    return word(a_step(**finding), CALENDAR, NOW).subject


def test_the_subject_says_which_order_by_when_and_how_long_is_left():
    assert subject() == f"T-12 · order {ORDER} must ship by Tue 14:00 PST, 11 h 0 min left"


def test_the_body_says_what_is_wrong_what_to_do_and_where():
    assert word(a_step(), CALENDAR, NOW).body.split("\n\n") == [
        "Everything it needs is on the shelf.",
        "Must ship by Tue 14:00 PST, 11 h 0 min left.",
        "What to do: Ship it now.",
        f"https://sellercentral.amazon.com/orders-v3/order/{ORDER}",
        f"Alert main:due_soon:{ORDER}",
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
            "Act now · oversold · LAMP-1",
        ),
        (
            {"kind": "push_held", "subject": "a1b2", "stage": None, "due_at": None},
            "Warning · push held · a1b2",
        ),
    ],
)
def test_each_trouble_has_its_words(finding, expected):
    assert subject(**finding) == expected


def test_something_other_than_an_order_may_be_due_too():
    message = word(a_step(subject="client secret"), CALENDAR, NOW)

    assert "Due Tue 14:00 PST, 11 h 0 min left." in message.body
    assert "sellercentral" not in message.body


def test_a_far_deadline_carries_its_date_through_a_change_of_clocks():
    far = datetime(2027, 3, 31, 21, 0, tzinfo=UTC)

    assert "must ship by Wed 31 Mar 2027 14:00 PDT, 127 days" in subject(due_at=far)


def test_an_end_is_told_as_an_end():
    message = word(a_step(TransitionKind.RESOLVED, "the trouble is no longer found"), CALENDAR, NOW)

    assert message.subject == f"Resolved · order {ORDER} · due soon"
    assert message.body.startswith("Resolved: the trouble is no longer found.\n\nIt was: Everything it needs")
    assert "What to do" not in message.body


def test_a_new_stage_says_so():
    step = a_step(TransitionKind.ESCALATED, "stage T-4 reached", stage="T-4")

    message = word(step, CALENDAR, NOW)

    assert message.subject.startswith("T-4 · order")
    assert "It got more urgent: stage T-4 reached." in message.body


def test_the_orders_hurt_are_listed_up_to_a_point():
    orders = tuple(f"111-0000000-{number:07}" for number in range(MOST_ORDERS_LISTED + 3))

    body = word(a_step(subject="PO-7/1", due_at=None, orders=orders), CALENDAR, NOW).body

    assert f"Orders ({len(orders)}):\n  {orders[0]}\n" in body
    assert orders[MOST_ORDERS_LISTED - 1] in body
    assert orders[MOST_ORDERS_LISTED] not in body
    assert "  and 3 more" in body


def test_a_few_orders_are_all_listed():
    body = word(a_step(subject="PO-7/1", orders=(ORDER, "other")), CALENDAR, NOW).body

    assert f"Orders (2):\n  {ORDER}\n  other\n" in body
    assert "more" not in body.partition("Orders")[2]


def test_without_a_known_next_step_none_is_invented():
    assert "What to do" not in word(a_step(action=""), CALENDAR, NOW).body


def test_a_subject_is_one_short_line_whatever_amazon_or_a_seller_wrote():
    line = subject(subject="LAMP\r\nBcc: someone\n" + "x" * 300)

    assert len(line) == 160
    assert line.isprintable()
