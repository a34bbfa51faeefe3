//! The newest stored value at a moment: recorded cases of a point-in-time join, and random histories against a scan.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "features/generate.rs"]
mod generate;

use generate::Random;
use serde_json::Value as Json;
use sira_core::ErrorKind;
use sira_core::feature::as_of::join;
use sira_core::feature::{Column, Events, History, Queries, Status, Value};

/// Microseconds of an ISO 8601 time.
fn micros(time: &Json) -> i64 {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    time.as_microsecond()
}

fn codes(rows: &[Json]) -> Vec<u32> {
    rows.iter().map(|row| row["k"].as_u64().unwrap() as u32).collect()
}

/// Asks a case and compares every row with what is expected of it.
fn check(case: &Json) {
    let rows = |name: &str| case[name].as_array().unwrap().clone();
    let (features, entities) = (rows("features"), rows("entities"));
    let times = |rows: &[Json], name: &str| rows.iter().map(|row| micros(&row[name])).collect::<Vec<i64>>();
    let history = History {
        time: times(&features, "event"),
        recorded: Some(times(&features, "created")),
        columns: vec![Column::Numbers(features.iter().map(|row| row["v"].as_f64()).collect())],
    };
    let events = Events { entity: codes(&features), history };
    let time = times(&entities, "ts");
    let known = case["filter_created"].as_bool().unwrap().then(|| time.clone());
    let queries = Queries { entity: codes(&entities), time, known };
    let max_age = case["ttl_s"].as_i64().map(|seconds| seconds * 1_000_000);
    let newest = join(&events, 0, &queries, max_age).unwrap();
    for (at, row) in entities.iter().enumerate() {
        let value = newest.row[at].filter(|_| newest.status[at] == Status::Present);
        let value = value.and_then(|value| events.history.columns[0].get(value as usize).number());
        assert_eq!(value, row["expect"].as_f64(), "{}: row {at}, {:?}", case["name"], newest.status[at]);
        if let Some(status) = row["status"].as_str() {
            assert_eq!(newest.status[at].name(), status, "{}: row {at}", case["name"]);
        }
    }
}

#[test]
fn cases_of_point_in_time_joins_are_right() {
    let cases: Vec<Json> = serde_json::from_str(include_str!("features/point_in_time.json")).unwrap();
    assert!(cases.len() > 8);
    cases.iter().for_each(check);
}

/// Cases that others recorded, where they are at hand.
#[test]
fn recorded_cases_are_right() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/point_in_time");
    // A clone without them passes: the cases above are of the same kinds.
    let Ok(text) = std::fs::read_to_string(root.join("pit_cases.json")) else { return };
    let cases: Vec<Json> = serde_json::from_str(&text).unwrap();
    assert!(!cases.is_empty());
    cases.iter().for_each(check);
}

#[test]
fn joins_equal_a_scan() {
    let mut random = Random(99);
    let mut statuses = [0; 4];
    for case in 0..2000 {
        let entities = random.pick(&[1, 3]);
        let events = generate::events(&mut random, entities);
        let queries = generate::queries(&mut random, &events, entities);
        let max_age = random.pick(&[None, None, Some(0), Some(5), Some(400), Some(i64::MAX)]);
        let column = random.pick(&[0, 2]);
        let newest = join(&events, column, &queries, max_age).unwrap();
        let history = &events.history;
        let recorded = |row: usize| history.recorded.as_ref().map(|recorded| recorded[row]);
        for at in 0..queries.len() {
            let moment = queries.time[at];
            let known = queries.known.as_ref().map(|known| known[at]);
            let seen = |row: &usize| {
                events.entity[*row] == queries.entity[at]
                    && history.time[*row] <= moment
                    && recorded(*row).zip(known).is_none_or(|(recorded, known)| recorded <= known)
            };
            let latest = (0..history.len()).filter(seen).map(|row| (history.time[row], recorded(row))).max();
            let context = format!("case {case}, moment {at}");
            let Some((time, written)) = latest else {
                assert_eq!((newest.status[at], newest.row[at]), (Status::NotFound, None), "{context}");
                statuses[0] += 1;
                continue;
            };
            let row = newest.row[at].unwrap() as usize;
            assert_eq!((history.time[row], recorded(row)), (time, written), "{context}");
            let rivals = (0..history.len()).filter(seen);
            let rivals = rivals.filter(|row| (history.time[*row], recorded(*row)) == (time, written));
            let value = history.columns[column].get(row);
            for rival in rivals {
                let rival = history.columns[column].get(rival);
                let is_less = match (rival, value) {
                    (_, Value::Null) => true,
                    (Value::Null, _) => false,
                    (Value::Code(a), Value::Code(b)) => a <= b,
                    (Value::Number(a), Value::Number(b)) => b.is_nan() || a <= b,
                    _ => false,
                };
                assert!(is_less, "{context}: {rival:?} behind {value:?}");
            }
            let age = i128::from(moment) - i128::from(time);
            let too_old = max_age.is_some_and(|max_age| age > i128::from(max_age));
            let expected = match (too_old, value) {
                (true, _) => Status::OutsideMaxAge,
                (_, Value::Null) => Status::NullValue,
                _ => Status::Present,
            };
            assert_eq!(newest.status[at], expected, "{context}");
            statuses[1 + usize::from(too_old) + 2 * usize::from(value == Value::Null && !too_old)] += 1;
        }
    }
    assert!(statuses.iter().all(|count| *count > 500), "{statuses:?}");
}

#[test]
fn a_window_has_the_age_of_what_it_rests_on() {
    let of = |is_null, found, newest| Status::of(is_null, found, newest, 100, Some(10));
    assert_eq!(of(false, true, Some(90)), Status::Present);
    assert_eq!(of(true, true, Some(89)), Status::OutsideMaxAge);
    assert_eq!(of(false, true, None), Status::Present, "a count of 0 has no age");
    assert_eq!(of(true, true, None), Status::NullValue);
    assert_eq!(of(false, false, None), Status::NotFound);
    assert_eq!(Status::of(false, true, Some(i64::MIN), i64::MAX, Some(i64::MAX)), Status::OutsideMaxAge);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let queries = Queries { entity: vec![0], time: vec![0], known: None };
    let error = join(&Events::default(), 0, &queries, None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidParameter);
    let column = Column::Numbers([Some(1.0)].into_iter().collect());
    let history = History { time: vec![], recorded: None, columns: vec![column] };
    let events = Events { entity: vec![], history };
    assert_eq!(join(&events, 0, &queries, None).unwrap_err().kind, ErrorKind::InvalidParameter);
    assert!(join(&events, 0, &Queries { known: Some(vec![]), ..queries }, None).is_err());
}
