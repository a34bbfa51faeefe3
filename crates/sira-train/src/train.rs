//! The loop: bin, boost round by round, stop when it gets no better, write the best round's text.

use std::ffi::CStr;
use std::ops::ControlFlow;

use sira_core::{Error, ErrorKind, Result};

use crate::booster::{Booster, ImportanceKind, Loaded};
use crate::catalogue::RANKING_DEPTH;
use crate::dataset::Dataset;
use crate::labels::{self, Part};
use crate::library::{LIBRARY_VERSION, SignalsBlocked, c_string, capture_messages};
use crate::start::Start;
use crate::{Importance, Phase, Progress, Round, Rows, Table, Trained, ValidParams};

type Observer<'a> = dyn FnMut(&Progress) -> ControlFlow<()> + 'a;

/// Trains a model on the rows named, and stops early by the validation rows where there are any.
///
/// Same table, parameters, seed and library: same text, byte for byte. `observe` is called between chunks of
/// rows and after every round; when it breaks, everything is freed and the error's kind is
/// [`ErrorKind::Cancelled`]. It may also unwind; it must not jump over this function.
pub fn train(
    params: &ValidParams,
    seed: u64,
    threads: usize,
    table: &Table,
    rows: Rows<'_>,
    observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Trained> {
    train_from(params, seed, threads, table, rows, None, observe)
}

/// As [`train`], beginning with the trees of a model: more rounds are added to them, or their leaves are learned anew.
pub fn train_from(
    params: &ValidParams,
    seed: u64,
    threads: usize,
    table: &Table,
    rows: Rows<'_>,
    start: Option<&Start>,
    observe: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Trained> {
    labels::check_shape(table, &[rows.train, rows.validation])?;
    let training = labels::training(table, rows.train, params)?;
    let validation = match rows.validation {
        [] => None,
        rows => Some(labels::validation(table, rows, params)?),
    };
    capture_messages()?;
    let parameters = c_string(&params.render(seed, threads, &table.columns)?)?;
    if let Some(start) = start {
        start.check(params, table.columns.len())?;
    }

    let (mut train_data, mut validation_data) =
        bin(table, &training, validation.as_ref(), &parameters, threads, observe)?;
    let begun = start.map_or(0, Start::iterations);
    if let Some(start) = start.filter(|_| !params.refits()) {
        let mut at = || poll(observe, Progress { phase: Phase::Boosting, round: 0, of: 0, metric: None });
        train_data.set_init_scores(&start.raw_scores(table, &training.rows, &mut at)?)?;
        if let (Some(data), Some(part)) = (&mut validation_data, &validation) {
            data.set_init_scores(&start.raw_scores(table, &part.rows, &mut at)?)?;
        }
    }
    let loaded = start.map(|start| Loaded::new(&c_string(start.text())?)).transpose()?;
    let mut booster = {
        let _quiet = SignalsBlocked::when(threads);
        let mut booster = Booster::new(&train_data, &parameters)?;
        if let Some(loaded) = &loaded {
            booster.merge(loaded)?;
        }
        if let Some(data) = &validation_data {
            booster.add_validation(data)?;
        }
        booster
    };
    let (best_round, history) = match start.filter(|_| params.refits()) {
        Some(start) => refit(params, start, &mut booster, table, &training, threads, observe)?,
        None => boost(params, &mut booster, validation_data.is_some(), threads, observe)?,
    };
    let rounds = if params.refits() { begun } else { begun + best_round };
    let gain = booster.importance(rounds, ImportanceKind::Gain, table.columns.len())?;
    let split = booster.importance(rounds, ImportanceKind::Splits, table.columns.len())?;
    let importance = table
        .columns
        .iter()
        .zip(gain.into_iter().zip(split))
        .map(|(column, (gain, split))| Importance { feature: column.name.clone(), gain, split: split as u64 })
        .collect();
    let text = without_machine(&booster.text(rounds)?);
    Ok(Trained { text, best_round, history, importance, library_version: LIBRARY_VERSION.to_owned() })
}

fn poll(observe: &mut Observer<'_>, progress: Progress) -> Result<()> {
    match observe(&progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::new(ErrorKind::Cancelled, "training was cancelled")),
    }
}

/// Both data sets, filled and labelled.
fn bin(
    table: &Table,
    training: &Part,
    validation: Option<&Part>,
    parameters: &CStr,
    threads: usize,
    observe: &mut Observer<'_>,
) -> Result<(Dataset, Option<Dataset>)> {
    let of = training.rows.len() + validation.map_or(0, |part| part.rows.len());
    let mut at = |done| poll(observe, Progress { phase: Phase::Binning, round: done, of, metric: None });
    let mut train_data = Dataset::sampled(table, &training.rows, parameters, threads, &mut || at(0))?;
    at(0)?;
    train_data.fill(&table.columns, &training.rows, &mut |done| at(done))?;
    // Aligned before labels are set: the reference hands on only its bins then.
    let mut validation_data = None;
    if let Some(part) = validation {
        let mut data = train_data.aligned(part.rows.len())?;
        data.fill(&table.columns, &part.rows, &mut |done| at(training.rows.len() + done))?;
        attach(&mut data, part)?;
        validation_data = Some(data);
    }
    attach(&mut train_data, training)?;
    Ok((train_data, validation_data))
}

fn attach(data: &mut Dataset, part: &Part) -> Result<()> {
    data.set_labels(&part.labels)?;
    if let Some(weights) = &part.weights {
        data.set_weights(weights)?;
    }
    if let Some(groups) = &part.groups {
        data.set_groups(groups)?;
    }
    Ok(())
}

/// Learns the leaves' values of all trees anew.
///
/// One call of the library, which asks nobody between trees: a cancel takes effect behind it. It refits all trees of a
/// booster or none, and a tree's leaves are learned from what those before it left, so that the call cannot be cut into
/// smaller ones without doing the library's work here. Finding every row's leaf, before it, can be interrupted.
fn refit(
    params: &ValidParams,
    start: &Start,
    booster: &mut Booster<'_>,
    table: &Table,
    training: &Part,
    threads: usize,
    observe: &mut Observer<'_>,
) -> Result<(usize, Vec<Round>)> {
    let of = start.iterations();
    let mut at = || poll(observe, Progress { phase: Phase::Boosting, round: 0, of, metric: None });
    let leaves = start.leaves(table, &training.rows, &mut at)?;
    let train = {
        let _quiet = SignalsBlocked::when(threads);
        booster.refit(&leaves, training.rows.len(), start.trees())?;
        booster.evaluate(0)?
    };
    poll(observe, Progress { phase: Phase::Boosting, round: of, of, metric: train })?;
    Ok((of, vec![Round { round: of, train, validation: None, metric: metric_name(params) }]))
}

fn metric_name(params: &ValidParams) -> String {
    match params.metric() {
        name @ ("ndcg" | "map") => format!("{name}@{RANKING_DEPTH}"),
        name => name.to_owned(),
    }
}

/// Boosts until the rounds are done, nothing splits any more, or the validation part got no better for long.
fn boost(
    params: &ValidParams,
    booster: &mut Booster<'_>,
    validated: bool,
    threads: usize,
    observe: &mut Observer<'_>,
) -> Result<(usize, Vec<Round>)> {
    let metric = metric_name(params);
    let patience = if validated { params.early_stopping_rounds() } else { 0 };
    let mut best = Best::new(params.greater_is_better(), params.real("early_stopping_min_delta", 0.0));
    let mut history = Vec::new();
    for round in 1..=params.rounds() {
        let (grown, train, validation) = {
            let _quiet = SignalsBlocked::when(threads);
            if booster.update()? {
                let validation = if validated { booster.evaluate(1)? } else { None };
                (true, booster.evaluate(0)?, validation)
            } else {
                (false, None, None)
            }
        };
        if !grown {
            break;
        }
        history.push(Round { round, train, validation, metric: metric.clone() });
        if let Some(value) = validation {
            best.offer(round, value);
        }
        poll(
            observe,
            Progress { phase: Phase::Boosting, round, of: params.rounds(), metric: validation.or(train) },
        )?;
        if patience > 0 && best.round > 0 && round - best.round >= patience {
            break;
        }
    }
    if history.is_empty() {
        return Err(Error::new(ErrorKind::NotEnoughData, "no feature splits the training rows")
            .with_detail("No split leaves enough rows on both sides and lowers the loss.")
            .with_hint(
                "Lower \"min_data_in_leaf\" or \"min_gain_to_split\", or add features that vary with the label.",
            ));
    }
    let best_round = if patience > 0 && best.round > 0 { best.round } else { history.len() };
    Ok((best_round, history))
}

/// The best value so far and its round; a value that is no number is never best.
struct Best {
    greater: bool,
    least: f64,
    value: f64,
    round: usize,
}

impl Best {
    fn new(greater: bool, least: f64) -> Self {
        Self { greater, least, value: f64::NAN, round: 0 }
    }

    fn offer(&mut self, round: usize, value: f64) {
        let gained = if self.greater { value - self.value } else { self.value - value };
        if !value.is_nan() && (self.round == 0 || gained > self.least) {
            self.value = value;
            self.round = round;
        }
    }
}

/// The text without the parameters that describe a machine instead of a model, so that equal models have equal
/// digests wherever and with however many threads they were trained. LightGBM reads it as before.
fn without_machine(text: &str) -> String {
    const MACHINE: &[&str] = &[
        "data",
        "valid",
        "num_threads",
        "verbosity",
        "forcedsplits_filename",
        "forcedbins_filename",
        "parser_config_file",
        "num_machines",
        "local_listen_port",
        "time_out",
        "machine_list_filename",
        "machines",
        "gpu_platform_id",
        "gpu_device_id",
        "gpu_device_id_list",
        "gpu_use_dp",
        "num_gpu",
    ];
    let mut parameters = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.trim_end() {
            "parameters:" => parameters = true,
            "end of parameters" => parameters = false,
            _ => {}
        }
        let name = line.strip_prefix('[').and_then(|rest| rest.split(':').next()).unwrap_or_default();
        if !(parameters && MACHINE.contains(&name)) {
            kept.push_str(line);
        }
    }
    kept
}
