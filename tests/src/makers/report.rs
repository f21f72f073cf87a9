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
    /// How many of its WebSockets were cut.
    pub socket_cuts: u64,
    /// Blocks that it signed and the exchange sequenced.
    pub blocks: u64,
    /// How often its book did not fit the exchange's, so that it was asked for anew.
    pub faults: u64,
    /// Part by part.
    pub parts: Vec<Compared>,
}

impl Report {
    /// Whether every maker held exactly what the exchange says, had something to hold, and lost a WebSocket meanwhile.
    pub fn holds(&self) -> bool {
        let same = |maker: &MakerReport| maker.parts.iter().all(|part| part.difference.is_none());
        let sound = |maker: &MakerReport| {
            let has = |name| maker.parts.iter().any(|part| part.part == name && part.items > 0);
            same(maker)
                && maker.faults == 0
                && maker.socket_cuts > 0
                && has("book")
                && has("orders")
                && has("fills")
                && has("balances")
        };
        !self.makers.is_empty() && self.makers.iter().all(sound)
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
            let (name, cuts) = (&maker.name, maker.socket_cuts);
            writeln!(f, "{name:<8} {cuts} of its WebSockets were cut")?;
            if maker.faults > 0 {
                writeln!(f, "{:<8} its book did not fit {} times", maker.name, maker.faults)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::makers::PARTS;

    #[test]
    fn a_run_that_proves_nothing_does_not_hold() {
        let parts = PARTS.map(|part| Compared { part, items: 1, fields: 1, difference: None });
        let maker =
            MakerReport { name: "a".to_owned(), socket_cuts: 1, blocks: 9, faults: 0, parts: parts.into() };
        let check = |change: &dyn Fn(&mut MakerReport), holds: bool| {
            let mut changed = MakerReport { name: "b".to_owned(), ..maker.clone() };
            change(&mut changed);
            let report = Report {
                seed: 1,
                seconds: 1,
                recorded: 1,
                crossing: 1,
                accepted: 1,
                refused: 0,
                connections: 2,
                cuts: 2,
                restart_ms: 1,
                seq: 1,
                makers: vec![maker.clone(), changed],
            };
            assert_eq!(report.holds(), holds, "{report}");
        };
        check(&|_| {}, true);
        check(&|maker| maker.socket_cuts = 0, false);
        check(&|maker| maker.faults = 1, false);
        check(&|maker| maker.parts[0].items = 0, false);
        check(&|maker| maker.parts[3].difference = Some("another".to_owned()), false);
    }
}
