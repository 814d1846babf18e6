//! What a DAG says about a program to run.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tidemill_dag::catalog::Objections;
use tidemill_dag::time::Lapse;
use tidemill_task::LARGEST_OUTPUT_BYTES;

use super::capture::TAIL_BYTES;

/// Runs a program, and keeps what it prints.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The program and its arguments, as a list; for a shell write `["sh", "-c", "…"]`.
    #[serde(deserialize_with = "list_of_texts")]
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub(super) argv: Vec<String>,
    /// Environment variables. Beside them it sees `PATH`, `HOME`, `LANG` and `TZ` of the worker, and what `TIDEMILL_*`
    /// says about the task: `RUN_ID`, `DAG`, `TASK`, `ATTEMPT`, `INTERVAL_START`, `INTERVAL_END`, `SEED`.
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    /// The working folder, relative to the repository; the repository itself if nothing is said.
    #[serde(default)]
    pub(super) folder: Option<String>,
    /// The text of its standard input; empty if nothing is said.
    #[serde(default)]
    pub(super) stdin: Option<String>,
    /// The exit codes that are a success.
    #[serde(default = "zero")]
    pub(super) ok_codes: Vec<i32>,
    /// Whether the last line of its standard output is JSON, and the output of the task.
    #[serde(default)]
    pub(super) json_output: bool,
    /// How long it may take to stop when it is asked to (SIGTERM), before it is made to (SIGKILL).
    #[serde(default = "five_seconds")]
    pub(super) grace: Lapse,
}

fn zero() -> Vec<i32> {
    vec![0]
}

const fn five_seconds() -> Lapse {
    Lapse::seconds(5)
}

/// What to write for a shell.
const SHELL_HINT: &str = "for a shell write `[\"sh\", \"-c\", \"…\"]`";

fn list_of_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    if value.is_string() {
        return Err(D::Error::custom(format!("expected a list, not one text; {SHELL_HINT}")));
    }
    Vec::deserialize(value).map_err(D::Error::custom)
}

impl Params {
    /// The program to run.
    pub(super) fn program(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// How much of the end of its standard output must be kept.
    pub(super) const fn stdout_tail_bytes(&self) -> usize {
        if self.json_output { LARGEST_OUTPUT_BYTES } else { TAIL_BYTES }
    }

    pub(super) fn check(&self, objections: &mut Objections) {
        self.check_argv(objections);
        if self.folder.as_deref().is_some_and(|folder| !stays_inside(folder)) {
            let hint = "name a folder relative to the repository, without `..`".to_owned();
            objections.add("/folder", "the folder is outside of the repository", Some(hint));
        }
        for name in self.env.keys() {
            let at = format!("/env/{}", name.replace('~', "~0").replace('/', "~1"));
            if name.is_empty() || name.contains(['=', '\0']) {
                objections.add(at, format!("`{name}` cannot name a variable"), None);
            } else if name.starts_with("TIDEMILL_") {
                let hint = "`TIDEMILL_*` tells about the task; take another name".to_owned();
                objections.add(at, format!("the variable `{name}` is set already"), Some(hint));
            }
        }
    }

    fn check_argv(&self, objections: &mut Objections) {
        let program = self.program();
        if program.is_empty() {
            let hint = "name the program first, as in `[\"python3\", \"report.py\"]`".to_owned();
            objections.add("/argv", "there is no program to run", Some(hint));
        } else if self.argv.len() == 1 && program.contains(char::is_whitespace) {
            let what = format!("`{program}` is taken for the name of one program");
            let hint = format!("give each argument as a member of the list; {SHELL_HINT}");
            objections.add("/argv/0", what, Some(hint));
        }
        if self.argv.iter().any(|argument| argument.contains('\0')) {
            objections.add("/argv", "an argument has a zero byte", None);
        }
    }
}

fn stays_inside(folder: &str) -> bool {
    let is_plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    Path::new(folder).components().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn objections(params: Value) -> Vec<String> {
        let params: Params = serde_json::from_value(params).unwrap();
        let mut objections = Objections::default();
        params.check(&mut objections);
        objections.into_vec().into_iter().map(|one| format!("{} {}", one.at, one.what)).collect()
    }

    #[test]
    fn a_shell_text_is_refused_with_what_to_write() {
        let error = serde_json::from_value::<Params>(json!({ "argv": "ls -l" })).err().unwrap();

        let expected = "expected a list, not one text; for a shell write `[\"sh\", \"-c\", \"…\"]`";
        assert_eq!(error.to_string(), expected);
        assert_eq!(
            objections(json!({ "argv": ["ls -l"] })),
            ["/argv/0 `ls -l` is taken for the name of one program"]
        );
    }

    #[test]
    fn all_objections_are_told_at_once() {
        let params = json!({
            "argv": [],
            "folder": "../elsewhere",
            "env": { "A=B": "", "TIDEMILL_SEED": "1", "FINE": "" },
        });

        assert_eq!(
            objections(params),
            [
                "/argv there is no program to run",
                "/folder the folder is outside of the repository",
                "/env/A=B `A=B` cannot name a variable",
                "/env/TIDEMILL_SEED the variable `TIDEMILL_SEED` is set already",
            ]
        );
    }

    #[test]
    fn folders_inside_the_repository_are_taken() {
        assert!(["models", "./a/b", "", "a/./b"].into_iter().all(stays_inside));
        assert!(!["/etc", "a/../../b", ".."].into_iter().any(stays_inside));
    }
}
