//! Numbers against numbers keep sums, whatever the number of rows.

use super::state::{self, State};
use crate::error::{Result, SqlResult};
use pgrx::{Internal, pg_extern, pg_sys};
use sira_core::metrics::RegressionSums;

impl State for RegressionSums {
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

fn add(fcinfo: pg_sys::FunctionCallInfo) -> Result<Option<Internal>> {
    let row = (state::argument(fcinfo, 1), state::argument(fcinfo, 2), state::weight(fcinfo, 3));
    let (Some(prediction), Some(actual), Some(weight)) = row else {
        return Ok(state::unchanged::<RegressionSums>(fcinfo));
    };
    state::change(fcinfo, |sums: &mut RegressionSums| sums.add(prediction, actual, weight))
}

#[pg_extern(sql = false)]
fn sira_regression_add(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(add(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_regression_combine(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(state::combine::<RegressionSums>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_regression_write(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Vec<u8>>> {
    Ok(state::write::<RegressionSums>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_regression_read(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(state::read::<RegressionSums>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_mae_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut RegressionSums| state.mae())
}

#[pg_extern(sql = false)]
fn sira_rmse_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut RegressionSums| state.rmse())
}

#[pg_extern(sql = false)]
fn sira_mape_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut RegressionSums| state.mape())
}

#[pg_extern(sql = false)]
fn sira_smape_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut RegressionSums| state.smape())
}

#[pg_extern(sql = false)]
fn sira_r2_final(fcinfo: pg_sys::FunctionCallInfo) -> Option<f64> {
    state::answer(fcinfo, |state: &mut RegressionSums| state.r2())
}
