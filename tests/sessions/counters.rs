//! Counters: what several sessions count at once is the truth, whatever becomes of their transactions and of the file.

use postgres::Client;
use sira_outside::cache::Folder;
use sira_outside::models::create;
use sira_outside::{Database, Outcome};
use std::fs;
use std::time::Duration;

/// Answers and errors of model `m`, over all its versions.
fn counted(session: &mut Client) -> Outcome<(i64, i64)> {
    let row = session.query_one(
        "SELECT coalesce(sum(row_count), 0)::int8, coalesce(sum(errors), 0)::int8 FROM sira_counters()
         WHERE model_id IS NOT NULL",
        &[],
    )?;
    Ok((row.get(0), row.get(1)))
}

const PREDICT: &str = "SELECT * FROM sira_predict('m', 'transaction', '1', '{\"amount\": 1}')";

#[test]
fn many_sessions_count_to_the_truth() -> Outcome {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0])?;
    let (before, _) = counted(&mut session)?;
    let sessions = (0..8)
        .map(|number| {
            let mut session = database.session()?;
            Ok(std::thread::spawn(move || -> Result<(), postgres::Error> {
                for round in 0..50 {
                    // Every other one is undone: what was answered was answered.
                    session.batch_execute("BEGIN")?;
                    session.query(PREDICT, &[])?;
                    session.batch_execute(if (number + round) % 2 == 0 { "ROLLBACK" } else { "COMMIT" })?;
                    session.query(
                        "SELECT sira_score('m', '{\"amount\": 1}'::jsonb) FROM generate_series(1, 100)",
                        &[],
                    )?;
                    // An error counts too, and once.
                    let _ = session.query("SELECT sira_score('m', '{\"amount\": \"y\"}'::jsonb)", &[]);
                }
                Ok(())
            }))
        })
        .collect::<Outcome<Vec<_>>>()?;
    for session in sessions {
        session.join().map_err(|_| "a session panicked")??;
    }
    let (rows, errors) = counted(&mut session)?;
    assert_eq!((rows - before, errors), (8 * 50 * 101, 8 * 50));
    // All of it is written down once, by whichever of two sessions comes first.
    let aggregators = (0..2)
        .map(|_| {
            let mut session = database.session()?;
            Ok(std::thread::spawn(move || session.execute("SELECT sira_aggregate_hourly_metrics()", &[])))
        })
        .collect::<Outcome<Vec<_>>>()?;
    for aggregator in aggregators {
        aggregator.join().map_err(|_| "an aggregation panicked")??;
    }
    let row = session.query_one(
        "SELECT sum(row_count)::int8, sum(errors)::int8 FROM sira_system_metrics WHERE metric = 'inference' AND model_id IS NOT NULL",
        &[],
    )?;
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (rows, errors));
    Ok(())
}

#[test]
fn a_removed_or_damaged_file_is_made_anew() -> Outcome {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0])?;
    session.query(PREDICT, &[])?;
    let ending: String = session
        .query_one("SELECT '.' || oid FROM pg_database WHERE datname = current_database()", &[])?
        .get(0);
    let folder = Folder::of(&mut session)?;
    let name =
        folder.names().into_iter().find(|name| name.starts_with("counters.") && name.ends_with(&ending));
    let path = folder.0.join(name.ok_or("there is no file of counters")?);
    for content in [None, Some(&b"no counters at all"[..]), Some(&[0; 4096][..])] {
        match content {
            None => fs::remove_file(&path)?,
            // Under another inode: nobody writes into a file that others have mapped.
            Some(content) => {
                let beside = path.with_extension("beside");
                fs::write(&beside, content)?;
                fs::rename(&beside, &path)?;
            }
        }
        std::thread::sleep(Duration::from_millis(1100));
        session.query(PREDICT, &[])?;
        assert_eq!(counted(&mut session)?.0, 1);
        // The marks are those of another file: what it counts is new, all of it.
        session.execute("SELECT sira_aggregate_hourly_metrics()", &[])?;
    }
    let written: i64 = session
        .query_one("SELECT sum(row_count)::int8 FROM sira_system_metrics WHERE metric = 'inference'", &[])?
        .get(0);
    assert_eq!(written, 3);
    // And it is added up by the day, histograms too.
    let row = session.query_one(
        "SELECT sum(d.row_count)::int8, sum(d.calls)::int8, sum((SELECT sum(n) FROM unnest(d.latencies) n))::int8,
                (SELECT sum(m.row_count)::int8 FROM sira_monthly_metrics m) FROM sira_daily_metrics d",
        &[],
    )?;
    let sums: [i64; 4] = [row.get(0), row.get(1), row.get(2), row.get(3)];
    assert_eq!(sums, [3, 3, 3, 3]);
    Ok(())
}

#[test]
fn a_file_that_was_cut_off_is_made_anew() -> Outcome {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0])?;
    session.query(PREDICT, &[])?;
    let ending: String = session
        .query_one("SELECT '.' || oid FROM pg_database WHERE datname = current_database()", &[])?
        .get(0);
    let folder = Folder::of(&mut session)?;
    let name =
        folder.names().into_iter().find(|name| name.starts_with("counters.") && name.ends_with(&ending));
    let path = folder.0.join(name.ok_or("there is no file of counters")?);
    for length in [0, 4096] {
        fs::File::options().write(true).open(&path)?.set_len(length)?;
        // As long as a session trusts what it saw.
        std::thread::sleep(Duration::from_millis(200));
        session.query(PREDICT, &[])?;
        assert_eq!(counted(&mut session)?.0, 1);
    }
    Ok(())
}

/// The audit row is written with the answer and paid for with it.
#[test]
fn seconds_hold_the_audit_row() -> Outcome {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0])?;
    session.batch_execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END';
         CREATE TRIGGER slow BEFORE INSERT ON sira_predictions FOR EACH ROW EXECUTE FUNCTION slow()",
    )?;
    session.query(PREDICT, &[])?;
    let row = session.query_one(
        "SELECT sum(seconds), sira_latency_quantile(sira_sum_counts(latencies), 1) FROM sira_counters() WHERE model_id IS NOT NULL",
        &[],
    )?;
    let (seconds, slowest): (f64, f64) = (row.get(0), row.get(1));
    assert!(seconds > 0.2 && slowest < 0.2, "{seconds} s, and the slowest answer took {slowest}");
    Ok(())
}

#[test]
fn two_sessions_do_each_task_of_maintenance_once() -> Outcome {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    let runs = (0..2)
        .map(|_| {
            let mut session = database.session()?;
            Ok(std::thread::spawn(move || session.batch_execute("CALL sira_run_maintenance()")))
        })
        .collect::<Outcome<Vec<_>>>()?;
    for run in runs {
        run.join().map_err(|_| "a run panicked")??;
    }
    session.batch_execute("CALL sira_run_maintenance()")?;
    let row = session.query_one(
        "SELECT count(*) FILTER (WHERE last_status IS DISTINCT FROM 'done'), string_agg(last_error, '; '),
                (SELECT count(*) FROM sira_metric_marks WHERE name = 'storage'),
                (SELECT count(*) FROM sira_cost_tracking WHERE service = 'tables')
         FROM sira_maintenance_schedule",
        &[],
    )?;
    assert_eq!(row.get::<_, Option<String>>(1), None);
    let counts: [i64; 3] = [row.get(0), row.get(2), row.get(3)];
    assert_eq!(counts, [0, 1, 1]);
    Ok(())
}
