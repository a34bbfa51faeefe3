//! SQL that users write with named placeholders, such as `$entity_id`, read the way PostgreSQL's lexer reads it.
//!
//! A search for the name would also hit it inside a string, a comment or a dollar quote, and what is put there could
//! end that string. So the text is cut into the lexer's own pieces first (`scan.l`, with standard_conforming_strings
//! on, which whoever runs the text must pin), and only a placeholder that stands by itself is replaced.

mod lexer;

use crate::{Error, ErrorKind, Result};
use lexer::{Lexer, Piece};
use std::collections::BTreeSet;

/// A text with its placeholders replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub sql: String,
    /// The placeholders that the text uses.
    pub used: BTreeSet<String>,
}

/// Replaces each placeholder `$name` by what `value` gives for the name.
///
/// # Errors
/// [`ErrorKind::InvalidParameter`] for a name that `value` does not know, and for a positional parameter such as `$1`:
/// its meaning would be ours to choose and nobody's to see.
pub fn bind<'v>(text: &str, known: &[&str], value: impl Fn(&str) -> Option<&'v str>) -> Result<Bound> {
    let mut bound = Bound { sql: String::with_capacity(text.len() + 64), used: BTreeSet::new() };
    for piece in Lexer::new(text) {
        match piece {
            Piece::Placeholder(name) => match value(name) {
                Some(replacement) => {
                    bound.sql.push_str(replacement);
                    bound.used.insert(name.to_owned());
                }
                None => return Err(unknown(&format!("${name}"), known)),
            },
            Piece::Position(number) => return Err(unknown(&format!("${number}"), known)),
            Piece::Word(text) | Piece::Quoted(text) | Piece::Other(text) => bound.sql.push_str(text),
        }
    }
    Ok(bound)
}

fn unknown(placeholder: &str, known: &[&str]) -> Error {
    let known: Vec<String> = known.iter().map(|name| format!("${name}")).collect();
    Error::new(ErrorKind::InvalidParameter, format!("placeholder \"{placeholder}\" is not known"))
        .with_hint(format!("The placeholders are {}.", known.join(" and ")))
}

/// The names that a text may mean: its words as SQL folds them, and its quoted identifiers as they stand.
pub fn names(text: &str) -> BTreeSet<String> {
    Lexer::new(text)
        .filter_map(|piece| match piece {
            Piece::Word(word) => Some(word.to_ascii_lowercase()),
            Piece::Quoted(quoted) => {
                let inner = quoted.strip_prefix('"').unwrap_or(quoted);
                Some(inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\""))
            }
            _ => None,
        })
        .collect()
}
