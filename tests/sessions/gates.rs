//! Walls around production, and several who push at them at once. Whatever happens, afterwards one version is in
//! production, the history is whole, and nothing else has changed.

use postgres::Client;
use sira_outside::models::{LEFT, left_score, stump};
use sira_outside::{Database, Outcome, refused};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What gates ask for where nothing else is said, which the test cluster has switched off.
const GATES: &str = "SET sira.min_auc = 0.9; SET sira.min_precision = 0.8; SET sira.min_recall = 0.75;
                     SET sira.min_improvement = -1";

/// Good enough for all of them.
const GOOD: &str = r#"{"auc": 0.95, "precision": 0.9, "recall": 0.8}"#;

/// Steps that do not begin where the one before ended, versions that are not where their last step led, and models
/// whose versions in production are not one.
const BROKEN: &str = "
    SELECT count(*) FROM (
        SELECT from_status, lag(to_status, 1, 'candidate') OVER (PARTITION BY version_id ORDER BY id) AS before
        FROM sira_model_transitions) s WHERE from_status <> before
    UNION ALL
    SELECT count(*) FROM sira_model_versions v WHERE v.status <> coalesce(
        (SELECT t.to_status FROM sira_model_transitions t WHERE t.version_id = v.id ORDER BY t.id DESC LIMIT 1), 'candidate')
    UNION ALL
    SELECT abs(1 - count(*)) FROM sira_model_versions WHERE status = 'production'";

/// Everything about versions and artifacts that no step may change.
const REST: &str = "
    SELECT md5(string_agg(v::text, ';')) || (SELECT md5(string_agg(a::text, ';')) FROM (
        SELECT tenant_id, digest, format, size, content, created_at FROM sira_model_artifacts ORDER BY digest) a)
    FROM (SELECT id, tenant_id, model_id, version, version_label, artifact_digest, artifact_s3_key, format, signature,
                 parameters, training_run_id, tags, created_at, created_by, metrics
          FROM sira_model_versions ORDER BY id) v";

struct World {
    database: Database,
    owner: Client,
    rest: String,
}

impl World {
    /// Model "m" with three good versions, the first in production; production takes signatures of `finance_ops`.
    fn new(signatures: i32) -> Outcome<Self> {
        let database = Database::with_sira()?;
        let mut owner = database.session()?;
        owner.batch_execute("SELECT sira_create_model('m', 'fraud_detection')")?;
        for strength in [1.0, 2.0, 3.0] {
            let import = format!("SELECT sira_import_version('m', $1::text, metrics => '{GOOD}')");
            owner.execute(&import, &[&stump(strength)])?;
        }
        // For production an importer's word is not enough.
        owner.batch_execute(&format!(
            "INSERT INTO sira_evaluations (model_id, model_version_id, version, purpose, rows, data_digest, metrics)
             SELECT model_id, id, version, 'holdout', 100, sha256('rows'), '{GOOD}' FROM sira_model_versions"
        ))?;
        owner.batch_execute("SELECT sira_promote('m/1')")?;
        if signatures > 0 {
            owner.batch_execute(&format!(
                "INSERT INTO sira_approval_policies (model_id, stage, required_signatures, required_role)
                 SELECT id, 'production', {signatures}, 'finance_ops' FROM sira_models"
            ))?;
        }
        let rest = owner.query_one(REST, &[])?.get(0);
        Ok(Self { database, owner, rest })
    }

    /// A session logged in as a new role with these roles.
    fn login(&mut self, name: &str, roles: &str) -> Outcome<Client> {
        let role = format!("{}_{name}", self.database.name());
        self.owner.batch_execute(&format!("CREATE ROLE {role} LOGIN; GRANT {roles} TO {role}"))?;
        Ok(self.database.login(&role)?)
    }

    /// What was changed on purpose is what has to stay from now on.
    fn changed(&mut self) -> Outcome {
        self.rest = self.owner.query_one(REST, &[])?.get(0);
        Ok(())
    }

    /// Holds that everything is as it should be, with this version in production.
    fn settled(&mut self, live: i32) -> Outcome {
        for (row, what) in self.owner.query(BROKEN, &[])?.iter().zip(["steps", "states", "in production"]) {
            assert_eq!(row.get::<_, i64>(0), 0, "{what}");
        }
        let rest: String = self.owner.query_one(REST, &[])?.get(0);
        assert_eq!(rest, self.rest, "something else has changed");
        let now =
            "SELECT version, sira_live_version('m') FROM sira_model_versions WHERE status = 'production'";
        let row = self.owner.query_one(now, &[])?;
        assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1)), (live, live));
        Ok(())
    }

    fn status(&mut self, version: i32) -> Outcome<String> {
        let query = "SELECT status FROM sira_model_versions WHERE version = $1";
        Ok(self.owner.query_one(query, &[&version])?.get(0))
    }
}

/// Given and needed.
fn approve(session: &mut Client, version: i32) -> Result<(i32, i32), postgres::Error> {
    let query = "SELECT given, needed FROM sira_approve($1, 'production')";
    let row = session.query_one(query, &[&format!("m/{version}")])?;
    Ok((row.get(0), row.get(1)))
}

fn promote(session: &mut Client, version: i32) -> Result<u64, postgres::Error> {
    session.execute("SELECT * FROM sira_promote($1)", &[&format!("m/{version}")])
}

#[test]
fn two_approvals_at_once_are_two_and_of_one_person_one() -> Outcome {
    let mut world = World::new(2)?;
    let signers = [world.login("a", "finance_ops")?, world.login("b", "finance_ops")?];
    let role = format!("{}_a", world.database.name());
    let twice = [world.database.login(&role)?, world.database.login(&role)?];
    for (sessions, version, counted) in [(signers, 2, 2), (twice, 3, 1)] {
        let start = Barrier::new(sessions.len());
        thread::scope(|scope| -> Outcome {
            let signing: Vec<_> = sessions
                .into_iter()
                .map(|mut session| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        approve(&mut session, version)
                    })
                })
                .collect();
            for one in signing {
                one.join().map_err(|_| "a signer panicked")??;
            }
            Ok(())
        })?;
        let row = world.owner.query_one(
            "SELECT s.given FROM sira_model_versions v, sira_signatures(v.tenant_id, v.id, v.model_id, v.created_by,
                 sira_version_digest(v.tenant_id, v.model_id, v.artifact_digest, v.metrics), 'production') s
             WHERE v.version = $1",
            &[&version],
        )?;
        assert_eq!(row.get::<_, i32>(0), counted, "version {version}");
    }
    let mut promoter = world.login("c", "finance_ops")?;
    refused(promote(&mut promoter, 3), "55000")?;
    world.settled(1)?;
    promote(&mut promoter, 2)?;
    world.settled(2)
}

#[test]
fn what_changes_while_it_is_signed_or_promoted_is_not_what_was_signed() -> Outcome {
    let mut world = World::new(1)?;
    let mut signer = world.login("signer", "finance_ops")?;
    let better = r#"UPDATE sira_model_versions SET metrics = metrics || '{"auc": 0.99}' WHERE version = 2"#;
    // The signature is under what was there when it was given.
    let mut changer = world.database.session()?;
    let mut change = changer.transaction()?;
    change.execute(better, &[])?;
    assert_eq!(approve(&mut signer, 2)?, (1, 1));
    change.commit()?;
    world.changed()?;
    refused(promote(&mut signer, 2), "55000")?;
    world.settled(1)?;
    // A promotion that meets a change waits for it, and sees what it has become.
    assert_eq!(approve(&mut signer, 2)?, (1, 1));
    let mut change = changer.transaction()?;
    change.execute(
        r#"UPDATE sira_model_versions SET metrics = metrics || '{"auc": 1}' WHERE version = 2"#,
        &[],
    )?;
    let waiting = thread::spawn(move || {
        let outcome = refused(promote(&mut signer, 2), "55000").map_err(|error| error.to_string());
        (outcome, signer)
    });
    thread::sleep(Duration::from_millis(300));
    assert!(!waiting.is_finished(), "the promotion did not wait for the change");
    change.commit()?;
    let (outcome, mut signer) = waiting.join().map_err(|_| "the promoting session panicked")?;
    outcome?;
    world.changed()?;
    world.settled(1)?;
    // The decision policy is part of what is signed.
    assert_eq!(approve(&mut signer, 2)?, (1, 1));
    let policy = r#"SELECT sira_set_policy('m', '[{"class": "ANY", "decision": "review"}]')"#;
    world.owner.execute(policy, &[])?;
    refused(promote(&mut signer, 2), "55000")?;
    world.settled(1)?;
    assert_eq!(approve(&mut signer, 2)?, (1, 1));
    promote(&mut signer, 2)?;
    world.settled(2)
}

#[test]
fn an_artifact_cannot_change_under_a_signature() -> Outcome {
    let mut world = World::new(1)?;
    let other =
        "UPDATE sira_model_versions SET artifact_digest = (SELECT artifact_digest FROM sira_model_versions
                 WHERE version = 3) WHERE version = 2";
    refused(world.owner.execute(other, &[]), "55000")?;
    let content = "UPDATE sira_model_artifacts SET content = content || '\\x00'";
    refused(world.owner.execute(content, &[]), "23514")?;
    world.settled(1)
}

/// Predictions in one session each while promotions go back and forth: none fails, and no call mixes two versions.
#[test]
fn predictions_under_load_neither_fail_nor_mix_versions() -> Outcome {
    let mut world = World::new(0)?;
    let calm = AtomicBool::new(false);
    let batch = format!(
        "SELECT version, score FROM sira_predict_batch('m', 'user', ARRAY['a', 'b', 'c', 'd', 'e'],
             ARRAY[{LEFT}, {LEFT}, {LEFT}, {LEFT}, {LEFT}])"
    );
    thread::scope(|scope| -> Outcome {
        let mut predictors = Vec::new();
        for _ in 0..2 {
            let mut session = world.database.session()?;
            let (calm, batch) = (&calm, &batch);
            predictors.push(scope.spawn(move || -> Result<[u64; 2], String> {
                let mut seen = [0, 0];
                while !calm.load(Ordering::Relaxed) {
                    let rows = session.query(batch, &[]).map_err(|error| format!("{error:?}"))?;
                    let answers: Vec<(i32, f64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
                    let Some(&(version, score)) = answers.first() else { return Err("no rows".into()) };
                    if answers.len() != 5 || answers.iter().any(|answer| *answer != (version, score)) {
                        return Err(format!("one call mixed versions: {answers:?}"));
                    }
                    if (score - left_score(f64::from(version))).abs() > 1e-15 {
                        return Err(format!("{score} is not the score of version {version}"));
                    }
                    match seen.get_mut(version as usize - 1) {
                        Some(count) => *count += 1,
                        None => return Err(format!("version {version} was never live")),
                    }
                }
                Ok(seen)
            }));
        }
        let mut promoter = world.database.session()?;
        let started = Instant::now();
        let mut moved = promoter.execute("SELECT sira_promote('m/2')", &[]);
        while started.elapsed() < Duration::from_secs(2) && moved.is_ok() {
            moved = promoter.execute("SELECT sira_rollback('m')", &[]);
        }
        calm.store(true, Ordering::Relaxed);
        let mut seen = [0, 0];
        for predictor in predictors {
            let counts = predictor.join().map_err(|_| "a predictor panicked")??;
            seen.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        moved?;
        println!("{} and {} calls with either version", seen[0], seen[1]);
        assert!(seen[0] > 10 && seen[1] > 10, "{seen:?}");
        Ok(())
    })?;
    let live: i32 = world.owner.query_one("SELECT sira_live_version('m')", &[])?.get(0);
    world.settled(live)
}

#[test]
fn an_update_around_the_functions_meets_the_same_walls() -> Outcome {
    let mut world = World::new(1)?;
    let mut admin = world.login("admin", "sira_admin")?;
    let mut finance = world.login("finance", "finance_ops")?;
    admin.batch_execute(
        "SELECT sira_transition('m/2', 'validated'); SELECT sira_transition('m/2', 'staging')",
    )?;
    let production = "UPDATE sira_model_versions SET status = 'production' WHERE version = 2";
    for session in [&mut admin, &mut finance, &mut world.owner] {
        refused(session.execute(production, &[]), "55000")?;
        refused(session.execute(&production.replace("= 2", "= 3"), &[]), "55000")?;
        refused(
            session.execute("UPDATE sira_model_versions SET status = 'candidate' WHERE version = 1", &[]),
            "55000",
        )?;
    }
    // What the walls look at is not theirs to write, nor is a version that enters with a state.
    for statement in [
        "UPDATE sira_model_versions SET metrics = '{\"auc\": 1}' WHERE version = 2",
        "UPDATE sira_model_versions SET status_gates = '[]' WHERE version = 2",
        "INSERT INTO sira_model_versions (model_id, artifact_s3_key, status) SELECT id, 'x', 'production' FROM sira_models",
        "DELETE FROM sira_approval_policies",
        "INSERT INTO sira_approvals (model_version_id, stage, decision, signer) \
         SELECT id, 'production', 'approve', 'somebody' FROM sira_model_versions WHERE version = 2",
        "INSERT INTO sira_model_transitions DEFAULT VALUES",
        "SET session_replication_role = replica",
        "ALTER TABLE sira_model_versions DISABLE TRIGGER ALL",
    ] {
        refused(admin.batch_execute(statement), "42501")?;
    }
    world.settled(1)?;
    assert_eq!(world.status(2)?, "staging");
    // Signed, the plain UPDATE is as good as the function.
    approve(&mut finance, 2)?;
    finance.execute(production, &[])?;
    world.settled(2)
}

#[test]
fn who_has_no_right_moves_and_signs_nothing() -> Outcome {
    let mut world = World::new(1)?;
    for (name, roles) in [("reader", "sira_user"), ("serving", "sira_inference"), ("auditor", "sira_auditor")]
    {
        let mut session = world.login(name, roles)?;
        refused(promote(&mut session, 2), "42501")?;
        refused(approve(&mut session, 2), "42501")?;
        let update = "UPDATE sira_model_versions SET status = 'validated' WHERE version = 2";
        refused(session.execute(update, &[]), "42501")?;
        refused(session.execute("SELECT sira_rollback('m')", &[]), "42501")?;
    }
    world.settled(1)
}

#[test]
fn nobody_approves_what_they_registered() -> Outcome {
    let mut world = World::new(1)?;
    let mut author = world.login("author", "sira_admin, finance_ops")?;
    let import = format!("SELECT sira_import_version('m', $1::text, metrics => '{GOOD}')");
    author.execute(&import, &[&stump(4.0)])?;
    world.changed()?;
    let by_hand = "INSERT INTO sira_approvals (model_version_id, stage, decision)
                   SELECT id, 'production', 'approve' FROM sira_model_versions WHERE version = 4";
    for role in ["RESET ROLE", "SET ROLE finance_ops", "SET ROLE sira_admin"] {
        // Whom the session acts as does not matter: who logged in does.
        author.batch_execute(role)?;
        refused(approve(&mut author, 4), "42501")?;
        refused(author.execute(by_hand, &[]), "42501")?;
    }
    author.batch_execute("RESET ROLE")?;
    refused(promote(&mut author, 4), "55000")?;
    world.settled(1)?;
    let mut other = world.login("other", "finance_ops")?;
    approve(&mut other, 4)?;
    promote(&mut author, 4)?;
    world.settled(4)
}

#[test]
fn a_signature_expires() -> Outcome {
    let mut world = World::new(0)?;
    world.owner.batch_execute(
        "INSERT INTO sira_approval_policies (model_id, stage, required_role, valid_for)
         SELECT id, 'production', 'finance_ops', interval '1 hour' FROM sira_models",
    )?;
    let mut signer = world.login("signer", "finance_ops")?;
    assert_eq!(approve(&mut signer, 2)?, (1, 1));
    // An hour later. Whose signatures they are does not change.
    world.owner.batch_execute(
        "ALTER TABLE sira_approvals DISABLE TRIGGER sira_append_only;
         UPDATE sira_approvals SET at = at - interval '1 hour';
         ALTER TABLE sira_approvals ENABLE TRIGGER sira_append_only",
    )?;
    refused(promote(&mut signer, 2), "55000")?;
    let waiting = "SELECT given, needed, is_next FROM sira_pending_approvals WHERE version = 2";
    let row = signer.query_one(waiting, &[])?;
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1), row.get::<_, bool>(2)), (0, 1, false));
    world.settled(1)?;
    signer.batch_execute("BEGIN")?;
    approve(&mut signer, 2)?;
    promote(&mut signer, 2)?;
    signer.batch_execute("COMMIT")?;
    world.settled(2)
}

#[test]
fn one_update_does_not_promote_two() -> Outcome {
    let mut world = World::new(0)?;
    for version in [2, 3] {
        world.owner.batch_execute(&format!(
            "SELECT sira_transition('m/{version}', 'validated'); SELECT sira_transition('m/{version}', 'staging')"
        ))?;
    }
    let both = "UPDATE sira_model_versions SET status = 'production' WHERE version IN (2, 3)";
    refused(world.owner.execute(both, &[]), "21000")?;
    world.settled(1)?;
    assert_eq!((world.status(2)?, world.status(3)?), ("staging".to_owned(), "staging".to_owned()));
    Ok(())
}

#[test]
fn a_gate_that_is_raised_meanwhile_holds() -> Outcome {
    let mut world = World::new(0)?;
    let mut raiser = world.login("raiser", "sira_admin")?;
    let mut promoter = world.login("promoter", "finance_ops")?;
    let mut raise = raiser.transaction()?;
    raise.execute(
        r#"SELECT sira_set_gates('m', '[{"stage": "staging", "metric": "auc", "minimum": 0.99}]')"#,
        &[],
    )?;
    let waiting =
        thread::spawn(move || refused(promote(&mut promoter, 2), "55000").map_err(|e| e.to_string()));
    thread::sleep(Duration::from_millis(300));
    assert!(!waiting.is_finished(), "the promotion did not wait for the gate");
    raise.commit()?;
    waiting.join().map_err(|_| "the promoting session panicked")??;
    world.settled(1)?;
    // Who raised it does not lower it.
    let lower = r#"SELECT sira_set_gates('m', '[{"stage": "staging", "metric": "auc", "enabled": false}]')"#;
    refused(raiser.execute(lower, &[]), "42501")?;
    world.owner.execute(lower, &[])?;
    promote(&mut raiser, 2)?;
    world.settled(2)
}

#[test]
fn only_a_superuser_passes_by_and_everybody_can_read_it() -> Outcome {
    let mut world = World::new(1)?;
    let mut admin = world.login("admin", "sira_admin")?;
    let bypassed = "SELECT count(*), coalesce(max(bypassed::text), '') FROM sira_model_transitions WHERE bypassed IS NOT NULL";
    // Before the library is there nobody knows the setting, and when it comes the wish is dropped.
    admin.batch_execute("SET sira.bypass_gates = on; SET sira.min_auc = 0")?;
    refused(promote(&mut admin, 2), "55000")?;
    let off = "SELECT current_setting('sira.bypass_gates')";
    assert_eq!(admin.query_one(off, &[])?.get::<_, String>(0), "off");
    refused(admin.batch_execute("SET sira.bypass_gates = on"), "42501")?;
    // Lent, the setting may be set, and counts for nothing.
    let lent = format!("GRANT SET ON PARAMETER sira.bypass_gates TO {}_admin", world.database.name());
    let version: i32 =
        world.owner.query_one("SELECT current_setting('server_version_num')::int", &[])?.get(0);
    if version >= 150_000 {
        world.owner.batch_execute(&lent)?;
        admin.batch_execute("SET sira.bypass_gates = on")?;
        refused(promote(&mut admin, 2), "55000")?;
        world.owner.batch_execute(&lent.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))?;
    }
    world.owner.batch_execute(GATES)?;
    refused(promote(&mut world.owner, 2), "55000")?;
    world.settled(1)?;
    assert_eq!(world.owner.query_one(bypassed, &[])?.get::<_, i64>(0), 0);
    world.owner.batch_execute("SET sira.bypass_gates = on; SET sira.min_auc = 0.99")?;
    promote(&mut world.owner, 2)?;
    world.settled(2)?;
    let row = admin.query_one(bypassed, &[])?;
    // The AUC at production and the signature.
    assert_eq!(row.get::<_, i64>(0), 1);
    let what: String = row.get(1);
    assert!(what.contains("signatures") && what.contains("auc"), "{what}");
    Ok(())
}

/// A transaction that promotes may have begun long before: until it promotes, the version before it answers.
#[test]
fn what_was_live_is_told_of_the_step_and_not_of_its_transaction() -> Outcome {
    let mut world = World::new(0)?;
    let mut promoter = world.database.session()?;
    let mut other = world.database.session()?;
    promoter.batch_execute("BEGIN; SELECT 1")?;
    let predict = format!(
        "SELECT version, sira_uuid_v7_time(prediction_id)::text FROM sira_predict('m', 'user', 'a', {LEFT})"
    );
    let row = other.query_one(&predict, &[])?;
    let (version, before): (i32, String) = (row.get(0), row.get(1));
    assert_eq!(version, 1);
    promote(&mut promoter, 2)?;
    let now =
        "SELECT sira_live_version('m'), sira_live_version('m', now()), sira_alias_version('m@champion')";
    for (session, live) in [(&mut promoter, 2), (&mut other, 1)] {
        let row = session.query_one(now, &[])?;
        assert_eq!((0..3).map(|column| row.get::<_, i32>(column)).collect::<Vec<_>>(), [live; 3]);
    }
    promoter.batch_execute("COMMIT")?;
    let row = other.query_one(&predict, &[])?;
    let (version, after): (i32, String) = (row.get(0), row.get(1));
    assert_eq!(version, 2);
    let then =
        "SELECT sira_live_version('m', $1::text::timestamptz), sira_live_version('m', $2::text::timestamptz)";
    let row = other.query_one(then, &[&before, &after])?;
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1)), (1, 2));
    world.settled(2)
}

/// An objection waits for the promotion that is under way, and then says that it comes too late.
#[test]
fn an_objection_that_comes_too_late_says_so() -> Outcome {
    let mut world = World::new(0)?;
    let mut promoter = world.login("promoter", "finance_ops")?;
    let mut other = world.login("other", "finance_ops")?;
    promoter.batch_execute("BEGIN")?;
    promote(&mut promoter, 2)?;
    let waiting = thread::spawn(move || {
        refused(other.execute("SELECT sira_reject('m/2', 'production', 'wait')", &[]), "55000")
            .map_err(|error| error.to_string())
    });
    thread::sleep(Duration::from_millis(300));
    assert!(!waiting.is_finished(), "the objection did not wait for the promotion");
    promoter.batch_execute("COMMIT")?;
    waiting.join().map_err(|_| "the objecting session panicked")??;
    world.settled(2)
}

#[test]
fn an_alias_remembers_what_it_named() -> Outcome {
    let mut world = World::new(0)?;
    let mut admin = world.login("admin", "sira_admin")?;
    let mut moments = Vec::new();
    for change in [
        "SELECT sira_set_alias('m/2', 'challenger')",
        "SELECT sira_set_alias('m/3', 'challenger')",
        "UPDATE sira_model_aliases SET version_id = (SELECT id FROM sira_model_versions WHERE version = 1)",
        "SELECT sira_drop_alias('m', 'challenger')",
        "INSERT INTO sira_model_aliases (model_id, alias, version_id) \
         SELECT model_id, 'challenger', id FROM sira_model_versions WHERE version = 2",
        "DELETE FROM sira_model_aliases",
    ] {
        admin.batch_execute(change)?;
        moments.push(admin.query_one("SELECT clock_timestamp()::text", &[])?.get::<_, String>(0));
    }
    let mut named = Vec::new();
    for moment in &moments {
        let at = "SELECT sira_alias_version('m@challenger', $1::text::timestamptz)";
        named.push(admin.query_one(at, &[moment])?.get::<_, Option<i32>>(0));
    }
    assert_eq!(named, [Some(2), Some(3), Some(1), None, Some(2), None]);
    let before = "SELECT sira_alias_version('m@challenger', 'epoch'), sira_alias_version('m@champion'),
                         sira_alias_version('m@latest'), sira_alias_version('m@latest', 'epoch')";
    let row = admin.query_one(before, &[])?;
    let found: Vec<Option<i32>> = (0..4).map(|column| row.get(column)).collect();
    assert_eq!(found, [None, Some(1), Some(3), None]);
    let actor = "SELECT count(*) FROM sira_model_alias_history WHERE actor = session_user";
    assert_eq!(admin.query_one(actor, &[])?.get::<_, i64>(0), 6);
    // Nobody sets back when it was set, nor what it is called, nor all at once.
    refused(admin.execute("UPDATE sira_model_aliases SET set_at = 'epoch'", &[]), "42501")?;
    refused(admin.execute("DELETE FROM sira_model_alias_history", &[]), "42501")?;
    refused(world.owner.execute("DELETE FROM sira_model_alias_history", &[]), "55000")?;
    refused(world.owner.execute("TRUNCATE sira_model_aliases", &[]), "55000")?;
    admin.batch_execute("SELECT sira_set_alias('m/2', 'canary')")?;
    refused(world.owner.execute("UPDATE sira_model_aliases SET alias = 'other'", &[]), "55000")?;
    refused(admin.execute("SELECT sira_set_alias('m/2', 'champion')", &[]), "42602")?;
    world.settled(1)
}

/// Signatures of two, every gate, and the way back.
#[test]
fn a_promotion_with_its_approvals_takes_no_second() -> Outcome {
    let mut world = World::new(2)?;
    let mut signers = [world.login("a", "finance_ops")?, world.login("b", "finance_ops")?];
    world.owner.batch_execute(GATES)?;
    let mut slowest = [Duration::ZERO; 2];
    for version in [2, 3] {
        let started = Instant::now();
        for signer in &mut signers {
            approve(signer, version)?;
        }
        promote(&mut world.owner, version)?;
        slowest[0] = slowest[0].max(started.elapsed());
        let started = Instant::now();
        world.owner.execute("SELECT sira_rollback('m')", &[])?;
        slowest[1] = slowest[1].max(started.elapsed());
    }
    println!("two signatures and a promotion {:?}, a rollback {:?}", slowest[0], slowest[1]);
    assert!(slowest.iter().all(|time| *time < Duration::from_secs(1)), "{slowest:?}");
    let live: i32 = world.owner.query_one("SELECT sira_live_version('m')", &[])?.get(0);
    world.settled(live)
}
