//! A set computed for one entity at one moment.
//!
//! The values are those that the set's definitions had at the moment, of everything that the statement's snapshot sees;
//! in a trigger the row being written counts as one more event. Each value has a status:
//!
//! - `PRESENT`: it has a value; a count of nothing is 0 and present.
//! - `NULL_VALUE`: it was looked for and is NULL, such as the mean of nothing.
//! - `NOT_FOUND`: it could not be asked: the row at hand has no such column or names no such entity, no value was ever
//!   stored, the query gave no row, or the id cannot be one (a text where the source has integers).
//! - `OUTSIDE_MAX_AGE`: the newest stored value is older than the definition's max_age; it is not served.
//!
//! What is computed is true as of the moment; what was stored is true as of when it was sampled.

use crate::catalog::{self, Home};
use crate::error::{Failure, Result};
use crate::feature::definition::{Definition, Kind};
use crate::feature::offline;
use crate::feature::plan::Plan;
use crate::feature::row::{Columns, Content, NewRow};
use crate::feature::source::Relation;
use crate::feature::stored;
use crate::feature::window::Asked;
use crate::statement::Mode;
use pgrx::{PgSqlErrorCode, pg_sys};
use serde_json::{Map, Value as Json};
use sira_core::feature::Status;
use sira_core::feature::online::Moment;

/// What is asked.
pub struct Request<'a> {
    /// The entity of the set's own type; none where the set's keys say which column carries it.
    pub entity_id: Option<&'a str>,
    /// The moment, in microseconds since 2000-01-01 UTC.
    pub as_of: i64,
    /// Whether what was recorded after a past moment is left out.
    pub as_known: bool,
    pub columns: Columns<'a>,
    /// The row being written, which counts as an event of its relation.
    pub new_row: Option<&'a NewRow>,
    /// `Read` sees what the calling statement sees; `Write` also what came since, rows of the same statement among it.
    pub mode: Mode,
}

/// A feature's value.
#[derive(Clone, Debug)]
pub struct Value {
    pub content: Content,
    pub status: Status,
    /// As of when it is true, in microseconds since 2000-01-01 UTC.
    pub sampled_at: Option<i64>,
}

impl Value {
    const NOT_FOUND: Self = Self { content: Content::Null, status: Status::NotFound, sampled_at: None };

    fn of(content: Content, sampled_at: i64) -> Self {
        let status = Status::of(content == Content::Null, true, None, sampled_at, None);
        Self { content, status, sampled_at: Some(sampled_at) }
    }

    /// The value as JSON, as models take it: whatever is not present is null.
    pub fn to_json(&self, definition: &Definition) -> Json {
        let content = match &self.content {
            Content::Null => offline::Content::Null,
            Content::Number(number) => offline::Content::Number(*number),
            Content::Text(text) => offline::Content::Text(text),
        };
        offline::json::value(definition, content)
    }
}

/// All values of a set as one object.
pub fn to_json(features: &[std::rc::Rc<Definition>], values: &[Value]) -> Json {
    let pairs = features.iter().zip(values);
    Json::Object(pairs.map(|(f, value)| (f.name.clone(), value.to_json(f))).collect::<Map<_, _>>())
}

/// Computes the set of a plan: one value for each feature, in the set's order.
pub fn compute(home: Home, plan: &mut Plan, request: &Request<'_>) -> Result<Vec<Value>> {
    if request.as_of == i64::MAX || request.as_of == i64::MIN {
        return Err(Failure::new(PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW, "\"as_of\" is infinite")
            .hint("Give a moment, such as now()."));
    }
    plan.require_trust(home)?;
    let moment = Moment { time: request.as_of, known: known(request) };
    let set = plan.set.clone();
    let mut values = vec![Value::NOT_FOUND; set.features.len()];
    let entity = |entity_type: &str| -> Result<Option<String>> {
        if let Some(id) = request.entity_id.filter(|_| entity_type == set.entity_type) {
            return Ok(Some(id.to_owned()));
        }
        if let Some(column) = set.keys.get(entity_type)
            && let Some(id) = request.columns.id(column)?
        {
            return Ok(Some(id));
        }
        // Whoever has no row at hand names the entity itself.
        if matches!(request.columns, Columns::Json(_)) { request.columns.id(entity_type) } else { Ok(None) }
    };

    for group in &mut plan.windows {
        let Some(id) = entity(&group.entity_type)? else { continue };
        let asked = Asked { entity: &id, moment, new_row: request.new_row, mode: request.mode };
        if let Some(contents) = group.compute(&asked)? {
            for (member, content) in group.members.iter().zip(contents) {
                put(&mut values, member.place, Value::of(content, moment.time));
            }
        }
    }
    for query in &mut plan.queries {
        let Some(id) = entity(&query.definition.entity_type)? else { continue };
        if let Some(content) = query.compute(&id, moment.time, request.mode)? {
            put(&mut values, query.place, Value::of(content, moment.time));
        }
    }
    let tenant = catalog::require_tenant(home)?;
    for group in &plan.stored {
        let Some(id) = entity(&group.entity_type)? else { continue };
        let entity = (group.entity_type.as_str(), id.as_str());
        let found =
            stored::newest(home, &tenant, entity, &group.keys, (moment.time, moment.known), request.mode)?;
        for place in &group.places {
            let Some(definition) = set.features.get(*place) else { continue };
            if let Some(sample) = found.get(&definition.name) {
                put(&mut values, *place, served(definition, sample.clone(), moment.time));
            }
        }
    }
    for (place, definition) in set.features.iter().enumerate() {
        if matches!(definition.kind, Kind::Request)
            && let Some(content) = request.columns.value(definition)?
        {
            put(&mut values, place, Value::of(content, moment.time));
        }
    }
    if !plan.derived.is_empty() {
        let mut contents: Vec<Content> = values.iter().map(|value| value.content.clone()).collect();
        for derived in &mut plan.derived {
            let content = derived.compute(&contents, &set.features, request.mode)?;
            if let Some(place) = contents.get_mut(derived.place) {
                *place = content.clone();
            }
            put(&mut values, derived.place, Value::of(content, moment.time));
        }
    }
    Ok(values)
}

/// When a row that is being written happens: what it says in the time column of the windows that read its relation.
pub fn moment_of(plan: &Plan, row: &NewRow) -> Result<Option<i64>> {
    for group in &plan.windows {
        let relation = Relation::named(&group.source.relation)?;
        if relation.is_some_and(|relation| row.goes_to(relation.oid)) {
            return row.time(&group.source.time_column);
        }
    }
    Ok(None)
}

fn put(values: &mut [Value], place: usize, value: Value) {
    if let Some(slot) = values.get_mut(place) {
        *slot = value;
    }
}

/// Up to when the answer may know. A moment that is not past knows all there is: what this transaction recorded has a
/// clock time that lies behind its own beginning.
fn known(request: &Request<'_>) -> Option<i64> {
    // SAFETY: reads a variable of the backend.
    let now = unsafe { pg_sys::GetCurrentTransactionStartTimestamp() };
    (request.as_known && request.new_row.is_none() && request.as_of < now).then_some(request.as_of)
}

fn served(definition: &Definition, sample: stored::Sample, moment: i64) -> Value {
    let sampled_at = sample.sampled_at;
    let content = sample.content(definition.value_type.is_number());
    let status = Status::of(content == Content::Null, true, Some(sampled_at), moment, definition.max_age);
    let content = if status == Status::OutsideMaxAge { Content::Null } else { content };
    Value { content, status, sampled_at: Some(sampled_at) }
}
