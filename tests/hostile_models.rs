//! Files that are cut, edited or damaged: refused or harmless, quickly, never a panic.
//!
//! Whatever parses must also compile, open, score and explain without trouble, so every survivor is
//! put through all of it. Edits by chance, and the memory that they cost, are in `tests/fuzz`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

#[path = "fuzz/exercise.rs"]
mod exercise;

use exercise::{Outcome, exercise};
use sira_core::ensemble::{self, Compiled, lightgbm};
use sira_core::{ErrorKind, predict, shap};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const FINE: Outcome = Outcome { scored: true, agreed: true, explained: true };

fn model(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models").join(format!("{name}.txt"));
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_cut_text_is_refused_at_every_byte() {
    for name in ["binary", "multiclass", "random_forest", "single_leaf", "pandas"] {
        let text = model(name);
        let whole = lightgbm::parse(&text).unwrap();
        let last = text.find("end of trees").unwrap() + "end of trees".len();
        for cut in 0..text.len() {
            match lightgbm::parse(&text[..cut]) {
                Ok(parsed) => {
                    assert!(cut >= last, "{name} cut at byte {cut} of {} was taken", text.len());
                    assert_eq!(parsed.trees(), whole.trees());
                }
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::MalformedModel, "{name} cut at {cut}: {error}")
                }
            }
        }
    }
}

/// Applies an edit inside the trees and makes `tree_sizes` fit again, so that the edit is met.
fn edited(name: &str, from: &str, to: &str) -> String {
    let text = model(name);
    assert!(text.contains(from), "{name} has no {from:?}");
    fit_sizes(&text.replacen(from, to, 1))
}

fn fit_sizes(text: &str) -> String {
    let begins: Vec<usize> = text.match_indices("Tree=").map(|(at, _)| at).collect();
    let end = text.find("end of trees").unwrap();
    let ends = begins.iter().skip(1).chain([&end]);
    let sizes: Vec<String> = begins.iter().zip(ends).map(|(begin, end)| (end - begin).to_string()).collect();
    let line = text.lines().find(|line| line.starts_with("tree_sizes=")).unwrap();
    text.replacen(line, &format!("tree_sizes={}", sizes.join(" ")), 1)
}

/// Replaces a whole `key=…` line, the first of that key.
fn with_line(name: &str, key: &str, value: &str) -> String {
    let text = model(name);
    let line = text.lines().find(|line| line.starts_with(&format!("{key}="))).unwrap().to_owned();
    edited(name, &format!("\n{line}\n"), &format!("\n{key}={value}\n"))
}

#[test]
fn each_lie_is_named() {
    let without_sizes: String = model("binary")
        .lines()
        .filter(|line| !line.starts_with("tree_sizes"))
        .map(|line| format!("{line}\n"))
        .collect();
    let doubled = model("binary").replacen("num_class=1\n", "num_class=1\nnum_class=1\n", 1);
    let sizes = |value: &str| {
        let text = model("binary");
        let line = text.lines().find(|line| line.starts_with("tree_sizes=")).unwrap().to_owned();
        text.replacen(&line, &format!("tree_sizes={value}"), 1)
    };
    let whole = model("binary");
    let line = whole.lines().find(|line| line.starts_with("tree_sizes=")).unwrap();
    let no_trees = |objective: &str, classes: usize| {
        format!(
            "tree\nversion=v4\nnum_class={classes}\nnum_tree_per_iteration={classes}\nlabel_index=0\n{objective}max_feature_idx=0\nfeature_names=a\nfeature_infos=none\ntree_sizes=\n\nend of trees\n"
        )
    };
    let fewer = whole.replacen(line, line.rsplit_once(' ').unwrap().0, 1);
    let cases: Vec<(&str, String, &str)> = vec![
        ("empty", String::new(), "text is not a LightGBM model"),
        ("json", "{}".into(), "text is not a LightGBM model"),
        ("first word", model("binary").replacen("tree\n", "forest\n", 1), "text is not a LightGBM model"),
        ("no sizes", without_sizes, "header lacks \"tree_sizes\""),
        ("empty sizes", sizes(""), "model text is not whole"),
        ("one size too few", fewer, "model text is not whole"),
        ("overflow", sizes("18446744073709551615 2 3"), "model text is not whole"),
        (
            "huge",
            sizes("99999999999999999999999 2 3"),
            "tree size \"99999999999999999999999\" is not a count",
        ),
        ("negative", sizes("-1"), "tree size \"-1\" is not a count"),
        ("shifted", sizes("1 1 1"), "tree sizes do not fit the trees"),
        ("no end", model("binary").replacen("end of trees", "end of tree", 1), "model text is not whole"),
        ("key twice", doubled, "\"num_class\" stands twice in the header"),
        (
            "version 1",
            model("binary").replacen("version=v4", "version=v1", 1),
            "model text has version \"v1\"",
        ),
        (
            "features",
            with_line("binary", "max_feature_idx", "7"),
            "\"feature_names\" has a wrong number of entries",
        ),
        (
            "no features",
            with_line("binary", "max_feature_idx", "-1"),
            "\"max_feature_idx\" is \"-1\", not a count",
        ),
        ("same name", with_line("binary", "feature_names", "a a b c d"), "feature \"a\" is named twice"),
        ("objective", with_line("binary", "objective", "magic"), "objective \"magic\" is not known"),
        (
            "sigmoid",
            with_line("binary", "objective", "binary sigmoid:-1"),
            "objective \"binary sigmoid:-1\" is malformed",
        ),
        (
            "classes",
            with_line("multiclass", "objective", "multiclass num_class:4"),
            "objective \"multiclass num_class:4\" is malformed",
        ),
        (
            "many classes",
            with_line("custom", "num_class", "2000000000"),
            "number of classes and trees per iteration differ",
        ),
        ("no trees", no_trees("", 1), "model has no trees"),
        ("classes without trees", no_trees("", i32::MAX as usize), "model has no trees"),
        (
            "classes of an objective without trees",
            no_trees("objective=multiclass num_class:2147483647\n", i32::MAX as usize),
            "model has no trees",
        ),
        (
            "sizes of classes empty",
            {
                let text = model("multiclass");
                let line = text.lines().find(|line| line.starts_with("tree_sizes=")).unwrap().to_owned();
                text.replacen(&line, "tree_sizes=", 1)
            },
            "model text is not whole",
        ),
        ("leaves", with_line("binary", "num_leaves", "2000000000"), "\"leaf_value\" has too few entries"),
        ("no leaves", with_line("binary", "num_leaves", "0"), "tree has no leaves"),
        ("less leaves", with_line("binary", "num_leaves", "3"), "\"leaf_value\" has more than 3 entries"),
        ("sets", with_line("binary", "num_cat", "2000000000"), "\"cat_boundaries\" has too few entries"),
        (
            "set borders",
            with_line("binary", "cat_boundaries", "0 4000000000"),
            "\"cat_threshold\" has too few entries",
        ),
        (
            "set begin",
            with_line("binary", "cat_boundaries", "1 2"),
            "\"cat_boundaries\" does not begin with 0",
        ),
        ("nan leaf", with_line("binary", "leaf_value", "nan 1 2 3"), "leaf value is not a finite number"),
        (
            "infinite leaf",
            with_line("binary", "leaf_value", "1 1 2 1e999"),
            "leaf value is not a finite number",
        ),
        ("nan threshold", with_line("no_missing", "threshold", "nan 0 1"), "threshold is not a number"),
        ("feature", with_line("binary", "split_feature", "0 3 9"), "split feature is out of range"),
        (
            "kind of missing",
            with_line("no_missing", "decision_type", "14 1 2"),
            "decision type 14 is not known",
        ),
        (
            "kind",
            with_line("no_missing", "decision_type", "300 1 2"),
            "\"decision_type\" has an entry \"300\"",
        ),
        ("circle", with_line("binary", "left_child", "1 0 -3"), "child links do not form a tree"),
        ("self", with_line("binary", "left_child", "0 1 2"), "child links do not form a tree"),
        ("child", with_line("binary", "left_child", "77 1 2"), "child links do not form a tree"),
        ("leaf", with_line("binary", "left_child", "1 -78 -3"), "child links do not form a tree"),
        ("least", with_line("binary", "left_child", "1 -2147483648 -3"), "child links do not form a tree"),
        (
            "cover",
            with_line("binary", "internal_count", "600 -1 3"),
            "\"internal_count\" has an entry \"-1\"",
        ),
        (
            "unknown field",
            edited("binary", "\nshrinkage=", "\nleaf_magic=1\nshrinkage="),
            "tree has a field \"leaf_magic\" that is not known",
        ),
        (
            "field twice",
            edited("binary", "\nshrinkage=", "\nnum_cat=0\nshrinkage="),
            "\"num_cat\" stands twice",
        ),
        ("pandas cut", model("pandas").replace("5812]]", "5812]"), "pandas categories are not JSON"),
    ];
    for (what, text, message) in cases {
        match lightgbm::parse(&text) {
            Ok(_) => panic!("{what} was taken"),
            Err(error) => assert_eq!(error.message, message, "{what}: {error:?}"),
        }
    }
}

/// A text with one tree that only ever goes on to the right.
fn chain(splits: usize) -> String {
    let list =
        |entry: &dyn Fn(usize) -> String, count: usize| (0..count).map(entry).collect::<Vec<_>>().join(" ");
    let tree = format!(
        "Tree=0\nnum_leaves={}\nnum_cat=0\nsplit_feature={}\nthreshold={}\ndecision_type={}\nleft_child={}\nright_child={}\nleaf_value={}\nleaf_count={}\ninternal_count={}\n\n\n",
        splits + 1,
        list(&|_| "0".into(), splits),
        list(&|at| at.to_string(), splits),
        list(&|_| "2".into(), splits),
        list(&|at| format!("-{}", at + 1), splits),
        list(&|at| if at + 1 < splits { (at + 1).to_string() } else { format!("-{}", splits + 1) }, splits),
        list(&|at| at.to_string(), splits + 1),
        list(&|_| "1".into(), splits + 1),
        list(&|at| (splits + 1 - at).to_string(), splits),
    );
    format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\nobjective=regression\nfeature_names=a\nfeature_infos=[0:1]\ntree_sizes={}\n\n{tree}end of trees\n",
        tree.len()
    )
}

/// Much less than a recursion by level would take; most of it is a block's answers, unoptimized.
const SMALL_STACK: usize = 192 << 10;

#[test]
fn depth_is_bounded_and_needs_no_stack() {
    let deep = || {
        let ensemble = lightgbm::parse(&chain(1024)).unwrap();
        let bytes = ensemble::compile(&ensemble);
        let model = Compiled::open(&bytes).unwrap();
        assert_eq!(exercise(&model), FINE);
        assert_eq!(predict::score(&model, &[1e9]).unwrap(), 1024.0);
        let mut contributions = [0.0; 2];
        shap::contributions(&model, &[7.0], &mut contributions).unwrap();
        assert!((contributions[0] + contributions[1] - 7.0).abs() < 1e-9);
        for splits in [1025, 200_000] {
            let error = lightgbm::parse(&chain(splits)).unwrap_err();
            assert_eq!(
                (error.kind, error.message.as_str()),
                (ErrorKind::UnsupportedModel, "tree is too deep")
            );
        }
    };
    std::thread::Builder::new().stack_size(SMALL_STACK).spawn(deep).unwrap().join().unwrap();
}

#[test]
fn any_damaged_byte_of_compiled_bytes_is_found() {
    for name in ["binary", "multiclass", "deep", "single_leaf"] {
        let bytes = ensemble::compile(&lightgbm::parse(&model(name)).unwrap());
        let mut damaged = bytes.clone();
        let (mut attached, mut fine) = (0, 0);
        let start = Instant::now();
        for at in 0..bytes.len() {
            for flip in [1u8, 0x80, 0xFF] {
                damaged[at] ^= flip;
                let error = Compiled::open(&damaged).map(|_| ()).unwrap_err();
                assert_eq!(error.kind, ErrorKind::CorruptArtifact, "{name}: byte {at}");
                // Without the checksum the damage may pass, and must do no harm.
                if let Ok(model) = Compiled::attach(&damaged) {
                    attached += 1;
                    fine += usize::from(exercise(&model) == FINE);
                }
                damaged[at] ^= flip;
            }
        }
        for cut in 0..bytes.len() {
            assert!(Compiled::attach(&bytes[..cut]).is_err(), "{name} cut at {cut}");
        }
        assert_eq!(exercise(&Compiled::open(&bytes).unwrap()), FINE);
        println!(
            "{name}: {attached} damaged models walked without checksum, {fine} to the end, {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn compiled_bytes_may_lie_anywhere() {
    let bytes = ensemble::compile(&lightgbm::parse(&model("multiclass")).unwrap());
    let row = [1.0, 0.0, f64::NAN, 6.0, 3.0];
    let expected = predict::scores(&Compiled::open(&bytes).unwrap(), &row).unwrap();
    for offset in 0..9 {
        let mut shifted = vec![0; offset];
        shifted.extend_from_slice(&bytes);
        let model = Compiled::open(&shifted[offset..]).unwrap();
        assert_eq!(predict::scores(&model, &row).unwrap(), expected);
    }
}

#[test]
fn a_large_hostile_text_is_refused_quickly() {
    let start = Instant::now();
    for text in [
        "tree\n".repeat(1_000_000),
        format!("tree\n{}", "a=b\n".repeat(1_000_000)),
        format!("tree\nversion=v4\nfeature_names={}\n", "x ".repeat(2_000_000)),
        "Tree=".repeat(1_000_000),
    ] {
        assert!(lightgbm::parse(&text).is_err());
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
