//! A computed feature: a value for each question.

use crate::feature::row;
use sira_core::feature::{Codes, Column, Numbers, Value};
use std::collections::HashMap;

/// Values in the order of the questions.
#[derive(Clone, Debug)]
pub struct Values {
    column: Column,
    /// What the codes of a column of texts stand for.
    texts: Vec<String>,
    /// Whose question named no entity that there can be: they have no value, a count of nothing included.
    absent: Option<Vec<bool>>,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Content<'a> {
    Null,
    Number(f64),
    Text(&'a str),
}

impl Values {
    pub fn new(column: Column, texts: Vec<String>, absent: Option<Vec<bool>>) -> Self {
        Self { column, texts, absent }
    }

    pub fn nulls(rows: usize) -> Self {
        Self::new(Column::Numbers((0..rows).map(|_| None).collect()), Vec::new(), None)
    }

    pub fn get(&self, row: usize) -> Content<'_> {
        if self.absent.as_ref().is_some_and(|absent| absent.get(row) == Some(&true)) {
            return Content::Null;
        }
        match self.column.get(row) {
            Value::Null => Content::Null,
            Value::Number(number) => Content::Number(number),
            Value::Code(code) => {
                self.texts.get(code as usize).map_or(Content::Null, |text| Content::Text(text))
            }
        }
    }

    pub fn len(&self) -> usize {
        self.column.len()
    }
}

/// Values that come one by one, numbers or texts.
pub struct Collected {
    numbers: Numbers,
    codes: Codes,
    texts: Vec<String>,
    known: HashMap<String, u32>,
    is_text: bool,
}

impl Collected {
    pub fn new(is_text: bool) -> Self {
        Self {
            numbers: Numbers::default(),
            codes: Codes::default(),
            texts: Vec::new(),
            known: HashMap::new(),
            is_text,
        }
    }

    pub fn push(&mut self, content: row::Content) {
        if !self.is_text {
            self.numbers.push(match content {
                row::Content::Number(number) => Some(number),
                _ => None,
            });
            return;
        }
        let row::Content::Text(text) = content else { return self.codes.push(None) };
        let code = self.known.get(&text).copied().unwrap_or_else(|| {
            let code = self.texts.len() as u32;
            self.texts.push(text.clone());
            self.known.insert(text, code);
            code
        });
        self.codes.push(Some(code));
    }

    pub fn finish(self) -> Values {
        let column = if self.is_text { Column::Codes(self.codes) } else { Column::Numbers(self.numbers) };
        Values::new(column, self.texts, None)
    }
}
