//! Documents for people: plots as SVG, pages as HTML.
//!
//! Everything that is drawn comes in as numbers and names and goes out as one text that needs nothing from anywhere: no
//! script, no font, no picture, no style sheet beside it. Names come from users and are escaped here, once.

#![forbid(unsafe_code)]

pub mod card;
pub mod curves;
mod escape;
mod number;
pub mod page;
pub mod plot;
pub mod report;

pub use escape::escape;
pub use number::short;
