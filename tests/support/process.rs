//! What the operating system says of a backend; the tests run on the server's machine.

use crate::Outcome;
use postgres::Client;

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

    /// Ends the process as the kernel would, without a chance to clean up.
    pub fn kill(&self) -> Outcome {
        let killed = std::process::Command::new("kill").args(["-9", &self.0.to_string()]).status()?;
        if killed.success() { Ok(()) } else { Err(format!("process {} was not killed", self.0).into()) }
    }
}
