//! Opens the store and makes everything else from it: the newest snapshot that fits, and the records behind it.

use crate::bitcoin::Known;
use crate::config::Config;
use crate::edge::Metrics;
use crate::exchange::StartError;
use crate::identity::Identity;
use crate::presence::Presence;
use crate::publication::{self, Publication};
use crate::recover::{self, RecoverError};
use crate::snapshots::Snapshots;
use crate::view::View;
use crate::writer::Writer;
use bandex_journal::{
    Journal, JournalReader, OpenError, PostgresJournal, Projected, ProjectionPlace, Projections,
    SqliteJournal,
};
use bandex_sequencer::{Replay, Sequencer};
use bandex_tradechain::{Command, Decoded, Genesis};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// How many publications may wait for the publisher.
const PUBLICATIONS: usize = 1_024;

/// How a start came to its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The record that the snapshot was made after; 0 if there was none that served.
    pub snapshot_seq: u64,
    /// The last record, replayed like all those behind the snapshot.
    pub head_seq: u64,
}

impl Recovery {
    /// How many records were replayed.
    pub const fn replayed(&self) -> u64 {
        self.head_seq.saturating_sub(self.snapshot_seq)
    }
}

/// A journal with everything that was made from it.
pub(crate) struct Opened {
    pub recovery: Recovery,
    pub writer: Writer,
    pub reader: Arc<dyn JournalReader>,
    pub view: View,
    pub publications: mpsc::Receiver<Arc<Publication>>,
    pub projections: Projections,
}

impl Config {
    /// Where the projections lie.
    pub(crate) fn projections(&self) -> ProjectionPlace {
        let folder = || ProjectionPlace::Folder(self.folder.clone());
        self.database.clone().map_or_else(folder, ProjectionPlace::Postgres)
    }
}

/// Opens the journal for writing, which keeps every other server out.
///
/// # Errors
/// A server has it open, or it cannot be opened.
pub(crate) async fn open_journal(config: &Config) -> Result<Box<dyn Journal>, OpenError> {
    Ok(match &config.database {
        None => Box::new(SqliteJournal::open(&config.folder).await?),
        Some(database) => Box::new(PostgresJournal::open(database).await?),
    })
}

/// Opens the store of `config`, beginning a new journal if there is none.
///
/// # Errors
/// See [`StartError`].
pub(crate) async fn open(
    config: &Config,
    identity: &Identity,
    metrics: Arc<Metrics>,
) -> Result<Opened, StartError> {
    let journal = open_journal(config).await?;
    let reader = journal.reader();
    let begun = begun(reader.as_ref()).await?;
    if let Some(begun) = &begun {
        Identity::check("node", &config.folder, begun.node, identity.node.public())?;
        Identity::check("operator", &config.folder, begun.operator, identity.operator.public())?;
    }
    let new =
        Genesis::new(config.network, identity.node.public(), identity.operator.public(), config.issuance_cap);
    let id = begun.as_ref().unwrap_or(&new).id();
    let mut projections = Projections::open(&config.projections(), id.as_bytes()).await?;
    let journal_end = reader.head().await.map_err(RecoverError::from)?.map_or(0, |head| head.seq);
    let projected = projections.checkpoint();
    if projected > journal_end {
        return Err(StartError::Cut { journal: journal_end, projected });
    }
    let snapshots = Snapshots::of(&config.folder);
    snapshots.tidy(journal_end);
    let mut replay = recover::begin(&snapshots, reader.as_ref(), projected).await?;
    let snapshot_seq = replay.engine().seq();
    catch_up(&mut replay, reader.as_ref(), &mut projections).await?;
    let recovery = Recovery { snapshot_seq, head_seq: replay.engine().seq() };
    let (engine, ends) = recover::finish(replay, reader.as_ref()).await?;
    let mut view = View::of(&engine);
    view.read_traded(&projections.reader()).await.map_err(RecoverError::from)?;
    let sequencer = Sequencer::new(engine, ends, identity.node.clone(), identity.operator.clone());
    let (sender, publications) = mpsc::channel(PUBLICATIONS);
    let epochs = watch::Sender::default();
    let batch_max = config.batch_max;
    let bitcoin = Known::of(sequencer.engine(), config.bitcoin.is_some());
    let presence = Presence::of(sequencer.engine());
    let mut writer = Writer {
        sequencer,
        journal,
        publications: sender,
        batch_max,
        epochs,
        bitcoin,
        presence,
        metrics,
        kinds: Vec::new(),
    };
    writer.show_epoch();
    let ready = match begun {
        None => writer.begin(new, &config.first_changes).await,
        Some(_) => writer.upgrade().await,
    };
    ready.map_err(|error| StartError::Begin(error.to_string()))?;
    Ok(Opened { recovery, writer, reader, view, publications, projections })
}

/// What record 1 says; none of an empty journal.
///
/// # Errors
/// The record cannot be read.
pub(crate) async fn begun(reader: &dyn JournalReader) -> Result<Option<Genesis>, RecoverError> {
    let first = reader.records(1, 1).await?;
    let decoded = first.first().map(|record| Decoded::from_bytes(&record.command)).transpose();
    let decoded = decoded.map_err(|source| bandex_sequencer::ReplayError::Command { seq: 1, source })?;
    Ok(decoded.and_then(|decoded| match decoded.command() {
        Command::Genesis(genesis) => Some(genesis.clone()),
        _ => None,
    }))
}

/// Replays to the end, and projects what was committed and not projected before the last end.
async fn catch_up(
    replay: &mut Replay,
    reader: &dyn JournalReader,
    projections: &mut Projections,
) -> Result<(), StartError> {
    loop {
        let applied = recover::next(replay, reader).await?;
        if applied.is_empty() {
            return Ok(());
        }
        let from = projections.checkpoint();
        let late: Vec<Projected> =
            applied.iter().filter(|one| one.seq > from).map(publication::projected).collect();
        if !late.is_empty() {
            projections.apply(&late).await?;
        }
    }
}
