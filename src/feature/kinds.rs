//! What each kind of feature is checked for before it is stored.
//!
//! Each check gives the columns of `sira_feature_definitions` that its kind fills. Nothing is stored that could not be
//! computed at the time: what fails later is a relation that has changed, and the error says so.

use crate::catalog::Home;
use crate::error::{Failure, Result, literal};
use crate::feature::check::{self, Clause};
use crate::feature::definition::{self, Kind, ValueType, micros};
use crate::feature::derived;
use crate::feature::listing;
use crate::feature::offline;
use crate::feature::pinned::{self, Pinned};
use crate::feature::quality::rules;
use crate::feature::query;
use crate::feature::source::{self, Relation};
use crate::relation;
use pgrx::datum::Interval;
use pgrx::{IntoDatum, PgLogLevel, PgSqlErrorCode, pg_sys};
use serde_json::{Map, Value as Json, json};
use sira_core::feature::window::{Aggregate, Window};
use sira_core::template;

/// The columns that a kind fills.
pub type Columns = Map<String, Json>;

/// What all kinds have in common, as the caller gave it.
pub struct Common {
    pub name: String,
    pub entity_type: String,
    pub value_type: Option<String>,
    pub unit: Option<String>,
    pub category: Option<String>,
    pub description: Option<String>,
    pub owner: Option<String>,
    pub max_age: Option<Interval>,
    pub rules: Option<Json>,
    pub retention: Option<Interval>,
}

/// A window feature, as the caller gave it.
pub struct WindowAsk {
    pub relation: Relation,
    pub entity_column: String,
    pub time_column: String,
    pub recorded_column: Option<String>,
    pub aggregate: String,
    pub size: Option<Interval>,
    pub delay: Interval,
    pub include_current: bool,
    pub value: Option<String>,
    pub denominator: Option<String>,
    pub filter: Option<String>,
}

impl Common {
    /// The common columns; `found` is the type that the values have, where that is known.
    pub fn columns(&self, kind: &str, found: Option<&str>) -> Result<Columns> {
        let value_type = self.value_type(found)?;
        if let Some(max_age) = &self.max_age
            && micros(max_age).is_none_or(|length| length <= 0)
        {
            return Err(bad_length("max_age", max_age));
        }
        let rules =
            self.rules.as_ref().map(|rules| rules::checked(&self.name, value_type, rules)).transpose()?;
        let (rules, needs_path) = rules.unwrap_or((Json::Null, false));
        let shown = |interval: &Option<Interval>| interval.as_ref().map(interval_text);
        let columns = json!({
            "name": self.name,
            "entity_type": self.entity_type,
            "kind": kind,
            "delay": "0",
            "include_current": true,
            "value_type": value_type.name(),
            "unit": self.unit,
            "category": self.category,
            "description": self.description,
            "owner": self.owner.clone().unwrap_or_else(crate::catalog::current_user_name),
            "max_age": shown(&self.max_age),
            "rules": rules,
            "search_path": needs_path.then(pinned::search_path),
            "retention": shown(&self.retention),
        });
        match columns {
            Json::Object(columns) => Ok(columns),
            _ => Ok(Columns::new()),
        }
    }

    fn value_type(&self, found: Option<&str>) -> Result<ValueType> {
        let found = found.and_then(ValueType::named);
        let Some(name) = &self.value_type else { return Ok(found.unwrap_or(ValueType::Numeric)) };
        let asked = ValueType::named(name).ok_or_else(|| {
            invalid(format!("value type \"{name}\" is not known"))
                .hint(format!("Choose one of {}.", ValueType::ALL.map(ValueType::name).join(", ")))
        })?;
        match found {
            Some(found) if found.is_number() != asked.is_number() => Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                format!("feature \"{}\" gives no values of type {name}", self.name),
            )
            .detail(format!("It gives values of type {}.", found.name()))
            .hint("Leave value_type out, or cast the value.")),
            _ => Ok(asked),
        }
    }

    /// Names as models have them; entity types lower case.
    pub fn check_names(&self) -> Result<()> {
        check_name("feature", &self.name)?;
        check_column_name(&self.name)?;
        check_entity_type(&self.entity_type)
    }
}

/// A name of a feature or a set: 1 to 200 characters, none of them `/` or `@`, which lead to versions and aliases.
pub fn check_name(what: &str, name: &str) -> Result<()> {
    if (1..=200).contains(&name.chars().count()) && !name.contains(['/', '@']) {
        return Ok(());
    }
    Err(Failure::new(PgSqlErrorCode::ERRCODE_INVALID_NAME, format!("malformed {what} name \"{name}\""))
        .hint("A name has 1 to 200 characters, none of them \"/\" or \"@\"."))
}

/// A feature is a column of training sets: 63 bytes are what PostgreSQL keeps of a name, and system columns have theirs.
fn check_column_name(name: &str) -> Result<()> {
    const SYSTEM: [&str; 6] = ["ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"];
    let refuse = |detail: String, hint: &str| {
        let message = format!("feature name \"{name}\" cannot name a column");
        Err(Failure::new(PgSqlErrorCode::ERRCODE_INVALID_NAME, message).detail(detail).hint(hint))
    };
    if name.len() > 63 {
        return refuse(
            format!("It has {} bytes, a column's name at most 63.", name.len()),
            "Choose a shorter name.",
        );
    }
    if SYSTEM.contains(&name) {
        return refuse("Every table has a system column of that name.".to_owned(), "Choose another name.");
    }
    Ok(())
}

pub fn check_entity_type(entity_type: &str) -> Result<()> {
    if !entity_type.is_empty() && entity_type.to_lowercase() == entity_type {
        return Ok(());
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_INVALID_NAME,
        format!("malformed entity type \"{entity_type}\""),
    )
    .hint("Entity types are lower case, such as customer, terminal or transaction."))
}

pub fn window(common: &Common, ask: &WindowAsk) -> Result<Columns> {
    let name = common.name.as_str();
    let aggregate: Aggregate = ask.aggregate.parse()?;
    let size = ask.size.as_ref().map(|size| length("window_size", size, 1)).transpose()?;
    let window = Window::new(aggregate, size, length("delay", &ask.delay, 0)?, ask.include_current)?;

    let relation = &ask.relation;
    relation.check_kind()?;
    let columns = relation.columns()?;
    let entity = source::column(relation, &columns, &ask.entity_column)?;
    source::check_identity(entity)?;
    source::time_kind(source::column(relation, &columns, &ask.time_column)?, &columns)?;
    if let Some(recorded) = &ask.recorded_column {
        source::time_kind(source::column(relation, &columns, recorded)?, &columns)?;
    }

    let path = pinned::search_path();
    let _pinned = Pinned::under(&path)?;
    let from = format!("{} AS {}", relation.name, relation.alias);
    let hint = format!("The columns are {}.", source::names(&columns).join(", "));
    let analyse = |part, text: &Option<String>| {
        let clause = Clause { feature: name, part };
        let analysed = text.as_ref().map(|text| check::expression(clause, text, &from, &hint));
        Ok::<_, Failure>(analysed.transpose()?.map(|analysed| (clause, analysed)))
    };
    let mut values_are = None;
    let mut used: Vec<i16> = Vec::new();
    if let Some((clause, value)) = analyse("value", &ask.value)? {
        used.extend(&value.columns);
        let value_type = check::value_type(clause, value.type_oid)?;
        if value_type == "text" && !aggregate.takes_text() {
            return Err(unfit(name, aggregate, value.type_oid));
        }
        values_are = Some(value_type);
    }
    if let Some((clause, denominator)) = analyse("denominator", &ask.denominator)? {
        used.extend(&denominator.columns);
        if check::value_type(clause, denominator.type_oid)? == "text" {
            return Err(unfit(name, aggregate, denominator.type_oid));
        }
    }
    if let Some((clause, filter)) = analyse("filter", &ask.filter)? {
        used.extend(&filter.columns);
        check::boolean(clause, &filter)?;
    }
    check_parts(name, aggregate, ask)?;

    let gives = if aggregate.gives_a_value() { values_are.unwrap_or("numeric") } else { "numeric" };
    let mut row = common.columns("window", Some(gives))?;
    row.extend([
        ("source_relation".to_owned(), json!(relation.name)),
        ("entity_column".to_owned(), json!(ask.entity_column)),
        ("time_column".to_owned(), json!(ask.time_column)),
        ("recorded_column".to_owned(), json!(ask.recorded_column)),
        ("aggregate".to_owned(), json!(window.aggregate().name())),
        ("value_expression".to_owned(), json!(ask.value)),
        ("denominator".to_owned(), json!(ask.denominator)),
        ("filter".to_owned(), json!(ask.filter)),
        ("window_size".to_owned(), json!(ask.size.as_ref().map(interval_text))),
        ("delay".to_owned(), json!(interval_text(&ask.delay))),
        ("include_current".to_owned(), json!(ask.include_current)),
        ("source_columns".to_owned(), json!(used_names(&columns, &used))),
        ("search_path".to_owned(), json!(path)),
    ]);
    Ok(row)
}

/// The names of the columns used; none where the whole row is.
fn used_names<'c>(columns: &'c [source::Column], used: &[i16]) -> Option<Vec<&'c str>> {
    let named = columns.iter().filter(|column| used.contains(&column.number));
    (!used.contains(&0)).then(|| named.map(|column| column.name.as_str()).collect())
}

fn check_parts(name: &str, aggregate: Aggregate, ask: &WindowAsk) -> Result<()> {
    if aggregate.needs_value() && ask.value.is_none() {
        return Err(invalid(format!("aggregate \"{aggregate}\" of feature \"{name}\" needs a value"))
            .hint("Give one: value => 'amount'."));
    }
    let is_ratio = aggregate == Aggregate::Ratio;
    if is_ratio != ask.denominator.is_some() {
        let (verb, hint) = match is_ratio {
            true => ("needs a", "Give one: denominator => 'amount'."),
            false => ("takes no", "Leave it out, or use the aggregate ratio."),
        };
        return Err(
            invalid(format!("aggregate \"{aggregate}\" of feature \"{name}\" {verb} denominator")).hint(hint)
        );
    }
    Ok(())
}

fn unfit(name: &str, aggregate: Aggregate, type_oid: pg_sys::Oid) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("aggregate \"{aggregate}\" of feature \"{name}\" does not fit its values"),
    )
    .detail(format!("They are of type {}.", relation::type_name(type_oid)))
    .hint("Texts can be counted (count, count_distinct), compared (min, max) and picked (first, last).")
}

pub fn sql(common: &Common, text: &str) -> Result<Columns> {
    let path = pinned::search_path();
    let _pinned = Pinned::under(&path)?;
    let bound = query::bind(text)?;
    let type_oid = check::query(&common.name, &bound.sql, &query::TYPES)?;
    check::over_many(&common.name, &offline::query::over_many(text)?, &offline::query::TYPES)?;
    let clause = Clause { feature: &common.name, part: "query" };
    let found = match common.value_type.as_deref() {
        Some("json") => "json",
        _ => check::value_type(clause, type_oid)?,
    };
    if !bound.used.contains("as_of") {
        pgrx::ereport!(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            format!("the query of feature \"{}\" does not use $as_of", common.name),
            "Its value at a past moment is what it is today: right only for what never changes."
        );
    }
    let mut row = common.columns("sql", Some(found))?;
    row.extend([("query".to_owned(), json!(text)), ("search_path".to_owned(), json!(path))]);
    Ok(row)
}

pub fn derived(home: Home, tenant: &str, common: &Common, expression: &str) -> Result<Columns> {
    let path = pinned::search_path();
    let _pinned = Pinned::under(&path)?;
    let name = common.name.as_str();
    let named = template::names(expression);
    let all = definition::all_names(home, tenant)?;
    let mut inputs = Vec::new();
    for known in all.iter().filter(|known| named.contains(*known) && known.as_str() != name) {
        inputs.extend(definition::find(home, tenant, known)?);
    }
    let mut columns: Vec<(&str, ValueType)> =
        inputs.iter().map(|input| (input.name.as_str(), input.value_type)).collect();
    // The feature itself is offered too, so that using it is a cycle and not an unknown name.
    columns.push((name, ValueType::Numeric));
    let hint = match all.as_slice() {
        [] => "It reads features by their names, and none is defined yet.".to_owned(),
        some => format!("It reads features by their names; defined are {}.", listing(some)),
    };
    let (found, used) = derived::analyse(name, expression, &columns, &hint)?;
    refuse_cycle(home, tenant, name, &used)?;
    let mut row = common.columns("derived", Some(found))?;
    row.extend([
        ("expression".to_owned(), json!(expression)),
        ("inputs".to_owned(), json!(used)),
        ("search_path".to_owned(), json!(path)),
    ]);
    Ok(row)
}

/// Walks from the inputs through the newest definitions: the feature must not be met again.
fn refuse_cycle(home: Home, tenant: &str, name: &str, inputs: &[String]) -> Result<()> {
    let mut seen: Vec<String> = Vec::new();
    let mut waiting: Vec<String> = inputs.to_vec();
    while let Some(input) = waiting.pop() {
        if input == name {
            let mut members: Vec<&str> = vec![name];
            members.extend(seen.iter().map(String::as_str));
            return Err(derived::cycle(&members));
        }
        if seen.contains(&input) {
            continue;
        }
        if let Some(definition) = definition::find(home, tenant, &input)?
            && let Kind::Derived { inputs, .. } = definition.kind
        {
            seen.push(input);
            waiting.extend(inputs);
        }
    }
    Ok(())
}

/// The length of a window or a delay.
fn length(what: &str, interval: &Interval, least: i64) -> Result<i64> {
    micros(interval).filter(|length| *length >= least).ok_or_else(|| bad_length(what, interval))
}

fn bad_length(what: &str, interval: &Interval) -> Failure {
    let months = interval.months() != 0;
    let why = match (months, micros(interval)) {
        (true, _) => "has months",
        (false, None) if interval.days() > 0 => "is too long",
        (false, _) if what == "delay" => "is negative",
        (false, _) => "is not positive",
    };
    invalid(format!("\"{what}\" {why}")).detail(format!("It is {}.", literal(&interval_text(interval)))).hint(
        if months {
            "Months differ in length: give days, such as interval '30 days'; a day has 24 hours."
        } else {
            "Give a length, such as interval '7 days'; window_size NULL reads everything."
        },
    )
}

/// An interval as everybody reads it, whatever the session's IntervalStyle.
fn interval_text(interval: &Interval) -> String {
    let Ok(_pinned) = Pinned::under(&pinned::search_path()) else { return String::new() };
    match (*interval).into_datum() {
        // SAFETY: a non-null interval.
        Some(datum) => unsafe { relation::output_text(pg_sys::INTERVALOID, datum) },
        None => String::new(),
    }
}

fn invalid(message: String) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}
