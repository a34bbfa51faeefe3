//! Edits that know nothing but bytes and numbers in them.

use crate::dice::Dice;

const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    7,
    0x7F,
    0xFF,
    0xFFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    0x7FF0_0000_0000_0000,
    0x7FF8_0000_0000_0000,
    0x7FFF_FFFF_FFFF_FFFF,
    0xFFFF_FFFF_FFFF_FFFF,
];

/// One edit somewhere.
pub fn edit(dice: &mut Dice, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.push(dice.roll(256) as u8);
        return;
    }
    let at = dice.roll(bytes.len());
    match dice.roll(9) {
        0 => bytes[at] ^= 1 << dice.roll(8),
        1 => bytes[at] = dice.roll(256) as u8,
        2 => drop(bytes.remove(at)),
        3 => bytes.insert(at, dice.roll(256) as u8),
        4 => bytes.truncate(at),
        5 => {
            let piece = piece(dice, bytes);
            bytes.splice(at..at, piece);
        }
        6 => {
            let end = (at + 1 + dice.roll(64)).min(bytes.len());
            bytes.drain(at..end);
        }
        7 => {
            let piece = piece(dice, bytes);
            for (to, from) in bytes[at..].iter_mut().zip(piece) {
                *to = from;
            }
        }
        _ => number(dice, bytes, at),
    }
}

/// Overwrites a number of 4 or 8 bytes where numbers usually lie.
pub fn number(dice: &mut Dice, bytes: &mut [u8], at: usize) {
    let width = if dice.once_in(2) { 4 } else { 8 };
    let at = at / 4 * 4;
    let Some(place) = bytes.get_mut(at..at + width) else { return };
    let mut old = [0; 8];
    old[..width].copy_from_slice(place);
    let old = u64::from_le_bytes(old);
    let new = match dice.roll(5) {
        0 => NUMBERS[dice.roll(NUMBERS.len())],
        1 => old.wrapping_add(1 + dice.roll(64) as u64),
        2 => old.wrapping_sub(1 + dice.roll(64) as u64),
        3 => dice.roll(1 << 12) as u64,
        _ => dice.roll(1 << 33) as u64,
    };
    place.copy_from_slice(&new.to_le_bytes()[..width]);
}

fn piece(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let from = dice.roll(bytes.len());
    let length = 1 + dice.roll(64);
    bytes[from..(from + length).min(bytes.len())].to_vec()
}
