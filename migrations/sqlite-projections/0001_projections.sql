-- Tables for queries, made from the journal. They can be dropped at any time: the server writes them anew.
-- `state` is always the state's canonical bytes; the columns beside it are only for finding it.

-- How far the tables have come, and of which journal they are.
CREATE TABLE progress (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    version    INTEGER NOT NULL,
    journal    BLOB NOT NULL,
    checkpoint INTEGER NOT NULL
) STRICT;

CREATE TABLE outcomes (
    seq     INTEGER PRIMARY KEY,
    time    INTEGER NOT NULL,
    outcome BLOB NOT NULL
) STRICT;

CREATE TABLE blocks (
    record_seq INTEGER PRIMARY KEY,
    id         BLOB NOT NULL UNIQUE,
    author     BLOB NOT NULL,
    lane_seq   INTEGER NOT NULL,
    UNIQUE (author, lane_seq)
) STRICT;

-- Every record with an event of an account: what it missed while it was away.
CREATE TABLE account_records (
    account    BLOB NOT NULL,
    record_seq INTEGER NOT NULL,
    PRIMARY KEY (account, record_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    account     BLOB PRIMARY KEY NOT NULL,
    updated_seq INTEGER NOT NULL,
    state       BLOB NOT NULL
) STRICT;

-- What accounts have at stake, and what follows for their limits.
CREATE TABLE trust (
    account     BLOB PRIMARY KEY NOT NULL,
    updated_seq INTEGER NOT NULL,
    state       BLOB NOT NULL
) STRICT;

-- named_seq is the record that gave the account the key: its register, grant or rotate block.
CREATE TABLE keys (
    key         BLOB PRIMARY KEY NOT NULL,
    account     BLOB NOT NULL,
    named_seq   INTEGER NOT NULL,
    updated_seq INTEGER NOT NULL,
    state       BLOB NOT NULL
) STRICT;
CREATE INDEX keys_by_account ON keys (account, key);

CREATE TABLE balances (
    account     BLOB NOT NULL,
    asset       INTEGER NOT NULL,
    updated_seq INTEGER NOT NULL,
    state       BLOB NOT NULL,
    PRIMARY KEY (account, asset)
) STRICT;

-- (placed_seq, placed_index) is where the order first appeared: the record, and the event within its outcome. `open` is
-- 1 while it rests or sleeps; `terms` are there if it is more than a plain limit order; client_id is the trader's own
-- name for it, which need not be the only one of that name.
CREATE TABLE orders (
    key          BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    op           INTEGER NOT NULL,
    account      BLOB NOT NULL,
    market       INTEGER NOT NULL,
    open         INTEGER NOT NULL,
    placed_seq   INTEGER NOT NULL,
    placed_index INTEGER NOT NULL,
    placed_time  INTEGER NOT NULL,
    updated_seq  INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    state        BLOB NOT NULL,
    terms        BLOB,
    client_id    BLOB,
    PRIMARY KEY (key, seq, op)
) STRICT;
CREATE INDEX orders_by_account ON orders (account, placed_seq, placed_index);
CREATE INDEX orders_open ON orders (account, placed_seq, placed_index) WHERE open = 1;
CREATE INDEX orders_by_client_id ON orders (account, client_id, placed_seq, placed_index) WHERE client_id IS NOT NULL;

-- The records that amended an order: with its own block what its owner agreed to.
CREATE TABLE amendments (
    key        BLOB NOT NULL,
    seq        INTEGER NOT NULL,
    op         INTEGER NOT NULL,
    record_seq INTEGER NOT NULL,
    PRIMARY KEY (key, seq, op, record_seq)
) STRICT, WITHOUT ROWID;

-- taker and maker are the canonical bytes of the orders' references.
CREATE TABLE trades (
    market        INTEGER NOT NULL,
    number        INTEGER NOT NULL,
    record_seq    INTEGER NOT NULL,
    record_index  INTEGER NOT NULL,
    time          INTEGER NOT NULL,
    taker_account BLOB NOT NULL,
    maker_account BLOB NOT NULL,
    taker         BLOB NOT NULL,
    maker         BLOB NOT NULL,
    deal          BLOB NOT NULL,
    state         BLOB NOT NULL,
    PRIMARY KEY (market, number)
) STRICT;
CREATE INDEX trades_by_taker ON trades (taker_account, record_seq, record_index);
CREATE INDEX trades_by_maker ON trades (maker_account, record_seq, record_index);
CREATE INDEX trades_by_taker_order ON trades (taker, record_seq, record_index);
CREATE INDEX trades_by_maker_order ON trades (maker, record_seq, record_index);
CREATE INDEX trades_by_deal ON trades (deal, record_seq, record_index);

-- What was traded in each interval of a market in which anything was. Lengths and starts are microseconds.
CREATE TABLE candles (
    market      INTEGER NOT NULL,
    interval_us INTEGER NOT NULL,
    start       INTEGER NOT NULL,
    updated_seq INTEGER NOT NULL,
    state       BLOB NOT NULL,
    PRIMARY KEY (market, interval_us, start)
) STRICT, WITHOUT ROWID;

-- Auctions that ended, with or without a trade.
CREATE TABLE auctions (
    market       INTEGER NOT NULL,
    record_seq   INTEGER NOT NULL,
    record_index INTEGER NOT NULL,
    time         INTEGER NOT NULL,
    state        BLOB NOT NULL,
    PRIMARY KEY (market, record_seq, record_index)
) STRICT, WITHOUT ROWID;

-- The protection of an account's quotes on a market; active is 0 once it was ended.
CREATE TABLE protections (
    account      BLOB NOT NULL,
    market       INTEGER NOT NULL,
    active       INTEGER NOT NULL,
    updated_seq  INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    state        BLOB NOT NULL,
    PRIMARY KEY (account, market)
) STRICT, WITHOUT ROWID;

-- locks is 1 as long as a side may have tokens locked for it: while it is open, and after a default for what has arrived.
CREATE TABLE deals (
    id           BLOB PRIMARY KEY NOT NULL,
    seller       BLOB NOT NULL,
    buyer        BLOB NOT NULL,
    due_by       BLOB,
    open         INTEGER NOT NULL,
    locks        INTEGER NOT NULL,
    opened_seq   INTEGER NOT NULL,
    opened_index INTEGER NOT NULL,
    updated_seq  INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    state        BLOB NOT NULL
) STRICT;
CREATE INDEX deals_by_opening ON deals (opened_seq, opened_index);
CREATE INDEX deals_by_seller ON deals (seller, opened_seq, opened_index);
CREATE INDEX deals_by_buyer ON deals (buyer, opened_seq, opened_index);
CREATE INDEX deals_locking_seller ON deals (seller) WHERE locks = 1;
CREATE INDEX deals_locking_buyer ON deals (buyer) WHERE locks = 1;
CREATE INDEX deals_by_due ON deals (due_by, opened_seq, opened_index) WHERE due_by IS NOT NULL;

-- What netting, bonds and fees did to a deal, of deals that any of them touched.
CREATE TABLE deal_extras (
    deal        BLOB PRIMARY KEY NOT NULL,
    updated_seq INTEGER NOT NULL,
    state       BLOB NOT NULL
) STRICT;

-- Outputs on the Bitcoin chain that pay the script of a deal. (first_seq, first_index) is where they were first told of.
CREATE TABLE payments (
    txid         BLOB NOT NULL,
    output       INTEGER NOT NULL,
    deal         BLOB NOT NULL,
    first_seq    INTEGER NOT NULL,
    first_index  INTEGER NOT NULL,
    updated_seq  INTEGER NOT NULL,
    updated_time INTEGER NOT NULL,
    state        BLOB NOT NULL,
    PRIMARY KEY (txid, output)
) STRICT;
CREATE INDEX payments_by_deal ON payments (deal, first_seq, first_index);

-- Every record that touched a deal: what a party hands over as evidence.
CREATE TABLE deal_records (
    deal       BLOB NOT NULL,
    record_seq INTEGER NOT NULL,
    PRIMARY KEY (deal, record_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE proposals (
    proposal      BLOB PRIMARY KEY NOT NULL,
    to_account    BLOB NOT NULL,
    waiting       INTEGER NOT NULL,
    proposed_seq  INTEGER NOT NULL,
    proposed_time INTEGER NOT NULL,
    updated_seq   INTEGER NOT NULL,
    state         BLOB NOT NULL
) STRICT;
CREATE INDEX proposals_waiting ON proposals (to_account, proposed_seq) WHERE waiting = 1;

-- Everybody who did not pay in time, and every key that signed two blocks for one place of its lane.
CREATE TABLE defaults (
    record_seq   INTEGER NOT NULL,
    record_index INTEGER NOT NULL,
    time         INTEGER NOT NULL,
    deal         BLOB NOT NULL,
    state        BLOB NOT NULL,
    PRIMARY KEY (record_seq, record_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE forks (
    record_seq   INTEGER NOT NULL,
    record_index INTEGER NOT NULL,
    time         INTEGER NOT NULL,
    state        BLOB NOT NULL,
    PRIMARY KEY (record_seq, record_index)
) STRICT, WITHOUT ROWID;
