//! Values that were written to `sira_features`: the newest one at a moment.
//!
//! `sira_features` holds a partition a month, and a probe of each for each feature adds up; what is served is nearly
//! always recent. So the newest weeks are asked first, and the whole past only for what is not there. Of values sampled
//! at one instant the one recorded last counts: a correction replaces what it corrects. Of values recorded at one instant
//! too, as an import makes them, the greatest counts, NULL above all: the same one that a training set takes.

use crate::catalog::Home;
use crate::error::Result;
use crate::feature::row::Content;
use crate::feature::source::DAY;
use crate::statement::{Arguments, Mode, Row, Statement};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;
use std::collections::HashMap;

/// How far back the first look goes.
const RECENT: i64 = 35 * DAY;

/// A stored value and when it was true.
#[derive(Clone, Debug)]
pub struct Sample {
    pub number: Option<f64>,
    pub text: Option<String>,
    pub json: Option<String>,
    pub sampled_at: i64,
}

macro_rules! newest {
    ($after:literal) => {
        concat!(
            "SELECT k.key, f.feature_value, f.value_text, f.value_json::pg_catalog.text, f.sample_ts \
             FROM pg_catalog.unnest($4) AS k(key), LATERAL (SELECT v.feature_value, v.value_text, v.value_json, v.sample_ts \
             FROM {s}.sira_features v WHERE v.tenant_id {=} $1 AND v.entity_type {=} $2 AND v.entity_id {=} $3 \
             AND v.feature_key {=} k.key AND v.sample_ts {<=} $5",
            $after,
            " AND ($7 IS NULL OR v.recorded_at {<=} $7) \
             ORDER BY v.sample_ts DESC, v.recorded_at DESC, v.feature_value DESC, \
             coalesce(v.value_text, v.value_json::pg_catalog.text) COLLATE pg_catalog.\"C\" DESC LIMIT 1) AS f"
        )
    };
}

const TYPES: &[pg_sys::Oid] = &[
    pg_sys::TEXTOID,
    pg_sys::TEXTOID,
    pg_sys::TEXTOID,
    pg_sys::TEXTARRAYOID,
    pg_sys::TIMESTAMPTZOID,
    pg_sys::TIMESTAMPTZOID,
    pg_sys::TIMESTAMPTZOID,
];

thread_local! {
    static RECENTLY: Statement =
        const { Statement::new(newest!(" AND v.sample_ts OPERATOR(pg_catalog.>) $6"), TYPES) };
    static EVER: Statement = const { Statement::new(newest!(" AND v.sample_ts {<=} $6"), TYPES) };
}

/// The newest samples of some features of an entity at a moment, by name. `known` leaves out what was recorded later.
///
/// It reads as the owner, with the tenant named: who may score has no right to the table.
pub fn newest(
    home: Home,
    tenant: &str,
    entity: (&str, &str),
    keys: &[String],
    (moment, known): (i64, Option<i64>),
    mode: Mode,
) -> Result<HashMap<String, Sample>> {
    let mut samples = HashMap::with_capacity(keys.len());
    look(&RECENTLY, home, tenant, entity, keys.to_vec(), (moment, known), mode, &mut samples)?;
    let rest: Vec<String> = keys.iter().filter(|key| !samples.contains_key(*key)).cloned().collect();
    if !rest.is_empty() {
        look(&EVER, home, tenant, entity, rest, (moment, known), mode, &mut samples)?;
    }
    Ok(samples)
}

fn look(
    statement: &'static std::thread::LocalKey<Statement>,
    home: Home,
    tenant: &str,
    (entity_type, entity_id): (&str, &str),
    keys: Vec<String>,
    (moment, known): (i64, Option<i64>),
    mode: Mode,
    samples: &mut HashMap<String, Sample>,
) -> Result<()> {
    let time = |micros: i64| TimestampWithTimeZone::try_from(micros).ok();
    let arguments = Arguments::new()
        .bind(tenant)
        .bind(entity_type)
        .bind(entity_id)
        .bind(keys)
        .bind(time(moment))
        .bind(time(moment.saturating_sub(RECENT)))
        .bind(known.and_then(time));
    home.as_owner(|| {
        statement.with(|statement| {
            statement.each(home, mode, arguments, |row| {
                samples.insert(row.need(1)?, Sample::of_row(row)?);
                Ok(())
            })
        })
    })?;
    Ok(())
}

impl Sample {
    fn of_row(row: &Row) -> Result<Self> {
        Ok(Self {
            number: row.get(2),
            text: row.get(3),
            json: row.get(4),
            sampled_at: row.need::<TimestampWithTimeZone>(5)?.into_inner(),
        })
    }

    /// What the sample holds, for a feature of numbers or one of texts: a value of the other kind is none.
    pub fn content(self, is_number: bool) -> Content {
        match self {
            Self { number: Some(number), .. } if is_number => Content::Number(number),
            Self { text: Some(text), .. } | Self { json: Some(text), .. } if !is_number => {
                Content::Text(text)
            }
            _ => Content::Null,
        }
    }
}
