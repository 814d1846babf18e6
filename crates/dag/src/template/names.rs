//! What a template reads and calls, with its place, so that unknown names are found before anything runs.

use minijinja::machinery::ast::{CallArg, Expr, Stmt};
use minijinja::machinery::{self, Span};
use serde_json::Value;

use super::SYNTAX;

/// Something that a template names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// What sort of name it is.
    pub kind: UseKind,
    /// The parts of a path such as `params.horizon`, or the one name of a filter or test.
    pub path: Vec<String>,
    /// Where it begins in the text, in bytes.
    pub offset: usize,
}

/// What sort of name a template uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseKind {
    /// A value, read.
    Name,
    /// A filter, as in `| date`.
    Filter,
    /// A test, as in `is defined`.
    Test,
    /// Something that has no place in a DAG file: a statement `{% … %}` or a function call.
    Forbidden,
}

/// A template that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct BadTemplate {
    /// What is wrong, as a fragment.
    pub what: String,
    /// Where, in bytes of the text.
    pub offset: usize,
}

/// The longest expression that is read: its parser needs stack for each operator.
const LONGEST_EXPRESSION: usize = 2048;

/// Lists what a text with templates uses.
pub fn uses_in_template(text: &str) -> Result<Vec<Use>, BadTemplate> {
    let template = parse(text)?;
    let mut uses = Vec::new();
    for statement in children(&template) {
        match statement {
            Stmt::EmitRaw(_) => {}
            Stmt::EmitExpr(emit) => visit(&emit.expr, &mut uses),
            _ => uses.push(Use {
                kind: UseKind::Forbidden,
                path: vec!["statement".to_owned()],
                offset: text.find("{%").unwrap_or(0),
            }),
        }
    }
    Ok(uses)
}

/// The names that all templates inside of a value read, each as a path such as `outputs`, `ingest`, `rows`. A template that
/// cannot be parsed reads nothing: it fails when it is rendered.
pub fn names_in(value: &Value) -> Vec<Vec<String>> {
    match value {
        Value::String(text) => {
            let uses = uses_in_template(text).unwrap_or_default();
            let names = uses.into_iter().filter(|found| found.kind == UseKind::Name);
            names.map(|found| found.path).collect()
        }
        Value::Array(list) => list.iter().flat_map(names_in).collect(),
        Value::Object(map) => map.values().flat_map(names_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Lists what an expression uses.
pub fn uses_in_expression(text: &str) -> Result<Vec<Use>, BadTemplate> {
    bounded(text, 0)?;
    let expression = machinery::parse_expr(text).map_err(|error| bad(&error))?;
    let mut uses = Vec::new();
    visit(&expression, &mut uses);
    Ok(uses)
}

/// The value of an expression that reads nothing, such as `1 > 2`.
pub fn constant(text: &str) -> Option<minijinja::Value> {
    bounded(text, 0).ok()?;
    machinery::parse_expr(text).ok()?.as_const()
}

/// The expression inside a text that is one `{{ … }}` and nothing else.
pub(super) fn whole_expression(text: &str) -> Option<&str> {
    let template = parse(text).ok()?;
    let [Stmt::EmitExpr(_)] = children(&template) else {
        return None;
    };
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    Some(inner.trim_start_matches('-').trim_end_matches('-').trim())
}

/// Refuses an expression that is too long to be one.
fn bounded(expression: &str, offset: usize) -> Result<(), BadTemplate> {
    if expression.len() <= LONGEST_EXPRESSION {
        return Ok(());
    }
    let what = format!("the expression is longer than {LONGEST_EXPRESSION} bytes");
    Err(BadTemplate { what, offset })
}

fn parse(text: &str) -> Result<Stmt<'_>, BadTemplate> {
    let mut rest = 0;
    while let Some(start) = text[rest..].find("{{").map(|start| rest + start) {
        // Without an end the parser refuses it, so its length is what counts.
        let end = text[start..].find("}}").map_or(text.len(), |end| start + end + 2);
        bounded(&text[start..end], start)?;
        rest = end;
    }
    machinery::parse(text, "<template>", SYNTAX.clone()).map_err(|error| bad(&error))
}

fn children<'a>(template: &'a Stmt<'a>) -> &'a [Stmt<'a>] {
    match template {
        Stmt::Template(template) => &template.children,
        other => std::slice::from_ref(other),
    }
}

fn bad(error: &minijinja::Error) -> BadTemplate {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    BadTemplate { what, offset: error.range().map_or(0, |range| range.start) }
}

fn offset(span: Span) -> usize {
    usize::try_from(span.start_offset).unwrap_or(0)
}

fn visit(expression: &Expr<'_>, uses: &mut Vec<Use>) {
    if let Some(path) = dotted(expression) {
        uses.push(Use { kind: UseKind::Name, path, offset: offset(root_span(expression)) });
        return;
    }
    match expression {
        Expr::Var(_) | Expr::Const(_) => {}
        Expr::Slice(slice) => {
            visit(&slice.expr, uses);
            [&slice.start, &slice.stop, &slice.step]
                .into_iter()
                .flatten()
                .for_each(|part| visit(part, uses));
        }
        Expr::UnaryOp(unary) => visit(&unary.expr, uses),
        Expr::BinOp(binary) => {
            visit(&binary.left, uses);
            visit(&binary.right, uses);
        }
        Expr::Compare(compare) => {
            visit(&compare.expr, uses);
            compare.ops.iter().for_each(|op| visit(&op.expr, uses));
        }
        Expr::IfExpr(choice) => {
            visit(&choice.test_expr, uses);
            visit(&choice.true_expr, uses);
            choice.false_expr.iter().for_each(|part| visit(part, uses));
        }
        Expr::Filter(filter) => {
            filter.expr.iter().for_each(|part| visit(part, uses));
            uses.push(named(UseKind::Filter, filter.name, filter.span()));
            filter.args.iter().for_each(|arg| visit_argument(arg, uses));
        }
        Expr::Test(test) => {
            visit(&test.expr, uses);
            uses.push(named(UseKind::Test, test.name, test.span()));
            test.args.iter().for_each(|arg| visit_argument(arg, uses));
        }
        Expr::GetAttr(get) => visit(&get.expr, uses),
        Expr::GetItem(get) => {
            visit(&get.expr, uses);
            visit(&get.subscript_expr, uses);
        }
        Expr::Call(call) => uses.push(named(UseKind::Forbidden, "function call", call.span())),
        Expr::List(list) => list.items.iter().for_each(|item| visit(item, uses)),
        Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| visit(item, uses)),
        Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(|part| visit(part, uses)),
    }
}

fn visit_argument(argument: &CallArg<'_>, uses: &mut Vec<Use>) {
    match argument {
        CallArg::Pos(part)
        | CallArg::Kwarg(_, part)
        | CallArg::PosSplat(part)
        | CallArg::KwargSplat(part) => {
            visit(part, uses);
        }
    }
}

fn named(kind: UseKind, name: &str, span: Span) -> Use {
    Use { kind, path: vec![name.to_owned()], offset: offset(span) }
}

/// The parts of a plain path such as `outputs.plan["sites"].first`; a computed subscript ends it.
fn dotted(expression: &Expr<'_>) -> Option<Vec<String>> {
    match expression {
        Expr::Var(var) => Some(vec![var.id.to_owned()]),
        Expr::GetAttr(get) => {
            let mut path = dotted(&get.expr)?;
            path.push(get.name.to_owned());
            Some(path)
        }
        Expr::GetItem(get) => {
            let subscript = get.subscript_expr.as_const()?;
            let mut path = dotted(&get.expr)?;
            path.push(subscript.to_string());
            Some(path)
        }
        _ => None,
    }
}

fn root_span(expression: &Expr<'_>) -> Span {
    match expression {
        Expr::GetAttr(get) => root_span(&get.expr),
        Expr::GetItem(get) => root_span(&get.expr),
        other => other.span(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(uses: &[Use]) -> Vec<String> {
        uses.iter()
            .map(|found| format!("{:?} {} @{}", found.kind, found.path.join("."), found.offset))
            .collect()
    }

    #[test]
    fn a_template_tells_what_it_reads_and_where() {
        let uses = uses_in_template("a {{ interval.start | date }} {{ params[\"x\"] is defined }}")
            .unwrap();

        assert_eq!(
            names(&uses),
            ["Name interval.start @5", "Filter date @22", "Name params.x @33", "Test defined @48"]
        );
    }

    #[test]
    fn statements_and_calls_are_forbidden() {
        assert_eq!(
            names(&uses_in_template("a {% if x %}b{% endif %}").unwrap()),
            ["Forbidden statement @2"]
        );
        assert_eq!(names(&uses_in_expression("range(3)").unwrap()), ["Forbidden function call @0"]);
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        assert_eq!(uses_in_template("abc {{ params. }}").unwrap_err().offset, 15);
    }
}
