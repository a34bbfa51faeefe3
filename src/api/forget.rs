//! `sira_delete_entity_trigger`: what is deleted from a business table takes its features and labels along.
//!
//! Whoever deletes a payment need not be able to touch the feature store, so the rows go with the owner's rights, of
//! the caller's tenant alone. Predictions, feedback and suggestions are the audit: they stay.

use crate::catalog::{self, Home};
use crate::error::{Failure, Result, SqlResult};
use crate::feature::offline::ids;
use crate::statement::{Arguments, Mode, Statement};
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use std::ffi::CStr;

const USAGE: &str = "CREATE TRIGGER … AFTER DELETE ON … FOR EACH ROW EXECUTE FUNCTION sira_delete_entity_trigger('entity type', 'id column');";

const KEY: &[pg_sys::Oid] = &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID];

thread_local! {
    static DELETES: [Statement; 4] = const {
        [
            // What a run of the pipeline has computed and not stored yet. First: a run that is storing it meanwhile is
            // waited for, and its snapshot is then there for the next ones. What runs are under way an index tells.
            Statement::new(
                "DELETE FROM {s}.sira_snapshot_work w WHERE w.tenant_id {=} $1 AND w.entity_id {=} $3 AND w.job_id {=} ANY (\
                   SELECT j.id FROM {s}.sira_jobs j JOIN {s}.sira_feature_sets s ON s.tenant_id {=} j.tenant_id \
                     AND j.subject {=} (s.name {||} '/' {||} s.version::pg_catalog.text) \
                   WHERE j.tenant_id {=} $1 AND j.kind {=} 'feature_pipeline' AND j.parent_id IS NULL \
                     AND j.status {=} ANY ('{queued,running}'::pg_catalog.text[]) \
                     AND s.entity_type {=} pg_catalog.lower($2))",
                KEY,
            ),
            Statement::new(
                "DELETE FROM {s}.sira_features \
                 WHERE tenant_id {=} $1 AND entity_type {=} pg_catalog.lower($2) AND entity_id {=} $3",
                KEY,
            ),
            Statement::new(
                "DELETE FROM {s}.sira_feature_snapshots \
                 WHERE tenant_id {=} $1 AND entity_type {=} pg_catalog.lower($2) AND entity_id {=} $3",
                KEY,
            ),
            Statement::new(
                "DELETE FROM {s}.sira_labels \
                 WHERE tenant_id {=} $1 AND entity_type {=} pg_catalog.lower($2) AND entity_id {=} $3",
                KEY,
            ),
        ]
    };
}

#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn pg_finfo_sira_delete_entity_trigger() -> &'static pg_sys::Pg_finfo_record {
    const VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &VERSION_1
}

/// `EXECUTE FUNCTION sira_delete_entity_trigger(entity_type, id_column)`.
///
/// # Safety
/// Called by PostgreSQL's function manager alone.
#[unsafe(no_mangle)]
#[pgrx::pg_guard]
pub unsafe extern "C-unwind" fn sira_delete_entity_trigger(
    fcinfo: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    let done: SqlResult<()> = unsafe { fire(fcinfo) }.map_err(Into::into);
    if let Err(report) = done {
        report.report(PgLogLevel::ERROR);
    }
    // What an AFTER trigger returns is not looked at.
    pg_sys::Datum::from(0)
}

unsafe fn fire(fcinfo: pg_sys::FunctionCallInfo) -> Result<()> {
    // SAFETY: the context is trigger data where the function was called as a trigger, valid while it runs.
    let trigger = unsafe {
        if !pgrx::trigger_support::called_as_trigger(fcinfo) {
            return Err(misuse("sira_delete_entity_trigger was not called as a trigger"));
        }
        &*((*fcinfo).context as *const pg_sys::TriggerData)
    };
    let event = trigger.tg_event;
    if !pgrx::trigger_support::trigger_fired_after(event)
        || !pgrx::trigger_support::trigger_fired_by_delete(event)
        || !pgrx::trigger_support::trigger_fired_for_row(event)
    {
        return Err(misuse("sira_delete_entity_trigger works AFTER DELETE, FOR EACH ROW"));
    }
    // SAFETY: PostgreSQL keeps tgnargs C strings in tgargs; the row is the table's.
    let (entity_type, id) = unsafe {
        let given = usize::try_from((*trigger.tg_trigger).tgnargs).unwrap_or(0);
        if given != 2 {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                "sira_delete_entity_trigger takes an entity type and an id column",
            )
            .detail(format!("It got {given} arguments."))
            .hint(USAGE));
        }
        let arguments = (*trigger.tg_trigger).tgargs;
        let entity_type = CStr::from_ptr(*arguments).to_string_lossy().into_owned();
        (entity_type, column_text(trigger, CStr::from_ptr(*arguments.add(1)))?)
    };
    let Some(id) = id else { return Ok(()) };
    let home = Home::of_call(fcinfo)?;
    let tenant = catalog::require_tenant(home)?;
    home.as_owner(|| {
        DELETES.with(|deletes| {
            for delete in deletes {
                let key = Arguments::new().bind(tenant.as_str()).bind(entity_type.as_str()).bind(id.as_str());
                delete.each(home, Mode::Write, key, |_| Ok(()))?;
            }
            Ok(())
        })
    })
}

/// The deleted row's column, as the store writes ids.
unsafe fn column_text(trigger: &pg_sys::TriggerData, name: &CStr) -> Result<Option<String>> {
    // SAFETY: descriptor and row belong to the trigger's table; an attribute that was found is one of theirs.
    unsafe {
        let descriptor = (*trigger.tg_relation).rd_att;
        let attribute = pg_sys::SPI_fnumber(descriptor, name.as_ptr());
        if attribute <= 0 {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                format!(
                    "column \"{}\" of the trigger's arguments does not exist in the table",
                    name.to_string_lossy()
                ),
            )
            .hint("DROP TRIGGER, and CREATE it with the table's own columns."));
        }
        let mut is_null = false;
        let datum = pg_sys::SPI_getbinval(trigger.tg_trigtuple, descriptor, attribute, &mut is_null);
        let kind = pg_sys::SPI_gettypeid(descriptor, attribute);
        Ok((!is_null).then(|| ids::text(kind, datum)))
    }
}

fn misuse(message: &str) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED, message).hint(USAGE)
}
