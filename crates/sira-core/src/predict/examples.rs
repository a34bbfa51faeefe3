//! Rows made from an ensemble's own splits, to see that it still answers as it did.
//!
//! A row of the training data goes one way through each tree, and sixteen of them mostly the same one. Here every
//! feature has a value that some split of it turns on: the threshold itself or the next number above, a category of
//! the set or one beyond. The rows follow from the ensemble alone, so imported models have them too.

use crate::ensemble::{Ensemble, Split};

/// `count` rows, the first of missing values only; the same for the same ensemble.
pub fn examples(ensemble: &Ensemble, count: usize) -> Vec<Vec<f64>> {
    let mut splits: Vec<Vec<&Split>> = vec![Vec::new(); ensemble.feature_count()];
    for node in ensemble.trees().iter().flat_map(|tree| tree.nodes()) {
        if let Some(of_feature) = splits.get_mut(node.feature as usize) {
            of_feature.push(&node.split);
        }
    }
    (0..count)
        .map(|row| {
            splits
                .iter()
                .enumerate()
                .map(|(feature, splits)| match row {
                    0 => f64::NAN,
                    _ => value(splits, scatter(row as u64, feature as u64)),
                })
                .collect()
        })
        .collect()
}

/// A value at one of the splits, on the side that the number's lowest bit says.
fn value(splits: &[&Split], number: u64) -> f64 {
    let beyond = number & 1 == 1;
    let chosen = (number >> 1).checked_rem(splits.len() as u64);
    match chosen.and_then(|place| splits.get(place as usize)) {
        // No tree asks for it: any value will do.
        None => 0.0,
        Some(Split::Numeric { threshold, .. }) if beyond => threshold.next_up(),
        Some(Split::Numeric { threshold, .. }) => *threshold,
        Some(Split::Category { set, .. }) if beyond => 32.0 * set.len() as f64,
        Some(Split::Category { set, .. }) => {
            let member = set.iter().enumerate().find(|(_, word)| **word != 0);
            member.map_or(0.0, |(place, word)| 32.0 * place as f64 + f64::from(word.trailing_zeros()))
        }
    }
}

/// A number that looks like chance for every pair (Steele, Lea and Flood 2014, SplitMix64's finalizer).
fn scatter(row: u64, feature: u64) -> u64 {
    let mut mixed = (row << 32 | feature).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
