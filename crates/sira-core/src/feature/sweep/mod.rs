//! All entities, all moments: one pass over sorted events for each window.
//!
//! Events and moments are sorted once for all measures. Measures with one frame (the same size, delay and bound)
//! share the search for its ends, measures with one column share what can be summed beforehand. With n events and m
//! moments a measure costs O(n + m): counts and sums are differences of prefixes, extremes a monotone queue, what is
//! distinct a bag that slides. Sums that do not fit 128 bits and standard deviations slide too. Two clocks cost what
//! `known` says. Memory: 12 bytes an event and 20 a moment for the order, 8 to 28 bytes an event for each column that
//! is aggregated, 8 bytes a moment for each answer; a caller with more than that has entities to take in turns.

mod columns;
mod frame;
mod kernels;
mod known;
pub(super) mod order;
mod slide;
mod totals;

use columns::Columns;
use frame::Frame;
use known::Known;
use order::{Order, entities};

use super::column::Column;
use super::history::{Events, Queries};
use super::window::{Measure, Window};
use crate::Result;

/// Events and moments, sorted.
pub struct Sweep<'a> {
    events: &'a Events,
    queries: &'a Queries,
    order: Order,
    moments: Order,
    known: Option<Known>,
}

impl<'a> Sweep<'a> {
    pub fn new(events: &'a Events, queries: &'a Queries) -> Result<Self> {
        events.check()?;
        queries.check()?;
        let entities = entities(&events.entity, &queries.entity)?;
        let order = Order::new(&events.entity, &events.history.time, entities);
        let moments = Order::new(&queries.entity, &queries.time, entities);
        let known = match (&events.history.recorded, &queries.known) {
            (Some(recorded), Some(known)) => Some(Known::new(recorded, &order, known, &moments)),
            _ => None,
        };
        Ok(Self { events, queries, order, moments, known })
    }

    /// A column an answer each, in the order of the queries. `pause` is called before each measure and may end the
    /// work with an error: a caller's interrupts.
    pub fn answers(
        &self,
        measures: &[Measure],
        pause: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Vec<Column>> {
        measures.iter().try_for_each(|measure| measure.check(&self.events.history))?;
        let frame_of = |at: &usize| {
            let window = &measures[*at].window;
            (window.size(), window.delay(), window.include_current())
        };
        let mut turns: Vec<usize> = (0..measures.len()).collect();
        turns.sort_by_key(frame_of);
        let mut columns = self.columns();
        let mut answers: Vec<(usize, Column)> = Vec::with_capacity(measures.len());
        for turn in turns.chunk_by(|a, b| frame_of(a) == frame_of(b)) {
            let Some(first) = turn.first() else { continue };
            let frame = self.frame(&measures[*first].window);
            for at in turn {
                pause()?;
                answers.push((*at, kernels::answer(&mut columns, &frame, &measures[*at])));
            }
        }
        answers.sort_unstable_by_key(|(at, _)| *at);
        Ok(answers.into_iter().map(|(_, column)| column).collect())
    }

    /// When the newest event happened that a measure's value rests on, at each moment.
    pub fn newest(&self, measure: &Measure) -> Result<Vec<Option<i64>>> {
        measure.check(&self.events.history)?;
        Ok(kernels::newest(&mut self.columns(), &self.frame(&measure.window), measure))
    }

    /// Whether the entity of each moment has any event in the window or before it.
    pub fn found(&self, measure: &Measure) -> Result<Vec<bool>> {
        measure.check(&self.events.history)?;
        let any =
            Measure { window: measure.window.endless_count(), value: None, denominator: None, ..*measure };
        Ok(kernels::found(&mut self.columns(), &self.frame(&any.window), &any))
    }

    fn columns(&self) -> Columns<'_> {
        Columns::new(&self.events.history, &self.order, self.known.as_ref())
    }

    fn frame(&self, window: &Window) -> Frame<'_> {
        Frame::new(window, &self.order, &self.moments, &self.queries.time, self.known.as_ref())
    }
}
