//! Which version a call means, and what never changes about it.
//!
//! Two kinds of fact, kept apart. Which version is live, whether the model is switched on and which
//! policy holds are read with the statement's own snapshot, and an answer is used again only under an
//! equal [`View`]. A version's digest, signature and compiled bytes, and a policy's bands, never change
//! once written, so a session keeps them by id for as long as it likes.

use crate::cache::{self, Digest, Loaded};
use crate::catalog::{self, Home};
use crate::error::{Failure, Result, literal};
use crate::jsonb;
use crate::snapshot::View;
use crate::statement::{Arguments, Mode, Row, Statement};
use pgrx::datum::Uuid;
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::policy::Bands;
use sira_core::registry::model_ref::{ModelRef, Which};
use sira_core::signature::Signature;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// How many resolutions, versions and policies a session keeps before it starts afresh: more than any
/// statement uses, small beside one model.
const KEPT: usize = 256;

/// What a model reference means under one view.
#[derive(Debug)]
pub struct Resolved {
    /// The tenant that asks; its audit rows are written under this one.
    pub caller: String,
    /// The tenant that owns the model: the caller's, or `*`.
    pub tenant: String,
    pub model_id: Uuid,
    pub model: String,
    pub enabled: bool,
    pub version_id: Option<Uuid>,
    pub policy_id: Option<Uuid>,
    which: Which,
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
    pub bands: Option<Bands>,
    pub threshold: Option<f64>,
    pub fallback: Option<String>,
}

/// The statement that resolves a reference: an index probe each for the model, the version and the policy,
/// own models before shared ones.
macro_rules! find {
    ($version:literal, $versions:literal, $order:literal) => {
        concat!(
            "SELECT m.tenant_id, m.id, m.name, m.enabled, ",
            $version,
            ", (SELECT d.id FROM {s}.sira_decision_policies d WHERE d.tenant_id {=} m.tenant_id AND d.model_id {=} m.id \
             ORDER BY d.version DESC LIMIT 1) FROM {s}.sira_models m LEFT JOIN ",
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
            "SELECT version, artifact_digest, signature::pg_catalog.text FROM {s}.sira_model_versions \
             WHERE tenant_id {=} $1 AND id {=} $2",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
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
    let resolved = Rc::new(look_up(home, model)?);
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
            policy_id: row.get(6),
            which: which.clone(),
        })
    };
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
    found.ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
            format!("model \"{}\" does not exist", reference.name),
        )
        .hint("SELECT name FROM sira_models;")
    })
}

impl Resolved {
    /// The version, or the error that says what to type so that there is one.
    pub fn version(&self, home: Home) -> Result<Rc<Version>> {
        match self.version_id {
            Some(id) => load_version(home, &self.tenant, &self.model, id),
            None => Err(self.missing()),
        }
    }

    pub fn policy(&self, home: Home) -> Result<Option<Rc<Policy>>> {
        self.policy_id.map(|id| load_policy(home, &self.tenant, id)).transpose()
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
                Ok((row.need::<i32>(1)?, row.get::<Vec<u8>>(2), row.get::<String>(3)))
            })
        })
    })?;
    let (number, digest, signature) = found.ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
            format!("a version of model \"{model}\" does not exist any more"),
        )
        .hint("Restore it from a backup, under the id it had.")
    })?;
    let (Some(digest), Some(signature)) = (digest, signature) else {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("version {number} of model \"{model}\" has no artifact in this database"),
        )
        .hint("Import the model with sira_import_version, which makes a version that can score."));
    };
    let digest: Digest =
        digest.try_into().map_err(|_| Failure::internal("an artifact's digest is not a SHA-256"))?;
    let signature: Signature = serde_json::from_str(&signature)
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
    let policy = Rc::new(Policy { bands, threshold, fallback });
    POLICIES.with_borrow_mut(|kept| {
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert((home, id), Rc::clone(&policy));
    });
    Ok(policy)
}
