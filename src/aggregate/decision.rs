//! What a threshold makes of scores keeps four sums.

use super::Label;
use super::state::{self, State};
use crate::error::{Result, SqlResult};
use pgrx::{Internal, pg_extern, pg_sys};
use sira_core::metrics::DecisionSums;

impl State for DecisionSums {
    fn merge(&mut self, other: &Self) -> sira_core::Result<()> {
        self.merge(other);
        Ok(())
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> sira_core::Result<Self> {
        Self::from_bytes(bytes)
    }
}

fn add<L: Label>(fcinfo: pg_sys::FunctionCallInfo) -> Result<Option<Internal>> {
    let row = (
        state::argument(fcinfo, 1),
        state::argument(fcinfo, 2),
        state::argument(fcinfo, 3),
        state::weight(fcinfo, 4),
    );
    let (Some(score), Some(label), Some(threshold), Some(weight)) = row else {
        return Ok(state::unchanged::<DecisionSums>(fcinfo));
    };
    let label = L::truth(label)?;
    state::change(fcinfo, |sums: &mut DecisionSums| sums.add(score, label, threshold, weight))
}

#[pg_extern(sql = false)]
fn sira_decision_add_boolean(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(add::<bool>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_decision_add_number(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(add::<f64>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_decision_combine(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(state::combine::<DecisionSums>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_decision_write(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Vec<u8>>> {
    Ok(state::write::<DecisionSums>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_decision_read(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(state::read::<DecisionSums>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_precision_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut DecisionSums| state.confusion().precision())
}

#[pg_extern(sql = false)]
fn sira_recall_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut DecisionSums| state.confusion().recall())
}

#[pg_extern(sql = false)]
fn sira_accuracy_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut DecisionSums| state.confusion().accuracy())
}

#[pg_extern(sql = false)]
fn sira_f1_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut DecisionSums| state.confusion().f1())
}
