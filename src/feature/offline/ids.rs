//! Entities as numbers: the core knows them by position, PostgreSQL by ids of any type.

use crate::error::Result;
use crate::feature::prepared::Row;
use crate::feature::source;
use crate::relation::{self, Reader};
use pgrx::pg_sys;
use std::collections::HashMap;

/// A column of ids as a query gave them.
#[derive(Debug)]
pub enum Ids {
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<Box<str>>>),
}

/// How ids of a type are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Small,
    Int,
    Big,
    /// As the type's output writes it.
    Text(pg_sys::Oid),
}

impl Form {
    pub fn of(type_oid: pg_sys::Oid) -> Self {
        // SAFETY: a syscache look-up.
        match unsafe { pg_sys::getBaseType(type_oid) } {
            pg_sys::INT2OID => Self::Small,
            pg_sys::INT4OID => Self::Int,
            pg_sys::INT8OID => Self::Big,
            _ => Self::Text(type_oid),
        }
    }

    /// Whether a column of the type can hold an integer.
    fn holds(self, id: i64) -> bool {
        match self {
            Self::Small => i16::try_from(id).is_ok(),
            Self::Int => i32::try_from(id).is_ok(),
            Self::Big | Self::Text(_) => true,
        }
    }

    fn integer(self, datum: pg_sys::Datum) -> Option<i64> {
        match self {
            Self::Small => Some(i64::from(datum.value() as i16)),
            Self::Int => Some(i64::from(datum.value() as i32)),
            Self::Big => Some(datum.value() as i64),
            Self::Text(_) => None,
        }
    }
}

/// A text as it stands in the row: what the type's output would give, without asking it once a row.
///
/// # Safety
/// `datum` must be a non-null value of the type, and outlive the text.
pub unsafe fn plain<'a>(type_oid: pg_sys::Oid, datum: pg_sys::Datum) -> Option<&'a str> {
    if !matches!(type_oid, pg_sys::TEXTOID | pg_sys::VARCHAROID) {
        return None;
    }
    // SAFETY: both types are of variable length.
    std::str::from_utf8(unsafe { relation::inline(datum) }?).ok()
}

/// An id as everything that is stored knows it.
///
/// # Safety
/// `datum` must be a non-null value of the type.
pub unsafe fn text(type_oid: pg_sys::Oid, datum: pg_sys::Datum) -> String {
    // SAFETY: as promised.
    unsafe {
        if let Some(plain) = plain(type_oid, datum) {
            return plain.to_owned();
        }
        match Reader::of(type_oid) {
            Ok(Reader::Text) => Reader::Text.text(type_oid, datum),
            _ => relation::output_text(type_oid, datum),
        }
    }
}

impl Ids {
    pub fn new(form: Form) -> Self {
        match form {
            Form::Text(_) => Self::Texts(Vec::new()),
            _ => Self::Integers(Vec::new()),
        }
    }

    /// Takes the id in a column of a row.
    pub fn push(&mut self, form: Form, row: &Row<'_>, column: usize) {
        let datum = row.get(column);
        match (self, form) {
            (Self::Integers(ids), form) => ids.push(datum.and_then(|datum| form.integer(datum))),
            (Self::Texts(ids), Form::Text(type_oid)) => {
                // SAFETY: the form was made for the column's type.
                ids.push(datum.map(|datum| unsafe { text(type_oid, datum) }.into_boxed_str()));
            }
            (Self::Texts(ids), _) => ids.push(None),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Integers(ids) => ids.len(),
            Self::Texts(ids) => ids.len(),
        }
    }

    /// An id as text; none where it is NULL.
    pub fn text(&self, row: usize) -> Option<String> {
        match self {
            Self::Integers(ids) => ids.get(row).copied().flatten().map(|id| id.to_string()),
            Self::Texts(ids) => ids.get(row).and_then(Option::as_deref).map(ToOwned::to_owned),
        }
    }
}

/// The entities asked about, numbered as they come, under the ids that one source knows them by.
pub struct Numbering {
    form: Form,
    integers: HashMap<i64, u32>,
    texts: HashMap<Box<str>, u32>,
    count: u32,
}

impl Numbering {
    pub fn new(form: Form) -> Self {
        Self { form, integers: HashMap::new(), texts: HashMap::new(), count: 0 }
    }

    /// How many there are.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// The ids, in no order, as texts.
    pub fn ids(&self) -> Vec<String> {
        let integers = self.integers.keys().map(ToString::to_string);
        integers.chain(self.texts.keys().map(|id| id.clone().into_string())).collect()
    }

    /// Numbers a column of ids; none for one that no row of the source can hold.
    pub fn number(&mut self, ids: &Ids) -> Result<Vec<Option<u32>>> {
        match (ids, self.form) {
            (Ids::Integers(ids), Form::Small | Form::Int | Form::Big) => {
                Ok(ids.iter().map(|id| id.and_then(|id| self.of_integer(id))).collect())
            }
            (Ids::Texts(ids), Form::Small | Form::Int | Form::Big) => {
                let parsed = |id: &str| id.trim().parse::<i64>().ok();
                Ok(ids.iter().map(|id| self.of_integer(parsed(id.as_deref()?)?)).collect())
            }
            (_, Form::Text(type_oid)) => {
                // Each text is judged once: the type's input may be slow, and its output is what rows are known by.
                let mut judged: HashMap<String, Option<u32>> = HashMap::new();
                (0..ids.len())
                    .map(|row| {
                        let Some(id) = ids.text(row) else { return Ok(None) };
                        if let Some(known) = judged.get(&id) {
                            return Ok(*known);
                        }
                        // SAFETY: a value of the type, just made.
                        let number = source::entity(type_oid, &id)?
                            .map(|datum| self.of_text(unsafe { text(type_oid, datum) }));
                        judged.insert(id, number);
                        Ok(number)
                    })
                    .collect()
            }
        }
    }

    /// The number of the entity in a column of a source's row; none where nobody asked about it.
    pub fn find(&self, row: &Row<'_>, column: usize) -> Option<u32> {
        let datum = row.get(column)?;
        match self.form {
            // SAFETY: the form was made for the column's type, and the row is at hand.
            Form::Text(type_oid) => match unsafe { plain(type_oid, datum) } {
                Some(id) => self.texts.get(id).copied(),
                // SAFETY: as above.
                None => self.texts.get(unsafe { text(type_oid, datum) }.as_str()).copied(),
            },
            form => self.integers.get(&form.integer(datum)?).copied(),
        }
    }

    fn of_integer(&mut self, id: i64) -> Option<u32> {
        self.form.holds(id).then(|| {
            *self.integers.entry(id).or_insert_with(|| {
                self.count += 1;
                self.count - 1
            })
        })
    }

    fn of_text(&mut self, id: String) -> u32 {
        *self.texts.entry(id.into_boxed_str()).or_insert_with(|| {
            self.count += 1;
            self.count - 1
        })
    }
}
