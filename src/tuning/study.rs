//! A study: what is asked of it, and its trials so far.

use crate::api::hand;
use crate::catalog::{self, Home};
use crate::error::{Failure, Result};
use crate::registration;
use crate::statement::{Arguments, Mode, Row, Statement};
use crate::training::ask::Ask;
use crate::training::run;
use crate::training::settings::Settings;
use crate::training::stored::foreign;
use crate::tuning::trial::{self, Trial};
use pgrx::datum::{Interval, Uuid};
use pgrx::{IntoDatum, JsonB, PgSqlErrorCode, pg_sys};
use serde_json::{Map, Value};
use sira_core::tuning::{Method, Space};
use sira_train::Params;

/// Parameters that decide what is compared, or how, and so are the same for all trials.
const FIXED: [&str; 6] = ["objective", "metric", "start_mode", "refit_decay_rate", "class_weight", "task"];

/// What a study is asked beside the training.
pub struct Plan {
    pub space: Value,
    pub method: Method,
    pub folds: i32,
    pub trials: i32,
    pub seconds: Option<f64>,
}

/// A study as its row says.
pub struct Study {
    pub id: Uuid,
    pub ask: Ask,
    pub plan: Plan,
    pub is_done: bool,
    pub data_digest: Option<Vec<u8>>,
    started_by: String,
}

thread_local! {
    static CREATE: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_tuning_studies (id, tenant_id, model_id, query, label, params, split, embargo, options, \
             seed, feature_set, notes, space, method, folds, trials, seconds, started_by) \
             VALUES ($1, $2, $3, $4, $5, $6::pg_catalog.jsonb, $7::pg_catalog.jsonb, $8, $9::pg_catalog.jsonb, $10, $11, \
             $12, $13::pg_catalog.jsonb, $14, $15, $16, $17, session_user)",
            &[
                pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID,
                pg_sys::TEXTOID, pg_sys::INTERVALOID, pg_sys::TEXTOID, pg_sys::INT8OID, pg_sys::TEXTOID,
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INT4OID, pg_sys::INT4OID,
                pg_sys::FLOAT8OID,
            ],
        )
    };
    // Locked: two sessions that go on with one study take turns.
    static FIND: Statement = const {
        Statement::new(
            "SELECT m.name, s.query, s.label, s.params, s.split, s.embargo, s.options, s.seed, s.feature_set, s.notes, \
             s.space, s.method, s.folds, s.trials, s.seconds, s.status, s.data_digest, s.started_by \
             FROM {s}.sira_tuning_studies s JOIN {s}.sira_models m ON m.tenant_id {=} s.tenant_id AND m.id {=} s.model_id \
             WHERE s.tenant_id {=} $1 AND s.id {=} $2 FOR UPDATE OF s",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
    static TRIALS: Statement = const {
        Statement::new(
            "SELECT number, parameters, fold_values, rounds, value, error_message, elapsed_seconds, rung, rung_rounds \
             FROM {s}.sira_tuning_trials WHERE study_id {=} $1 ORDER BY number",
            &[pg_sys::UUIDOID],
        )
    };
}

/// Checks what is asked, and writes it down.
pub fn create(home: Home, ask: &Ask, plan: &Plan) -> Result<Uuid> {
    // Whoever began it has its query read with their rights when it goes on.
    hand::require_own("a study is begun")?;
    if plan.trials < 1 || plan.seconds.is_some_and(|seconds| seconds.is_nan() || seconds <= 0.0) {
        return Err(
            invalid("a study needs a budget").hint("Give at least one trial, and seconds above 0 or none.")
        );
    }
    if !(1..=20).contains(&plan.folds) {
        return Err(invalid("a study has 1 to 20 folds").detail(format!("It asks for {}.", plan.folds)));
    }
    let own = registration::find_model(home, &ask.model)?;
    let space = Space::from_json(&plan.space)?;
    if let Some(name) = space
        .names()
        .find(|name| plan.method == Method::Halving && Params::canonical(name) == "num_iterations")
    {
        return Err(invalid(&format!("\"{name}\" cannot be tuned by halving"))
            .detail("Each rung has its own number of rounds.")
            .hint("Give the last rung's in params, or choose tpe or random."));
    }
    if let Some(name) = space.names().find(|name| FIXED.contains(&Params::canonical(name))) {
        return Err(invalid(&format!("\"{name}\" cannot be tuned"))
            .hint("Trials are compared by one measure on the same rows: give it in params."));
    }
    Params::from_json(own.task, 2, &ask.params)?.validate()?;
    // Each end and choice by itself: what excludes what shows in the trials.
    for (name, value) in space.extremes() {
        Params::from_json(own.task, 2, &trial::merged(ask, &Map::from_iter([(name.to_owned(), value)])))?;
    }
    let id = run::new_id()?;
    let row = Arguments::new()
        .bind(id)
        .bind(own.tenant.as_str())
        .bind(own.id)
        .bind(ask.query.as_str())
        .bind(ask.label.as_str())
        .bind(ask.params.to_string())
        .bind(ask.split.to_string())
        .bind_datum(ask.embargo.into_datum())
        .bind(ask.options().to_string())
        .bind(ask.seed)
        .bind(ask.feature_set.as_deref())
        .bind(ask.notes.as_deref())
        .bind(plan.space.to_string())
        .bind(plan.method.name())
        .bind(plan.folds)
        .bind(plan.trials)
        .bind(plan.seconds);
    home.as_owner(|| CREATE.with(|create| create.each(home, Mode::Write, row, |_| Ok(()))))?;
    Ok(id)
}

impl Study {
    /// The study of the caller's tenant, locked, if the session may run its query.
    pub fn claim(home: Home, id: Uuid) -> Result<Self> {
        let tenant = catalog::require_tenant(home)?;
        let by_id = Arguments::new().bind(tenant.as_str()).bind(id);
        let found =
            home.as_owner(|| FIND.with(|find| find.first(home, Mode::Write, by_id, |row| read(id, row))))?;
        let study = found.ok_or_else(|| {
            Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
                format!("tuning study {id} does not exist"),
            )
            .hint("SELECT id, status, started_at FROM sira_tuning_studies ORDER BY started_at DESC;")
        })??;
        if foreign(&study.started_by) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
                format!("tuning study {id} is of role \"{}\"", study.started_by),
            )
            .detail("Its query would run with the rights of another.")
            .hint("Log in as that role, or begin a study of your own."));
        }
        Ok(study)
    }
}

fn read(id: Uuid, row: &Row) -> Result<Result<Study>> {
    let json = |ordinal| row.get::<JsonB>(ordinal).map_or(Value::Null, |JsonB(json)| json);
    let ask = Ask {
        model: row.need(1)?,
        query: row.need(2)?,
        label: row.need(3)?,
        time: None,
        weight: None,
        exclude: Vec::new(),
        group: None,
        positive: None,
        params: json(4),
        split: json(5),
        embargo: row.get(6).unwrap_or_else(|| Interval::from_micros(0)),
        seed: row.need(8)?,
        feature_set: row.get(9),
        notes: row.get(10),
        calibration: None,
        start_from: None,
        settings: Settings::default(),
    };
    let method: Result<Method> = row.need::<String>(12)?.parse().map_err(Failure::from);
    Ok(ask.with_options(&json(7)).and_then(|ask| {
        Ok(Study {
            id,
            ask,
            plan: Plan {
                space: json(11),
                method: method?,
                folds: row.need(13)?,
                trials: row.need(14)?,
                seconds: row.get(15),
            },
            is_done: row.need::<String>(16)? == "done",
            data_digest: row.get(17),
            started_by: row.need(18)?,
        })
    }))
}

/// The trials of a study, in their order.
pub fn trials(home: Home, id: Uuid) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    let of_study = Arguments::new().bind(id);
    home.as_owner(|| {
        TRIALS.with(|all| {
            all.each(home, Mode::Write, of_study, |row| {
                trials.push(Trial {
                    number: row.need(1)?,
                    params: row
                        .get::<JsonB>(2)
                        .and_then(|json| json.0.as_object().cloned())
                        .unwrap_or_default(),
                    folds: row.get(3).unwrap_or_default(),
                    rounds: row.get(4).unwrap_or_default(),
                    value: row.get(5),
                    error: row.get(6),
                    seconds: row.get(7).unwrap_or_default(),
                    rung: row.get(8).zip(row.get(9)),
                });
                Ok(())
            })
        })
    })?;
    Ok(trials)
}

/// What became of a study: its best trial, the run and the version.
pub fn outcome(home: Home, id: Uuid) -> Result<(Option<i32>, Option<Uuid>, Option<i32>)> {
    thread_local! {
        static OUTCOME: Statement = const {
            Statement::new(
                "SELECT best_trial, run_id, version FROM {s}.sira_tuning_studies WHERE id {=} $1",
                &[pg_sys::UUIDOID],
            )
        };
    }
    let by_id = Arguments::new().bind(id);
    let found = home.as_owner(|| {
        OUTCOME
            .with(|find| find.first(home, Mode::Write, by_id, |row| Ok((row.get(1), row.get(2), row.get(3)))))
    })?;
    Ok(found.unwrap_or_default())
}

fn invalid(message: &str) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}
