//! The pipeline and its materialisers killed at any moment, and gone on with: nothing lost, nothing twice.

use super::{alone, recovered};
use postgres::Client;
use sira_outside::payments::{DIFFERENCES, world};
use sira_outside::process::Backend;
use sira_outside::{Database, Outcome};
use std::time::Duration;

fn number(session: &mut Client, query: &str) -> Outcome<i64> {
    Ok(session.query_one(query, &[])?.get(0))
}

/// Runs a statement in a session and kills its backend after a while; true where the statement had not ended by then.
fn killed(database: &Database, statement: &'static str, after: Duration) -> Outcome<bool> {
    let mut session = database.session()?;
    let backend = Backend::of(&mut session)?;
    // The session comes back, so that its backend is there to be killed even where the statement has ended: an idle
    // backend that is killed restarts the cluster as well.
    let busy = std::thread::spawn(move || (session.batch_execute(statement).is_err(), session));
    std::thread::sleep(after);
    let running = !busy.is_finished();
    backend.kill()?;
    let (failed, _session) = busy.join().map_err(|_| "the session panicked")?;
    Ok(failed && running)
}

/// Runs a statement in a session and kills its backend once a query about it finds something: see
/// [`Backend::wait_until`].
fn killed_once(database: &Database, watcher: &mut Client, statement: &'static str, reached: &str) -> Outcome {
    let mut session = database.session()?;
    let backend = Backend::of(&mut session)?;
    let busy = std::thread::spawn(move || (session.batch_execute(statement).is_err(), session));
    backend.wait_until(watcher, reached)?;
    backend.kill()?;
    let (failed, _session) = busy.join().map_err(|_| "the session panicked")?;
    if failed { Ok(()) } else { Err(format!("\"{statement}\" ended before it was killed").into()) }
}

#[test]
fn a_pipeline_that_is_killed_is_gone_on_with() -> Outcome {
    let _alone = alone();
    let (database, mut session) = world()?;
    session.batch_execute(
        "INSERT INTO payments (customer, at, amount)
         SELECT i % 3000, now() - (i % 100) * interval '20 seconds' - (i / 100) * interval '1 day', 1 + i % 9 FROM generate_series(1, 30000) i;
         ANALYZE payments",
    )?;
    let mut interrupted = 0;
    for wait in [60, 250, 500, 900, 1_500, 2_500] {
        let was_running = killed(
            &database,
            "CALL sira_run_feature_pipeline('cards', batch => 100)",
            Duration::from_millis(wait),
        )?;
        session = recovered(&database)?;
        if was_running {
            interrupted += 1;
            let open = number(
                &mut session,
                "SELECT count(*) FROM sira_jobs WHERE parent_id IS NULL AND status = 'running'",
            )?;
            // It may have been killed before its first commit.
            assert!(open <= 1, "{open} runs are open");
            // Each entity is either stored or still waits, never both and never neither.
            let torn = number(
                &mut session,
                "SELECT count(*) FROM sira_snapshot_work w JOIN sira_jobs j ON j.id = w.job_id
                 JOIN sira_feature_snapshots s ON s.entity_id = w.entity_id AND s.snapshot_ts = (j.progress ->> 'as_of')::timestamptz",
            )?;
            assert_eq!(torn, 0);
        }
        session.batch_execute("CALL sira_run_feature_pipeline('cards', batch => 1000)")?;
        assert_eq!(number(&mut session, DIFFERENCES)?, 0, "killed after {wait} ms");
        let row = session.query_one(
            "SELECT (SELECT count(*) FROM sira_jobs WHERE status <> 'done'), (SELECT count(*) FROM sira_snapshot_work),
                    (SELECT count(*) FROM sira_jobs r WHERE r.parent_id IS NULL AND (r.result #>> '{store,rows}')::bigint
                         <> (SELECT count(*) FROM sira_feature_snapshots s WHERE s.snapshot_ts = (r.progress ->> 'as_of')::timestamptz)),
                    (SELECT max(attempt) FROM sira_jobs WHERE parent_id IS NOT NULL)::bigint",
            &[],
        )?;
        let [open, waiting, wrong, attempts] = [0, 1, 2, 3].map(|column| row.get::<_, i64>(column));
        println!("killed after {wait} ms: in the midst of it {was_running}, attempts of a step {attempts}");
        assert_eq!([open, waiting, wrong], [0, 0, 0], "killed after {wait} ms");
        // Everybody changes again, also in the past.
        session.batch_execute(
            "INSERT INTO payments (customer, at, amount) SELECT i, now() - interval '2 days', 1 FROM generate_series(0, 2999) i",
        )?;
    }
    assert!(interrupted > 0, "no run was killed in the midst of it");
    Ok(())
}

#[test]
fn a_step_that_crashes_each_time_is_given_up() -> Outcome {
    let _alone = alone();
    let (database, mut session) = world()?;
    // A source that takes its time, so that the kill finds the first step at work.
    session.batch_execute(
        "INSERT INTO payments (customer, at, amount) VALUES (1, now() - interval '1 minute', 1);
         CREATE VIEW slow AS SELECT p.* FROM payments p, pg_sleep(20);
         SELECT sira_define_window_feature('slow_n', 'customer', 'slow', 'customer', 'at', 'count', '1 day');
         SELECT sira_define_feature_set('slow', 'customer', '{slow_n}')",
    )?;
    for attempt in 1..=2_i64 {
        killed_once(
            &database,
            &mut session,
            "CALL sira_run_feature_pipeline('slow', max_attempts => 2)",
            "SELECT FROM sira_jobs WHERE step = 'extract' AND status = 'running' AND worker_pid = $1",
        )?;
        session = recovered(&database)?;
        let row =
            session.query_one("SELECT status, attempt::bigint FROM sira_jobs WHERE step = 'extract'", &[])?;
        assert_eq!((row.get::<_, &str>(0), row.get::<_, i64>(1)), ("running", attempt));
    }
    sira_outside::refused(
        session.batch_execute("CALL sira_run_feature_pipeline('slow', max_attempts => 2)"),
        "57P02",
    )?;
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_jobs WHERE status = 'failed'")?, 2);
    Ok(())
}

#[test]
fn a_materialisation_that_is_killed_leaves_nothing() -> Outcome {
    let _alone = alone();
    let (database, mut session) = world()?;
    session.batch_execute(
        "INSERT INTO payments (customer, at, amount)
         SELECT i % 60000, now() - (i % 1000) * interval '1 second', 1 + i % 9 FROM generate_series(1, 120000) i; ANALYZE payments",
    )?;
    // It has begun to write, and has most of it before it.
    killed_once(
        &database,
        &mut session,
        "SELECT sira_materialize_snapshots('cards')",
        "SELECT FROM pg_locks WHERE pid = $1 AND relation = 'sira_feature_snapshots'::regclass AND mode = 'RowExclusiveLock'",
    )?;
    session = recovered(&database)?;
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_feature_snapshots")?, 0);
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_feature_watermarks")?, 0);
    assert_eq!(number(&mut session, "SELECT sira_materialize_snapshots('cards')")?, 60_000);
    assert_eq!(number(&mut session, DIFFERENCES)?, 0);
    Ok(())
}
