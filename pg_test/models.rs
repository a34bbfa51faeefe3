//! Models from elsewhere: all recorded cases through SQL, against what LightGBM said of them.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{one, run};
    use pgrx::prelude::*;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    fn unpacked(path: &Path) -> String {
        let output = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
        assert!(output.status.success(), "{}", path.display());
        String::from_utf8(output.stdout).unwrap()
    }

    fn table(path: &Path) -> Vec<Vec<f64>> {
        let number = |word: &str| if word.is_empty() { f64::NAN } else { word.trim().parse().unwrap() };
        unpacked(path).lines().map(|line| line.split(',').map(number).collect()).collect()
    }

    fn near(own: f64, said: f64) -> bool {
        (own - said).abs() <= 1e-12 * said.abs().max(1.0)
    }

    /// One statement for a row: raw scores (of a multiclass model the logarithms cannot be had), answers, contributions.
    fn check(model: &str, outputs: usize, features: usize, case: &dyn Fn(&str) -> PathBuf) {
        let [rows, raw, pred, contrib] = ["X", "raw", "pred", "contrib"].map(|what| table(&case(what)));
        assert!(!rows.is_empty());
        for number in (0..rows.len()).step_by(rows.len().div_ceil(60)) {
            let row: Vec<Option<f64>> =
                rows[number].iter().map(|value| Some(*value).filter(|value| !value.is_nan())).collect();
            let answers: Vec<f64> = Spi::get_one_with_args(
                &format!("SELECT sira_score_classes('{model}', $1)"),
                &[row.clone().into()],
            )
            .unwrap()
            .unwrap();
            let said = &pred[number];
            // A binary model answers with both classes.
            let own = if said.len() == 1 { &answers[answers.len() - 1..] } else { &answers[..] };
            assert_eq!(own.len(), said.len());
            assert!(
                own.iter().zip(said).all(|(own, said)| near(*own, *said)),
                "row {number}: {own:?} {said:?}"
            );
            if outputs == 1 {
                let score: f64 = Spi::get_one_with_args(
                    &format!("SELECT sira_raw_score('{model}', $1)"),
                    &[row.clone().into()],
                )
                .unwrap()
                .unwrap();
                assert_eq!(score.to_bits(), raw[number][0].to_bits(), "row {number}");
            }
            for class in 0..outputs {
                let named = if outputs == 1 { "NULL".to_owned() } else { format!("'{class}'") };
                let (own, baseline): (Vec<f64>, f64) = Spi::connect(|client| {
                    let explained = client
                        .select(
                            &format!(
                                "SELECT array_agg(e.contribution ORDER BY f.place), max(e.baseline) \
                                 FROM sira_explain('{model}', $1, class => {named}) e \
                                 JOIN (SELECT f ->> 'name' AS name, place FROM sira_model_versions v, \
                                       jsonb_array_elements(v.signature -> 'features') WITH ORDINALITY x (f, place)) f \
                                 ON f.name = e.feature"
                            ),
                            None,
                            &[row.clone().into()],
                        )
                        .unwrap()
                        .first();
                    (explained.get(1).unwrap().unwrap(), explained.get(2).unwrap().unwrap())
                });
                let said = &contrib[number][class * (features + 1)..(class + 1) * (features + 1)];
                assert_eq!(own.len(), features);
                for (place, (own, said)) in own.iter().chain([&baseline]).zip(said).enumerate() {
                    assert!(near(*own, *said), "row {number}, class {class}, place {place}: {own} {said}");
                }
            }
        }
    }

    #[pg_test]
    fn recorded_cases_are_met_through_sql() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/tree_models");
        let Ok(listing) = std::fs::read_dir(&folder) else {
            pgrx::notice!("no recorded cases beside the repository: skipped");
            return;
        };
        let mut cases: Vec<String> = listing
            .filter_map(|entry| {
                entry.ok()?.file_name().to_str()?.strip_suffix(".model.txt.gz").map(str::to_owned)
            })
            .collect();
        cases.sort();
        assert!(!cases.is_empty());
        for case in cases {
            let text = unpacked(&folder.join(format!("{case}.model.txt.gz")));
            let ensemble = sira_core::ensemble::lightgbm::parse(&text).unwrap();
            let task = sira_core::signature::Signature::from_ensemble(&ensemble).task;
            let (outputs, features) = (ensemble.outputs(), ensemble.feature_count());
            run(&format!("SELECT sira_create_model('case', 'imported', '{task}')"));
            Spi::run_with_args("SELECT sira_import_version('case', $1)", &[text.as_str().into()]).unwrap();
            let back: Vec<u8> = one("SELECT sira_export_version('case/1')");
            assert_eq!(back, text.as_bytes(), "{case} comes back as it came");
            for variant in ["", "_nan15"] {
                let file = |what: &str| folder.join(format!("{case}{variant}_{what}.csv.gz"));
                if file("X").exists() {
                    check("case/1", outputs, features, &file);
                }
            }
            run("DELETE FROM sira_model_versions");
            run("DELETE FROM sira_models");
        }
    }

    #[pg_test]
    fn equal_bytes_are_one_artifact_and_one_map() {
        super::super::world::trained();
        run("SELECT sira_import_version('world', sira_export_version('world'))");
        assert_eq!(one::<i64>("SELECT count(*) FROM sira_model_artifacts"), 1);
        let before = crate::cache::entries().len();
        run("SELECT sira_prewarm('world/1'), sira_prewarm('world/2')");
        assert!(crate::cache::entries().len() <= before + 1);
    }
}
