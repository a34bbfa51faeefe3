//! Explanations: the shape of their rows. Their numbers are held against LightGBM's in `models`.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{FEATURES, one, sqlstate, trained};
    use pgrx::prelude::*;

    #[pg_test]
    fn contributions_add_up_to_the_raw_score_and_come_largest_first() {
        trained();
        let rows: Vec<(f64, f64)> = Spi::connect(|client| {
            client
                .select(
                    &format!("SELECT contribution, baseline FROM sira_explain('world', '{FEATURES}'::jsonb)"),
                    None,
                    &[],
                )
                .unwrap()
                .map(|row| (row.get(1).unwrap().unwrap(), row.get(2).unwrap().unwrap()))
                .collect()
        });
        assert_eq!(rows.len(), 5);
        let total: f64 = rows.iter().map(|(contribution, _)| contribution).sum::<f64>() + rows[0].1;
        let raw: f64 = one(&format!("SELECT sira_raw_score('world', '{FEATURES}'::jsonb)"));
        assert!((total - raw).abs() < 1e-9, "{total} {raw}");
        assert!(rows.windows(2).all(|pair| pair[0].0.abs() >= pair[1].0.abs()));
        assert!(rows.iter().all(|(_, baseline)| *baseline == rows[0].1));
    }

    #[pg_test]
    fn what_was_not_given_is_shown_as_null() {
        trained();
        assert_eq!(one::<i64>("SELECT count(value) FROM sira_explain('world', '{\"amount\": 3}'::jsonb)"), 1);
        assert_eq!(sqlstate("SELECT * FROM sira_explain('world', '{\"amount\": 3}'::jsonb, -1)"), "22023");
        assert_eq!(
            sqlstate("SELECT * FROM sira_explain('world', '{\"amount\": 3}'::jsonb, class => 'x')"),
            "22023"
        );
    }
}
