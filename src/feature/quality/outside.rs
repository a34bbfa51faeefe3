//! Rules that PostgreSQL judges: expressions, and references to another table. Both run as whoever asks, for ten thousand
//! rows a statement.

use super::data::Data;
use super::judge::{self, Key};
use super::rules;
use crate::error::Result;
use crate::feature::check::Clause;
use crate::feature::definition::{Definition, ValueType};
use crate::feature::derived::short;
use crate::feature::offline::{Content, Values};
use crate::feature::pinned::Pinned;
use crate::feature::prepared::{self, Prepared};
use crate::feature::source::{self, quoted};
use crate::statement::Mode;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{IntoDatum, pg_sys};

const BATCH: usize = 10_000;

/// The rows for which an expression is false; NULL is no breach, as in a CHECK.
pub fn false_rows(
    definition: &Definition,
    place: usize,
    data: &Data,
    expression: &str,
) -> Result<Vec<usize>> {
    let Some(values) = data.columns.get(place) else { return Ok(Vec::new()) };
    let is_number = definition.value_type.is_number();
    let value = match definition.value_type {
        ValueType::Boolean => "(sira_given.v OPERATOR(pg_catalog.<>) 0)".to_owned(),
        other => format!("sira_given.v::pg_catalog.{}", short(other)),
    };
    let sql = format!(
        "SELECT sira_given.place FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), \
         pg_catalog.unnest($4)) AS sira_given(place, v, e, t), \
         LATERAL (SELECT ({expression}\n) AS holds FROM \
         (SELECT {value} AS value, sira_given.e AS entity_id, sira_given.t AS as_of) AS given) AS sira_made \
         WHERE NOT sira_made.holds"
    );
    let types = [
        pg_sys::INT8ARRAYOID,
        if is_number { pg_sys::FLOAT8ARRAYOID } else { pg_sys::TEXTARRAYOID },
        pg_sys::TEXTARRAYOID,
        pg_sys::TIMESTAMPTZARRAYOID,
    ];
    let mut rows = Vec::new();
    let _pinned = Pinned::under(&definition.search_path)?;
    prepared::explained(
        |raised| {
            raised.cause_of(
                format!("rule \"sql\" of feature \"{}\" cannot be judged", definition.name),
                "Write it so that it has a value, or NULL, for all values.".to_owned(),
            )
        },
        || {
            let clause = Clause { feature: &definition.name, part: "rule \"sql\"" };
            let plan = Prepared::of_definition(clause, &sql, &types)?;
            for from in (0..data.len()).step_by(BATCH) {
                pgrx::check_for_interrupts!();
                let until = (from + BATCH).min(data.len());
                let entities: Vec<Option<String>> =
                    data.entities.iter().take(until).skip(from).cloned().collect();
                let moments: Vec<Option<TimestampWithTimeZone>> =
                    (data.moments.iter().take(until).skip(from))
                        .map(|moment| TimestampWithTimeZone::try_from(*moment).ok())
                        .collect();
                let arguments = [
                    (from as i64..until as i64).collect::<Vec<i64>>().into_datum(),
                    argument(values, is_number, from, until),
                    entities.into_datum(),
                    moments.into_datum(),
                ];
                plan.each(Mode::Read, &arguments, 0, |found| {
                    rows.extend(found.get(0).map(|datum| datum.value()));
                    Ok(())
                })?;
            }
            Ok(())
        },
    )?;
    rows.sort_unstable();
    Ok(rows)
}

/// The rows whose value no row of a relation has in a column. The values are looked up in the column's own type, so that
/// its index is used; what is no value of the type is in no row.
pub fn dangling_rows(
    definition: &Definition,
    place: usize,
    data: &Data,
    (relation, column): (&str, &str),
) -> Result<Vec<usize>> {
    let Some(values) = data.columns.get(place) else { return Ok(Vec::new()) };
    let relation = rules::named(&definition.name, relation)?;
    let columns = relation.columns()?;
    let column = source::column(&relation, &columns, column)?;
    let (mut rows, mut texts, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for (key, group) in judge::groups(values, data.len()) {
        let text = match key {
            Key::Number(bits) => f64::from_bits(bits).to_string(),
            Key::Text(text) => text.to_owned(),
        };
        if source::entity(column.type_oid, &text)?.is_some() {
            texts.push(text);
            groups.push(group);
        } else {
            rows.extend(group);
        }
    }
    let sql = format!(
        "SELECT asked.place FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2::{}[])) AS asked(place, value) \
         WHERE NOT EXISTS (SELECT FROM {} AS held WHERE held.{} {} asked.value)",
        source::bare_type(column.type_oid),
        relation.name,
        quoted(&column.name),
        source::equality(column)?,
    );
    let plan = Prepared::new(&sql, &[pg_sys::INT8ARRAYOID, pg_sys::TEXTARRAYOID])?;
    for (batch, texts) in texts.chunks(BATCH).enumerate() {
        pgrx::check_for_interrupts!();
        let from = batch * BATCH;
        let places: Vec<i64> = (from as i64..(from + texts.len()) as i64).collect();
        plan.each(Mode::Read, &[places.into_datum(), texts.to_vec().into_datum()], 0, |found| {
            let group = found.get(0).and_then(|datum| groups.get_mut(datum.value()));
            rows.extend(group.map(std::mem::take).unwrap_or_default());
            Ok(())
        })?;
    }
    rows.sort_unstable();
    Ok(rows)
}

fn argument(values: &Values, is_number: bool, from: usize, until: usize) -> Option<pg_sys::Datum> {
    let contents = (from..until).map(|row| values.get(row));
    if is_number {
        let number = |content| if let Content::Number(number) = content { Some(number) } else { None };
        contents.map(number).collect::<Vec<Option<f64>>>().into_datum()
    } else {
        let text = |content| if let Content::Text(text) = content { Some(text.to_owned()) } else { None };
        contents.map(text).collect::<Vec<Option<String>>>().into_datum()
    }
}
