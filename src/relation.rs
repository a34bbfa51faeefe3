//! Rows as features: which attribute feeds which feature, found once for a row type.
//!
//! A row is deformed in one pass and each bound attribute is read by its type. The binding is kept in the
//! call state under the row type's identifier, which PostgreSQL changes whenever the row type does.

use crate::error::{Failure, Result};
use crate::features::{self, Features};
use pgrx::{FromDatum, PgTupleDesc};
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::signature::{Feature, FeatureKind, Signature};
use std::ffi::CStr;

/// How a datum of some type becomes a number or a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Bool,
    Date,
    Timestamp,
    /// Texts, enums, network addresses and uuids, by their output function.
    Text,
}

impl Reader {
    /// The reader for a type; a domain is read as its base type.
    ///
    /// # Errors
    /// 42804 for a type that can be no feature: one whose text depends on a session's settings (an interval,
    /// bytea, money) would mean another category to another session, and composites are no categories at all.
    pub fn of(type_oid: pg_sys::Oid) -> Result<Self> {
        // SAFETY: syscache look-ups; an unknown type raises an error.
        let base = unsafe { pg_sys::getBaseType(type_oid) };
        Ok(match base {
            pg_sys::INT2OID => Self::Int2,
            pg_sys::INT4OID => Self::Int4,
            pg_sys::INT8OID => Self::Int8,
            pg_sys::FLOAT4OID => Self::Float4,
            pg_sys::FLOAT8OID => Self::Float8,
            pg_sys::NUMERICOID => Self::Numeric,
            pg_sys::BOOLOID => Self::Bool,
            pg_sys::DATEOID => Self::Date,
            pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => Self::Timestamp,
            _ if is_category(base) => Self::Text,
            _ => {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                    format!("type {} can be no feature", type_name(type_oid)),
                )
                .hint("Cast it to text or to a number, such as extract(epoch FROM …) of an interval."));
            }
        })
    }

    /// The kind of feature that training makes of such a column.
    pub fn kind(self) -> FeatureKind {
        match self {
            Self::Bool => FeatureKind::Boolean,
            Self::Date => FeatureKind::Date,
            Self::Timestamp => FeatureKind::Timestamp,
            Self::Text => FeatureKind::Text,
            _ => FeatureKind::Numeric,
        }
    }

    /// Whether a feature of kind `kind` can be read with this reader.
    fn fits(self, kind: FeatureKind) -> bool {
        match kind {
            FeatureKind::Text => !matches!(self, Self::Float4 | Self::Float8 | Self::Date | Self::Timestamp),
            FeatureKind::Date => self == Self::Date,
            FeatureKind::Timestamp => matches!(self, Self::Timestamp | Self::Date),
            FeatureKind::Numeric | FeatureKind::Boolean | FeatureKind::Category => {
                !matches!(self, Self::Text | Self::Date | Self::Timestamp)
            }
        }
    }

    /// A datum as a number; `None` from a reader of texts.
    ///
    /// # Safety
    /// `datum` must be a non-null value of the type that this reader was made for.
    pub unsafe fn number(self, feature: &Feature, datum: pg_sys::Datum) -> Result<Option<f64>> {
        unsafe {
            Ok(Some(match self {
                Self::Int2 => f64::from(datum.value() as i16),
                Self::Int4 => f64::from(datum.value() as i32),
                Self::Int8 => datum.value() as i64 as f64,
                Self::Float4 => f64::from(f32::from_bits(datum.value() as u32)),
                Self::Float8 => f64::from_bits(datum.value() as u64),
                // Beyond float8 it compares as infinite does: no row is refused for a number that is merely large.
                Self::Numeric => {
                    let value: Option<f64> =
                        pgrx::direct_function_call(pg_sys::numeric_float8_no_overflow, &[Some(datum)]);
                    value.unwrap_or(f64::NAN)
                }
                Self::Bool => f64::from(datum.value() & 0xFF != 0),
                Self::Date => match feature.kind {
                    FeatureKind::Timestamp => features::date_days(feature, datum.value() as i32)? * 86_400.0,
                    _ => features::date_days(feature, datum.value() as i32)?,
                },
                Self::Timestamp => features::timestamp_seconds(feature, datum.value() as i64)?,
                Self::Text => return Ok(None),
            }))
        }
    }

    /// A datum as text, by its output function; of a boolean true or false, as JSON writes it; of a `char(n)`
    /// without its padding.
    ///
    /// # Safety
    /// As for [`Reader::number`].
    pub unsafe fn text(self, type_oid: pg_sys::Oid, datum: pg_sys::Datum) -> String {
        match self {
            Self::Bool => (datum.value() & 0xFF != 0).to_string(),
            _ => {
                let mut text = unsafe { output_text(type_oid, datum) };
                // SAFETY: a syscache look-up.
                if unsafe { pg_sys::getBaseType(type_oid) } == pg_sys::BPCHAROID {
                    text.truncate(text.trim_end_matches(' ').len());
                }
                text
            }
        }
    }
}

/// Types whose values are names of something, written the same in every session.
fn is_category(base: pg_sys::Oid) -> bool {
    let (mut category, mut preferred) = (0, false);
    // SAFETY: a syscache look-up.
    unsafe { pg_sys::get_type_category_preferred(base, &mut category, &mut preferred) };
    base == pg_sys::UUIDOID || matches!(category as u8, b'S' | b'E' | b'I')
}

fn output_function(type_oid: pg_sys::Oid) -> pg_sys::Oid {
    let (mut output, mut varlena) = (pg_sys::InvalidOid, false);
    // SAFETY: a syscache look-up.
    unsafe { pg_sys::getTypeOutputInfo(type_oid, &mut output, &mut varlena) };
    output
}

/// Any value as PostgreSQL writes it.
///
/// # Safety
/// `datum` must be a non-null value of the type.
pub unsafe fn output_text(type_oid: pg_sys::Oid, datum: pg_sys::Datum) -> String {
    // SAFETY: an output function gives a palloc'd C string.
    unsafe {
        let text = pg_sys::OidOutputFunctionCall(output_function(type_oid), datum);
        let owned = CStr::from_ptr(text).to_string_lossy().into_owned();
        pg_sys::pfree(text.cast());
        owned
    }
}

/// The attributes of one row type that feed a signature's features.
pub struct Binding {
    /// The row type's identifier, as the type cache counts them.
    identifier: u64,
    attributes: Vec<Bound>,
    width: usize,
}

struct Bound {
    attribute: usize,
    feature: usize,
    reader: Reader,
    type_oid: pg_sys::Oid,
}

impl Binding {
    /// Binds a row type to a signature by name. A row may have other columns, in strict mode too: tables do.
    pub fn new(signature: &Signature, descriptor: &PgTupleDesc<'_>, identifier: u64) -> Result<Self> {
        let mut attributes = Vec::with_capacity(signature.features.len());
        for (position, attribute) in descriptor.iter().enumerate() {
            if attribute.attisdropped {
                continue;
            }
            let name = attribute.name();
            let Some(index) = signature.index_of(name) else { continue };
            let Some(feature) = signature.features.get(index) else { continue };
            let reader = Reader::of(attribute.atttypid)
                .map_err(|failure| failure.detail(format!("It is the type of feature \"{name}\".")))?;
            if !reader.fits(feature.kind) {
                return Err(features::mismatch(feature, &format!("type {}", type_name(attribute.atttypid))));
            }
            attributes.push(Bound {
                attribute: position,
                feature: index,
                reader,
                type_oid: attribute.atttypid,
            });
        }
        features::check_bound(signature, attributes.len(), |feature| {
            descriptor.iter().any(|attribute| !attribute.attisdropped && attribute.name() == feature.name)
        })?;
        Ok(Self { identifier, attributes, width: descriptor.len() })
    }

    pub fn is_for(&self, identifier: u64) -> bool {
        self.identifier == identifier
    }

    /// Reads the features of one row.
    ///
    /// # Safety
    /// `tuple` must be a row of the bound type and `descriptor` its descriptor.
    pub unsafe fn read(
        &self,
        signature: &Signature,
        tuple: pg_sys::HeapTuple,
        descriptor: pg_sys::TupleDesc,
    ) -> Result<Features> {
        let mut values = vec![pg_sys::Datum::from(0); self.width];
        let mut nulls = vec![false; self.width];
        // SAFETY: both arrays have the descriptor's length.
        unsafe {
            pg_sys::heap_deform_tuple(tuple, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
        }
        let mut features = Features::missing(signature);
        for bound in &self.attributes {
            let (Some(&datum), Some(false), Some(feature)) = (
                values.get(bound.attribute),
                nulls.get(bound.attribute),
                signature.features.get(bound.feature),
            ) else {
                continue;
            };
            // SAFETY: the reader was made for the attribute's type.
            unsafe {
                if feature.kind == FeatureKind::Text {
                    features.set_text(bound.feature, feature, &bound.reader.text(bound.type_oid, datum));
                } else if let Some(number) = bound.reader.number(feature, datum)? {
                    features.set(bound.feature, number);
                }
            }
        }
        Ok(features)
    }
}

/// A composite value taken apart just far enough to be read: the tuple points into the datum.
pub struct Composite {
    tuple: pg_sys::HeapTupleData,
    descriptor: pg_sys::TupleDesc,
}

impl Composite {
    /// # Safety
    /// `datum` must be a non-null composite value.
    pub unsafe fn open(datum: pg_sys::Datum) -> Self {
        unsafe {
            let header = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()) as pg_sys::HeapTupleHeader;
            let type_oid = pgrx::heap_tuple_header_get_type_id(header);
            let typmod = pgrx::heap_tuple_header_get_typmod(header);
            let tuple = pg_sys::HeapTupleData {
                t_len: pgrx::heap_tuple_header_get_datum_length(header) as u32,
                t_self: Default::default(),
                t_tableOid: pg_sys::InvalidOid,
                t_data: header,
            };
            Self { tuple, descriptor: pg_sys::lookup_rowtype_tupdesc(type_oid, typmod) }
        }
    }

    /// The row type's identifier: another one after ALTER TABLE.
    pub fn identifier(&self) -> u64 {
        // SAFETY: the descriptor is that of an existing row type.
        unsafe {
            pg_sys::assign_record_type_identifier((*self.descriptor).tdtypeid, (*self.descriptor).tdtypmod)
        }
    }

    pub fn bind(&self, signature: &Signature) -> Result<Binding> {
        // SAFETY: the descriptor stays pinned while `self` lives; a copy is bound.
        let descriptor = unsafe { PgTupleDesc::from_pg_copy(self.descriptor) };
        Binding::new(signature, &descriptor, self.identifier())
    }

    pub fn read(&mut self, signature: &Signature, binding: &Binding) -> Result<Features> {
        // SAFETY: the caller's binding is for this row type: `is_for` was asked with its identifier.
        unsafe { binding.read(signature, &mut self.tuple, self.descriptor) }
    }
}

impl Drop for Composite {
    fn drop(&mut self) {
        // SAFETY: pinned by lookup_rowtype_tupdesc; descriptors without a count are not released.
        unsafe {
            if (*self.descriptor).tdrefcount >= 0 {
                pg_sys::DecrTupleDescRefCount(self.descriptor);
            }
        }
    }
}

/// A type's name as SQL writes it.
pub fn type_name(type_oid: pg_sys::Oid) -> String {
    // SAFETY: format_type_be gives a palloc'd C string for every oid.
    unsafe { CStr::from_ptr(pg_sys::format_type_be(type_oid)).to_string_lossy().into_owned() }
}

/// A float8[] argument of one dimension, NULL elements as none.
///
/// # Safety
/// `datum` must be a non-null float8[].
pub unsafe fn float_array(datum: pg_sys::Datum) -> Result<Vec<Option<f64>>> {
    let dimensions =
        unsafe { (*pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>()).ndim };
    if dimensions > 1 {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_ARRAY_ELEMENT_ERROR,
            "the array of features has several dimensions",
        )
        .detail(format!("It has {dimensions}, the model takes 1."))
        .hint("Give one row at a time: the values in the model's order."));
    }
    unsafe { Vec::<Option<f64>>::from_datum(datum, false) }
        .ok_or_else(|| Failure::internal("an array of features cannot be read"))
}

/// The elements of an array as they are, NULL as none.
///
/// # Safety
/// `datum` must be a non-null array.
pub unsafe fn elements(datum: pg_sys::Datum) -> Vec<Option<pg_sys::Datum>> {
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let (mut length, mut by_value, mut alignment) = (0, false, 0);
        pg_sys::get_typlenbyvalalign((*array).elemtype, &mut length, &mut by_value, &mut alignment);
        let (mut values, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        pg_sys::deconstruct_array(
            array,
            (*array).elemtype,
            length.into(),
            by_value,
            alignment,
            &mut values,
            &mut nulls,
            &mut count,
        );
        (0..usize::try_from(count).unwrap_or(0))
            .map(|index| if *nulls.add(index) { None } else { Some(*values.add(index)) })
            .collect()
    }
}
