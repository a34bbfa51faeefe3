//! The extension comes and goes with its transaction.

use sira_outside::{Database, Outcome, sqlstate};

#[test]
fn the_version_is_the_same_in_every_session() -> Outcome {
    let database = Database::with_sira()?;
    let ask = "SELECT sira_version(), (SELECT extversion FROM pg_extension WHERE extname = 'sira')";
    for _ in 0..2 {
        let row = database.session()?.query_one(ask, &[])?;
        assert_eq!(row.get::<_, String>(0), row.get::<_, String>(1));
    }
    Ok(())
}

#[test]
fn nobody_sees_an_extension_that_is_rolled_back() -> Outcome {
    let database = Database::empty()?;
    let mut creator = database.session()?;
    let mut other = database.session()?;
    let mut transaction = creator.transaction()?;
    transaction.batch_execute("CREATE EXTENSION sira")?;
    let error = other.query("SELECT sira_version()", &[]).err().ok_or("the other session saw it")?;
    assert_eq!(sqlstate(&error), Some("42883"));
    transaction.rollback()?;
    let error = creator.query("SELECT sira_version()", &[]).err().ok_or("it outlived its transaction")?;
    assert_eq!(sqlstate(&error), Some("42883"));
    creator.batch_execute("CREATE EXTENSION sira")?;
    Ok(())
}
