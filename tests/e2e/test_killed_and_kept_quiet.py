"""What must never happen: an order lost to a crash, a secret in the output, a buyer in the database."""

import signal

from shop_data import CREDENTIALS

BUYER = (
    "Wilhelmina Featherstonehaugh",
    "qx7zz4kq@marketplace.amazon.com",
    "Obere Lindenstrasse 4711",
    "55512345678",
)


def raw_order(number, at):
    """An order as Amazon shows it to an application that may see the buyer."""
    return {
        "orderId": f"222-0000000-{number:07}",
        "createdTime": at,
        "lastUpdatedTime": at,
        "salesChannel": {"marketplaceId": "ATVPDKIKX0DER", "channelName": "AMAZON"},
        "buyer": {"buyerName": BUYER[0], "buyerEmail": BUYER[1]},
        "recipient": {
            "deliveryAddress": {"name": BUYER[0], "addressLine1": BUYER[2], "phone": BUYER[3], "city": "Ulm"},
        },
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [
            {
                "orderItemId": f"9{number}",
                "quantityOrdered": 1,
                "product": {"sellerSku": "CUP", "title": "Cup"},
                "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": 1},
            }
        ],
    }


def test_a_run_killed_between_two_pages_goes_on_and_loses_no_order(opened, small_shop, an_order):
    orders = [an_order(number, "LAMP", hours=1 + number / 100) for number in range(350)]
    seller = opened(small_shop(orders=orders))
    # A first page, then two of the list of open orders; the third of these takes its time.
    seller.amazon("faults", {"operation": "searchOrders", "skip": 3, "delay_seconds": 30})
    with seller.started("sync", "--only", "orders") as process:
        seller.wait_until(lambda: len(seller.requests("searchOrders")) == 3, process)
        seller.wait_until(lambda: seller.database.exists() and len(seller.rows()["orders"]) == 200, process)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    before = len(seller.requests("searchOrders"))
    seller.amazon("faults", {"clear": True})

    report = seller.json("sync")
    assert report["failed"] == []
    assert report["orders"]["new"] == 150, "what was read is kept"
    pages = [one["params"] for one in seller.requests("searchOrders")][before:]
    assert "paginationToken" in pages[0] or "paginationToken" in pages[1], "it went on where it was"
    amazon = seller.amazon("state")["orders"]
    assert {one["order_id"] for one in seller.json("orders", "--all")} == amazon.keys()


def test_no_secret_is_ever_printed_and_no_buyer_is_ever_kept(opened, small_shop):
    secrets = {name: f"{value}-never-to-be-seen" for name, value in CREDENTIALS.items()}
    seller = opened(small_shop())
    seller.credentials = secrets
    at = seller.amazon("state")["orders"]["111-0000000-0000001"]["updated_at"]
    answer = seller.amazon("orders", {"raw": [raw_order(number, at) for number in (1, 2)]})
    assert all(one["placed"] for one in answer["raw"]), answer
    seller.amazon("faults", {"operation": "searchOrders", "status": 403})

    runs = [
        seller.run("check", "--verbose", code=0),
        seller.run("sync", "--apply", "--verbose", code=0),
        seller.run("orders", "--all", "--json", "--verbose", code=0),
        seller.run("sync", "--order", "222-0000000-0000001", "--verbose", "--json", code=0),
    ]
    assert "222-0000000-0000002" in runs[2].out
    printed = "".join(done.everything for done in runs)
    tokens = list(seller.world.access._issued)
    assert tokens
    for secret in (*secrets.values(), *tokens, "never-to-be-seen"):
        assert secret not in printed
        assert secret.partition("|")[2] == "" or secret.partition("|")[2] not in printed

    files = [path for path in seller.folder.rglob("*") if path.is_file()]
    kept = b"".join(path.read_bytes() for path in files)
    assert b"222-0000000-0000002" in kept
    for one in BUYER:
        assert one not in printed
        assert one.encode() not in kept
    assert b"never-to-be-seen" not in kept
