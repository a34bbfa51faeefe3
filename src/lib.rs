//! SIRA: features, models, scores, explanations and approvals inside PostgreSQL.
//!
//! This crate is the thin part. The mathematics is in `sira-core`, training in `sira-train`; what SQL sees
//! is declared in `sql/install`, file by file in the order below, and `api` holds the functions behind it.

mod aggregate;
mod api;
mod audit;
mod cache;
mod call;
mod card;
mod catalog;
mod columns;
mod counters;
mod cursor;
mod drift;
mod error;
mod evaluation;
mod feature;
mod features;
mod guc;
mod jsonb;
mod numeric;
mod prediction;
mod probe;
mod registration;
mod relation;
mod scoring;
mod snapshot;
mod snapshots;
mod statement;
mod subtransaction;
mod training;
mod tuning;
mod version;
mod worker;

#[cfg(any(test, feature = "pg_test"))]
#[path = "../pg_test/mod.rs"]
pub mod pg_test;

use pgrx::prelude::*;

pgrx::pg_module_magic!();

/// Registers settings. No thread is started and no memory is shared: nothing needs preloading.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    hide_backtraces();
    worker::define_settings();
    guc::register();
}

/// Keeps Rust's frames out of the DETAIL of errors that PostgreSQL raises below us, where the server happens to run
/// with `RUST_BACKTRACE`: they name files of the build machine and tell a caller nothing. Whoever debugs sets
/// `RUST_LIB_BACKTRACE`.
fn hide_backtraces() {
    if std::env::var_os("RUST_LIB_BACKTRACE").is_none() {
        // SAFETY: a backend has one thread, and the library is being loaded.
        unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") };
    }
}

// The data model, to be read in this order.
extension_sql_file!("../sql/install/roles.sql", name = "roles");
extension_sql_file!("../sql/install/identity.sql", name = "identity", requires = ["roles"]);
extension_sql_file!("../sql/install/tenants.sql", name = "tenants", requires = ["identity"]);
extension_sql_file!("../sql/install/features.sql", name = "features", requires = ["tenants"]);
extension_sql_file!("../sql/install/text.sql", name = "text", requires = ["features"]);
extension_sql_file!("../sql/install/labels.sql", name = "labels", requires = ["text"]);
extension_sql_file!("../sql/install/ingestion.sql", name = "ingestion", requires = ["labels"]);
extension_sql_file!("../sql/install/registry.sql", name = "registry", requires = ["ingestion"]);
extension_sql_file!("../sql/install/serving.sql", name = "serving", requires = ["registry"]);
extension_sql_file!("../sql/install/suggestions.sql", name = "suggestions", requires = ["serving"]);
extension_sql_file!("../sql/install/watching.sql", name = "watching", requires = ["suggestions"]);
extension_sql_file!("../sql/install/partitions.sql", name = "partitions", requires = ["watching"]);
extension_sql_file!("../sql/install/retention.sql", name = "retention", requires = ["partitions"]);
extension_sql_file!("../sql/install/resolve.sql", name = "resolve", requires = ["retention"]);
extension_sql_file!("../sql/install/lifecycle.sql", name = "lifecycle", requires = ["resolve"]);
extension_sql_file!("../sql/install/promotion.sql", name = "promotion", requires = ["lifecycle"]);
extension_sql_file!("../sql/install/approvals.sql", name = "approvals", requires = ["promotion"]);
extension_sql_file!("../sql/install/decision.sql", name = "decision", requires = ["approvals"]);
extension_sql_file!("../sql/install/predictions.sql", name = "predictions", requires = ["decision"]);
extension_sql_file!("../sql/install/feedback.sql", name = "feedback", requires = ["predictions"]);
extension_sql_file!("../sql/install/history.sql", name = "history", requires = ["feedback"]);
extension_sql_file!("../sql/install/scoring.sql", name = "scoring", requires = ["history"]);
extension_sql_file!("../sql/install/prediction.sql", name = "prediction", requires = ["scoring"]);
extension_sql_file!("../sql/install/training.sql", name = "training", requires = ["prediction"]);
extension_sql_file!("../sql/install/metrics.sql", name = "metrics", requires = ["training"]);
extension_sql_file!("../sql/install/evaluations.sql", name = "evaluations", requires = ["metrics"]);
extension_sql_file!("../sql/install/gates.sql", name = "gates", requires = ["evaluations"]);
extension_sql_file!("../sql/install/judgement.sql", name = "judgement", requires = ["gates"]);
extension_sql_file!("../sql/install/aliases.sql", name = "aliases", requires = ["judgement"]);
extension_sql_file!("../sql/install/tuning.sql", name = "tuning", requires = ["aliases"]);
extension_sql_file!("../sql/install/statistics.sql", name = "statistics", requires = ["tuning"]);
extension_sql_file!("../sql/install/definitions.sql", name = "definitions", requires = ["statistics"]);
extension_sql_file!("../sql/install/feature_sets.sql", name = "feature_sets", requires = ["definitions"]);
extension_sql_file!("../sql/install/online.sql", name = "online", requires = ["feature_sets"]);
extension_sql_file!("../sql/install/feature_indexes.sql", name = "feature_indexes", requires = ["online"]);
extension_sql_file!(
    "../sql/install/feature_catalog.sql",
    name = "feature_catalog",
    requires = ["feature_indexes"]
);
extension_sql_file!("../sql/install/quality.sql", name = "quality", requires = ["feature_catalog"]);
extension_sql_file!("../sql/install/offline.sql", name = "offline", requires = ["quality"]);
extension_sql_file!("../sql/install/snapshots.sql", name = "snapshots", requires = ["offline"]);
extension_sql_file!("../sql/install/jobs.sql", name = "jobs", requires = ["snapshots"]);
extension_sql_file!("../sql/install/job_kinds.sql", name = "job_kinds", requires = ["jobs"]);
extension_sql_file!("../sql/install/job_running.sql", name = "job_running", requires = ["job_kinds"]);
extension_sql_file!("../sql/install/workers.sql", name = "workers", requires = ["job_running"]);
extension_sql_file!("../sql/install/pipeline.sql", name = "pipeline", requires = ["workers"]);
extension_sql_file!("../sql/install/schedule.sql", name = "schedule", requires = ["pipeline"]);
extension_sql_file!("../sql/install/model_card.sql", name = "model_card", requires = ["schedule"]);
extension_sql_file!("../sql/install/mlflow.sql", name = "mlflow", requires = ["model_card"]);
extension_sql_file!("../sql/install/baselines.sql", name = "baselines", requires = ["mlflow"]);
extension_sql_file!("../sql/install/drift.sql", name = "drift", requires = ["baselines"]);
extension_sql_file!("../sql/install/alerts.sql", name = "alerts", requires = ["drift"]);
extension_sql_file!("../sql/install/system_metrics.sql", name = "system_metrics", requires = ["alerts"]);
extension_sql_file!("../sql/install/cost.sql", name = "cost", requires = ["system_metrics"]);
extension_sql_file!("../sql/install/retraining.sql", name = "retraining", requires = ["cost"]);
extension_sql_file!("../sql/install/improvements.sql", name = "improvements", requires = ["retraining"]);
extension_sql_file!("../sql/install/dashboards.sql", name = "dashboards", requires = ["improvements"]);
extension_sql_file!("../sql/install/maintenance.sql", name = "maintenance", requires = ["dashboards"]);
extension_sql_file!("../sql/install/report.sql", name = "report", requires = ["maintenance"]);
extension_sql_file!("../sql/install/doctor.sql", name = "doctor", requires = ["report"]);
extension_sql_file!("../sql/install/security.sql", name = "security", requires = ["doctor"]);
extension_sql_file!("../sql/install/execute.sql", name = "execute", requires = ["security"]);
extension_sql_file!("../sql/install/dump.sql", name = "dump", requires = ["execute"]);
extension_sql_file!("../sql/install/comments_tables.sql", name = "comments_tables", requires = ["dump"]);
extension_sql_file!("../sql/install/comments.sql", name = "comments", requires = ["comments_tables"]);
