//! Whether a set's values are what their definitions' rules demand.
//!
//! The same values that serving or training would see are judged: the latest snapshot of each entity, or the rows of an
//! entity query. Rules about one row name the row; rules about all rows give the figure. What cannot be judged (a
//! distribution without anything accepted to compare with, no row at all) is a warning and never silence.

mod data;
mod judge;
mod outside;
pub mod rules;
mod statistics;

use crate::catalog::Home;
use crate::error::{Failure, Result, literal};
use crate::feature::definition::Definition;
use crate::feature::plan::{self, Plan};
use crate::feature::set::Set;
use crate::feature::trust;
use crate::statement::{Arguments, Mode, Statement};
use data::Data;
use judge::Verdict;
use pgrx::{PgSqlErrorCode, pg_sys};
use rules::{Check, Rule, Severity};
use serde_json::Value as Json;

/// What is judged.
pub struct Asked<'a> {
    pub set: &'a str,
    /// Snapshots count up to here, in microseconds since 2000-01-01 UTC.
    pub as_of: i64,
    /// The entity query, where not the snapshots are judged.
    pub entities: Option<&'a str>,
}

/// A rule that does not hold.
pub struct Finding {
    /// None where it is about the rows and no feature.
    pub feature: Option<String>,
    pub rule: &'static str,
    pub severity: Severity,
    pub observed: String,
    pub expected: String,
    pub rows: i64,
    pub example: Option<String>,
    pub detail: Option<String>,
    /// The rows in breach, each with its value.
    pub breaches: Vec<Breach>,
}

/// A row that breaks a rule.
pub struct Breach {
    pub entity: Option<String>,
    pub moment: i64,
    pub value: Option<String>,
}

thread_local! {
    static RULES: Statement = const {
        Statement::new(
            "SELECT rules::pg_catalog.text FROM {s}.sira_feature_definitions WHERE tenant_id {=} $1 AND id {=} $2",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
}

/// The rules that do not hold, feature by feature in the set's order.
pub fn validate(home: Home, asked: &Asked<'_>) -> Result<Vec<Finding>> {
    plan::with(home, asked.set, |plan| {
        let data = read(home, plan, asked)?;
        findings(home, &plan.set, &data, asked.as_of)
    })
}

/// Keeps statistics of every feature; gives how many. What breaks no rule of severity error is accepted; a distribution
/// that has moved is not, even where that is only warned of: the next run would find it where it was.
pub fn record(home: Home, asked: &Asked<'_>) -> Result<i32> {
    plan::with(home, asked.set, |plan| {
        let data = read(home, plan, asked)?;
        let set = plan.set.clone();
        let findings = findings(home, &set, &data, asked.as_of)?;
        for (place, feature) in set.features.iter().enumerate() {
            pgrx::check_for_interrupts!();
            let mut of_feature =
                findings.iter().filter(|found| found.feature.as_ref() == Some(&feature.name));
            let is_broken = of_feature.any(|found| found.severity == Severity::Error || found.has_moved());
            statistics::store(home, &set, place, &data, asked.as_of, data.len() > 0 && !is_broken)?;
        }
        Ok(i32::try_from(set.features.len()).unwrap_or(i32::MAX))
    })
}

/// The error for rules of severity error that do not hold; none where all of those do.
pub fn refusal(set: &str, findings: &[Finding]) -> Option<Failure> {
    let broken: Vec<&Finding> = findings.iter().filter(|found| found.severity == Severity::Error).collect();
    let lines: Vec<String> = broken.iter().take(20).map(|found| found.line()).collect();
    let more = broken.len().saturating_sub(lines.len());
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!broken.is_empty()).then(|| {
        let rules = if broken.len() == 1 { "a validation rule" } else { "validation rules" };
        Failure::new(
            PgSqlErrorCode::ERRCODE_CHECK_VIOLATION,
            format!("the values of feature set \"{set}\" break {rules}"),
        )
        .detail(format!("{}{more}.", lines.join("; ")))
        .hint(format!("SELECT * FROM sira_feature_violations({}); lists the rows.", literal(set)))
    })
}

/// What is observed where there was nothing to compare with.
const UNKNOWN: &str = "unknown";

impl Finding {
    /// Whether it says that a distribution is not the accepted one.
    fn has_moved(&self) -> bool {
        self.rule == "distribution" && self.observed != UNKNOWN
    }

    /// The finding in one line, for errors.
    pub fn line(&self) -> String {
        let feature = self.feature.as_deref().unwrap_or("all features");
        format!("{feature}: {}: {}, expected {}", self.rule, self.observed, self.expected)
    }
}

fn read(home: Home, plan: &mut Plan, asked: &Asked<'_>) -> Result<Data> {
    if asked.as_of == i64::MAX || asked.as_of == i64::MIN {
        return Err(Failure::new(PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW, "\"as_of\" is infinite")
            .hint("Give a moment, such as now()."));
    }
    match asked.entities {
        Some(query) => Data::of_query(home, plan, query),
        None => Data::of_snapshots(home, &plan.set, asked.as_of),
    }
}

fn findings(home: Home, set: &Set, data: &Data, as_of: i64) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    if data.len() == 0 {
        findings.push(Finding {
            feature: None,
            rule: "rows",
            severity: Severity::Warning,
            observed: "0 rows".to_owned(),
            expected: "at least 1".to_owned(),
            rows: 0,
            example: None,
            detail: Some(
                "There is nothing to judge: no snapshot of this version, or no row of the query.".to_owned(),
            ),
            breaches: Vec::new(),
        });
        return Ok(findings);
    }
    for (place, feature) in set.features.iter().enumerate() {
        let misfits: Vec<usize> =
            data.misfits.iter().filter(|(at, ..)| *at == place).map(|(_, row, _)| *row).collect();
        if !misfits.is_empty() {
            let verdict = Verdict { rows: misfits, ..Verdict::default() };
            let expected = format!("a value of type {}", feature.value_type.name());
            findings.push(finding(feature, place, data, ("type", Severity::Error), expected, verdict));
        }
        for rule in rules_of(home, set, feature)? {
            pgrx::check_for_interrupts!();
            if matches!(rule.check, Check::Sql(_) | Check::References { .. }) {
                trust::require(home, feature)?;
            }
            let of_rule = (rule.name, rule.severity);
            let verdict = match &rule.check {
                Check::Sql(expression) => Verdict {
                    rows: outside::false_rows(feature, place, data, expression)?,
                    ..Verdict::default()
                },
                Check::References { relation, column } => Verdict {
                    rows: outside::dangling_rows(feature, place, data, (relation, column))?,
                    ..Verdict::default()
                },
                Check::Distribution(most) => match distribution(home, set, place, data, as_of, *most)? {
                    Ok(verdict) => verdict,
                    Err(unjudged) => {
                        let of_rule = (rule.name, Severity::Warning);
                        findings.push(finding(feature, place, data, of_rule, expected(&rule), unjudged));
                        continue;
                    }
                },
                check => judge::judge(feature, place, data, check)?.unwrap_or_default(),
            };
            if !verdict.rows.is_empty() || verdict.figure.is_some() {
                findings.push(finding(feature, place, data, of_rule, expected(&rule), verdict));
            }
        }
    }
    Ok(findings)
}

/// How far the values are from those accepted last; as an error where there is nothing to compare.
fn distribution(
    home: Home,
    set: &Set,
    place: usize,
    data: &Data,
    as_of: i64,
    most: f64,
) -> Result<std::result::Result<Verdict, Verdict>> {
    let (Some(feature), Some(values)) = (set.features.get(place), data.columns.get(place)) else {
        return Ok(Ok(Verdict::default()));
    };
    let unjudged = |why: &str| Verdict {
        figure: Some(UNKNOWN.to_owned()),
        detail: Some(why.to_owned()),
        ..Verdict::default()
    };
    let Some(accepted) = statistics::accepted(home, set, &feature.name, as_of)? else {
        return Ok(Err(unjudged("No statistics are accepted yet: see sira_record_feature_statistics.")));
    };
    let Some(distance) = accepted.distance(feature, values, data.len())? else {
        return Ok(Err(unjudged("The accepted statistics are of values of another kind, or of none.")));
    };
    let detail = format!("Against the statistics accepted as of {} UTC.", accepted.as_of);
    Ok(Ok(Verdict {
        rows: Vec::new(),
        figure: (distance > most).then(|| format!("PSI {distance}")),
        detail: Some(detail),
    }))
}

fn finding(
    feature: &Definition,
    place: usize,
    data: &Data,
    (rule, severity): (&'static str, Severity),
    expected: String,
    verdict: Verdict,
) -> Finding {
    let count = verdict.rows.len();
    let breach = |row: usize| Breach {
        entity: data.entities.get(row).cloned().flatten(),
        moment: data.moments.get(row).copied().unwrap_or_default(),
        value: data.written(feature, place, row),
    };
    let breaches: Vec<Breach> = verdict.rows.into_iter().map(breach).collect();
    Finding {
        feature: Some(feature.name.clone()),
        rule,
        severity,
        observed: verdict.figure.unwrap_or_else(|| format!("{count} of {} rows", data.len())),
        expected,
        rows: i64::try_from(count).unwrap_or(i64::MAX),
        example: breaches.first().and_then(|breach| breach.entity.clone()),
        detail: verdict.detail.or_else(|| {
            let value = breaches.first()?.value.as_deref().unwrap_or("NULL");
            Some(format!("The first is {value}."))
        }),
        breaches,
    }
}

fn rules_of(home: Home, set: &Set, feature: &Definition) -> Result<Vec<Rule>> {
    let arguments = Arguments::new().bind(set.tenant.as_str()).bind(feature.id);
    let text = home.as_owner(|| {
        RULES.with(|find| find.first(home, Mode::Read, arguments, |row| Ok(row.get::<String>(1))))
    })?;
    let Some(text) = text.flatten() else { return Ok(Vec::new()) };
    let rules: Json =
        serde_json::from_str(&text).map_err(|_| Failure::internal("the rules of a feature are malformed"))?;
    rules::read(&feature.name, feature.value_type, &rules)
}

/// What a rule demands, in words.
fn expected(rule: &Rule) -> String {
    let bounds = |min: &Option<f64>, max: &Option<f64>| match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "anything".to_owned(),
    };
    match &rule.check {
        Check::NotNull => "no NULL".to_owned(),
        Check::NullRate(most) => format!("at most {most}"),
        Check::Range { min, max } | Check::Distinct { min, max } => bounds(min, max),
        Check::Type(form) => form.name().to_owned(),
        Check::Distribution(most) => format!("PSI at most {most}"),
        Check::Unique => "each value once".to_owned(),
        Check::AcceptedValues(values) => {
            let texts = values
                .iter()
                .map(|value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
            format!("one of {}", super::listing(&texts.collect::<Vec<String>>()))
        }
        Check::References { relation, column } => format!("a value of {relation}.{column}"),
        Check::Sql(expression) => expression.clone(),
    }
}
