//! What asks for probabilities keeps sums, whatever the number of rows.

use super::Label;
use super::state::{self, State};
use crate::error::{Result, SqlResult};
use pgrx::{Internal, pg_extern, pg_sys};
use sira_core::metrics::ProbabilitySums;

impl State for ProbabilitySums {
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
    let row = (state::argument(fcinfo, 1), state::argument(fcinfo, 2), state::weight(fcinfo, 3));
    let (Some(score), Some(label), Some(weight)) = row else {
        return Ok(state::unchanged::<ProbabilitySums>(fcinfo));
    };
    let label = L::truth(label)?;
    state::change(fcinfo, |sums: &mut ProbabilitySums| sums.add(score, label, weight))
}

#[pg_extern(sql = false)]
fn sira_probability_add_boolean(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(add::<bool>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_probability_add_number(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(add::<f64>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_probability_combine(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(state::combine::<ProbabilitySums>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_probability_write(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Vec<u8>>> {
    Ok(state::write::<ProbabilitySums>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_probability_read(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(state::read::<ProbabilitySums>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_log_loss_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut ProbabilitySums| state.log_loss())
}

#[pg_extern(sql = false)]
fn sira_brier_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut ProbabilitySums| state.brier())
}

#[pg_extern(sql = false)]
fn sira_calibration_error_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut ProbabilitySums| state.calibration_error())
}
