//! Signatures: what an artifact tells, what is stored, what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use serde_json::json;
use sira_core::ensemble::{Compiled, Ensemble, compile, lightgbm};
use sira_core::predict;
use sira_core::signature::{self, Feature, FeatureKind, Signature, Task};
use std::fs;
use std::path::Path;

fn model(name: &str) -> Ensemble {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models").join(format!("{name}.txt"));
    lightgbm::parse(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn an_artifact_tells_names_kinds_and_task() {
    let signature = Signature::from_ensemble(&model("binary"));
    let kinds: Vec<_> = signature.features.iter().map(|f| (f.name.as_str(), f.kind)).collect();
    let numeric = FeatureKind::Numeric;
    assert_eq!(
        kinds,
        [
            ("amount", numeric),
            ("sparse", numeric),
            ("holes", numeric),
            ("kind", FeatureKind::Category),
            ("flat", numeric)
        ]
    );
    let tasks = [
        ("binary", Task::Binary, 0),
        ("cross_entropy", Task::Binary, 0),
        ("multiclass", Task::Multiclass, 3),
        ("multiclassova", Task::Multiclass, 3),
        ("poisson", Task::Regression, 0),
        ("cross_entropy_lambda", Task::Regression, 0),
        ("lambdarank", Task::Ranking, 0),
        ("custom", Task::Regression, 0),
    ];
    for (name, task, classes) in tasks {
        let ensemble = model(name);
        let signature = Signature::from_ensemble(&ensemble);
        assert_eq!((signature.task, signature.classes.len()), (task, classes), "{name}");
        signature.check(&ensemble).unwrap();
    }
}

#[test]
fn pandas_categories_become_text_where_the_number_is_not_the_code() {
    let signature = Signature::from_ensemble(&model("pandas"));
    let [amount, channel, level, mcc] = signature.features.as_slice() else { panic!("four features") };
    assert_eq!(amount.kind, FeatureKind::Numeric);
    assert_eq!((channel.kind, channel.code("atm"), channel.code("web")), (FeatureKind::Text, 0.0, 2.0));
    assert!(channel.code("phone").is_nan() && channel.code("").is_nan());
    assert_eq!(level.kind, FeatureKind::Category);
    assert_eq!((mcc.kind, mcc.code("5411")), (FeatureKind::Text, 1.0));
    assert!(mcc.code("1").is_nan());
}

/// A model's text with other pandas categories.
fn with_categories(json: &str) -> Ensemble {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models/pandas.txt");
    let text = fs::read_to_string(path).unwrap();
    let at = text.find("pandas_categorical:").unwrap();
    lightgbm::parse(&format!("{}pandas_categorical:{json}\n", &text[..at])).unwrap()
}

#[test]
fn categories_that_are_numbers_are_found_by_value() {
    let floats = with_categories(r#"[["atm", "pos", "web"], [0, 1, 2, 3], [10.0, 4829.5, 5411.0, 1e16]]"#);
    let mcc = &Signature::from_ensemble(&floats).features[3];
    assert_eq!(mcc.categories, ["10", "4829.5", "5411", "10000000000000000"]);
    // As versions hold it that were imported when floats were spelt as Python spells them.
    let older = Feature::text("mcc", ["10.0", "4829.5", "5411.0", "1e16"].map(str::to_owned).to_vec());
    let stored = serde_json::to_string(&older).unwrap();
    for feature in [mcc, &older, &serde_json::from_str(&stored).unwrap()] {
        assert!(feature.has_numbers());
        for (text, code) in [
            ("10", 0.0),
            ("10.0", 0.0),
            ("10.00", 0.0),
            ("4829.50", 1.0),
            ("5411", 2.0),
            ("5411.0", 2.0),
            ("1e16", 3.0),
            (&signature::number_text(5411.0), 2.0),
        ] {
            assert_eq!(feature.code(text), code, "{text}");
        }
        for unseen in ["05411", "5411.1", "-5411", "", "atm"] {
            assert!(feature.code(unseen).is_nan(), "{unseen}");
        }
    }
    let integers = with_categories(r#"[["atm", "pos", "web"], [0, 1, 2, 3], [10, 4829, 5411, 7995]]"#);
    let mcc = &Signature::from_ensemble(&integers).features[3];
    assert_eq!((mcc.code("5411.00"), mcc.code("5411")), (2.0, 2.0));
    // What is no number, or not one alone, is a text.
    let texts =
        |words: &[&str]| Feature::text("words", words.iter().map(|word| (*word).to_owned()).collect());
    let postcodes = texts(&["01234", "1234"]);
    assert!(!postcodes.has_numbers() && postcodes.code("1234.0").is_nan());
    assert!(!texts(&["1", "1.0"]).has_numbers() && !texts(&[]).has_numbers());
    assert_eq!((texts(&["1", "1.0"]).code("1.0"), texts(&["1.0", "web"]).code("web")), (1.0, 1.0));
}

#[test]
fn words_go_to_the_columns_that_have_their_codes() {
    let kinds = |ensemble: &Ensemble| -> Vec<FeatureKind> {
        Signature::from_ensemble(ensemble).features.iter().map(|feature| feature.kind).collect()
    };
    let (text, code) = (FeatureKind::Text, FeatureKind::Category);
    let sound = with_categories(r#"[["atm", "pos", "web"], ["a", "b", "c", "d"], ["x", "y", "z"]]"#);
    assert_eq!((&kinds(&sound)[1..], sound.notes().len()), (&[text; 3][..], 0));
    // As many lists as columns, but one is of an ordered category and one of the columns was named by hand.
    let strange = with_categories(r#"[["atm", "pos", "web"], ["S", "M", "L"], ["x", "y", "z"]]"#);
    assert_eq!(kinds(&strange)[1..], [code; 3]);
    assert_eq!(strange.notes()[0].detail, "Column 2 has a code 3, its list 3 words.");
    let fewer = with_categories(r#"[["atm", "pos", "web"]]"#);
    assert_eq!(kinds(&fewer)[1..], [code; 3]);
    assert_eq!(
        fewer.notes()[0].detail,
        "There are 1 lists of words, 3 columns are declared as categories, 3 are described."
    );
    let none = with_categories("null");
    assert_eq!((&kinds(&none)[1..], none.notes().len()), (&[code; 3][..], 0));
    // A word may be spelt like Python's NaN; a list with NaN itself names nothing, and the others do.
    let named =
        with_categories(r#"[["NaN", "a \"NaN\\", "-Infinity"], [NaN, 1.5, 2, 3], [4111, 5411, 5812]]"#);
    assert_eq!(kinds(&named)[1..], [text, code, text]);
    let channel = &Signature::from_ensemble(&named).features[1];
    assert_eq!(channel.categories, ["NaN", "a \"NaN\\", "-Infinity"]);
    let infinite = with_categories("[[1.5, Infinity, -Infinity], [0, 1, 2, 3], [4111, 5411, 5812]]");
    assert_eq!(kinds(&infinite)[1..], [code, code, text]);
}

#[test]
fn pandas_rows_score_as_in_python() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models/recorded.json.gz");
    let reader = flate2::read::GzDecoder::new(fs::File::open(path).unwrap());
    let recorded: serde_json::Value = serde_json::from_reader(reader).unwrap();
    let ensemble = model("pandas");
    let signature = Signature::from_ensemble(&ensemble);
    let bytes = compile(&ensemble);
    let compiled = Compiled::open(&bytes).unwrap();
    let said = recorded["pandas"]["pred"].as_array().unwrap();
    for (cells, said) in recorded["pandas"]["rows"].as_array().unwrap().iter().zip(said) {
        let cells = cells.as_array().unwrap();
        let value = |(feature, cell): (&Feature, &serde_json::Value)| match (feature.kind, cell.as_str()) {
            (FeatureKind::Text, Some(text)) => feature.code(text),
            (FeatureKind::Text, None) => feature.code(&cell.to_string()),
            _ => cell.as_f64().unwrap(),
        };
        let row: Vec<f64> = signature.features.iter().zip(cells).map(value).collect();
        let score = predict::score(&compiled, &row).unwrap();
        assert!((score - said.as_f64().unwrap()).abs() <= 1e-12, "{cells:?}: {score} {said}");
    }
}

#[test]
fn json_goes_out_and_back_and_newer_fields_are_skipped() {
    let features = vec![
        Feature::new("amount", FeatureKind::Numeric),
        Feature::text("channel", vec!["web".into(), "pos".into()]),
    ];
    let signature =
        Signature::new(Task::Binary, features, vec!["no".into(), "yes".into()], Some("yes".into()));
    let stored = signature.to_json().unwrap();
    assert_eq!(
        stored,
        json!({"task": "binary", "features": [{"name": "amount", "kind": "numeric"},
               {"name": "channel", "kind": "text", "categories": ["web", "pos"]}],
               "classes": ["no", "yes"], "positive": "yes"})
    );
    let read = Signature::from_json(&stored).unwrap();
    assert_eq!(read, signature);
    assert_eq!((read.index_of("channel"), read.index_of("chanel")), (Some(1), None));
    assert_eq!(read.features[1].code("pos"), 1.0);

    let newer = json!({"task": "regression", "later": {"a": 1}, "features": [{"name": "a", "kind": "date", "unit": "d"}]});
    let read = Signature::from_json(&newer).unwrap();
    assert_eq!((read.features[0].kind, read.classes.len(), read.positive), (FeatureKind::Date, 0, None));
    for bad in [json!(null), json!({"task": "binary"}), json!({"task": "x", "features": []})] {
        assert_eq!(Signature::from_json(&bad).unwrap_err().message, "signature is malformed");
    }
}

#[test]
fn every_name_is_found_among_many() {
    let names: Vec<String> = (0..5_000).map(|at| format!("feature_{at}")).collect();
    let features = names.iter().map(|name| Feature::new(name.clone(), FeatureKind::Numeric)).collect();
    let signature = Signature::new(Task::Binary, features, vec![], None);
    for (at, name) in names.iter().enumerate() {
        assert_eq!(signature.index_of(name), Some(at));
    }
    assert_eq!(signature.index_of("feature_5000"), None);
    assert_eq!(Signature::new(Task::Binary, vec![], vec![], None).index_of("a"), None);
}

#[test]
fn a_signature_that_does_not_fit_is_refused() {
    let ensemble = model("binary");
    let fitting = Signature::from_ensemble(&ensemble);
    let message = |change: &dyn Fn(&mut Signature)| {
        let mut changed = fitting.clone();
        change(&mut changed);
        changed.check(&ensemble).map_err(|error| error.message)
    };
    let err = |text: &str| Err(text.to_owned());
    assert_eq!(message(&|_| {}), Ok(()));
    assert_eq!(message(&|s| s.features[0].name = "betrag (€)".into()), Ok(()));
    assert_eq!(message(&|s| s.features[3] = Feature::text("kind", vec!["a".into()])), Ok(()));
    assert_eq!(message(&|s| s.features[4].kind = FeatureKind::Category), Ok(()));
    let count = err("signature does not have the model's number of features");
    assert_eq!(message(&|s| s.features.truncate(4)), count);
    assert_eq!(
        message(&|s| s.features[3].kind = FeatureKind::Numeric),
        err("feature \"kind\" does not have the model's kind")
    );
    assert_eq!(
        message(&|s| s.features[0].kind = FeatureKind::Category),
        err("feature \"amount\" does not have the model's kind")
    );
    assert_eq!(
        message(&|s| s.features[1].name = "amount".into()),
        err("feature \"amount\" is named twice or not at all")
    );
    assert_eq!(
        message(&|s| s.features[3] = Feature::text("kind", vec!["a".into(), "a".into()])),
        err("feature \"kind\" has the category \"a\" twice")
    );
    assert_eq!(message(&|s| s.task = Task::Multiclass), err("signature does not have the model's outputs"));
    assert_eq!(
        message(&|s| s.classes = vec!["a".into()]),
        err("signature does not have the model's outputs")
    );
    assert_eq!(
        message(&|s| (s.classes, s.positive) = (vec!["a".into(), "b".into()], Some("c".into()))),
        err("positive class \"c\" is not a class")
    );
}
