//! How callers name a version: `fraud`, `fraud@challenger`, `fraud@latest`, `fraud/3`.

use crate::{Error, ErrorKind, Result};

/// A model's name and which of its versions is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    pub name: String,
    pub which: Which,
}

/// Which version of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one in production, whose alias is `champion`.
    Production,
    /// The one with the highest number that is neither rejected nor archived.
    Latest,
    /// The one that an alias names at the moment.
    Alias(String),
    /// One version, by number.
    Number(i32),
}

impl ModelRef {
    /// Reads a reference. Model names hold neither `/` nor `@`, so the first of either ends the name.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`] where the name or what follows it is empty, or a version is no
    /// positive number.
    pub fn parse(text: &str) -> Result<Self> {
        let malformed = || {
            Error::new(ErrorKind::InvalidName, format!("malformed model name \"{text}\""))
                .with_hint("Write name, name@alias, name@latest, name@champion or name/3.")
        };
        let (name, which) = match text.find(['/', '@']) {
            None => (text, Which::Production),
            Some(at) => {
                let (name, rest) = text.split_at(at);
                let (mark, tail) = rest.split_at(1);
                let which = match (mark, tail) {
                    (_, "") => return Err(malformed()),
                    ("@", "champion") => Which::Production,
                    ("@", "latest") => Which::Latest,
                    ("@", alias) if !alias.contains(['/', '@']) => Which::Alias(alias.to_owned()),
                    ("/", number) if number.starts_with('+') => return Err(malformed()),
                    ("/", number) => match number.parse::<i32>() {
                        Ok(number) if number > 0 => Which::Number(number),
                        _ => return Err(malformed()),
                    },
                    _ => return Err(malformed()),
                };
                (name, which)
            }
        };
        if name.is_empty() {
            return Err(malformed());
        }
        Ok(Self { name: name.to_owned(), which })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_form_is_read() {
        let which = |text: &str| ModelRef::parse(text).unwrap().which;
        assert_eq!(which("fraud"), Which::Production);
        assert_eq!(which("fraud@champion"), Which::Production);
        assert_eq!(which("fraud@latest"), Which::Latest);
        assert_eq!(which("fraud@shadow"), Which::Alias("shadow".into()));
        assert_eq!(which("fraud/3"), Which::Number(3));
        for bad in
            ["", "@a", "/3", "fraud/", "fraud@", "fraud/0", "fraud/-1", "fraud/x", "fraud@a@b", "fraud@a/3"]
        {
            assert!(ModelRef::parse(bad).is_err(), "{bad}");
        }
    }
}
