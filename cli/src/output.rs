//! What the commands say: JSON or a table on standard output, progress on standard error.

use anyhow::Result;
use serde::Serialize;
use std::fmt::Arguments;
use std::io::{self, ErrorKind, IsTerminal, Write, stderr, stdout};
use std::process::exit;
use std::time::{Duration, Instant};

/// How often progress is shown anew.
const REFRESH: Duration = Duration::from_millis(100);

/// Standard output, whose reader may have seen enough (as `head` has): then the program ends, and all is well.
pub struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_closed(stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(stdout().flush())
    }
}

fn unless_closed<T>(written: io::Result<T>) -> io::Result<T> {
    if written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
        exit(0);
    }
    written
}

/// Prints a line; `say!` is the way to it.
pub fn line(text: Arguments<'_>) {
    if let Err(error) = writeln!(Out, "{text}") {
        eprintln!("bandex: the answer cannot be written: {error}");
        exit(2);
    }
}

/// Prints one line of JSON for programs.
///
/// # Errors
/// The value has no JSON form.
pub fn json<T: Serialize>(value: &T) -> Result<()> {
    say!("{}", serde_json::to_string(value)?);
    Ok(())
}

/// Prints a table of two columns for people.
pub fn table<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in rows {
        say!("{name:<width$}  {value}");
    }
}

/// A count with its thousands set apart, as in 78,898.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many a second, whole; all of them if no time has passed.
pub fn rate(count: u64, elapsed: Duration) -> u64 {
    let micros = elapsed.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

/// Seconds, to the millisecond, as a JSON number.
pub fn seconds(elapsed: Duration) -> f64 {
    Duration::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)).as_secs_f64()
}

/// A line on the terminal that says how far long work has come; silent where there is no terminal.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    total: Option<u64>,
    begun: Instant,
    shown: Option<Instant>,
    visible: bool,
}

impl Progress {
    /// Begins to count `what`, of `total` if that is known.
    pub fn new(what: &'static str, total: Option<u64>) -> Self {
        Self { what, total, begun: Instant::now(), shown: None, visible: stderr().is_terminal() }
    }

    /// Says that `done` of `total` are done.
    pub fn at_of(&mut self, done: u64, total: u64) {
        self.total = Some(total);
        self.at(done);
    }

    /// Says that `done` are done.
    pub fn at(&mut self, done: u64) {
        if !self.visible || self.shown.is_some_and(|shown| shown.elapsed() < REFRESH) {
            return;
        }
        self.shown = Some(Instant::now());
        let of = self.total.map_or(String::new(), |total| format!(" of {}", grouped(total)));
        let rate = grouped(rate(done, self.begun.elapsed()));
        let left = self.total.map_or(String::new(), |total| left(done, total, self.begun.elapsed()));
        // A terminal that is gone is no reason to stop working.
        let _ = write!(stderr(), "\r\x1b[K{}{of} {} · {rate} a second{left}", grouped(done), self.what);
    }

    /// Wipes the line.
    pub fn end(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

/// How long the rest will take at the pace so far; nothing before there is a pace.
fn left(done: u64, total: u64, elapsed: Duration) -> String {
    let seconds = u128::from(total.saturating_sub(done)) * elapsed.as_millis() / 1_000;
    seconds.checked_div(u128::from(done)).map_or(String::new(), |seconds| format!(" · {seconds} s left"))
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        let check = |number, text: &str| assert_eq!(grouped(number), text);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(78_898, "78,898");
        check(1_234_567, "1,234,567");
    }

    #[test]
    fn the_rest_takes_as_long_as_the_pace_says() {
        let check =
            |done, text: &str| assert_eq!(left(done, 100, Duration::from_secs(30)), text, "{done} of 100");
        check(0, "");
        check(10, " · 270 s left");
        check(100, " · 0 s left");
    }

    #[test]
    fn rates_are_whole_and_never_divide_by_nothing() {
        assert_eq!(rate(10, Duration::from_secs(4)), 2);
        assert_eq!(rate(10, Duration::ZERO), 10_000_000);
        assert_eq!(rate(u64::MAX, Duration::from_micros(1)), u64::MAX);
    }
}
