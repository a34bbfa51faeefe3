//! What is left when a backend is killed, which makes the postmaster restart all of them.
//!
//! A test binary of its own with one test after the other: nothing else may use the cluster meanwhile.

mod cache;
mod jobs_crash;
mod pipeline;
mod tuning_crash;

use postgres::Client;
use sira_outside::cache::Folder;
use sira_outside::models::{create, score};
use sira_outside::process::Backend;
use sira_outside::{Database, Outcome};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session after the restart, as soon as there is one.
fn recovered(database: &Database) -> Outcome<Client> {
    let started = Instant::now();
    // The postmaster first has to notice; until then it would still let us in, and throw us out.
    std::thread::sleep(Duration::from_millis(500));
    loop {
        match database.session().map(|mut session| session.batch_execute("SELECT 1").map(|()| session)) {
            Ok(Ok(session)) => return Ok(session),
            _ if started.elapsed() < Duration::from_secs(90) => {
                std::thread::sleep(Duration::from_millis(200))
            }
            Ok(Err(error)) | Err(error) => return Err(error.into()),
        }
    }
}

fn counts<const N: usize>(session: &mut Client, tables: [&str; N]) -> Outcome<[i64; N]> {
    let mut found = [0; N];
    for (count, table) in found.iter_mut().zip(tables) {
        *count = session.query_one(&format!("SELECT count(*) FROM {table}"), &[])?.get(0);
    }
    Ok(found)
}

#[test]
fn a_training_that_is_killed_leaves_no_row() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    session.batch_execute(
        "SELECT sira_create_model('m', 'fraud_detection');
         CREATE TABLE t AS SELECT i % 1009 AS a, i % 17 AS b, i % 1009 > 500 AS bad FROM generate_series(1, 50000) AS i",
    )?;
    let train = |iterations: u32| {
        format!(
            "SELECT * FROM sira_train('m', 'SELECT * FROM t', 'bad', split => '{{\"method\": \"random\"}}',
                 params => '{{\"num_iterations\": {iterations}, \"early_stopping_rounds\": 0}}')"
        )
    };
    let backend = Backend::of(&mut session)?;
    let long = train(5_000);
    let training = std::thread::spawn(move || session.query(&long, &[]).map(|_| ()));
    std::thread::sleep(Duration::from_secs(3));
    assert!(!training.is_finished());
    backend.kill()?;
    assert!(training.join().map_err(|_| "the trainer panicked")?.is_err());
    let mut session = recovered(&database)?;
    let tables = ["sira_training_runs", "sira_model_versions", "sira_model_artifacts"];
    assert_eq!(counts(&mut session, tables)?, [0, 0, 0]);
    session.query(&train(5), &[])?;
    assert_eq!(counts(&mut session, tables)?, [1, 1, 1]);
    Ok(())
}

#[test]
fn a_promotion_that_is_killed_is_whole_or_was_never_there() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0, 2.0])?;
    let before = counts(&mut session, ["sira_model_transitions"])?;
    let first = score(&mut session, "m")?;
    let backend = Backend::of(&mut session)?;
    session.batch_execute("BEGIN; SELECT sira_promote('m/2')")?;
    backend.kill()?;
    let mut session = recovered(&database)?;
    assert_eq!(score(&mut session, "m")?.to_bits(), first.to_bits());
    assert_eq!(counts(&mut session, ["sira_model_transitions"])?, before);
    // Killed at whatever moment: what is in production and what history says agree.
    session.batch_execute("SELECT sira_promote('m/2')")?;
    for wait in [40, 75, 110] {
        let backend = Backend::of(&mut session)?;
        let busy =
            std::thread::spawn(move || while session.execute("SELECT sira_rollback('m')", &[]).is_ok() {});
        std::thread::sleep(Duration::from_millis(wait));
        backend.kill()?;
        busy.join().map_err(|_| "the promoter panicked")?;
        session = recovered(&database)?;
        let row = session.query_one(
            "SELECT count(*), min(version) = sira_live_version('m') FROM sira_model_versions WHERE status = 'production'",
            &[],
        )?;
        assert_eq!((row.get::<_, i64>(0), row.get::<_, bool>(1)), (1, true));
        score(&mut session, "m")?;
    }
    Ok(())
}

#[test]
fn a_damaged_compiled_file_changes_no_score_and_crashes_nobody() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    // Of no other test: its file is written here first.
    create(&mut session, "m", &[1.0625])?;
    let truth = score(&mut session, "m")?.to_bits();
    let file = Folder::of(&mut session)?.need(&mut session, "m")?;
    // An earlier run's file may lie there.
    fs::remove_file(&file)?;
    score(&mut database.session()?, "m")?;
    // Cutting a file while it is mapped would end its readers with SIGBUS: it is closed to writers.
    assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o400);
    let whole = fs::read(&file)?;
    let cut = |length: usize| whole.get(..length).unwrap_or_default().to_vec();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 0x40;
        }
        bytes
    };
    let longer: Vec<u8> = whole.iter().copied().chain([0; 64]).collect();
    let damages = [
        cut(0),
        cut(1),
        cut(31),
        cut(100),
        cut(whole.len() / 2),
        cut(whole.len() - 1),
        flipped(0),
        flipped(9),
        flipped(17),
        flipped(25),
        flipped(40),
        flipped(whole.len() / 2),
        flipped(whole.len() - 1),
        vec![0; whole.len()],
        vec![0xFF; whole.len()],
        b"SIRATREE".to_vec(),
        longer,
    ];
    for (number, damage) in damages.iter().enumerate() {
        // A new inode: the session that has mapped the old one keeps it.
        fs::remove_file(&file)?;
        fs::write(&file, damage)?;
        let mut fresh = database.session()?;
        assert_eq!(score(&mut fresh, "m")?.to_bits(), truth, "damage {number}");
        assert_eq!(
            score(&mut session, "m")?.to_bits(),
            truth,
            "damage {number}, the session that had it mapped"
        );
    }
    // What a crash leaves half-written, a folder in the file's place, no folder at all.
    // Under the very name that the next writer will use, and of another account.
    let mut next = database.session()?;
    let left = file.with_extension("tmp");
    fs::write(&left, b"half")?;
    fs::remove_file(&file)?;
    assert_eq!(score(&mut next, "m")?.to_bits(), truth);
    assert_eq!(fs::read(&file)?, whole);
    assert!(!left.exists());
    fs::remove_file(&file)?;
    fs::create_dir(&file)?;
    assert_eq!(score(&mut database.session()?, "m")?.to_bits(), truth);
    fs::remove_dir(&file)?;
    if let Some(folder) = file.parent() {
        fs::remove_dir_all(folder)?;
    }
    assert_eq!(score(&mut database.session()?, "m")?.to_bits(), truth);
    assert_eq!(fs::read(&file)?, whole, "it was not written anew");
    assert_eq!(score(&mut session, "m")?.to_bits(), truth);
    Ok(())
}

#[test]
fn what_was_counted_stays_counted_when_a_backend_is_killed() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0])?;
    let rows = |session: &mut Client| -> Outcome<i64> {
        Ok(session.query_one("SELECT coalesce(sum(row_count), 0)::int8 FROM sira_counters()", &[])?.get(0))
    };
    score(&mut session, "m")?;
    let before = rows(&mut session)?;
    let backend = Backend::of(&mut session)?;
    // One counts at a time, so that the last answer that came back is known.
    let busy = std::thread::spawn(move || {
        let mut answered = 0;
        while session
            .query("SELECT * FROM sira_predict('m', 'transaction', '1', '{\"amount\": 1}')", &[])
            .is_ok()
        {
            answered += 1;
        }
        answered
    });
    std::thread::sleep(Duration::from_secs(1));
    backend.kill()?;
    let answered: i64 = busy.join().map_err(|_| "the caller panicked")?;
    let mut session = recovered(&database)?;
    // The answer that was on its way when it was killed may have been counted already.
    let counted = rows(&mut session)? - before;
    assert!(answered > 0 && (answered..=answered + 1).contains(&counted), "{counted} of {answered}");
    session.execute("SELECT sira_aggregate_hourly_metrics()", &[])?;
    Ok(())
}
