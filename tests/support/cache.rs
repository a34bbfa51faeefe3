//! The folder of compiled models, as the operating system sees it; the tests run on the server's machine.

use crate::Outcome;
use postgres::Client;
use std::fs;
use std::path::PathBuf;

/// The folder of a cluster.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn of(session: &mut Client) -> Outcome<Self> {
        let row = session.query_one("SELECT current_setting('data_directory') || '/pgsql_tmp_sira'", &[])?;
        Ok(Self(PathBuf::from(row.get::<_, &str>(0))))
    }

    /// The names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The names of what belongs to models; the counters have theirs beside them.
    pub fn models(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| !name.starts_with("counters.")).collect()
    }

    /// The names that begin with the digest of a version's artifact: compiled files and what becomes one.
    pub fn names_of(&self, session: &mut Client, model: &str) -> Outcome<Vec<String>> {
        let digest = digest(session, model)?;
        Ok(self.names().into_iter().filter(|name| name.starts_with(&digest)).collect())
    }

    /// The compiled file of a version in the session's database, if it is there.
    pub fn file(&self, session: &mut Client, model: &str) -> Outcome<Option<PathBuf>> {
        let database: String = session
            .query_one("SELECT oid::text FROM pg_database WHERE datname = current_database()", &[])?
            .get(0);
        let ending = format!(".{database}");
        let names = self.names_of(session, model)?;
        Ok(names.into_iter().find(|name| name.ends_with(&ending)).map(|name| self.0.join(name)))
    }

    /// The file of a version that must be there.
    pub fn need(&self, session: &mut Client, model: &str) -> Outcome<PathBuf> {
        self.file(session, model)?
            .ok_or_else(|| format!("{model} has no compiled file in {}", self.0.display()).into())
    }

    /// Where the file of a version is written before it has its name.
    pub fn temporary(&self, session: &mut Client, model: &str) -> Outcome<PathBuf> {
        let whole = self.need(session, model)?;
        Ok(whole.with_extension("tmp"))
    }
}

/// The SHA-256 of a version's artifact, hexadecimal.
pub fn digest(session: &mut Client, model: &str) -> Outcome<String> {
    Ok(session.query_one("SELECT encode(sha256(sira_export_version($1)), 'hex')", &[&model])?.get(0))
}

/// Whether the session shares the file of a version with others, by its own account.
pub fn is_mapped(session: &mut Client, version: &str) -> Outcome<bool> {
    let row =
        session.query_one("SELECT mapped FROM sira_model_cache WHERE $1 = ANY (versions)", &[&version])?;
    Ok(row.get(0))
}
