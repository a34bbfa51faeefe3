//! One version, or two side by side, against the same rows.

use super::labels;
use super::measure::{Metrics, Scored, Terms, pick};
use super::record::Evaluation;
use super::sheet::{self, Roles, Sheet};
use crate::catalog::Home;
use crate::columns::Column;
use crate::error::{Failure, Result};
use crate::scoring::Scorer;
use crate::statement::{Arguments, Mode, Statement};
use crate::version::{self, Resolved};
use pgrx::datum::Uuid;
use pgrx::{JsonB, PgSqlErrorCode, pg_sys};
use serde_json::{Map, Value};
use sira_core::metrics::sweep::Costs;
use sira_core::policy::DEFAULT_THRESHOLD;
use sira_core::signature::Task;
use std::rc::Rc;

/// A version that is measured. The kill switch does not hold here: what is switched off is looked at all the more.
pub struct Contestant {
    resolved: Rc<Resolved>,
    pub scorer: Scorer,
    pub terms: Terms,
}

impl Contestant {
    /// `threshold` is the caller's; without one the policy's counts, as in scoring.
    pub fn of(home: Home, model: &str, threshold: Option<f64>, capacity: Option<f64>) -> Result<Self> {
        let resolved = version::resolve(home, model)?;
        let version = resolved.version(home)?;
        let scorer = Scorer::of_version(home, &resolved.model, version, None)?;
        let task = scorer.version.signature.task;
        if task == Task::Ranking {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                "models of task ranking cannot be evaluated on a query",
            )
            .hint("Their NDCG, round by round, stands in sira_training_runs.history."));
        }
        let parted = matches!(task, Task::Binary | Task::Anomaly);
        let wrong = |name: &str, given: f64, hint: &str| {
            Failure::new(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("argument \"{name}\" cannot be {given}"),
            )
            .hint(hint)
        };
        if let Some(given) = threshold.filter(|given| !given.is_finite()) {
            return Err(wrong("threshold", given, "Give a number, such as 0.7, or NULL for the policy's."));
        }
        if let Some(given) = capacity.filter(|given| !(*given > 0.0 && *given <= 1.0)) {
            return Err(wrong("capacity", given, "Give a share above 0 and up to 1, such as 0.05."));
        }
        for (name, given) in [("threshold", threshold), ("capacity", capacity)] {
            if given.is_some() && !parted {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                    format!("a {name} is given for a model that has none"),
                )
                .detail(format!("Model \"{}\" is of task {task}.", resolved.model))
                .hint(format!("Leave \"{name}\" out: it parts two classes.")));
            }
        }
        let policy = if parted { resolved.policy(home)? } else { None };
        let terms = Terms {
            threshold: threshold
                .or(policy.as_ref().and_then(|policy| policy.threshold))
                .unwrap_or(DEFAULT_THRESHOLD),
            capacity,
            costs: policy
                .and_then(|policy| costs_of(home, &resolved.tenant, policy.id).transpose())
                .transpose()?,
        };
        Ok(Self { resolved, scorer, terms })
    }

    /// The threshold that is written down: none where there are no two classes.
    fn threshold(&self) -> Option<f64> {
        matches!(self.task(), Task::Binary | Task::Anomaly).then_some(self.terms.threshold)
    }

    pub fn task(&self) -> Task {
        self.scorer.version.signature.task
    }

    /// The version as calls name it.
    pub fn reference(&self) -> String {
        format!("{}/{}", self.resolved.model, self.scorer.version.number)
    }
}

thread_local! {
    static COSTS: Statement = const {
        Statement::new(
            "SELECT cost_matrix FROM {s}.sira_decision_policies WHERE tenant_id {=} $1 AND id {=} $2",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
}

/// The cost matrix of a policy, if it has one.
fn costs_of(home: Home, tenant: &str, policy: Uuid) -> Result<Option<Costs>> {
    let by_id = Arguments::new().bind(tenant).bind(policy);
    let found =
        home.as_owner(|| COSTS.with(|costs| costs.first(home, Mode::Read, by_id, |row| Ok(row.get(1)))))?;
    found.flatten().map(|JsonB(matrix)| costs(&matrix)).transpose()
}

/// What one outcome may cost at most: times the rows of any table the sum is a number still.
const MOST_COST: f64 = 1e12;

/// Reads a cost matrix: `{"fp": 1, "fn": 20}`.
pub fn costs(matrix: &Value) -> Result<Costs> {
    let unreadable = |detail: String| {
        Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "the cost matrix cannot be read")
            .detail(detail)
            .hint(r#"Write it as {"fp": 1, "fn": 20}; a gain is a negative cost, what is not named costs nothing."#)
    };
    let costs: Costs =
        serde_json::from_value(matrix.clone()).map_err(|error| unreadable(format!("{error}.")))?;
    let Costs { tp, fp, tn, fn_ } = costs;
    match [tp, fp, tn, fn_].into_iter().find(|cost| cost.is_nan() || cost.abs() > MOST_COST) {
        None => Ok(costs),
        Some(cost) => Err(unreadable(format!("A cost of {cost:e} is beyond {MOST_COST:e}."))),
    }
}

/// What is asked.
pub struct Ask<'a> {
    pub query: &'a str,
    pub roles: Roles<'a>,
    pub purpose: &'a str,
}

/// What came of it for one version.
pub struct Outcome {
    pub scored: Scored,
    pub metrics: Metrics,
}

/// Reads the rows once and measures every version on them.
pub fn contest(ask: &Ask<'_>, contestants: &[Contestant]) -> Result<(Sheet, Vec<Outcome>)> {
    let scorers: Vec<&Scorer> = contestants.iter().map(|contestant| &contestant.scorer).collect();
    let mut sheet = sheet::read(ask.query, &ask.roles, &scorers)?;
    let answers = std::mem::take(&mut sheet.answers);
    let outcomes = contestants
        .iter()
        .zip(answers)
        .map(|(contestant, answers)| {
            let width = contestant.scorer.width();
            let truth = labels::code(&contestant.scorer.version.signature, width, &sheet.label)?;
            let scored = Scored { width, answers, truth };
            pgrx::check_for_interrupts!();
            let weights = sheet.weight.as_deref();
            let mut metrics = scored.measure(weights, &contestant.terms)?;
            metrics.insert("rows_without_label".to_owned(), Value::from(sheet.unlabelled));
            metrics.extend(scored.curves(weights)?);
            Ok(Outcome { scored, metrics })
        })
        .collect::<Result<_>>()?;
    Ok((sheet, outcomes))
}

/// The metrics by each value of each slice's column: `{"country": {"FR": {…}, …}, …}`; NULL goes by `(null)`.
pub fn slices(sheet: &Sheet, scored: &Scored, terms: &Terms) -> Result<Map<String, Value>> {
    let mut all = Map::new();
    for column in &sheet.slices {
        let mut by_value = Map::new();
        for (value, rows) in rows_by_value(column)? {
            pgrx::check_for_interrupts!();
            let weights = sheet.weight.as_deref().map(|weights| pick(weights, &rows));
            // Nothing can be said of rows that count for nothing.
            let metrics =
                match weights.as_ref().is_some_and(|weights| weights.iter().all(|weight| *weight == 0.0)) {
                    true => Map::from_iter([("rows".to_owned(), Value::from(rows.len()))]),
                    false => scored.pick(&rows).measure(weights.as_deref(), terms)?,
                };
            by_value.insert(value, Value::Object(metrics));
        }
        all.insert(column.name.clone(), Value::Object(by_value));
    }
    Ok(all)
}

/// The rows of each value, in the order of the values, NULL last.
fn rows_by_value(column: &Column) -> Result<Vec<(String, Vec<u32>)>> {
    let at = |row: &u32| column.values.get(*row as usize).copied().unwrap_or(f64::NAN);
    let mut rows: Vec<u32> = (0..column.values.len() as u32).collect();
    rows.sort_by(|a, b| at(a).total_cmp(&at(b)));
    let same = |a: &u32, b: &u32| at(a) == at(b) || (at(a).is_nan() && at(b).is_nan());
    let chunks: Vec<&[u32]> = rows.chunk_by(same).collect();
    if chunks.len() > sheet::SLICES {
        return Err(sheet::too_many_slices(&column.name));
    }
    let named = |rows: &[u32]| match rows.first().map(&at) {
        Some(value) if !value.is_nan() => column.shown(value),
        _ => "(null)".to_owned(),
    };
    Ok(chunks.into_iter().map(|rows| (named(rows), rows.to_vec())).collect())
}

/// Writes down what came of it for one version.
pub fn record(
    home: Home,
    ask: &Ask<'_>,
    contestant: &Contestant,
    sheet: &Sheet,
    metrics: &Metrics,
    intervals: Option<&Map<String, Value>>,
    slices: Option<&Map<String, Value>>,
) -> Result<()> {
    Evaluation {
        model_id: contestant.resolved.model_id,
        version_id: contestant.scorer.version.id,
        version: contestant.scorer.version.number,
        task: contestant.task(),
        purpose: ask.purpose,
        query: ask.query,
        label: ask.roles.label,
        weight: ask.roles.weight,
        threshold: contestant.threshold(),
        rows: sheet.rows(),
        digest: &sheet.digest,
        metrics,
        intervals,
        slices: slices.filter(|slices| !slices.is_empty()),
        run_id: None,
    }
    .record(home)
}
