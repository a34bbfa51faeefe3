//! Tree-structured Parzen estimators.
//!
//! J. Bergstra, R. Bardenet, Y. Bengio and B. Kégl, Algorithms for hyper-parameter optimization (2011). Of the trials so
//! far the best few are told from the rest; where each kind lies is estimated by kernels; and of some places drawn from
//! where the good ones lie, the one is taken where they outnumber the rest most. Each parameter goes by itself.

use super::Tried;
use super::dice::Dice;
use super::space::{Dimension, Space};
use serde_json::{Map, Value};

/// Trials by chance before there is anything to estimate by.
pub(super) const FIRST: usize = 10;

/// The share of the trials that counts as good, and the most that do.
const GOOD: f64 = 0.15;
const MOST_GOOD: usize = 25;

/// Places that are drawn and compared.
const CANDIDATES: usize = 24;

pub(super) fn suggest(space: &Space, dice: &mut Dice, tried: &[Tried]) -> Map<String, Value> {
    let mut ranked: Vec<&Tried> = tried.iter().collect();
    // Stable: among equals the earlier trial comes first.
    ranked.sort_by(|a, b| a.loss.total_cmp(&b.loss));
    let good = ((ranked.len() as f64 * GOOD).ceil() as usize).clamp(1, MOST_GOOD);
    let (good, rest) = ranked.split_at(good.min(ranked.len()));
    let mut params = Map::new();
    for (name, dimension) in space.dimensions() {
        let of = |trials: &[&Tried]| -> Vec<Value> {
            trials.iter().filter_map(|trial| trial.params.get(name)).cloned().collect()
        };
        let value = match dimension {
            Dimension::Choices(choices) => {
                let (good, rest) = (counted(choices, &of(good)), counted(choices, &of(rest)));
                let drawn = (0..CANDIDATES).map(|_| dice.place(&good));
                let ratio = |at: usize| {
                    good.get(at).copied().unwrap_or_default() / rest.get(at).copied().unwrap_or(1.0)
                };
                best(drawn, |at| ratio(*at)).and_then(|at| choices.get(at)).cloned().unwrap_or_default()
            }
            Dimension::Range(range) => {
                let places = |values: Vec<Value>| -> Vec<f64> {
                    values.iter().filter_map(Value::as_f64).map(|value| range.place(value)).collect()
                };
                let (good, rest) = (Kernels::of(places(of(good))), Kernels::of(places(of(rest))));
                let drawn: Vec<f64> = (0..CANDIDATES).map(|_| good.draw(dice)).collect();
                let at = best(drawn.into_iter(), |at| good.density(*at) / rest.density(*at));
                range.value(at.unwrap_or(0.5))
            }
        };
        params.insert(name.clone(), value);
    }
    params
}

/// How often each choice was met, and once more, so that none is given up.
fn counted(choices: &[Value], met: &[Value]) -> Vec<f64> {
    let share = met.len() as f64 + choices.len() as f64;
    choices
        .iter()
        .map(|choice| (met.iter().filter(|value| *value == choice).count() as f64 + 1.0) / share)
        .collect()
}

fn best<T>(candidates: impl Iterator<Item = T>, worth: impl Fn(&T) -> f64) -> Option<T> {
    let mut best: Option<(f64, T)> = None;
    for candidate in candidates {
        let worth = worth(&candidate);
        if best.as_ref().is_none_or(|(most, _)| worth > *most) {
            best = Some((worth, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// A normal kernel around each place, as wide as the wider gap to its neighbours, and one over the whole range, all cut
/// off at the ends.
struct Kernels(Vec<(f64, f64)>);

impl Kernels {
    fn of(mut places: Vec<f64>) -> Self {
        places.sort_by(f64::total_cmp);
        let least = 1.0 / (places.len() as f64 + 1.0).min(100.0) / 4.0;
        let at = |index: Option<usize>, otherwise: f64| {
            index.and_then(|index| places.get(index)).copied().unwrap_or(otherwise)
        };
        let mut kernels: Vec<(f64, f64)> = places
            .iter()
            .enumerate()
            .map(|(index, place)| {
                let left = place - at(index.checked_sub(1), 0.0);
                let right = at(Some(index + 1), 1.0) - place;
                (*place, left.max(right).clamp(least, 1.0))
            })
            .collect();
        kernels.push((0.5, 1.0));
        Self(kernels)
    }

    fn draw(&self, dice: &mut Dice) -> f64 {
        let kernel = dice.place(&vec![1.0; self.0.len()]);
        let (centre, width) = self.0.get(kernel).copied().unwrap_or((0.5, 1.0));
        // A kernel has at least a third of its mass inside; what never falls there is not worth waiting for.
        for _ in 0..64 {
            let at = centre + width * dice.normal();
            if (0.0..=1.0).contains(&at) {
                return at;
            }
        }
        centre
    }

    fn density(&self, at: f64) -> f64 {
        let below = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
        let of = |(centre, width): &(f64, f64)| {
            let z = (at - centre) / width;
            let inside = below((1.0 - centre) / width) - below(-centre / width);
            libm::exp(-0.5 * z * z) / (width * inside)
        };
        self.0.iter().map(of).sum::<f64>() / self.0.len() as f64
    }
}
