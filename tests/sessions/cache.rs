//! The cache of compiled models: one whole file or none, whatever happens, and right scores in any case.
//!
//! Part of the test binary that has the cluster to itself: the folder belongs to all databases.

use crate::{alone, recovered};
use postgres::Client;
use sira_outside::cache::{Folder, is_mapped};
use sira_outside::models::{create, create_of, forest, score, score_somewhere};
use sira_outside::process::Backend;
use sira_outside::{Database, Outcome, refused};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// What the workers of a parallel query make of one version, against the same sum without workers.
fn parallel_sums(session: &mut Client) -> Outcome<(f64, f64)> {
    const SUM: &str = "SELECT sum(sira_score('m', jsonb_build_object('f0', i % 1000, 'f1', i % 7))) FROM t";
    session.batch_execute(
        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
         SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off",
    )?;
    let plan = session.query(&format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {SUM}"), &[])?;
    assert!(plan.iter().any(|row| row.get::<_, &str>(0).contains("Workers Launched: 2")));
    let parallel = session.query_one(SUM, &[])?.get(0);
    session.batch_execute("SET max_parallel_workers_per_gather = 0")?;
    Ok((parallel, session.query_one(SUM, &[])?.get(0)))
}

fn near(parallel: f64, serial: f64) -> bool {
    (parallel - serial).abs() <= serial.abs() * 1e-9
}

#[test]
fn sessions_that_meet_a_cold_model_share_one_whole_file() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create_of(&mut session, "m", &[forest(300, 127, 1)])?;
    session.batch_execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 2000) AS i; ANALYZE t")?;
    let truth = score_somewhere(&mut session, "m")?.to_bits();
    let folder = Folder::of(&mut session)?;
    let file = folder.need(&mut session, "m")?;
    let whole = fs::read(&file)?;
    fs::remove_file(&file)?;
    let mut sessions: Vec<Client> = (0..8).map(|_| database.session()).collect::<Result<_, _>>()?;
    let start = Barrier::new(sessions.len());
    let scores: Vec<Outcome<u64>> = thread::scope(|scope| {
        let running: Vec<_> = sessions
            .iter_mut()
            .map(|session| {
                scope.spawn(|| {
                    start.wait();
                    score_somewhere(session, "m").map(f64::to_bits).map_err(|error| error.to_string())
                })
            })
            .collect();
        running.into_iter().map(|one| Ok(one.join().map_err(|_| "a scorer panicked")??)).collect()
    });
    for score in scores {
        assert_eq!(score?, truth);
    }
    assert_eq!(fs::read(&file)?, whole);
    assert_eq!(folder.names_of(&mut session, "m")?.len(), 1, "{:?}", folder.models());
    // One copy: every session maps the very file that stands there now.
    let inode = fs::metadata(&file)?.ino().to_string();
    for session in &mut sessions {
        assert!(is_mapped(session, "m/1")?);
        let maps = fs::read_to_string(format!("/proc/{}/maps", Backend::of(session)?.0))?;
        let ours: Vec<&str> = maps
            .lines()
            .filter(|line| line.contains("pgsql_tmp_sira") && !line.contains("/counters."))
            .collect();
        assert!(!ours.is_empty());
        for line in ours {
            assert_eq!(line.split_whitespace().nth(4), Some(inode.as_str()), "{line}");
        }
    }
    // Workers of a parallel query that find no file.
    fs::remove_file(&file)?;
    let (parallel, serial) = parallel_sums(&mut database.session()?)?;
    assert!(near(parallel, serial), "{parallel} is not {serial}");
    assert_eq!(fs::read(&file)?, whole);
    Ok(())
}

#[test]
fn a_kill_at_any_moment_leaves_a_whole_file_or_none() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create_of(&mut session, "m", &[forest(500, 127, 2)])?;
    session.batch_execute("CHECKPOINT")?;
    let truth = score_somewhere(&mut session, "m")?.to_bits();
    let folder = Folder::of(&mut session)?;
    let (file, temporary) = (folder.need(&mut session, "m")?, folder.temporary(&mut session, "m")?);
    let whole = fs::read(&file)?;
    fs::remove_file(&file)?;
    let began = Instant::now();
    score_somewhere(&mut database.session()?, "m")?;
    let usual = began.elapsed();
    let (mut halves, mut seed) = (0, std::process::id());
    for round in 0..9_u32 {
        fs::remove_file(&file)?;
        let mut victim = database.session()?;
        let backend = Backend::of(&mut victim)?;
        // It comes back, for it may be done before it is killed, and must not be gone then.
        let scoring = thread::spawn(move || {
            let _ = score_somewhere(&mut victim, "m");
            victim
        });
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let share = u64::from(seed >> 16);
        let written = |temporary: &Path| fs::metadata(temporary).ok().map(|meta| meta.len());
        let began = Instant::now();
        let goes_on = || !file.exists() && began.elapsed() < Duration::from_secs(10);
        match round % 3 {
            // Anywhere in the time that the whole of it takes.
            0 => thread::sleep(usual * (seed >> 16) / 0xFFFF),
            // While it is compiled.
            1 => while written(&temporary).is_none() && goes_on() {},
            // While it is written.
            _ => {
                while written(&temporary).is_none_or(|length| length * 0xFFFF <= whole.len() as u64 * share)
                    && goes_on()
                {}
            }
        }
        backend.kill()?;
        drop(scoring.join().map_err(|_| "the scorer panicked")?);
        assert!(!file.exists() || fs::read(&file)? == whole, "round {round}: half a file");
        halves += u32::from(temporary.exists());
        session = recovered(&database)?;
        assert_eq!(score_somewhere(&mut session, "m")?.to_bits(), truth, "round {round}");
        assert_eq!(fs::read(&file)?, whole, "round {round}");
        assert!(!temporary.exists(), "round {round}: what the crash left is still there");
    }
    assert!(halves > 0, "no kill met the work half done");
    Ok(())
}

fn age(path: &Path, by: Duration) -> Outcome {
    Ok(File::options().write(true).open(path)?.set_modified(SystemTime::now() - by)?)
}

#[test]
fn what_nobody_needs_is_collected_and_nothing_else() -> Outcome {
    let _alone = alone();
    let (database, neighbour) = (Database::with_sira()?, Database::with_sira()?);
    let (mut session, mut other) = (database.session()?, neighbour.session()?);
    create(&mut session, "m", &[1.5, 2.5])?;
    create(&mut other, "m", &[1.5, 3.5])?;
    let truth = score(&mut session, "m")?;
    score(&mut session, "m/2")?;
    score(&mut other, "m")?;
    score(&mut other, "m/2")?;
    let folder = Folder::of(&mut session)?;
    let (mine, theirs) = (folder.need(&mut session, "m")?, folder.need(&mut other, "m")?);
    // One artifact in two databases: two names of the same bytes.
    assert_ne!(mine, theirs);
    assert_eq!(fs::metadata(&mine)?.ino(), fs::metadata(&theirs)?.ino());
    let second = folder.need(&mut session, "m/2")?;
    let theirs_alone = folder.need(&mut other, "m/2")?;
    let stem = |letter: &str| folder.0.join(letter.repeat(64));
    let oid = mine.extension().and_then(|oid| oid.to_str()).unwrap_or_default().to_owned();
    let format =
        mine.file_stem().and_then(|stem| Path::new(stem).extension()).ok_or("no format in the name")?;
    let format = format.to_string_lossy().into_owned();
    let gone = stem("a").with_extension(format!("{format}.4000000000"));
    let older = stem("b").with_extension(format!("v1.{oid}"));
    let unknown = stem("c").with_extension(format!("{format}.{oid}"));
    let (left, young, held) = (
        stem("d").with_extension(format!("{format}.tmp")),
        stem("e").with_extension(format!("{format}.tmp")),
        stem("f").with_extension(format!("{format}.tmp")),
    );
    let strange = folder.0.join("README");
    for path in [&gone, &older, &unknown, &left, &young, &held, &strange] {
        fs::write(path, b"half of a model")?;
        // The server's account, as that of everything in the data directory.
        let owner = fs::metadata(&folder.0)?;
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    age(&left, Duration::from_secs(600))?;
    age(&held, Duration::from_secs(600))?;
    let writer = File::open(&held)?;
    writer.lock()?;
    other.batch_execute("DELETE FROM sira_model_versions WHERE version = 2")?;
    session.batch_execute("DELETE FROM sira_model_versions WHERE version = 2")?;
    let mut collected: Vec<(String, String)> = session
        .query("SELECT reason, file FROM sira_collect_cache()", &[])?
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    collected.retain(|(_, file)| file.starts_with(['a', 'b', 'c', 'd']) || second.ends_with(file));
    collected.sort();
    let name =
        |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut wanted = vec![
        ("its database is gone".to_owned(), name(&gone)),
        ("left by a crash".to_owned(), name(&left)),
        ("no version uses it".to_owned(), name(&second)),
        ("no version uses it".to_owned(), name(&unknown)),
        ("of an older format".to_owned(), name(&older)),
    ];
    wanted.sort();
    assert!(wanted.iter().all(|wanted| collected.contains(wanted)), "{collected:?} lacks some of {wanted:?}");
    for path in [&gone, &older, &unknown, &left, &second] {
        assert!(!path.exists(), "{}", path.display());
    }
    // Another database judges its own, a writer keeps what it writes, and what is not ours stays.
    for path in [&mine, &theirs, &theirs_alone, &young, &held, &strange] {
        assert!(path.exists(), "{}", path.display());
    }
    assert_eq!(score(&mut session, "m")?.to_bits(), truth.to_bits());
    let collected = other.query("SELECT file FROM sira_collect_cache()", &[])?;
    assert!(collected.iter().any(|row| theirs_alone.ends_with(row.get::<_, &str>(0))));
    // A dropped database leaves its names to the others; the bytes stay for those who use them.
    drop(other);
    drop(neighbour);
    session.query("SELECT * FROM sira_collect_cache()", &[])?;
    assert!(!theirs.exists());
    assert_eq!(fs::metadata(&mine)?.nlink(), 1);
    // The extension comes and goes; a session scores on, and the file goes when no version needs it.
    session.batch_execute("DROP EXTENSION sira CASCADE; CREATE EXTENSION sira")?;
    create(&mut session, "m", &[1.5])?;
    assert_eq!(score(&mut session, "m")?.to_bits(), truth.to_bits());
    assert_eq!(score(&mut database.session()?, "m")?.to_bits(), truth.to_bits());
    assert!(mine.exists());
    session.batch_execute("DROP EXTENSION sira CASCADE; CREATE EXTENSION sira")?;
    session.query("SELECT * FROM sira_collect_cache()", &[])?;
    assert!(!mine.exists());
    drop(writer);
    for path in [&young, &held, &strange] {
        fs::remove_file(path)?;
    }
    Ok(())
}

#[test]
fn folder_and_session_keep_to_their_budget() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    // Some 1.3 MB each, compiled.
    let texts: Vec<String> = (10..14).map(|seed| forest(130, 127, seed)).collect();
    create_of(&mut session, "m", &texts)?;
    session.batch_execute("SET sira.cache_size = '3MB'")?;
    let versions = ["m/1", "m/2", "m/3", "m/4"];
    let mut truth = Vec::new();
    for version in versions {
        truth.push(score_somewhere(&mut session, version)?.to_bits());
        // Times of files tell them apart.
        thread::sleep(Duration::from_millis(20));
    }
    let folder = Folder::of(&mut session)?;
    let taken: u64 = folder
        .models()
        .iter()
        .filter_map(|name| fs::metadata(folder.0.join(name)).ok())
        .map(|meta| meta.len())
        .sum();
    assert!(taken <= 3 << 20, "{taken}");
    let there: Vec<bool> = versions
        .iter()
        .map(|version| Ok(folder.file(&mut session, version)?.is_some()))
        .collect::<Outcome<_>>()?;
    assert_eq!(there, [false, false, true, true]);
    let row = session.query_one(
        "SELECT sum(bytes)::bigint, bool_and(on_disk), array_agg(versions::text ORDER BY last_used) FROM sira_model_cache WHERE mapped",
        &[],
    )?;
    assert!(row.get::<_, i64>(0) <= 3 << 20);
    assert!(row.get::<_, bool>(1));
    assert_eq!(row.get::<_, Vec<String>>(2), ["{m/3}", "{m/4}"]);
    for (version, truth) in versions.iter().zip(truth) {
        assert_eq!(score_somewhere(&mut session, version)?.to_bits(), truth);
    }
    // One that is larger than all the room there is stays, and the doctor says so.
    session.batch_execute("SET sira.cache_size = '1MB'")?;
    score_somewhere(&mut session, "m/1")?;
    let row = session.query_one(
        "SELECT status, detail, remedy FROM sira_doctor() WHERE check_name = 'model cache'",
        &[],
    )?;
    assert_eq!(row.get::<_, &str>(0), "look");
    assert!(row.get::<_, &str>(1).contains("sira.cache_size is 1 MB"), "{row:?}");
    assert!(row.get::<_, &str>(2).starts_with("ALTER SYSTEM SET sira.cache_size"), "{row:?}");
    assert!(is_mapped(&mut session, "m/1")?);
    Ok(())
}

/// Puts the folder back as it was, however a test ends.
struct Repair<'a>(&'a Path);

impl Drop for Repair<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).stderr(std::process::Stdio::null()).status();
        let _ = fs::set_permissions(self.0, fs::Permissions::from_mode(0o700));
        if self.0.is_file() {
            let _ = fs::remove_file(self.0);
        }
    }
}

/// A session of its own finds the folder unusable: it scores from its own memory, and the doctor says why.
fn without_a_folder(database: &Database, truth: u64, said: &str, remedy: &str) -> Outcome {
    let mut session = database.session()?;
    assert_eq!(score_somewhere(&mut session, "m")?.to_bits(), truth, "{said}");
    assert!(!is_mapped(&mut session, "m/1")?, "{said}");
    let (parallel, serial) = parallel_sums(&mut database.session()?)?;
    assert!(near(parallel, serial), "{said}: {parallel} is not {serial}");
    let row = session.query_one(
        "SELECT status, detail, remedy FROM sira_doctor() WHERE check_name = 'model cache'",
        &[],
    )?;
    assert_eq!(row.get::<_, &str>(0), "look", "{said}");
    assert!(row.get::<_, &str>(1).contains(said), "{row:?}");
    assert!(row.get::<_, &str>(2).contains(remedy), "{row:?}");
    Ok(())
}

#[test]
fn a_folder_that_cannot_be_written_costs_memory_and_no_score() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create_of(&mut session, "m", &[forest(60, 127, 20)])?;
    session.batch_execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 500) AS i; ANALYZE t")?;
    let truth = score_somewhere(&mut session, "m")?.to_bits();
    let folder = Folder::of(&mut session)?;
    let file = folder.need(&mut session, "m")?;
    fs::remove_file(&file)?;
    let _repair = Repair(&folder.0);

    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o500))?;
    without_a_folder(&database, truth, "ermission denied", "mode 0700")?;
    // Who had to make a copy tries again when it has been of use for a while.
    let mut patient = database.session()?;
    score_somewhere(&mut patient, "m")?;
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700))?;
    assert!(!file.exists());
    for _ in 0..1100 {
        patient.simple_query(&format!("SELECT sira_score('m', {})", sira_outside::models::SOMEWHERE))?;
    }
    assert!(is_mapped(&mut patient, "m/1")?);
    assert!(file.exists());
    let row = session.query_one("SELECT status FROM sira_doctor() WHERE check_name = 'model cache'", &[])?;
    assert_eq!(row.get::<_, &str>(0), "ok");

    let aside = folder.0.with_extension("aside");
    fs::rename(&folder.0, &aside)?;
    fs::write(&folder.0, b"")?;
    let told = without_a_folder(&database, truth, "File exists", "remove the file");
    fs::remove_file(&folder.0)?;
    fs::rename(&aside, &folder.0)?;
    told?;

    // A disk without room for the model; only root can make one.
    fs::remove_file(&file)?;
    let owner = fs::metadata(&folder.0)?;
    let options = format!("size=256k,mode=700,uid={},gid={}", owner.uid(), owner.gid());
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
        .arg(&folder.0)
        .stderr(std::process::Stdio::null())
        .status()?;
    if mounted.success() {
        let told = without_a_folder(&database, truth, "No space left", "free disk space");
        let names = folder.models();
        assert!(Command::new("umount").arg(&folder.0).status()?.success());
        told?;
        assert!(names.is_empty(), "{names:?}");
    } else {
        println!("a full disk was not tried: this account may not mount one");
    }
    let mut fresh = database.session()?;
    assert_eq!(score_somewhere(&mut fresh, "m")?.to_bits(), truth);
    assert!(is_mapped(&mut fresh, "m/1")?);
    Ok(())
}

#[test]
fn compiling_a_huge_model_stops_within_a_second() -> Outcome {
    let _alone = alone();
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    // Compressing it would take the server longer than all the rest.
    session.batch_execute("ALTER TABLE sira_model_artifacts ALTER content SET STORAGE EXTERNAL")?;
    let text = forest(3200, 255, 30);
    assert!(text.len() >= 50_000_000, "{}", text.len());
    create_of(&mut session, "m", &[text])?;
    let folder = Folder::of(&mut session)?;
    let truth = score_somewhere(&mut session, "m")?.to_bits();
    let (file, temporary) = (folder.need(&mut session, "m")?, folder.temporary(&mut session, "m")?);
    let whole = fs::read(&file)?;
    // The import left a compiled file: what a compilation takes is known once that file is gone.
    fs::remove_file(&file)?;
    let began = Instant::now();
    score_somewhere(&mut database.session()?, "m")?;
    let usual = began.elapsed();
    fs::remove_file(&file)?;
    let mut stopped = 0;
    for eighth in [1, 3, 5, 7] {
        let mut victim = database.session()?;
        let (token, backend) = (victim.cancel_token(), Backend::of(&mut victim)?);
        let scoring = thread::spawn(move || {
            let answer =
                victim.query(&format!("SELECT sira_score('m', {})", sira_outside::models::SOMEWHERE), &[]);
            (answer.map(|_| ()), Instant::now())
        });
        backend.wait_for(&mut session, "sira_score")?;
        thread::sleep(usual * eighth / 8);
        let asked = Instant::now();
        token.cancel_query(postgres::NoTls)?;
        let (answer, ended) = scoring.join().map_err(|_| "the scorer panicked")?;
        let took = ended.saturating_duration_since(asked);
        assert!(
            took < Duration::from_secs(1),
            "asked after {eighth}/8 of {usual:?}, it went on for {took:?}"
        );
        if answer.is_err() {
            refused(answer, "57014")?;
        }
        assert!(!temporary.exists(), "{:?}", folder.models());
        // Asked at the very end, it may have had the file written and not yet answered.
        if file.exists() {
            assert!(fs::read(&file)? == whole, "half a file");
            fs::remove_file(&file)?;
        } else {
            stopped += 1;
        }
    }
    assert!(stopped >= 2, "{stopped}");
    // statement_timeout, also of a session that waits for another one's compilation.
    let mut sessions = [database.session()?, database.session()?];
    let answers: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = sessions
            .iter_mut()
            .map(|session| {
                scope.spawn(|| {
                    session
                        .batch_execute("SET statement_timeout = '300ms'")
                        .map_err(|error| error.to_string())?;
                    let began = Instant::now();
                    let answer = score_somewhere(session, "m").map_err(|error| error.to_string());
                    Ok::<_, String>((answer, began.elapsed()))
                })
            })
            .collect();
        running.into_iter().map(|one| one.join()).collect()
    });
    for answer in answers {
        let (answer, took) = answer.map_err(|_| "a scorer panicked")??;
        assert!(answer.is_err() && took < Duration::from_millis(1300), "{took:?}: {answer:?}");
    }
    session = database.session()?;
    assert_eq!(score_somewhere(&mut session, "m")?.to_bits(), truth);
    Ok(())
}
