"""Two thousand calls through a third of trouble: what is known afterwards, what it cost, what was said."""

import contextlib
import io
import json
import logging
import random
import re
from collections import Counter

import pytest
import structlog

from fbm_sync import logs
from fbm_sync.errors import RemoteError

from seller import SECRETS, open_seller

CALLS = 2_000
KINDS = [
    *("429", "429-retry-after", "500-errors", "500-no-errors", "503-html", "503-empty", "503-after"),
    *("403-message", "redirect", "reset", "reset-after", "cut", "json-cut", "json-list", "slow"),
    *("expire-tokens", "page-duplicate", "page-reorder", "touch"),
]
LISTINGS = [{"sku": f"SKU-{number:02d}", "quantity": 400} for number in range(30)]


@pytest.fixture
def log():
    """The whole log of the process, every level, as an operator would keep it."""
    former, level, stream = structlog.get_config(), logging.getLogger().level, io.StringIO()
    logs.configure(verbose=True, stream=stream)
    yield stream
    structlog.configure(**former)
    root = logging.getLogger()
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    for handler in [one for one in root.handlers if type(one).__module__ == "fbm_sync.logs"]:
        root.removeHandler(handler)


class Shopkeeper:
    """A seller who sells, ships, cancels, reads and writes, whatever Amazon answers."""

    def __init__(self, shop, draw):
        self.shop, self.draw = shop, draw
        self.troubles = Counter()
        self.skus = [one["sku"] for one in LISTINGS]
        self.placed = []

    def live(self):
        for _ in range(self.draw.randrange(1, 5)):
            self.placed.append(self.shop.sell(self.draw.choice(self.skus)))
        self.something_happens()
        self.shop.advance(seconds=self.draw.randrange(60, 1500))
        self.work()

    def something_happens(self):
        for deed in self.draw.sample(["ship", "cancel", "request_cancel"], 2):
            order = {"order_id": self.draw.choice(self.placed)}
            self.shop.control("orders", {deed: [order]})

    def work(self):
        shop = self.shop
        works = [
            shop.pull,
            shop.pull_offers,
            lambda: shop.pull_named(*self.draw.choices(self.placed, k=4)),
            lambda: shop.account.offers.observe(self.draw.sample(self.skus, 3)),
            lambda: [shop.seen(sku) for sku in self.draw.sample(self.skus, 4)],
            shop.account.participations,
            *([self.restock] if self.draw.random() < 0.2 else []),
        ]
        for work in self.draw.sample(works, 5):
            try:
                work()
            except RemoteError as error:
                self.troubles[type(error).__name__] += 1

    def restock(self):
        self.shop.count(**{sku: self.draw.randrange(300, 500) for sku in self.skus})
        self.shop.plan()
        self.shop.push()


def test_two_thousand_calls_through_trouble_lose_nothing_exceed_nothing_and_betray_nothing(
    tmp_path, log, capsys
):
    chaos = {"share": 0.4, "seed": 3, "kinds": KINDS}
    with open_seller(tmp_path, listings=LISTINGS, token_seconds=1800) as shop:
        keeper = Shopkeeper(shop, random.Random(3))
        tokens, new_token = [*SECRETS.values()], shop.world.access._new_token
        shop.world.access._new_token = lambda: tokens.append(new_token()) or tokens[-1]
        shop.control("faults", {"chaos": chaos})
        while shop.control("requests?since=1000000")["last"] < CALLS:
            keeper.live()
        shop.control("faults", {"clear": True})
        troubled = shop.requests()
        shop.advance(hours=7)
        shop.pull()
        truth, known = shop.true_orders(), shop.orders()

    faulty = Counter(one["fault"] for one in troubled if one["fault"])
    above = [one for one in troubled if one["status"] == 429 and not one["fault"]]
    with capsys.disabled():
        print(
            f"\nsoak: {len(troubled)} calls, {sum(faulty.values())} faulty "
            f"({sum(faulty.values()) / len(troubled):.0%}), {len(faulty)} kinds; {len(truth)} orders; "
            f"{len(above)} calls above the plan; gave up: {dict(keeper.troubles)}; "
            f"{len(log.getvalue().splitlines())} log lines, {len(tokens)} secrets looked for"
        )
    assert len(troubled) >= CALLS
    assert sum(faulty.values()) >= 0.3 * len(troubled)
    assert set(faulty) >= {f"chaos:{kind}" for kind in KINDS if kind not in ("page-duplicate", "touch")}

    assert {order_id: order.status.value for order_id, order in known.items()} == {
        order_id: order["status"] for order_id, order in truth.items()
    }
    units = {order_id: sum(item.ordered_units for item in order.items) for order_id, order in known.items()}
    assert units == {
        order_id: sum(item["quantity"] for item in order["items"]) for order_id, order in truth.items()
    }
    assert above == []

    text = log.getvalue()
    assert text.count("request_sent") >= CALLS / 2
    assert [token for token in tokens if token in text] == []
    assert not re.search(r"Atz[a-z]\|\w", text)
    with contextlib.suppress(StopIteration):
        assert json.loads(next(iter(text.splitlines())))
