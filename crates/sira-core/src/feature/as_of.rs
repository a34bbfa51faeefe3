//! Stored values: the newest one at a moment, with what may be said of it.
//!
//! Of values of one time the one recorded last holds, and of those recorded at one instant the greatest, so that
//! the answer does not depend on the order of the rows. Where a moment names what it may know, what was recorded
//! later is passed over, also if that leaves an older value. One pass over sorted values and moments; where a
//! value is not known yet a search in a tree of the earliest recordings finds the last one that is, in a
//! logarithm of the number of values.

use super::column::NO_KEY;
use super::history::{Events, Queries};
pub use super::status::Status;
use super::sweep::order::{Order, entities};
use crate::{Error, ErrorKind, Result};

/// The row of the newest value at each moment, in the order of the queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Newest {
    pub status: Vec<Status>,
    /// None where none is found; where it is too old the row is named all the same.
    pub row: Vec<Option<u32>>,
}

/// Joins the values of a column to the moments asked about.
pub fn join(values: &Events, column: usize, queries: &Queries, max_age: Option<i64>) -> Result<Newest> {
    values.check()?;
    queries.check()?;
    let history = &values.history;
    let Some(cells) = history.columns.get(column) else {
        return Err(Error::new(ErrorKind::InvalidParameter, format!("no column {column} to join")));
    };
    let entities = entities(&values.entity, &queries.entity)?;
    let mut order = Order::new(&values.entity, &history.time, entities);
    let recorded = |row: u32| history.recorded.as_ref().map_or(i64::MIN, |recorded| recorded[row as usize]);
    order.sort_ties_by_key(|row| (recorded(row), cells.key(row as usize), row));
    let moments = Order::new(&queries.entity, &queries.time, entities);
    let tree = match (&history.recorded, &queries.known) {
        (Some(recorded), Some(known)) => {
            Some((Earliest::new(order.rows.iter().map(|row| recorded[*row as usize])), known))
        }
        _ => None,
    };

    let mut newest = Newest { status: vec![Status::NotFound; queries.len()], row: vec![None; queries.len()] };
    for entity in 0..entities {
        let range = order.range(entity);
        let mut until = range.start;
        for at in moments.range(entity) {
            let (moment, query) = (moments.times[at], moments.rows[at] as usize);
            while until < range.end && order.times[until] <= moment {
                until += 1;
            }
            let last = match &tree {
                Some((tree, known)) => tree.last(range.start, until, known[query]),
                None => until.checked_sub(1).filter(|last| *last >= range.start),
            };
            if let Some(last) = last {
                let row = order.rows[last];
                let is_null = cells.key(row as usize) == NO_KEY;
                newest.status[query] = Status::of(is_null, true, Some(order.times[last]), moment, max_age);
                newest.row[query] = Some(row);
            }
        }
    }
    Ok(newest)
}

/// A tree of minima over the recording times: node i has the children 2i and 2i + 1, leaves lie at `leaves` + place.
struct Earliest {
    nodes: Vec<i64>,
    leaves: usize,
}

impl Earliest {
    fn new(recorded: impl ExactSizeIterator<Item = i64>) -> Self {
        let leaves = recorded.len().next_power_of_two();
        let mut nodes = vec![i64::MAX; 2 * leaves];
        for (node, recorded) in nodes.iter_mut().skip(leaves).zip(recorded) {
            *node = recorded;
        }
        for at in (1..leaves).rev() {
            nodes[at] = nodes[2 * at].min(nodes[2 * at + 1]);
        }
        Self { nodes, leaves }
    }

    /// The last place of a stretch that was recorded up to `known`.
    fn last(&self, from: usize, until: usize, known: i64) -> Option<usize> {
        if until <= from {
            return None;
        }
        let mut at = self.leaves + until - 1;
        // Up while nothing to the left within this node will do, then down to the rightmost that does.
        while self.nodes[at] > known {
            while at.is_multiple_of(2) {
                at /= 2;
            }
            if at <= 1 {
                return None;
            }
            at -= 1;
        }
        while at < self.leaves {
            at = 2 * at + usize::from(self.nodes[2 * at + 1] <= known);
        }
        let place = at - self.leaves;
        (place >= from).then_some(place)
    }
}
