//! Categories that are numbers: `5411`, `5411.0` and `5411.00` are one.
//!
//! Python compares numbers by value and writes them by type, SQL compares by value and writes by scale: between the
//! two a number that is spelt as its neighbour spells it would silently be a category that training never saw. So
//! numbers have one spelling here. Only what looks like a number to JSON has one, without leading zeros: a postcode
//! is a text.

use std::borrow::Cow;

/// The one spelling of a decimal number; `None` for a text that is none.
pub(super) fn spelling(text: &str) -> Option<Cow<'_, str>> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if let Some((mantissa, exponent)) = unsigned.split_once(['e', 'E']) {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        let number = text.parse().ok().filter(|number: &f64| number.is_finite())?;
        return (is_decimal(mantissa) && is_digits(digits)).then(|| Cow::Owned(number_text(number)));
    }
    if !is_decimal(unsigned) {
        return None;
    }
    let shortest = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text,
    };
    Some(Cow::Borrowed(if shortest == "-0" { "0" } else { shortest }))
}

/// The text that names a finite number as a category: the shortest decimal that is nearest to it.
pub fn number_text(number: f64) -> String {
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}

fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    is_digits(whole) && (whole == "0" || !whole.starts_with('0')) && is_digits(fraction)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{number_text, spelling};

    #[test]
    fn a_number_has_one_spelling() {
        for (text, said) in [
            ("5411", Some("5411")),
            ("5411.0", Some("5411")),
            ("5411.00", Some("5411")),
            ("-12.50", Some("-12.5")),
            ("0", Some("0")),
            ("-0.0", Some("0")),
            ("0.0", Some("0")),
            ("100", Some("100")),
            ("9007199254740993", Some("9007199254740993")),
            ("1e16", Some("10000000000000000")),
            ("1e-5", Some("0.00001")),
            ("1.5E+2", Some("150")),
            ("01234", None),
            ("+1", None),
            ("1.", None),
            (".5", None),
            ("", None),
            ("-", None),
            ("--1", None),
            ("1e", None),
            ("1e999", None),
            ("e1", None),
            ("NaN", None),
            ("inf", None),
            ("1 ", None),
            ("web", None),
        ] {
            assert_eq!(spelling(text).as_deref(), said, "{text:?}");
        }
        assert_eq!([5411.0, -0.0, 0.1, 1e16].map(number_text), ["5411", "0", "0.1", "10000000000000000"]);
    }
}
