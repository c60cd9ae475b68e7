"""What a notification hints at: both spellings, every kind, and nothing but where to look."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fbm_sync.adapters.spapi.hints import read_hint
from fbm_sync.domain.order import Fulfiller
from fbm_sync.ports import AccountStatusChanged, JobFinished, JobKind, ListingChanged, OrderChanged

from notices import (
    MARKET,
    POSTAL_CODE,
    SELLER,
    account_status,
    capital,
    feed_finished,
    order_change,
    quantity_change,
    respelled,
    small,
)

MODELS = Path(__file__).resolve().parents[3] / "shared" / "spapi-models"
NEWS = {
    "OrderChangeNotification.json": OrderChanged(
        order_id="903-8868176-2219830",
        changed_at=datetime(2022, 11, 29, 19, 42, 4, 284_000, tzinfo=UTC),
        marketplace=MARKET,
        fulfilled_by=Fulfiller.MERCHANT,
    ),
    "ListingsItemMfnQuantityChange.json": ListingChanged(
        sku="NLS-SHOES-03", changed_at=datetime(2021, 2, 3, 18, 59, 30, 194_000, tzinfo=UTC)
    ),
    "ListingsItemIssuesChangeNotification.json": ListingChanged(
        sku="NLS-SHOES-03", changed_at=datetime(2021, 2, 5, 18, 59, 30, 194_000, tzinfo=UTC)
    ),
    "ListingsItemIssuesChangeNotification_2023-12-13.json": ListingChanged(
        sku="NLS-SHOES-03", changed_at=datetime(2024, 2, 5, 18, 59, 30, 194_000, tzinfo=UTC)
    ),
    "FeedProcessingFinishedNotification.json": JobFinished(kind=JobKind.FEED, job_id="53347018456"),
    "ReportProcessingFinishedNotification.json": JobFinished(kind=JobKind.REPORT, job_id="54517018502"),
}


@pytest.mark.parametrize("name", NEWS)
def test_amazons_own_examples_are_understood(name):
    if not (MODELS / name).is_file():
        pytest.skip("Amazon's models are not at hand")
    examples = json.loads((MODELS / name).read_text(encoding="utf-8"))["examples"]
    for example in examples:
        hint = read_hint(example)
        assert hint.news == NEWS[name]
        assert len(hint.hint_id) == 36
        assert hint.announced_at is not None
        assert hint.seller_id in ("A3TH9S8BH6GOGM", "AXXXXXXXXXXXXX", None)


EVERY_KIND = [
    order_change(),
    quantity_change(),
    capital("LISTINGS_ITEM_ISSUES_CHANGE", {"SellerId": SELLER, "Sku": "MUG"}),
    feed_finished(),
    small("REPORT_PROCESSING_FINISHED", {"reportProcessingFinishedNotification": {"reportId": "7"}}),
    account_status(),
]


@pytest.mark.parametrize("spell", [str.upper, str.lower])
@pytest.mark.parametrize("notification", EVERY_KIND)
def test_the_first_letter_of_a_key_never_counts(notification, spell):
    hint = read_hint(notification)
    assert hint is not None
    assert read_hint(respelled(notification, spell)) == hint


def test_an_order_that_changed_is_named_with_amazons_time_and_whose_it_is():
    hint = read_hint(order_change("111-1", at="2026-03-02T08:59:00.250Z"))
    assert hint.seller_id == SELLER
    assert hint.announced_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert hint.news == OrderChanged(
        order_id="111-1",
        changed_at=datetime(2026, 3, 2, 8, 59, 0, 250_000, tzinfo=UTC),
        marketplace=MARKET,
        fulfilled_by=Fulfiller.MERCHANT,
    )


def test_without_a_time_of_change_the_time_of_the_event_counts_and_without_both_none():
    nameless = order_change(at=None)
    assert read_hint(nameless).news.changed_at == datetime(2026, 3, 2, 9, tzinfo=UTC)
    del nameless["EventTime"]
    hint = read_hint(nameless)
    assert (hint.news.changed_at, hint.announced_at) == (None, None)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("AFN", Fulfiller.AMAZON),
        ("MFN", Fulfiller.MERCHANT),
        ("XFN", Fulfiller.UNKNOWN),
        (None, Fulfiller.UNKNOWN),
    ],
)
def test_who_ships_an_order_is_read_where_amazon_says_so(word, meant):
    assert read_hint(order_change(FulfillmentType=word)).news.fulfilled_by is meant


def test_the_accounts_state_is_told_in_amazons_words_and_names_no_seller():
    hint = read_hint(account_status("DEACTIVATED", "AT_RISK"))
    assert hint.news == AccountStatusChanged(status="DEACTIVATED", former="AT_RISK")
    assert hint.seller_id is None
    assert read_hint(account_status("NORMAL", None)).news == AccountStatusChanged(status="NORMAL")


def test_nothing_but_where_to_look_is_kept_and_never_a_postal_code():
    hint = read_hint(order_change())
    kept = str(dataclasses.asdict(hint))
    assert POSTAL_CODE not in kept
    assert "Unshipped" not in kept
    assert "99" not in str(read_hint(quantity_change()).news)


@pytest.mark.parametrize(
    "notification",
    [
        {},
        {"NotificationType": ["ORDER_CHANGE"]},
        capital("ANY_OFFER_CHANGED", {"SellerId": SELLER}),
        capital("ORDER_CHANGE", {}),
        capital("ORDER_CHANGE", {"OrderChangeNotification": "x"}),
        capital("ORDER_CHANGE", {"OrderChangeNotification": {"AmazonOrderId": 7}}),
        capital("LISTINGS_ITEM_MFN_QUANTITY_CHANGE", {"Sku": ""}),
        small("FEED_PROCESSING_FINISHED", {"feedProcessingFinishedNotification": {"feedId": None}}),
        small("REPORT_PROCESSING_FINISHED", {}),
        small("ACCOUNT_STATUS_CHANGED", {"accountStatusChangeNotification": {}}),
        order_change() | {"NotificationMetadata": {}},
        order_change() | {"NotificationMetadata": None},
        order_change() | {"Payload": []},
    ],
)
def test_what_makes_no_sense_or_is_of_another_kind_is_no_hint(notification):
    assert read_hint(notification) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["notificationType", "Payload", "sku", "OrderChangeNotification", "eventTime", ""]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    kind=st.sampled_from(["ORDER_CHANGE", "ACCOUNT_STATUS_CHANGED", "LISTINGS_ITEM_ISSUES_CHANGE"]),
    payload=_JSON,
)
def test_whatever_a_payload_holds_nothing_breaks(kind, payload):
    hint = read_hint(capital(kind, payload))
    assert hint is None or hint.hint_id
