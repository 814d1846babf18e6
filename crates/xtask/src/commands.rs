//! The list of commands.

use std::fmt::{self, Display, Formatter, Write};

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{bench, ci, demo, edges, generated, lint, setup, test};

/// One command of `cargo xtask`.
struct Command {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    run: fn(&Workspace, &[String]) -> Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        arguments: "[ARGS]",
        summary: "set up, build, and run `tidemill demo` on embedded defaults",
        run: demo::run,
    },
    Command {
        name: "test",
        arguments: "[NEXTEST ARGS]",
        summary: "set up, then run all tests, or those that the arguments choose",
        run: test::run,
    },
    Command {
        name: "setup",
        arguments: "",
        summary: "install what building and testing need and this machine lacks",
        run: |workspace, arguments| {
            no_arguments(arguments)?;
            setup::ensure(workspace, setup::Scope::Checks)
        },
    },
    Command {
        name: "lint",
        arguments: "",
        summary: "check the format, clippy and the documentation of every item",
        run: |workspace, arguments| {
            no_arguments(arguments)?;
            lint::run(workspace)
        },
    },
    Command {
        name: "edges",
        arguments: "",
        summary: "check which crate depends on which",
        run: |workspace, arguments| {
            no_arguments(arguments)?;
            edges::run(workspace)
        },
    },
    Command {
        name: "generated",
        arguments: "[--write]",
        summary: "check, or write, the files that a program makes: .sqlx, JSON schemas",
        run: generated::run,
    },
    Command {
        name: "bench",
        arguments: "[NAME] [OPTIONS]",
        summary: "run all benchmarks, or one; `bench --help` lists the options",
        run: bench::run,
    },
    Command {
        name: "ci",
        arguments: "",
        summary: "everything above but the benchmarks, as a change has to pass it",
        run: |workspace, arguments| {
            no_arguments(arguments)?;
            ci::run(workspace)
        },
    },
];

/// The caller's mistake: exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl Display for Usage {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Runs the command that the first argument names.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", help());
        return Ok(());
    };
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        print!("{}", help());
        return Ok(());
    }
    let command = COMMANDS.iter().find(|command| command.name == name);
    let Some(command) = command else {
        let known: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
        let known = known.join("`, `");
        return Err(Usage(format!("unknown command `{name}`; known are `{known}`, `help`")).into());
    };
    (command.run)(&Workspace::find()?, rest)
}

fn no_arguments(arguments: &[String]) -> Result<()> {
    match arguments {
        [] => Ok(()),
        [first, ..] => Err(Usage(format!("unexpected argument `{first}`")).into()),
    }
}

fn help() -> String {
    let mut text = String::from("usage: cargo xtask COMMAND\n\n");
    for command in COMMANDS {
        let call = format!("{} {}", command.name, command.arguments);
        // Writing to a string does not fail.
        writeln!(text, "  {call:<22} {}", command.summary).ok();
    }
    text + "  help                   print this\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_has_one_line_for_each_command() {
        let lines: Vec<String> = help().lines().map(str::to_owned).collect();

        assert_eq!(lines.len(), COMMANDS.len() + 3);
        assert!(lines.iter().all(|line| line.len() <= 100));
    }

    #[test]
    fn unknown_command_is_a_usage_error_that_lists_the_known_ones() {
        let refused = run(&["tets".into()]).unwrap_err();

        assert!(refused.is::<Usage>());
        assert!(
            refused.to_string().starts_with("unknown command `tets`; known are `demo`, `test`")
        );
    }
}
