"""A real exchange for tests: ``bandex serve`` with two accounts that have tokens, limits and a market to trade on."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Venue", "binary", "running"]

ROOT = Path(__file__).resolve().parents[3]
#: How long anything here may take, in seconds.
PATIENCE = 60
#: Deals between the two accounts wait for a payment that never comes, so their deadline is a day.
DAY_US = 86_400_000_000
TOKENS = str(100_000 * 10**9)
LIMIT = str(10**15)


def binary() -> Path:
    """The server under test: BANDEX_BIN, or the one this workspace built."""
    path = Path(os.environ.get("BANDEX_BIN", ROOT / "target/debug/bandex"))
    if not path.is_file():
        raise SystemExit(f"{path} is missing: cargo build --bin bandex, or name another by BANDEX_BIN")
    return path


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _listing(number: int, base: int) -> dict[str, Any]:
    return {
        "change": "list_market",
        "id": number,
        "base": base,
        "quote": 1,
        "lot_units": 1000,
        "tick_value": {"num": 1, "den": 200_000_000},
        "least_tranche": "1",
        "pay_us": DAY_US,
        "acknowledge_us": DAY_US,
    }


def _first_changes() -> list[dict[str, Any]]:
    """BWT-BTC, and a second market so that lists have more than one entry."""
    assets = ((0, "BWT", 9, "token"), (1, "BTC", 11, "attested"), (2, "BWU", 9, "attested"))
    listed = [
        {"change": "list_asset", "id": number, "symbol": symbol, "decimals": decimals, "rail": rail}
        for number, symbol, decimals, rail in assets
    ]
    return [*listed, _listing(1, 0), _listing(2, 2)]


@dataclass
class Venue:
    """What a test needs to know of the exchange it talks to."""

    folder: Path
    url: str
    admin_url: str
    #: Seeds in hex, by name.
    secrets: dict[str, str]
    #: Account ids, by name.
    accounts: dict[str, str]
    server: subprocess.Popen[bytes]

    @property
    def hostname(self) -> str:
        return self.url.removeprefix("http://")

    def config(self, name: str | None = None, **options: Any) -> dict[str, Any]:
        """What ccxt's class is made with, for an account or for nobody."""
        given = {"hostname": self.hostname, "options": {"sandbox": True, **options}}
        return given if name is None else {**given, "secret": self.secrets[name]}

    def admin(self, changes: list[dict[str, Any]]) -> Any:
        """Takes decisions of the operator."""
        token = (self.folder / "data/admin.token").read_text().strip()
        request = urllib.request.Request(
            f"{self.admin_url}/admin/v1/configure",
            json.dumps({"changes": changes}).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            reply = json.load(answer)
        refused = [operation for operation in reply["operations"] if not operation["ok"]]
        if refused:
            raise RuntimeError(f"the operator's decision was refused: {refused}")
        return reply

    def stop(self) -> None:
        """Ends the server this object started, and nothing else."""
        self.server.terminate()
        try:
            self.server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/readyz", timeout=1) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")


def _enlist(folder: Path, name: str, url: str) -> tuple[str, str]:
    """A new account: its key's seed and its id."""
    key = folder / f"{name}.key"
    for words in (["new"], ["register", "--url", url, "--json"]):
        done = subprocess.run(
            [binary(), "key", *words, "--key", key], capture_output=True, timeout=PATIENCE, check=True
        )
    return key.read_text().strip(), json.loads(done.stdout)["account"]


@contextlib.contextmanager
def running() -> Iterator[Venue]:
    """An exchange as long as the block lasts, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="bandex-ccxt-") as name:
        folder = Path(name)
        public, admin = (f"127.0.0.1:{port}" for port in _free_ports(2))
        log, first = folder / "log", folder / "first.json"
        first.write_text(json.dumps(_first_changes()))
        with log.open("wb") as output:
            server = subprocess.Popen(
                [
                    binary(),
                    "serve",
                    "--data",
                    folder / "data",
                    "--listen",
                    public,
                    "--admin-listen",
                    admin,
                    "--first-changes",
                    first,
                ],
                stdout=output,
                stderr=output,
            )
        venue = Venue(folder, f"http://{public}", f"http://{admin}", {}, {}, server)
        try:
            _wait_until_ready(venue.url, server, log)
            for who in ("alice", "bob"):
                venue.secrets[who], venue.accounts[who] = _enlist(folder, who, venue.url)
            for account in venue.accounts.values():
                venue.admin(
                    [
                        {"change": "issue", "to": account, "amount": TOKENS},
                        {"change": "set_limit", "account": account, "limit": LIMIT},
                    ]
                )
            yield venue
        finally:
            venue.stop()
