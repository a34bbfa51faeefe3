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
    let names: Vec<_> = curves
        .iter()
        .enumerate()
        .map(|(at, (line, average))| {
            let average =
                average.map_or_else(String::new, |average| format!(" (average {})", short(average)));
            (format!("{}{average}", canvas::fit(line.name, 40)), series(at))
        })
        .collect();
    // The legend stands below: the curves of rare classes run along the bottom, those of a good model along the top.
    canvas::draw(title, HEIGHT + chart::legend_height(&names), |sheet| {
        let (upper, _) = sheet.split_vertically(HEIGHT);
        let axes = Axes { x: "recall", y: "precision", across: UNIT, up: UNIT };
        let mut chart = chart::axes(&upper, &axes)?;
        if let Some(base) = base.filter(|base| (0.0..=1.0).contains(base)) {
            chart::guide(&mut chart, (0.0, base), (1.0, base))?;
        }
        for (at, (line, _)) in curves.iter().enumerate() {
            chart::curve(&mut chart, line.points, series(at), 2)?;
        }
        chart::legend(sheet, (72, HEIGHT as i32 + 8), &names)
    })
}
