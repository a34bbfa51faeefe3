//! `jsonb` by its bytes, read and written without going through text.
//!
//! The layout is `src/include/utils/jsonb.h`: a header with the number of pairs or elements, an entry of four bytes
//! for each key and then each value, and their bytes one after the other; numbers and containers begin at multiples
//! of four. An entry holds a length, or, every so often, the offset of its end. Keys are in order, by length and then
//! by bytes. It has been the same since PostgreSQL 9.4 and cannot change without breaking `pg_upgrade`.

mod read;
mod write;

pub use read::{Keys, read};
pub use write::Jsonb;

const COUNT: u32 = 0x0FFF_FFFF;
const OBJECT: u32 = 0x2000_0000;
const ARRAY: u32 = 0x4000_0000;
/// An array of one element that stands for the element itself.
const SCALAR: u32 = 0x1000_0000;
const IS_LENGTH_OR_OFFSET: u32 = 0x0FFF_FFFF;
const HAS_OFFSET: u32 = 0x8000_0000;
const TYPE: u32 = 0x7000_0000;
const STRING: u32 = 0x0000_0000;
const NUMERIC: u32 = 0x1000_0000;
const FALSE: u32 = 0x2000_0000;
const TRUE: u32 = 0x3000_0000;
const NULL: u32 = 0x4000_0000;
const CONTAINER: u32 = 0x5000_0000;

/// Which of two keys comes first.
fn order(key: &[u8]) -> (usize, &[u8]) {
    (key.len(), key)
}
