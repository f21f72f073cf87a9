//! What was measured of one workload, as a table for people and as JSON.

use crate::Tally;
use crate::known::Known;
use crate::measure::Latency;
use serde_json::{Value, json};
use std::time::Duration;

/// What one engine did with a workload.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub engine: &'static str,
    /// Timed commands that it carried out.
    pub commands: usize,
    /// Whether that is all of them.
    pub is_whole: bool,
    /// The median of the processor's times.
    pub time: Duration,
    /// The median of the times on the wall.
    pub wall: Duration,
    /// How long single commands took, if that was asked.
    pub latency: Option<Latency>,
    /// What came of the commands.
    pub tally: Tally,
    /// What the plain book makes of the same commands.
    pub expected: Tally,
    /// Why a book of somebody else may come to another result.
    pub note: &'static str,
}

/// One workload.
#[derive(Debug, Clone)]
pub struct Report {
    /// The file or the kind.
    pub name: String,
    /// Commands that are timed.
    pub commands: usize,
    /// Commands before.
    pub warm: usize,
    /// How many books.
    pub symbols: u32,
    /// The result from elsewhere, if it is one of the known workloads.
    pub known: Option<Known>,
    /// The exchange's book, then the yardstick, then others.
    pub rows: Vec<Row>,
}

impl Row {
    /// Commands a second.
    fn speed(&self) -> f64 {
        real(self.commands) / self.time.as_secs_f64().max(1e-9)
    }

    fn ns_a_command(&self) -> f64 {
        1e9 / self.speed()
    }

    fn json(&self, yardstick: f64) -> Value {
        json!({
            "engine": self.engine, "commands": self.commands, "whole": self.is_whole,
            "commands_a_second": self.speed().round(), "ns_a_command": cut(self.ns_a_command()),
            "ratio": cut(self.speed() / yardstick), "wall_seconds": self.wall.as_secs_f64(),
            "p50_ns": self.latency.map(|latency| latency.p50_ns),
            "p99_ns": self.latency.map(|latency| latency.p99_ns),
            "p999_ns": self.latency.map(|latency| latency.p999_ns),
            "max_ns": self.latency.map(|latency| latency.max_ns),
            "trades": self.tally.trades, "quantity": self.tally.quantity,
            "hash": format!("{:016x}", self.tally.hash), "refusals": self.tally.refusals,
            "agrees": self.tally == self.expected, "note": self.note,
        })
    }

    fn line(&self, yardstick: f64) -> String {
        let of = |value: Option<u32>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let latency = |pick: fn(&Latency) -> u32| of(self.latency.as_ref().map(pick));
        let mut line = format!(
            "  {:<17} {:>7.2} {:>8.1} {:>6} {:>6} {:>7} {:>9} {:>11} {:016x} {:>8} {:>6.2}",
            self.engine,
            self.speed() / 1e6,
            self.ns_a_command(),
            latency(|latency| latency.p50_ns),
            latency(|latency| latency.p99_ns),
            latency(|latency| latency.p999_ns),
            self.tally.trades,
            self.tally.quantity,
            self.tally.hash,
            self.tally.refusals,
            self.speed() / yardstick,
        );
        if self.wall > self.time * 6 / 5 {
            line.push_str(&format!(
                "  busy machine: {} ms took {}",
                self.time.as_millis(),
                self.wall.as_millis()
            ));
        }
        if !self.is_whole {
            line.push_str(&format!("  first {} commands only", self.commands));
        }
        if self.tally != self.expected {
            let note = if self.note.is_empty() { String::new() } else { format!(": {}", self.note) };
            line.push_str(&format!("  DIFFERENT{note}"));
        }
        line
    }
}

impl Report {
    /// Whether the exchange's book made of the workload what the plain book does, and both what is known of it.
    pub fn holds(&self) -> bool {
        let ours = self.rows.iter().take(2);
        ours.into_iter().all(|row| row.tally == row.expected) && self.is_as_known() != Some(false)
    }

    /// Whether the result is the known one, if any is.
    fn is_as_known(&self) -> Option<bool> {
        let known = self.known?;
        Some(self.rows.iter().take(2).all(|row| row.tally == known.tally))
    }

    fn yardstick(&self) -> f64 {
        self.rows.get(1).map_or(1.0, Row::speed)
    }

    /// All of it, for programs.
    pub fn json(&self) -> Value {
        let yardstick = self.yardstick();
        json!({
            "workload": self.name, "commands": self.commands, "warm": self.warm, "symbols": self.symbols,
            "known_as": self.known.map(|known| known.name), "as_known": self.is_as_known(),
            "pass": self.holds(),
            "engines": self.rows.iter().map(|row| row.json(yardstick)).collect::<Vec<_>>(),
        })
    }

    /// All of it, for people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}: {} commands on {} symbols, behind {} that fill them\n{HEAD}\n",
            self.name, self.commands, self.symbols, self.warm
        );
        for row in &self.rows {
            text.push_str(&row.line(self.yardstick()));
            text.push('\n');
        }
        text.push_str(&self.verdict());
        text
    }

    fn verdict(&self) -> String {
        let name = self.known.map_or("", |known| known.name);
        match (self.holds(), self.is_as_known()) {
            (true, Some(_)) => format!("  pass: as the plain book, and as listed for {name}"),
            (true, None) => "  pass: as the plain book (no listed workload)".to_owned(),
            (false, Some(false)) => format!("  FAIL: not as listed for {name}"),
            (false, _) => "  FAIL: not as the plain book".to_owned(),
        }
    }
}

const HEAD: &str = "  engine             Mcmd/s   ns/cmd    p50    p99   p99.9    trades    quantity hash             refusals  ratio";

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 commands fit any memory")]
fn real(count: usize) -> f64 {
    count as f64
}

/// Two digits behind the point are enough.
fn cut(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::KNOWN;

    fn row(engine: &'static str, tally: Tally, expected: Tally) -> Row {
        let time = Duration::from_millis(if engine == "plain" { 200 } else { 50 });
        let note = if engine == "other" { "a note" } else { "" };
        Row {
            engine,
            commands: 1_000_000,
            is_whole: true,
            time,
            wall: time,
            latency: None,
            tally,
            expected,
            note,
        }
    }

    fn report(known: Option<Known>, ours: Tally, plain: Tally, other: Tally) -> Report {
        let rows = vec![row("bandex", ours, plain), row("plain", plain, plain), row("other", other, plain)];
        Report { name: "a".to_owned(), commands: 1_000_000, warm: 5, symbols: 1, known, rows }
    }

    #[test]
    fn a_different_result_fails_unless_it_is_somebody_elses() {
        let (good, bad) = (KNOWN[0].tally, KNOWN[1].tally);
        let check = |known, [ours, plain, other]: [Tally; 3], holds: bool, verdict: &str| {
            let report = report(known, ours, plain, other);
            assert_eq!((report.holds(), report.json()["pass"].as_bool()), (holds, Some(holds)));
            assert!(report.text().contains(verdict), "{}", report.text());
        };
        check(Some(KNOWN[0]), [good, good, good], true, "as listed for n1k");
        check(Some(KNOWN[0]), [good, good, bad], true, "DIFFERENT: a note");
        check(Some(KNOWN[0]), [bad, bad, bad], false, "FAIL: not as listed for n1k");
        check(Some(KNOWN[0]), [bad, good, good], false, "FAIL");
        check(None, [bad, bad, bad], true, "no listed workload");
        check(None, [good, bad, bad], false, "FAIL: not as the plain book");
        check(None, [Tally { refusals: 1, ..good }, good, good], false, "FAIL");
    }

    #[test]
    fn figures_are_what_the_times_say() {
        let tally = KNOWN[0].tally;
        let json = report(None, tally, tally, tally).json();
        let engine = &json["engines"][0];
        assert_eq!(engine["commands_a_second"], 20_000_000.0);
        assert_eq!((&engine["ns_a_command"], &engine["ratio"]), (&json!(50.0), &json!(4.0)));
        assert_eq!(engine["hash"], "16224c2c60bcda52");
    }
}
