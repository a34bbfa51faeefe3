//! Work on a study: trial after trial until the budget is spent, then the training of the best.

use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::statement::{Arguments, Mode, Statement};
use crate::training::fit::fit;
use crate::training::prepare::{Prepared, prepare};
use crate::training::run;
use crate::tuning::study::{Study, trials};
use crate::tuning::trial::{self, Next, Trial};
use pgrx::{PgSqlErrorCode, pg_sys};
use serde_json::Value;
use sira_core::split::Fold;
use sira_core::tuning::halving::{self, Ended, Rung};
use sira_core::tuning::{self, Method, Space, Tried};
use std::time::Instant;

/// A study with its rows read and folded.
pub struct Work<'a> {
    home: Home,
    study: &'a Study,
    space: Space,
    prepared: Prepared,
    folds: Vec<Fold>,
    trials: Vec<Trial>,
}

thread_local! {
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
    static RECORD: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_tuning_trials (study_id, tenant_id, number, parameters, fold_values, rounds, value, status, \
             error_message, elapsed_seconds, seed, rung, rung_rounds) VALUES ($1, $2, $3, $4::pg_catalog.jsonb, $5, $6, $7, \
             CASE WHEN $8 IS NULL THEN 'completed' ELSE 'failed' END, $8, $9, $10, $11, $12)",
            &[
                pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::INT4OID, pg_sys::TEXTOID, pg_sys::FLOAT8ARRAYOID,
                pg_sys::INT4ARRAYOID, pg_sys::FLOAT8OID, pg_sys::TEXTOID, pg_sys::FLOAT8OID, pg_sys::INT8OID,
                pg_sys::INT4OID, pg_sys::INT4OID,
            ],
        )
    };
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

    /// What to try next; none when the budget is spent.
    fn next(&self) -> Option<Next> {
        let spent: f64 = self.trials.iter().map(|trial| trial.seconds).sum();
        if self.study.plan.seconds.is_some_and(|seconds| spent >= seconds) {
            return None;
        }
        let seed = self.study.ask.seed_bits();
        let trials = usize::try_from(self.study.plan.trials).unwrap_or(0);
        if self.study.plan.method == Method::Halving {
            let ended: Vec<Ended> = self
                .trials
                .iter()
                .map(|trial| Ended {
                    rung: trial.rung.and_then(|(rung, _)| usize::try_from(rung).ok()).unwrap_or(1),
                    params: trial.params.clone(),
                    loss: self.loss(trial),
                })
                .collect();
            let next = halving::next(&self.space, seed, &self.ladder(trials), &ended)?;
            let rung = (i32::try_from(next.rung).ok()?, i32::try_from(next.rounds).ok()?);
            return Some(Next { params: next.params, rung: Some(rung) });
        }
        if self.trials.len() >= trials {
            return None;
        }
        let tried: Vec<Tried> = self
            .trials
            .iter()
            .filter_map(|trial| Some(Tried { params: trial.params.clone(), loss: self.loss(trial)? }))
            .collect();
        let number = u64::try_from(self.following()).unwrap_or(0);
        let params = tuning::suggest(&self.space, self.study.plan.method, seed, number, &tried);
        Some(Next { params, rung: None })
    }

    /// The rungs of a study by halving: its parameters' rounds are those of the last.
    fn ladder(&self, trials: usize) -> Vec<Rung> {
        halving::ladder(trials, self.prepared.params.rounds())
    }

    /// The number of the trial that comes next.
    fn following(&self) -> i32 {
        self.trials.last().map_or(1, |last| last.number + 1)
    }

    /// What is to be small.
    fn loss(&self, trial: &Trial) -> Option<f64> {
        trial.value.map(|value| if self.prepared.params.greater_is_better() { -value } else { value })
    }

    /// Whether the budget is spent.
    pub fn is_spent(&self) -> bool {
        self.next().is_none()
    }

    /// Tries on until the budget is spent, or `slice` seconds have passed and a trial was made.
    pub fn go_on(&mut self, slice: Option<f64>) -> Result<()> {
        let started = Instant::now();
        while let Some(next) = self.next() {
            let trial = trial::run(&self.study.ask, &self.prepared, &self.folds, self.following(), next);
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
            .bind(self.study.ask.seed)
            .bind(trial.rung.map(|(rung, _)| rung))
            .bind(trial.rung.map(|(_, rounds)| rounds));
        self.home.as_owner(|| RECORD.with(|record| record.each(self.home, Mode::Write, row, |_| Ok(()))))?;
        Ok(())
    }

    /// The best trial so far; among equals the one of the highest rung, and the first there.
    fn best(&self) -> Option<&Trial> {
        let rung = |trial: &Trial| trial.rung.map(|(rung, _)| rung);
        let done = self.trials.iter().filter_map(|trial| Some((self.loss(trial)?, trial)));
        done.min_by(|a, b| a.0.total_cmp(&b.0).then_with(|| rung(b.1).cmp(&rung(a.1))))
            .map(|(_, trial)| trial)
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
