//! `sira_render_card`: a model card's JSON as a page.

use crate::error::SqlResult;
use pgrx::JsonB;
use pgrx::prelude::*;

/// Draws the page; reads nothing.
#[pg_extern(sql = false)]
fn sira_render_card(card: JsonB) -> SqlResult<String> {
    Ok(sira_report::card::html(&card.0).map_err(crate::error::Failure::from)?)
}
