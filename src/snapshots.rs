//! The newest feature snapshot of an entity.

use crate::audit::Entity;
use crate::catalog::{self, Home};
use crate::error::Result;
use crate::statement::{Arguments, Mode, Statement};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;

thread_local! {
    static NEWEST: Statement = const {
        Statement::new(
            "SELECT features::pg_catalog.text FROM {s}.sira_feature_snapshots \
             WHERE tenant_id {=} $1 AND entity_type {=} $2 AND entity_id {=} $3 \
             AND snapshot_ts {<=} coalesce($4, pg_catalog.statement_timestamp()) ORDER BY snapshot_ts DESC LIMIT 1",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TIMESTAMPTZOID],
        )
    };
}

/// The features of the newest snapshot that is not after `as_of`, as JSON.
pub fn newest(home: Home, entity: &Entity<'_>, as_of: Option<i64>) -> Result<Option<String>> {
    let tenant = catalog::require_tenant(home)?;
    let arguments = Arguments::new()
        .bind(tenant.as_str())
        .bind(entity.kind)
        .bind(entity.id)
        .bind(as_of.and_then(|time| TimestampWithTimeZone::try_from(time).ok()));
    home.as_owner(|| {
        NEWEST.with(|newest| newest.first(home, Mode::Read, arguments, |row| row.need::<String>(1)))
    })
}
