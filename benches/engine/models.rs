//! The three models that are measured, trained once and kept as text under the target directory.
//!
//! 30 features as a card payment might have them: 26 numbers, 6 of which are missing now and then, and 4 categories
//! of up to 250 levels. The label depends on all of them, by steps and products, so that trees grow as deep and as
//! uneven as they do in practice.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::{error, fs};

use serde_json::json;
use sira_core::signature::Task;
use sira_train::{Column, Params, Rows, Table, train};

pub const FEATURES: usize = 30;
pub const NUMBERS: usize = 26;
const WITH_HOLES: usize = 6;
const LEVELS: [f64; 4] = [250.0, 120.0, 40.0, 8.0];
const TRAINING_ROWS: usize = 40_000;

pub type Outcome<T> = Result<T, Box<dyn error::Error>>;

/// Trees and leaves of a measured model.
#[derive(Clone, Copy)]
pub struct Shape {
    pub trees: usize,
    pub leaves: usize,
}

pub const SHAPES: [Shape; 3] =
    [Shape { trees: 100, leaves: 31 }, Shape { trees: 500, leaves: 63 }, Shape { trees: 1000, leaves: 127 }];

impl Shape {
    pub fn name(self) -> String {
        format!("{}x{}", self.trees, self.leaves)
    }
}

/// SplitMix64: the next number of a sequence that any language writes in four lines.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Rows, row-major, and what they would be labelled.
pub fn rows(count: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut dice = Dice(seed);
    let mut values = Vec::with_capacity(count * FEATURES);
    let mut labels = Vec::with_capacity(count);
    for _ in 0..count {
        let mut row = [0.0; FEATURES];
        let mut hidden = 0.0;
        for (number, value) in row.iter_mut().enumerate().take(NUMBERS) {
            // Amounts are skewed, shares are even, counts are whole.
            let drawn = match number % 3 {
                0 => -200.0 * (1.0 - dice.unit()).ln(),
                1 => dice.unit(),
                _ => (dice.unit() * 60.0).floor(),
            };
            let scaled = match number % 3 {
                0 => drawn / 200.0,
                1 => drawn * 2.0,
                _ => drawn / 30.0,
            };
            hidden += ((scaled - 0.8) * (1.0 + number as f64 * 0.3)).sin() * 0.4;
            *value = if number < WITH_HOLES && dice.unit() < 0.15 { f64::NAN } else { drawn };
        }
        for (level, value) in LEVELS.iter().zip(row.iter_mut().skip(NUMBERS)) {
            // Few levels are frequent, most are rare.
            let drawn = dice.unit();
            *value = (drawn * drawn * level).floor();
            hidden += ((*value * 2.7).sin() + (*value * 0.37).cos()) * 0.5;
        }
        hidden +=
            (row[7] * 3.0).sin() * (row[8] / 20.0) + if row[9] > 150.0 && row[10] < 0.4 { 1.2 } else { 0.0 };
        labels.push(f64::from(hidden + dice.unit() * 2.0 - 1.0 > 1.0));
        values.extend_from_slice(&row);
    }
    (values, labels)
}

/// The model's text, from the target directory where an earlier run left it.
pub fn text(shape: Shape) -> Outcome<String> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("engine-{}-v1.txt", shape.name()));
    if let Ok(text) = fs::read_to_string(&path) {
        return Ok(text);
    }
    eprintln!("training {}, once", shape.name());
    let (values, label) = rows(TRAINING_ROWS, 1);
    let columns = (0..FEATURES)
        .map(|feature| Column {
            name: format!("f{feature}"),
            categorical: feature >= NUMBERS,
            values: values.iter().skip(feature).step_by(FEATURES).copied().collect(),
        })
        .collect();
    let table = Table { columns, label, ..Table::default() };
    let all: Vec<u32> = (0..TRAINING_ROWS as u32).collect();
    let json = json!({
        "num_iterations": shape.trees, "num_leaves": shape.leaves, "learning_rate": 0.05, "min_data_in_leaf": 20,
    });
    let params = Params::from_json(Task::Binary, 2, &json)?.validate()?;
    let rows = Rows { train: &all, validation: &[] };
    let trained = train(&params, 1, 2, &table, rows, &mut |_| ControlFlow::Continue(()))?;
    fs::write(path, &trained.text)?;
    Ok(trained.text)
}
