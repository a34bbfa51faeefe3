//! Several sessions at once: what one does, the others see when they should, and not before.

mod install;
mod promotion;
