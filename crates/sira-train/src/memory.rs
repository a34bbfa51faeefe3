//! How much memory a training will take, said before it is taken.

use crate::ValidParams;

/// Bytes that [`crate::train`] and the table it is given take at their peak, estimated from above.
///
/// With `n` rows (all parts), `f` features, `k` outputs, `l` leaves, `b` bins and `s` sampled rows:
///
/// | what | bytes |
/// |---|---|
/// | the columns, label, weight and group | `n · (8 f + 24)` |
/// | bins | `n · f`, twice that above 256 bins |
/// | scores, gradients and hessians, a set an output | `n · 16 k` |
/// | labels, weights, row indices, leaf partition, ordered gradients | `n · 32` |
/// | the sample that bins are chosen by | `s · 12 f`, and one column of it sorted |
/// | histograms, one a leaf | `l · f · b · 16` |
/// | trees and their text | `rounds · k · l · 400` |
/// | the chunk buffer, the library itself | 16 MB |
///
/// The sample is gone before scores and histograms come, so only the larger of the two counts.
pub fn estimate_memory(rows: usize, features: usize, params: &ValidParams) -> u64 {
    let (n, f, k) = (rows as u64, features as u64, params.outputs() as u64);
    let leaves = params.size("num_leaves") as u64;
    // Rows cannot fill more bins, nor leaves, than there are of them.
    let bins = (params.size("max_bin") as u64 + 1).min(n + 1);
    let leaves = leaves.min(n.max(1));
    let bin_bytes = if bins > 256 { 2 } else { 1 };
    let sample_rows = (params.sample_rows(features) as u64).min(n);
    let table = n.saturating_mul(8 * f + 24);
    let binned = n.saturating_mul(f * bin_bytes);
    let per_row = n.saturating_mul(16 * k + 32);
    let sample = sample_rows.saturating_mul(12 * f + 24);
    let histograms = leaves.saturating_mul(f).saturating_mul(bins * 16);
    let trees = (params.rounds() as u64).saturating_mul(k).saturating_mul(leaves * 400);
    let training = per_row.saturating_add(histograms).saturating_add(trees);
    table.saturating_add(binned).saturating_add(sample.max(training)).saturating_add(16 << 20)
}
