//! Features become the same vector in every shape.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{FEATURES, one, run, trained};
    use crate::features::{self, Features};
    use crate::relation::Reader;
    use pgrx::pg_sys;
    use pgrx::prelude::*;
    use serde_json::json;
    use sira_core::signature::{Feature, FeatureKind, Signature, Task};

    fn signature() -> Signature {
        Signature::new(
            Task::Binary,
            vec![
                Feature::new("number", FeatureKind::Numeric),
                Feature::new("flag", FeatureKind::Boolean),
                Feature::text("word", vec!["a".into(), "b".into(), "true".into(), "1.5".into()]),
                Feature::new("code", FeatureKind::Category),
                Feature::new("day", FeatureKind::Date),
                Feature::new("moment", FeatureKind::Timestamp),
            ],
            vec![],
            None,
        )
    }

    fn read(json: serde_json::Value) -> Features {
        features::from_json(&signature(), &json).ok().unwrap()
    }

    #[pg_test]
    fn each_kind_has_its_number() {
        let all = read(json!({"number": 1.5, "flag": true, "word": "b", "code": 7, "day": "1970-01-03",
                              "moment": "1970-01-01T00:00:01.5Z"}));
        assert_eq!(all.vector, [1.5, 1.0, 1.0, 7.0, 2.0, 1.5]);
        assert!(all.unseen.is_empty());
        assert_eq!(
            all.to_json(&signature()),
            json!({"number": 1.5, "flag": true, "word": "b", "code": 7, "day": "1970-01-03",
                   "moment": "1970-01-01T00:00:01.5"})
        );
    }

    #[pg_test]
    fn missing_is_not_a_number_and_an_unseen_word_is_kept_for_people() {
        let some = read(json!({"number": null, "word": "z"}));
        assert!(some.vector.iter().all(|value| value.is_nan()));
        assert_eq!(some.unseen, [(2, "z".to_owned())]);
        assert_eq!(some.text(&signature(), 2).as_deref(), Some("z"));
        assert_eq!(some.text(&signature(), 0), None);
    }

    #[pg_test]
    fn a_word_may_be_written_as_another_type() {
        assert_eq!(read(json!({"word": true})).vector[2], 2.0);
        assert_eq!(read(json!({"word": 1.5})).vector[2], 3.0);
        let text = |type_oid, datum| unsafe { Reader::of(type_oid).ok().unwrap().text(type_oid, datum) };
        assert_eq!(text(pg_sys::BOOLOID, pg_sys::Datum::from(true)), "true");
        assert_eq!(text(pg_sys::INT8OID, 15_i64.into_datum().unwrap()), "15");
        assert_eq!(text(pg_sys::BPCHAROID, "b  ".into_datum().unwrap()), "b");
    }

    #[pg_test]
    fn a_type_whose_text_depends_on_the_session_is_no_feature() {
        for refused in [
            pg_sys::INTERVALOID,
            pg_sys::BYTEAOID,
            pg_sys::MONEYOID,
            pg_sys::JSONBOID,
            pg_sys::FLOAT8ARRAYOID,
        ] {
            assert!(Reader::of(refused).is_err());
        }
    }

    #[pg_test]
    fn missing_has_one_form() {
        let negative = f64::from_bits(0xfff8_0000_0000_0000);
        let read = features::from_array(&signature(), &[Some(negative); 6]).ok().unwrap();
        assert!(read.vector.iter().all(|value| value.to_bits() == f64::NAN.to_bits()));
    }

    #[pg_test]
    fn a_time_without_a_zone_is_utc_whatever_the_session_says() {
        run("SET LOCAL timezone = 'Asia/Tokyo'");
        for (text, seconds) in [
            ("1970-01-02", 86_400.0),
            ("1970-01-02 00:00", 86_400.0),
            ("1970-01-02T00:00:00", 86_400.0),
            ("1970-01-02T00:00:00Z", 86_400.0),
            ("1970-01-02T09:00:00+09", 86_400.0),
            ("1970-01-01T20:00:00-04:00", 86_400.0),
        ] {
            assert_eq!(read(json!({ "moment": text })).vector[5], seconds, "{text}");
        }
        assert_eq!(read(json!({"day": "1970-01-02T23:59:59"})).vector[4], 1.0);
        run("SET LOCAL datestyle = 'SQL, DMY'");
        for text in
            ["02/01/1970", "1970-01-02 12:00 PM", "1970-01-02 09:00:00 Asia/Tokyo", "epoch", "infinity"]
        {
            assert!(features::from_json(&signature(), &json!({ "moment": text })).is_err(), "{text}");
        }
    }

    #[pg_test]
    fn a_statement_scores_rows_of_two_types_and_both_models() {
        trained();
        let same: bool = one(&format!(
            "SELECT bool_and(sira_score('world', f) = sira_score('world/1', '{FEATURES}'::jsonb))
             FROM (VALUES ('{FEATURES}'::jsonb), ('{FEATURES}'::jsonb)) AS v (f)"
        ));
        assert!(same);
        run("CREATE TABLE one_shape AS SELECT amount, channel, abroad, due, paid_at FROM payments");
        run(
            "CREATE TABLE other_shape AS SELECT 'x' AS extra, paid_at, due, abroad, channel, amount FROM payments",
        );
        let same: bool = one("SELECT (SELECT array_agg(sira_score('world', o) ORDER BY amount, paid_at) FROM one_shape o)
                                   = (SELECT array_agg(sira_score('world', o) ORDER BY amount, paid_at) FROM other_shape o)");
        assert!(same);
        // A row type that changes between two statements is bound anew.
        run("ALTER TABLE other_shape DROP COLUMN extra");
        run("ALTER TABLE other_shape ADD COLUMN noise int");
        let same: bool = one("SELECT (SELECT array_agg(sira_score('world', o) ORDER BY amount, paid_at) FROM one_shape o)
                                   = (SELECT array_agg(sira_score('world', o) ORDER BY amount, paid_at) FROM other_shape o)");
        assert!(same);
    }
}
