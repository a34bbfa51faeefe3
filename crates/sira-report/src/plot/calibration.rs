//! What was foretold against what came true, bin by bin.

use super::canvas::{self, HEIGHT, INK, failed, series};
use super::chart::{self, Axes, UNIT};
use plotters::prelude::*;
use sira_core::Result;

/// Rows whose predictions lie together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    pub predicted: f64,
    pub observed: f64,
    pub weight: f64,
}

/// A point a bin, the larger the more rows it holds; on the dashed line predictions mean what they say. `probabilities`
/// are drawn in the unit square, other values in their own.
pub fn calibration(title: &str, bins: &[CalibrationBin], probabilities: bool) -> Result<String> {
    let points: Vec<CalibrationBin> = bins
        .iter()
        .copied()
        .filter(|bin| bin.predicted.is_finite() && bin.observed.is_finite() && bin.weight > 0.0)
        .collect();
    let Some(own) = chart::around(points.iter().flat_map(|bin| [bin.predicted, bin.observed])) else {
        return canvas::nothing(title);
    };
    let range = if probabilities { UNIT } else { own };
    let heaviest = points.iter().map(|bin| bin.weight).fold(0.0, f64::max);
    canvas::draw(title, HEIGHT, |sheet| {
        let axes = Axes { x: "predicted", y: "observed", across: range.clone(), up: range.clone() };
        let mut chart = chart::axes(sheet, &axes)?;
        let (low, high) = if probabilities { (0.0, 1.0) } else { (range.start, range.end) };
        chart::guide(&mut chart, (low, low), (high, high))?;
        let curve: Vec<(f64, f64)> = points.iter().map(|bin| (bin.predicted, bin.observed)).collect();
        chart::curve(&mut chart, &curve, series(0), 1)?;
        let inside: Vec<&CalibrationBin> =
            points.iter().filter(|bin| chart::holds(&chart, (bin.predicted, bin.observed))).collect();
        let dots = inside.into_iter().map(|bin| {
            // The area tells the weight; the smallest must still be seen.
            let radius = 3.0 + 6.0 * (bin.weight / heaviest).sqrt();
            Circle::new((bin.predicted, bin.observed), radius as i32, series(0).mix(0.75).filled())
        });
        chart.draw_series(dots).map_err(failed)?;
        canvas::write(sheet, "area of a point: rows", (86, 26), &INK, canvas::Anchor::Start)
    })
}
