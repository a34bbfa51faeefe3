//! A model, its version and its policy as one statement sees them: what every way of scoring shares.

use crate::cache::Loaded;
use crate::catalog::Home;
use crate::error::{Failure, Result, literal};
use crate::features::Features;
use crate::guc;
use crate::version::{self, Policy, Resolved, Version};
use pgrx::PgSqlErrorCode;
use sira_core::policy::{self, Verdict};
use sira_core::signature::Task;
use sira_core::{predict, shap};
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

thread_local! {
    // Room to work in, kept between rows: making it anew would cost more than scoring a row.
    static SCRATCH: RefCell<predict::Scratch> = RefCell::new(predict::Scratch::new());
    static EXPLAIN_SCRATCH: RefCell<shap::Scratch> = RefCell::new(shap::Scratch::new());
}

/// Everything needed to score with one version.
pub struct Scorer {
    pub model: String,
    pub version: Rc<Version>,
    pub policy: Option<Rc<Policy>>,
    loaded: Rc<Loaded>,
}

/// What the model makes of one vector.
pub struct Outputs {
    pub raw: Vec<f64>,
    pub transformed: Vec<f64>,
}

/// How much one feature moved one answer.
pub struct Contribution {
    pub feature: usize,
    pub amount: f64,
}

impl Scorer {
    /// The scorer for a model reference, for scores without a verdict: no policy is looked for.
    pub fn new(home: Home, model: &str) -> Result<Self> {
        Self::of(home, &*version::resolve(home, model)?)
    }

    pub fn of(home: Home, resolved: &Resolved) -> Result<Self> {
        check_enabled(resolved)?;
        Self::of_version(home, &resolved.model, resolved.version(home)?, None)
    }

    /// The scorer of a prediction, which decides.
    pub fn deciding(home: Home, resolved: &Resolved) -> Result<Self> {
        check_enabled(resolved)?;
        Self::of_version(home, &resolved.model, resolved.version(home)?, resolved.policy(home)?)
    }

    /// The scorer of a version and a policy that are already known, for replays: no switch.
    pub fn of_version(
        home: Home,
        model: &str,
        version: Rc<Version>,
        policy: Option<Rc<Policy>>,
    ) -> Result<Self> {
        let loaded = version.load(home)?;
        Ok(Self { model: model.to_owned(), version, policy, loaded })
    }

    pub fn outputs(&self, features: &Features) -> Result<Outputs> {
        let model = self.loaded.compiled();
        let mut raw = vec![0.0; model.outputs()];
        SCRATCH.with_borrow_mut(|scratch| predict::raw_with(model, &features.vector, scratch, &mut raw))?;
        let mut transformed = raw.clone();
        predict::transform(model, &mut transformed);
        self.version.signature.calibrate(&mut transformed);
        Ok(Outputs { raw, transformed })
    }

    pub fn verdict(&self, outputs: &Outputs) -> Verdict {
        let policy = self.policy.as_deref();
        policy::verdict(
            &self.version.signature,
            &outputs.transformed,
            policy.and_then(|policy| policy.bands.as_ref()),
            policy.and_then(|policy| policy.threshold),
        )
    }

    /// The answer where there is one; a multiclass model has as many as it has classes.
    pub fn score(&self, features: &Features) -> Result<f64> {
        let mut score = [self.raw_score(features)?];
        predict::transform(self.loaded.compiled(), &mut score);
        self.version.signature.calibrate(&mut score);
        Ok(score[0])
    }

    /// The same before the output transform.
    pub fn raw_score(&self, features: &Features) -> Result<f64> {
        let model = self.loaded.compiled();
        if model.outputs() != 1 {
            return Err(self.a_score_a_class());
        }
        let mut out = [0.0];
        SCRATCH.with_borrow_mut(|scratch| predict::raw_with(model, &features.vector, scratch, &mut out))?;
        Ok(out[0])
    }

    /// The answers for many vectors that lie one after the other, by the kernel that is made for many.
    pub fn score_many(&self, vectors: &[f64], scores: &mut [f64]) -> Result<()> {
        match self.width() {
            1 => self.answer_many(vectors, scores),
            _ => Err(self.a_score_a_class()),
        }
    }

    /// The same for any model: as many answers a vector as it has outputs.
    pub fn answer_many(&self, vectors: &[f64], answers: &mut [f64]) -> Result<()> {
        let model = self.loaded.compiled();
        let rows = predict::Rows::row_major(vectors, model.feature_count())?;
        SCRATCH.with_borrow_mut(|scratch| predict::raw_batch(model, &rows, scratch, answers))?;
        answers.chunks_mut(model.outputs()).for_each(|answer| predict::transform(model, answer));
        self.version.signature.calibrate(answers);
        Ok(())
    }

    /// Whether answers lie between 0 and 1.
    pub fn is_bounded(&self) -> bool {
        is_bounded(&self.version)
    }

    /// Answers a row: one, or one a class.
    pub fn width(&self) -> usize {
        self.loaded.compiled().outputs()
    }

    fn a_score_a_class(&self) -> Failure {
        Failure::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("model \"{}\" gives one score a class", self.model),
        )
        .detail(format!("It has {} classes.", self.loaded.compiled().outputs()))
        .hint("Call sira_score_classes, or sira_predict for the most probable class.")
    }

    /// Contributions to the raw score of `output`, largest first, and the baseline they add to.
    pub fn contributions(&self, features: &Features, output: usize) -> Result<(Vec<Contribution>, f64)> {
        let model = self.loaded.compiled();
        let mut own = vec![0.0; model.feature_count() + 1];
        EXPLAIN_SCRATCH.with_borrow_mut(|scratch| {
            let mut checkpoint = || {
                pgrx::check_for_interrupts!();
                ControlFlow::Continue(())
            };
            let vector = &features.vector;
            let done = shap::contributions_of(model, vector, output, scratch, &mut checkpoint, &mut own);
            scratch.trim();
            done
        })?;
        let Some((baseline, amounts)) = own.split_last() else {
            return Err(Failure::internal("an explanation without a baseline"));
        };
        let mut contributions: Vec<Contribution> = amounts
            .iter()
            .enumerate()
            .map(|(feature, amount)| Contribution { feature, amount: *amount })
            .collect();
        contributions
            .sort_by(|a, b| b.amount.abs().total_cmp(&a.amount.abs()).then(a.feature.cmp(&b.feature)));
        Ok((contributions, *baseline))
    }
}

/// Whether a version's answers are probabilities.
pub fn is_bounded(version: &Version) -> bool {
    !matches!(version.signature.task, Task::Regression | Task::Ranking)
}

/// The kill switches: the setting for all models, the column for one.
pub fn check_enabled(resolved: &Resolved) -> Result<()> {
    let (what, hint) = if !guc::ENABLED.get() {
        ("scoring is switched off".to_owned(), "SET sira.enabled = on;".to_owned())
    } else if !resolved.enabled {
        (
            format!("model \"{}\" is switched off", resolved.model),
            format!("UPDATE sira_models SET enabled = true WHERE name = {};", literal(&resolved.model)),
        )
    } else {
        return Ok(());
    };
    Err(Failure::new(PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, what).hint(hint))
}
