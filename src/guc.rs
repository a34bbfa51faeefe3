//! The settings `sira.*`.
//!
//! Whatever could weaken a gate, hide an audit row or take more of the machine is for superusers
//! (or for those whom a DBA has granted SET on it, from PostgreSQL 15). `sira.tenant` is anyone's to
//! set because it is a wish that counts only where `sira_tenant_members` lists the role.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use sira_core::policy::DECISIONS;
use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicU32, Ordering};

pub static ENABLED: GucSetting<bool> = GucSetting::<bool>::new(true);
pub static TENANT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
pub static LOG_PREDICTIONS: GucSetting<bool> = GucSetting::<bool>::new(true);
pub static MONITORING: GucSetting<bool> = GucSetting::<bool>::new(true);
pub static STRICT_FEATURES: GucSetting<bool> = GucSetting::<bool>::new(false);
pub static FALLBACK_DECISION: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
pub static CACHE_TTL: GucSetting<i32> = GucSetting::<i32>::new(30);
pub static CACHE_SIZE: GucSetting<i32> = GucSetting::<i32>::new(256);
pub static TRAINING_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(1024);
pub static SETTLE_MARGIN: GucSetting<i32> = GucSetting::<i32>::new(60);
pub static TRAINING_THREADS: GucSetting<i32> = GucSetting::<i32>::new(1);
// Read by sql/install/gates.sql, through current_setting.
static MIN_AUC: GucSetting<f64> = GucSetting::<f64>::new(0.90);
static MIN_PRECISION: GucSetting<f64> = GucSetting::<f64>::new(0.80);
static MIN_RECALL: GucSetting<f64> = GucSetting::<f64>::new(0.75);
static MIN_IMPROVEMENT: GucSetting<f64> = GucSetting::<f64>::new(0.02);
static MIN_GATE_ROWS: GucSetting<i32> = GucSetting::<i32>::new(30);
static COST_ALERT: GucSetting<i32> = GucSetting::<i32>::new(80);
static COST_CRITICAL: GucSetting<i32> = GucSetting::<i32>::new(95);
static AUTO_PROMOTE: GucSetting<bool> = GucSetting::<bool>::new(false);
static BYPASS_GATES: GucSetting<bool> = GucSetting::<bool>::new(false);

static DRIFT_KS: GucSetting<f64> = GucSetting::<f64>::new(0.15);
static DRIFT_PSI: GucSetting<f64> = GucSetting::<f64>::new(0.2);
static DRIFT_MAPE: GucSetting<f64> = GucSetting::<f64>::new(0.15);
static DRIFT_ACCURACY: GucSetting<f64> = GucSetting::<f64>::new(0.10);

/// How often `sira.tenant` was set: whoever keeps what depends on it compares a number and not a text.
static TENANT_CHANGES: AtomicU32 = AtomicU32::new(0);

pub fn tenant_changes() -> u32 {
    TENANT_CHANGES.load(Ordering::Relaxed)
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn note_tenant(_value: *const std::ffi::c_char, _extra: *mut std::ffi::c_void) {
    TENANT_CHANGES.fetch_add(1, Ordering::Relaxed);
}

/// Registers the settings and reserves their prefix, so that a misspelt one is an error.
pub fn register() {
    GucRegistry::define_bool_guc(
        c"sira.enabled",
        c"Turns scoring on.",
        c"Off is the kill switch: sira_predict and the trigger answer with the fallback decision, sira_score with an error.",
        &ENABLED,
        GucContext::Suset,
        GucFlags::default(),
    );
    // SAFETY: the hook counts and touches nothing else.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            c"sira.tenant",
            c"Names the tenant to work for.",
            c"Counts only where sira_tenant_members lists the current role, or a role it inherits from, for that tenant.",
            &TENANT,
            GucContext::Userset,
            GucFlags::default(),
            None,
            Some(note_tenant),
            None,
        );
    }
    GucRegistry::define_bool_guc(
        c"sira.log_predictions",
        c"Writes an audit row for every sira_predict.",
        c"Off leaves predictions without id, replay and feedback.",
        &LOG_PREDICTIONS,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"sira.monitoring_enabled",
        c"Counts calls, rows, errors and latencies of scoring.",
        c"Off leaves gaps in sira_system_metrics and in what Prometheus reads; budgets hold all the same.",
        &MONITORING,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"sira.strict_features",
        c"Refuses features that the model does not know, and missing ones.",
        c"Off ignores unknown features and treats an absent one as a missing value.",
        &STRICT_FEATURES,
        GucContext::Suset,
        GucFlags::default(),
    );
    // SAFETY: the hook reads the C string it is given and touches nothing else.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            c"sira.fallback_decision",
            c"The decision where scoring cannot answer and the model's policy names none.",
            c"Empty means that the failure is raised as an error.",
            &FALLBACK_DECISION,
            GucContext::Suset,
            GucFlags::default(),
            Some(check_decision),
            None,
            None,
        );
    }
    GucRegistry::define_int_guc(
        c"sira.cache_ttl",
        c"Has no effect; accepted for those who bring it from another platform.",
        c"What a statement sees of models is exactly what its snapshot sees: nothing can be stale, so nothing expires.",
        &CACHE_TTL,
        0,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_S,
    );
    GucRegistry::define_int_guc(
        c"sira.cache_size",
        c"How much compiled models may take, in the shared folder and as maps in one session.",
        c"Least recently used ones go first; they are rebuilt from their artifacts when needed again.",
        &CACHE_SIZE,
        1,
        1 << 20,
        GucContext::Suset,
        GucFlags::UNIT_MB,
    );
    GucRegistry::define_int_guc(
        c"sira.training_memory",
        c"How much memory one sira_train may be expected to need.",
        c"The estimate is made from rows and columns while they are read; more is an error before it is used.",
        &TRAINING_MEMORY,
        1,
        1 << 20,
        GucContext::Suset,
        GucFlags::UNIT_MB,
    );
    GucRegistry::define_int_guc(
        c"sira.training_threads",
        c"How many threads one sira_train may use.",
        c"One is the fastest on a busy machine and the only number a build without OpenMP can use.",
        &TRAINING_THREADS,
        1,
        64,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"sira.settle_margin",
        c"How long before now incremental runs look again at rows that were there already.",
        c"For rows whose time was taken before they were written; transactions that still run are waited for anyway.",
        &SETTLE_MARGIN,
        0,
        7 * 86_400,
        GucContext::Suset,
        GucFlags::UNIT_S,
    );
    register_costs();
    register_gates();
    register_drift();
    reserve_prefix();
}

/// At which share of a budget somebody is told; read by sql/install/cost.sql.
fn register_costs() {
    let percent = |name, short, setting: &'static GucSetting<i32>| {
        let long =
            c"In percent of what may be spent in the period; at 100 the budget's own measure is taken.";
        GucRegistry::define_int_guc(
            name,
            short,
            long,
            setting,
            1,
            100,
            GucContext::Suset,
            GucFlags::default(),
        );
    };
    percent(
        c"sira.cost_alert_threshold_percent",
        c"The share of a budget that raises an alert.",
        &COST_ALERT,
    );
    percent(
        c"sira.cost_critical_threshold_percent",
        c"The share of a budget that raises an alert of high severity.",
        &COST_CRITICAL,
    );
}

/// What a version must show before it may go on, where `sira_gates` says nothing else.
fn register_gates() {
    let minimum = |name, short, long, setting: &'static GucSetting<f64>, lowest| {
        GucRegistry::define_float_guc(
            name,
            short,
            long,
            setting,
            lowest,
            1.0,
            GucContext::Suset,
            GucFlags::default(),
        );
    };
    minimum(
        c"sira.min_auc",
        c"The area under the ROC curve that a binary model needs for production.",
        c"To be validated it needs 0.85, or this where it is less. 0 asks nothing.",
        &MIN_AUC,
        0.0,
    );
    minimum(
        c"sira.min_precision",
        c"The precision that a binary model needs to be validated.",
        c"At the threshold it was measured with. 0 asks nothing.",
        &MIN_PRECISION,
        0.0,
    );
    minimum(
        c"sira.min_recall",
        c"The recall that a binary model needs to be validated.",
        c"At the threshold it was measured with. 0 asks nothing.",
        &MIN_RECALL,
        0.0,
    );
    minimum(
        c"sira.min_improvement",
        c"By which share of the champion's value a version must be better on the same rows.",
        c"Or by a fifth of what is left to perfection, where that is less. -1 asks for no comparison.",
        &MIN_IMPROVEMENT,
        -1.0,
    );
    GucRegistry::define_int_guc(
        c"sira.min_gate_rows",
        c"On how many rows a version must have been measured for a gate, and on how many of each class.",
        c"Of slices, those with fewer rows are not looked at unless their gate says another number. 0 asks nothing.",
        &MIN_GATE_ROWS,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"sira.auto_promote",
        c"Lets sira_auto_promote take a new version as far as gates and approval policies allow.",
        c"Where a gate is not met or a signature is lacking it stops, and says so.",
        &AUTO_PROMOTE,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"sira.bypass_gates",
        c"Lets a superuser take a version past gates and approval policies.",
        c"Counts only where the session's user is a superuser; what was not met is recorded in sira_model_transitions.",
        &BYPASS_GATES,
        GucContext::Suset,
        GucFlags::default(),
    );
}

/// What a drift run tolerates; `sql/install/drift.sql` reads them.
fn register_drift() {
    let threshold = |name, short, long, setting: &'static GucSetting<f64>| {
        GucRegistry::define_float_guc(
            name,
            short,
            long,
            setting,
            0.0,
            10.0,
            GucContext::Suset,
            GucFlags::default(),
        );
    };
    threshold(
        c"sira.drift_ks_threshold",
        c"The largest Kolmogorov-Smirnov distance, or total variation of categories, that is no drift.",
        c"A distance above it is drift where it is no chance either.",
        &DRIFT_KS,
    );
    threshold(
        c"sira.drift_psi_threshold",
        c"The largest population stability index that is no drift.",
        c"What sampling alone adds to an index is allowed for on top.",
        &DRIFT_PSI,
    );
    threshold(
        c"sira.drift_mape_threshold",
        c"By how much of its baseline the mean absolute percentage error may grow.",
        c"Relative: 0.15 is 15 per cent more.",
        &DRIFT_MAPE,
    );
    threshold(
        c"sira.drift_accuracy_threshold",
        c"How much of their baseline AUC and accuracy may lose.",
        c"Relative: 0.1 is a tenth less.",
        &DRIFT_ACCURACY,
    );
}

/// A decision that no trigger could act on would show only when scoring fails: it is refused when set.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn check_decision(
    value: *mut *mut std::ffi::c_char,
    _extra: *mut *mut std::ffi::c_void,
    _source: pgrx::pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: PostgreSQL passes the address of a C string or of NULL.
    let decision = unsafe {
        match (*value).is_null() {
            true => return true,
            false => CStr::from_ptr(*value).to_string_lossy(),
        }
    };
    decision.is_empty() || DECISIONS.contains(&decision.as_ref())
}

#[cfg(any(feature = "pg13", feature = "pg14"))]
fn reserve_prefix() {
    // SAFETY: a static C string; PostgreSQL copies it.
    unsafe { pgrx::pg_sys::EmitWarningsOnPlaceholders(c"sira".as_ptr()) }
}

#[cfg(not(any(feature = "pg13", feature = "pg14")))]
fn reserve_prefix() {
    // SAFETY: a static C string; PostgreSQL copies it.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(c"sira".as_ptr()) }
}

/// A text setting, with the empty string read as unset.
pub fn text(setting: &GucSetting<Option<CString>>) -> Option<String> {
    setting.get().and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}
