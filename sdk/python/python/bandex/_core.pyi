"""What the package is built on, in Rust. Import from ``bandex``, not from here."""

from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypeVar, final

from .types import Depth, Json, Number, OwnBlock, SignedBlock, SignedLogin

__all__ = [
    "Client",
    "Keypair",
    "LocalAccount",
    "LocalBook",
    "LocalOrders",
    "Markets",
    "Rest",
    "Signer",
    "Submitted",
    "Subscription",
    "Trader",
    "block_id",
    "check_receipt",
    "checksum_levels",
    "checksum_orders",
    "decode_block",
    "encode_block",
    "end_runtime",
    "http_signature",
    "preimage",
    "sign_block",
    "sign_login",
    "stored_order",
    "verify_block",
]

_ReplyT = TypeVar("_ReplyT", bound=Json)

@final
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

@final
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

@final
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

    def sign_prepared(
        self, markets: Markets, asked: Json, prepared: Json, *, now_us: int | None = None
    ) -> OwnBlock:
        """Signs what ``POST /v1/blocks/prepare`` answered, if it is to the last byte what was ``asked``: the body of
        that request, whose ``key`` may be left out.
        """

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

@final
class LocalBook:
    """A book by levels that is whole or empty, never wrong: give it every push of the channel ``book``."""

    def __new__(cls, markets: Markets, market: str, depth: Depth | None = None) -> LocalBook:
        """An empty book of a market that waits for its snapshot; of the channel with the same depth."""

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
    def checksum(self) -> int:
        """The checksum of what it holds."""

    @property
    def bids(self) -> list[tuple[str, str, int]]:
        """The levels that buy, best first: price, quantity, orders."""

    @property
    def asks(self) -> list[tuple[str, str, int]]:
        """The levels that sell, best first: price, quantity, orders."""

@final
class LocalOrders:
    """A book by orders that is whole or empty, never wrong: give it every push of the channel ``book_orders``."""

    def __new__(cls, markets: Markets, market: str) -> LocalOrders:
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
        """What the market does."""

    @property
    def checksum(self) -> int:
        """The checksum of what it holds."""

    @property
    def bids(self) -> list[tuple[str, str, str]]:
        """The orders that buy, best price first and in queue order: reference, price, quantity shown."""

    @property
    def asks(self) -> list[tuple[str, str, str]]:
        """The orders that sell, best price first and in queue order: reference, price, quantity shown."""

@final
class LocalAccount:
    """Open orders, fills, balances and limit of an account, as far as its channels told."""

    def __new__(cls) -> LocalAccount:
        """Nothing yet."""

    def apply(self, push: Json) -> None:
        """Takes a push of ``orders``, ``fills``, ``balances`` or ``limits``; others change nothing."""

    @property
    def orders(self) -> list[dict[str, Any]]:
        """The open and the sleeping orders, by reference."""

    @property
    def fills(self) -> list[dict[str, Any]]:
        """The fills that were told, by market and number, without receipts."""

    @property
    def fill_count(self) -> int:
        """How many fills were told."""

    @property
    def balances(self) -> list[dict[str, Any]]:
        """The balances, by asset."""

    @property
    def limits(self) -> dict[str, Any] | None:
        """The limit, once it was told."""

    @property
    def seq(self) -> int:
        """The last record that any of the channels told of."""

@final
class Rest:
    """An exchange's REST interface, as everybody sees it or, after ``login``, as an account does."""

    def __new__(cls, url: str) -> Rest:
        """For an exchange at ``url``."""

    @property
    def socket_url(self) -> str:
        """Where the exchange's WebSocket is."""

    @property
    def account(self) -> str | None:
        """The account that logged in, hex."""

    def expires_within(self, margin_us: int) -> bool:
        """Whether the session ends within so many microseconds; then log in anew."""

    def get(self, path: str, query: dict[str, Any] | None = None) -> Awaitable[Any]:
        """What a GET of a path answers."""

    def fetch(self, path: str) -> Awaitable[str]:
        """What a GET of a path with its query answers, as text: for pages that are no JSON."""

    def post(self, path: str, body: Mapping[str, Any], query: dict[str, Any] | None = None) -> Awaitable[Any]:
        """What a POST to a path answers."""

    def markets(self) -> Awaitable[Markets]:
        """All that is listed."""

    def login(self, keypair: Keypair, markets: Markets) -> Awaitable[Rest]:
        """Logs in with a key of an account; gives the interface as that account sees it."""

    def signed(self, keypair: Keypair, markets: Markets) -> Awaitable[Rest]:
        """The same without a login: each request is signed with the key."""

@final
class Subscription:
    """What happens on a channel, as an async iterator of pushes (dicts).

    The first push of most channels is a snapshot; updates follow. After a lost connection it goes on by itself.
    """

    def __aiter__(self) -> Subscription: ...
    def __anext__(self) -> Coroutine[Any, Any, dict[str, Any]]:
        """The next push. It is not lost if whoever waits for it stops waiting."""

    def _wait(self) -> Awaitable[bool]: ...
    def _take(self) -> dict[str, Any] | None: ...
    def refresh(self) -> None:
        """Asks for a new snapshot. What comes before it is older."""

@final
class Client:
    """A connection to an exchange. It is made anew whenever it breaks; what was not answered is sent again, and
    subscriptions go on.
    """

    @staticmethod
    def connect(
        url: str,
        *,
        window: int = ...,
        receipts: bool = ...,
        node: str = ...,
        first_wait_ms: int = ...,
        longest_wait_ms: int = ...,
        heartbeat_ms: int = ...,
        unread: int = ...,
        on_full: Literal["resync", "wait"] = ...,
    ) -> Awaitable[Client]:
        """Connects to a WebSocket, such as ``ws://localhost:8420/v1/ws``. ``window``: submissions unanswered at a
        time; ``node``: the key that it must have; waits: before connecting again; ``unread``: pushes that a
        subscription may leave unread; ``on_full``: "resync" drops what comes beyond and makes up for it later, "wait"
        makes the exchange wait.
        """

    @property
    def network(self) -> int:
        """The network."""

    @property
    def node(self) -> str:
        """The node's key, hex."""

    def login(self, keypair: Keypair) -> Awaitable[None]:
        """Logs this connection in, for the private channels; again by itself after every break."""

    def subscribe(
        self,
        channel: str,
        market: str | None = None,
        *,
        depth: Depth | None = None,
        interval: str | None = None,
        resume_from: int | None = None,
    ) -> Awaitable[Subscription]:
        """Follows a channel. ``market`` belongs to those that are of one, ``depth`` to the book (10, 50, 500 or
        "full"), ``interval`` to candles. ``resume_from`` goes on behind a record instead of beginning with a
        snapshot; 0 of a channel that tells of records is from the first on.
        """

    def submit(self, signed: Json | SignedBlock) -> Awaitable[dict[str, Any]]:
        """Submits a signed block and gives its answer, whose receipt is checked."""

@final
class Submitted:
    """A block under way."""

    @property
    def block_id(self) -> str:
        """The block's id, hex."""

    @property
    def seq(self) -> int:
        """Its place in the lane."""

    def order(self, op: int) -> str:
        """The reference of the order with the number ``op``: known before any answer."""

    def reply(self) -> Coroutine[Any, Any, dict[str, Any]]:
        """The exchange's final answer. It is given once; whoever stops waiting for it may ask again."""

    def _wait(self) -> Awaitable[None]: ...
    def _take(self) -> dict[str, Any]: ...

@final
class Trader:
    """One key's lane on a connection; ``bandex.Trader`` is the one to use."""

    @staticmethod
    def open(
        client: Client,
        rest: Rest,
        markets: Markets,
        keypair: Keypair,
        lane: str | PathLike[str] | None,
        register: bool,
    ) -> Awaitable[Trader]:
        """Takes up a lane where it was left."""

    @property
    def account(self) -> str:
        """The account, hex."""

    @property
    def key(self) -> str:
        """The key, hex."""

    @property
    def markets(self) -> Markets:
        """The listings it was opened with."""

    @property
    def pending(self) -> int:
        """How many blocks wait for their answer."""

    @property
    def head(self) -> tuple[int, str]:
        """The end of the lane, everything signed included."""

    def own_pay(self, deal: str) -> dict[str, Any] | None:
        """The last payment that this lane signed in a deal."""

    def own_order(self, order: str) -> dict[str, Any] | None:
        """An order of this lane as it was signed: ``market``, ``side``, and its ``versions`` (price, quantity)."""

    def submit(self, body: Json, expiry_us: int | None = None) -> Awaitable[Submitted]:
        """Signs any body, stores and sends it."""

    def orders(self, operations: Sequence[Json], expiry_us: int | None = None) -> Awaitable[Submitted]:
        """Signs operations in decimals, stores and sends them."""

    def sign_prepared(self, asked: Json, prepared: Json) -> Awaitable[OwnBlock]:
        """Signs what the exchange prepared, and stores it as the next block of this lane."""

    def grant(self, session: Keypair, terms: Json) -> Awaitable[dict[str, Any]]:
        """Admits a session key."""

    def rotate(self, next: Keypair) -> Awaitable[dict[str, Any]]:
        """Replaces the root key."""

    def claim(self, bits: int) -> Awaitable[dict[str, Any]]:
        """Asks for the first grant of tokens."""

    def resume(self) -> Awaitable[None]:
        """Tries again what a broken lane has pending."""

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

def check_receipt(reply: _ReplyT, signed: Json | SignedBlock, node: str, network: int) -> _ReplyT:
    """Checks that a reply, or a receipt, is about a signed block and that the node signed for it; gives it back."""

def http_signature(
    keypair: Keypair,
    node: str,
    nonce: str,
    method: str,
    authority: str,
    path: str,
    query: str | None = None,
    *,
    body: bytes | None = None,
    now_us: int | None = None,
) -> list[tuple[str, str]]:
    """The headers that sign a request to one node (RFC 9421): Signature-Input and Signature, and with a body its
    Content-Digest. ``authority`` is host and port as sent, ``query`` the text behind the question mark. The node takes
    each nonce of a key once, within half a minute of ``now_us``.
    """

def sign_login(keypair: Keypair, network: int, node: str, nonce: str) -> SignedLogin:
    """The body of a login, for a challenge of node and network."""

def checksum_levels(bids: Sequence[Mapping[str, Any]], asks: Sequence[Mapping[str, Any]]) -> int:
    """The checksum of a book of levels (``price``, ``quantity``, best first): the best ten a side."""

def checksum_orders(bids: Sequence[Mapping[str, Any]], asks: Sequence[Mapping[str, Any]]) -> int:
    """The checksum of a book of orders (``order``, ``price``, ``quantity``, in queue order): the best ten prices."""

def stored_order(lane: str | PathLike[str], order: str, markets: Markets) -> Awaitable[dict[str, Any] | None]:
    """An order as its owner signed it, from the lane file of another process; as ``Trader.own_order`` gives it."""

def end_runtime() -> None:
    """Ends all that may enter Python, and waits for it; registered with ``atexit``."""
