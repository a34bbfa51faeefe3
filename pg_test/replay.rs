//! Replays are exact for every row of a table, missing values, unseen words and all.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{one, run, trained};
    use pgrx::prelude::*;

    #[pg_test]
    fn every_prediction_replays_to_the_last_bit() {
        trained();
        run(
            "INSERT INTO payments (id, amount, channel) VALUES (1001, NULL, NULL), (1002, '-0', 'pigeon'), (1003, 'infinity', ''), (1004, 1e-310, 'web')",
        );
        run("SELECT count(*) FROM payments p, sira_predict('world', 'transaction', p.id, to_jsonb(p))");
        assert_eq!(
            one::<i64>("SELECT count(*) FROM sira_predictions p, sira_replay(p.id) r WHERE r.identical"),
            404
        );
        assert!(one::<bool>(
            "SELECT bool_and(r.recorded = r.recomputed) FROM sira_predictions p, sira_replay(p.id) r"
        ));
    }

    #[pg_test]
    fn a_replay_needs_no_live_version() {
        trained();
        run("SELECT * FROM sira_predict('world', 'transaction', '1', '{\"amount\": 900}')");
        run("SELECT * FROM sira_transition('world/1', 'deprecated')");
        run("UPDATE sira_models SET enabled = false");
        run("SET LOCAL sira.enabled = off");
        assert!(one::<bool>("SELECT identical FROM sira_predictions p, sira_replay(p.id)"));
    }
}
