//! Several sessions at once: what one does, the others see when they should, and not before.

mod audit;
mod databases;
mod features;
mod install;
mod materialise;
mod parallel;
mod partitions;
mod pooler;
mod promotion;
mod rows;
mod standby;
mod tenants;
mod training;
mod trigger;
mod walk;
