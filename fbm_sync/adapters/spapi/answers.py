"""What Amazon answered, and what a bad answer is called.

Here: pure functions. The status decides (Amazon's error codes differ from API to API); a body is used for
Amazon's own words on what is wrong with our request, and for nothing else. Not here: retries.
"""

import dataclasses
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from fbm_sync.errors import (
    AccessRefused,
    RemoteError,
    RequestRejected,
    Throttled,
    Unavailable,
    UnexpectedPayload,
)

_LONGEST_WORD = 300
_MOST_PROBLEMS = 5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer: `body` is a JSON object, or `None` when it is anything else.

    Names in `headers` are lower case. Not printed: a body may hold what is nobody's business.
    """

    status: int
    headers: Mapping[str, str] = dataclasses.field(repr=False)
    body: Mapping[str, Any] | None = dataclasses.field(repr=False)

    @property
    def request_id(self) -> str | None:
        """Amazon's name for the request, which its support asks for."""
        return self.headers.get("x-amzn-requestid")

    @property
    def rate(self) -> float | None:
        """The requests per second Amazon now grants for the operation, where it says so."""
        try:
            return float(self.headers["x-amzn-ratelimit-limit"])
        except (KeyError, ValueError):
            return None

    @property
    def date(self) -> datetime | None:
        """Amazon's own time when it answered."""
        return _http_date(self.headers.get("date"))


class BadAnswer(Exception):
    """Anything but success with a JSON object; `token` is the access token it was asked with."""

    def __init__(self, answer: Answer, token: str) -> None:
        super().__init__(f"HTTP {answer.status}")
        self.answer = answer
        self.token = token

    @property
    def denies_access(self) -> bool:
        """Whether Amazon did not let us in, which a fresh token may cure."""
        return self.answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class RejectedByAmazon(RequestRejected):
    """A refusal with Amazon's reasons one by one, each as `code: message`."""

    def __init__(
        self, problems: tuple[str, ...], *, operation: str, status: int, request_id: str | None
    ) -> None:
        self.problems = problems
        reasons = "; ".join(problems) or "no reason given"
        super().__init__(f"{reasons}.", operation=operation, status=status, request_id=request_id)


def name_error(operation: str, answer: Answer, now: datetime) -> RemoteError:
    """Return the error of our own tree for a bad answer, with the true status and request id.

    A 4xx that is not JSON does not come from Amazon's API but from something on the way there: it is
    `Unavailable`, so that a proxy's "404 Not Found" page is never taken for "no such listing".
    """
    status, request_id = answer.status, answer.request_id
    problems = problem_words(answer.body.get("errors")) if answer.body is not None else ()
    words = "; ".join(problems)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return AccessRefused(
            f"{words or 'access denied'}.", operation=operation, status=status, request_id=request_id
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(
            f"{words or 'over quota'}.",
            operation=operation,
            request_id=request_id,
            retry_after_seconds=retry_after_seconds(answer, now),
        )
    if 400 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT and answer.body is not None:  # noqa: PLR2004
        return RejectedByAmazon(problems, operation=operation, status=status, request_id=request_id)
    if answer.body is None:
        words = "the answer is not a JSON object"
    return Unavailable(
        f"{words or 'no usable answer'}.", operation=operation, status=status, request_id=request_id
    )


def require_keys(operation: str, answer: Answer, keys: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the body of a success, which must have what the operation is there for.

    "Nothing" is never taken for success: an answer without its own key would read as "no orders".
    """
    body = answer.body if answer.body is not None else {}
    missing = [key for key in keys if key not in body]
    if missing:
        raise UnexpectedPayload(
            f"the answer has no {' and no '.join(missing)}.",
            operation=operation,
            status=answer.status,
            request_id=answer.request_id,
        )
    return body


def problem_words(problems: object) -> tuple[str, ...]:
    """Return Amazon's own words, `code: message`, from a list of errors or issues; shapes vary."""
    if isinstance(problems, Mapping):
        problems = [problems]
    if not isinstance(problems, list):
        return ()
    words = []
    for problem in problems[:_MOST_PROBLEMS]:
        if isinstance(problem, Mapping):
            parts = [str(problem[name]) for name in ("code", "message") if problem.get(name)]
            words.append(": ".join(parts)[:_LONGEST_WORD])
    return tuple(word.rstrip(".") for word in words if word)


def retry_after_seconds(answer: Answer, now: datetime) -> float | None:
    """Return how long Amazon asks us to stay away: `Retry-After` in seconds, or as a date."""
    text = answer.headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        until = _http_date(text)
        if until is None:
            return None
        seconds = (until - (answer.date or now)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
