//! `sira_render_report`: a report's JSON as a page.

use crate::error::SqlResult;
use pgrx::JsonB;
use pgrx::prelude::*;

/// Draws the page; reads nothing.
#[pg_extern(sql = false)]
fn sira_render_report(report: JsonB) -> SqlResult<String> {
    Ok(sira_report::report::html(&report.0).map_err(crate::error::Failure::from)?)
}
