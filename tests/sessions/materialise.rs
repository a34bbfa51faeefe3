//! Snapshots under load: materialisers, the pipeline, writers whose transactions end late, and readers, all at once. When
//! it is quiet again, the latest snapshot of every entity is what SQL says of the rows.

use postgres::{Client, Error};
use sira_outside::payments::{DIFFERENCES, world};
use sira_outside::process::Backend;
use sira_outside::{Database, Outcome, refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const CUSTOMERS: i64 = 40;

fn number(session: &mut Client, query: &str) -> Result<i64, Error> {
    Ok(session.query_one(query, &[])?.get(0))
}

/// Does `work` in a session of its own, with the number of each turn, until told to stop; gives the longest turn.
fn repeat(
    database: &Database,
    stop: &Arc<AtomicBool>,
    work: impl Fn(&mut Client, i64) -> Result<(), Error> + Send + 'static,
) -> Outcome<std::thread::JoinHandle<Result<(i64, Duration), Error>>> {
    let (mut session, stop) = (database.session()?, Arc::clone(stop));
    Ok(std::thread::spawn(move || {
        let (mut turns, mut longest) = (0, Duration::ZERO);
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            work(&mut session, turns)?;
            longest = longest.max(began.elapsed());
            turns += 1;
        }
        Ok((turns, longest))
    }))
}

/// A payment of now, an hour ago or days ago, in a transaction that stays open after it.
fn pay(session: &mut Client, writer: i64, turn: i64) -> Result<(), Error> {
    let customer = (turn * 7 + writer * 13) % CUSTOMERS;
    session.batch_execute(&format!(
        "BEGIN; INSERT INTO payments (customer, at, amount)
             SELECT {customer}, clock_timestamp() - ('{{0,40 minutes,3 days}}'::interval[])[1 + {turn} % 3], 1 + {turn} % 50;
         SELECT pg_sleep(0.02); COMMIT"
    ))
}

#[test]
fn everybody_at_once_leaves_the_truth() -> Outcome {
    let (database, mut session) = world()?;
    session.batch_execute(
        "INSERT INTO payments SELECT i % 40, now() - interval '2 days', 5, now() - interval '2 days' FROM generate_series(1, 400) i;
         SELECT sira_materialize_snapshots('cards')",
    )?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for writer in 0..2 {
        threads.push(("writer", repeat(&database, &stop, move |s, turn| pay(s, writer, turn))?));
    }
    for _ in 0..2 {
        threads.push((
            "materialiser",
            repeat(&database, &stop, |s, _| s.batch_execute("SELECT sira_materialize_snapshots('cards')"))?,
        ));
    }
    threads.push((
        "pipeline",
        repeat(&database, &stop, |s, _| {
            s.batch_execute("CALL sira_run_feature_pipeline('cards', batch => 7)")
        })?,
    ));
    threads.push((
        "named",
        repeat(&database, &stop, |s, _| {
            s.batch_execute("SELECT sira_materialize_snapshots('cards', now(), ARRAY(SELECT i::text FROM generate_series(39, 0, -1) i))")
        })?,
    ));
    threads.push((
        "backfill",
        repeat(&database, &stop, |s, _| {
            s.batch_execute(
                "SELECT sira_backfill_features('cards', now() - interval '1 day', now(), '8 hours')",
            )
        })?,
    ));
    threads.push((
        "predictor",
        repeat(&database, &stop, |s, turn| {
            s.batch_execute(&format!(
                "SELECT * FROM sira_predict('m', 'customer', '{0}');
                 SELECT * FROM sira_latest_snapshot('cards', '{0}')",
                turn % CUSTOMERS
            ))
        })?,
    ));
    std::thread::sleep(Duration::from_secs(5));
    stop.store(true, Ordering::Relaxed);
    for (name, thread) in threads {
        let (turns, longest) = thread
            .join()
            .map_err(|_| format!("a {name} panicked"))?
            .map_err(|error| format!("a {name}: {error:?}"))?;
        println!("{name}: {turns} turns, the longest {} ms", longest.as_millis());
        assert!(turns > 0);
    }
    // Only who changed since the watermark is computed: what an earlier run had missed would stay wrong.
    session.batch_execute("CALL sira_run_feature_pipeline('cards')")?;
    assert_eq!(number(&mut session, DIFFERENCES)?, 0);
    assert_eq!(
        number(
            &mut session,
            "SELECT count(*) FROM sira_jobs WHERE status NOT IN ('done') OR error_sqlstate IS NOT NULL"
        )?,
        0
    );
    assert_eq!(number(&mut session, "SELECT count(*) FROM sira_snapshot_work")?, 0);
    assert_eq!(
        number(&mut session, "SELECT count(*) FROM sira_feature_watermarks WHERE watermark > now()")?,
        0
    );
    Ok(())
}

#[test]
fn what_commits_late_is_seen_by_the_next_run() -> Outcome {
    let (database, mut session) = world()?;
    session.batch_execute(
        "INSERT INTO payments (customer, at, amount) VALUES (1, now() - interval '5 minutes', 10)",
    )?;
    let mut late = database.session()?;
    late.batch_execute(
        "BEGIN; INSERT INTO payments (customer, at, amount) VALUES (1, now(), 7), (2, now(), 3)",
    )?;
    let run = "SELECT sira_materialize_snapshots('cards')";
    assert_eq!(number(&mut session, run)?, 1);
    // Others come and go meanwhile: the watermark waits for the one that is open.
    session.batch_execute("INSERT INTO payments (customer, at, amount) VALUES (3, now(), 1)")?;
    number(&mut session, run)?;
    number(&mut session, "SELECT 1::bigint FROM pg_sleep(0.2)")?;
    session.batch_execute("CALL sira_run_feature_pipeline('cards')")?;
    assert_eq!(
        number(
            &mut session,
            "SELECT count(*) FROM sira_feature_watermarks w, pg_stat_activity a WHERE a.xact_start <= w.watermark AND a.pid <> pg_backend_pid() AND a.datname = current_database()"
        )?,
        0
    );
    late.batch_execute("COMMIT")?;
    assert!(number(&mut session, run)? >= 2);
    assert_eq!(number(&mut session, DIFFERENCES)?, 0);
    // Nothing happened since: the next run has nothing to do.
    assert_eq!(number(&mut session, run)?, 0);
    Ok(())
}

#[test]
fn a_value_leaves_its_window_without_a_new_row() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute(
        "INSERT INTO payments (customer, at, amount, recorded) SELECT 1, t, 10, t FROM (SELECT now() - interval '1 hour' + interval '700 milliseconds') x(t);
         SELECT sira_materialize_snapshots('cards')",
    )?;
    let served = "SELECT (features ->> 'hour')::float8::bigint FROM sira_latest_snapshot('cards', 1)";
    assert_eq!(number(&mut session, served)?, 1);
    std::thread::sleep(Duration::from_millis(900));
    assert_eq!(number(&mut session, "SELECT sira_materialize_snapshots('cards')")?, 1);
    assert_eq!(number(&mut session, served)?, 0);
    Ok(())
}

#[test]
fn the_past_hides_nothing_newer() -> Outcome {
    let (_database, mut session) = world()?;
    session.batch_execute(
        "INSERT INTO payments SELECT 1, now() - interval '3 days', 10, now() - interval '3 days';
         SELECT sira_materialize_snapshots('cards')",
    )?;
    let watermark = "SELECT (extract(epoch FROM watermark) * 1000000)::bigint FROM sira_feature_watermarks";
    let before = number(&mut session, watermark)?;
    let served = "SELECT (features ->> 'amount')::float8::bigint FROM sira_latest_snapshot('cards', 1)";
    session.batch_execute(
        "SELECT sira_materialize_snapshots('cards', now() - interval '2 days', '{1}');
         SELECT sira_materialize_snapshots('cards', now() - interval '1 day');
         SELECT sira_backfill_features('cards', now() - interval '9 days', now() - interval '1 hour', '1 day')",
    )?;
    assert_eq!(number(&mut session, served)?, 10);
    assert_eq!(number(&mut session, watermark)?, before);
    // A late event belongs to the snapshots after it was recorded, and changes none before.
    session.batch_execute(
        "INSERT INTO payments (customer, at, amount) VALUES (1, now() - interval '4 days', 5)",
    )?;
    session.batch_execute("SELECT sira_materialize_snapshots('cards')")?;
    assert_eq!(number(&mut session, served)?, 15);
    assert_eq!(
        number(
            &mut session,
            "SELECT (features ->> 'amount')::float8::bigint FROM sira_latest_snapshot('cards', '1', now() - interval '1 day')"
        )?,
        10
    );
    assert!(number(&mut session, watermark)? > before);
    refused(
        session.query("SELECT sira_materialize_snapshots('cards', now() + interval '1 minute')", &[]),
        "22023",
    )?;
    Ok(())
}

#[test]
fn readers_do_not_wait() -> Outcome {
    let (database, mut session) = world()?;
    session.batch_execute(
        "INSERT INTO payments (customer, at, amount) SELECT i % 40, now() - interval '1 minute', 1 FROM generate_series(1, 400) i",
    )?;
    session.batch_execute("SELECT sira_materialize_snapshots('cards')")?;
    session.batch_execute("INSERT INTO payments (customer, at, amount) VALUES (1, now(), 100)")?;
    session.batch_execute("BEGIN; SELECT sira_materialize_snapshots('cards')")?;
    let mut reader = database.session()?;
    reader.batch_execute(
        "SET lock_timeout = '500ms';
         SELECT * FROM sira_predict('m', 'customer', '1'); SELECT sira_get_features('cards', 1);
         INSERT INTO payments (customer, at, amount) VALUES (1, now(), 1);
         SELECT sira_materialize_snapshots('cards', now(), '{1,2}')",
    )?;
    assert_eq!(
        number(
            &mut reader,
            "SELECT (features ->> 'amount')::float8::bigint FROM sira_latest_snapshot('cards', 2)"
        )?,
        10
    );
    // Another run over the same set waits for this one, and does not deadlock.
    refused(reader.query("SELECT sira_materialize_snapshots('cards')", &[]), "55P03")?;
    session.batch_execute("COMMIT")?;
    reader.batch_execute("SELECT sira_materialize_snapshots('cards')")?;
    assert_eq!(number(&mut reader, DIFFERENCES)?, 0);
    Ok(())
}

#[test]
fn a_run_is_its_owners_and_one_at_a_time() -> Outcome {
    let (database, mut session) = world()?;
    session.batch_execute(
        // So many that one by one they take longer than another run waits.
        "INSERT INTO payments (customer, at, amount) SELECT i, now(), 1 FROM generate_series(1, 20000) i",
    )?;
    let role = format!("{}_worker", database.name());
    session.batch_execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT sira_admin TO {role}; GRANT SELECT ON payments TO {role}"
    ))?;
    let mut worker = database.login(&role)?;
    // Cancelled in the midst of it, as by statement_timeout: what was committed stays.
    let backend = Backend::of(&mut worker)?;
    let busy = std::thread::spawn(move || {
        worker.batch_execute("CALL sira_run_feature_pipeline('cards', batch => 1)")
    });
    let began = Instant::now();
    while number(&mut session, "SELECT count(*) FROM sira_jobs WHERE status = 'running'")? == 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "the run does not begin");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Nor does it end before it is cancelled, however quick it is.
    let mut blocker = database.session()?;
    blocker.batch_execute("BEGIN; LOCK TABLE payments IN ACCESS EXCLUSIVE MODE")?;
    session.batch_execute("CALL sira_run_feature_pipeline('cards')")?;
    session.execute("SELECT pg_cancel_backend($1)", &[&backend.0])?;
    refused(busy.join().map_err(|_| "the worker panicked")?, "57014")?;
    blocker.batch_execute("ROLLBACK")?;
    assert_eq!(
        number(&mut session, "SELECT count(*) FROM sira_jobs WHERE parent_id IS NULL")?,
        1,
        "two runs at once"
    );
    // Nobody else goes on with it: it would be with other rights.
    session.batch_execute("CALL sira_run_feature_pipeline('cards')")?;
    assert_eq!(
        number(
            &mut session,
            "SELECT count(*) FROM sira_jobs WHERE parent_id IS NULL AND status = 'running'"
        )?,
        1
    );
    let mut worker = database.login(&role)?;
    worker.batch_execute("CALL sira_run_feature_pipeline('cards')")?;
    assert_eq!(
        number(&mut session, "SELECT count(*) FROM sira_jobs WHERE parent_id IS NULL AND status = 'done'")?,
        1
    );
    assert_eq!(number(&mut session, DIFFERENCES)?, 0);
    // Jobs are written by functions alone.
    for statement in [
        "UPDATE sira_jobs SET status = 'done'",
        "DELETE FROM sira_jobs",
        "INSERT INTO sira_jobs (kind) VALUES ('x')",
    ] {
        refused(worker.execute(statement, &[]), "42501")?;
    }
    session.batch_execute("SELECT sira_queue_job('other')")?;
    let begin = "SELECT sira_job_begin(id) FROM sira_jobs WHERE kind = 'other'";
    refused(worker.query(begin, &[]), "42501")?;
    worker.batch_execute("SELECT sira_cancel_job(id) FROM sira_jobs WHERE kind = 'other'")?;
    Ok(())
}
