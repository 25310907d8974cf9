"""A load generator: a few connections in one thread. Each sends its next request when the last one is answered.

Python's usual HTTP clients take longer for a request than the measured services. This one knows only what these answers
need: keep-alive and `Content-Length`. `measure_generator` measures how many requests it can send.
"""

import asyncio
import multiprocessing
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

ANSWER_TIMEOUT_SECONDS = 120  # seconds for one answer
BUFFER_BYTES = 262144  # room for an answer, at first


class RequestFailed(Exception):
    """There is no answer, or an answer with an unexpected status."""


@dataclass(frozen=True)
class Load:
    """The result of a run. `latencies` are in seconds, in ascending order.

    `cpu` is the share of a core that the generator used. `cost` is the processor time of service and database for a
    request, in seconds.
    """

    seconds: float
    latencies: list[float]
    cpu: float
    cost: float = 0

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Returns the latency that the share `share` of the requests did not exceed."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def request(path: str, token: str = "", body: bytes = b"") -> bytes:
    """Returns the bytes of a request: a POST if it has a body, else a GET."""
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Connection:
    """The connection of one client. It has one request at a time.

    Each answer is read into the same buffer, which grows to the longest one. A new buffer for each answer of megabytes would
    cost the client as much time as reading the answer, since the system fills its pages with zeros first.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.buffer = bytearray(BUFFER_BYTES)
        self.socket = socket.socket()
        self.connect()

    def connect(self) -> None:
        self.socket.close()
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, message: bytes) -> None:
        """Sends a request. Call `receive` to read the answer."""
        self.message, self.received, self.needed, self.begun = message, 0, 0, time.perf_counter()
        self.socket.sendall(message)

    def receive(self) -> bool:
        """Reads what has arrived. Returns whether the answer is complete. Raises RequestFailed if the server disconnects."""
        if self.received == len(self.buffer):
            self.buffer += bytes(len(self.buffer))
        number = self.socket.recv_into(memoryview(self.buffer)[self.received :])
        if not number:
            raise RequestFailed("The server closed the connection.")
        self.received += number
        if not self.needed and (end := self.buffer.find(b"\r\n\r\n", 0, self.received) + 4) > 3:
            head = self.buffer[:end].lower()
            _, found, length = head.partition(b"content-length:")
            if not found:
                raise RequestFailed("The answer has no Content-Length.")
            self.needed = end + int(length.split(b"\r\n", 1)[0])
        return 0 < self.needed <= self.received

    @property
    def status(self) -> int:
        return int(self.buffer[9:12])

    @property
    def body(self) -> bytes:
        return bytes(self.buffer[: self.received].partition(b"\r\n\r\n")[2])

    @property
    def is_last(self) -> bool:
        """Whether the server closes the connection after this answer, as gunicorn does before it restarts a worker."""
        return b"connection: close" in self.buffer[: min(self.received, 1024)].lower()

    def get(self, message: bytes) -> bytes:
        """Sends a request and returns the body of the answer. Raises RequestFailed if its status is not a success."""
        self.send(message)
        while not self.receive():
            pass
        if self.status >= 300:
            raise RequestFailed(f"{self.status} for {message.splitlines()[0]!r}: {self.body[:500]!r}")
        if self.is_last:
            self.connect()
        return self.body


def run(port: int, messages: Iterator[bytes], *, clients: int, seconds: float, min_requests: int = 1) -> Load:
    """Sends requests for `seconds`, and at least `min_requests`. Waits for the last answers, and counts them too.

    Raises RequestFailed for any answer that is not a 2xx.
    """
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector:
        connections = [Connection(port) for _ in range(clients)]
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        begun, used = time.perf_counter(), time.process_time()
        for connection in connections:
            connection.send(next(messages))
        under_way = clients
        while under_way:
            events = selector.select(ANSWER_TIMEOUT_SECONDS)
            if not events:
                raise RequestFailed(f"No answer in {ANSWER_TIMEOUT_SECONDS} s.")
            for key, _ in events:
                connection = key.data
                if not connection.receive():
                    continue
                now = time.perf_counter()
                latencies.append(now - connection.begun)
                if not 200 <= connection.status < 300:
                    raise RequestFailed(f"{connection.status}: {connection.body[:500]!r}")
                if now - begun > seconds and len(latencies) + under_way > min_requests:
                    under_way -= 1
                    selector.unregister(connection.socket)
                    continue
                if connection.is_last:
                    selector.unregister(connection.socket)
                    connection.connect()
                    selector.register(connection.socket, selectors.EVENT_READ, connection)
                connection.send(next(messages))
        elapsed = time.perf_counter() - begun
        cpu = (time.process_time() - used) / elapsed
        for connection in connections:
            connection.socket.close()
    return Load(elapsed, sorted(latencies), cpu)


class _Echo(asyncio.Protocol):
    """Answers everything that arrives with 200 and some kilobytes, as fast as asyncio can."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 15000\r\n\r\n" + bytes(15000)

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.ANSWER)


def _serve(ports: multiprocessing.Queue) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Echo, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def measure_generator(seconds: float = 1) -> Load:
    """Runs 16 clients against a server that only answers 15 kB, to measure the generator itself."""
    ports: multiprocessing.Queue = multiprocessing.Queue()
    server = multiprocessing.Process(target=_serve, args=[ports], daemon=True)
    server.start()
    try:
        return run(ports.get(timeout=10), repeat(request("/")), clients=16, seconds=seconds)
    finally:
        server.kill()
        server.join()
