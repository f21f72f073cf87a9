-- The journal: the authority for everything the exchange did. Rows are only ever added.

-- Who may write. Opening for writing takes the next epoch; an append by any earlier epoch is refused.
CREATE TABLE writer (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL
) STRICT;
INSERT INTO writer (id, epoch) VALUES (1, 0);

-- One row a sequenced command; seq runs from 1 without gaps, and previous is the hash of the row before.
CREATE TABLE records (
    seq            INTEGER PRIMARY KEY CHECK (seq > 0),
    time           INTEGER NOT NULL,                                     -- microseconds since 1970
    rules          INTEGER NOT NULL,
    command        BLOB NOT NULL,
    outcome_digest BLOB NOT NULL CHECK (length(outcome_digest) = 32),
    previous       BLOB NOT NULL CHECK (length(previous) = 32)
) STRICT;

-- The node's lane: one signed block a transaction, binding the records first_seq .. first_seq + count - 1.
CREATE TABLE batches (
    first_seq INTEGER PRIMARY KEY CHECK (first_seq > 0),
    count     INTEGER NOT NULL CHECK (count > 0),
    payload   BLOB NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;
