//! Plots of the report crate: each is a well-formed SVG whatever is drawn, and shows what was asked.
#![allow(clippy::unwrap_used, clippy::panic)]

use roxmltree::Document;
use sira_report::plot::{
    Bar, CalibrationBin, Distribution, Line, Swarm, SwarmBin, bars, beeswarm, calibration, histogram, lines,
    precision_recall, roc,
};
use sira_report::{escape, short};

const HOSTILE: &str = "</svg><script>alert('x')</script> & \"quoted\" \u{1} \u{202E}turned \u{FFFF}";

fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    assert_eq!(document.root_element().tag_name().name(), "svg");
    assert!(document.descendants().all(|node| node.tag_name().name() != "script"), "{svg}");
    for node in document.descendants() {
        for attribute in node.attributes() {
            assert!(!attribute.value().contains("NaN") && !attribute.value().contains("inf"), "{svg}");
        }
    }
    let of = |name: &'static str| move |node: &roxmltree::Node<'_, '_>| node.tag_name().name() == name;
    document
        .descendants()
        .filter(of("text"))
        .filter_map(|node| node.text().map(|text| text.trim().to_owned()))
        .collect()
}

fn every_plot(name: &str, values: &[(f64, f64)]) -> Vec<String> {
    let line = Line { name, points: values };
    let calibrated: Vec<CalibrationBin> = values
        .iter()
        .map(|(predicted, observed)| CalibrationBin {
            predicted: *predicted,
            observed: *observed,
            weight: 3.0,
        })
        .collect();
    let amounts: Vec<Bar<'_>> = values.iter().map(|(_, amount)| Bar { name, amount: *amount }).collect();
    let edges: Vec<f64> = values.iter().map(|(x, _)| *x).collect();
    let counts: Vec<f64> = values.iter().map(|(_, y)| *y).collect();
    let swarm: Vec<SwarmBin> = values
        .iter()
        .map(|(contribution, rank)| SwarmBin { contribution: *contribution, rows: 5.0, rank: Some(*rank) })
        .collect();
    vec![
        roc(name, &[(line, Some(0.9))]).unwrap(),
        precision_recall(name, &[(line, None)], Some(0.1)).unwrap(),
        calibration(name, &calibrated, true).unwrap(),
        calibration(name, &calibrated, false).unwrap(),
        histogram(name, name, &edges, &[Distribution { name, counts: &counts }]).unwrap(),
        lines(name, name, name, &[line]).unwrap(),
        bars(name, name, &amounts).unwrap(),
        beeswarm(name, &[Swarm { name, bins: &swarm }]).unwrap(),
    ]
}

#[test]
fn text_is_written_as_text() {
    let svg = roc(
        "ROC",
        &[(Line { name: "all rows", points: &[(0.0, 0.0), (0.1, 0.8), (1.0, 1.0)] }, Some(0.91234))],
    )
    .unwrap();
    let texts = texts(&svg);
    for wanted in ["false positive rate", "true positive rate", "all rows (area 0.9123)", "0.2"] {
        assert!(texts.iter().any(|text| text == wanted), "{wanted} is not among {texts:?}");
    }
    assert!(svg.contains("role=\"img\" aria-label=\"ROC\""), "{svg}");
}

#[test]
fn legends_stand_where_nothing_is_drawn() {
    let points = [(0.0, 1.0), (0.5, 0.02), (1.0, 0.9)];
    let names = ["rare", "frequent", "a third"];
    let curves: Vec<_> = names.iter().map(|name| (Line { name, points: &points }, None)).collect();
    let counts = [1.0, 9.0];
    let classes: Vec<_> = names.iter().map(|name| Distribution { name, counts: &counts }).collect();
    for svg in [
        precision_recall("p", &curves, None).unwrap(),
        histogram("h", "score", &[0.0, 0.5, 1.0], &classes).unwrap(),
    ] {
        let document = Document::parse(&svg).unwrap();
        let y = |node: &roxmltree::Node<'_, '_>| node.attribute("y")?.parse::<f64>().ok();
        let texts = document.descendants().filter(|node| node.tag_name().name() == "text");
        let (told, axes): (Vec<_>, Vec<_>) =
            texts.partition(|node| names.contains(&node.text().unwrap_or_default().trim()));
        assert_eq!(told.len(), names.len(), "{svg}");
        let lowest = axes.iter().filter_map(y).fold(0.0, f64::max);
        assert!(told.iter().filter_map(y).all(|at| at > lowest), "{svg}");
    }
}

#[test]
fn anything_can_be_drawn() {
    let values: [&[(f64, f64)]; 9] = [
        &[],
        &[(0.5, 0.5)],
        &[(0.0, 0.0)],
        &[(0.0, 0.0), (0.0, 0.0), (0.0, 0.0)],
        &[(f64::NAN, 1.0), (1.0, f64::NAN)],
        &[(f64::INFINITY, f64::NEG_INFINITY), (0.1, 0.2)],
        &[(1e300, -1e300), (-1e300, 1e300)],
        &[(f64::MAX, f64::MAX), (f64::MIN, f64::MIN)],
        &[(1e-300, 1e-300), (2e-300, 3e-300)],
    ];
    for points in values {
        for svg in every_plot("a plot", points) {
            texts(&svg);
        }
    }
}

#[test]
fn nothing_to_draw_is_said() {
    for svg in every_plot("empty", &[]) {
        assert_eq!(texts(&svg), ["no data"]);
    }
}

#[test]
fn names_of_users_stay_text() {
    let long = "feature_".repeat(100);
    for name in [HOSTILE, &long, "", "\u{1F4B3} pago más alto ≥ 3 %"] {
        for svg in every_plot(name, &[(0.1, 0.2), (0.4, 0.7), (0.9, 1.0)]) {
            texts(&svg);
        }
    }
    let svg = bars("b", "", &[Bar { name: &long, amount: 1.0 }]).unwrap();
    let texts = texts(&svg);
    let name = texts.first().unwrap();
    assert!(name.chars().count() <= 23 && name.ends_with('…'), "{name}");
}

#[test]
fn bars_are_as_long_as_their_amounts() {
    let svg = bars("b", "gain", &[Bar { name: "a", amount: 4.0 }, Bar { name: "b", amount: 1.0 }]).unwrap();
    let document = Document::parse(&svg).unwrap();
    let widths: Vec<f64> = document
        .descendants()
        .filter(|node| node.tag_name().name() == "rect")
        .filter_map(|node| node.attribute("width")?.parse().ok())
        .collect();
    assert_eq!(widths.len(), 2);
    assert!((widths[0] / widths[1] - 4.0).abs() < 0.05, "{widths:?}");
}

#[test]
fn numbers_are_short() {
    let cases = [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (0.912_345, "0.9123"),
        (1234.567, "1235"),
        (0.5, "0.5"),
        (1e-7, "1.000e-7"),
        (2.5e12, "2.500e12"),
        (123_456.0, "123456"),
        (-3.25, "-3.25"),
        (0.000_123_4, "0.0001234"),
        (f64::NAN, "not a number"),
        (f64::INFINITY, "inf"),
    ];
    for (value, wanted) in cases {
        assert_eq!(short(value), wanted);
    }
}

#[test]
fn markup_is_escaped() {
    assert_eq!(escape("<a b='c' d=\"e\">&\u{0}\n"), "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;\u{FFFD} ");
}
