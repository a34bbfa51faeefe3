//! Statistics of drift on arrays, and the aggregates that build histograms: parsing around `sira_core::stats`.

use crate::call;
use crate::error::{self, Failure, SqlResult};
use pgrx::array::RawArray;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{AnyElement, FromDatum, IntoDatum, PgSqlErrorCode, pg_sys};
use sira_core::stats::bins::{CutPoints, DEFAULT_BINS, categories};
use sira_core::stats::detect::{Adwin, Change, Cusum, PageHinkley};
use sira_core::stats::ks::{self, Alternative, Method};
use sira_core::stats::population::Moments;
use sira_core::stats::{Test, chi_square, distance, divergence, multiple, population};
use std::ptr::NonNull;

type Numbers = Vec<Option<f64>>;

/// Statistic, p-value and size of the effect as one row.
type Tested = TableIterator<'static, (name!(statistic, f64), name!(p_value, f64), name!(effect_size, f64))>;

/// Where a detector cried, and which way the values went.
type Alarms = TableIterator<'static, (i32, &'static str)>;

/// NULL is a missing value, which the core knows as NaN.
fn numbers(values: Numbers) -> Vec<f64> {
    values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

fn one(test: Test) -> Tested {
    TableIterator::once((test.statistic, test.p_value, test.effect_size))
}

/// Both sides as counts over the given cuts, or over tenths of the reference.
fn counted(
    reference: Numbers,
    current: Numbers,
    cut_points: Option<Numbers>,
) -> SqlResult<(Vec<u64>, Vec<u64>)> {
    let (reference, current) = (numbers(reference), numbers(current));
    let cuts = match cut_points {
        Some(points) => CutPoints::new(numbers(points)).map_err(Failure::from)?,
        None => CutPoints::of_reference(&reference, DEFAULT_BINS),
    };
    Ok((cuts.count(&reference), cuts.count(&current)))
}

macro_rules! divergences {
    ($($name:ident => $of:path;)*) => { $(
        #[pg_extern(sql = false)]
        fn $name(
            reference: Option<Numbers>,
            current: Option<Numbers>,
            cut_points: Option<Numbers>,
        ) -> SqlResult<Option<f64>> {
            // Not STRICT, for cut points may be NULL.
            let (Some(reference), Some(current)) = (reference, current) else { return Ok(None) };
            let (reference, current) = counted(reference, current, cut_points)?;
            Ok(Some($of(&reference, &current).map_err(Failure::from)?))
        }
    )* };
}

divergences! {
    sira_psi => divergence::population_stability_index;
    sira_jensen_shannon => divergence::jensen_shannon;
    sira_hellinger => divergence::hellinger;
    sira_total_variation => divergence::total_variation;
}

#[pg_extern(sql = false)]
fn sira_wasserstein(reference: Numbers, current: Numbers, normalised: bool) -> SqlResult<f64> {
    let (reference, current) = (numbers(reference), numbers(current));
    let distance = match normalised {
        true => distance::wasserstein_normalised(&reference, &current),
        false => distance::wasserstein(&reference, &current),
    };
    Ok(distance.map_err(Failure::from)?)
}

#[pg_extern(sql = false)]
fn sira_ks_test(
    a: Numbers,
    b: Numbers,
    alternative: &str,
    method: &str,
) -> Result<TableIterator<'static, (name!(statistic, f64), name!(p_value, f64))>, ErrorReport> {
    let alternative = match alternative {
        "two-sided" => Alternative::TwoSided,
        "less" => Alternative::Less,
        "greater" => Alternative::Greater,
        other => return Err(unknown("alternative", other, "two-sided, less, greater").into()),
    };
    let method = match method {
        "auto" => Method::Auto,
        "exact" => Method::Exact,
        "asymptotic" | "asymp" => Method::Asymptotic,
        other => return Err(unknown("method", other, "auto, exact, asymptotic").into()),
    };
    let (a, b) = (numbers(a), numbers(b));
    let mut pause = || {
        pgrx::check_for_interrupts!();
        Ok(())
    };
    let test = ks::test_with(&a, &b, alternative, method, &mut pause).map_err(Failure::from)?;
    Ok(TableIterator::once((test.statistic, test.p_value)))
}

fn unknown(what: &str, word: &str, words: &str) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("{what} \"{word}\" is not known"))
        .hint(format!("Choose one of {words}."))
}

#[pg_extern(sql = false)]
fn sira_chi_square(
    reference: Vec<Option<i64>>,
    current: Vec<Option<i64>>,
) -> Result<
    TableIterator<'static, (name!(statistic, f64), name!(p_value, f64), name!(effect_size, f64))>,
    ErrorReport,
> {
    let test = chi_square::independence(&counts(reference)?, &counts(current)?).map_err(Failure::from)?;
    Ok(one(test))
}

/// Counts are none below 0.
fn counts(side: Vec<Option<i64>>) -> SqlResult<Vec<u64>> {
    let counts: Option<Vec<u64>> = side.iter().map(|count| u64::try_from(count.unwrap_or(0)).ok()).collect();
    Ok(counts.ok_or_else(|| {
        Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "a count is negative")
            .hint("Give how many rows fell into each category.")
    })?)
}

#[pg_extern(sql = false)]
fn sira_mean_test(
    reference: Numbers,
    current: Numbers,
) -> Result<
    TableIterator<'static, (name!(statistic, f64), name!(p_value, f64), name!(effect_size, f64))>,
    ErrorReport,
> {
    let (reference, current) = (Moments::of(&numbers(reference)), Moments::of(&numbers(current)));
    Ok(one(population::mean(reference, current).map_err(Failure::from)?))
}

#[pg_extern(sql = false)]
fn sira_variance_test(
    reference: Numbers,
    current: Numbers,
) -> Result<
    TableIterator<'static, (name!(statistic, f64), name!(p_value, f64), name!(effect_size, f64))>,
    ErrorReport,
> {
    let (reference, current) = (Moments::of(&numbers(reference)), Moments::of(&numbers(current)));
    Ok(one(population::variance(reference, current).map_err(Failure::from)?))
}

#[pg_extern(sql = false)]
fn sira_benjamini_hochberg(p_values: Numbers) -> SqlResult<Numbers> {
    if let Some(wrong) = p_values.iter().flatten().find(|p| **p < 0.0 || **p > 1.0) {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "a p-value is not between 0 and 1",
        )
        .detail(format!("It is {wrong}."))
        .hint("Give probabilities; missing ones are NULL.")
        .into());
    }
    let adjusted = multiple::benjamini_hochberg(&numbers(p_values));
    Ok(adjusted.into_iter().map(|p| (!p.is_nan()).then_some(p)).collect())
}

/// Every distance between two sets of categories.
type Distances = TableIterator<'static, (f64, f64, f64, f64, f64, f64, f64)>;

fn distances(reference: &[u64], current: &[u64]) -> sira_core::Result<Distances> {
    let test = chi_square::independence(reference, current)?;
    Ok(TableIterator::once((
        divergence::population_stability_index(reference, current)?,
        divergence::jensen_shannon(reference, current)?,
        divergence::hellinger(reference, current)?,
        divergence::total_variation(reference, current)?,
        test.statistic,
        test.p_value,
        test.effect_size,
    )))
}

#[pg_extern(sql = false)]
fn sira_categorical_drift(
    reference: Vec<Option<String>>,
    current: Vec<Option<String>>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(psi, f64),
            name!(jensen_shannon, f64),
            name!(hellinger, f64),
            name!(total_variation, f64),
            name!(chi_square, f64),
            name!(p_value, f64),
            name!(effect_size, f64),
        ),
    >,
    ErrorReport,
> {
    let (before, after) =
        categories(reference.iter().map(|text| text.as_deref()), current.iter().map(|text| text.as_deref()));
    Ok(distances(&before, &after).map_err(Failure::from)?)
}

#[pg_extern(sql = false)]
fn sira_count_drift(
    reference: Vec<Option<i64>>,
    current: Vec<Option<i64>>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(psi, f64),
            name!(jensen_shannon, f64),
            name!(hellinger, f64),
            name!(total_variation, f64),
            name!(chi_square, f64),
            name!(p_value, f64),
            name!(effect_size, f64),
        ),
    >,
    ErrorReport,
> {
    Ok(distances(&counts(reference)?, &counts(current)?).map_err(Failure::from)?)
}

/// The alarms of a detector over values in order, counted from one.
fn alarms(values: Numbers, mut add: impl FnMut(f64) -> Option<Change>) -> Alarms {
    let found: Vec<(i32, &'static str)> = (1..)
        .zip(numbers(values))
        .filter_map(|(position, value)| {
            let direction = match add(value)? {
                Change::Up => "up",
                Change::Down => "down",
            };
            Some((position, direction))
        })
        .collect();
    TableIterator::new(found)
}

#[pg_extern(sql = false)]
fn sira_page_hinkley(
    values: Numbers,
    slack: f64,
    run_length: f64,
) -> Result<TableIterator<'static, (name!(position, i32), name!(direction, &'static str))>, ErrorReport> {
    let mut detector = PageHinkley::new(slack, run_length).map_err(Failure::from)?;
    Ok(alarms(values, |value| detector.add(value)))
}

#[pg_extern(sql = false)]
fn sira_cusum(
    values: Numbers,
    mean: f64,
    deviation: f64,
    slack: f64,
    run_length: f64,
) -> Result<TableIterator<'static, (name!(position, i32), name!(direction, &'static str))>, ErrorReport> {
    let mut detector = Cusum::new(mean, deviation, slack, run_length).map_err(Failure::from)?;
    Ok(alarms(values, |value| detector.add(value)))
}

#[pg_extern(sql = false)]
fn sira_adwin(
    values: Numbers,
    run_length: f64,
) -> Result<TableIterator<'static, (name!(position, i32), name!(direction, &'static str))>, ErrorReport> {
    let mut detector = Adwin::new(run_length).map_err(Failure::from)?;
    Ok(alarms(values, |value| detector.add(value)))
}

/// One value more in a histogram: `sira_histogram`'s transition. An aggregate's own array is counted in where it lies;
/// making it anew for every row would cost more than finding the bin.
#[pg_extern(sql = false)]
fn sira_histogram_step(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<AnyElement>> {
    let value = call::argument::<f64>(fcinfo, 1).unwrap_or(f64::NAN);
    let Some(points) = call::datum_argument(fcinfo, 2) else {
        return Err(call::null_argument("cut_points", "sira_histogram(amount, '{0, 10, 100}')").into());
    };
    // SAFETY: the SQL declaration gives the argument the type float8[]; the array is not changed.
    let mut points = unsafe { plain_array(points, false) }?;
    // SAFETY: its elements are eight bytes wide and none is NULL.
    let cuts = unsafe { points.data::<f64>().as_ref() };
    let mut array = match call::datum_argument(fcinfo, 0) {
        // SAFETY: PostgreSQL says whether the call is an aggregate's.
        Some(counts) => unsafe {
            let own = pg_sys::AggCheckCallContext(fcinfo, std::ptr::null_mut()) != 0;
            plain_array(counts, !own)
        }?,
        None => {
            CutPoints::new(cuts.to_vec()).map_err(Failure::from)?;
            let empty = vec![0_i64; cuts.len() + 2].into_datum().unwrap_or(pg_sys::Datum::from(0));
            // SAFETY: a bigint[] that was just made.
            unsafe { plain_array(empty, false) }?
        }
    };
    // SAFETY: a bigint[] without NULL, which is the aggregate's own or was just made.
    let counts = unsafe { array.data::<i64>().as_mut() };
    if counts.len() != cuts.len() + 2 {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "the cut points of a histogram change from row to row",
        )
        .hint("Give the same array for every row.")
        .into());
    }
    let bin = match value.is_nan() {
        true => cuts.len() + 1,
        false => cuts.partition_point(|point| *point <= value),
    };
    if let Some(count) = counts.get_mut(bin) {
        *count = count.checked_add(1).ok_or_else(|| {
            Failure::new(PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, "a count is out of range")
        })?;
    }
    let datum = pg_sys::Datum::from(array.into_ptr().as_ptr());
    // SAFETY: the array is one of bigint.
    Ok(unsafe { AnyElement::from_polymorphic_datum(datum, false, pg_sys::INT8ARRAYOID) })
}

/// An array of elements of eight bytes, none of them NULL; a copy where `copy` says so.
///
/// # Safety
/// `datum` must be a non-null array.
unsafe fn plain_array(datum: pg_sys::Datum, copy: bool) -> error::Result<RawArray> {
    // SAFETY: as promised; detoasting gives an array that is plain.
    let mut array = unsafe {
        let plain = match copy {
            true => pg_sys::pg_detoast_datum_copy(datum.cast_mut_ptr()),
            false => pg_sys::pg_detoast_datum(datum.cast_mut_ptr()),
        };
        NonNull::new(plain.cast::<pg_sys::ArrayType>()).map(|plain| RawArray::from_ptr(plain))
    }
    .ok_or_else(|| Failure::internal("an array cannot be read"))?;
    if array.nulls().is_some() {
        return Err(Failure::new(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, "a cut point is null")
            .hint("Leave it out."));
    }
    Ok(array)
}

/// Counts of the same bins, added.
#[pg_extern(sql = false)]
fn sira_add_counts(a: Vec<Option<i64>>, b: Vec<Option<i64>>) -> SqlResult<Vec<i64>> {
    if a.len() != b.len() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "histograms differ in their number of bins",
        )
        .detail(format!("{} and {} bins.", a.len(), b.len()))
        .into());
    }
    let known = |counts: Vec<Option<i64>>| counts.into_iter().collect::<Option<Vec<i64>>>();
    let (Some(a), Some(b)) = (known(a), known(b)) else {
        return Err(Failure::new(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, "a count is null")
            .hint("Write 0 where nothing was counted.")
            .into());
    };
    let sums: Option<Vec<i64>> = a.iter().zip(&b).map(|(a, b)| a.checked_add(*b)).collect();
    Ok(sums.ok_or_else(|| {
        Failure::new(PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, "a count is out of range")
    })?)
}
