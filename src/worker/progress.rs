//! How far a job is, told to other sessions while its transaction still runs.
//!
//! A transaction cannot show what it has not committed, so a job's reports go to a small file beside the compiled models,
//! `job.ID` in [`folder`]: one record of fixed size, written by one call and sealed with a checksum, so that a reader sees a
//! whole record or tries again. The writer holds the file's lock (flock, which the kernel takes back when it dies) and
//! removes the file when its transaction ends, however it ends; what a crash leaves is unlocked, and anybody's to remove.
//!
//! Reports are for people. None is worth an error: where the disk is full there are none.

use crate::cache::folder;
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sira_train::{Phase, Progress};
use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Bytes of a record: checksum, microseconds since 1970 and length, eight each, and JSON.
const RECORD: usize = 4096;
const HEAD: usize = 24;

/// At most ten reports a second.
const PAUSE: Duration = Duration::from_millis(100);

/// How often something that another process is in the midst of is tried again.
const TRIES: usize = 5;

/// What the name of a job's file begins with.
const PREFIX: &str = "job.";

/// The file of the job that this transaction works on.
struct Open {
    file: File,
    path: PathBuf,
    last: Option<Instant>,
}

impl Drop for Open {
    /// Before the lock goes with the file.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// What was reported last.
pub struct Reported {
    pub progress: Value,
    pub at: SystemTime,
}

thread_local! {
    static CURRENT: RefCell<Option<Open>> = const { RefCell::new(None) };
    static LISTENS: Cell<bool> = const { Cell::new(false) };
}

/// Lets reports be those of this job until the transaction ends.
pub fn open(id: Uuid) {
    if !LISTENS.replace(true) {
        // SAFETY: the callback lives as long as the library, which is never unloaded.
        unsafe { pg_sys::RegisterXactCallback(Some(at_end), std::ptr::null_mut()) };
    }
    CURRENT.set(None);
    CURRENT.set(create(&path_of(id)).ok());
}

/// Whether a report would be written now: not outside a job, nor so soon after the last one.
pub fn is_due() -> bool {
    CURRENT.with_borrow(|current| {
        current.as_ref().is_some_and(|open| open.last.is_none_or(|last| last.elapsed() >= PAUSE))
    })
}

/// Tells how far the job is that this transaction works on. Nothing outside a job; cheap where it comes too soon.
pub fn report(progress: Value) {
    if !is_due() {
        return;
    }
    CURRENT.with_borrow_mut(|current| {
        if let Some(open) = current
            && let Some(record) = seal(&progress, SystemTime::now())
            && open.file.write_all_at(&record, 0).is_ok()
        {
            open.last = Some(Instant::now());
        }
    });
}

/// Which of a study's trainings it is.
#[derive(Clone, Copy)]
pub struct Place {
    pub trial: i32,
    pub fold: i32,
}

/// A training's report.
pub fn of_training(at: &Progress, place: Option<Place>) {
    if is_due() {
        let mut progress = match at.phase {
            Phase::Binning => json!({ "phase": "binning", "rows": at.round, "of": at.of }),
            Phase::Boosting => {
                json!({ "phase": "boosting", "round": at.round, "of": at.of, "metric": at.metric })
            }
        };
        if let (Some(Place { trial, fold }), Value::Object(progress)) = (place, &mut progress) {
            progress.insert("trial".to_owned(), trial.into());
            progress.insert("fold".to_owned(), fold.into());
        }
        report(progress);
    }
}

/// What the worker of a job has reported last.
pub fn read(id: Uuid) -> Option<Reported> {
    let file = folder::open_for_reading(&path_of(id)).ok()?;
    (0..TRIES).find_map(|_| {
        let mut record = [0; RECORD];
        file.read_exact_at(&mut record, 0).ok()?;
        unseal(&record)
    })
}

/// Removes the files whose writer is gone; gives their number.
pub fn collect() -> i64 {
    let Ok(entries) = fs::read_dir(folder::path()) else { return 0 };
    let mut removed = 0;
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_ours
            && let Ok(file) = folder::open_for_reading(&entry.path())
            && file.try_lock().is_ok()
            && fs::remove_file(entry.path()).is_ok()
        {
            removed += 1;
        }
    }
    removed
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    if matches!(event, XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE) {
        CURRENT.set(None);
    }
}

fn path_of(id: Uuid) -> PathBuf {
    let hex: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    folder::path().join(format!("{PREFIX}{hex}"))
}

/// The file of a job, locked; one that a crash has left is written over.
fn create(path: &Path) -> io::Result<Open> {
    folder::make()?;
    for _ in 0..TRIES {
        let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        // Whoever collects holds it for a moment, and then it is another file that bears the name.
        if file.try_lock().is_err() {
            continue;
        }
        let opened = file.metadata()?;
        if fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino())) {
            file.set_len(0)?;
            return Ok(Open { file, path: path.to_owned(), last: None });
        }
    }
    Err(ErrorKind::WouldBlock.into())
}

/// A record, unless the report is too long for one.
fn seal(progress: &Value, at: SystemTime) -> Option<[u8; RECORD]> {
    let text = progress.to_string();
    let micros = at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_micros();
    let mut record = [0; RECORD];
    record.get_mut(HEAD..HEAD + text.len())?.copy_from_slice(text.as_bytes());
    record.get_mut(8..16)?.copy_from_slice(&u64::try_from(micros).ok()?.to_le_bytes());
    record.get_mut(16..HEAD)?.copy_from_slice(&(text.len() as u64).to_le_bytes());
    let sum = checksum(&record)?;
    record.get_mut(..8)?.copy_from_slice(&sum);
    Some(record)
}

fn unseal(record: &[u8; RECORD]) -> Option<Reported> {
    if *record.get(..8)? != checksum(record)? {
        return None;
    }
    let number = |from: usize| Some(u64::from_le_bytes(record.get(from..from + 8)?.try_into().ok()?));
    let length = usize::try_from(number(16)?).ok()?;
    let text = record.get(HEAD..HEAD.checked_add(length)?)?;
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(number(8)?))?;
    Some(Reported { progress: serde_json::from_slice(text).ok()?, at })
}

fn checksum(record: &[u8; RECORD]) -> Option<[u8; 8]> {
    Sha256::digest(record.get(8..)?).get(..8)?.try_into().ok()
}
