"""What can still be done about an order in danger, and what does it cost the account?"""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fbm_sync.domain.allocation import Cover, CoverSource, ItemCover
from fbm_sync.domain.awaited import AwaitedLot
from fbm_sync.domain.donor import donor_among
from fbm_sync.domain.outcome import OutcomeOdds, outcome_odds
from fbm_sync.domain.remedy import (
    Cost,
    Money,
    RemedyKind,
    Room,
    action_of,
    cost_words,
    remedies_for,
)
from fbm_sync.domain.risk import IN_DANGER, OrderOutlook, OrderState

from builders import ACCOUNT, NOW, SKU, TODAY, in_days, on_day

ROOM = Room(late_orders=4, cancelled_orders=1)
MONEY = Money(late_minor=600, forgone_minor=1000)
SHIP, GIVE, EXPEDITE, WRITE, CANCEL = RemedyKind


def a_cover(source=CoverSource.ON_HAND, units=1, lot=None):
    return Cover(source=source, units=units, lot=lot, ready_on=None)


FROM_LOT = a_cover(CoverSource.LOT, 1, "PO-1/1")
SHORT = a_cover(CoverSource.SHORTAGE)


def an_awaited_lot(lot="PO-1/1", *, last_arrival=3, ready=7):
    return AwaitedLot(
        lot=lot,
        units=9,
        supplier="Acme",
        promised_on=on_day(5),
        ordered_on=None,
        arrives_by=on_day(6),
        confidence=0.95,
        basis="its supplier",
        receipts=20,
        ready_on=on_day(ready),
        last_arrival_on=on_day(last_arrival),
    )


def an_outlook(state=OrderState.LATE_CERTAIN, *cover, order_id="111-1", sku=SKU, **changes):
    """An order that waits for a lot which will be late, if nothing else is said."""
    parts = cover or (FROM_LOT,)
    item = ItemCover(
        order_item_id="1", sku=sku, open_units=sum(part.units for part in parts), cover=tuple(parts)
    )
    lots = [part.lot for part in parts if part.lot]
    fields = {
        "account": ACCOUNT,
        "order_id": order_id,
        "state": state,
        "reason": "why",
        "action": "Do it.",
        "judged_at": NOW,
        "ship_by_at": in_days(4),
        "auto_cancel_at": in_days(13),
        "promise_on": on_day(7),
        "slack_days": -3,
        "blamed_lot": lots[-1] if lots else None,
        "awaits": tuple(an_awaited_lot(lot) for lot in lots),
        "items": (item,),
        "odds": OutcomeOdds(on_time=0.0, late=0.8, auto_cancelled=0.1, buyer_cancelled=0.1),
    }
    return OrderOutlook(**(fields | changes))


def a_giver(order_id="222-1", *, slack=9, units=1, **changes):
    """An order with units on the shelf that could leave today and has time."""
    fields = {"promise_on": TODAY, "slack_days": slack, "blamed_lot": None, "order_id": order_id}
    return an_outlook(OrderState.ON_TRACK, a_cover(units=units), **(fields | changes))


def weigh(outlook, room=ROOM, money=MONEY, donor=None, now=NOW):
    found = remedies_for(outlook, room=room, money=money, donor=donor, now=now, today=TODAY)
    return {remedy.kind: remedy for remedy in found}


def cost_of(remedy):
    cost = remedy.cost
    return (round(cost.late_orders, 6), round(cost.cancelled_orders, 6), cost.money_minor)


def test_an_order_that_waits_can_be_expedited_written_about_or_cancelled():
    found = weigh(an_outlook())
    assert list(found) == [EXPEDITE, WRITE, CANCEL]
    assert cost_of(found[EXPEDITE]) == (0.4, 0.05, None), "only the supplier knows what expediting costs"
    assert cost_of(found[WRITE]) == (0.8, 0.1, 580)
    assert cost_of(found[CANCEL]) == (0, 1, 1000)
    assert found[EXPEDITE].text == f"Expedite PO-1/1: in time if it is here by {on_day(3)}."
    assert found[WRITE].text == f"Write to the buyer and ship it late on {on_day(7)}."


def test_what_may_still_come_in_time_ships_as_soon_as_it_is_here():
    found = weigh(an_outlook(OrderState.AT_RISK, slack_days=1))
    assert found[WRITE].text == "Write to the buyer and ship it as soon as it is here."


def test_what_each_way_uses_of_the_room_is_summed_over_the_metrics():
    found = weigh(an_outlook(), room=Room(late_orders=4, cancelled_orders=1, late_units=9))
    assert found[WRITE].cost.room_used == pytest.approx(0.8 / 5 + 0.1 / 2 + 0.8 / 10)
    assert found[CANCEL].cost.room_used == pytest.approx(1 / 2)


def test_without_room_for_late_orders_cancelling_may_be_the_least_bad():
    odds = OutcomeOdds(on_time=0, late=1, auto_cancelled=0, buyer_cancelled=0)
    outlook = an_outlook(odds=odds, awaits=(an_awaited_lot(last_arrival=-1),))
    assert next(iter(weigh(outlook, room=Room(late_orders=0, cancelled_orders=5)))) is CANCEL
    assert next(iter(weigh(outlook, room=Room(late_orders=5, cancelled_orders=0)))) is WRITE
    assert EXPEDITE not in weigh(outlook), "no day is early enough, and nothing is cancelled"


def test_what_is_overdue_on_the_shelf_ships_now_and_is_late_once():
    found = weigh(an_outlook(OrderState.OVERDUE, a_cover()))
    assert list(found) == [SHIP, CANCEL]
    assert cost_of(found[SHIP]) == (1, 0, 600)
    assert found[SHIP].cost.room_used == pytest.approx(1 / 6), "it is counted as late already"


def test_what_can_still_leave_before_ship_by_costs_nothing():
    found = weigh(an_outlook(OrderState.LATE_CERTAIN, a_cover()))
    assert cost_of(found[SHIP]) == (0, 0, 0)
    assert found[SHIP].text == "Do it."
    assert cost_words(found[SHIP].cost) == "nothing"


def test_what_nothing_covers_can_only_be_cancelled():
    odds = OutcomeOdds(on_time=0, late=0, auto_cancelled=0.9, buyer_cancelled=0.1)
    found = weigh(an_outlook(OrderState.OVERDUE, SHORT, odds=odds))
    assert list(found) == [CANCEL]
    assert found[CANCEL].text.startswith("Find the units elsewhere, or cancel early")
    assert list(weigh(an_outlook(OrderState.OVERDUE, FROM_LOT, SHORT, odds=odds))) == [CANCEL]


def test_what_is_overdue_is_expedited_before_amazon_cancels_it():
    found = weigh(an_outlook(OrderState.OVERDUE))
    assert cost_of(found[EXPEDITE]) == (0.85, 0.05, None)
    assert found[EXPEDITE].text == "Expedite PO-1/1, so that it ships before Amazon cancels it."


def test_what_amazon_has_cancelled_cannot_be_cancelled_or_shipped():
    assert weigh(an_outlook(OrderState.AUTO_CANCEL_SOON, a_cover()), now=in_days(14)) == {}


def test_a_wish_to_cancel_is_followed_and_costs_nothing():
    found = weigh(an_outlook(OrderState.CANCEL_REQUESTED))
    assert list(found) == [CANCEL]
    assert (found[CANCEL].text, cost_of(found[CANCEL])) == ("Do it.", (0, 0, 0))


@pytest.mark.parametrize("state", sorted(set(OrderState) - IN_DANGER - {OrderState.CANCEL_REQUESTED}))
def test_where_nothing_is_in_danger_there_is_nothing_to_choose(state):
    assert weigh(an_outlook(state)) == {}
    assert weigh(an_outlook(OrderState.AT_RISK, odds=None)) == {}


def test_money_that_nobody_knows_is_not_guessed():
    found = weigh(an_outlook(), money=Money(late_minor=600))
    assert cost_of(found[CANCEL])[2] is None
    assert cost_of(found[WRITE])[2] is None
    assert (
        cost_of(weigh(an_outlook(OrderState.OVERDUE, a_cover()), money=Money(late_minor=600))[SHIP])[2] == 600
    )


def test_the_words_of_a_cost_name_every_metric():
    cost = weigh(an_outlook())[WRITE].cost
    assert cost_words(cost) == (
        "0.8 late orders (LSR), 0.8 units delivered late (OTDR), 0.1 cancelled orders (CR), 5.80 in money; "
        "21% of the room that is left before Amazon's limits"
    )
    least = Cost(late_orders=1e-4, cancelled_orders=0, late_units=1e-4, money_minor=None, room_used=0.0)
    assert cost_words(least).startswith("0.01 late orders")


def test_the_action_is_the_least_bad_step_and_what_to_do_if_it_fails():
    found = tuple(weigh(an_outlook()).values())
    assert action_of(found, "Nothing.") == (
        f"Expedite PO-1/1: in time if it is here by {on_day(3)}. If that fails: write to the buyer and ship "
        f"it late on {on_day(7)}."
    )
    assert action_of((), "Nothing.") == "Nothing."
    assert action_of(tuple(weigh(an_outlook(OrderState.OVERDUE, a_cover())).values()), "") == "Do it."


# --- units of another order --------------------------------------------------------------------------


def test_an_order_with_time_gives_its_units_and_takes_the_lot():
    donor = donor_among(an_outlook(), [a_giver()])
    assert (donor.order_id, donor.sku, donor.units) == ("222-1", SKU, 1)
    assert donor.late_chance == pytest.approx(0.05)
    found = weigh(an_outlook(), donor=donor)
    assert next(iter(found)) is GIVE
    assert found[GIVE].text == f"Ship 1 unit of {SKU} meant for order 222-1, which has time to wait."
    assert cost_of(weigh(an_outlook(OrderState.OVERDUE), donor=donor)[GIVE])[0] == 1


def test_an_order_that_may_wait_very_long_is_hardly_ever_late_by_it():
    patient = a_giver(ship_by_at=in_days(13))
    odds = OutcomeOdds(on_time=0.0, late=0.89, auto_cancelled=0.01, buyer_cancelled=0.1)
    assert donor_among(an_outlook(odds=odds), [patient]).late_chance == pytest.approx(0.01 / 0.9)
    for known in ({"odds": None}, {"auto_cancel_at": None}, {"auto_cancel_at": in_days(14), "odds": odds}):
        assert donor_among(an_outlook(**known), [patient]).late_chance == pytest.approx(0.05)
    assert donor_among(an_outlook(odds=odds), [a_giver(ship_by_at=None)]).late_chance == pytest.approx(0.05)
    wished = OutcomeOdds(on_time=0.0, late=0.0, auto_cancelled=0.0, buyer_cancelled=1.0)
    assert donor_among(an_outlook(odds=wished), [patient]).late_chance == pytest.approx(0.05)


def test_the_order_with_most_slack_gives_and_ties_go_by_its_id():
    givers = [a_giver("3", slack=8), a_giver("2"), a_giver("1")]
    assert donor_among(an_outlook(), givers).order_id == "1"


@pytest.mark.parametrize(
    "giver",
    [
        a_giver(slack=6),
        a_giver(slack=None),
        a_giver(promise_on=None),
        a_giver(account="uk"),
        a_giver(order_id="111-1"),
        dataclasses.replace(a_giver(), state=OrderState.DUE_SOON),
        a_giver(sku="OTHER"),
    ],
)
def test_an_order_without_time_or_units_gives_nothing(giver):
    assert donor_among(an_outlook(), [giver]) is None


def test_one_order_must_have_all_that_is_lacking():
    wanting = an_outlook(OrderState.AT_RISK, a_cover(CoverSource.LOT, 3, "PO-1/1"))
    assert donor_among(wanting, [a_giver(units=2), a_giver("2", units=2)]) is None
    assert donor_among(wanting, [a_giver(units=3)]).units == 3
    assert "Ship 3 units of" in weigh(wanting, donor=donor_among(wanting, [a_giver(units=3)]))[GIVE].text


def test_nobody_gives_units_for_a_shortage_or_for_several_skus():
    assert donor_among(an_outlook(OrderState.OVERDUE, SHORT), [a_giver()]) is None
    two = an_outlook()
    other = dataclasses.replace(two.items[0], sku="OTHER")
    assert donor_among(dataclasses.replace(two, items=(*two.items, other)), [a_giver()]) is None
    assert donor_among(an_outlook(OrderState.OVERDUE, a_cover()), [a_giver()]) is None


# --- always ------------------------------------------------------------------------------------------

SPARE = st.integers(min_value=0, max_value=30)
ROOMS = st.builds(Room, late_orders=SPARE, cancelled_orders=SPARE, late_units=st.none() | SPARE)
MAYBE_MINOR = st.none() | st.integers(min_value=0, max_value=10_000)
MONEYS = st.builds(Money, late_minor=MAYBE_MINOR, forgone_minor=MAYBE_MINOR)


PARTS = st.lists(
    st.builds(
        lambda source, units: a_cover(source, units, "PO-1/1" if source is CoverSource.LOT else None),
        st.sampled_from([*CoverSource, CoverSource.LOT]),
        st.integers(min_value=1, max_value=3),
    ),
    min_size=1,
    max_size=2,
)


@st.composite
def weighed(draw):
    """An order in danger, with its donor, and what its account has left."""
    parts = draw(PARTS)
    short = any(part.source is CoverSource.SHORTAGE for part in parts)
    chances = [draw(st.floats(min_value=0, max_value=1)) for _ in range(2)]
    in_time, at_all = (0.0, 0.0) if short else sorted(chances)
    odds = outcome_odds(
        ready_in_time=in_time, ready_at_all=at_all, given_up=draw(st.sampled_from([0.02, 0.5]))
    )
    day = draw(st.integers(min_value=-3, max_value=9))
    outlook = an_outlook(
        draw(st.sampled_from(sorted(IN_DANGER))),
        *parts,
        odds=odds,
        awaits=(an_awaited_lot(last_arrival=day, ready=day + 2),),
        auto_cancel_at=in_days(draw(st.sampled_from([-1, 5]))),
    )
    givers = [a_giver(str(number), slack=draw(SPARE), units=draw(SPARE)) for number in range(2)]
    return outlook, donor_among(outlook, givers), draw(ROOMS), draw(MONEYS)


@settings(deadline=None)
@given(weighed())
def test_costs_are_never_negative_and_the_least_bad_comes_first(case):
    outlook, donor, room, money = case
    found = remedies_for(outlook, room=room, money=money, donor=donor, now=NOW, today=TODAY)
    for remedy in found:
        cost = remedy.cost
        assert min(cost.late_orders, cost.cancelled_orders, cost.late_units, cost.room_used) >= 0
        assert cost.money_minor is None or cost.money_minor >= 0
        assert cost.late_orders + cost.cancelled_orders <= 1 + 1e-9, "an order ends once"
    used = [round(remedy.cost.room_used, 6) for remedy in found]
    assert used == sorted(used)
    assert len({remedy.kind for remedy in found}) == len(found)


@settings(deadline=None)
@given(weighed())
def test_a_way_that_does_not_exist_is_never_offered(case):
    outlook, donor, room, money = case
    found = weigh(outlook, room, money, donor)
    sources = {part.source for item in outlook.items for part in item.cover}
    if SHIP in found:
        assert sources == {CoverSource.ON_HAND}
    if GIVE in found:
        assert donor is not None
        assert CoverSource.LOT in sources
    if EXPEDITE in found:
        assert outlook.blamed_lot is not None
        assert CoverSource.SHORTAGE not in sources
    if WRITE in found:
        assert outlook.odds.on_time + outlook.odds.late > 0
    assert (CANCEL in found) == (outlook.auto_cancel_at >= NOW)


@settings(deadline=None)
@given(weighed(), SPARE, SPARE, SPARE)
def test_less_headroom_never_makes_a_way_cheaper(case, late, cancelled, units):
    outlook, donor, room, money = case
    more = Room(
        late_orders=room.late_orders + late,
        cancelled_orders=room.cancelled_orders + cancelled,
        late_units=None if room.late_units is None else room.late_units + units,
    )
    with_more, with_less = weigh(outlook, more, money, donor), weigh(outlook, room, money, donor)
    assert with_more.keys() == with_less.keys()
    for kind, remedy in with_less.items():
        assert remedy.cost.room_used >= with_more[kind].cost.room_used
