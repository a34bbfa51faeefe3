//! A stretch of positions that moves, and what is kept of the rows in it.

use std::ops::Range;

/// What can take rows in and out again.
pub(super) trait Bag {
    fn add(&mut self, at: usize);
    fn remove(&mut self, at: usize);
    /// Takes out all of a stretch, which is all there is.
    fn clear(&mut self, stretch: Range<usize>);
}

/// The stretch whose rows a bag holds.
#[derive(Default)]
pub(super) struct Stretch {
    from: usize,
    until: usize,
}

impl Stretch {
    /// Moves to another stretch, in either direction; starts anew where the two do not meet.
    pub(super) fn slide(&mut self, bag: &mut impl Bag, from: usize, until: usize) {
        if from >= self.until || until <= self.from {
            bag.clear(self.from..self.until);
            (self.from, self.until) = (from, from);
        }
        while self.until < until {
            bag.add(self.until);
            self.until += 1;
        }
        while self.from > from {
            self.from -= 1;
            bag.add(self.from);
        }
        while self.until > until {
            self.until -= 1;
            bag.remove(self.until);
        }
        while self.from < from {
            bag.remove(self.from);
            self.from += 1;
        }
    }
}
