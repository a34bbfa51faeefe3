//! What comes with a request: the row at hand, as JSON or as the tuple that a trigger is about to write.
//!
//! Its columns carry the ids of other entities and the values of `request` features. A tuple is also one more event of
//! the relation that it goes to.

use crate::error::{Failure, Result};
use crate::feature::definition::{Definition, ValueType};
use crate::feature::source;
use crate::relation::{self, Reader};
use pgrx::{IntoDatum, PgSqlErrorCode, PgTupleDesc, pg_sys};
use serde_json::{Map, Value as Json};
use sira_core::signature::{Feature, FeatureKind};

/// What a feature holds, before it has a status.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Null,
    Number(f64),
    Text(String),
}

/// The columns of the row at hand.
pub enum Columns<'a> {
    None,
    Json(&'a Map<String, Json>),
    Row(&'a NewRow),
}

/// A row on its way into a relation.
pub struct NewRow {
    /// The relation that the trigger is on: of a partitioned table the partition.
    pub relation: pg_sys::Oid,
    pub tuple: pg_sys::HeapTuple,
    pub descriptor: pg_sys::TupleDesc,
    /// Where the version stands that an UPDATE replaces.
    pub replaces: Option<pg_sys::ItemPointerData>,
}

impl NewRow {
    /// The row as a composite value of its relation's type.
    pub fn datum(&self) -> pg_sys::Datum {
        // SAFETY: the tuple is one of the relation that the descriptor describes.
        unsafe { pg_sys::heap_copy_tuple_as_datum(self.tuple, self.descriptor) }
    }

    /// The type of that value.
    pub fn type_oid(&self) -> pg_sys::Oid {
        // SAFETY: the descriptor of a relation.
        unsafe { (*self.descriptor).tdtypeid }
    }

    /// Whether the row goes to `relation`: it is the trigger's own, or the partitioned table that this one belongs to.
    pub fn goes_to(&self, relation: pg_sys::Oid) -> bool {
        // SAFETY: catalog look-ups; the root of what is no partition is NULL.
        self.relation == relation
            || unsafe {
                pg_sys::get_rel_relispartition(self.relation)
                    && pgrx::direct_function_call::<pg_sys::Oid>(
                        pg_sys::pg_partition_root,
                        &[self.relation.into_datum()],
                    ) == Some(relation)
            }
    }

    /// The time in a column; none where it is NULL.
    pub fn time(&self, column: &str) -> Result<Option<i64>> {
        let Some((type_oid, Some(datum))) = self.column(column)? else { return Ok(None) };
        let column =
            source::Column { number: 0, name: column.to_owned(), type_oid, collation: pg_sys::InvalidOid };
        Ok(Some(source::time_kind(&column, &[])?.micros(datum)))
    }

    /// Table and place of the version that is replaced, as values.
    pub fn replaced(&self) -> [Option<pg_sys::Datum>; 2] {
        let place = self.replaces.as_ref().map(|place| pg_sys::Datum::from(std::ptr::from_ref(place)));
        [Some(pg_sys::Datum::from(self.relation)), place]
    }

    /// The columns that are not computed yet: they hold what they held before, or nothing.
    pub fn generated(&self) -> Vec<String> {
        // SAFETY: a copy of the descriptor is looked through.
        let descriptor = unsafe { PgTupleDesc::from_pg_copy(self.descriptor) };
        let generated = descriptor.iter().filter(|attribute| relation::is_generated(attribute));
        generated.map(|attribute| attribute.name().to_owned()).collect()
    }

    /// The value of a column and its type; none where the relation has no such column.
    fn column(&self, name: &str) -> Result<Option<(pg_sys::Oid, Option<pg_sys::Datum>)>> {
        // SAFETY: a copy of the descriptor is looked through; the attribute is one of it.
        unsafe {
            let descriptor = PgTupleDesc::from_pg_copy(self.descriptor);
            let named = |attribute: &&pg_sys::FormData_pg_attribute| {
                !attribute.attisdropped && attribute.name() == name
            };
            let Some(attribute) = descriptor.iter().find(named) else { return Ok(None) };
            if relation::is_generated(attribute) {
                return Err(relation::not_computed_yet(name));
            }
            let mut is_null = false;
            let datum =
                pg_sys::SPI_getbinval(self.tuple, self.descriptor, i32::from(attribute.attnum), &mut is_null);
            Ok(Some((attribute.atttypid, (!is_null).then_some(datum))))
        }
    }
}

impl Columns<'_> {
    /// The id that a column holds, as text; none where it is absent or NULL.
    pub fn id(&self, column: &str) -> Result<Option<String>> {
        Ok(match self {
            Self::None => None,
            Self::Json(object) => match object.get(column) {
                None | Some(Json::Null) => None,
                Some(Json::String(text)) => Some(text.clone()),
                Some(other) => Some(other.to_string()),
            },
            // SAFETY: a non-null value of the column's type.
            Self::Row(row) => row.column(column)?.and_then(|(type_oid, datum)| {
                datum.map(|datum| unsafe { relation::output_text(type_oid, datum) })
            }),
        })
    }

    /// The value of a request feature; none where the row has no such column.
    pub fn value(&self, definition: &Definition) -> Result<Option<Content>> {
        match self {
            Self::None => Ok(None),
            Self::Json(object) => {
                object.get(&definition.name).map(|value| of_json(definition, value)).transpose()
            }
            Self::Row(row) => match row.column(&definition.name)? {
                None => Ok(None),
                Some((_, None)) => Ok(Some(Content::Null)),
                // SAFETY: a non-null value of the column's type.
                Some((type_oid, Some(datum))) => unsafe { of_datum(definition, type_oid, datum) }.map(Some),
            },
        }
    }
}

/// A value of any type that can be a feature, as the definition types it.
///
/// # Safety
/// `datum` must be a non-null value of the type.
pub unsafe fn of_datum(
    definition: &Definition,
    type_oid: pg_sys::Oid,
    datum: pg_sys::Datum,
) -> Result<Content> {
    if definition.value_type == ValueType::Json {
        return Ok(Content::Text(unsafe { relation::output_text(type_oid, datum) }));
    }
    let reader = Reader::of(type_oid)
        .map_err(|failure| failure.detail(format!("It is the type of feature \"{}\".", definition.name)))?;
    if definition.value_type.is_number() {
        // A date is the instant at which it begins, as everywhere where a number stands for a time.
        let kind = if reader == Reader::Date { FeatureKind::Timestamp } else { reader.kind() };
        let feature = Feature::new(definition.name.clone(), kind);
        return match unsafe { reader.number(&feature, datum) }? {
            Some(number) => Ok(Content::Number(number)),
            None => Err(mismatch(definition, &format!("type {}", relation::type_name(type_oid)))),
        };
    }
    Ok(Content::Text(unsafe { reader.text(type_oid, datum) }))
}

fn of_json(definition: &Definition, value: &Json) -> Result<Content> {
    Ok(match (definition.value_type, value) {
        (_, Json::Null) => Content::Null,
        (ValueType::Json, value) => Content::Text(value.to_string()),
        (ValueType::Text, Json::String(text)) => Content::Text(text.clone()),
        (ValueType::Text, Json::Bool(_) | Json::Number(_)) => Content::Text(value.to_string()),
        (ValueType::Numeric | ValueType::Boolean, Json::Bool(value)) => Content::Number(f64::from(*value)),
        (ValueType::Numeric | ValueType::Boolean, Json::Number(number)) => {
            Content::Number(number.as_f64().unwrap_or(f64::NAN))
        }
        // What jsonb makes of the float8 values that JSON has no number for.
        (ValueType::Numeric, Json::String(text)) => match text.as_str() {
            "NaN" => Content::Number(f64::NAN),
            "Infinity" => Content::Number(f64::INFINITY),
            "-Infinity" => Content::Number(f64::NEG_INFINITY),
            _ => return Err(mismatch(definition, &format!("\"{text}\""))),
        },
        (_, value) => return Err(mismatch(definition, &value.to_string())),
    })
}

fn mismatch(definition: &Definition, got: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("feature \"{}\" takes a value of type {}", definition.name, definition.value_type.name()),
    )
    .detail(format!("It got {got}."))
    .hint("Cast it, or define the feature with another value_type.")
}
