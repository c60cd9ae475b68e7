"""Documents: what Amazon keeps behind addresses of their own, good for five minutes and for whoever has them.

Here: uploading and downloading, unpacking, reading as text, and the names of what can go wrong on the way.
Both may be tried again: the same bytes at the same address, or the same document once more. Not here: what
a document says (`feeds`, `reports`). An address is a key: it is never logged and never put into an error.
"""

import re
import ssl
import zlib
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TypeVar

import httpx
import structlog
import tenacity

from fbm_sync.adapters.spapi.answers import Answer
from fbm_sync.adapters.spapi.reading import text
from fbm_sync.adapters.spapi.wire import connect
from fbm_sync.errors import RemoteError, RequestRejected, Unavailable, UnexpectedPayload
from fbm_sync.logs import REQUEST_SENT
from fbm_sync.ports import Clock
from fbm_sync.settings.notation import is_loopback

UPLOAD, DOWNLOAD = "uploadDocument", "downloadDocument"

_MOST_ATTEMPTS = 4
_LONGEST_SECONDS = 900.0
"""How long one document may take to come in."""

_MOST_BYTES = 512 * 1024 * 1024
"""No document of a seller's account comes near: a bigger one is a mistake, and would fill the memory."""

_PIECE_BYTES = 1024 * 1024
_EXCERPT_BYTES = 4096
_GZIP = 16 + zlib.MAX_WBITS
_WHOLE = frozenset({"", "identity", "gzip"})
_PAGE = re.compile(rb"\s*(\xef\xbb\xbf)?\s*<(!doctype\s+html|html)", re.IGNORECASE)
_CODE = re.compile(rb"<Code>([A-Za-z]{1,60})</Code>")
_UTF8 = frozenset({"utf-8", "utf8"})
_OTHER_NAMES = {"windows-31j": "cp932", "ms932": "cp932"}

_log = structlog.get_logger(__name__)
_Received = TypeVar("_Received")


class AddressExpired(RequestRejected):
    """The address of a document is no longer good; a fresh one may be asked for."""

    default_next_step = "A fresh address is asked for with the next try."


class Documents:
    """The way to Amazon's document store; safe for any number of threads.

    `count` hears of each try. Nothing but https is spoken, except with an Amazon that stands on this machine.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        endpoint: str,
        verify: ssl.SSLContext,
        timeout: httpx.Timeout,
        count: Callable[[str], None],
        most_bytes: int = _MOST_BYTES,
        longest_seconds: float = _LONGEST_SECONDS,
    ) -> None:
        self._clock = clock
        self._count = count
        self._most_bytes = most_bytes
        self._is_local = _is_local(httpx.URL(endpoint))
        self._client = connect(endpoint, verify=verify, timeout=timeout, longest_seconds=longest_seconds)

    def upload(self, url: str, content: bytes, content_type: str) -> None:
        """Store a document; the content type has to be the one its address was made for.

        Raises `AddressExpired` for an address that is no longer good, `RequestRejected` or `Unavailable`.
        """

        def put(address: httpx.URL) -> httpx.Request:
            return self._client.build_request(
                "PUT", address, content=content, headers={"content-type": content_type}
            )

        self._patiently(UPLOAD, url, put, lambda _: None)

    def download(self, url: str, *, compressed: bool) -> str:
        """Fetch a document as text; `compressed` is Amazon's word on how it is stored.

        Raises `AddressExpired` for an address that is no longer good, `UnexpectedPayload` for what is too
        large or cannot be read as text, `RequestRejected` or `Unavailable`; nothing is ever read in part.
        """

        def get(address: httpx.URL) -> httpx.Request:
            # No packing on the way: what is stored packed is unpacked here, once and to the end.
            return self._client.build_request("GET", address, headers={"accept-encoding": "identity"})

        def receive(response: httpx.Response) -> tuple[bytes, str | None]:
            content = _whole(response, compressed=compressed, most_bytes=self._most_bytes)
            if _PAGE.match(content):
                raise Unavailable("a web page came instead of the document.", operation=DOWNLOAD)
            return content, response.charset_encoding

        content, charset = self._patiently(DOWNLOAD, url, get, receive)
        return read_text(content, charset)

    def fetch(self, ask: Callable[[], Answer]) -> str:
        """Ask Amazon where a document is and download it; should the address have died, once more."""
        try:
            return self._download_from(ask())
        except AddressExpired:
            return self._download_from(ask())

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _download_from(self, answer: Answer) -> str:
        body = answer.body or {}
        url, packing = text(body, "url"), body.get("compressionAlgorithm")
        if packing not in (None, "GZIP"):
            raise UnexpectedPayload(
                "the document is packed in an unknown way.",
                operation=DOWNLOAD,
                next_step="Please report it: fbm_sync has to learn to unpack it.",
            )
        return self.download(url or "", compressed=packing is not None)

    def _patiently(
        self,
        operation: str,
        url: str,
        build: Callable[[httpx.URL], httpx.Request],
        receive: Callable[[httpx.Response], _Received],
    ) -> _Received:
        """Try again what may succeed later, with growing, jittered pauses."""
        address = self._checked(operation, url)
        retrying = tenacity.Retrying(
            sleep=self._clock.sleep,
            stop=tenacity.stop_after_attempt(_MOST_ATTEMPTS),
            wait=tenacity.wait_exponential_jitter(initial=1, max=30, jitter=1),
            retry=tenacity.retry_if_exception_type(Unavailable),
            reraise=True,
        )
        return retrying(lambda: self._attempt(operation, build(address), receive))

    def _checked(self, operation: str, url: str) -> httpx.URL:
        """Refuse an address that would show the document to others on the way."""
        try:
            address = httpx.URL(url)
        except httpx.InvalidURL:
            address = httpx.URL()
        if address.host and (address.scheme == "https" or (self._is_local and _is_local(address))):
            return address
        raise UnexpectedPayload(
            "the document's address is not one that begins with https://.",
            operation=operation,
            next_step="Nothing was sent there. Check the account's endpoint; please report it.",
        )

    def _attempt(
        self, operation: str, request: httpx.Request, receive: Callable[[httpx.Response], _Received]
    ) -> _Received:
        """Send once, count it and log it."""
        self._count(operation)
        started_at = self._clock.now()
        response: httpx.Response | None = None
        outcome = "answered"
        try:
            response = self._client.send(request, stream=True)
            _require_success(operation, response)
            return receive(response)
        except RemoteError as error:
            outcome = type(error).__name__
            raise
        except (httpx.HTTPError, OSError, zlib.error) as error:
            outcome = type(error).__name__
            # Without its cause, which knows the address.
            raise Unavailable(f"no whole document ({outcome}).", operation=operation) from None
        finally:
            if response is not None:
                response.close()
            _log.debug(
                REQUEST_SENT,
                operation=operation,
                status=None if response is None else response.status_code,
                outcome=outcome,
                seconds=round((self._clock.now() - started_at).total_seconds(), 3),
                request_id=None if response is None else _request_id(response),
            )


def read_text(content: bytes, charset: str | None) -> str:
    """Return a document's text in the charset it declares, or in UTF-8; a mark at the beginning is no text.

    Raises `UnexpectedPayload` rather than let a wrong guess spoil a single letter.
    """
    declared = (charset or "utf-8").strip().lower()
    name = "utf-8-sig" if declared in _UTF8 else _OTHER_NAMES.get(declared, declared)
    try:
        return content.decode(name)
    except UnicodeDecodeError as error:
        problem = f"the document is not {declared} text (byte {error.start + 1})"
    except (LookupError, ValueError):
        problem = f"the document's charset {declared[:40]!r} is unknown"
    told = "declares no charset" if charset is None else f"declares {declared[:40]}"
    raise UnexpectedPayload(
        f"{problem}; it {told}.",
        operation=DOWNLOAD,
        next_step=(
            "Nothing was read from it. Choose another encoding for the account's reports in Seller Central, "
            "or report which one the document has."
        ),
    )


def _is_local(address: httpx.URL) -> bool:
    return address.scheme == "http" and is_loopback(address.host)


def _request_id(response: httpx.Response) -> str | None:
    request_id: str | None = response.headers.get("x-amz-request-id")
    return request_id


def _require_success(operation: str, response: httpx.Response) -> None:
    """Raise the named error for anything but success; only the store's own code word is ever told.

    What does not carry one does not come from the store, but from something on the way there.
    """
    status = response.status_code
    if response.status_code == HTTPStatus.OK or (operation == UPLOAD and response.is_success):
        return
    code = _code_word(response) if response.is_client_error else None
    kind: type[RemoteError] = Unavailable
    if code is not None and (status == HTTPStatus.FORBIDDEN or code == "ExpiredToken"):
        kind = AddressExpired
    elif code not in (None, "RequestTimeout", "SlowDown"):
        kind = RequestRejected
    raise kind(
        f"{code or 'no usable answer'}.", operation=operation, status=status, request_id=_request_id(response)
    )


def _code_word(response: httpx.Response) -> str | None:
    excerpt = b""
    for chunk in response.iter_raw():
        excerpt += chunk
        if len(excerpt) >= _EXCERPT_BYTES:
            break
    found = _CODE.search(excerpt[:_EXCERPT_BYTES])
    return found[1].decode("ascii") if found else None


def _whole(response: httpx.Response, *, compressed: bool, most_bytes: int) -> bytes:
    """Return a document unpacked, however many times it says that it is packed: it is so once."""
    encodings = {word.strip().lower() for word in response.headers.get("content-encoding", "").split(",")}
    if not encodings <= _WHOLE:
        raise Unavailable("the document is packed in a way that was not asked for.", operation=DOWNLOAD)
    packed = compressed or "gzip" in encodings
    unpacking = _Unpacking()
    content, received = bytearray(), 0
    for chunk in response.iter_raw():
        received += len(chunk)
        for piece in unpacking.pieces(chunk) if packed else (chunk,):
            content += piece
            if max(len(content), received) > most_bytes:
                raise UnexpectedPayload(
                    f"the document is larger than {most_bytes:,} bytes.",
                    operation=DOWNLOAD,
                    next_step="Nothing was read from it. Ask for a shorter time or fewer marketplaces.",
                )
    if packed and not unpacking.is_complete:
        raise Unavailable("the packed document ends too early.", operation=DOWNLOAD)
    return bytes(content)


class _Unpacking:
    """A gzip file on its way in; may have several parts. Anything else behind the end is a `zlib.error`."""

    def __init__(self) -> None:
        self._part = zlib.decompressobj(_GZIP)

    @property
    def is_complete(self) -> bool:
        """Whether the file has ended as it should."""
        return self._part.eof

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """Unpack in small pieces, so that a file that unpacks to a thousand times its size is noticed."""
        while chunk:
            if self._part.eof:
                self._part = zlib.decompressobj(_GZIP)
            # What a full piece holds back comes with the next one: a checksum follows, so there is one.
            yield self._part.decompress(chunk, _PIECE_BYTES)
            chunk = self._part.unconsumed_tail or self._part.unused_data
