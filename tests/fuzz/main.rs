//! Strangers' files and damaged bytes, ten thousands of them: refused or harmless, in time, within
//! memory in proportion to the input and a small stack; never a panic.
//!
//! A bounded run is part of the tests; `SIRA_FUZZ_SECONDS=3600 SIRA_FUZZ_SEED=7` makes a longer one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

mod allocations;
mod bytes;
mod dear;
mod dice;
mod exercise;
mod harness;
mod text;
mod xgboost;

use allocations::most_held;
use dice::Dice;
use exercise::{Outcome, exercise};
use harness::Target;
use sira_core::ensemble::{self, Compiled, Ensemble, lightgbm};
use sira_core::{Error, ErrorKind};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: allocations::Counting = allocations::Counting;

/// What reading may hold, bytes an input's byte and besides. The shortest entry of a list takes two
/// bytes of text; the largest thing that it can stand for is a JSON value.
const READ: (usize, usize) = (96, 64 << 10);
/// What compiling may hold: two bytes of text are 32 categories, each a number in the table of classes,
/// which is made and then copied.
const COMPILE: (usize, usize) = (160, 1 << 20);
/// What scoring and explaining may hold, by compiled bytes; rows and results are in it.
const USE: (usize, usize) = (64, 8 << 20);

fn hold<T>(what: &str, length: usize, (factor, base): (usize, usize), call: impl FnOnce() -> T) -> T {
    let (answer, held) = most_held(call);
    assert!(held <= factor * length + base, "{what} {length} bytes held {held}");
    answer
}

/// Small sound models of every kind.
fn sound_texts() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The message without what it names.
fn kind_of(error: &Error) -> String {
    error.message.split('"').step_by(2).collect()
}

/// What was read compiles, opens, and can be used in every way with the same answers.
fn use_all(ensemble: &Ensemble, length: usize, most: (usize, usize)) -> String {
    let bytes = hold("compiling", length, most, || ensemble::compile(ensemble));
    let model = Compiled::open(&bytes).unwrap();
    let outcome = hold("using", bytes.len(), USE, || exercise(&model));
    assert_eq!(outcome, Outcome { scored: true, agreed: true, explained: model.is_explainable() });
    let nodes: usize = ensemble.trees().iter().map(|tree| tree.nodes().len()).sum();
    let depth = ensemble.trees().iter().map(|tree| tree.depth()).max().unwrap_or_default();
    format!(
        "{} {} {} {} {}",
        ensemble.objective().name(),
        ensemble.trees().len().ilog2(),
        nodes.checked_ilog2().unwrap_or_default(),
        depth.checked_ilog2().unwrap_or_default(),
        model.is_coded()
    )
}

fn feed_lightgbm(input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
    match hold("reading", input.len(), READ, || lightgbm::parse(text)) {
        Ok(ensemble) => use_all(&ensemble, input.len(), COMPILE),
        Err(error) => {
            assert!(matches!(error.kind, ErrorKind::MalformedModel | ErrorKind::UnsupportedModel), "{error}");
            kind_of(&error)
        }
    }
}

#[test]
fn lightgbm_texts_are_read_or_refused() {
    harness::run(Target { name: "lightgbm", seeds: sound_texts(), edit: text::edit, feed: feed_lightgbm });
}

/// XGBoost's category sets are lists of members, and a set is as long as its highest one: besides their share
/// of the input they may take a megabyte, which compiling makes a table of classes of.
const READ_XGBOOST: (usize, usize) = (READ.0 + 64, READ.1 + (2 << 20));
const COMPILE_XGBOOST: (usize, usize) = (COMPILE.0 + 64, COMPILE.1 + (16 << 20));

fn feed_xgboost(input: &[u8]) -> String {
    match hold("reading", input.len(), READ_XGBOOST, || ensemble::xgboost::parse(input)) {
        Ok(ensemble) => use_all(&ensemble, input.len(), COMPILE_XGBOOST),
        Err(error) => {
            assert!(matches!(error.kind, ErrorKind::MalformedModel | ErrorKind::UnsupportedModel), "{error}");
            kind_of(&error)
        }
    }
}

fn sound_xgboost() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models/xgboost");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json" || ending == "ubj"));
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn xgboost_files_are_read_or_refused() {
    harness::run(Target { name: "xgboost", seeds: sound_xgboost(), edit: xgboost::edit, feed: feed_xgboost });
}

#[test]
fn what_costs_most_costs_in_proportion() {
    for (name, text) in dear::texts() {
        let start = Instant::now();
        println!("{name}, {} bytes: {}, {:?}", text.len(), feed_lightgbm(text.as_bytes()), start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(20), "{name}");
    }
}

/// The header's length is made to fit, so that other damage is met.
fn edit_compiled(dice: &mut Dice, bytes: &mut Vec<u8>, _: &[Vec<u8>]) {
    if dice.once_in(3) {
        // The head: table of sections, description, spans.
        let at = dice.roll(bytes.len().min(1024));
        bytes::number(dice, bytes, at);
    } else {
        bytes::edit(dice, bytes);
    }
    let length = (bytes.len() as u64).to_le_bytes();
    if let Some(place) = bytes.get_mut(16..24).filter(|_| !dice.once_in(20)) {
        place.copy_from_slice(&length);
    }
}

/// Without the checksum, which finds damage but would not let any of it through.
fn feed_compiled(input: &[u8]) -> String {
    let opened = Compiled::open(input);
    match Compiled::attach(input) {
        Ok(model) => {
            let outcome = hold("using", input.len(), USE, || exercise(&model));
            format!("{outcome:?} {}", model.objective().name())
        }
        Err(error) => {
            assert!(opened.is_err(), "opened, not attached");
            assert_eq!(error.kind, ErrorKind::CorruptArtifact, "{error}");
            error.detail.unwrap_or_default().replace(|sign: char| sign.is_ascii_digit(), "")
        }
    }
}

#[test]
fn compiled_bytes_do_no_harm() {
    let compiled = |text: &Vec<u8>| {
        let ensemble = lightgbm::parse(std::str::from_utf8(text).unwrap()).ok()?;
        Some(ensemble::compile(&ensemble))
    };
    harness::run(Target {
        name: "compiled",
        seeds: sound_texts().iter().filter_map(compiled).collect(),
        edit: edit_compiled,
        feed: feed_compiled,
    });
}
