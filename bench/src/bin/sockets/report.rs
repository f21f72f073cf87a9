//! What came of it, in numbers.

use super::Arguments;
use super::followers::{Heard, Part};
use super::pace::Times;
use super::server::Metrics;
use super::traders::Replayed;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What came of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    pub connections: usize,
    pub books: usize,
    pub readers: usize,
    pub deaf: usize,
    pub seconds: u64,
    pub commands: u64,
    pub commands_a_second: u64,
    /// How far behind the recorded pace the flow was at worst.
    pub flow_late_ms: u64,
    /// Memory of the server before anybody connected, with all connected, at most while they followed, and at the end.
    pub memory_empty_bytes: u64,
    pub memory_idle_bytes: u64,
    pub memory_peak_bytes: u64,
    pub memory_end_bytes: u64,
    pub idle_bytes_a_connection: u64,
    /// Updates that readers got, in all and a second.
    pub pushes: usize,
    pub pushes_a_second: u64,
    /// What the server put on its way, those who never read included.
    pub pushes_by_server: BTreeMap<String, u64>,
    /// From the time a record carries to the arrival of the push that tells it: its commit is in it.
    pub book_delivery: Times,
    pub lesser_delivery: Times,
    /// What one commit took, in the mean.
    pub commit_us_mean: u64,
    /// WebSockets that the server cut off, and why.
    pub dropped: BTreeMap<String, u64>,
    /// Followers of the book, and those of them that kept one and checked each checksum.
    pub books_at_last_seq: usize,
    /// What must not be.
    pub failures: Vec<String>,
}

impl Report {
    pub fn new(
        arguments: &Arguments,
        heard: &[Heard],
        replayed: &Replayed,
        before: &Metrics,
        after: &Metrics,
    ) -> Self {
        let of = |wanted: fn(Part) -> bool| heard.iter().filter(move |one| wanted(one.part));
        let is_book = |part| part == Part::Book;
        let is_lesser = |part| matches!(part, Part::Lesser(_));
        let times = |wanted| {
            let arrivals = of(wanted).flat_map(|one| &one.arrivals);
            let late = |(seq, at): &(u64, u64)| Some(at.saturating_sub(*replayed.sequenced.get(seq)?));
            Times::of(arrivals.filter_map(late).collect())
        };
        let pushes = heard.iter().map(|one| one.arrivals.len()).sum();
        let took_ms = u64::try_from(replayed.took.as_millis()).unwrap_or(u64::MAX).max(1);
        let last = of(is_book).filter_map(|one| one.arrivals.last().map(|(seq, _)| *seq)).max();
        let at_last = |one: &&Heard| one.arrivals.last().map(|(seq, _)| *seq) == last;
        let grown = |name: &str| {
            let (then, now) = (before.by_label(name), after.by_label(name));
            now.into_iter()
                .map(|(label, count)| (label.clone(), count - then.get(&label).copied().unwrap_or(0)))
                .filter(|(_, count)| *count > 0)
                .collect::<BTreeMap<_, _>>()
        };
        Self {
            connections: arguments.connections,
            books: arguments.books,
            readers: of(is_lesser).count(),
            deaf: heard.len() - of(is_lesser).count() - of(is_book).count(),
            seconds: arguments.seconds,
            commands: replayed.commands,
            commands_a_second: replayed.commands * 1_000 / took_ms,
            flow_late_ms: u64::try_from(replayed.late.as_millis()).unwrap_or(u64::MAX),
            memory_empty_bytes: 0,
            memory_idle_bytes: 0,
            memory_peak_bytes: 0,
            memory_end_bytes: 0,
            idle_bytes_a_connection: 0,
            pushes,
            pushes_a_second: pushes as u64 * 1_000 / took_ms,
            pushes_by_server: grown("bandex_pushes_total"),
            book_delivery: times(is_book),
            lesser_delivery: times(is_lesser),
            commit_us_mean: commit_us_mean(before, after),
            dropped: grown("bandex_sockets_dropped_total"),
            books_at_last_seq: of(is_book).filter(at_last).count(),
            failures: failures(heard, last, arguments),
        }
    }

    /// The same with what the server held, in bytes.
    pub fn with_memory(mut self, empty: u64, idle: u64, peak: u64, end: u64) -> Self {
        (self.memory_empty_bytes, self.memory_idle_bytes) = (empty, idle);
        (self.memory_peak_bytes, self.memory_end_bytes) = (peak, end);
        self.idle_bytes_a_connection = idle.saturating_sub(empty) / (self.connections as u64).max(1);
        self
    }
}

fn commit_us_mean(before: &Metrics, after: &Metrics) -> u64 {
    let grown = |name: &str| after.of(name).saturating_sub(before.of(name));
    let (sum_us, count) =
        (grown("bandex_journal_append_seconds_sum"), grown("bandex_journal_append_seconds_count"));
    sum_us / count.max(1)
}

/// All that must not be: a reader that was cut off, pushes that do not fit, books that stayed behind.
fn failures(heard: &[Heard], last: Option<u64>, arguments: &Arguments) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for one in heard.iter().filter(|one| !matches!(one.part, Part::Deaf(_))) {
        let ended = one.ended.as_ref().map(|why| format!("a reader was cut off: {why}"));
        let wrong = one.wrong.as_ref().map(|what| format!("a push did not fit: {what}"));
        let is_behind = one.part == Part::Book && one.arrivals.last().map(|(seq, _)| *seq) != last;
        let behind = is_behind.then(|| "a book stayed behind".to_owned());
        for failure in [ended, wrong, behind].into_iter().flatten() {
            *counts.entry(failure).or_default() += 1;
        }
    }
    if last.is_none() {
        counts.insert("nobody heard anything of the book".to_owned(), arguments.books);
    }
    counts.into_iter().map(|(failure, count)| format!("{failure} ({count} times)")).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / 1_048_576.0);
        let Self { connections, books, readers, deaf, .. } = self;
        writeln!(
            f,
            "{connections} WebSockets: {books} on the full book, {readers} on less, {deaf} that never read"
        )?;
        writeln!(
            f,
            "  flow      {} commands in {} s, {} a second, at worst {} ms late",
            self.commands, self.seconds, self.commands_a_second, self.flow_late_ms
        )?;
        writeln!(
            f,
            "  memory    {} alone, {} with all idle ({} bytes each), {} at most, {} at the end",
            mib(self.memory_empty_bytes),
            mib(self.memory_idle_bytes),
            self.idle_bytes_a_connection,
            mib(self.memory_peak_bytes),
            mib(self.memory_end_bytes)
        )?;
        writeln!(f, "  pushes    {} to readers, {} a second", self.pushes, self.pushes_a_second)?;
        for (name, times) in [("book", &self.book_delivery), ("less", &self.lesser_delivery)] {
            writeln!(
                f,
                "  {name}      p50 {} us, p99 {} us, p99.9 {} us, max {} us over {} pushes",
                times.p50_us, times.p99_us, times.p999_us, times.max_us, times.count
            )?;
        }
        writeln!(f, "  commit    {} us in the mean, which is in these times", self.commit_us_mean)?;
        write!(
            f,
            "  dropped   {:?}; {} books of {} at the last record",
            self.dropped, self.books_at_last_seq, books
        )
    }
}
