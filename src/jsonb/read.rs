//! Features from a `jsonb`, read where it lies.
//!
//! A jsonb object keeps its keys in order, by length and then by bytes. A model's names in the same order meet
//! them in one pass, without a hash and without an allocation; numbers are read from their bytes. Whatever is
//! not plain sailing — a value of a wrong type, a name the model does not know in strict mode, a number that no
//! float8 holds, a nested value — is left to the reader of JSON text, which has the words for it and is the
//! definition of what a JSON means: this one is only faster.

use super::{
    COUNT, FALSE, HAS_OFFSET, IS_LENGTH_OR_OFFSET, NULL, NUMERIC, OBJECT, STRING, TRUE, TYPE, order,
};
use crate::features::{self, Features};
use crate::numeric;
use sira_core::signature::{Feature, FeatureKind, Signature};

/// A signature's features in the order of a jsonb's keys.
#[derive(Debug)]
pub struct Keys(Vec<usize>);

impl Keys {
    pub fn of(signature: &Signature) -> Self {
        let mut positions: Vec<usize> = (0..signature.features.len()).collect();
        positions.sort_by_key(|at| signature.features.get(*at).map(|feature| order(feature.name.as_bytes())));
        Self(positions)
    }
}

/// Reads the object in `bytes` (those behind the length) into `features`, which must be all missing. Gives how
/// many of the features were there; `None` where the reader of text must have a look, whatever is filled in by
/// then.
pub fn read(
    signature: &Signature,
    keys: &Keys,
    bytes: &[u8],
    strict: bool,
    features: &mut Features,
) -> Option<usize> {
    let (header, rest) = bytes.split_first_chunk::<4>()?;
    let header = u32::from_ne_bytes(*header);
    if header & !COUNT != OBJECT {
        return None;
    }
    let pairs = (header & COUNT) as usize;
    let (entries, data) = rest.split_at_checked(pairs * 8)?;
    let (entries, _) = entries.as_chunks::<4>();
    let (names, values) = entries.split_at_checked(pairs)?;
    let mut value_end = names.iter().fold(0, |end, name| advance(end, u32::from_ne_bytes(*name)));
    let mut name_end = 0;
    let mut wanted = keys.0.iter();
    let mut next = wanted.next().and_then(|at| Some((*at, signature.features.get(*at)?)));
    let mut found = 0;
    for (name, value) in names.iter().zip(values) {
        let name_begin = name_end;
        name_end = advance(name_end, u32::from_ne_bytes(*name));
        let name = data.get(name_begin..name_end)?;
        let entry = u32::from_ne_bytes(*value);
        let value_begin = value_end;
        value_end = advance(value_end, entry);
        while let Some((_, feature)) = next
            && order(feature.name.as_bytes()) < order(name)
        {
            next = wanted.next().and_then(|at| Some((*at, signature.features.get(*at)?)));
        }
        match next {
            Some((at, feature)) if feature.name.as_bytes() == name => {
                set(features, at, feature, entry & TYPE, value_begin, data.get(..value_end)?)?;
                found += 1;
                next = wanted.next().and_then(|at| Some((*at, signature.features.get(*at)?)));
            }
            _ if strict => return None,
            // The reader of text would look into these, and may refuse what it finds.
            _ => harmless(entry & TYPE, value_begin, data.get(..value_end)?)?,
        }
    }
    Some(found)
}

fn advance(offset: usize, entry: u32) -> usize {
    let number = (entry & IS_LENGTH_OR_OFFSET) as usize;
    if entry & HAS_OFFSET != 0 { number } else { offset + number }
}

/// One value, which begins at `begin` and ends with `data`.
fn set(
    features: &mut Features,
    index: usize,
    feature: &Feature,
    kind: u32,
    begin: usize,
    data: &[u8],
) -> Option<()> {
    match (feature.kind, kind) {
        (_, NULL) => {}
        (FeatureKind::Numeric | FeatureKind::Boolean | FeatureKind::Category, NUMERIC) => {
            features.set(index, number(begin, data)?);
        }
        (FeatureKind::Numeric | FeatureKind::Boolean | FeatureKind::Category, FALSE | TRUE) => {
            features.set(index, f64::from(kind == TRUE));
        }
        (FeatureKind::Text, FALSE | TRUE) => {
            features.set_text(index, feature, if kind == TRUE { "true" } else { "false" });
        }
        (FeatureKind::Text, STRING) => features.set_text(index, feature, text(begin, data)?),
        (FeatureKind::Date, STRING) => {
            features.set(index, features::parse_date(feature, text(begin, data)?).ok()?);
        }
        (FeatureKind::Timestamp, STRING) => {
            features.set(index, features::parse_timestamp(feature, text(begin, data)?).ok()?);
        }
        _ => return None,
    }
    Some(())
}

fn harmless(kind: u32, begin: usize, data: &[u8]) -> Option<()> {
    match kind {
        STRING | FALSE | TRUE | NULL => Some(()),
        NUMERIC => number(begin, data).map(|_| ()),
        _ => None,
    }
}

/// Numerics stand aligned, with a length of four bytes.
fn number(begin: usize, data: &[u8]) -> Option<f64> {
    let varlena = data.get(begin.next_multiple_of(4)..)?;
    let (length, rest) = varlena.split_first_chunk::<4>()?;
    let length = u32::from_ne_bytes(*length);
    let length = if cfg!(target_endian = "little") {
        // The two low bits say which kind of length it is.
        (length & 3 == 0).then_some(length >> 2)?
    } else {
        (length & 0xC000_0000 == 0).then_some(length)?
    };
    numeric::nearest(rest.get(..(length as usize).checked_sub(4)?)?)
}

fn text(begin: usize, data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data.get(begin..)?).ok()
}
