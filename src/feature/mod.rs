//! Features: what they mean, and what they are for one entity at a moment.
//!
//! A [`definition::Definition`] is what a person wrote; [`check`] refuses what cannot work, or could do harm, before it
//! is stored. A [`set::Set`] is an ordered list of pinned definitions. Both never change once stored, so a session keeps
//! them by id, and with them the plans that [`plan`] makes of them. [`online`] computes a set.
//!
//! Three rules hold everywhere. What users wrote runs as whoever asks, never as the owner. It runs under the names and
//! settings of its definition ([`pinned`]), never under those of the session. And what it may not do is decided by
//! PostgreSQL's own parser, never by looking for words.

pub mod check;
pub mod definition;
pub mod derived;
pub mod kinds;
pub mod offline;
pub mod online;
pub mod pinned;
pub mod plan;
pub mod prepared;
pub mod quality;
pub mod query;
pub mod reading;
pub mod row;
pub mod serving;
pub mod set;
pub mod snapshots;
pub mod source;
pub mod steady;
pub mod stored;
pub mod trust;
pub mod window;

/// Names for a hint: the first twenty, and how many more there are.
pub fn listing<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 20;
    let first: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
