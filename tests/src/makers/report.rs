//! What a run came to, for people and for programs.

use super::Compared;
use serde::Serialize;
use std::fmt;

/// A run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// From what all chance followed.
    pub seed: u64,
    /// How long they traded.
    pub seconds: u64,
    /// Recorded commands that the crowd sent.
    pub recorded: u64,
    /// Orders of the crowd that crossed the book.
    pub crossing: u64,
    /// Blocks of the crowd that were carried out.
    pub accepted: u64,
    /// Blocks of the crowd that were refused.
    pub refused: u64,
    /// Connections through the bad line.
    pub connections: u64,
    /// How many of them it cut.
    pub cuts: u64,
    /// How long the server was away when it was stopped and started.
    pub restart_ms: u64,
    /// The last record.
    pub seq: u64,
    /// Each maker.
    pub makers: Vec<MakerReport>,
}

/// What a maker held, against the exchange's pages.
#[derive(Debug, Clone, Serialize)]
pub struct MakerReport {
    /// Its name.
    pub name: String,
    /// Blocks that it signed and the exchange sequenced.
    pub blocks: u64,
    /// How often its book did not fit the exchange's, so that it was asked for anew.
    pub faults: u64,
    /// Part by part.
    pub parts: Vec<Compared>,
}

impl Report {
    /// Whether every maker held exactly what the exchange says, and had something to hold.
    pub fn holds(&self) -> bool {
        let same = |maker: &MakerReport| maker.parts.iter().all(|part| part.difference.is_none());
        let sound = |maker: &MakerReport| {
            let has = |name| maker.parts.iter().any(|part| part.part == name && part.items > 0);
            same(maker)
                && maker.faults == 0
                && has("book")
                && has("orders")
                && has("fills")
                && has("balances")
        };
        !self.makers.is_empty() && self.cuts > 0 && self.makers.iter().all(sound)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            seconds,
            recorded,
            crossing,
            accepted,
            refused,
            connections,
            cuts,
            restart_ms,
            seq,
            ..
        } = self;
        writeln!(f, "{seconds} s, seed {seed}, {seq} records")?;
        writeln!(
            f,
            "crowd    {recorded} recorded commands, {crossing} orders across the book; {accepted} blocks carried \
             out, {refused} refused"
        )?;
        writeln!(
            f,
            "line     {connections} connections, {cuts} of them cut; server stopped and started in {restart_ms} ms"
        )?;
        writeln!(f)?;
        writeln!(f, "{:<8} {:>7} {:<9} {:>7} {:>8}  result", "maker", "blocks", "part", "items", "values")?;
        for maker in &self.makers {
            for Compared { part, items, fields, difference } in &maker.parts {
                let result = difference.as_deref().unwrap_or("equal");
                writeln!(
                    f,
                    "{:<8} {:>7} {part:<9} {items:>7} {fields:>8}  {result}",
                    maker.name, maker.blocks
                )?;
            }
            if maker.faults > 0 {
                writeln!(f, "{:<8} its book did not fit {} times", maker.name, maker.faults)?;
            }
        }
        Ok(())
    }
}
