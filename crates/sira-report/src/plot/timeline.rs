//! Values over days, with how sure they are as a band around them, and thresholds as lines across.

use super::canvas::{self, Anchor, GRID, HEIGHT, INK, LETTERS, MUTED, failed, fit, series};
use super::chart::{self, Chart};
use crate::number::short;
use plotters::prelude::*;
use sira_core::Result;
use std::ops::Range;

/// A value of a day, counted from 1970 with its fraction, and between which it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dated {
    pub day: f64,
    pub value: f64,
    /// `None` where nothing says how sure the value is.
    pub band: Option<(f64, f64)>,
}

/// A series; what is no measurement has a thin line and hollow points.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    pub name: &'a str,
    pub values: &'a [Dated],
    pub estimated: bool,
}

/// A value to compare with.
#[derive(Clone, Copy, Debug)]
pub struct Threshold<'a> {
    pub name: &'a str,
    pub value: f64,
}

/// Characters of a threshold's name.
const NAME: usize = 20;

/// Courses in common axes. `up` is what the vertical axis shows at least; a threshold far from all values is left out.
pub fn timeline(
    title: &str,
    y: &str,
    courses: &[Course<'_>],
    thresholds: &[Threshold<'_>],
    up: Option<Range<f64>>,
) -> Result<String> {
    let usable: Vec<Vec<Dated>> = courses.iter().map(|course| drawable(course.values)).collect();
    let days = usable.iter().flatten().map(|dated| dated.day);
    let heights = usable.iter().flatten().flat_map(|dated| {
        let (low, high) = dated.band.unwrap_or((dated.value, dated.value));
        [low, high, dated.value]
    });
    let least = up.iter().flat_map(|range| [range.start, range.end]);
    let (Some(across), Some(height)) = (chart::around(days), chart::around(heights.chain(least))) else {
        return canvas::nothing(title);
    };
    let thresholds: Vec<&Threshold<'_>> =
        thresholds.iter().filter(|threshold| height.contains(&threshold.value)).collect();
    let names: Vec<(String, RGBColor)> =
        courses.iter().enumerate().map(|(at, course)| (fit(course.name, 60), series(at))).collect();
    let below = 17 * u32::try_from(names.len()).unwrap_or(0) + 8;
    canvas::draw(title, HEIGHT + below, |sheet| {
        let (upper, _) = sheet.split_vertically(HEIGHT);
        let longest =
            thresholds.iter().map(|threshold| fit(threshold.name, NAME).chars().count()).max().unwrap_or(0);
        let beside = 34.max(12 + 7 * u32::try_from(longest).unwrap_or(0));
        let mut chart = axes(&upper, y, &across, &height, beside)?;
        for threshold in thresholds {
            chart::guide(&mut chart, (across.start, threshold.value), (across.end, threshold.value))?;
            // Beside the axes, where no course runs.
            let place = chart.backend_coord(&(across.end, threshold.value));
            canvas::write(sheet, &fit(threshold.name, NAME), (place.0 + 5, place.1), &MUTED, Anchor::Start)?;
        }
        for (at, (course, values)) in courses.iter().zip(&usable).enumerate() {
            draw(&mut chart, values, course.estimated, series(at))?;
        }
        chart::legend(sheet, (72, HEIGHT as i32 + 8), &names)
    })
}

fn drawable(values: &[Dated]) -> Vec<Dated> {
    let mut usable: Vec<Dated> = values
        .iter()
        .filter(|dated| chart::finite(&[(dated.day, dated.value)]).next().is_some())
        .map(|dated| Dated {
            band: dated.band.filter(|band| chart::finite(&[*band]).next().is_some()),
            ..*dated
        })
        .collect();
    usable.sort_by(|a, b| a.day.total_cmp(&b.day));
    usable
}

fn axes<'a, 'b>(
    sheet: &'a canvas::Sheet<'b>,
    y: &str,
    across: &Range<f64>,
    up: &Range<f64>,
    beside: u32,
) -> Result<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(sheet)
        .margin(10)
        .margin_right(beside)
        .x_label_area_size(44)
        .y_label_area_size(62)
        .build_cartesian_2d(across.clone(), up.clone())
        .map_err(failed)?;
    let letters = ("sans-serif", LETTERS).into_font();
    let hours = across.end - across.start < 5.0;
    chart
        .configure_mesh()
        .x_labels(4)
        .y_labels(7)
        .x_desc("UTC")
        .y_desc(fit(y, 36))
        .x_label_formatter(&|day| moment(*day, hours))
        .y_label_formatter(&|value| short((*value * 1e9).round() / 1e9))
        .axis_style(MUTED)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(letters.clone().color(&INK))
        .axis_desc_style(letters.color(&INK))
        .draw()
        .map_err(failed)?;
    Ok(chart)
}

fn draw(chart: &mut Chart<'_, '_>, values: &[Dated], estimated: bool, color: RGBColor) -> Result<()> {
    // A band is whole where its points follow each other.
    for stretch in values.split(|dated| dated.band.is_none()) {
        let sides = stretch.iter().filter_map(|dated| Some((dated.day, dated.band?)));
        let mut outline: Vec<(f64, f64)> = sides.clone().map(|(day, (low, _))| (day, low)).collect();
        outline.extend(sides.rev().map(|(day, (_, high))| (day, high)));
        if stretch.len() > 1 {
            chart.draw_series([Polygon::new(outline, color.mix(0.16))]).map_err(failed)?;
        } else if let [low, high] = outline.as_slice() {
            chart
                .draw_series([PathElement::new([*low, *high], color.mix(0.5).stroke_width(3))])
                .map_err(failed)?;
        }
    }
    let points: Vec<(f64, f64)> = values.iter().map(|dated| (dated.day, dated.value)).collect();
    chart::curve(chart, &points, color, if estimated { 1 } else { 2 })?;
    let dots = points.iter().map(|point| {
        let style = if estimated { color.stroke_width(1) } else { color.filled() };
        Circle::new(*point, if points.len() > 60 { 2 } else { 3 }, style)
    });
    chart.draw_series(dots).map(|_| ()).map_err(failed)
}

/// A day as people write it; with its hour where an axis spans few of them.
fn moment(day: f64, hours: bool) -> String {
    if day.abs() > 3_000_000.0 {
        return short(day);
    }
    // Minutes first: a day's fraction is not exact.
    let minutes = (day * 1440.0).round() as i64;
    let (year, month, of_month) = civil(minutes.div_euclid(1440));
    let of_day = minutes.rem_euclid(1440);
    match hours {
        true => format!("{month:02}-{of_month:02} {:02}:{:02}", of_day / 60, of_day % 60),
        false => format!("{year:04}-{month:02}-{of_month:02}"),
    }
}

/// Year, month and day of a day since 1970: Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, of_month)
}
