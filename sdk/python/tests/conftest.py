"""A real exchange for the tests: the program in BANDEX_BIN, on loopback, in a folder of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import IO, Any

import pytest

START_S = 60.0
"""How long a start may take."""


class Exchange:
    """A running server, and what only its operator may do."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.url = "http://127.0.0.1:0"
        self.admin = "http://127.0.0.1:0"
        self.process: subprocess.Popen[str] | None = None
        self.said: list[str] = []

    def start(self) -> None:
        """Starts it, on the addresses that it had before if it had any."""
        listen, admin = (url.removeprefix("http://") for url in (self.url, self.admin))
        command = [self.program, "serve", "--data", str(self.folder / "data"), "--listen", listen]
        self.process = subprocess.Popen(
            [*command, "--admin-listen", admin], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        greeted = Event()
        self.reader = Thread(target=self.read, args=(self.process.stderr, greeted))
        self.reader.start()
        assert greeted.wait(START_S) and self.process.poll() is None, self.said

    def read(self, said: IO[str], greeted: Event) -> None:
        """Reads all that it says, first of all where it listens."""
        for line in said:
            self.said.append(line)
            words = line.split()
            if words[:1] == ["traders"]:
                self.url = words[1]
            if words[:1] == ["operator"]:
                self.admin = words[1]
            if words[:1] == ["journal"]:
                greeted.set()
        greeted.set()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends it, and waits for its end."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=START_S)
            self.reader.join(timeout=START_S)
            self.process = None

    def configure(self, *changes: dict[str, Any]) -> None:
        """Takes the operator's decisions."""
        token = (self.folder / "data" / "admin.token").read_text().strip()
        request = urllib.request.Request(
            f"{self.admin}/admin/v1/configure",
            data=json.dumps({"changes": list(changes)}).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            reply = json.load(answer)
        assert all(operation["ok"] for operation in reply["operations"]), reply

    def issue(self, account: str, units: int) -> None:
        """Grants tokens, in bytes."""
        self.configure({"change": "issue", "to": account, "amount": str(units)})


@pytest.fixture(scope="session")
def program() -> str:
    """The server's program."""
    found = os.environ.get("BANDEX_BIN")
    if not found:
        pytest.fail("BANDEX_BIN must name the program of the server; `cargo xtask python` does all of it")
    return found


@pytest.fixture
def fresh(program: str, tmp_path: Path) -> Iterator[Exchange]:
    """An exchange that the test may break."""
    exchange = Exchange(program, tmp_path)
    exchange.start()
    yield exchange
    exchange.stop()


@pytest.fixture(scope="session")
def exchange(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An exchange that many tests share, each with accounts of its own."""
    exchange = Exchange(program, tmp_path_factory.mktemp("exchange"))
    exchange.start()
    yield exchange
    exchange.stop()
