//! The share of true cases found against the share of others accused, over all thresholds.

use super::canvas::{self, HEIGHT, series};
use super::chart::{self, Axes, UNIT};
use super::lines::Line;
use crate::number::short;
use sira_core::Result;

/// Curves of (false positive rate, true positive rate), such as one a class, with the area under each where it is known.
pub fn roc(title: &str, curves: &[(Line<'_>, Option<f64>)]) -> Result<String> {
    if curves.iter().all(|(line, _)| chart::finite(line.points).next().is_none()) {
        return canvas::nothing(title);
    }
    canvas::draw(title, HEIGHT, |sheet| {
        let axes = Axes { x: "false positive rate", y: "true positive rate", across: UNIT, up: UNIT };
        let mut chart = chart::axes(sheet, &axes)?;
        chart::guide(&mut chart, (0.0, 0.0), (1.0, 1.0))?;
        let mut names = Vec::new();
        for (at, (line, area)) in curves.iter().enumerate() {
            chart::curve(&mut chart, line.points, series(at), 2)?;
            let area = area.map_or_else(String::new, |area| format!(" (area {})", short(area)));
            names.push((format!("{}{area}", canvas::fit(line.name, 26)), series(at)));
        }
        // A curve worth drawing leaves the corner below it free.
        let lines = i32::try_from(names.len()).unwrap_or(1);
        chart::legend(sheet, (300, HEIGHT as i32 - 68 - 17 * (lines - 1)), &names)
    })
}
