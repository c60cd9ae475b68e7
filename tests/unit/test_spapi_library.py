"""What python-amazon-sp-api makes of a bad answer, shown, and beside it what our gateway makes of the same.

Each row is a habit of the library that once cost somebody orders. The first half of a test shows that the
library still has it (when it loses one, the test says so and the row can go); the second that we do not.
"""

import contextlib
import ssl

import httpx
import pytest
from sp_api.api.orders.orders_2026_01_01 import OrdersV20260101
from sp_api.base import Client
from sp_api.base.exceptions import (
    SellingApiException,
    SellingApiForbiddenException,
    SellingApiRequestThrottledException,
)

from fbm_sync.errors import (
    AccessRefused,
    RemoteError,
    RequestRejected,
    Throttled,
    Unavailable,
    UnexpectedPayload,
)

from misbehaving import HTML, US, Reply, VirtualClock, gateway_at, misbehaving_amazon

SAMPLE_ERRORS = {"errors": [{"code": "Fault", "message": "No."}]}


class _Marketplace:
    marketplace_id, region = US, ""

    def __init__(self, endpoint):
        self.endpoint = endpoint


class _Token:
    access_token = "Atza|library"

    def __init__(self, **_):
        pass

    def get_auth(self):
        return self


@pytest.fixture
def amazon():
    with misbehaving_amazon() as amazon:
        yield amazon


class Pair:
    """The library as it comes, and our gateway, asked the same of the same server."""

    def __init__(self, amazon, library, gateway):
        self.amazon, self._library, self._gateway = amazon, library, gateway

    def library(self, reply):
        """Return what the caller of the library gets."""
        self.amazon.usual = reply
        return self._library.search_orders(createdAfter="2026-01-01T00:00:00Z", marketplaceIds=[US])

    def ours(self, reply):
        """Return the answer we make of it, which for a bad one there must not be."""
        self.amazon.usual = reply
        return self._gateway.call("searchOrders", params={"createdAfter": "2026-01-01T00:00:00Z"})


@pytest.fixture
def both(amazon):
    gateway = gateway_at(amazon, VirtualClock(), timeout_seconds=0.5)
    library = OrdersV20260101(
        marketplace=_Marketplace(amazon.url),
        credentials={"lwa_app_id": "i", "lwa_client_secret": "s", "refresh_token": "r"},
        auth_token_client_class=_Token,
        verify=ssl.create_default_context(),
        timeout=0.5,
    )
    with contextlib.closing(gateway), contextlib.closing(library):
        yield Pair(amazon, library, gateway)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
@pytest.mark.parametrize("body", [HTML, "try later", b""], ids=["page", "text", "nothing"])
def test_a_server_in_trouble_reads_as_no_orders_in_the_library_and_as_trouble_with_us(both, status, body):
    assert both.library(Reply(status=status, body=body)).payload == {}
    with pytest.raises(Throttled if status == 429 else Unavailable) as caught:
        both.ours(Reply(status=status, body=body))
    assert caught.value.status == status


@pytest.mark.parametrize(("status", "error"), [(403, AccessRefused), (429, Throttled), (500, Unavailable)])
def test_a_message_from_the_door_reads_as_an_answer_in_the_library_and_as_a_refusal_with_us(
    both, status, error
):
    reply = Reply(status=status, body={"message": "Forbidden"})
    assert both.library(reply).payload == {"message": "Forbidden"}
    with pytest.raises(error):
        both.ours(reply)


def test_a_redirect_reads_as_no_orders_in_the_library_and_is_not_followed_by_us(both):
    reply = Reply(status=302, headers={"location": "/elsewhere"})
    assert both.library(reply).payload == {}
    with pytest.raises(Unavailable):
        both.ours(reply)
    assert {seen.path for seen in both.amazon.calls} == {"/orders/2026-01-01/orders"}


@pytest.mark.parametrize("body", [HTML, '{"orders": [{"orderId": "1"'], ids=["page", "cut json"])
def test_a_success_that_is_no_json_reads_as_no_orders_in_the_library_and_as_trouble_with_us(both, body):
    assert both.library(Reply(body=body)).payload == {}
    with pytest.raises(Unavailable):
        both.ours(Reply(body=body))


def test_a_payload_that_is_a_list_turns_into_an_object_in_the_library_and_is_refused_by_us(both):
    assert both.library(Reply(body={"payload": []})).payload == {}
    with pytest.raises(UnexpectedPayload):
        both.ours(Reply(body={"payload": []}))


def test_of_a_list_the_library_takes_the_first_and_we_take_none(both):
    reply = Reply(body=[{"orders": [{"orderId": "1"}]}, {"orders": [{"orderId": "2"}]}])
    assert both.library(reply).payload == {"orders": [{"orderId": "1"}]}
    with pytest.raises(UnexpectedPayload):
        both.ours(reply)


@pytest.mark.parametrize(
    ("status", "theirs", "ours"),
    [
        (400, SellingApiException, RequestRejected),
        (403, SellingApiForbiddenException, AccessRefused),
        (404, SellingApiException, RequestRejected),
        (409, SellingApiException, RequestRejected),
        (413, SellingApiException, RequestRejected),
        (415, SellingApiException, RequestRejected),
        (429, SellingApiRequestThrottledException, Throttled),
        (500, SellingApiException, Unavailable),
        (503, SellingApiException, Unavailable),
        (504, SellingApiException, Unavailable),
    ],
)
def test_errors_in_amazons_own_words_are_named_in_both(both, status, theirs, ours):
    with pytest.raises(theirs):
        both.library(Reply(status=status, body=SAMPLE_ERRORS))
    with pytest.raises(ours, match="Fault: No") as caught:
        both.ours(Reply(status=status, body=SAMPLE_ERRORS))
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("status", "ours"), [(401, AccessRefused), (422, RequestRejected), (502, Unavailable)]
)
def test_some_statuses_become_999_in_the_library_and_stay_true_with_us(both, status, ours):
    with pytest.raises(SellingApiException) as theirs:
        both.library(Reply(status=status, body=SAMPLE_ERRORS))
    assert theirs.value.code == 999
    with pytest.raises(ours) as caught:
        both.ours(Reply(status=status, body=SAMPLE_ERRORS))
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("body", "theirs"),
    [
        ({"errors": {"code": "A"}}, KeyError),
        ({"errors": ["text"]}, AttributeError),
        ('"just text"', AttributeError),
    ],
    ids=["errors an object", "errors texts", "body a text"],
)
def test_errors_in_an_odd_shape_stumble_the_library_and_are_refusals_with_us(both, body, theirs):
    with pytest.raises(theirs):
        both.library(Reply(status=400, body=body))
    with pytest.raises(RemoteError):
        both.ours(Reply(status=400, body=body))


def test_bytes_that_are_no_text_stumble_the_library_and_are_trouble_with_us(both):
    reply = Reply(status=200, body=b'{"orders": "\xc3\x28"}')
    with pytest.raises(UnicodeDecodeError):
        both.library(reply)
    with pytest.raises(Unavailable):
        both.ours(reply)


def test_a_key_called_headers_stumbles_the_library_and_not_us(both):
    reply = Reply(body={"orders": [], "headers": {"a": "b"}})
    with pytest.raises(TypeError):
        both.library(reply)
    assert both.ours(reply).body["orders"] == []


@pytest.mark.parametrize(
    ("reply", "theirs"),
    [
        (Reply(reset=True), httpx.ReadError),
        (Reply(body={"orders": []}, cut=True), httpx.RemoteProtocolError),
        (Reply(delay=0.8), httpx.ReadTimeout),
    ],
    ids=["reset", "cut", "slow"],
)
def test_a_broken_line_is_a_raw_error_of_the_transport_in_the_library_and_unavailable_with_us(
    both, reply, theirs
):
    with pytest.raises(theirs):
        both.library(reply)
    with pytest.raises(Unavailable) as caught:
        both.ours(reply)
    assert isinstance(caught.value, RemoteError)
    assert len(both.amazon.calls) > 2, "a read may be asked again"


def test_amazons_retry_after_is_dropped_by_the_library_and_waited_for_by_us(both):
    reply = Reply(
        status=429, body=SAMPLE_ERRORS, headers={"Retry-After": "7", "x-amzn-RateLimit-Limit": "0.5"}
    )
    with pytest.raises(SellingApiRequestThrottledException) as theirs:
        both.library(reply)
    assert not hasattr(theirs.value, "status")
    both.amazon.answer(reply)
    gateway = both._gateway
    before = gateway._clock.elapsed
    both.ours(Reply(body={"orders": []}))
    assert gateway._clock.elapsed - before >= 7
    assert gateway.throttle.rate("searchOrders") == 0.5


def test_a_walk_of_the_library_ends_quietly_in_a_503_and_ours_goes_on_where_it_was(both):
    def pages(ask):
        both.amazon.answer(
            Reply(body={"orders": [1], "pagination": {"nextToken": "b"}}), Reply(status=503, body=HTML)
        )
        return [ask(Reply(body={"orders": [2]})) for _ in range(2)]

    assert [answer.payload for answer in pages(both.library)][1] == {}
    assert [answer.body["orders"] for answer in pages(both.ours)] == [[1], [2]]


def test_the_library_cuts_the_host_of_a_plain_address_and_we_do_not(both):
    assert Client.headers.fget(both._library)["host"] == both.amazon.url[8:]
    both.ours(Reply(body={"orders": []}))
    assert both.amazon.calls[-1].headers["host"] == both.amazon.url[7:]
