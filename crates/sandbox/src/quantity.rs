//! Kubernetes quantities as whole thousandths, for comparing and adding, and as the API prints them.

use std::fmt;

use serde_json::Value;

/// A quantity with the way in which it is written. What is finer than a thousandth is rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quantity {
    /// The value in thousandths.
    pub milli: i128,
    notation: Notation,
}

/// Which suffixes a quantity is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Notation {
    /// `m`, `k`, `M`, …
    #[default]
    Decimal,
    /// `Ki`, `Mi`, …
    Binary,
    /// `e3`, `e6`, …
    Exponent,
}

impl Quantity {
    /// Returns a whole number.
    pub fn whole(number: usize) -> Quantity {
        Quantity {
            milli: i128::try_from(number).unwrap_or(i128::MAX) * 1000,
            notation: Notation::Decimal,
        }
    }

    /// Reads a quantity as objects hold it: a text or a number.
    pub fn of(value: &Value) -> Option<Quantity> {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let suffix = text.trim_start_matches(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let notation = match suffix {
            _ if suffix.ends_with('i') => Notation::Binary,
            // A lone `E` is 10¹⁸.
            _ if suffix.len() > 1 && suffix.starts_with(['e', 'E']) => Notation::Exponent,
            _ => Notation::Decimal,
        };
        let milli = milli(&text)?;
        Some(Quantity { milli, notation })
    }

    /// Returns the sum, written as this one unless this one is nothing.
    #[must_use]
    pub fn plus(self, other: Quantity) -> Quantity {
        Quantity {
            milli: self.milli.saturating_add(other.milli),
            notation: if self.milli == 0 { other } else { self }.notation,
        }
    }

    /// Returns by how much this one is more, at least nothing.
    #[must_use]
    pub fn more_than(self, other: Quantity) -> Quantity {
        Quantity {
            milli: self.milli.saturating_sub(other.milli).max(0),
            ..self
        }
    }

    /// Returns the next whole number.
    #[must_use]
    pub fn rounded_up(self) -> Quantity {
        let over = self.milli.rem_euclid(1000);
        Quantity {
            milli: self.milli + if over == 0 { 0 } else { 1000 - over },
            ..self
        }
    }
}

/// The one form that the API gives a quantity: the largest suffix that leaves a whole number.
impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milli % 1000 != 0 {
            let suffix = match self.notation {
                Notation::Exponent => "e-3",
                Notation::Decimal | Notation::Binary => "m",
            };
            return write!(out, "{}{suffix}", self.milli);
        }
        let mut whole = self.milli / 1000;
        let is_small = whole.abs() < 1024;
        let (base, suffixes): (i128, &[&str]) = match self.notation {
            Notation::Binary if !is_small => (1024, &["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]),
            Notation::Exponent => (1000, &["", "e3", "e6", "e9", "e12", "e15", "e18"]),
            _ => (1000, &["", "k", "M", "G", "T", "P", "E"]),
        };
        let mut at = 0;
        while whole != 0 && whole % base == 0 && at + 1 < suffixes.len() {
            whole /= base;
            at += 1;
        }
        write!(out, "{whole}{}", suffixes[at])
    }
}

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
    use serde_json::json;

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

    #[test]
    fn quantities_are_printed_as_the_api_prints_them() {
        let check = |text: &str, expected: &str| {
            let read = Quantity::of(&json!(text)).unwrap();
            assert_eq!(read.to_string(), expected, "{text}");
        };
        check("0", "0");
        check("1000m", "1");
        check("1500m", "1500m");
        check("0.5", "500m");
        check("2000", "2k");
        check("1536Mi", "1536Mi");
        check("1.5Gi", "1536Mi");
        check("2048Mi", "2Gi");
        check("1023Ki", "1023Ki");
        check("0.5Ki", "512");
        check("1e3", "1e3");
        check("15e-1", "1500e-3");
        check(" 1.3Gi ", "1395864371200m");
        check("1E", "1E");
        check("12000k", "12M");
    }

    #[test]
    fn sums_are_written_as_what_came_first() {
        let of = |text: &str| Quantity::of(&json!(text)).unwrap();
        let check = |one: &str, other: &str, sum: &str| {
            assert_eq!(of(one).plus(of(other)).to_string(), sum, "{one} + {other}");
        };
        check("0", "1Gi", "1Gi");
        check("1Gi", "1Gi", "2Gi");
        check("1Gi", "1G", "2073741824");
        check("500m", "500m", "1");
        assert_eq!(of("1Gi").more_than(of("2Gi")).to_string(), "0");
        assert_eq!(of("1500m").rounded_up().to_string(), "2");
    }
}
