//! The values that are judged: the latest snapshot of each entity, or a set computed for the rows of a query.

use crate::catalog::Home;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::feature::definition::{Definition, ValueType};
use crate::feature::offline::{self, Collected, Content, Questions, Reading, Values};
use crate::feature::plan::Plan;
use crate::feature::row;
use crate::feature::set::Set;
use crate::statement::Mode;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{FromDatum, IntoDatum, pg_sys};
use serde_json::Value as Json;
use std::cell::RefCell;

/// Rows of a set, and whose they are.
pub struct Data {
    pub entities: Vec<Option<String>>,
    pub moments: Vec<i64>,
    /// In the set's order.
    pub columns: Vec<Values>,
    /// Values of a snapshot that are not of their feature's type: its place, the row, and what is there. In the columns
    /// they are NULL.
    pub misfits: Vec<(usize, usize, String)>,
}

impl Data {
    pub fn len(&self) -> usize {
        self.moments.len()
    }

    /// The value of a row as people write it; none where it is NULL.
    pub fn written(&self, definition: &Definition, place: usize, row: usize) -> Option<String> {
        match self.columns.get(place)?.get(row) {
            Content::Null => self.misfit(place, row).map(ToOwned::to_owned),
            Content::Number(number) if definition.value_type == ValueType::Boolean => {
                Some((number != 0.0).to_string())
            }
            Content::Number(number) => Some(number.to_string()),
            Content::Text(text) => Some(text.to_owned()),
        }
    }

    fn misfit(&self, place: usize, row: usize) -> Option<&str> {
        let found = self.misfits.iter().find(|(at, of, _)| (*at, *of) == (place, row));
        found.map(|(_, _, text)| text.as_str())
    }

    /// Computes the set for the rows of an entity query, as training does.
    pub fn of_query(home: Home, plan: &mut Plan, query: &str) -> Result<Self> {
        let reading = Reading { mode: Mode::Read, as_known: true };
        let set = plan.set.clone();
        let questions = Questions::read(&set, query, reading.mode, |_| Ok(()), |_| Ok(()))?;
        let columns = offline::compute(home, plan, &questions, reading)?;
        let entities = (0..questions.len()).map(|row| questions.entity(row)).collect();
        Ok(Self { entities, moments: questions.moments, columns, misfits: Vec::new() })
    }

    /// The newest snapshot of each entity up to a moment. It reads as the owner, with the tenant named, as serving does.
    pub fn of_snapshots(home: Home, set: &Set, as_of: i64) -> Result<Self> {
        let sql = "SELECT DISTINCT ON (s.entity_id) s.entity_id, s.snapshot_ts, s.features::pg_catalog.text \
                   FROM {s}.sira_feature_snapshots s WHERE s.tenant_id {=} $1 AND s.entity_type {=} $2 \
                   AND s.feature_set {=} $3 AND s.snapshot_ts {<=} $4 \
                   AND (s.feature_set_version IS NULL OR s.feature_set_version {=} $5) \
                   ORDER BY s.entity_id, s.snapshot_ts DESC"
            .replace("{s}", &home.quoted_schema()?)
            .replace("{=}", "OPERATOR(pg_catalog.=)")
            .replace("{<=}", "OPERATOR(pg_catalog.<=)");
        let types =
            [pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TIMESTAMPTZOID, pg_sys::INT4OID];
        let moment = TimestampWithTimeZone::try_from(as_of).ok();
        let values = [
            set.tenant.as_str().into_datum(),
            set.entity_type.as_str().into_datum(),
            set.name.as_str().into_datum(),
            moment.and_then(IntoDatum::into_datum),
            set.version.into_datum(),
        ];
        let collected = set.features.iter().map(|feature| Collected::new(!feature.value_type.is_number()));
        let columns: RefCell<Vec<Collected>> = RefCell::new(collected.collect());
        let mut data =
            Self { entities: Vec::new(), moments: Vec::new(), columns: Vec::new(), misfits: Vec::new() };
        let rows = std::cell::Cell::new(0_usize);
        home.as_owner(|| {
            let cursor = Cursor::open("the snapshots", &sql, &types, &values, Mode::Read)?;
            cursor.each(
                |found| {
                    // SAFETY: the columns are a text, a timestamptz and a text.
                    let (entity, text) = unsafe {
                        let text = |at| found.get(at).and_then(|datum| String::from_datum(datum, false));
                        (text(0), text(2))
                    };
                    let features: Json =
                        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
                    for (place, (feature, column)) in
                        set.features.iter().zip(columns.borrow_mut().iter_mut()).enumerate()
                    {
                        column.push(
                            match content(feature, features.get(&feature.name).unwrap_or(&Json::Null)) {
                                Ok(content) => content,
                                Err(other) => {
                                    data.misfits.push((place, data.moments.len(), other));
                                    row::Content::Null
                                }
                            },
                        );
                    }
                    data.entities.push(entity);
                    data.moments.push(found.get(1).map_or(as_of, |datum| datum.value() as i64));
                    rows.set(data.moments.len());
                    Ok(())
                },
                || offline::within_memory(rows.get(), set.features.len()),
            )
        })?;
        data.columns = columns.into_inner().into_iter().map(Collected::finish).collect();
        Ok(data)
    }
}

/// A value of a snapshot; what is not of the feature's type comes back as it is written.
fn content(feature: &Definition, value: &Json) -> std::result::Result<row::Content, String> {
    Ok(match (feature.value_type, value) {
        (_, Json::Null) => row::Content::Null,
        (ValueType::Json, value) => row::Content::Text(value.to_string()),
        (ValueType::Text, Json::String(text)) => row::Content::Text(text.clone()),
        (ValueType::Boolean, Json::Bool(value)) => row::Content::Number(f64::from(*value)),
        (ValueType::Numeric, Json::Number(number)) => {
            row::Content::Number(number.as_f64().unwrap_or(f64::NAN))
        }
        // What jsonb makes of the float8 values that JSON has no number for.
        (ValueType::Numeric, Json::String(text)) if text == "NaN" => row::Content::Number(f64::NAN),
        (ValueType::Numeric, Json::String(text)) if text == "Infinity" => row::Content::Number(f64::INFINITY),
        (ValueType::Numeric, Json::String(text)) if text == "-Infinity" => {
            row::Content::Number(f64::NEG_INFINITY)
        }
        (_, other) => return Err(other.to_string()),
    })
}
