//! Stored features for many entities: one scan of `sira_features` for all of an entity type, one merge for each.

use super::ids::{self, Form, Ids, Numbering};
use super::{Questions, Reading, Values};
use crate::catalog::Home;
use crate::cursor::Cursor;
use crate::error::Result;
use crate::feature::plan::StoredGroup;
use crate::feature::set::Set;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{FromDatum, IntoDatum, pg_sys};
use sira_core::feature::as_of::{self, Status};
use sira_core::feature::{Codes, Column, Events, History, Numbers, Queries};
use std::collections::HashMap;

/// Up to so many entities are looked up one by one; beyond, the months are read as a whole.
const FEW: u32 = 1_000;

/// The values of one feature while they are read.
#[derive(Default)]
struct Samples {
    entity: Vec<u32>,
    time: Vec<i64>,
    recorded: Vec<i64>,
    numbers: Numbers,
    codes: Codes,
    texts: Vec<String>,
    known: HashMap<String, u32>,
}

/// Computes the stored features of one entity type and puts each at its place.
pub fn compute(
    home: Home,
    set: &Set,
    group: &StoredGroup,
    questions: &Questions,
    reading: Reading,
    put: &mut dyn FnMut(usize, Values),
) -> Result<()> {
    let mut numbering = Numbering::new(Form::Text(pg_sys::TEXTOID));
    let asked = match questions.ids_of(set, &group.entity_type) {
        Some(ids) => numbering.number(&as_text(ids))?,
        None => vec![None; questions.len()],
    };
    let samples = read(home, set, group, questions, &numbering, reading)?;
    let nobody = numbering.len();
    let queries = Queries {
        entity: asked.iter().map(|entity| entity.unwrap_or(nobody)).collect(),
        time: questions.moments.clone(),
        known: reading.as_known.then(|| questions.known.clone().unwrap_or_else(|| questions.moments.clone())),
    };
    for (place, samples) in group.places.iter().zip(samples) {
        pgrx::check_for_interrupts!();
        let Some(definition) = set.features.get(*place) else { continue };
        let is_number = definition.value_type.is_number();
        let (texts, codes) = in_order(samples.texts, &samples.codes);
        let values = if is_number { Column::Numbers(samples.numbers) } else { Column::Codes(codes) };
        // Also where everything is known: of values sampled at one instant the one recorded last counts.
        let history = History { time: samples.time, recorded: Some(samples.recorded), columns: vec![values] };
        let events = Events { entity: samples.entity, history };
        let newest = as_of::join(&events, 0, &queries, definition.max_age)?;
        let rows = newest.row.iter().zip(&newest.status);
        let row =
            rows.map(|(row, status)| row.filter(|_| *status == Status::Present).map(|row| row as usize));
        let column = match events.history.columns.first() {
            Some(Column::Codes(codes)) => Column::Codes(row.map(|row| codes.get(row?)).collect()),
            Some(Column::Numbers(numbers)) => Column::Numbers(row.map(|row| numbers.get(row?)).collect()),
            None => continue,
        };
        put(*place, Values::new(column, texts, None));
    }
    Ok(())
}

/// The samples of the group's features, in its order. It reads as the owner, with the tenant named.
fn read(
    home: Home,
    set: &Set,
    group: &StoredGroup,
    questions: &Questions,
    numbering: &Numbering,
    reading: Reading,
) -> Result<Vec<Samples>> {
    let mut samples: Vec<Samples> = group.keys.iter().map(|_| Samples::default()).collect();
    let Some(latest) = questions.moments.iter().max() else { return Ok(samples) };
    let few = numbering.len() <= FEW;
    let mut types = vec![pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTARRAYOID, pg_sys::TIMESTAMPTZOID];
    let mut values = vec![
        set.tenant.as_str().into_datum(),
        group.entity_type.as_str().into_datum(),
        group.keys.clone().into_datum(),
        TimestampWithTimeZone::try_from(*latest).ok().into_datum(),
    ];
    let text: Vec<bool> = group
        .places
        .iter()
        .map(|place| set.features.get(*place).is_some_and(|feature| !feature.value_type.is_number()))
        .collect();
    let content =
        if text.contains(&true) { "coalesce(f.value_text, f.value_json::pg_catalog.text)" } else { "NULL" };
    let mut sql = format!(
        "SELECT f.feature_key, f.entity_id, f.sample_ts, f.recorded_at, f.feature_value, {content} \
         FROM {}.sira_features AS f \
         WHERE f.tenant_id OPERATOR(pg_catalog.=) $1 AND f.entity_type OPERATOR(pg_catalog.=) $2 \
         AND f.feature_key OPERATOR(pg_catalog.=) ANY ($3) AND f.sample_ts OPERATOR(pg_catalog.<=) $4",
        home.quoted_schema()?
    );
    if few {
        sql.push_str(" AND f.entity_id OPERATOR(pg_catalog.=) ANY ($5)");
        types.push(pg_sys::TEXTARRAYOID);
        values.push(numbering.ids().into_datum());
    }
    if let Some(from) = earliest(set, group, questions) {
        types.push(pg_sys::TIMESTAMPTZOID);
        values.push(from.into_datum());
        sql.push_str(&format!(" AND f.sample_ts OPERATOR(pg_catalog.>=) ${}", types.len()));
    }
    let places: HashMap<&str, usize> = group.keys.iter().map(String::as_str).zip(0..).collect();
    home.as_owner(|| {
        let cursor = Cursor::open("the reading of stored features", &sql, &types, &values, reading.mode)?;
        let mut read = 0;
        cursor.each(
            |row| {
                let Some(entity) = numbering.find(row, 1) else { return Ok(()) };
                // SAFETY: the types of the columns of the statement above.
                let (key, number, content) = unsafe {
                    let key = row.get(0).and_then(|datum| {
                        ids::plain(pg_sys::TEXTOID, datum).or_else(|| <&str>::from_datum(datum, false))
                    });
                    let number = row.get(4).and_then(|datum| f64::from_datum(datum, false));
                    (key, number, row.get(5).and_then(|datum| <&str>::from_datum(datum, false)))
                };
                let Some(at) = key.and_then(|key| places.get(key).copied()) else { return Ok(()) };
                let (Some(samples), Some(is_text)) = (samples.get_mut(at), text.get(at)) else {
                    return Ok(());
                };
                let micros = |column| row.get(column).map_or(i64::MIN, |datum| datum.value() as i64);
                samples.entity.push(entity);
                samples.time.push(micros(2));
                samples.recorded.push(micros(3));
                if *is_text {
                    samples.push_text(content)
                } else {
                    samples.numbers.push(number)
                }
                read += 1;
                Ok(())
            },
            || Ok(()),
        )?;
        super::within_memory(read / 4, 1)
    })?;
    Ok(samples)
}

/// Before when no value counts for any question: none where a feature of the group accepts values of any age.
fn earliest(set: &Set, group: &StoredGroup, questions: &Questions) -> Option<TimestampWithTimeZone> {
    let ages = group.places.iter().map(|place| set.features.get(*place)?.max_age);
    let oldest = ages.collect::<Option<Vec<i64>>>()?.into_iter().max()?;
    TimestampWithTimeZone::try_from(questions.moments.iter().min()?.checked_sub(oldest)?).ok()
}

/// The texts in their order, so that comparing codes compares texts, and the codes as they are then.
fn in_order(texts: Vec<String>, codes: &Codes) -> (Vec<String>, Codes) {
    let mut sorted: Vec<(String, usize)> = texts.into_iter().zip(0..).collect();
    sorted.sort_unstable();
    let mut place = vec![0; sorted.len()];
    for (now, (_, before)) in sorted.iter().enumerate() {
        if let Some(slot) = place.get_mut(*before) {
            *slot = now as u32;
        }
    }
    let renamed = (0..codes.len()).map(|row| place.get(codes.get(row)? as usize).copied()).collect();
    (sorted.into_iter().map(|(text, _)| text).collect(), renamed)
}

/// `entity_id` is text, whatever the query's ids are.
fn as_text(ids: &Ids) -> Ids {
    Ids::Texts((0..ids.len()).map(|row| ids.text(row).map(String::into_boxed_str)).collect())
}

impl Samples {
    fn push_text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.codes.push(None) };
        let code = self.known.get(text).copied().unwrap_or_else(|| {
            let code = self.texts.len() as u32;
            self.texts.push(text.to_owned());
            self.known.insert(text.to_owned(), code);
            code
        });
        self.codes.push(Some(code));
    }
}
