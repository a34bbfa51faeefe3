//! Pages: well-formed, whole, and nobody's names become markup.
#![allow(clippy::unwrap_used)]

use roxmltree::{Document, ParsingOptions};
use sira_report::page::{Page, Section};
use sira_report::plot::{Bar, bars};

fn parse(html: &str) -> Document<'_> {
    Document::parse_with_options(html, ParsingOptions { allow_dtd: true, ..ParsingOptions::default() })
        .unwrap()
}

#[test]
fn a_page_is_one_document() {
    let hostile = "<img src=x onerror=alert(1)> ]]> -- & 'q' \"q\"";
    let plot = bars(hostile, hostile, &[Bar { name: hostile, amount: 1.0 }]).unwrap();
    let html = Page::new(hostile, hostile)
        .section(
            Section::new(hostile)
                .text(hostile)
                .note(hostile)
                .code("SELECT '<b>'\nFROM t")
                .facts(&[(hostile.to_owned(), hostile.to_owned())])
                .table(hostile, &[hostile, "n"], &[vec![hostile.to_owned(), "1.5".to_owned()]])
                .plot(&plot, hostile),
        )
        .section(Section::new("empty").facts(&[]))
        .html();
    let document = parse(&html);
    let names: Vec<&str> = document.descendants().map(|node| node.tag_name().name()).collect();
    assert!(!names.contains(&"img") && !names.contains(&"script") && !names.contains(&"b"));
    assert_eq!(names.iter().filter(|name| **name == "h2").count(), 2);
    let heading = document.descendants().find(|node| node.tag_name().name() == "h1").unwrap();
    assert_eq!(heading.text(), Some(hostile));
    let number = document.descendants().find(|node| node.attribute("class") == Some("number")).unwrap();
    assert_eq!(number.text(), Some("1.5"));
    let query = document.descendants().find(|node| node.tag_name().name() == "pre").unwrap();
    assert_eq!(query.text(), Some("SELECT '<b>'\nFROM t"));
}
