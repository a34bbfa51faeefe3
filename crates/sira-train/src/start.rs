//! A model to start from: what its trees say of the new rows, by our own engine.
//!
//! Its text goes to LightGBM too, which a text that is not whole would take down with the server. So a start is only
//! made of what our parser has read to the end.

use sira_core::ensemble::codec::{self, Compiled};
use sira_core::ensemble::lightgbm;
use sira_core::{Error, ErrorKind, Result, predict};

use crate::{Table, ValidParams};

/// Rows between two calls of the observer.
const ROWS: usize = 4096;

/// A whole LightGBM model.
pub struct Start {
    text: String,
    compiled: Vec<u8>,
    outputs: usize,
    features: usize,
    iterations: usize,
    trees: usize,
    is_average: bool,
    objective: sira_core::ensemble::Objective,
}

impl Start {
    /// Reads a model's text.
    ///
    /// # Errors
    /// What the parser finds wrong with it.
    pub fn parse(text: &str) -> Result<Self> {
        let compiled = codec::compile(&lightgbm::parse(text)?);
        let model = Compiled::open(&compiled)?;
        let (outputs, features) = (model.outputs(), model.feature_count());
        let (iterations, trees) = (model.iterations(), model.tree_count());
        let (is_average, objective) = (model.is_average(), model.objective());
        Ok(Self {
            text: text.to_owned(),
            compiled,
            outputs,
            features,
            iterations,
            trees,
            is_average,
            objective,
        })
    }

    pub fn iterations(&self) -> usize {
        self.iterations
    }

    pub fn trees(&self) -> usize {
        self.trees
    }

    /// What the raw scores mean.
    pub fn objective(&self) -> sira_core::ensemble::Objective {
        self.objective
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether its trees can stand before others of these parameters.
    pub(crate) fn check(&self, params: &ValidParams, features: usize) -> Result<()> {
        let refuse = |message: &str| Err(Error::new(ErrorKind::InvalidParameter, message));
        if self.features != features || self.outputs != params.outputs() {
            return refuse("the model to start from takes or gives something else").map_err(
                |error: Error| {
                    error.with_detail(format!(
                        "It has {} features and {} outputs, the training {features} and {}.",
                        self.features,
                        self.outputs,
                        params.outputs()
                    ))
                },
            );
        }
        if self.is_average || !params.is_additive() {
            return refuse("a training cannot start from or go on as dart or a random forest")
                .map_err(|error: Error| error.with_hint("Use boosting gbdt or goss, or train afresh."));
        }
        Ok(())
    }

    /// What the trees add up to: an output's rows one after the other, outputs one after the other.
    pub(crate) fn raw_scores(
        &self,
        table: &Table,
        rows: &[u32],
        poll: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<f64>> {
        let model = Compiled::attach(&self.compiled)?;
        let mut scores = vec![0.0; rows.len() * self.outputs];
        let (mut row, mut raw) = (vec![0.0; self.features], vec![0.0; self.outputs]);
        let mut scratch = predict::Scratch::new();
        for (at, index) in rows.iter().enumerate() {
            if at % ROWS == 0 {
                poll()?;
            }
            gather(table, *index, &mut row);
            predict::raw_with(&model, &row, &mut scratch, &mut raw)?;
            for (output, value) in raw.iter().enumerate() {
                if let Some(place) = scores.get_mut(output * rows.len() + at) {
                    *place = *value;
                }
            }
        }
        Ok(scores)
    }

    /// Where each tree sends each row: a row's trees one after the other.
    pub(crate) fn leaves(
        &self,
        table: &Table,
        rows: &[u32],
        poll: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<i32>> {
        let model = Compiled::attach(&self.compiled)?;
        let mut all = Vec::with_capacity(rows.len() * self.trees);
        let (mut row, mut leaves) = (vec![0.0; self.features], vec![0_u32; self.trees]);
        for (at, index) in rows.iter().enumerate() {
            if at % ROWS == 0 {
                poll()?;
            }
            gather(table, *index, &mut row);
            predict::leaves(&model, &row, &mut leaves)?;
            all.extend(leaves.iter().map(|leaf| *leaf as i32));
        }
        Ok(all)
    }
}

fn gather(table: &Table, index: u32, row: &mut [f64]) {
    for (place, column) in row.iter_mut().zip(&table.columns) {
        *place = column.values.get(index as usize).copied().unwrap_or(f64::NAN);
    }
}
