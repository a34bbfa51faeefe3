//! The distinct questions of an ensemble.
//!
//! Thousands of nodes ask far fewer questions: training puts values into some hundred bins, so the
//! same threshold of the same feature comes back in tree after tree. A row answers every question
//! once, and trees only look answers up. Exactness costs nothing: for thresholds in ascending order
//! "value > threshold" holds for the first `rank` of them and for no other, and the rank is found by
//! comparing the value with the thresholds themselves.
//!
//! The rule for missing values is part of the question. A column is one feature read by one rule;
//! a missing value answers all of a column's questions alike, to the left or to the right.
//!
//! Categories that are in the same sets are one class, and a class carries the answers to all
//! questions of its column as bits. Class 0 is in no set.

use super::layout::{Column, Node};
use crate::ensemble::{Ensemble, Missing, Precision, Split};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use zerocopy::little_endian::{F64, U32, U64};

/// A row's answers take a byte each; what would need more than a few megabytes is walked plainly.
const MOST_QUESTIONS: usize = 1 << 22;

/// Words of class answers that a model may need beyond what its own sets take.
const SPARE_WORDS: usize = 1 << 16;

/// All questions, and how to answer them.
pub(super) struct Questions {
    pub columns: Vec<Column>,
    /// By question, from the number 0 that nobody asks.
    pub thresholds: Vec<F64>,
    pub classes: Vec<U32>,
    pub class_answers: Vec<U64>,
    numbers: HashMap<Key, u32>,
    count: usize,
    precision: Precision,
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Number { feature: u32, flags: u32, threshold: u64 },
    Category { feature: u32, flags: u32, set: Vec<u32> },
}

impl Questions {
    /// The questions of an ensemble; none where answering all of them would take too much memory.
    pub fn of<B>(
        ensemble: &Ensemble,
        checkpoint: &mut dyn FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, Option<Self>> {
        let mut numbers: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
        let mut sets: BTreeMap<(u32, u32), Vec<&[u32]>> = BTreeMap::new();
        let precision = ensemble.precision();
        for node in ensemble.trees().iter().flat_map(|tree| tree.nodes()) {
            match &node.split {
                Split::Numeric { threshold, missing, default_left } => {
                    let column = (node.feature, flags(*missing, *default_left));
                    numbers.entry(column).or_default().push(*threshold);
                }
                Split::Category { set, default_left } => {
                    let column = (node.feature, category_flags(precision, *default_left));
                    sets.entry(column).or_default().push(trimmed(set));
                }
            }
        }
        let mut questions = Self {
            columns: Vec::new(),
            thresholds: vec![F64::new(f64::INFINITY)],
            classes: Vec::new(),
            class_answers: Vec::new(),
            numbers: HashMap::new(),
            count: 1,
            precision,
        };
        for ((feature, flags), thresholds) in numbers {
            checkpoint()?;
            questions.by_number(feature, flags, thresholds);
        }
        let mut most_words = SPARE_WORDS;
        for ((feature, flags), sets) in sets {
            checkpoint()?;
            most_words += sets.iter().map(|set| 4 * set.len()).sum::<usize>();
            if questions.by_category(feature, flags, sets, most_words).is_none() {
                return ControlFlow::Continue(None);
            }
        }
        ControlFlow::Continue((questions.count <= MOST_QUESTIONS).then_some(questions))
    }

    /// How many there are, with the one that nobody asks.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The number of a node's question.
    pub fn number(&self, feature: u32, split: &Split) -> u32 {
        let key = match split {
            Split::Numeric { threshold, missing, default_left } => Key::Number {
                feature,
                flags: flags(*missing, *default_left),
                threshold: canonical(*threshold).to_bits(),
            },
            Split::Category { set, default_left } => Key::Category {
                feature,
                flags: category_flags(self.precision, *default_left),
                set: trimmed(set).to_vec(),
            },
        };
        self.numbers.get(&key).copied().unwrap_or_default()
    }

    fn by_number(&mut self, feature: u32, flags: u32, mut thresholds: Vec<f64>) {
        thresholds.iter_mut().for_each(|threshold| *threshold = canonical(*threshold));
        thresholds.sort_unstable_by(f64::total_cmp);
        thresholds.dedup();
        self.column(feature, flags, thresholds.len());
        for threshold in thresholds {
            let key = Key::Number { feature, flags, threshold: threshold.to_bits() };
            self.numbers.insert(key, self.count as u32);
            self.thresholds.push(threshold.into());
            self.count += 1;
        }
    }

    fn by_category(
        &mut self,
        feature: u32,
        flags: u32,
        mut sets: Vec<&[u32]>,
        most_words: usize,
    ) -> Option<()> {
        sets.sort_unstable();
        sets.dedup();
        let categories = sets.iter().map(|set| set.len() * 32).max().unwrap_or(0);
        let words = sets.len().div_ceil(64);
        // Sets may be long and hold little: only categories that are in one take memory here.
        let mut members: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for (number, set) in sets.iter().enumerate() {
            for (word, bits) in set.iter().enumerate() {
                for bit in (0..32).filter(|bit| bits >> bit & 1 == 1) {
                    members.entry(word * 32 + bit).or_default().push(number as u32);
                }
            }
        }
        let first_class = self.classes.len();
        self.classes.resize(first_class + categories, 0.into());
        let mut classes: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut in_order = vec![Vec::new()];
        // A missing value that goes left is a member of all sets, in the place behind the last category.
        if flags & Node::DEFAULT_LEFT != 0 {
            self.classes.push(0.into());
            members.insert(categories, (0..sets.len() as u32).collect());
        }
        for (category, sets) in members {
            let next = in_order.len() as u32;
            let class = *classes.entry(sets.clone()).or_insert(next);
            if class == next {
                in_order.push(sets);
            }
            if let Some(place) = self.classes.get_mut(first_class + category) {
                *place = class.into();
            }
        }
        if self.class_answers.len() + in_order.len() * words > most_words {
            return None;
        }
        let first_word = self.class_answers.len();
        for sets in in_order {
            // A member goes left, which is the answer 0.
            let mut answers = vec![u64::MAX; words];
            for set in sets {
                if let Some(word) = answers.get_mut(set as usize / 64) {
                    *word &= !(1 << (set % 64));
                }
            }
            self.class_answers.extend(answers.into_iter().map(U64::new));
        }
        self.column(feature, flags, sets.len());
        if let Some(column) = self.columns.last_mut() {
            column.first_class = (first_class as u32).into();
            column.classes = (categories as u32).into();
            column.first_word = (first_word as u32).into();
            column.words = (words as u32).into();
        }
        for set in sets {
            self.numbers.insert(Key::Category { feature, flags, set: set.to_vec() }, self.count as u32);
            self.count += 1;
        }
        Some(())
    }

    fn column(&mut self, feature: u32, flags: u32, questions: usize) {
        self.columns.push(Column {
            feature: feature.into(),
            flags: flags.into(),
            first_question: (self.count as u32).into(),
            questions: (questions as u32).into(),
            first_class: 0.into(),
            classes: 0.into(),
            first_word: 0.into(),
            words: 0.into(),
        });
    }
}

/// The rule for missing values as [`Node`]'s flags; without missing values no direction counts.
fn flags(missing: Missing, default_left: bool) -> u32 {
    let default = if default_left { Node::DEFAULT_LEFT } else { 0 };
    match missing {
        Missing::None => 0,
        Missing::Zero => Node::MISSING_ZERO | default,
        Missing::Nan => Node::MISSING_NAN | default,
    }
}

/// The same for a split by category.
pub(super) fn category_flags(precision: Precision, default_left: bool) -> u32 {
    let default = if default_left { Node::DEFAULT_LEFT } else { 0 };
    match precision {
        Precision::Double => Node::CATEGORY | default,
        Precision::Single => Node::CATEGORY | Node::SINGLE | default,
    }
}

/// The two zeros are one threshold.
fn canonical(threshold: f64) -> f64 {
    if threshold == 0.0 { 0.0 } else { threshold }
}

/// A set without the words at its end that hold nothing.
fn trimmed(set: &[u32]) -> &[u32] {
    let words = set.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
    set.get(..words).unwrap_or(set)
}
