//! What is installed, and what this session has mapped.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{one, run, trained};
    use crate::cache;
    use crate::snapshot::View;
    use pgrx::prelude::*;

    #[pg_test]
    fn library_and_catalog_agree() {
        assert!(one::<bool>("SELECT sira_version() = extversion FROM pg_extension WHERE extname = 'sira'"));
    }

    #[pg_test]
    fn a_model_is_mapped_once_and_counted() {
        let before = cache::entries().len();
        trained();
        run("SELECT sira_score('world', '{\"amount\": 1}')");
        run("SELECT sira_score('world', '{\"amount\": 2}')");
        let entries = cache::entries();
        assert_eq!(entries.len(), before + 1, "one digest, one entry");
        assert!(one::<bool>(
            "SELECT bool_and(mapped AND on_disk AND bytes > 0 AND length(digest) = 64) \
             AND bool_or(versions = '{world/1}') FROM sira_model_cache WHERE uses > 0"
        ));
        run("SELECT sira_prewarm('world')");
        assert_eq!(cache::entries().len(), before + 1);
    }

    #[pg_test]
    fn a_full_cache_lets_the_least_recently_used_go_and_scores_on() {
        super::super::world::payments();
        run("SELECT sira_create_model('large', 'fraud_detection')");
        run("SET LOCAL sira.cache_size = '1MB'");
        // Each is a good half of a megabyte compiled: two do not fit.
        for seed in 1..=3 {
            run(&format!(
                "SELECT version FROM sira_train('large', 'SELECT amount + g * 0.001 AS amount, (g * 37 % 101) AS noise, \
                 hashint4(g * 17 + id::int) % 7 = 0 AS bad FROM payments, generate_series(1, 20) g', 'bad', \
                 split => '{{\"method\": \"random\"}}', seed => {seed}, \
                 params => '{{\"num_iterations\": 100, \"num_leaves\": 127, \"min_data_in_leaf\": 2, \"early_stopping_rounds\": 0}}')"
            ));
        }
        let score =
            |version: i32| one::<f64>(&format!("SELECT sira_score('large/{version}', '{{\"amount\": 5}}')"));
        let first = score(1);
        score(2);
        score(3);
        let kept: u64 = cache::entries().iter().map(|entry| entry.bytes).sum();
        let large = cache::entries().iter().map(|entry| entry.bytes).max().unwrap_or_default();
        assert!(large > 400_000, "{large} bytes are too few to show anything");
        assert!(kept <= 1 << 20, "{kept} bytes are mapped");
        assert_eq!(score(1).to_bits(), first.to_bits());
        let files: i64 =
            one("SELECT coalesce(sum((pg_stat_file('pgsql_tmp_sira/' || name)).size), 0)::bigint \
                              FROM pg_ls_dir('pgsql_tmp_sira') name WHERE name ~ '^[0-9a-f]{64}[.]'");
        assert!(files <= 1 << 20, "{files} bytes are in the folder");
    }

    #[pg_test]
    fn a_view_changes_with_every_write_of_its_own() {
        run("CREATE TABLE seen (n int)");
        let first = View::current();
        assert!(first == View::current(), "two looks with nothing between them are equal");
        run("SET LOCAL sira.tenant = 'elsewhere'");
        assert!(first != View::current(), "another tenant");
        run("SET LOCAL sira.tenant = ''");
        run("CREATE ROLE w_looker");
        let before = View::current();
        run("SET LOCAL ROLE w_looker");
        assert!(before != View::current(), "another role");
        run("RESET ROLE");
    }
}
