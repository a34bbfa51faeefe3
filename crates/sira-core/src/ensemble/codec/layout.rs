//! The elements of compiled bytes. Every field is little-endian and of alignment 1.

use zerocopy::little_endian::{F64, I32, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub(crate) const MAGIC: [u8; 8] = *b"SIRATREE";

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Header {
    pub magic: [u8; 8],
    pub version: U32,
    pub sections: U32,
    pub length: U64,
    pub checksum: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Section {
    pub kind: U32,
    pub element_size: U32,
    pub offset: U64,
    pub elements: U64,
}

/// Kinds of sections; numbers never change their meaning.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Kind {
    Meta = 1,
    Trees = 2,
    Nodes = 3,
    Leaves = 4,
    Sets = 5,
    NodeCovers = 6,
    LeafCovers = 7,
    Baselines = 8,
    Points = 9,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Meta {
    pub outputs: U32,
    pub features: U32,
    pub objective: U32,
    pub flags: U32,
    pub sigmoid: F64,
}

impl Meta {
    pub const AVERAGE: u32 = 1;
    pub const SQRT: u32 = 2;
    pub const COVERS: u32 = 4;
}

/// Where a tree's nodes, leaves and quadrature points lie in their sections.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Span {
    pub first_node: U32,
    pub nodes: U32,
    pub first_leaf: U32,
    pub leaves: U32,
    pub first_point: U32,
    pub points: U32,
    pub depth: U32,
    pub reserved: U32,
}

/// An inner node. Children count within the tree: nodes from 0 up, leaves from −1 down.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Node {
    /// The bits of the threshold, or of a category set its first word (low half) and length.
    pub payload: U64,
    pub feature: U32,
    pub left: I32,
    pub right: I32,
    pub flags: U32,
}

impl Node {
    pub const CATEGORY: u32 = 1;
    pub const DEFAULT_LEFT: u32 = 2;
    pub const MISSING_ZERO: u32 = 4;
    pub const MISSING_NAN: u32 = 8;
}

/// A point and weight of Gauss–Legendre quadrature on [0, 1].
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Point {
    pub at: F64,
    pub weight: F64,
}
