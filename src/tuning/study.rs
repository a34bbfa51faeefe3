//! A study: what is asked of it, its trials so far, and how it goes on.

use crate::catalog::{self, Home};
use crate::error::{Failure, Result};
use crate::registration;
use crate::statement::{Arguments, Mode, Row, Statement};
use crate::training::ask::Ask;
use crate::training::fit::fit;
use crate::training::prepare::{Prepared, prepare};
use crate::training::run;
use crate::training::settings::Settings;
use crate::training::stored::foreign;
use crate::tuning::trial::{self, Trial};
use pgrx::datum::{Interval, Uuid};
use pgrx::{IntoDatum, JsonB, PgSqlErrorCode, pg_sys};
use serde_json::{Map, Value};
use sira_core::split::Fold;
use sira_core::tuning::{self, Method, Space, Tried};
use sira_train::Params;
use std::time::Instant;

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
    data_digest: Option<Vec<u8>>,
    started_by: String,
}

/// A study with its rows read and folded.
pub struct Work<'a> {
    home: Home,
    study: &'a Study,
    space: Space,
    prepared: Prepared,
    folds: Vec<Fold>,
    pub trials: Vec<Trial>,
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
    static NOTE_DATA: Statement = const {
        Statement::new(
            "UPDATE {s}.sira_tuning_studies SET data_digest = $2, metric = $3, higher_is_better = $4 WHERE id {=} $1",
            &[pg_sys::UUIDOID, pg_sys::BYTEAOID, pg_sys::TEXTOID, pg_sys::BOOLOID],
        )
    };
    static FINISH: Statement = const {
        Statement::new(
            "UPDATE {s}.sira_tuning_studies SET status = 'done', best_trial = $2, run_id = $3, model_version_id = $4, \
             version = $5, finished_at = pg_catalog.clock_timestamp() WHERE id {=} $1",
            &[pg_sys::UUIDOID, pg_sys::INT4OID, pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::INT4OID],
        )
    };
    static TRIALS: Statement = const {
        Statement::new(
            "SELECT number, params, fold_values, rounds, value, error_message, seconds \
             FROM {s}.sira_tuning_trials WHERE study_id {=} $1 ORDER BY number",
            &[pg_sys::UUIDOID],
        )
    };
    static RECORD: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_tuning_trials (study_id, tenant_id, number, params, fold_values, rounds, value, status, \
             error_message, seconds, seed) VALUES ($1, $2, $3, $4::pg_catalog.jsonb, $5, $6, $7, \
             CASE WHEN $8 IS NULL THEN 'completed' ELSE 'failed' END, $8, $9, $10)",
            &[
                pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::INT4OID, pg_sys::TEXTOID, pg_sys::FLOAT8ARRAYOID,
                pg_sys::INT4ARRAYOID, pg_sys::FLOAT8OID, pg_sys::TEXTOID, pg_sys::FLOAT8OID, pg_sys::INT8OID,
            ],
        )
    };
}

/// Checks what is asked, and writes it down.
pub fn create(home: Home, ask: &Ask, plan: &Plan) -> Result<Uuid> {
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
    if let Some(name) = space.names().find(|name| FIXED.contains(name)) {
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
                });
                Ok(())
            })
        })
    })?;
    Ok(trials)
}

impl<'a> Work<'a> {
    /// Reads the study's rows. They must be those of its trials so far.
    pub fn begin(home: Home, study: &'a Study) -> Result<Self> {
        let prepared = {
            let _settings = study.ask.settings.hold();
            prepare(home, &study.ask)?
        };
        match &study.data_digest {
            Some(digest) if digest.as_slice() != prepared.data.digest => {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!("the rows of tuning study {} have changed", study.id),
                )
                .detail("Trials on other rows cannot be compared with those before.")
                .hint("Begin another study, on rows that stay: a training table, or bounds in the query."));
            }
            Some(_) => {}
            None => {
                let row = Arguments::new()
                    .bind(study.id)
                    .bind(prepared.data.digest.as_slice())
                    .bind(prepared.params.metric())
                    .bind(prepared.params.greater_is_better());
                home.as_owner(|| NOTE_DATA.with(|note| note.each(home, Mode::Write, row, |_| Ok(()))))?;
            }
        }
        let count = usize::try_from(study.plan.folds).unwrap_or(1);
        Ok(Self {
            home,
            space: Space::from_json(&study.plan.space)?,
            folds: trial::folds(&prepared, count, study.ask.seed_bits())?,
            prepared,
            trials: trials(home, study.id)?,
            study,
        })
    }

    /// Whether the budget is spent.
    pub fn is_spent(&self) -> bool {
        let spent: f64 = self.trials.iter().map(|trial| trial.seconds).sum();
        self.trials.len() >= usize::try_from(self.study.plan.trials).unwrap_or(0)
            || self.study.plan.seconds.is_some_and(|seconds| spent >= seconds)
    }

    /// Tries on until the budget is spent, or `slice` seconds have passed and a trial was made.
    pub fn go_on(&mut self, slice: Option<f64>) -> Result<()> {
        let started = Instant::now();
        while !self.is_spent() {
            let number = self.trials.last().map_or(1, |last| last.number + 1);
            let greater = self.prepared.params.greater_is_better();
            let tried: Vec<Tried> = self
                .trials
                .iter()
                .filter_map(|trial| {
                    let value = trial.value?;
                    Some(Tried { params: trial.params.clone(), loss: if greater { -value } else { value } })
                })
                .collect();
            let seed = self.study.ask.seed_bits();
            let (method, which) = (self.study.plan.method, u64::try_from(number).unwrap_or(0));
            let params = tuning::suggest(&self.space, method, seed, which, &tried);
            let trial = trial::run(&self.study.ask, &self.prepared, &self.folds, number, params);
            self.record(&trial)?;
            self.trials.push(trial);
            if slice.is_some_and(|slice| started.elapsed().as_secs_f64() >= slice) {
                break;
            }
        }
        Ok(())
    }

    fn record(&self, trial: &Trial) -> Result<()> {
        let row = Arguments::new()
            .bind(self.study.id)
            .bind(self.prepared.own.tenant.as_str())
            .bind(trial.number)
            .bind(Value::Object(trial.params.clone()).to_string())
            .bind(trial.folds.clone())
            .bind(trial.rounds.clone())
            .bind(trial.value)
            .bind(trial.error.as_deref())
            .bind(trial.seconds)
            .bind(self.study.ask.seed);
        self.home.as_owner(|| RECORD.with(|record| record.each(self.home, Mode::Write, row, |_| Ok(()))))?;
        Ok(())
    }

    /// The best trial so far; among equals the first.
    fn best(&self) -> Option<&Trial> {
        let greater = self.prepared.params.greater_is_better();
        let loss = |trial: &Trial| trial.value.map(|value| if greater { -value } else { value });
        let done = self.trials.iter().filter_map(|trial| Some((loss(trial)?, trial)));
        done.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, trial)| trial)
    }

    /// Trains the best parameters on the study's own split, registers the version, and closes the study.
    pub fn finish(&mut self) -> Result<()> {
        let Some(best) = self.best() else {
            let why = self.trials.iter().rev().find_map(|trial| trial.error.clone()).unwrap_or_default();
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("no trial of tuning study {} came to its end", self.study.id),
            )
            .detail(format!("The last one failed: {why}."))
            .hint("Narrow the space, or lower \"min_data_in_leaf\"."));
        };
        let number = best.number;
        let mut ask = self.study.ask.clone();
        ask.params = trial::merged(&self.study.ask, &best.params);
        if ask.notes.is_none() {
            ask.notes =
                Some(format!("best of {} trials of tuning study {}", self.trials.len(), self.study.id));
        }
        self.prepared.params = trial::valid(&self.study.ask, &self.prepared, &best.params)?;
        let fitted = fit(self.home, &ask, &mut self.prepared)?;
        let (run_id, registered) = run::register(self.home, &ask, &self.prepared, &fitted)?;
        let row = Arguments::new()
            .bind(self.study.id)
            .bind(number)
            .bind(run_id)
            .bind(registered.id)
            .bind(registered.number);
        self.home.as_owner(|| FINISH.with(|finish| finish.each(self.home, Mode::Write, row, |_| Ok(()))))?;
        Ok(())
    }
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
