//! One tenant never sees, scores with or counts another's, whatever it SETs.

use postgres::Client;
use sira_outside::models::{LEFT, create, left_score, score};
use sira_outside::{Database, Outcome, refused};

struct World {
    database: Database,
    owner: Client,
}

impl World {
    /// Tenants "red", "blue" and "*", each with a model "m" of its own strength, and "shared" under "*".
    fn new() -> Outcome<Self> {
        let database = Database::with_sira()?;
        let mut owner = database.session()?;
        for (tenant, strength) in [("red", 1.0), ("blue", 2.0), ("*", 3.0)] {
            owner.batch_execute(&format!("SET sira.tenant = '{tenant}'"))?;
            create(&mut owner, "m", &[strength])?;
            if tenant == "*" {
                create(&mut owner, "shared", &[strength])?;
            } else {
                create(&mut owner, &format!("{tenant} only"), &[strength])?;
            }
        }
        owner.batch_execute("RESET sira.tenant")?;
        Ok(Self { database, owner })
    }

    /// A session logged in as a new role with these roles, a member of these tenants.
    fn login(&mut self, name: &str, roles: &str, tenants: &[&str]) -> Outcome<Client> {
        let role = format!("{}_{name}", self.database.name());
        self.owner.batch_execute(&format!("CREATE ROLE {role} LOGIN; GRANT {roles} TO {role}"))?;
        for tenant in tenants {
            self.owner.execute(
                "INSERT INTO sira_tenant_members (tenant_id, member) VALUES ($1, $2)",
                &[tenant, &role],
            )?;
        }
        Ok(self.database.login(&role)?)
    }
}

fn near(found: f64, strength: f64) {
    assert!((found - left_score(strength)).abs() < 1e-15, "{found} is not the score of strength {strength}");
}

fn number(session: &mut Client, query: &str) -> Outcome<i64> {
    Ok(session.query_one(query, &[])?.get(0))
}

#[test]
fn nothing_that_a_tenant_sets_shows_it_another() -> Outcome {
    let mut world = World::new()?;
    let mut red = world.login("red", "sira_admin, sira_auditor", &["red"])?;
    let mut blue = world.login("blue", "sira_admin, sira_auditor", &["blue"])?;
    let ask =
        format!("SELECT prediction_id::text FROM sira_predict('m', 'user', '1', {LEFT}, request_id => 'r')");
    let of_blue: String = blue.query_one(&ask, &[])?.get(0);
    for set in [
        "RESET sira.tenant",
        "SET sira.tenant = 'blue'",
        "SET sira.tenant = '*'",
        "SET sira.tenant = ''",
        "SET sira.tenant = 'default'",
        "SET ROLE sira_admin",
        "SET ROLE sira_auditor",
    ] {
        red.batch_execute(set)?;
        if set.starts_with("SET ROLE") {
            // The group itself is listed for no tenant.
            refused(red.query(&format!("SELECT sira_score('m', {LEFT})"), &[]), "42501")?;
            assert_eq!(number(&mut red, "SELECT count(*) FROM sira_predictions")?, 0);
            assert_eq!(number(&mut red, "SELECT count(*) FROM sira_models")?, 0);
            red.batch_execute("RESET ROLE")?;
            continue;
        }
        near(score(&mut red, "m")?, 1.0);
        near(score(&mut red, "shared")?, 3.0);
        refused(red.query(&format!("SELECT sira_score('blue only', {LEFT})"), &[]), "42704")?;
        for table in ["sira_models", "sira_model_versions", "sira_model_artifacts", "sira_model_transitions"]
        {
            let seen = number(&mut red, &format!("SELECT count(*) FROM {table} WHERE tenant_id = 'blue'"))?;
            assert_eq!(seen, 0, "{table} after {set}");
        }
        assert_eq!(number(&mut red, "SELECT count(*) FROM sira_predictions")?, 0, "{set}");
        refused(red.query("SELECT * FROM sira_replay($1::text::uuid)", &[&of_blue]), "42704")?;
        refused(red.query("SELECT sira_record_feedback($1::text::uuid, 'flag')", &[&of_blue]), "23503")?;
        refused(red.query("SELECT sira_promote('blue only/1')", &[]), "42704")?;
        refused(red.query("SELECT sira_export_version('blue only')", &[]), "42704")?;
        refused(
            red.execute(
                "INSERT INTO sira_models (tenant_id, name, model_type) VALUES ('blue', 'x', 'y')",
                &[],
            ),
            "42501",
        )?;
        refused(
            red.execute(
                "INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('blue', current_user)",
                &[],
            ),
            "42501",
        )?;
    }
    // A superuser's trick is an error to anyone else.
    red.batch_execute("SET row_security = off")?;
    refused(red.query("SELECT count(*) FROM sira_models", &[]), "42501")?;
    near(score(&mut red, "m")?, 1.0);
    red.batch_execute("RESET row_security")?;
    // The other tenant's request id is free here, and its answer stays there.
    let of_red: String = red.query_one(&ask, &[])?.get(0);
    assert_ne!(of_red, of_blue);
    assert_eq!(number(&mut red, "SELECT count(*) FROM sira_predictions")?, 1);
    assert_eq!(number(&mut blue, "SELECT count(*) FROM sira_predictions")?, 1);
    assert_eq!(number(&mut red, "SELECT count(*) FROM sira_prediction_requests")?, 1);
    assert_eq!(number(&mut world.owner, "SELECT count(*) FROM sira_predictions")?, 2);
    Ok(())
}

#[test]
fn a_shared_model_is_used_by_all_and_changed_by_its_own() -> Outcome {
    let mut world = World::new()?;
    let mut red = world.login("red", "sira_admin", &["red"])?;
    near(score(&mut red, "m")?, 1.0);
    near(score(&mut red, "shared")?, 3.0);
    for call in [
        "sira_promote('shared/1')",
        "sira_transition('shared', 'deprecated')",
        "sira_set_policy('shared', '[{\"decision\": \"decline\"}]')",
    ] {
        match red.query(&format!("SELECT {call}"), &[]) {
            // Promoting what is in production already changes nothing.
            Ok(_) if call.starts_with("sira_promote") => {}
            answer => refused(answer, "42501").map_err(|error| format!("{call}: {error}"))?,
        }
    }
    let id: String = red
        .query_one(
            &format!("SELECT prediction_id::text FROM sira_predict('shared', 'user', '1', {LEFT})"),
            &[],
        )?
        .get(0);
    let replayed = red.query_one("SELECT identical FROM sira_replay($1::text::uuid)", &[&id])?;
    assert_eq!(replayed.get::<_, Option<bool>>(0), Some(true));
    red.query_one("SELECT sira_record_feedback($1::text::uuid, 'flag')", &[&id])?;
    let row = world.owner.query_one("SELECT tenant_id FROM sira_predictions", &[])?;
    assert_eq!(row.get::<_, &str>(0), "red");
    // Without the own one, the shared one of the same name answers.
    world
        .owner
        .batch_execute("UPDATE sira_models SET name = 'renamed' WHERE tenant_id = 'red' AND name = 'm'")?;
    near(score(&mut red, "m")?, 3.0);
    Ok(())
}

#[test]
fn a_role_of_several_tenants_must_choose() -> Outcome {
    let mut world = World::new()?;
    let mut both = world.login("both", "sira_inference", &["red", "blue"])?;
    let ask = format!("SELECT sira_score('m', {LEFT})");
    refused(both.query(&ask, &[]), "55000")?;
    for (tenant, strength) in [("red", 1.0), ("blue", 2.0), ("red", 1.0)] {
        both.batch_execute(&format!("SET sira.tenant = '{tenant}'"))?;
        near(score(&mut both, "m")?, strength);
    }
    both.batch_execute("SET sira.tenant = '*'")?;
    refused(both.query(&ask, &[]), "55000")?;
    // SET LOCAL ends with its transaction.
    both.batch_execute("SET sira.tenant = 'red'")?;
    both.batch_execute("BEGIN; SET LOCAL sira.tenant = 'blue'")?;
    near(score(&mut both, "m")?, 2.0);
    both.batch_execute("ROLLBACK")?;
    near(score(&mut both, "m")?, 1.0);
    Ok(())
}

#[test]
fn a_role_without_tenant_sees_and_does_nothing() -> Outcome {
    let mut world = World::new()?;
    let _listed = world.login("listed", "sira_admin", &["red"])?;
    let mut stray = world.login("stray", "sira_admin", &[])?;
    for tenant in ["", "red", "*", "default"] {
        stray.batch_execute(&format!("SET sira.tenant = '{tenant}'"))?;
        refused(stray.query(&format!("SELECT sira_score('m', {LEFT})"), &[]), "42501")?;
        refused(stray.query(&format!("SELECT sira_score('shared', {LEFT})"), &[]), "42501")?;
        assert_eq!(number(&mut stray, "SELECT count(*) FROM sira_models")?, 0);
        assert_eq!(number(&mut stray, "SELECT count(*) FROM sira_tenant_members")?, 0);
        refused(stray.query("SELECT sira_create_model('n', 'fraud_detection')", &[]), "42501")?;
    }
    Ok(())
}

#[test]
fn membership_counts_from_the_next_statement() -> Outcome {
    let mut world = World::new()?;
    let mut red = world.login("red", "sira_inference", &["red"])?;
    let ask = format!("SELECT sira_score('m', {LEFT})");
    let prepared = red.prepare(&ask)?;
    near(red.query_one(&prepared, &[])?.get(0), 1.0);
    world.owner.batch_execute("UPDATE sira_tenant_members SET tenant_id = 'blue'")?;
    near(red.query_one(&prepared, &[])?.get(0), 2.0);
    // Within one transaction too.
    red.batch_execute("BEGIN")?;
    near(red.query_one(&prepared, &[])?.get(0), 2.0);
    world.owner.batch_execute("UPDATE sira_tenant_members SET tenant_id = 'red'")?;
    near(red.query_one(&prepared, &[])?.get(0), 1.0);
    red.batch_execute("COMMIT")?;
    world.owner.batch_execute("UPDATE sira_tenant_members SET member = 'somebody else'")?;
    refused(red.query(&prepared, &[]), "42501")?;
    // By way of a group, granted and revoked.
    let group = format!("{}_group", world.database.name());
    let role = format!("{}_red", world.database.name());
    world.owner.batch_execute(&format!(
        "CREATE ROLE {group}; INSERT INTO sira_tenant_members (tenant_id, member) VALUES ('blue', '{group}')"
    ))?;
    refused(red.query(&prepared, &[]), "42501")?;
    world.owner.batch_execute(&format!("GRANT {group} TO {role}"))?;
    near(red.query_one(&prepared, &[])?.get(0), 2.0);
    world.owner.batch_execute(&format!("REVOKE {group} FROM {role}"))?;
    refused(red.query(&prepared, &[]), "42501")
}

/// A definer function works for its owner's tenant, a SET ROLE for that role's.
#[test]
fn the_tenant_is_that_of_whoever_acts() -> Outcome {
    let mut world = World::new()?;
    let mut red = world.login("red", "sira_inference", &["red"])?;
    let mut blue = world.login("blue", "sira_inference", &["blue"])?;
    world.owner.batch_execute("GRANT CREATE ON SCHEMA public TO PUBLIC")?;
    blue.batch_execute(&format!(
        "CREATE FUNCTION of_blue() RETURNS float8 LANGUAGE plpgsql SECURITY DEFINER AS $$
         DECLARE s float8; BEGIN s := sira_score('m', {LEFT}); RETURN s; END $$"
    ))?;
    let row =
        red.query_one(&format!("SELECT sira_score('m', {LEFT}), of_blue(), sira_score('m', {LEFT})"), &[])?;
    near(row.get(0), 1.0);
    near(row.get(1), 2.0);
    near(row.get(2), 1.0);
    // One session of a superuser who becomes one, then the other.
    for (name, strength) in [("red", 1.0), ("blue", 2.0), ("red", 1.0)] {
        let role = format!("{}_{name}", world.database.name());
        world.owner.batch_execute(&format!("SET ROLE {role}"))?;
        near(score(&mut world.owner, "m")?, strength);
    }
    Ok(())
}
