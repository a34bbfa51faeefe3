//! Several sessions at once: what one does, the others see when they should, and not before.

mod databases;
mod install;
mod parallel;
mod promotion;
mod rows;
