"""What every channel of offers promises: the real adapter against the emulated Amazon, and the fake.

A test that takes `shop` runs on both; one that takes `amazon` is about what only the wire can do.
"""

import contextlib
import json
import urllib.request
from datetime import UTC, date, datetime, timedelta

import pytest

from fbm_sync.adapters.spapi.account import AmazonAccount
from fbm_sync.adapters.spapi.tokens import Credentials
from fbm_sync.domain.change import PushOutcome
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.emulator import load_scenario, running
from fbm_sync.errors import Unavailable, UnexpectedPayload
from fbm_sync.ports import OfferChannel

from fakes import FakeAmazonOffers, FakeClock

START = datetime(2026, 3, 2, 17, tzinfo=UTC)
RESTOCK = date(2026, 3, 20)
LISTINGS = [
    {"sku": "MUG", "title": "Stoneware mug", "quantity": 40, "price": "14.90", "product_type": "DRINKWARE"},
    {"sku": "APRON", "quantity": 0, "handling_days": 5, "restock_on": RESTOCK.isoformat()},
    {"sku": "both", "quantity": 9, "channels": [{"fulfillment_channel_code": "AMAZON_NA", "quantity": 20}]},
    {
        "sku": "theirs",
        "merchant": False,
        "channels": [{"fulfillment_channel_code": "AMAZON_NA", "quantity": 3}],
    },
    {"sku": "odd/sku #1 é", "quantity": 4},
    {"sku": "a,b", "quantity": 5},
]


class EmulatedShop:
    """The emulated Amazon, the account that sells there, and the clock both live by."""

    def __init__(self, world, url):
        self.world = world
        self.url = url
        self.account = AmazonAccount(
            name="main",
            seller_id="A1EXAMPLE",
            marketplaces=["ATVPDKIKX0DER"],
            endpoint=url,
            token_endpoint=url + "/auth/o2/token",
            credentials=Credentials(client_id="c", client_secret="s", refresh_token="r"),
            clock=self,
        )
        self.channel = self.account.offers

    def now(self):
        return self.world.now()

    def sleep(self, seconds):
        self.world.advance(seconds)

    def control(self, path, body):
        request = urllib.request.Request(
            f"{self.url}/_emulator/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def sell(self, sku, quantity):
        self.control("orders", {"place": [{"items": [{"sku": sku, "quantity": quantity}]}]})

    def edit(self, sku, quantity):
        self.control("listings", {"sku": sku, "quantity": quantity})

    def patches_sent(self):
        with urllib.request.urlopen(f"{self.url}/_emulator/requests") as answer:
            seen = json.load(answer)["requests"]
        return [one for one in seen if one["operation"] == "patchListingsItem"]


class FakeShop:
    """The same shop, in memory."""

    def __init__(self):
        self.clock = FakeClock(START)
        self.channel = FakeAmazonOffers(self.clock, account="main")
        self.now, self.sleep, self.sell = self.clock.now, self.clock.sleep, self.channel.sell
        for one in LISTINGS:
            restock = one.get("restock_on")
            self.channel.list(
                one["sku"],
                one.get("quantity", 0),
                handling_days=one.get("handling_days"),
                restock_on=restock and date.fromisoformat(restock),
                other_channels=tuple(each["fulfillment_channel_code"] for each in one.get("channels", [])),
            )

    def edit(self, sku, quantity):
        seen = self.channel.live(sku)
        self.channel.list(sku, quantity, handling_days=seen.handling_days, restock_on=seen.restock_on)


@pytest.fixture
def open_shop():
    with contextlib.ExitStack() as stack:

        def open_shop(listings=LISTINGS, **scenario):
            world = load_scenario({"start_at": START.isoformat(), "listings": listings} | scenario)
            shop = EmulatedShop(world, stack.enter_context(running(world)))
            stack.callback(shop.account.close)
            return shop

        yield open_shop


@pytest.fixture
def amazon(open_shop):
    return open_shop()


@pytest.fixture(params=["fake", "amazon"])
def shop(request):
    return FakeShop() if request.param == "fake" else request.getfixturevalue("amazon")


@pytest.fixture
def channel(request) -> OfferChannel:
    """The channel of whichever shop the test takes."""
    name = "shop" if "shop" in request.fixturenames else "amazon"
    return request.getfixturevalue(name).channel


def look(channel, sku):
    return channel.observe([sku])[sku]


def change(seen, **wanted):
    offer = {
        "quantity": seen.offer.quantity,
        "handling_days": seen.offer.handling_days,
        "restock_on": seen.offer.restock_on,
    }
    return OfferChange(
        account=seen.account,
        sku=seen.sku,
        product_type=seen.product_type,
        before=seen.offer,
        after=Offer(**(offer | wanted)),
    )


def everything(channel):
    return [offer for page in channel.sweep() for offer in page.offers]


# --- looking -------------------------------------------------------------------------------------


def test_a_sweep_shows_every_listing_once(shop, channel):
    pages = list(channel.sweep())
    skus = [offer.sku for page in pages for offer in page.offers]
    assert sorted(skus) == sorted(listing["sku"] for listing in LISTINGS)
    assert {page.expected_total for page in pages} == {len(LISTINGS)}


def test_a_sweep_goes_past_the_thousand_that_amazon_shows_for_one_question(open_shop):
    listings = [
        {
            "sku": f"SKU-{n:05d}",
            "created_at": (START - timedelta(days=900) + timedelta(minutes=n // 30)).isoformat(),
        }
        for n in range(1234)
    ]
    shop = open_shop(listings)
    pages = list(shop.account.offers.sweep())
    assert len({offer.sku for page in pages for offer in page.offers}) == 1234
    assert pages[0].expected_total == 1234
    assert shop.account.gateway.throttled == 0


def test_a_sweep_that_cannot_reach_every_listing_says_so(open_shop):
    listings = [{"sku": f"SKU-{n:05d}", "created_at": "2024-01-01T00:00:00Z"} for n in range(1100)]
    with pytest.raises(UnexpectedPayload, match="share the creation date"):
        everything(open_shop(listings).account.offers)


def test_a_page_that_comes_twice_does_no_harm(open_shop):
    shop = open_shop([{"sku": f"SKU-{n:03d}"} for n in range(90)])
    shop.control("faults", {"operation": "searchListingsItems", "page_token": "repeat", "count": 1})
    assert len(everything(shop.account.offers)) == 90


def test_pages_that_never_end_are_an_error(open_shop):
    shop = open_shop([{"sku": f"SKU-{n:03d}"} for n in range(90)])
    shop.control("faults", {"operation": "searchListingsItems", "page_token": "repeat", "forever": True})
    with pytest.raises(UnexpectedPayload, match="repeat themselves"):
        everything(shop.account.offers)


@pytest.mark.parametrize("sku", [listing["sku"] for listing in LISTINGS])
def test_one_listing_looks_the_same_alone_among_others_and_in_a_sweep(shop, channel, sku):
    alone = look(channel, sku)
    among = channel.observe([sku, "MUG", "APRON", "nobody's"])[sku]
    swept = next(offer for offer in everything(channel) if offer.sku == sku)
    assert alone == among == swept


def test_a_listing_is_seen_with_its_promise(shop, channel):
    assert look(channel, "APRON").offer == Offer(quantity=0, handling_days=5, restock_on=RESTOCK)
    mug = look(channel, "MUG")
    assert mug.offer == Offer(quantity=40, handling_days=None)
    assert (mug.account, mug.observed_at) == ("main", START)


def test_a_listing_is_seen_with_its_title_and_product_type(amazon, channel):
    mug = look(channel, "MUG")
    assert (mug.title, mug.product_type) == ("Stoneware mug", "DRINKWARE")


def test_other_channels_are_named(shop, channel):
    assert look(channel, "both").other_channels == ("AMAZON_NA",)
    theirs = look(channel, "theirs")
    assert (theirs.offer.quantity, theirs.other_channels) == (0, ("AMAZON_NA",))


def test_a_sku_amazon_does_not_know_is_left_out(shop, channel):
    assert channel.observe(["nobody's"]) == {}
    assert set(channel.observe(["nobody's", "MUG", "MUG"])) == {"MUG"}
    assert channel.observe([]) == {}


def test_an_order_lowers_the_quantity_seen(shop, channel):
    shop.sell("MUG", 3)
    assert look(channel, "MUG").offer.quantity == 37


# --- changing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sku", ["MUG", "odd/sku #1 é", "a,b"])
def test_an_accepted_change_is_queued_and_live_a_little_later(shop, channel, sku):
    receipt = channel.apply(change(look(channel, sku), quantity=7, handling_days=4))
    assert receipt.outcome is PushOutcome.ACCEPTED
    assert receipt.submission_id
    assert (receipt.problems, receipt.at) == ((), shop.now())
    shop.sleep(60)
    assert look(channel, sku).offer == Offer(quantity=7, handling_days=4)


def test_a_new_quantity_leaves_the_promise_alone(shop, channel):
    channel.apply(change(look(channel, "APRON"), quantity=12))
    shop.sleep(60)
    assert look(channel, "APRON").offer == Offer(quantity=12, handling_days=5, restock_on=RESTOCK)


def test_a_new_restock_date_leaves_quantity_and_handling_time_alone(shop, channel):
    seen = look(channel, "APRON")
    shop.edit("APRON", 3)
    channel.apply(change(seen, restock_on=date(2026, 3, 25)))
    shop.sleep(60)
    assert look(channel, "APRON").offer == Offer(quantity=3, handling_days=5, restock_on=date(2026, 3, 25))


def test_a_restock_date_can_be_taken_away_without_losing_the_handling_time(shop, channel):
    channel.apply(change(look(channel, "APRON"), quantity=8, restock_on=None))
    shop.sleep(60)
    assert look(channel, "APRON").offer == Offer(quantity=8, handling_days=5)


def test_a_handling_time_can_go_back_to_the_default_without_losing_the_restock_date(shop, channel):
    channel.apply(change(look(channel, "APRON"), handling_days=None))
    shop.sleep(60)
    assert look(channel, "APRON").offer == Offer(quantity=0, handling_days=None, restock_on=RESTOCK)


@pytest.mark.parametrize("days", [0, 1, 30])
def test_every_handling_time_that_amazon_allows_arrives(shop, channel, days):
    channel.apply(change(look(channel, "MUG"), handling_days=days))
    shop.sleep(60)
    assert look(channel, "MUG").offer == Offer(quantity=40, handling_days=days)


def test_amazons_own_channel_is_never_touched(amazon, channel):
    channel.apply(change(look(channel, "both"), quantity=1, handling_days=2))
    amazon.sleep(60)
    seen = look(channel, "both")
    assert (seen.offer, seen.other_channels) == (Offer(quantity=1, handling_days=2), ("AMAZON_NA",))
    sent = amazon.patches_sent()[0]["params"]["body"]["patches"]
    assert [entry["fulfillment_channel_code"] for patch in sent for entry in patch["value"]] == ["DEFAULT"]


def test_a_preview_judges_and_changes_nothing(shop, channel):
    receipt = channel.preview(change(look(channel, "MUG"), quantity=1))
    assert (receipt.outcome, receipt.problems) == (PushOutcome.VALID, ())
    shop.sleep(60)
    assert look(channel, "MUG").offer.quantity == 40


@pytest.mark.parametrize("way", ["preview", "apply"])
def test_a_change_amazon_finds_invalid_is_rejected_with_its_reason(amazon, channel, way):
    receipt = getattr(channel, way)(change(look(channel, "MUG"), handling_days=31))
    assert receipt.outcome is PushOutcome.REJECTED
    assert any("lead_time_to_ship_max_days" in problem for problem in receipt.problems)
    amazon.sleep(60)
    assert look(channel, "MUG").offer == Offer(quantity=40, handling_days=None)


def change_of(sku):
    """A change to a listing that nobody has looked at."""
    return OfferChange(
        account="main",
        sku=sku,
        product_type="PRODUCT",
        before=Offer(quantity=1, handling_days=None),
        after=Offer(quantity=0, handling_days=None),
    )


@pytest.mark.parametrize("sku", [".", "..", ""])
@pytest.mark.parametrize("way", ["preview", "apply"])
def test_a_change_that_cannot_be_addressed_is_rejected_and_the_next_goes_on(shop, channel, sku, way):
    seen = look(channel, "MUG")
    receipt = getattr(channel, way)(change_of(sku))
    assert receipt.outcome is PushOutcome.REJECTED
    assert receipt.problems
    assert channel.apply(change(seen, quantity=1)).outcome is PushOutcome.ACCEPTED


@pytest.mark.parametrize(
    ("way", "outcome"), [("preview", PushOutcome.VALID), ("apply", PushOutcome.ACCEPTED)]
)
def test_a_change_to_a_listing_that_is_not_there_is_taken_and_comes_to_nothing(shop, channel, way, outcome):
    # Amazon takes it for the beginning of a new listing, so only a look afterwards tells.
    assert getattr(channel, way)(change_of("nobody's")).outcome is outcome
    shop.sleep(60)
    assert channel.observe(["nobody's"]) == {}


def test_a_change_whose_answer_was_lost_is_repeated_and_made_once(amazon, channel):
    wanted = change(look(channel, "MUG"), quantity=2)
    amazon.control("faults", {"operation": "patchListingsItem", "reset": True, "after": True})
    assert channel.apply(wanted).outcome is PushOutcome.ACCEPTED
    amazon.sleep(60)
    assert look(channel, "MUG").offer == Offer(quantity=2, handling_days=None)


def test_a_change_that_never_gets_through_is_an_error(amazon, channel):
    wanted = change(look(channel, "MUG"), quantity=2)
    amazon.control(
        "faults", {"operation": "patchListingsItem", "status": 503, "body": "html", "forever": True}
    )
    with pytest.raises(Unavailable):
        channel.apply(wanted)


def test_many_changes_and_previews_keep_to_amazons_limits(amazon, channel):
    seen = look(channel, "MUG")
    for quantity in range(10):
        channel.preview(change(seen, quantity=quantity))
        channel.apply(change(seen, quantity=quantity))
    for quantity in range(15):
        channel.apply(change(seen, quantity=quantity))
    assert amazon.account.gateway.throttled == 0
    assert amazon.account.gateway.requests["patchListingsItem"] == 35
