//! The functions that SQL calls: each parses, asks the core and stores; `sql/install` declares them.

pub mod bands;
pub mod card;
pub mod define;
pub mod drift;
pub mod evaluate;
pub mod explain;
pub mod features_offline;
pub mod features_online;
pub mod forget;
pub mod gates;
pub mod ids;
pub mod jobs;
pub mod mlflow;
pub mod models;
pub mod partitions;
pub mod predict;
pub mod quality;
pub mod replay;
pub mod score;
pub mod score_query;
pub mod snapshots;
pub mod statistics;
pub mod status;
pub mod text;
pub mod train;
pub mod trigger;
