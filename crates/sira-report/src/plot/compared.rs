//! The same bins before and now, one over the other: where a distribution has moved.
//!
//! Bins stand side by side at one width each, for they were cut to hold equal shares of the reference: drawn to the scale of
//! their values, the outermost ones have no end and the innermost no width. What moved shows as a step between the two.

use super::bars::{NAME, NAMES};
use super::canvas::{self, Anchor, GRID, INK, MUTED, Sheet, WIDTH, failed, fit, series};
use crate::number::short;
use plotters::prelude::*;
use sira_core::Result;

/// Counts of two periods over the bins of a reference; the last count of each is of missing values.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    pub before: &'a [f64],
    pub now: &'a [f64],
}

const HEIGHT: i32 = 232;
const LEFT: i32 = 52;
const TOP: i32 = 30;
const FOOT: i32 = HEIGHT - 44;
/// Characters of the name that stands over a plot.
const TITLE: usize = 44;
/// Between the bins of values and the one of missing values.
const GAP: i32 = 16;
const ROW: i32 = 24;
/// Categories that have a row; the others share one.
const ROWS: usize = 15;

/// Of numbers, between ascending cut points.
pub fn compared_numbers(title: &str, cuts: &[f64], counts: Compared<'_>) -> Result<String> {
    let (before, now) = (shares(counts.before), shares(counts.now));
    let bins = cuts.len() + 2;
    if before.len() != bins || now.len() != bins || before.iter().chain(&now).all(|share| *share == 0.0) {
        return canvas::nothing(title);
    }
    let tallest = before.iter().chain(&now).copied().fold(0.0, f64::max);
    let columns = i32::try_from(bins).unwrap_or(i32::MAX);
    let width = (WIDTH as i32 - LEFT - 12 - GAP) / columns;
    if width < 2 {
        return canvas::nothing(title);
    }
    let x = |bin: usize| {
        let bin = i32::try_from(bin).unwrap_or(0);
        LEFT + bin * width + if bin + 1 == columns { GAP } else { 0 }
    };
    let y = |share: f64| FOOT - (f64::from(FOOT - TOP) * share / tallest).round() as i32;
    canvas::draw(title, HEIGHT as u32, |sheet| {
        scale(sheet, tallest, y)?;
        for (at, values) in [&before, &now].into_iter().enumerate() {
            for (bin, share) in values.iter().enumerate() {
                bar(sheet, [(x(bin) + 1, y(*share)), (x(bin) + width - 1, FOOT)], at)?;
            }
        }
        edges(sheet, cuts, |at| x(at + 1))?;
        let middle = (x(bins - 1) + width / 2).min(WIDTH as i32 - 30);
        canvas::write(sheet, "missing", (middle, FOOT + 30), &MUTED, Anchor::Middle)?;
        canvas::write(sheet, &fit(title, TITLE), (6, 12), &INK, Anchor::Start)?;
        key(sheet, 12)
    })
}

/// Of categories by name: a row each, the most frequent first, then what is not one of them.
pub fn compared_names(title: &str, names: &[String], counts: Compared<'_>) -> Result<String> {
    let (before, now) = (shares(counts.before), shares(counts.now));
    if before.len() != names.len() + 3
        || now.len() != before.len()
        || before.iter().chain(&now).all(|share| *share == 0.0)
    {
        return canvas::nothing(title);
    }
    let rows = rows(names, &before, &now);
    let widest = rows.iter().flat_map(|row| [row.1, row.2]).fold(0.0, f64::max);
    let room = f64::from(WIDTH as i32 - NAMES - 62);
    let length = |share: f64| (room * share / widest).round() as i32;
    let height = 34 + ROW * i32::try_from(rows.len()).unwrap_or(0);
    canvas::draw(title, u32::try_from(height).unwrap_or(0), |sheet| {
        for (at, (name, before, now)) in rows.iter().enumerate() {
            let y = 38 + ROW * i32::try_from(at).unwrap_or(0);
            canvas::write(sheet, &fit(name, NAME), (NAMES - 8, y), &INK, Anchor::End)?;
            bar(sheet, [(NAMES, y - 9), (NAMES + length(*before), y)], 0)?;
            bar(sheet, [(NAMES, y), (NAMES + length(*now), y + 9)], 1)?;
            let end = NAMES + length(before.max(*now)) + 5;
            canvas::write(sheet, &percent(*now), (end, y), &INK, Anchor::Start)?;
        }
        canvas::write(sheet, &fit(title, TITLE), (6, 12), &INK, Anchor::Start)?;
        key(sheet, 12)
    })
}

/// Names with their shares; those beyond the first ones are added to the row of all other categories.
fn rows(names: &[String], before: &[f64], now: &[f64]) -> Vec<(String, f64, f64)> {
    let mut own: Vec<(String, f64, f64)> = names
        .iter()
        .zip(before)
        .zip(now)
        .map(|((name, before), now)| (name.clone(), *before, *now))
        .collect();
    own.sort_by(|a, b| b.1.max(b.2).total_cmp(&a.1.max(a.2)).then_with(|| a.0.cmp(&b.0)));
    let tail = own.split_off(own.len().min(ROWS));
    let more = tail.iter().fold((0.0, 0.0), |sum, row| (sum.0 + row.1, sum.1 + row.2));
    let apart = ["all other categories", "never seen before", "missing"];
    for (at, name) in apart.into_iter().enumerate() {
        let share = |of: &[f64]| of.get(names.len() + at).copied().unwrap_or(0.0);
        let (extra_before, extra_now) = if at == 0 { more } else { (0.0, 0.0) };
        let row = (name.to_owned(), share(before) + extra_before, share(now) + extra_now);
        if row.1 > 0.0 || row.2 > 0.0 {
            own.push(row);
        }
    }
    own
}

fn shares(counts: &[f64]) -> Vec<f64> {
    let usable = |count: &f64| if count.is_finite() { count.max(0.0) } else { 0.0 };
    let total: f64 = counts.iter().map(usable).sum();
    counts.iter().map(|count| if total > 0.0 { usable(count) / total } else { 0.0 }).collect()
}

/// Before is filled, now has an outline too: told apart without colours.
fn bar(sheet: &Sheet<'_>, bounds: [(i32, i32); 2], at: usize) -> Result<()> {
    sheet.draw(&Rectangle::new(bounds, series(at).mix(0.4).filled())).map_err(failed)?;
    if at == 0 {
        return Ok(());
    }
    sheet.draw(&Rectangle::new(bounds, series(at).stroke_width(1))).map_err(failed)
}

fn scale(sheet: &Sheet<'_>, tallest: f64, y: impl Fn(f64) -> i32) -> Result<()> {
    for part in [0.0, 0.5, 1.0] {
        let share = tallest * part;
        let line = PathElement::new([(LEFT, y(share)), (WIDTH as i32 - 6, y(share))], GRID.stroke_width(1));
        sheet.draw(&line).map_err(failed)?;
        canvas::write(sheet, &percent(share), (LEFT - 5, y(share)), &INK, Anchor::End)?;
    }
    Ok(())
}

/// Cut points between their bins, as many as there is room for.
fn edges(sheet: &Sheet<'_>, cuts: &[f64], x: impl Fn(usize) -> i32) -> Result<()> {
    let (mut free, mut last) = (0, String::new());
    for (at, cut) in cuts.iter().enumerate() {
        let text = rounded(*cut);
        let half = 4 * i32::try_from(text.chars().count()).unwrap_or(0);
        let tick = PathElement::new([(x(at), FOOT), (x(at), FOOT + 4)], MUTED.stroke_width(1));
        sheet.draw(&tick).map_err(failed)?;
        if x(at) - half < free || text == last {
            continue;
        }
        canvas::write(sheet, &text, (x(at), FOOT + 13), &INK, Anchor::Middle)?;
        free = x(at) + half + 6;
        last = text;
    }
    Ok(())
}

/// Three digits: neighbours need no more to be told apart by eye.
fn rounded(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !size.is_finite() {
        return short(value);
    }
    let step = 10_f64.powi(size.log10().floor() as i32 - 2);
    let near = (value / step).round() * step;
    short(if near.is_finite() { near } else { value })
}

fn percent(share: f64) -> String {
    format!("{:.*} %", usize::from(share > 0.0 && share < 0.1), 100.0 * share)
}

fn key(sheet: &Sheet<'_>, y: i32) -> Result<()> {
    for (at, (name, x)) in
        [("reference", WIDTH as i32 - 190), ("now", WIDTH as i32 - 70)].into_iter().enumerate()
    {
        bar(sheet, [(x, y - 5), (x + 14, y + 5)], at)?;
        canvas::write(sheet, name, (x + 20, y), &INK, Anchor::Start)?;
    }
    Ok(())
}
