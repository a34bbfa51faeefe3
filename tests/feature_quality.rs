//! Statistics of a column: figures that numpy gave, and what PostgreSQL's order of numbers asks for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use sira_core::feature::quality::statistics;
use sira_core::feature::{Codes, Column, Numbers};

fn numbers(values: &[f64]) -> Column {
    Column::Numbers(values.iter().map(|value| Some(*value)).collect())
}

#[test]
fn figures_are_numpys() {
    // numpy: quantile(x, [0, .1, .25, .5, .9, 1]) and std(x, ddof=1) of x = [3.5, −1, 8, 2.25, 2.25, 100].
    let column = numbers(&[3.5, -1.0, 8.0, 2.25, 2.25, 100.0]);
    let found = statistics(&column, &[0.0, 0.1, 0.25, 0.5, 0.9, 1.0]);
    let quantiles: Vec<f64> = found.quantiles.iter().map(|quantile| quantile.unwrap()).collect();
    assert_eq!(quantiles, [-1.0, 0.625, 2.25, 2.875, 54.0, 100.0]);
    assert_eq!((found.rows, found.nulls, found.distinct), (6, 0, 5));
    assert_eq!((found.min, found.max), (Some(-1.0), Some(100.0)));
    assert!((found.mean.unwrap() - 19.166_666_666_666_668).abs() < 1e-14);
    assert!((found.stddev.unwrap() - 39.706_947_335_027_74).abs() < 1e-13, "{:?}", found.stddev);
}

#[test]
fn nothing_and_next_to_nothing() {
    let empty = statistics(&numbers(&[]), &[0.5]);
    assert_eq!((empty.rows, empty.min, empty.mean, empty.stddev), (0, None, None, None));
    assert_eq!(empty.quantiles, [None]);
    let nulls = statistics(&Column::Numbers([None, None].into_iter().collect()), &[]);
    assert_eq!((nulls.rows, nulls.nulls, nulls.distinct, nulls.max), (2, 2, 0, None));
    let one = statistics(&numbers(&[4.0]), &[0.0, 0.3, 1.0, 1.5, -0.1, f64::NAN]);
    assert_eq!(one.quantiles, [Some(4.0), Some(4.0), Some(4.0), None, None, None]);
    assert_eq!((one.mean, one.stddev), (Some(4.0), None));
}

#[test]
fn what_is_not_finite_is_counted_and_orders_last() {
    let column: Numbers =
        [Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY), Some(-f64::NAN), Some(0.0), Some(-0.0)]
            .into_iter()
            .collect();
    let found = statistics(&Column::Numbers(column), &[0.5, 0.6, 0.7]);
    assert_eq!((found.nulls, found.nans, found.infinite, found.distinct), (1, 2, 1, 4));
    assert!(found.max.unwrap().is_nan() && found.mean.unwrap().is_nan() && found.stddev.unwrap().is_nan());
    assert_eq!(found.quantiles[..2], [Some(f64::INFINITY); 2], "between 1 and infinity, and at infinity");
    let all = statistics(&numbers(&[f64::INFINITY; 3]), &[0.25]);
    assert_eq!(all.quantiles, [Some(f64::INFINITY)], "between equal values there is only that value");
}

#[test]
fn texts_are_counted() {
    let codes: Codes = [Some(3), None, Some(1), Some(3)].into_iter().collect();
    let found = statistics(&Column::Codes(codes), &[0.5]);
    assert_eq!((found.rows, found.nulls, found.distinct), (4, 1, 2));
    assert_eq!((found.min, found.mean, found.quantiles), (None, None, vec![None]));
}
