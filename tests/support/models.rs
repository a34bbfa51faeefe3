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

/// A LightGBM model text of any size: balanced trees over 30 features, the same for the same numbers.
pub fn forest(trees: usize, leaves: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1 << 31)
    };
    let inner = leaves - 1;
    let mut parts = Vec::with_capacity(trees);
    for number in 0..trees {
        let (mut children, mut leaf) = ([Vec::new(), Vec::new()], 0);
        for node in 0..inner {
            for (side, to) in children.iter_mut().enumerate() {
                let child = 2 * node + 1 + side;
                to.push(if child < inner {
                    child.to_string()
                } else {
                    leaf -= 1;
                    leaf.to_string()
                });
            }
        }
        let mut many = |count: usize, scale: f64, shift: f64| -> String {
            let values: Vec<String> = (0..count).map(|_| (random() * scale + shift).to_string()).collect();
            values.join(" ")
        };
        let (thresholds, values) = (many(inner, 1000.0, 0.0), many(leaves, 0.2, -0.1));
        let features: Vec<String> = (0..inner).map(|node| ((node * 7 + number) % 30).to_string()).collect();
        let same = |text: &str, count: usize| vec![text; count].join(" ");
        parts.push(format!(
            "Tree={number}\nnum_leaves={leaves}\nnum_cat=0\nsplit_feature={}\nsplit_gain={}\nthreshold={thresholds}\n\
             decision_type={}\nleft_child={}\nright_child={}\nleaf_value={values}\nleaf_weight={}\nleaf_count={}\n\
             internal_value={}\ninternal_weight={}\ninternal_count={}\nis_linear=0\nshrinkage=1\n\n\n",
            features.join(" "),
            same("1", inner),
            same("2", inner),
            children[0].join(" "),
            children[1].join(" "),
            same("5", leaves),
            same("5", leaves),
            same("0", inner),
            same("9", inner),
            same("9", inner),
        ));
    }
    let sizes: Vec<String> = parts.iter().map(|part| part.len().to_string()).collect();
    let names: Vec<String> = (0..30).map(|feature| format!("f{feature}")).collect();
    format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=29\n\
         objective=binary sigmoid:1\nfeature_names={}\nfeature_infos={}\ntree_sizes={}\n\n{}end of trees\n\n\
         feature_importances:\nf0=1\n\nparameters:\nend of parameters\n\npandas_categorical:null\n",
        names.join(" "),
        vec!["[0:1000]"; 30].join(" "),
        sizes.join(" "),
        parts.concat()
    )
}

/// Features of a [`forest`], as a literal for SQL.
pub const SOMEWHERE: &str = r#"'{"f0": 17, "f1": 503, "f2": 998, "f3": 250, "f7": 611.5, "f29": 42}'::jsonb"#;

/// Makes model `name` with a version for each text and promotes the first.
pub fn create_of(session: &mut Client, name: &str, texts: &[String]) -> Outcome {
    session.execute("SELECT sira_create_model($1, 'fraud_detection')", &[&name])?;
    for text in texts {
        session.execute("SELECT sira_import_version($1, $2::text)", &[&name, text])?;
    }
    session.execute("SELECT count(*) FROM sira_promote($1)", &[&format!("{name}/1")])?;
    Ok(())
}

/// The score of [`SOMEWHERE`].
pub fn score_somewhere(session: &mut Client, model: &str) -> Outcome<f64> {
    Ok(session.query_one(&format!("SELECT sira_score('{model}', {SOMEWHERE})"), &[])?.get(0))
}
