//! XGBoost's files cut, edited or made to hurt: refused or harmless, quickly, never a panic.
//!
//! Whatever parses must also compile, open, score and explain without trouble. `tests/fuzz` holds what is read
//! and compiled to its share of memory; here stand the lies that no random edit tells.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use serde_json::{Value, json};
use sira_core::ensemble::{self, Compiled, xgboost};
use sira_core::predict::{Rows, Scratch, reference};
use sira_core::{ErrorKind, predict, shap};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

fn read(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models/xgboost");
    fs::read(folder.join(name)).unwrap()
}

/// Reads; and what is read is used, with the same scores by every way of scoring.
fn use_it(bytes: &[u8]) -> sira_core::Result<()> {
    let ensemble = xgboost::parse(bytes)?;
    let compiled = ensemble::compile(&ensemble);
    let model = Compiled::open(&compiled).unwrap();
    let (features, outputs) = (model.feature_count(), model.outputs());
    let values: Vec<f64> =
        (0..9 * features).map(|at| if at % 7 == 3 { f64::NAN } else { (at * 5 % 13) as f64 - 6.5 }).collect();
    let mut all = vec![0.0; 9 * outputs];
    let rows = Rows::row_major(&values, features).unwrap();
    predict::raw_batch(&model, &rows, &mut Scratch::new(), &mut all).unwrap();
    let (mut one, mut plain) = (vec![0.0; outputs], vec![0.0; outputs]);
    for (row, all) in values.chunks_exact(features).zip(all.chunks_exact(outputs)) {
        predict::raw(&model, row, &mut one).unwrap();
        reference::raw(&model, row, &mut plain).unwrap();
        for ((one, plain), all) in one.iter().zip(&plain).zip(all) {
            assert!(one.to_bits() == plain.to_bits() && one.to_bits() == all.to_bits());
        }
        predict::transform(&model, &mut one);
    }
    let mut contributions = vec![0.0; outputs * (features + 1)];
    let explained = shap::contributions(&model, &values[..features], &mut contributions);
    assert_eq!(explained.is_ok(), model.is_explainable());
    Ok(())
}

/// A small generator, so that a failure comes back.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

#[test]
fn a_cut_file_is_refused_at_every_byte() {
    for name in ["words", "classes", "dart", "stump"] {
        for ending in ["json", "ubj"] {
            let bytes = read(&format!("3.2.0-{name}.{ending}"));
            for cut in 0..bytes.len() {
                let error = xgboost::parse(&bytes[..cut]).unwrap_err();
                assert_eq!(error.kind, ErrorKind::MalformedModel, "{name}.{ending} cut at {cut}: {error}");
            }
            use_it(&bytes).unwrap();
        }
    }
}

#[test]
fn random_edits_never_panic() {
    let characters = b"0123456789-=.[]{},:\"\\ELlUIidDSZTF#$\x00\x7F\xFF";
    let mut dice = Dice(0x5EED);
    let (mut taken, mut refused) = (0, 0);
    let start = Instant::now();
    for name in ["words.json", "words.ubj", "classes.ubj", "dart.json", "dart.ubj", "pruned.ubj", "stump.ubj"]
    {
        let sound = read(&format!("3.2.0-{name}"));
        for _ in 0..1_500 {
            let mut bytes = sound.clone();
            for _ in 0..=dice.roll(3) {
                let at = dice.roll(bytes.len());
                match dice.roll(8) {
                    0 => drop(bytes.remove(at)),
                    1 => bytes.insert(at, characters[dice.roll(characters.len())]),
                    2 => bytes[at] ^= 1 << dice.roll(8),
                    _ => bytes[at] = characters[dice.roll(characters.len())],
                }
            }
            match use_it(&bytes) {
                Ok(()) => taken += 1,
                Err(error) => {
                    let known = matches!(error.kind, ErrorKind::MalformedModel | ErrorKind::UnsupportedModel);
                    assert!(known, "{error}");
                    refused += 1;
                }
            }
        }
    }
    println!("{taken} edits taken, {refused} refused, {:?}", start.elapsed());
    assert!(taken > 0 && refused > 0);
}

/// The model with a value put somewhere.
fn with(name: &str, path: &str, value: Value) -> Vec<u8> {
    let mut model: Value = serde_json::from_slice(&read(&format!("3.2.0-{name}.json"))).unwrap();
    *model.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
    serde_json::to_vec(&model).unwrap()
}

const MODEL: &str = "/learner/gradient_booster/model";

#[test]
fn each_lie_is_named() {
    let tree = |field: &str, value: Value| with("words", &format!("{MODEL}/trees/0/{field}"), value);
    let param =
        |key: &str, value: &str| with("words", &format!("/learner/learner_model_param/{key}"), json!(value));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "text is not an XGBoost model in JSON"),
        ("other", b"tree\nversion=v4\n".to_vec(), "text is not an XGBoost model in JSON"),
        ("object", b"{}".to_vec(), "text is not an XGBoost model in JSON"),
        ("binary", b"binf\0\0".to_vec(), "text is not an XGBoost model in JSON"),
        ("empty binary", b"{L".to_vec(), "bytes are not an XGBoost model in UBJSON"),
        ("version", with("words", "/version", json!([4, 0, 0])), "model has a version that is not known"),
        ("no version", with("words", "/version", json!([])), "model has a version that is not known"),
        (
            "objective",
            with("words", "/learner/objective/name", json!("magic")),
            "objective \"magic\" is not known",
        ),
        (
            "booster",
            with("words", "/learner/gradient_booster/name", json!("gbx")),
            "booster \"gbx\" is not supported",
        ),
        ("features", param("num_feature", "7"), "\"feature_names\" has a wrong number of entries"),
        ("negative", param("num_feature", "-1"), "\"num_feature\" is \"-1\", not a count"),
        ("classes", param("num_class", "2000000000"), "model has an unfinished iteration"),
        ("targets", param("num_target", "2"), "models with more than one target are not supported"),
        (
            "base score",
            param("base_score", "[5E-1,5E-1]"),
            "model has another number of base scores than of outputs",
        ),
        (
            "no base score",
            param("base_score", "[]"),
            "base score \"[]\" is not a number or a list of numbers",
        ),
        (
            "nan base score",
            param("base_score", "NaN"),
            "base score NaN cannot be the answer of the model's objective",
        ),
        (
            "base beyond 1",
            param("base_score", "2"),
            "base score 2 cannot be the answer of the model's objective",
        ),
        (
            "same name",
            with("words", "/learner/feature_names/1", json!("amount")),
            "feature \"amount\" is named twice",
        ),
        (
            "tree info",
            with("words", &format!("{MODEL}/tree_info"), json!([0])),
            "\"tree_info\" has a wrong number of entries",
        ),
        (
            "output",
            with("words", &format!("{MODEL}/tree_info/1"), json!(1)),
            "tree is of an output that the model does not have",
        ),
        (
            "outputs",
            with("classes", &format!("{MODEL}/tree_info/1"), json!(1)),
            "model has an unfinished iteration",
        ),
        ("no trees", with("words", &format!("{MODEL}/trees"), json!([])), "model has no trees"),
        ("ids", tree("id", json!(1)), "trees are not in the order of their ids"),
        (
            "nodes",
            tree("tree_param/num_nodes", json!("4000000000")),
            "\"num_nodes\" is \"4000000000\", not a count",
        ),
        ("fewer nodes", tree("tree_param/num_nodes", json!("3")), "\"num_nodes\" does not fit the tree"),
        ("no nodes", tree("left_children", json!([])), "\"num_nodes\" does not fit the tree"),
        (
            "vector",
            tree("tree_param/size_leaf_vector", json!("3")),
            "trees with more than one output are not supported",
        ),
        ("deleted", tree("tree_param/num_deleted", json!("1")), "child links do not form a tree"),
        ("circle", tree("left_children/1", json!(0)), "child links do not form a tree"),
        ("self", tree("left_children/0", json!(0)), "child links do not form a tree"),
        ("twins", tree("left_children/0", json!(2)), "child links do not form a tree"),
        ("child", tree("left_children/0", json!(77)), "child links do not form a tree"),
        ("least", tree("left_children/0", json!(-2_147_483_648)), "child links do not form a tree"),
        ("half a leaf", tree("right_children/0", json!(-1)), "child links do not form a tree"),
        ("feature", tree("split_indices/0", json!(4)), "split feature is out of range"),
        ("deleted feature", tree("split_indices/0", json!(2_147_483_647)), "split feature is out of range"),
        ("no sets", tree("categories_nodes", json!([])), "category lists do not fit the tree"),
        (
            "set",
            tree("categories_sizes/0", json!(1_000_000_000_000_u64)),
            "category lists do not fit the tree",
        ),
        ("overflow", tree("categories_sizes/0", json!(u64::MAX)), "category lists do not fit the tree"),
        ("begin", tree("categories_segments/0", json!(1)), "category lists do not fit the tree"),
        (
            "beyond",
            tree("categories_nodes", json!([4_000_000_000_u32])),
            "category lists do not fit the tree",
        ),
        ("high", tree("categories/0", json!(4_000_000_000_u32)), "category sets take too much memory"),
        ("unknown field", tree("id", json!(null)), ""),
        (
            "both",
            with("dart", "/learner/gradient_booster/weight_drop", json!([1.0])),
            "\"weight_drop\" has a wrong number of entries",
        ),
        (
            "infinite weight",
            with("dart", "/learner/gradient_booster/weight_drop/0", json!(null)),
            "leaf value is not a finite number",
        ),
        (
            "texts",
            with("words", &format!("{MODEL}/cats/enc/1/offsets/1"), json!(4_000_000)),
            "texts of categories are damaged",
        ),
        ("letters", with("words", &format!("{MODEL}/cats/enc/1/values/3"), json!(-1)), ""),
        (
            "no letters",
            with("words", &format!("{MODEL}/cats/enc/1/values/3"), json!(1000)),
            "texts of categories are damaged",
        ),
    ];
    for (what, bytes, message) in cases {
        match use_it(&bytes) {
            Ok(()) => assert_eq!(message, "", "{what} was taken"),
            Err(error) => assert_eq!(error.message, message, "{what}: {error:?}"),
        }
    }
    let text = String::from_utf8(read("3.2.0-words.json")).unwrap();
    for (what, from, to, message) in [
        ("field", "\"id\":0", "\"id\":0,\"magic\":[]", "text is not an XGBoost model in JSON"),
        ("twice", "\"id\":0", "\"id\":0,\"id\":0", "text is not an XGBoost model in JSON"),
        (
            "deep",
            "\"attributes\":{}",
            &format!("\"attributes\":{}", "[".repeat(100_000)),
            "text is not an XGBoost model in JSON",
        ),
        (
            "nan threshold",
            "\"split_conditions\":[",
            "\"split_conditions\":[NaN,",
            "\"split_conditions\" does not fit the tree",
        ),
    ] {
        assert!(text.contains(from), "{what}");
        let error = use_it(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(error.message, message, "{what}: {error:?}");
    }
}

/// A tree that only ever goes on to the right, at a threshold more each time.
fn chain(splits: usize) -> Vec<u8> {
    let nodes = 2 * splits + 1;
    let list = |entry: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..nodes).map(entry).collect() };
    let split = |at: usize| at.is_multiple_of(2) && at + 1 < nodes;
    let integer = |entry: &dyn Fn(usize) -> i64| -> Vec<i64> { (0..nodes).map(entry).collect() };
    json!({
        "version": [3, 2, 0],
        "learner": {
            "learner_model_param": {"base_score": "[0E0]", "num_class": "0", "num_feature": "1", "num_target": "1"},
            "objective": {"name": "reg:squarederror"},
            "gradient_booster": {"name": "gbtree", "model": {"tree_info": [0], "trees": [{
                "id": 0,
                "tree_param": {"num_nodes": nodes.to_string(), "num_deleted": "0", "size_leaf_vector": "1"},
                "left_children": integer(&|at| if split(at) { at as i64 + 1 } else { -1 }),
                "right_children": integer(&|at| if split(at) { at as i64 + 2 } else { -1 }),
                "split_indices": integer(&|_| 0),
                "split_conditions": list(&|at| (at / 2) as f64 + if split(at) { 1.0 } else { 0.0 }),
                "default_left": integer(&|_| 0),
                "sum_hessian": list(&|at| (nodes - at) as f64),
            }]}},
        },
    })
    .to_string()
    .into_bytes()
}

#[test]
fn depth_is_bounded_and_needs_no_stack() {
    use_it(&chain(1024)).unwrap();
    let ensemble = xgboost::parse(&chain(1024)).unwrap();
    let bytes = ensemble::compile(&ensemble);
    assert_eq!(predict::score(&Compiled::open(&bytes).unwrap(), &[7.5]).unwrap(), 7.0);
    for splits in [1025, 100_000] {
        let error = xgboost::parse(&chain(splits)).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::UnsupportedModel, "tree is too deep"));
    }
    // Containers that nobody reads are skipped, but not however deep they are.
    for opening in [&b"["[..], b"[#L\0\0\0\0\0\0\0\x01", b"{L\0\0\0\0\0\0\0\x01a"] {
        let mut bytes = b"{L\0\0\0\0\0\0\0\x01x".to_vec();
        bytes.extend(opening.repeat(200_000));
        let error = xgboost::parse(&bytes).unwrap_err();
        assert!(error.detail.unwrap().contains("nested deeper"));
    }
}

#[test]
fn what_a_few_bytes_ask_for_is_not_given() {
    let start = Instant::now();
    let huge = i64::MAX.to_be_bytes();
    for opening in [&b"[#L"[..], b"[$d#L", b"[$i#L", b"[$Z#L", b"[$T#L", b"[$[#L", b"SL", b"L", b"["] {
        let mut bytes = b"{L\0\0\0\0\0\0\0\x01x".to_vec();
        bytes.extend_from_slice(opening);
        bytes.extend_from_slice(&huge);
        bytes.extend(vec![b'Z'; 1_000_000]);
        let error = xgboost::parse(&bytes).unwrap_err();
        assert_eq!(error.kind, ErrorKind::MalformedModel);
    }
    for text in [
        "[".repeat(3_000_000),
        "{\"a\":".repeat(1_000_000),
        format!("{{\"learner\":{{\"feature_names\":[{}]}}}}", vec!["\"x\""; 1_000_000].join(",")),
        "NaN".repeat(1_000_000),
    ] {
        assert!(xgboost::parse(text.as_bytes()).is_err());
    }
    let mut names: Value = serde_json::from_slice(&read("3.2.0-unnamed.json")).unwrap();
    names["learner"]["learner_model_param"]["num_feature"] = json!("2000000000");
    let error = xgboost::parse(names.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.message, "model has too many features without names");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn infinite_and_missing_splits_are_decided_as_xgboost_does() {
    let text = String::from_utf8(chain(1)).unwrap();
    let with_split = |split: &str| {
        let edited = text.replacen("\"split_conditions\":[1.0", &format!("\"split_conditions\":[{split}"), 1);
        assert_ne!(edited, text);
        xgboost::parse(edited.as_bytes())
    };
    let answers = |split: &str| -> Vec<f64> {
        let bytes = ensemble::compile(&with_split(split).unwrap());
        let model = Compiled::open(&bytes).unwrap();
        let rows = [f64::NEG_INFINITY, 0.0, 3.4e38, 1e300, f64::INFINITY, f64::NAN];
        rows.map(|value| predict::score(&model, &[value]).unwrap()).to_vec()
    };
    // The leaf on the left answers 0, the one on the right 1; missing values go right.
    assert_eq!(answers("Infinity"), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    assert_eq!(answers("-Infinity"), [1.0; 6]);
    assert_eq!(answers("-0.0"), [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(with_split("NaN").unwrap_err().message, "threshold is not a number");
}
