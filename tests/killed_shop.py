"""A shop whose every run may be killed, and the verdict on it: what Amazon and the receiver of alerts saw.

Amazon is the emulator (in a process of its own if wanted), spoken to over HTTP; the store is an SQLite file;
alerts go to a web server on loopback, where their signature is checked. Between runs the shop lives: buyers
order and change their minds, parcels leave, shelves are counted anew. All live by the emulator's clock.
"""

import contextlib
import csv
import dataclasses
import hashlib
import hmac
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from mortal_runs import Stable
from shop_data import ACCOUNT, COLUMNS, CREDENTIALS, config_text, generated_shop

from fbm_sync.adapters.store.ledger import open_ledger
from fbm_sync.domain.alert import Severity
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.domain.order import Sku
from fbm_sync.emulator import load_scenario, running

from receivers import Webhook

START = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # a Monday morning in Los Angeles
CHANNEL, SECRET = "robot", "shared-with-the-receiver"
FEED_TIME, FEED_FROM = timedelta(seconds=5), 40
"""From so many changes at once on a feed is worth it, where the last ones took so long."""

_OPEN = ("UNSHIPPED", "PARTIALLY_SHIPPED")


@dataclasses.dataclass(kw_only=True)
class Verdict:
    """What was found wrong at one look, after one undisturbed run.

    `cautious` offers are no fault: they show fewer units than decided, because some had left the listing and
    no order told of them yet. The next run, which reads the orders, puts them back on sale.
    """

    missing: list = dataclasses.field(default_factory=list)
    unequal: list = dataclasses.field(default_factory=list)
    wrong_offers: list = dataclasses.field(default_factory=list)
    untold: list = dataclasses.field(default_factory=list)
    invented: list = dataclasses.field(default_factory=list)
    cautious: list = dataclasses.field(default_factory=list)

    def counts(self):
        """How many there are of each kind."""
        return Counter({field.name: len(getattr(self, field.name)) for field in dataclasses.fields(self)})

    def faults(self):
        """All that is wrong, as text."""
        return [
            f"{kind}: {one}"
            for kind in self.counts() - Counter(cautious=10**9)
            for one in getattr(self, kind)
        ]


def a_stable(folder):
    """Where the shop's runs come from; several shops may share one."""
    return Stable(folder, _environment())


class KilledShop:
    """The seller, the command, Amazon and the receiver of alerts; to be used with `with`."""

    def __init__(
        self, folder, *, skus, orders_a_day, days=10, seed=1, amazon_apart=False, store_url=None, stable=None
    ):
        self.amazon_apart, self.store_url, self.stable = amazon_apart, store_url, stable
        self.folder, self.rng = Path(folder), random.Random(f"{seed}/kills")
        self.shop = generated_shop(START, days=days, seed=seed, skus=skus, orders_per_day=orders_a_day)
        self.house = self.folder / "shop"
        rows = self.shop.tables["stock.csv"]
        self.on_hand = {row["sku"]: int(row["on_hand"]) for row in rows}
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _open(self):
        self.folder.mkdir(exist_ok=True)
        scenario = self.shop.scenario | {
            "apply_seconds": 0.3,
            "feed_queue_seconds": 0.2,
            "feed_seconds": 0.3,
            "report_seconds": 1,
            "token_seconds": 10**9,
        }
        self.stable = self.stable or self._stack.enter_context(a_stable(self._made("runs")))
        url = self._amazon_in_a_process(scenario) if self.amazon_apart else self._amazon_in_a_thread(scenario)
        self.http = self._stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
        self.ear = Webhook()
        self._stack.callback(self.ear.stop)
        self.shop.write(self._made("shop"), url)
        store = self.store_url or "sqlite:///fbm_sync.db"
        _write_config(self.house, url, self.shop.scenario["rate_factor"], self.ear.plain_url, store)

    def _amazon_in_a_process(self, scenario):
        path = self.folder / "scenario.json"
        path.write_text(json.dumps(scenario))
        amazon = subprocess.Popen(
            [sys.executable, "-m", "fbm_sync", "emulator", "--json", "--port", "0", "--scenario", str(path)],
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._stack.callback(_stop, amazon)
        return json.loads("".join(iter(amazon.stdout.readline, "}\n")) + "}")["endpoint"]

    def _amazon_in_a_thread(self, scenario):
        return self._stack.enter_context(running(load_scenario(scenario)))

    def _made(self, name):
        (self.folder / name).mkdir(exist_ok=True)
        return self.folder / name

    # --- the command --------------------------------------------------------------------------------------

    def run_together(self, *wishes):
        """Run several commands at the same time, each in a process of its own; return how they ended."""
        ahead, config = self.now() - datetime.now(UTC), f"{self.house}/fbm_sync.toml"
        for number, words in enumerate(wishes, start=1):
            self.stable.start("--config", config, *words, ahead=ahead, name=f"run-{number}")
        return [self.stable.ended() for _ in wishes]

    def run(self, *words, killed_after=None, killed_in=None, house=None):
        """Run the command, or kill it after so many seconds or in a phase of its work."""
        ahead = self.now() - datetime.now(UTC)
        config = f"{house or self.house}/fbm_sync.toml"
        return self.stable.run(
            "--config", config, *words, ahead=ahead, killed_after=killed_after, killed_in=killed_in
        )

    def books(self):
        """The store, to look at."""
        return open_ledger(self.store_url or f"sqlite:///{self.house}/fbm_sync.db", create=True)

    def fresh_house(self):
        """A house with the same records and rules, and an empty store.

        Who was meant to get which units is a record too: a plan does not take them away without a gain.
        """
        other = self.folder / "other"
        shutil.copytree(self.house, other, ignore=shutil.ignore_patterns("*.db*"))
        with self.books() as ours, open_ledger(f"sqlite:///{other}/fbm_sync.db", create=True) as theirs:
            with ours.snapshot() as books:
                outlooks = books.orders.outlooks()
            with theirs.transaction() as books:
                books.orders.record_outlooks(outlooks, self.now())
        return other

    def differing(self, other):
        """What two houses decided differently."""
        found = []
        for house in (self.house, other):
            with open_ledger(f"sqlite:///{house}/fbm_sync.db") as ledger, ledger.snapshot() as books:
                found.append({one.sku: one.desired for one in books.offers.decisions()})
        ours, theirs = found
        return [
            f"{sku}: {ours.get(sku)}, else {theirs.get(sku)}"
            for sku in sorted(ours.keys() | theirs.keys())
            if ours.get(sku) != theirs.get(sku)
        ]

    def let_feeds_be_quick(self, span=FEED_TIME):
        """Let the account remember that its last feeds were quick: else only thousands go by feed."""
        now, offer = self.now(), Offer(quantity=0, handling_days=2)
        old = OfferChange(account=ACCOUNT, sku=Sku("OLD"), product_type="HOME", before=offer, after=offer)
        with self.books() as ledger, ledger.transaction() as books:
            for number in range(5):
                feed = books.pushes.begin_feed(ACCOUNT, [old], "before", now - timedelta(hours=1))
                books.pushes.feed_submitted(feed, f"old-{feed}-{number}", now - span)
                books.pushes.close_feed(feed, "DONE", now)

    # --- what happens -------------------------------------------------------------------------------------

    def amazon(self, path, body=None):
        """Look at Amazon, or with a body change something there."""
        address = f"/_emulator/{path}"
        answer = self.http.get(address) if body is None else self.http.post(address, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def now(self):
        return datetime.fromisoformat(self.amazon("advance", {"seconds": 0})["now"])

    def live_on(self, span, *, recounted):
        """Let so much time pass, with buyers, parcels, and so many shelves counted anew."""
        rng, state = self.rng, self.amazon("state")
        waiting = sorted(
            (order["created_at"], order_id, order)
            for order_id, order in state["orders"].items()
            if order["status"] in _OPEN
        )
        for_sale = sorted(sku for sku, one in state["listings"].items() if one["live_quantity"] > 0)
        deeds = {
            "place": [
                {"items": [{"sku": rng.choice(for_sale), "quantity": rng.randint(1, 3)}]}
                for _ in range(rng.randint(2, 8))
            ],
            "ship": self._parcels(waiting[: rng.randint(0, 6)]),
        }
        for deed, share in (("request_cancel", 0.5), ("cancel", 0.5)):
            if waiting and rng.random() < share:
                chosen = {"order_id": rng.choice(waiting)[1]}
                by = {"by": rng.choice(("BUYER", "MERCHANT"))} if deed == "cancel" else {}
                deeds[deed] = [chosen | by]
        self.amazon("orders", deeds)
        self._count_anew(recounted)
        self.amazon("advance", {"seconds": span.total_seconds()})

    def _parcels(self, waiting):
        """Ship what is on the shelf; it is gone from there."""
        parcels = []
        for _, order_id, order in waiting:
            wanted = Counter()
            for item in order["items"]:
                wanted[item["sku"]] += item["quantity"] - item["shipped"]
            if all(self.on_hand.get(sku, 0) >= units for sku, units in wanted.items()):
                for sku, units in wanted.items():
                    self.on_hand[sku] -= units
                parcels.append({"order_id": order_id})
        return parcels

    def _count_anew(self, recounted):
        """Count the shelves: some hold more or fewer than was thought."""
        for sku in self.rng.sample(sorted(self.on_hand), min(recounted, len(self.on_hand))):
            self.on_hand[sku] = max(0, self.on_hand[sku] + self.rng.randint(-8, 14))
        rows = [row | {"on_hand": str(self.on_hand[row["sku"]])} for row in self.shop.tables["stock.csv"]]
        counted_at = self.now().isoformat()
        path = self.house / "supply" / "stock.csv"
        fresh = path.with_suffix(".new")
        with fresh.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS["stock.csv"])
            writer.writeheader()
            writer.writerows(row | {"counted_at": counted_at} for row in rows)
        fresh.replace(path)

    # --- the verdict --------------------------------------------------------------------------------------

    def judge(self):
        """Hold the store and what was heard against Amazon's own truth."""
        verdict, state = Verdict(), self.amazon("state")
        with self.books() as ledger, ledger.snapshot() as books:
            orders = {order.order_id: order for order in books.orders.every()}
            alerts, known_up_to = books.alerts.alerts(), books.orders.watermark(ACCOUNT)
        for order_id, theirs in state["orders"].items():
            ours = orders.pop(order_id, None)
            if datetime.fromisoformat(theirs["updated_at"]) > known_up_to:
                continue  # what changes in these very minutes Amazon tells only later
            if ours is None:
                verdict.missing.append(order_id)
            elif _of_ours(ours) != _of_theirs(theirs):
                verdict.unequal.append(f"{order_id}: {_of_ours(ours)}, at Amazon {_of_theirs(theirs)}")
        verdict.invented += orders
        verdict.wrong_offers, verdict.cautious = self.offers_not_as_decided()
        self._judge_news(verdict, alerts)
        return verdict

    def offers_not_as_decided(self):
        """Return the offers that are wrong at Amazon, and those that are only cautious."""
        wrong, cautious, listings = [], [], self.amazon("state")["listings"]
        with self.books() as ledger, ledger.snapshot() as books:
            decided = {one.sku: one.desired for one in books.offers.decisions() if one.desired is not None}
        assert len(decided) > len(listings) / 2, "hardly anything was decided"
        for sku, offer in decided.items():
            shown, wanted = _shown(listings[sku]), dataclasses.astuple(offer)
            if shown[1:] == wanted[1:] and shown[0] < wanted[0]:
                cautious.append(sku)
            elif shown != wanted:
                wrong.append(f"{sku}: decided {offer}, at Amazon {shown}")
        return wrong, cautious

    def _judge_news(self, verdict, alerts):
        """What the store says was told was heard, and whoever should know of what is open does."""
        heard, now = self.heard(), self.now().strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.closing(sqlite3.connect(f"file:{self.house}/fbm_sync.db?mode=ro", uri=True)) as store:
            query = "SELECT notification_id, alert_key, sent_at, pending, not_before FROM notifications"
            rows = {row[0]: row[1:] for row in store.execute(f"{query} WHERE channel = ?", [CHANNEL])}
        known = {one["key"] for one in self.notifications()}
        for number, (key, sent_at, pending, not_before) in rows.items():
            if (sent_at is not None and number not in heard) or (pending and not_before < now):
                verdict.untold.append(f"notification {number}: {key}")
            elif pending:
                known.add(key)  # it waits for company, or for the morning
        verdict.untold += [
            one.key for one in alerts if one.finding.severity is not Severity.INFO and one.key not in known
        ]
        verdict.invented += [f"notification {number}" for number in heard if number not in rows]

    def notifications(self):
        """Every notification as the receiver was told of it, in the order of their coming."""
        return [one for document in self.ear.received for one in document["notifications"]]

    def heard(self):
        """How often each notification was heard."""
        return Counter(one["id"] for one in self.notifications())

    def repeated_letters(self):
        """How many letters said something again."""
        known, again = set(), 0
        for document in self.ear.received:
            ids = {one["id"] for one in document["notifications"]}
            again += not known.isdisjoint(ids)
            known |= ids
        return again

    def unsigned(self):
        """Letters whose signature is not ours."""
        return [headers for headers, body in self.ear.requests if not _is_ours(headers, body)]


def _is_ours(headers, body):
    named = {name.lower(): value for name, value in headers.items()}
    stamp = named["x-fbm-sync-timestamp"].encode()
    expected = hmac.new(SECRET.encode(), stamp + b"." + body, hashlib.sha256).hexdigest()
    return named["x-fbm-sync-signature"] == f"sha256={expected}"


def _of_ours(order):
    items = {
        one.order_item_id: (one.sku, one.ordered_units, one.shipped_units, one.cancelled_by)
        for one in order.items
    }
    return order.status.value, items


def _of_theirs(order):
    items = {
        one["order_item_id"]: (one["sku"], one["quantity"], one["shipped"], order["cancelled_by"])
        for one in order["items"]
    }
    return order["status"], items


def _shown(listing):
    restock_on = listing["effective_restock_on"]
    return (
        listing["live_quantity"],
        listing["listing_handling_days"],
        None if restock_on is None else datetime.fromisoformat(restock_on).date(),
    )


def _write_config(house, url, rate_factor, hook, store):
    text = config_text(url, float(rate_factor)).replace("sqlite:///fbm_sync.db", store)
    text = text.replace("[policy.default]", "[policy.default]\nlatency_risk = 1.0")
    text += f"""
[alerts]
quiet_hours = ""

[alerts.webhooks.{CHANNEL}]
url = "{hook}"
secret = "env:ROBOT_SECRET"
"""
    (house / "fbm_sync.toml").write_text(text)


def _environment():
    kept = {name: value for name, value in os.environ.items() if not re.match("FBM_SYNC_|SP_API_|COV_", name)}
    kept.pop("CREDENTIALS_DIRECTORY", None)
    paths = os.pathsep.join(filter(None, sys.path))
    return kept | CREDENTIALS | {"ROBOT_SECRET": SECRET, "NO_COLOR": "1", "PYTHONPATH": paths}


def _stop(process):
    process.terminate()
    process.wait()
    process.stdout.close()
