//! Predictions: what stays in a session between two of them.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{FEATURES, json, one, run, sqlstate, train, trained};
    use crate::audit::features_digest;
    use pgrx::prelude::*;

    #[pg_test]
    fn the_audit_row_holds_the_vector_to_the_bit_beside_its_digest() {
        trained();
        run(&format!("SELECT * FROM sira_predict('world', 'transaction', '1', '{FEATURES}')"));
        let vector: Vec<f64> = one("SELECT feature_vector FROM sira_predictions");
        let digest: Vec<u8> = one("SELECT features_digest FROM sira_predictions");
        assert_eq!(vector.len(), 5);
        assert_eq!(digest, features_digest(&vector));
        assert_ne!(features_digest(&[0.0]), features_digest(&[-0.0]), "a bit is a bit");
        assert_ne!(features_digest(&[f64::NAN]), features_digest(&[0.0]));
    }

    #[pg_test]
    fn a_plpgsql_function_that_promotes_in_its_middle_goes_on_with_the_new_version() {
        trained();
        train("world", "SELECT amount, bad FROM payments", "bad", 3);
        run("CREATE FUNCTION pg_temp.both() RETURNS jsonb LANGUAGE plpgsql AS $$
             DECLARE before int; after int; score float8; score_after float8;
             BEGIN
                 SELECT version INTO before FROM sira_predict('world', 'transaction', '1', '{\"amount\": 900}');
                 score := sira_score('world', '{\"amount\": 900}'::jsonb);
                 PERFORM sira_promote('world/2');
                 SELECT version INTO after FROM sira_predict('world', 'transaction', '1', '{\"amount\": 900}');
                 score_after := sira_score('world', '{\"amount\": 900}'::jsonb);
                 RETURN jsonb_build_array(before, after, score = sira_score('world/1', '{\"amount\": 900}'::jsonb),
                                          score_after = sira_score('world/2', '{\"amount\": 900}'::jsonb), score <> score_after);
             END $$");
        assert_eq!(json("SELECT pg_temp.both()").to_string(), "[1,2,true,true,true]");
    }

    #[pg_test]
    fn a_statement_that_promotes_goes_on_with_the_version_it_began_with() {
        trained();
        train("world", "SELECT amount, bad FROM payments", "bad", 3);
        let old: f64 = one("SELECT sira_score('world/1', '{\"amount\": 900}'::jsonb)");
        let in_one: f64 = one(
            "SELECT sira_score('world', '{\"amount\": 900}'::jsonb) FROM (SELECT max(to_status) FROM sira_promote('world/2')) p",
        );
        assert_eq!(in_one.to_bits(), old.to_bits());
        let next: f64 = one("SELECT sira_score('world', '{\"amount\": 900}'::jsonb)");
        assert_ne!(next.to_bits(), old.to_bits());
    }

    #[pg_test]
    fn a_promotion_undone_by_a_savepoint_was_never_there() {
        trained();
        train("world", "SELECT amount, bad FROM payments", "bad", 3);
        let old: f64 = one("SELECT sira_score('world', '{\"amount\": 900}'::jsonb)");
        run("CREATE FUNCTION pg_temp.undone() RETURNS float8 LANGUAGE plpgsql AS $$
             DECLARE score float8;
             BEGIN
                 BEGIN
                     PERFORM sira_promote('world/2');
                     score := sira_score('world', '{\"amount\": 900}'::jsonb);
                     RAISE EXCEPTION 'undo';
                 EXCEPTION WHEN raise_exception THEN
                     IF score = sira_score('world', '{\"amount\": 900}'::jsonb) THEN RETURN -1; END IF;
                 END;
                 RETURN sira_score('world', '{\"amount\": 900}'::jsonb);
             END $$");
        assert_eq!(one::<f64>("SELECT pg_temp.undone()").to_bits(), old.to_bits());
    }

    #[pg_test]
    fn a_failure_leaves_the_session_as_it_was() {
        trained();
        run("CREATE ROLE w_scorer IN ROLE sira_inference");
        run("SET LOCAL ROLE w_scorer");
        for _ in 0..50 {
            assert_eq!(
                sqlstate("SELECT * FROM sira_predict('world', 'transaction', '1', '{\"amount\": \"x\"}')"),
                "42804"
            );
        }
        assert_eq!(one::<String>("SELECT current_user::text"), "w_scorer");
        assert_eq!(sqlstate("SELECT * FROM sira_predictions"), "42501");
        run("RESET ROLE");
    }
}
