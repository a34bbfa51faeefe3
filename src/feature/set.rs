//! A feature set: an ordered list of pinned definitions over one or several entities of a row.

use crate::api::hand;
use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::definition::{self, Definition};
use crate::feature::listing;
use crate::statement::{Arguments, Mode, Row, Statement};
use pgrx::datum::Uuid;
use pgrx::{PgSqlErrorCode, pg_sys};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One version of a set. It never changes.
#[derive(Clone, Debug)]
pub struct Set {
    pub id: Uuid,
    pub tenant: String,
    pub name: String,
    pub version: i32,
    /// What a row of the set is about.
    pub entity_type: String,
    /// The definitions in the set's order; names are unique.
    pub features: Vec<Rc<Definition>>,
    /// Which column of a row carries the id of each other entity type.
    pub keys: BTreeMap<String, String>,
}

thread_local! {
    static FIND: Statement = const {
        Statement::new(
            "SELECT id FROM {s}.sira_feature_sets WHERE tenant_id {=} $1 AND name {=} $2 \
             AND ($3 IS NULL OR version {=} $3) ORDER BY version DESC LIMIT 1",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INT4OID],
        )
    };
    static READ: Statement = const {
        Statement::new(
            "SELECT id, tenant_id, name, version, entity_type, definition_ids, keys::pg_catalog.text \
             FROM {s}.sira_feature_sets WHERE tenant_id {=} $1 AND id {=} $2",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
    static NAMES: Statement = const {
        Statement::new(
            "SELECT DISTINCT name FROM {s}.sira_feature_sets WHERE tenant_id {=} $1 ORDER BY name",
            &[pg_sys::TEXTOID],
        )
    };
    static STORE: Statement = const {
        Statement::new(
            "SELECT {s}.sira_store_feature_set($1, $2::pg_catalog.jsonb)",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID],
        )
    };
}

/// The id of the set that `name` (its newest version) or `name/2` means to a tenant.
///
/// Which version is the newest is read with the statement's snapshot, every time; the rest never changes.
pub fn find(home: Home, tenant: &str, reference: &str) -> Result<Uuid> {
    let (name, version) = definition::split_version(reference)?;
    let arguments = Arguments::new().bind(tenant).bind(name).bind(version);
    let id = home
        .as_owner(|| FIND.with(|find| find.first(home, Mode::Read, arguments, |row| row.need::<Uuid>(1))))?;
    id.ok_or_else(|| unknown(home, tenant, reference))
}

/// The set of that id, with its definitions.
pub fn read(home: Home, tenant: &str, id: Uuid) -> Result<Set> {
    let arguments = Arguments::new().bind(tenant).bind(id);
    let found = home.as_owner(|| READ.with(|read| read.first(home, Mode::Read, arguments, Head::of_row)))?;
    found.ok_or_else(|| Failure::internal(format!("feature set {id} is gone")))?.with_definitions(home)
}

fn unknown(home: Home, tenant: &str, reference: &str) -> Failure {
    let mut names: Vec<String> = Vec::new();
    let read = home.as_owner(|| {
        NAMES.with(|all| {
            all.each(home, Mode::Read, Arguments::new().bind(tenant), |row| {
                names.push(row.need(1)?);
                Ok(())
            })
        })
    });
    Failure::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("feature set \"{reference}\" does not exist"),
    )
    .hint(match names.as_slice() {
        [] => "SELECT sira_define_feature_set('name', 'entity type', '{feature,…}');".to_owned(),
        _ if read.is_err() => "SELECT name, version FROM sira_feature_sets;".to_owned(),
        some => format!("Defined are {}.", listing(some)),
    })
}

/// Stores what has been checked; gives the version, an old one where nothing has changed.
pub fn store(home: Home, tenant: &str, set: &Json) -> Result<i32> {
    hand::require_own("a feature set is defined")?;
    let arguments = Arguments::new().bind(tenant).bind(set.to_string());
    let version =
        home.as_owner(|| STORE.with(|store| store.first(home, Mode::Write, arguments, |row| row.need(1))))?;
    version.ok_or_else(|| Failure::internal("a feature set was not stored"))
}

/// A row of `sira_feature_sets`.
struct Head {
    set: Set,
    definitions: Vec<Uuid>,
}

impl Head {
    fn of_row(row: &Row) -> Result<Self> {
        let name: String = row.need(3)?;
        let definitions: Option<Vec<Uuid>> = row.get(6);
        let definitions = definitions.ok_or_else(|| {
            Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("feature set \"{name}\" pins no definitions"),
            )
            .detail("Its row was written by hand.")
            .hint("SELECT sira_define_feature_set(…) checks and pins what it names.")
        })?;
        let keys = match row.get::<String>(7) {
            None => BTreeMap::new(),
            Some(text) => serde_json::from_str(&text).map_err(|_| {
                Failure::internal(format!("the keys of feature set \"{name}\" are malformed"))
            })?,
        };
        let set = Set {
            id: row.need(1)?,
            tenant: row.need(2)?,
            name,
            version: row.need(4)?,
            entity_type: row.need(5)?,
            features: Vec::new(),
            keys,
        };
        Ok(Self { set, definitions })
    }

    fn with_definitions(self, home: Home) -> Result<Set> {
        let mut set = self.set;
        for id in self.definitions {
            set.features.push(Rc::new(definition::read(home, &set.tenant, id, Mode::Read)?));
        }
        Ok(set)
    }
}
