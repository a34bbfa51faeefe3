//! Does a model still see the world that it was trained on, and is it still right?
//!
//! A version's [`Layout`]s say once and for all how each input and the score are cut into bins; a [`Sketch`] holds what
//! fell into them, of the training part or of an hour of production, and sketches add up. So a comparison reads
//! neither the training data nor, where hours were folded before, the predictions.
//!
//! [`rule`] decides which difference is drift: one that is larger than what is tolerated *and* larger than chance makes
//! it. Either alone cries wolf: at a million rows everything is significant, at a hundred every histogram is far from
//! every other. [`concept`] asks the same of the quality, where labels have come, and [`estimate`] says what quality to
//! expect before they have. [`score`] makes one number of all.

pub mod concept;
pub mod estimate;
pub mod layout;
pub mod rule;
pub mod score;
pub mod sketch;

pub use layout::Layout;
pub use rule::{Finding, Rule};
pub use sketch::Sketch;
