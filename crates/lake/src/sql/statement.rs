//! A statement that only reads, of data sets that there are.

use std::ops::ControlFlow;

use datafusion::execution::context::{SQLOptions, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{ObjectName, SetExpr, Statement as Sql, visit_relations};

use super::excerpt::Place;
use super::problem::{SqlError, of_meaning, of_syntax, rejected};
use crate::nearest::suggest;

const WHAT_READS: &str = "ask with SELECT, WITH, VALUES, DESCRIBE, EXPLAIN or SHOW TABLES; data sets change only by landing";

/// Reads a statement, and plans it if it only reads.
pub(super) async fn planned(
    state: &SessionState,
    text: &str,
    known: &[String],
) -> Result<LogicalPlan, SqlError> {
    let statement = single(text)?;
    only_reads(&statement, text)?;
    knows_tables(state, &statement, text, known)?;
    let plan = state
        .statement_to_plan(statement)
        .await
        .map_err(|error| of_meaning(text, &error, &functions(state)))?;
    // The second lock on the door: whatever the words were, the plan changes nothing.
    let options =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(&plan).map_err(|_| refused(text, "that"))?;
    Ok(plan)
}

fn single(text: &str) -> Result<Statement, SqlError> {
    let parsed =
        DFParserBuilder::new(text).build().and_then(|mut parser| parser.parse_statements());
    let mut statements = parsed.map_err(|error| of_syntax(text, &error))?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) => Ok(statement),
        (None, _) => {
            let hint = Some("write one, such as `select count(*) from name`".to_owned());
            Err(rejected(None, text, "there is no statement".to_owned(), hint))
        }
        (Some(_), more) => {
            let message = format!("there are {} statements", more + 1);
            Err(rejected(None, text, message, Some("run them one by one".to_owned())))
        }
    }
}

/// Refuses by words what would change anything.
fn only_reads(statement: &Statement, text: &str) -> Result<(), SqlError> {
    match statement {
        Statement::Explain(explain) => only_reads(&explain.statement, text),
        Statement::CreateExternalTable(_) => Err(refused(text, "CREATE EXTERNAL TABLE")),
        Statement::CopyTo(_) => Err(refused(text, "COPY")),
        Statement::Reset(_) => Err(refused(text, "RESET")),
        Statement::Statement(sql) => match sql.as_ref() {
            Sql::Query(query) => match query.body.as_ref() {
                SetExpr::Insert(_) => Err(refused(text, "INSERT")),
                SetExpr::Update(_) => Err(refused(text, "UPDATE")),
                SetExpr::Delete(_) => Err(refused(text, "DELETE")),
                SetExpr::Merge(_) => Err(refused(text, "MERGE")),
                SetExpr::Select(select) if select.into.is_some() => {
                    Err(refused(text, "SELECT INTO"))
                }
                _ => Ok(()),
            },
            Sql::ExplainTable { .. } | Sql::ShowTables { .. } => Ok(()),
            other => Err(refused(text, &first_word(&other.to_string()))),
        },
    }
}

fn refused(text: &str, what: &str) -> SqlError {
    let start = text.trim_start();
    let before = &text[..text.len() - start.len()];
    let (line, column) = (
        before.matches('\n').count() + 1,
        before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1,
    );
    // The word may as well come later: after EXPLAIN, WITH or a comment.
    let is_first = first_word(start) == first_word(what);
    let place = is_first.then(|| Place::of_word(text, line, column));
    let message = format!("{what} does not only read");
    rejected(place, text, message, Some(WHAT_READS.to_owned()))
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_uppercase()
}

/// What can be called: functions of values, of groups and of windows.
fn functions(state: &SessionState) -> Vec<String> {
    let scalar = state.scalar_functions().keys();
    let all =
        scalar.chain(state.aggregate_functions().keys()).chain(state.window_functions().keys());
    let mut names: Vec<String> = all.cloned().collect();
    names.sort();
    names
}

/// Refuses names that are no data sets, each at its place.
fn knows_tables(
    state: &SessionState,
    statement: &Statement,
    text: &str,
    known: &[String],
) -> Result<(), SqlError> {
    let tables = state
        .resolve_table_references(statement)
        .map_err(|error| of_meaning(text, &error, &functions(state)))?;
    let functions = state.table_functions();
    let is_known =
        |name: &str| functions.contains_key(name) || known.iter().any(|known| known == name);
    let unknown = tables
        .iter()
        .find(|table| table.schema() != Some("information_schema") && !is_known(table.table()));
    let Some(unknown) = unknown else { return Ok(()) };
    let name = unknown.table();
    let message = format!("there is no data set `{name}`");
    let hint = suggest(name, "data sets", known.iter().map(String::as_str));
    Err(rejected(place_of(statement, name), text, message, Some(hint)))
}

/// Where a name is written.
fn place_of(statement: &Statement, name: &str) -> Option<Place> {
    let sql = match statement {
        Statement::Statement(sql) => sql,
        Statement::Explain(explain) => return place_of(&explain.statement, name),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => {
            return None;
        }
    };
    let found = visit_relations(sql.as_ref(), |relation: &ObjectName| {
        let last = relation.0.last().and_then(|part| part.as_ident());
        match last {
            Some(ident) if ident.value.eq_ignore_ascii_case(name) => ControlFlow::Break(ident.span),
            _ => ControlFlow::Continue(()),
        }
    });
    let ControlFlow::Break(span) = found else { return None };
    let number = |number: u64| usize::try_from(number).ok();
    let (line, column) = (number(span.start.line)?, number(span.start.column)?);
    let length = number(span.end.column)?.saturating_sub(column).max(1);
    (line > 0).then_some(Place { line, column, length })
}
