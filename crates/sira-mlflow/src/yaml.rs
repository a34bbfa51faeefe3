//! YAML as far as MLmodel goes: mappings, sequences and scalars, as JSON.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};
use sira_core::{Error, ErrorKind, Result};

/// A description is a page of text; what is larger is none.
const LONGEST: usize = 1 << 20;
const DEEPEST: usize = 32;

/// What plain scalars other than null are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// Texts, for what people and MLflow write: nothing there is decided by a number's spelling.
    Text,
    /// Numbers, true and false where they read so, for what was JSON when it was written.
    Json,
}

/// The first document of a text.
pub fn parse(text: &str, plain: Plain) -> Result<Value> {
    if text.len() > LONGEST {
        return Err(malformed(format!("It has {} bytes", text.len())));
    }
    let mut events = Parser::new_from_str(text);
    loop {
        match next(&mut events)? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Err(malformed("It is empty".to_owned())),
            first => return node(&mut events, first, plain, 0),
        }
    }
}

fn next<'i>(events: &mut Parser<'i, saphyr_parser::StrInput<'i>>) -> Result<Event<'i>> {
    match events.next() {
        Some(Ok((event, _))) => Ok(event),
        Some(Err(error)) => Err(malformed(error.to_string())),
        None => Err(malformed("It ends too early".to_owned())),
    }
}

fn node<'i>(
    events: &mut Parser<'i, saphyr_parser::StrInput<'i>>,
    event: Event<'i>,
    plain: Plain,
    depth: usize,
) -> Result<Value> {
    if depth > DEEPEST {
        return Err(malformed(format!("It is nested deeper than {DEEPEST} levels")));
    }
    match event {
        Event::Scalar(text, style, ..) => Ok(match (style, text.as_ref()) {
            (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
            (ScalarStyle::Plain, text) if plain == Plain::Json => json(text),
            (_, text) => Value::String(text.to_owned()),
        }),
        Event::SequenceStart(..) => {
            let mut list = Vec::new();
            loop {
                match next(events)? {
                    Event::SequenceEnd => return Ok(Value::Array(list)),
                    event => list.push(node(events, event, plain, depth + 1)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut fields = Map::new();
            loop {
                let key = match next(events)? {
                    Event::MappingEnd => return Ok(Value::Object(fields)),
                    Event::Scalar(key, ..) => key.to_string(),
                    _ => return Err(malformed("A key is not a text".to_owned())),
                };
                let event = next(events)?;
                let value = node(events, event, plain, depth + 1)?;
                fields.insert(key, value);
            }
        }
        // An alias of an alias of an alias is a small file that fills the memory.
        Event::Alias(_) => Err(malformed("It has aliases".to_owned())),
        _ => Err(malformed("It is not one document".to_owned())),
    }
}

/// A plain scalar as JSON would have it; a text where it is none of JSON's words.
fn json(text: &str) -> Value {
    let spelt = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let number = || {
        let whole = text.parse::<i64>().map(Number::from);
        // Read by the standard library, whose nearest double is the one that was written.
        whole.ok().or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
    };
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => spelt.then(number).flatten().map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn malformed(reason: String) -> Error {
    Error::new(ErrorKind::MalformedModel, "MLmodel cannot be read")
        .with_detail(format!("{}.", reason.trim_end_matches('.')))
        .with_hint("Give the file as MLflow wrote it.")
}
