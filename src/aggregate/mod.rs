//! Measures of predictions as aggregates: what `sql/install/metrics.sql` declares.
//!
//! A family of aggregates shares its state, so that `SELECT sira_auc(s, y), sira_ks(s, y)` keeps the rows once. The
//! states are the core's; they live in Rust's memory, which knows no limit of 1 GB, and go with the aggregate's
//! memory context. A row in which anything is NULL is no row. Final functions leave what a state says as it is (the
//! ranking only puts its rows in order), so that every measure works over windows too.

mod decision;
mod probability;
mod ranking;
mod regression;
mod state;

/// A label as an aggregate takes it: a boolean, or a number that is 0 or 1.
trait Label: pgrx::FromDatum {
    fn truth(self) -> crate::error::Result<bool>;
}

impl Label for bool {
    fn truth(self) -> crate::error::Result<bool> {
        Ok(self)
    }
}

impl Label for f64 {
    fn truth(self) -> crate::error::Result<bool> {
        if self == 0.0 || self == 1.0 {
            return Ok(self == 1.0);
        }
        Err(sira_core::Error::new(sira_core::ErrorKind::BadLabel, "label is neither 0 nor 1")
            .with_detail(format!("Label {self}."))
            .with_hint("Compare it in the query, such as sira_auc(score, kind = 3).")
            .into())
    }
}
