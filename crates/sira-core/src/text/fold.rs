//! Folding: letters that people take for the same become the same, and a text becomes words.
//!
//! The form is NFKC with case folded away: compatibility characters (`ﬁ`, `Ｎ`, `²`) are what they stand for. Case is
//! folded by way of upper case, letter by letter, so that `ß` meets `SS` and both small sigmas are one, without the
//! context rules of lower case and without a locale (a Turkish `İ` is an `i`).
//!
//! Diacritics go where a till would leave them out: a combining mark of U+0300–U+036F after a Latin or a Greek letter,
//! so that `Café` is `CAFE`. They stay everywhere else, where they are letters: Cyrillic `й` is not `и`, Japanese `が`
//! not `か`, and Indic vowel signs are half of the word.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words of a text, folded, in order.
pub fn words(text: &str) -> Vec<String> {
    if text.is_ascii() {
        return split(&text.to_ascii_lowercase());
    }
    split(&fold(text))
}

fn fold(text: &str) -> String {
    let plain = strip_marks(text.nfkd());
    let folded = plain.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    strip_marks(folded.nfkd()).nfkc().collect()
}

/// Takes diacritics off Latin and Greek letters; the text must be decomposed.
fn strip_marks(text: impl Iterator<Item = char>) -> String {
    let mut plain = String::new();
    let mut after_letter = false;
    for letter in text {
        if matches!(letter, '\u{300}'..='\u{36f}') {
            if !after_letter {
                plain.push(letter);
            }
        } else if !invisible(letter) {
            after_letter = letter.is_ascii_alphabetic()
                || (letter.is_alphabetic() && matches!(letter, '\u{c0}'..='\u{24f}' | '\u{370}'..='\u{3ff}'));
            plain.push(letter);
        }
    }
    plain
}

/// Characters that show nothing and mean nothing to a comparison: soft hyphen, joiners, directions, variants, tags.
fn invisible(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e01ef}')
}

/// Splits at everything that is neither letter, digit nor a mark upon one.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for chunk in text.split(char::is_whitespace) {
        let chunk =
            chunk.trim_matches(|letter: char| !letter.is_alphanumeric() && !is_combining_mark(letter));
        match abbreviation(chunk).or_else(|| number(chunk)) {
            Some(word) => words.push(word),
            None => split_chunk(chunk, &mut words),
        }
    }
    words
}

/// `l.l.c` is the word `llc`: single letters with a stop between each two.
fn abbreviation(chunk: &str) -> Option<String> {
    let mut joined = String::new();
    for piece in chunk.split('.') {
        let mut letters = piece.chars();
        joined.push(letters.next().filter(|letter| letter.is_alphabetic() && begins_a_word(*letter))?);
        if letters.next().is_some() {
            return None;
        }
    }
    (joined.len() < chunk.len()).then_some(joined)
}

/// `866-579-7172`, `03/15/2026` and `1,234.56` are one number each, however their digits are grouped; `24/7` is a name.
fn number(chunk: &str) -> Option<String> {
    let grouped = |letter: char| letter.is_numeric() || matches!(letter, '-' | '/' | '.' | ',' | ':');
    let digits: String = chunk.chars().filter(|letter| letter.is_numeric()).collect();
    (is_id(&digits) && chunk.chars().all(grouped)).then_some(digits)
}

/// Whether a word has the digits of somebody's register: four and more (`7 eleven` and `office365` are names).
pub fn is_id(word: &str) -> bool {
    word.chars().filter(|letter| letter.is_numeric()).count() >= 4
}

fn split_chunk(chunk: &str, words: &mut Vec<String>) {
    let mut word = String::new();
    let mut rest = chunk.chars().peekable();
    while let Some(letter) = rest.next() {
        let within = !word.is_empty() && rest.peek().is_some_and(|next| begins_a_word(*next));
        if begins_a_word(letter) || (!word.is_empty() && is_combining_mark(letter)) {
            word.push(letter);
        } else if !(within && (letter == '&' || apostrophe(letter))) && !word.is_empty() {
            // `at&t` and `mcdonald's` are one word each: what joins two letters without a space is left out.
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
}

fn begins_a_word(letter: char) -> bool {
    letter.is_alphanumeric() && !is_combining_mark(letter) && !apostrophe(letter)
}

fn apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '`' | '\u{2018}' | '\u{2019}' | '\u{2bc}')
}
