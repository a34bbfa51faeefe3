//! Rows as features: which attribute feeds which feature, found once for a row type.
//!
//! A row is deformed in one pass and each bound attribute is read by its type, into room that is used again for
//! the next row. The binding is kept in the call state with the row type's identifier, which PostgreSQL changes
//! whenever the row type does.

use crate::error::{Failure, Result};
use crate::features::{self, Features};
use crate::numeric;
use pgrx::{FromDatum, PgTupleDesc};
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::signature::{self, Feature, FeatureKind, Signature};
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

    /// Whether a feature can be read with this reader.
    fn fits(self, feature: &Feature) -> bool {
        match feature.kind {
            FeatureKind::Text => match self {
                Self::Float4 | Self::Float8 => feature.has_numbers(),
                Self::Date | Self::Timestamp => false,
                _ => true,
            },
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
                Self::Numeric => match inline(datum).and_then(numeric::nearest) {
                    Some(value) => value,
                    // Beyond float8 it compares as infinite does: no row is refused for a number that is merely large.
                    None => pgrx::direct_function_call(pg_sys::numeric_float8_no_overflow, &[Some(datum)])
                        .unwrap_or(f64::NAN),
                },
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

    /// Whether it is the float that stands for a missing number, which is no category either.
    ///
    /// # Safety
    /// As for [`Reader::number`].
    unsafe fn is_no_number(self, datum: pg_sys::Datum) -> bool {
        match self {
            Self::Float4 => f32::from_bits(datum.value() as u32).is_nan(),
            Self::Float8 => f64::from_bits(datum.value() as u64).is_nan(),
            _ => false,
        }
    }

    /// A datum as text, by its output function; of a boolean true or false, as JSON writes it; of a `char(n)`
    /// without its padding; of a float without regard to `extra_float_digits`.
    ///
    /// # Safety
    /// As for [`Reader::number`].
    pub unsafe fn text(self, type_oid: pg_sys::Oid, datum: pg_sys::Datum) -> String {
        match self {
            Self::Bool => (datum.value() & 0xFF != 0).to_string(),
            Self::Float4 => signature::number_text(f64::from(f32::from_bits(datum.value() as u32))),
            Self::Float8 => signature::number_text(f64::from_bits(datum.value() as u64)),
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

/// Whether PostgreSQL computes a column from the others when a row is stored.
pub fn is_generated(attribute: &pg_sys::FormData_pg_attribute) -> bool {
    attribute.attgenerated != 0 && !attribute.attisdropped
}

/// For SQLSTATE 0A000: a BEFORE trigger runs before such a column has the row's value.
pub fn not_computed_yet(column: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("generated column \"{column}\" is not computed yet when a BEFORE trigger reads the row"),
    )
    .detail("It holds the value of before, or none.")
    .hint("Set a plain column in an earlier BEFORE trigger, or score with sira_predict AFTER the row is written.")
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

/// The bytes of a value of variable length that stands in the row itself, neither compressed nor stored elsewhere.
///
/// # Safety
/// `datum` must be a non-null value of a type of variable length, and outlive what is made of it.
pub unsafe fn inline<'a>(datum: pg_sys::Datum) -> Option<&'a [u8]> {
    let value: *const pg_sys::varlena = datum.cast_mut_ptr();
    // SAFETY: the first byte says which kind of header it is, and each kind says its own length.
    unsafe {
        let short = pgrx::varatt_is_1b(value) && !pgrx::varatt_is_1b_e(value);
        (short || pgrx::varatt_is_4b_u(value)).then(|| pgrx::varlena_to_byte_slice(value))
    }
}

/// The attributes of one row type that feed a signature's features.
pub struct Binding {
    row_type: RowType,
    attributes: Vec<Bound>,
    // Room for one row.
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
}

struct Bound {
    attribute: usize,
    feature: usize,
    reader: Reader,
    type_oid: pg_sys::Oid,
    text: TextForm,
}

/// How the value of a text feature becomes text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TextForm {
    /// `text` and `varchar`: the bytes themselves.
    Bytes,
    /// `char(n)`: the bytes without their padding.
    Padded,
    /// By the output function.
    Output,
}

/// What tells that a row is of the type that was bound.
struct RowType {
    type_oid: pg_sys::Oid,
    typmod: i32,
    /// Of a named type, whose columns may change: its place in the type cache, which is never given back.
    entry: *const pg_sys::TypeCacheEntry,
    identifier: u64,
}

impl RowType {
    /// One that does not change while a statement runs.
    const OF_STATEMENT: Self =
        Self { type_oid: pg_sys::InvalidOid, typmod: -1, entry: std::ptr::null(), identifier: 0 };
}

impl Binding {
    /// Binds rows whose type cannot change while they are read: those of a trigger's table, or of a query.
    pub fn of_statement(signature: &Signature, descriptor: &PgTupleDesc<'_>) -> Result<Self> {
        Self::new(signature, descriptor, RowType::OF_STATEMENT)
    }

    /// Binds the rows that a BEFORE trigger gets. Their generated columns feed no feature: they are not computed yet.
    pub fn of_trigger(signature: &Signature, descriptor: &PgTupleDesc<'_>) -> Result<Self> {
        let feeds = |attribute: &&pg_sys::FormData_pg_attribute| {
            is_generated(attribute) && signature.index_of(attribute.name()).is_some()
        };
        match descriptor.iter().find(feeds) {
            Some(attribute) => Err(not_computed_yet(attribute.name())),
            None => Self::of_statement(signature, descriptor),
        }
    }

    /// Binds a row type to a signature by name. A row may have other columns, in strict mode too: tables do.
    fn new(signature: &Signature, descriptor: &PgTupleDesc<'_>, row_type: RowType) -> Result<Self> {
        let mut attributes = Vec::with_capacity(signature.features.len());
        for (position, attribute) in descriptor.iter().enumerate() {
            if attribute.attisdropped {
                continue;
            }
            let name = attribute.name();
            let Some(index) = signature.index_of(name) else { continue };
            let Some(feature) = signature.features.get(index) else { continue };
            if attributes.iter().any(|bound: &Bound| bound.feature == index) {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_DUPLICATE_COLUMN,
                    format!("feature \"{name}\" is given by two columns"),
                )
                .hint("Leave one out, or give it another name."));
            }
            let reader = Reader::of(attribute.atttypid)
                .map_err(|failure| failure.detail(format!("It is the type of feature \"{name}\".")))?;
            if !reader.fits(feature) {
                return Err(features::mismatch(feature, &format!("type {}", type_name(attribute.atttypid))));
            }
            // SAFETY: a syscache look-up.
            let text = match unsafe { pg_sys::getBaseType(attribute.atttypid) } {
                pg_sys::TEXTOID | pg_sys::VARCHAROID => TextForm::Bytes,
                pg_sys::BPCHAROID => TextForm::Padded,
                _ => TextForm::Output,
            };
            attributes.push(Bound {
                attribute: position,
                feature: index,
                reader,
                type_oid: attribute.atttypid,
                text,
            });
        }
        features::check_bound(signature, attributes.len(), |feature| {
            descriptor.iter().any(|attribute| !attribute.attisdropped && attribute.name() == feature.name)
        })?;
        let width = descriptor.len();
        Ok(Self {
            row_type,
            attributes,
            values: vec![pg_sys::Datum::from(0); width],
            nulls: vec![false; width],
        })
    }

    fn is_for(&self, row: &Composite) -> bool {
        let bound = &self.row_type;
        // SAFETY: PostgreSQL keeps the entries of its type cache for as long as a session lasts.
        let current = unsafe {
            bound
                .entry
                .as_ref()
                .is_none_or(|entry| !entry.tupDesc.is_null() && entry.tupDesc_identifier == bound.identifier)
        };
        bound.type_oid == row.type_oid && bound.typmod == row.typmod && current
    }

    /// Reads the features of one row.
    ///
    /// # Safety
    /// `tuple` must be a row of the bound type and `descriptor` its descriptor.
    pub unsafe fn read(
        &mut self,
        signature: &Signature,
        tuple: pg_sys::HeapTuple,
        descriptor: pg_sys::TupleDesc,
        features: &mut Features,
    ) -> Result<()> {
        // SAFETY: both arrays have the descriptor's length. What follows may look things up, and the descriptor may
        // then be replaced: it is not used any more.
        unsafe {
            pg_sys::heap_deform_tuple(tuple, descriptor, self.values.as_mut_ptr(), self.nulls.as_mut_ptr());
        }
        // SAFETY: these are the row's values.
        unsafe { self.read_values(signature, &self.values, &self.nulls, features) }
    }

    /// Reads the features of one row that is taken apart already.
    ///
    /// # Safety
    /// The values must be those of a row of the bound type.
    pub unsafe fn read_values(
        &self,
        signature: &Signature,
        values: &[pg_sys::Datum],
        nulls: &[bool],
        features: &mut Features,
    ) -> Result<()> {
        features.clear(signature);
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
                    if !bound.reader.is_no_number(datum) {
                        bound.text(feature, datum, features);
                    }
                } else if let Some(number) = bound.reader.number(feature, datum)? {
                    features.set(bound.feature, number);
                }
            }
        }
        Ok(())
    }
}

impl Bound {
    /// # Safety
    /// `datum` must be a non-null value of the bound attribute's type.
    unsafe fn text(&self, feature: &Feature, datum: pg_sys::Datum, features: &mut Features) {
        // SAFETY: texts are of variable length.
        let bytes = if self.text == TextForm::Output { None } else { unsafe { inline(datum) } };
        match bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()) {
            Some(text) if self.text == TextForm::Padded => {
                features.set_text(self.feature, feature, text.trim_end_matches(' '));
            }
            Some(text) => features.set_text(self.feature, feature, text),
            // SAFETY: as promised.
            None => {
                features.set_text(self.feature, feature, &unsafe { self.reader.text(self.type_oid, datum) })
            }
        }
    }
}

/// The columns of a table, as a value that changes when they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    row_type: pg_sys::Oid,
    identifier: u64,
}

impl Columns {
    /// Those of the table that has this row type.
    pub fn of(row_type: pg_sys::Oid) -> Self {
        // SAFETY: the type is that of an open table; its entry stays.
        let identifier = unsafe {
            (*pg_sys::lookup_type_cache(row_type, pg_sys::TYPECACHE_TUPDESC as i32)).tupDesc_identifier
        };
        Self { row_type, identifier }
    }
}

/// A composite value taken apart just far enough to be read: the tuple points into the datum.
pub struct Composite {
    tuple: pg_sys::HeapTupleData,
    type_oid: pg_sys::Oid,
    typmod: i32,
}

impl Composite {
    /// # Safety
    /// `datum` must be a non-null composite value.
    pub unsafe fn open(datum: pg_sys::Datum) -> Self {
        unsafe {
            let value: *mut pg_sys::varlena = datum.cast_mut_ptr();
            let header = if pgrx::varatt_is_4b_u(value) { value } else { pg_sys::pg_detoast_datum(value) };
            let header = header as pg_sys::HeapTupleHeader;
            Self {
                tuple: pg_sys::HeapTupleData {
                    t_len: pgrx::heap_tuple_header_get_datum_length(header) as u32,
                    t_self: Default::default(),
                    t_tableOid: pg_sys::InvalidOid,
                    t_data: header,
                },
                type_oid: pgrx::heap_tuple_header_get_type_id(header),
                typmod: pgrx::heap_tuple_header_get_typmod(header),
            }
        }
    }

    /// Reads the features of this row, by the binding that is kept or one that is made.
    pub fn read(
        &mut self,
        signature: &Signature,
        kept: &mut Option<Binding>,
        features: &mut Features,
    ) -> Result<()> {
        if let Some(binding) = kept.as_mut().filter(|binding| binding.is_for(self)) {
            // SAFETY: the binding is for this row type; the entry of a named type holds its descriptor, as was just seen.
            return unsafe {
                match binding.row_type.entry.as_ref() {
                    Some(entry) => binding.read(signature, &mut self.tuple, entry.tupDesc, features),
                    None => binding.read(signature, &mut self.tuple, Pinned::of(self).0, features),
                }
            };
        }
        // Binding looks things up, which can empty the type's entry: the row is read by what was bound.
        let pinned = Pinned::of(self);
        let binding = kept.insert(self.bind(signature, &pinned)?);
        // SAFETY: the descriptor is the bound one, and stays pinned.
        unsafe { binding.read(signature, &mut self.tuple, pinned.0, features) }
    }

    fn bind(&self, signature: &Signature, pinned: &Pinned) -> Result<Binding> {
        // SAFETY: the descriptor stays pinned; a copy is bound.
        let descriptor = unsafe { PgTupleDesc::from_pg_copy(pinned.0) };
        // SAFETY: the type exists. What an anonymous row looks like is settled once and for all by its typmod.
        let (entry, identifier) = unsafe {
            if self.type_oid == pg_sys::RECORDOID {
                (std::ptr::null(), 0)
            } else {
                let entry = pg_sys::lookup_type_cache(self.type_oid, pg_sys::TYPECACHE_TUPDESC as i32);
                // Where it is another one already, the next row is bound anew: 0 is no descriptor's.
                let is_bound = (*entry).tupDesc == pinned.0;
                (entry.cast_const(), if is_bound { (*entry).tupDesc_identifier } else { 0 })
            }
        };
        let row_type = RowType { type_oid: self.type_oid, typmod: self.typmod, entry, identifier };
        Binding::new(signature, &descriptor, row_type)
    }
}

/// A row type's descriptor, pinned while it is used.
struct Pinned(pg_sys::TupleDesc);

impl Pinned {
    fn of(row: &Composite) -> Self {
        // SAFETY: raises an error for a type that is gone or no row type.
        Self(unsafe { pg_sys::lookup_rowtype_tupdesc(row.type_oid, row.typmod) })
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: pinned by lookup_rowtype_tupdesc; descriptors without a count are not released.
        unsafe {
            if (*self.0).tdrefcount >= 0 {
                pg_sys::DecrTupleDescRefCount(self.0);
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
