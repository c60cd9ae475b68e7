"""Feeds of the emulated Amazon: documents at signed addresses, the queue, and what a listings feed does."""

from __future__ import annotations

import gzip
import json
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.emulator import load_scenario, running
from fbm_sync.emulator.jobs.listing_feeds import ListingsFeedProcessor

from amazon_models import faults_of, schema_faults
from emulated import MARKET, NOON, SELLER, Shop

FEEDS = "/feeds/2021-06-30/feeds"
DOCUMENTS = "/feeds/2021-06-30/documents"
MODEL = "feeds_2021-06-30.json"
JSON = "application/json; charset=UTF-8"
LISTINGS = "JSON_LISTINGS_FEED"


def stock(quantity, **fields):
    return [{"fulfillment_channel_code": "DEFAULT", "quantity": quantity} | fields]


def patch(message_id, sku="MUG", quantity=4, op="merge", **fields):
    value = stock(quantity, **fields)
    one = {"op": op, "path": "/attributes/fulfillment_availability", "value": value}
    return {
        "messageId": message_id,
        "sku": sku,
        "operationType": "PATCH",
        "productType": "HOME",
        "patches": [one],
    }


def update(message_id, operation, attributes, sku="MUG", **fields):
    return {
        "messageId": message_id,
        "sku": sku,
        "operationType": operation,
        "productType": "HOME",
        "attributes": attributes,
    } | fields


def feed_of(*messages, **header):
    return {"header": {"sellerId": SELLER, "version": "2.0"} | header, "messages": list(messages)}


def new_document(shop, content_type=JSON):
    answer = shop.ask("POST", DOCUMENTS, json={"contentType": content_type})
    assert answer.status_code == 201, answer.text
    assert faults_of(MODEL, "CreateFeedDocumentResponse", answer.json()) == []
    return answer.json()


def upload(shop, url, content, content_type=JSON):
    """As a client does it: without an access token."""
    return shop.ask("PUT", url, headers={"Content-Type": content_type}, content=content)


def create(shop, document_id, feed_type=LISTINGS, **fields):
    body = {"feedType": feed_type, "marketplaceIds": [MARKET], "inputFeedDocumentId": document_id} | fields
    return shop.ask("POST", FEEDS, json=body)


def submit(shop, content, feed_type=LISTINGS):
    document = new_document(shop)
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    assert upload(shop, document["url"], raw).status_code == 200
    answer = create(shop, document["feedDocumentId"], feed_type)
    assert answer.status_code == 202, answer.text
    return answer.json()["feedId"]


def status(shop, feed_id):
    feed = shop.ask("GET", f"{FEEDS}/{feed_id}").json()
    assert faults_of(MODEL, "Feed", feed) == []
    return feed["processingStatus"]


def report(shop, feed_id):
    feed = shop.ask("GET", f"{FEEDS}/{feed_id}").json()
    document = shop.ask("GET", f"{DOCUMENTS}/{feed['resultFeedDocumentId']}").json()
    assert faults_of(MODEL, "FeedDocument", document) == []
    content = shop.ask("GET", document["url"], headers={}).content
    found = json.loads(gzip.decompress(content))
    assert schema_faults("listings-feed-processing-report-schema-v2.json", found) == []
    return found


def processed(shop, content, feed_type=LISTINGS):
    feed_id = submit(shop, content, feed_type)
    shop.advance(seconds=30)
    return status(shop, feed_id), report(shop, feed_id)


def live(shop, sku="MUG"):
    listing = shop.state()["listings"][sku]
    return listing["live_quantity"], listing["listing_handling_days"], listing["effective_restock_on"]


# --- documents


def test_an_upload_address_takes_the_content_type_it_was_made_for_and_no_other():
    shop = Shop()
    url = new_document(shop, "text/tab-separated-values; charset=UTF-8")["url"]
    refused = upload(shop, url, b"x", "text/plain")
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/xml")
    assert "<Code>SignatureDoesNotMatch</Code>" in refused.text
    assert upload(shop, url, b"x", "text/tab-separated-values; charset=UTF-8").status_code == 200


def test_an_address_works_for_five_minutes():
    shop = Shop()
    url = new_document(shop)["url"]
    shop.advance(minutes=4, seconds=59)
    assert upload(shop, url, b"{}").status_code == 200
    shop.advance(seconds=1)
    expired = upload(shop, url, b"{}")
    assert expired.status_code == 403
    assert "<Message>Request has expired</Message>" in expired.text
    assert "<ServerTime>2026-03-02T20:05:00Z</ServerTime>" in expired.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("X-Amz-Date=20260302T200000Z", "X-Amz-Date=20260302T210000Z"),
        ("X-Amz-Expires=300", "X-Amz-Expires=900"),
        ("X-Amz-Date=2026", "X-Amz-Date=soon"),
        ("tortuga.4.na.", "tortuga.4.na.0"),
    ],
)
def test_an_address_that_was_tampered_with_is_refused(old, new):
    shop = Shop()
    url = new_document(shop)["url"]
    assert old in url
    refused = upload(shop, url.replace(old, new), b"{}")
    assert (refused.status_code, "SignatureDoesNotMatch" in refused.text) == (403, True)


def test_an_address_without_a_signature_opens_nothing():
    shop = Shop()
    path = urlsplit(new_document(shop)["url"]).path
    refused = shop.ask("GET", path)
    assert (refused.status_code, "<Code>AccessDenied</Code>" in refused.text) == (403, True)


def test_an_upload_address_is_no_download_address():
    shop = Shop()
    document = new_document(shop)
    upload(shop, document["url"], b"{}")
    assert shop.ask("GET", document["url"], headers={}).status_code == 403
    found = shop.ask("GET", f"{DOCUMENTS}/{document['feedDocumentId']}").json()
    assert shop.ask("GET", found["url"], headers={}).text == "{}"


def test_addresses_are_on_the_host_the_client_came_to():
    shop = Shop()
    with running(shop.world) as base:
        headers = shop.headers
        made = httpx.post(f"{base}{DOCUMENTS}", headers=headers, json={"contentType": JSON}).json()
        assert made["url"].startswith(f"{base}/documents/")
        assert httpx.put(made["url"], headers={"Content-Type": JSON}, content=b"[]").status_code == 200
        found = httpx.get(f"{base}{DOCUMENTS}/{made['feedDocumentId']}", headers=headers).json()
        assert httpx.get(found["url"]).content == b"[]"


def test_a_document_nobody_made_or_filled_is_not_there():
    shop = Shop()
    empty = new_document(shop)["feedDocumentId"]
    asked = [shop.ask("GET", f"{DOCUMENTS}/{name}") for name in (empty, "amzn1.tortuga.4.na.x", "bad")]
    assert [answer.status_code for answer in asked] == [404, 404, 400]
    assert all(faults_of(MODEL, "ErrorList", answer.json()) == [] for answer in asked)


def test_the_record_of_requests_names_documents_but_never_their_signature():
    shop = Shop(rate_factor=1)
    url = new_document(shop)["url"]
    for _ in range(40):
        upload(shop, url, b"secret stock")
    seen = shop.ask("GET", "/_emulator/requests").json()
    assert seen["counts"]["uploadDocument"] == {"200": 40}
    signature = url.rpartition("=")[2]
    assert signature not in json.dumps(seen)
    assert seen["requests"][-1]["params"]["bytes"] == len(b"secret stock")


@pytest.mark.parametrize(("asked", "encoding"), [("", "identity"), ("true", "gzip"), ("false", "identity")])
def test_a_client_may_have_its_results_decompressed_on_the_way(asked, encoding):
    shop = Shop()
    feed_id = submit(shop, feed_of(patch(1)))
    shop.advance(seconds=30)
    result = shop.ask("GET", f"{FEEDS}/{feed_id}").json()["resultFeedDocumentId"]
    params = {"enableContentEncodingUrlHeader": asked} if asked else {}
    document = shop.ask("GET", f"{DOCUMENTS}/{result}", params=params).json()
    assert document["compressionAlgorithm"] == "GZIP"
    answer = shop.ask("GET", document["url"], headers={})
    assert answer.headers["content-encoding"] == encoding
    text = answer.content if encoding == "gzip" else gzip.decompress(answer.content)
    assert json.loads(text)["summary"]["messagesAccepted"] == 1


def test_results_may_come_uncompressed():
    shop = Shop(document_compression="none")
    feed_id = submit(shop, feed_of(patch(1)))
    shop.advance(seconds=30)
    result = shop.ask("GET", f"{FEEDS}/{feed_id}").json()["resultFeedDocumentId"]
    document = shop.ask("GET", f"{DOCUMENTS}/{result}").json()
    assert "compressionAlgorithm" not in document
    answer = shop.ask("GET", document["url"], headers={})
    assert answer.json()["header"]["feedId"] == feed_id
    assert "content-encoding" not in answer.headers


# --- the queue


def test_a_feed_waits_is_worked_on_and_is_done():
    shop = Shop(feed_queue_seconds=7, feed_seconds=5)
    feed_id = submit(shop, feed_of(patch(1)))
    assert status(shop, feed_id) == "IN_QUEUE"
    shop.advance(seconds=7)
    assert status(shop, feed_id) == "IN_PROGRESS"
    shop.advance(seconds=5)
    feed = shop.ask("GET", f"{FEEDS}/{feed_id}").json()
    assert feed.pop("resultFeedDocumentId").startswith("amzn1.tortuga.")
    assert feed == {
        "feedId": feed_id,
        "feedType": LISTINGS,
        "marketplaceIds": [MARKET],
        "createdTime": NOON,
        "processingStatus": "DONE",
        "processingStartTime": "2026-03-02T20:00:07Z",
        "processingEndTime": "2026-03-02T20:00:12Z",
    }


def test_feeds_run_one_after_another_in_order():
    shop = Shop(feed_queue_seconds=1, feed_seconds=10)
    first, second = (submit(shop, feed_of(patch(1, quantity=quantity))) for quantity in (5, 6))
    shop.advance(seconds=10)
    assert (status(shop, first), status(shop, second)) == ("IN_PROGRESS", "IN_QUEUE")
    shop.advance(seconds=1)
    assert (status(shop, first), status(shop, second)) == ("DONE", "IN_PROGRESS")
    shop.advance(seconds=10)
    assert shop.state()["feeds"][second] == {"type": LISTINGS, "status": "DONE"}
    shop.advance(minutes=1)
    assert live(shop)[0] == 6


def test_a_frozen_queue_keeps_feeds_until_it_is_thawed():
    shop = Shop(feeds_frozen=True)
    feed_id = submit(shop, feed_of(patch(1)))
    shop.advance(hours=12)
    assert status(shop, feed_id) == "IN_QUEUE"
    thawed = shop.control("feeds", {"frozen": False})
    assert thawed["feeds"][feed_id]["status"] == "IN_PROGRESS"
    shop.control("feeds", {"frozen": True})
    shop.advance(seconds=20)
    assert status(shop, feed_id) == "DONE"
    later = submit(shop, feed_of(patch(1)))
    shop.advance(hours=1)
    assert status(shop, later) == "IN_QUEUE"


@pytest.mark.parametrize("body", [{}, {"frozen": "yes"}, {"frozen": True, "until": 3}])
def test_an_unreadable_freeze_is_refused(body):
    shop = Shop()
    assert shop.ask("POST", "/_emulator/feeds", json=body).status_code == 400


def test_only_a_feed_still_in_the_queue_can_be_cancelled():
    shop = Shop()
    first, second = submit(shop, feed_of(patch(1, quantity=5))), submit(shop, feed_of(patch(1, quantity=6)))
    shop.advance(seconds=10)
    refused = shop.ask("DELETE", f"{FEEDS}/{first}")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "400")
    cancelled = shop.ask("DELETE", f"{FEEDS}/{second}")
    assert (cancelled.status_code, cancelled.content) == (200, b"")
    assert shop.ask("DELETE", f"{FEEDS}/{second}").status_code == 400
    shop.advance(minutes=5)
    assert (status(shop, first), status(shop, second)) == ("DONE", "CANCELLED")
    assert live(shop)[0] == 5


def announced(shop):
    """What the world tells subscribers, seen from the inside."""
    told = []
    for teller in (shop.world.feeds, shop.world.reports):
        teller._announce = lambda kind, fact, at: told.append((kind, fact))
    return told


def test_the_end_of_a_feed_is_announced():
    shop = Shop()
    told = announced(shop)
    first, second = submit(shop, feed_of(patch(1))), submit(shop, feed_of(patch(1)))
    shop.ask("DELETE", f"{FEEDS}/{second}")
    shop.advance(seconds=30)
    result = shop.ask("GET", f"{FEEDS}/{first}").json()["resultFeedDocumentId"]
    kind = "FEED_PROCESSING_FINISHED"
    assert told == [
        (kind, {"feedId": second, "feedType": LISTINGS, "processingStatus": "CANCELLED"}),
        (
            kind,
            {
                "feedId": first,
                "feedType": LISTINGS,
                "processingStatus": "DONE",
                "resultFeedDocumentId": result,
            },
        ),
    ]


# --- asking for feeds


def test_feeds_are_listed_newest_first_page_by_page():
    shop = Shop()
    ids = [submit(shop, feed_of(patch(1))) for _ in range(5)]
    page = shop.ask("GET", FEEDS, params={"feedTypes": LISTINGS, "pageSize": 2}).json()
    seen = [feed["feedId"] for feed in page["feeds"]]
    while "nextToken" in page:
        page = shop.ask("GET", FEEDS, params={"nextToken": page["nextToken"]}).json()
        assert faults_of(MODEL, "GetFeedsResponse", page) == []
        assert len(page["feeds"]) in (1, 2)
        seen += [feed["feedId"] for feed in page["feeds"]]
    assert seen == ids[::-1]


def test_feeds_can_be_narrowed_down():
    shop = Shop()
    old = submit(shop, feed_of(patch(1)))
    shop.advance(hours=1)
    other = submit(shop, b"", "POST_PRODUCT_DATA")
    new = submit(shop, feed_of(patch(1)))

    def found(**params):
        answer = shop.ask("GET", FEEDS, params={"feedTypes": LISTINGS} | params)
        return [feed["feedId"] for feed in answer.json()["feeds"]]

    assert found() == [new, old]
    assert found(feedTypes=f"{LISTINGS},POST_PRODUCT_DATA") == [new, other, old]
    assert found(processingStatuses="DONE,FATAL") == [old]
    assert found(createdSince="2026-03-02T20:30:00Z") == [new]
    assert found(createdUntil="2026-03-02T20:30:00Z") == [old]
    assert found(marketplaceIds="A1PA6795UKMFR9") == []
    shop.advance(days=91)
    assert found(createdSince="2026-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"processingStatuses": "DONE"},
        {"feedTypes": LISTINGS, "processingStatuses": "BAD_VALUE,DONE"},
        {"feedTypes": LISTINGS, "pageSize": "0"},
        {"feedTypes": LISTINGS, "pageSize": "101"},
        {"feedTypes": LISTINGS, "createdSince": "yesterday"},
        {"feedTypes": ",".join(f"POST_{n}" for n in range(11))},
        {"nextToken": "made-up"},
    ],
)
def test_a_listing_of_feeds_asked_for_wrongly_is_refused(params):
    refused = Shop().ask("GET", FEEDS, params=params)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "400")
    assert faults_of(MODEL, "ErrorList", refused.json()) == []


def test_a_page_token_must_come_alone():
    shop = Shop()
    for _ in range(2):
        submit(shop, feed_of(patch(1)))
    token = shop.ask("GET", FEEDS, params={"feedTypes": LISTINGS, "pageSize": 1}).json()["nextToken"]
    assert shop.ask("GET", FEEDS, params={"nextToken": token, "pageSize": 1}).status_code == 400
    assert shop.ask("GET", FEEDS, params={"nextToken": token}).status_code == 200


def test_a_feed_that_is_not_there_is_not_found():
    shop = Shop()
    assert shop.ask("GET", f"{FEEDS}/123").status_code == 404
    assert shop.ask("GET", f"{FEEDS}/badFeedId1").status_code == 400
    assert shop.ask("DELETE", f"{FEEDS}/123").status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"feedType": None},
        {"feedType": "json listings"},
        {"marketplaceIds": []},
        {"marketplaceIds": [MARKET] * 26},
        {"marketplaceIds": ["A1PA6795UKMFR9"]},
        {"inputFeedDocumentId": "badDocumentId"},
        {"feedOptions": {"a": 1}},
    ],
)
def test_a_feed_asked_for_wrongly_is_refused(change):
    shop = Shop()
    refused = create(shop, new_document(shop)["feedDocumentId"], **change)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "400")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"contentType": 3}'])
def test_a_document_asked_for_wrongly_is_refused(content):
    assert Shop().ask("POST", DOCUMENTS, content=content).status_code == 400


def test_a_feed_asked_for_in_no_json_is_refused():
    assert Shop().ask("POST", FEEDS, content=b"{").status_code == 400


def test_an_account_that_is_deactivated_can_submit_no_feed():
    shop = Shop(account_status="DEACTIVATED")
    refused = create(shop, new_document(shop)["feedDocumentId"])
    assert (refused.status_code, "not active" in refused.text) == (400, True)


def test_listings_feeds_are_limited_to_five_in_five_minutes_and_others_by_their_own_plan():
    shop = Shop(rate_factor=1)
    document_id = new_document(shop)["feedDocumentId"]
    asked = [create(shop, document_id) for _ in range(6)]
    assert [answer.status_code for answer in asked] == [202] * 5 + [429]
    assert asked[0].headers["x-amzn-RateLimit-Limit"] == "0.0166667"
    shop.advance(seconds=60)
    assert [create(shop, document_id).status_code for _ in range(2)] == [202, 429]
    others = [create(shop, document_id, "POST_PRODUCT_DATA") for _ in range(16)]
    assert [answer.status_code for answer in others] == [202] * 15 + [429]


# --- what a listings feed does


def backordered():
    return Shop(listings=[{"sku": "MUG", "quantity": 10, "handling_days": 5, "restock_on": "2026-03-20"}])


def test_a_merge_in_a_feed_changes_only_what_it_names_once_it_is_live():
    shop = backordered()
    ended, told = processed(shop, feed_of(patch(1)))
    assert (ended, told["issues"]) == ("DONE", [])
    assert told["summary"] == {
        "errors": 0,
        "warnings": 0,
        "messagesProcessed": 1,
        "messagesAccepted": 1,
        "messagesInvalid": 0,
    }
    assert live(shop) == (10, 5, "2026-03-20")
    assert shop.state()["listings"]["MUG"]["submitted"][0]["quantity"] == 4
    shop.advance(seconds=20)
    assert live(shop) == (4, 5, "2026-03-20")


@pytest.mark.parametrize(
    "message",
    [
        patch(1, op="replace"),
        update(1, "PARTIAL_UPDATE", {"fulfillment_availability": stock(4)}),
        update(1, "UPDATE", {"fulfillment_availability": stock(4)}),
    ],
)
def test_what_replaces_wipes_the_handling_time_and_restock_date_it_does_not_name(message):
    shop = backordered()
    processed(shop, feed_of(message))
    shop.advance(seconds=20)
    assert live(shop) == (4, None, None)


def two_channels():
    channels = [{"fulfillment_channel_code": "AMAZON_NA", "quantity": 7}]
    return Shop(listings=[{"sku": "MUG", "quantity": 10, "channels": channels}])


def channels_of(shop):
    return [entry["fulfillment_channel_code"] for entry in shop.state()["listings"]["MUG"]["submitted"]]


def test_a_full_update_ends_the_channels_it_does_not_name_and_a_partial_one_does_not():
    shop = two_channels()
    attributes = {"fulfillment_availability": stock(4)}
    processed(shop, feed_of(update(1, "PARTIAL_UPDATE", attributes)))
    assert channels_of(shop) == ["DEFAULT", "AMAZON_NA"]
    processed(shop, feed_of(update(1, "UPDATE", attributes)))
    assert channels_of(shop) == ["DEFAULT"]
    shop.advance(seconds=20)
    assert live(shop)[0] == 4


def test_a_full_update_without_an_availability_takes_the_offer_down():
    shop = two_channels()
    _, told = processed(shop, feed_of(update(1, "UPDATE", {"item_name": [{"value": "Mug"}]})))
    assert (told["issues"][0]["severity"], told["issues"][0]["attributeName"]) == ("WARNING", "item_name")
    assert (told["summary"]["warnings"], told["summary"]["messagesAccepted"]) == (1, 1)
    shop.advance(seconds=20)
    assert (channels_of(shop), live(shop)[0]) == ([], None)


def test_a_full_update_of_product_facts_alone_leaves_the_offer_as_it_was():
    shop = two_channels()
    message = update(1, "UPDATE", {"item_name": [{"value": "Mug"}]}, requirements="LISTING_PRODUCT_ONLY")
    processed(shop, feed_of(message))
    shop.advance(seconds=20)
    assert (channels_of(shop), live(shop)[0]) == (["DEFAULT", "AMAZON_NA"], 10)


def test_a_deleted_listing_is_gone_once_that_is_live():
    shop = Shop()
    search = f"/listings/2021-08-01/items/{SELLER}"
    params = {"marketplaceIds": MARKET}
    page = shop.ask("GET", search, params=params | {"pageSize": 1, "sortBy": "sku", "sortOrder": "ASC"})
    delete = {"messageId": 1, "sku": "MUG", "operationType": "DELETE"}
    assert processed(shop, feed_of(delete))[1]["summary"]["messagesAccepted"] == 1
    assert shop.ask("GET", f"{search}/MUG", params=params).status_code == 200
    shop.advance(seconds=20)
    assert shop.ask("GET", f"{search}/MUG", params=params).status_code == 404
    token = page.json()["pagination"]["nextToken"]
    following = {"pageSize": 1, "sortBy": "sku", "sortOrder": "ASC", "pageToken": token}
    assert shop.ask("GET", search, params=params | following).json()["items"] == []


def test_a_sku_that_never_becomes_effective_does_not_by_feed_either():
    shop = Shop(never_effective=["MUG"])
    assert processed(shop, feed_of(patch(1)))[1]["summary"]["messagesAccepted"] == 1
    shop.advance(days=1)
    assert live(shop)[0] == 10


def test_a_message_with_an_error_changes_nothing_and_leaves_the_others_alone():
    shop = Shop()
    messages = [
        patch(1, quantity=7),
        patch(2, "NOPE"),
        patch(3, quantity=1.5),
        patch(4, "BOWL") | {"productType": "SHOES"},
        patch(5, "BOWL", quantity=8, lead_time_to_ship_max_days=31),
        patch(6, "BOWL") | {"patches": [{"op": "merge", "path": "/attributes/fulfillment_availability"}]},
        patch(7, "BOWL", quantity=9),
    ]
    merge_without_selector = patch(8, "BOWL")
    del merge_without_selector["patches"][0]["value"][0]["fulfillment_channel_code"]
    ended, told = processed(shop, feed_of(*messages, merge_without_selector))
    assert ended == "DONE"
    assert {issue["messageId"]: issue["sku"] for issue in told["issues"]} == {
        2: "NOPE",
        3: "MUG",
        4: "BOWL",
        5: "BOWL",
        6: "BOWL",
        8: "BOWL",
    }
    assert (told["summary"]["messagesAccepted"], told["summary"]["messagesInvalid"]) == (2, 6)
    assert "Invalid parameters provided." in told["issues"][-1]["message"]
    shop.advance(seconds=20)
    assert (live(shop)[0], live(shop, "BOWL")[0]) == (7, 9)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"sku": "MUG", "operationType": "UPSERT"}, "'operationType' must be one of"),
        ({"sku": "MUG"}, "'operationType' must be one of"),
        ({"sku": "MUG", "operationType": ["PATCH"]}, "'operationType' must be one of"),
        ({"operationType": "DELETE"}, "'sku' is required"),
        ({"sku": "MUG", "operationType": "DELETE", "productType": "HOME"}, "'productType' does not go"),
        ({"sku": "MUG", "operationType": "PATCH", "productType": "HOME"}, "'patches' is required"),
        (update(1, "PARTIAL_UPDATE", {"a": [{}]}, requirements="LISTING"), "'requirements' does not go"),
        (update(1, "PARTIAL_UPDATE", {}), "'attributes' is required"),
        (update(1, "UPDATE", {"a": []}, requirements="ALL"), "'requirements' must be one of"),
        (update(1, "UPDATE", {"fulfillment_availability": 3}), "'value' must be an array"),
        (update(1, "PARTIAL_UPDATE", {"item_name": [{}]}), "is not emulated"),
    ],
)
def test_a_message_that_is_not_as_amazon_wants_it_is_invalid(message, says):
    ended, told = processed(Shop(), feed_of(message | {"messageId": 1}))
    assert (ended, told["summary"]["messagesInvalid"]) == ("DONE", 1)
    assert says in told["issues"][0]["message"]


def test_one_negative_quantity_fails_the_whole_feed():
    shop = Shop()
    ended, told = processed(shop, feed_of(patch(1, "BOWL", 50), patch(2, quantity=-1), patch(3, "BOWL")))
    assert (ended, [issue["messageId"] for issue in told["issues"]]) == ("FATAL", [2])
    assert (told["summary"]["messagesAccepted"], told["summary"]["messagesInvalid"]) == (0, 3)
    shop.advance(minutes=5)
    assert (live(shop)[0], live(shop, "BOWL")[0]) == (10, 3)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        {"messages": [patch(1)]},
        feed_of(patch(1), sellerId="A2OTHER"),
        feed_of(patch(1), version="1.0"),
        feed_of(patch(1), issueLocale=7),
        feed_of(patch(1), report={"includedData": ["everything"], "apiVersion": "2021-08-01"}),
        feed_of(patch(1), report={"includedData": ["issues"]}),
        feed_of(patch(1), report=[]),
        feed_of(),
        {"header": {"sellerId": SELLER, "version": "2.0"}, "messages": {}},
        feed_of(patch(1), patch(1, "BOWL")),
        feed_of(patch(0)),
        feed_of(patch(2**31)),
        feed_of(patch("1")),
        feed_of(patch(True)),
        feed_of(patch(1), "not a message"),
        feed_of(*[{"messageId": n + 1} for n in range(25_001)]),
    ],
)
def test_a_feed_that_cannot_be_used_at_all_is_fatal_and_applies_nothing(content):
    shop = Shop()
    ended, told = processed(shop, content)
    assert (ended, told["summary"]["messagesAccepted"]) == ("FATAL", 0)
    assert told["summary"]["errors"] == len(told["issues"]) > 0
    assert "messageId" not in told["issues"][0]
    assert shop.state()["counts"]["in_flight"] == 0


def test_a_feed_of_twenty_five_thousand_messages_is_taken():
    shop = Shop()
    messages = [patch(n, quantity=n) for n in range(1, 25_001)]
    ended, told = processed(shop, feed_of(*messages))
    assert (ended, told["summary"]["messagesAccepted"]) == ("DONE", 25_000)


def test_a_document_that_was_never_uploaded_makes_the_feed_fatal():
    shop = Shop()
    feed_id = create(shop, new_document(shop)["feedDocumentId"]).json()["feedId"]
    shop.advance(seconds=30)
    assert status(shop, feed_id) == "FATAL"
    assert "never uploaded" in report(shop, feed_id)["issues"][0]["message"]


def test_any_other_type_of_feed_ends_fatal_and_says_why():
    ended, told = processed(Shop(), b"<xml/>", "POST_PRODUCT_DATA")
    assert (ended, LISTINGS in told["issues"][0]["message"]) == ("FATAL", True)


def test_a_feed_may_ask_to_be_shown_the_listings_it_changed():
    issue = {"code": "1", "message": "No image.", "severity": "WARNING"}
    listings = [{"sku": "MUG", "quantity": 1, "issues": [issue]}, {"sku": "BOWL"}, {"sku": "CUP"}]
    shop = Shop(listings=listings)
    wanted = {"includedData": ["issues", "attributes"], "apiVersion": "2021-08-01"}
    delete = {"messageId": 4, "sku": "CUP", "operationType": "DELETE"}
    messages = [patch(1, quantity=5), patch(2, quantity=6), patch(3, "BOWL", 1.5), delete]
    _, told = processed(shop, feed_of(*messages, report=wanted))
    assert told["header"]["report"] == wanted
    assert told["summary"]["itemSummary"] == {"items": 1, "errors": 0, "warnings": 1}
    assert [item["sku"] for item in told["items"]] == ["MUG"]
    assert told["items"][0]["attributes"]["fulfillment_availability"][0]["quantity"] == 6


def test_a_patch_and_a_feed_leave_the_same_listing_behind():
    by_feed, by_patch = backordered(), backordered()
    message = patch(1, quantity=3, restock_date="2026-04-01")
    processed(by_feed, feed_of(message))
    body = {"productType": "HOME", "patches": message["patches"]}
    path = f"/listings/2021-08-01/items/{SELLER}/MUG"
    by_patch.ask("PATCH", path, params={"marketplaceIds": MARKET}, json=body)
    for shop in (by_feed, by_patch):
        shop.advance(minutes=1)
    assert live(by_feed) == live(by_patch) == (3, 5, "2026-04-01")


WORDS = st.sampled_from(["MUG", "DEFAULT", "HOME", "replace", "/attributes/fulfillment_availability", ""])
KEYS = st.sampled_from(["op", "path", "value", "quantity", "fulfillment_channel_code"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["fulfillment_availability", "item_name"]), ANYTHING, min_size=1)
MESSAGES = st.fixed_dictionaries(
    {
        "sku": st.just("MUG") | ANYTHING,
        "operationType": st.sampled_from(["UPDATE", "PARTIAL_UPDATE", "PATCH", "DELETE"]) | ANYTHING,
        "productType": st.just("HOME") | ANYTHING,
    },
    optional={"attributes": ATTRIBUTES | ANYTHING, "patches": ANYTHING, "requirements": ANYTHING},
)


@given(st.lists(MESSAGES, max_size=3), st.lists(st.integers(0, 9), min_size=3, max_size=3))
def test_whatever_a_feed_holds_its_report_is_what_amazons_schema_says(messages, ids):
    world = load_scenario({"start_at": NOON, "listings": [{"sku": "MUG", "quantity": 1}]})
    numbered = [message | {"messageId": one} for message, one in zip(messages, ids, strict=False)]
    processor = ListingsFeedProcessor(world.rules, world.catalogue)
    outcome = processor.process("1", json.dumps(feed_of(*numbered)).encode(), world.now())
    assert schema_faults("listings-feed-processing-report-schema-v2.json", outcome.report) == []
    summary = outcome.report["summary"]
    assert summary["messagesAccepted"] + summary["messagesInvalid"] == summary["messagesProcessed"]
    assert outcome.status == ("DONE" if summary["messagesAccepted"] else outcome.status)
