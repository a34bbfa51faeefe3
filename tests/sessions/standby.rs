//! A hot standby scores from what it replays: its database is read-only, its folder of compiled models is its own.

use postgres::Client;
use sira_outside::cache::{Folder, is_mapped};
use sira_outside::models::{SOMEWHERE, create_of, forest, score_somewhere};
use sira_outside::{Database, Outcome, refused};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A session on the standby that sees what the primary has committed until now.
pub fn caught_up(database: &Database, primary: &mut Client) -> Outcome<Client> {
    let began = Instant::now();
    let until: String = primary.query_one("SELECT pg_current_wal_lsn()::text", &[])?.get(0);
    loop {
        if let Ok(mut standby) = database.on_standby() {
            let there =
                standby.query_one("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", &[&until])?;
            if there.get(0) {
                return Ok(standby);
            }
        } else {
            // The database is not there yet, or the variable names no standby: the error is worth seeing then.
            if began.elapsed() > PATIENCE {
                database.on_standby()?;
            }
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("the standby has not replayed {until}").into());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_standby_compiles_the_replicated_artifact_for_itself() -> Outcome {
    let database = Database::with_sira()?;
    let mut primary = database.session()?;
    create_of(&mut primary, "m", &[forest(100, 63, 41), forest(100, 63, 42)])?;
    let truth = score_somewhere(&mut primary, "m")?.to_bits();
    let explain =
        format!("SELECT string_agg(feature || ' ' || contribution, ',') FROM sira_explain('m', {SOMEWHERE})");
    let reasons: String = primary.query_one(&explain, &[])?.get(0);

    let mut standby = caught_up(&database, &mut primary)?;
    assert!(standby.query_one("SELECT pg_is_in_recovery()", &[])?.get::<_, bool>(0));
    let folder = Folder::of(&mut standby)?;
    assert_ne!(folder.0, Folder::of(&mut primary)?.0);
    assert_eq!(folder.file(&mut standby, "m")?, None);
    assert_eq!(score_somewhere(&mut standby, "m")?.to_bits(), truth);
    assert!(folder.file(&mut standby, "m")?.is_some() && is_mapped(&mut standby, "m/1")?);
    assert_eq!(standby.query_one(&explain, &[])?.get::<_, String>(0), reasons);
    let bytes: i64 = database.on_standby()?.query_one("SELECT sira_prewarm('m/2')", &[])?.get(0);
    assert!(bytes > 100_000, "{bytes}");
    assert!(folder.file(&mut standby, "m/2")?.is_some());
    let row = standby.query_one("SELECT status FROM sira_doctor() WHERE check_name = 'model cache'", &[])?;
    assert_eq!(row.get::<_, &str>(0), "ok");
    // An audit row cannot be written there, and nobody gets a decision without one.
    refused(
        standby.query(&format!("SELECT * FROM sira_predict('m', 'user', '1', {SOMEWHERE})"), &[]),
        "25006",
    )?;

    // What the primary deletes, the standby collects in its own folder.
    let unneeded = folder.need(&mut standby, "m/2")?;
    primary.batch_execute("DELETE FROM sira_model_versions WHERE version = 2")?;
    standby = caught_up(&database, &mut primary)?;
    standby.query("SELECT * FROM sira_collect_cache()", &[])?;
    assert!(!unneeded.exists() && folder.file(&mut standby, "m")?.is_some());
    Ok(())
}

#[test]
fn a_promotion_is_seen_on_the_standby_when_it_is_replayed() -> Outcome {
    let database = Database::with_sira()?;
    let mut primary = database.session()?;
    create_of(&mut primary, "m", &[forest(20, 31, 43), forest(20, 31, 44)])?;
    let first = score_somewhere(&mut primary, "m/1")?.to_bits();
    let second = score_somewhere(&mut primary, "m/2")?.to_bits();
    assert_ne!(first, second);
    let mut open = caught_up(&database, &mut primary)?;
    let mut session = database.on_standby()?;
    open.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")?;
    for standby in [&mut open, &mut session] {
        assert_eq!(score_somewhere(standby, "m")?.to_bits(), first);
    }
    primary.batch_execute("SELECT sira_promote('m/2')")?;
    caught_up(&database, &mut primary)?;
    assert_eq!(score_somewhere(&mut session, "m")?.to_bits(), second);
    // An open snapshot stays where it was.
    assert_eq!(score_somewhere(&mut open, "m")?.to_bits(), first);
    open.batch_execute("COMMIT")?;
    assert_eq!(score_somewhere(&mut open, "m")?.to_bits(), second);
    primary.batch_execute("SELECT sira_rollback('m')")?;
    caught_up(&database, &mut primary)?;
    assert_eq!(score_somewhere(&mut session, "m")?.to_bits(), first);
    Ok(())
}

#[test]
fn parallel_workers_of_a_standby_meet_a_cold_model() -> Outcome {
    const SUM: &str = "SELECT sum(sira_score('m', jsonb_build_object('f0', i % 1000, 'f1', i % 7))) FROM t";
    let database = Database::with_sira()?;
    let mut primary = database.session()?;
    create_of(&mut primary, "m", &[forest(100, 63, 45)])?;
    primary.batch_execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 2000) AS i; ANALYZE t")?;
    let truth: f64 = primary.query_one(SUM, &[])?.get(0);
    let mut standby = caught_up(&database, &mut primary)?;
    standby.batch_execute(
        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
         SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off",
    )?;
    let plan = standby.query(&format!("EXPLAIN (COSTS OFF) {SUM}"), &[])?;
    assert!(plan.iter().any(|row| row.get::<_, &str>(0).contains("Workers Planned: 2")));
    let sum: f64 = standby.query_one(SUM, &[])?.get(0);
    assert!((sum - truth).abs() < 1e-9 * truth, "{sum} is not {truth}");
    Ok(())
}
