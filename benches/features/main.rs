//! Twelve windows over a quarter of card payments, all rows asked about: the time of the kernel alone, on one core.
//!
//! The data are generated with the shape of the Fraud Detection Handbook's simulated quarter: 872,795 payments of
//! 4,983 customers at 10,000 terminals over 91 days. Count and mean per customer and, seven days late, count and
//! fraud rate per terminal, over 1, 7 and 30 days. What is measured is processor time, the best of several runs.
#![allow(clippy::unwrap_used, reason = "a measurement that fails says so")]

use std::hint::black_box;

use sira_core::feature::online::{Moment, answer};
use sira_core::feature::sweep::Sweep;
use sira_core::feature::{Aggregate, Column, Events, History, Measure, Queries, Window};

const DAY: i64 = 86_400_000_000;
const ROWS: usize = 872_795;

/// Milliseconds of processor time that this thread has used.
fn now() -> f64 {
    let read = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    read.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}

/// The best of seven runs, each so many `times` that the clock is fine enough.
fn best<T>(what: &str, times: u32, mut run: impl FnMut() -> T) {
    let mut once = || {
        let start = now();
        (0..times).for_each(|_| drop(black_box(run())));
        (now() - start) / f64::from(times)
    };
    let best = (0..7).map(|_| once()).fold(f64::INFINITY, f64::min);
    println!("{what:<58} {best:10.3} ms");
}

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

struct Payments {
    customer: Vec<u32>,
    terminal: Vec<u32>,
    history: History,
}

fn payments() -> Payments {
    let mut state = 2018;
    let step = 91 * DAY / ROWS as i64;
    let time = (0..ROWS as i64).map(|row| row * step + (next(&mut state) % 400_000) as i64).collect();
    let mut code = |of: u64| (0..ROWS).map(|_| (next(&mut state) % of) as u32).collect();
    let (customer, terminal) = (code(4983), code(10_000));
    let amount = (0..ROWS).map(|_| Some((next(&mut state) % 22_000) as f64 / 100.0)).collect();
    let fraud = (0..ROWS).map(|_| Some(f64::from(u8::from(next(&mut state) % 1000 < 8)))).collect();
    let columns = vec![Column::Numbers(amount), Column::Numbers(fraud)];
    Payments { customer, terminal, history: History { time, recorded: None, columns } }
}

fn windows(aggregates: &[Aggregate], value: usize, delay: i64) -> Vec<Measure> {
    let window = |days, aggregate| Window::new(aggregate, Some(days * DAY), delay, true).unwrap();
    let of = |days| aggregates.iter().map(move |aggregate| Measure::of(window(days, *aggregate), value));
    [1, 7, 30].into_iter().flat_map(of).collect()
}

fn main() {
    let payments = payments();
    let stream = |entity: &[u32]| {
        let events = Events { entity: entity.to_vec(), history: payments.history.clone() };
        let queries = Queries { entity: entity.to_vec(), time: payments.history.time.clone(), known: None };
        (events, queries)
    };
    let (customers, terminals) = (stream(&payments.customer), stream(&payments.terminal));
    let sweep = |(events, queries): &(Events, Queries), measures: &[Measure]| {
        Sweep::new(events, queries).unwrap().answers(measures, &mut || Ok(())).unwrap()
    };
    let usual = [Aggregate::Count, Aggregate::Avg];
    let (spent, rate) = (windows(&usual, 0, 0), windows(&usual, 1, 7 * DAY));
    best("sort events and moments of both streams", 1, || {
        [&customers, &terminals].map(|(events, queries)| Sweep::new(events, queries).map(drop))
    });
    best("12 windows: sort and sweep", 1, || [sweep(&customers, &spent), sweep(&terminals, &rate)]);
    for aggregate in Aggregate::ALL {
        let denominator = (aggregate == Aggregate::Ratio).then_some(1);
        let measures: Vec<Measure> =
            windows(&[aggregate], 0, 0).into_iter().map(|m| Measure { denominator, ..m }).collect();
        best(&format!("3 windows of {aggregate} per customer: sort and sweep"), 1, || {
            sweep(&customers, &measures)
        });
    }
    // As they would be with each row recorded within a minute, one in a thousand days later.
    let mut state = 7;
    let lag = |time: &i64| {
        let late = next(&mut state).is_multiple_of(1000);
        time + (next(&mut state) % 60_000_000) as i64 + if late { 5 * DAY } else { 0 }
    };
    let (mut events, mut queries) = customers;
    events.history.recorded = Some(events.history.time.iter().map(lag).collect());
    queries.known = Some(queries.time.clone());
    best("6 windows per customer, as known at the moment", 1, || {
        sweep(&(events.clone(), queries.clone()), &spent)
    });

    // One entity, as an insert would ask: every window folds the rows that were read.
    for rows in [200, 2000, 20_000] {
        let mut history = payments.history.clone();
        history.time.truncate(rows);
        let numbers = |column: &Column| (0..rows).map(|row| column.get(row).number()).collect();
        history.columns = history.columns.iter().map(|column| Column::Numbers(numbers(column))).collect();
        let moment = Moment { time: history.time[rows - 1], known: None };
        let all: Vec<Measure> = [Aggregate::Count, Aggregate::Avg, Aggregate::Max, Aggregate::Stddev]
            .into_iter()
            .flat_map(|aggregate| windows(&[aggregate], 0, 0))
            .collect();
        best(&format!("{} windows of one entity with {rows} rows", all.len()), 200, || {
            all.iter().map(|measure| answer(&history, measure, moment)).collect::<Vec<_>>()
        });
    }
}
