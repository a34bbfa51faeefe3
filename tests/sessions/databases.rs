//! One cluster, several databases; one session, several homes of the extension.

use sira_outside::models::{LEFT, create, left_score, score};
use sira_outside::{Database, Outcome};

fn near(found: f64, strength: f64) {
    assert!((found - left_score(strength)).abs() < 1e-15, "{found} is not the score of strength {strength}");
}

#[test]
fn a_second_database_does_not_interfere() -> Outcome {
    let (first, second) = (Database::with_sira()?, Database::empty()?);
    let (mut a, mut b) = (first.session()?, second.session()?);
    // The same model name, another schema.
    b.batch_execute("CREATE SCHEMA \"ML models\"; CREATE EXTENSION sira SCHEMA \"ML models\"")?;
    b.batch_execute("SET search_path = \"ML models\", public")?;
    create(&mut a, "m", &[1.0, 2.0])?;
    create(&mut b, "m", &[3.0, 1.0])?;
    near(score(&mut a, "m")?, 1.0);
    near(score(&mut b, "m")?, 3.0);
    a.execute("SELECT sira_promote('m/2')", &[])?;
    near(score(&mut a, "m")?, 2.0);
    near(score(&mut b, "m")?, 3.0);
    // Strength 1 is one artifact in both: the compiled file is shared, the registries are not.
    b.execute("SELECT sira_promote('m/2')", &[])?;
    near(score(&mut b, "m")?, 1.0);
    near(score(&mut a, "m/1")?, 1.0);
    let id =
        b.query_one(&format!("SELECT prediction_id::text FROM sira_predict('m', 'user', '1', {LEFT})"), &[])?;
    let id: String = id.get(0);
    assert!(b.query_one("SELECT identical FROM sira_replay($1::text::uuid)", &[&id])?.get::<_, bool>(0));
    assert!(a.query("SELECT * FROM sira_replay($1::text::uuid)", &[&id]).is_err());
    assert_eq!(a.query_one("SELECT count(*) FROM sira_predictions", &[])?.get::<_, i64>(0), 0);
    Ok(())
}

#[test]
fn a_living_session_follows_the_extension_to_another_schema() -> Outcome {
    let database = Database::with_sira()?;
    let mut session = database.session()?;
    create(&mut session, "m", &[1.0])?;
    near(score(&mut session, "m")?, 1.0);
    for (schema, strength) in [("elsewhere", 2.0), ("public", 3.0), ("public", 4.0)] {
        session.batch_execute(&format!(
            "DROP EXTENSION sira CASCADE; CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION sira SCHEMA {schema};
             SET search_path = {schema}"
        ))?;
        create(&mut session, "m", &[strength])?;
        near(score(&mut session, "m")?, strength);
        let row =
            session.query_one(&format!("SELECT score FROM sira_predict('m', 'user', '1', {LEFT})"), &[])?;
        near(row.get(0), strength);
    }
    Ok(())
}

#[test]
fn scoring_survives_a_renamed_schema() -> Outcome {
    let database = Database::empty()?;
    let (mut a, mut b) = (database.session()?, database.session()?);
    a.batch_execute("CREATE SCHEMA one; CREATE EXTENSION sira SCHEMA one; SET search_path = one")?;
    b.batch_execute("SET search_path = one")?;
    create(&mut a, "m", &[1.0])?;
    near(score(&mut a, "m")?, 1.0);
    near(score(&mut b, "m")?, 1.0);
    a.batch_execute("ALTER SCHEMA one RENAME TO two; SET search_path = two")?;
    b.batch_execute("SET search_path = two")?;
    near(score(&mut a, "m")?, 1.0);
    near(score(&mut b, "m")?, 1.0);
    let row = b.query_one(&format!("SELECT score FROM sira_predict('m', 'user', '1', {LEFT})"), &[])?;
    near(row.get(0), 1.0);
    near(score(&mut a, "m/1")?, 1.0);
    Ok(())
}
