"""Runs nginx with deploy/nginx.conf, and slow clients, for tests and measurements."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
VARIABLE = re.compile(r"\$\{(PROXY_\w+)\}")
# The names of compose.yaml, with its values where a test needs no others. The resolver is never asked for a number.
DEFAULTS = {
    "PROXY_SCHEME": "http",
    "PROXY_TRUSTED": "0.0.0.0/32",
    "PROXY_RESOLVER": "127.0.0.1",
    "PROXY_READ_TIMEOUT": "60s",
}
START_SECONDS = 60


def find_nginx() -> str | None:
    """Returns the path of nginx. Debian puts it into a directory that is in the path of root only."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def fill_in(text: str, variables: dict[str, str]) -> str:
    """Replaces the variables of a template, as the entry point of nginx's official image does."""
    return VARIABLE.sub(lambda match: variables[match[1]], text)


@dataclass(frozen=True)
class Proxy:
    """An nginx that runs. `https_port` answers if it was given a certificate."""

    port: int
    https_port: int
    log: Path
    certificate: str

    def connect(self, *, timeout: float = 60) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def connect_securely(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.certificate)
        return http.client.HTTPSConnection("localhost", self.https_port, timeout=60, context=context)


@contextmanager
def run_nginx(upstream: int, **variables: str) -> Iterator[Proxy]:
    """Runs nginx in front of the server on the port `upstream` during the block. Asserts that it exits with 0."""
    binary = find_nginx()
    assert binary, "There is no nginx."
    with tempfile.TemporaryDirectory(prefix="circe-nginx-") as path:
        directory = Path(path)
        # Root's nginx works as another user.
        directory.chmod(0o755)
        proxy = Proxy(free_port(), free_port(), directory / "log", variables.get("PROXY_CERTIFICATE", ""))
        variables = DEFAULTS | variables | {
            "PROXY_HTTP": f"127.0.0.1:{proxy.port}",
            "PROXY_HTTPS": f"127.0.0.1:{proxy.https_port}",
            "PROXY_UPSTREAM": f"127.0.0.1:{upstream}",
        }  # fmt: skip
        for template in DEPLOY.glob("*.conf"):
            needed = {*VARIABLE.findall(template.read_text())}
            if needed <= {*variables}:
                (directory / template.name).write_text(fill_in(template.read_text(), variables))
        command = [binary, "-p", path, "-c", f"{path}/nginx.conf", "-e", "stderr", "-g", "daemon off;"]
        with proxy.log.open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as nginx:
            try:
                _wait_for_start(proxy, nginx)
                yield proxy
            finally:
                nginx.terminate()
        assert nginx.returncode == 0, proxy.log.read_text()


def _wait_for_start(proxy: Proxy, nginx: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert nginx.poll() is None, proxy.log.read_text()
        with suppress(OSError), socket.create_connection(("127.0.0.1", proxy.port), timeout=1):
            return
        time.sleep(0.02)
    raise AssertionError(f"nginx does not listen: {proxy.log.read_text()}")


class SlowClients:
    """Clients that send a byte a second: half of them of the head of a request, half of its body.

    A client that is disconnected does not come back.
    """

    HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
    BODY = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"

    def __init__(self, port: int, number: int) -> None:
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(number)]
        for index, client in enumerate(self.sockets):
            client.sendall(self.BODY if index % 2 else self.HEAD)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.drip)

    def drip(self) -> None:
        while not self.ended.wait(1):
            for client in self.sockets:
                with suppress(OSError):
                    client.send(b"x")

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()
        for client in self.sockets:
            client.close()
