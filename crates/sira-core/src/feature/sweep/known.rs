//! What was known at a moment, among rows sorted by when they happened.
//!
//! Rows are recorded nearly in the order in which they happen. Of an entity's rows in the order of time, let m(i) be
//! the earliest recording among row i and all after it: m never falls, so a search finds p, the first row from
//! which on nothing was known. A row that was recorded later than m of the row [`SLACK`] places on is called late;
//! any other row more than [`SLACK`] places before p was known. So a stretch counts as a whole up to there, the
//! last places before p are looked at one by one, and so are the late rows of the window, which all sums and
//! orders leave out. A moment costs a search, at most [`SLACK`] looks a window, and the number of late rows in it:
//! only histories that were loaded long after they happened, and are asked as of before that, approach a scan. So do
//! queues and bags (extremes, what is distinct, deviations) where `known` jumps back and forth from moment to moment
//! of one entity; it usually is the moment itself or the same for all.

use super::order::Order;

/// How many places out of order a row may be recorded without being late.
const SLACK: usize = 32;

pub(super) struct Known {
    recorded: Vec<i64>,
    late: Vec<bool>,
    late_places: Vec<u32>,
    /// How many late places lie before each place.
    late_before: Vec<u32>,
    /// Of each sorted moment: up to when it knows, up to where all rows but the late ones were known then, and from
    /// where on none was.
    moments: Vec<(i64, u32, u32)>,
}

impl Known {
    pub(super) fn new(recorded: &[i64], events: &Order, known: &[i64], moments: &Order) -> Self {
        let recorded: Vec<i64> = events.rows.iter().map(|row| recorded[*row as usize]).collect();
        let mut earliest = recorded.clone();
        let mut late = vec![false; recorded.len()];
        let mut seen = Vec::with_capacity(known.len());
        for entity in 0..events.entities() {
            let range = events.range(entity);
            for at in range.clone().rev().skip(1) {
                earliest[at] = earliest[at].min(earliest[at + 1]);
            }
            for at in range.start..range.end.saturating_sub(SLACK) {
                late[at] = recorded[at] > earliest[at + SLACK];
            }
            for row in &moments.rows[moments.range(entity)] {
                let known = known[*row as usize];
                let end = range.start + earliest[range.clone()].partition_point(|at| *at <= known);
                let near = end.saturating_sub(SLACK).max(range.start);
                let unknown = (near..end).find(|at| !late[*at] && recorded[*at] > known);
                seen.push((known, unknown.unwrap_or(end) as u32, end as u32));
            }
        }
        let mut late_places = Vec::new();
        let mut late_before = Vec::with_capacity(late.len() + 1);
        for (at, late) in late.iter().enumerate() {
            late_before.push(late_places.len() as u32);
            if *late {
                late_places.push(at as u32);
            }
        }
        late_before.push(late_places.len() as u32);
        Self { recorded, late, late_places, late_before, moments: seen }
    }

    pub(super) fn is_late(&self, at: usize) -> bool {
        self.late[at]
    }

    /// Where the part of a stretch ends that the sorted moment `at` surely knew; what else it knew goes to `single`.
    pub(super) fn split(&self, at: usize, from: usize, until: usize, single: &mut Vec<u32>) -> usize {
        let (known, sure, unknown) = self.moments[at];
        let until = until.min(unknown as usize).max(from);
        let end = (sure as usize).clamp(from, until);
        let near = (end..until).filter(|at| !self.late[*at] && self.recorded[*at] <= known);
        single.extend(near.map(|at| at as u32));
        let late = &self.late_places[self.late_before[from] as usize..self.late_before[until] as usize];
        single.extend(late.iter().filter(|at| self.recorded[**at as usize] <= known));
        end
    }
}
