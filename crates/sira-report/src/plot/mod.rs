//! Plots, each an `<svg>` element to be put into a page.
//!
//! Values that are not finite are left out; where nothing is left the plot says so instead of failing, for a report about a
//! model must not break where the model has little to say.

mod bars;
mod beeswarm;
mod calibration;
mod canvas;
mod chart;
mod compared;
mod histogram;
mod lines;
mod precision_recall;
mod roc;
mod timeline;

pub use bars::{Bar, bars};
pub use beeswarm::{Swarm, SwarmBin, beeswarm};
pub use calibration::{CalibrationBin, calibration};
pub use compared::{Compared, compared_names, compared_numbers};
pub use histogram::{Distribution, histogram};
pub use lines::{Line, lines};
pub use precision_recall::precision_recall;
pub use roc::roc;
pub use timeline::{Course, Dated, Threshold, timeline};
