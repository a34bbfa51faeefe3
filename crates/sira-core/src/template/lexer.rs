//! The pieces of an SQL text, as far as placeholders need them told apart.
//!
//! The pieces joined are the text again, whatever the text is: an unfinished string or comment reaches to the end, and
//! PostgreSQL's own parser says so later.

/// One piece of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A keyword or an identifier without quotes.
    Word(&'a str),
    /// An identifier in double quotes, with them.
    Quoted(&'a str),
    /// `$name`, without the dollar.
    Placeholder(&'a str),
    /// `$1`, without the dollar.
    Position(&'a str),
    /// Strings, comments, numbers, operators and white space.
    Other(&'a str),
}

/// An iterator over the pieces of a text.
pub struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// Cuts the first `length` bytes off the rest.
    fn take(&mut self, length: usize) -> &'a str {
        let (piece, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        piece
    }

    fn dollar(&mut self) -> Piece<'a> {
        let after = self.rest.get(1..).unwrap_or("");
        let digits = length_while(after, |c| c.is_ascii_digit());
        if digits > 0 {
            return Piece::Position(self.take(1 + digits).trim_start_matches('$'));
        }
        let name = if after.starts_with(starts_word) { length_while(after, continues_tag) } else { 0 };
        if after.get(name..).is_some_and(|tail| tail.starts_with('$')) {
            let tag = self.rest.get(..name + 2).unwrap_or(self.rest);
            let body = self.rest.get(tag.len()..).unwrap_or("");
            let length = body.find(tag).map_or(self.rest.len(), |end| tag.len() + end + tag.len());
            return Piece::Other(self.take(length));
        }
        match name {
            0 => Piece::Other(self.take(1)),
            _ => Piece::Placeholder(self.take(1 + name).trim_start_matches('$')),
        }
    }

    fn word(&mut self) -> Piece<'a> {
        let length = length_while(self.rest, |c| continues_tag(c) || c == '$');
        // E'…' is the one kind of string in which a backslash hides the quote.
        if matches!(self.rest.get(..length), Some("e" | "E"))
            && self.rest.get(length..).is_some_and(|tail| tail.starts_with('\''))
        {
            let end = escape_string_end(self.rest, length);
            return Piece::Other(self.take(end));
        }
        Piece::Word(self.take(length))
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let first = self.rest.chars().next()?;
        let second = self.rest.chars().nth(1);
        Some(match first {
            '$' => self.dollar(),
            '\'' => {
                let end = quoted_end(self.rest, '\'');
                Piece::Other(self.take(end))
            }
            '"' => {
                let end = quoted_end(self.rest, '"');
                Piece::Quoted(self.take(end))
            }
            '-' if second == Some('-') => {
                let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
                Piece::Other(self.take(end))
            }
            '/' if second == Some('*') => {
                let end = comment_end(self.rest);
                Piece::Other(self.take(end))
            }
            c if starts_word(c) => self.word(),
            c => Piece::Other(self.take(c.len_utf8())),
        })
    }
}

fn starts_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// What may follow in a word; of a dollar quote's tag the same without the dollar.
fn continues_tag(c: char) -> bool {
    starts_word(c) || c.is_ascii_digit()
}

fn length_while(text: &str, accept: impl Fn(char) -> bool) -> usize {
    text.find(|c| !accept(c)).unwrap_or(text.len())
}

/// The end of what begins with `quote`, in which a doubled quote is one of the text's own.
fn quoted_end(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// The end of E'…', whose quote stands at `open`, with all its continuations: after a line break the next string goes on
/// in the same mode.
fn escape_string_end(text: &str, open: usize) -> usize {
    let mut at = open + 1;
    let mut characters = text.get(at..).unwrap_or("").char_indices();
    while let Some((offset, c)) = characters.next() {
        match c {
            '\\' => {
                characters.next();
            }
            '\'' => {
                let end = at + offset + 1;
                match continuation(text.get(end..).unwrap_or("")) {
                    Some(gap) => {
                        at = end + gap + 1;
                        characters = text.get(at..).unwrap_or("").char_indices();
                    }
                    None => return end,
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// How far after a closing quote the next one stands that goes on with the same string: at once (a doubled quote), or
/// behind white space and line comments that hold a line break.
fn continuation(rest: &str) -> Option<usize> {
    let (mut at, mut broken) = (0, false);
    loop {
        let tail = rest.get(at..)?;
        match tail.chars().next()? {
            '\'' if at == 0 || broken => return Some(at),
            '\n' | '\r' => {
                broken = true;
                at += 1;
            }
            ' ' | '\t' | '\x0b' | '\x0c' => at += 1,
            '-' if tail.starts_with("--") => at += tail.find(['\n', '\r'])?,
            _ => return None,
        }
    }
}

/// The end of a block comment; they nest.
fn comment_end(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(tail) = text.get(at..).filter(|tail| !tail.is_empty()) {
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}
