//! A model small enough to know its scores by heart: one split, two leaves.

use crate::Outcome;
use postgres::Client;

/// The features of [`stump`] on its left side, as a literal for SQL.
pub const LEFT: &str = r#"'{"amount": 50, "hour": 3}'::jsonb"#;

/// A LightGBM model text: the raw score is `-strength` up to an amount of 100 and `strength` above.
pub fn stump(strength: f64) -> String {
    let tree = format!(
        "Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=10\nthreshold=100\ndecision_type=2\n\
         left_child=-1\nright_child=-2\nleaf_value=-{strength} {strength}\nleaf_weight=50 50\nleaf_count=50 50\n\
         internal_value=0\ninternal_weight=0\ninternal_count=100\nis_linear=0\nshrinkage=1\n\n\n"
    );
    format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n\
         objective=binary sigmoid:1\nfeature_names=amount hour\nfeature_infos=[0:1000] [0:23]\ntree_sizes={}\n\n\
         {tree}end of trees\n\nfeature_importances:\namount=1\n\nparameters:\nend of parameters\n\npandas_categorical:null\n",
        tree.len()
    )
}

/// What `stump(strength)` answers to [`LEFT`].
pub fn left_score(strength: f64) -> f64 {
    1.0 / (1.0 + strength.exp())
}

/// Makes model `name` with a version for each strength and promotes the first.
pub fn create(session: &mut Client, name: &str, strengths: &[f64]) -> Outcome {
    session.execute("SELECT sira_create_model($1, 'fraud_detection')", &[&name])?;
    for strength in strengths {
        session.execute("SELECT sira_import_version($1, $2::text)", &[&name, &stump(*strength)])?;
    }
    session.execute("SELECT count(*) FROM sira_promote($1)", &[&format!("{name}/1")])?;
    Ok(())
}

/// The score of [`LEFT`].
pub fn score(session: &mut Client, model: &str) -> Outcome<f64> {
    Ok(session.query_one(&format!("SELECT sira_score('{model}', {LEFT})"), &[])?.get(0))
}
