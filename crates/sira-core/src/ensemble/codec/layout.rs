//! The elements of compiled bytes. Every field is little-endian and of alignment 1.

use zerocopy::little_endian::{F64, I32, U16, U32, U64};
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
    Columns = 10,
    Thresholds = 11,
    Classes = 12,
    ClassAnswers = 13,
    CodedTrees = 14,
    Starts = 15,
    Steps = 16,
    WideSteps = 17,
    StepLeaves = 18,
    Forks = 19,
    Places = 20,
    Bases = 21,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Meta {
    pub outputs: U32,
    pub features: U32,
    pub objective: U32,
    pub flags: U32,
    pub sigmoid: F64,
    /// Questions of the coded layout, with the one that nobody asks.
    pub questions: U32,
    pub reserved: U32,
}

impl Meta {
    pub const AVERAGE: u32 = 1;
    pub const SQRT: u32 = 2;
    pub const COVERS: u32 = 4;
    /// The coded layout stands beside the plain one; its steps are wide or narrow.
    pub const CODED: u32 = 8;
    pub const WIDE: u32 = 16;
    /// Sums are rounded to single precision after each addition; covers are single precision numbers.
    pub const SINGLE: u32 = 32;
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
    /// By category: the value is rounded to single precision, and below zero it is in no set.
    pub const SINGLE: u32 = 16;
}

/// A point and weight of Gauss–Legendre quadrature on [0, 1].
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Point {
    pub at: F64,
    pub weight: F64,
}

/// One way of reading a feature: by number with one rule for missing values, or by category. Its
/// questions have consecutive numbers, for a number in the order of their thresholds.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Column {
    pub feature: U32,
    /// The flags of [`Node`].
    pub flags: U32,
    pub first_question: U32,
    pub questions: U32,
    /// By category: its class, for as many categories as any set knows. Where missing values go
    /// left their class follows.
    pub first_class: U32,
    pub classes: U32,
    /// The answers of a class: `words` words of a bit a question, classes one after the other.
    pub first_word: U32,
    pub words: U32,
}

/// A tree in the coded layout.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct CodedTree {
    /// The step that a walk begins with.
    pub root: U32,
    pub first_fork: U32,
}

/// Where the walk through a tree begins.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Start {
    pub tree: U32,
    pub root: U32,
}

/// A step of a walk: a question in the low half, the distance to the left child in the high half.
/// The right child stands behind the left one, so the answer is added. A leaf asks question 0,
/// whose answer is 0, and leads 0 steps on.
pub(crate) type Step = U32;
pub(crate) type WideStep = U64;

/// An inner node for many rows at a time. Children below the tree's number of nodes are nodes,
/// leaves follow; a child's number is larger than its parent's.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Fork {
    pub question: U32,
    pub left: U16,
    pub right: U16,
}

impl Fork {
    /// Trees of more leaves have no forks: asking all their questions costs more than walking.
    pub const MOST_LEAVES: usize = 256;
}

/// Where a node stands, for explanations.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Place {
    /// Branches on the way to it, and in the highest bit whether the last one is a right one.
    level: U16,
    /// The last level on the way whose branch asked for the node's own feature, or 0.
    earlier: U16,
}

impl Place {
    const RIGHT: u16 = 1 << 15;

    pub fn new(level: u16, right: bool, earlier: u16) -> Self {
        Self { level: (level | if right { Self::RIGHT } else { 0 }).into(), earlier: earlier.into() }
    }

    pub fn level(&self) -> (usize, bool) {
        let level = self.level.get();
        (usize::from(level & !Self::RIGHT), level & Self::RIGHT != 0)
    }

    pub fn earlier(&self) -> usize {
        usize::from(self.earlier.get())
    }
}
