//! The evidence for docs/trust.md, in parts: `cargo xtask bench trust`.

pub mod attacks;
pub mod cheats;
pub mod cost;
pub mod fraud;
pub mod netting;
pub mod options;
pub mod parallel;
pub mod plot;
pub mod ratings;
pub mod report;
pub mod schemes;
mod venue;
pub mod world;

use anyhow::{Result, bail};
use options::Options;
use report::Report;

/// A part of the evidence: it measures, and says what came of it.
type Part = fn(&Options) -> Result<Report>;

/// All parts, in the order in which they run.
const PARTS: [(&str, Part); 5] = [
    ("attacks", attacks::run),
    ("fraud", fraud::run),
    ("cheats", cheats::run),
    ("cost", cost::run),
    ("netting", netting::run),
];

/// Runs the parts that the options ask for.
///
/// # Errors
/// A part is not known, or cannot be run: a file is missing or broken.
pub fn run(options: &Options) -> Result<Vec<Report>> {
    if let Some(unknown) = options.only.iter().find(|name| PARTS.iter().all(|(part, _)| part != name)) {
        bail!("there is no part {unknown:?}; there are {}", PARTS.map(|(part, _)| part).join(", "));
    }
    let wanted = PARTS
        .iter()
        .filter(|(part, _)| options.only.is_empty() || options.only.iter().any(|name| name == part));
    wanted.map(|(_, part)| part(options)).collect()
}
