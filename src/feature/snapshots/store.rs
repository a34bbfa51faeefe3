//! Computed values as rows of `sira_feature_snapshots`, some thousands in one statement.

use crate::catalog::Home;
use crate::error::Result;
use crate::feature::offline::{Values, json};
use crate::feature::set::Set;
use crate::statement::{Arguments, Mode, Statement};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{PgMemoryContexts, pg_sys};

/// Rows of one statement.
const TOGETHER: usize = 5_000;

thread_local! {
    // The same moment again replaces what is there.
    static UPSERT: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_feature_snapshots \
               (tenant_id, entity_type, entity_id, feature_set, feature_set_version, snapshot_ts, features) \
             SELECT $1, $2, u.entity_id, $3, $4, u.at, u.features::pg_catalog.jsonb \
             FROM ROWS FROM (pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7)) \
               AS u (entity_id, at, features) \
             ON CONFLICT (tenant_id, entity_type, entity_id, feature_set, snapshot_ts) DO UPDATE \
             SET features = excluded.features, feature_set_version = excluded.feature_set_version, \
                 updated_at = pg_catalog.now()",
            &[
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INT4OID, pg_sys::TEXTARRAYOID,
                pg_sys::TIMESTAMPTZARRAYOID, pg_sys::TEXTARRAYOID,
            ],
        )
    };
}

/// Writes a row for each moment and entity, in the order they come; gives their number.
pub fn store(home: Home, set: &Set, rows: &[(i64, String)], columns: &[Values]) -> Result<i64> {
    let mut written = 0;
    let mut batch = PgMemoryContexts::new("sira snapshots");
    for (number, chunk) in rows.chunks(TOGETHER).enumerate() {
        pgrx::check_for_interrupts!();
        let first = number * TOGETHER;
        // SAFETY: nothing that is made in the context is used after it was reset.
        written += unsafe { batch.switch_to(|_| upsert(home, set, chunk, first, columns)) }?;
        // SAFETY: as above.
        unsafe { batch.reset() };
    }
    Ok(written)
}

fn upsert(home: Home, set: &Set, rows: &[(i64, String)], first: usize, columns: &[Values]) -> Result<i64> {
    let ids: Vec<&str> = rows.iter().map(|(_, entity)| entity.as_str()).collect();
    let moments: Vec<Option<TimestampWithTimeZone>> =
        rows.iter().map(|(at, _)| TimestampWithTimeZone::try_from(*at).ok()).collect();
    let features: Vec<String> =
        (0..rows.len()).map(|row| json::object(&set.features, columns, first + row).to_string()).collect();
    let arguments = Arguments::new()
        .bind(set.tenant.as_str())
        .bind(set.entity_type.as_str())
        .bind(set.name.as_str())
        .bind(set.version)
        .bind(ids)
        .bind(moments)
        .bind(features);
    let written =
        home.as_owner(|| UPSERT.with(|upsert| upsert.each(home, Mode::Write, arguments, |_| Ok(()))))?;
    Ok(written as i64)
}
