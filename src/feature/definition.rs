//! A definition as it is stored, checked and never to change.

use crate::api::hand;
use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::source::DAY;
use crate::statement::{Arguments, Mode, Row, Statement};
use pgrx::datum::{Interval, Uuid};
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::feature::window::{Aggregate, Window};

/// One version of a feature's definition.
#[derive(Clone, Debug)]
pub struct Definition {
    pub id: Uuid,
    pub name: String,
    pub version: i32,
    pub entity_type: String,
    pub kind: Kind,
    pub value_type: ValueType,
    /// How old a stored value, or a snapshot, may be to be served, in microseconds.
    pub max_age: Option<i64>,
    /// The schemas under which the names in its texts are understood.
    pub search_path: String,
    pub active: bool,
    /// The role that defined it.
    pub author: String,
}

/// Where the values come from.
#[derive(Clone, Debug)]
pub enum Kind {
    Window(WindowFeature),
    /// A query over `$entity_id` and `$as_of`, as the user wrote it.
    Sql(String),
    /// Rows of `sira_features` under the feature's name.
    Stored,
    /// An expression over other features, and their names.
    Derived {
        expression: String,
        inputs: Vec<String>,
    },
    /// A column of the row being scored.
    Request,
}

/// An aggregate over the rows of a relation.
#[derive(Clone, Debug)]
pub struct WindowFeature {
    pub source: Source,
    pub value: Option<String>,
    pub denominator: Option<String>,
    pub filter: Option<String>,
    pub window: Window,
}

/// What windows that can be read together have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Qualified and quoted.
    pub relation: String,
    pub entity_column: String,
    pub time_column: String,
    pub recorded_column: Option<String>,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Numeric,
    Boolean,
    Text,
    Json,
}

impl ValueType {
    pub const ALL: [Self; 4] = [Self::Numeric, Self::Boolean, Self::Text, Self::Json];

    pub fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Boolean => "boolean",
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Whether values are numbers: booleans are 0 and 1.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Numeric | Self::Boolean)
    }
}

thread_local! {
    static FIND: Statement = const {
        Statement::new(
            "SELECT id FROM {s}.sira_feature_definitions WHERE tenant_id {=} $1 AND name {=} $2 \
             AND ($3 IS NULL OR version {=} $3) ORDER BY version DESC LIMIT 1",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INT4OID],
        )
    };
    static READ: Statement = const {
        Statement::new(
            "SELECT id, name, version, entity_type, kind, source_relation, entity_column, time_column, \
             recorded_column, aggregate, value_expression, denominator, filter, window_size, delay, \
             include_current, query, expression, inputs, search_path, value_type, max_age, status, created_by \
             FROM {s}.sira_feature_definitions WHERE tenant_id {=} $1 AND id {=} $2",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
    static NAMES: Statement = const {
        Statement::new(
            "SELECT DISTINCT name FROM {s}.sira_feature_definitions WHERE tenant_id {=} $1 ORDER BY name",
            &[pg_sys::TEXTOID],
        )
    };
    static STORE: Statement = const {
        Statement::new(
            "SELECT {s}.sira_store_definition($1, $2::pg_catalog.jsonb)",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID],
        )
    };
    static DEPRECATE: Statement = const {
        Statement::new(
            "UPDATE {s}.sira_feature_definitions SET status = 'deprecated', status_reason = $3, \
             deprecated_at = pg_catalog.now(), deprecated_by = session_user \
             WHERE tenant_id {=} $1 AND id {=} $2 AND status {<>} 'deprecated'",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::TEXTOID],
        )
    };
}

/// The definition that `name` (its newest version) or `name/2` (that one) means, none where there is none.
///
/// Whoever defines reads what the same statement has defined before, hence the mode.
pub fn find(home: Home, tenant: &str, reference: &str) -> Result<Option<Definition>> {
    let (name, version) = split_version(reference)?;
    let arguments = Arguments::new().bind(tenant).bind(name).bind(version);
    let id = home
        .as_owner(|| FIND.with(|find| find.first(home, Mode::Write, arguments, |row| row.need::<Uuid>(1))))?;
    id.map(|id| read(home, tenant, id, Mode::Write)).transpose()
}

/// The definition of that id.
pub fn read(home: Home, tenant: &str, id: Uuid, mode: Mode) -> Result<Definition> {
    let arguments = Arguments::new().bind(tenant).bind(id);
    let found = home.as_owner(|| READ.with(|read| read.first(home, mode, arguments, Definition::of_row)))?;
    found.ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
            format!("the feature definition {id} of a set is gone"),
        )
        .hint("Define the set again.")
    })
}

/// The names of all definitions of a tenant.
pub fn all_names(home: Home, tenant: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    home.as_owner(|| {
        NAMES.with(|all| {
            all.each(home, Mode::Write, Arguments::new().bind(tenant), |row| {
                names.push(row.need(1)?);
                Ok(())
            })
        })
    })?;
    Ok(names)
}

/// Stores what has been checked; gives the version, an old one where nothing has changed.
pub fn store(home: Home, tenant: &str, definition: &serde_json::Value) -> Result<i32> {
    hand::require_own("a feature is defined")?;
    let arguments = Arguments::new().bind(tenant).bind(definition.to_string());
    let version =
        home.as_owner(|| STORE.with(|store| store.first(home, Mode::Write, arguments, |row| row.need(1))))?;
    version.ok_or_else(|| Failure::internal("a definition was not stored"))
}

/// Marks a definition as not to be used any more.
pub fn deprecate(home: Home, tenant: &str, id: Uuid, reason: Option<&str>) -> Result<()> {
    let arguments = Arguments::new().bind(tenant).bind(id).bind(reason);
    home.as_owner(|| DEPRECATE.with(|mark| mark.each(home, Mode::Write, arguments, |_| Ok(()))))?;
    Ok(())
}

/// The error for a feature that nobody has defined.
pub fn unknown(home: Home, tenant: &str, reference: &str) -> Failure {
    let names = all_names(home, tenant).unwrap_or_default();
    Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, format!("feature \"{reference}\" does not exist"))
        .hint(match names.as_slice() {
            [] => "None is defined yet: see sira_define_window_feature.".to_owned(),
            some => format!("Defined are {}.", crate::feature::listing(some)),
        })
}

/// Takes `name/2` apart; a bare name has no version.
pub fn split_version(reference: &str) -> Result<(&str, Option<i32>)> {
    let Some((name, number)) = reference.split_once('/') else { return Ok((reference, None)) };
    match number.parse::<i32>() {
        Ok(number) if number > 0 && !name.is_empty() => Ok((name, Some(number))),
        _ => {
            Err(Failure::new(PgSqlErrorCode::ERRCODE_INVALID_NAME, format!("malformed name \"{reference}\""))
                .hint("Write name, or name/2 for a version."))
        }
    }
}

/// The length of an interval whose days have 24 hours; none where it has months, which differ in length.
pub fn micros(interval: &Interval) -> Option<i64> {
    (interval.months() == 0)
        .then(|| i64::from(interval.days()).checked_mul(DAY)?.checked_add(interval.micros()))
        .flatten()
}

impl Definition {
    fn of_row(row: &Row) -> Result<Self> {
        let kind: String = row.need(5)?;
        let broken = |what: &str| Failure::internal(format!("a feature definition has no usable {what}"));
        let length = |ordinal, what: &str| match row.get::<Interval>(ordinal) {
            None => Ok(None),
            Some(interval) => micros(&interval).map(Some).ok_or_else(|| broken(what)),
        };
        let kind = match kind.as_str() {
            "window" => {
                let aggregate: Aggregate = row.need::<String>(10)?.parse()?;
                let delay = length(15, "delay")?.unwrap_or(0);
                Kind::Window(WindowFeature {
                    source: Source {
                        relation: row.need(6)?,
                        entity_column: row.need(7)?,
                        time_column: row.need(8)?,
                        recorded_column: row.get(9),
                    },
                    value: row.get(11),
                    denominator: row.get(12),
                    filter: row.get(13),
                    window: Window::new(aggregate, length(14, "window")?, delay, row.need(16)?)?,
                })
            }
            "sql" => Kind::Sql(row.need(17)?),
            "stored" => Kind::Stored,
            "derived" => Kind::Derived { expression: row.need(18)?, inputs: row.need(19)? },
            _ => Kind::Request,
        };
        Ok(Self {
            id: row.need(1)?,
            name: row.need(2)?,
            version: row.need(3)?,
            entity_type: row.need(4)?,
            kind,
            value_type: ValueType::named(&row.need::<String>(21)?).ok_or_else(|| broken("value type"))?,
            max_age: length(22, "maximal age")?,
            search_path: row.get(20).unwrap_or_default(),
            active: row.need::<String>(23)? == "active",
            author: row.need(24)?,
        })
    }
}
