//! Amounts as Core's JSON has them: numbers in bitcoin with exactly eight decimals, which no float must touch.

use serde_json::{Number, Value};

/// The amount of all bitcoin, in satoshi.
const MONEY_MAX_SAT: i64 = 2_100_000_000_000_000;

/// An amount in bitcoin with eight decimals.
pub(crate) fn btc_text(sat: i64) -> String {
    let sign = if sat < 0 { "-" } else { "" };
    let sat = sat.unsigned_abs();
    format!("{sign}{}.{:08}", sat / 100_000_000, sat % 100_000_000)
}

/// An amount as a JSON number in bitcoin.
pub(crate) fn btc(sat: i64) -> Value {
    btc_text(sat).parse::<Number>().map_or(Value::Null, Value::Number)
}

/// An amount of satoshi as a JSON number in bitcoin.
pub(crate) fn btc_u64(sat: u64) -> Value {
    btc(i64::try_from(sat).unwrap_or(i64::MAX))
}

/// Why a JSON value is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("Amount is not a number or string")]
    Type,
    #[error("Invalid amount")]
    Form,
    #[error("Amount out of range")]
    Range,
}

/// Reads an amount in bitcoin, given as a JSON number or string, in satoshi.
pub(crate) fn from_btc(value: &Value) -> Result<i64, Error> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(Error::Type),
    };
    let sat = satoshi(&text).ok_or(Error::Form)?;
    if (0..=MONEY_MAX_SAT).contains(&sat) { Ok(sat) } else { Err(Error::Range) }
}

/// Reads a decimal of at most eight places, with an exponent if there is one (`1e-5` is how some clients write it).
fn satoshi(text: &str) -> Option<i64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, mantissa) = mantissa.strip_prefix('-').map_or((false, mantissa), |rest| (true, rest));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() || mantissa.ends_with('.') {
        return None;
    }
    let digits = format!("{whole}{decimals}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut shift = exponent.checked_add(8)?.checked_sub(i32::try_from(decimals.len()).ok()?)?;
    let mut digits = digits.trim_start_matches('0');
    while shift < 0 && digits.ends_with('0') {
        digits = digits.strip_suffix('0')?;
        shift += 1;
    }
    if digits.is_empty() {
        return Some(0);
    }
    let scale = 10_i64.checked_pow(u32::try_from(shift).ok()?)?;
    let sat = digits.parse::<i64>().ok()?.checked_mul(scale)?;
    Some(if negative { -sat } else { sat })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_and_read_exactly() {
        let check = |sat: i64, text: &str| {
            assert_eq!(btc(sat).to_string(), text);
            assert_eq!(from_btc(&btc(sat)), if sat < 0 { Err(Error::Range) } else { Ok(sat) });
        };
        check(0, "0.00000000");
        check(1, "0.00000001");
        check(-1, "-0.00000001");
        check(5_000_000_000, "50.00000000");
        check(MONEY_MAX_SAT, "21000000.00000000");
    }

    #[test]
    fn amounts_of_clients_are_read_in_every_form() {
        let check = |json: &str, want: Result<i64, Error>| {
            let value: Value = serde_json::from_str(json).expect("JSON");
            assert_eq!(from_btc(&value), want, "{json}");
        };
        check("1e-5", Ok(1_000));
        check("0.1", Ok(10_000_000));
        check("\"0.1\"", Ok(10_000_000));
        check("1", Ok(100_000_000));
        check("0.000000010", Ok(1));
        check("0.000000001", Err(Error::Form));
        check("22000000", Err(Error::Range));
        check("true", Err(Error::Type));
        check("\"1.\"", Err(Error::Form));
        check("1e30", Err(Error::Form));
    }
}
