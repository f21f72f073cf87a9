"""The lane of one key: what is signed next, and what was signed and is not answered yet.

Two different blocks with one place in a lane are a fork, which freezes the account. So all exchange objects of the
process that sign with one key share its lane, one block at a time is on its way, and a block whose fate is unknown is
sent again byte for byte before anything else is signed: at once while its caller waits, and once that caller has left,
whatever the reason, only when it stands in the lane already or its time is over. So nobody's order is placed late.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from ccxt.base.errors import BadResponse, InvalidOrder

from bandex import _core

__all__ = ["Lane", "Sent", "lane_of"]


@dataclass
class Sent:
    """A signed block and how its fate stands."""

    #: ``payload``, ``signature``, ``block_id``, ``seq``, ``key``, as the core signed it.
    block: dict[str, Any]
    #: The sequenced time after which it has no effect.
    expiry_us: int
    #: Whether an answer was lost, so that it may have been sequenced.
    doubted: bool = False

    @property
    def wire(self) -> dict[str, str]:
        """What is posted."""
        return {"payload": self.block["payload"], "signature": self.block["signature"]}


class Lane:
    """One key's lane on one exchange."""

    def __init__(self, keypair: Any, node: str, network: int) -> None:
        self.keypair = keypair
        self.node = node
        self.network = network
        #: Held while a block is made and on its way.
        self.lock = threading.Lock()
        self.pending: Sent | None = None
        #: Why nothing may be signed any more.
        self.broken: str | None = None
        self._head: tuple[int, str] | None = None
        self._known_at = 0.0

    def head(self, age: float) -> tuple[int, str] | None:
        """The end of the lane, unless that was learnt more than ``age`` seconds ago: another program may have signed
        since."""
        return self._head if time.monotonic() - self._known_at <= age else None

    def learn(self, seq: int, block_id: str) -> tuple[int, str]:
        """Takes the end of the lane as the exchange told it."""
        self._head, self._known_at = (seq, block_id), time.monotonic()
        return self._head

    def forget(self) -> None:
        """Has the end of the lane asked for before the next block."""
        self._head = None

    def settle(self, sent: Sent) -> None:
        """The block was sequenced: it is the end of the lane now."""
        self.pending = None
        self.learn(sent.block["seq"], sent.block["block_id"])

    def sign(
        self, head: tuple[int, str], markets: Any, operations: list[dict[str, Any]], now_us: int, expiry_us: int
    ) -> Sent:
        """Builds and signs the next block, then reads its bytes back and compares: what is signed is what was meant.

        Raises ``InvalidOrder`` if the operations cannot be put into a block; nothing is signed then.
        """
        try:
            meant = [markets.operation(operation) for operation in operations]
            signer = _core.Signer(self.keypair, self.network, head[0], head[1])
            block = signer.orders(markets, operations, expiry_us=expiry_us, now_us=now_us)
        except ValueError as error:
            raise InvalidOrder(f"bandex {error}") from error
        said = _core.decode_block(bytes.fromhex(block["payload"]))
        place = (said["author"], said["network"], said["seq"], said["previous"], said["expiry"])
        wanted = (self.keypair.public, self.network, head[0] + 1, head[1], str(expiry_us))
        if place != wanted or said["body"] != {"kind": "orders", "operations": meant}:
            raise BadResponse("bandex the signed bytes do not say what was meant; they were not sent")
        self.pending = Sent(block, expiry_us)
        return self.pending


_lanes: dict[tuple[str, str, int], Lane] = {}
_lanes_lock = threading.Lock()


def lane_of(keypair: Any, node: str, network: int) -> Lane:
    """The process's only lane of this key at this exchange."""
    with _lanes_lock:
        return _lanes.setdefault((keypair.public, node, network), Lane(keypair, node, network))
