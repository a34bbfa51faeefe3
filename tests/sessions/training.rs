//! A long training in a living database: it ends when asked, leaves nothing behind and repeats to the last bit.

use postgres::Client;
use sira_outside::process::Backend;
use sira_outside::{Database, Outcome, refused};
use std::time::{Duration, Instant};

/// How long a cancel may take: the machine that tests may be busy.
const PROMPT: Duration = Duration::from_secs(2);

fn world() -> Outcome<(Database, Client)> {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    session.batch_execute("SELECT sira_create_model('m', 'fraud_detection'); SET work_mem = '64MB'")?;
    Ok((database, session))
}

/// A query of `rows` rows with `features` numbers, a text, a time and a label that depends on two of them.
fn rows(rows: u32, features: u32) -> String {
    let columns: String =
        (0..features).map(|n| format!("(i::bigint * {} % 1009)::float8 AS f{n}, ", 7919 + 2 * n)).collect();
    format!(
        "SELECT {columns}timestamptz ''2026-01-01'' + i * interval ''1 minute'' AS at, ''k'' || i % 7 AS kind, \
         (i::bigint * 7919 % 1009) + (i % 7) * 100 > 1000 AS bad FROM generate_series(1, {rows}) AS i"
    )
}

fn train(query: &str, iterations: u32) -> String {
    format!(
        "SELECT * FROM sira_train('m', '{query}', 'bad', time_column => 'at', \
         params => '{{\"num_iterations\": {iterations}, \"early_stopping_rounds\": 0}}')"
    )
}

fn nothing_written(session: &mut Client) -> Outcome {
    let row = session.query_one(
        "SELECT (SELECT count(*) FROM sira_training_runs), (SELECT count(*) FROM sira_model_versions),
             (SELECT count(*) FROM sira_model_artifacts)",
        &[],
    )?;
    assert_eq!([0, 1, 2].map(|column| row.get::<_, i64>(column)), [0, 0, 0]);
    Ok(())
}

#[test]
fn a_cancel_takes_effect_at_once_in_every_phase() -> Outcome {
    let (database, mut session) = world()?;
    let backend = Backend::of(&mut session)?;
    let mut other = database.session()?;
    let (threads, long) = (backend.threads()?, train(&rows(200_000, 20), 5_000));
    // While rows are read, when values become bins (about then), while trees grow.
    for wait in [100, 1_000, 2_000, 4_000, 8_000] {
        let running = std::thread::scope(|scope| -> Outcome<Duration> {
            let training = scope
                .spawn(|| refused(session.query(&long, &[]), "57014").map_err(|error| error.to_string()));
            backend.wait_for(&mut other, "sira_train")?;
            std::thread::sleep(Duration::from_millis(wait));
            let asked = Instant::now();
            other.execute("SELECT pg_cancel_backend($1)", &[&backend.0])?;
            training.join().map_err(|_| "the trainer panicked")??;
            Ok(asked.elapsed())
        })?;
        println!("cancelled after {wait} ms: gone within {} ms", running.as_millis());
        assert!(running < PROMPT, "after {wait} ms a cancel took {running:?}");
        assert_eq!(backend.threads()?, threads, "a thread was left behind");
        nothing_written(&mut session)?;
    }
    // The session is as good as before.
    session.query(&train(&rows(2_000, 3), 5), &[])?;
    Ok(())
}

#[test]
fn a_statement_timeout_takes_effect() -> Outcome {
    let (_database, mut session) = world()?;
    for seconds in [1, 5] {
        session.batch_execute(&format!("SET statement_timeout = '{seconds}s'"))?;
        let started = Instant::now();
        refused(session.query(&train(&rows(200_000, 20), 5_000), &[]), "57014")?;
        let over = started.elapsed().saturating_sub(Duration::from_secs(seconds));
        println!("a timeout of {seconds} s came {} ms late", over.as_millis());
        assert!(over < PROMPT, "{over:?} late");
    }
    session.batch_execute("RESET statement_timeout")?;
    nothing_written(&mut session)
}

#[test]
fn cancelled_trainings_give_their_memory_back() -> Outcome {
    let (_database, mut session) = world()?;
    let backend = Backend::of(&mut session)?;
    // One training to its end first: on a busy machine a first timeout may come before the trees grow, and what
    // the allocator keeps for itself after a training would then look like a leak in a later one.
    session.query(&train(&rows(100_000, 20), 20), &[])?;
    let query = train(&rows(100_000, 20), 5_000);
    session.batch_execute("SET statement_timeout = '3s'")?;
    refused(session.query(&query, &[]), "57014")?;
    let once = backend.memory("RssAnon")?;
    for _ in 0..5 {
        refused(session.query(&query, &[]), "57014")?;
    }
    let often = backend.memory("RssAnon")?;
    println!("after one cancelled training {once} kB, after six {often} kB");
    // One leaked training would be more than 16 MB: its columns alone are.
    assert!(often < once + 8 * 1024, "{once} kB became {often} kB");
    Ok(())
}

#[test]
fn the_peak_is_a_small_multiple_of_the_columns() -> Outcome {
    let (_database, mut session) = world()?;
    let backend = Backend::of(&mut session)?;
    let before = backend.memory("VmHWM")?;
    let started = Instant::now();
    session.query(&train(&rows(300_000, 20), 10), &[])?;
    let peak = backend.memory("VmHWM")?;
    let columns = 300_000 * 23 * 8 / 1024;
    println!(
        "300,000 x 20 took {:.1} s; columns {columns} kB, peak {} kB above the session's {before} kB",
        started.elapsed().as_secs_f64(),
        peak - before
    );
    // Bins, scores, gradients, the sample and work_mem come on top; a second copy of the relation would not fit.
    assert!(peak - before < columns * 2 + 32 * 1024, "peak {} kB", peak - before);
    Ok(())
}

#[test]
fn the_memory_setting_is_held() -> Outcome {
    let (_database, mut session) = world()?;
    let backend = Backend::of(&mut session)?;
    session.batch_execute("SET sira.training_memory = '40MB'")?;
    let before = backend.memory("VmHWM")?;
    refused(session.query(&train(&rows(300_000, 20), 10), &[]), "54000")?;
    // It is noticed while rows are read, not after all of them (55 MB) are there.
    let taken = backend.memory("VmHWM")? - before;
    println!("refused after {taken} kB");
    assert!(taken < (40 + 64 + 16) * 1024, "{taken} kB before it was refused");
    session.batch_execute("RESET sira.training_memory")?;
    nothing_written(&mut session)?;
    session.query(&train(&rows(3_000, 3), 5), &[])?;
    Ok(())
}

#[test]
fn the_same_rows_in_another_order_give_the_same_artifact() -> Outcome {
    let (_database, mut session) = world()?;
    for split in ["{\"method\": \"time\"}", "{\"method\": \"random\"}"] {
        let mut first: Option<(Vec<u8>, Vec<u8>, String)> = None;
        for order in ["i", "i DESC", "random()"] {
            session.query(
                &format!(
                    "SELECT * FROM sira_train('m', '{} ORDER BY {order}', 'bad', time_column => 'at', split => '{split}',
                         params => '{{\"num_iterations\": 20, \"bagging_fraction\": 0.8, \"bagging_freq\": 1}}')",
                    rows(4_000, 5)
                ),
                &[],
            )?;
            let row = session.query_one(
                "SELECT artifact_digest, data_digest, metrics::text FROM sira_training_runs
                 ORDER BY started_at DESC LIMIT 1",
                &[],
            )?;
            let found = (row.get(0), row.get(1), row.get(2));
            match &first {
                None => first = Some(found),
                Some(first) => assert!(
                    *first == found,
                    "{split}, ordered by {order}: another artifact, digest or metrics"
                ),
            }
        }
    }
    Ok(())
}

#[test]
fn the_query_runs_as_the_caller() -> Outcome {
    let (database, mut owner) = world()?;
    let role = format!("{}_trainer", database.name());
    owner.batch_execute(&format!(
        "CREATE TABLE secret AS SELECT i AS a, i % 2 = 0 AS bad FROM generate_series(1, 500) AS i;
         CREATE TABLE mixed AS SELECT i AS a, i % 2 = 0 AS bad, i <= 300 AS mine FROM generate_series(1, 500) AS i;
         ALTER TABLE mixed ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON mixed USING (mine);
         CREATE ROLE {role} LOGIN; GRANT sira_admin TO {role}; GRANT SELECT ON mixed TO {role}"
    ))?;
    let mut trainer = database.login(&role)?;
    let train = |query: &str| {
        format!(
            "SELECT rows_train + rows_validation + rows_test FROM sira_train('m', '{query}', 'bad', split => '{{\"method\": \"random\"}}', params => '{{\"num_iterations\": 2}}')"
        )
    };
    refused(trainer.query(&train("SELECT * FROM secret"), &[]), "42501")?;
    nothing_written(&mut owner)?;
    let read: i64 = trainer.query_one(&train("SELECT a, bad FROM mixed"), &[])?.get(0);
    assert_eq!(read, 300);
    trainer.query_one(&train("SELECT a, bad, current_user::text || a % 2 AS who FROM mixed"), &[])?;
    let row = owner.query_one(
        "SELECT count(*) FROM sira_model_versions WHERE signature::text LIKE $1",
        &[&format!("%{role}0%")],
    )?;
    assert_eq!(row.get::<_, i64>(0), 1, "the query did not run as the caller");
    Ok(())
}

#[test]
fn sessions_that_register_at_once_get_numbers_of_their_own() -> Outcome {
    let (database, mut session) = world()?;
    let mut trainers = Vec::new();
    for _ in 0..4 {
        let mut other = database.session()?;
        trainers.push(std::thread::spawn(move || {
            other.query(&train(&rows(1_000, 2), 3), &[]).map(|rows| rows.len())
        }));
    }
    for trainer in trainers {
        assert_eq!(trainer.join().map_err(|_| "a trainer panicked")??, 1);
    }
    let row = session.query_one(
        "SELECT array_agg(version ORDER BY version), count(DISTINCT artifact_digest) FROM sira_model_versions",
        &[],
    )?;
    assert_eq!(row.get::<_, Vec<i32>>(0), [1, 2, 3, 4]);
    // One recipe on the same rows is one artifact, kept once.
    assert_eq!(row.get::<_, i64>(1), 1);
    Ok(())
}
