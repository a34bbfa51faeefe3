//! What may be said of a feature's value, whatever kind of feature it is.

/// Whether there is a value to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Present,
    /// There is an answer, and it is NULL.
    NullValue,
    /// Nothing has been heard of the entity up to the moment, or nothing was known.
    NotFound,
    /// What the answer rests on is older than is accepted.
    OutsideMaxAge,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::NullValue => "NULL_VALUE",
            Self::NotFound => "NOT_FOUND",
            Self::OutsideMaxAge => "OUTSIDE_MAX_AGE",
        }
    }

    /// Of a value that rests on what happened at `newest`: exactly as old as accepted is young enough. A window
    /// that rests on nothing (a count of 0) has no age.
    pub fn of(is_null: bool, found: bool, newest: Option<i64>, moment: i64, max_age: Option<i64>) -> Self {
        let too_old =
            |(newest, max_age): (i64, i64)| i128::from(moment) - i128::from(newest) > i128::from(max_age);
        match newest.zip(max_age) {
            _ if !found => Self::NotFound,
            Some(age) if too_old(age) => Self::OutsideMaxAge,
            _ if is_null => Self::NullValue,
            _ => Self::Present,
        }
    }
}
