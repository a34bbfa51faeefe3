//! Stopping a training is quick, gives everything back, and the memory foretold is the memory taken.
//!
//! One test in a process of its own: it reads the memory of the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "train/mod.rs"]
mod shared;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use serde_json::json;
use shared::*;
use sira_core::ErrorKind;
use sira_core::signature::Task;
use sira_train::{Column, Params, Phase, Rows, Table, estimate_memory, train};

/// Begins the process's high-water mark anew, at what is held now.
fn forget_peak() -> u64 {
    // SAFETY: gives free memory back to the system, so that the next training has to ask for it anew.
    unsafe { libc::malloc_trim(0) };
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    memory("VmRSS")
}

/// A line of /proc/self/status, in bytes.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|l| l.strip_prefix(line)).unwrap();
    found.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn wide(rows: usize, features: usize) -> Table {
    let mut dice = Dice(11);
    let mut score = vec![0.0; rows];
    let columns = (0..features)
        .map(|f| {
            let values: Vec<f64> = (0..rows).map(|_| dice.unit()).collect();
            if f < 4 {
                score.iter_mut().zip(&values).for_each(|(s, v)| *s += v);
            }
            Column { name: format!("f{f}"), categorical: false, values }
        })
        .collect();
    Table { columns, label: score.iter().map(|s| f64::from(*s > 2.3)).collect(), ..Table::default() }
}

#[test]
fn cancelling_is_quick_and_leaves_nothing() {
    let before = memory("VmRSS");
    let table = wide(200_000, 30);
    let (learn, validation) = halves(200_000);
    let rows = Rows { train: &learn, validation: &validation };
    let params = Params::from_json(Task::Binary, 2, &json!({"rounds": 10_000})).unwrap().validate().unwrap();

    // A run that goes on for a second and is then told to stop: how long until it does, and how long it was ever
    // deaf. The pauses between calls are what a host's cancel waits for.
    let start = Instant::now();
    let (mut last, mut deaf_binning, mut deaf_boosting) = (start, Duration::ZERO, Duration::ZERO);
    let mut asked = None;
    let error = train(&params, 42, 1, &table, rows, &mut |progress| {
        let now = Instant::now();
        match progress.phase {
            Phase::Binning => deaf_binning = deaf_binning.max(now - last),
            Phase::Boosting if progress.round > 1 => deaf_boosting = deaf_boosting.max(now - last),
            Phase::Boosting => {}
        }
        last = now;
        if progress.phase == Phase::Boosting && progress.round == 20 {
            asked = Some(now);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
    .unwrap_err();
    let stopped = asked.unwrap().elapsed();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    println!(
        "freed in {stopped:?}; deaf for {deaf_binning:?} while binning, {deaf_boosting:?} while boosting"
    );
    assert!(stopped < Duration::from_secs(1), "freeing took {stopped:?}");
    assert!(deaf_boosting < Duration::from_secs(1), "a round took {deaf_boosting:?}");
    assert!(deaf_binning < Duration::from_secs(4), "finding bins took {deaf_binning:?}");

    let peak = memory("VmHWM") - before;
    let estimate = estimate_memory(200_000, 30, &params);
    println!("peak {} MB, estimated {} MB", peak >> 20, estimate >> 20);
    assert!(estimate > peak * 9 / 10, "estimated {estimate}, took {peak}");
    // What 10,000 rounds of trees would have taken is foretold and was not reached.
    let short = Params::from_json(Task::Binary, 2, &json!({"rounds": 20})).unwrap().validate().unwrap();
    let estimate = estimate_memory(200_000, 30, &short);
    println!("estimated {} MB for the rounds it did", estimate >> 20);
    assert!(estimate > peak * 9 / 10 && estimate < peak * 2, "estimated {estimate}, took {peak}");

    // Cancelled at every stage, again and again, on a smaller table.
    let small = wide(20_000, 30);
    let (learn, validation) = halves(20_000);
    let rows = Rows { train: &learn, validation: &validation };
    let cancel_after = |calls: usize| {
        let mut seen = 0;
        let result = train(&params, 42, 1, &small, rows, &mut |_| {
            seen += 1;
            if seen > calls { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!(result.unwrap_err().kind, ErrorKind::Cancelled);
    };
    (0..40).for_each(cancel_after);
    let warm = memory("VmRSS");
    for _ in 0..3 {
        (0..40).for_each(cancel_after);
    }
    let grown = memory("VmRSS").saturating_sub(warm);
    println!("grown by {} kB over 120 cancelled trainings", grown >> 10);
    assert!(grown < 4 << 20, "grown by {grown} bytes");

    drop(small);
    drop(table);
    let shapes = [
        (Task::Binary, 100_000, 10, json!({"rounds": 30, "num_leaves": 255})),
        (Task::Multiclass, 30_000, 40, json!({"rounds": 10, "max_bin": 1000})),
        (Task::Regression, 400_000, 6, json!({"rounds": 10})),
    ];
    for (task, count, features, json) in shapes {
        let before = forget_peak();
        let mut table = wide(count, features);
        let classes = 5;
        if task == Task::Multiclass {
            table.label = table.columns[0].values.iter().map(|v| (v * 5.0).floor()).collect();
        }
        let (learn, validation) = halves(count);
        fit(task, classes, json.clone(), &table, Rows { train: &learn, validation: &validation }, 42)
            .unwrap();
        let peak = memory("VmHWM").saturating_sub(before);
        let params = Params::from_json(task, classes, &json).unwrap().validate().unwrap();
        let estimate = estimate_memory(count, features, &params);
        println!("{count} x {features} {json}: peak {} MB, estimated {} MB", peak >> 20, estimate >> 20);
        assert!(estimate > peak * 9 / 10 && estimate < peak * 3, "estimated {estimate}, took {peak}");
    }
}
