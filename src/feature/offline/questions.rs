//! Whom and when: the rows of the query that a training set is made for.
//!
//! The query gives `entity_id` and `as_of`, the columns that the set's keys name, and where it wants to say what was
//! known when, `known_at`; Feast's names for the two times do as well. A column with the name of a `request` feature carries its value. Whatever else it gives is
//! not looked at here.

use super::ids::{Form, Ids};
use super::values::{Collected, Values};
use crate::cursor::Cursor;
use crate::error::{Failure, Result};
use crate::feature::definition::{Definition, Kind};
use crate::feature::prepared::Row;
use crate::feature::row;
use crate::feature::set::Set;
use crate::feature::source::{self, TimeKind};
use crate::relation::type_name;
use crate::statement::Mode;
use pgrx::{PgSqlErrorCode, PgTupleDesc, pg_sys};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Whom a row is about.
pub const ENTITY: &str = "entity_id";
/// The row's moment.
pub const MOMENT: &str = "as_of";
/// Up to when the answer may know, where that is not the moment.
pub const KNOWN: &str = "known_at";
/// What Feast calls the two.
pub const FEAST: [(&str, &str); 2] = [(MOMENT, "event_timestamp"), (KNOWN, "created_timestamp")];
/// Names that no column with an entity's id can have.
pub const TAKEN: [&str; 4] = [MOMENT, KNOWN, "event_timestamp", "created_timestamp"];

/// The query's rows, as far as features need them.
pub struct Questions {
    pub moments: Vec<i64>,
    pub known: Option<Vec<i64>>,
    /// Ids by the column that carries them.
    ids: BTreeMap<String, (Form, Ids)>,
    requests: BTreeMap<String, Values>,
}

/// Where a column of the query goes.
enum Use {
    Moment(TimeKind),
    Known(TimeKind),
    Ids(String, Form),
    Request(Rc<Definition>, pg_sys::Oid),
}

/// A column of the query.
#[derive(Clone)]
pub struct Given {
    pub name: String,
    pub type_oid: pg_sys::Oid,
    pub typmod: i32,
}

/// The columns of an open query.
pub fn given(descriptor: pg_sys::TupleDesc) -> Result<Vec<Given>> {
    if descriptor.is_null() {
        return Err(missing(MOMENT, &[]));
    }
    // SAFETY: the cursor is open; a copy of its descriptor is read.
    let descriptor = unsafe { PgTupleDesc::from_pg_copy(descriptor) };
    let mut columns: Vec<Given> = Vec::with_capacity(descriptor.len());
    for attribute in descriptor.iter() {
        let name = attribute.name().to_owned();
        if columns.iter().any(|column| column.name == name) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DUPLICATE_COLUMN,
                format!("the entity query has two columns named \"{name}\""),
            )
            .hint("Give one of them another name with AS."));
        }
        columns.push(Given { name, type_oid: attribute.atttypid, typmod: attribute.atttypmod });
    }
    Ok(columns)
}

/// The types of the columns of an open query.
pub fn given_types(descriptor: pg_sys::TupleDesc) -> Vec<pg_sys::Oid> {
    // SAFETY: the cursor is open; a copy of its descriptor is read.
    unsafe { PgTupleDesc::from_pg_copy(descriptor) }.iter().map(|attribute| attribute.atttypid).collect()
}

impl Questions {
    /// Reads the query; `keep` sees every row beside it.
    pub fn read(
        set: &Set,
        query: &str,
        mode: Mode,
        mut begin: impl FnMut(&Cursor) -> Result<()>,
        mut keep: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<Self> {
        let cursor = Cursor::open("the entity query", query, &[], &[], mode)?;
        begin(&cursor)?;
        let columns = given(cursor.descriptor())?;
        let uses = uses(set, &columns)?;
        let mut moments = Vec::new();
        let mut known = uses.iter().any(|(_, purpose)| matches!(purpose, Use::Known(_))).then(Vec::new);
        let mut ids: BTreeMap<String, (Form, Ids)> = BTreeMap::new();
        let mut requests: BTreeMap<String, Collected> = BTreeMap::new();
        for (_, purpose) in &uses {
            match purpose {
                Use::Ids(name, form) => _ = ids.insert(name.clone(), (*form, Ids::new(*form))),
                Use::Request(definition, _) => {
                    let is_text = !definition.value_type.is_number();
                    requests.insert(definition.name.clone(), Collected::new(is_text));
                }
                Use::Moment(_) | Use::Known(_) => {}
            }
        }
        cursor.each(
            |row| {
                for (column, purpose) in &uses {
                    let datum = row.get(*column);
                    match purpose {
                        Use::Moment(kind) => moments.push(moment(moments.len(), *kind, datum)?),
                        Use::Known(kind) => {
                            // Without one everything is known.
                            let at = datum.map_or(i64::MAX, |datum| kind.micros(datum));
                            known.iter_mut().for_each(|known| known.push(at));
                        }
                        Use::Ids(name, form) => {
                            ids.get_mut(name).into_iter().for_each(|(_, ids)| ids.push(*form, row, *column));
                        }
                        Use::Request(definition, type_oid) => {
                            let content = match datum {
                                None => row::Content::Null,
                                // SAFETY: a non-null value of the column's type.
                                Some(datum) => unsafe { row::of_datum(definition, *type_oid, datum) }?,
                            };
                            let values = requests.get_mut(&definition.name);
                            values.into_iter().for_each(|values| values.push(content.clone()));
                        }
                    }
                }
                keep(row)
            },
            || Ok(()),
        )?;
        let requests = requests.into_iter().map(|(name, values)| (name, values.finish())).collect();
        Ok(Self { moments, known, ids, requests })
    }

    /// Entities of the set's own type, each at a moment, without a row at hand.
    pub fn of_entities(set: &Set, asked: &[(i64, String)]) -> Self {
        let entities: Vec<Option<Box<str>>> =
            asked.iter().map(|(_, entity)| Some(entity.clone().into_boxed_str())).collect();
        let form = Form::Text(pg_sys::TEXTOID);
        let mut ids = BTreeMap::new();
        ids.extend(column_of(set, &set.entity_type).map(|name| (name, (form, Ids::Texts(entities)))));
        let moments = asked.iter().map(|(at, _)| *at).collect();
        Self { moments, known: None, ids, requests: BTreeMap::new() }
    }

    pub fn len(&self) -> usize {
        self.moments.len()
    }

    /// The ids of entities of a type: the set's own are `entity_id` unless its keys name another column.
    pub fn ids_of(&self, set: &Set, entity_type: &str) -> Option<&Ids> {
        self.ids.get(&column_of(set, entity_type)?).map(|(_, ids)| ids)
    }

    /// The entity of a row as text, to name it by.
    pub fn entity(&self, row: usize) -> Option<String> {
        self.ids.get(ENTITY).and_then(|(_, ids)| ids.text(row))
    }

    /// The values of a request feature, where the query carries them.
    pub fn request(&self, feature: &str) -> Option<Values> {
        self.requests.get(feature).cloned()
    }
}

/// The column that carries the ids of an entity type.
fn column_of(set: &Set, entity_type: &str) -> Option<String> {
    match set.keys.get(entity_type) {
        Some(column) => Some(column.clone()),
        None if entity_type == set.entity_type => Some(ENTITY.to_owned()),
        None => None,
    }
}

fn uses(set: &Set, columns: &[Given]) -> Result<Vec<(usize, Use)>> {
    let position = |name: &str| columns.iter().position(|column| column.name == name);
    let clock = |name: &str| {
        let other = FEAST.iter().find(|(ours, _)| *ours == name).and_then(|(_, theirs)| position(theirs));
        position(name).or(other)
    };
    let time = |name: &str, at: usize| {
        let column = columns.get(at).map_or(pg_sys::InvalidOid, |column| column.type_oid);
        source::of_time(column).ok_or_else(|| {
            Failure::new(
                PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                format!("column \"{name}\" of the entity query holds no times"),
            )
            .detail(format!("It is of type {}.", type_name(column)))
            .hint(format!("Select a timestamptz, timestamp or date AS {name}."))
        })
    };
    let at = clock(MOMENT).ok_or_else(|| missing(MOMENT, columns))?;
    let mut uses = vec![(at, Use::Moment(time(MOMENT, at)?))];
    if let Some(at) = clock(KNOWN) {
        uses.push((at, Use::Known(time(KNOWN, at)?)));
    }
    let mut needed: Vec<String> = Vec::new();
    for entity_type in entity_types(set) {
        let name = column_of(set, entity_type).unwrap_or_else(|| ENTITY.to_owned());
        if position(&name).is_none() {
            return Err(missing(&name, columns).detail(format!(
                "Features of set \"{}\" are about entities of type \"{entity_type}\".",
                set.name
            )));
        }
        needed.push(name);
    }
    // To name rows by, where the query gives it.
    needed.push(ENTITY.to_owned());
    needed.sort_unstable();
    needed.dedup();
    for name in needed {
        if let Some((at, column)) = position(&name).and_then(|at| Some((at, columns.get(at)?))) {
            uses.push((at, Use::Ids(name, Form::of(column.type_oid))));
        }
    }
    for feature in set.features.iter().filter(|feature| matches!(feature.kind, Kind::Request)) {
        if let Some((at, column)) = position(&feature.name).and_then(|at| Some((at, columns.get(at)?))) {
            uses.push((at, Use::Request(feature.clone(), column.type_oid)));
        }
    }
    Ok(uses)
}

/// The types of the entities that features of a set are about.
fn entity_types(set: &Set) -> Vec<&str> {
    let mut types: Vec<&str> = Vec::new();
    for feature in &set.features {
        let needs = !matches!(feature.kind, Kind::Derived { .. } | Kind::Request);
        if needs && !types.contains(&feature.entity_type.as_str()) {
            types.push(&feature.entity_type);
        }
    }
    types
}

fn moment(row: usize, kind: TimeKind, datum: Option<pg_sys::Datum>) -> Result<i64> {
    let refuse = |code, what: &str| {
        Err(Failure::new(code, format!("\"{MOMENT}\" is {what}"))
            .detail(format!("In row {} of the entity query.", row + 1))
            .hint("Each row needs the moment as of which its features are computed."))
    };
    match datum.map(|datum| kind.micros(datum)) {
        None => refuse(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, "null"),
        Some(i64::MAX | i64::MIN) => refuse(PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW, "infinite"),
        Some(micros) => Ok(micros),
    }
}

fn missing(name: &str, columns: &[Given]) -> Failure {
    let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    Failure::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
        format!("the entity query gives no column \"{name}\""),
    )
    .hint(match known.as_slice() {
        [] => format!("Write SELECT … AS {ENTITY}, … AS {MOMENT} FROM …"),
        some => format!("Its columns are {}: name one of them with AS {name}.", some.join(", ")),
    })
}
