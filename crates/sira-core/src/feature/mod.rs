//! Features over histories: what a definition means, computed for one entity now or for all at any moment.
//!
//! A feature that serving and training compute differently poisons the model without an error. Here both ask the
//! same questions of the same rows: [`online`] folds the rows of one entity, [`sweep`] passes once over the rows
//! of all. They may take different ways because no answer depends on the way: sums are exact until the one
//! rounding at their end, and wherever rows tie the answer is chosen by value, never by position.
//!
//! A moment has two clocks: `time`, when something happened, and `recorded`, when the database learned of it. A
//! question that names a `known` sees only what was recorded up to then.

pub mod as_of;
pub mod column;
pub(crate) mod exact;
pub mod history;
pub mod online;
pub mod quality;
mod status;
mod sum;
pub mod sweep;
pub mod window;

pub use column::{Codes, Column, Numbers, Value};
pub use history::{Events, History, Queries};
pub use status::Status;
pub use window::{Aggregate, Measure, Window};
