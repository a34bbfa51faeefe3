//! Successive halving.
//!
//! K. Jamieson and A. Talwalkar, Non-stochastic best arm identification and hyperparameter optimization (2016); the inner
//! loop of Hyperband (L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar 2018). Many parameters are tried
//! with few rounds, the best third of them again with three times as many, and so on until the last third has all. Rungs
//! cost about the same each, so that of n parameters all are seen for the price of a few whole trainings.
//!
//! A rung ends before the next begins. Which trial comes next follows from those before it alone, as for all methods.

use super::space::Space;
use super::{Method, suggest};
use serde_json::{Map, Value};

/// How many times as many rounds the next rung has, and the share that gets there: the paper's and Hyperband's default.
const FACTOR: usize = 3;

/// One rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    pub entrants: usize,
    pub rounds: usize,
}

/// A trial of a rung that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Counts from 1.
    pub rung: usize,
    pub params: Map<String, Value>,
    /// What is to be small; none where it failed, and then it goes no further.
    pub loss: Option<f64>,
}

/// The trial that comes next.
#[derive(Clone, Debug, PartialEq)]
pub struct Next {
    pub rung: usize,
    pub rounds: usize,
    pub params: Map<String, Value>,
}

/// The ladder for so many parameters of which the last are trained with all rounds. There are no more rungs than rounds
/// can be told apart by.
pub fn ladder(entrants: usize, rounds: usize) -> Vec<Rung> {
    let (mut left, mut share) = (entrants.max(1), rounds.max(1));
    let mut rungs = 1;
    while left >= FACTOR && share >= FACTOR {
        (left, share, rungs) = (left / FACTOR, share / FACTOR, rungs + 1);
    }
    let mut entrants = entrants.max(1);
    let mut ladder = Vec::with_capacity(rungs);
    for above in (0..rungs).rev() {
        let part = (0..above).fold(1, |part: usize, _| part.saturating_mul(FACTOR));
        ladder.push(Rung { entrants, rounds: rounds.max(1).div_ceil(part) });
        entrants /= FACTOR;
    }
    ladder
}

/// What to try after these trials, given in their order; none when the last rung has ended.
pub fn next(space: &Space, seed: u64, ladder: &[Rung], ended: &[Ended]) -> Option<Next> {
    // Those that may enter the rung in question; everybody enters the first.
    let mut ranked: Option<Vec<&Ended>> = None;
    for (number, rung) in (1..).zip(ladder) {
        let tried: Vec<&Ended> = ended.iter().filter(|trial| trial.rung == number).collect();
        let entrants = ranked.as_ref().map_or(rung.entrants, |ranked| ranked.len().min(rung.entrants));
        if tried.len() < entrants {
            let params = match &ranked {
                Some(ranked) => ranked.get(tried.len())?.params.clone(),
                None => draw(space, seed, &tried),
            };
            return Some(Next { rung: number, rounds: rung.rounds, params });
        }
        let mut best: Vec<(f64, &Ended)> =
            tried.into_iter().filter_map(|trial| Some((trial.loss?, trial))).collect();
        // Stable: among equals the earlier trial goes on.
        best.sort_by(|a, b| a.0.total_cmp(&b.0));
        ranked = Some(best.into_iter().map(|(_, trial)| trial).collect());
    }
    None
}

fn draw(space: &Space, seed: u64, tried: &[&Ended]) -> Map<String, Value> {
    let before: Vec<super::Tried> = tried
        .iter()
        .map(|trial| super::Tried { params: trial.params.clone(), loss: trial.loss.unwrap_or(f64::INFINITY) })
        .collect();
    suggest(space, Method::Random, seed, tried.len() as u64 + 1, &before)
}
