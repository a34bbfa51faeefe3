//! What goes from the folder of compiled models: what nobody can need, and under the budget what was
//! needed longest ago.
//!
//! A session knows the versions of its own database only, so it judges only names that bear its own
//! database (see [`folder`](super::folder)); the names of a database that is gone are anybody's to remove.
//! Removing a name harms nobody: who has the bytes mapped keeps them, who comes later compiles again.

use super::folder::{self, Listed, Name};
use super::{Digest, limit};
use crate::catalog::Home;
use crate::error::Result;
use crate::statement::{Arguments, Mode, Statement};
use pgrx::pg_sys;
use sira_core::ensemble::codec::CODEC_VERSION;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Younger temporary files may belong to a session that has not locked them yet.
const SETTLED: Duration = Duration::from_secs(60);

thread_local! {
    static IN_USE: Statement = const {
        Statement::new(
            "SELECT DISTINCT artifact_digest FROM {s}.sira_model_versions WHERE artifact_digest IS NOT NULL",
            &[],
        )
    };
}

/// A file that was removed.
pub struct Removed {
    pub file: String,
    pub bytes: u64,
    pub reason: &'static str,
}

/// Removes what nobody can need.
pub fn collect(home: Home) -> Result<Vec<Removed>> {
    let in_use = in_use(home)?;
    let mut databases: HashMap<u32, bool> = HashMap::new();
    let mut removed = Vec::new();
    for listed in folder::list() {
        let reason = match listed.name {
            Name::Temporary => is_abandoned(&listed).then_some("left by a crash"),
            Name::Compiled { format, .. } if format < CODEC_VERSION => Some("of an older format"),
            Name::Compiled { digest, database, .. } if database == folder::database() => {
                (!in_use.contains(&digest)).then_some("no version uses it")
            }
            Name::Compiled { database, .. } => {
                (!*databases.entry(database).or_insert_with(|| exists(database)))
                    .then_some("its database is gone")
            }
        };
        if let Some(reason) = reason
            && fs::remove_file(&listed.path).is_ok()
        {
            removed.push(Removed { file: name_of(&listed.path), bytes: listed.bytes, reason });
        }
    }
    Ok(removed)
}

/// Makes room for `needed` more bytes: first goes what nobody can need, then what was used longest ago, of
/// whichever database. What is about to be written stays even where it is larger than the budget: every
/// session would have to make its own copy of it.
pub fn make_room(home: Home, needed: u64) {
    if taken(&folder::list()) + needed <= limit() {
        return;
    }
    // The statement asks a table of our own with its owner's rights; a failure costs only the choice.
    let _ = collect(home);
    let mut files = folder::list();
    files.sort_by_key(|listed| listed.used);
    let mut taken = taken(&files);
    for oldest in &files {
        if taken + needed <= limit() {
            break;
        }
        if oldest.name == Name::Temporary || !oldest.path.exists() {
            continue;
        }
        // Bytes go with the last of their names.
        let names = files.iter().filter(|listed| listed.inode == oldest.inode);
        if names.map(|listed| fs::remove_file(&listed.path)).all(|removed| removed.is_ok()) {
            taken -= oldest.bytes;
        }
    }
}

/// Bytes on disk, however many names they have.
pub fn taken(files: &[Listed]) -> u64 {
    let inodes: HashMap<u64, u64> = files.iter().map(|listed| (listed.inode, listed.bytes)).collect();
    inodes.values().sum()
}

/// Says so where the folder takes more than it may: there is one model alone that does not fit.
pub fn excess() -> Option<(String, String)> {
    let taken = taken(&folder::list()).div_ceil(1 << 20);
    let limit = limit() >> 20;
    (taken > limit).then(|| {
        (
            format!("compiled models take {taken} MB, sira.cache_size is {limit} MB: every other one is compiled anew"),
            format!("ALTER SYSTEM SET sira.cache_size = '{}MB'; SELECT pg_reload_conf();", taken * 2),
        )
    })
}

fn in_use(home: Home) -> Result<HashSet<Digest>> {
    let mut digests = HashSet::new();
    home.as_owner(|| {
        IN_USE.with(|statement| {
            statement.each(home, Mode::Read, Arguments::new(), |row| {
                let digest: std::result::Result<Digest, _> = row.need::<Vec<u8>>(1)?.try_into();
                digests.extend(digest);
                Ok(())
            })
        })
    })?;
    Ok(digests)
}

/// Whether a temporary file has no writer any more.
fn is_abandoned(listed: &Listed) -> bool {
    let age = SystemTime::now().duration_since(listed.used).unwrap_or_default();
    age > SETTLED && folder::open_for_reading(&listed.path).is_ok_and(|file| file.try_lock().is_ok())
}

fn exists(database: u32) -> bool {
    // SAFETY: a syscache look-up.
    unsafe { !pg_sys::get_database_name(pg_sys::Oid::from(database)).is_null() }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
