"""Everything between us and Amazon's servers, over real HTTP against a server that misbehaves on demand."""

import contextlib
import dataclasses
import importlib.metadata
import inspect
import json
import logging
import pathlib
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import parse_qsl, unquote

import pytest
import structlog
from sp_api.base import Client
from sp_api.base._transport_httpx import HttpxTransport

from fbm_sync.adapters.spapi import gateway as gateway_module
from fbm_sync.adapters.spapi.clients import ListingsClient, OrdersClient
from fbm_sync.adapters.spapi.gateway import refuse_environment
from fbm_sync.adapters.spapi.throttle import Throttle
from fbm_sync.domain.listing import Offer, OfferChange
from fbm_sync.errors import (
    AccessRefused,
    ConfigError,
    RemoteError,
    RequestRejected,
    Throttled,
    Unavailable,
    UnexpectedPayload,
)
from fbm_sync.logs import REQUEST_SENT
from fbm_sync.ports import OrderWindow

from misbehaving import (
    CA,
    CREDENTIALS,
    HTML,
    START,
    US,
    Reply,
    VirtualClock,
    account_at,
    gateway_at,
    misbehaving_amazon,
)


@pytest.fixture
def amazon():
    with misbehaving_amazon() as amazon:
        yield amazon


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def connect(amazon, clock):
    with contextlib.ExitStack() as stack:

        def connect(**options):
            return stack.enter_context(contextlib.closing(gateway_at(amazon, clock, **options)))

        yield connect


@pytest.fixture
def gateway(connect):
    return connect()


@pytest.fixture
def account(amazon, clock):
    with account_at(amazon, clock) as account:
        yield account


def search(gateway):
    return gateway.call("searchOrders", params={"lastUpdatedAfter": "2026-03-01T00:00:00Z"})


def get_order(gateway):
    return gateway.call("getOrder", "111-1", params={})


def amazon_error(code="InvalidInput", message="Something is wrong."):
    return {"errors": [{"code": code, "message": message, "details": "buyer@example.com"}]}


# --- the library's internals we lean on ----------------------------------------------------------


def test_the_library_is_the_release_our_overrides_were_written_for():
    assert importlib.metadata.version("python-amazon-sp-api") == "2.1.35"


def test_the_library_still_asks_the_two_internals_we_override():
    source = inspect.getsource(Client._request)
    assert "self._check_response(res, res_no_data, bulk, wrap_list)" in source
    assert "headers or self.headers" in source
    assert isinstance(inspect.getattr_static(Client, "headers"), property)
    for client in (OrdersClient, ListingsClient):
        assert client._check_response is not Client._check_response
        assert inspect.getattr_static(client, "headers") is not Client.headers


def test_the_library_still_sends_through_the_transport_we_exchange():
    assert "self._transport.request(" in inspect.getsource(Client._request)
    assert "client" in inspect.signature(HttpxTransport.__init__).parameters


def test_nothing_of_the_library_that_hides_failures_is_used():
    banned = re.compile(r"sp_retry|throttle_retry|load_all_pages|RestrictedResources|restricted_data_token")
    for path in pathlib.Path(gateway_module.__file__).parent.glob("*.py"):
        assert not banned.search(path.read_text()), path


# --- what goes over the wire ---------------------------------------------------------------------


def test_a_search_for_orders_sends_these_parameters_and_no_other(amazon, account):
    account.orders.page(OrderWindow(since=START - timedelta(days=1), until=START - timedelta(hours=1)))
    seen = amazon.calls[0]
    assert (seen.method, seen.path) == ("GET", "/orders/2026-01-01/orders")
    assert sorted(seen.query) == [
        ("fulfilledBy", "MERCHANT"),
        ("includedData", "FULFILLMENT,CANCELLATION,PACKAGES"),
        ("lastUpdatedAfter", "2026-03-01T09:00:00Z"),
        ("lastUpdatedBefore", "2026-03-02T08:00:00Z"),
        ("marketplaceIds", f"{US},{CA}"),
        ("maxResultsPerPage", "100"),
    ]


def test_an_order_by_id_is_asked_for_without_any_marketplace(amazon, account):
    amazon.usual = Reply(
        body={
            "order": {
                "orderId": "111-1",
                "createdTime": "2026-03-01T00:00:00Z",
                "lastUpdatedTime": "2026-03-01T00:00:00Z",
            }
        }
    )
    account.orders.order("111-1")
    seen = amazon.calls[0]
    assert seen.path == "/orders/2026-01-01/orders/111-1"
    assert seen.query == [("includedData", "FULFILLMENT,CANCELLATION,PACKAGES")]


def test_a_patch_sends_its_marketplaces_in_the_query_and_nothing_but_the_patch_in_the_body(amazon, account):
    change = OfferChange(
        account="main",
        sku="a/b #1 é",
        product_type="HOME",
        before=Offer(quantity=1, handling_days=None),
        after=Offer(quantity=0, handling_days=None),
    )
    account.offers.apply(change)
    account.offers.preview(change)
    applied, previewed = amazon.calls
    assert applied.method == "PATCH"
    assert unquote(applied.path) == "/listings/2021-08-01/items/A1SELLER/a/b #1 é"
    assert "%2F" in applied.path
    assert applied.query == [("marketplaceIds", f"{US},{CA}")]
    assert sorted(previewed.query) == [("marketplaceIds", f"{US},{CA}"), ("mode", "VALIDATION_PREVIEW")]
    assert set(json.loads(applied.body)) == {"productType", "patches"}
    assert applied.body == previewed.body


def test_a_request_in_a_wrong_spelling_never_leaves_the_machine(amazon, gateway):
    with pytest.raises(ValueError, match="MarketplaceIds"):
        gateway._clients["orders"].search_orders(lastUpdatedAfter="2026-03-01T00:00:00Z")
    assert amazon.calls == []


def test_the_host_header_is_the_address_and_the_token_goes_with_it(amazon, gateway):
    search(gateway)
    headers = amazon.calls[0].headers
    assert headers["host"] == amazon.url.removeprefix("http://")
    assert headers["x-amz-access-token"] == "Atza|1"
    assert headers["x-amz-date"] == "20260302T090000Z"
    assert headers["user-agent"].startswith("fbm_sync")


def test_the_login_is_form_encoded(amazon, gateway):
    search(gateway)
    assert dict(parse_qsl(amazon.logins[0].body.decode())) == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-me",
        "client_id": "client",
        "client_secret": "s3cret",
    }


def test_a_proxy_of_the_machine_is_not_used_for_an_amazon_on_the_machine(monkeypatch, amazon, connect):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    search(connect())
    assert len(amazon.calls) == 1


def test_credentials_in_the_environment_are_never_consulted(monkeypatch, amazon, connect):
    monkeypatch.setenv("SP_API_REFRESH_TOKEN", "someone-else")
    monkeypatch.setenv("LWA_APP_ID", "someone-else")
    monkeypatch.setenv("LWA_CLIENT_SECRET", "someone-else")
    search(connect())
    assert b"someone-else" not in amazon.logins[0].body


@pytest.mark.parametrize("name", ["client_id", "client_secret", "refresh_token"])
def test_an_empty_credential_is_refused_before_anything_is_sent(connect, name):
    with pytest.raises(ConfigError, match=f"account main: {name} is empty"):
        connect(credentials=dataclasses.replace(CREDENTIALS, **{name: " "}))


def test_an_account_without_a_marketplace_is_refused(connect):
    with pytest.raises(ConfigError, match="marketplaces"):
        connect(marketplaces=[])


@pytest.mark.parametrize("value", ["DE", ""])
def test_an_environment_that_would_change_the_marketplace_is_refused(value):
    with pytest.raises(ConfigError, match="SP_API_DEFAULT_MARKETPLACE"):
        refuse_environment({"SP_API_DEFAULT_MARKETPLACE": value})
    refuse_environment({"PATH": "/bin"})


@pytest.mark.parametrize("sku", [".", "..", ""])
def test_a_sku_that_is_a_step_in_a_path_is_refused(amazon, gateway, sku):
    with pytest.raises(RequestRejected):
        gateway.call("getListingsItem", "A1SELLER", sku, params={})
    assert amazon.calls == []


# --- what a bad answer becomes -------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    "body", [HTML, "", "plain text", {"message": "sorry"}, {"errors": []}, amazon_error()]
)
def test_a_server_in_trouble_is_asked_again_and_then_named_unavailable(amazon, clock, gateway, status, body):
    amazon.usual = Reply(status=status, body=body)
    with pytest.raises(Unavailable) as caught:
        get_order(gateway)
    assert (caught.value.status, caught.value.operation, caught.value.request_id) == (
        status,
        "getOrder",
        "req-1",
    )
    assert len(amazon.calls) == 6
    assert 15 < clock.elapsed < 120


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=HTML),
        Reply(body='{"orders": [{"orderId": '),
        Reply(body="null"),
        Reply(body=b"\xff\xfe\x00"),
        Reply(body=""),
        Reply(status=302, headers={"location": "/elsewhere"}),
        Reply(status=404, body="<html>404 Not Found</html>"),
        Reply(status=408, body={"message": "too slow"}),
        Reply(reset=True),
        Reply(body={"orders": []}, cut=True),
    ],
    ids=["html", "cut json", "null", "no text", "empty", "302", "404 page", "408", "reset", "cut body"],
)
def test_one_useless_answer_is_survived(amazon, gateway, reply):
    amazon.answer(reply)
    assert search(gateway).body["orders"] == []
    assert len(amazon.calls) == 2


def test_only_useless_answers_are_never_taken_for_no_orders(amazon, gateway):
    amazon.usual = Reply(body=HTML)
    with pytest.raises(Unavailable, match="not a JSON object"):
        search(gateway)


def test_a_server_that_is_too_slow_is_given_up_on(amazon, connect, clock):
    amazon.answer(Reply(delay=1.0))
    gateway = connect(timeout_seconds=0.2)
    assert search(gateway).body["orders"] == []
    assert gateway.requests == {"searchOrders": 2}


def test_an_answer_that_comes_drop_by_drop_is_given_up_on(amazon, connect):
    amazon.answer(Reply(body={"orders": [], "pagination": {}}, drip=0.1))
    gateway = connect(timeout_seconds=0.2)
    assert search(gateway).body == amazon.usual.body
    assert gateway.requests == {"searchOrders": 2}


def test_a_server_that_is_not_there_is_unavailable(connect):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gateway = connect(endpoint=f"http://127.0.0.1:{port}")
    with pytest.raises(Unavailable, match="ConnectError"):
        search(gateway)


@pytest.mark.parametrize("status", [400, 404, 409, 413, 415, 422])
def test_a_refused_request_carries_amazons_own_words_and_is_not_repeated(amazon, gateway, status):
    amazon.usual = Reply(status=status, body=amazon_error("InvalidInput", "Not like this."))
    with pytest.raises(RequestRejected) as caught:
        get_order(gateway)
    error = caught.value
    assert error.status == status
    assert error.problems == ("InvalidInput: Not like this",)
    assert "InvalidInput: Not like this." in str(error)
    assert "buyer@example.com" not in str(error)
    assert len(amazon.calls) == 1


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ({"code": "A", "message": "b"}, ("A: b",)),
        (["just text"], ()),
        ("text", ()),
        ([{"message": "x" * 1000}], ("x" * 300,)),
        ([{"code": str(number)} for number in range(9)], ("0", "1", "2", "3", "4")),
        ([{}], ()),
    ],
)
def test_whatever_shape_the_errors_have_a_refusal_stays_a_refusal(amazon, gateway, errors, words):
    amazon.usual = Reply(status=400, body={"errors": errors, "headers": {"a": 1}})
    with pytest.raises(RequestRejected) as caught:
        get_order(gateway)
    assert caught.value.problems == words


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [amazon_error("Unauthorized", "Denied."), {"message": "Forbidden"}, HTML])
def test_access_is_tried_once_more_with_a_fresh_token_and_then_refused(amazon, gateway, status, body):
    amazon.usual = Reply(status=status, body=body)
    with pytest.raises(AccessRefused) as caught:
        search(gateway)
    assert caught.value.status == status
    assert [seen.headers["x-amz-access-token"] for seen in amazon.calls] == ["Atza|1", "Atza|2"]


def test_a_token_that_died_early_is_replaced_without_anyone_noticing(amazon, gateway):
    search(gateway)
    amazon.answer(Reply(status=403, body=amazon_error("Unauthorized", "The access token has expired.")))
    search(gateway)
    assert len(amazon.logins) == 2
    assert gateway.requests == {"searchOrders": 3}


def test_other_trouble_after_the_fresh_token_has_its_own_name(amazon, gateway):
    amazon.answer(Reply(status=403, body={}), Reply(status=400, body=amazon_error()))
    with pytest.raises(RequestRejected):
        search(gateway)


@pytest.mark.parametrize("body", [{}, {"payload": {"orders": []}}, [], [{"orders": []}]])
def test_a_success_without_its_own_key_is_not_a_success(amazon, gateway, body):
    amazon.usual = Reply(body=body)
    with pytest.raises(UnexpectedPayload, match="no orders"):
        search(gateway)
    assert len(amazon.calls) == 1


def test_a_stumble_inside_the_library_has_a_name_too(gateway, monkeypatch):
    def stumble(**_):
        raise TypeError("url with secrets")

    monkeypatch.setattr(gateway._clients["orders"], "search_orders", stumble)
    with pytest.raises(UnexpectedPayload, match=r"failed within \(TypeError\)"):
        search(gateway)


# --- limits and patience -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [amazon_error("QuotaExceeded", "Slow down."), {"message": "Limit"}, HTML, ""]
)
def test_a_throttled_call_waits_for_its_bucket_and_goes_on(amazon, clock, gateway, body):
    amazon.answer(Reply(status=429, body=body))
    search(gateway)
    assert clock.elapsed >= 1 / 0.0056
    assert (gateway.throttled, gateway.requests["searchOrders"]) == (1, 2)


def test_amazons_own_retry_after_is_honoured(amazon, clock, gateway):
    amazon.answer(Reply(status=429, body="", headers={"Retry-After": "33"}))
    get_order(gateway)
    assert 33 <= clock.elapsed < 36


def test_a_retry_after_may_be_a_date(amazon, clock, gateway):
    header = format_datetime(START + timedelta(seconds=40), usegmt=True)
    amazon.answer(Reply(status=429, body="", headers={"Retry-After": header, "Date": format_datetime(START)}))
    get_order(gateway)
    assert 40 <= clock.elapsed < 45


def test_a_long_ban_ends_the_call_and_the_following_ones_at_once(amazon, clock, gateway):
    amazon.usual = Reply(status=429, body="", headers={"Retry-After": "7200"})
    with pytest.raises(Throttled) as caught:
        get_order(gateway)
    assert (caught.value.status, caught.value.retry_after_seconds) == (429, 7200)
    with pytest.raises(Throttled, match="quota is spent"):
        get_order(gateway)
    assert clock.elapsed == 0
    assert len(amazon.calls) == 1


def test_a_storm_of_refusals_ends_in_throttled(amazon, clock, gateway):
    amazon.usual = Reply(status=429, body="")
    with pytest.raises(Throttled):
        search(gateway)
    assert clock.elapsed < 1000
    assert gateway.throttled == len(amazon.calls) <= 6


def test_the_rate_amazon_names_is_learned(amazon, gateway):
    amazon.answer(
        Reply(body={"orders": []}, headers={"x-amzn-RateLimit-Limit": "0.5"}),
        Reply(body={"orders": []}, headers={"x-amzn-RateLimit-Limit": "many"}),
    )
    search(gateway)
    search(gateway)
    assert gateway.throttle.rate("searchOrders") == 0.5


def test_a_refusal_may_name_the_rate_too(amazon, gateway):
    amazon.answer(Reply(status=404, body=amazon_error(), headers={"x-amzn-RateLimit-Limit": "7"}))
    with pytest.raises(RequestRejected):
        get_order(gateway)
    assert gateway.throttle.rate("getOrder") == 7


def test_a_preview_teaches_no_rate_because_it_has_two(amazon, gateway):
    amazon.usual = Reply(body={"sku": "A", "status": "VALID"}, headers={"x-amzn-RateLimit-Limit": "50"})
    gateway.call("patchListingsItem", "S", "A", params={}, body={}, preview=True)
    assert gateway.throttle.rate("patchListingsItem") == 5
    assert gateway.requests == {"patchListingsItem": 1}


def test_a_stopping_daemon_ends_a_pause_at_once(amazon, clock, gateway):
    class Stopping(Exception):
        pass

    def called_off(seconds):
        raise Stopping

    amazon.usual = Reply(status=503)
    clock.sleep = called_off
    with pytest.raises(Stopping):
        search(gateway)
    assert len(amazon.calls) == 1


# --- tokens --------------------------------------------------------------------------------------


def test_twenty_threads_with_no_token_ask_for_one(amazon, connect):
    amazon.login_delay = 0.1
    gateway = connect(throttle=Throttle(VirtualClock(), rate_factor=100))
    problems = []

    def work():
        try:
            search(gateway)
        except RemoteError as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(amazon.logins) == 1
    assert gateway.requests == {"searchOrders": 20}


def test_twenty_threads_with_a_dead_token_renew_it_once(amazon, connect):
    gateway = connect(throttle=Throttle(VirtualClock(), rate_factor=100))
    search(gateway)
    denied = Reply(status=403, body=amazon_error("Unauthorized", "Expired."), delay=0.2)
    amazon.to_token["Atza|1"] = denied
    threads = [threading.Thread(target=search, args=(gateway,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(amazon.logins) == 2


def test_a_token_is_renewed_a_minute_before_it_expires(amazon, clock, gateway):
    search(gateway)
    clock.sleep(3539)
    search(gateway)
    assert len(amazon.logins) == 1
    clock.sleep(1)
    search(gateway)
    assert len(amazon.logins) == 2


def test_a_short_lived_token_is_used_for_half_its_life(amazon, clock, gateway):
    amazon.token_seconds = 1
    search(gateway)
    search(gateway)
    assert len(amazon.logins) == 1
    clock.sleep(2)
    search(gateway)
    assert len(amazon.logins) == 2


@pytest.mark.parametrize("lifetime", [None, "soon", True, -5, float("nan")])
def test_a_token_of_unknown_life_is_taken_for_a_usual_one(amazon, clock, gateway, lifetime):
    amazon.login_replies.append(Reply(body={"access_token": "Atza|x", "expires_in": lifetime}))
    search(gateway)
    clock.sleep(3000)
    search(gateway)
    assert len(amazon.logins) == 1


@pytest.mark.parametrize(
    ("status", "error", "advice"),
    [
        (400, "invalid_grant", "Authorize the application again"),
        (401, "invalid_client", "180 days"),
        (400, "unauthorized_client", "Check the client id"),
    ],
)
def test_credentials_that_amazon_refuses_are_not_tried_again_for_a_minute(
    amazon, clock, gateway, status, error, advice
):
    refusal = Reply(status=status, body={"error": error, "error_description": "No such luck"})
    amazon.login_replies.extend([refusal])
    for _ in range(3):
        with pytest.raises(AccessRefused, match=f"{error}: No such luck") as caught:
            search(gateway)
        assert (caught.value.status, caught.value.operation) == (status, "token")
        assert advice in str(caught.value)
        assert "refresh-me" not in str(caught.value)
    assert (len(amazon.logins), len(amazon.calls)) == (1, 0)
    clock.sleep(60)
    search(gateway)
    assert len(amazon.logins) == 2


def test_a_refusal_without_words_is_a_refusal(amazon, gateway):
    amazon.login_replies.append(Reply(status=400, body={}))
    with pytest.raises(AccessRefused, match="without a reason"):
        search(gateway)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=503, body=HTML),
        Reply(status=500, body={"error": "server_error"}),
        Reply(status=403, body=HTML),
        Reply(status=200, body=HTML),
        Reply(status=429, body=""),
        Reply(reset=True),
    ],
    ids=["503 page", "500", "403 page", "200 page", "429", "reset"],
)
def test_a_login_in_trouble_is_asked_again(amazon, gateway, reply):
    amazon.login_replies.append(reply)
    search(gateway)
    assert len(amazon.logins) == 2
    assert len(amazon.calls) == 1


def test_threads_waiting_behind_a_failed_login_share_its_failure(amazon, gateway):
    amazon.login_replies.append(Reply(status=503, delay=0.2))
    tokens = gateway._tokens
    outcomes = []

    def work():
        try:
            outcomes.append(tokens.token(CREDENTIALS))
        except Unavailable:
            outcomes.append("unavailable")

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(outcomes) == {"unavailable": 10}
    assert len(amazon.logins) == 1


def test_credentials_revoked_during_a_long_wait_are_refused_by_name(amazon, clock, gateway):
    amazon.token_seconds = 100
    search(gateway)
    gateway.throttle.empty("searchOrders")
    admit = gateway._wait_for_admission

    def wait_and_expire(operation, limit):
        admit(operation, limit)
        amazon.login_replies.append(Reply(status=400, body={"error": "invalid_grant"}))

    gateway._wait_for_admission = wait_and_expire
    with pytest.raises(AccessRefused, match="invalid_grant"):
        search(gateway)
    assert len(amazon.calls) == 1


@pytest.mark.parametrize("body", [{}, {"access_token": ""}, {"access_token": 5}])
def test_a_login_without_a_token_is_not_understood(amazon, gateway, body):
    amazon.login_replies.append(Reply(body=body))
    with pytest.raises(UnexpectedPayload, match="no access token"):
        search(gateway)


def test_two_sellers_never_share_a_token(amazon, connect):
    search(connect())
    search(connect(credentials=dataclasses.replace(CREDENTIALS, refresh_token="another")))
    assert [seen.headers["x-amz-access-token"] for seen in amazon.calls] == ["Atza|1", "Atza|2"]


def test_credentials_do_not_show_when_printed():
    assert "s3cret" not in repr(CREDENTIALS)
    assert "refresh-me" not in repr(CREDENTIALS)


# --- what is written down ------------------------------------------------------------------------


def test_each_request_is_one_line_without_secrets_or_addresses(amazon, gateway):
    with structlog.testing.capture_logs() as lines:
        search(gateway)
        amazon.answer(Reply(reset=True))
        search(gateway)
    assert [line["event"] for line in lines] == [REQUEST_SENT] * 3
    assert lines[0] == {
        "event": "request_sent",
        "log_level": "debug",
        "operation": "searchOrders",
        "status": 200,
        "outcome": "answered",
        "seconds": 0.0,
        "request_id": "req-1",
    }
    assert (lines[1]["status"], lines[1]["request_id"]) == (None, None)
    assert lines[1]["outcome"] == "ReadError"


def test_no_logger_prints_a_token_even_when_everything_is_logged(amazon, caplog, connect):
    for name in ("sp_api", "httpx", "httpcore", "sp_api.base.client"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    search(connect())
    assert "Atza" not in caplog.text
    assert "refresh-me" not in caplog.text
    assert "lastUpdatedAfter" not in caplog.text


def test_errors_are_rooted_in_their_cause_but_show_no_token(amazon, gateway):
    amazon.usual = Reply(reset=True)
    with pytest.raises(Unavailable) as caught:
        search(gateway)
    assert "Atza" not in str(caught.value)
    assert amazon.url not in str(caught.value)


# --- the account ---------------------------------------------------------------------------------


def test_the_clocks_difference_is_measured_with_one_small_read(amazon, account):
    amazon.usual = Reply(
        body={"items": []}, headers={"Date": format_datetime(START - timedelta(seconds=90), usegmt=True)}
    )
    assert account.server_time_skew() == timedelta(seconds=90)
    assert dict(amazon.calls[0].query)["pageSize"] == "1"
    assert len(amazon.calls) == 1


def test_a_clock_slower_than_amazons_shows_as_negative(amazon, account):
    amazon.usual = Reply(
        body={"items": []}, headers={"Date": format_datetime(START + timedelta(seconds=5), usegmt=True)}
    )
    assert account.server_time_skew() == timedelta(seconds=-5)


def test_an_amazon_that_does_not_tell_the_time_measures_nothing(amazon, account):
    amazon.usual = Reply(body={"items": []}, headers={"Date": "sometime"})
    assert account.server_time_skew() is None


def test_importing_the_account_does_not_load_the_amazon_library():
    code = "import sys, fbm_sync.adapters.spapi.account; sys.exit('sp_api' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_operations_known_are_those_with_a_limit():
    assert set(gateway_module.OPERATIONS) <= set(gateway_module.Throttle(VirtualClock()).tokens_left())
