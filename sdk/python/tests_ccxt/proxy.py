"""A connection to the exchange that loses what a test says it shall lose."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Proxy", "between"]

_CHUNK = 1 << 16
_BLOCKS = b"POST /v1/blocks"
#: What whoever guards the way to an exchange answers if there is too much.
_PROBLEM = json.dumps(
    {
        "code": "rate_limited",
        "detail": "",
        "status": 429,
        "outcome": "rejected",
        "retryable": True,
        "retry_after_ms": 50,
    }
).encode()
_REFUSAL = b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/problem+json\r\n"
_REFUSAL += b"content-length: %d\r\n\r\n%s" % (len(_PROBLEM), _PROBLEM)
#: What a gate of somebody else answers: nothing of the exchange's.
_GATE = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"


class Proxy:
    """Passes bytes on, but for posted blocks: the request or the reply can be lost, or the way be closed for now."""

    def __init__(self, hostname: str) -> None:
        host, port = hostname.split(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.hostname = f"127.0.0.1:{self._listener.getsockname()[1]}"
        #: What happens to the next posted blocks: ``request`` or ``reply`` is lost, they are ``refused`` or kept out by
        #: a ``gate``, or the line is ``dead``: it swallows them without a word.
        self.plan: list[str] = []
        #: What happens to those after.
        self.then: str | None = None
        #: What was posted, lost or not.
        self.posted: list[bytes] = []
        #: Called when a dead line has swallowed a block.
        self.swallowed: Callable[[], None] = lambda: None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: Any) -> None:
        """One request after another, each whole before its answer."""
        with contextlib.suppress(OSError), client, socket.create_connection(self._server) as server:
            while request := _message(client):
                lost = None
                if request.startswith(_BLOCKS):
                    self.posted.append(request.partition(b"\r\n\r\n")[2])
                    lost = self.plan.pop(0) if self.plan else self.then
                if lost == "request":
                    return
                if lost == "refused":
                    client.sendall(_REFUSAL)
                    continue
                if lost == "gate":
                    client.sendall(_GATE)
                    continue
                if lost == "dead":
                    self.swallowed()
                    # Until the other side has had enough of it.
                    client.recv(1)
                    return
                server.sendall(request)
                answer = _message(server)
                if lost == "reply":
                    return
                client.sendall(answer)


def _message(source: Any) -> bytes:
    """One HTTP message, by its content-length."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = source.recv(_CHUNK)
        if not more:
            return b""
        read += more
    head, _, body = read.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += source.recv(_CHUNK)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def between(hostname: str) -> Iterator[Proxy]:
    proxy = Proxy(hostname)
    try:
        yield proxy
    finally:
        proxy.close()
