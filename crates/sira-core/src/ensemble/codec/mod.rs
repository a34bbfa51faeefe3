//! The compiled form of an ensemble: bytes that are read where they lie.
//!
//! A compiled model is written once, mapped read-only by every backend and never parsed. It holds
//! offsets and no addresses, numbers in little-endian order whatever the machine, and element
//! types of alignment 1, so any byte slice will do: a mapping, a `bytea`, a `Vec`.
//!
//! ```text
//! 0   magic "SIRATREE" · 8 version u32 · 12 sections u32 · 16 length u64 · 24 checksum u64
//! 32  section table: kind u32, element size u32, offset u64, elements u64
//! …   sections, each beginning at a multiple of 64
//! ```
//!
//! Sections are found by kind and unknown ones are skipped. The layout made for speed (see [`coded`])
//! stands beside the plain one, which explains, names leaves, and scores what speed has no room for.
//! The version is not negotiated: the bytes are a cache of an artifact,
//! and a reader that meets another version compiles the artifact again.
//!
//! The checksum (see [`checksum`]) finds accidents, not forgeries. So the readers trust no index
//! either: each access is checked, and a walk only goes to nodes of higher numbers, which ends it.

mod checksum;
mod coded;
pub(crate) mod layout;
mod questions;
mod write;

use super::Objective;
use crate::{Error, ErrorKind, Result};
use layout::{CodedTree, Column, Fork, Header, Kind, Meta, Node, Place, Point, Section, Span, Start};
pub use write::{compile, compile_with};
use zerocopy::little_endian::{F64, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// Version of the compiled bytes. Readers take their own version only. It also counts on when a loader
/// reads an artifact differently, since what was compiled before would go on answering as before.
pub const CODEC_VERSION: u32 = 6;

/// A compiled ensemble, borrowed from the bytes it stands in. Copying it copies references.
#[derive(Clone, Copy, Debug)]
pub struct Compiled<'a> {
    outputs: usize,
    features: usize,
    objective: Objective,
    average: bool,
    covers_known: bool,
    pub(crate) single: bool,
    pub(crate) trees: &'a [Span],
    pub(crate) nodes: &'a [Node],
    pub(crate) leaves: &'a [F64],
    pub(crate) sets: &'a [U32],
    pub(crate) node_covers: &'a [U32],
    pub(crate) leaf_covers: &'a [U32],
    /// By output: what the sum of the trees begins with.
    pub(crate) bases: &'a [F64],
    pub(crate) baselines: &'a [F64],
    pub(crate) points: &'a [Point],
    pub(crate) places: &'a [Place],
    pub(crate) coded: Option<CodedView<'a>>,
}

/// The coded layout of a compiled ensemble.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodedView<'a> {
    pub questions: usize,
    pub columns: &'a [Column],
    pub thresholds: &'a [F64],
    pub classes: &'a [U32],
    pub class_answers: &'a [U64],
    pub trees: &'a [CodedTree],
    /// In the order of walking.
    pub starts: &'a [Start],
    pub steps: Steps<'a>,
    pub step_leaves: &'a [U32],
    pub forks: &'a [Fork],
}

/// Steps in the width that the model needs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Steps<'a> {
    Narrow(&'a [layout::Step]),
    Wide(&'a [layout::WideStep]),
}

impl<'a> Compiled<'a> {
    /// Checks header, checksum and section bounds. Reads every byte once; allocates nothing.
    pub fn open(bytes: &'a [u8]) -> Result<Self> {
        let compiled = Self::attach(bytes)?;
        let header = header(bytes)?;
        let found = checksum::checksum(bytes);
        if found != header.checksum.get() {
            return Err(corrupt("Checksum does not match."));
        }
        Ok(compiled)
    }

    /// As [`Compiled::open`] without the checksum, for bytes that this process has opened before:
    /// a mapping that is kept needs its checksum only once. Costs a fraction of a microsecond.
    pub fn attach(bytes: &'a [u8]) -> Result<Self> {
        let header = header(bytes)?;
        let table = bytes.get(size_of::<Header>()..).unwrap_or_default();
        let (table, _) = <[Section]>::ref_from_prefix_with_elems(table, header.sections.get() as usize)
            .map_err(|_| corrupt("Section table is cut."))?;
        let sections = Sections { bytes, table };
        let [meta] = sections.get::<Meta>(Kind::Meta)? else {
            return Err(corrupt("There is not one description."));
        };
        let objective =
            Objective::decode(meta.objective.get(), meta.sigmoid.get(), meta.flags.get() & Meta::SQRT != 0)
                .ok_or_else(|| corrupt("Objective is not known."))?;
        let flag = |flag| meta.flags.get() & flag != 0;
        let coded = if flag(Meta::CODED) {
            let steps = if flag(Meta::WIDE) {
                Steps::Wide(sections.get(Kind::WideSteps)?)
            } else {
                Steps::Narrow(sections.get(Kind::Steps)?)
            };
            Some(CodedView {
                questions: meta.questions.get() as usize,
                columns: sections.get(Kind::Columns)?,
                thresholds: sections.get(Kind::Thresholds)?,
                classes: sections.get(Kind::Classes)?,
                class_answers: sections.get(Kind::ClassAnswers)?,
                trees: sections.get(Kind::CodedTrees)?,
                starts: sections.get(Kind::Starts)?,
                steps,
                step_leaves: sections.get(Kind::StepLeaves)?,
                forks: sections.get(Kind::Forks)?,
            })
        } else {
            None
        };
        let compiled = Self {
            outputs: meta.outputs.get() as usize,
            features: meta.features.get() as usize,
            objective,
            average: meta.flags.get() & Meta::AVERAGE != 0,
            covers_known: meta.flags.get() & Meta::COVERS != 0,
            single: meta.flags.get() & Meta::SINGLE != 0,
            trees: sections.get(Kind::Trees)?,
            nodes: sections.get(Kind::Nodes)?,
            leaves: sections.get(Kind::Leaves)?,
            sets: sections.get(Kind::Sets)?,
            node_covers: sections.get(Kind::NodeCovers)?,
            leaf_covers: sections.get(Kind::LeafCovers)?,
            bases: sections.get(Kind::Bases)?,
            baselines: sections.get(Kind::Baselines)?,
            points: sections.get(Kind::Points)?,
            places: sections.get(Kind::Places)?,
            coded,
        };
        let whole = compiled.outputs > 0
            && compiled.trees.len().is_multiple_of(compiled.outputs)
            && compiled.bases.len() == compiled.outputs
            && compiled.baselines.len() == compiled.outputs
            && compiled.node_covers.len() == compiled.nodes.len()
            && compiled.places.len() == compiled.nodes.len()
            && compiled.leaf_covers.len() == compiled.leaves.len()
            && compiled.coded.is_none_or(|coded| coded.fits(compiled.trees.len(), bytes.len()));
        if whole { Ok(compiled) } else { Err(corrupt("Sections do not fit each other.")) }
    }

    /// Scores per row: 1, or one a class.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Values per row.
    pub fn feature_count(&self) -> usize {
        self.features
    }

    pub fn objective(&self) -> Objective {
        self.objective
    }

    pub fn tree_count(&self) -> usize {
        self.trees.len()
    }

    /// Rounds of training: trees per output.
    pub fn iterations(&self) -> usize {
        self.trees.len() / self.outputs
    }

    /// Whether the answer is the mean over iterations.
    pub fn is_average(&self) -> bool {
        self.average
    }

    /// Whether the layout made for speed has room for the model; if not, it is walked plainly.
    pub fn is_coded(&self) -> bool {
        self.coded.is_some()
    }

    /// Whether the artifact told how many rows came by each node, without which nothing can be
    /// explained.
    pub fn is_explainable(&self) -> bool {
        self.covers_known
    }
}

impl CodedView<'_> {
    /// Whether the sections fit each other. A question has a threshold or a bit of a class, so there
    /// are not more of them than bits in the bytes, and buffers sized by them stay in proportion.
    fn fits(&self, trees: usize, bytes: usize) -> bool {
        let steps = match self.steps {
            Steps::Narrow(steps) => steps.len(),
            Steps::Wide(steps) => steps.len(),
        };
        self.trees.len() == trees
            && self.starts.len() == trees
            && self.step_leaves.len() == steps
            && self.questions <= bytes * 8
    }
}

fn header(bytes: &[u8]) -> Result<&Header> {
    let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| corrupt("Header is cut."))?;
    if header.magic != layout::MAGIC {
        return Err(corrupt("Magic bytes are missing."));
    }
    if header.version.get() != CODEC_VERSION {
        return Err(corrupt(format!(
            "Version {} was found, version {CODEC_VERSION} is read.",
            header.version.get()
        )));
    }
    if header.length.get() != bytes.len() as u64 {
        return Err(corrupt(format!("{} bytes were written, {} found.", header.length.get(), bytes.len())));
    }
    Ok(header)
}

struct Sections<'a> {
    bytes: &'a [u8],
    table: &'a [Section],
}

impl<'a> Sections<'a> {
    fn get<T: FromBytes + Immutable + KnownLayout>(&self, kind: Kind) -> Result<&'a [T]> {
        let section = self
            .table
            .iter()
            .find(|section| section.kind.get() == kind as u32)
            .ok_or_else(|| corrupt("A section is missing."))?;
        let slice = || {
            let begin = usize::try_from(section.offset.get()).ok()?;
            let elements = usize::try_from(section.elements.get()).ok()?;
            let end = elements.checked_mul(size_of::<T>())?.checked_add(begin)?;
            <[T]>::ref_from_bytes(self.bytes.get(begin..end)?).ok()
        };
        slice()
            .filter(|_| section.element_size.get() as usize == size_of::<T>())
            .ok_or_else(|| corrupt("A section is out of bounds."))
    }
}

/// The error of everyone who reads compiled bytes.
pub(crate) fn corrupt(detail: impl Into<String>) -> Error {
    Error::new(ErrorKind::CorruptArtifact, "compiled model is damaged").with_detail(detail)
}
