//! Where the scores of each class lie.

use super::canvas::{self, HEIGHT, failed, series};
use super::chart::{self, Axes};
use plotters::prelude::*;
use sira_core::Result;

/// Counts in the bins between the edges; a class with few rows is drawn as tall as one with many.
#[derive(Clone, Copy, Debug)]
pub struct Distribution<'a> {
    pub name: &'a str,
    pub counts: &'a [f64],
}

/// Shares of each distribution's rows, in bins that all have in common.
pub fn histogram(title: &str, x: &str, edges: &[f64], classes: &[Distribution<'_>]) -> Result<String> {
    let total = |class: &Distribution<'_>| -> f64 { class.counts.iter().filter(|count| **count > 0.0).sum() };
    let share = |class: &Distribution<'_>, count: f64| count.max(0.0) / total(class);
    let bars = |class: &Distribution<'_>| -> Vec<(f64, f64, f64)> {
        let ends = edges.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)));
        ends.zip(class.counts)
            .map(|((from, to), count)| (from, to, share(class, *count)))
            .filter(|(from, to, share)| chart::finite(&[(*from, *to)]).next().is_some() && share.is_finite())
            .collect()
    };
    let drawn: Vec<(usize, Vec<(f64, f64, f64)>)> =
        classes.iter().map(bars).enumerate().filter(|(_, bars)| !bars.is_empty()).collect();
    let tallest = drawn.iter().flat_map(|(_, bars)| bars).map(|bar| bar.2).fold(0.0, f64::max);
    let ends = drawn.iter().flat_map(|(_, bars)| bars).flat_map(|bar| [bar.0, bar.1]);
    let (Some(across), true) = (chart::around(ends), tallest > 0.0) else { return canvas::nothing(title) };
    let names: Vec<_> = drawn
        .iter()
        .filter_map(|(at, _)| Some((canvas::fit(classes.get(*at)?.name, 60), series(*at))))
        .collect();
    // The legend stands below: a bar may rise anywhere.
    canvas::draw(title, HEIGHT + chart::legend_height(&names), |sheet| {
        let (upper, _) = sheet.split_vertically(HEIGHT);
        let axes = Axes { x, y: "share of the class", across, up: 0.0..tallest * 1.06 };
        let mut chart = chart::axes(&upper, &axes)?;
        for (at, bars) in &drawn {
            let color = series(*at);
            let boxes = bars.iter().map(|(from, to, share)| {
                Rectangle::new([(*from, 0.0), (*to, *share)], color.mix(0.45).filled())
            });
            chart.draw_series(boxes).map_err(failed)?;
            let outline: Vec<(f64, f64)> =
                bars.iter().flat_map(|(from, to, share)| [(*from, *share), (*to, *share)]).collect();
            chart::curve(&mut chart, &outline, color, 1)?;
        }
        chart::legend(sheet, (72, HEIGHT as i32 + 8), &names)
    })
}
