//! Columns of values, NULL among them, eight bytes a number and four a text.
//!
//! NULL is a bit pattern of its own: a NaN that no other number becomes, because every NaN that comes in is
//! written as the one canonical NaN (PostgreSQL tells no two apart). Texts are codes in the order of the texts, so
//! that comparing codes compares texts.

/// The cell that is NULL: a quiet NaN with a payload.
const NULL: u64 = 0x7ffc_4e55_4c4c_0000;
/// The code that is NULL.
const NO_CODE: u32 = u32::MAX;
/// The key that is NULL, in [`key_of`]'s order behind everything.
pub(super) const NO_KEY: u64 = u64::MAX;

/// One value of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Null,
    Number(f64),
    Code(u32),
}

impl Value {
    /// The number, if it is one.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }
}

/// Numbers, each of which may be NULL.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    cells: Vec<f64>,
}

/// Codes of texts, each of which may be NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    cells: Vec<u32>,
}

/// A column of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    Numbers(Numbers),
    Codes(Codes),
}

impl Numbers {
    pub fn with_capacity(rows: usize) -> Self {
        Self { cells: Vec::with_capacity(rows) }
    }

    pub(super) fn nulls(rows: usize) -> Self {
        Self { cells: vec![null(); rows] }
    }

    pub fn push(&mut self, value: Option<f64>) {
        self.cells.push(cell_of(value));
    }

    pub(super) fn set(&mut self, row: usize, value: Option<f64>) {
        if let Some(cell) = self.cells.get_mut(row) {
            *cell = cell_of(value);
        }
    }

    /// The value of a row; NULL beyond the last.
    pub fn get(&self, row: usize) -> Option<f64> {
        self.cells.get(row).copied().filter(|cell| !is_null(*cell))
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<f64>> + '_ {
        self.cells.iter().map(|cell| (!is_null(*cell)).then_some(*cell))
    }

    pub(super) fn cells(&self) -> &[f64] {
        &self.cells
    }
}

impl FromIterator<Option<f64>> for Numbers {
    fn from_iter<I: IntoIterator<Item = Option<f64>>>(values: I) -> Self {
        Self { cells: values.into_iter().map(cell_of).collect() }
    }
}

/// Equal to the bit: 0 and −0 differ, NULL equals NULL.
impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.cells.iter().zip(&other.cells).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

impl Codes {
    pub fn with_capacity(rows: usize) -> Self {
        Self { cells: Vec::with_capacity(rows) }
    }

    pub(super) fn nulls(rows: usize) -> Self {
        Self { cells: vec![NO_CODE; rows] }
    }

    /// `u32::MAX` is no code: it is NULL.
    pub fn push(&mut self, code: Option<u32>) {
        self.cells.push(code.unwrap_or(NO_CODE));
    }

    pub(super) fn set(&mut self, row: usize, code: Option<u32>) {
        if let Some(cell) = self.cells.get_mut(row) {
            *cell = code.unwrap_or(NO_CODE);
        }
    }

    /// The code of a row; NULL beyond the last.
    pub fn get(&self, row: usize) -> Option<u32> {
        self.cells.get(row).copied().filter(|code| *code != NO_CODE)
    }

    pub fn len(&self) -> usize {
        self.cells.len()
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

impl FromIterator<Option<u32>> for Codes {
    fn from_iter<I: IntoIterator<Item = Option<u32>>>(codes: I) -> Self {
        Self { cells: codes.into_iter().map(|code| code.unwrap_or(NO_CODE)).collect() }
    }
}

impl Column {
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Codes(codes) => codes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a row; NULL beyond the last.
    pub fn get(&self, row: usize) -> Value {
        match self {
            Self::Numbers(numbers) => numbers.get(row).map_or(Value::Null, Value::Number),
            Self::Codes(codes) => codes.get(row).map_or(Value::Null, Value::Code),
        }
    }

    /// The key of a row: see [`key_of`].
    pub(super) fn key(&self, row: usize) -> u64 {
        match self {
            Self::Numbers(numbers) => numbers.get(row).map_or(NO_KEY, key_of),
            Self::Codes(codes) => codes.get(row).map_or(NO_KEY, u64::from),
        }
    }

    /// What a key of this column stands for.
    pub(super) fn value_of(&self, key: u64) -> Value {
        match (key, self) {
            (NO_KEY, _) => Value::Null,
            (_, Self::Numbers(_)) => Value::Number(number_of(key)),
            (_, Self::Codes(_)) => Value::Code(key as u32),
        }
    }

    /// A column of the same kind, all NULL.
    pub(super) fn nulls_like(&self, rows: usize) -> Self {
        match self {
            Self::Numbers(_) => Self::Numbers(Numbers::nulls(rows)),
            Self::Codes(_) => Self::Codes(Codes::nulls(rows)),
        }
    }

    pub(super) fn set(&mut self, row: usize, value: Value) {
        match (self, value) {
            (Self::Numbers(numbers), Value::Number(number)) => numbers.set(row, Some(number)),
            (Self::Codes(codes), Value::Code(code)) => codes.set(row, Some(code)),
            _ => {}
        }
    }
}

pub(super) fn null() -> f64 {
    f64::from_bits(NULL)
}

pub(super) fn is_null(cell: f64) -> bool {
    cell.to_bits() == NULL
}

fn cell_of(value: Option<f64>) -> f64 {
    match value {
        None => null(),
        Some(value) if value.is_nan() => f64::NAN,
        Some(value) => value,
    }
}

/// A whole number that orders as PostgreSQL orders float8: NaN is the greatest and equals itself. That 0 and −0
/// are equal there is seen to where it matters, in counting what is distinct; −0 comes first here, so that the
/// smallest of both is the same bits whichever was read first.
pub(super) fn key_of(number: f64) -> u64 {
    let bits = if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() };
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn number_of(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}
