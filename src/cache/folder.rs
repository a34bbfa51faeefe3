//! The files of compiled models: their names, how they are found, and how one comes to be.
//!
//! All databases of a cluster share the folder `pgsql_tmp_sira/` in the data directory; base backups and
//! pg_rewind skip names that begin with `pgsql_tmp`, restarts leave it alone. A file is named
//! `DIGEST.vFORMAT.DATABASE`: the SHA-256 of the artifact, the version of the layout and the oid of a
//! database that uses it. Where several databases use one artifact, their names are hard links to the
//! same bytes: each removes its own name when it needs it no more, without asking the others, and the
//! file system forgets the bytes with the last one.
//!
//! A file is written as `DIGEST.vFORMAT.tmp` under an exclusive lock (flock, which the kernel takes back
//! when its holder dies, however it dies), synchronised, read back, opened as a reader would, and then
//! renamed: under its name there is a whole file or none. The lock also lets one session compile what
//! several wait for. What a crash leaves is an unlocked `.tmp`, which the next writer overwrites.

use super::{Bytes, Digest, Loaded, collect, hex};
use crate::catalog::Home;
use pgrx::pg_sys;
use sira_core::ensemble::codec::CODEC_VERSION;
use std::ffi::CStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// The folder inside the data directory.
const FOLDER: &str = "pgsql_tmp_sira";

/// How long to wait for another session's compilation before making a copy of one's own.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

/// Bytes that are written and synchronised at a time; between them a cancelled session stops.
const STRIDE: usize = 8 << 20;

/// Bytes that the doctor writes to find out whether there is room.
const PROBE: usize = 1 << 20;

/// What a name in the folder says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Compiled { digest: Digest, format: u32, database: u32 },
    Temporary,
}

/// One file of the folder.
pub struct Listed {
    pub path: PathBuf,
    pub name: Name,
    pub bytes: u64,
    /// The same for all names of the same bytes.
    pub inode: u64,
    pub used: SystemTime,
}

/// The right to write the file of a digest, held by one session of the machine.
pub struct Claim {
    digest: Digest,
    file: File,
    /// Of the temporary file, for as long as it has this name.
    path: Option<PathBuf>,
}

/// What waiting for a claim ends with.
pub enum Claimed {
    Mine(Claim),
    /// Somebody else has written the file meanwhile.
    Found(Box<Loaded>),
}

/// The folder.
pub fn path() -> PathBuf {
    // SAFETY: DataDir is set once at start and is a C string.
    let data = unsafe { CStr::from_ptr(pg_sys::DataDir) };
    PathBuf::from(data.to_string_lossy().into_owned()).join(FOLDER)
}

/// The oid of the session's database.
pub fn database() -> u32 {
    // SAFETY: set once when the session begins.
    unsafe { pg_sys::MyDatabaseId }.to_u32()
}

fn path_of(digest: &Digest, ending: impl std::fmt::Display) -> PathBuf {
    path().join(format!("{}.v{CODEC_VERSION}.{ending}", hex(digest)))
}

fn own_path(digest: &Digest) -> PathBuf {
    path_of(digest, database())
}

/// The compiled model of a digest, from this database's file or another one's.
pub fn find(digest: &Digest) -> Option<Loaded> {
    let own = own_path(digest);
    // A damaged one is first removed by whoever holds the claim.
    map(&own).or_else(|| if own.exists() { None } else { adopt(digest, &own) })
}

/// Maps a file; whatever is wrong with it, the answer is `None` and it is written anew.
fn map(path: &Path) -> Option<Loaded> {
    let file = open_for_reading(path).ok()?;
    let loaded = map_file(&file).ok()?;
    // The time of last use, by which room is made; a failure costs only the choice.
    let _ = file.set_modified(SystemTime::now());
    Some(loaded)
}

/// Opens a file and nothing else that may bear its name: a pipe would wait for a writer that never comes. Only the
/// server's own account writes to the folder, so that nobody else comes in between.
pub fn open_for_reading(path: &Path) -> io::Result<File> {
    if fs::metadata(path)?.is_file() { File::open(path) } else { Err(ErrorKind::InvalidData.into()) }
}

fn map_file(file: &File) -> io::Result<Loaded> {
    // SAFETY: the file is ours alone (closed to writers once it has its name) and never changed in place:
    // whoever replaces or removes it leaves this map on the old inode.
    // Opening reads every byte: one call for all pages is cheaper than a fault for every few of them.
    let map = unsafe { memmap2::MmapOptions::new().populate().map(file) }?;
    Loaded::open(Bytes::Mapped(map))
        .map_err(|failure| io::Error::new(ErrorKind::InvalidData, failure.message()))
}

/// Takes over the bytes that another database of the cluster has compiled.
fn adopt(digest: &Digest, own: &Path) -> Option<Loaded> {
    let others = list().into_iter().filter(|listed| match listed.name {
        Name::Compiled { digest: found, format, database: of } => {
            found == *digest && format == CODEC_VERSION && of != database()
        }
        Name::Temporary => false,
    });
    for other in others {
        if let Some(loaded) = map(&other.path) {
            // Where it fails (no hard links, another session was quicker) the map is as good.
            let _ = fs::hard_link(&other.path, own);
            return Some(loaded);
        }
    }
    None
}

/// Sets the time of last use of this database's file.
pub fn note_use(digest: &Digest) {
    if let Ok(file) = open_for_reading(&own_path(digest)) {
        let _ = file.set_modified(SystemTime::now());
    }
}

impl Claim {
    /// The claim, or the file that another session has written while this one waited.
    pub fn wait(digest: &Digest) -> io::Result<Claimed> {
        let began = Instant::now();
        loop {
            match Self::take(digest) {
                Ok(claim) => {
                    // Names appear under the lock only, so what is damaged now is not being mended.
                    let own = own_path(digest);
                    if own.exists() && map(&own).is_none() {
                        let _ = fs::remove_file(&own);
                    }
                    return Ok(match find(digest) {
                        Some(loaded) => Claimed::Found(Box::new(loaded)),
                        None => Claimed::Mine(claim),
                    });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock && began.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                    pgrx::check_for_interrupts!();
                    if let Some(loaded) = find(digest) {
                        return Ok(Claimed::Found(Box::new(loaded)));
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The claim if nobody holds it.
    pub fn take(digest: &Digest) -> io::Result<Self> {
        make()?;
        let path = path_of(digest, "tmp");
        let file = open_for_writing(&path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ErrorKind::WouldBlock.into(),
            TryLockError::Error(error) => error,
        })?;
        // Whoever held the lock until now has renamed or removed what was opened here.
        let opened = file.metadata()?;
        match fs::metadata(&path) {
            Ok(there) if (there.dev(), there.ino()) == (opened.dev(), opened.ino()) => {
                Ok(Self { digest: *digest, file, path: Some(path) })
            }
            _ => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Writes the file and gives it its name.
    pub fn write(mut self, home: Home, bytes: &[u8]) -> io::Result<Loaded> {
        collect::make_room(home, bytes.len() as u64);
        self.file.set_len(0)?;
        self.file.rewind()?;
        for part in bytes.chunks(STRIDE) {
            self.file.write_all(part)?;
            self.file.sync_data()?;
            pgrx::check_for_interrupts!();
        }
        self.compare(bytes)?;
        self.file.sync_all()?;
        let loaded = map_file(&self.file)?;
        if let Some(temporary) = &self.path {
            fs::rename(temporary, own_path(&self.digest))?;
        }
        self.path = None;
        // A file cut while it is mapped would end the sessions that read it with SIGBUS: not even the
        // server's own account may open it for writing by accident. What could fail from here on leaves
        // a whole file behind.
        let _ = self.file.set_permissions(fs::Permissions::from_mode(0o400));
        let _ = File::open(path()).and_then(|folder| folder.sync_all());
        Ok(loaded)
    }

    /// Holds what stands in the file against what was to be written, byte by byte: no digest says more.
    fn compare(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.rewind()?;
        let mut read = vec![0; STRIDE.min(bytes.len())];
        for part in bytes.chunks(STRIDE) {
            let read = read.get_mut(..part.len()).unwrap_or_default();
            self.file.read_exact(read)?;
            if read != part {
                return Err(io::Error::new(ErrorKind::InvalidData, "it reads otherwise than it was written"));
            }
            pgrx::check_for_interrupts!();
        }
        Ok(())
    }
}

impl Drop for Claim {
    /// Gives up what was not renamed, before the lock goes with the file.
    fn drop(&mut self) {
        if let Some(temporary) = &self.path {
            let _ = fs::remove_file(temporary);
        }
    }
}

fn open_for_writing(path: &Path) -> io::Result<File> {
    let open = || File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    match open() {
        // Left by another account, such as root's.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            fs::remove_file(path).and_then(|()| open())
        }
        other => other,
    }
}

/// Makes the folder where it is not there.
pub fn make() -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path())
}

/// The files of the folder; what is not named as ours is nobody's business here.
pub fn list() -> Vec<Listed> {
    let Ok(entries) = fs::read_dir(path()) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let name = Name::read(entry.file_name().to_str()?)?;
            let meta = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            Some(Listed { path: entry.path(), name, bytes: meta.len(), inode: meta.ino(), used })
        })
        .collect()
}

impl Name {
    fn read(name: &str) -> Option<Self> {
        let mut parts = name.split('.');
        let (digest, format, ending) = (parts.next()?, parts.next()?, parts.next()?);
        let (digest, format) = (digest_of(digest)?, format.strip_prefix('v')?.parse().ok()?);
        match (ending, parts.next()) {
            ("tmp", None) => Some(Self::Temporary),
            (database, None) => Some(Self::Compiled { digest, format, database: database.parse().ok()? }),
            _ => None,
        }
    }
}

fn digest_of(hex: &str) -> Option<Digest> {
    let mut digest = [0; 32];
    if hex.len() != 64 {
        return None;
    }
    for (number, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(number * 2..number * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// What keeps compiled models out of the folder and what to do about it, if anything does.
pub fn problem() -> Option<(String, String)> {
    let folder = path();
    let error = make().and_then(|()| probe(&folder)).err()?;
    let shown = folder.display();
    let remedy = match error.kind() {
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            format!("remove the file \"{shown}\": a folder of that name is made when it is needed")
        }
        ErrorKind::PermissionDenied => {
            format!("give the folder \"{shown}\" to the server's account, with mode 0700")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("free disk space at \"{shown}\", or make it a symbolic link to a folder on a larger disk")
        }
        _ => format!("let the server's account write to the folder \"{shown}\""),
    };
    Some((format!("compiled models are kept by every session for itself: \"{shown}\": {error}"), remedy))
}

fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!("probe.{}", std::process::id()));
    let mut file = File::create(&path)?;
    // Without a name it goes with the descriptor, whatever happens.
    fs::remove_file(&path)?;
    file.write_all(&vec![0; PROBE])?;
    file.sync_all()
}
