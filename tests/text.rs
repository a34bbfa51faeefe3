//! Transactions in text: the rules as another reading of them has them, and what must hold of any text.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use sira_core::text::{MOST_TOKENS, channel, cycle_cos, cycle_sin, is_subscription, normalise, tokens};

#[test]
fn it_gives_what_python_gives() {
    let recorded: Vec<(String, String, Vec<String>)> =
        serde_json::from_str(include_str!("text/recorded.json")).unwrap();
    assert!(recorded.len() > 900);
    for (text, normalised, words) in recorded {
        assert_eq!(normalise(&text), normalised, "{text:?}");
        assert_eq!(tokens(&text), words, "{text:?}");
    }
}

#[test]
fn one_merchant_in_many_spellings() {
    for text in [
        "Blue Bottle Coffee",
        "BLUE BOTTLE COFFEE, INC.",
        "Blue  Bottle\tCoffée L.L.C.",
        "blue-bottle*coffee #0231",
        "Ｂｌｕｅ Ｂｏｔｔｌｅ Ｃｏｆｆｅｅ GmbH & Co. KG",
        "Blue Bottle Cof\u{ad}fe\u{301}e and Company 20260301",
    ] {
        assert_eq!(normalise(text), "blue bottle coffee", "{text}");
    }
    // Marks that are letters stay.
    assert_ne!(normalise("й"), normalise("и"));
    assert_ne!(normalise("が"), normalise("か"));
    assert_eq!(normalise("が"), normalise("か\u{3099}"));
    assert_eq!(normalise("क्रेडिट कार्ड"), "क्रेडिट कार्ड");
}

/// Never a panic, never a change on the second time, never more tokens than said.
fn check(text: &str) {
    let once = normalise(text);
    assert_eq!(normalise(&once), once, "{text:?}");
    assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "), "{text:?}: {once:?}");
    let words = tokens(text);
    assert!(words.len() <= MOST_TOKENS);
    assert!(words.iter().all(|word| !word.is_empty() && !word.contains(char::is_whitespace)));
}

#[test]
fn every_character_normalises_once() {
    let mut buffer = String::new();
    for code in 0..=0x0010_ffff_u32 {
        let Some(letter) = char::from_u32(code) else { continue };
        for (before, after) in [("", ""), ("a", "\u{301}c")] {
            buffer.clear();
            buffer.push_str(before);
            buffer.push(letter);
            buffer.push_str(after);
            check(&buffer);
        }
    }
}

#[test]
fn any_text_normalises_once() {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let pieces = [
        "a",
        "e",
        "i",
        "\u{301}",
        "\u{308}",
        "\u{345}",
        "'",
        "\u{2bc}",
        "&",
        ".",
        " ",
        "inc",
        "co",
        "and",
        "ag",
        "the",
        "1",
        "1234",
        "x",
        "\u{1100}",
        "\u{1161}",
        "\u{11a8}",
        "か",
        "\u{3099}",
        "क",
        "\u{94d}",
        "Σ",
        "İ",
        "ß",
        "\u{200d}",
        "\u{ad}",
        "\u{fe0f}",
        "🍕",
        "ﷺ",
        "㍿",
        "\u{1d15e}",
        "\u{0}",
        "\u{10ffff}",
    ];
    for _ in 0..30_000 {
        let text: String = (0..next() % 25)
            .map(|_| match next() % 4 {
                0 => char::from_u32((next() % 0x11_0000) as u32).unwrap_or(' ').to_string(),
                _ => pieces[next() as usize % pieces.len()].to_owned(),
            })
            .collect();
        check(&text);
        // Spelling does not decide: what folds to the same words is of the same channel.
        assert_eq!(channel(&text), channel(&text.to_uppercase()), "{text:?}");
        assert_eq!(is_subscription(&text), is_subscription(&text.to_uppercase()), "{text:?}");
    }
    check(&"inc ".repeat(100_000));
    check(&"a.".repeat(100_000));
    check(&"\u{301}".repeat(100_000));
}

#[test]
fn a_channel_is_named_by_its_strongest_word() {
    for (text, expected) in [
        ("Zelle payment to Ann, online", "zelle"),
        ("FEDWIRE CREDIT VIA: BANK", "wire"),
        ("ATM WITHDRAWAL 0031 MAIN ST", "atm"),
        ("ACME PAYROLL PPD ID: 123456789", "ach"),
        ("E-Check 0042", "ach"),
        ("A.C.H. DEBIT", "ach"),
        ("POS DEBIT AMAZON.COM", "pos"),
        ("CHECK CARD PURCHASE 0512", "pos"),
        ("NETFLIX.COM", "online"),
        ("PURCHASE www.example.org", "online"),
        ("Purchase at Joe's", "pos"),
        ("CHECK #1023", "check"),
        ("Checkers Drive-In", "other"),
        ("Mobile deposit", "mobile"),
        ("TRANSFER TO SAVINGS", "transfer"),
        ("", "other"),
        ("positive wireless machine", "other"),
    ] {
        assert_eq!(channel(text).name(), expected, "{text}");
    }
}

#[test]
fn subscriptions_are_known_by_whole_words() {
    for text in [
        "NETFLIX.COM 866-579-7172",
        "Spotify USA",
        "GYM MEMBERSHIP 03/26",
        "AMZN Prime Video",
        "APPLE.COM/BILL",
        "Microsoft*365",
        "Ｈｕｌｕ",
    ] {
        assert!(is_subscription(text), "{text}");
    }
    for text in ["Prime Steakhouse", "gymnastics", "apple store", "", "google services one", "unsubscription"]
    {
        assert!(!is_subscription(text), "{text}");
    }
}

#[test]
fn a_cycle_closes() {
    for hour in 0..24 {
        let (sin, cos) = (cycle_sin(hour.into(), 24.0), cycle_cos(hour.into(), 24.0));
        assert!((sin * sin + cos * cos - 1.0).abs() < 1e-15);
        assert!((cos - f64::cos(std::f64::consts::TAU * f64::from(hour) / 24.0)).abs() < 1e-15);
        assert!((sin - cycle_sin(f64::from(hour) + 24.0, 24.0)).abs() < 1e-14);
    }
    assert!(cycle_sin(1.0, 0.0).is_nan());
}
