"""Reports of the emulated Amazon: ordering them, the tables and their quirks, and documents that fail."""

from __future__ import annotations

import csv
import gzip
import io
import zlib

import httpx
import pytest

from fbm_sync.emulator import ScenarioError, load_scenario, running

from amazon_models import faults_of
from emulated import MARKET, SELLER, Shop

REPORTS = "/reports/2021-06-30/reports"
DOCUMENTS = "/reports/2021-06-30/documents"
MODEL = "reports_2021-06-30.json"
ALL_LISTINGS = "GET_MERCHANT_LISTINGS_ALL_DATA"
OPEN_LISTINGS = "GET_FLAT_FILE_OPEN_LISTINGS_DATA"
ORDERS = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL"
PERFORMANCE = "GET_V2_SELLER_PERFORMANCE_REPORT"
LONG_AGO = "2025-01-01T00:00:00Z"


def create(shop, report_type=ALL_LISTINGS, **fields):
    body = {"reportType": report_type, "marketplaceIds": [MARKET]} | fields
    return shop.ask("POST", REPORTS, json=body)


def order(shop, report_type=ALL_LISTINGS, **fields):
    answer = create(shop, report_type, **fields)
    assert answer.status_code == 202, answer.text
    assert faults_of(MODEL, "CreateReportResponse", answer.json()) == []
    return answer.json()["reportId"]


def look(shop, report_id):
    report = shop.ask("GET", f"{REPORTS}/{report_id}").json()
    assert faults_of(MODEL, "Report", report) == []
    return report


def finished(shop, report_type=ALL_LISTINGS, **fields):
    report_id = order(shop, report_type, **fields)
    shop.advance(seconds=30)
    return look(shop, report_id)


def fetch(shop, report, **params):
    """The download as it comes, without an access token."""
    document = shop.ask("GET", f"{DOCUMENTS}/{report['reportDocumentId']}", params=params).json()
    assert faults_of(MODEL, "ReportDocument", document) == []
    return shop.ask("GET", document["url"], headers={})


def rows_of(shop, report_type=ALL_LISTINGS, **fields):
    text = gzip.decompress(fetch(shop, finished(shop, report_type, **fields)).content).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))


# --- ordering a report


def test_a_report_waits_is_written_and_is_done():
    shop = Shop()
    report_id = order(shop)
    assert look(shop, report_id)["processingStatus"] == "IN_QUEUE"
    shop.advance(seconds=15)
    assert look(shop, report_id)["processingStatus"] == "IN_PROGRESS"
    shop.advance(seconds=15)
    report = look(shop, report_id)
    assert report.pop("reportDocumentId").startswith("amzn1.tortuga.")
    assert report == {
        "reportId": report_id,
        "reportType": ALL_LISTINGS,
        "marketplaceIds": [MARKET],
        "createdTime": "2026-03-02T20:00:00Z",
        "processingStatus": "DONE",
        "processingStartTime": "2026-03-02T20:00:15Z",
        "processingEndTime": "2026-03-02T20:00:30Z",
    }
    assert shop.state()["reports"] == {report_id: {"type": ALL_LISTINGS, "status": "DONE"}}


def test_a_report_shows_the_moment_it_is_done():
    shop = Shop(report_seconds=3600)
    report_id = order(shop)
    shop.advance(minutes=59)
    shop.control("listings", {"sku": "MUG", "quantity": 77})
    shop.advance(minutes=1)
    shop.control("listings", {"sku": "MUG", "quantity": 88})
    text = gzip.decompress(fetch(shop, look(shop, report_id)).content).decode()
    assert "\t77\t" in text
    assert "\t88\t" not in text


def test_only_a_report_still_in_the_queue_can_be_cancelled():
    shop = Shop()
    started, waiting = order(shop), None
    shop.advance(seconds=15)
    waiting = order(shop)
    assert shop.ask("DELETE", f"{REPORTS}/{started}").status_code == 400
    cancelled = shop.ask("DELETE", f"{REPORTS}/{waiting}")
    assert (cancelled.status_code, cancelled.content) == (200, b"")
    shop.advance(minutes=1)
    assert look(shop, waiting)["processingStatus"] == "CANCELLED"
    assert look(shop, started)["processingStatus"] == "DONE"


def test_a_report_without_data_is_cancelled():
    shop = Shop(listings=[])
    for report_type in (ALL_LISTINGS, OPEN_LISTINGS, ORDERS):
        report = finished(shop, report_type)
        assert (report["processingStatus"], "reportDocumentId" in report) == ("CANCELLED", False)
    assert finished(shop, PERFORMANCE)["processingStatus"] == "DONE"


def test_a_type_asked_again_too_soon_is_cancelled():
    shop = Shop(report_interval_seconds=600)
    statuses = [
        finished(shop, one)["processingStatus"] for one in (ALL_LISTINGS, ALL_LISTINGS, OPEN_LISTINGS)
    ]
    assert statuses == ["DONE", "CANCELLED", "DONE"]
    shop.advance(seconds=600 - 90)
    assert finished(shop)["processingStatus"] == "DONE"


def test_one_cancelled_by_the_seller_does_not_make_the_next_too_soon():
    shop = Shop(report_interval_seconds=600)
    shop.ask("DELETE", f"{REPORTS}/{order(shop)}")
    assert finished(shop)["processingStatus"] == "DONE"


@pytest.mark.parametrize(
    "change",
    [
        {"reportType": "BAD_FEE_DISCOUNTS_REPORT"},
        {"reportType": None},
        {"marketplaceIds": None},
        {"marketplaceIds": [MARKET, "A1PA6795UKMFR9"]},
        {"reportOptions": {"custom": True}},
        {"dataStartTime": "2026-03-01"},
        {"dataStartTime": "2026-03-03T00:00:00Z"},
        {"dataEndTime": "2026-03-03T00:00:00Z"},
        {"dataStartTime": "2026-03-02T10:00:00Z", "dataEndTime": "2026-03-02T09:00:00Z"},
    ],
)
def test_a_report_asked_for_wrongly_is_refused(change):
    refused = create(Shop(), **change)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "400")
    assert faults_of(MODEL, "ErrorList", refused.json()) == []


def test_reports_are_listed_newest_first_page_by_page():
    shop = Shop()
    ids = [order(shop) for _ in range(3)]
    assert shop.ask("GET", REPORTS).status_code == 400
    first = shop.ask("GET", REPORTS, params={"reportTypes": ALL_LISTINGS, "pageSize": 2}).json()
    second = shop.ask("GET", REPORTS, params={"nextToken": first["nextToken"]}).json()
    for page in (first, second):
        assert faults_of(MODEL, "GetReportsResponse", page) == []
    seen = [report["reportId"] for page in (first, second) for report in page["reports"]]
    assert (seen, "nextToken" in second) == (ids[::-1], False)


def test_a_page_token_of_feeds_is_none_of_reports():
    shop = Shop()
    for _ in range(2):
        order(shop)
    token = shop.ask("GET", REPORTS, params={"reportTypes": ALL_LISTINGS, "pageSize": 1}).json()["nextToken"]
    assert shop.ask("GET", "/feeds/2021-06-30/feeds", params={"nextToken": token}).status_code == 400


def test_the_page_that_comes_again_is_a_trouble_one_can_order():
    shop = Shop()
    ids = [order(shop) for _ in range(2)]
    shop.control("faults", {"operation": "getReports", "page_token": "repeat"})
    first = shop.ask("GET", REPORTS, params={"reportTypes": ALL_LISTINGS, "pageSize": 1}).json()
    again = shop.ask("GET", REPORTS, params={"nextToken": first["nextToken"]}).json()
    assert again["reports"] == first["reports"]
    last = shop.ask("GET", REPORTS, params={"nextToken": again["nextToken"]}).json()
    assert last["reports"][0]["reportId"] == ids[0]


def test_a_report_that_is_not_there_is_not_found_and_schedules_are_not_emulated():
    shop = Shop()
    assert shop.ask("GET", f"{REPORTS}/123").status_code == 404
    assert shop.ask("GET", f"{REPORTS}/badReportId1").status_code == 400
    assert shop.ask("GET", "/reports/2021-06-30/schedules/ID1").status_code == 404


def test_reports_are_limited_as_amazon_limits_them():
    shop = Shop(rate_factor=1)
    asked = [create(shop) for _ in range(16)]
    assert [answer.status_code for answer in asked] == [202] * 15 + [429]
    assert asked[0].headers["x-amzn-RateLimit-Limit"] == "0.0167"


def test_the_end_of_a_report_is_announced():
    shop, told = Shop(), []
    shop.world.reports._announce = lambda kind, fact, at: told.append((kind, fact))
    report = finished(shop)
    none = finished(shop, ORDERS)
    names = {"reportId": report["reportId"], "reportType": ALL_LISTINGS, "processingStatus": "DONE"}
    other = {"reportId": none["reportId"], "reportType": ORDERS, "processingStatus": "CANCELLED"}
    kind = "REPORT_PROCESSING_FINISHED"
    assert told == [(kind, names | {"reportDocumentId": report["reportDocumentId"]}), (kind, other)]


def test_the_same_seed_gives_the_same_ids():
    def ids():
        report = finished(Shop(seed=7))
        return report["reportId"], report["reportDocumentId"]

    assert ids() == ids()


# --- the tables


def test_the_listings_report_has_a_row_for_every_sku():
    amazon_only = {
        "sku": "CUP",
        "merchant": False,
        "channels": [{"fulfillment_channel_code": "AMAZON_NA", "quantity": 5}],
    }
    shop = Shop(
        listings=[
            {"sku": "MUG", "title": "Mug", "asin": "B01", "quantity": 3, "price": "9.5"},
            {"sku": "BOWL", "quantity": 0},
            amazon_only,
        ]
    )
    mug, bowl, cup = rows_of(shop)
    assert {
        name: mug[name] for name in ("item-name", "seller-sku", "asin1", "price", "quantity", "status")
    } == {
        "item-name": "Mug",
        "seller-sku": "MUG",
        "asin1": "B01",
        "price": "9.50",
        "quantity": "3",
        "status": "Active",
    }
    assert mug["open-date"] == "2026-03-02 12:00:00 PST"
    assert len({row["listing-id"] for row in (mug, bowl, cup)}) == 3
    assert (bowl["quantity"], bowl["status"], bowl["price"]) == ("0", "Inactive", "")
    assert (cup["fulfillment-channel"], cup["quantity"], cup["status"]) == ("AMAZON_NA", "", "Active")


def test_the_open_listings_report_has_the_skus_on_offer():
    shop = Shop()
    patches = [{"op": "delete", "path": "/attributes/fulfillment_availability"}]
    body = {"productType": "HOME", "patches": patches}
    path = f"/listings/2021-08-01/items/{SELLER}/BOWL"
    shop.ask("PATCH", path, params={"marketplaceIds": MARKET}, json=body)
    shop.advance(seconds=20)
    (row,) = rows_of(shop, OPEN_LISTINGS)
    assert (row["sku"], row["price"], row["quantity"], row["Quantity Price 5"]) == ("MUG", "9.50", "10", "")


def test_quotes_stand_for_themselves_and_no_value_breaks_the_table():
    title = '10" pan,\tso-called "best"\nof all'
    shop = Shop(listings=[{"sku": '"MUG', "title": title, "quantity": 1}, {"sku": "BOWL"}])
    mug, bowl = rows_of(shop)
    assert (mug["item-name"], mug["seller-sku"]) == ('10" pan, so-called "best" of all', '"MUG')
    assert bowl["seller-sku"] == "BOWL"


@pytest.mark.parametrize(
    ("charset", "encoding", "told"),
    [
        ("UTF-8", "utf-8", "Blåbærkopp ☕"),
        ("Cp1252", "windows-1252", "Blåbærkopp ?"),
        ("windows-1252", "windows-1252", "Blåbærkopp ?"),
    ],
)
def test_a_table_comes_in_the_character_set_it_names(charset, encoding, told):
    shop = Shop(listings=[{"sku": "MUG", "title": "Blåbærkopp ☕"}], report_charset=charset)
    answer = fetch(shop, finished(shop))
    assert answer.headers["content-type"] == f"text/plain; charset={charset}"
    assert told in gzip.decompress(answer.content).decode(encoding)


def sold_shop():
    history = [
        {
            "order_id": f"111-0000000-000000{n}",
            "created_at": f"2026-02-2{n}T10:00:00Z",
            "status": status,
            "items": [{"sku": "MUG", "quantity": 2}],
        }
        for n, status in ((3, "shipped"), (4, "cancelled"), (5, "unshipped"))
    ]
    shop = Shop(orders=history)
    two = [{"sku": "MUG", "quantity": 1}, {"sku": "BOWL", "quantity": 1, "price": "3"}]
    wishes = [
        {"order_id": "111-0000000-0000006", "items": two, "programs": ["AMAZON_BUSINESS"]},
        {"order_id": "111-0000000-0000007", "items": [{"sku": "MUG", "quantity": 1}], "pending_seconds": 9e5},
    ]
    shop.control("orders", {"place": wishes})
    ship = {"order_id": "111-0000000-0000006", "items": [{"sku": "MUG", "quantity": 1}]}
    shop.control("orders", {"ship": [ship]})
    return shop


def test_the_orders_report_has_a_row_for_every_item():
    rows = rows_of(sold_shop(), ORDERS, dataStartTime=LONG_AGO)
    told = [
        (row["amazon-order-id"][-1], row["order-status"], row["item-status"], row["sku"], row["item-price"])
        for row in rows
    ]
    assert sorted(told) == [
        ("3", "Shipped", "Shipped", "MUG", "19.00"),
        ("4", "Cancelled", "Cancelled", "MUG", "19.00"),
        ("5", "Unshipped", "Unshipped", "MUG", "19.00"),
        ("6", "PartiallyShipped", "Shipped", "MUG", "9.50"),
        ("6", "PartiallyShipped", "Unshipped", "BOWL", "3.00"),
        ("7", "Pending", "Pending", "MUG", ""),
    ]
    row = next(row for row in rows if row["amazon-order-id"].endswith("6"))
    assert (row["purchase-date"], row["sales-channel"]) == ("2026-03-02T20:00:00+00:00", "Amazon.com")
    assert (row["fulfillment-channel"], row["is-business-order"]) == ("Merchant", "true")


def test_the_orders_report_tells_nothing_about_the_buyer():
    rows = rows_of(sold_shop(), ORDERS, dataStartTime=LONG_AGO)
    private = ("ship-city", "ship-state", "ship-postal-code", "ship-country", "purchase-order-number")
    assert all(row[name] == "" for row in rows for name in private)


def test_the_orders_report_goes_by_the_last_update_both_ends_included():
    shop = sold_shop()
    shop.control("orders", {"raw": [{"orderId": "R", "lastUpdatedTime": "2026-02-01T00:00:00Z"}]})

    def ids(since, until):
        return {
            row["amazon-order-id"][-1]
            for row in rows_of(shop, ORDERS, dataStartTime=since, dataEndTime=until)
        }

    cancelled_at = "2026-02-24T11:00:00Z"
    assert ids(cancelled_at, cancelled_at) == {"4"}
    assert ids("2026-02-25T10:00:00Z", "2026-03-02T20:00:00Z") == {"3", "5", "6", "7"}


def test_an_odd_raw_order_does_not_break_the_report():
    shop = Shop()
    items = [
        {"quantityOrdered": "two", "product": {"sellerSku": "X", "price": {"unitPrice": {"amount": []}}}},
        7,
    ]
    raw = {"orderId": "R", "createdTime": "soon", "programs": 3, "orderItems": items, "fulfillment": []}
    shop.control("orders", {"raw": [raw, {"orderId": "S", "orderItems": "none"}]})
    (row,) = rows_of(shop, ORDERS, dataStartTime=LONG_AGO)
    assert (row["sku"], row["quantity"], row["item-price"]) == ("X", "two", "")


# --- documents that fail


def test_a_cut_compression_has_the_right_length_and_no_end():
    shop = Shop()
    report = finished(shop)
    shop.control("faults", {"operation": "downloadDocument", "gzip": "cut"})
    answer = fetch(shop, report)
    assert (answer.status_code, len(answer.content)) == (200, int(answer.headers["content-length"]))
    with pytest.raises(EOFError):
        gzip.decompress(answer.content)
    assert not zlib.decompressobj(31).decompress(answer.content).endswith(b"\r\n")
    assert "seller-sku" in gzip.decompress(fetch(shop, report).content).decode()
    faults = [one["fault"] for one in shop.ask("GET", "/_emulator/requests").json()["requests"]]
    assert [fault for fault in faults if fault] == ["gzip-cut"]


@pytest.mark.parametrize("compression", ["GZIP", "none"])
def test_a_wrong_charset_says_utf_8_and_is_not(compression):
    shop = Shop(listings=[{"sku": "MUG", "title": "Blåbærkopp"}], document_compression=compression)
    report = finished(shop)
    shop.control("faults", {"operation": "downloadDocument", "charset": "wrong"})
    answer = fetch(shop, report)
    content = gzip.decompress(answer.content) if compression == "GZIP" else answer.content
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    assert "Blåbærkopp" in content.decode("windows-1252")


@pytest.mark.parametrize("trouble", [{"gzip": "cut"}, {"charset": "wrong"}])
def test_troubles_of_documents_leave_everything_else_alone(trouble):
    shop = Shop(document_compression="none")
    report = finished(shop)
    shop.control("faults", trouble | {"forever": True})
    content = fetch(shop, report).content
    shop.control("faults", {"clear": True})
    assert content == fetch(shop, report).content


def test_a_download_can_break_off_half_way():
    shop = Shop()
    report = finished(shop)
    shop.control("faults", {"operation": "downloadDocument", "cut": True})
    with running(shop.world) as base:
        path = f"{base}{DOCUMENTS}/{report['reportDocumentId']}"
        url = httpx.get(path, headers=shop.headers).json()["url"]
        with pytest.raises(httpx.TransportError):
            httpx.get(url)
        assert b"seller-sku" in gzip.decompress(httpx.get(url).content)


def test_a_download_address_that_has_expired_can_be_had_anew():
    shop = Shop()
    report = finished(shop)
    path = f"{DOCUMENTS}/{report['reportDocumentId']}"
    url = shop.ask("GET", path).json()["url"]
    shop.advance(minutes=5)
    assert shop.ask("GET", url, headers={}).status_code == 403
    assert fetch(shop, report).status_code == 200


def test_a_report_is_no_feed_document():
    shop = Shop()
    document_id = finished(shop)["reportDocumentId"]
    assert shop.ask("GET", f"/feeds/2021-06-30/documents/{document_id}").status_code == 404
    body = {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": [MARKET], "inputFeedDocumentId": document_id}
    assert shop.ask("POST", "/feeds/2021-06-30/feeds", json=body).status_code == 400


def test_a_document_can_be_lost_like_any_other_answer():
    shop = Shop()
    report = finished(shop)
    shop.control("faults", {"operation": "downloadDocument", "status": 503, "body": "html"})
    assert fetch(shop, report).status_code == 503
    assert fetch(shop, report).status_code == 200


@pytest.mark.parametrize(
    ("scenario", "place"),
    [
        ({"report_charset": "klingon"}, "report_charset"),
        ({"performance_spelling": "odd"}, "performance_spelling"),
        ({"document_compression": "zip"}, "document_compression"),
        ({"account_status": "FINE"}, "account_status"),
        ({"feed_seconds": -1}, "feed_seconds"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused_with_its_place(scenario, place):
    with pytest.raises(ScenarioError) as caught:
        load_scenario(scenario)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [place]
