//! The features that a model is served: those of the set that its version was trained on, computed now.
//!
//! A version pins its set through its training run, so a set that is defined anew changes no model in production. What
//! the caller gives counts first; what is missing is computed, with what was given as the row at hand.

use crate::audit::Entity;
use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::online::{self, Request};
use crate::feature::plan::{self, Plan};
use crate::feature::row::{Columns, NewRow};
use crate::features::{self, Features};
use crate::statement::{Arguments, Mode, Statement};
use crate::subtransaction;
use pgrx::datum::Uuid;
use pgrx::{IntoDatum, PgSqlErrorCode, pg_sys};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use sira_core::signature::Signature;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// How many versions a session keeps the sets of before it starts afresh.
const KEPT: usize = 256;

thread_local! {
    static PINNED: Statement = const {
        Statement::new(
            "SELECT r.feature_set FROM {s}.sira_model_versions v JOIN {s}.sira_training_runs r \
             ON r.tenant_id {=} v.tenant_id AND r.id {=} v.training_run_id \
             WHERE v.tenant_id {=} $1 AND v.id {=} $2 AND r.feature_set IS NOT NULL",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
    static SETS: RefCell<HashMap<(Home, Uuid), Option<Rc<str>>>> = RefCell::default();
}

/// A version's set, by name and version, and the tenant whose it is.
#[derive(Clone)]
pub struct Pinned {
    pub tenant: String,
    pub set: Rc<str>,
}

/// The set that a version was trained on; none where it was trained on a query's own columns, or imported.
pub fn pinned(home: Home, tenant: &str, version: Uuid) -> Result<Option<Pinned>> {
    let named = |set: Option<Rc<str>>| set.map(|set| Pinned { tenant: tenant.to_owned(), set });
    if let Some(known) = SETS.with_borrow(|sets| sets.get(&(home, version)).cloned()) {
        return Ok(named(known));
    }
    let arguments = Arguments::new().bind(tenant).bind(version);
    let set: Option<Rc<str>> = home
        .as_owner(|| {
            PINNED.with(|pinned| pinned.first(home, Mode::Read, arguments, |row| row.need::<String>(1)))
        })?
        .map(Rc::from);
    SETS.with_borrow_mut(|sets| {
        if sets.len() >= KEPT {
            sets.clear();
        }
        sets.insert((home, version), set.clone());
    });
    Ok(named(set))
}

/// The model's features: what `given` holds of them, and the rest of the set computed for the entity.
pub fn features(
    home: Home,
    pinned: &Pinned,
    signature: &Signature,
    entity: &Entity<'_>,
    as_of: Option<i64>,
    given: Option<Json>,
) -> Result<Features> {
    let given = match given {
        None | Some(Json::Null) => Map::new(),
        Some(Json::Object(object)) => object,
        Some(other) => return features::from_json(signature, &other),
    };
    if signature.features.iter().all(|feature| given.contains_key(&feature.name)) {
        return features::from_json(signature, &Json::Object(given));
    }
    within(home, pinned, |plan| {
        let request = Request {
            entity_id: (plan.set.entity_type == entity.kind).then_some(entity.id),
            as_of: as_of.unwrap_or_else(now),
            as_known: true,
            columns: Columns::Json(&given),
            new_row: None,
            mode: Mode::Write,
        };
        let values = online::compute(home, plan, &request)?;
        merged(signature, plan, &values, &given)
    })
}

/// The model's features for a row that is being written: those of the set, with the row as one more event, at the time
/// that the row says, which is given too.
pub fn features_of_row(
    home: Home,
    pinned: &Pinned,
    signature: &Signature,
    entity: &Entity<'_>,
    row: &NewRow,
    serialize: bool,
) -> Result<(Features, Option<i64>)> {
    within(home, pinned, |plan| {
        let own = (plan.set.entity_type == entity.kind).then_some(entity.id);
        if serialize {
            lock(plan, own, row)?;
        }
        let moment = online::moment_of(plan, row)?;
        let request = Request {
            entity_id: own,
            as_of: moment.unwrap_or_else(now),
            as_known: true,
            columns: Columns::Row(row),
            new_row: Some(row),
            mode: Mode::Write,
        };
        let values = online::compute(home, plan, &request)?;
        Ok((merged(signature, plan, &values, &Map::new())?, moment))
    })
}

/// Plans and computes in a subtransaction: users' SQL may fail in it, and a fallback decision answer in its place.
fn within<T>(home: Home, pinned: &Pinned, compute: impl FnOnce(&mut Plan) -> Result<T>) -> Result<T> {
    subtransaction::contained(|| plan::with_in(home, &pinned.tenant, &pinned.set, compute))
}

/// One object of what was given and what was computed, bound to the signature. Names that only led to entities are left
/// out: they are no features, and strict mode must not take them for misspelt ones.
fn merged(
    signature: &Signature,
    plan: &Plan,
    values: &[online::Value],
    given: &Map<String, Json>,
) -> Result<Features> {
    let set = &plan.set;
    let leads = |name: &String| {
        set.keys.iter().any(|(entity_type, column)| column == name || entity_type == name)
            || set.features.iter().any(|feature| feature.name == *name)
    };
    let mut object: Map<String, Json> = given
        .iter()
        .filter(|(name, _)| signature.index_of(name).is_some() || !leads(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for (feature, value) in set.features.iter().zip(values) {
        if signature.index_of(&feature.name).is_some() && !object.contains_key(&feature.name) {
            object.insert(feature.name.clone(), value.to_json(feature));
        }
    }
    features::from_json(signature, &Json::Object(object))
}

/// Waits until no other transaction computes features of the same entities, and keeps it so until this one ends: in a
/// burst of rows for one customer each then sees the ones before it. Locks are taken in one order, so that two rows
/// which share two entities cannot wait for each other.
fn lock(plan: &Plan, own: Option<&str>, row: &NewRow) -> Result<()> {
    let set = &plan.set;
    let columns = Columns::Row(row);
    let mut names: Vec<String> =
        own.iter().map(|id| format!("{}/{}/{id}", set.tenant, set.entity_type)).collect();
    for (entity_type, column) in &set.keys {
        names.extend(columns.id(column)?.map(|id| format!("{}/{entity_type}/{id}", set.tenant)));
    }
    names.sort_unstable();
    names.dedup();
    for name in names {
        let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        let key = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
        // SAFETY: an advisory lock, as SQL takes it.
        unsafe { pgrx::direct_function_call::<()>(pg_sys::pg_advisory_xact_lock_int8, &[key.into_datum()]) };
    }
    Ok(())
}

fn now() -> i64 {
    // SAFETY: reads a variable of the backend.
    unsafe { pg_sys::GetCurrentTransactionStartTimestamp() }
}

/// The set that a trigger names: the pinned version of that name, else the newest.
pub fn named(pinned: Option<Pinned>, tenant: &str, name: &str) -> Result<Pinned> {
    match pinned {
        Some(pinned) if pinned.set.split('/').next() == Some(name) => Ok(pinned),
        _ if name.is_empty() => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "trigger option \"features\" names no set",
        )
        .hint("Write features=cards.")),
        _ => Ok(Pinned { tenant: tenant.to_owned(), set: Rc::from(name) }),
    }
}
