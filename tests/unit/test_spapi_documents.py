"""Documents behind addresses of their own, over real HTTP against a store that misbehaves on demand."""

import contextlib
import gzip
import logging
import ssl
import traceback

import httpx
import pytest
import structlog

from fbm_sync.adapters.spapi.answers import Answer
from fbm_sync.adapters.spapi.documents import AddressExpired, Documents, read_text
from fbm_sync.errors import RequestRejected, Unavailable, UnexpectedPayload
from fbm_sync.logs import REQUEST_SENT

from misbehaving import HTML, Reply, VirtualClock, gateway_at, misbehaving_amazon

KEY = "X-Amz-Signature=very-secret"
TEXT = "sku\tquantity\r\nMUG\t4\r\n"
PACKED = gzip.compress(TEXT.encode())
UTF8 = {"content-type": "text/plain; charset=UTF-8"}


def refusal(code, status=403):
    body = f"<?xml version='1.0'?>\n<Error><Code>{code}</Code><StringToSign>{KEY}</StringToSign></Error>"
    return Reply(status=status, body=body, headers={"content-type": "application/xml"})


@pytest.fixture
def amazon():
    with misbehaving_amazon() as amazon:
        amazon.usual = Reply(body=TEXT, headers=UTF8)
        yield amazon


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def gateway(amazon, clock):
    with contextlib.closing(gateway_at(amazon, clock)) as gateway:
        yield gateway


@pytest.fixture
def documents(gateway):
    return gateway.documents


@pytest.fixture
def address(amazon):
    return f"{amazon.url}/documents/d1?X-Amz-Expires=300&{KEY}"


def make(clock, endpoint, *, timeout=5, **options):
    """The way to the store alone, as a gateway makes it."""
    return Documents(
        clock,
        endpoint=endpoint,
        verify=ssl.create_default_context(),
        timeout=httpx.Timeout(timeout),
        count=lambda _: None,
        **options,
    )


def spoken(error):
    """All that a person or a log could get to see of an error."""
    return "".join(traceback.format_exception(error)) + repr(error)


def test_a_document_that_comes_drop_by_drop_is_given_up_on(amazon, clock):
    amazon.usual = Reply(body=TEXT, headers=UTF8, drip=0.05)
    documents = make(clock, amazon.url, longest_seconds=0.12)
    with contextlib.closing(documents), pytest.raises(Unavailable, match="ReadTimeout"):
        documents.download(f"{amazon.url}/documents/d1", compressed=False)


# --- storing ------------------------------------------------------------------------------------------


def test_a_document_is_stored_with_its_content_type_and_without_our_access_token(amazon, documents, address):
    documents.upload(address, "Käse".encode(), "application/json; charset=UTF-8")
    (seen,) = amazon.calls
    assert (seen.method, seen.path, seen.body) == ("PUT", "/documents/d1", "Käse".encode())
    assert dict(seen.query)["X-Amz-Signature"] == "very-secret"
    assert seen.headers["content-type"] == "application/json; charset=UTF-8"
    assert "x-amz-access-token" not in seen.headers


def test_any_kind_of_success_is_a_stored_document(amazon, documents, address):
    amazon.answer(Reply(status=201), Reply(status=204))
    documents.upload(address, b"1", "text/plain")
    documents.upload(address, b"2", "text/plain")
    assert len(amazon.calls) == 2


def test_an_interrupted_upload_is_repeated_to_the_letter(amazon, documents, address):
    amazon.answer(Reply(reset=True), Reply(status=503, body=HTML))
    documents.upload(address, b"all of it", "text/plain")
    assert [seen.body for seen in amazon.calls] == [b"all of it"] * 3


# --- fetching -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "compressed"),
    [
        (TEXT, {}, False),
        (TEXT, {"content-encoding": "identity"}, False),
        (PACKED, {}, True),
        (PACKED, {"content-encoding": "identity"}, True),
        (PACKED, {"content-encoding": "gzip"}, True),
        (PACKED, {"content-encoding": "GZIP"}, False),
        (gzip.compress(TEXT[:9].encode()) + gzip.compress(TEXT[9:].encode()), {}, True),
    ],
    ids=[
        "plain",
        "plain, says so",
        "packed",
        "packed, says no",
        "packed, says so twice",
        "on the way",
        "two parts",
    ],
)
def test_a_document_is_unpacked_once_however_often_it_says_that_it_is_packed(
    amazon, documents, address, body, headers, compressed
):
    amazon.usual = Reply(body=body, headers=UTF8 | headers)
    assert documents.download(address, compressed=compressed) == TEXT
    assert amazon.calls[0].headers["accept-encoding"] == "identity"
    assert "x-amz-access-token" not in amazon.calls[0].headers


def test_a_large_document_arrives_whole(amazon, documents, address):
    text = "".join(f"{number}\t{number * 7919 % 1000003}\n" for number in range(300_000)) + "0" * 3_000_000
    amazon.usual = Reply(body=gzip.compress(text.encode(), compresslevel=1), headers=UTF8)
    assert documents.download(address, compressed=True) == text


@pytest.mark.parametrize("size", [2**20 - 1, 2**20, 2**20 + 1, 2**20 + 200, 3 * 2**20])
def test_a_document_that_is_nearly_nothing_but_repetition_arrives_whole(amazon, documents, address, size):
    amazon.usual = Reply(body=gzip.compress(b"0" * size), headers=UTF8)
    assert documents.download(address, compressed=True) == "0" * size


def test_an_empty_document_is_an_empty_text(amazon, documents, address):
    amazon.usual = Reply(body=gzip.compress(b""))
    assert documents.download(address, compressed=True) == ""


USELESS = {
    "500": (Reply(status=500, body=HTML), False),
    "slow down": (refusal("SlowDown", 503), False),
    "timed out there": (refusal("RequestTimeout", 400), False),
    "redirect": (Reply(status=302, body=HTML, headers={"location": "/elsewhere"}), False),
    "part": (Reply(status=206, body="sku\t"), False),
    "proxy's refusal": (Reply(status=403, body=HTML), False),
    "proxy's long refusal": (Reply(status=403, body="x" * 9000), False),
    "reset": (Reply(reset=True), False),
    "shorter than announced": (Reply(body=TEXT, cut=True), False),
    "packed, shorter than announced": (Reply(body=PACKED, cut=True), True),
    "cut gzip": (Reply(body=PACKED[:-9]), True),
    "no gzip at all": (Reply(body=b""), True),
    "plain where packed was said": (Reply(body=TEXT), True),
    "garbage behind": (Reply(body=PACKED + b"garbage"), True),
    "one byte behind": (Reply(body=PACKED + b"\x1f"), True),
    "damaged": (Reply(body=PACKED[:20] + b"\xff" + PACKED[21:]), True),
    "packed otherwise": (Reply(body=TEXT, headers={"content-encoding": "br"}), False),
    "web page": (Reply(body="\n<!DOCTYPE html><html>Sign in</html>"), False),
    "packed web page": (Reply(body=gzip.compress(b"\xef\xbb\xbf <HTML>")), True),
}


@pytest.mark.parametrize(("useless", "compressed"), USELESS.values(), ids=USELESS)
def test_one_useless_answer_of_the_store_is_survived(amazon, documents, address, useless, compressed):
    good = Reply(body=PACKED if compressed else TEXT, headers=UTF8)
    amazon.answer(useless, good)
    assert documents.download(address, compressed=compressed) == TEXT
    assert len(amazon.calls) == 2


@pytest.mark.parametrize("name", USELESS)
def test_only_useless_answers_are_unavailable_and_no_text_at_all(amazon, clock, documents, address, name):
    amazon.usual, compressed = USELESS[name]
    with pytest.raises(Unavailable) as caught:
        documents.download(address, compressed=compressed)
    assert caught.value.operation == "downloadDocument"
    assert len(amazon.calls) == 4
    assert 3 < clock.elapsed < 30
    assert "very-secret" not in spoken(caught.value)


def test_a_store_that_is_too_slow_is_given_up_on(amazon, clock, address):
    documents = make(clock, amazon.url, timeout=0.2)
    amazon.answer(Reply(delay=0.5, body="late"))
    assert documents.download(address, compressed=False) == TEXT
    documents.close()


def test_a_store_that_is_not_there_is_unavailable_without_telling_its_address(clock):
    documents = make(clock, "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="ConnectError") as caught:
        documents.download(f"http://127.0.0.1:9/d?{KEY}", compressed=False)
    documents.close()
    assert "very-secret" not in spoken(caught.value)
    assert caught.value.__suppress_context__  # the request behind it knows the address


def test_a_stopping_daemon_does_not_wait_for_the_store(amazon, clock, documents, address):
    class Stopping(Exception):
        pass

    def called_off(seconds):
        raise Stopping

    amazon.usual, clock.sleep = Reply(status=503), called_off
    with pytest.raises(Stopping):
        documents.download(address, compressed=False)


# --- addresses ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [refusal("AccessDenied"), refusal("SignatureDoesNotMatch"), refusal("ExpiredToken", 400)],
)
@pytest.mark.parametrize("way", ["up", "down"])
def test_an_address_that_has_died_is_named_at_once_and_not_told(amazon, documents, address, answer, way):
    amazon.usual = answer
    ask = {
        "up": lambda: documents.upload(address, b"1", "text/plain"),
        "down": lambda: documents.download(address, compressed=True),
    }
    with pytest.raises(AddressExpired, match="fresh address") as caught:
        ask[way]()
    assert caught.value.status == answer.status
    assert len(amazon.calls) == 1
    assert "very-secret" not in spoken(caught.value)


@pytest.mark.parametrize("answer", [refusal("NoSuchKey", 404), refusal("EntityTooLarge", 400)])
def test_any_other_refusal_of_the_store_is_a_refusal(amazon, documents, address, answer):
    amazon.usual = answer
    with pytest.raises(RequestRejected) as caught:
        documents.download(address, compressed=False)
    assert not isinstance(caught.value, AddressExpired)
    assert len(amazon.calls) == 1


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/d?" + KEY,
        "ftp://127.0.0.1/d?" + KEY,
        "",
        "https:///d",
        "http://[::1/d?" + KEY,
        "d\x00",
    ],
)
def test_nothing_is_sent_to_an_address_where_others_could_read_along(amazon, documents, address):
    for ask in (
        lambda: documents.download(address, compressed=False),
        lambda: documents.upload(address, b"1", "text/plain"),
    ):
        with pytest.raises(UnexpectedPayload, match="https://") as caught:
            ask()
        assert "very-secret" not in spoken(caught.value)
    assert amazon.calls == []


def test_the_real_amazon_is_never_met_without_encryption(clock, amazon):
    documents = make(clock, "https://sellingpartnerapi-na.amazon.com")
    with pytest.raises(UnexpectedPayload, match="https://"):
        documents.download(amazon.url + "/d", compressed=False)
    documents.close()
    assert amazon.calls == []


def test_an_encrypted_address_is_used_whatever_its_host(clock):
    documents = make(clock, "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="ConnectError"):
        documents.download("https://127.0.0.1:9/d", compressed=False)
    documents.close()


# --- asking for an address, then using it -------------------------------------------------------------


def answer_with(address, **more):
    return Answer(status=200, headers={}, body={"url": address} | more)


def test_an_address_that_has_died_meanwhile_is_asked_for_once_more(amazon, documents, address):
    amazon.answer(refusal("AccessDenied"), Reply(body=PACKED, headers=UTF8))
    asked = []

    def ask():
        asked.append(True)
        return answer_with(address, compressionAlgorithm="GZIP")

    assert documents.fetch(ask) == TEXT
    assert len(asked) == 2


def test_an_address_that_is_always_dead_is_asked_for_twice_and_no_more(amazon, documents, address):
    amazon.usual = refusal("AccessDenied")
    with pytest.raises(AddressExpired):
        documents.fetch(lambda: answer_with(address))
    assert len(amazon.calls) == 2


def test_a_packing_that_amazon_has_just_invented_is_not_guessed_at(amazon, documents, address):
    with pytest.raises(UnexpectedPayload, match="unknown way"):
        documents.fetch(lambda: answer_with(address, compressionAlgorithm="ZSTD"))
    assert amazon.calls == []


def test_an_answer_without_an_address_is_not_understood(documents):
    with pytest.raises(UnexpectedPayload, match="https://"):
        documents.fetch(lambda: answer_with(None))


# --- size ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "compressed"),
    [
        (b"x" * 100_001, False),
        (gzip.compress(b"\0" * 50_000_000, compresslevel=9), True),
        (gzip.compress(b"") * 6_000, True),
    ],
    ids=["plain", "a bomb", "much ado about nothing"],
)
def test_a_document_without_measure_does_not_fill_the_memory(clock, amazon, address, body, compressed):
    documents = make(clock, amazon.url, most_bytes=100_000)
    amazon.usual = Reply(body=body)
    with pytest.raises(UnexpectedPayload, match=r"larger than 100,000 bytes.*shorter time"):
        documents.download(address, compressed=compressed)
    documents.close()
    assert len(amazon.calls) == 1


def test_a_document_of_just_the_size_allowed_is_read(clock, amazon, address):
    documents = make(clock, amazon.url, most_bytes=100_000)
    amazon.usual = Reply(body=b"x" * 100_000)
    assert documents.download(address, compressed=False) == "x" * 100_000
    documents.close()


# --- text ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "written_as"),
    [
        (None, "utf-8"),
        ("text/plain", "utf-8-sig"),
        ("text/plain;charset=UTF-8", "utf-8"),
        ('text/plain; charset="utf8"', "utf-8-sig"),
        ("text/plain;charset=Cp1252", "cp1252"),
        ("text/plain; charset=ISO-8859-15", "iso-8859-15"),
        ("text/plain; charset=UTF-16", "utf-16"),
    ],
)
def test_letters_survive_in_every_declared_charset(amazon, documents, address, content_type, written_as):
    headers = {} if content_type is None else {"content-type": content_type}
    amazon.usual = Reply(body="Café €".encode(written_as), headers=headers)
    assert documents.download(address, compressed=False) == "Café €"


@pytest.mark.parametrize("charset", ["Windows-31J", "Shift_JIS", "cp932", "MS932"])
def test_japanese_reports_are_read_too(charset):
    assert read_text("出品者SKU".encode("cp932"), charset) == "出品者SKU"


def test_a_letter_that_only_windows_japanese_has_is_read():
    assert read_text("①".encode("cp932"), "windows-31j") == "①"


@pytest.mark.parametrize(
    ("content", "charset", "words"),
    [
        ("Café".encode("cp1252"), "UTF-8", r"not utf-8 text \(byte 4\); it declares utf-8"),
        ("Café".encode("cp1252"), None, "not utf-8 text .* declares no charset"),
        (b"\x81\x20", "windows-31j", "not windows-31j text"),
        (b"a", "ascii-of-mars", "'ascii-of-mars' is unknown"),
        (b"a", "hex", "'hex' is unknown"),
        (b"a", "undefined", "'undefined' is unknown"),
        (b"a", "a\x00b", "unknown"),
    ],
)
def test_what_is_not_in_its_charset_is_refused_rather_than_garbled(content, charset, words):
    with pytest.raises(UnexpectedPayload, match=words) as caught:
        read_text(content, charset)
    assert "Seller Central" in str(caught.value)


def test_a_wrong_charset_is_not_asked_for_again(amazon, documents, address):
    amazon.usual = Reply(body="Café".encode("cp1252"), headers=UTF8)
    with pytest.raises(UnexpectedPayload, match="utf-8"):
        documents.download(address, compressed=False)
    assert len(amazon.calls) == 1


# --- what is written down -----------------------------------------------------------------------------


def test_each_try_is_counted_and_is_one_line_without_the_address(amazon, gateway, address):
    amazon.answer(
        Reply(reset=True),
        Reply(body=TEXT, headers=UTF8 | {"x-amz-request-id": "S3-1"}),
        refusal("AccessDenied"),
    )
    with structlog.testing.capture_logs() as lines:
        gateway.documents.download(address, compressed=False)
        with pytest.raises(AddressExpired):
            gateway.documents.upload(address, b"1", "text/plain")
    assert gateway.requests == {"downloadDocument": 2, "uploadDocument": 1}
    assert [(line["event"], line["log_level"]) for line in lines] == [(REQUEST_SENT, "debug")] * 3
    assert [(line["operation"], line["status"], line["outcome"], line["request_id"]) for line in lines] == [
        ("downloadDocument", None, "ReadError", None),
        ("downloadDocument", 200, "answered", "S3-1"),
        ("uploadDocument", 403, "AddressExpired", None),
    ]
    assert "very-secret" not in str(lines)


def test_no_logger_prints_an_address_even_when_everything_is_logged(amazon, caplog, clock, address):
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    gateway = gateway_at(amazon, clock)
    gateway.documents.download(address, compressed=False)
    gateway.close()
    assert "very-secret" not in caplog.text
