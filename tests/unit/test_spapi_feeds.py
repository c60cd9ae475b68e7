"""Many changes in one feed: what is written, how it is handed in once, and what became of each change."""

import dataclasses
import gzip
import itertools
import json
import threading
from datetime import date, timedelta

import pytest
from jsonschema import Draft7Validator

from fbm_sync.adapters.spapi import feeds as feeds_module
from fbm_sync.adapters.spapi.documents import AddressExpired
from fbm_sync.adapters.spapi.feeds import batches, read_report, receipts_of, write_feed
from fbm_sync.adapters.spapi.jobs import JobState
from fbm_sync.adapters.spapi.listings import patch_for
from fbm_sync.domain.change import FeedTicket, PushOutcome
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.errors import AccessRefused, RequestRejected, Throttled, Unavailable, UnexpectedPayload

from amazon_models import model
from misbehaving import CA, HTML, START, US, Reply, VirtualClock, account_at, misbehaving_amazon

SELLER = "A1SELLER"
FEEDS = "/feeds/2021-06-30/feeds"
DOCUMENTS = "/feeds/2021-06-30/documents"
JSON = {"content-type": "application/json; charset=UTF-8"}
DEAD = Reply(status=403, body="<Error><Code>AccessDenied</Code></Error>")


def change(sku="MUG", quantity=3, **wanted):
    before = Offer(quantity=9, handling_days=2, restock_on=None)
    wanted = {"quantity": quantity, "handling_days": 2, "restock_on": None} | wanted
    return OfferChange(account="main", sku=sku, product_type="HOME", before=before, after=Offer(**wanted))


CHANGES = (change("MUG"), change("APRON", 0), change("Schüssel #1", 5, restock_on=date(2026, 3, 20)))


@pytest.fixture
def amazon():
    with misbehaving_amazon() as amazon:
        amazon.answer_at(
            "POST",
            DOCUMENTS,
            Reply(status=201, body={"feedDocumentId": "in-1", "url": f"{amazon.url}/put/1"}),
        )
        amazon.answer_at("PUT", "/put/1", Reply())
        amazon.answer_at("POST", FEEDS, Reply(status=202, body={"feedId": "F1"}))
        amazon.answer_at("GET", FEEDS, Reply(body={"feeds": []}))
        amazon.answer_at("GET", f"{DOCUMENTS}/out-1", address_of(amazon))
        yield amazon


def address_of(amazon):
    return Reply(
        body={"feedDocumentId": "out-1", "url": f"{amazon.url}/get/1", "compressionAlgorithm": "GZIP"}
    )


def stands(status, **more):
    return Reply(body={"feedId": "F1", "feedType": "JSON_LISTINGS_FEED", "processingStatus": status} | more)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def account(amazon, clock):
    with account_at(amazon, clock) as account:
        yield account


@pytest.fixture
def feeds(account):
    return account.feeds


# --- writing ------------------------------------------------------------------------------------------


def test_a_feed_says_the_same_of_each_sku_as_a_single_change_would():
    written = json.loads(write_feed(CHANGES, SELLER))
    assert written["header"] == {"sellerId": SELLER, "version": "2.0"}
    assert [(one["messageId"], one["sku"], one["operationType"]) for one in written["messages"]] == [
        (1, "MUG", "PATCH"),
        (2, "APRON", "PATCH"),
        (3, "Schüssel #1", "PATCH"),
    ]
    for one, wanted in zip(written["messages"], CHANGES, strict=True):
        assert {"productType": one["productType"], "patches": one["patches"]} == patch_for(wanted)


def test_a_feed_is_what_amazons_schema_wants():
    schema = Draft7Validator(model("listings-feed-schema-v2.json"))
    assert list(schema.iter_errors(json.loads(write_feed(CHANGES, SELLER)))) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((), "needs a change"),
        ((change("MUG"), change("BOWL"), change("MUG", 5)), "more than one change of MUG"),
        ((change("BOWL"), change("MUG", -1)), "negative quantity for MUG"),
    ],
)
def test_what_would_spoil_a_whole_feed_is_refused_before_anything_is_sent(amazon, feeds, changes, words):
    with pytest.raises(ValueError, match=words):
        feeds.submit(changes)
    if changes:
        with pytest.raises(ValueError, match=words):
            batches(changes, SELLER)
    assert amazon.calls == []


def test_a_change_of_another_account_is_refused(amazon, feeds):
    with pytest.raises(ValueError, match="MUG is of account other"):
        feeds.submit([dataclasses.replace(change(), account="other")])
    assert amazon.calls == []


def test_a_feed_takes_so_many_changes_and_no_more():
    many = [change(f"SKU-{number}") for number in range(25_001)]
    with pytest.raises(ValueError, match="25,001 changes do not fit"):
        write_feed(many, SELLER)
    split = batches(many, SELLER)
    assert [len(batch) for batch in split] == [25_000, 1]
    assert sum(split, ()) == tuple(many)


def test_a_feed_stays_below_amazons_size(monkeypatch):
    monkeypatch.setattr(feeds_module, "MOST_BYTES", 1000)
    many = [change(f"SKU-{'é' * 20}-{number}") for number in range(20)]
    with pytest.raises(ValueError, match="too large"):
        write_feed(many, SELLER)
    split = batches(many, SELLER)
    assert sum(split, ()) == tuple(many)
    assert len(split) > 1
    for batch in split:
        assert len(write_feed(batch, SELLER)) < 1000


def test_a_change_too_large_for_any_feed_is_refused_with_the_feed(monkeypatch):
    monkeypatch.setattr(feeds_module, "MOST_BYTES", 200)
    (batch,) = batches([change()], SELLER)
    with pytest.raises(ValueError, match="too large"):
        write_feed(batch, SELLER)


# --- handing in ---------------------------------------------------------------------------------------


def test_a_feed_is_uploaded_and_handed_in(amazon, clock, feeds):
    ticket = feeds.submit(CHANGES)
    assert ticket == FeedTicket(feed_id="F1", submitted_at=clock.now(), changes=CHANGES)
    document, upload, feed = amazon.calls
    assert json.loads(document.body) == {"contentType": "application/json; charset=UTF-8"}
    assert upload.headers["content-type"] == "application/json; charset=UTF-8"
    assert upload.body == write_feed(CHANGES, SELLER)
    assert json.loads(feed.body) == {
        "feedType": "JSON_LISTINGS_FEED",
        "marketplaceIds": [US, CA],
        "inputFeedDocumentId": "in-1",
    }


def test_a_feed_may_be_for_some_marketplaces_only(amazon, feeds):
    feeds.submit(CHANGES, marketplaces=[CA])
    assert json.loads(amazon.calls[-1].body)["marketplaceIds"] == [CA]


def test_an_upload_address_that_died_is_replaced_by_a_fresh_one(amazon, feeds):
    amazon.answer_at("PUT", "/put/1", DEAD, Reply())
    assert feeds.submit(CHANGES).feed_id == "F1"
    assert len(amazon.asked_at("POST", DOCUMENTS)) == 2


def test_an_upload_address_that_never_works_ends_the_submission(amazon, feeds):
    amazon.answer_at("PUT", "/put/1", DEAD)
    with pytest.raises(AddressExpired):
        feeds.submit(CHANGES)
    assert amazon.asked_at("POST", FEEDS) == []


@pytest.mark.parametrize(
    "body", [{"feedDocumentId": "", "url": "u"}, {"feedDocumentId": "in-1", "url": None}]
)
def test_a_document_without_id_or_address_is_not_understood(amazon, feeds, body):
    amazon.answer_at("POST", DOCUMENTS, Reply(status=201, body=body))
    with pytest.raises(UnexpectedPayload, match="unusable"):
        feeds.submit(CHANGES)


def a_feed(feed_id, seconds=0, kind="JSON_LISTINGS_FEED"):
    created = (START + timedelta(seconds=seconds)).isoformat()
    return {"feedId": feed_id, "feedType": kind, "createdTime": created, "processingStatus": "IN_QUEUE"}


LOST = [
    Reply(reset=True),
    Reply(status=500, body={"errors": [{"code": "InternalFailure", "message": "?"}]}),
    Reply(status=504, body=HTML),
    Reply(status=202, body={}),
    Reply(status=202, body={"feedId": None}),
]


@pytest.mark.parametrize("lost", LOST, ids=["reset", "500", "504 page", "no id", "null id"])
def test_a_feed_whose_answer_was_lost_is_found_again_and_not_handed_in_twice(amazon, feeds, lost):
    amazon.answer_at("POST", FEEDS, lost)
    others = [a_feed("OLD", -1), a_feed("OTHER", 3, "POST_ORDER_FULFILLMENT_DATA"), {"feedId": "?"}]
    amazon.answer_at("GET", FEEDS, Reply(body={"feeds": [a_feed("MINE", 2), *others]}))
    assert feeds.submit(CHANGES).feed_id == "MINE"
    assert len(amazon.asked_at("POST", FEEDS)) == 1
    (look,) = amazon.asked_at("GET", FEEDS)
    assert dict(look.query) == {
        "feedTypes": "JSON_LISTINGS_FEED",
        "createdSince": "2026-03-02T09:00:00Z",
        "pageSize": "100",
    }


def test_a_feed_that_appears_late_is_waited_for(amazon, clock, feeds):
    amazon.answer_at("POST", FEEDS, Reply(reset=True))
    amazon.answer_at("GET", FEEDS, Reply(body={"feeds": []}), Reply(body={"feeds": [a_feed("MINE")]}))
    assert feeds.submit(CHANGES).feed_id == "MINE"
    assert len(amazon.asked_at("POST", FEEDS)) == 1
    assert clock.elapsed >= 25


def test_a_feed_that_never_arrived_is_handed_in_again(amazon, feeds):
    amazon.answer_at("POST", FEEDS, Reply(status=503), Reply(status=202, body={"feedId": "F2"}))
    assert feeds.submit(CHANGES).feed_id == "F2"
    assert len(amazon.asked_at("GET", FEEDS)) == 2
    assert len(amazon.asked_at("PUT", "/put/1")) == 1


def test_an_amazon_that_stays_in_trouble_gets_no_feed_for_ever(amazon, feeds):
    amazon.answer_at("POST", FEEDS, Reply(status=503))
    with pytest.raises(Unavailable) as caught:
        feeds.submit(CHANGES)
    assert caught.value.operation == "createFeed"
    assert len(amazon.asked_at("POST", FEEDS)) == 3


def test_feeds_of_our_own_from_before_are_not_taken_for_the_lost_one(amazon, feeds):
    assert feeds.submit(CHANGES).feed_id == "F1"
    amazon.answer_at("POST", FEEDS, Reply(reset=True))
    amazon.answer_at("GET", FEEDS, Reply(body={"feeds": [a_feed("F1", 1), a_feed("F2", 2)]}))
    assert feeds.submit(CHANGES).feed_id == "F2"


def test_of_two_unknown_feeds_none_is_guessed_to_be_ours(amazon, feeds):
    amazon.answer_at("POST", FEEDS, Reply(reset=True))
    amazon.answer_at("GET", FEEDS, Reply(body={"feeds": [a_feed("X", 1), a_feed("Y", 2)]}))
    with pytest.raises(Unavailable, match="2 feeds appeared") as caught:
        feeds.submit(CHANGES)
    assert "Nothing is sent again" in str(caught.value)
    assert len(amazon.asked_at("POST", FEEDS)) == 1


def test_without_amazons_time_the_search_begins_a_little_earlier(amazon, feeds):
    body = {"feedDocumentId": "in-1", "url": f"{amazon.url}/put/1"}
    amazon.answer_at("POST", DOCUMENTS, Reply(status=201, body=body, headers={"Date": "-"}))
    amazon.answer_at("POST", FEEDS, Reply(reset=True))
    amazon.answer_at("GET", FEEDS, Reply(body={"feeds": [a_feed("MINE", -200)]}))
    assert feeds.submit(CHANGES).feed_id == "MINE"


def test_a_feed_that_amazon_refuses_is_not_looked_for(amazon, feeds):
    amazon.answer_at("POST", FEEDS, Reply(status=400, body={"errors": [{"code": "400", "message": "No"}]}))
    with pytest.raises(RequestRejected, match="400: No"):
        feeds.submit(CHANGES)
    assert amazon.asked_at("GET", FEEDS) == []


def test_a_feed_over_the_quota_waits_and_is_handed_in_once(amazon, feeds):
    amazon.answer_at("POST", FEEDS, Reply(status=429), Reply(status=202, body={"feedId": "F1"}))
    assert feeds.submit(CHANGES).feed_id == "F1"
    assert amazon.asked_at("GET", FEEDS) == []


def test_without_a_login_nothing_was_sent_so_nothing_is_looked_for(amazon, clock, feeds):
    amazon.token_seconds = 1
    upload = feeds._upload

    def upload_and_wait(content):
        done = upload(content)
        clock.sleep(10)
        amazon.login_replies.append(Reply(status=503))
        return done

    feeds._upload = upload_and_wait
    with pytest.raises(Unavailable) as caught:
        feeds.submit(CHANGES)
    assert caught.value.operation == "token"
    assert amazon.asked_at("POST", FEEDS) == amazon.asked_at("GET", FEEDS) == []


# --- waiting ------------------------------------------------------------------------------------------


@pytest.fixture
def ticket():
    return FeedTicket(feed_id="F1", submitted_at=START, changes=CHANGES)


@pytest.mark.parametrize(
    ("word", "state", "finished"),
    [
        ("IN_QUEUE", JobState.IN_QUEUE, False),
        ("IN_PROGRESS", JobState.IN_PROGRESS, False),
        ("DONE", JobState.DONE, True),
        ("CANCELLED", JobState.CANCELLED, True),
        ("FATAL", JobState.FATAL, True),
        ("POSTPONED", JobState.UNKNOWN, False),
        (7, JobState.UNKNOWN, False),
    ],
)
def test_a_feed_stands_as_amazon_says_and_an_unknown_word_is_unknown(
    amazon, feeds, ticket, word, state, finished
):
    amazon.answer_at("GET", f"{FEEDS}/F1", stands(word))
    assert feeds.state(ticket) is state
    assert state.is_finished is finished


def test_a_feed_is_looked_at_less_and_less_often_until_it_is_finished(amazon, clock, feeds, ticket):
    looks = []
    ask = feeds._gateway.call
    feeds._gateway.call = lambda *words, **more: (looks.append(clock.elapsed), ask(*words, **more))[1]
    amazon.answer_at("GET", f"{FEEDS}/F1", *[stands("IN_QUEUE")] * 12, stands("DONE"))
    assert feeds.wait(ticket) is JobState.DONE
    pauses = [round(after - before, 3) for before, after in itertools.pairwise(looks)]
    assert (looks[0], pauses[:3], pauses[-1]) == (0, [5.0, 7.5, 11.25], 60.0)
    assert pauses == sorted(pauses)
    assert max(clock.slept) <= 1.0


def test_a_feed_is_never_looked_at_more_often_than_amazon_allows(amazon, clock, account, feeds, ticket):
    account.gateway.throttle.learn("getFeed", 0.01)
    amazon.answer_at("GET", f"{FEEDS}/F1", stands("IN_QUEUE"), stands("DONE"))
    feeds.wait(ticket)
    assert clock.elapsed >= 100


def test_patience_ends_and_the_feed_stands_where_it_stands(amazon, clock, feeds, ticket):
    amazon.answer_at("GET", f"{FEEDS}/F1", stands("IN_PROGRESS"))
    assert feeds.wait(ticket, patience_seconds=42) is JobState.IN_PROGRESS
    assert clock.elapsed == pytest.approx(42)
    assert feeds.wait(ticket, patience_seconds=0) is JobState.IN_PROGRESS
    assert clock.elapsed == pytest.approx(42)


def test_the_word_that_a_feed_is_finished_ends_the_wait_at_once(amazon, clock, feeds, ticket):
    amazon.answer_at("GET", f"{FEEDS}/F1", stands("IN_PROGRESS"))
    sleep, heard_at = clock.sleep, []

    def sleep_and_hear(seconds):
        sleep(seconds)
        if len(clock.slept) in (100, 102):
            # The first time the word comes before the fact.
            amazon.answer_at("GET", f"{FEEDS}/F1", stands("DONE" if heard_at else "IN_PROGRESS"))
            heard_at.append(clock.elapsed)
            teller = threading.Thread(target=feeds.finished, args=("F1",))
            teller.start()
            teller.join()

    clock.sleep = sleep_and_hear
    assert feeds.wait(ticket) is JobState.DONE
    assert clock.elapsed == heard_at[1]
    # Six looks in the usual order, and one for each word.
    assert len(amazon.asked_at("GET", f"{FEEDS}/F1")) == 8


def test_a_word_about_a_feed_that_nobody_waits_for_is_forgotten(amazon, clock, feeds, ticket):
    feeds.finished("F1")
    feeds.finished("of somebody else")
    amazon.answer_at("GET", f"{FEEDS}/F1", stands("IN_QUEUE"), stands("DONE"))
    feeds.wait(ticket)
    assert clock.elapsed == 5
    assert feeds._waiting._waits == {}


def test_two_who_wait_for_one_feed_are_both_told(amazon, feeds, ticket):
    with feeds._waiting._listening("F1") as one, feeds._waiting._listening("F1") as other:
        feeds.finished("F1")
        assert one.is_set()
        assert other.is_set()


def test_trouble_while_waiting_is_outlived(amazon, feeds, ticket):
    amazon.answer_at("GET", f"{FEEDS}/F1", *[Reply(status=503)] * 8, stands("DONE"))
    assert feeds.wait(ticket) is JobState.DONE


def test_trouble_that_lasts_longer_than_the_patience_is_told(amazon, feeds, ticket):
    amazon.answer_at("GET", f"{FEEDS}/F1", Reply(status=503))
    with pytest.raises(Unavailable):
        feeds.wait(ticket, patience_seconds=300)
    amazon.answer_at("GET", f"{FEEDS}/F1", Reply(status=429, headers={"Retry-After": "9999"}))
    with pytest.raises(Throttled):
        feeds.wait(ticket, patience_seconds=300)


def test_being_shut_out_ends_the_wait_at_once(amazon, clock, feeds, ticket):
    amazon.answer_at("GET", f"{FEEDS}/F1", Reply(status=403, body={}))
    with pytest.raises(AccessRefused):
        feeds.wait(ticket)
    assert clock.elapsed == 0


# --- the outcome --------------------------------------------------------------------------------------


def issue(message, severity="ERROR", **where):
    return {"severity": severity, "message": message} | where


def report(*issues, accepted, feed_id="F1", **more):
    summary = {"messagesProcessed": 3, "messagesAccepted": accepted, "messagesInvalid": 3 - accepted}
    header = {"sellerId": SELLER, "version": "2.0", "feedId": feed_id}
    return {
        "header": header,
        "issues": list(issues),
        "summary": summary | {"errors": 0, "warnings": 0},
    } | more


def outcomes(found, state=JobState.DONE):
    ticket = FeedTicket(feed_id="F1", submitted_at=START, changes=CHANGES)
    receipts = receipts_of(ticket, state, found, START)
    assert [receipt.change for receipt in receipts] == list(CHANGES)
    assert {receipt.submission_id for receipt in receipts} == {"F1"}
    return [(receipt.outcome.value, receipt.problems) for receipt in receipts]


def test_a_feed_without_problems_is_accepted_change_by_change():
    assert outcomes(report(accepted=3)) == [("accepted", ())] * 3


def test_each_change_has_its_own_outcome_and_amazons_words():
    found = report(
        issue("Not yours.", messageId=2, sku="APRON", code="8541"),
        issue("Nor ever.", messageId=2, sku="APRON"),
        issue("Unusual.", "WARNING", messageId=3, sku="Schüssel #1", code="99"),
        accepted=2,
    )
    assert outcomes(found) == [
        ("accepted", ()),
        ("rejected", ("8541: Not yours", "Nor ever")),
        ("accepted", ("99: Unusual",)),
    ]


def test_an_issue_may_be_known_by_its_sku_or_its_number_alone():
    found = report(issue("a", sku="MUG"), issue("b", messageId=3), accepted=1)
    assert outcomes(found) == [("rejected", ("a",)), ("accepted", ()), ("rejected", ("b",))]


def test_what_concerns_the_whole_feed_is_said_of_each_change():
    found = report(issue("The feed is not readable.", code="4000"), accepted=0)
    assert outcomes(found) == [("rejected", ("4000: The feed is not readable",))] * 3
    found = report(issue("We were slow today.", "INFO"), accepted=3)
    assert outcomes(found) == [("accepted", ("We were slow today",))] * 3


@pytest.mark.parametrize(
    "contradiction",
    [{"messageId": 1, "sku": "APRON"}, {"messageId": 4}, {"messageId": 0}, {"messageId": -1}, {"sku": "?"}],
)
def test_a_refusal_that_cannot_be_placed_leaves_no_change_certain(contradiction):
    found = outcomes(report(issue("no", **contradiction), accepted=2))
    words = "Amazon did not accept every change, and does not say which"
    assert found == [("unknown", (words, "no"))] * 3


def test_a_feed_that_broke_off_may_have_done_anything():
    broke_off = "Amazon broke the feed off; what is done of it, it does not say"
    assert outcomes(None, JobState.FATAL) == [("unknown", (broke_off,))] * 3
    found = report(issue("no", messageId=1), issue("disk full"), accepted=0)
    assert outcomes(found, JobState.FATAL) == [
        ("rejected", ("no", "disk full")),
        ("unknown", (broke_off, "disk full")),
        ("unknown", (broke_off, "disk full")),
    ]


def test_a_feed_cancelled_in_the_queue_has_changed_nothing():
    words = "Amazon cancelled the feed before it began"
    assert outcomes(None, JobState.CANCELLED) == [("failed", (words,))] * 3


@pytest.mark.parametrize("summary", [None, {}, {"messagesAccepted": "3"}])
def test_without_numbers_nothing_is_taken_for_accepted(summary):
    found = report(accepted=3) | {"summary": summary}
    assert outcomes(found) == [("unknown", ("Amazon gave no report on the feed",))] * 3


def test_amazons_own_example_of_a_report_is_understood():
    example = model("listings-feed-processing-report-schema-v2.example.json")
    skus = ["A", "B", "C", "My-SKU-B", "My-SKU-C"]
    ticket = FeedTicket(feed_id="1234567890", submitted_at=START, changes=tuple(map(change, skus)))
    found = read_report(json.dumps(example), "1234567890")
    receipts = receipts_of(ticket, JobState.DONE, found, START)
    assert [receipt.outcome for receipt in receipts[3:]] == [PushOutcome.REJECTED] * 2
    assert len(receipts[3].problems) == 2
    assert receipts[4].problems[0].startswith("99022: The field")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a processing report"),
        ("[]", "not a processing report"),
        ('{"issues": {}}', "not a processing report"),
        ("[" * 100_000, "not a processing report"),
        (json.dumps(report(accepted=3, feed_id="F2")), "another feed"),
    ],
)
def test_a_document_that_is_not_the_report_is_not_believed(content, words):
    with pytest.raises(UnexpectedPayload, match=words):
        read_report(content, "F1")


def test_the_outcome_is_fetched_from_amazon(amazon, feeds, ticket):
    found = report(issue("Nö.", messageId=2, sku="APRON"), accepted=2)
    amazon.answer_at("GET", f"{FEEDS}/F1", stands("DONE", resultFeedDocumentId="out-1"))
    amazon.answer_at(
        "GET", "/get/1", DEAD, Reply(body=gzip.compress(json.dumps(found).encode()), headers=JSON)
    )
    receipts = feeds.receipts(ticket)
    assert [receipt.outcome.value for receipt in receipts] == ["accepted", "rejected", "accepted"]
    assert receipts[1].problems == ("Nö",)
    assert receipts[0].at == START
    # The first address had expired.
    assert len(amazon.asked_at("GET", f"{DOCUMENTS}/out-1")) == 2


def test_there_is_no_outcome_while_amazon_is_at_work(amazon, feeds, ticket):
    amazon.answer_at("GET", f"{FEEDS}/F1", stands("IN_PROGRESS"))
    assert feeds.receipts(ticket) == ()


def test_a_finished_feed_without_a_report_is_uncertain(amazon, feeds, ticket):
    amazon.answer_at("GET", f"{FEEDS}/F1", stands("DONE"))
    assert {receipt.outcome for receipt in feeds.receipts(ticket)} == {PushOutcome.UNKNOWN}


def test_the_document_of_a_cancelled_feed_is_not_even_asked_for(amazon, feeds, ticket):
    amazon.answer_at("GET", f"{FEEDS}/F1", stands("CANCELLED", resultFeedDocumentId="out-1"))
    assert {receipt.outcome for receipt in feeds.receipts(ticket)} == {PushOutcome.FAILED}
    assert amazon.asked_at("GET", f"{DOCUMENTS}/out-1") == []
