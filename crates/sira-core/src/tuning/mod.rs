//! Search for parameters: which to try next, given what was tried.
//!
//! A suggestion depends on the space, the seed, its number and the trials before it, and on nothing else: a study that
//! was interrupted goes on as if it had not been.

mod dice;
pub mod halving;
mod space;
mod tpe;

pub use space::Space;

use crate::{Error, ErrorKind, Result};
use dice::Dice;
use serde_json::{Map, Value};
use std::str::FromStr;

/// Draws by chance in place of parameters that were tried already.
const DRAWS: usize = 20;

/// How parameters are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Random,
    /// Tree-structured Parzen estimators: see [`tpe`].
    Tpe,
    /// Successive halving: see [`halving`], which says what comes next.
    Halving,
}

impl Method {
    /// The word in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Tpe => "tpe",
            Self::Halving => "halving",
        }
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let methods = [Self::Random, Self::Tpe, Self::Halving];
        methods.into_iter().find(|method| method.name() == text).ok_or_else(|| {
            Error::new(ErrorKind::InvalidParameter, format!("tuning method \"{text}\" is not known"))
                .with_hint("Choose tpe, random or halving.")
        })
    }
}

/// A trial that came to its end.
#[derive(Clone, Debug)]
pub struct Tried {
    pub params: Map<String, Value>,
    /// What is to be small.
    pub loss: f64,
}

/// The parameters of trial `number`.
pub fn suggest(space: &Space, method: Method, seed: u64, number: u64, tried: &[Tried]) -> Map<String, Value> {
    let mut dice = Dice::new(seed, number);
    let mut params = match method {
        Method::Tpe if tried.len() >= tpe::FIRST => tpe::suggest(space, &mut dice, tried),
        _ => space.draw(&mut dice),
    };
    // What was tried tells nothing new; a space that is all tried out repeats itself in the end.
    for _ in 0..DRAWS {
        if tried.iter().all(|trial| trial.params != params) {
            break;
        }
        params = space.draw(&mut dice);
    }
    params
}
