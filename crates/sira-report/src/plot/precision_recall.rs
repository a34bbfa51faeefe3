//! How many of those accused were true, against how many of the true were found.

use super::canvas::{self, HEIGHT, series};
use super::chart::{self, Axes, UNIT};
use super::lines::Line;
use crate::number::short;
use sira_core::Result;

/// Curves of (recall, precision) with the average precision where it is known; `base` is the share of true cases, which a
/// model that knows nothing would reach.
pub fn precision_recall(
    title: &str,
    curves: &[(Line<'_>, Option<f64>)],
    base: Option<f64>,
) -> Result<String> {
    if curves.iter().all(|(line, _)| chart::finite(line.points).next().is_none()) {
        return canvas::nothing(title);
    }
    canvas::draw(title, HEIGHT, |sheet| {
        let axes = Axes { x: "recall", y: "precision", across: UNIT, up: UNIT };
        let mut chart = chart::axes(sheet, &axes)?;
        if let Some(base) = base.filter(|base| (0.0..=1.0).contains(base)) {
            chart::guide(&mut chart, (0.0, base), (1.0, base))?;
        }
        let mut names = Vec::new();
        for (at, (line, average)) in curves.iter().enumerate() {
            chart::curve(&mut chart, line.points, series(at), 2)?;
            let average =
                average.map_or_else(String::new, |average| format!(" (average {})", short(average)));
            names.push((format!("{}{average}", canvas::fit(line.name, 26)), series(at)));
        }
        let lines = i32::try_from(names.len()).unwrap_or(1);
        chart::legend(sheet, (86, HEIGHT as i32 - 134 - 17 * (lines - 1)), &names)
    })
}
