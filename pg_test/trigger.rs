//! The trigger keeps its setup for a statement and no longer.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{one, run, trained};
    use pgrx::prelude::*;

    #[pg_test]
    fn a_table_may_change_between_two_statements() {
        trained();
        run("CREATE TABLE paid (id int, amount float8, channel text, score float8)");
        run(
            "CREATE TRIGGER score BEFORE INSERT ON paid FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('world', 'transaction', 'id', 'score=score')",
        );
        run("INSERT INTO paid VALUES (1, 900, 'shop')");
        run("ALTER TABLE paid DROP COLUMN channel");
        run("ALTER TABLE paid ADD COLUMN channel text, ALTER COLUMN amount TYPE numeric");
        run("INSERT INTO paid (id, amount, channel) VALUES (2, 900, 'shop')");
        assert_eq!(one::<i64>("SELECT count(DISTINCT score) FROM paid"), 1);
        assert_eq!(
            one::<i64>(
                "SELECT count(*) FROM paid p JOIN sira_predictions l ON l.entity_id = p.id::text AND l.score = p.score"
            ),
            2
        );
    }

    #[pg_test]
    fn ten_thousand_rows_in_a_statement() {
        trained();
        run("CREATE TABLE paid (id int, amount float8, score float8, prediction_id uuid)");
        run(
            "CREATE TRIGGER score BEFORE INSERT ON paid FOR EACH ROW EXECUTE FUNCTION sira_predict_trigger('world', 'transaction', 'id', 'score=score', 'prediction_id=prediction_id')",
        );
        run("INSERT INTO paid (id, amount) SELECT g, g % 1000 FROM generate_series(1, 10000) g");
        assert_eq!(one::<i64>("SELECT count(DISTINCT prediction_id) FROM paid"), 10_000);
        assert!(one::<bool>("SELECT bool_and(score = sira_score('world', p)) FROM paid p"));
    }
}
