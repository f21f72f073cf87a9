//! The wallet's file: what it knows of the chain and what it pays, committed together.
//!
//! A folder holds `wallet.sqlite`, `wallet.lock` and `wallet.key`. A commit is one transaction, on disk when it returns
//! (write-ahead log, synchronous FULL). The wallet library's own store for SQLite cannot be used, since it links the
//! database a second time; it could not commit a payment along with its change either.

use crate::journal::{Closed, Entry, Journal, Purpose, Slot, Version};
use bandex_types::{AccountId, DealId, Timestamp};
use bdk_wallet::bitcoin::consensus::{deserialize, serialize};
use bdk_wallet::bitcoin::hashes::Hash as _;
use bdk_wallet::bitcoin::{ScriptBuf, Transaction, Txid};
use bdk_wallet::chain::Merge as _;
use bdk_wallet::{AsyncWalletPersister, ChangeSet, PersistedWallet};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row as _, SqliteConnection};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

static SCHEMA: Migrator = sqlx::migrate!("../migrations/sqlite-wallet");
const FILE: &str = "wallet.sqlite";
const LOCK: &str = "wallet.lock";
/// From how many rows on the changes of the chain's view are merged into one at the next opening.
const CHANGES_MAX: usize = 500;

/// The wallet's file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the wallet open.
    #[error("the wallet in {} is open in another process", .0.display())]
    InUse(PathBuf),
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database says no.
    #[error("wallet.sqlite: {0}")]
    Database(#[from] sqlx::Error),
    /// It holds what this program did not write.
    #[error("wallet.sqlite is damaged: {0}; restore it from a backup")]
    Damaged(String),
    /// The end of an earlier write is not known.
    #[error("an earlier write has an unknown end; open the wallet again")]
    Unsure,
}

/// The file, open in this process alone.
#[derive(Debug)]
pub(crate) struct Store {
    connection: SqliteConnection,
    /// What is committed along with the next change of the chain's view.
    queued: Vec<Entry>,
    /// Set while the end of a commit is not known.
    unsure: bool,
    /// Last, so that it is given back only after the connection.
    _lock: File,
}

impl Store {
    /// Opens the file in `folder`, or makes it.
    ///
    /// # Errors
    /// Another process has it, or it cannot be written.
    pub(crate) async fn open(folder: &Path) -> Result<Self, StoreError> {
        let lock = lock(folder)?;
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let mut connection = options.connect().await?;
        SCHEMA.run(&mut connection).await.map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(Self { connection, queued: Vec::new(), unsure: false, _lock: lock })
    }

    /// Whether the file holds a wallet.
    pub(crate) async fn is_empty(&mut self) -> Result<bool, StoreError> {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM changes").fetch_one(&mut self.connection).await?;
        Ok(count == 0)
    }

    /// Commits entries along with what the wallet has staged, all of it or nothing. Once it fails, the end is unknown
    /// and the wallet must be opened again.
    pub(crate) async fn commit(
        &mut self,
        wallet: &mut PersistedWallet<Self>,
        entries: &[Entry],
    ) -> Result<(), StoreError> {
        if self.unsure {
            return Err(StoreError::Unsure);
        }
        self.queued.extend_from_slice(entries);
        let staged = wallet.persist_async(self).await?;
        if !staged && !self.queued.is_empty() {
            self.write(&ChangeSet::default()).await?;
        }
        Ok(())
    }

    /// Commits a change that no wallet has staged.
    pub(crate) async fn write(&mut self, change: &ChangeSet) -> Result<(), StoreError> {
        if self.unsure {
            return Err(StoreError::Unsure);
        }
        self.unsure = true;
        let queued = std::mem::take(&mut self.queued);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        if !change.is_empty() {
            insert_change(&mut transaction, change).await?;
        }
        for entry in &queued {
            insert(&mut transaction, entry).await?;
        }
        transaction.commit().await?;
        self.unsure = false;
        Ok(())
    }

    /// All changes of the chain's view as one. Many rows become one on the way.
    async fn changes(&mut self) -> Result<ChangeSet, StoreError> {
        let rows: Vec<String> = sqlx::query_scalar("SELECT change_set FROM changes ORDER BY id")
            .fetch_all(&mut self.connection)
            .await?;
        let mut merged = ChangeSet::default();
        for row in &rows {
            merged.merge(serde_json::from_str(row).map_err(damaged)?);
        }
        if rows.len() > CHANGES_MAX {
            let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query("DELETE FROM changes").execute(&mut *transaction).await?;
            insert_change(&mut transaction, &merged).await?;
            transaction.commit().await?;
        }
        Ok(merged)
    }

    /// All that is remembered of payments.
    pub(crate) async fn journal(&mut self) -> Result<Journal, StoreError> {
        let mut journal = Journal::default();
        let birthday: Option<i64> =
            sqlx::query_scalar("SELECT height FROM birthday").fetch_optional(&mut self.connection).await?;
        journal.birthday = birthday.map(|height| number("height", height)).transpose()?;
        let rows = sqlx::query("SELECT deal, script FROM scripts").fetch_all(&mut self.connection).await?;
        for row in &rows {
            journal.apply(Entry::Script(DealId::new(bytes(row, "deal")?), script(row)?));
        }
        let rows = sqlx::query("SELECT * FROM payments ORDER BY id").fetch_all(&mut self.connection).await?;
        for row in &rows {
            journal.apply(Entry::Intent(slot(row)?));
        }
        let rows = sqlx::query("SELECT * FROM transactions ORDER BY payment, version")
            .fetch_all(&mut self.connection)
            .await?;
        for row in &rows {
            journal.apply(Entry::Signed(row.try_get("payment")?, version(row)?));
        }
        Ok(journal)
    }
}

/// What the wallet library asks of a store.
impl AsyncWalletPersister for Store {
    type Error = StoreError;

    fn initialize<'a>(
        persister: &'a mut Self,
    ) -> Pin<Box<dyn Future<Output = Result<ChangeSet, StoreError>> + Send + 'a>>
    where
        Self: 'a,
    {
        Box::pin(persister.changes())
    }

    fn persist<'a>(
        persister: &'a mut Self,
        changeset: &'a ChangeSet,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>
    where
        Self: 'a,
    {
        Box::pin(persister.write(changeset))
    }
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let failed = |source| StoreError::File { path: path.clone(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

async fn insert_change(connection: &mut SqliteConnection, change: &ChangeSet) -> Result<(), StoreError> {
    let text = serde_json::to_string(change).map_err(damaged)?;
    sqlx::query("INSERT INTO changes (change_set) VALUES (?)").bind(text).execute(connection).await?;
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, entry: &Entry) -> Result<(), StoreError> {
    let query = match entry {
        Entry::Birthday(height) => {
            sqlx::query("INSERT INTO birthday (id, height) VALUES (1, ?)").bind(i64::from(*height))
        }
        Entry::Script(deal, script) => sqlx::query("INSERT INTO scripts (deal, script) VALUES (?, ?)")
            .bind(deal.as_bytes().as_slice())
            .bind(script.as_bytes()),
        Entry::Intent(slot) => sqlx::query(
            "INSERT INTO payments (id, deal, demand, round, payee, script, satoshi, cumulative, deadline, time, closed) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(slot.id)
        .bind(slot.deal.as_bytes().as_slice())
        .bind(i64::from(slot.demand))
        .bind(i64::from(slot.round))
        .bind(slot.payee.as_bytes().as_slice())
        .bind(slot.script.as_bytes())
        .bind(signed(slot.satoshi)?)
        .bind(signed(slot.cumulative)?)
        .bind(signed(slot.deadline.as_micros())?)
        .bind(signed(slot.time.as_micros())?)
        .bind(closed_number(slot.closed)),
        Entry::Signed(id, version) => sqlx::query(
            "INSERT INTO transactions (txid, payment, version, purpose, bytes, fee, time, sent) \
             VALUES (?, ?, (SELECT count(*) FROM transactions WHERE payment = ?), ?, ?, ?, ?, ?)",
        )
        .bind(version.txid.to_byte_array().to_vec())
        .bind(*id)
        .bind(*id)
        .bind(purpose_number(version.purpose))
        .bind(serialize(&version.transaction))
        .bind(signed(version.fee)?)
        .bind(signed(version.time.as_micros())?)
        .bind(version.sent.map(|time| signed(time.as_micros())).transpose()?),
        Entry::Sent(_, txid, time) => sqlx::query("UPDATE transactions SET sent = ? WHERE txid = ?")
            .bind(signed(time.as_micros())?)
            .bind(txid.to_byte_array().to_vec()),
        Entry::Deadline(id, deadline) => sqlx::query("UPDATE payments SET deadline = ? WHERE id = ?")
            .bind(signed(deadline.as_micros())?)
            .bind(*id),
        Entry::Close(id, closed) => sqlx::query("UPDATE payments SET closed = ? WHERE id = ?")
            .bind(closed_number(*closed))
            .bind(*id),
    };
    query.execute(connection).await?;
    Ok(())
}

fn slot(row: &SqliteRow) -> Result<Slot, StoreError> {
    let closed: i64 = row.try_get("closed")?;
    Ok(Slot {
        id: row.try_get("id")?,
        deal: DealId::new(bytes(row, "deal")?),
        demand: number("demand", row.try_get("demand")?)?,
        round: number("round", row.try_get("round")?)?,
        payee: AccountId::new(bytes(row, "payee")?),
        script: script(row)?,
        satoshi: number("satoshi", row.try_get("satoshi")?)?,
        cumulative: number("cumulative", row.try_get("cumulative")?)?,
        deadline: Timestamp::from_micros(number("deadline", row.try_get("deadline")?)?),
        time: Timestamp::from_micros(number("time", row.try_get("time")?)?),
        closed: match closed {
            0 => Closed::Open,
            1 => Closed::Withdrawn,
            2 => Closed::Dead,
            other => return Err(damaged(format!("a payment is closed as {other}"))),
        },
        versions: Vec::new(),
    })
}

fn version(row: &SqliteRow) -> Result<Version, StoreError> {
    let purpose: i64 = row.try_get("purpose")?;
    let sent: Option<i64> = row.try_get("sent")?;
    let sent = sent.map(|time| number("sent", time)).transpose()?;
    let transaction: Vec<u8> = row.try_get("bytes")?;
    let transaction: Transaction = deserialize(&transaction).map_err(damaged)?;
    let txid = Txid::from_byte_array(bytes(row, "txid")?);
    if transaction.compute_txid() != txid {
        return Err(damaged(format!("the bytes of {txid} are another transaction's")));
    }
    Ok(Version {
        txid,
        purpose: match purpose {
            0 => Purpose::Pay,
            1 => Purpose::Bump,
            2 => Purpose::GiveUp,
            other => return Err(damaged(format!("a transaction is for {other}"))),
        },
        transaction,
        fee: number("fee", row.try_get("fee")?)?,
        time: Timestamp::from_micros(number("time", row.try_get("time")?)?),
        sent: sent.map(Timestamp::from_micros),
    })
}

fn script(row: &SqliteRow) -> Result<ScriptBuf, StoreError> {
    Ok(ScriptBuf::from_bytes(row.try_get("script")?))
}

fn bytes(row: &SqliteRow, column: &str) -> Result<[u8; 32], StoreError> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map_err(|_| damaged(format!("{column} is not 32 bytes long")))
}

fn number<T: TryFrom<i64>>(what: &str, stored: i64) -> Result<T, StoreError> {
    T::try_from(stored).map_err(|_| damaged(format!("{what} is {stored}")))
}

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| damaged(format!("{number} is too large to be stored")))
}

fn purpose_number(purpose: Purpose) -> i64 {
    match purpose {
        Purpose::Pay => 0,
        Purpose::Bump => 1,
        Purpose::GiveUp => 2,
    }
}

fn closed_number(closed: Closed) -> i64 {
    match closed {
        Closed::Open => 0,
        Closed::Withdrawn => 1,
        Closed::Dead => 2,
    }
}

fn damaged(why: impl ToString) -> StoreError {
    StoreError::Damaged(why.to_string())
}
