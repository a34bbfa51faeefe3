//! Whose values can have changed: the entities of rows that entered a window, left one, or were recorded.
//!
//! Where a source does not say when its rows were recorded, a row that comes late, is changed or is taken away leaves no
//! trace to find it by: whoever runs incrementally is told so, and a full run computes [`all`].

use crate::catalog::Home;
use crate::cursor::Cursor;
use crate::error::{Failure, Result};
use crate::feature::offline::ids::{self, Form, Ids};
use crate::feature::pinned::Pinned;
use crate::feature::plan::{Plan, StoredGroup};
use crate::feature::prepared;
use crate::feature::set::Set;
use crate::feature::source::{self, Relation, TimeKind, quoted};
use crate::feature::window::Group;
use crate::statement::Mode;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{IntoDatum, PgLogLevel, PgSqlErrorCode, pg_sys};

/// Times from the first, exclusive, to the last, inclusive.
type Span = (i64, i64);

/// The entities of which a value at `until` can differ from that at `since`, each once, in their order; where there is
/// no `since`, all that have a row by `until`.
pub fn changed(home: Home, plan: &Plan, since: Option<i64>, until: i64) -> Result<Vec<String>> {
    plan.require_trust(home)?;
    let set = &plan.set;
    if plan.windows.is_empty() && plan.stored.is_empty() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("feature set \"{}\" does not say whom it is about", set.name),
        )
        .detail("None of its features is a window or stored: there is no source to read entities from.")
        .hint("Name them: SELECT sira_materialize_snapshots(…, entity_ids => '{…}');"));
    }
    if since.is_some() {
        warn_of_late_rows(plan);
    }
    let mut found = Vec::new();
    for group in &plan.windows {
        let _pinned = Pinned::under(&group.search_path)?;
        prepared::explained(
            |raised| {
                raised.cause_of(
                    format!("the entities of relation {} cannot be read", group.source.relation),
                    "If the relation has changed, define its features and sets again.".to_owned(),
                )
            },
            || of_window(group, since, until, &mut found),
        )?;
    }
    for group in &plan.stored {
        home.as_owner(|| of_stored(home, set, group, since, until, &mut found))?;
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// All that have a row by `until`, and those that have a snapshot though nothing is left of them: it must not be served
/// for ever.
pub fn all(home: Home, plan: &Plan, until: i64) -> Result<Vec<String>> {
    let mut found = changed(home, plan, None, until)?;
    home.as_owner(|| of_snapshots(home, &plan.set, until, &mut found))?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Named ids as the rows of the sources write them. An integer or a uuid can be written in several ways, and each would
/// have a snapshot of its own. What is no value of the type stays what it is: nothing is known of it.
pub fn as_written(plan: &Plan, named: Vec<String>) -> Result<Vec<String>> {
    let mut types: Vec<pg_sys::Oid> = Vec::new();
    for group in &plan.windows {
        let Some(relation) = Relation::named(&group.source.relation)? else { continue };
        let columns = relation.columns()?;
        // SAFETY: a syscache look-up.
        types.push(unsafe {
            pg_sys::getBaseType(source::column(&relation, &columns, &group.source.entity_column)?.type_oid)
        });
    }
    types.sort_unstable_by_key(|type_oid| u32::from(*type_oid));
    types.dedup();
    // Sources that write ids differently agree on none.
    let [type_oid @ (pg_sys::INT2OID | pg_sys::INT4OID | pg_sys::INT8OID | pg_sys::UUIDOID)] =
        *types.as_slice()
    else {
        return Ok(named);
    };
    let written = |id: String| -> Result<String> {
        // SAFETY: a non-null value of the type.
        Ok(source::entity(type_oid, &id)?.map_or(id, |datum| unsafe { ids::text(type_oid, datum) }))
    };
    named.into_iter().map(written).collect()
}

/// Once for each source whose late rows no incremental run can find.
fn warn_of_late_rows(plan: &Plan) {
    let mut sources: Vec<&str> = plan
        .windows
        .iter()
        .filter(|group| group.source.recorded_column.is_none())
        .map(|group| group.source.relation.as_str())
        .collect();
    sources.sort_unstable();
    sources.dedup();
    for source in sources {
        let warning = Failure::new(
            PgSqlErrorCode::ERRCODE_WARNING,
            format!("late rows of relation {source} do not reach the snapshots of feature set \"{}\"", plan.set.name),
        )
        .detail(
            "No recorded_column says when its rows came: one that is older than the last run, was changed or was \
             deleted since is seen when its entity changes again.",
        )
        .hint("Name a recorded_column where the features are defined, or run with full => true now and then.");
        ErrorReport::from(warning).report(PgLogLevel::WARNING);
    }
}

/// When rows lie that make a difference between two moments. Each of `windows` gives the first and the last time that
/// count at a moment, and is asked at both: what lies between the last ones has entered, what lies before the later
/// first one has left.
fn spans<B>(windows: impl Iterator<Item = B>, since: Option<i64>, until: i64) -> Vec<Span>
where
    B: Fn(i64) -> Option<(i64, i64)>,
{
    let Some(since) = since else { return vec![(i64::MIN, until)] };
    let mut spans: Vec<Span> = Vec::new();
    for bounds in windows {
        // Nothing counts yet where the last time lies before all time.
        let Some((first_now, last_now)) = bounds(until) else { continue };
        let (first_then, last_then) = bounds(since).unwrap_or((i64::MIN, i64::MIN));
        spans.push((last_then, last_now));
        if first_now > i64::MIN {
            spans.push((first_then.saturating_sub(1), first_now - 1));
        }
    }
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.0 <= last.1 => last.1 = last.1.max(span.1),
            _ => merged.push(span),
        }
    }
    merged
}

/// A condition and the values of its parameters.
struct Condition {
    texts: Vec<String>,
    types: Vec<pg_sys::Oid>,
    values: Vec<Option<pg_sys::Datum>>,
}

impl Condition {
    fn new() -> Self {
        Self { texts: Vec::new(), types: Vec::new(), values: Vec::new() }
    }

    fn bind(&mut self, type_oid: pg_sys::Oid, value: Option<pg_sys::Datum>) -> String {
        self.types.push(type_oid);
        self.values.push(value);
        format!("${}", self.types.len())
    }

    /// `column` lies in the span.
    fn within(
        &mut self,
        column: &str,
        kind: TimeKind,
        type_oid: pg_sys::Oid,
        (after, until): Span,
    ) -> String {
        let last = self.bind(type_oid, Some(kind.at_or_before(until)));
        let mut text = format!("{column} OPERATOR(pg_catalog.<=) {last}");
        if after > i64::MIN {
            let first = self.bind(type_oid, Some(kind.at_or_after(after.saturating_add(1))));
            text = format!("({text} AND {column} OPERATOR(pg_catalog.>=) {first})");
        }
        text
    }
}

fn of_window(group: &Group, since: Option<i64>, until: i64, found: &mut Vec<String>) -> Result<()> {
    let source = &group.source;
    let feature = group.members.first().map_or("", |member| member.feature.as_str());
    let relation =
        Relation::named(&source.relation)?.ok_or_else(|| source::gone(feature, &source.relation))?;
    let columns = relation.columns()?;
    let entity = source::column(&relation, &columns, &source.entity_column)?;
    let time = source::column(&relation, &columns, &source.time_column)?;
    let kind = source::time_kind(time, &columns)?;
    let qualified = |name: &str| format!("{}.{}", relation.alias, quoted(name));
    let windows = group.members.iter().map(|member| |moment| member.measure.window.bounds(moment));
    let mut condition = Condition::new();
    for span in spans(windows, since, until) {
        let text = condition.within(&qualified(&time.name), kind, time.type_oid, span);
        condition.texts.push(text);
    }
    let mut known = String::new();
    if let Some(name) = &source.recorded_column {
        let recorded = source::column(&relation, &columns, name)?;
        let kind = source::time_kind(recorded, &columns)?;
        let column = qualified(name);
        let span = (since.map_or(i64::MIN, |since| kind.known_by(since)), kind.known_by(until));
        if since.is_some() {
            let text = condition.within(&column, kind, recorded.type_oid, span);
            condition.texts.push(text);
        } else {
            let until = condition.within(&column, kind, recorded.type_oid, span);
            known = format!(" AND ({column} IS NULL OR {until})");
        }
    }
    let column = qualified(&entity.name);
    let sql = format!(
        "SELECT DISTINCT {column} FROM {} AS {} WHERE {column} IS NOT NULL AND ({}){known}",
        relation.name,
        relation.alias,
        condition.texts.join(" OR ")
    );
    read("the entities of a window's source", &sql, &condition, Form::of(entity.type_oid), found)
}

/// Reads as the owner, with the tenant named.
fn of_stored(
    home: Home,
    set: &Set,
    group: &StoredGroup,
    since: Option<i64>,
    until: i64,
    found: &mut Vec<String>,
) -> Result<()> {
    let mut condition = Condition::new();
    let tenant = condition.bind(pg_sys::TEXTOID, set.tenant.as_str().into_datum());
    let entity_type = condition.bind(pg_sys::TEXTOID, group.entity_type.as_str().into_datum());
    let keys = condition.bind(pg_sys::TEXTARRAYOID, group.keys.clone().into_datum());
    let now = condition.bind(
        pg_sys::TIMESTAMPTZOID,
        TimestampWithTimeZone::try_from(until).ok().and_then(IntoDatum::into_datum),
    );
    // A value enters when it is true, and leaves when it is too old to be served.
    let features = group.places.iter().filter_map(|place| set.features.get(*place));
    let ages = features.map(|feature| {
        move |moment: i64| Some((feature.max_age.map_or(i64::MIN, |age| moment.saturating_sub(age)), moment))
    });
    for span in spans(ages, since, until) {
        let text = condition.within("f.sample_ts", TimeKind::Micros, pg_sys::TIMESTAMPTZOID, span);
        condition.texts.push(text);
    }
    if let Some(since) = since {
        let span = (since, until);
        let text = condition.within("f.recorded_at", TimeKind::Micros, pg_sys::TIMESTAMPTZOID, span);
        condition.texts.push(text);
    }
    let sql = format!(
        "SELECT DISTINCT f.entity_id FROM {}.sira_features AS f \
         WHERE f.tenant_id OPERATOR(pg_catalog.=) {tenant} AND f.entity_type OPERATOR(pg_catalog.=) {entity_type} \
         AND f.feature_key OPERATOR(pg_catalog.=) ANY ({keys}) AND f.sample_ts OPERATOR(pg_catalog.<=) {now} \
         AND f.recorded_at OPERATOR(pg_catalog.<=) {now} AND ({})",
        home.quoted_schema()?,
        condition.texts.join(" OR ")
    );
    read("the entities of stored values", &sql, &condition, Form::of(pg_sys::TEXTOID), found)
}

/// Reads as the owner, with the tenant named. What was written by hand has no version, and is not for us to replace.
fn of_snapshots(home: Home, set: &Set, until: i64, found: &mut Vec<String>) -> Result<()> {
    let mut condition = Condition::new();
    let tenant = condition.bind(pg_sys::TEXTOID, set.tenant.as_str().into_datum());
    let entity_type = condition.bind(pg_sys::TEXTOID, set.entity_type.as_str().into_datum());
    let name = condition.bind(pg_sys::TEXTOID, set.name.as_str().into_datum());
    let version = condition.bind(pg_sys::INT4OID, set.version.into_datum());
    let earlier =
        condition.within("s.snapshot_ts", TimeKind::Micros, pg_sys::TIMESTAMPTZOID, (i64::MIN, until));
    let sql = format!(
        "SELECT DISTINCT s.entity_id FROM {}.sira_feature_snapshots AS s \
         WHERE s.tenant_id OPERATOR(pg_catalog.=) {tenant} AND s.entity_type OPERATOR(pg_catalog.=) {entity_type} \
         AND s.feature_set OPERATOR(pg_catalog.=) {name} AND s.feature_set_version OPERATOR(pg_catalog.=) {version} \
         AND {earlier}",
        home.quoted_schema()?
    );
    read("the entities of snapshots", &sql, &condition, Form::of(pg_sys::TEXTOID), found)
}

fn read(what: &str, sql: &str, condition: &Condition, form: Form, found: &mut Vec<String>) -> Result<()> {
    let cursor = Cursor::open(what, sql, &condition.types, &condition.values, Mode::Write)?;
    let mut ids = Ids::new(form);
    cursor.each(
        |row| {
            ids.push(form, row, 0);
            Ok(())
        },
        || Ok(()),
    )?;
    found.extend((0..ids.len()).filter_map(|row| ids.text(row)));
    Ok(())
}
