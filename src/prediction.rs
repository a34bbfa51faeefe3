//! One prediction, from request to audit row: what `sira_predict`, the batch and the trigger share.

use crate::audit::{self, Answer, Entity, Entry, Record};
use crate::catalog::Home;
use crate::counters::record::{Throttle, Watch};
use crate::error::{Failure, Result, literal};
use crate::features::Features;
use crate::guc;
use crate::scoring::{self, Scorer};
use crate::version::{Resolved, Version};
use pgrx::PgSqlErrorCode;
use pgrx::datum::Uuid;
use serde_json::{Value, json};
use sira_core::policy::position_of_largest;
use sira_core::signature::Task;
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How many predictions of a batch are in memory before their audit rows are written.
const BLOCK: usize = 500;

/// What a caller asks.
pub struct Request<'a> {
    pub entity: Entity<'a>,
    /// PostgreSQL's microseconds; `None` is now. A row that is being written says it while its features are computed.
    pub as_of: Cell<Option<i64>>,
    /// How many reasons to give.
    pub explain: usize,
    /// A name under which a retried call gets the first answer.
    pub request_id: Option<&'a str>,
    /// JSON to keep with the prediction, such as country or channel.
    pub context: Option<String>,
}

/// One prediction that is made and not recorded yet.
struct Made {
    answer: Answer,
    record: Record,
}

/// Scores, decides and records.
///
/// Where scoring cannot answer (a kill switch, no version in production, an artifact that cannot be read,
/// features of a wrong type) and a fallback decision is declared, that is the answer, and the audit row
/// says so; without one the failure is raised.
pub fn predict(
    home: Home,
    resolved: &Resolved,
    request: &Request<'_>,
    features: impl FnOnce(&Version) -> Result<Features>,
) -> Result<Answer> {
    let started = Instant::now();
    let watch = Watch::begin(home, resolved);
    let id = new_id()?;
    if let (Some(id), Some(name)) = (id, request.request_id)
        && let Some(first) = audit::claim_request(home, resolved, request, name, id)?
    {
        watch.end();
        return Ok(first);
    }
    let Made { answer, record } = make(home, resolved, request, &watch, id, started, features)?;
    if let Some(id) = id {
        let taken = answer.latency;
        audit::write(home, resolved, &[Entry { id, request, record: &record, taken }])?;
        watch.spent(started.elapsed().saturating_sub(taken));
    }
    record.count(&watch, answer.latency);
    watch.end();
    Ok(answer)
}

/// The same for many; their audit rows are written together. Request ids are for single calls.
pub fn predict_all<'a>(
    home: Home,
    resolved: &Resolved,
    requests: &'a [Request<'a>],
    mut features: impl FnMut(usize, &Request<'a>, &Version) -> Result<Features>,
) -> Result<Vec<Answer>> {
    let watch = Watch::begin(home, resolved);
    let mut answers = Vec::with_capacity(requests.len());
    for (block, requests) in requests.chunks(BLOCK).enumerate() {
        pgrx::check_for_interrupts!();
        let mut records = Vec::with_capacity(requests.len());
        for (at, request) in requests.iter().enumerate() {
            let place = block * BLOCK + at;
            let read = |version: &Version| features(place, request, version);
            let Made { answer, record } =
                make(home, resolved, request, &watch, new_id()?, Instant::now(), read)?;
            records.push((record, answer.id, answer.latency));
            answers.push(answer);
        }
        let entries: Vec<Entry<'_>> = requests
            .iter()
            .zip(&records)
            .filter_map(|(request, (record, id, taken))| {
                Some(Entry { id: (*id)?, request, record, taken: *taken })
            })
            .collect();
        let scored = Instant::now();
        audit::write(home, resolved, &entries)?;
        watch.spent(scored.elapsed());
        records.iter().for_each(|(record, _, taken)| record.count(&watch, *taken));
    }
    watch.end();
    Ok(answers)
}

impl Record {
    /// Counts the answer that this is the record of.
    fn count(&self, watch: &Watch, taken: Duration) {
        let bounded = self.version.as_ref().is_some_and(|version| scoring::is_bounded(version));
        watch.answered(taken, self.score.filter(|_| bounded), self.decision.as_deref(), self.fallback);
    }
}

fn new_id() -> Result<Option<Uuid>> {
    guc::LOG_PREDICTIONS.get().then(crate::api::ids::new_prediction_id).transpose()
}

fn make(
    home: Home,
    resolved: &Resolved,
    request: &Request<'_>,
    watch: &Watch,
    id: Option<Uuid>,
    started: Instant,
    features: impl FnOnce(&Version) -> Result<Features>,
) -> Result<Made> {
    let throttle = watch.throttle();
    let scored = match throttle {
        Throttle::None => score(home, resolved, request, features),
        Throttle::Error => return Err(budget_used_up(resolved)),
        Throttle::Sampling(_) | Throttle::Fallback => Err(budget_used_up(resolved)),
    };
    let record = match scored {
        Ok(record) => record,
        Err(failure) => match fallback(home, resolved)? {
            Some(decision) if throttle == Throttle::None => fallback_record(decision, &failure),
            // Nothing was wrong: whoever reads the answer must learn why it is none.
            Some(decision) => Record {
                reasons: Some(json!([{ "fallback": failure.message() }])),
                ..fallback_record(decision, &failure)
            },
            None => return Err(failure),
        },
    };
    let answer = Answer {
        id,
        score: record.score,
        class: record.class.clone(),
        confidence: record.confidence,
        decision: record.decision.clone(),
        reasons: record.reasons.clone(),
        model: resolved.model.clone(),
        version: record.version.as_ref().map(|version| version.number),
        variant: None,
        latency: started.elapsed(),
    };
    Ok(Made { answer, record })
}

fn score(
    home: Home,
    resolved: &Resolved,
    request: &Request<'_>,
    features: impl FnOnce(&Version) -> Result<Features>,
) -> Result<Record> {
    let scorer = Scorer::deciding(home, resolved)?;
    let signature = &scorer.version.signature;
    let features = features(&scorer.version)?;
    let outputs = scorer.outputs(&features)?;
    let verdict = scorer.verdict(&outputs);
    let best = position_of_largest(&outputs.transformed);
    let input = features.to_json(signature);
    let reasons = if request.explain > 0 {
        Some(reasons(&scorer, &features, &input, best, request.explain)?)
    } else {
        None
    };
    let mut prediction = json!({ "score": verdict.score });
    if let Value::Object(object) = &mut prediction {
        if signature.task == Task::Multiclass {
            object.insert("probabilities".into(), probabilities(&scorer.version, &outputs.transformed));
        }
        for (key, value) in [("class", &verdict.class), ("decision", &verdict.decision)] {
            if let Some(value) = value {
                object.insert(key.into(), json!(value));
            }
        }
    }
    Ok(Record {
        input: Some(input),
        vector: Some(features.vector),
        raw: outputs.raw.get(best).copied(),
        score: Some(verdict.score),
        class: verdict.class,
        confidence: verdict.confidence,
        decision: verdict.decision,
        reasons,
        prediction,
        version: Some(Rc::clone(&scorer.version)),
        policy_id: scorer.policy.as_ref().map(|policy| policy.id),
        fallback: false,
    })
}

/// The largest contributions as JSON: `[{"feature": …, "value": …, "contribution": …}]`.
fn reasons(
    scorer: &Scorer,
    features: &Features,
    shown: &Value,
    output: usize,
    count: usize,
) -> Result<Value> {
    let signature = &scorer.version.signature;
    let (contributions, _) = scorer.contributions(features, output)?;
    Ok(contributions
        .iter()
        .take(count)
        .filter_map(|part| {
            let name = &signature.features.get(part.feature)?.name;
            Some(json!({
                "feature": name,
                "value": shown.get(name).cloned().unwrap_or(Value::Null),
                "contribution": part.amount,
            }))
        })
        .collect())
}

fn probabilities(version: &Version, outputs: &[f64]) -> Value {
    let classes = &version.signature.classes;
    outputs
        .iter()
        .enumerate()
        .map(|(index, value)| {
            (classes.get(index).cloned().unwrap_or_else(|| index.to_string()), json!(value))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The declared fallback decision: the model's policy first, then the setting.
fn fallback(home: Home, resolved: &Resolved) -> Result<Option<String>> {
    let of_policy = resolved.policy(home)?.and_then(|policy| policy.fallback.clone());
    Ok(of_policy.or_else(|| guc::text(&guc::FALLBACK_DECISION)))
}

fn fallback_record(decision: String, failure: &Failure) -> Record {
    Record {
        prediction: json!({ "fallback": failure.message(), "decision": decision }),
        decision: Some(decision),
        fallback: true,
        ..Record::default()
    }
}

/// The error for a model whose budget is used up; with a fallback decision it is what the audit row gives as the reason.
fn budget_used_up(resolved: &Resolved) -> Failure {
    let model = &resolved.model;
    Failure::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("the budget of model \"{model}\" is used up"),
    )
    .detail(format!("It is the model's own or that of all of tenant \"{}\".", resolved.caller))
    .hint(format!(
        "SELECT * FROM sira_budget_status; or raise it: SELECT sira_set_budget(1000); or, of the model, SELECT sira_set_budget(1000, model => {});",
        literal(model)
    ))
}

/// The error for a request id that another question has used.
pub fn request_reused(name: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION,
        format!("request id \"{name}\" was used for another model"),
    )
    .hint("Give every question its own request id.")
}
