//! What the service does and costs.

use crate::card::json::{is_known, list, number, string, text};
use crate::number::short;
use crate::page::Section;
use crate::plot::{Bar, Course, Dated, bars, timeline};
use serde_json::Value;
use sira_core::Result;

const MICROSECONDS: f64 = 1e6;

pub fn latency(report: &Value) -> Result<Section> {
    let mut section = Section::new("Calls and latency");
    let rows = list(report, "calls");
    let live = report.get("counters").unwrap_or(&Value::Null);
    if rows.is_empty() && !is_known(report, "counters") {
        return Ok(section.note("No calls are recorded, or your role may not read them: CALL sira_run_maintenance() writes down what was counted."));
    }
    if is_known(report, "counters") {
        let micros = |key: &str| {
            number(live, key)
                .map_or_else(|| "–".to_owned(), |value| format!("{} µs", short(value * MICROSECONDS)))
        };
        section = section.facts(&[
            ("Counted since".to_owned(), text(live, "since")),
            ("Calls".to_owned(), text(live, "calls")),
            ("Answers".to_owned(), text(live, "rows")),
            ("Errors".to_owned(), text(live, "errors")),
            ("Fallback decisions".to_owned(), text(live, "fallbacks")),
            ("Half of the answers within".to_owned(), micros("p50")),
            ("95 % within".to_owned(), micros("p95")),
            ("99 % within".to_owned(), micros("p99")),
        ]);
    }
    if rows.is_empty() {
        return Ok(section.note("Nothing has been written down by period yet: CALL sira_run_maintenance();"));
    }
    let of = |key: &str, scale: f64| -> Vec<Dated> {
        let dated = |row: &Value| {
            Some(Dated { day: number(row, "day")?, value: number(row, key)? * scale, band: None })
        };
        rows.iter().filter_map(dated).collect()
    };
    let (half, most, nearly) = (of("p50", MICROSECONDS), of("p95", MICROSECONDS), of("p99", MICROSECONDS));
    let course = |name, values| Course { name, values, estimated: false };
    let quantiles = [course("p50", &half), course("p95", &most), course("p99", &nearly)];
    let (answers, errors) = (of("rows", 1.0), of("errors", 1.0));
    let counts = [course("answers", &answers), course("errors", &errors)];
    Ok(section
        .plot(&timeline("Latency", "microseconds", &quantiles, &[], Some(0.0..0.0))?, "Latency of an answer inside the server; quantiles are read off histograms and wrong by 6.25 % at most.")
        .plot(&timeline("Answers and errors", "a period", &counts, &[], Some(0.0..0.0))?, "Answers and errors by period."))
}

pub fn cost(report: &Value) -> Result<Section> {
    let mut section = Section::new("Cost");
    let rows = list(report, "costs");
    if rows.is_empty() && !is_known(report, "budgets") {
        return Ok(section.note("No cost is booked for this model, or your role may not read it: sira_record_cost books what happens outside, sira_run_maintenance our own."));
    }
    let currencies: std::collections::BTreeSet<&str> =
        rows.iter().filter_map(|row| string(row, "currency")).collect();
    for currency in currencies {
        let newest = rows
            .iter()
            .filter(|row| string(row, "currency") == Some(currency))
            .filter_map(|row| string(row, "period"))
            .max();
        let of_period: Vec<(String, f64)> = rows
            .iter()
            .filter(|row| string(row, "currency") == Some(currency) && string(row, "period") == newest)
            .filter_map(|row| {
                Some((format!("{}: {}", text(row, "type"), text(row, "service")), number(row, "cost")?))
            })
            .collect();
        let drawn: Vec<Bar<'_>> =
            of_period.iter().map(|(name, amount)| Bar { name, amount: *amount }).collect();
        let title = format!("Cost of the month from {} in {currency}", newest.unwrap_or_default());
        section = section.plot(&bars(&title, currency, &drawn)?, &format!("{title}."));
    }
    let columns = |rows: &[Value], keys: &[&str]| -> Vec<Vec<String>> {
        rows.iter()
            .map(|row| {
                keys.iter()
                    .map(|key| if is_known(row, key) { text(row, key) } else { String::new() })
                    .collect()
            })
            .collect()
    };
    let keys = ["period", "type", "service", "units", "unit", "cost", "currency"];
    section = section.table("Cost by month, newest first", &keys, &columns(rows, &keys));
    if is_known(report, "budgets") {
        let keys = ["of", "period", "amount", "currency", "spent", "percent", "state", "throttle"];
        section = section.table("Budgets", &keys, &columns(list(report, "budgets"), &keys));
    }
    Ok(section)
}
