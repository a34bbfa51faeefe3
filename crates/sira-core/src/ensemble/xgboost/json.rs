//! JSON as XGBoost writes it: with bare words for numbers that are none.
//!
//! `NaN` stands at splits by category, where it means nothing, and an infinity at splits above the largest
//! value. None of them is JSON. They are replaced: by `null`, and by integers that XGBoost itself has no room
//! for, and writes no thresholds as.

use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// Reads a whole document.
pub(super) fn from_slice<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(&without_words(text))
}

/// What stands for the infinities.
pub(super) const INFINITY: u64 = u64::MAX;
pub(super) const NEGATIVE_INFINITY: i64 = i64::MIN;

/// Words, and what is read instead.
const WORDS: [(&[u8], &[u8]); 3] =
    [(b"NaN", b"null"), (b"Infinity", b"18446744073709551615"), (b"-Infinity", b"-9223372036854775808")];

fn without_words(text: &[u8]) -> Cow<'_, [u8]> {
    let mut plain = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    let mut in_string = false;
    while let Some(byte) = text.get(at) {
        let word = match byte {
            b'\\' if in_string => {
                at += 2;
                continue;
            }
            b'"' => {
                in_string = !in_string;
                None
            }
            b'N' | b'I' | b'-' if !in_string => {
                let rest = text.get(at..).unwrap_or_default();
                WORDS.into_iter().find(|(word, _)| rest.starts_with(word))
            }
            _ => None,
        };
        let Some((word, instead)) = word else {
            at += 1;
            continue;
        };
        plain.extend_from_slice(text.get(copied..at).unwrap_or_default());
        plain.extend_from_slice(instead);
        at += word.len();
        copied = at;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    plain.extend_from_slice(text.get(copied..).unwrap_or_default());
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::{INFINITY, NEGATIVE_INFINITY, without_words};

    #[test]
    fn words_are_replaced_and_strings_stay() {
        let text = br#"{"NaN": [NaN, -Infinity, Infinity, -1], "a\"NaN\\": NaN}"#;
        let plain = format!(r#"{{"NaN": [null, {NEGATIVE_INFINITY}, {INFINITY}, -1], "a\"NaN\\": null}}"#);
        assert_eq!(without_words(text).as_ref(), plain.as_bytes());
        assert_eq!(without_words(b"[1, \"NaN").as_ref(), b"[1, \"NaN");
    }
}
