//! The engine against LightGBM's C API, linked into the same program, on one thread.
//!
//! Each pair is measured in turns, several rounds of ours and theirs, by the thread's processor time; the ratio is
//! that of the medians over all rounds. The table at the end says what was asked for and whether it is met; the file
//! that the environment's `BENCH_LINES` names gets the same as lines of JSON, in the form of `benches/rows`.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

use criterion::measurement::Measurement;
use criterion::{BenchmarkId, Criterion, SamplingMode};
use serde_json::json;
use sira_core::ensemble::{self, Compiled, lightgbm};
use sira_core::predict::{self, Rows, Scratch};
use sira_core::shap;

use crate::clock::ThreadTime;
use crate::models::{self, FEATURES, Outcome, SHAPES, Shape};
use crate::peer::Peer;

const ROUNDS: usize = 3;

/// Rows that single calls go through, so that no call meets the row that the branch predictor has just learnt.
const DIFFERENT_ROWS: usize = 2048;

/// Rows that are explained together: LightGBM takes seconds for more.
const EXPLAINED_ROWS: usize = 64;

/// What is measured, and the ratio asked for by model.
struct Goal {
    what: &'static str,
    peer: &'static str,
    ratios: [f64; 3],
}

const ONE_ROW: Goal = Goal { what: "one row", peer: "LightGBM C, single-row fast", ratios: [5.0, 8.0, 5.0] };
const BATCH: Goal = Goal { what: "batch", peer: "LightGBM C, batch", ratios: [15.0, 15.0, 15.0] };
const EXPLAIN_ONE: Goal =
    Goal { what: "explain one row", peer: "LightGBM C, pred_contrib", ratios: [6.0, 8.0, 10.0] };
const EXPLAIN_BATCH: Goal =
    Goal { what: "explain batch", peer: "LightGBM C, pred_contrib", ratios: [9.0, 12.0, 16.0] };

/// One line of the table: nanoseconds a row.
struct Line {
    name: String,
    ours: f64,
    theirs: f64,
    /// How far the rounds lie apart, in percent of the median.
    spread: f64,
    peer: &'static str,
    goal: f64,
}

/// Measures ours and theirs in turns; both work on `rows` rows a call.
fn compare(
    criterion: &mut Criterion<ThreadTime>,
    (shape, goal): (usize, &Goal),
    rows: usize,
    mut ours: impl FnMut(),
    mut theirs: impl FnMut(),
) -> Line {
    let name = format!("{} {}", SHAPES[shape].name(), goal.what);
    let samples = [(); 2].map(|()| RefCell::new(vec![Vec::new(); ROUNDS]));
    let mut group = criterion.benchmark_group(&name);
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(50)).measurement_time(Duration::from_millis(250));
    for round in 0..ROUNDS {
        for (who, samples) in ["sira", "lightgbm"].into_iter().zip(&samples) {
            let call: &mut dyn FnMut() = if who == "sira" { &mut ours } else { &mut theirs };
            group.bench_function(BenchmarkId::new(who, round), |bencher| {
                bencher.iter_custom(|calls| {
                    let start = ThreadTime.start();
                    (0..calls).for_each(|_| call());
                    let spent = ThreadTime.end(start);
                    if let Some(round) = samples.borrow_mut().get_mut(round) {
                        round.push(spent as f64 / calls as f64 / rows as f64);
                    }
                    spent
                });
            });
        }
    }
    group.finish();
    let [ours, theirs] = samples.map(RefCell::into_inner);
    let rounds = ours.iter().cloned().map(median);
    let apart = rounds.clone().fold(0.0, f64::max) - rounds.fold(f64::INFINITY, f64::min);
    let [ours, theirs] = [ours, theirs].map(|rounds| median(rounds.concat()));
    Line { name, ours, theirs, spread: 100.0 * apart / ours, peer: goal.peer, goal: goal.ratios[shape] }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn measure(criterion: &mut Criterion<ThreadTime>, at: usize, shape: Shape) -> Outcome<Vec<Line>> {
    let text = models::text(shape)?;
    let bytes = ensemble::compile(&lightgbm::parse(&text)?);
    let model = Compiled::open(&bytes)?;
    let peer = Peer::new(&text)?;
    let (values, _) = models::rows(DIFFERENT_ROWS, 7);
    agree(&model, &peer, &values)?;
    let mut scratch = Scratch::new();
    let mut lines = Vec::new();

    let mut turn = Turn::default();
    let mut their_turn = Turn::default();
    lines.push(compare(
        criterion,
        (at, &ONE_ROW),
        1,
        || {
            let mut out = [0.0];
            let done = predict::raw_with(&model, turn.next(&values), &mut scratch, &mut out);
            std::hint::black_box((done.is_ok(), out));
        },
        || {
            std::hint::black_box(peer.one_row(their_turn.next(&values)));
        },
    ));

    let rows = Rows::row_major(&values, FEATURES)?;
    let (mut out, mut their_out) = (vec![0.0; DIFFERENT_ROWS], vec![0.0; DIFFERENT_ROWS]);
    lines.push(compare(
        criterion,
        (at, &BATCH),
        DIFFERENT_ROWS,
        || {
            std::hint::black_box(predict::raw_batch(&model, &rows, &mut scratch, &mut out).is_ok());
        },
        || peer.raw(&values, &mut their_out),
    ));

    let width = FEATURES + 1;
    let mut scratch = shap::Scratch::new();
    let (mut out, mut their_out) = (vec![0.0; width], vec![0.0; width]);
    lines.push(compare(
        criterion,
        (at, &EXPLAIN_ONE),
        1,
        || {
            let done = shap::contributions_with(&model, turn.next(&values), &mut scratch, &mut out);
            std::hint::black_box(done.is_ok());
        },
        || peer.contributions(their_turn.next(&values), &mut their_out),
    ));

    let few = values.get(..EXPLAINED_ROWS * FEATURES).unwrap_or_default();
    let rows = Rows::row_major(few, FEATURES)?;
    let (mut out, mut their_out) = (vec![0.0; EXPLAINED_ROWS * width], vec![0.0; EXPLAINED_ROWS * width]);
    lines.push(compare(
        criterion,
        (at, &EXPLAIN_BATCH),
        EXPLAINED_ROWS,
        || {
            let done = shap::contributions_batch(&model, &rows, &mut scratch, &mut out);
            std::hint::black_box(done.is_ok());
        },
        || peer.contributions(few, &mut their_out),
    ));
    Ok(lines)
}

/// Goes through the rows, over and over.
#[derive(Default)]
struct Turn(usize);

impl Turn {
    fn next<'a>(&mut self, values: &'a [f64]) -> &'a [f64] {
        self.0 = (self.0 + 1) % DIFFERENT_ROWS;
        &values[self.0 * FEATURES..(self.0 + 1) * FEATURES]
    }
}

/// What is faster must also be the same: raw scores to the bit, contributions to 1e-12.
fn agree(model: &Compiled<'_>, peer: &Peer, values: &[f64]) -> Outcome<()> {
    let rows = Rows::row_major(values, FEATURES)?;
    let (mut ours, mut theirs) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
    predict::raw_batch(model, &rows, &mut Scratch::new(), &mut ours)?;
    peer.raw(values, &mut theirs);
    let mut one = [0.0];
    for ((row, ours), theirs) in values.chunks(FEATURES).zip(&ours).zip(&theirs) {
        predict::raw(model, row, &mut one)?;
        if ours.to_bits() != theirs.to_bits() || one[0].to_bits() != theirs.to_bits() {
            return Err(format!("raw scores differ: {ours} {} {theirs}", one[0]).into());
        }
    }
    let few = values.get(..8 * FEATURES).unwrap_or_default();
    let rows = Rows::row_major(few, FEATURES)?;
    let width = FEATURES + 1;
    let (mut ours, mut theirs) = (vec![0.0; 8 * width], vec![0.0; 8 * width]);
    peer.contributions(few, &mut theirs);
    let differs = |ours: &[f64]| {
        let far = |(a, b): &(&f64, &f64)| (*a - *b).abs() > 1e-12 * b.abs().max(1.0);
        ours.iter().zip(&theirs).find(far).map(|(a, b)| format!("contributions differ: {a} {b}"))
    };
    let mut scratch = shap::Scratch::new();
    shap::contributions_batch(model, &rows, &mut scratch, &mut ours)?;
    differs(&ours).map_or(Ok(()), Err)?;
    for (row, ours) in few.chunks(FEATURES).zip(ours.chunks_mut(width)) {
        shap::contributions_with(model, row, &mut scratch, ours)?;
    }
    differs(&ours).map_or(Ok(()), Err)?;
    Ok(())
}

pub fn measure_all() -> Outcome<()> {
    let mut criterion =
        Criterion::default().with_measurement(ThreadTime).without_plots().configure_from_args();
    let mut lines = Vec::new();
    for (at, shape) in SHAPES.into_iter().enumerate() {
        lines.extend(measure(&mut criterion, at, shape)?);
    }
    println!("\n{:<26} {:>12} {:>12} {:>8} {:>6}", "ns a row", "sira", "lightgbm", "ratio", "goal");
    for Line { name, ours, theirs, goal, .. } in &lines {
        let ratio = theirs / ours;
        let met = if ratio >= *goal { "met" } else { "not met" };
        println!("{name:<26} {ours:>12.0} {theirs:>12.0} {ratio:>8.1} {goal:>6.0}  {met}");
    }
    match std::env::var_os("BENCH_LINES") {
        Some(path) => write(&mut File::create(path)?, &lines),
        None => Ok(()),
    }
}

fn write(out: &mut impl Write, lines: &[Line]) -> Outcome<()> {
    for Line { name, ours, theirs, spread, peer, goal } in lines {
        let line = json!({
            "row": name, "ours": ours, "unit": "ns", "spread": spread, "peer": theirs, "peer_name": peer,
            "ratio": theirs / ours, "goal": { "of": "ratio", "at_least": goal },
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
