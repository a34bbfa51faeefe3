//! What asks only for the order of scores keeps every one of them: 8 bytes a row, 16 where weights differ from 1.

use super::Label;
use super::state::{self, State};
use crate::error::{Failure, Result, SqlResult};
use crate::guc;
use pgrx::{Internal, pg_extern, pg_sys};
use sira_core::metrics::Scores;

/// How much memory one group's rows may take.
fn limit() -> usize {
    usize::try_from(guc::TRAINING_MEMORY.get()).unwrap_or_default() << 20
}

impl State for Scores {
    fn merge(&mut self, other: &Self) -> sira_core::Result<()> {
        self.merge(other, limit())
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
        return Ok(state::unchanged::<Scores>(fcinfo));
    };
    let label = L::truth(label)?;
    state::change(fcinfo, |scores: &mut Scores| scores.add(score, label, weight, limit()))
}

#[pg_extern(sql = false)]
fn sira_ranking_add_boolean(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(add::<bool>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_ranking_add_number(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(add::<f64>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_ranking_combine(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(state::combine::<Scores>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_ranking_write(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Vec<u8>>> {
    Ok(state::write::<Scores>(fcinfo)?)
}

#[pg_extern(sql = false)]
fn sira_ranking_read(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<Internal>> {
    Ok(state::read::<Scores>(fcinfo)?)
}

/// Lets whoever waits for many rows to be sorted cancel.
fn pause() -> sira_core::Result<()> {
    pgrx::check_for_interrupts!();
    Ok(())
}

fn answer(
    fcinfo: pg_sys::FunctionCallInfo,
    measure: impl FnOnce(&mut Scores) -> sira_core::Result<Option<f64>>,
) -> SqlResult<Option<f64>> {
    Ok(state::answer(fcinfo, |scores| measure(scores).transpose()).transpose().map_err(Failure::from)?)
}

#[pg_extern(sql = false)]
fn sira_auc_final(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<f64>> {
    answer(fcinfo, |scores| scores.auc(&mut pause))
}

#[pg_extern(sql = false)]
fn sira_average_precision_final(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<f64>> {
    answer(fcinfo, |scores| scores.average_precision(&mut pause))
}

#[pg_extern(sql = false)]
fn sira_ks_final(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<f64>> {
    answer(fcinfo, |scores| scores.ks(&mut pause))
}
