//! By which way money moved, as far as a line tells.

use super::{fold, says};

/// The ways, named as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Zelle,
    Wire,
    Atm,
    Ach,
    Pos,
    Online,
    Check,
    Mobile,
    Transfer,
    Other,
}

impl Channel {
    pub fn name(self) -> &'static str {
        match self {
            Self::Zelle => "zelle",
            Self::Wire => "wire",
            Self::Atm => "atm",
            Self::Ach => "ach",
            Self::Pos => "pos",
            Self::Online => "online",
            Self::Check => "check",
            Self::Mobile => "mobile",
            Self::Transfer => "transfer",
            Self::Other => "other",
        }
    }
}

/// The first rule that a line meets decides: names of a network come before words that many lines hold, and `check
/// card`, a card, before `check`.
const RULES: &[(Channel, &[&[&str]])] = &[
    (Channel::Zelle, &[&["zelle"]]),
    (Channel::Wire, &[&["wire"], &["fedwire"]]),
    (Channel::Atm, &[&["atm"], &["cash", "withdrawal"], &["cash", "machine"]]),
    (
        Channel::Ach,
        &[
            &["ach"],
            &["ppd"],
            &["ccd"],
            &["sepa"],
            &["bacs"],
            &["direct", "deposit"],
            &["direct", "debit"],
            &["echeck"],
            &["e", "check"],
            &["web", "id"],
            &["web", "pmt"],
            &["bill", "pay"],
            &["billpay"],
            &["autopay"],
            &["auto", "pay"],
        ],
    ),
    (
        Channel::Pos,
        &[
            &["pos"],
            &["point", "of", "sale"],
            &["checkcard"],
            &["check", "card"],
            &["chip"],
            &["contactless"],
            &["in", "store"],
        ],
    ),
    (
        Channel::Online,
        &[
            &["online"],
            &["internet"],
            &["web"],
            &["www"],
            &["com"],
            &["http"],
            &["https"],
            &["ecommerce"],
            &["e", "commerce"],
            &["paypal"],
        ],
    ),
    (
        Channel::Pos,
        &[
            &["purchase"],
            &["debit", "card"],
            &["credit", "card"],
            &["card", "payment"],
            &["visa"],
            &["mastercard"],
        ],
    ),
    (Channel::Check, &[&["check"], &["cheque"], &["chk"]]),
    (Channel::Mobile, &[&["mobile"], &["app"]]),
    (Channel::Transfer, &[&["transfer"], &["xfer"], &["trf"]]),
];

/// The channel that a text names, `Other` where it names none.
pub fn channel(text: &str) -> Channel {
    let words = fold::words(text);
    RULES
        .iter()
        .find(|(_, phrases)| phrases.iter().any(|phrase| says(&words, phrase)))
        .map_or(Channel::Other, |(channel, _)| *channel)
}
