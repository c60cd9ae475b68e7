"""The emulator's only way out: an SQS endpoint the scenario names, and never one it does not."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

CONNECT_SECONDS = 2
READ_SECONDS = 5
_DEFAULT_REGION = "us-east-1"
_CREDENTIALS = ("aws_access_key_id", "aws_secret_access_key")
_MISSING = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


class QueueTrouble(Exception):
    """A queue is not there or cannot be reached; the text says which, for people."""


def is_available() -> bool:
    """Whether the optional library for AWS is installed."""
    return find_spec("boto3") is not None


class Queues:
    """Finds queues by ARN, name or URL and puts messages into them."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint

    def check(self, queue: str) -> None:
        """Make sure the queue is there, the way Amazon looks before it takes a destination."""
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._client(queue)
        try:
            client.get_queue_attributes(QueueUrl=_url(client, queue), AttributeNames=["QueueArn"])
        except (BotoCoreError, ClientError) as error:
            raise QueueTrouble(self._why(queue, error)) from error

    def send(self, queue: str, body: str) -> None:
        """Put one message into the queue."""
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._client(queue)
        try:
            client.send_message(QueueUrl=_url(client, queue), MessageBody=body)
        except (BotoCoreError, ClientError) as error:
            raise QueueTrouble(self._why(queue, error)) from error

    def _client(self, queue: str) -> Any:
        region = queue.split(":")[3] if queue.startswith("arn:") else _DEFAULT_REGION
        return _client(self._endpoint, region)

    def _why(self, queue: str, error: Exception) -> str:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
        if code in _MISSING:
            return f"{queue} does not exist at {self._endpoint}"
        return f"{queue} cannot be used at {self._endpoint}: {error}"


def _url(client: Any, queue: str) -> str:
    if queue.startswith("arn:"):
        account, name = queue.split(":")[4:6]
        found = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
        return str(found["QueueUrl"])
    if "://" in queue:
        return queue
    return str(client.get_queue_url(QueueName=queue)["QueueUrl"])


@cache
def _client(endpoint: str, region: str) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1}
    )
    # Amazon's own endpoints are signed for with the person's credentials; a stand-in takes any.
    host = urlsplit(endpoint).hostname or ""
    known = {} if host.endswith(".amazonaws.com") else dict.fromkeys(_CREDENTIALS, "emulator")
    session = boto3.session.Session()
    return session.client("sqs", endpoint_url=endpoint, region_name=region, config=config, **known)
