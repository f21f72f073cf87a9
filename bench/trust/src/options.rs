//! What the command is told.

use clap::Parser;
use std::path::{Path, PathBuf};

/// The evidence for docs/trust.md: attacks on scores and limits, real fraud replayed, and what it all costs.
///
/// Ends with 1 if a bound that must hold is broken.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "trust")]
pub struct Options {
    /// One JSON object instead of tables.
    #[arg(long)]
    pub json: bool,
    /// A file of ratings with the columns rater,ratee,rating,unix_time, plain or gzipped. Without one: Bitcoin OTC beside the
    /// repository, or its first ratings in tests/data.
    #[arg(long)]
    pub ratings: Option<PathBuf>,
    /// Small graphs, a few seconds.
    #[arg(long)]
    pub short: bool,
    /// The folder to write plots (SVG) into.
    #[arg(long)]
    pub plots: Option<PathBuf>,
    /// Only this part; may be given more than once.
    #[arg(long)]
    pub only: Vec<String>,
    /// Measures the memory of one recomputation with so many accounts and nothing else; each needs a process of its own.
    #[arg(long, hide = true)]
    pub memory_of: Option<u32>,
}

impl Options {
    /// Recorded order flow, and how many of its rows to take.
    pub(crate) fn flow(&self) -> (PathBuf, usize) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let rows = if self.short { 20_000 } else { usize::MAX };
        (root.join("tests/data/bitstamp-btcusd-2026-05-02/commands.csv.gz"), rows)
    }

    /// The file of ratings to read: the one given; else the whole data set if it is there and time allows; else the
    /// excerpt that the repository holds.
    pub fn ratings_file(&self) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        // A checkout beside the data, or a worktree one folder further down.
        let places = ["../shared/data", "../../shared/data"];
        let mut whole = places.iter().map(|place| root.join(place).join("bitcoin-otc/ratings.csv.gz"));
        let excerpt = || root.join("tests/data/bitcoin-otc/ratings-first-4000.csv.gz");
        match &self.ratings {
            Some(given) => given.clone(),
            None if self.short => excerpt(),
            None => whole.find(|path| path.exists()).unwrap_or_else(excerpt),
        }
    }
}
