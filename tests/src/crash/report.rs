//! What a run of kills has shown, in numbers.

use super::rig::{Rig, Unanswered};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// How often the server was killed, by what it was doing.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Kills {
    /// Under load.
    pub load: u64,
    /// While a snapshot was being written, under load too.
    pub snapshot: u64,
    /// During a start, before it took commands: replaying, or making up for projections.
    pub start: u64,
    /// During the very first start of a store.
    pub first_start: u64,
    /// While the clients sent again what had no answer.
    pub resend: u64,
}

/// The figures of one store. Nothing in it is a failure: a failure ends the run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// `sqlite` or `postgres`.
    pub store: String,
    /// From what all chances follow.
    pub seed: u64,
    /// Loads that ended with a kill.
    pub cycles: u64,
    /// All kills.
    pub kills: Kills,
    /// New journals that were begun.
    pub journals: u64,
    /// Different blocks that were sent.
    pub blocks_sent: u64,
    /// Of these, acknowledged in the end; all, or the run had failed.
    pub blocks_acknowledged: u64,
    /// Of these, refused.
    pub blocks_refused: u64,
    /// Blocks that had no answer when the server was killed.
    pub blocks_unanswered: u64,
    /// Of these, found in the journal; the others were recorded when they came again.
    pub blocks_unanswered_recorded: u64,
    /// Answered blocks that were sent again and answered the same.
    pub blocks_repeated: u64,
    /// Blocks with a wrong signature that left no trace.
    pub blocks_forged: u64,
    /// Records that the witness has replayed, outcome by outcome.
    pub records_replayed: u64,
    /// How often the live digest was compared with that of the replay.
    pub digests_compared: u64,
    /// Starts after a kill that were let through.
    pub restarts: u64,
    /// From the start of the process to its first answer, on average.
    pub restart_mean_ms: u64,
    /// The longest.
    pub restart_max_ms: u64,
    /// The whole run.
    pub seconds: u64,
    /// All starts together.
    #[serde(skip)]
    pub(super) restart_sum: Duration,
}

impl Report {
    pub(super) fn restarted(&mut self, took: Duration) {
        self.restarts += 1;
        self.restart_sum += took;
        let mean = self.restart_sum.as_millis() / u128::from(self.restarts);
        self.restart_mean_ms = u64::try_from(mean).unwrap();
        self.restart_max_ms = self.restart_max_ms.max(u64::try_from(took.as_millis()).unwrap());
    }

    pub(super) const fn unanswered(&mut self, unanswered: Unanswered) {
        self.blocks_unanswered += unanswered.blocks;
        self.blocks_unanswered_recorded += unanswered.recorded;
    }

    /// Adds what one journal has seen.
    pub(super) fn add(&mut self, rig: &Rig) {
        let tally = rig.tally();
        self.journals += 1;
        self.blocks_sent += rig.made();
        self.blocks_acknowledged += tally.acknowledged;
        self.blocks_refused += tally.refused;
        self.blocks_repeated += tally.repeated;
        self.blocks_forged += tally.rejected;
        self.records_replayed += rig.records();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Kills { load, snapshot, start, first_start, resend } = self.kills;
        let kills = load + snapshot + start + first_start + resend;
        writeln!(
            f,
            "{}: {} cycles, seed {}, {} s, {} journals",
            self.store, self.cycles, self.seed, self.seconds, self.journals
        )?;
        writeln!(
            f,
            "  kills     {kills}: load {load}, snapshot {snapshot}, start {start}, first start {first_start}, resend {resend}"
        )?;
        writeln!(
            f,
            "  blocks    {} sent, {} acknowledged ({} refused); {} without an answer at a kill, {} of them recorded",
            self.blocks_sent,
            self.blocks_acknowledged,
            self.blocks_refused,
            self.blocks_unanswered,
            self.blocks_unanswered_recorded
        )?;
        writeln!(
            f,
            "  again     {} answered the same, {} forged and rejected",
            self.blocks_repeated, self.blocks_forged
        )?;
        writeln!(
            f,
            "  replayed  {} records, {} digests compared; lost 0, applied twice 0",
            self.records_replayed, self.digests_compared
        )?;
        write!(
            f,
            "  restarts  {}: {} ms on average, {} ms at most",
            self.restarts, self.restart_mean_ms, self.restart_max_ms
        )
    }
}
