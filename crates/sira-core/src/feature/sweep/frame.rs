//! Which rows a window holds at each moment, as a stretch of the sorted events.
//!
//! Moments ascend within an entity, so both ends only move forward, and since entities follow each other in the
//! same order in events and moments they do so over the whole pass: a kernel that slides need not know where an
//! entity ends.

use super::known::Known;
use super::order::Order;
use crate::feature::window::Window;

/// The stretch of each moment, in the order of the sorted moments.
pub(super) struct Frame<'a> {
    moments: &'a Order,
    asked: &'a [i64],
    known: Option<&'a Known>,
    stretches: Vec<(u32, u32)>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        window: &Window,
        events: &'a Order,
        moments: &'a Order,
        asked: &'a [i64],
        known: Option<&'a Known>,
    ) -> Self {
        let mut stretches = Vec::with_capacity(moments.rows.len());
        for entity in 0..events.entities() {
            let range = events.range(entity);
            let (mut from, mut until) = (range.start, range.start);
            for moment in &moments.times[moments.range(entity)] {
                if let Some((first, last)) = window.bounds(*moment) {
                    while until < range.end && events.times[until] <= last {
                        until += 1;
                    }
                    while from < until && events.times[from] < first {
                        from += 1;
                    }
                }
                stretches.push((from as u32, until as u32));
            }
        }
        Self { moments, asked, known, stretches }
    }

    pub(super) fn len(&self) -> usize {
        self.stretches.len()
    }

    /// The time that a row of the queries asks about.
    pub(super) fn moment(&self, row: usize) -> i64 {
        self.asked[row]
    }

    /// Calls with every moment's row, its stretch, and single positions outside of it that count too.
    ///
    /// What is late (see [`Known`]) never counts through the stretch.
    pub(super) fn visit(&self, mut look: impl FnMut(usize, usize, usize, &[u32])) {
        let Some(known) = self.known else {
            for (row, (from, until)) in self.moments.rows.iter().zip(&self.stretches) {
                look(*row as usize, *from as usize, *until as usize, &[]);
            }
            return;
        };
        let mut single = Vec::new();
        for (at, (row, (from, until))) in self.moments.rows.iter().zip(&self.stretches).enumerate() {
            single.clear();
            let end = known.split(at, *from as usize, *until as usize, &mut single);
            look(*row as usize, *from as usize, end, &single);
        }
    }
}
