//! Spans of time as people write them: `500ms`, `30s`, `5m`, `2h`, `7d`; and moments, by a span from now.

use bandex_sdk::now;
use bandex_sdk::types::Timestamp;
use std::str::FromStr;

/// A span of time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64);

const UNITS: [(&str, u64); 6] = [
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

/// A text was no span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanError;

impl std::error::Error for SpanError {}

impl std::fmt::Display for SpanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a span is a whole number with its unit: us, ms, s, m, h or d, as in 30s")
    }
}

impl FromStr for Span {
    type Err = SpanError;
    fn from_str(text: &str) -> Result<Self, SpanError> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| SpanError)?;
        let unit = UNITS.iter().find(|(name, _)| *name == unit);
        let length = match unit {
            Some((_, length)) => *length,
            // Nothing at all has no unit.
            None if number == 0 && digits == text.len() => 1,
            None => return Err(SpanError),
        };
        number.checked_mul(length).map(Self).ok_or(SpanError)
    }
}

/// Microseconds as the largest unit that gives a whole number.
impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fits = |(_, length): &&(&str, u64)| self.0.is_multiple_of(*length);
        match UNITS.iter().rev().find(fits).filter(|_| self.0 > 0) {
            Some((unit, length)) => write!(f, "{}{unit}", self.0 / length),
            None => f.write_str("0"),
        }
    }
}

/// A moment: from now on, or since 1970.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// So long from now.
    In(Span),
    /// Microseconds since 1970.
    At(Timestamp),
}

impl FromStr for When {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match (text.parse::<u64>(), text.parse::<Span>()) {
            (Ok(us), _) => Ok(Self::At(Timestamp::from_micros(us))),
            (Err(_), Ok(span)) => Ok(Self::In(span)),
            (Err(_), Err(error)) => Err(format!("{error}; or it is microseconds since 1970")),
        }
    }
}

impl When {
    /// The moment, by this machine's clock.
    pub fn moment(self) -> Timestamp {
        match self {
            Self::In(span) => now().plus(span.0),
            Self::At(moment) => moment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        let check = |text: &str, us| {
            assert_eq!(text.parse(), Ok(Span(us)), "{text}");
            assert_eq!(Span(us).to_string(), text);
        };
        check("0", 0);
        check("7us", 7);
        check("500ms", 500_000);
        check("30s", 30_000_000);
        check("5m", 300_000_000);
        check("2h", 7_200_000_000);
        check("7d", 604_800_000_000);
        for wrong in ["", "s", "5", "1.5s", "-1s", "5 s", "5w", "5S", "99999999999999d"] {
            assert_eq!(wrong.parse::<Span>(), Err(SpanError), "{wrong:?}");
        }
    }
}
