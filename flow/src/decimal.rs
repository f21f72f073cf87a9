//! Decimal texts to whole numbers, exactly: no float comes between a file and an order.

/// The value of `text`, times ten to the power of `places`, as a whole number.
///
/// Takes digits with at most one point, and an exponent as in `2.6e-06`.
///
/// # Errors
/// In words: no such number, below zero, finer than `places` decimals, or past 64 bits.
pub fn scaled(text: &str, places: u8) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a decimal number");
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().map_err(|_| wrong())?),
        None => (text, 0),
    };
    if number.starts_with('-') {
        return Err(format!("{text} is below zero"));
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let fraction = fraction.trim_end_matches('0');
    let too_large = || format!("{text} is too large");
    let value = whole
        .bytes()
        .chain(fraction.bytes())
        .try_fold(0u128, |value, digit| value.checked_mul(10)?.checked_add(u128::from(digit - b'0')));
    let value = value.ok_or_else(too_large)?;
    if value == 0 {
        return Ok(0);
    }
    let decimals = i64::try_from(fraction.len()).map_err(|_| too_large())?;
    let shift = i64::from(places) + i64::from(exponent) - decimals;
    let power = u32::try_from(shift.unsigned_abs()).ok().and_then(|shift| 10u128.checked_pow(shift));
    let too_fine = || format!("{text} has more than {places} decimals");
    let shifted = if shift >= 0 {
        power.and_then(|power| value.checked_mul(power)).ok_or_else(too_large)?
    } else {
        let power = power.filter(|power| value % power == 0).ok_or_else(too_fine)?;
        value / power
    };
    u64::try_from(shifted).map_err(|_| too_large())
}

/// `number`, divided by ten to the power of `places`, as a decimal text.
pub fn text(number: u64, places: u8) -> String {
    let digits = format!("{number:0>width$}", width = usize::from(places) + 1);
    let (whole, fraction) = digits.split_at(digits.len() - usize::from(places));
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_the_capture_is_exact() {
        let check = |text, places, expected| assert_eq!(scaled(text, places), Ok(expected), "{text}");
        check("78319.00", 2, 7_831_900);
        check("78319.0", 2, 7_831_900);
        check("78319", 2, 7_831_900);
        check("1.53453667", 8, 153_453_667);
        check("1e-05", 8, 1_000);
        check("2.6e-06", 8, 260);
        check("1e-08", 8, 1);
        check("0.00", 2, 0);
        check("0", 8, 0);
        check("0e99999", 8, 0);
        check(".5", 1, 5);
        check("5.", 1, 50);
        check("1.2E+2", 0, 120);
        check("0.50000000000000000000000000000000000000000000", 1, 5);
        check("18446744073709551615", 0, u64::MAX);
    }

    #[test]
    fn what_is_not_exact_is_refused_by_name() {
        let check = |text, places, expected: &str| {
            let refused = scaled(text, places).unwrap_err();
            assert!(refused.contains(expected), "{text}: {refused}");
        };
        for wrong in ["", ".", "e5", "1e", "1e1.5", "1,5", "0x1", "nan", "1 ", "1.2.3", "+1", "1_000"] {
            check(wrong, 2, "is not a decimal number");
        }
        check("-1", 2, "below zero");
        check("0.001", 2, "more than 2 decimals");
        check("1e-9", 8, "more than 8 decimals");
        check("1e-2147483648", 8, "more than 8 decimals");
        check("18446744073709551616", 0, "too large");
        check("1e2147483647", 8, "too large");
        check(&"9".repeat(60), 0, "too large");
    }

    proptest! {
        #[test]
        fn a_number_survives_its_text(number: u64, places in 0u8..12) {
            prop_assert_eq!(scaled(&text(number, places), places), Ok(number));
        }
    }
}
