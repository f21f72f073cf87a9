//! A throw-away server as the exchange of a replay: every block goes over one WebSocket.

use super::venue::Venue;
use crate::admin;
use anyhow::{Context, Result, anyhow, bail};
use bandex_engine::{Outcome, Refusal};
use bandex_exchange::{Config, Exchange};
use bandex_journal::{DatabaseUrl, JournalReader, PostgresJournal};
use bandex_sdk::{Client, Options, Rest, SubmitError, api::BlockReply};
use bandex_tradechain::body::{Change, MAX_CHANGES};
use bandex_tradechain::{Genesis, SignedBlock};
use bandex_types::{Amount, Timestamp};
use borsh::BorshDeserialize;
use std::collections::VecDeque;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// How many blocks may be unanswered at a time.
const WINDOW: usize = 1_024;

/// A server on loopback with a store in a folder that goes when it goes.
pub struct ServerVenue {
    exchange: Exchange,
    client: Client,
    register_work_bits: u8,
    answers: VecDeque<JoinHandle<Result<BlockReply, SubmitError>>>,
    _folder: TempDir,
}

impl ServerVenue {
    /// Starts the server, on `database` if one is given, and connects.
    ///
    /// # Errors
    /// The database holds a journal, or the server cannot start or does not answer.
    pub async fn start(database: Option<DatabaseUrl>) -> Result<Self> {
        if let Some(database) = &database {
            must_be_empty(database).await?;
        }
        let folder = tempfile::tempdir()?;
        let config = Config { database, issuance_cap: Amount::MAX, ..Config::new(folder.path()) };
        let exchange = Exchange::start(config).await?;
        let rest = Rest::new(format!("http://{}", exchange.address()))?;
        let register_work_bits = rest.markets().await?.register_work_bits;
        let options = Options { window: WINDOW, node: Some(exchange.node()), ..Options::default() };
        let client = Client::connect(&rest.socket_url(), options).await?;
        let answers = VecDeque::with_capacity(WINDOW);
        Ok(Self { exchange, client, register_work_bits, answers, _folder: folder })
    }

    /// Stops the server.
    pub async fn stop(self) {
        drop(self.client);
        self.exchange.stop().await;
    }

    /// Waits for the oldest answer.
    async fn next(&mut self) -> Result<Option<Outcome>> {
        let Some(answer) = self.answers.pop_front() else { return Ok(None) };
        let reply =
            answer.await?.map_err(|error| anyhow!("{}: {error}", error.code().unwrap_or("failed")))?;
        let receipt = reply.receipt.context("a reply without a receipt")?;
        Ok(Some(Outcome::try_from_slice(&hex::decode(receipt.outcome)?)?))
    }
}

/// Whoever names a database by mistake keeps what is in it.
async fn must_be_empty(database: &DatabaseUrl) -> Result<()> {
    // A database without the journal's tables cannot be opened for reading, and is as empty as can be.
    if let Ok(reader) = PostgresJournal::open_read_only(database).await
        && let Some(head) = reader.head().await?
    {
        bail!("{database} holds a journal of {} records; name an empty database", head.seq);
    }
    Ok(())
}

impl Venue for ServerVenue {
    fn genesis(&self) -> &Genesis {
        self.exchange.genesis()
    }

    fn register_work_bits(&self) -> u8 {
        self.register_work_bits
    }

    async fn configure(&mut self, _: Timestamp, changes: Vec<Change>) -> Result<()> {
        let url = format!("http://{}", self.exchange.admin_address());
        for changes in changes.chunks(MAX_CHANGES) {
            let changes = serde_json::to_value(changes)?;
            let reply = admin::configure(&url, self.exchange.admin_token(), &changes).await?;
            let listed = Refusal::AlreadyListed.code();
            let refused =
                reply.operations.into_iter().find(|it| !it.ok && it.code.as_deref() != Some(listed));
            if let Some(refused) = refused {
                bail!("{}: {}", refused.code.unwrap_or_default(), refused.detail.unwrap_or_default());
            }
        }
        Ok(())
    }

    async fn submit(&mut self, _: Timestamp, block: SignedBlock) -> Result<Vec<Outcome>> {
        let answer = self.client.room().await?.submit(block);
        self.answers.push_back(tokio::spawn(answer));
        let mut outcomes = Vec::new();
        while self.answers.front().is_some_and(JoinHandle::is_finished) {
            outcomes.extend(self.next().await?);
        }
        Ok(outcomes)
    }

    async fn finish(&mut self) -> Result<Vec<Outcome>> {
        let mut outcomes = Vec::with_capacity(self.answers.len());
        while let Some(outcome) = self.next().await? {
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}
