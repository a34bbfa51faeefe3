//! A checksum that costs little more than reading the bytes.
//!
//! Eight lanes take a word each of every 64 bytes: `lane = rotate(lane ^ word) * odd`. Each step is
//! a bijection of the lane, and so is the fold at the end, so any change confined to one word — any
//! one damaged byte — always changes the sum; other damage is missed once in 2⁶⁴ if it is
//! accidental. The lanes do not wait for each other, which leaves memory as the limit. The full
//! SHA-256 of the artifact is checked where bytes are written; this only has to notice that a file
//! changed afterwards.

use super::layout::Header;

const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
const LANES: usize = 8;

/// Sum of everything but the checksum field itself, which ends the header.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let head = bytes.get(..size_of::<Header>() - 8).unwrap_or(bytes);
    let body = bytes.get(size_of::<Header>()..).unwrap_or_default();
    let mut lanes = [0u64; LANES];
    for (number, lane) in lanes.iter_mut().enumerate() {
        *lane = ODD.wrapping_mul(number as u64 + 1);
    }
    for word in head.chunks_exact(8) {
        lanes[0] = step(lanes[0], load(word));
    }
    let mut blocks = body.chunks_exact(8 * LANES);
    for block in blocks.by_ref() {
        for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            *lane = step(*lane, load(word));
        }
    }
    for (word, lane) in blocks.remainder().chunks(8).zip(&mut lanes) {
        *lane = step(*lane, load(word));
    }
    let sum = lanes.iter().fold(bytes.len() as u64, |sum, lane| step(sum, *lane));
    sum ^ (sum >> 32)
}

fn step(lane: u64, word: u64) -> u64 {
    (lane ^ word).rotate_left(29).wrapping_mul(ODD)
}

/// A little-endian word; a short last one is filled with zeros.
fn load(bytes: &[u8]) -> u64 {
    let mut word = [0u8; 8];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}
