//! What is installed and how it stands: the facts that `sira_doctor` reads.

use crate::cache;
use crate::cache::collect;
use crate::cache::folder::{self, Name};
use crate::catalog::Home;
use pgrx::datum::{TimestampWithTimeZone, to_timestamp};
use pgrx::iter::TableIterator;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use sira_core::ensemble::codec::CODEC_VERSION;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The version of the library that is loaded; the catalog may lag behind until ALTER EXTENSION … UPDATE.
#[pg_extern(sql = false)]
fn sira_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The version of LightGBM that trains.
#[pg_extern(sql = false)]
fn sira_lightgbm_version() -> &'static str {
    sira_train::LIBRARY_VERSION
}

/// The compiled models of this database's files and of this session's memory.
#[pg_extern(sql = false)]
fn sira_compiled_models() -> TableIterator<
    'static,
    (
        name!(digest, String),
        name!(bytes, i64),
        name!(mapped, bool),
        name!(uses, i64),
        name!(last_used, Option<TimestampWithTimeZone>),
        name!(on_disk, bool),
    ),
> {
    let mut models = BTreeMap::new();
    for entry in cache::entries() {
        models.insert(entry.digest, (entry.bytes, entry.mapped, entry.uses, entry.noted, false));
    }
    for listed in folder::list() {
        match listed.name {
            Name::Compiled { digest, format: CODEC_VERSION, database } if database == folder::database() => {
                let model = models.entry(digest).or_insert((listed.bytes, false, 0, listed.used, false));
                model.3 = model.3.max(listed.used);
                model.4 = true;
            }
            _ => {}
        }
    }
    TableIterator::new(models.into_iter().map(|(digest, (bytes, mapped, uses, used, on_disk))| {
        (cache::hex(&digest), number(bytes), mapped, number(uses), timestamp(used), on_disk)
    }))
}

/// Removes compiled files that nobody can need.
#[pg_extern(sql = false)]
fn sira_collect_cache(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<'static, (name!(file, String), name!(bytes, i64), name!(reason, String))>,
    ErrorReport,
> {
    let removed = collect::collect(Home::of_call(fcinfo)?)?;
    Ok(TableIterator::new(
        removed.into_iter().map(|file| (file.file, number(file.bytes), file.reason.to_owned())),
    ))
}

/// What keeps compiled models from being shared and what to type, a row where there is something.
#[pg_extern(sql = false)]
fn sira_cache_problem() -> TableIterator<'static, (name!(problem, String), name!(remedy, String))> {
    TableIterator::new(folder::problem().or_else(collect::excess))
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn timestamp(time: SystemTime) -> Option<TimestampWithTimeZone> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
    Some(to_timestamp(seconds))
}
