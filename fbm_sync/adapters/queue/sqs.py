"""A queue at Amazon SQS, or at a server that speaks like it, as a source of hints.

Here: receiving, deleting, looking at the queue, and what AWS's errors are called. A message is deleted when
what it led to is recorded; until then it comes again, after a crash too. One that is no hint is deleted as
well: it would come again for ever, and nothing depends on it. Not here: what a message means (`read` is
handed in). No message's content is ever logged or put into an error: it may hold a buyer's postal code.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from fbm_sync.adapters.queue import policy
from fbm_sync.errors import (
    AccessRefused,
    ConfigError,
    RemoteError,
    RequestRejected,
    Throttled,
    Unavailable,
    UnexpectedPayload,
)
from fbm_sync.ports import Hint, HintBatch, WaitingHint

MESSAGE_DISCARDED = "message_discarded"

_MOST_AT_ONCE = 10
"""SQS hands out and deletes no more than ten messages at once."""

_WAIT_SECONDS = 1
"""A receive that may wait asks all of SQS's servers; one that may not can miss what a single server has."""

_HIDDEN_SECONDS = 120
"""How long a message that was handed out is kept from others, before it comes again."""

_CONNECT_SECONDS = 3.0
_READ_SECONDS = 6.0
_ATTEMPTS = 2
"""Together short enough for the daemon to end in time; the next tick is a further attempt."""

_REMEMBERED = 5_000

_CHECK_ACCESS = (
    "Give the process AWS credentials (environment, ~/.aws, or the machine's role) that may do "
    "sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes on the queue."
)
_CHECK_QUEUE = "Make the queue, or correct its address in the account's notifications table."
_REFUSALS = (
    "AccessDenied",
    "AuthFailure",
    "ExpiredToken",
    "InvalidAccessKey",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "MissingAuthenticationToken",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClient",
)

_log = structlog.get_logger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """What can be seen of a queue: how much waits in it, and whether notifications can get in.

    `policy` is the policy it should have, with what it has now kept; `None` when nothing is missing.
    """

    arn: str
    waiting: int
    is_fifo: bool
    policy: str | None = None
    encrypted_with: str | None = None


class SqsHints:
    """One queue of one account.

    `read` says what a message hints at. `endpoint` is where SQS answers, AWS's own for the region when it
    is `None`; `senders` are those who should be able to deliver into it. Raises `ConfigError` when the AWS
    library is not installed. Not to be used by several threads at once.
    """

    def __init__(
        self,
        *,
        account: str,
        url: str,
        region: str,
        read: Callable[[Mapping[str, Any]], Hint | None],
        endpoint: str | None = None,
        senders: Sequence[str] = (policy.AMAZON,),
        wait_seconds: int = _WAIT_SECONDS,
        hidden_seconds: int = _HIDDEN_SECONDS,
    ) -> None:
        self.url = url
        self._account = account
        self._read = read
        self._senders = senders
        self._wait_seconds = wait_seconds
        self._hidden_seconds = hidden_seconds
        self._client = _connect(account, region, endpoint)
        # Hints done lately, oldest first: SQS and Amazon both deliver some twice.
        self._done: dict[str, None] = {}

    def receive(self) -> HintBatch:
        answer = self._ask(
            "receive_message",
            MaxNumberOfMessages=_MOST_AT_ONCE,
            WaitTimeSeconds=self._wait_seconds,
            VisibilityTimeout=self._hidden_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        hints: list[WaitingHint] = []
        discarded: list[str] = []
        for message in answer.get("Messages", []):
            hint = self._hint_in(message)
            if hint is None or hint.hint_id in self._done:
                discarded.append(message["ReceiptHandle"])
            else:
                deliveries = int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
                hints.append(WaitingHint(hint=hint, handle=message["ReceiptHandle"], deliveries=deliveries))
        self._delete(discarded)
        return HintBatch(hints=tuple(hints), discarded=len(discarded))

    def done(self, hints: Sequence[WaitingHint]) -> None:
        self._delete([waiting.handle for waiting in hints])
        self._done.update(dict.fromkeys(waiting.hint.hint_id for waiting in hints))
        for hint_id in list(self._done)[:-_REMEMBERED]:
            del self._done[hint_id]

    def inspect(self) -> QueueState:
        """Look at the queue, and whether its senders may deliver into it; nothing is changed."""
        found = self._ask("get_queue_attributes", AttributeNames=["All"]).get("Attributes", {})
        arn, present = found.get("QueueArn"), found.get("Policy")
        if arn is None:
            raise UnexpectedPayload(
                "the answer has no QueueArn.",
                operation=_spelled("get_queue_attributes"),
                next_step="Check the endpoint in the account's notifications table.",
            )
        complete = all(policy.admits(present, sender, arn) for sender in self._senders)
        return QueueState(
            arn=arn,
            waiting=int(found.get("ApproximateNumberOfMessages", 0)),
            is_fifo=found.get("FifoQueue") == "true",
            policy=None if complete else policy.completed(present, self._senders, arn),
            encrypted_with=found.get("KmsMasterKeyId"),
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _hint_in(self, message: Mapping[str, Any]) -> Hint | None:
        """Return the hint in a message; one without is noted by its number alone."""
        try:
            content = json.loads(message["Body"])
        except (ValueError, RecursionError):
            content = None
        hint = self._read(_unwrapped(content)) if isinstance(content, dict) else None
        if hint is None:
            _log.warning(MESSAGE_DISCARDED, account=self._account, message=message.get("MessageId"))
        return hint

    def _delete(self, handles: Sequence[str]) -> None:
        """Delete messages; one that SQS does not delete comes again, which harms nothing."""
        for start in range(0, len(handles), _MOST_AT_ONCE):
            some = handles[start : start + _MOST_AT_ONCE]
            entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(some)]
            self._ask("delete_message_batch", Entries=entries)

    def _ask(self, method: str, **details: Any) -> Mapping[str, Any]:
        """Ask SQS. Raises the named error of whatever goes wrong on the way or there."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Mapping[str, Any] = getattr(self._client, method)(QueueUrl=self.url, **details)
        except ClientError as error:
            raise _named(method, error.response) from None
        except BotoCoreError as error:
            raise _unsent(method, error) from None
        return answer


def _connect(account: str, region: str, endpoint: str | None) -> Any:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise ConfigError(
            [f"accounts.{account}.notifications: the AWS library is not installed"],
            next_step="Install it: pip install 'fbm-sync[notifications]'",
        ) from None
    # The machine's proxy settings are for the world outside: an http:// endpoint is on this machine.
    proxies: dict[str, Any] = {"proxies": {}} if (endpoint or "").startswith("http://") else {}
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        **proxies,
    )
    try:
        return boto3.session.Session().client("sqs", region_name=region, endpoint_url=endpoint, config=config)
    except BotoCoreError as error:
        raise _unsent("connect", error) from None


def _unwrapped(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the notification itself, which EventBridge puts into an envelope of its own."""
    detail = content.get("detail")
    return detail if "detail-type" in content and isinstance(detail, dict) else content


def _named(method: str, response: Mapping[str, Any]) -> RemoteError:
    """Return the error of our own tree for what SQS answered; its code only, its words may name people."""
    told = response.get("Error", {})
    trace = response.get("ResponseMetadata", {})
    code, status = str(told.get("Code", "")), trace.get("HTTPStatusCode")
    facts: dict[str, Any] = {"operation": _spelled(method), "request_id": trace.get("RequestId")}
    if "Throttl" in code or code in {"OverLimit", "TooManyRequestsException"}:
        return Throttled(f"{code}.", status=status, **facts)
    facts["status"] = status
    if code.startswith(_REFUSALS) or "AccessDenied" in code or status in {401, 403}:
        return AccessRefused(f"{code}.", next_step=_CHECK_ACCESS, **facts)
    if "NonExistentQueue" in code or "QueueDoesNotExist" in code:
        return RequestRejected("there is no such queue.", next_step=_CHECK_QUEUE, **facts)
    if status is not None and 400 <= status < 500:  # noqa: PLR2004
        return RequestRejected(f"{code}.", **facts)
    return Unavailable(f"{code or 'no usable answer'}.", **facts)


def _unsent(method: str, error: Exception) -> RemoteError:
    """Return the error of our own tree for a request that SQS never answered."""
    name = type(error).__name__
    if any(word in name for word in ("Credential", "Profile", "Token", "SSO", "Login")):
        return AccessRefused(f"{name}.", operation=_spelled(method), next_step=_CHECK_ACCESS)
    return Unavailable(f"no answer ({name}).", operation=_spelled(method))


def _spelled(method: str) -> str:
    """Return the name by which AWS knows an operation."""
    return "sqs:" + "".join(word.capitalize() for word in method.split("_"))
