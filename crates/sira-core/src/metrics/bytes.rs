//! The bytes by which parallel workers hand over what they have counted.

use crate::{Error, ErrorKind, Result};

/// Reads what was written, from the front; `None` where it ends too early.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What `read` makes of all the bytes.
    pub(super) fn whole<T>(bytes: &'a [u8], read: impl FnOnce(&mut Self) -> Option<T>) -> Result<T> {
        let mut reader = Self::new(bytes);
        read(&mut reader).filter(|_| reader.is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::CorruptArtifact, "state of an aggregate is not whole")
                .with_detail(format!("{} bytes.", bytes.len()))
        })
    }
}
