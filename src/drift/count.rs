//! One pass over logged predictions: each vector falls into the bins of the version's baseline.
//!
//! A row's vector tells everything but one thing: a text that the model does not know is a missing value there, as NULL
//! is. Which of the two it was stands in the features as JSON, which are opened for such rows alone.

use crate::catalog::{self, Home};
use crate::cursor::Cursor;
use crate::drift::baseline::{self, Subject};
use crate::error::{Failure, Result};
use crate::feature::prepared::Row;
use crate::statement::Mode;
use crate::version::Version;
use pgrx::array::RawArray;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{FromDatum, IntoDatum, PgSqlErrorCode, pg_sys};
use sira_core::drift::Sketch;
use sira_core::signature::FeatureKind;
use std::collections::BTreeMap;
use std::ptr::NonNull;

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// Values of a segment's key that are told apart. Countries and channels fit; a key of more is one of customers or requests,
/// and each of its values would be tested by itself, with few rows and much memory.
const MOST_SEGMENTS: usize = 250;

/// What is asked.
pub struct Question<'a> {
    /// A timestamptz, and so is the next; either may be infinite.
    pub from: pg_sys::Datum,
    pub to: pg_sys::Datum,
    pub by_hour: bool,
    /// A key of the predictions' context.
    pub segment: Option<&'a str>,
}

/// The sketches of one segment and hour, in the order of the subjects.
pub type Group = (Option<String>, Option<i64>);

/// Where the value of a subject is in a row.
enum Place {
    Feature { position: usize, text: Option<String> },
    Score,
}

/// Counts the predictions of a version, by segment and hour.
pub fn count(
    home: Home,
    version: &Version,
    question: &Question<'_>,
) -> Result<(Vec<Subject>, BTreeMap<Group, Vec<Sketch>>)> {
    let subjects = baseline::subjects(home, version.id)?;
    let places: Vec<Option<Place>> = subjects.iter().map(|subject| place(version, subject)).collect();
    let mut groups: BTreeMap<Group, Vec<Sketch>> = BTreeMap::new();
    let empty: Vec<Sketch> = subjects.iter().map(|subject| Sketch::empty(subject.layout.bins())).collect();
    let types =
        [pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::TIMESTAMPTZOID, pg_sys::TIMESTAMPTZOID, pg_sys::TEXTOID];
    let values = [
        catalog::require_tenant(home)?.into_datum(),
        version.id.into_datum(),
        Some(question.from),
        Some(question.to),
        question.segment.into_datum(),
    ];
    let sql = query(home, question.segment.is_some())?;
    let cursor = Cursor::open("the predictions", &sql, &types, &values, Mode::Write)?;
    // Rows come mostly in the order of their time: the group of the last row is that of the next.
    let mut current: Option<(Group, Vec<Sketch>)> = None;
    let mut rows = 0_u32;
    cursor.stream(&mut |row| {
        rows = rows.wrapping_add(1);
        if rows.is_multiple_of(4_096) {
            pgrx::check_for_interrupts!();
        }
        // SAFETY: the columns are those of `query`.
        let group = unsafe { group_of(row, question) };
        if current.as_ref().is_none_or(|(known, _)| *known != group) {
            if let Some((known, sketches)) = current.take() {
                groups.insert(known, sketches);
            }
            let sketches = groups.remove(&group).unwrap_or_else(|| empty.clone());
            if !question.by_hour && groups.len() >= MOST_SEGMENTS {
                return Err(too_many(question));
            }
            current = Some((group, sketches));
        }
        if let Some((_, sketches)) = &mut current {
            // SAFETY: as above.
            unsafe { add(row, &subjects, &places, sketches) };
        }
        Ok(())
    })?;
    groups.extend(current);
    Ok((subjects, groups))
}

fn too_many(question: &Question<'_>) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        format!("segment \"{}\" has too many values", question.segment.unwrap_or_default()),
    )
    .detail(format!("More than {MOST_SEGMENTS} are not compared one by one."))
    .hint("Choose a key with few values, or put a coarser one into the predictions' context.")
}

/// Fallbacks were no answers of the model. Every name is qualified: nothing of the caller's search_path is looked at.
fn query(home: Home, segmented: bool) -> Result<String> {
    let schema = home.quoted_schema()?;
    let segment = if segmented { "p.context OPERATOR(pg_catalog.->>) $5" } else { "$5" };
    Ok(format!(
        "SELECT p.created_at, coalesce(p.score, p.confidence), p.feature_vector, p.input_features, {segment} \
         FROM {schema}.sira_predictions p \
         WHERE p.tenant_id OPERATOR(pg_catalog.=) $1 AND p.model_version_id OPERATOR(pg_catalog.=) $2 \
         AND p.created_at OPERATOR(pg_catalog.>=) $3 AND p.created_at OPERATOR(pg_catalog.<) $4 AND NOT p.fallback"
    ))
}

fn place(version: &Version, subject: &Subject) -> Option<Place> {
    if subject.subject != "feature" {
        return Some(Place::Score);
    }
    let position = version.signature.index_of(&subject.feature)?;
    let kind = version.signature.features.get(position)?.kind;
    let text = (kind == FeatureKind::Text).then(|| subject.feature.clone());
    Some(Place::Feature { position, text })
}

/// # Safety
/// The row must be one of [`query`].
unsafe fn group_of(row: &Row<'_>, question: &Question<'_>) -> Group {
    let text = row.get(4).filter(|_| question.segment.is_some());
    let segment = text.and_then(|text| unsafe { String::from_datum(text, false) });
    let hour = row.get(0).filter(|_| question.by_hour).map(|at| (at.value() as i64).div_euclid(HOUR) * HOUR);
    (segment, hour)
}

/// # Safety
/// The row must be one of [`query`].
unsafe fn add(row: &Row<'_>, subjects: &[Subject], places: &[Option<Place>], sketches: &mut [Sketch]) {
    let score = row.get(1).map_or(f64::NAN, |score| f64::from_bits(score.value() as u64));
    let mut array = row.get(2).and_then(|vector| {
        // SAFETY: a float8[], plain once it is detoasted; the copy goes with the batch.
        unsafe {
            let plain = pg_sys::pg_detoast_datum(vector.cast_mut_ptr());
            NonNull::new(plain.cast::<pg_sys::ArrayType>()).map(|plain| RawArray::from_ptr(plain))
        }
    });
    let vector: Option<&[f64]> = array.as_mut().and_then(|array| {
        // An array with NULL has not been written by the library.
        let whole = array.nulls().is_none();
        // SAFETY: its elements are eight bytes wide, and it outlives the row's reading.
        whole.then(|| unsafe { array.data::<f64>().as_ref() })
    });
    for ((subject, place), sketch) in subjects.iter().zip(places).zip(sketches) {
        let (value, unseen) = match place {
            Some(Place::Score) => (score, false),
            Some(Place::Feature { position, text }) => {
                // A row without a vector (by another hand, or erased) says nothing of the inputs.
                let Some(value) = vector.and_then(|vector| vector.get(*position)) else { continue };
                let unknown = text.as_ref().filter(|_| value.is_nan());
                (*value, unknown.is_some_and(|name| unsafe { has_text(row, name) }))
            }
            None => continue,
        };
        sketch.add(subject.layout.bin(value, unseen), value, subject.shift);
    }
}

/// Whether the features of a row have a text of that name.
///
/// # Safety
/// The row must be one of [`query`].
unsafe fn has_text(row: &Row<'_>, name: &str) -> bool {
    let Some(features) = row.get(3) else { return false };
    let text: Option<String> = unsafe {
        pgrx::direct_function_call(pg_sys::jsonb_object_field_text, &[Some(features), name.into_datum()])
    };
    text.is_some()
}

/// An hour as the beginning of which it stands.
pub fn moment(hour: i64) -> Option<TimestampWithTimeZone> {
    // SAFETY: a timestamptz is its microseconds.
    unsafe { TimestampWithTimeZone::from_datum(pg_sys::Datum::from(hour), false) }
}
