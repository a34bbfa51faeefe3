//! Transactions in text: what a bank statement's line says, made comparable.
//!
//! `SQ *Blue Bottle Coffee, Inc. #0231`, `BLUE BOTTLE COFFEE` and `Blue Bottle Coffée L.L.C.` are one merchant. The
//! steps are those of the feature builders that people write in Python beside their databases (lower case, a few
//! regular expressions, corporate suffixes out, stop words out, at most twenty tokens), told once, in terms of Unicode
//! rather than of ASCII, and the same for training and for serving.
//!
//! Everything here is a function of its text alone: no locale, no collation, no session. What a future version of
//! Unicode says of characters that are unassigned today may change with the library, as it does for PostgreSQL's
//! `lower`.

mod channel;
mod cycle;
mod fold;
mod normalise;
mod stop_words;
mod subscription;

pub use channel::{Channel, channel};
pub use cycle::{cycle_cos, cycle_sin};
pub use normalise::{MOST_TOKENS, normalise, tokens};
pub use subscription::is_subscription;

/// Whether a phrase occurs among words, its own words one after the other.
fn says(words: &[String], phrase: &[&str]) -> bool {
    words.windows(phrase.len()).any(|window| window.iter().zip(phrase).all(|(word, wanted)| word == wanted))
}
