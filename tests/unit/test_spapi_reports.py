"""Reports: ordered once, waited for, fetched, and what their tables and figures mean."""

import contextlib
import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.adapters.spapi.flat_files import read_listings, read_order_lines
from fbm_sync.adapters.spapi.jobs import JobState
from fbm_sync.adapters.spapi.performance import read_performance
from fbm_sync.adapters.spapi.reading import NotUnderstood
from fbm_sync.adapters.spapi.reports import ReportKind, failure_reason
from fbm_sync.domain.listing import ReportedListing
from fbm_sync.domain.order import Fulfiller, ReportedOrderLine, lines_by_order
from fbm_sync.domain.performance import AccountStatus, MarketplacePerformance, ReportedMetric
from fbm_sync.errors import ReportCancelled, RequestRejected, Unavailable, UnexpectedPayload
from fbm_sync.ports import ListingReport, OrderReport, Unreadable

from amazon_models import model
from misbehaving import CA, START, US, Reply, VirtualClock, account_at, misbehaving_amazon

REPORTS = "/reports/2021-06-30/reports"
DOCUMENTS = "/reports/2021-06-30/documents"
UTF8 = {"content-type": "text/plain; charset=UTF-8"}
SINCE, UNTIL = START - timedelta(days=2), START - timedelta(hours=1)


def table(*rows, end="\r\n"):
    return "".join("\t".join(row) + end for row in rows)


# --- tables of listings -------------------------------------------------------------------------------

LISTINGS_HEADINGS = (
    "item-name",
    "listing-id",
    "seller-sku",
    "price",
    "quantity",
    "fulfillment-channel",
    "status",
)
OPEN_HEADINGS = ("sku", "asin", "price", "quantity", "Business Price")


def listing(sku, quantity, status=None, channel=None):
    return ReportedListing(
        account="main", sku=sku, marketplace=US, quantity=quantity, status=status, channel=channel
    )


def test_every_listing_is_reported_with_its_status_and_channel():
    content = table(
        LISTINGS_HEADINGS,
        ("Mug, blue", "0101", "MUG", "9.50", "12", "DEFAULT", "Active"),
        ("Apron", "0102", "a b/c #é", "9.50", "0", "DEFAULT", "Inactive"),
        ("Kettle", "0103", "KETTLE", "9.50", "", "AMAZON_NA", "Active"),
    )
    assert read_listings(content, "main", US) == ListingReport(
        listings=(
            listing("MUG", 12, "Active", "DEFAULT"),
            listing("a b/c #é", 0, "Inactive", "DEFAULT"),
            listing("KETTLE", None, "Active", "AMAZON_NA"),
        )
    )


def test_the_report_on_open_listings_says_less_and_is_read_alike():
    content = table(OPEN_HEADINGS, ("MUG", "B01", "9.50", "12", ""), end="\n")
    assert read_listings(content, "main", US).listings == (listing("MUG", 12),)


def test_columns_may_stand_anywhere_and_be_spelt_with_blanks():
    content = table(("Status", "QUANTITY", "new-column", " Seller SKU "), ("Active", "3", "?", " MUG "))
    assert read_listings(content, "main", US).listings == (listing("MUG", 3, "Active"),)


def test_a_quotation_mark_in_a_title_is_a_quotation_mark():
    content = table(
        LISTINGS_HEADINGS,
        ('Plate 6"', "1", "PLATE", "9", "4", "DEFAULT", "Active"),
        ('"Best" mug', "2", "MUG", "9", "5", "DEFAULT", "Active"),
        ('6" pipe', "3", 'PIPE 6"', "9", "6", "DEFAULT", "Active"),
    )
    found = read_listings(content, "main", US)
    assert [(one.sku, one.quantity) for one in found.listings] == [("PLATE", 4), ("MUG", 5), ('PIPE 6"', 6)]


@pytest.mark.parametrize("oddity", ["\r", "\x0b", "\x0c", "\x85", "\u2028", "\x1c"])
def test_only_a_line_break_ends_a_row(oddity):
    content = table(LISTINGS_HEADINGS, (f"Mug{oddity}blue", "1", "MUG", "9", "4", "DEFAULT", "Active"))
    assert [one.sku for one in read_listings(content, "main", US).listings] == ["MUG"]


def test_a_row_broken_by_a_title_is_set_aside_and_never_misread():
    content = table(("seller-sku", "item-name", "quantity", "status"))
    content += "MUG\tBlue\nmug\t4\tActive\n\nBOWL\tBowl\t5\tActive\t\t\nCUP\tCup\t6\tActive\tmore\n"
    found = read_listings(content, "main", US)
    assert [(one.sku, one.quantity) for one in found.listings] == [("BOWL", 5)]
    assert found.unreadable == (
        Unreadable(subject="line 2", reason="2 cells where the headings are 4"),
        Unreadable(subject="line 3", reason="3 cells where the headings are 4"),
        Unreadable(subject="line 6", reason="5 cells where the headings are 4"),
    )


@pytest.mark.parametrize("quantity", ["-1", "4.5", "many", "9" * 5000, "2147483648", "٣", "1e3"])
def test_an_absurd_quantity_sets_its_row_aside(quantity):
    content = table(("sku", "quantity"), ("MUG", quantity), ("BOWL", "1"), ("", "2"))
    found = read_listings(content, "main", US)
    assert [one.sku for one in found.listings] == ["BOWL"]
    assert found.unreadable == (
        Unreadable(subject="MUG", reason="quantity is not a usable whole number"),
        Unreadable(subject="line 4", reason="sku is missing or unusable"),
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no column seller-sku or sku, no column quantity"),
        ("\r\n \r\n", "no column seller-sku or sku, no column quantity"),
        (table(("出品者SKU", "quantity")), "no column seller-sku or sku$"),
        (table(("sku", "price")), "no column quantity$"),
        (table(("sku", "quantity", "Quantity")), "more than one column quantity"),
    ],
)
def test_a_table_without_its_columns_is_not_read(content, words):
    with pytest.raises(NotUnderstood, match=words):
        read_listings(content, "main", US)


def test_headings_without_rows_are_no_listings():
    assert read_listings(table(LISTINGS_HEADINGS), "main", US) == ListingReport(listings=())


# --- tables of orders ---------------------------------------------------------------------------------

ORDER_HEADINGS = (
    *("amazon-order-id", "purchase-date", "last-updated-date", "order-status", "fulfillment-channel"),
    *("sales-channel", "sku", "item-status", "quantity", "ship-city", "ship-postal-code", "buyer-name"),
)
BUYER = ("Springfield", "12345", "Jane Roe")
TIMES = ("2026-03-01T10:00:00+00:00", "2026-03-01T14:30:00+02:00")
LINE = ("111-1", *TIMES, "Shipped", "Merchant", "Amazon.com", "MUG", "Shipped", "2", *BUYER)


def order_line(**wanted):
    values = {
        "account": "main",
        "order_id": "111-1",
        "sku": "MUG",
        "created_at": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "updated_at": datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
        "status_text": "Shipped",
        "item_status_text": "Shipped",
        "units": 2,
        "fulfilled_by": Fulfiller.MERCHANT,
        "sales_channel": "Amazon.com",
    }
    return ReportedOrderLine(**values | wanted)


def test_an_order_has_a_row_for_each_line_and_none_is_taken_for_a_copy():
    other = ("222-2", *TIMES, "Pending", "Amazon", "", "CUP", "", "", *BUYER)
    content = table(ORDER_HEADINGS, LINE, other, LINE, (*LINE[:6], "BOWL", *LINE[7:]))
    found = read_order_lines(content, "main")
    assert found.unreadable == ()
    assert lines_by_order(found.lines) == {
        "111-1": (order_line(), order_line(), order_line(sku="BOWL")),
        "222-2": (
            order_line(
                order_id="222-2",
                sku="CUP",
                status_text="Pending",
                item_status_text=None,
                units=None,
                fulfilled_by=Fulfiller.AMAZON,
                sales_channel=None,
            ),
        ),
    }


def test_not_a_word_about_the_buyer_leaves_the_table():
    spoilt = (*LINE[:1], "yesterday", *LINE[2:])
    short = (*LINE[:3], *BUYER)
    found = repr(read_order_lines(table(ORDER_HEADINGS, LINE, spoilt, short), "main"))
    assert not any(word in found for word in BUYER)


def test_columns_that_are_not_needed_may_be_missing():
    needed = [0, 1, 2, 3, 6, 8]
    content = table([ORDER_HEADINGS[place] for place in needed], [LINE[place] for place in needed])
    (line,) = read_order_lines(content, "main").lines
    assert line == order_line(item_status_text=None, fulfilled_by=Fulfiller.UNKNOWN, sales_channel=None)


@pytest.mark.parametrize(
    ("place", "value", "subject", "reason"),
    [
        (0, "", "line 2", "amazon-order-id is missing"),
        (1, "", "111-1", "purchase-date is missing"),
        (2, "01/03/2026", "111-1", "last-updated-date is missing or not a date"),
        (3, "", "111-1", "order-status is missing"),
        (6, "", "111-1", "sku is missing"),
        (8, "-2", "111-1", "quantity is not"),
    ],
)
def test_a_line_that_makes_no_sense_is_set_aside_by_its_order(place, value, subject, reason):
    row = [value if place == number else cell for number, cell in enumerate(LINE)]
    found = read_order_lines(table(ORDER_HEADINGS, row, LINE), "main")
    assert found.lines == (order_line(),)
    (unreadable,) = found.unreadable
    assert unreadable.subject == subject
    assert unreadable.reason.startswith(reason)


def test_an_order_table_without_its_columns_names_all_that_are_missing():
    with pytest.raises(NotUnderstood) as caught:
        read_order_lines(table(("order-id", "sku", "quantity", "order-status")), "main")
    assert str(caught.value) == (
        "the table has no column amazon-order-id, no column purchase-date, no column last-updated-date"
    )


@given(st.text(alphabet=st.sampled_from("ab\t\r\n\"'1 é\x00"), max_size=200))
def test_whatever_stands_in_a_table_each_row_is_read_or_set_aside(rows):
    content = table(("sku", "quantity"), end="\n") + rows
    found = read_listings(content, "main", US)
    filled = [line for line in rows.split("\n") if line.strip()]
    assert len(found.listings) + len(found.unreadable) == len(filled)


# --- Amazon's verdict ---------------------------------------------------------------------------------


def rate_metric(verdict="GOOD", **more):
    window = {"reportingDateFrom": "2026-02-01T00:00Z", "reportingDateTo": "2026-03-01T23:59Z"}
    judged = {"status": verdict, "rate": 0.032, "targetValue": 0.04, "targetCondition": "LESS_THAN"}
    return {"reportingDateRange": window} | judged | more


def reported(name, numerator, denominator, **more):
    values = {
        "name": name,
        "verdict": "GOOD",
        "since": datetime(2026, 2, 1, tzinfo=UTC),
        "until": datetime(2026, 3, 1, 23, 59, tzinfo=UTC),
        "rate": Decimal("0.032"),
        "target": Decimal("0.04"),
        "condition": "LESS_THAN",
        "numerator": numerator,
        "denominator": denominator,
    }
    return ReportedMetric(**values | more)


def verdict(metrics=None, statuses=None):
    statuses = [{"marketplaceId": US, "status": "NORMAL"}] if statuses is None else statuses
    report = {
        "accountStatuses": statuses,
        "performanceMetrics": [{"marketplaceId": US} | (metrics or {})],
    }
    return read_performance(json.dumps(report), "main").marketplaces


@pytest.mark.parametrize(
    ("key", "figures", "name", "numerator", "denominator"),
    [
        ("lateShipmentRate", {"orderCount": 1000, "lateShipmentCount": 32}, "LSR", 32, 1000),
        ("preFulfillmentCancellationRate", {"orderCount": 9, "cancellationCount": 1}, "CR", 1, 9),
        ("prefulfillmentCancelRate", {"orderCount": 9, "cancellationCount": 1}, "CR", 1, 9),
        ("validTrackingRate", {"shipmentCount": 9, "validTrackingCount": 8}, "VTR", 8, 9),
        (
            "onTimeDeliveryRate",
            {"shipmentCountWithValidTracking": 9.0, "onTimeDeliveryCount": 8},
            "OTDR",
            8,
            9,
        ),
        (
            "unitOnTimeDeliveryRate",
            {"unitOnTimeDeliveryCount": 8, "totalUnitCount": 9},
            "unitOnTimeDeliveryRate",
            8,
            9,
        ),
        (
            "invoiceDefectRate",
            {"orderCount": 9, "invoiceDefect": {"count": 2, "status": "GOOD"}},
            "invoiceDefectRate",
            2,
            9,
        ),
        ("rateOfTomorrow", {"orderCount": 9}, "rateOfTomorrow", None, None),
    ],
)
def test_each_measure_keeps_amazons_window_figures_target_and_verdict(
    key, figures, name, numerator, denominator
):
    (market,) = verdict({key: rate_metric(**figures)})
    assert market.metrics == (reported(name, numerator, denominator),)
    assert market.metric(name) is market.metrics[0]
    assert market.metric("other") is None


def test_orders_with_defects_are_told_for_each_who_fulfils():
    defects = rate_metric(
        orderCount=100, orderWithDefects={"count": 3, "status": "BAD"}, fulfillmentType="mfn"
    )
    (market,) = verdict({"orderDefectRate": {"mfn": defects, "afn": defects | {"orderCount": 7}}})
    assert market.metrics == (reported("ODR", 3, 100), reported("ODR afn", 3, 7))
    (market,) = verdict({"orderDefectRate": {"mfn": defects}})
    assert [metric.name for metric in market.metrics] == ["ODR"]


@pytest.mark.parametrize("key", ["documentRequests", "documentRequest"])
def test_what_is_only_counted_has_a_number_and_no_rate(key):
    counted = {"defectsCount": 8, "status": "BAD", "targetValue": 0, "targetCondition": "EQUALS"}
    (market,) = verdict({key: counted})
    (metric,) = market.metrics
    assert metric == ReportedMetric(
        name="documentRequests", verdict="BAD", target=Decimal(0), condition="EQUALS", numerator=8
    )


@pytest.mark.parametrize("value", [None, True, "0.03", [], {}, float("nan"), -1, 0.5, 1e300])
def test_a_figure_that_is_no_number_is_left_out(value):
    (market,) = verdict({"lateShipmentRate": rate_metric(lateShipmentCount=value, orderCount=9)})
    assert market.metrics == (reported("LSR", None, 9),)


@pytest.mark.parametrize("value", [None, True, "0.03", float("inf")])
def test_a_rate_that_is_no_number_is_left_out(value):
    (market,) = verdict({"lateShipmentRate": rate_metric(rate=value, lateShipmentCount=1, orderCount=9)})
    assert market.metrics == (reported("LSR", 1, 9, rate=None),)


@pytest.mark.parametrize(
    ("word", "status", "kept"),
    [
        ("NORMAL", AccountStatus.NORMAL, ""),
        ("AT_RISK", AccountStatus.AT_RISK, ""),
        ("DEACTIVATED", AccountStatus.DEACTIVATED, ""),
        ("SUSPENDED", AccountStatus.DEACTIVATED, ""),
        ("ON_HOLIDAY", AccountStatus.UNKNOWN, "ON_HOLIDAY"),
        (None, AccountStatus.UNKNOWN, ""),
    ],
)
def test_the_account_stands_as_amazon_says_in_either_spelling(word, status, kept):
    (market,) = verdict(statuses=[{"marketplaceId": US, "status": word}])
    assert (market.status, market.status_text) == (status, kept)


def test_marketplaces_are_joined_wherever_they_are_named():
    statuses = [{"marketplaceId": CA, "status": "AT_RISK"}, {"status": "NORMAL"}, "?"]
    assert verdict(statuses=statuses) == (
        MarketplacePerformance(marketplace=CA, status=AccountStatus.AT_RISK),
        MarketplacePerformance(marketplace=US, status=AccountStatus.UNKNOWN),
    )


@pytest.mark.parametrize("spelling", ["warningStates", "warningState"])
@pytest.mark.parametrize("rating", ["accountHealthRatingStatus", "ahrStatus"])
def test_warnings_and_the_rating_are_read_in_either_spelling(spelling, rating):
    states = [
        {"warningType": "spammingSellerMessaging", "status": "BAD"},
        {"warningType": "other", "status": "GOOD"},
        {"status": "BAD"},
    ]
    (market,) = verdict({spelling: states, "accountHealthRating": {rating: "WARNED"}})
    assert (market.warnings, market.rating) == (("spammingSellerMessaging",), "WARNED")
    assert market.metrics == ()


def test_amazons_own_example_is_understood_in_full():
    (example,) = model("accountHealthReport-2020-11-18.json")["examples"]
    us, ca, other = read_performance(json.dumps(example), "main").marketplaces
    assert [one.status.value for one in (us, ca, other)] == ["AT_RISK", "NORMAL", "DEACTIVATED"]
    late = us.metric("LSR")
    assert (late.numerator, late.denominator, late.rate) == (27896, 870669, Decimal("0.03203973037"))
    assert (late.target, late.condition, late.verdict) == (Decimal("0.04"), "LESS_THAN", "GOOD")
    assert (late.since.date().isoformat(), late.until.date().isoformat()) == ("2020-10-21", "2020-11-19")
    named = {metric.name for metric in us.metrics}
    assert {"LSR", "CR", "VTR", "OTDR", "ODR", "ODR afn", "documentRequests"} < named
    figures = set(example["performanceMetrics"][0])
    assert len(named) == len(figures - {"marketplaceId", "accountHealthRating", "warningState"}) + 1
    assert all(metric.numerator is not None and metric.verdict for metric in us.metrics)
    assert us.warnings == ("spammingSellerMessaging",)
    assert us.rating == "WARNED"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not JSON"),
        ("<html>", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a": 1e99999999999999999999}', "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no accountStatuses and no performanceMetrics"),
        ('{"accountStatuses": {}, "performanceMetrics": []}', "no accountStatuses$"),
    ],
)
def test_what_is_no_performance_report_is_not_read(content, words):
    with pytest.raises(NotUnderstood, match=words):
        read_performance(content, "main")


# --- ordering, waiting, fetching ----------------------------------------------------------------------


@pytest.fixture
def amazon():
    with misbehaving_amazon() as amazon:
        amazon.answer_at("POST", REPORTS, Reply(status=202, body={"reportId": "R1"}))
        amazon.answer_at("GET", f"{REPORTS}/R1", stands("IN_QUEUE"), stands("DONE", reportDocumentId="d1"))
        amazon.answer_at("GET", REPORTS, Reply(body={"reports": []}))
        address = {"reportDocumentId": "d1", "url": f"{amazon.url}/get/1", "compressionAlgorithm": "GZIP"}
        amazon.answer_at("GET", f"{DOCUMENTS}/d1", Reply(body=address))
        yield amazon


def stands(status, **more):
    body = {"reportId": "R1", "reportType": ReportKind.SELLER_PERFORMANCE.value, "processingStatus": status}
    return Reply(body=body | more)


@pytest.fixture
def document(amazon):
    def document(text):
        amazon.answer_at("GET", "/get/1", Reply(body=gzip.compress(text.encode()), headers=UTF8))

    return document


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def connect(amazon, clock):
    with contextlib.ExitStack() as stack:

        def connect(*marketplaces):
            return stack.enter_context(account_at(amazon, clock, marketplaces)).reports

        yield connect


@pytest.fixture
def reports(connect):
    return connect(US, CA)


def orders_sent(amazon):
    return [json.loads(seen.body) for seen in amazon.asked_at("POST", REPORTS)]


def test_all_listings_are_read_marketplace_by_marketplace(amazon, document, reports):
    document(table(LISTINGS_HEADINGS, ("Mug", "1", "MUG", "9", "4", "DEFAULT", "Active"), ("torn",)))
    found = reports.merchant_listings()
    assert [(one.sku, one.marketplace, one.quantity) for one in found.listings] == [
        ("MUG", US, 4),
        ("MUG", CA, 4),
    ]
    assert len(found.unreadable) == 2
    assert orders_sent(amazon) == [
        {"reportType": "GET_MERCHANT_LISTINGS_ALL_DATA", "marketplaceIds": [US]},
        {"reportType": "GET_MERCHANT_LISTINGS_ALL_DATA", "marketplaceIds": [CA]},
    ]


def test_open_listings_are_asked_for_in_english(amazon, document, connect):
    document(table(OPEN_HEADINGS, ("MUG", "B01", "9.50", "12", "")))
    assert [one.quantity for one in connect(US).open_listings().listings] == [12]
    assert orders_sent(amazon) == [
        {
            "reportType": "GET_FLAT_FILE_OPEN_LISTINGS_DATA",
            "marketplaceIds": [US],
            "reportOptions": {"preferredReportDocumentLocale": "en_US"},
        }
    ]


def test_orders_are_read_by_their_last_update_in_all_marketplaces_at_once(amazon, document, reports):
    document(table(ORDER_HEADINGS, LINE))
    assert reports.orders_by_last_update(SINCE, UNTIL) == OrderReport(lines=(order_line(),))
    assert orders_sent(amazon) == [
        {
            "reportType": "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL",
            "marketplaceIds": [US, CA],
            "dataStartTime": "2026-02-28T09:00:00Z",
            "dataEndTime": "2026-03-02T08:00:00Z",
        }
    ]


def test_amazons_verdict_is_read(document, reports):
    document(
        json.dumps({"accountStatuses": [{"marketplaceId": US, "status": "NORMAL"}], "performanceMetrics": []})
    )
    found = reports.seller_performance()
    assert found.account == "main"
    assert found.marketplaces == (MarketplacePerformance(marketplace=US, status=AccountStatus.NORMAL),)


def test_a_report_of_other_content_than_promised_is_not_understood(document, reports):
    document("sku\tprice\n")
    with pytest.raises(UnexpectedPayload, match="GET_V2_SELLER_PERFORMANCE_REPORT: the report is not JSON"):
        reports.seller_performance()


def test_any_report_can_be_ordered_and_fetched_step_by_step(amazon, clock, document, reports):
    document("Über alles")
    report_id = reports.order(ReportKind.ALL_LISTINGS, SINCE, UNTIL, marketplaces=[CA])
    assert report_id == "R1"
    assert orders_sent(amazon)[0]["marketplaceIds"] == [CA]
    assert reports.state(report_id) is JobState.IN_QUEUE
    assert reports.wait(report_id) is JobState.DONE
    assert reports.text(report_id) == "Über alles"
    assert clock.elapsed == 0


def test_the_word_that_a_report_is_finished_ends_the_wait_at_once(amazon, clock, reports):
    sleep = clock.sleep

    def sleep_and_hear(seconds):
        sleep(seconds)
        reports.finished("R1")

    clock.sleep = sleep_and_hear
    assert reports.wait("R1") is JobState.DONE
    assert clock.elapsed == 1


# --- trouble with reports -----------------------------------------------------------------------------


def in_list(report_id, seconds=0, kind=ReportKind.ORDERS_BY_LAST_UPDATE, **more):
    facts = {
        "reportId": report_id,
        "reportType": kind.value,
        "createdTime": (START + timedelta(seconds=seconds)).isoformat(),
        "marketplaceIds": [CA, US],
        "dataStartTime": "2026-02-28T09:00:00+00:00",
        "dataEndTime": "2026-03-02T08:00:00.400+00:00",
        "processingStatus": "IN_QUEUE",
    }
    return facts | more


OTHERS = [
    in_list("other kind", 9, ReportKind.ALL_LISTINGS),
    in_list("other place", 9, marketplaceIds=[US]),
    in_list("other beginning", 9, dataStartTime="2026-02-27T09:00:00Z"),
    in_list("other end", 9, dataEndTime="2026-03-02T07:59:58Z"),
    in_list("long ago", -1000),
    in_list("no date", createdTime=None),
    in_list(None, 9),
]


@pytest.mark.parametrize("lost", [Reply(reset=True), Reply(status=503), Reply(status=202, body={})])
def test_a_report_whose_answer_was_lost_is_found_again_and_not_ordered_twice(amazon, reports, lost):
    amazon.answer_at("POST", REPORTS, lost)
    found = [in_list("R8", -60), in_list("R9", 1), in_list("R7", -90), *OTHERS]
    amazon.answer_at("GET", REPORTS, Reply(body={"reports": found}))
    assert reports.order(ReportKind.ORDERS_BY_LAST_UPDATE, SINCE, UNTIL) == "R9"
    assert len(orders_sent(amazon)) == 1
    (look,) = amazon.asked_at("GET", REPORTS)
    assert dict(look.query) == {
        "reportTypes": "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_LAST_UPDATE_GENERAL",
        "createdSince": "2026-03-02T08:45:05Z",
        "pageSize": "100",
    }


def test_bounds_that_amazon_does_not_state_are_not_compared(amazon, reports):
    amazon.answer_at("POST", REPORTS, Reply(reset=True))
    bare = in_list("R9", 1, dataStartTime=None, dataEndTime=None, marketplaceIds=None)
    amazon.answer_at("GET", REPORTS, Reply(body={"reports": [bare]}))
    assert reports.order(ReportKind.ORDERS_BY_LAST_UPDATE, SINCE, UNTIL) == "R9"


def test_a_report_that_was_never_ordered_is_ordered_again(amazon, reports):
    amazon.answer_at("POST", REPORTS, Reply(reset=True), Reply(status=202, body={"reportId": "R2"}))
    amazon.answer_at("GET", REPORTS, Reply(body={"reports": OTHERS}))
    assert reports.order(ReportKind.ORDERS_BY_LAST_UPDATE, SINCE, UNTIL) == "R2"
    assert len(orders_sent(amazon)) == 2


def test_a_report_that_is_late_is_waited_for_by_the_next_call_and_not_ordered_again(
    amazon, document, reports
):
    document(json.dumps({"accountStatuses": [], "performanceMetrics": []}))
    amazon.answer_at("GET", f"{REPORTS}/R1", stands("IN_PROGRESS"))
    with pytest.raises(Unavailable, match=r"not finished yet.*next run goes on waiting"):
        reports.seller_performance(patience_seconds=60)
    amazon.answer_at("GET", f"{REPORTS}/R1", stands("DONE", reportDocumentId="d1"))
    reports.seller_performance()
    assert len(orders_sent(amazon)) == 1
    reports.seller_performance()
    assert len(orders_sent(amazon)) == 2


def test_another_range_of_orders_is_another_report(amazon, document, reports):
    document(table(ORDER_HEADINGS))
    amazon.answer_at("GET", f"{REPORTS}/R1", stands("IN_PROGRESS"))
    with pytest.raises(Unavailable):
        reports.orders_by_last_update(SINCE, UNTIL, patience_seconds=0)
    amazon.answer_at("GET", f"{REPORTS}/R1", stands("DONE", reportDocumentId="d1"))
    reports.orders_by_last_update(SINCE, UNTIL + timedelta(minutes=1))
    assert len(orders_sent(amazon)) == 2


def test_a_cancelled_report_is_never_read_as_nothing_there(amazon, document, reports):
    amazon.answer_at("GET", f"{REPORTS}/R1", stands("CANCELLED"))
    with pytest.raises(ReportCancelled, match=r"REPORT was cancelled.*Nothing is concluded") as caught:
        reports.seller_performance()
    assert caught.value.operation == "getReport"
    # The next call orders anew.
    document(json.dumps({"accountStatuses": [], "performanceMetrics": []}))
    amazon.answer_at("GET", f"{REPORTS}/R1", stands("DONE", reportDocumentId="d1"))
    reports.seller_performance()
    assert len(orders_sent(amazon)) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"errorDetails": "Marketplace is not supported."}', "Marketplace is not supported"),
        ('{"errors": [{"code": "4", "message": "Too long."}]}', "4: Too long"),
        ("The range is too long.\n", "The range is too long"),
        ("order\tname\n1\tJane Roe\n", ""),
        ("one\ntwo", ""),
        ("111-1\tJane Roe", ""),
        ("[1]", ""),
        ("{}", ""),
        ("[" * 100_000, "[" * 300),
        ("", ""),
    ],
)
def test_the_document_of_a_failed_report_tells_why_if_it_does(content, reason):
    assert failure_reason(content) == reason


def test_a_failed_report_carries_amazons_reason(amazon, document, reports):
    document('{"errorDetails": "The range is too long."}')
    amazon.answer_at("GET", f"{REPORTS}/R1", stands("FATAL", reportDocumentId="d1"))
    with pytest.raises(RequestRejected, match="failed at Amazon: The range is too long"):
        reports.seller_performance()


@pytest.mark.parametrize("more", [{}, {"reportDocumentId": "d1"}])
def test_a_report_that_failed_without_a_reason_has_failed_all_the_same(amazon, reports, more):
    amazon.answer_at("GET", f"{REPORTS}/R1", stands("FATAL", **more))
    amazon.answer_at("GET", f"{DOCUMENTS}/d1", Reply(status=404, body={"errors": []}))
    with pytest.raises(RequestRejected, match="no reason given"):
        reports.seller_performance()


def test_a_report_that_is_done_without_a_document_is_not_understood(amazon, reports):
    amazon.answer_at("GET", f"{REPORTS}/R1", Reply(body={"reportId": "R1", "processingStatus": "DONE"}))
    with pytest.raises(UnexpectedPayload, match="the report is done without a document"):
        reports.text("R1")


def test_a_document_that_cannot_be_fetched_now_is_fetched_by_the_next_call(amazon, document, reports):
    amazon.answer_at("GET", "/get/1", Reply(status=503))
    with pytest.raises(Unavailable):
        reports.seller_performance()
    document(json.dumps({"accountStatuses": [], "performanceMetrics": []}))
    reports.seller_performance()
    assert len(orders_sent(amazon)) == 1


def test_an_address_that_died_while_we_waited_is_asked_for_anew(amazon, document, reports):
    document("text")
    dead = Reply(status=403, body="<Error><Code>AccessDenied</Code></Error>")
    amazon.answer_at("GET", "/get/1", dead, *amazon.places["GET", "/get/1"])
    reports.wait("R1")
    assert reports.text("R1") == "text"
    assert len(amazon.asked_at("GET", f"{DOCUMENTS}/d1")) == 2
