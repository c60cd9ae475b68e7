"""A real SQS on loopback for tests: queues are made, filled, read and emptied over HTTP."""

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from unittest import mock

import boto3
import httpx
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
ACCOUNT = "123456789012"
# What AWS clients sign with. Nobody checks it, but without it they look for the real thing.
AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
_numbers = count(1)


@contextmanager
def running_sqs():
    """Answer as SQS does while the block runs; yields the endpoint's URL.

    All servers of one process share their queues, so a test makes its own with `new_queue`.
    """
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with mock.patch.dict(os.environ, AWS_ENVIRONMENT):
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()


def sqs_client(endpoint):
    """An AWS client of that endpoint."""
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


class Queue:
    """One queue, seen by its owner."""

    def __init__(self, endpoint, name, **attributes):
        self.endpoint, self.name = endpoint, name
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        self.client = sqs_client(endpoint)
        self.url = self.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def send(self, body):
        """Put one message in; what is no text is written as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.client.send_message(QueueUrl=self.url, MessageBody=text)

    def take(self):
        """Everything in the queue, read as JSON and deleted, in the order of arrival."""
        bodies = []
        while True:
            answer = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
            messages = answer.get("Messages", [])
            if not messages:
                return bodies
            bodies += [json.loads(message["Body"]) for message in messages]
            handles = [
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                for index, message in enumerate(messages)
            ]
            self.client.delete_message_batch(QueueUrl=self.url, Entries=handles)

    def waiting(self):
        """How many messages wait to be received, as SQS counts them."""
        wanted = ["ApproximateNumberOfMessages"]
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=wanted)
        return int(answer["Attributes"][wanted[0]])


def new_queue(endpoint, name="queue", **attributes):
    """An empty queue no other test uses; attributes are SQS's own, e.g. VisibilityTimeout="0"."""
    return Queue(endpoint, f"{name}-{os.getpid()}-{next(_numbers)}", **attributes)


class Line:
    """A line to the queues that can go bad: so many `failures` of sends, and none through unless `free`."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.address = ""
        self.failures = 0
        self.sends = 0
        self.free = threading.Event()
        self.free.set()

    def pass_on(self, request):
        """What the caller of an operation is answered."""
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if request.headers["X-Amz-Target"].endswith(".SendMessage"):
            self.sends += 1
            self.free.wait(30)
            if self.failures:
                self.failures -= 1
                return 500, b"{}"
        names = ("Content-Type", "X-Amz-Target", "Authorization", "X-Amz-Date")
        headers = {name: request.headers[name] for name in names}
        answer = httpx.post(self.endpoint, content=body, headers=headers)
        return answer.status_code, answer.content


@contextmanager
def bad_line(endpoint):
    """Answer at an address in front of the endpoint while the block runs; yields the `Line`."""
    line = Line(endpoint)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            status, body = line.pass_on(self)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        line.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield line
        finally:
            line.free.set()
            server.shutdown()
            thread.join()
