//! Counters of the system itself: calls, rows, errors, fallback answers, latencies, scores, by model version and tenant.
//!
//! A table would forget what a rolled-back transaction did, and make every prediction write a second row; shared memory
//! would ask for preloading. So they are words in a small file beside the compiled models ([`file`]), mapped by every
//! session that scores and changed by relaxed atomic additions: nothing is locked, nothing waits, and what a killed
//! backend had counted stays counted. [`slots`] says what the words mean, [`record`] is what scoring calls, [`budget`] asks
//! the table what used-up budgets say where the file does not know.
//!
//! A counter that goes back was reset (the file was removed, damaged or is of another layout): whoever reads takes
//! differences takes that into account, as Prometheus does.

pub mod budget;
pub mod file;
pub mod record;
pub mod slots;
