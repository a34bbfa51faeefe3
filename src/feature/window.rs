//! Windows that read the same rows, read once.
//!
//! Windows over one source (relation, entity, time and recording column) are a group: one index range scan over the
//! longest look-back feeds all of them. What they aggregate is evaluated by PostgreSQL, each expression once a row; a
//! filter guards its value (CASE), as it would in `avg(x) FILTER (WHERE …)`, so that no expression meets a row that the
//! filter keeps from it. A filter that all share goes into WHERE.
//!
//! The row that a trigger is about to write is evaluated by the same expressions and joins the others in memory.

use crate::error::{Failure, Result};
use crate::feature::check::{self, Clause};
use crate::feature::definition::{Definition, Kind, Source, WindowFeature};
use crate::feature::listing;
use crate::feature::pinned::Pinned;
use crate::feature::prepared::{self, Prepared};
use crate::feature::reading::{Reading, ValueColumns};
use crate::feature::row::{Content, NewRow};
use crate::feature::source::{self, Relation, TimeKind, quoted};
use crate::relation;
use crate::statement::Mode;
use pgrx::pg_sys;
use sira_core::feature::online::{self, Moment};
use sira_core::feature::{Measure, Value};
use std::rc::Rc;

/// Windows over one source, with the plan that reads it.
pub struct Group {
    pub entity_type: String,
    pub source: Source,
    pub members: Vec<Member>,
    pub search_path: String,
    /// What is evaluated for each row: SQL over the source's columns.
    pub expressions: Vec<String>,
    pub shared_filter: Option<String>,
    /// Whether a window of the group has no size, so that all rows are read.
    endless: bool,
    /// Made at the first use, and again when the relation has changed.
    opened: Option<Opened>,
}

/// One window of a group.
pub struct Member {
    /// Its place in the set.
    pub place: usize,
    /// Over the group's expressions.
    pub measure: Measure,
    pub feature: String,
}

/// A group as it stands in the catalog of now.
struct Opened {
    relation: Relation,
    entity_type: pg_sys::Oid,
    equality: String,
    time: TimeKind,
    time_type: pg_sys::Oid,
    recorded: Option<TimeKind>,
    columns: ValueColumns,
    read: Prepared,
    /// The same without a row that is being replaced, once it was needed.
    read_others: Option<Prepared>,
    /// The evaluation of a row that is being written, by the type of the row.
    evaluate: Vec<(pg_sys::Oid, Prepared)>,
}

/// For whom and when a group is asked.
pub struct Asked<'a> {
    pub entity: &'a str,
    pub moment: Moment,
    pub new_row: Option<&'a NewRow>,
    pub mode: Mode,
}

/// The windows of a set in groups, in the order of their first members.
pub fn groups(features: &[Rc<Definition>]) -> Vec<Group> {
    let mut groups: Vec<(Group, Vec<&WindowFeature>)> = Vec::new();
    for (place, definition) in features.iter().enumerate() {
        let Kind::Window(feature) = &definition.kind else { continue };
        let member =
            Member { place, measure: Measure::rows(feature.window), feature: definition.name.clone() };
        let known = groups.iter_mut().find(|(group, _)| {
            group.source == feature.source
                && group.entity_type == definition.entity_type
                && group.search_path == definition.search_path
        });
        match known {
            Some((group, windows)) => {
                group.members.push(member);
                windows.push(feature);
            }
            None => groups.push((
                Group {
                    entity_type: definition.entity_type.clone(),
                    source: feature.source.clone(),
                    members: vec![member],
                    search_path: definition.search_path.clone(),
                    expressions: Vec::new(),
                    shared_filter: None,
                    endless: false,
                    opened: None,
                },
                vec![feature],
            )),
        }
    }
    for (group, windows) in &mut groups {
        group.arrange(windows);
    }
    groups.into_iter().map(|(group, _)| group).collect()
}

impl Group {
    /// Gives each expression one column and each window the columns that it needs.
    fn arrange(&mut self, windows: &[&WindowFeature]) {
        let first = windows.first().and_then(|window| window.filter.clone());
        self.shared_filter = first.filter(|filter| windows.iter().all(|w| w.filter.as_ref() == Some(filter)));
        self.endless = windows.iter().any(|window| window.window.size().is_none());
        let expressions = &mut self.expressions;
        let mut column = |text: String| {
            expressions.iter().position(|known| *known == text).unwrap_or_else(|| {
                expressions.push(text);
                expressions.len() - 1
            })
        };
        for (member, window) in self.members.iter_mut().zip(windows) {
            let filter = window.filter.as_ref().filter(|_| self.shared_filter.is_none());
            let guarded = |text: &String| match filter {
                Some(filter) => format!("CASE WHEN ({filter}\n) THEN ({text}\n) END"),
                None => format!("({text}\n)"),
            };
            member.measure.value = window.value.as_ref().map(|text| column(guarded(text)));
            member.measure.denominator = window.denominator.as_ref().map(|text| column(guarded(text)));
            member.measure.filter = filter.map(|text| column(format!("({text}\n)")));
        }
    }

    /// The values of the group's windows, in the order of its members; `None` where the id is no value of the entity
    /// column's type, so that no row can hold it.
    pub fn compute(&mut self, asked: &Asked<'_>) -> Result<Option<Vec<Content>>> {
        let feature = self.members.first().map(|member| member.feature.clone()).unwrap_or_default();
        let (named, relation) = (named(self.members.iter()), self.source.relation.clone());
        let _pinned = Pinned::under(&self.search_path)?;
        prepared::explained(
            |raised| {
                raised.cause_of(
                    format!("{named} cannot be computed from relation {relation}"),
                    "If the relation has changed, define the feature and its sets again.".to_owned(),
                )
            },
            || {
                self.open(&feature)?;
                asked.new_row.map_or(Ok(()), |row| self.refuse_generated(row))?;
                self.answer(asked)
            },
        )
    }

    /// Refuses a row on its way into the group's relation where the group reads columns that PostgreSQL computes later.
    fn refuse_generated(&self, row: &NewRow) -> Result<()> {
        let opened = self.opened.as_ref().ok_or_else(|| Failure::internal("a window group is not open"))?;
        if !row.goes_to(opened.relation.oid) {
            return Ok(());
        }
        let mut read = self.select("r");
        read.push_str(self.shared_filter.as_deref().unwrap_or_default());
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mentions = |name: &String| {
            read.match_indices(name.as_str()).any(|(at, _)| {
                let before = read.get(..at).and_then(|text| text.chars().next_back());
                let after = read.get(at + name.len()..).and_then(|text| text.chars().next());
                !before.is_some_and(is_part) && !after.is_some_and(is_part)
            })
        };
        match row.generated().iter().find(|name| mentions(name)) {
            Some(name) => Err(relation::not_computed_yet(name)),
            None => Ok(()),
        }
    }

    fn answer(&mut self, asked: &Asked<'_>) -> Result<Option<Vec<Content>>> {
        let bounds: Vec<(i64, i64)> =
            self.members.iter().filter_map(|m| m.measure.window.bounds(asked.moment.time)).collect();
        let first = bounds.iter().map(|bound| bound.0).min();
        let last = bounds.iter().map(|bound| bound.1).max();
        let others_sql = asked.new_row.and_then(|row| row.replaces).map(|_| self.read_sql(true));
        let evaluated = asked.new_row.map(|row| self.evaluate_sql(row)).transpose()?;
        let opened = self.opened.as_mut().ok_or_else(|| Failure::internal("a window group is not open"))?;
        let Some(entity) = source::entity(opened.entity_type, asked.entity)? else { return Ok(None) };
        let new_row = asked.new_row.filter(|row| row.goes_to(opened.relation.oid));

        let mut reading = Reading::new(opened.time, opened.recorded, &opened.columns);
        if let (Some(first), Some(last)) = (first, last) {
            let mut values = vec![Some(entity), Some(opened.time.at_or_before(last))];
            if !self.endless {
                values.push(Some(opened.time.at_or_after(first)));
            }
            let plan = match (new_row, others_sql) {
                (Some(row), Some(sql)) => {
                    values.extend(row.replaced());
                    if opened.read_others.is_none() {
                        let mut types = opened.types(self.endless);
                        types.extend([pg_sys::OIDOID, pg_sys::TIDOID]);
                        opened.read_others = Some(Prepared::new(&sql, &types)?);
                    }
                    opened.read_others.as_ref().unwrap_or(&opened.read)
                }
                _ => &opened.read,
            };
            plan.each(asked.mode, &values, 0, |row| reading.push(row))?;
        }
        if let (Some(row), Some((sql, row_type))) = (new_row, evaluated) {
            if !opened.evaluate.iter().any(|(known, plan)| *known == row_type && plan.is_valid()) {
                opened.evaluate.retain(|(known, _)| *known != row_type);
                let plan = Prepared::new(&sql, &[row_type, opened.entity_type])?;
                opened.evaluate.push((row_type, plan));
            }
            if let Some((_, plan)) = opened.evaluate.iter().find(|(known, _)| *known == row_type) {
                plan.each(asked.mode, &[Some(row.datum()), Some(entity)], 1, |row| reading.push(row))?;
            }
        }
        let (history, texts) = reading.finish();
        let mut contents = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let measure = opened.columns.measure(&member.measure);
            let value = online::answer(&history, &measure, asked.moment)?.value;
            contents.push(match value {
                Value::Null => Content::Null,
                Value::Number(number) => Content::Number(number),
                Value::Code(code) => {
                    let texts = measure.value.and_then(|column| texts.get(column));
                    let text = texts.and_then(|texts| texts.get(code as usize));
                    text.map_or(Content::Null, |text| Content::Text(text.clone()))
                }
            });
        }
        Ok(Some(contents))
    }

    /// What rows are read into, whose expressions have these types.
    pub fn value_columns(&self, types: impl Iterator<Item = pg_sys::Oid>) -> Result<ValueColumns> {
        ValueColumns::of(types, self.members.iter().map(|member| &member.measure))
    }

    /// Looks whether the relation is the one that the plan reads, and makes the plan where it is not.
    fn open(&mut self, feature: &str) -> Result<()> {
        let relation = Relation::named(&self.source.relation)?
            .ok_or_else(|| source::gone(feature, &self.source.relation))?;
        let known = self.opened.as_ref();
        if !known.is_some_and(|known| known.relation.oid == relation.oid && known.read.is_valid()) {
            self.opened = None;
            self.prepare(feature, relation)?;
        }
        Ok(())
    }

    fn prepare(&mut self, feature: &str, relation: Relation) -> Result<()> {
        let columns = relation.columns()?;
        let entity = source::column(&relation, &columns, &self.source.entity_column)?;
        let time = source::column(&relation, &columns, &self.source.time_column)?;
        let time_kind = source::time_kind(time, &columns)?;
        let recorded = match &self.source.recorded_column {
            None => None,
            Some(name) => Some(source::time_kind(source::column(&relation, &columns, name)?, &columns)?),
        };
        let (equality, entity_type, time_type) = (source::equality(entity)?, entity.type_oid, time.type_oid);
        check::again(Clause { feature, part: "window" }, &self.expressions_of(&relation))?;
        let sql = self.read_sql_of(&relation, &equality, false);
        let types = [entity_type, time_type, time_type];
        let read = Prepared::new(&sql, types.get(..2 + usize::from(!self.endless)).unwrap_or(&types))?;
        let fixed = 1 + usize::from(recorded.is_some());
        let columns = self.value_columns(read.types().into_iter().skip(fixed))?;
        self.opened = Some(Opened {
            entity_type,
            equality,
            time: time_kind,
            time_type,
            recorded,
            columns,
            read,
            read_others: None,
            evaluate: Vec::new(),
            relation,
        });
        Ok(())
    }

    fn read_sql(&self, others: bool) -> String {
        self.opened
            .as_ref()
            .map(|opened| self.read_sql_of(&opened.relation, &opened.equality, others))
            .unwrap_or_default()
    }

    /// The statement that reads an entity's rows: $1 the entity, $2 the last time, $3 the first where windows have
    /// sizes, and behind them table and place of a row that is left out.
    fn read_sql_of(&self, relation: &Relation, equality: &str, others: bool) -> String {
        let (alias, source) = (&relation.alias, &self.source);
        let (entity, time) = (quoted(&source.entity_column), quoted(&source.time_column));
        let mut sql = format!(
            "{} FROM {} AS {alias} WHERE {alias}.{entity} {equality} $1 \
             AND {alias}.{time} OPERATOR(pg_catalog.<=) $2",
            self.select(alias),
            relation.name
        );
        if !self.endless {
            sql.push_str(&format!(" AND {alias}.{time} OPERATOR(pg_catalog.>=) $3"));
        }
        if let Some(filter) = &self.shared_filter {
            sql.push_str(&format!(" AND ({filter}\n)"));
        }
        if others {
            let next = if self.endless { 3 } else { 4 };
            sql.push_str(&format!(
                " AND NOT ({alias}.tableoid OPERATOR(pg_catalog.=) ${next} \
                 AND {alias}.ctid OPERATOR(pg_catalog.=) ${})",
                next + 1
            ));
        }
        sql
    }

    /// The statement that evaluates a row being written, $1, where it is one of the entity $2; and the row's type.
    fn evaluate_sql(&self, row: &NewRow) -> Result<(String, pg_sys::Oid)> {
        let opened = self.opened.as_ref().ok_or_else(|| Failure::internal("a window group is not open"))?;
        let (alias, entity) = (&opened.relation.alias, quoted(&self.source.entity_column));
        let mut sql = format!(
            "{} FROM (SELECT ($1).*) AS {alias} WHERE {alias}.{entity} {} $2",
            self.select(alias),
            opened.equality
        );
        if let Some(filter) = &self.shared_filter {
            sql.push_str(&format!(" AND ({filter}\n)"));
        }
        Ok((sql, row.type_oid()))
    }

    /// What the group evaluates, and nothing else.
    pub fn expressions_of(&self, relation: &Relation) -> String {
        let filter = self.shared_filter.iter().map(|filter| format!("({filter}\n)"));
        let evaluated: Vec<String> = self.expressions.iter().cloned().chain(filter).collect();
        format!("SELECT {} FROM {} AS {}", evaluated.join(", "), relation.name, relation.alias)
    }

    fn select(&self, alias: &str) -> String {
        let mut columns = vec![format!("{alias}.{}", quoted(&self.source.time_column))];
        columns.extend(self.source.recorded_column.iter().map(|name| format!("{alias}.{}", quoted(name))));
        columns.extend(self.expressions.iter().cloned());
        format!("SELECT {}", columns.join(", "))
    }
}

/// Windows that are read together, as errors name them: which of them a row is too much for the reading does not tell.
pub fn named<'m>(members: impl Iterator<Item = &'m Member>) -> String {
    let names: Vec<String> = members.map(|member| format!("\"{}\"", member.feature)).collect();
    format!("feature{} {}", if names.len() > 1 { "s" } else { "" }, listing(&names))
}

impl Opened {
    fn types(&self, endless: bool) -> Vec<pg_sys::Oid> {
        let mut types = vec![self.entity_type, self.time_type];
        types.extend((!endless).then_some(self.time_type));
        types
    }
}
