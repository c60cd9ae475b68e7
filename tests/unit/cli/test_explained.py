"""What an explanation says of each state an order or an offer can be in."""

import dataclasses
from datetime import timedelta

import pytest

from fbm_sync.cli.explained_offers import explain_offer
from fbm_sync.cli.explained_orders import Terms, explain_order, explain_unjudged
from fbm_sync.domain.order import OrderStatus
from fbm_sync.domain.plan import assess_orders, plan_shop
from fbm_sync.domain.remedy import Money, Room, remedies_for
from fbm_sync.domain.risk import OrderState, words_for

from builders import (
    NOW,
    SKU,
    a_calendar,
    a_count,
    a_good_past,
    a_lot,
    a_policy,
    a_receipt,
    an_entry,
    an_item,
    an_observed_offer,
    an_order,
    in_days,
    on_day,
    shop_facts,
    shop_terms,
    some_receipts,
    the_decision,
)


def local(moment):
    return words_for(moment, a_calendar())


def explain(order, *, at=NOW, asked_at=None, split=False, changes=None, **facts):
    """What is said of one order of a shop with these supplies."""
    (outlook,) = assess_orders(shop_facts([order], **facts), shop_terms(), NOW).outlooks
    terms = Terms(late_limit=0.1, split_shipments=split, at=at, asked_at=asked_at)
    return explain_order(order, dataclasses.replace(outlook, **(changes or {})), terms, local)


def decide_sku(*, policy=None, offer=None, **facts):
    """The decision about the one listing of a shop in good standing."""
    shop = shop_facts(offers=[offer or an_observed_offer()], recent=a_good_past(), **facts)
    return the_decision(plan_shop(shop, shop_terms(policy or a_policy()), now=NOW, run_id="r"))


def explain_sku(**shop):
    """What is said of it."""
    return explain_offer(decide_sku(**shop), asked_at=None)


def changes_of(explanation):
    return [text for _, text in explanation.would_change]


def value_of(explanation, name):
    (fact,) = [fact for fact in explanation.facts if fact.name == name]
    return fact.value


# --- orders --------------------------------------------------------------------------------------


def test_an_order_on_the_shelf_is_said_in_few_words():
    found = explain(an_order(), stock=[a_count(3)])
    assert found.answer == (
        f"On track: it can leave on {on_day(0)}, with 2 ship days to spare (slack 2); "
        "the chance of being late is 0%."
    )
    assert found.action == ""
    assert value_of(found, "ship-by (Amazon's)") == f"{local(in_days(3))} (in 3 days)"
    assert changes_of(found) == [
        f"Only time: it must leave, and the shipment be confirmed, by {local(in_days(3))}."
    ]
    assert found.rejected == []
    assert len(found.rules) == 2, "who comes first plays no part when everything is there"


def test_the_last_day_and_a_single_day_are_said_as_such():
    order = an_order(ship_by_at=in_days(1.3))
    assert (
        "the last day that is in time (slack 0)"
        in explain(order, stock=[a_count(3)], changes={"slack_days": 0}).answer
    )
    assert (
        "1 ship day too late (slack −1)"
        in explain(order, stock=[a_count(3)], changes={"slack_days": -1}).answer
    )


def test_an_order_that_waits_says_when_it_can_be_promised_and_until_when_the_lot_may_come():
    found = explain(an_order(ship_by_at=in_days(10.3)), stock=[a_count(0)], lots=[a_lot()])
    assert "it can be promised for" in found.answer
    (turn,) = changes_of(found)
    assert turn.startswith("Lot PO-1/1 coming later than ")
    assert turn.endswith("fbm-sync plan --what-if 'po:PO-1/1 +3d'")


def test_a_late_lot_says_by_when_it_must_be_here_and_what_to_do():
    found = explain(an_order(ship_by_at=in_days(5.3)), stock=[a_count(0)], lots=[a_lot()])
    assert found.answer.startswith("Certain to be late: it can be promised for ")
    assert "chance" not in found.answer
    assert found.action.startswith("Expedite PO-1/1 or find the units elsewhere")
    (turn,) = changes_of(found)
    assert turn.startswith("Lot PO-1/1 being here by ")
    assert any("cancellation rate (CR)" in other for other in found.rejected)
    headings = [heading for heading, lines in found.sections(local) if lines]
    assert headings[:4] == ["Why", "What to do", "What would change it", "What it rests on"]


def test_what_is_open_for_an_order_in_danger_is_weighed_in_words():
    order, shop = an_order(ship_by_at=in_days(5.3)), {"stock": [a_count(0)], "lots": [a_lot()]}
    (outlook,) = assess_orders(shop_facts([order], **shop), shop_terms(), NOW).outlooks
    room, money = Room(late_orders=4, cancelled_orders=1), Money()
    ways = remedies_for(outlook, room=room, money=money, donor=None, now=NOW, today=on_day(0))
    terms = Terms(late_limit=0.1, split_shipments=False, at=NOW)
    found = explain_order(order, outlook, terms, local, ways)
    assert found.action.startswith("Expedite PO-1/1: in time if it is here by ")
    assert found.choices[0].startswith("1. Expedite PO-1/1")
    assert found.choices[0].endswith(" of the room that is left before Amazon's limits.")
    assert "cancelled orders (CR)" in found.choices[-1]
    assert found.as_json()["choices"] == found.choices
    assert "What is open to you, least bad first" in dict(found.sections(local))
    first = explain_order(order, outlook, terms, local, ways[::-1])
    assert not any("Cancelling it now" in other for other in first.rejected), "it is the least bad here"


def test_how_an_order_may_end_is_said_in_four_chances():
    found = explain(an_order(), stock=[a_count(3)])
    assert value_of(found, "how it may end") == (
        "98% in time, 0% late, 0% cancelled by Amazon a week after ship-by, 2% cancelled by its buyer"
    )
    unknown = explain(an_order(ship_by_at=None), stock=[a_count(3)])
    assert "how it may end" not in {fact.name for fact in unknown.facts}


def test_where_no_arrival_helps_and_a_line_is_short_both_are_said():
    items = (an_item(SKU, 5), an_item("BOWL", 2))
    found = explain(
        an_order(items=items, ship_by_at=in_days(5.3)), stock=[a_count(1)], lots=[a_lot()], split=True
    )
    stock, arrival = changes_of(found)
    assert stock.startswith("2 units of BOWL more, counted or on a firm purchase order, to ship by ")
    assert ", together with what else is missing: then the order leaves in time" in arrival
    assert "fbm-sync explain BOWL" in value_of(found, "2 of BOWL")
    assert found.rules[0].startswith("Each line of an order leaves")
    assert not any("on the shelf first" in other for other in found.rejected), "lines may leave one by one"
    gone = explain(an_order(ship_by_at=in_days(-2)), stock=[a_count(0)], lots=[a_lot()])
    assert changes_of(gone) == [
        "No day is early enough for lot PO-1/1 any more: only units from elsewhere would help."
    ]


def test_an_order_with_a_line_on_the_shelf_leaves_complete():
    found = explain(an_order(units=5), stock=[a_count(1)], lots=[a_lot()])
    assert any(other.startswith("Sending what is on the shelf first") for other in found.rejected)


def test_how_much_rests_on_lots_that_may_overtake_is_said():
    chances = {"late_probability": 0.05, "late_alone_probability": 0.4}
    found = explain(an_order(), stock=[a_count(0)], lots=[a_lot()], changes=chances)
    assert found.why[1] == (
        "If only the lot assigned to it could serve it, the chance of being late would be 40%."
    )
    same = explain(an_order(), stock=[a_count(0)], lots=[a_lot()], changes={"late_alone_probability": None})
    assert len(same.why) == 1


def test_an_overdue_order_says_how_long_ago_ship_by_was_and_when_amazon_cancels_it():
    found = explain(an_order(ship_by_at=in_days(-1)), stock=[a_count(3)])
    assert value_of(found, "ship-by (Amazon's)").endswith(" (1 day ago)")
    (turn,) = changes_of(found)
    assert turn.startswith("Confirming its shipment. Otherwise Amazon cancels it by ")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"items": (an_item(cancel_requested=True),)}, "The buyer taking the wish to cancel back."),
        ({"ship_by_at": None}, "Amazon stating a ship-by: then it can be judged."),
        ({"status": OrderStatus.PENDING}, "The payment going through: then it must ship; or failing"),
    ],
)
def test_what_only_others_can_change_is_said(changes, said):
    (turn,) = changes_of(explain(an_order(**changes), stock=[a_count(3)]))
    assert turn.startswith(said)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"items": (an_item(cancel_requested=True),)}, "To be cancelled: it must not ship."),
        (
            {"status": OrderStatus.PENDING, "created_at": in_days(-22)},
            "Stuck with its payment pending: it must not ship.",
        ),
        ({"status": OrderStatus.PENDING}, f"Waiting for its payment: it can leave on {on_day(0)}, with "),
    ],
)
def test_an_order_that_must_not_ship_is_not_said_to_be_able_to_leave(changes, answer):
    assert explain(an_order(**changes), stock=[a_count(3)]).answer.startswith(answer)


def test_without_a_ship_by_there_is_no_last_day():
    order = an_order(ship_by_at=None)
    found = explain(order, stock=[a_count(3)])
    assert value_of(found, "ship-by (Amazon's)") == "unknown"
    assert "slack" not in found.answer
    assert "chance" not in found.answer
    assert value_of(explain_unjudged(order, local), "ship-by (Amazon's)") == "unknown"
    waiting = explain(order, stock=[a_count(0)], lots=[a_lot()], changes={"state": OrderState.ON_TRACK})
    assert changes_of(waiting) == [f"Lot PO-1/1 coming on another day than {on_day(7)}."]


def test_a_past_state_does_not_name_todays_status():
    then = NOW - timedelta(hours=1)
    found = explain(an_order(), at=then, asked_at=then, stock=[a_count(3)])
    assert "status at Amazon" not in [fact.name for fact in found.facts]
    assert value_of(found, "ship-by (Amazon's)").endswith(" (in 3 days 1 h)")


def test_a_lot_whose_words_were_not_kept_still_has_its_day():
    found = explain(an_order(), stock=[a_count(0)], lots=[a_lot()], changes={"awaits": ()})
    assert value_of(found, f"1 of {SKU}").startswith("from lot PO-1/1, ready to ship ")


# --- offers --------------------------------------------------------------------------------------


def test_a_listing_that_is_left_alone_says_what_is_missing():
    found = explain_sku(stock=[])
    assert found.answer.endswith("the listing is left as it is.")
    assert changes_of(found) == [
        (
            "That this cause goes away: a row for it in stock.csv, no lock in catalog.csv, or no other "
            "channel on its listing."
        )
    ]


def test_a_sku_that_is_not_listed_yet_shows_nothing_at_amazon():
    decision = decide_sku(stock=[a_count(5)])
    assert "Amazon shows" in explain_offer(decision, asked_at=None).answer
    verdict = dataclasses.replace(decision.verdict, observed=None)
    unlisted = explain_offer(dataclasses.replace(decision, verdict=verdict), asked_at=None)
    assert "Amazon shows" not in unlisted.answer


def test_a_stock_list_that_is_too_old_asks_for_a_fresh_one():
    found = explain_sku(stock=[a_count(50, counted_at=in_days(-3))], offer=an_observed_offer(3))
    assert changes_of(found)[0].startswith("A stock list that was counted lately")


def test_several_closed_gates_say_that_none_is_the_only_one():
    prime = {"stock": [a_count(0)], "lots": [a_lot()], "catalog": [an_entry(prime_template=True)]}
    found = explain_sku(receipts=[], policy=a_policy(min_receipts=5), **prime)
    gates = [text for turn, text in found.would_change if turn.kind == "gate"]
    assert len(gates) > 1
    assert all(text.endswith("It is not the only thing in the way.") for text in gates)
    (one,) = [text for turn, text in explain_sku(**prime).would_change if turn.kind == "gate"]
    assert "This alone is in the way of selling " in one


def test_limits_that_are_equally_small_rise_only_together():
    policy = a_policy(max_units=3, max_listed=3)
    found = explain_sku(stock=[a_count(0)], lots=[a_lot()], policy=policy)
    caps = [text for turn, text in found.would_change if turn.kind == "cap"]
    assert len(caps) == 2
    assert all("together with the other limits as small" in text for text in caps)


def test_a_lots_day_says_whose_receipts_it_rests_on_and_what_was_left_out():
    wrong = a_receipt(ordered_on=on_day(-5), received_on=on_day(-9))
    found = explain_sku(stock=[a_count(0)], lots=[a_lot()], receipts=[*some_receipts(), wrong])
    text = value_of(found, "inbound PO-1/1")
    assert "with 95% probability, ready to ship " in text
    assert "(learned from this supplier's receipts: " in text
    assert "; 1 with impossible dates left out)" in text
    unknown = explain_sku(stock=[a_count(0)], lots=[a_lot()], receipts=[])
    assert "(learned from the default slip: no receipt is like it)" in value_of(unknown, "inbound PO-1/1")
