//! `sira_validate_features`, `sira_feature_violations` and `sira_record_feature_statistics`.

use crate::call;
use crate::catalog::Home;
use crate::error::Result;
use crate::feature::quality::{self, Asked, Finding, rules::Severity};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PgLogLevel, PgSqlErrorCode};

/// What the arguments ask for; none where the set is NULL.
struct Given {
    set: String,
    as_of: i64,
    entities: Option<String>,
}

impl Given {
    fn of(fcinfo: pg_sys::FunctionCallInfo, entities: usize) -> Result<Self> {
        let set = call::text_argument(fcinfo, 0).ok_or_else(|| {
            call::null_argument("set", "Name a feature set: sira_validate_features('cards').")
        })?;
        let as_of = call::argument::<TimestampWithTimeZone>(fcinfo, 1)
            .map(TimestampWithTimeZone::into_inner)
            // SAFETY: reads a variable of the backend.
            .unwrap_or_else(|| unsafe { pg_sys::GetCurrentTransactionStartTimestamp() });
        Ok(Self { set, as_of, entities: call::text_argument(fcinfo, entities) })
    }

    fn asked(&self) -> Asked<'_> {
        Asked { set: &self.set, as_of: self.as_of, entities: self.entities.as_deref() }
    }
}

type FindingRow = (Option<String>, String, String, String, String, i64, Option<String>, Option<String>);

/// A row for each rule that does not hold; with `gate`, an error where one of severity error does not.
#[pg_extern(sql = false)]
fn sira_validate_features(
    fcinfo: pg_sys::FunctionCallInfo,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(feature, Option<String>),
            name!(rule, String),
            name!(severity, String),
            name!(observed, String),
            name!(expected, String),
            name!(rows, i64),
            name!(example_entity, Option<String>),
            name!(detail, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let given = Given::of(fcinfo, 3)?;
    let findings = quality::validate(Home::of_call(fcinfo)?, &given.asked())?;
    if call::argument(fcinfo, 2).unwrap_or(false) {
        if let Some(refusal) = quality::refusal(&given.set, &findings) {
            return Err(refusal.into());
        }
        warn(&given.set, &findings);
    }
    Ok(TableIterator::new(findings.into_iter().map(row)))
}

fn row(finding: Finding) -> FindingRow {
    (
        finding.feature,
        finding.rule.to_owned(),
        finding.severity.name().to_owned(),
        finding.observed,
        finding.expected,
        finding.rows,
        finding.example,
        finding.detail,
    )
}

/// What a gate lets through is said where it cannot be overlooked.
fn warn(set: &str, findings: &[Finding]) {
    let lines: Vec<String> =
        findings.iter().filter(|found| found.severity == Severity::Warning).map(Finding::line).collect();
    if !lines.is_empty() {
        pgrx::ereport!(
            PgLogLevel::WARNING,
            PgSqlErrorCode::ERRCODE_WARNING,
            format!("the values of feature set \"{set}\" are not all as their rules expect"),
            format!("{}.", lines.join("; "))
        );
    }
}

/// A row for each value that breaks a rule.
#[pg_extern(sql = false)]
fn sira_feature_violations(
    fcinfo: pg_sys::FunctionCallInfo,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(feature, Option<String>),
            name!(rule, String),
            name!(severity, String),
            name!(entity_id, Option<String>),
            name!(as_of, Option<TimestampWithTimeZone>),
            name!(value, Option<String>),
            name!(expected, String),
        ),
    >,
    ErrorReport,
> {
    let given = Given::of(fcinfo, 2)?;
    let findings = quality::validate(Home::of_call(fcinfo)?, &given.asked())?;
    Ok(TableIterator::new(findings.into_iter().flat_map(|finding| {
        let (feature, rule, severity) = (finding.feature, finding.rule, finding.severity.name());
        let expected = finding.expected;
        finding.breaches.into_iter().map(move |breach| {
            (
                feature.clone(),
                rule.to_owned(),
                severity.to_owned(),
                breach.entity,
                TimestampWithTimeZone::try_from(breach.moment).ok(),
                breach.value,
                expected.clone(),
            )
        })
    })))
}

/// Keeps statistics of every feature of a set; gives how many.
#[pg_extern(sql = false)]
fn sira_record_feature_statistics(fcinfo: pg_sys::FunctionCallInfo) -> std::result::Result<i32, ErrorReport> {
    let given = Given::of(fcinfo, 2)?;
    Ok(quality::record(Home::of_call(fcinfo)?, &given.asked())?)
}
