//! The file of counters: how it comes to be, and how it is known to be whole.
//!
//! `counters.vLAYOUT.DATABASE` lies in the folder of compiled models, which base backups leave out: a standby and a copy
//! count for themselves. It has a fixed size and is written out in full before it gets its name, so that no page of it
//! can be missing when it is touched (a hole that no block can be found for would end the session with SIGBUS). It is
//! made under the lock of its temporary file, and renamed; slots are given out under the lock of the file itself. The
//! kernel takes locks back from whoever dies.

use super::slots::{SLOT_WORDS, SLOTS};
use crate::api::ids;
use crate::cache::folder;
use memmap2::{MmapOptions, MmapRaw};
use pgrx::pg_sys;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

/// The layout of header and slots; another one has another name.
const LAYOUT: u64 = 1;
const MAGIC: u64 = u64::from_le_bytes(*b"SIRAcnt\n");

/// Words before the first slot: a page.
const HEAD: usize = 512;
const WORDS: usize = HEAD + SLOTS * SLOT_WORDS;
const BYTES: usize = WORDS * 8;

/// Where the header says what.
const AT_MAGIC: usize = 0;
const AT_LAYOUT: usize = 1;
const AT_SLOTS: usize = 2;
const AT_SLOT_WORDS: usize = 3;
const AT_BORN: usize = 4;
const AT_ORIGIN: usize = 5;

/// How often a lock is asked for that is held for microseconds, and how long in between.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(1);

/// The counters of this database, mapped.
pub struct Counters {
    map: MmapRaw,
    file: File,
    identity: (u64, u64),
}

impl Counters {
    /// The file, made where it is missing or not whole.
    pub fn open() -> io::Result<Self> {
        let path = path();
        match Self::map(&path) {
            Ok(found) => Ok(found),
            Err(_) => Self::make(&path),
        }
    }

    /// Whether there is a file: none is made for whoever has nothing to count.
    pub fn is_there() -> bool {
        path().exists()
    }

    /// The file as it stands, if it is there and whole.
    fn map(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_file() {
            return Err(ErrorKind::InvalidData.into());
        }
        Self::over(File::options().read(true).write(true).open(path)?)
    }

    fn over(file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        if meta.len() != BYTES as u64 {
            return Err(ErrorKind::InvalidData.into());
        }
        let map = MmapOptions::new().len(BYTES).map_raw(&file)?;
        let counters = Self { map, file, identity: (meta.dev(), meta.ino()) };
        let head = [
            (AT_MAGIC, MAGIC),
            (AT_LAYOUT, LAYOUT),
            (AT_SLOTS, SLOTS as u64),
            (AT_SLOT_WORDS, SLOT_WORDS as u64),
        ];
        let fits = head.iter().all(|(at, is)| counters.head(*at) == *is) && counters.head(AT_ORIGIN) != 0;
        if fits { Ok(counters) } else { Err(ErrorKind::InvalidData.into()) }
    }

    fn make(path: &Path) -> io::Result<Self> {
        folder::make()?;
        let temporary = path.with_extension(format!("{}.tmp", folder::database()));
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&temporary)?;
        lock(&file)?;
        // Whoever held the lock until now has given the file its name, or taken it away.
        let opened = file.metadata()?;
        let is_ours = fs::metadata(&temporary)
            .is_ok_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino()));
        if let Ok(found) = Self::map(path) {
            if is_ours {
                let _ = fs::remove_file(&temporary);
            }
            return Ok(found);
        }
        if !is_ours {
            return Err(ErrorKind::WouldBlock.into());
        }
        let origin = ids::random::<8>().map_or(1, u64::from_le_bytes) | 1;
        let mut content = vec![0_u8; BYTES];
        for (at, word) in [
            (AT_MAGIC, MAGIC),
            (AT_LAYOUT, LAYOUT),
            (AT_SLOTS, SLOTS as u64),
            (AT_SLOT_WORDS, SLOT_WORDS as u64),
            (AT_BORN, now()),
            (AT_ORIGIN, origin),
        ] {
            if let Some(place) = content.get_mut(at * 8..at * 8 + 8) {
                place.copy_from_slice(&word.to_ne_bytes());
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.write_all(&content))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, path));
        // A disk without room keeps nothing half written.
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written?;
        remove_orphans();
        let _ = file.unlock();
        Self::over(file)
    }

    /// Whether the file still bears its name, and is whole: one that was removed goes on counting for nobody, and to touch
    /// what was cut off a file would end the session with SIGBUS. One that is cut off between this look and a count still
    /// does: like all in the data directory, the file is the server's own.
    pub fn is_current(&self) -> bool {
        fs::metadata(path())
            .is_ok_and(|there| (there.dev(), there.ino()) == self.identity && there.len() == BYTES as u64)
    }

    /// Removes the file; sessions that have it mapped notice within a second.
    pub fn remove(&self) -> io::Result<()> {
        if self.is_current() { fs::remove_file(path()) } else { Ok(()) }
    }

    /// All words of a slot.
    pub fn slot(&self, at: usize) -> &[AtomicU64] {
        let at = at.min(SLOTS - 1);
        // SAFETY: the map has WORDS words, begins at a page and lives as long as `self`; its length was checked, and
        // whoever replaces the file renames another one. Words are shared with other processes and read and written
        // by atomic operations only, from which any value may come.
        unsafe {
            let first = self.map.as_mut_ptr().cast::<AtomicU64>().add(HEAD + at * SLOT_WORDS);
            std::slice::from_raw_parts(first, SLOT_WORDS)
        }
    }

    fn head(&self, at: usize) -> u64 {
        // SAFETY: as for slots; the header is not written after the file got its name.
        unsafe {
            (*self.map.as_mut_ptr().cast::<AtomicU64>().add(at.min(HEAD - 1)))
                .load(std::sync::atomic::Ordering::Relaxed)
        }
    }

    /// A number that no other file of counters has: counters that bear another one began at zero.
    pub fn origin(&self) -> u64 {
        self.head(AT_ORIGIN)
    }

    /// When the counters began, in microseconds since 1970.
    pub fn born(&self) -> u64 {
        self.head(AT_BORN)
    }

    /// Runs `work` while no other session gives out slots.
    pub fn locked<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        lock(&self.file)?;
        let done = work();
        let _ = self.file.unlock();
        Ok(done)
    }
}

fn lock(file: &File) -> io::Result<()> {
    for _ in 0..TRIES {
        if file.try_lock().is_ok() {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Err(ErrorKind::WouldBlock.into())
}

/// Microseconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

fn prefix() -> String {
    format!("counters.v{LAYOUT}.")
}

fn path() -> PathBuf {
    folder::path().join(format!("{}{}", prefix(), folder::database()))
}

/// Removes the counters of databases that are gone, when a new file is made: that is when databases come and go.
fn remove_orphans() {
    let Ok(entries) = fs::read_dir(folder::path()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let database: Option<u32> = name
            .to_str()
            .and_then(|name| name.strip_prefix(&prefix()))
            .and_then(|ending| ending.split('.').next())
            .and_then(|database| database.parse().ok());
        let is_gone = |database| {
            // SAFETY: a syscache look-up, within the statement that scores.
            unsafe {
                pg_sys::IsTransactionState()
                    && pg_sys::get_database_name(pg_sys::Oid::from(database)).is_null()
            }
        };
        if database.is_some_and(is_gone) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
