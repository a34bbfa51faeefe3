//! Edits that know what XGBoost's files are made of: JSON's numbers and lists, UBJSON's markers and lengths.

use crate::dice::Dice;

const NUMBERS: [&str; 20] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "31",
    "32",
    "1024",
    "65536",
    "16777215",
    "16777216",
    "2147483647",
    "-2147483648",
    "4294967295",
    "18446744073709551615",
    "1E-45",
    "3.4028235E38",
    "NaN",
    "-Infinity",
];
const LENGTHS: [i64; 8] = [0, 1, 2, 31, 255, 65536, i64::MAX, -1];

/// One edit, in the format that the bytes are in.
pub fn edit(dice: &mut Dice, bytes: &mut Vec<u8>, _: &[Vec<u8>]) {
    if dice.once_in(8) {
        return crate::bytes::edit(dice, bytes);
    }
    if bytes.get(1) == Some(&b'L') { binary(dice, bytes) } else { text(dice, bytes) }
}

/// A number that becomes another, comes twice, or goes; or a list that is emptied or repeated.
fn text(dice: &mut Dice, bytes: &mut Vec<u8>) {
    let starts: Vec<usize> = (1..bytes.len())
        .filter(|at| bytes[at - 1] == b'[' || bytes[at - 1] == b',' || bytes[at - 1] == b'"')
        .filter(|at| bytes[*at].is_ascii_digit() || bytes[*at] == b'-')
        .collect();
    let Some(start) = starts.get(dice.roll(starts.len())).copied() else {
        return crate::bytes::edit(dice, bytes);
    };
    let length = bytes[start..].iter().take_while(|byte| !b",]\"}".contains(byte)).count();
    let own = bytes[start..start + length].to_vec();
    let new = match dice.roll(8) {
        0 => [own.clone(), own].join(&b','),
        1 if dice.once_in(8) => vec![own; 1 << dice.roll(12)].join(&b','),
        2 => {
            let other = starts[dice.roll(starts.len())];
            let length = bytes[other..].iter().take_while(|byte| !b",]\"}".contains(byte)).count();
            bytes[other..other + length].to_vec()
        }
        _ => dice.of(&NUMBERS).as_bytes().to_vec(),
    };
    bytes.splice(start..start + length, new);
}

/// A length behind its marker, or a number of an array.
fn binary(dice: &mut Dice, bytes: &mut [u8]) {
    let at = dice.roll(bytes.len());
    let found = bytes[at..].windows(2).position(|pair| pair[1] == b'L' && b"#${".contains(&pair[0]));
    let (at, new) = match found {
        Some(distance) if dice.once_in(3) => {
            (at + distance + 2, LENGTHS[dice.roll(LENGTHS.len())].to_be_bytes().to_vec())
        }
        _ if dice.once_in(2) => (at, (dice.roll(300) as i32 - 2).to_be_bytes().to_vec()),
        _ => (at, f32::from_bits(dice.roll(1 << 32) as u32).to_be_bytes().to_vec()),
    };
    for (to, from) in bytes.iter_mut().skip(at).zip(new) {
        *to = from;
    }
}
