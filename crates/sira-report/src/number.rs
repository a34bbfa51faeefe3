//! Numbers as people read them: four digits that count, no more.

/// A number in at most four significant digits; thousands of millions and thousandths of thousandths by exponent.
pub fn short(value: f64) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    if value.fract() == 0.0 {
        return format!("{value}");
    }
    let whole_digits = size.log10().floor().max(-4.0) as i32 + 1;
    let places = usize::try_from((4 - whole_digits).clamp(0, 7)).unwrap_or(0);
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
