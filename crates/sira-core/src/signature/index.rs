//! From a name to its position, for names that are looked up a million times.
//!
//! Binding thirty features by name must cost less than scoring them. A hash table over positions
//! with the names left where they are: one cheap hash (FxHash's step over words), one probe, one
//! comparison of names. The names come from a signature, hence from whoever may register models, so
//! nobody gains by making them collide.

const EMPTY: u32 = u32::MAX;

/// Positions by hash of their name, open addressing, at most half full.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    slots: Vec<u32>,
}

impl Index {
    /// An index of names in order. Of equal names the first is found.
    pub fn of<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> Self {
        if names.len() == 0 {
            return Self::default();
        }
        let mut slots = vec![EMPTY; (names.len() * 2).next_power_of_two()];
        let mask = slots.len() - 1;
        for (position, name) in names.enumerate() {
            let mut at = hash(name) as usize & mask;
            while let Some(slot) = slots.get_mut(at) {
                if *slot == EMPTY {
                    *slot = position as u32;
                    break;
                }
                at = (at + 1) & mask;
            }
        }
        Self { slots }
    }

    /// The first position of this hash that `is_it` takes.
    pub fn get(&self, name: &str, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash(name) as usize & mask;
        loop {
            match self.slots.get(at) {
                Some(&position) if position != EMPTY => {
                    if is_it(position as usize) {
                        return Some(position as usize);
                    }
                }
                _ => return None,
            }
            at = (at + 1) & mask;
        }
    }
}

fn hash(name: &str) -> u64 {
    const ODD: u64 = 0x517c_c1b7_2722_0a95;
    let mut state = name.len() as u64;
    for bytes in name.as_bytes().chunks(8) {
        let mut word = [0u8; 8];
        for (to, from) in word.iter_mut().zip(bytes) {
            *to = *from;
        }
        state = (state.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(ODD);
    }
    // The product's high bits are the mixed ones; the mask takes low bits.
    state ^ (state >> 32)
}
