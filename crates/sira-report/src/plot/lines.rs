//! Values over something, such as a metric over rounds or over time.

use super::canvas::{self, HEIGHT, series};
use super::chart::{self, Axes};
use sira_core::Result;

/// A series of (x, y).
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub name: &'a str,
    pub points: &'a [(f64, f64)],
}

/// Lines in common axes, which go from their smallest to their largest value.
pub fn lines(title: &str, x: &str, y: &str, series_of: &[Line<'_>]) -> Result<String> {
    let all = || series_of.iter().flat_map(|line| chart::finite(line.points));
    let (Some(across), Some(up)) =
        (chart::around(all().map(|point| point.0)), chart::around(all().map(|point| point.1)))
    else {
        return canvas::nothing(title);
    };
    let names: Vec<_> =
        series_of.iter().enumerate().map(|(at, line)| (canvas::fit(line.name, 60), series(at))).collect();
    // The legend stands below: a line may run anywhere.
    canvas::draw(title, HEIGHT + chart::legend_height(&names), |sheet| {
        let (upper, _) = sheet.split_vertically(HEIGHT);
        let mut chart = chart::axes(&upper, &Axes { x, y, across, up })?;
        for (at, line) in series_of.iter().enumerate() {
            chart::curve(&mut chart, line.points, series(at), 2)?;
            if let (Some(only), None) = {
                let mut points = chart::finite(line.points);
                (points.next(), points.next())
            } {
                chart::dot(&mut chart, only, series(at))?;
            }
        }
        chart::legend(sheet, (72, HEIGHT as i32 + 8), &names)
    })
}
