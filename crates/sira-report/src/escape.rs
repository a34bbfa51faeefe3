//! Text of users in XML and HTML, as content and in quoted attributes.

/// Escapes what has a meaning in markup, and replaces characters that XML cannot hold at all.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(printable(other)),
        }
    }
    safe
}

/// The same without markup's characters, for those who escape themselves.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(printable).collect()
}

/// Control characters and the two last code points of the plane are no characters of XML; marks that turn the direction of
/// writing would let a name rearrange what stands beside it.
fn printable(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => ' ',
        '\u{FFFE}' | '\u{FFFF}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        control if control.is_control() => '\u{FFFD}',
        other => other,
    }
}
