-- What a wallet must not forget. A change of what it knows of the chain and a change of what it pays are committed together.

-- Changes of the chain's view, in order; merged into one row at times. JSON as the library that reads it promises to read it.
CREATE TABLE changes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    change_set TEXT NOT NULL
) STRICT;

-- From which height on the chain is read: no address was given out before.
CREATE TABLE birthday (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    height INTEGER NOT NULL
) STRICT;

-- The script that a deal's payments are received at: one for ever.
CREATE TABLE scripts (
    deal   BLOB PRIMARY KEY CHECK (length(deal) = 32),
    script BLOB NOT NULL UNIQUE
) STRICT;

-- What is to be paid. `closed`: 0 it counts, 1 given up before anything was signed, 2 no transaction of it can confirm any more.
CREATE TABLE payments (
    id         INTEGER PRIMARY KEY,
    deal       BLOB NOT NULL CHECK (length(deal) = 32),
    demand     INTEGER NOT NULL,
    round      INTEGER NOT NULL,
    payee      BLOB NOT NULL CHECK (length(payee) = 32),
    script     BLOB NOT NULL,
    satoshi    INTEGER NOT NULL CHECK (satoshi > 0),
    cumulative INTEGER NOT NULL CHECK (cumulative >= satoshi),
    deadline   INTEGER NOT NULL,
    time       INTEGER NOT NULL,
    closed     INTEGER NOT NULL CHECK (closed BETWEEN 0 AND 2),
    UNIQUE (deal, demand, round)
) STRICT;

-- Signed transactions, in the order they were signed. All of one payment spend one coin in common. `purpose`: 0 pay, 1 bump, 2 give up.
CREATE TABLE transactions (
    txid    BLOB PRIMARY KEY CHECK (length(txid) = 32),
    payment INTEGER NOT NULL REFERENCES payments (id),
    version INTEGER NOT NULL,
    purpose INTEGER NOT NULL CHECK (purpose BETWEEN 0 AND 2),
    bytes   BLOB NOT NULL,
    fee     INTEGER NOT NULL CHECK (fee > 0),
    time    INTEGER NOT NULL,
    sent    INTEGER,
    UNIQUE (payment, version)
) STRICT;
