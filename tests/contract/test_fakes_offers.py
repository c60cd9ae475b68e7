"""The fake channel of offers and the real one against the emulated Amazon: one story, one behaviour."""

import contextlib
import dataclasses
import json
import urllib.request
from datetime import date

import pytest

from fbm_sync.adapters.spapi.account import AmazonAccount
from fbm_sync.adapters.spapi.tokens import Credentials
from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.emulator import load_scenario, running
from fbm_sync.errors import Unavailable

from builders import NOW
from fakes import FakeAmazonOffers, FakeClock

RESTOCK = date(2026, 3, 20)
LISTINGS = [
    {"sku": "MUG", "quantity": 40},
    {"sku": "APRON", "quantity": 0, "handling_days": 5, "restock_on": RESTOCK.isoformat()},
    {"sku": "both", "quantity": 9, "channels": [{"fulfillment_channel_code": "AMAZON_NA", "quantity": 20}]},
]
LOST = {"sku": "LOST", "quantity": 8}


class FakeShop:
    """Amazon in memory."""

    def __init__(self):
        self.clock = FakeClock()
        self.channel = FakeAmazonOffers(self.clock)
        self.channel.list("MUG", 40, handling_days=None)
        self.channel.list("APRON", 0, handling_days=5, restock_on=RESTOCK)
        self.channel.list("both", 9, handling_days=None, other_channels=("AMAZON_NA",))
        self.channel.list("LOST", 8, handling_days=None)
        self.channel.never_live.add("LOST")

    def sleep(self, seconds):
        self.clock.sleep(seconds)

    def now(self):
        return self.clock.now()

    def sell(self, sku, units):
        self.channel.sell(sku, units)

    def fail(self):
        self.channel.broken = Unavailable("Gone.", operation="any")


class EmulatedShop:
    """The real adapter against the emulated Amazon."""

    def __init__(self, world, url):
        self.world, self.url = world, url
        self.account = AmazonAccount(
            name="us",
            seller_id="A1EXAMPLE",
            marketplaces=["ATVPDKIKX0DER"],
            endpoint=url,
            token_endpoint=url + "/auth/o2/token",
            credentials=Credentials(client_id="c", client_secret="s", refresh_token="r"),
            clock=self,
        )
        self.channel = self.account.offers

    def sleep(self, seconds):
        self.world.advance(seconds)

    def now(self):
        return self.world.now()

    def _control(self, path, body):
        request = urllib.request.Request(
            f"{self.url}/_emulator/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def sell(self, sku, units):
        self._control("orders", {"place": [{"items": [{"sku": sku, "quantity": units}]}]})

    def fail(self):
        self._control("faults", {"status": 503, "body": "html", "forever": True})


@pytest.fixture(params=["fake", "real"])
def shop(request):
    if request.param == "fake":
        yield FakeShop()
        return
    scenario = {
        "start_at": NOW.isoformat(),
        "listings": [*LISTINGS, LOST],
        "never_effective": ["LOST"],
    }
    world = load_scenario(scenario)
    with running(world) as url:
        emulated = EmulatedShop(world, url)
        with contextlib.closing(emulated.account):
            yield emulated


def look(shop, sku):
    return shop.channel.observe([sku])[sku]


def live(shop, sku):
    shop.sleep(120)
    return look(shop, sku).offer


def change(shop, sku, **wanted):
    seen = look(shop, sku)
    return OfferChange(
        account=seen.account,
        sku=seen.sku,
        product_type=seen.product_type,
        before=seen.offer,
        after=dataclasses.replace(seen.offer, **wanted),
    )


def test_a_sweep_shows_every_listing_once_as_a_single_look_does(shop):
    pages = list(shop.channel.sweep())
    found = [offer for page in pages for offer in page.offers]
    assert sorted(offer.sku for offer in found) == ["APRON", "LOST", "MUG", "both"]
    assert {page.expected_total for page in pages} == {4}
    assert {offer.sku: offer.offer for offer in found} == {
        sku: look(shop, sku).offer for sku in ("APRON", "LOST", "MUG", "both")
    }


def test_a_listing_is_seen_with_its_promise_and_its_other_channels(shop):
    assert look(shop, "APRON").offer == Offer(quantity=0, handling_days=5, restock_on=RESTOCK)
    assert look(shop, "MUG").offer == Offer(quantity=40, handling_days=None)
    assert look(shop, "both").other_channels == ("AMAZON_NA",)


def test_a_sku_amazon_does_not_know_is_left_out(shop):
    assert set(shop.channel.observe(["nobody's", "MUG"])) == {"MUG"}
    assert shop.channel.observe([]) == {}


def test_an_order_lowers_the_quantity_seen(shop):
    shop.sell("MUG", 3)
    assert look(shop, "MUG").offer.quantity == 37


def test_accepted_is_not_yet_live(shop):
    receipt = shop.channel.apply(change(shop, "MUG", quantity=7))
    assert (receipt.outcome, receipt.problems, receipt.at) == (PushOutcome.ACCEPTED, (), shop.now())
    assert receipt.submission_id
    assert look(shop, "MUG").offer.quantity == 40
    assert live(shop, "MUG").quantity == 7


def test_units_sold_before_a_change_goes_live_are_overwritten(shop):
    shop.channel.apply(change(shop, "MUG", quantity=30))
    shop.sell("MUG", 3)
    assert live(shop, "MUG").quantity == 30


def test_a_new_quantity_leaves_the_promise_alone(shop):
    shop.channel.apply(change(shop, "APRON", quantity=12))
    assert live(shop, "APRON") == Offer(quantity=12, handling_days=5, restock_on=RESTOCK)


def test_a_new_restock_date_leaves_the_quantity_alone(shop):
    wanted = change(shop, "MUG", restock_on=RESTOCK)
    shop.sell("MUG", 3)
    shop.channel.apply(wanted)
    assert live(shop, "MUG") == Offer(quantity=37, handling_days=None, restock_on=RESTOCK)


def test_a_new_handling_time_takes_its_quantity_along(shop):
    wanted = change(shop, "MUG", handling_days=4)
    shop.sell("MUG", 3)
    shop.channel.apply(wanted)
    assert live(shop, "MUG") == Offer(quantity=40, handling_days=4)


def test_a_promise_can_be_taken_away(shop):
    shop.channel.apply(change(shop, "APRON", quantity=8, handling_days=None, restock_on=None))
    assert live(shop, "APRON") == Offer(quantity=8, handling_days=None)


def test_a_preview_judges_and_changes_nothing(shop):
    receipt = shop.channel.preview(change(shop, "MUG", quantity=1))
    assert (receipt.outcome, receipt.problems) == (PushOutcome.VALID, ())
    assert live(shop, "MUG").quantity == 40


@pytest.mark.parametrize("way", ["preview", "apply"])
def test_a_change_that_cannot_be_addressed_is_rejected_with_a_reason(shop, way):
    receipt = getattr(shop.channel, way)(dataclasses.replace(change(shop, "MUG", quantity=1), sku=".."))
    assert receipt.outcome is PushOutcome.REJECTED
    assert receipt.problems


def test_a_change_to_a_listing_that_is_not_there_is_accepted_and_comes_to_nothing(shop):
    missing = dataclasses.replace(change(shop, "MUG", quantity=1), sku="nobody's")
    assert shop.channel.preview(missing).outcome is PushOutcome.VALID
    assert shop.channel.apply(missing).outcome is PushOutcome.ACCEPTED
    assert shop.channel.observe(["nobody's"]) == {}


def test_a_change_may_be_accepted_and_never_go_live(shop):
    assert shop.channel.apply(change(shop, "LOST", quantity=2)).outcome is PushOutcome.ACCEPTED
    assert live(shop, "LOST").quantity == 8


def test_trouble_that_lasts_is_an_error(shop):
    wanted = change(shop, "MUG", quantity=1)
    shop.fail()
    with pytest.raises(Unavailable):
        shop.channel.apply(wanted)
    with pytest.raises(Unavailable):
        shop.channel.observe(["MUG"])
    with pytest.raises(Unavailable):
        next(iter(shop.channel.sweep()))
