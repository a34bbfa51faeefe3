//! Edits that know what a model text is made of: lines of a key and numbers, and trees.

use crate::dice::Dice;

const WORDS: [&str; 34] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "-2",
    "10",
    "255",
    "-128",
    "1024",
    "65536",
    "2147483646",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999999999",
    "nan",
    "inf",
    "-inf",
    "1e308",
    "1e309",
    "-1e308",
    "5e-324",
    "1.0000000180025095e-35",
    "-0",
    "0.5",
    "",
    "+1",
    "0x10",
    "none",
];

/// One edit; a text that is not one any more is edited as bytes.
pub fn edit(dice: &mut Dice, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return crate::bytes::edit(dice, bytes) };
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let at = dice.roll(lines.len());
    match dice.roll(16) {
        0 => return crate::bytes::edit(dice, bytes),
        1 => drop(lines.remove(at)),
        2 => lines.insert(at, lines[at].clone()),
        3 => {
            let other = dice.roll(lines.len());
            lines.swap(at, other);
        }
        4 => {
            let (from, count) = tree(dice, &lines);
            lines.drain(from..from + count);
        }
        5 => {
            let (from, count) = tree(dice, &lines);
            let copy = lines[from..from + count].to_vec();
            lines.splice(from..from, copy);
        }
        6 => {
            let other = others.get(dice.roll(others.len())).map(|other| String::from_utf8_lossy(other));
            let other: Vec<String> = other.unwrap_or_default().split('\n').map(str::to_owned).collect();
            let (from, count) = tree(dice, &other);
            let (to, replaced) = tree(dice, &lines);
            lines.splice(to..to + replaced, other[from..from + count].to_vec());
        }
        7 => {
            let other = others.get(dice.roll(others.len())).map(|other| String::from_utf8_lossy(other));
            let other = other.unwrap_or_default();
            let other: Vec<&str> = other.split('\n').collect();
            lines.insert(at, other[dice.roll(other.len())].to_owned());
        }
        8..=9 => count(dice, &mut lines),
        _ => list(dice, &mut lines[at]),
    }
    // Mostly the trees are made to fit again, or no edit of theirs would be met.
    if !dice.once_in(6) {
        fit(&mut lines);
    }
    *bytes = lines.join("\n").into_bytes();
}

/// Where a tree is: its first line and how many it has.
fn tree(dice: &mut Dice, lines: &[String]) -> (usize, usize) {
    let begins: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| line.starts_with("Tree=")).map(|(at, _)| at).collect();
    if begins.is_empty() {
        return (0, 0);
    }
    let from = begins[dice.roll(begins.len())];
    let behind = lines.iter().skip(from + 1);
    let count = behind.take_while(|line| !line.starts_with("Tree=") && *line != "end of trees").count();
    (from, 1 + count)
}

/// Another number in a line that says how many there are.
fn count(dice: &mut Dice, lines: &mut [String]) {
    let keys =
        ["num_leaves=", "num_cat=", "num_class=", "max_feature_idx=", "num_tree_per_iteration=", "version="];
    let key: &str = dice.of(&keys);
    let found: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| line.starts_with(key)).map(|(at, _)| at).collect();
    if let Some(line) = found.get(dice.roll(found.len())).and_then(|at| lines.get_mut(*at)) {
        *line = format!("{key}{}", dice.of(&WORDS));
    }
}

/// Edits the numbers behind the key.
fn list(dice: &mut Dice, line: &mut String) {
    let Some((key, rest)) = line.split_once('=') else { return };
    let mut words: Vec<String> = rest.split(' ').map(str::to_owned).collect();
    let at = dice.roll(words.len());
    match dice.roll(7) {
        0 => drop(words.remove(at)),
        1 => words.insert(at, words[at].clone()),
        2 => {
            let other = dice.roll(words.len());
            words.swap(at, other);
        }
        3 => {
            let other = dice.roll(words.len());
            words[at] = words[other].clone();
        }
        4 if dice.once_in(8) => {
            let many = vec![words[at].clone(); 1 << dice.roll(13)];
            words.splice(at..at, many);
        }
        _ => words[at] = dice.of(&WORDS).to_owned(),
    }
    *line = format!("{key}={}", words.join(" "));
}

/// Numbers the trees and declares their sizes anew.
fn fit(lines: &mut [String]) {
    let Some(end) = lines.iter().position(|line| line == "end of trees") else { return };
    let mut sizes: Vec<usize> = Vec::new();
    for line in &mut lines[..end] {
        if line.starts_with("Tree=") {
            *line = format!("Tree={}", sizes.len());
            sizes.push(0);
        }
        if let Some(size) = sizes.last_mut() {
            *size += line.len() + 1;
        }
    }
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    if let Some(line) = lines.iter_mut().find(|line| line.starts_with("tree_sizes=")) {
        *line = format!("tree_sizes={}", sizes.join(" "));
    }
}
