//! From "which rows are in leaf i", for every leaf, to "which leaf is row r in", for every row.

/// Most leaves of a tree: numbers take a byte.
pub(super) const MOST: usize = 256;

/// The number of the set that each row is in; every row is in one of the first `count` sets. The
/// sets are used up.
#[inline(always)]
pub(super) fn numbers<const W: usize>(sets: &mut [[u64; W]; MOST], count: usize, out: &mut [[u8; 64]; W]) {
    let mut planes = [[0; W]; 8];
    let mut count = count.min(MOST);
    // Rows in sets of odd number have bit 0; then neighbours become one, and so on with bit 1.
    for plane in &mut planes {
        if count < 2 {
            break;
        }
        let pairs = count.div_ceil(2);
        if let Some(last) = sets.get_mut(count) {
            *last = [0; W];
        }
        for pair in 0..pairs {
            let (even, odd) = (sets[2 * pair], sets[2 * pair + 1]);
            for (((plane, both), even), odd) in plane.iter_mut().zip(&mut sets[pair]).zip(even).zip(odd) {
                *plane |= odd;
                *both = even | odd;
            }
        }
        count = pairs;
    }
    eight_bits_each(&mut planes);
    for (number, group) in planes.iter().enumerate() {
        for (word, out) in group.iter().zip(out.iter_mut()) {
            // Group g of a word has the bits of its rows 8 g to 8 g + 7.
            if let Some(eight) = out.as_chunks_mut::<8>().0.get_mut(number) {
                *eight = mirror(*word).to_le_bytes();
            }
        }
    }
}

/// Mirrors planes of 8 bytes a word: byte g of plane b becomes byte b of group g.
#[inline(always)]
fn eight_bits_each<const W: usize>(planes: &mut [[u64; W]; 8]) {
    let mut distance = 4;
    let mut low = u64::from(u32::MAX);
    while distance > 0 {
        let width = 8 * distance;
        for pair in planes.chunks_exact_mut(2 * distance) {
            let (upper, lower) = pair.split_at_mut(distance);
            for (a, b) in upper.iter_mut().flatten().zip(lower.iter_mut().flatten()) {
                let swap = (*a >> width ^ *b) & low;
                *a ^= swap << width;
                *b ^= swap;
            }
        }
        distance /= 2;
        low ^= low << (8 * distance);
    }
}

/// Mirrors a square of 8 × 8 bits, a byte a line.
#[inline(always)]
fn mirror(mut square: u64) -> u64 {
    for (width, low) in [(7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)]
    {
        let swap = (square ^ square >> width) & low;
        square ^= swap ^ swap << width;
    }
    square
}
