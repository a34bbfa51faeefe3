//! What a window feature means.
//!
//! At the moment t a window covers the event times e with t − delay − size < e ≤ t − delay, ties counted, and
//! without a size everything up to t − delay. Where the current row does not count, neither does any other row of
//! the very instant t: which row is "the" row can be told by its time alone in every place that asks (a trigger
//! before the row exists, a training set long after, a caller with nothing but an id), so an open bound is the
//! only reading under which all of them agree.
//!
//! Values follow SQL: NULLs are skipped, the sum of nothing is NULL, a count of nothing is 0; NaN is the greatest
//! number. Where SQL leaves the answer to the order of rows, it is settled here: sums are correctly rounded, a mean
//! is that sum divided by the count; of rows that are first or last at one instant the least or the greatest value
//! answers. A sum beyond the largest float8 is infinite where PostgreSQL would raise an error, for a feature must
//! not fail the payment that it describes.

use std::fmt;
use std::str::FromStr;

use super::column::Column;
use super::history::History;
use crate::{Error, ErrorKind, Result};

/// How the rows of a window become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// Rows, or with a value expression the rows where it is not NULL.
    Count,
    Sum,
    Avg,
    Min,
    Max,
    /// Of a sample: divided by n − 1, NULL below two values.
    Stddev,
    CountDistinct,
    /// The value of the earliest row that has one, of several the least.
    First,
    /// The value of the newest row that has one, of several the greatest.
    Last,
    /// Seconds from the newest row (that has a value, if there is a value expression) to the moment.
    TimeSince,
    /// Sum of the value by sum of the denominator, each over its own rows; NULL where the latter is 0.
    Ratio,
}

impl Aggregate {
    pub const ALL: [Self; 11] = [
        Self::Count,
        Self::Sum,
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::Stddev,
        Self::CountDistinct,
        Self::First,
        Self::Last,
        Self::TimeSince,
        Self::Ratio,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Stddev => "stddev",
            Self::CountDistinct => "count_distinct",
            Self::First => "first",
            Self::Last => "last",
            Self::TimeSince => "time_since",
            Self::Ratio => "ratio",
        }
    }

    /// Whether it says nothing without a value expression.
    pub fn needs_value(self) -> bool {
        !matches!(self, Self::Count | Self::TimeSince)
    }

    /// Whether its values may be texts.
    pub fn takes_text(self) -> bool {
        !matches!(self, Self::Sum | Self::Avg | Self::Stddev | Self::Ratio)
    }

    /// Whether the answer is one of the values, so that texts give a text.
    pub fn gives_a_value(self) -> bool {
        matches!(self, Self::Min | Self::Max | Self::First | Self::Last)
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Aggregate {
    type Err = Error;

    /// By name; `count distinct` and `time since` may be written with a space.
    fn from_str(name: &str) -> Result<Self> {
        let wanted = name.trim().to_lowercase().replace(' ', "_");
        Self::ALL.into_iter().find(|aggregate| aggregate.name() == wanted).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            Error::new(ErrorKind::InvalidParameter, format!("unknown aggregate \"{name}\""))
                .with_hint(format!("Known are {}.", known.join(", ")))
        })
    }
}

/// Which events count at a moment, and what is made of them. Lengths are microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    aggregate: Aggregate,
    size: Option<i64>,
    delay: i64,
    include_current: bool,
}

impl Window {
    pub fn new(aggregate: Aggregate, size: Option<i64>, delay: i64, include_current: bool) -> Result<Self> {
        if let Some(size) = size.filter(|size| *size <= 0) {
            return Err(Error::new(ErrorKind::InvalidParameter, "a window must have a length above 0")
                .with_detail(format!("{size} microseconds."))
                .with_hint("Without a length the window holds everything up to the moment."));
        }
        if delay < 0 {
            return Err(Error::new(ErrorKind::InvalidParameter, "a delay must not be negative")
                .with_detail(format!("{delay} microseconds."))
                .with_hint("A delay says how long it takes until an event is known."));
        }
        Ok(Self { aggregate, size, delay, include_current })
    }

    pub fn aggregate(&self) -> Aggregate {
        self.aggregate
    }

    pub fn size(&self) -> Option<i64> {
        self.size
    }

    pub fn delay(&self) -> i64 {
        self.delay
    }

    pub fn include_current(&self) -> bool {
        self.include_current
    }

    /// The first and the last microsecond that count at `moment`; none where the last lies before all time.
    ///
    /// The first may be one behind the last: then nothing can count.
    pub fn bounds(&self, moment: i64) -> Option<(i64, i64)> {
        let open = i64::from(!self.include_current);
        let last = moment.checked_sub(self.delay.max(open))?;
        let first = self.size.map_or(i128::from(i64::MIN), |size| {
            i128::from(moment) - i128::from(self.delay) - i128::from(size) + 1
        });
        Some((i64::try_from(first).unwrap_or(i64::MIN), last))
    }

    /// The same rows and those before them: whether an entity has any history at a moment.
    pub(super) fn endless_count(&self) -> Self {
        Self { aggregate: Aggregate::Count, size: None, ..*self }
    }
}

/// A window over columns of a history, which are named by their position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Measure {
    pub window: Window,
    /// What is aggregated; a count and a time since may do without.
    pub value: Option<usize>,
    /// What a ratio divides by.
    pub denominator: Option<usize>,
    /// Numbers of which only rows with one that is neither 0 nor NULL count.
    pub filter: Option<usize>,
}

impl Measure {
    /// Over rows alone.
    pub fn rows(window: Window) -> Self {
        Self { window, value: None, denominator: None, filter: None }
    }

    /// Over the values of a column.
    pub fn of(window: Window, value: usize) -> Self {
        Self { value: Some(value), ..Self::rows(window) }
    }

    /// Refuses what the columns at hand cannot give.
    pub(super) fn check(&self, history: &History) -> Result<()> {
        let aggregate = self.window.aggregate;
        let refuse = |message: String| Err(Error::new(ErrorKind::InvalidParameter, message));
        let columns = [self.value, self.denominator, self.filter];
        if let Some(missing) = columns.into_iter().flatten().find(|at| *at >= history.columns.len()) {
            return refuse(format!("no column {missing} to aggregate"));
        }
        if aggregate.needs_value() && self.value.is_none() {
            return refuse(format!("aggregate \"{aggregate}\" needs a value"));
        }
        if (aggregate == Aggregate::Ratio) != self.denominator.is_some() {
            return refuse(format!(
                "aggregate \"{aggregate}\" {} a denominator",
                if self.denominator.is_some() { "takes no" } else { "needs" }
            ));
        }
        let is_text = |at: Option<usize>| {
            at.and_then(|at| history.columns.get(at)).is_some_and(|column| matches!(column, Column::Codes(_)))
        };
        if (!aggregate.takes_text() && is_text(self.value)) || is_text(self.denominator) {
            return refuse(format!("aggregate \"{aggregate}\" does not fit texts"));
        }
        if is_text(self.filter) {
            return refuse("a filter must be a number".to_owned());
        }
        Ok(())
    }
}
