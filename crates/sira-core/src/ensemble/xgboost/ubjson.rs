//! Universal Binary JSON, draft 12, as a format of serde, as far as XGBoost writes it.
//!
//! Numbers are big-endian. Arrays are open, counted, or typed, in which case only numbers follow; there
//! are no typed arrays of nulls or truth values here, for a few bytes could ask for billions of them.
//! Nothing is allocated by a declared count: a count that the bytes left cannot hold is refused, and
//! serde lets vectors grow with what is there.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use std::fmt;

/// Containers within containers; XGBoost's models have eight.
const MAX_DEPTH: u32 = 64;

/// Reads a whole document.
pub(super) fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Fault> {
    let mut reader = Reader { rest: bytes, depth: 0, marker: None };
    let value = T::deserialize(&mut reader).map_err(|fault| fault.at(bytes.len() - reader.rest.len()))?;
    if reader.rest.is_empty() {
        return Ok(value);
    }
    Err(Fault::custom("bytes follow the document").at(bytes.len() - reader.rest.len()))
}

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault(String);

impl Fault {
    fn at(self, position: usize) -> Self {
        Self(format!("{} at byte {position}", self.0))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

struct Reader<'de> {
    rest: &'de [u8],
    depth: u32,
    /// The type of the next value, where it is known without a marker of its own.
    marker: Option<u8>,
}

impl<'de> Reader<'de> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(cut)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let [byte] = self.take()?;
        Ok(byte)
    }

    /// Whether the next byte is this one; then it is taken.
    fn next_is(&mut self, byte: u8) -> Result<bool, Fault> {
        let (first, rest) = self.rest.split_first().ok_or_else(cut)?;
        if *first == byte {
            self.rest = rest;
        }
        Ok(*first == byte)
    }

    fn integer(&mut self, marker: u8) -> Result<i64, Fault> {
        Ok(match marker {
            b'i' => i64::from(i8::from_be_bytes(self.take()?)),
            b'U' | b'C' => i64::from(self.byte()?),
            b'I' => i64::from(i16::from_be_bytes(self.take()?)),
            b'l' => i64::from(i32::from_be_bytes(self.take()?)),
            b'L' => i64::from_be_bytes(self.take()?),
            other => return Err(unknown(other)),
        })
    }

    /// A length: not below zero, and no more than the bytes left can hold.
    fn length(&mut self, smallest: usize) -> Result<usize, Fault> {
        let marker = self.byte()?;
        let length = self.integer(marker)?;
        usize::try_from(length).ok().filter(|length| *length <= self.rest.len() / smallest).ok_or_else(|| {
            Fault::custom(format!("a length of {length} where {} bytes are left", self.rest.len()))
        })
    }

    fn text(&mut self) -> Result<&'de str, Fault> {
        let length = self.length(1)?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        std::str::from_utf8(text).map_err(Fault::custom)
    }

    /// Reads what is inside of a container.
    fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::custom(format!("containers are nested deeper than {MAX_DEPTH}")));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// The elements of an array whose bracket was read.
    fn elements(&mut self) -> Result<Elements<'_, 'de>, Fault> {
        let typed = self.next_is(b'$')?;
        let marker = if typed { Some(self.byte()?) } else { None };
        let size = match marker {
            None | Some(b'i' | b'U') => 1,
            Some(b'I') => 2,
            Some(b'l' | b'd') => 4,
            Some(b'L' | b'D') => 8,
            Some(other) => return Err(unknown(other)),
        };
        let left = match self.next_is(b'#')? {
            true => Some(self.length(size)?),
            false if typed => return Err(Fault::custom("a typed array has no count")),
            false => None,
        };
        Ok(Elements { reader: self, marker, left })
    }
}

fn cut() -> Fault {
    Fault::custom("the bytes end too early")
}

fn unknown(marker: u8) -> Fault {
    Fault::custom(format!("marker \"{}\" is not known", marker.escape_ascii()))
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let marker = match self.marker.take() {
            Some(marker) => marker,
            None => self.byte()?,
        };
        match marker {
            b'{' => self.inside(|reader| visitor.visit_map(Entries(reader))),
            b'[' => self.inside(|reader| {
                let mut elements = reader.elements()?;
                let value = visitor.visit_seq(&mut elements)?;
                elements.end()?;
                Ok(value)
            }),
            b'Z' => visitor.visit_unit(),
            b'T' => visitor.visit_bool(true),
            b'F' => visitor.visit_bool(false),
            b'd' => visitor.visit_f32(f32::from_be_bytes(self.take()?)),
            b'D' => visitor.visit_f64(f64::from_be_bytes(self.take()?)),
            b'S' => visitor.visit_borrowed_str(self.text()?),
            marker => visitor.visit_i64(self.integer(marker)?),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.marker.is_none() && self.next_is(b'Z')? {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Elements<'r, 'de> {
    reader: &'r mut Reader<'de>,
    marker: Option<u8>,
    /// How many are left, where the array says how many there are.
    left: Option<usize>,
}

impl Elements<'_, '_> {
    /// Whoever reads an array reads it to its end.
    fn end(&mut self) -> Result<(), Fault> {
        match self.left {
            Some(0) | None => Ok(()),
            Some(left) => Err(Fault::custom(format!("{left} elements more than are taken"))),
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        match &mut self.left {
            Some(0) => return Ok(None),
            Some(left) => *left -= 1,
            None if self.reader.next_is(b']')? => return Ok(None),
            None => {}
        }
        self.reader.marker = self.marker;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.left
    }
}

struct Entries<'r, 'de>(&'r mut Reader<'de>);

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        if self.0.next_is(b'}')? {
            return Ok(None);
        }
        let key = self.0.text()?;
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(&mut *self.0)
    }
}
