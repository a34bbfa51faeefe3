//! Background workers that run jobs: when one is started, what it does, and how it tells how far it is.
//!
//! Nothing is preloaded: a worker is asked for by the transaction that queues a job ([`start`]) and lives until no job of
//! its role is left ([`serve`]). What a worker is asked to do stands in `sql/install/job_running.sql`.

pub mod progress;
mod serve;
pub mod start;

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

/// The name of workers in `pg_stat_activity.backend_type`, by which they are counted.
const WORKER: &str = "sira worker";

pub static BACKGROUND_JOBS: GucSetting<bool> = GucSetting::<bool>::new(true);
/// Read by `sira_worker_admitted`, through current_setting.
static JOB_WORKERS: GucSetting<i32> = GucSetting::<i32>::new(2);

/// Called before the prefix of settings is reserved.
pub fn define_settings() {
    GucRegistry::define_bool_guc(
        c"sira.background_jobs",
        c"Starts a background worker when a job has been queued.",
        c"Off leaves jobs to CALL sira_run_jobs().",
        &BACKGROUND_JOBS,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"sira.job_workers",
        c"How many background workers may run jobs at the same time in one database.",
        c"Each takes one of max_worker_processes; where none is free a job stays queued.",
        &JOB_WORKERS,
        0,
        64,
        GucContext::Suset,
        GucFlags::default(),
    );
}
