//! Amounts by name, largest first as the caller has them: bars that lie, so that names can be read.

use super::canvas::{self, Anchor, INK, MUTED, WIDTH, failed, fit, series};
use crate::number::short;
use plotters::prelude::*;
use sira_core::Result;

/// A name and its amount; an amount below zero goes to the left.
#[derive(Clone, Copy, Debug)]
pub struct Bar<'a> {
    pub name: &'a str,
    pub amount: f64,
}

/// Characters of a name, and the pixels that they are given.
pub(super) const NAME: usize = 23;
pub(super) const NAMES: i32 = 182;
const ROW: i32 = 22;
/// What the figure beside a bar needs.
const FIGURE: i32 = 70;

pub fn bars(title: &str, unit: &str, given: &[Bar<'_>]) -> Result<String> {
    let rows: Vec<&Bar<'_>> = given.iter().filter(|bar| bar.amount.is_finite()).collect();
    if rows.is_empty() {
        return canvas::nothing(title);
    }
    let high = rows.iter().map(|bar| bar.amount).fold(0.0, f64::max);
    let low = rows.iter().map(|bar| bar.amount).fold(0.0, f64::min);
    // A figure stands at the end of its bar, so both sides keep room for one where they have bars.
    let left = NAMES + if low < 0.0 { FIGURE } else { 0 };
    let room = f64::from(WIDTH as i32 - left - FIGURE);
    let (low, high) = (low / 2.0, high / 2.0);
    let scale = if high - low > 0.0 { room / (high - low) } else { 0.0 };
    let x = |amount: f64| left + ((amount / 2.0 - low) * scale).round() as i32;
    let height = 30 + ROW * i32::try_from(rows.len()).unwrap_or(0);
    canvas::draw(title, u32::try_from(height).unwrap_or(0), |sheet| {
        for (at, bar) in rows.iter().enumerate() {
            let y = 14 + ROW * i32::try_from(at).unwrap_or(0);
            canvas::write(sheet, &fit(bar.name, NAME), (NAMES - 8, y), &INK, Anchor::End)?;
            let color = series(usize::from(bar.amount < 0.0));
            let bounds = [(x(bar.amount.min(0.0)), y - 7), (x(bar.amount.max(0.0)), y + 7)];
            sheet.draw(&Rectangle::new(bounds, color.filled())).map_err(failed)?;
            let (place, anchor) = match bar.amount < 0.0 {
                true => (x(bar.amount) - 5, Anchor::End),
                false => (x(bar.amount) + 5, Anchor::Start),
            };
            canvas::write(sheet, &short(bar.amount), (place, y), &INK, anchor)?;
        }
        let axis = PathElement::new([(x(0.0), 2), (x(0.0), height - 24)], MUTED.stroke_width(1));
        sheet.draw(&axis).map_err(failed)?;
        canvas::write(sheet, unit, (x(0.0), height - 12), &MUTED, Anchor::Start)
    })
}
