//! What a worker does: one job after the other, each in transactions of its own, as the role that queued them.
//!
//! It is a session that logged in as that role and cannot become another. What a job leaves behind in the session
//! (settings, temporary tables, locks) is discarded before the next one.

use super::WORKER;
use crate::catalog::Home;
use crate::error::Result;
use crate::statement::{Arguments, Connection, Mode, Row, Statement};
use pgrx::PgTryBuilder;
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::{CaughtError, ErrorReport, ErrorReportable};
use pgrx::prelude::*;
use std::ffi::{CStr, c_char, c_int};
use std::panic::AssertUnwindSafe;

thread_local! {
    static ADMITTED: Statement = const { Statement::new("SELECT {s}.sira_worker_admitted()", &[]) };
    static TAKE: Statement = const { Statement::new("SELECT {s}.sira_job_take(NULL)", &[]) };
    static WORK: Statement = const { Statement::new("SELECT {s}.sira_job_work($1)", &[pg_sys::UUIDOID]) };
    static CLOSE: Statement = const {
        Statement::new(
            "SELECT {s}.sira_job_close($1, NULL, $2, $3, NULL)",
            &[pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::TEXTOID],
        )
    };
    static WAIT: Statement = const { Statement::new("SELECT {s}.sira_jobs_wait()", &[]) };
    static OTHERS: Statement = const { Statement::new("SELECT {s}.sira_start_workers()", &[]) };
    static NAME: Statement = const {
        Statement::new("SELECT pg_catalog.set_config('application_name', $1, false)", &[pg_sys::TEXTOID])
    };
}

/// All of DISCARD ALL that is allowed in a transaction, but for plans, which are ours.
const TIDY: &CStr = c"CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ALL; DEALLOCATE ALL; UNLISTEN *; \
    SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP";

/// How a transaction failed.
struct Failed {
    state: String,
    message: String,
}

type Step<T> = std::result::Result<T, Failed>;

/// Where a worker begins; see [`start`](super::start) for its argument.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn sira_worker_main(argument: pg_sys::Datum) {
    let whom = argument.value() as u64;
    let database = pg_sys::Oid::from((whom >> 32) as u32);
    let role = pg_sys::Oid::from(whom as u32);
    // SAFETY: what a worker has to do first, in this order. SIGINT cancels a statement already; SIGTERM must end a long
    // one as in any session and not, as it would by default, wherever it finds the process. A role that is gone or may
    // not log in ends the process here.
    let schema = unsafe {
        handle_termination();
        pg_sys::BackgroundWorkerUnblockSignals();
        let extra = (*pg_sys::MyBgworkerEntry).bgw_extra.as_ptr().cast::<c_char>();
        let schema = CStr::from_ptr(extra).to_str().ok().and_then(|schema| schema.parse().ok());
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, role, 0);
        pg_sys::Oid::from(schema.unwrap_or(0_u32))
    };
    // Nothing here is done with the owner's rights but by functions that say so.
    if let Err(failed) = serve(Home { schema, owner: role }) {
        pgrx::log!("a worker of sira ends: {} ({})", failed.message, failed.state);
    }
}

/// What SIGTERM does in any session: it is noted, and acted upon where interrupts are looked for.
unsafe extern "C-unwind" fn terminate(number: c_int) {
    // SAFETY: PostgreSQL's own handler, called as the system would call it.
    unsafe { pg_sys::die(number) }
}

unsafe fn handle_termination() {
    let number = pg_sys::SIGTERM as c_int;
    #[cfg(not(feature = "pg18"))]
    unsafe {
        pg_sys::pqsignal(number, Some(terminate));
    }
    #[cfg(feature = "pg18")]
    unsafe {
        pg_sys::pqsignal_be(number, Some(terminate));
    }
}

fn serve(home: Home) -> Step<()> {
    if !ask(home, &ADMITTED)? {
        return Ok(());
    }
    let mut worked = false;
    loop {
        while let Some(job) = take(home)? {
            work(home, job);
            tidy()?;
            worked = true;
        }
        // Whoever starts from now on does not count this one; whoever came before and went because of it has left a job
        // that is visible now.
        rename(home, "sira worker leaving")?;
        if !ask(home, &WAIT)? {
            break;
        }
        rename(home, WORKER)?;
        if !ask(home, &ADMITTED)? {
            break;
        }
    }
    // Other roles' workers may have found no room. Only after work, or two could call each other for ever.
    if worked {
        transaction(|| OTHERS.with(|others| others.first(home, Mode::Write, Arguments::new(), |_| Ok(()))))?;
    }
    Ok(())
}

fn take(home: Home) -> Step<Option<Uuid>> {
    let found = transaction(|| {
        TAKE.with(|take| take.first(home, Mode::Write, Arguments::new(), |row: &Row| Ok(row.get(1))))
    })?;
    Ok(found.flatten())
}

/// The job; what takes its whole transaction down (an interrupt while its end is written, a deferred constraint at the
/// commit) is noted in the next one.
fn work(home: Home, job: Uuid) {
    let arguments = || Arguments::new().bind(job);
    let done = transaction(|| WORK.with(|work| work.first(home, Mode::Write, arguments(), |_| Ok(()))));
    let Err(Failed { state, message }) = done else { return };
    let closed = transaction(|| {
        let arguments = arguments().bind(state.as_str()).bind(message.as_str());
        CLOSE.with(|close| close.first(home, Mode::Write, arguments, |_| Ok(())))
    });
    if let Err(failed) = closed {
        pgrx::log!("the end of a job of sira could not be noted: {} ({})", failed.message, failed.state);
    }
}

fn ask(home: Home, question: &'static std::thread::LocalKey<Statement>) -> Step<bool> {
    let answer = transaction(|| {
        question.with(|question| question.first(home, Mode::Write, Arguments::new(), |row| row.need(1)))
    })?;
    Ok(answer.unwrap_or(false))
}

fn rename(home: Home, name: &str) -> Step<()> {
    transaction(|| NAME.with(|set| set.first(home, Mode::Write, Arguments::new().bind(name), |_| Ok(()))))?;
    Ok(())
}

fn tidy() -> Step<()> {
    transaction(|| {
        let _connection = Connection::open()?;
        // SAFETY: SPI is connected.
        unsafe { pg_sys::SPI_execute(TIDY.as_ptr(), false, 0) };
        Ok(())
    })
}

/// Runs `work` in a transaction, which is rolled back where anything in it fails.
fn transaction<T>(work: impl FnOnce() -> Result<T>) -> Step<T> {
    let outcome = PgTryBuilder::new(AssertUnwindSafe(|| {
        // SAFETY: no transaction is open; what `work` opened is closed when it returns.
        unsafe {
            pg_sys::SetCurrentStatementStartTimestamp();
            pg_sys::StartTransactionCommand();
            pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
            pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, c"sira job".as_ptr());
            let done = work().map_err(ErrorReport::from).unwrap_or_report();
            pg_sys::PopActiveSnapshot();
            pg_sys::CommitTransactionCommand();
            Ok(done)
        }
    }))
    .catch_others(|caught| {
        let report = match &caught {
            CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report,
            CaughtError::RustPanic { ereport, .. } => ereport,
        };
        Err(Failed { state: state_of(report.sql_error_code()), message: report.message().to_owned() })
    })
    .execute();
    // SAFETY: ends what has not been committed; does nothing where there is no transaction.
    unsafe {
        if outcome.is_err() {
            pg_sys::AbortCurrentTransaction();
        }
        pg_sys::pgstat_report_stat(true);
        pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_IDLE, std::ptr::null());
    }
    outcome
}

/// The five letters of an SQLSTATE.
fn state_of(code: PgSqlErrorCode) -> String {
    // SAFETY: answers a static buffer with five letters and a zero.
    let letters = unsafe { CStr::from_ptr(pg_sys::unpack_sql_state(code as c_int)) };
    letters.to_string_lossy().into_owned()
}
