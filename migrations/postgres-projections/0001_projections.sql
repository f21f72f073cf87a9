-- Tables for queries, made from the journal. They can be dropped at any time: the server writes them anew.
-- They lie in a schema of their own, which the connection names.
-- `state` is always the state's canonical bytes; the columns beside it are only for finding it.

-- How far the tables have come, and of which journal they are.
CREATE TABLE progress (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    version    BIGINT NOT NULL,
    journal    BYTEA NOT NULL,
    checkpoint BIGINT NOT NULL
);

CREATE TABLE outcomes (
    seq     BIGINT PRIMARY KEY,
    time    BIGINT NOT NULL,
    outcome BYTEA NOT NULL
);

CREATE TABLE blocks (
    record_seq BIGINT PRIMARY KEY,
    id         BYTEA NOT NULL UNIQUE,
    author     BYTEA NOT NULL,
    lane_seq   BIGINT NOT NULL,
    UNIQUE (author, lane_seq)
);

-- Every record with an event of an account: what it missed while it was away.
CREATE TABLE account_records (
    account    BYTEA NOT NULL,
    record_seq BIGINT NOT NULL,
    PRIMARY KEY (account, record_seq)
);

CREATE TABLE accounts (
    account     BYTEA PRIMARY KEY NOT NULL,
    updated_seq BIGINT NOT NULL,
    state       BYTEA NOT NULL
);

-- What accounts have at stake, and what follows for their limits.
CREATE TABLE trust (
    account     BYTEA PRIMARY KEY NOT NULL,
    updated_seq BIGINT NOT NULL,
    state       BYTEA NOT NULL
);

-- named_seq is the record that gave the account the key: its register, grant or rotate block.
CREATE TABLE keys (
    key         BYTEA PRIMARY KEY NOT NULL,
    account     BYTEA NOT NULL,
    named_seq   BIGINT NOT NULL,
    updated_seq BIGINT NOT NULL,
    state       BYTEA NOT NULL
);
CREATE INDEX keys_by_account ON keys (account, key);

CREATE TABLE balances (
    account     BYTEA NOT NULL,
    asset       BIGINT NOT NULL,
    updated_seq BIGINT NOT NULL,
    state       BYTEA NOT NULL,
    PRIMARY KEY (account, asset)
);

-- (placed_seq, placed_index) is where the order first appeared: the record, and the event within its outcome. `open` is
-- 1 while it rests or sleeps; `terms` are there if it is more than a plain limit order; client_id is the trader's own
-- name for it, which need not be the only one of that name.
CREATE TABLE orders (
    key          BYTEA NOT NULL,
    seq          BIGINT NOT NULL,
    op           BIGINT NOT NULL,
    account      BYTEA NOT NULL,
    market       BIGINT NOT NULL,
    open         BIGINT NOT NULL,
    placed_seq   BIGINT NOT NULL,
    placed_index BIGINT NOT NULL,
    placed_time  BIGINT NOT NULL,
    updated_seq  BIGINT NOT NULL,
    updated_time BIGINT NOT NULL,
    state        BYTEA NOT NULL,
    terms        BYTEA,
    client_id    BYTEA,
    PRIMARY KEY (key, seq, op)
);
CREATE INDEX orders_by_account ON orders (account, placed_seq, placed_index);
CREATE INDEX orders_open ON orders (account, placed_seq, placed_index) WHERE open = 1;
CREATE INDEX orders_by_client_id ON orders (account, client_id, placed_seq, placed_index) WHERE client_id IS NOT NULL;

-- The records that amended an order: with its own block what its owner agreed to.
CREATE TABLE amendments (
    key        BYTEA NOT NULL,
    seq        BIGINT NOT NULL,
    op         BIGINT NOT NULL,
    record_seq BIGINT NOT NULL,
    PRIMARY KEY (key, seq, op, record_seq)
);

-- taker and maker are the canonical bytes of the orders' references.
CREATE TABLE trades (
    market        BIGINT NOT NULL,
    number        BIGINT NOT NULL,
    record_seq    BIGINT NOT NULL,
    record_index  BIGINT NOT NULL,
    time          BIGINT NOT NULL,
    taker_account BYTEA NOT NULL,
    maker_account BYTEA NOT NULL,
    taker         BYTEA NOT NULL,
    maker         BYTEA NOT NULL,
    deal          BYTEA NOT NULL,
    state         BYTEA NOT NULL,
    PRIMARY KEY (market, number)
);
CREATE INDEX trades_by_taker ON trades (taker_account, record_seq, record_index);
CREATE INDEX trades_by_maker ON trades (maker_account, record_seq, record_index);
CREATE INDEX trades_by_taker_order ON trades (taker, record_seq, record_index);
CREATE INDEX trades_by_maker_order ON trades (maker, record_seq, record_index);
CREATE INDEX trades_by_deal ON trades (deal, record_seq, record_index);

-- What was traded in each interval of a market in which anything was. Lengths and starts are microseconds.
CREATE TABLE candles (
    market      BIGINT NOT NULL,
    interval_us BIGINT NOT NULL,
    start       BIGINT NOT NULL,
    updated_seq BIGINT NOT NULL,
    state       BYTEA NOT NULL,
    PRIMARY KEY (market, interval_us, start)
);

-- Auctions that ended, with or without a trade.
CREATE TABLE auctions (
    market       BIGINT NOT NULL,
    record_seq   BIGINT NOT NULL,
    record_index BIGINT NOT NULL,
    time         BIGINT NOT NULL,
    state        BYTEA NOT NULL,
    PRIMARY KEY (market, record_seq, record_index)
);

-- The protection of an account's quotes on a market; active is 0 once it was ended.
CREATE TABLE protections (
    account      BYTEA NOT NULL,
    market       BIGINT NOT NULL,
    active       BIGINT NOT NULL,
    updated_seq  BIGINT NOT NULL,
    updated_time BIGINT NOT NULL,
    state        BYTEA NOT NULL,
    PRIMARY KEY (account, market)
);

-- locks is 1 as long as a side may have tokens locked for it: while it is open, and after a default for what has arrived.
CREATE TABLE deals (
    id           BYTEA PRIMARY KEY NOT NULL,
    seller       BYTEA NOT NULL,
    buyer        BYTEA NOT NULL,
    due_by       BYTEA,
    open         BIGINT NOT NULL,
    locks        BIGINT NOT NULL,
    opened_seq   BIGINT NOT NULL,
    opened_index BIGINT NOT NULL,
    updated_seq  BIGINT NOT NULL,
    updated_time BIGINT NOT NULL,
    state        BYTEA NOT NULL
);
CREATE INDEX deals_by_opening ON deals (opened_seq, opened_index);
CREATE INDEX deals_by_seller ON deals (seller, opened_seq, opened_index);
CREATE INDEX deals_by_buyer ON deals (buyer, opened_seq, opened_index);
CREATE INDEX deals_locking_seller ON deals (seller) WHERE locks = 1;
CREATE INDEX deals_locking_buyer ON deals (buyer) WHERE locks = 1;
CREATE INDEX deals_by_due ON deals (due_by, opened_seq, opened_index) WHERE due_by IS NOT NULL;

-- What netting, bonds and fees did to a deal, of deals that any of them touched.
CREATE TABLE deal_extras (
    deal        BYTEA PRIMARY KEY NOT NULL,
    updated_seq BIGINT NOT NULL,
    state       BYTEA NOT NULL
);

-- Outputs on the Bitcoin chain that pay the script of a deal. (first_seq, first_index) is where they were first told of.
CREATE TABLE payments (
    txid         BYTEA NOT NULL,
    output       BIGINT NOT NULL,
    deal         BYTEA NOT NULL,
    first_seq    BIGINT NOT NULL,
    first_index  BIGINT NOT NULL,
    updated_seq  BIGINT NOT NULL,
    updated_time BIGINT NOT NULL,
    state        BYTEA NOT NULL,
    PRIMARY KEY (txid, output)
);
CREATE INDEX payments_by_deal ON payments (deal, first_seq, first_index);

-- Every record that touched a deal: what a party hands over as evidence.
CREATE TABLE deal_records (
    deal       BYTEA NOT NULL,
    record_seq BIGINT NOT NULL,
    PRIMARY KEY (deal, record_seq)
);

CREATE TABLE proposals (
    proposal      BYTEA PRIMARY KEY NOT NULL,
    to_account    BYTEA NOT NULL,
    waiting       BIGINT NOT NULL,
    proposed_seq  BIGINT NOT NULL,
    proposed_time BIGINT NOT NULL,
    updated_seq   BIGINT NOT NULL,
    state         BYTEA NOT NULL
);
CREATE INDEX proposals_waiting ON proposals (to_account, proposed_seq) WHERE waiting = 1;

-- Everybody who did not pay in time, and every key that signed two blocks for one place of its lane.
CREATE TABLE defaults (
    record_seq   BIGINT NOT NULL,
    record_index BIGINT NOT NULL,
    time         BIGINT NOT NULL,
    deal         BYTEA NOT NULL,
    state        BYTEA NOT NULL,
    PRIMARY KEY (record_seq, record_index)
);

CREATE TABLE forks (
    record_seq   BIGINT NOT NULL,
    record_index BIGINT NOT NULL,
    time         BIGINT NOT NULL,
    state        BYTEA NOT NULL,
    PRIMARY KEY (record_seq, record_index)
);
