//! From a line to the merchant's name: ids and corporate suffixes out.

use super::fold;
use super::stop_words::is_stop_word;

/// A text has at most this many tokens.
pub const MOST_TOKENS: usize = 20;

/// A word of at least this many letters before the digits of an id is a name that they were glued to.
const LETTERS_OF_A_NAME: usize = 3;

/// Suffixes that mean nothing else, wherever they stand behind a name.
const SUFFIXES: [&str; 23] = [
    "inc",
    "incorporated",
    "llc",
    "llp",
    "ltd",
    "limited",
    "corp",
    "corporation",
    "company",
    "co",
    "gmbh",
    "plc",
    "pty",
    "pte",
    "sarl",
    "srl",
    "kgaa",
    "ltda",
    "bhd",
    "sdn",
    "oyj",
    "sro",
    "aps",
];

/// Suffixes that are words, too: they go from the end only.
const LAST_SUFFIXES: [&str; 13] =
    ["ag", "kg", "ab", "as", "asa", "oy", "nv", "bv", "se", "sa", "sas", "lp", "kk"];

/// What stands before `company` in `brown and company`, and goes with it.
const CONJUNCTIONS: [&str; 4] = ["and", "und", "et", "y"];

/// Lower case, without diacritics, punctuation, ids and corporate suffixes, words one space apart.
///
/// Normalising what is normalised changes nothing. A text without a name, such as a bare number, becomes empty.
pub fn normalise(text: &str) -> String {
    let once = pass(text);
    if once.is_ascii() {
        return once;
    }
    // Taking an apostrophe out may bring letters together that compose; the second pass sees them so.
    let mut last = once;
    for _ in 0..4 {
        let next = pass(&last);
        if next == last {
            break;
        }
        last = next;
    }
    last
}

/// The first twenty words of the normalised text that are no stop words.
pub fn tokens(text: &str) -> Vec<String> {
    normalise(text)
        .split(' ')
        .filter(|word| !word.is_empty() && !is_stop_word(word))
        .take(MOST_TOKENS)
        .map(str::to_owned)
        .collect()
}

fn pass(text: &str) -> String {
    let words = fold::words(text);
    let mut kept: Vec<&str> = Vec::with_capacity(words.len());
    for word in words.iter().filter_map(|word| name(word)) {
        let named = kept.iter().any(|earlier| !is_stop_word(earlier));
        if named && SUFFIXES.contains(&word) {
            let dangling = |last: &&str| CONJUNCTIONS.contains(last) && ["co", "company"].contains(&word);
            if kept.last().is_some_and(dangling) {
                kept.pop();
            }
        } else {
            kept.push(word);
        }
    }
    while let [earlier @ .., last] = kept.as_slice() {
        if !LAST_SUFFIXES.contains(last) || earlier.iter().all(|word| is_stop_word(word)) {
            break;
        }
        kept.pop();
    }
    kept.join(" ")
}

/// What of a word is a name: all of it, the letters that digits were glued to, or nothing.
fn name(word: &str) -> Option<&str> {
    if !fold::is_id(word) {
        return Some(word);
    }
    let letters = word.trim_end_matches(char::is_numeric);
    let masked = letters.chars().all(|letter| letter == 'x');
    let whole = !letters.chars().any(char::is_numeric) && letters.chars().count() >= LETTERS_OF_A_NAME;
    (whole && !masked).then_some(letters)
}
