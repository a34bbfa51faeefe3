//! Memory that scoring works in, kept by whoever scores more than once.

/// Buffers for scoring. They grow to what the largest model asked for and are never read before
/// they are written, so one scratch may serve any number of models, one call at a time.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// A byte a question: one row's answers.
    pub(super) answers: Vec<u8>,
    /// By tree: the value of the leaf that the row ends in.
    pub(super) values: Vec<f64>,
    /// A bit a row, some words a question: a block's answers.
    pub(super) masks: Vec<u64>,
    /// By output, a number a row: a block's sums.
    pub(super) sums: Vec<f64>,
    /// One row of a view that keeps columns.
    pub(super) row: Vec<f64>,
}

impl Scratch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> usize {
        let words =
            self.values.capacity() + self.masks.capacity() + self.sums.capacity() + self.row.capacity();
        self.answers.capacity() + 8 * words
    }
}
