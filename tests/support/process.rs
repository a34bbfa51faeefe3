//! What the operating system says of a backend; the tests run on the server's machine.

use crate::Outcome;
use postgres::Client;
use std::thread;
use std::time::{Duration, Instant};

/// A session that has not taken up its statement after this long never will.
const PATIENCE: Duration = Duration::from_secs(20);

/// The process that serves a session.
pub struct Backend(pub i32);

impl Backend {
    pub fn of(session: &mut Client) -> Outcome<Self> {
        Ok(Self(session.query_one("SELECT pg_backend_pid()", &[])?.get(0)))
    }

    pub fn threads(&self) -> Outcome<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/task", self.0))?.count())
    }

    /// A line of `/proc/PID/status` in kB, such as `VmHWM` (the most it ever had) or `RssAnon` (its own, now).
    pub fn memory(&self, line: &str) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let value = status.lines().find_map(|text| {
            text.strip_prefix(line)?.strip_prefix(':')?.split_whitespace().next()?.parse().ok()
        });
        value.ok_or_else(|| format!("no {line} of process {}", self.0).into())
    }

    /// Waits until the backend has been handed a statement that holds `text`; a request to cancel that comes before
    /// finds it idle and is forgotten.
    pub fn wait_for(&self, watcher: &mut Client, text: &str) -> Outcome {
        self.wait_until(
            watcher,
            &format!(
                "SELECT FROM pg_stat_activity WHERE pid = $1 AND state <> 'idle' AND query LIKE '%{}%'",
                text.replace('\'', "''")
            ),
        )
    }

    /// Waits until a query about the backend, whose process id is `$1`, finds something.
    pub fn wait_until(&self, watcher: &mut Client, query: &str) -> Outcome {
        let began = Instant::now();
        while watcher.query(query, &[&self.0])?.is_empty() {
            if began.elapsed() > PATIENCE {
                return Err(format!("process {} did not come to {query}", self.0).into());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Ends the process as the kernel would, without a chance to clean up.
    pub fn kill(&self) -> Outcome {
        let killed = std::process::Command::new("kill").args(["-9", &self.0.to_string()]).status()?;
        if killed.success() { Ok(()) } else { Err(format!("process {} was not killed", self.0).into()) }
    }
}
