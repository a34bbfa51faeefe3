//! Up to when a set has been materialised.
//!
//! A row counts from the moment its transaction commits, and bears an earlier one. So the watermark never passes the
//! beginning of a transaction that still runs, nor the last `sira.settle_margin` before now, for rows whose time a
//! client took a little earlier: what lies after it is looked at again by the next run, at the price of doing some
//! twice, which changes nothing. It never goes back.

use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::set::Set;
use crate::guc;
use crate::statement::{Arguments, Mode, Statement};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;

thread_local! {
    // As the owner, who sees when others' transactions began where it is a superuser; elsewhere the margin alone counts.
    static OLDEST: Statement = const {
        Statement::new(
            "SELECT pg_catalog.min(x.began) FROM (\
                SELECT a.xact_start AS began FROM pg_catalog.pg_stat_activity a \
                WHERE a.pid {<>} pg_catalog.pg_backend_pid() AND a.datname {=} pg_catalog.current_database() \
                  AND a.backend_type {<>} 'autovacuum worker' \
                UNION ALL SELECT p.prepared FROM pg_catalog.pg_prepared_xacts p \
                WHERE p.database {=} pg_catalog.current_database()) x",
            &[],
        )
    };
    static READ: Statement = const {
        Statement::new(
            "SELECT watermark FROM {s}.sira_feature_watermarks \
             WHERE tenant_id {=} $1 AND feature_set {=} $2 AND feature_set_version {=} $3",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INT4OID],
        )
    };
    static ADVANCE: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_feature_watermarks AS w (tenant_id, feature_set, feature_set_version, watermark) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, feature_set, feature_set_version) DO UPDATE \
             SET watermark = excluded.watermark, updated_at = pg_catalog.now() \
             WHERE NOT excluded.watermark {<=} w.watermark",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INT4OID, pg_sys::TIMESTAMPTZOID],
        )
    };
    static SERIALIZE: Statement = const {
        Statement::new(
            "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 9))",
            &[pg_sys::TEXTOID],
        )
    };
}

/// Waits for another run over the same set.
pub fn serialize(home: Home, set: &Set) -> Result<()> {
    let name = format!("{}/{}", set.tenant, set.name);
    SERIALIZE.with(|lock| lock.each(home, Mode::Write, Arguments::new().bind(name), |_| Ok(())))?;
    Ok(())
}

/// The moment before which every transaction has ended, so that a statement that begins after this one sees all of it.
pub fn settled(home: Home) -> Result<i64> {
    // SAFETY: reads the clock, and a variable of the backend.
    let now = unsafe { pg_sys::GetCurrentTransactionStartTimestamp().min(pg_sys::GetCurrentTimestamp()) };
    let margin = i64::from(guc::SETTLE_MARGIN.get()) * 1_000_000;
    let oldest = home.as_owner(|| {
        OLDEST.with(|oldest| {
            oldest.first(home, Mode::Write, Arguments::new(), |row| {
                Ok(row.get::<TimestampWithTimeZone>(1).map(TimestampWithTimeZone::into_inner))
            })
        })
    })?;
    // Strictly before it: rows bear the very moment their transaction began.
    Ok((now - margin).min(oldest.flatten().map_or(i64::MAX, |oldest| oldest - 1)))
}

pub fn read(home: Home, set: &Set) -> Result<Option<i64>> {
    home.as_owner(|| {
        READ.with(|read| {
            read.first(home, Mode::Write, of_set(set), |row| {
                row.need::<TimestampWithTimeZone>(1).map(TimestampWithTimeZone::into_inner)
            })
        })
    })
}

/// Moves the watermark, unless it is further already.
pub fn advance(home: Home, set: &Set, to: i64) -> Result<()> {
    let to =
        TimestampWithTimeZone::try_from(to).map_err(|_| Failure::internal("a watermark is no timestamp"))?;
    home.as_owner(|| {
        ADVANCE.with(|advance| advance.each(home, Mode::Write, of_set(set).bind(to), |_| Ok(())))
    })?;
    Ok(())
}

fn of_set(set: &Set) -> Arguments {
    Arguments::new().bind(set.tenant.as_str()).bind(set.name.as_str()).bind(set.version)
}
