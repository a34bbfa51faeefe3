//! Months are made and dropped under load: rows keep coming, nobody waits long, none is lost.

use postgres::Client;
use sira_outside::{Database, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn world() -> Outcome<(Database, Client)> {
    let database = Database::with_sira()?;
    let session = database.session()?;
    Ok((database, session))
}

fn count(session: &mut Client, query: &str) -> Outcome<i64> {
    Ok(session.query_one(query, &[])?.get(0))
}

/// What maintenance answers: `(action, rows moved)` of each line.
fn maintain(session: &mut Client, call: &str) -> Outcome<Vec<(String, i64)>> {
    let rows = session.query(&format!("SELECT action, rows_moved FROM {call}"), &[])?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Days between the moments of two values that a writer writes one after the other: eleven back, two ahead.
const STEP: i64 = 20;

/// Late, timely and early values, one a statement, until told to stop: how many, and the longest that one took.
fn write(
    mut session: Client,
    writer: i64,
    recorded: &str,
    stop: &AtomicBool,
) -> Result<(i64, Duration), postgres::Error> {
    let insert = session.prepare(&format!(
        "INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
         SELECT 'user', $1::bigint::text, 'load', $2::bigint, at, {recorded}
         FROM (SELECT now() + ($2::bigint % 14 - 11) * {STEP} * interval '1 day' AS at) AS x"
    ))?;
    let (mut written, mut longest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        session.execute(&insert, &[&writer, &written])?;
        longest = longest.max(began.elapsed());
        written += 1;
    }
    Ok((written, longest))
}

#[test]
fn rows_come_while_months_are_made() -> Outcome {
    let (database, mut session) = world()?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..3 {
        let (client, stop) = (database.session()?, Arc::clone(&stop));
        writers.push(std::thread::spawn(move || write(client, writer, "now()", &stop)));
    }
    std::thread::sleep(Duration::from_millis(300));
    let mut made = 0;
    for _ in 0..8 {
        let lines = maintain(&mut session, "sira_maintain_partitions('sira_features')")?;
        made += lines.iter().filter(|(action, _)| action == "created").count();
        std::thread::sleep(Duration::from_millis(100));
    }
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        let (rows, longest) = writer.join().map_err(|_| "a writer panicked")??;
        written += rows;
        // max_block is 2 s: that and one portion of work, on a machine that is busy with other tests.
        assert!(longest < Duration::from_secs(6), "an insert took {longest:?}");
    }
    assert!(made >= 13, "only {made} months were made");
    maintain(&mut session, "sira_maintain_partitions('sira_features')")?;
    assert_eq!(count(&mut session, "SELECT count(*) FROM sira_features")?, written);
    assert_eq!(
        count(&mut session, "SELECT count(DISTINCT (entity_id, feature_value)) FROM sira_features")?,
        written
    );
    // What stays in the default partition lies neither in a month that is there nor in one to be made.
    assert_eq!(count(&mut session, "SELECT count(*) FROM ONLY sira_features_default")?, 0);
    Ok(())
}

#[test]
fn rows_come_while_months_are_dropped() -> Outcome {
    let (database, mut session) = world()?;
    maintain(&mut session, "sira_maintain_partitions()")?;
    // Old values that are over, in months of their own.
    session.batch_execute(
        "INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts, recorded_at)
         SELECT 'user', 'old', 'old', n, at, at FROM generate_series(6, 17) n, LATERAL (SELECT now() - n * interval '31 days' AS at) x;
         UPDATE sira_partition_config SET retention = NULL",
    )?;
    maintain(&mut session, "sira_maintain_partitions()")?;
    session.batch_execute(
        "UPDATE sira_partition_config SET retention = '150 days' WHERE relation = 'sira_features'",
    )?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..2 {
        let (client, stop) = (database.session()?, Arc::clone(&stop));
        writers.push(std::thread::spawn(move || write(client, writer, "at", &stop)));
    }
    let mut dropped = 0;
    for _ in 0..8 {
        let lines = maintain(&mut session, "sira_maintain_partitions('sira_features')")?;
        dropped += lines.iter().filter(|(action, _)| action == "dropped").count();
        std::thread::sleep(Duration::from_millis(50));
    }
    stop.store(true, Ordering::Relaxed);
    let mut young = 0;
    for writer in writers {
        let (rows, longest) = writer.join().map_err(|_| "a writer panicked")??;
        young += (0..rows).filter(|n| (11 - n % 14) * STEP <= 140).count();
        assert!(longest < Duration::from_secs(6), "an insert took {longest:?}");
    }
    assert!(dropped > 3, "only {dropped} months were dropped");
    let kept = count(
        &mut session,
        "SELECT count(*) FROM sira_features WHERE feature_key = 'load' AND sample_ts > now() - interval '141 days'",
    )?;
    assert_eq!(usize::try_from(kept)?, young);
    Ok(())
}

#[test]
fn a_lock_that_is_not_to_be_had_postpones() -> Outcome {
    let (database, mut session) = world()?;
    let mut reader = database.session()?;
    reader.batch_execute("BEGIN; SELECT count(*) FROM sira_features")?;
    let began = Instant::now();
    let lines = maintain(&mut session, "sira_maintain_partitions('sira_features', '300 milliseconds')")?;
    assert_eq!(lines, [("postponed".to_owned(), 0)]);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // The reader still reads, others still write, and nothing was half made.
    session.batch_execute("INSERT INTO sira_features (entity_type, entity_id, feature_key, sample_ts) VALUES ('user', 'x', 'k', now())")?;
    reader.batch_execute("SELECT count(*) FROM sira_features; COMMIT")?;
    let lines = maintain(&mut session, "sira_maintain_partitions('sira_features', '300 milliseconds')")?;
    assert_eq!(lines.iter().filter(|(action, _)| action == "created").count(), 13);
    assert_eq!(lines.iter().map(|(_, moved)| moved).sum::<i64>(), 1);
    Ok(())
}

/// Moving many late rows gives way to whoever waits, and is done when nobody does.
#[test]
fn a_long_move_gives_way() -> Outcome {
    let (database, mut session) = world()?;
    maintain(&mut session, "sira_maintain_partitions()")?;
    session.batch_execute(
        "INSERT INTO sira_features (entity_type, entity_id, feature_key, feature_value, sample_ts)
         SELECT 'user', g::text, 'k', g, date_trunc('month', now()) - interval '10 days' FROM generate_series(1, 200000) g",
    )?;
    let mut late = database.session()?;
    let waiting = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(400));
        let began = Instant::now();
        // Too old for any month: it needs the default partition, which the move has locked.
        late.batch_execute(
            "INSERT INTO sira_features (entity_type, entity_id, feature_key, sample_ts) VALUES ('user', 'late', 'k', '1999-01-01')",
        )?;
        Ok::<_, postgres::Error>(began.elapsed())
    });
    let lines = maintain(&mut session, "sira_maintain_partitions('sira_features', '50 milliseconds')")?;
    let waited = waiting.join().map_err(|_| "a session panicked")??;
    // On a fast machine the move may be over before anybody waits; then there was nothing to give way to.
    if lines.iter().any(|(action, _)| action == "postponed") {
        assert_eq!(count(&mut session, "SELECT count(*) FROM ONLY sira_features_default")?, 200_001);
    }
    assert!(waited < Duration::from_secs(6), "{waited:?}");
    let moved: i64 = maintain(&mut session, "sira_maintain_partitions('sira_features')")?
        .iter()
        .chain(&lines)
        .map(|(_, moved)| moved)
        .sum();
    assert_eq!(moved, 200_000);
    assert_eq!(count(&mut session, "SELECT count(*) FROM sira_features")?, 200_001);
    Ok(())
}

/// Registering a model in a longer transaction locks nobody out of the default partitions.
#[test]
fn a_model_in_a_transaction_blocks_no_writer() -> Outcome {
    let (database, mut session) = world()?;
    session.batch_execute("BEGIN")?;
    session.query("SELECT sira_create_model('m', 'fraud_detection')", &[])?;
    let mut writer = database.session()?;
    writer.batch_execute(
        "SET lock_timeout = '1s';
         INSERT INTO sira_features (entity_type, entity_id, feature_key, sample_ts) VALUES ('user', 'x', 'k', now());
         SELECT count(*) FROM sira_predictions",
    )?;
    session.batch_execute("COMMIT")?;
    assert_eq!(count(&mut session, "SELECT count(*) FROM sira_missing_partitions()")?, 7);
    session.query("SELECT sira_create_model('n', 'fraud_detection')", &[])?;
    assert_eq!(count(&mut session, "SELECT count(*) FROM sira_missing_partitions()")?, 0);
    Ok(())
}

/// COPY through the view: a hundred thousand values in seconds, and again without a new row.
#[test]
fn values_are_copied_in_seconds() -> Outcome {
    let (_database, mut session) = world()?;
    maintain(&mut session, "sira_maintain_partitions()")?;
    session.batch_execute("CREATE ROLE copier_of_values IN ROLE sira_admin").or_else(|error| match error
        .code()
    {
        // Roles belong to the cluster, which other tests and runs share.
        Some(code) if code.code() == "42710" => Ok(()),
        _ => Err(error),
    })?;
    session.batch_execute("SET ROLE copier_of_values")?;
    let mut longest = Duration::ZERO;
    for _ in 0..2 {
        let began = Instant::now();
        let mut copy = session.copy_in(
            "COPY sira_feature_ingest (entity_type, entity_id, feature_key, feature_value, sample_ts) FROM STDIN",
        )?;
        for n in 0..100_000 {
            let line =
                format!("customer\t{}\tf{}\t{n}\t2026-06-01 12:{:02}+00\n", n % 5000, n % 20, n / 5000);
            std::io::Write::write_all(&mut copy, line.as_bytes())?;
        }
        copy.finish()?;
        longest = longest.max(began.elapsed());
        assert_eq!(count(&mut session, "SELECT count(*) FROM sira_features")?, 100_000);
    }
    println!("100,000 values were copied in {longest:?} at most");
    assert!(longest < Duration::from_secs(60), "{longest:?}");
    Ok(())
}
