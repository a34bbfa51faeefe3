//! Feeds edited inputs until the time is over, and keeps those that are answered in a new way.
//!
//! Ours and small, because the harnesses that read coverage want a nightly compiler, and those that
//! do not know nothing of a model's text. What guides it instead of coverage is the kind of answer:
//! an input that meets an error or makes a model of a kind not seen before is edited further.
//!
//! The same seed gives the same inputs. One that fails is written down and its place printed; what it
//! shows becomes a case of `tests/hostile_models.rs`.

use crate::dice::Dice;
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is fed, and how it is edited.
pub struct Target {
    pub name: &'static str,
    pub seeds: Vec<Vec<u8>>,
    pub edit: fn(&mut Dice, &mut Vec<u8>, &[Vec<u8>]),
    /// Takes an input and names the kind of answer; panics where something does not hold.
    pub feed: fn(&[u8]) -> String,
}

/// An eighth of what PostgreSQL allows itself by default, and most of that is taken by the tests' own
/// unoptimized code: whatever recursed by the depth of its input would not fit.
const STACK: usize = 256 << 10;
const LONGEST: usize = 64 << 10;
/// No input of this size may take longer, on a machine however busy.
const HANG: Duration = Duration::from_secs(20);

pub fn run(target: Target) {
    let number = |name: &str, usual| {
        std::env::var(name)
            .map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}")))
    };
    let budget = Duration::from_secs(number("SIRA_FUZZ_SECONDS", 8));
    let seed = number("SIRA_FUZZ_SEED", 1);
    let name = target.name;
    let fed = Arc::new(Mutex::new((0u64, Vec::new())));
    let feeding = fed.clone();
    let (done, ended) = sync_channel(1);
    let work = move || {
        let report = feed_all(&target, seed, budget, &feeding);
        // Nobody waits any more where the answer came too late.
        let _ = done.send(report);
    };
    let worker = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work).unwrap();
    let keep = || {
        let (number, input) = fed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{seed}-{number}"));
        fs::write(&path, input).unwrap();
        path
    };
    let mut last = None;
    loop {
        match ended.recv_timeout(HANG) {
            Ok(report) => {
                worker.join().unwrap();
                return println!("{name}: {report}");
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = fed.lock().unwrap_or_else(PoisonError::into_inner).0;
                assert_ne!(last.replace(now), Some(now), "{name} hangs: {}", keep().display());
            }
            Err(RecvTimeoutError::Disconnected) => panic!("{name} panics: {}", keep().display()),
        }
    }
}

fn feed_all(target: &Target, seed: u64, budget: Duration, feeding: &Mutex<(u64, Vec<u8>)>) -> String {
    let begin = Instant::now();
    let mut dice = Dice::new(seed);
    let mut kinds = HashSet::new();
    let mut pool: Vec<Vec<u8>> = Vec::new();
    let mut count = 0;
    let mut slowest = Duration::ZERO;
    let mut feed = |input: Vec<u8>, pool: &mut Vec<Vec<u8>>| {
        count += 1;
        *feeding.lock().unwrap_or_else(PoisonError::into_inner) = (count, input.clone());
        let start = Instant::now();
        let kind = (target.feed)(&input);
        slowest = slowest.max(start.elapsed());
        if kinds.insert(kind) {
            pool.push(input);
        }
    };
    assert!(!target.seeds.is_empty(), "{}: nothing to edit", target.name);
    for input in &target.seeds {
        feed(input.clone(), &mut pool);
    }
    let begun_with = pool.len();
    while begin.elapsed() < budget {
        // Half of the inputs begin with a sound one.
        let from = if dice.once_in(2) { &target.seeds } else { &pool };
        let mut input = from[dice.roll(from.len())].clone();
        for _ in 0..=dice.roll(4) {
            (target.edit)(&mut dice, &mut input, &target.seeds);
        }
        input.truncate(LONGEST);
        feed(input, &mut pool);
    }
    // Edits that changed no answer would show nothing.
    assert!(pool.len() > begun_with, "{}: all {count} inputs were answered alike", target.name);
    format!("{count} inputs, {} kinds of answers, the slowest after {slowest:?}", pool.len())
}
