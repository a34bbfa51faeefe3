//! The latest snapshot of an entity: one probe from the end of the key.

use crate::catalog::Home;
use crate::error::Result;
use crate::feature::plan;
use crate::statement::{Arguments, Mode, Statement};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{JsonB, pg_sys};

thread_local! {
    // What was written by hand under a set's name has no version.
    static LATEST: Statement = const {
        Statement::new(
            "SELECT snapshot_ts, features FROM {s}.sira_feature_snapshots \
             WHERE tenant_id {=} $1 AND entity_type {=} $2 AND entity_id {=} $3 AND feature_set {=} $4 \
             AND snapshot_ts {<=} $5 AND (feature_set_version {=} $6 OR feature_set_version IS NULL) \
             ORDER BY snapshot_ts DESC LIMIT 1",
            &[
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TIMESTAMPTZOID,
                pg_sys::INT4OID,
            ],
        )
    };
}

/// A snapshot as it was stored.
pub struct Latest {
    pub at: TimestampWithTimeZone,
    pub version: i32,
    pub features: JsonB,
}

/// The snapshot of the set's version that is newest at `as_of`, none where it is older than `max_age`.
pub fn latest(
    home: Home,
    reference: &str,
    entity: &str,
    as_of: TimestampWithTimeZone,
    max_age: Option<i64>,
) -> Result<Option<Latest>> {
    plan::with(home, reference, |plan| {
        let set = &plan.set;
        let arguments = Arguments::new()
            .bind(set.tenant.as_str())
            .bind(set.entity_type.as_str())
            .bind(entity)
            .bind(set.name.as_str())
            .bind(as_of)
            .bind(set.version);
        let found = home.as_owner(|| {
            LATEST.with(|latest| {
                latest.first(home, Mode::Read, arguments, |row| {
                    Ok(Latest { at: row.need(1)?, version: set.version, features: row.need(2)? })
                })
            })
        })?;
        Ok(found.filter(|found| match max_age {
            Some(age) => as_of.into_inner().saturating_sub(found.at.into_inner()) <= age,
            None => true,
        }))
    })
}
