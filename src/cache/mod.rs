//! Compiled models: one copy a machine, mapped read-only into every session that scores.
//!
//! A compiled model is a file in `pgsql_tmp_sira/` of the data directory (see [`folder`]), written once
//! from the artifact and made again where it is missing, damaged or of another format. Its pages are
//! shared by all sessions through the page cache, so that a fresh connection's first score parses
//! nothing. What a name stands for never changes, so nothing is ever invalidated; what no version uses
//! is collected, and what is least recently used goes when `sira.cache_size` is exceeded (see
//! [`collect`]). Whoever has a file mapped keeps it, whatever happens to its name. Where the folder
//! cannot be written, the session keeps a copy of its own, goes on, and tries again later.

pub mod collect;
pub mod folder;

use crate::catalog::Home;
use crate::counters;
use crate::error::Result;
use crate::guc;
use folder::{Claim, Claimed};
use sira_core::ensemble::codec::{self, Compiled};
use sira_core::ensemble::{self, Format};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::SystemTime;

/// The SHA-256 of an artifact.
pub type Digest = [u8; 32];

/// Uses of a model in a session between two notes on its file that it is in use: seldom enough to cost
/// nothing, often enough that a model in use is never the one used longest ago.
const USES_A_NOTE: u64 = 1024;

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

    fn is_mapped(&self) -> bool {
        matches!(self.bytes, Bytes::Mapped(_))
    }
}

/// One model that this session holds, for `sira_model_cache`.
pub struct Entry {
    pub digest: Digest,
    pub bytes: u64,
    pub mapped: bool,
    pub uses: u64,
    pub noted: SystemTime,
}

/// A model that this session holds, and how it was used.
struct Kept {
    loaded: Rc<Loaded>,
    /// The session's clock when it was used last.
    used: u64,
    uses: u64,
    /// When its file was told last that it is in use.
    noted: SystemTime,
}

#[derive(Default)]
struct Session {
    models: HashMap<Digest, Kept>,
    clock: u64,
}

thread_local! {
    static SESSION: RefCell<Session> = RefCell::default();
    static HAS_COMPLAINED: Cell<bool> = const { Cell::new(false) };
}

/// The compiled model of an artifact; `artifact` is asked for the native bytes only where no file is there.
pub fn load(home: Home, digest: Digest, artifact: impl FnOnce() -> Result<Vec<u8>>) -> Result<Rc<Loaded>> {
    if let Some((loaded, uses)) = SESSION.with_borrow_mut(|session| session.take_note(&digest)) {
        counters::record::loaded(true);
        return Ok(if uses.is_multiple_of(USES_A_NOTE) { renew(home, digest, loaded) } else { loaded });
    }
    let found = folder::find(&digest);
    counters::record::loaded(found.is_some());
    let loaded = Rc::new(match found {
        Some(loaded) => loaded,
        None => build(home, &digest, artifact)?,
    });
    SESSION.with_borrow_mut(|session| session.keep(digest, &loaded));
    Ok(loaded)
}

/// What this session holds.
pub fn entries() -> Vec<Entry> {
    SESSION.with_borrow(|session| {
        session
            .models
            .iter()
            .map(|(digest, kept)| Entry {
                digest: *digest,
                bytes: kept.loaded.len(),
                mapped: kept.loaded.is_mapped(),
                uses: kept.uses,
                noted: kept.noted,
            })
            .collect()
    })
}

impl Session {
    fn take_note(&mut self, digest: &Digest) -> Option<(Rc<Loaded>, u64)> {
        self.clock += 1;
        let clock = self.clock;
        self.models.get_mut(digest).map(|kept| {
            kept.used = clock;
            kept.uses += 1;
            (Rc::clone(&kept.loaded), kept.uses)
        })
    }

    fn keep(&mut self, digest: Digest, loaded: &Rc<Loaded>) {
        let kept = Kept { loaded: Rc::clone(loaded), used: self.clock, uses: 1, noted: SystemTime::now() };
        self.models.insert(digest, kept);
        let mut total: u64 = self.models.values().map(|kept| kept.loaded.len()).sum();
        while total > limit() && self.models.len() > 1 {
            let oldest = self
                .models
                .iter()
                .filter(|(key, _)| **key != digest)
                .min_by_key(|(_, kept)| kept.used)
                .map(|(key, _)| *key);
            let Some(kept) = oldest.and_then(|key| self.models.remove(&key)) else { break };
            total -= kept.loaded.len();
        }
    }
}

/// `sira.cache_size` in bytes.
pub fn limit() -> u64 {
    u64::try_from(guc::CACHE_SIZE.get()).unwrap_or(1) << 20
}

/// Notes on the file of a model in use that it is; what had to be kept in memory gets another chance.
fn renew(home: Home, digest: Digest, loaded: Rc<Loaded>) -> Rc<Loaded> {
    let mapped = match &loaded.bytes {
        Bytes::Mapped(_) => {
            folder::note_use(&digest);
            loaded
        }
        Bytes::Owned(bytes) => match folder::find(&digest) {
            Some(found) => Rc::new(found),
            None => match Claim::take(&digest).and_then(|claim| claim.write(home, bytes)) {
                Ok(written) => Rc::new(written),
                Err(_) => loaded,
            },
        },
    };
    SESSION.with_borrow_mut(|session| {
        if let Some(kept) = session.models.get_mut(&digest) {
            kept.loaded = Rc::clone(&mapped);
            kept.noted = SystemTime::now();
        }
    });
    mapped
}

/// Compiles an artifact into its file. Of several sessions that want the same one, the first compiles and
/// the others wait for its file.
fn build(home: Home, digest: &Digest, artifact: impl FnOnce() -> Result<Vec<u8>>) -> Result<Loaded> {
    let claim = match Claim::wait(digest) {
        Ok(Claimed::Found(loaded)) => return Ok(*loaded),
        Ok(Claimed::Mine(claim)) => Ok(claim),
        Err(error) => Err(error),
    };
    let bytes = compile(artifact()?)?;
    let loaded = match claim.and_then(|claim| claim.write(home, &bytes)) {
        Ok(loaded) => {
            drop(bytes);
            Ok(loaded)
        }
        Err(error) => {
            complain(&error);
            Loaded::open(Bytes::Owned(bytes.into_boxed_slice()))
        }
    };
    give_memory_back();
    loaded
}

/// Compiling takes some seven times the artifact's size for a moment; a pooled session lives for hours, and the
/// allocator would keep what was freed for all of them.
fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        // SAFETY: glibc's own, which may be called at any time.
        unsafe { malloc_trim(0) };
    }
}

fn compile(artifact: Vec<u8>) -> Result<Vec<u8>> {
    let ensemble = ensemble::load(Format::of(&artifact), &artifact, &mut || {
        pgrx::check_for_interrupts!();
        ControlFlow::Continue(())
    })?;
    drop(artifact);
    // A cancelled session does not come back from the check, so there is nothing to break off with.
    let ControlFlow::Continue(bytes) = codec::compile_with(&ensemble, &mut || {
        pgrx::check_for_interrupts!();
        ControlFlow::<Infallible>::Continue(())
    });
    Ok(bytes)
}

/// Tells the server's log, once a session, what the sessions pay for.
fn complain(error: &io::Error) {
    if !HAS_COMPLAINED.replace(true) {
        pgrx::log!(
            "sira keeps a compiled model in memory of this session alone: \"{}\": {error}; SELECT * FROM sira_doctor();",
            folder::path().display()
        );
    }
}

/// Lower-case hexadecimal, as PostgreSQL prints digests.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
