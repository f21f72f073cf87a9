-- The journal: the authority for everything the exchange did. Rows are only ever added.
-- The tables lie in the schema `journal`, which every connection of the store has as its search path.

-- Who may write. Opening for writing takes the next epoch; an append by any earlier epoch is refused. The holder is the
-- name that the writer gave itself when it opened: by it the writer knows its own epoch again after it lost its
-- connection while taking one.
CREATE TABLE writer (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    epoch  BIGINT NOT NULL CHECK (epoch >= 0),
    holder TEXT NOT NULL
);
INSERT INTO writer (id, epoch, holder) VALUES (1, 0, '');

-- One row a sequenced command; seq runs from 1 without gaps, and previous is the hash of the row before.
CREATE TABLE records (
    seq            BIGINT PRIMARY KEY CHECK (seq > 0),
    time           BIGINT NOT NULL CHECK (time >= 0),                         -- microseconds since 1970
    rules          BIGINT NOT NULL CHECK (rules BETWEEN 0 AND 4294967295),
    command        BYTEA NOT NULL,
    outcome_digest BYTEA NOT NULL CHECK (length(outcome_digest) = 32),
    previous       BYTEA NOT NULL CHECK (length(previous) = 32)
);

-- The node's lane: one signed block a transaction, binding the records first_seq .. first_seq + count - 1.
CREATE TABLE batches (
    first_seq BIGINT PRIMARY KEY CHECK (first_seq > 0),
    count     BIGINT NOT NULL CHECK (count BETWEEN 1 AND 4294967295),
    payload   BYTEA NOT NULL,
    signature BYTEA NOT NULL CHECK (length(signature) = 64)
);
