//! YAML as far as MLmodel goes: mappings, sequences and scalars, as JSON.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};
use sira_core::{Error, ErrorKind, Result};

/// A description is a page of text; what is larger is none.
const LONGEST: usize = 1 << 20;
const DEEPEST: usize = 32;

/// The first document of a text. Plain scalars other than null are texts: nothing here is decided by a number's spelling.
pub fn parse(text: &str) -> Result<Value> {
    if text.len() > LONGEST {
        return Err(malformed(format!("It has {} bytes", text.len())));
    }
    let mut events = Parser::new_from_str(text);
    loop {
        match next(&mut events)? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Err(malformed("It is empty".to_owned())),
            first => return node(&mut events, first, 0),
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
    depth: usize,
) -> Result<Value> {
    if depth > DEEPEST {
        return Err(malformed(format!("It is nested deeper than {DEEPEST} levels")));
    }
    match event {
        Event::Scalar(text, style, ..) => Ok(match (style, text.as_ref()) {
            (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
            (_, text) => Value::String(text.to_owned()),
        }),
        Event::SequenceStart(..) => {
            let mut list = Vec::new();
            loop {
                match next(events)? {
                    Event::SequenceEnd => return Ok(Value::Array(list)),
                    event => list.push(node(events, event, depth + 1)?),
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
                let value = node(events, event, depth + 1)?;
                fields.insert(key, value);
            }
        }
        // An alias of an alias of an alias is a small file that fills the memory.
        Event::Alias(_) => Err(malformed("It has aliases".to_owned())),
        _ => Err(malformed("It is not one document".to_owned())),
    }
}

fn malformed(reason: String) -> Error {
    Error::new(ErrorKind::MalformedModel, "MLmodel cannot be read")
        .with_detail(format!("{}.", reason.trim_end_matches('.')))
        .with_hint("Give the file as MLflow wrote it.")
}
