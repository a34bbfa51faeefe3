//! Windows of a set for all questions: one scan of each relation, one sweep for each entity column.

use super::ids::{Form, Numbering};
use super::{Questions, Reading, Values};
use crate::cursor::Cursor;
use crate::error::Result;
use crate::feature::check::{self, Clause};
use crate::feature::pinned::Pinned;
use crate::feature::prepared;
use crate::feature::reading::{Reading as Rows, ValueColumns};
use crate::feature::set::Set;
use crate::feature::source::{self, Relation, quoted};
use crate::feature::window::{self, Group};
use pgrx::{IntoDatum, pg_sys};
use sira_core::feature::sweep::Sweep;
use sira_core::feature::{Events, Measure, Queries};
use std::cell::RefCell;

/// Up to so many entities are looked up one by one; beyond, the relation is read as a whole.
const FEW: u32 = 1_000;

/// Groups that one scan serves: the same rows, seen from several entities.
struct Scan<'a> {
    groups: Vec<&'a Group>,
}

/// Computes all groups and puts each feature at its place.
pub fn compute(
    set: &Set,
    groups: &mut [Group],
    questions: &Questions,
    reading: Reading,
    put: &mut dyn FnMut(usize, Values),
) -> Result<()> {
    let scans = scans(groups);
    if reading.as_known && questions.known.is_none() && scans.iter().any(Scan::forgets_the_row_at_hand) {
        pgrx::notice!(
            "rows that were recorded after \"as_of\" do not count, the row at hand among them: select when it was recorded AS known_at"
        );
    }
    for scan in scans {
        let Some(first) = scan.groups.first() else { continue };
        let _pinned = Pinned::under(&first.search_path)?;
        let named = window::named(scan.groups.iter().flat_map(|group| &group.members));
        let relation = first.source.relation.clone();
        prepared::explained(
            |raised| {
                raised.cause_of(
                    format!("{named} cannot be computed from relation {relation}"),
                    "If the relation has changed, define the feature and its sets again.".to_owned(),
                )
            },
            || scan.compute(set, questions, reading, put),
        )?;
    }
    Ok(())
}

fn scans(groups: &[Group]) -> Vec<Scan<'_>> {
    let mut scans: Vec<Scan<'_>> = Vec::new();
    for group in groups {
        let fits = |scan: &&mut Scan<'_>| scan.groups.first().is_some_and(|first| first.reads_as(group));
        match scans.iter_mut().find(fits) {
            Some(scan) => scan.groups.push(group),
            None => scans.push(Scan { groups: vec![group] }),
        }
    }
    scans
}

/// One group while its rows are read.
struct Side<'a> {
    group: &'a Group,
    numbering: Numbering,
    /// The entity of each question.
    asked: Vec<Option<u32>>,
    /// The entity of each event.
    entity: Vec<u32>,
    columns: &'a ValueColumns,
    rows: Rows<'a>,
    /// Where in a row its values begin.
    offset: usize,
}

impl Scan<'_> {
    fn compute(
        &self,
        set: &Set,
        questions: &Questions,
        reading: Reading,
        put: &mut dyn FnMut(usize, Values),
    ) -> Result<()> {
        let Some(first) = self.groups.first() else { return Ok(()) };
        let source = &first.source;
        let relation = Relation::named(&source.relation)?
            .ok_or_else(|| source::gone(first.feature(), &source.relation))?;
        for group in &self.groups {
            let clause = Clause { feature: group.feature(), part: "window" };
            check::again(clause, &group.expressions_of(&relation))?;
        }
        let columns = relation.columns()?;
        let time = source::column(&relation, &columns, &source.time_column)?;
        let time_kind = source::time_kind(time, &columns)?;
        let recorded = match &source.recorded_column {
            None => None,
            Some(name) => Some(source::time_kind(source::column(&relation, &columns, name)?, &columns)?),
        };
        let mut numberings = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let entity = source::column(&relation, &columns, &group.source.entity_column)?;
            let mut numbering = Numbering::new(Form::of(entity.type_oid));
            let asked = match questions.ids_of(set, &group.entity_type) {
                Some(ids) => numbering.number(ids)?,
                None => vec![None; questions.len()],
            };
            numberings.push((numbering, asked, entity));
        }
        // Only one entity column can be what rows are looked up by.
        let few = match numberings.as_slice() {
            [(numbering, _, entity)] if numbering.len() <= FEW => Some((numbering.ids(), *entity)),
            _ => None,
        };
        let bounds = self.bounds(questions);
        let Some((from, until)) = bounds else { return self.empty(questions, put) };

        let (mut types, mut values) = (vec![time.type_oid], vec![Some(time_kind.at_or_before(until))]);
        if from > i64::MIN {
            types.push(time.type_oid);
            values.push(Some(time_kind.at_or_after(from)));
        }
        if let Some((ids, _)) = &few {
            types.push(pg_sys::TEXTARRAYOID);
            values.push(ids.clone().into_datum());
        }
        let sql = self.sql(&relation, from > i64::MIN, few.as_ref().map(|(_, entity)| *entity))?;
        let cursor = Cursor::open("the source of a window", &sql, &types, &values, reading.mode)?;
        let fixed = 1 + usize::from(recorded.is_some()) + self.groups.len();
        let given = super::questions::given_types(cursor.descriptor());
        let readers: Vec<ValueColumns> = self.readers(&given, fixed)?;
        let mut offset = fixed;
        let mut sides: Vec<Side<'_>> = Vec::with_capacity(self.groups.len());
        for ((group, (numbering, asked, _)), readers) in self.groups.iter().zip(numberings).zip(&readers) {
            let rows = Rows::new(time_kind, recorded, readers);
            sides.push(Side { group, numbering, asked, entity: Vec::new(), columns: readers, rows, offset });
            offset += group.expressions.len();
        }
        let sides = RefCell::new(sides);
        cursor.each(
            |row| {
                if row.get(0).is_none() {
                    return Ok(());
                }
                for (place, side) in sides.borrow_mut().iter_mut().enumerate() {
                    let column = fixed - self.groups.len() + place;
                    if let Some(entity) = side.numbering.find(row, column) {
                        side.entity.push(entity);
                        side.rows.push_at(row, side.offset)?;
                    }
                }
                Ok(())
            },
            || super::within_memory(sides.borrow().iter().map(|side| side.entity.len()).sum(), 1),
        )?;
        for side in sides.into_inner() {
            side.answer(questions, reading, put)?;
        }
        Ok(())
    }

    /// Whether a window counts the row at hand, and its recording is usually later than its moment.
    fn forgets_the_row_at_hand(&self) -> bool {
        self.groups.iter().any(|group| {
            group.source.recorded_column.is_some()
                && group.members.iter().any(|member| {
                    let window = member.measure.window;
                    window.include_current() && window.delay() == 0
                })
        })
    }

    /// From when until when rows can count for any question; none where there is no question.
    fn bounds(&self, questions: &Questions) -> Option<(i64, i64)> {
        let (earliest, latest) = (questions.moments.iter().min()?, questions.moments.iter().max()?);
        let windows = || self.groups.iter().flat_map(|group| &group.members).map(|m| m.measure.window);
        let from = windows().filter_map(|window| window.bounds(*earliest)).map(|bounds| bounds.0).min()?;
        let until = windows().filter_map(|window| window.bounds(*latest)).map(|bounds| bounds.1).max()?;
        Some((from, until))
    }

    fn empty(&self, questions: &Questions, put: &mut dyn FnMut(usize, Values)) -> Result<()> {
        for member in self.groups.iter().flat_map(|group| &group.members) {
            put(member.place, Values::nulls(questions.len()));
        }
        Ok(())
    }

    /// Time, recording time, the entities of all groups, and the expressions of one group after the other; $1 is the
    /// last time, then come the first where there is one and the ids where they are few.
    fn sql(&self, relation: &Relation, bounded: bool, few: Option<&source::Column>) -> Result<String> {
        let Some(first) = self.groups.first() else { return Ok(String::new()) };
        let (alias, source) = (&relation.alias, &first.source);
        let time = quoted(&source.time_column);
        let mut columns = vec![format!("{alias}.{time}")];
        columns.extend(source.recorded_column.iter().map(|name| format!("{alias}.{}", quoted(name))));
        for group in &self.groups {
            columns.push(format!("{alias}.{}", quoted(&group.source.entity_column)));
        }
        for group in &self.groups {
            columns.extend(group.expressions.iter().cloned());
        }
        let mut sql = format!(
            "SELECT {} FROM {} AS {alias} WHERE {alias}.{time} OPERATOR(pg_catalog.<=) $1",
            columns.join(", "),
            relation.name
        );
        if bounded {
            sql.push_str(&format!(" AND {alias}.{time} OPERATOR(pg_catalog.>=) $2"));
        }
        if let Some(filter) = &first.shared_filter {
            sql.push_str(&format!(" AND ({filter}\n)"));
        }
        if let Some(entity) = few {
            sql.push_str(&format!(
                " AND {alias}.{} {} ANY (${}::{}[])",
                quoted(&entity.name),
                source::equality(entity)?,
                if bounded { 3 } else { 2 },
                source::bare_type(entity.type_oid)
            ));
        }
        Ok(sql)
    }

    fn readers(&self, given: &[pg_sys::Oid], fixed: usize) -> Result<Vec<ValueColumns>> {
        let mut types = given.iter().copied().skip(fixed);
        self.groups
            .iter()
            .map(|group| group.value_columns(types.by_ref().take(group.expressions.len())))
            .collect()
    }
}

impl Side<'_> {
    fn answer(
        self,
        questions: &Questions,
        reading: Reading,
        put: &mut dyn FnMut(usize, Values),
    ) -> Result<()> {
        // Whose id no row can hold gets an entity without events, and no value.
        let nobody = self.numbering.len();
        let absent: Vec<bool> = self.asked.iter().map(Option::is_none).collect();
        let absent = absent.contains(&true).then_some(absent);
        let (history, texts) = self.rows.finish();
        let known = (reading.as_known && history.recorded.is_some())
            .then(|| questions.known.clone().unwrap_or_else(|| questions.moments.clone()));
        let events = Events { entity: self.entity, history };
        let queries = Queries {
            entity: self.asked.iter().map(|entity| entity.unwrap_or(nobody)).collect(),
            time: questions.moments.clone(),
            known,
        };
        let sweep = Sweep::new(&events, &queries)?;
        let measures: Vec<Measure> =
            self.group.members.iter().map(|member| self.columns.measure(&member.measure)).collect();
        let answers = sweep.answers(&measures, &mut || {
            pgrx::check_for_interrupts!();
            Ok(())
        })?;
        for ((member, measure), column) in self.group.members.iter().zip(&measures).zip(answers) {
            let texts = measure.value.and_then(|column| texts.get(column)).cloned().unwrap_or_default();
            put(member.place, Values::new(column, texts, absent.clone()));
        }
        Ok(())
    }
}

impl Group {
    /// The feature that errors name.
    fn feature(&self) -> &str {
        self.members.first().map_or("", |member| member.feature.as_str())
    }

    /// Whether one scan can serve both: the same rows at the same times, under the same names.
    fn reads_as(&self, other: &Self) -> bool {
        self.source.relation == other.source.relation
            && self.source.time_column == other.source.time_column
            && self.source.recorded_column == other.source.recorded_column
            && self.search_path == other.search_path
            && self.shared_filter == other.shared_filter
    }
}
