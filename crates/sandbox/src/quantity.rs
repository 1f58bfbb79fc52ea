//! Kubernetes quantities as whole thousandths, for comparing and adding.

/// Returns a quantity in thousandths, rounded up: `250m` is 250, `1Gi` is 2³⁰ · 1000. Text that is no quantity is none.
pub fn milli(text: &str) -> Option<i128> {
    let digits = text.trim_start_matches(['+', '-']);
    let number_end = digits
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(number_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || whole.len() + fraction.len() > 24 {
        return None;
    }
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let (numerator, denominator) = scale(suffix)?;
    let numerator = mantissa.checked_mul(numerator)?.checked_mul(1000)?;
    let denominator =
        denominator.checked_mul(10i128.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
    let value = numerator / denominator + i128::from(numerator % denominator != 0);
    Some(if text.starts_with('-') { -value } else { value })
}

fn scale(suffix: &str) -> Option<(i128, i128)> {
    let power = |base: i128, exponent: u32| base.pow(exponent);
    Some(match suffix {
        "" => (1, 1),
        "n" => (1, power(10, 9)),
        "u" => (1, power(10, 6)),
        "m" => (1, 1000),
        "k" => (1000, 1),
        "M" => (power(1000, 2), 1),
        "G" => (power(1000, 3), 1),
        "T" => (power(1000, 4), 1),
        "P" => (power(1000, 5), 1),
        "E" => (power(1000, 6), 1),
        "Ki" => (1024, 1),
        "Mi" => (power(1024, 2), 1),
        "Gi" => (power(1024, 3), 1),
        "Ti" => (power(1024, 4), 1),
        "Pi" => (power(1024, 5), 1),
        "Ei" => (power(1024, 6), 1),
        exponent => {
            let exponent: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            let factor = 10i128
                .checked_pow(exponent.unsigned_abs())
                .filter(|_| exponent.abs() <= 18)?;
            if exponent < 0 {
                (1, factor)
            } else {
                (factor, 1)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_the_api_reads_them() {
        let check =
            |text: &str, expected: Option<i128>| assert_eq!(milli(text), expected, "{text}");
        check("250m", Some(250));
        check("0.5", Some(500));
        check(".5", Some(500));
        check("2", Some(2000));
        check("1Gi", Some(1_073_741_824_000));
        check("1G", Some(1_000_000_000_000));
        check("1e3", Some(1_000_000));
        check("1E", Some(1_000_000_000_000_000_000_000));
        check("100n", Some(1));
        check("-1", Some(-1000));
        check("", None);
        check("1Gx", None);
        check("e3", None);
        check("9999999999999999999999999Ei", None);
    }
}
