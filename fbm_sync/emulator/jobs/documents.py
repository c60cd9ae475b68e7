"""Documents behind signed addresses that work for five minutes, and refuse the way S3 does."""

from __future__ import annotations

import gzip
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import urlencode

from fbm_sync.emulator.clock import format_instant
from fbm_sync.emulator.gate.exchange import Answer, Call
from fbm_sync.emulator.shop import JsonObject

FEED_DOCUMENT = "feedDocumentId"
REPORT_DOCUMENT = "reportDocumentId"
LIFETIME = timedelta(minutes=5)
_STAMP = "%Y%m%dT%H%M%SZ"
_GZIP_MAGIC = b"\x1f\x8b"
_CHARSET = "charset="


@dataclass(slots=True, kw_only=True)
class Document:
    """One file of the account; `content` is None as long as nothing was uploaded.

    `key` is what its id is called, as each API knows its own documents alone.
    """

    document_id: str
    key: str
    media_type: str
    content: bytes | None = None
    is_compressed: bool = False


class Documents:
    """Keeps what sellers upload and what Amazon answers with, and hands both out by signed address.

    An address is good for one document, one method and five minutes; for an upload also for one content
    type. No access token is needed, as the signature says it all.
    """

    def __init__(self, new_id: Callable[[], str], signing_key: str, *, compressed: bool) -> None:
        self._new_id = new_id
        self._key = signing_key.encode()
        self._compressed = compressed
        self._documents: dict[str, Document] = {}

    def expect_upload(self, content_type: str) -> Document:
        """A document yet to be uploaded, with exactly this content type."""
        return self._add(Document(document_id=self._new_id(), key=FEED_DOCUMENT, media_type=content_type))

    def keep(self, text: str, *, key: str, kind: str, charset: str) -> str:
        """Store a result for download and answer its id; what the charset lacks becomes a question mark."""
        content = text.encode(charset, "replace")
        document = Document(
            document_id=self._new_id(),
            key=key,
            media_type=f"{kind}; {_CHARSET}{charset}",
            content=gzip.compress(content, mtime=0) if self._compressed else content,
            is_compressed=self._compressed,
        )
        return self._add(document).document_id

    def _add(self, document: Document) -> Document:
        self._documents[document.document_id] = document
        return document

    def find(self, key: str, document_id: str) -> Document | None:
        """The document of that id, where it is one of that API's."""
        document = self._documents.get(document_id)
        return document if document is not None and document.key == key else None

    def upload_address(self, document: Document, call: Call, now: datetime) -> str:
        """Where the content may be put, at the address the caller came to."""
        return self._address(
            call, "PUT", document.document_id, now, {"X-Amz-SignedHeaders": "content-type;host"}
        )

    def download_facts(
        self, document: Document, call: Call, now: datetime, *, unpack: bool = False
    ) -> JsonObject:
        """What a client needs for fetching the content: the address, and the compression where there is one.

        With `unpack` the download has a Content-Encoding header: any HTTP client then decompresses by itself.
        """
        signed = {"X-Amz-SignedHeaders": "host"}
        if not document.is_compressed:
            return {"url": self._address(call, "GET", document.document_id, now, signed)}
        signed["response-content-encoding"] = "gzip" if unpack else "identity"
        url = self._address(call, "GET", document.document_id, now, signed)
        return {"url": url, "compressionAlgorithm": "GZIP"}

    def _address(
        self, call: Call, method: str, document_id: str, now: datetime, signed: dict[str, str]
    ) -> str:
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": now.strftime(_STAMP),
            "X-Amz-Expires": str(int(LIFETIME.total_seconds())),
        } | signed
        query["X-Amz-Signature"] = self._signature(method, document_id, query)
        return f"{call.origin}/documents/{document_id}?{urlencode(query)}"

    def _signature(self, method: str, document_id: str, query: dict[str, str]) -> str:
        document = self._documents.get(document_id)
        # The content type of an upload is signed although it stands in no parameter.
        bound = document.media_type if document and method == "PUT" else ""
        text = "\n".join([method, document_id, bound, urlencode(sorted(query.items()))])
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def upload(self, call: Call, now: datetime) -> Answer:
        """Take the content of a document; a second upload replaces the first."""
        document = self._documents.get(call.path_values["document_id"])
        refusal = self._refusal(call, "PUT", now)
        if refusal is not None or document is None:
            return refusal or _no_match()
        if call.headers.get("content-type", "").strip() != document.media_type:
            return _no_match()
        document.content = call.body
        return Answer(body=b"", media_type="text/plain")

    def download(self, call: Call, now: datetime) -> Answer:
        """Hand out the content as it is stored."""
        document = self._documents.get(call.path_values["document_id"])
        refusal = self._refusal(call, "GET", now)
        if refusal is not None or document is None:
            return refusal or _no_match()
        answer = Answer(body=document.content or b"", media_type=document.media_type)
        encoding = call.params.one("response-content-encoding")
        if encoding is not None:
            answer.headers["Content-Encoding"] = encoding
        return answer

    def _refusal(self, call: Call, method: str, now: datetime) -> Answer | None:
        query = dict(call.params.pairs)
        given = query.pop("X-Amz-Signature", "")
        if not given:
            return _s3_error("AccessDenied", "Access Denied")
        try:
            signed_at = datetime.strptime(query.get("X-Amz-Date", ""), _STAMP).replace(tzinfo=UTC)
        except ValueError:
            return _no_match()
        if now >= signed_at + LIFETIME:
            expired = {
                "X-Amz-Expires": str(int(LIFETIME.total_seconds())),
                "Expires": format_instant(signed_at + LIFETIME),
                "ServerTime": format_instant(now),
            }
            return _s3_error("AccessDenied", "Request has expired", expired)
        expected = self._signature(method, call.path_values["document_id"], query)
        return None if hmac.compare_digest(given.encode(), expected.encode()) else _no_match()


def _no_match() -> Answer:
    return _s3_error("SignatureDoesNotMatch", "The signature is not the one this request should have.")


def _s3_error(code: str, message: str, facts: dict[str, str] | None = None) -> Answer:
    named = {"Code": code, "Message": message} | (facts or {})
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in named.items())
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
    return Answer(status=403, body=body, media_type="application/xml")


def cut_compression(answer: Answer) -> None:
    """Let a compressed document end too early, in a body that is as long as it says."""
    if isinstance(answer.body, bytes) and answer.body.startswith(_GZIP_MAGIC):
        answer.body = answer.body[: len(answer.body) // 2]


def mistake_charset(answer: Answer) -> None:
    """Let a document say it is UTF-8 while its bytes are windows-1252."""
    kind, found, charset = answer.media_type.partition(_CHARSET)
    if not found or not isinstance(answer.body, bytes):
        return
    compressed = answer.body.startswith(_GZIP_MAGIC)
    plain = gzip.decompress(answer.body) if compressed else answer.body
    wrong = plain.decode(charset, "replace").encode("windows-1252", "replace")
    answer.body = gzip.compress(wrong, mtime=0) if compressed else wrong
    answer.media_type = f"{kind}{_CHARSET}UTF-8"
