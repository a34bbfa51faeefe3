//! Compiled models: one copy a machine, mapped read-only into every session that scores.
//!
//! A compiled model is a file in `pgsql_tmp_sira/` of the data directory, named by the SHA-256 of the
//! artifact and the version of the layout; base backups skip names that begin with `pgsql_tmp`. It is
//! written once (temporary file, fsync, rename) from the artifact, and made again where it is missing.
//! Its pages are shared by all sessions through the page cache, so that a fresh connection's first score
//! parses nothing. What a name stands for never changes, so nothing is ever invalidated; what is least
//! recently used goes when `sira.cache_size` is exceeded. Where the folder cannot be written (a full
//! disk), the session keeps a copy of its own and goes on.

use crate::error::{Failure, Result};
use crate::guc;
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::ensemble::codec::{self, Compiled};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

/// The folder inside the data directory.
const FOLDER: &str = "pgsql_tmp_sira";

/// The SHA-256 of an artifact.
pub type Digest = [u8; 32];

/// Bytes of a compiled model, mapped or (where the folder cannot be used) owned.
enum Bytes {
    Mapped(memmap2::Mmap),
    Owned(Box<[u8]>),
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// A compiled model, ready to score.
pub struct Loaded {
    // Before `bytes`, so that it is dropped first.
    compiled: Compiled<'static>,
    bytes: Bytes,
}

impl Loaded {
    fn open(bytes: Bytes) -> Result<Self> {
        // SAFETY: the slice lives as long as `bytes`, whose heap block or map does not move when `Loaded`
        // does, and `compiled` is dropped before it and lent out only for the life of `&self`.
        let slice: &'static [u8] = unsafe { std::mem::transmute::<&[u8], &'static [u8]>(bytes.as_slice()) };
        Ok(Self { compiled: Compiled::open(slice)?, bytes })
    }

    pub fn compiled(&self) -> &Compiled<'_> {
        &self.compiled
    }

    pub fn len(&self) -> u64 {
        self.bytes.as_slice().len() as u64
    }
}

/// One model that this session has mapped, for `sira_model_cache`.
pub struct Entry {
    pub digest: Digest,
    pub bytes: u64,
    pub mapped: bool,
    pub uses: u64,
}

#[derive(Default)]
struct Session {
    models: HashMap<Digest, (Rc<Loaded>, u64, u64)>,
    clock: u64,
}

thread_local! {
    static SESSION: RefCell<Session> = RefCell::default();
}

/// The compiled model of an artifact; `artifact` is asked for the native bytes only where no file is there.
pub fn load(digest: Digest, artifact: impl FnOnce() -> Result<Vec<u8>>) -> Result<Rc<Loaded>> {
    if let Some(loaded) = SESSION.with_borrow_mut(|session| session.take_note(&digest)) {
        return Ok(loaded);
    }
    let loaded = Rc::new(match map(&path_of(&digest)) {
        Some(loaded) => loaded,
        None => compile(&digest, &artifact()?)?,
    });
    SESSION.with_borrow_mut(|session| session.keep(digest, &loaded));
    Ok(loaded)
}

/// What this session has mapped.
pub fn entries() -> Vec<Entry> {
    SESSION.with_borrow(|session| {
        session
            .models
            .iter()
            .map(|(digest, (loaded, _, uses))| Entry {
                digest: *digest,
                bytes: loaded.len(),
                mapped: matches!(loaded.bytes, Bytes::Mapped(_)),
                uses: *uses,
            })
            .collect()
    })
}

/// Whether the folder can be written, with the reason where it cannot.
pub fn check_folder() -> std::result::Result<PathBuf, String> {
    let folder = folder();
    make_folder(&folder)
        .and_then(|()| {
            let probe = folder.join(format!("probe.{}.tmp", std::process::id()));
            create(&probe)?;
            fs::remove_file(&probe)
        })
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

impl Session {
    fn take_note(&mut self, digest: &Digest) -> Option<Rc<Loaded>> {
        self.clock += 1;
        let clock = self.clock;
        self.models.get_mut(digest).map(|(loaded, used, uses)| {
            *used = clock;
            *uses += 1;
            Rc::clone(loaded)
        })
    }

    fn keep(&mut self, digest: Digest, loaded: &Rc<Loaded>) {
        let clock = self.clock;
        self.models.insert(digest, (Rc::clone(loaded), clock, 1));
        let mut total: u64 = self.models.values().map(|(model, ..)| model.len()).sum();
        while total > limit() && self.models.len() > 1 {
            let oldest = self
                .models
                .iter()
                .filter(|(key, _)| **key != digest)
                .min_by_key(|(_, (_, used, _))| *used)
                .map(|(key, _)| *key);
            let Some((model, ..)) = oldest.and_then(|key| self.models.remove(&key)) else { break };
            total -= model.len();
        }
    }
}

fn limit() -> u64 {
    u64::try_from(guc::CACHE_SIZE.get()).unwrap_or(1) << 20
}

/// Maps a file; whatever is wrong with it, the answer is `None` and it is written anew.
fn map(path: &Path) -> Option<Loaded> {
    let file = File::open(path).ok()?;
    // SAFETY: the file is ours alone (0400, written under another name and renamed), and never changed in
    // place: whoever replaces or removes it leaves this map on the old inode.
    let map = unsafe { memmap2::Mmap::map(&file) }.ok()?;
    let loaded = Loaded::open(Bytes::Mapped(map)).ok()?;
    // The time of last use, by which `make_room` chooses; a failure costs only the choice.
    let _ = file.set_modified(SystemTime::now());
    Some(loaded)
}

fn compile(digest: &Digest, artifact: &[u8]) -> Result<Loaded> {
    let text = std::str::from_utf8(artifact)
        .map_err(|_| Failure::new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, "a stored artifact is not text"))?;
    let bytes = codec::compile(&sira_core::ensemble::lightgbm::parse(text)?);
    let path = path_of(digest);
    match write(&path, &bytes) {
        Ok(()) => {
            if let Some(loaded) = map(&path) {
                return Ok(loaded);
            }
        }
        Err(error) => pgrx::debug1!("sira keeps a compiled model in memory: {}: {error}", path.display()),
    }
    Loaded::open(Bytes::Owned(bytes.into_boxed_slice()))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder();
    make_folder(&folder)?;
    make_room(&folder, bytes.len() as u64);
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(&folder)?.sync_all()
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Removes the files used longest ago until `needed` more bytes fit, and what crashes left half-written.
fn make_room(folder: &Path, needed: u64) {
    let Ok(listing) = fs::read_dir(folder) else { return };
    let mut files: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    for entry in listing.flatten() {
        let (Ok(meta), path) = (entry.metadata(), entry.path()) else { continue };
        let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let age = SystemTime::now().duration_since(used).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            if age.as_secs() > 3600 {
                let _ = fs::remove_file(&path);
            }
            continue;
        }
        files.push((used, meta.len(), path));
    }
    files.sort();
    let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
    for (_, size, path) in files {
        if total + needed <= limit() {
            break;
        }
        if fs::remove_file(&path).is_ok() {
            total -= size;
        }
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// A new file that nobody may write to once it is closed: a file cut while it is mapped would end the sessions that
/// read it with SIGBUS, so not even the server's own account may do so by accident.
fn create(path: &Path) -> io::Result<File> {
    // What a crash left under this name cannot be opened for writing.
    let _ = fs::remove_file(path);
    File::options().write(true).create_new(true).mode(0o400).open(path)
}

fn folder() -> PathBuf {
    // SAFETY: DataDir is set once at start and is a C string.
    let data = unsafe { CStr::from_ptr(pg_sys::DataDir) };
    PathBuf::from(data.to_string_lossy().into_owned()).join(FOLDER)
}

fn path_of(digest: &Digest) -> PathBuf {
    folder().join(format!("{}.v{}", hex(digest), codec::CODEC_VERSION))
}

/// Lower-case hexadecimal, as PostgreSQL prints digests.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
