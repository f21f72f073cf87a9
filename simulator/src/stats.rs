//! What was done in runs, counted.

use serde::{Deserialize, Serialize};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// What was done, summed over runs.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Stats {
            /// Adds those of another run.
            pub const fn add(&mut self, other: &Self) {
                $(self.$name = self.$name.saturating_add(other.$name);)+
            }

            /// Every figure with its name.
            pub fn figures(&self) -> Vec<(&'static str, u64)> {
                vec![$(($text, self.$name),)+]
            }
        }
    };
}

counts! {
    /// Actions, and the steps of the calm at the end.
    steps = "steps",
    /// Blocks that clients signed.
    signed = "blocks signed",
    /// Records in journals.
    records = "records",
    /// Batches in journals.
    batches = "batches",
    /// Deaths of nodes by the story; those by a failed append are counted with the faults.
    node_crashes = "crashes of nodes",
    /// Lost memories of clients.
    client_crashes = "crashes of clients",
    /// Lost memories of agents.
    agent_crashes = "crashes of agents",
    /// Journals opened and replayed.
    starts = "starts by replay",
    /// Appends that failed and said so.
    failed = "appends failed",
    /// Appends of unknown fate that wrote nothing.
    unknown_lost = "appends unknown and lost",
    /// Appends of unknown fate that wrote all.
    unknown_kept = "appends unknown and kept",
    /// Appends that wrote a part.
    torn = "appends torn",
    /// Appends that took their time.
    slow = "appends slow",
    /// Second writers that took over.
    take_overs = "take-overs",
    /// Writers that found that another one took over.
    fenced = "writers fenced",
    /// Jumps of nodes' clocks.
    jumps = "clock jumps",
    /// Letters that arrived, copies counted.
    delivered = "messages delivered",
    /// Letters lost, those to a dead node among them.
    lost = "messages lost",
    /// Letters that came twice.
    doubled = "messages doubled",
    /// Letters that overtook others.
    reordered = "messages reordered",
    /// Deals opened.
    deals = "deals opened",
    /// Deals settled.
    settled = "deals settled",
    /// Deals defaulted.
    defaulted = "deals defaulted",
    /// Deals disputed in the end.
    disputed = "deals disputed",
    /// Fork proofs in journals.
    forks = "forks proved",
    /// Receipts checked.
    receipts = "receipts checked",
    /// Events read by private channels.
    streamed = "private events",
}
