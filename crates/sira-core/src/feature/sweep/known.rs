//! What was known at a moment, among rows sorted by when they happened.
//!
//! Rows are recorded nearly in the order in which they happen. Of an entity's rows in the order of time, let m(i) be
//! the earliest recording among row i and all after it: m never falls, so a search finds p, the first row from
//! which on nothing was known. A row that was recorded later than m of the row [`SLACK`] places on is called late;
//! any other row more than [`SLACK`] places before p was known. So a stretch counts as a whole up to there, the
//! last places before p are looked at one by one, and so are the late rows of the window, which all sums and
//! orders leave out. A moment costs a search, [`SLACK`] looks and the number of late rows in its window: only
//! histories that were loaded long after they happened, and are asked as of before that, approach a scan.

use std::ops::Range;

use super::order::Order;

/// How many places out of order a row may be recorded without being late.
const SLACK: usize = 32;

pub(super) struct Known {
    recorded: Vec<i64>,
    earliest: Vec<i64>,
    late: Vec<bool>,
    late_places: Vec<u32>,
}

impl Known {
    pub(super) fn new(recorded: &[i64], events: &Order) -> Self {
        let recorded: Vec<i64> = events.rows.iter().map(|row| recorded[*row as usize]).collect();
        let mut earliest = recorded.clone();
        let mut late = vec![false; recorded.len()];
        for entity in 0..events.entities() {
            let range = events.range(entity);
            for at in range.clone().rev().skip(1) {
                earliest[at] = earliest[at].min(earliest[at + 1]);
            }
            for at in range.start..range.end.saturating_sub(SLACK) {
                late[at] = recorded[at] > earliest[at + SLACK];
            }
        }
        let late_places = (0..).zip(&late).filter_map(|(at, late)| late.then_some(at)).collect();
        Self { recorded, earliest, late, late_places }
    }

    pub(super) fn is_late(&self, at: usize) -> bool {
        self.late[at]
    }

    /// Where the stretch of what was surely known ends; what else was known goes to `single`.
    pub(super) fn split(
        &self,
        entity: Range<usize>,
        from: usize,
        until: usize,
        known: i64,
        single: &mut Vec<u32>,
    ) -> usize {
        let unknown = entity.start + self.earliest[entity.clone()].partition_point(|at| *at <= known);
        let until = until.min(unknown);
        if until <= from {
            return from;
        }
        let mut end = unknown.saturating_sub(SLACK).clamp(from, until);
        while end < until && (self.late[end] || self.recorded[end] <= known) {
            end += 1;
        }
        let was_known = |at: &usize| self.recorded[*at] <= known;
        let near = (end..until).filter(|at| !self.late[*at]).filter(was_known);
        single.extend(near.map(|at| at as u32));
        let first = self.late_places.partition_point(|at| (*at as usize) < from);
        let late = self.late_places.iter().skip(first).take_while(|at| (**at as usize) < until);
        single.extend(late.filter(|at| was_known(&(**at as usize))));
        end
    }
}
