//! After the writer lost its connection: find out what came of the append, before anything else happens.
//!
//! The order matters. A new connection first takes the lock, so that no other server can begin. Then it takes the next
//! epoch: the row of the epoch is locked by the old transaction for as long as that lives, so once it is taken, that
//! transaction has ended, one way or the other, and no other of the old epoch can follow. Only then the journal's end
//! is read: with the batch or without it.
//!
//! All of that can be done twice: the writer knows its own epoch by the holder's name beside it. So it does no harm if
//! one attempt is cut off anywhere, and each is given a limit, unlike the append itself.

use super::connect::end_older;
use super::{PostgresJournal, read, session};
use crate::port::AppendError;
use crate::tail::Tail;
use sqlx::PgConnection;
use std::time::{Duration, Instant};

/// How long finding out is tried before the append's end is called unknown.
const RESUME_WAIT: Duration = Duration::from_secs(30);
/// How long one attempt may take.
const ATTEMPT_WAIT: Duration = Duration::from_secs(10);
/// How long one attempt waits for the old connection to give back the lock.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// The pause after the first failed attempt; twice as long after each further one, up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_LONGEST: Duration = Duration::from_secs(1);

/// Why an attempt found out nothing.
enum Obstacle {
    /// Another writer has taken over.
    Fenced,
    /// What may pass, in words.
    Passing(String),
}

impl From<sqlx::Error> for Obstacle {
    fn from(error: sqlx::Error) -> Self {
        Self::Passing(error.to_string())
    }
}

impl PostgresJournal {
    /// Connects again and tells whether the batch was written, of which `after` would be the journal's new tail.
    ///
    /// # Errors
    /// Another writer has taken over: fenced. Nothing could be found out in time, or the journal ends neither with the
    /// batch nor without it: unknown, because of `lost`.
    pub(super) async fn resume(&mut self, after: Tail, lost: &str) -> Result<bool, AppendError> {
        let deadline = Instant::now() + RESUME_WAIT;
        let mut pause = PAUSE_FIRST;
        loop {
            let limit = deadline.saturating_duration_since(Instant::now()).min(ATTEMPT_WAIT);
            let why = match tokio::time::timeout(limit, self.connect_again()).await {
                Ok(Ok((connection, epoch, found))) => {
                    self.connection = connection;
                    self.epoch = epoch;
                    return self.judge(found, after);
                }
                Ok(Err(Obstacle::Fenced)) => return Err(AppendError::Fenced),
                Ok(Err(Obstacle::Passing(why))) => why,
                Err(_) => "no answer in time".to_owned(),
            };
            if Instant::now() + pause >= deadline {
                return Err(AppendError::Unknown(format!("{lost}; then for {RESUME_WAIT:?}: {why}")));
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(PAUSE_LONGEST);
        }
    }

    fn judge(&self, found: Tail, after: Tail) -> Result<bool, AppendError> {
        if found == after {
            return Ok(true);
        }
        if found == self.tail {
            return Ok(false);
        }
        let text =
            "the journal ends neither with the batch nor where it did before; was it restored from a copy?";
        Err(AppendError::Unknown(text.to_owned()))
    }

    /// One attempt: a connection that holds the lock, the epoch it has taken, and the journal's end.
    async fn connect_again(&self) -> Result<(PgConnection, i64, Tail), Obstacle> {
        let name = session::name_of(&self.holder);
        let mut connection = session::connect(&self.url, &name).await?;
        let holder: String =
            sqlx::query_scalar("SELECT holder FROM writer WHERE id = 1").fetch_one(&mut connection).await?;
        if holder != self.holder {
            return Err(Obstacle::Fenced);
        }
        end_older(&mut connection, &name).await?;
        if !session::take_lock(&mut connection, LOCK_WAIT).await? {
            return Err(Obstacle::Passing("the journal's lock is still held".to_owned()));
        }
        let epoch: Option<i64> =
            sqlx::query_scalar("UPDATE writer SET epoch = epoch + 1 WHERE holder = $1 RETURNING epoch")
                .bind(&self.holder)
                .fetch_optional(&mut connection)
                .await?;
        let epoch = epoch.ok_or(Obstacle::Fenced)?;
        let found =
            read::tail(&mut connection).await.map_err(|error| Obstacle::Passing(error.to_string()))?;
        Ok((connection, epoch, found))
    }
}
