//! Databases and sessions for tests that look at SIRA from outside.
//!
//! `SIRA_TEST_URL` names a cluster (libpq's key/value form, as superuser); `make test` starts one, and a standby
//! (`SIRA_STANDBY_URL`) and a pooler (`SIRA_POOLER_URL`) of it. Each test makes a
//! database of its own, so that tests run side by side and nothing has to be cleaned up between them.

pub mod cache;
pub mod models;
pub mod payments;
pub mod process;

use postgres::{Client, Config, Error, NoTls};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a test returns: any error of the server ends it with its message.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database that is dropped with this value.
pub struct Database {
    cluster: Config,
    name: String,
}

impl Database {
    /// A new database without the extension.
    pub fn empty() -> Outcome<Self> {
        let cluster = server("SIRA_TEST_URL")?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("sira_outside_{}_{number}", std::process::id());
        cluster.connect(NoTls)?.batch_execute(&format!("CREATE DATABASE {name}"))?;
        Ok(Self { cluster, name })
    }

    /// A new database with the extension.
    pub fn with_sira() -> Outcome<Self> {
        let database = Self::empty()?;
        database.session()?.batch_execute("CREATE EXTENSION sira")?;
        Ok(database)
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new session of the superuser.
    pub fn session(&self) -> Result<Client, Error> {
        self.cluster.clone().dbname(&self.name).connect(NoTls)
    }

    /// A new session on the cluster's standby, which has the database as soon as it has replayed its making.
    pub fn on_standby(&self) -> Outcome<Client> {
        Ok(server("SIRA_STANDBY_URL")?.dbname(&self.name).connect(NoTls)?)
    }

    /// A new session through the connection pooler, in transaction mode.
    pub fn pooled(&self) -> Outcome<Client> {
        Ok(server("SIRA_POOLER_URL")?.dbname(&self.name).connect(NoTls)?)
    }

    /// A new session that acts as `role`; the role must exist. `session_user` is the superuser still.
    pub fn session_as(&self, role: &str) -> Result<Client, Error> {
        let mut session = self.session()?;
        session.batch_execute(&format!("SET ROLE \"{}\"", role.replace('"', "\"\"")))?;
        Ok(session)
    }

    /// A new session that logs in as `role`, which must be allowed to.
    pub fn login(&self, role: &str) -> Result<Client, Error> {
        self.cluster.clone().dbname(&self.name).user(role).connect(NoTls)
    }
}

/// The server that a variable of `make test` names.
fn server(variable: &str) -> Outcome<Config> {
    let url = std::env::var(variable)
        .map_err(|_| format!("{variable} is not set: run this through \"make test STAGES=sessions\""))?;
    Ok(url.parse()?)
}

impl Drop for Database {
    fn drop(&mut self) {
        // A test that failed has said so already; a database left behind goes with the cluster.
        if let Ok(mut session) = self.cluster.connect(NoTls) {
            let _ = session.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        }
    }
}

/// The five letters of a server error, or nothing when it came from elsewhere.
pub fn sqlstate(error: &Error) -> Option<&str> {
    error.code().map(|code| code.code())
}

/// Holds that a statement is refused with this SQLSTATE.
pub fn refused<T>(result: Result<T, Error>, code: &str) -> Outcome {
    match result {
        Ok(_) => Err(format!("it was allowed, {code} was expected").into()),
        Err(error) if sqlstate(&error) == Some(code) => Ok(()),
        Err(error) => Err(format!("{code} was expected: {error:?}").into()),
    }
}
