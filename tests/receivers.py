"""Real receivers of alerts on loopback: a web server and a mail server."""

import email
import email.policy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller


class Webhook:
    """A web server that keeps what it is sent; `status` and `delay` decide how it answers."""

    def __init__(self):
        self.received = []
        self.requests = []
        self.answers = {}
        self.status = 200
        self.delay = threading.Event()
        self.delay.set()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.delay.wait(10)
                webhook.received.append(json.loads(body))
                webhook.requests.append((dict(self.headers), body))
                self.send_response(webhook.status)
                for name, value in webhook.answers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://user:hunter2@127.0.0.1:{self._server.server_port}/hook-secret"
        self.plain_url = f"http://127.0.0.1:{self._server.server_port}/hook-secret"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self):
        self.delay.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _AnyPort(Controller):
    """A mail server on whichever port is free."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Mailbox:
    """A mail server that keeps what it is sent, or refuses it."""

    def __init__(self):
        self.received = []
        self.refuses = False
        self._controller = _AnyPort(self, hostname="127.0.0.1", port=0)
        self._controller.start()
        self.url = f"mailto://127.0.0.1:{self._controller.port}?from=shop@example.com&to=seller@example.com&mode=insecure"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (aiosmtpd's name)
        if self.refuses:
            return "554 no"
        self.received.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def stop(self):
        self._controller.stop(no_assert=True)
