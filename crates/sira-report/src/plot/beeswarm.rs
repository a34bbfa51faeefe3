//! What features did to scores: for each a swarm of points along the contributions that it made.
//!
//! The points come in bins of contribution, not one by one, and of the rows of a bin only how many they are and where their
//! values lie on average among all values of the feature: nobody's value can be read from the drawing.

use super::bars::{NAME, NAMES};
use super::canvas::{self, Anchor, GRID, INK, MUTED, WIDTH, failed, fit};
use crate::number::short;
use plotters::prelude::*;
use sira_core::Result;

/// Rows whose contributions lie together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwarmBin {
    /// The contribution in the middle of the bin.
    pub contribution: f64,
    pub rows: f64,
    /// The mean rank of their values, from 0 (the feature's lowest) to 1; `None` where it is not told.
    pub rank: Option<f64>,
}

/// A feature's swarm.
#[derive(Clone, Copy, Debug)]
pub struct Swarm<'a> {
    pub name: &'a str,
    pub bins: &'a [SwarmBin],
}

const ROW: i32 = 30;
/// Half the height of the thickest place of a swarm.
const HALF: f64 = 12.0;
const LOW: RGBColor = RGBColor(0x1F, 0x6F, 0xC5);
const HIGH: RGBColor = RGBColor(0xD1, 0x2E, 0x5A);
const UNTOLD: RGBColor = RGBColor(0x9A, 0xA0, 0xA6);

/// A row a feature, in the order given; blue where values are low, red where they are high.
pub fn beeswarm(title: &str, features: &[Swarm<'_>]) -> Result<String> {
    let usable = |bin: &&SwarmBin| bin.contribution.is_finite() && bin.rows > 0.0 && bin.rows.is_finite();
    let all = || features.iter().flat_map(|swarm| swarm.bins.iter().filter(usable));
    let farthest = all().map(|bin| bin.contribution.abs()).fold(0.0, f64::max);
    if all().next().is_none() {
        return canvas::nothing(title);
    }
    let middle = NAMES + (WIDTH as i32 - NAMES) / 2;
    let reach = f64::from((WIDTH as i32 - NAMES) / 2 - 16);
    let scale = if farthest > 0.0 { reach / farthest } else { 0.0 };
    let x = |contribution: f64| middle + (contribution * scale).round() as i32;
    let height = 58 + ROW * i32::try_from(features.len()).unwrap_or(0);
    canvas::draw(title, u32::try_from(height).unwrap_or(0), |sheet| {
        let foot = height - 48;
        for (at, swarm) in features.iter().enumerate() {
            let y = 16 + ROW * i32::try_from(at).unwrap_or(0);
            canvas::write(sheet, &fit(swarm.name, NAME), (NAMES - 8, y), &INK, Anchor::End)?;
            let line = PathElement::new([(NAMES, y), (WIDTH as i32 - 8, y)], GRID.stroke_width(1));
            sheet.draw(&line).map_err(failed)?;
            let thickest = swarm.bins.iter().filter(usable).map(|bin| bin.rows).fold(0.0, f64::max);
            for bin in swarm.bins.iter().filter(usable) {
                let dots = ((bin.rows / thickest).sqrt() * (HALF / 2.0)).round() as i32;
                for step in -dots..=dots {
                    let dot = Circle::new((x(bin.contribution), y + 2 * step), 2, color(bin.rank).filled());
                    sheet.draw(&dot).map_err(failed)?;
                }
            }
        }
        let axis = PathElement::new([(middle, 2), (middle, foot)], MUTED.stroke_width(1));
        sheet.draw(&axis).map_err(failed)?;
        for end in [-farthest, 0.0, farthest] {
            canvas::write(sheet, &short(end), (x(end), foot + 10), &INK, Anchor::Middle)?;
        }
        canvas::write(sheet, "contribution to the raw score", (middle, foot + 28), &MUTED, Anchor::Middle)?;
        key(sheet, foot + 10)
    })
}

/// What the colours mean.
fn key(sheet: &canvas::Sheet<'_>, y: i32) -> Result<()> {
    let told = [("low", LOW), ("high", HIGH), ("too few", UNTOLD)];
    let mut x = 10;
    for (name, color) in told {
        sheet.draw(&Circle::new((x, y), 4, color.filled())).map_err(failed)?;
        canvas::write(sheet, name, (x + 8, y), &INK, Anchor::Start)?;
        x += 18 + 7 * i32::try_from(name.len()).unwrap_or(0);
    }
    canvas::write(sheet, "value of the feature", (6, y + 18), &MUTED, Anchor::Start)
}

fn color(rank: Option<f64>) -> RGBColor {
    let Some(rank) = rank.filter(|rank| rank.is_finite()) else { return UNTOLD };
    let blend = |low: u8, high: u8| {
        let rank = rank.clamp(0.0, 1.0);
        (f64::from(low) + rank * (f64::from(high) - f64::from(low))).round() as u8
    };
    RGBColor(blend(LOW.0, HIGH.0), blend(LOW.1, HIGH.1), blend(LOW.2, HIGH.2))
}
