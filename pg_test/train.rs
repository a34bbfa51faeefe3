//! Training: what SQL types become, and that a cancelled run leaves nothing.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{json, one, payments, run, sqlstate, train};
    use pgrx::prelude::*;
    use serde_json::json;

    #[pg_test]
    fn every_type_of_column_becomes_its_kind_of_feature() {
        payments();
        run("CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE DOMAIN cents AS int");
        run("SELECT sira_create_model('kinds', 'fraud_detection')");
        train(
            "kinds",
            "SELECT id::smallint AS a, id::int AS b, id AS c, amount::real AS d, amount AS e, amount::numeric AS f, abroad AS g,
                    channel AS h, channel::varchar(9) AS i, due AS j, paid_at AS k, paid_at AT TIME ZONE 'UTC' AS l,
                    (CASE WHEN abroad THEN 'good' ELSE 'bad' END)::mood AS m, id::cents AS n, inet '10.0.0.1' + id % 3 AS o, bad
             FROM payments",
            "bad",
            2,
        );
        let kinds = json(
            "SELECT jsonb_object_agg(f ->> 'name', f ->> 'kind')
                          FROM sira_model_versions, jsonb_array_elements(signature -> 'features') f",
        );
        assert_eq!(
            kinds,
            json!({"a": "numeric", "b": "numeric", "c": "numeric", "d": "numeric", "e": "numeric", "f": "numeric",
                   "g": "boolean", "h": "text", "i": "text", "j": "date", "k": "timestamp", "l": "timestamp",
                   "m": "text", "n": "numeric", "o": "text"})
        );
        let words = json("SELECT f -> 'categories' FROM sira_model_versions, jsonb_array_elements(signature -> 'features') f
                          WHERE f ->> 'name' = 'h'");
        assert_eq!(words, json!(["atm", "shop", "web"]), "in the order of their bytes");
    }

    #[pg_test]
    fn a_cancel_ends_a_training_and_leaves_nothing() {
        payments();
        run("SELECT sira_create_model('slow', 'fraud_detection')");
        run("CREATE FUNCTION pg_temp.cancelled_after(query text) RETURNS float8 LANGUAGE plpgsql AS $$
             DECLARE began timestamptz := clock_timestamp();
             BEGIN
                 BEGIN EXECUTE query; EXCEPTION WHEN query_canceled THEN
                     RETURN extract(epoch FROM clock_timestamp() - began);
                 END;
                 RETURN NULL;
             END $$");
        // The last row that is read cancels its own session: training ends before its first round.
        let seconds: f64 = one(
            "SELECT pg_temp.cancelled_after($q$SELECT * FROM sira_train('slow',
                'SELECT amount + g AS amount, g * 7 % 13 AS noise, CASE WHEN g = 150 AND id = 400 THEN pg_cancel_backend(pg_backend_pid()) ELSE bad END AS bad
                 FROM payments, generate_series(1, 150) g', 'bad', split => '{\"method\": \"random\"}', params => '{\"rounds\": 5000}')$q$)",
        );
        assert!(seconds < 20.0, "{seconds}");
        assert_eq!(
            one::<i64>(
                "SELECT (SELECT count(*) FROM sira_model_versions) + (SELECT count(*) FROM sira_training_runs)"
            ),
            0
        );
        assert_eq!(one::<i64>("SELECT count(*) FROM sira_model_artifacts"), 0);
    }

    #[pg_test]
    fn a_column_of_too_many_words_is_an_identifier() {
        run("SELECT sira_create_model('wordy', 'fraud_detection')");
        assert_eq!(
            sqlstate("SELECT * FROM sira_train('wordy', 'SELECT md5(g::text) AS key, g % 2 = 0 AS bad FROM generate_series(1, 70000) g', 'bad',
                      split => '{\"method\": \"random\"}')"),
            "54000"
        );
    }

    #[pg_test]
    fn memory_of_batches_is_given_back() {
        payments();
        run("SELECT sira_create_model('wide', 'fraud_detection')");
        // Each row detoasts a long text whose first letter alone is the feature.
        train(
            "wide",
            "SELECT left(repeat(md5((id + g)::text), 3000), 1) AS letter, amount, bad FROM payments, generate_series(1, 40) g",
            "bad",
            2,
        );
        assert_eq!(one::<i64>("SELECT count(*) FROM sira_model_versions"), 1);
    }
}
