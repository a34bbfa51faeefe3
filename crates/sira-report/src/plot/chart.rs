//! Axes with a grid, for the plots that have two.

use super::canvas::{self, GRID, INK, LETTERS, MUTED, Sheet, failed};
use crate::number::short;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use sira_core::Result;
use std::ops::Range;

pub type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// What the axes are called, and from where to where they go.
pub struct Axes<'a> {
    pub x: &'a str,
    pub y: &'a str,
    pub across: Range<f64>,
    pub up: Range<f64>,
}

/// The unit square, a little wider so that a curve on its edge is seen.
pub const UNIT: Range<f64> = -0.01..1.01;

/// Draws the axes and their grid.
pub fn axes<'a, 'b>(sheet: &'a Sheet<'b>, axes: &Axes<'_>) -> Result<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(sheet)
        .margin(10)
        .margin_right(18)
        .x_label_area_size(44)
        .y_label_area_size(62)
        .build_cartesian_2d(axes.across.clone(), axes.up.clone())
        .map_err(failed)?;
    let letters = ("sans-serif", LETTERS).into_font();
    chart
        .configure_mesh()
        .x_labels(7)
        .y_labels(7)
        .x_desc(canvas::fit(axes.x, 60))
        .y_desc(canvas::fit(axes.y, 36))
        .x_label_formatter(&|value| short(tidy(*value)))
        .y_label_formatter(&|value| short(tidy(*value)))
        .axis_style(MUTED)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(letters.clone().color(&INK))
        .axis_desc_style(letters.color(&INK))
        .draw()
        .map_err(failed)?;
    Ok(chart)
}

/// A tick without the error of the steps that led to it.
fn tidy(value: f64) -> f64 {
    if value.abs() < 1e-9 { 0.0 } else { (value * 1e9).round() / 1e9 }
}

/// Values that can be drawn: the drawing library counts pixels in whole numbers, and differences must stay numbers.
fn drawable(value: f64) -> bool {
    value.abs() < 1e150
}

/// A range around values, never empty; `None` without one that can be drawn.
pub fn around(values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    let (low, high) = values
        .filter(|value| drawable(*value))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return None;
    }
    let span = high - low;
    let size = low.abs().max(high.abs());
    // One value alone, or values that an axis cannot tell apart.
    let margin = match span > size * 1e-9 && span > 1e-100 {
        true => span * 0.04,
        false => (size * 0.1).max(0.5),
    };
    Some(low - margin..high + margin)
}

/// A line through the finite points, in the colour of a series.
pub fn curve(chart: &mut Chart<'_, '_>, points: &[(f64, f64)], color: RGBColor, width: u32) -> Result<()> {
    let inside: Vec<(f64, f64)> = finite(points).filter(|point| holds(chart, *point)).collect();
    let line = LineSeries::new(inside, color.stroke_width(width));
    chart.draw_series(line).map(|_| ()).map_err(failed)
}

/// Whether a point lies within the axes: what lies far beyond them has no pixel.
pub fn holds(chart: &Chart<'_, '_>, (x, y): (f64, f64)) -> bool {
    chart.x_range().contains(&x) && chart.y_range().contains(&y)
}

/// A line that helps to read and is no data.
pub fn guide(chart: &mut Chart<'_, '_>, from: (f64, f64), to: (f64, f64)) -> Result<()> {
    let line = DashedLineSeries::new([from, to], 5, 4, MUTED.stroke_width(1));
    chart.draw_series(line).map(|_| ()).map_err(failed)
}

pub fn finite(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    points.iter().copied().filter(|(x, y)| drawable(*x) && drawable(*y))
}

/// Names of series with their colours, one below the other, beginning at a pixel.
pub fn legend(sheet: &Sheet<'_>, at: (i32, i32), names: &[(String, RGBColor)]) -> Result<()> {
    for (line, (name, color)) in names.iter().enumerate() {
        let y = at.1 + 17 * i32::try_from(line).unwrap_or(0);
        let swatch = Rectangle::new([(at.0, y - 4), (at.0 + 14, y + 4)], color.filled());
        sheet.draw(&swatch).map_err(failed)?;
        canvas::write(sheet, name, (at.0 + 20, y), &INK, canvas::Anchor::Start)?;
    }
    Ok(())
}

/// What a legend below the axes takes.
pub fn legend_height(names: &[(String, RGBColor)]) -> u32 {
    17 * u32::try_from(names.len()).unwrap_or(0) + 8
}

/// A point that no line goes through.
pub fn dot(chart: &mut Chart<'_, '_>, at: (f64, f64), color: RGBColor) -> Result<()> {
    chart.draw_series([Circle::new(at, 4, color.filled())]).map(|_| ()).map_err(failed)
}
