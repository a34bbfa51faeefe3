//! A digest of a row's content: every column, whether or not a model looks at it.
//!
//! Values are taken as PostgreSQL holds them, not as it prints them: what a session has set (DateStyle, TimeZone, client
//! encoding) changes no digest. Only enums go by their text, because their values are numbers that a restored database
//! deals out anew. Columns go by name, in any order of the query.

use crate::relation;
use pgrx::{PgTupleDesc, pg_sys};
use sha2::{Digest, Sha256};
use std::ffi::CStr;

/// What tells one row from another: SHA-256 of its columns.
pub type RowDigest = [u8; 32];

/// The columns of a query, in the order of their names.
pub struct Image(Vec<Attribute>);

struct Attribute {
    name: String,
    place: usize,
    form: Form,
}

/// Where the bytes of a value are.
enum Form {
    /// In the datum itself.
    Value,
    /// At its address, so many.
    Fixed(usize),
    /// At its address behind a length, possibly stored elsewhere.
    Variable,
    /// At its address up to a zero.
    Zero,
    /// In what the type's output function writes.
    Text(pg_sys::Oid),
}

impl Image {
    pub fn of(columns: &PgTupleDesc<'_>) -> Self {
        let mut attributes: Vec<Attribute> = columns
            .iter()
            .enumerate()
            .map(|(place, column)| Attribute {
                name: column.name().to_owned(),
                place,
                form: Form::of(column.atttypid, column.attlen, column.attbyval),
            })
            .collect();
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        Self(attributes)
    }

    /// The digest of one row.
    ///
    /// # Safety
    /// The values must be those of a row of the query.
    pub unsafe fn digest(&self, values: &[pg_sys::Datum], nulls: &[bool]) -> RowDigest {
        let mut hasher = Sha256::new();
        for attribute in &self.0 {
            match (values.get(attribute.place), nulls.get(attribute.place)) {
                // SAFETY: as promised.
                (Some(datum), Some(false)) => unsafe { attribute.form.feed(*datum, &mut hasher) },
                _ => hasher.update([0]),
            }
        }
        hasher.finalize().into()
    }

    /// The digest of all rows, whose own digests are in ascending order. Which columns were the label and the weight
    /// belongs to it: another label on the same rows is another test.
    pub fn of_all<'d>(&self, roles: &[Option<&str>], rows: impl Iterator<Item = &'d RowDigest>) -> RowDigest {
        let mut hasher = Sha256::new();
        for role in roles {
            feed_text(role.unwrap_or_default(), &mut hasher);
        }
        for attribute in &self.0 {
            feed_text(&attribute.name, &mut hasher);
        }
        rows.for_each(|row| hasher.update(row));
        hasher.finalize().into()
    }
}

impl Form {
    fn of(type_oid: pg_sys::Oid, length: i16, by_value: bool) -> Self {
        // SAFETY: syscache look-ups.
        let is_enum = unsafe { pg_sys::type_is_enum(pg_sys::getBaseType(type_oid)) };
        match length {
            _ if is_enum => Self::Text(type_oid),
            _ if by_value => Self::Value,
            -1 => Self::Variable,
            -2 => Self::Zero,
            bytes => Self::Fixed(usize::try_from(bytes).unwrap_or(0)),
        }
    }

    /// # Safety
    /// `datum` must be a non-null value of the type.
    unsafe fn feed(&self, datum: pg_sys::Datum, hasher: &mut Sha256) {
        let mut feed = |bytes: &[u8]| {
            hasher.update([1]);
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        // SAFETY: the type says how long what the datum points to is; a detoasted copy goes with the batch of rows.
        unsafe {
            match self {
                Self::Value => feed(&(datum.value() as u64).to_le_bytes()),
                Self::Fixed(length) => {
                    feed(std::slice::from_raw_parts(datum.cast_mut_ptr::<u8>().cast_const(), *length));
                }
                Self::Variable => {
                    let whole = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
                    feed(pgrx::varlena_to_byte_slice(whole));
                }
                Self::Zero => feed(CStr::from_ptr(datum.cast_mut_ptr()).to_bytes()),
                Self::Text(type_oid) => feed(relation::output_text(*type_oid, datum).as_bytes()),
            }
        }
    }
}

/// Feeds a text with its length, so that no two texts run into each other.
pub fn feed_text(text: &str, hasher: &mut Sha256) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text);
}
