//! The tables as the writer sees them. The schemas say what they are for.
//!
//! A row that exists keeps where it first appeared and takes over the rest. What can never change (trades, blocks,
//! outcomes) replaces nothing, so that a second one is an error and not a silent loss.

use crate::sql::Column::{Bytes, Number};
use crate::sql::Table;

pub(super) static OUTCOMES: Table<3> =
    Table { name: "outcomes", columns: [Number("seq"), Number("time"), Bytes("outcome")], replace: None };

pub(super) static BLOCKS: Table<4> = Table {
    name: "blocks",
    columns: [Number("record_seq"), Bytes("id"), Bytes("author"), Number("lane_seq")],
    replace: None,
};

pub(super) static ACCOUNT_RECORDS: Table<2> =
    Table { name: "account_records", columns: [Bytes("account"), Number("record_seq")], replace: None };

pub(super) static ACCOUNTS: Table<3> = Table {
    name: "accounts",
    columns: [Bytes("account"), Number("updated_seq"), Bytes("state")],
    replace: Some((&["account"], &["updated_seq", "state"])),
};

pub(super) static KEYS: Table<5> = Table {
    name: "keys",
    columns: [Bytes("key"), Bytes("account"), Number("named_seq"), Number("updated_seq"), Bytes("state")],
    replace: Some((&["key"], &["account", "updated_seq", "state"])),
};

pub(super) static BALANCES: Table<4> = Table {
    name: "balances",
    columns: [Bytes("account"), Number("asset"), Number("updated_seq"), Bytes("state")],
    replace: Some((&["account", "asset"], &["updated_seq", "state"])),
};

pub(super) static TRUST: Table<3> = Table {
    name: "trust",
    columns: [Bytes("account"), Number("updated_seq"), Bytes("state")],
    replace: Some((&["account"], &["updated_seq", "state"])),
};

pub(super) static ORDERS: Table<14> = Table {
    name: "orders",
    columns: [
        Bytes("key"),
        Number("seq"),
        Number("op"),
        Bytes("account"),
        Number("market"),
        Number("open"),
        Number("placed_seq"),
        Number("placed_index"),
        Number("placed_time"),
        Number("updated_seq"),
        Number("updated_time"),
        Bytes("state"),
        Bytes("terms"),
        Bytes("client_id"),
    ],
    // Terms and the trader's own name never change; terms are told only once.
    replace: Some((&["key", "seq", "op"], &["open", "updated_seq", "updated_time", "state"])),
};

pub(super) static AMENDMENTS: Table<4> = Table {
    name: "amendments",
    columns: [Bytes("key"), Number("seq"), Number("op"), Number("record_seq")],
    replace: None,
};

pub(super) static TRADES: Table<11> = Table {
    name: "trades",
    columns: [
        Number("market"),
        Number("number"),
        Number("record_seq"),
        Number("record_index"),
        Number("time"),
        Bytes("taker_account"),
        Bytes("maker_account"),
        Bytes("taker"),
        Bytes("maker"),
        Bytes("deal"),
        Bytes("state"),
    ],
    replace: None,
};

pub(super) static CANDLES: Table<5> = Table {
    name: "candles",
    columns: [
        Number("market"),
        Number("interval_us"),
        Number("start"),
        Number("updated_seq"),
        Bytes("state"),
    ],
    replace: Some((&["market", "interval_us", "start"], &["updated_seq", "state"])),
};

pub(super) static AUCTIONS: Table<5> = Table {
    name: "auctions",
    columns: [Number("market"), Number("record_seq"), Number("record_index"), Number("time"), Bytes("state")],
    replace: None,
};

pub(super) static PROTECTIONS: Table<6> = Table {
    name: "protections",
    columns: [
        Bytes("account"),
        Number("market"),
        Number("active"),
        Number("updated_seq"),
        Number("updated_time"),
        Bytes("state"),
    ],
    replace: Some((&["account", "market"], &["active", "updated_seq", "updated_time", "state"])),
};

pub(super) static DEALS: Table<11> = Table {
    name: "deals",
    columns: [
        Bytes("id"),
        Bytes("seller"),
        Bytes("buyer"),
        Bytes("due_by"),
        Number("open"),
        Number("locks"),
        Number("opened_seq"),
        Number("opened_index"),
        Number("updated_seq"),
        Number("updated_time"),
        Bytes("state"),
    ],
    replace: Some((&["id"], &["due_by", "open", "locks", "updated_seq", "updated_time", "state"])),
};

pub(super) static DEAL_EXTRAS: Table<3> = Table {
    name: "deal_extras",
    columns: [Bytes("deal"), Number("updated_seq"), Bytes("state")],
    replace: Some((&["deal"], &["updated_seq", "state"])),
};

pub(super) static PAYMENTS: Table<8> = Table {
    name: "payments",
    columns: [
        Bytes("txid"),
        Number("output"),
        Bytes("deal"),
        Number("first_seq"),
        Number("first_index"),
        Number("updated_seq"),
        Number("updated_time"),
        Bytes("state"),
    ],
    replace: Some((&["txid", "output"], &["updated_seq", "updated_time", "state"])),
};

pub(super) static DEAL_RECORDS: Table<2> =
    Table { name: "deal_records", columns: [Bytes("deal"), Number("record_seq")], replace: None };

pub(super) static PROPOSALS: Table<7> = Table {
    name: "proposals",
    columns: [
        Bytes("proposal"),
        Bytes("to_account"),
        Number("waiting"),
        Number("proposed_seq"),
        Number("proposed_time"),
        Number("updated_seq"),
        Bytes("state"),
    ],
    replace: Some((&["proposal"], &["waiting", "updated_seq", "state"])),
};

pub(super) static DEFAULTS: Table<5> = Table {
    name: "defaults",
    columns: [Number("record_seq"), Number("record_index"), Number("time"), Bytes("deal"), Bytes("state")],
    replace: None,
};

pub(super) static FORKS: Table<4> = Table {
    name: "forks",
    columns: [Number("record_seq"), Number("record_index"), Number("time"), Bytes("state")],
    replace: None,
};
