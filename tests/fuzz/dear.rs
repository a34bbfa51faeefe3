//! Texts that ask for the most memory or time a byte: what no edit of a sound model comes upon.

use std::fmt::Display;

/// Entries joined as a list of a model text.
fn list<T: Display>(entries: impl Iterator<Item = T>) -> String {
    entries.map(|entry| entry.to_string()).collect::<Vec<_>>().join(" ")
}

/// A whole text of these trees; each is the lines behind `Tree=`.
fn model(features: usize, trees: &[String], behind: &str) -> String {
    model_of(1, features, trees, behind)
}

/// The same for a model of several outputs.
fn model_of(outputs: usize, features: usize, trees: &[String], behind: &str) -> String {
    let trees: Vec<String> =
        trees.iter().enumerate().map(|(at, lines)| format!("Tree={at}\n{lines}\n\n\n")).collect();
    format!(
        "tree\nversion=v4\nnum_class={outputs}\nmax_feature_idx={}\nobjective={}\nfeature_names={}\nfeature_infos={}\ntree_sizes={}\n\n{}end of trees\n{behind}",
        features - 1,
        if outputs == 1 { "regression" } else { "custom" },
        list((0..features).map(|at| format!("{at:x}"))),
        list((0..features).map(|_| 0)),
        list(trees.iter().map(String::len)),
        trees.concat(),
    )
}

/// A tree that only goes on to the right, asking features in turn.
fn chain(splits: usize, features: usize) -> String {
    format!(
        "num_leaves={}\nnum_cat=0\nsplit_feature={}\nthreshold={}\ndecision_type={}\nleft_child={}\nright_child={}\nleaf_value={}\nleaf_count={}\ninternal_count={}",
        splits + 1,
        list((0..splits).map(|at| at % features)),
        list(0..splits),
        list((0..splits).map(|_| 2)),
        list((1..=splits).map(|at| format!("-{at}"))),
        list((1..=splits).map(|at| if at < splits { at.to_string() } else { format!("-{}", splits + 1) })),
        list((0..=splits).map(|at| at % 7)),
        list((0..=splits).map(|_| 1)),
        list((2..=splits + 1).rev()),
    )
}

/// A tree of one split by a set of these words.
fn by_category(words: &str, count: usize) -> String {
    format!(
        "num_leaves=2\nnum_cat=1\nsplit_feature=0\nthreshold=0\ndecision_type=1\nleft_child=-1\nright_child=-2\nleaf_value=1 2\ncat_boundaries=0 {count}\ncat_threshold={words}"
    )
}

/// The most classes that a header can declare, and no trees.
fn classes(objective: &str, sizes: &str) -> String {
    format!(
        "tree\nversion=v4\nnum_class=2147483647\nnum_tree_per_iteration=2147483647\nlabel_index=0\n{objective}max_feature_idx=0\nfeature_names=a\nfeature_infos=none\ntree_sizes={sizes}\n\nend of trees\n"
    )
}

/// Name and text; some are models, some are not.
pub fn texts() -> Vec<(&'static str, String)> {
    let leaf = || "num_leaves=1\nnum_cat=0\nleaf_value=1".to_owned();
    let constant = |behind: &str| model(1, &[leaf()], behind);
    let sets: Vec<String> = (0..3_000).map(|at| by_category(&format!("{}", 1_u32 << (at % 32)), 1)).collect();
    let distinct: Vec<String> =
        (0..600).map(|at| by_category(&format!("{}1", "0 ".repeat(at)), at + 1)).collect();
    let full: Vec<String> = (0..40)
        .map(|at| {
            by_category(&list((0..256).map(|word| (word * 2_654_435_761_u64 + at * 40_503) as u32)), 256)
        })
        .collect();
    vec![
        ("features", model(60_000, &[leaf()], "")),
        ("trees of one leaf", model(1, &vec![leaf(); 8_000], "")),
        ("one long chain", model(1, &[chain(1_024, 1)], "")),
        ("long chains of many features", model(1_024, &vec![chain(1_024, 1_024); 2], "")),
        (
            "chains of every length",
            model(256, &(1..256).step_by(9).map(|at| chain(at, at)).collect::<Vec<_>>(), ""),
        ),
        ("a chain that is too long", model(1, &[chain(100_000, 1)], "")),
        ("a long empty set", model(1, &[by_category(&"0 ".repeat(200_000), 200_000)], "")),
        ("a long set of one", model(1, &[by_category(&format!("{}1", "0 ".repeat(200_000)), 200_001)], "")),
        ("many sets", model(1, &sets, "")),
        ("sets of one category each", model(1, &distinct, "")),
        ("sets of classes", model(1, &full, "")),
        ("pandas numbers", constant(&format!("pandas_categorical:[[0{}]]\n", ",0".repeat(200_000)))),
        ("pandas objects", constant(&format!("pandas_categorical:[[{{}}{}]]\n", ",{}".repeat(130_000)))),
        ("pandas lists", constant(&format!("pandas_categorical:[[]{}]\n", ",[]".repeat(130_000)))),
        (
            "pandas depth",
            constant(&format!("pandas_categorical:{}{}\n", "[".repeat(200_000), "]".repeat(200_000))),
        ),
        ("keys", format!("tree\n{}", (0..60_000).map(|at| format!("{at:x}\n")).collect::<String>())),
        ("fields", model(1, &[(0..60_000).map(|at| format!("{at:x}=\n")).collect::<String>()], "")),
        ("sizes", format!("{}tree_sizes={}\n\n", &constant("")[..60], "1 ".repeat(200_000))),
        ("classes", constant("").replace("num_class=1", "num_class=2000000000")),
        ("classes and features", model_of(2_000, 30_000, &vec![chain(1, 1); 2_000], "")),
        ("classes without trees", classes("", "")),
        ("classes of an objective without trees", classes("objective=multiclass num_class:2147483647\n", "")),
        ("classes of a tree that is not there", classes("", "100")),
    ]
}
