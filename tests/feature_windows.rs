//! One definition, two clocks: over random histories the sweep over all entities, the fold over one, and the obvious
//! answer by big integers are equal to the bit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "features/generate.rs"]
mod generate;
#[path = "features/oracle.rs"]
mod oracle;

use generate::Random;
use sira_core::ErrorKind;
use sira_core::feature::online::{Moment, answer};
use sira_core::feature::sweep::Sweep;
use sira_core::feature::{Aggregate, Column, Events, History, Measure, Numbers, Queries, Value, Window};

fn measure(random: &mut Random) -> Measure {
    let aggregate = random.pick(&Aggregate::ALL);
    let size = random.pick(&[None, Some(1), Some(2), Some(7), Some(50), Some(50), Some(700), Some(i64::MAX)]);
    let delay = match random.below(40) {
        0 => i64::MAX,
        _ => random.pick(&[0, 0, 0, 1, 4, 90]),
    };
    let window = Window::new(aggregate, size, delay, random.below(2) == 0).unwrap();
    let numbers = random.pick(&[0, 1]);
    let value = match (aggregate.needs_value(), aggregate.takes_text()) {
        (false, _) => random.pick(&[None, Some(0), Some(2)]),
        (true, true) => Some(random.pick(&[numbers, 2])),
        (true, false) => Some(numbers),
    };
    let denominator = (aggregate == Aggregate::Ratio).then_some(random.pick(&[0, 1]));
    Measure { window, value, denominator, filter: random.pick(&[None, None, Some(3)]) }
}

fn same(a: Value, b: Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        _ => a == b,
    }
}

/// To the bit, NaN included.
fn identical(a: Value, b: Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

/// The rows of one entity, as an index would find them, in an order of their own.
fn rows_of(events: &Events, entity: u32, turn: usize) -> History {
    let mut rows: Vec<usize> = (0..events.entity.len()).filter(|row| events.entity[*row] == entity).collect();
    let turn = turn % rows.len().max(1);
    rows.rotate_left(turn);
    let history = &events.history;
    History {
        time: rows.iter().map(|row| history.time[*row]).collect(),
        recorded: history.recorded.as_ref().map(|recorded| rows.iter().map(|row| recorded[*row]).collect()),
        columns: history
            .columns
            .iter()
            .map(|column| match column {
                Column::Numbers(numbers) => {
                    Column::Numbers(rows.iter().map(|row| numbers.get(*row)).collect())
                }
                Column::Codes(codes) => Column::Codes(rows.iter().map(|row| codes.get(*row)).collect()),
            })
            .collect(),
    }
}

#[test]
fn sweep_online_and_oracle_are_equal() {
    let mut random = Random(20_240_601);
    let (mut compared, mut values, mut nans) = (0, 0, 0);
    for case in 0..3000 {
        let entities = random.pick(&[1, 1, 3]);
        let events = generate::events(&mut random, entities);
        let queries = generate::queries(&mut random, &events, entities);
        let measures: Vec<Measure> = (0..6).map(|_| measure(&mut random)).collect();
        let sweep = Sweep::new(&events, &queries).unwrap();
        let answers = sweep.answers(&measures, &mut || Ok(())).unwrap();
        let histories: Vec<History> =
            (0..=entities as u32).map(|entity| rows_of(&events, entity, case)).collect();
        for (measure, column) in measures.iter().zip(&answers) {
            assert_eq!(column.len(), queries.len());
            let (newest, found) = (sweep.newest(measure).unwrap(), sweep.found(measure).unwrap());
            for at in 0..queries.len() {
                let moment =
                    Moment { time: queries.time[at], known: queries.known.as_ref().map(|known| known[at]) };
                let online = answer(&histories[queries.entity[at] as usize], measure, moment).unwrap();
                let swept = column.get(at);
                let context = || format!("case {case}, {measure:?}, {moment:?} of {}", queries.entity[at]);
                assert!(
                    identical(swept, online.value),
                    "{swept:?}, online {:?}: {}",
                    online.value,
                    context()
                );
                assert_eq!((newest[at], found[at]), (online.newest, online.found), "{}", context());
                let (expected, last, numbers) = oracle::answer(&events, &queries, at, measure);
                if measure.window.aggregate() == Aggregate::Stddev {
                    assert!(oracle::is_deviation(swept.number(), &numbers), "{swept:?}: {}", context());
                } else {
                    assert!(same(swept, expected), "{swept:?}, not {expected:?}: {}", context());
                }
                assert_eq!(newest[at], last, "{}", context());
                let any = oracle::held(&events, &queries, at, measure, None);
                assert_eq!(found[at], !any.is_empty(), "{}", context());
                compared += 1;
                values += usize::from(swept != Value::Null && swept != Value::Number(0.0));
                nans += usize::from(swept.number().is_some_and(f64::is_nan));
            }
        }
    }
    assert!(compared > 100_000 && values > 30_000 && nans > 500, "{compared} {values} {nans}");
}

fn numbers(values: &[f64]) -> Column {
    Column::Numbers(values.iter().map(|value| Some(*value)).collect())
}

fn at(history: &History, measure: &Measure, time: i64) -> Value {
    answer(history, measure, Moment { time, known: None }).unwrap().value
}

#[test]
fn bounds_are_those_of_the_definition() {
    let history = History { time: vec![90, 100, 100, 110], recorded: None, columns: vec![] };
    let count = |size, delay, current, time| {
        let window = Window::new(Aggregate::Count, size, delay, current).unwrap();
        at(&history, &Measure::rows(window), time).number().unwrap()
    };
    assert_eq!(count(Some(10), 0, true, 100), 2.0, "open below: 90 is out; both of 100 are in");
    assert_eq!(count(Some(11), 0, true, 100), 3.0);
    assert_eq!(count(Some(11), 0, false, 100), 1.0, "no row of the very instant");
    assert_eq!(count(Some(10), 10, false, 120), 1.0, "a delay already leaves the instant out");
    assert_eq!(count(None, 0, true, 109), 3.0);
    assert_eq!(count(Some(1), 0, false, 100), 0.0, "nothing fits between");
    assert_eq!(count(Some(i64::MAX), i64::MAX, true, i64::MIN), 0.0);
    assert_eq!(count(Some(i64::MAX), 0, true, i64::MAX), 4.0);
}

#[test]
fn sums_are_rounded_once() {
    let exact = |values: &[f64], aggregate| {
        let history = History { time: vec![0; values.len()], recorded: None, columns: vec![numbers(values)] };
        let window = Window::new(aggregate, None, 0, true).unwrap();
        at(&history, &Measure::of(window, 0), 0)
    };
    let sum = |values: &[f64]| exact(values, Aggregate::Sum).number().unwrap();
    assert_eq!(sum(&[0.1; 10]), 1.0, "as fsum, not 0.9999999999999999");
    assert_eq!(sum(&[1e16, 1.0, 1e-16]), 1e16 + 2.0, "half an ulp and a little: up, not to even");
    assert_eq!(sum(&[1e16, 1.0]), 1e16, "exactly half: to even");
    assert_eq!(sum(&[1e308, 1e308, -1e308]), 1e308, "what overflows on the way comes back");
    assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
    assert_eq!(sum(&[5e-324, 5e-324]), 1e-323);
    assert_eq!(sum(&[-0.0, -0.0]).to_bits(), 0, "a zero sum has no sign");
    let deviation = |values: &[f64]| exact(values, Aggregate::Stddev);
    assert_eq!(deviation(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]), Value::Number(30_f64.sqrt()));
    assert_eq!(deviation(&[0.1; 7]), Value::Number(0.0));
    let huge = [3e300, -3e300];
    assert!(oracle::is_deviation(deviation(&huge).number(), &huge), "squares beyond float8");
    assert_eq!(deviation(&[f64::INFINITY]), Value::Null);
}

/// Numbers ever further apart: at some width the sum no longer fits 128 bits, and nothing shows it.
#[test]
fn sums_that_just_fit_and_just_do_not_are_exact() {
    for width in 60..200 {
        for sign in [1.0, -1.0] {
            let mut values = vec![sign * 2_f64.powi(width) * (2.0 - f64::EPSILON); 63];
            values.push(3.0);
            let history = History { time: vec![0; 64], recorded: None, columns: vec![numbers(&values)] };
            let measure = Measure::of(Window::new(Aggregate::Sum, None, 0, true).unwrap(), 0);
            let online = at(&history, &measure, 0);
            let events = Events { entity: vec![0; 64], history };
            let queries = Queries { entity: vec![0], time: vec![0], known: None };
            let swept = Sweep::new(&events, &queries).unwrap().answers(&[measure], &mut || Ok(())).unwrap();
            assert_eq!(swept[0].get(0), Value::Number(oracle::sum(&values).unwrap()), "width {width}");
            assert!(identical(online, swept[0].get(0)), "width {width}");
        }
    }
}

/// Hundreds of rows far out of order, asked as of moments before many of them were recorded.
#[test]
fn late_rows_are_left_out_until_they_are_known() {
    let mut random = Random(7);
    for _ in 0..20 {
        let time: Vec<i64> = (0..600).collect();
        let recorded: Vec<i64> =
            time.iter().map(|time| time + random.pick(&[0, 1, 40, 300]) * random.below(3) as i64).collect();
        let values: Numbers = time.iter().map(|_| Some(random.below(1000) as f64 / 8.0)).collect();
        let history =
            History { time, recorded: Some(recorded.clone()), columns: vec![Column::Numbers(values)] };
        let events = Events { entity: vec![0; 600], history };
        let moments: Vec<i64> = (0..700).collect();
        let known = moments.iter().map(|moment| moment + random.below(50) as i64 - 20).collect();
        let queries = Queries { entity: vec![0; 700], time: moments, known: Some(known) };
        let of = |aggregate| Measure::of(Window::new(aggregate, Some(150), 0, true).unwrap(), 0);
        let measures: Vec<Measure> =
            Aggregate::ALL.into_iter().filter(|a| *a != Aggregate::Ratio).map(of).collect();
        let answers = Sweep::new(&events, &queries).unwrap().answers(&measures, &mut || Ok(())).unwrap();
        for (measure, column) in measures.iter().zip(&answers) {
            for at in 0..700 {
                let (expected, _, numbers) = oracle::answer(&events, &queries, at, measure);
                let found = column.get(at);
                if measure.window.aggregate() == Aggregate::Stddev {
                    assert!(oracle::is_deviation(found.number(), &numbers), "{found:?} at {at}");
                } else {
                    assert!(same(found, expected), "{found:?}, not {expected:?} at {at}: {measure:?}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_meant_is_an_error() {
    let kind = |result: sira_core::Result<()>| result.unwrap_err().kind;
    assert_eq!(kind(Window::new(Aggregate::Sum, Some(0), 0, true).map(drop)), ErrorKind::InvalidParameter);
    assert_eq!(kind(Window::new(Aggregate::Sum, None, -1, true).map(drop)), ErrorKind::InvalidParameter);
    let error = "median".parse::<Aggregate>().unwrap_err();
    assert!(error.message.contains("\"median\"") && error.hint.unwrap().contains("count_distinct"));
    for aggregate in Aggregate::ALL {
        assert_eq!(aggregate.name().parse::<Aggregate>().unwrap(), aggregate);
        assert_eq!(
            aggregate.name().replace('_', " ").to_uppercase().parse::<Aggregate>().unwrap(),
            aggregate
        );
    }

    let text = Column::Codes([Some(0)].into_iter().collect());
    let history = History { time: vec![0], recorded: None, columns: vec![numbers(&[1.0]), text] };
    let check = |aggregate, value, denominator, filter| {
        let window = Window::new(aggregate, None, 0, true).unwrap();
        answer(&history, &Measure { window, value, denominator, filter }, Moment { time: 0, known: None })
            .map(drop)
    };
    for refused in [
        check(Aggregate::Sum, None, None, None),
        check(Aggregate::Sum, Some(1), None, None),
        check(Aggregate::Sum, Some(2), None, None),
        check(Aggregate::Sum, Some(0), Some(0), None),
        check(Aggregate::Ratio, Some(0), None, None),
        check(Aggregate::Ratio, Some(0), Some(1), None),
        check(Aggregate::Count, None, None, Some(1)),
    ] {
        assert_eq!(kind(refused), ErrorKind::InvalidParameter);
    }
    check(Aggregate::Max, Some(1), None, Some(0)).unwrap();

    let events = Events { entity: vec![u32::MAX], history: history.clone() };
    let queries = Queries { entity: vec![0], time: vec![0], known: None };
    assert_eq!(kind(Sweep::new(&events, &queries).map(drop)), ErrorKind::InvalidParameter, "gaps");
    let events = Events { entity: vec![0, 0], history };
    assert_eq!(kind(Sweep::new(&events, &queries).map(drop)), ErrorKind::InvalidParameter, "lengths");
    let events = Events::default();
    let sweep = Sweep::new(&events, &queries).unwrap();
    let stop = || Err(sira_core::Error::new(ErrorKind::Cancelled, "stop"));
    let rows = Measure::rows(Window::new(Aggregate::Count, None, 0, true).unwrap());
    assert_eq!(kind(sweep.answers(&[rows], &mut { stop }).map(drop)), ErrorKind::Cancelled);
    assert_eq!(sweep.answers(&[rows], &mut || Ok(())).unwrap()[0].get(0), Value::Number(0.0));
}
