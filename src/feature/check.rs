//! What users' SQL may be, decided by PostgreSQL's own parser.
//!
//! An expression is put into statements of ours, so it must be one expression wherever it is put: parsed between
//! parentheses and between brackets it must both times be one target of one SELECT and nothing else. `true) OR (true`
//! passes the first and fails the second. Then it is analysed against the relation it reads, which finds unknown names
//! and wrong types while the person who wrote them is still there, and what would make a past moment depend on the
//! present is refused: sub-selects, and what [`super::steady`] finds.

use crate::error::{Failure, Result};
use crate::feature::prepared::{Raised, explained};
use crate::feature::steady::refuse_unsteady;
use crate::relation::{self, Reader};
use crate::statement::Connection;
use pgrx::{PgSqlErrorCode, is_a, pg_sys};
use sira_core::signature::FeatureKind;
use std::ffi::{CStr, CString};

/// Which text of which feature is looked at: errors name both.
#[derive(Clone, Copy)]
pub struct Clause<'a> {
    pub feature: &'a str,
    /// Such as "value" or "filter".
    pub part: &'a str,
}

/// What an expression is over the columns of what it reads.
pub struct Analysed {
    pub type_oid: pg_sys::Oid,
    /// The columns it uses, by number; 0 is the whole row.
    pub columns: Vec<i16>,
}

impl Clause<'_> {
    pub fn refuse(self, code: PgSqlErrorCode, why: &str) -> Failure {
        Failure::new(code, format!("{} of feature \"{}\" {why}", self.part, self.feature))
    }

    fn unusable(self, raised: &Raised, hint: &str) -> Failure {
        raised.cause_of(
            format!("{} of feature \"{}\" cannot be used", self.part, self.feature),
            hint.to_owned(),
        )
    }
}

/// Parses and analyses an expression over `from`, which is SQL of our own; `hint` says what it offers.
pub fn expression(clause: Clause<'_>, text: &str, from: &str, hint: &str) -> Result<Analysed> {
    one_expression(clause, text)?;
    let sql = format!("SELECT ({text}\n) FROM {from}");
    explained(
        |raised| clause.unusable(&raised, hint),
        || {
            analyse(&sql, &[], |query| {
                refuse_sets(clause, query)?;
                // SAFETY: an analysed query with one target, as the parse tree had.
                unsafe {
                    let target = pg_sys::list_nth((*query).targetList, 0).cast::<pg_sys::TargetEntry>();
                    let expression = (*target).expr.cast::<pg_sys::Node>();
                    let analysed =
                        Analysed { type_oid: pg_sys::exprType(expression), columns: columns_of(expression) };
                    if analysed.columns.iter().any(|column| *column < 0) {
                        return Err(clause
                            .refuse(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, "reads a system column")
                            .hint(
                                "A row that is being inserted has none yet; use the relation's own columns.",
                            ));
                    }
                    refuse_unsteady(clause, &sql, expression)?;
                    Ok(analysed)
                }
            })
        },
    )
}

/// Parses and analyses the query of a `sql` feature with its placeholders replaced; gives the type of its column.
pub fn query(feature: &str, sql: &str, types: &[pg_sys::Oid]) -> Result<pg_sys::Oid> {
    let clause = Clause { feature, part: "query" };
    const HINT: &str = "Give one SELECT of one column, such as SELECT count(*) FROM payments WHERE customer_id = $entity_id::bigint AND paid_at <= $as_of.";
    explained(
        |raised| clause.unusable(&raised, HINT),
        || {
            // SAFETY: the parser's own nodes, read while their memory context lives.
            unsafe {
                if ends_early(sql)? {
                    return Err(clause
                        .refuse(PgSqlErrorCode::ERRCODE_SYNTAX_ERROR, "has a semicolon")
                        .hint("Leave it out: the query becomes a part of others."));
                }
                let select = one_select(sql)?.ok_or_else(|| {
                    clause
                        .refuse(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "is not one SELECT")
                        .hint(HINT)
                })?;
                if !(*select).intoClause.is_null() {
                    return Err(clause
                        .refuse(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "writes: it has an INTO")
                        .hint(HINT));
                }
            }
            analyse(sql, types, |query| {
                // SAFETY: an analysed query.
                unsafe {
                    let tree = node_text(query.cast())?;
                    if (*query).commandType != pg_sys::CmdType::CMD_SELECT
                        || (*query).hasModifyingCTE
                        || tree.contains(":hasModifyingCTE true")
                        || tree.contains(":hasForUpdate true")
                    {
                        return Err(clause
                            .refuse(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "writes or locks rows")
                            .hint("Take out FOR UPDATE and WITH parts that write: a feature only reads."));
                    }
                    refuse_unsteady(clause, sql, query.cast())?;
                    let outputs: Vec<*mut pg_sys::TargetEntry> = (0..length((*query).targetList))
                        .map(|at| pg_sys::list_nth((*query).targetList, at).cast::<pg_sys::TargetEntry>())
                        .filter(|target| !(**target).resjunk)
                        .collect();
                    match outputs.as_slice() {
                        [target] => Ok(pg_sys::exprType((**target).expr.cast())),
                        _ => Err(clause
                            .refuse(
                                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                                "does not give one column",
                            )
                            .detail(format!("It gives {}.", outputs.len()))
                            .hint(HINT)),
                    }
                }
            })
        },
    )
}

/// Looks again at what a window evaluates, `sql` being a SELECT of its expressions: what they call may have been replaced
/// since they were defined.
pub fn again(clause: Clause<'_>, sql: &str) -> Result<()> {
    analyse(sql, &[], |query| {
        // SAFETY: an analysed query. What a view among its sources calls is the view's.
        unsafe {
            refuse_unsteady(clause, sql, (*query).targetList.cast())?;
            refuse_unsteady(clause, sql, (*query).jointree.cast())
        }
    })
}

/// Whether the query can be asked for many entities at once, as `sql` does; `types` are those of its parameters.
pub fn over_many(feature: &str, sql: &str, types: &[pg_sys::Oid]) -> Result<()> {
    const HINT: &str = "For many entities at once $entity_id and $as_of are columns of a row around the query, and an aggregate of them alone would be one over those rows: write it outside of the aggregate, or beside a column of the query's own.";
    let clause = Clause { feature, part: "query" };
    explained(|raised| clause.unusable(&raised, HINT), || analyse(sql, types, |_| Ok(())))
}

/// What a column of values is to a feature: 42804 for types that can be none.
pub fn value_type(clause: Clause<'_>, type_oid: pg_sys::Oid) -> Result<&'static str> {
    let reader = Reader::of(type_oid).map_err(|failure| {
        failure.detail(format!("It is the type of the {} of feature \"{}\".", clause.part, clause.feature))
    })?;
    Ok(match reader.kind() {
        FeatureKind::Boolean => "boolean",
        FeatureKind::Text => "text",
        _ => "numeric",
    })
}

/// Refuses an expression whose type is not boolean.
pub fn boolean(clause: Clause<'_>, analysed: &Analysed) -> Result<()> {
    // SAFETY: a syscache look-up.
    if unsafe { pg_sys::getBaseType(analysed.type_oid) } == pg_sys::BOOLOID {
        return Ok(());
    }
    Err(clause
        .refuse(PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH, "is not boolean")
        .detail(format!("It is of type {}.", relation::type_name(analysed.type_oid)))
        .hint("Write a condition, such as amount > 100."))
}

fn one_expression(clause: Clause<'_>, text: &str) -> Result<()> {
    const HINT: &str = "Write one expression over the columns, such as amount or (channel = 'web')::int.";
    explained(
        |raised| clause.unusable(&raised, HINT),
        || {
            for sql in [format!("SELECT ({text}\n)"), format!("SELECT ARRAY[{text}\n]")] {
                // SAFETY: the parser's own nodes, read while their memory context lives.
                let single = unsafe {
                    match one_select(&sql)? {
                        Some(select) => is_bare(select) && has_one_element(select),
                        None => false,
                    }
                };
                if !single {
                    return Err(clause
                        .refuse(PgSqlErrorCode::ERRCODE_SYNTAX_ERROR, "is not one expression")
                        .hint(HINT));
                }
            }
            Ok(())
        },
    )
}

/// The statement, where the text is one and a SELECT.
unsafe fn one_select(sql: &str) -> Result<Option<*mut pg_sys::SelectStmt>> {
    let sql = zero_free(sql)?;
    unsafe {
        let statements = pg_sys::pg_parse_query(sql.as_ptr());
        if length(statements) != 1 {
            return Ok(None);
        }
        let statement = (*pg_sys::list_nth(statements, 0).cast::<pg_sys::RawStmt>()).stmt;
        Ok(is_a(statement, pg_sys::NodeTag::T_SelectStmt).then_some(statement.cast()))
    }
}

/// Whether the text is one statement that a semicolon ends.
unsafe fn ends_early(sql: &str) -> Result<bool> {
    let sql = zero_free(sql)?;
    unsafe {
        let statements = pg_sys::pg_parse_query(sql.as_ptr());
        // What no semicolon ends reaches to the end of the text and has no length.
        Ok(length(statements) == 1
            && (*pg_sys::list_nth(statements, 0).cast::<pg_sys::RawStmt>()).stmt_len > 0)
    }
}

/// Whether a SELECT has one target and nothing else.
unsafe fn is_bare(select: *mut pg_sys::SelectStmt) -> bool {
    let select = unsafe { &*select };
    length(select.targetList) == 1
        && select.op == pg_sys::SetOperation::SETOP_NONE
        && [
            select.distinctClause,
            select.fromClause,
            select.groupClause,
            select.windowClause,
            select.valuesLists,
            select.sortClause,
            select.lockingClause,
        ]
        .iter()
        .all(|list| list.is_null())
        && [select.whereClause, select.havingClause, select.limitOffset, select.limitCount]
            .iter()
            .all(|node| node.is_null())
        && select.intoClause.is_null()
        && select.withClause.is_null()
}

/// Whether the target has no name of its own, and an array as target has one element.
unsafe fn has_one_element(select: *mut pg_sys::SelectStmt) -> bool {
    unsafe {
        let target = &*pg_sys::list_nth((*select).targetList, 0).cast::<pg_sys::ResTarget>();
        target.name.is_null()
            && (!is_a(target.val, pg_sys::NodeTag::T_A_ArrayExpr)
                || length((*target.val.cast::<pg_sys::A_ArrayExpr>()).elements) == 1)
    }
}

fn refuse_sets(clause: Clause<'_>, query: *mut pg_sys::Query) -> Result<()> {
    // SAFETY: an analysed query.
    let query = unsafe { &*query };
    let what = [
        (query.hasAggs, "an aggregate function", "SIRA aggregates; give the value of one row."),
        (query.hasWindowFuncs, "a window function", "SIRA sees to the window; give the value of one row."),
        (query.hasTargetSRFs, "a function that returns a set", "Give one value a row."),
        (query.hasSubLinks, "a sub-select", "What it reads has no moment; use sira_define_sql_feature."),
    ];
    match what.iter().find(|(has, ..)| *has) {
        None => Ok(()),
        Some((_, name, hint)) => Err(clause
            .refuse(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, &format!("has {name}"))
            .hint(*hint)),
    }
}

/// Hands the analysed, rewritten query of one statement over.
fn analyse<T>(
    sql: &str,
    types: &[pg_sys::Oid],
    look: impl FnOnce(*mut pg_sys::Query) -> Result<T>,
) -> Result<T> {
    let sql = zero_free(sql)?;
    let _connection = Connection::open()?;
    // SAFETY: the plan lives as long as the connection, and its queries with it.
    unsafe {
        let plan = pg_sys::SPI_prepare(sql.as_ptr(), types.len() as i32, types.as_ptr().cast_mut());
        if plan.is_null() {
            return Err(Failure::internal("SPI_prepare failed"));
        }
        let source =
            pg_sys::list_nth(pg_sys::SPI_plan_get_plan_sources(plan), 0).cast::<pg_sys::CachedPlanSource>();
        look(pg_sys::list_nth((*source).query_list, 0).cast())
    }
}

unsafe fn columns_of(expression: *mut pg_sys::Node) -> Vec<i16> {
    // SAFETY: an expression without aggregates, window functions and placeholders.
    unsafe {
        let variables = pg_sys::pull_var_clause(expression, 0);
        let mut columns: Vec<i16> = (0..length(variables))
            .map(|at| (*pg_sys::list_nth(variables, at).cast::<pg_sys::Var>()).varattno)
            .collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

unsafe fn node_text(node: *mut pg_sys::Node) -> Result<String> {
    unsafe {
        let text = pg_sys::nodeToString(node.cast());
        let owned = CStr::from_ptr(text).to_string_lossy().into_owned();
        pg_sys::pfree(text.cast());
        Ok(owned)
    }
}

pub fn length(list: *mut pg_sys::List) -> i32 {
    // SAFETY: NULL is the empty list.
    if list.is_null() { 0 } else { unsafe { (*list).length } }
}

fn zero_free(sql: &str) -> Result<CString> {
    CString::new(sql).map_err(|_| {
        Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "the SQL holds a zero byte")
    })
}
