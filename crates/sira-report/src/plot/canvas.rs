//! The sheet that plots are drawn on: its colours, its letters, and the element that comes of it.

use crate::escape::{clean, escape};
use plotters::coord::Shift;
use plotters::prelude::*;
use sira_core::{Error, ErrorKind, Result};
use std::fmt::Display;

/// Text and axes; the page turns it over where the reader's screen is dark, and so it does with the next two.
pub const INK: RGBColor = RGBColor(0x24, 0x29, 0x2F);
pub const GRID: RGBColor = RGBColor(0xD8, 0xDE, 0xE4);
pub const MUTED: RGBColor = RGBColor(0x6E, 0x77, 0x81);
/// Series, told apart by lightness too.
pub const SERIES: [RGBColor; 8] = [
    RGBColor(0x1F, 0x6F, 0xC5),
    RGBColor(0xD9, 0x6A, 0x1B),
    RGBColor(0x2C, 0x8C, 0x5A),
    RGBColor(0xA8, 0x3A, 0x7E),
    RGBColor(0x8A, 0x7A, 0x10),
    RGBColor(0x5B, 0x55, 0xC9),
    RGBColor(0x1A, 0x8C, 0x9E),
    RGBColor(0xB8, 0x36, 0x36),
];

pub const WIDTH: u32 = 560;
pub const HEIGHT: u32 = 340;
/// In the drawing library's pixels, of which it makes 1.24 a point: 12 points on the page.
pub const LETTERS: u32 = 15;

pub type Sheet<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The colour of the series at a position.
pub fn series(at: usize) -> RGBColor {
    SERIES.get(at % SERIES.len()).copied().unwrap_or(INK)
}

/// Draws on a sheet of this height and gives the element.
pub fn draw(title: &str, height: u32, paint: impl FnOnce(&Sheet<'_>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let sheet = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        paint(&sheet)?;
        sheet.present().map_err(failed)?;
    }
    // The element's head is ours: what a reader that does not see the plot is told belongs into it.
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let title = escape(title);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-label=\"{title}\"><title>{title}</title>{body}"
    ))
}

/// The plot of nothing.
pub fn nothing(title: &str) -> Result<String> {
    draw(title, 80, |sheet| write(sheet, "no data", (WIDTH as i32 / 2, 40), &MUTED, Anchor::Middle))
}

/// Where a text stands beside its point; it is always centred in height.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// Writes a text at a pixel.
pub fn write(sheet: &Sheet<'_>, text: &str, at: (i32, i32), color: &RGBColor, anchor: Anchor) -> Result<()> {
    use plotters::style::text_anchor::{HPos, Pos, VPos};
    let side = match anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let style = ("sans-serif", LETTERS).into_font().color(color).pos(Pos::new(side, VPos::Center));
    sheet.draw(&Text::new(clean(text), at, style)).map_err(failed)
}

/// A name that fits into so many characters.
pub fn fit(name: &str, characters: usize) -> String {
    let name = clean(name);
    match name.chars().count() > characters {
        true => name.chars().take(characters.saturating_sub(1)).chain(['…']).collect(),
        false => name,
    }
}

/// What the drawing library could not do.
pub fn failed(error: impl Display) -> Error {
    Error::new(ErrorKind::InvalidParameter, "a plot cannot be drawn").with_detail(format!("{error}."))
}
