//! Many features, many tests: one in twenty would cry at p < 0.05 with nothing to see.

/// Benjamini and Hochberg's adjusted p-values (1995, with the step-up of Yekutieli and Benjamini, 1999): calling those
/// below α keeps the expected share of false calls among all calls at α. In the order given; NaN stays NaN and counts
/// as no test.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    let p = |at: usize| p_values.get(at).copied().unwrap_or(f64::NAN);
    order.retain(|at| !p(*at).is_nan());
    order.sort_unstable_by(|a, b| p(*b).total_cmp(&p(*a)));
    let tests = order.len() as f64;
    let mut adjusted = vec![f64::NAN; p_values.len()];
    let mut least = 1.0_f64;
    for (larger, at) in order.into_iter().enumerate() {
        let rank = tests - larger as f64;
        least = least.min(p(at) * tests / rank);
        if let Some(slot) = adjusted.get_mut(at) {
            *slot = least;
        }
    }
    adjusted
}
