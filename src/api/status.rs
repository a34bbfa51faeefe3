//! What is installed and how it stands: the facts that `sira_doctor` reads.

use crate::cache;
use crate::error::SqlResult;
use pgrx::iter::TableIterator;
use pgrx::prelude::*;

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

/// The models that this session has mapped.
#[pg_extern(sql = false)]
fn sira_mapped_models()
-> TableIterator<'static, (name!(digest, String), name!(bytes, i64), name!(mapped, bool), name!(uses, i64))> {
    TableIterator::new(
        cache::entries()
            .into_iter()
            .map(|entry| {
                let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
                (cache::hex(&entry.digest), number(entry.bytes), entry.mapped, number(entry.uses))
            })
            .collect::<Vec<_>>(),
    )
}

/// NULL where compiled models can be kept on disk, else the reason why not.
#[pg_extern(sql = false)]
fn sira_cache_problem() -> SqlResult<Option<String>> {
    Ok(cache::check_folder().err())
}
