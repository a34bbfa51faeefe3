//! Scores as they come, kept until they can be ranked: 8 bytes a row, 16 with weights.
//!
//! Rows lie apart by label, so that a row is nothing but its score, as a number whose order is that of scores. What
//! is measured is the same to the last bit in whatever order rows came and whichever worker they came to.

use super::bytes::Reader;
use super::ranking::{self, Step, key, score_of};
use crate::{Error, ErrorKind, Result};

/// Scores of both classes.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    negative: Side,
    positive: Side,
}

/// The scores of one class.
#[derive(Clone, Debug, Default)]
struct Side {
    /// Those that weigh 1.
    plain: Vec<u64>,
    /// Others, each with the bits of its weight, whose order is that of weights.
    weighted: Vec<[u64; 2]>,
    sorted: bool,
}

/// Room for one more, doubled where it is used up, as long as `limit` bytes hold all.
fn grow<T>(rows: &mut Vec<T>, more: usize, others: usize, limit: usize) -> Result<()> {
    let size = size_of::<T>();
    if rows.capacity() - rows.len() >= more {
        return Ok(());
    }
    let room = (limit.saturating_sub(others) / size).saturating_sub(rows.len());
    let wanted = more.max(rows.len().max(16)).min(room).max(more);
    let out = |detail: String| {
        Err(Error::new(ErrorKind::OutOfBudget, "too many rows to rank")
            .with_detail(detail)
            .with_hint("Measure a sample or groups of the rows, or have sira.training_memory raised."))
    };
    if more > room {
        return out(format!(
            "{} rows take {} bytes, {limit} are allowed.",
            rows.len() + more,
            others + (rows.len() + more) * size
        ));
    }
    match rows.try_reserve_exact(wanted) {
        Ok(()) => Ok(()),
        Err(_) => out(format!("The machine has no memory for {} rows.", rows.len() + wanted)),
    }
}

/// How many rows are sorted at once: some hundredths of a second.
const AT_ONCE: usize = 1 << 20;

/// Sorts in place. Many rows are halved first, so that somebody who does not want to wait is heard in between.
fn sort<T: Ord>(rows: &mut [T], pause: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    pause()?;
    if rows.len() <= AT_ONCE {
        rows.sort_unstable();
        return Ok(());
    }
    let (low, _, high) = rows.select_nth_unstable(rows.len() / 2);
    sort(low, pause)?;
    sort(high, pause)
}

impl Side {
    fn bytes(&self) -> usize {
        self.plain.capacity() * 8 + self.weighted.capacity() * 16
    }

    fn sort(&mut self, pause: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if !self.sorted {
            sort(&mut self.plain, pause)?;
            sort(&mut self.weighted, pause)?;
            self.sorted = true;
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self, others: usize, limit: usize) -> Result<()> {
        grow(&mut self.plain, other.plain.len(), others + self.weighted.capacity() * 16, limit)?;
        self.plain.extend_from_slice(&other.plain);
        grow(&mut self.weighted, other.weighted.len(), others + self.plain.capacity() * 8, limit)?;
        self.weighted.extend_from_slice(&other.weighted);
        self.sorted = false;
        Ok(())
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend((self.plain.len() as u64).to_le_bytes());
        bytes.extend((self.weighted.len() as u64).to_le_bytes());
        bytes.extend(self.plain.iter().flat_map(|key| key.to_le_bytes()));
        bytes.extend(self.weighted.iter().flatten().flat_map(|part| part.to_le_bytes()));
    }

    fn read(reader: &mut Reader) -> Option<Self> {
        let (plain, weighted) = (reader.u64()?, reader.u64()?);
        Some(Self {
            plain: (0..plain).map(|_| reader.u64()).collect::<Option<_>>()?,
            weighted: (0..weighted).map(|_| Some([reader.u64()?, reader.u64()?])).collect::<Option<_>>()?,
            sorted: false,
        })
    }

    /// Distinct scores from the highest down, each with its weight.
    fn steps(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        let mut plain = self.plain.iter().rev().copied().peekable();
        let mut weighted = self.weighted.iter().rev().copied().peekable();
        std::iter::from_fn(move || {
            let key = plain.peek().copied().max(weighted.peek().map(|row| row[0]))?;
            let mut weight = 0.0;
            while plain.next_if_eq(&key).is_some() {
                weight += 1.0;
            }
            while let Some([_, bits]) = weighted.next_if(|row| row[0] == key) {
                weight += f64::from_bits(bits);
            }
            Some((key, weight))
        })
    }
}

impl Scores {
    /// Adds a row; all rows together may take `limit` bytes. A weight of 0 is no row. An error for what is no number.
    pub fn add(&mut self, score: f64, label: bool, weight: f64, limit: usize) -> Result<()> {
        if score.is_nan() {
            return Err(Error::new(ErrorKind::InfiniteValue, "score is not a number"));
        }
        super::one_weight(weight)?;
        if weight == 0.0 {
            return Ok(());
        }
        let (side, other) =
            if label { (&mut self.positive, &self.negative) } else { (&mut self.negative, &self.positive) };
        if weight == 1.0 {
            if side.plain.len() == side.plain.capacity() {
                grow(&mut side.plain, 1, other.bytes() + side.weighted.capacity() * 16, limit)?;
            }
            side.plain.push(key(score));
        } else {
            if side.weighted.len() == side.weighted.capacity() {
                grow(&mut side.weighted, 1, other.bytes() + side.plain.capacity() * 8, limit)?;
            }
            side.weighted.push([key(score), weight.to_bits()]);
        }
        side.sorted = false;
        Ok(())
    }

    /// The memory that the rows take.
    pub fn bytes(&self) -> usize {
        self.negative.bytes() + self.positive.bytes()
    }

    /// Adds all rows of another.
    pub fn merge(&mut self, other: &Self, limit: usize) -> Result<()> {
        self.negative.merge(&other.negative, self.positive.bytes(), limit)?;
        self.positive.merge(&other.positive, self.negative.bytes(), limit)
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let rows =
            [&self.negative, &self.positive].map(|side| side.plain.len() * 8 + side.weighted.len() * 16);
        let mut bytes = Vec::with_capacity(rows.iter().sum::<usize>() + 32);
        self.negative.write(&mut bytes);
        self.positive.write(&mut bytes);
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Reader::whole(bytes, |reader| {
            Some(Self { negative: Side::read(reader)?, positive: Side::read(reader)? })
        })
    }

    /// Scores from the highest down with the weights of both classes.
    fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        let mut negative = self.negative.steps().peekable();
        let mut positive = self.positive.steps().peekable();
        std::iter::from_fn(move || {
            let key = negative.peek().map(|step| step.0).max(positive.peek().map(|step| step.0))?;
            let weight = |side: &mut dyn FnMut() -> Option<(u64, f64)>| side().map_or(0.0, |step| step.1);
            Some(Step {
                score: score_of(key),
                positive: weight(&mut || positive.next_if(|step| step.0 == key)),
                negative: weight(&mut || negative.next_if(|step| step.0 == key)),
            })
        })
    }

    /// The steps, which end early with an error in `outcome` when `pause` has one.
    fn steps_until(
        &self,
        pause: &mut dyn FnMut() -> Result<()>,
        outcome: &mut Result<()>,
    ) -> impl Iterator<Item = Step> {
        self.steps().enumerate().map_while(move |(passed, step)| {
            if passed % AT_ONCE == 0 {
                *outcome = pause();
            }
            outcome.is_ok().then_some(step)
        })
    }

    /// Puts the rows in order and sums up both classes.
    fn totals(&mut self, pause: &mut dyn FnMut() -> Result<()>) -> Result<(f64, f64)> {
        self.negative.sort(pause)?;
        self.positive.sort(pause)?;
        let mut outcome = Ok(());
        let totals = self.steps_until(pause, &mut outcome).fold((0.0, 0.0), |(positive, negative), step| {
            (positive + step.positive, negative + step.negative)
        });
        outcome.map(|()| totals)
    }

    /// As [`ranking::Ranking::auc`]; like the others it asks `pause` every now and then whether to go on.
    pub fn auc(&mut self, pause: &mut dyn FnMut() -> Result<()>) -> Result<Option<f64>> {
        let (positive, negative) = self.totals(pause)?;
        let mut outcome = Ok(());
        let area = ranking::auc(self.steps_until(pause, &mut outcome), positive, negative);
        outcome.map(|()| area)
    }

    pub fn average_precision(&mut self, pause: &mut dyn FnMut() -> Result<()>) -> Result<Option<f64>> {
        let (positive, _) = self.totals(pause)?;
        let mut outcome = Ok(());
        let average = ranking::average_precision(self.steps_until(pause, &mut outcome), positive);
        outcome.map(|()| average)
    }

    pub fn ks(&mut self, pause: &mut dyn FnMut() -> Result<()>) -> Result<Option<f64>> {
        let (positive, negative) = self.totals(pause)?;
        let mut outcome = Ok(());
        let largest = ranking::ks(self.steps_until(pause, &mut outcome), positive, negative);
        outcome.map(|()| largest)
    }
}
