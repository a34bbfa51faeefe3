//! Several sessions at once: what one does, the others see when they should, and not before.

mod audit;
mod counters;
mod databases;
mod drift;
mod features;
mod gates;
mod install;
mod jobs;
mod materialise;
mod parallel;
mod parity;
mod partitions;
mod point_in_time;
mod pooler;
mod promotion;
mod retraining;
mod rows;
mod standby;
mod tenants;
mod training;
mod trigger;
mod tuning;
mod walk;
