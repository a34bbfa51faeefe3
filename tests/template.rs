//! Placeholders in users' SQL are found where PostgreSQL's lexer would find a parameter, and nowhere else.

#![allow(clippy::unwrap_used)]

use sira_core::template::{bind, names};

const KNOWN: [&str; 2] = ["entity_id", "as_of"];

fn bound(text: &str) -> String {
    bind(text, &KNOWN, |name| KNOWN.contains(&name).then_some("<>")).unwrap().sql
}

#[test]
fn placeholders_that_stand_by_themselves_are_replaced() {
    assert_eq!(bound("SELECT 1 WHERE a=$entity_id AND t<=$as_of"), "SELECT 1 WHERE a=<> AND t<=<>");
    assert_eq!(bound("$entity_id::bigint"), "<>::bigint");
    assert_eq!(bound("f($as_of,$entity_id)"), "f(<>,<>)");
    assert_eq!(bound("5$as_of"), "5<>");
    assert_eq!(bound("'a'$as_of'b'"), "'a'<>'b'");
}

#[test]
fn what_is_quoted_or_commented_stays() {
    for same in [
        "'$entity_id'",
        "'it''s $entity_id'",
        "E'\\' $entity_id'",
        "e'a'\n  'b\\' $entity_id'",
        "e'a' -- $as_of\n 'b\\' $entity_id'",
        "'\\'",
        "\"$entity_id\"",
        "\"a\"\"$entity_id\"",
        "$$ $entity_id $$",
        "$q$ $entity_id $$ $as_of $q$",
        "$entity_id$ $as_of $entity_id$",
        "-- $entity_id\n",
        "/* $entity_id /* nested */ $as_of */",
        "a$entity_id",
        "é$entity_id",
        "/* never closed $entity_id",
        "'never closed $entity_id",
        "$q$ never closed $entity_id",
        "a -- b",
        "U&'\\0041 $as_of'",
    ] {
        assert_eq!(bound(same), same);
    }
}

#[test]
fn a_string_ends_where_postgres_ends_it() {
    // Standard strings know no backslash; what follows is text again.
    assert_eq!(bound("'\\' $entity_id"), "'\\' <>");
    // Without a line break the second string is not a continuation, and a word before the quote is no escape.
    assert_eq!(bound("e'a' 'b\\' $entity_id"), "e'a' 'b\\' <>");
    assert_eq!(bound("like'\\' $entity_id"), "like'\\' <>");
    assert_eq!(bound("/* a /* b */ c */ $as_of"), "/* a /* b */ c */ <>");
    assert_eq!(bound("-- a\r$as_of"), "-- a\r<>");
}

#[test]
fn unknown_and_positional_parameters_are_refused() {
    let refused = |text| bind(text, &KNOWN, |name| KNOWN.contains(&name).then_some("<>")).unwrap_err();
    assert_eq!(refused("$1").message, "placeholder \"$1\" is not known");
    assert_eq!(refused("a = $entity").hint.unwrap(), "The placeholders are $entity_id and $as_of.");
}

#[test]
fn pieces_joined_are_the_text_whatever_it_is() {
    // A multiplicative walk over texts of the characters that mean something to the lexer.
    let alphabet: Vec<char> = "$aE'\"\\-/*\n 1é_q&".chars().collect();
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push(alphabet[(state >> 33) as usize % alphabet.len()]);
        }
        let owned = text.clone();
        let joined = bind(&text, &KNOWN, |name| {
            let at = owned.find(&format!("${name}"))?;
            owned.get(at..at + 1 + name.len())
        });
        if let Ok(joined) = joined {
            assert_eq!(joined.sql, text);
        }
    }
}

#[test]
fn names_are_folded_as_sql_folds_them() {
    let found = names("Amount / nullif(\"Mixed \"\"x\", 0) + 'text' -- comment");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["Mixed \"x", "amount", "nullif"]);
}
