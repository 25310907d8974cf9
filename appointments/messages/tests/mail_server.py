"""A mail server for tests: it keeps what it accepts, and refuses, hangs or hangs up as it is told."""

import asyncio
import queue
import socket
import threading
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from appointments.messages.tests.conftest import Parsed


class MailServer:
    """A handler of aiosmtpd. `replies` are the replies to the next RCPT and DATA commands; the default accepts."""

    def __init__(self):
        self.accepted = []
        self.recipients = []
        self.replies = {"RCPT": [], "DATA": []}
        # The command at which the server closes the connection without an answer.
        self.hangs_up_at = None
        # Commands at which the server waits for `go_on`. It says so in `waiting`.
        self.waits_at = set()
        self.waiting = queue.Queue()
        self.go_on = threading.Event()

    async def _wait(self, command):
        if command in self.waits_at:
            self.waiting.put(command)
            await asyncio.get_running_loop().run_in_executor(None, self.go_on.wait)

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        if self.hangs_up_at == "MAIL":
            server.transport.abort()
            return "421 gone"
        await self._wait("MAIL")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.replies["RCPT"]:
            return self.replies["RCPT"].pop(0)
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.hangs_up_at == "DATA":
            server.transport.abort()
            return "421 gone"
        if self.replies["DATA"]:
            return self.replies["DATA"].pop(0)
        await self._wait("before DATA is accepted")
        self.accepted.append(Parsed(envelope.content))
        await self._wait("after DATA is accepted")
        return "250 OK"


class _Controller(Controller):
    def factory(self):
        return SMTP(self.handler, enable_SMTPUTF8=False)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def serve_mail(port=None):
    """Serves during the block. Yields the MailServer, with its `port`."""
    handler = MailServer()
    handler.port = port or free_port()
    controller = _Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()
