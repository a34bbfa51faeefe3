//! Which version a call means, and what never changes about it.
//!
//! Two kinds of fact, kept apart. Which version is live, whether the model is switched on and which
//! policy holds are read with the statement's own snapshot, and an answer is used again only under an
//! equal [`View`]. A version's digest, signature and compiled bytes, and a policy's bands, never change
//! once written, so a session keeps them by id for as long as it likes.

use crate::cache::{self, Digest, Loaded};
use crate::catalog::{self, Home};
use crate::counters;
use crate::error::{Failure, Result, literal};
use crate::jsonb;
use crate::probe::{Found, Key, Order, Probe};
use crate::snapshot::View;
use crate::statement::{Arguments, Mode, Row, Statement};
use pgrx::JsonB;
use pgrx::datum::Uuid;
use pgrx::{PgSqlErrorCode, pg_sys};
use serde_json::Value;
use sira_core::policy::Bands;
use sira_core::registry::model_ref::{ModelRef, Which};
use sira_core::signature::Signature;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// How many resolutions, versions and policies a session keeps before it starts afresh: more than any
/// statement uses, small beside one model.
const KEPT: usize = 256;

/// The tenant of models that all may use.
const SHARED: &str = "*";

/// What a model reference means under one view.
pub struct Resolved {
    /// The tenant that asks; its audit rows are written under this one.
    pub caller: String,
    /// The tenant that owns the model: the caller's, or `*`.
    pub tenant: String,
    pub model_id: Uuid,
    pub model: String,
    pub enabled: bool,
    pub version_id: Option<Uuid>,
    which: Which,
    /// Looked up by the first who asks: plain scores have no use for it.
    policy: OnceCell<Option<Rc<Policy>>>,
}

/// What never changes about a version.
pub struct Version {
    pub id: Uuid,
    pub number: i32,
    pub signature: Signature,
    /// The signature's features as a jsonb has them.
    pub keys: jsonb::Keys,
    pub digest: Digest,
    tenant: String,
}

impl Version {
    /// The compiled model, mapped where this session has not mapped it yet (or has let it go).
    pub fn load(&self, home: Home) -> Result<Rc<Loaded>> {
        cache::load(home, self.digest, || read_artifact(home, &self.tenant, &self.digest))
    }
}

/// A decision policy.
pub struct Policy {
    pub id: Uuid,
    pub bands: Option<Bands>,
    pub threshold: Option<f64>,
    pub fallback: Option<String>,
}

/// The statement that resolves a reference: an index probe each for the model and the version, own models before
/// shared ones.
macro_rules! find {
    ($version:literal, $versions:literal, $order:literal) => {
        concat!(
            "SELECT m.tenant_id, m.id, m.name, m.enabled, ",
            $version,
            " FROM {s}.sira_models m LEFT JOIN ",
            $versions,
            " WHERE m.name {=} $2 AND (m.tenant_id {=} $1 OR m.tenant_id {=} '*') ORDER BY m.tenant_id {=} '*'",
            $order,
            " LIMIT 1"
        )
    };
}

const PRODUCTION: &str = find!(
    "v.id",
    "{s}.sira_model_versions v ON v.tenant_id {=} m.tenant_id AND v.model_id {=} m.id AND v.status {=} 'production'",
    ""
);
const NUMBERED: &str = find!(
    "v.id",
    "{s}.sira_model_versions v ON v.tenant_id {=} m.tenant_id AND v.model_id {=} m.id AND v.version {=} $3",
    ""
);
const LATEST: &str = find!(
    "v.id",
    "{s}.sira_model_versions v ON v.tenant_id {=} m.tenant_id AND v.model_id {=} m.id \
     AND v.status {<>} 'rejected' AND v.status {<>} 'archived'",
    ", v.version DESC NULLS LAST"
);
const ALIASED: &str = find!(
    "a.version_id",
    "{s}.sira_model_aliases a ON a.tenant_id {=} m.tenant_id AND a.model_id {=} m.id AND a.alias {=} $3",
    ""
);

thread_local! {
    static FIND_PRODUCTION: Statement =
        const { Statement::new(PRODUCTION, &[pg_sys::TEXTOID, pg_sys::TEXTOID]) };
    static FIND_NUMBERED: Statement =
        const { Statement::new(NUMBERED, &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INT4OID]) };
    static FIND_LATEST: Statement =
        const { Statement::new(LATEST, &[pg_sys::TEXTOID, pg_sys::TEXTOID]) };
    static FIND_ALIASED: Statement =
        const { Statement::new(ALIASED, &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID]) };
    static READ_VERSION: Statement = const {
        Statement::new(
            "SELECT version, artifact_digest, signature FROM {s}.sira_model_versions \
             WHERE tenant_id {=} $1 AND id {=} $2",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
    static FIND_POLICY: Statement = const {
        Statement::new(
            "SELECT id FROM {s}.sira_decision_policies WHERE tenant_id {=} $1 AND model_id {=} $2 \
             ORDER BY version DESC LIMIT 1",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
    static MODEL: Probe = const {
        Probe::new(c"sira_models", c"sira_models_tenant_id_name_key", &[c"tenant_id", c"name"], &[c"id", c"enabled"])
    };
    static LIVE: Probe = const {
        Probe::new(
            c"sira_model_versions",
            c"sira_model_versions_production_idx",
            &[c"tenant_id", c"model_id"],
            &[c"id", c"version", c"artifact_digest", c"signature"],
        )
    };
    static BY_ID: Probe = const {
        Probe::new(c"sira_model_versions", c"sira_model_versions_pkey", &[c"id"], &[c"id"])
    };
    static IS_THERE: Statement = const {
        Statement::new("SELECT id FROM {s}.sira_model_versions WHERE id {=} $1", &[pg_sys::UUIDOID])
    };
    static NEWEST_POLICY: Probe = const {
        Probe::new(
            c"sira_decision_policies",
            c"sira_decision_policies_tenant_id_model_id_version_key",
            &[c"tenant_id", c"model_id"],
            &[c"id"],
        )
    };
    static READ_ARTIFACT: Statement = const {
        Statement::new(
            "SELECT content FROM {s}.sira_model_artifacts WHERE tenant_id {=} $1 AND digest {=} $2",
            &[pg_sys::TEXTOID, pg_sys::BYTEAOID],
        )
    };
    static READ_POLICY: Statement = const {
        Statement::new(
            "SELECT bands::pg_catalog.text, threshold, fallback FROM {s}.sira_decision_policies \
             WHERE tenant_id {=} $1 AND id {=} $2",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
    static RESOLVED: RefCell<HashMap<String, (Home, View, Rc<Resolved>)>> = RefCell::default();
    static VERSIONS: RefCell<HashMap<(Home, Uuid), Rc<Version>>> = RefCell::default();
    static POLICIES: RefCell<HashMap<(Home, Uuid), Rc<Policy>>> = RefCell::default();
}

/// What `model` means to the statement that is running.
///
/// # Errors
/// 42602 for a malformed reference, 42704 for an unknown model, 42501 for a role without a tenant.
pub fn resolve(home: Home, model: &str) -> Result<Rc<Resolved>> {
    let view = View::current();
    let known = RESOLVED.with_borrow(|kept| match kept.get(model) {
        Some((h, v, resolved)) if *h == home && *v == view => Some(Rc::clone(resolved)),
        _ => None,
    });
    if let Some(resolved) = known {
        return Ok(resolved);
    }
    let found = look_up(home, model).inspect_err(|_| counters::record::unresolved());
    let resolved = Rc::new(found?);
    RESOLVED.with_borrow_mut(|kept| {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(model.to_owned(), (home, view, Rc::clone(&resolved)));
    });
    Ok(resolved)
}

fn look_up(home: Home, model: &str) -> Result<Resolved> {
    let reference = ModelRef::parse(model)?;
    let caller = catalog::require_tenant(home)?;
    let named = Arguments::new().bind(caller.as_str()).bind(reference.name.as_str());
    let which = reference.which.clone();
    let read = |row: &Row| {
        Ok(Resolved {
            caller: caller.clone(),
            tenant: row.need(1)?,
            model_id: row.need(2)?,
            model: row.need(3)?,
            enabled: row.need(4)?,
            version_id: row.get(5),
            which: which.clone(),
            policy: OnceCell::new(),
        })
    };
    if reference.which == Which::Production {
        match live(home, &caller, &reference.name)? {
            Found::Row(resolved) => return Ok(resolved),
            Found::Nothing => return Err(unknown(&reference.name)),
            Found::Unready => {}
        }
    }
    let found = home.as_owner(|| match &reference.which {
        Which::Production => FIND_PRODUCTION.with(|find| find.first(home, Mode::Read, named, read)),
        Which::Latest => FIND_LATEST.with(|find| find.first(home, Mode::Read, named, read)),
        Which::Number(number) => {
            FIND_NUMBERED.with(|find| find.first(home, Mode::Read, named.bind(*number), read))
        }
        Which::Alias(alias) => {
            FIND_ALIASED.with(|find| find.first(home, Mode::Read, named.bind(alias.as_str()), read))
        }
    })?;
    found.ok_or_else(|| unknown(&reference.name))
}

fn unknown(name: &str) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, format!("model \"{name}\" does not exist"))
        .hint("SELECT name FROM sira_models;")
}

/// What `FIND_PRODUCTION` finds, by the indexes themselves: this is what nearly every call asks.
fn live(home: Home, caller: &str, name: &str) -> Result<Found<Resolved>> {
    let of_tenant = |tenant: &str| {
        MODEL.with(|model| {
            model.first(home, &[Key::Text(tenant), Key::Text(name)], Order::Forward, |hit| {
                Ok(Resolved {
                    caller: caller.to_owned(),
                    tenant: tenant.to_owned(),
                    model_id: hit.need(0)?,
                    model: name.to_owned(),
                    enabled: hit.need(1)?,
                    version_id: None,
                    which: Which::Production,
                    policy: OnceCell::new(),
                })
            })
        })
    };
    let mut found = of_tenant(caller)?;
    if matches!(found, Found::Nothing) {
        found = of_tenant(SHARED)?;
    }
    let Found::Row(mut resolved) = found else { return Ok(found) };
    let keys = [Key::Text(&resolved.tenant), Key::Uuid(resolved.model_id)];
    let version = LIVE.with(|live| {
        live.first(home, &keys, Order::Forward, |hit| {
            let id = hit.need(0)?;
            if VERSIONS.with_borrow(|kept| !kept.contains_key(&(home, id))) {
                let signature = hit.get::<JsonB>(3).map(|JsonB(json)| json);
                // What is wrong with it is said when it is asked for.
                let _ = keep_version(home, &resolved.tenant, name, id, (hit.need(1)?, hit.get(2), signature));
            }
            Ok(id)
        })
    })?;
    match version {
        Found::Row(id) => resolved.version_id = Some(id),
        Found::Nothing => {}
        Found::Unready => return Ok(Found::Unready),
    }
    Ok(Found::Row(resolved))
}

impl Resolved {
    /// The version, or the error that says what to type so that there is one.
    pub fn version(&self, home: Home) -> Result<Rc<Version>> {
        match self.version_id {
            Some(id) => load_version(home, &self.tenant, &self.model, id),
            None => Err(self.missing()),
        }
    }

    /// The newest policy, as the statement sees it that this was resolved in.
    pub fn policy(&self, home: Home) -> Result<Option<Rc<Policy>>> {
        if let Some(known) = self.policy.get() {
            return Ok(known.clone());
        }
        let id = self.newest_policy(home)?;
        let policy = id.map(|id| load_policy(home, &self.tenant, id)).transpose()?;
        Ok(self.policy.get_or_init(|| policy).clone())
    }

    fn newest_policy(&self, home: Home) -> Result<Option<Uuid>> {
        let keys = [Key::Text(&self.tenant), Key::Uuid(self.model_id)];
        match NEWEST_POLICY.with(|newest| newest.first(home, &keys, Order::Backward, |hit| hit.need(0)))? {
            Found::Row(id) => Ok(Some(id)),
            Found::Nothing => Ok(None),
            Found::Unready => {
                let of_model = Arguments::new().bind(self.tenant.as_str()).bind(self.model_id);
                home.as_owner(|| {
                    FIND_POLICY.with(|find| find.first(home, Mode::Read, of_model, |row| row.need(1)))
                })
            }
        }
    }

    fn missing(&self) -> Failure {
        let name = &self.model;
        match &self.which {
            Which::Production => Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("model \"{name}\" has no version in production"),
            )
            .hint(format!(
                "SELECT * FROM sira_promote({}); or score with {}.",
                literal(name),
                literal(&format!("{name}@latest"))
            )),
            Which::Latest => Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
                format!("model \"{name}\" has no version"),
            )
            .hint("Train one with sira_train, or import one with sira_import_version."),
            Which::Number(number) => Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
                format!("model \"{name}\" has no version {number}"),
            )
            .hint("SELECT version, status FROM sira_model_versions ORDER BY version;"),
            Which::Alias(alias) => Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
                format!("model \"{name}\" has no alias \"{alias}\""),
            )
            .hint("SELECT alias FROM sira_model_aliases;"),
        }
    }
}

/// A version by its id.
pub fn load_version(home: Home, tenant: &str, model: &str, id: Uuid) -> Result<Rc<Version>> {
    if let Some(version) = VERSIONS.with_borrow(|kept| kept.get(&(home, id)).map(Rc::clone)) {
        return Ok(version);
    }
    let by_id = Arguments::new().bind(tenant).bind(id);
    let found = home.as_owner(|| {
        READ_VERSION.with(|read| {
            read.first(home, Mode::Read, by_id, |row| {
                Ok((row.need::<i32>(1)?, row.get::<Vec<u8>>(2), row.get::<JsonB>(3).map(|JsonB(json)| json)))
            })
        })
    })?;
    let stored = found.ok_or_else(|| gone(model))?;
    keep_version(home, tenant, model, id, stored)
}

/// Whether a version is there at this moment: the statement may have found it before another session deleted it.
pub fn is_there_now(home: Home, id: Uuid) -> Result<bool> {
    match BY_ID.with(|by_id| by_id.is_there_now(home, &[Key::Uuid(id)]))? {
        Found::Row(()) => Ok(true),
        Found::Nothing => Ok(false),
        Found::Unready => {
            let by_id = Arguments::new().bind(id);
            let count =
                home.as_owner(|| IS_THERE.with(|there| there.each(home, Mode::Write, by_id, |_| Ok(()))))?;
            Ok(count > 0)
        }
    }
}

/// The error for a version that was deleted.
pub fn gone(model: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("a version of model \"{model}\" does not exist any more"),
    )
    .hint("Restore it from a backup, under the id it had.")
}

/// Makes a version of what is stored of it, and keeps it.
fn keep_version(
    home: Home,
    tenant: &str,
    model: &str,
    id: Uuid,
    (number, digest, signature): (i32, Option<Vec<u8>>, Option<Value>),
) -> Result<Rc<Version>> {
    let (Some(digest), Some(signature)) = (digest, signature) else {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("version {number} of model \"{model}\" has no artifact in this database"),
        )
        .hint("Import the model with sira_import_version, which makes a version that can score."));
    };
    let digest: Digest =
        digest.try_into().map_err(|_| Failure::internal("an artifact's digest is not a SHA-256"))?;
    let signature: Signature = serde_json::from_value(signature)
        .map_err(|error| Failure::internal(format!("the signature of a version cannot be read: {error}")))?;
    let keys = jsonb::Keys::of(&signature);
    let version = Rc::new(Version { id, number, signature, keys, digest, tenant: tenant.to_owned() });
    VERSIONS.with_borrow_mut(|kept| {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert((home, id), Rc::clone(&version));
    });
    Ok(version)
}

/// The native bytes of an artifact, checked against their digest.
pub fn read_artifact(home: Home, tenant: &str, digest: &Digest) -> Result<Vec<u8>> {
    use sha2::{Digest as _, Sha256};
    let by_digest = Arguments::new().bind(tenant).bind(digest.as_slice());
    let content = home
        .as_owner(|| {
            READ_ARTIFACT.with(|read| read.first(home, Mode::Read, by_digest, |row| row.need::<Vec<u8>>(1)))
        })?
        .ok_or_else(|| {
            Failure::new(
                PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
                format!("artifact {} is missing", cache::hex(digest)),
            )
            .hint("Restore sira_model_artifacts from a backup.")
        })?;
    if Sha256::digest(&content).as_slice() != digest {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
            format!("artifact {} does not have the content of its digest", cache::hex(digest)),
        )
        .hint("Restore sira_model_artifacts from a backup."));
    }
    Ok(content)
}

/// A policy by its id.
pub fn load_policy(home: Home, tenant: &str, id: Uuid) -> Result<Rc<Policy>> {
    if let Some(policy) = POLICIES.with_borrow(|kept| kept.get(&(home, id)).map(Rc::clone)) {
        return Ok(policy);
    }
    let by_id = Arguments::new().bind(tenant).bind(id);
    let (bands, threshold, fallback) = home
        .as_owner(|| {
            READ_POLICY.with(|read| {
                read.first(home, Mode::Read, by_id, |row| {
                    Ok((row.get::<String>(1), row.get::<f64>(2), row.get::<String>(3)))
                })
            })
        })?
        .ok_or_else(|| Failure::internal("a policy that was found cannot be read"))?;
    let bands = match bands {
        Some(text) => {
            let json = serde_json::from_str(&text)
                .map_err(|error| Failure::internal(format!("a policy's bands cannot be read: {error}")))?;
            Some(Bands::from_json(&json)?)
        }
        None => None,
    };
    let policy = Rc::new(Policy { id, bands, threshold, fallback });
    POLICIES.with_borrow_mut(|kept| {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert((home, id), Rc::clone(&policy));
    });
    Ok(policy)
}
