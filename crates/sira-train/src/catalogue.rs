//! The parameters that exist, with their other names, types and ranges: the allow-list as a table.

use sira_core::signature::Task;

/// A parameter: its canonical name (LightGBM's), its aliases and what it takes.
pub(crate) struct Spec {
    pub name: &'static str,
    aliases: &'static [&'static str],
    pub kind: Kind,
}

/// A word and its other spellings.
pub(crate) type Word = (&'static str, &'static [&'static str]);

pub(crate) enum Kind {
    Int {
        min: i64,
        max: i64,
    },
    /// From (or, when `above`, strictly above) the first up to and including the second.
    Real {
        above: bool,
        from: f64,
        to: f64,
    },
    Bool,
    Word(fn(Task) -> &'static [Word]),
}

/// How deep a ranking is looked at by its measure.
pub(crate) const RANKING_DEPTH: usize = 10;

const fn int(name: &'static str, aliases: &'static [&'static str], min: i64, max: i64) -> Spec {
    Spec { name, aliases, kind: Kind::Int { min, max } }
}

const fn real(name: &'static str, aliases: &'static [&'static str], from: f64, to: f64) -> Spec {
    Spec { name, aliases, kind: Kind::Real { above: false, from, to } }
}

const fn above(name: &'static str, aliases: &'static [&'static str], from: f64, to: f64) -> Spec {
    Spec { name, aliases, kind: Kind::Real { above: true, from, to } }
}

const fn switch(name: &'static str, aliases: &'static [&'static str]) -> Spec {
    Spec { name, aliases, kind: Kind::Bool }
}

const fn word(name: &'static str, aliases: &'static [&'static str], of: fn(Task) -> &'static [Word]) -> Spec {
    Spec { name, aliases, kind: Kind::Word(of) }
}

/// Limits are LightGBM's own where it states them, and otherwise what still makes sense inside a database.
static SPECS: &[Spec] = &[
    word("objective", &["objective_type", "application", "loss"], objectives),
    word("metric", &["metrics", "eval_metric"], metrics),
    word("boosting", &["boosting_type", "boost"], |_| BOOSTINGS),
    int(
        "num_iterations",
        &[
            "rounds",
            "n_estimators",
            "num_boost_round",
            "num_round",
            "num_rounds",
            "num_trees",
            "nrounds",
            "max_iter",
        ],
        1,
        100_000,
    ),
    above("learning_rate", &["eta", "shrinkage_rate"], 0.0, 1.0),
    int("num_leaves", &["max_leaves", "num_leaf", "max_leaf_nodes"], 2, 4096),
    int("max_depth", &[], -1, 1000),
    int(
        "min_data_in_leaf",
        &["min_child_samples", "min_data_per_leaf", "min_data", "min_samples_leaf"],
        1,
        1_000_000_000,
    ),
    real("min_sum_hessian_in_leaf", &["min_child_weight", "min_sum_hessian", "min_hessian"], 0.0, 1e12),
    int("early_stopping_rounds", &["early_stopping_round", "early_stopping", "n_iter_no_change"], 0, 100_000),
    real("early_stopping_min_delta", &[], 0.0, 1e12),
    real("lambda_l1", &["reg_alpha", "l1_regularization"], 0.0, 1e12),
    real("lambda_l2", &["reg_lambda", "lambda", "l2_regularization"], 0.0, 1e12),
    real("min_gain_to_split", &["min_split_gain"], 0.0, 1e12),
    real("max_delta_step", &["max_tree_output", "max_leaf_output"], 0.0, 1e12),
    real("path_smooth", &[], 0.0, 1e12),
    above("feature_fraction", &["colsample_bytree", "sub_feature"], 0.0, 1.0),
    above("feature_fraction_bynode", &["colsample_bynode", "sub_feature_bynode"], 0.0, 1.0),
    above("bagging_fraction", &["subsample", "sub_row", "bagging"], 0.0, 1.0),
    above("pos_bagging_fraction", &["pos_subsample", "pos_sub_row", "pos_bagging"], 0.0, 1.0),
    above("neg_bagging_fraction", &["neg_subsample", "neg_sub_row", "neg_bagging"], 0.0, 1.0),
    int("bagging_freq", &["subsample_freq"], 0, 100_000),
    switch("extra_trees", &["extra_tree"]),
    real("top_rate", &[], 0.0, 1.0),
    real("other_rate", &[], 0.0, 1.0),
    real("drop_rate", &["rate_drop"], 0.0, 1.0),
    int("max_drop", &[], -1, 100_000),
    real("skip_drop", &[], 0.0, 1.0),
    switch("uniform_drop", &[]),
    switch("xgboost_dart_mode", &[]),
    int("max_bin", &["max_bins"], 2, 65_535),
    int("min_data_in_bin", &[], 1, 1_000_000),
    int("bin_construct_sample_cnt", &["subsample_for_bin"], 100, 2_000_000),
    switch("use_missing", &[]),
    switch("zero_as_missing", &[]),
    switch("enable_bundle", &["is_enable_bundle"]),
    switch("feature_pre_filter", &[]),
    int("min_data_per_group", &[], 1, 1_000_000_000),
    int("max_cat_threshold", &[], 1, 65_535),
    real("cat_l2", &[], 0.0, 1e12),
    real("cat_smooth", &[], 0.0, 1e12),
    int("max_cat_to_onehot", &[], 1, 65_535),
    switch("is_unbalance", &["unbalance", "unbalanced_sets"]),
    above("scale_pos_weight", &[], 0.0, 1e9),
    word("monotone_constraints_method", &["monotone_constraining_method", "mc_method"], |_| {
        &[("basic", &[]), ("intermediate", &[]), ("advanced", &[])]
    }),
    real("monotone_penalty", &["monotone_splits_penalty", "ms_penalty", "mc_penalty"], 0.0, 1e6),
    word("start_mode", &[], |_| &[("continue", &[]), ("refit", &[])]),
    real("refit_decay_rate", &[], 0.0, 1.0),
    switch("boost_from_average", &[]),
    above("alpha", &[], 0.0, 1e6),
    above("fair_c", &[], 0.0, 1e6),
    above("poisson_max_delta_step", &[], 0.0, 1e6),
    real("tweedie_variance_power", &[], 1.0, 1.999_999),
    int("lambdarank_truncation_level", &[], 1, 10_000),
    switch("lambdarank_norm", &[]),
];

const BOOSTINGS: &[Word] = &[("gbdt", &["gbrt"]), ("dart", &[]), ("rf", &["random_forest"]), ("goss", &[])];

fn objectives(task: Task) -> &'static [Word] {
    match task {
        Task::Binary => &[("binary", &[])],
        Task::Multiclass => {
            &[("multiclass", &["softmax"]), ("multiclassova", &["multiclass_ova", "ova", "ovr"])]
        }
        Task::Regression => &[
            ("regression", &["l2", "regression_l2", "mse", "mean_squared_error", "rmse", "l2_root"]),
            ("regression_l1", &["l1", "mae", "mean_absolute_error"]),
            ("huber", &[]),
            ("fair", &[]),
            ("poisson", &[]),
            ("quantile", &[]),
            ("mape", &["mean_absolute_percentage_error"]),
            ("gamma", &[]),
            ("tweedie", &[]),
        ],
        Task::Ranking => &[("lambdarank", &["rank"])],
        Task::Anomaly => &[],
    }
}

fn metrics(task: Task) -> &'static [Word] {
    match task {
        Task::Binary => &[
            ("binary_logloss", &["logloss", "log_loss"]),
            ("auc", &[]),
            ("average_precision", &["pr_auc"]),
            ("binary_error", &["error"]),
        ],
        Task::Multiclass => &[("multi_logloss", &["logloss", "log_loss"]), ("multi_error", &["error"])],
        Task::Regression => &[
            ("rmse", &["l2_root"]),
            ("l2", &["mse"]),
            ("l1", &["mae"]),
            ("huber", &[]),
            ("fair", &[]),
            ("poisson", &[]),
            ("quantile", &[]),
            ("mape", &[]),
            ("gamma", &[]),
            ("tweedie", &[]),
        ],
        Task::Ranking => &[("ndcg", &[]), ("map", &[])],
        Task::Anomaly => &[],
    }
}

pub(crate) fn find(key: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.name == key || spec.aliases.contains(&key))
}

pub(crate) fn names() -> Vec<&'static str> {
    SPECS.iter().map(|spec| spec.name).collect()
}

pub(crate) fn default_objective(task: Task) -> &'static str {
    objectives(task).first().map_or("", |(name, _)| name)
}

/// The loss that the objective minimises, as LightGBM reports it; a ranking is measured by NDCG.
pub(crate) fn default_metric(objective: &str) -> &'static str {
    match objective {
        "binary" => "binary_logloss",
        "multiclass" | "multiclassova" => "multi_logloss",
        "regression_l1" => "l1",
        "huber" => "huber",
        "fair" => "fair",
        "poisson" => "poisson",
        "quantile" => "quantile",
        "mape" => "mape",
        "gamma" => "gamma",
        "tweedie" => "tweedie",
        "lambdarank" => "ndcg",
        _ => "rmse",
    }
}

pub(crate) fn greater_is_better(metric: &str) -> bool {
    matches!(metric, "auc" | "average_precision" | "ndcg" | "map")
}
