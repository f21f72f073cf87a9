"""What the package is built on, in Rust. Import from ``bandex``, not from here."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from os import PathLike
from typing import Any, TypedDict, TypeVar

Number = str | int | Decimal
"""A decimal number: text, ``decimal.Decimal`` or an integer; never a float."""

Json = Mapping[str, Any] | str
"""A dict in a form of the exchange, or the JSON text of one."""

ReplyT = TypeVar("ReplyT", bound=Json)

class SignedBlock(TypedDict):
    """A signed block as ``POST /v1/blocks`` takes it, with its id."""

    payload: str
    signature: str
    block_id: str

class OwnBlock(SignedBlock):
    """A block just signed: what was signed, whose lane it is in, and its place there."""

    preimage: str
    key: str
    seq: int

class SignedLogin(TypedDict):
    """The body of a login."""

    key: str
    nonce: str
    signature: str

class Keypair:
    """An Ed25519 key. Whoever has its seed has the account: keep it, and show it to nobody."""

    @staticmethod
    def generate() -> Keypair:
        """A new key, from the system's randomness."""

    @staticmethod
    def from_seed(text: str) -> Keypair:
        """From 64 hex digits of secret seed."""

    @staticmethod
    def load(path: str | PathLike[str]) -> Keypair:
        """From a key file, as ``bandex key new`` writes it."""

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a key file that only its owner may read. A file that is there is never overwritten."""

    @property
    def public(self) -> str:
        """The public half, hex."""

    def seed(self) -> str:
        """The secret seed, hex. Never log it."""

    def sign(self, purpose: str, data: bytes) -> str:
        """The signature over bytes for one purpose ("block", "login" or "possession"), hex."""

class Markets:
    """The listings of an exchange: symbols to numbers, decimals to steps."""

    def __new__(cls, answer: Json) -> Markets:
        """From the answer to ``GET /v1/markets``."""

    @property
    def network(self) -> int:
        """The network that all blocks must name."""

    @property
    def node(self) -> str:
        """The node's key, hex."""

    @property
    def register_work_bits(self) -> int:
        """Zero bits that a register block's id must begin with."""

    @property
    def symbols(self) -> list[str]:
        """The symbols of all markets."""

    def market_id(self, symbol: str) -> int:
        """The number of a market in blocks."""

    def asset_id(self, symbol: str) -> int:
        """The number of an asset in blocks."""

    def assets_of(self, symbol: str) -> tuple[str, str]:
        """The symbols of a market's base and quote."""

    def ticks(self, symbol: str, price: Number) -> int:
        """A price in ticks."""

    def lots(self, symbol: str, quantity: Number) -> int:
        """A quantity in lots."""

    def price(self, symbol: str, ticks: int) -> str:
        """The text of a price in ticks."""

    def quantity(self, symbol: str, lots: int) -> str:
        """The text of a quantity in lots."""

    def units(self, asset: str, amount: Number) -> int:
        """An amount of an asset in its smallest units."""

    def amount(self, asset: str, units: int) -> str:
        """The text of an amount in smallest units."""

    def operation(self, operation: Json) -> dict[str, Any]:
        """An operation in decimals, as ``POST /v1/blocks/prepare`` takes it, in the integers that a block holds."""

class Signer:
    """Builds and signs the next block of a lane; each signature moves the end of the lane forward."""

    def __new__(cls, keypair: Keypair, network: int, seq: int = 0, previous: str | None = None) -> Signer:
        """A signer whose next block goes on after block ``seq`` with id ``previous``; without them it registers."""

    @property
    def key(self) -> str:
        """The public key, hex."""

    @property
    def head(self) -> tuple[int, str]:
        """The end of the lane, everything signed included: seq and id of its last block."""

    def sign(self, body: Json, *, expiry_us: int | None = None, now_us: int | None = None) -> OwnBlock:
        """Signs any body in its JSON form, such as ``{"kind": "acknowledge", "proposal": …}``."""

    def orders(
        self,
        markets: Markets,
        operations: Sequence[Json],
        *,
        expiry_us: int | None = None,
        now_us: int | None = None,
    ) -> OwnBlock:
        """Signs one to a hundred operations on orders, in decimals."""

    def register(self, home: str, bits: int, *, now_us: int | None = None) -> OwnBlock:
        """Makes an account at node ``home``, with a proof of work of about 2^bits hashes."""

    def claim(self, bits: int, *, now_us: int | None = None) -> OwnBlock:
        """Asks for the first grant of tokens, with a proof of work."""

    def grant(self, session: Keypair, terms: Json, *, now_us: int | None = None) -> OwnBlock:
        """Admits a session key: ``{"scopes": ["orders", "settle", "tokens"], "markets", "largest_notional", …}``."""

    def rotate(self, next: Keypair, *, now_us: int | None = None) -> OwnBlock:
        """Replaces the root key by ``next``, whose lane begins with this block."""

    def reset(self, seq: int, previous: str) -> None:
        """Goes to a lane's end as the exchange knows it, after a block that certainly was not sequenced."""

class LocalBook:
    """A book that is whole or empty, never wrong: give it every push of the channel ``book``."""

    def __new__(cls, markets: Markets, market: str) -> LocalBook:
        """An empty book of a market that waits for its snapshot."""

    def apply(self, push: Json) -> None:
        """Takes a push; ``BookBroken`` says that the book is empty now and waits for a snapshot."""

    @property
    def is_live(self) -> bool:
        """Whether a snapshot came and nothing was missed since."""

    @property
    def seq(self) -> int | None:
        """The record up to which the book is true."""

    @property
    def state(self) -> str:
        """What the market does: ``trading``, ``cancel_only``, ``halted`` or ``auction``."""

    @property
    def bids(self) -> list[tuple[str, str, int]]:
        """The levels that buy, best first: price, quantity, orders."""

    @property
    def asks(self) -> list[tuple[str, str, int]]:
        """The levels that sell, best first: price, quantity, orders."""

def encode_block(block: Json) -> bytes:
    """The canonical bytes of a block given in its JSON form."""

def decode_block(payload: bytes) -> dict[str, Any]:
    """The JSON form of a block's canonical bytes; other bytes are refused."""

def block_id(payload: bytes) -> str:
    """The id of a block by its canonical bytes."""

def preimage(payload: bytes) -> bytes:
    """What is signed: the domain's tag and the canonical bytes."""

def sign_block(keypair: Keypair, payload: bytes) -> SignedBlock:
    """Signs canonical bytes, which are read first; the key must be the block's author."""

def verify_block(signed: Json | SignedBlock, network: int) -> dict[str, Any]:
    """Judges a signed block as a node does before it is sequenced; gives its JSON form."""

def check_receipt(reply: ReplyT, signed: Json | SignedBlock, node: str, network: int) -> ReplyT:
    """Checks that a reply, or a receipt, is about a signed block and that the node signed for it; gives it back."""

def sign_login(keypair: Keypair, network: int, node: str, nonce: str) -> SignedLogin:
    """The body of a login, for a challenge of node and network."""

def checksum_levels(bids: Sequence[Mapping[str, Any]], asks: Sequence[Mapping[str, Any]]) -> int:
    """The checksum of a book of levels (``price``, ``quantity``, best first): the best ten a side."""
