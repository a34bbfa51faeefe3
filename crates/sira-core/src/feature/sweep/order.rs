//! Rows by entity, then time: sorted once, for all windows.

use crate::{Error, ErrorKind, Result};

/// Row numbers in the order of entity and time, and where each entity's rows begin.
pub(in crate::feature) struct Order {
    pub(in crate::feature) rows: Vec<u32>,
    pub(in crate::feature) times: Vec<i64>,
    /// One more than there are entities.
    starts: Vec<u32>,
}

/// How many entities the codes speak of. Codes far above the number of rows would cost memory for nothing.
pub(in crate::feature) fn entities(events: &[u32], queries: &[u32]) -> Result<usize> {
    let Some(highest) = events.iter().chain(queries).max() else { return Ok(0) };
    let rows = events.len() + queries.len();
    if *highest as usize > 16 * rows + (1 << 20) {
        return Err(Error::new(ErrorKind::InvalidParameter, "entities are numbered with large gaps")
            .with_detail(format!("Number {highest} among {rows} rows."))
            .with_hint("Number the entities from 0 in the order in which they appear."));
    }
    Ok(*highest as usize + 1)
}

impl Order {
    /// Counts the rows of each entity, deals them out in their order, and sorts what is not in order by then: a
    /// table that grows with time costs no comparison sort at all.
    pub(in crate::feature) fn new(entity: &[u32], time: &[i64], entities: usize) -> Self {
        let mut starts = vec![0_u32; entities + 1];
        for code in entity {
            starts[*code as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let (mut rows, mut times) = (vec![0_u32; entity.len()], vec![0_i64; entity.len()]);
        for (row, (code, time)) in entity.iter().zip(time).enumerate() {
            let slot = &mut next[*code as usize];
            (rows[*slot as usize], times[*slot as usize]) = (row as u32, *time);
            *slot += 1;
        }
        let mut order = Self { rows, times, starts };
        for entity in 0..entities {
            order.sort(entity);
        }
        order
    }

    fn sort(&mut self, entity: usize) {
        let range = self.range(entity);
        let (rows, times) = (&mut self.rows[range.clone()], &mut self.times[range]);
        if times.is_sorted() {
            return;
        }
        let mut pairs: Vec<(i64, u32)> = times.iter().copied().zip(rows.iter().copied()).collect();
        pairs.sort_unstable();
        for ((row, time), pair) in rows.iter_mut().zip(times).zip(pairs) {
            (*time, *row) = pair;
        }
    }

    /// Puts rows of one entity and one time in the order of a key.
    pub(in crate::feature) fn sort_ties_by_key<K: Ord>(&mut self, key: impl Fn(u32) -> K) {
        for entity in 0..self.entities() {
            let range = self.range(entity);
            let mut start = range.start;
            for run in self.times[range].chunk_by(|a, b| a == b) {
                if let Some(rows) = self.rows.get_mut(start..start + run.len()).filter(|rows| rows.len() > 1)
                {
                    rows.sort_unstable_by_key(|row| key(*row));
                }
                start += run.len();
            }
        }
    }

    pub(in crate::feature) fn entities(&self) -> usize {
        self.starts.len() - 1
    }

    /// The positions of an entity's rows.
    pub(in crate::feature) fn range(&self, entity: usize) -> std::ops::Range<usize> {
        self.starts[entity] as usize..self.starts[entity + 1] as usize
    }
}
