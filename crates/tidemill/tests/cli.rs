//! What the command line prints, where it prints it, and how it exits.

mod support;

use support::{Folder, shown, text};

const FLOW: &str = "dag: flow\ndescription: Three steps.\nschedule: { cron: \"30 2 * * *\", timezone: Europe/Oslo }\ninterval: 1d\n\
params: { sites: [a, b], days: { type: integer, default: 3, max: 30 } }\ntasks:\n  first: { uses: noop, with: { output: { n: \"{{ params.days }}\" } } }\n  \
each: { uses: noop, needs: [first], for_each: params.sites, with: { output: \"{{ item }}\" } }\n  \
last: { uses: noop, needs: [each], when: outputs.first.n > 2 }\n";

const BROKEN: &str = "dag: broken\nscedule: { cron: \"@daily\" }\ntasks:\n  a: { uses: nop }\n  b: { uses: sleep, needs: [aa], with: { for: 3 } }\n";

/// All that a person sees of a command.
fn show(folder: &Folder, arguments: &[&str]) -> String {
    shown(&folder.run(arguments))
}

fn flow() -> Folder {
    Folder::with(&[("dags/flow.yaml", FLOW)])
}

#[test]
fn help_tells_the_nouns_and_the_exit_codes() {
    insta::assert_snapshot!(show(&flow(), &["--help"]));
}

#[test]
fn help_of_a_verb_tells_its_arguments() {
    insta::assert_snapshot!(show(&flow(), &["run", "start", "--help"]));
}

#[test]
fn the_drill_tells_what_it_does_and_what_its_words_mean() {
    let shown =
        [&["drill", "--help"][..], &["drill", "--list"]].map(|arguments| show(&flow(), arguments));

    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_drill_refuses_what_it_cannot_do_before_a_database_is_made() {
    let folder = flow();
    let shown = [
        &["drill", "--only", "wrker_killed"][..],
        &["drill", "--lease", "100ms"],
        &["drill", "--list", "--clean"],
    ]
    .map(|arguments| show(&folder, arguments));

    insta::assert_snapshot!(shown.join("\n"));
    assert!(!folder.path().join(".tidemill").exists());
}

#[test]
fn a_repository_without_mistakes_is_said_to_be_so() {
    insta::assert_snapshot!(show(&flow(), &["dag", "check"]), @r"
    exit 0
    --- stdout
    --- stderr
    1 file with 3 tasks: no problems
    ");
}

#[test]
fn mistakes_are_told_all_at_once_and_exit_10() {
    let folder = Folder::with(&[("dags/flow.yaml", FLOW), ("dags/broken.yaml", BROKEN)]);

    insta::assert_snapshot!(show(&folder, &["dag", "check"]));
}

#[test]
fn mistakes_are_data_for_programs() {
    let folder = Folder::with(&[("dags/flow.yaml", FLOW), ("dags/broken.yaml", BROKEN)]);

    insta::assert_snapshot!(show(&folder, &["dag", "check", "--format", "json"]));
}

#[test]
fn a_broken_file_stops_no_other_file() {
    let folder = Folder::with(&[("dags/flow.yaml", FLOW), ("dags/broken.yaml", BROKEN)]);

    assert!(folder.run(&["dag", "show", "flow"]).status.success());
}

#[test]
fn an_unknown_workflow_exits_12_and_names_a_near_one() {
    insta::assert_snapshot!(show(&flow(), &["dag", "show", "flwo"]), @r"
    exit 12
    --- stdout
    --- stderr
    error: no DAG `flwo` in dags
    hint: did you mean `flow`?
    ");
}

#[test]
fn a_missing_folder_of_dags_is_told_with_the_flag_that_names_it() {
    insta::assert_snapshot!(show(&flow(), &["dag", "check", "--dags", "flows"]));
}

#[test]
fn a_workflow_is_drawn_as_text_mermaid_dot_and_json() {
    let folder = flow();
    let drawings = ["text", "mermaid", "dot", "json"]
        .map(|drawing| show(&folder, &["dag", "show", "flow", "--as", drawing]));

    insta::assert_snapshot!(drawings.join("\n"));
}

#[test]
fn a_plan_shows_the_next_runs_across_the_change_of_clocks() {
    insta::assert_snapshot!(show(
        &flow(),
        &["dag", "plan", "flow", "--at", "2026-03-27T12:00:00Z", "--runs", "4"]
    ));
}

#[test]
fn the_schema_for_editors_is_the_committed_one() {
    let printed = flow().run(&["dag", "schema"]);
    let committed = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../configs/schema/dag.json"
    ));

    let is_current = text(&printed.stdout) == committed.unwrap();
    assert!(is_current, "run `cargo xtask generated --write`");
}

#[test]
fn the_configuration_is_shown_with_the_source_of_each_value() {
    let folder = Folder::with(&[(
        "tidemill.yaml",
        "pools:\n  train: { slots: 2 }\nlogging:\n  format: json\n",
    )]);
    let mut command = folder.command(&["config", "show", "--state", "elsewhere"]);
    command
        .env("DATABASE_URL", "postgres://me:hunter2@db.example.com/plant")
        .env("TIDEMILL__POOLS__GPU__SLOTS", "4");

    insta::assert_snapshot!(shown(&command.output().unwrap()));
}

#[test]
fn mistakes_in_the_configuration_exit_11() {
    let folder = Folder::with(&[(
        "tidemill.yaml",
        "pols:\n  train: { slots: 2 }\nlogging:\n  format: xml\n",
    )]);

    insta::assert_snapshot!(show(&folder, &["config", "show"]));
}

#[test]
fn a_database_that_does_not_answer_exits_20() {
    let folder = flow();
    let mut command = folder.command(&["run", "list"]);
    // A port that nothing can listen on.
    command.env("DATABASE_URL", "postgres://me:hunter2@127.0.0.1:1/plant");

    insta::assert_snapshot!(shown(&command.output().unwrap()));
}

#[test]
fn an_unknown_verb_exits_2() {
    insta::assert_snapshot!(show(&flow(), &["dag", "chek"]));
}

#[test]
fn completions_are_printed_for_a_shell() {
    let output = flow().run(&["completions", "bash"]);

    assert!(output.status.success());
    assert!(text(&output.stdout).contains("complete -F _tidemill"));
}

#[test]
fn a_reset_without_a_person_or_a_yes_deletes_nothing() {
    insta::assert_snapshot!(show(&flow(), &["db", "reset"]));
}

#[test]
fn what_dags_say_about_each_other_is_checked() {
    let asked = "dag: asked\nparams: { days: { type: integer, max: 30 }, site: oslo }\ntasks: { work: { uses: noop } }\n";
    let asks = "dag: asks\ntasks:\n  lost: { uses: trigger, with: { dag: aksed } }\n  \
bad: { uses: trigger, with: { dag: asked, params: { days: 31, sight: x } } }\n  \
none: { uses: trigger, with: { dag: asked } }\n  \
late: { uses: trigger, with: { dag: asked, params: { days: \"{{ 3 + 4 }}\" } } }\n";
    let folder = Folder::with(&[("dags/asked.yaml", asked), ("dags/asks.yaml", asks)]);

    insta::assert_snapshot!(show(&folder, &["dag", "check"]), @r#"
    exit 10
    --- stdout
    --- stderr
    error: dags/asks.yaml:3:39: there is no DAG `aksed` in the repository
       |
     3 |   lost: { uses: trigger, with: { dag: aksed } }
       |                                       ^^^^^
    hint: did you mean `asked`?

    error: dags/asks.yaml:4:61: the parameter `days` of `asked` is more than 30
       |
     4 |   bad: { uses: trigger, with: { dag: asked, params: { days: 31, sight: x } } }
       |                                                             ^^

    error: dags/asks.yaml:4:72: `asked` has no parameter `sight`
       |
     4 |   bad: { uses: trigger, with: { dag: asked, params: { days: 31, sight: x } } }
       |                                                                        ^
    hint: known parameters are `days`, `site`

    error: dags/asks.yaml:5:39: `asked` needs the parameter `days`
       |
     5 |   none: { uses: trigger, with: { dag: asked } }
       |                                       ^^^^^
    hint: give it in `params`, or give it a default in `asked`

    4 problems in 1 file
    "#);
}

#[test]
fn a_request_that_cannot_be_sent_is_told_with_its_place() {
    let bad = "dag: bad\ntasks:\n  a: { uses: http, with: { url: example.com/hook } }\n  \
b: { uses: http, with: { url: \"https://me:secret@example.com\", json: 1, body: x } }\n  \
c: { uses: http, with: { url: { envv: HOOK }, method: PSOT, expect: [20x] } }\n  \
d: { uses: http, with: { url: ftp://example.com, timeout: 0s } }\n";
    let folder = Folder::with(&[("dags/bad.yaml", bad)]);

    insta::assert_snapshot!(show(&folder, &["dag", "check"]), @r#"
    exit 10
    --- stdout
    --- stderr
    error: dags/bad.yaml:3:33: this is not a URL: relative URL without a base
       |
     3 |   a: { uses: http, with: { url: example.com/hook } }
       |                                 ^^^^^^^^^^^^^^^^
    hint: write it with its scheme and host, such as `https://example.com/hook`

    error: dags/bad.yaml:4:33: a password in an address is written in the file
       |
     4 |   b: { uses: http, with: { url: *******************************, json: 1, body: x } }
       |                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: read it from the environment, as `{{ env.NAME }}`, and allow the name under `dags.env` in the configuration

    error: dags/bad.yaml:4:33: the URL holds credentials
       |
     4 |   b: { uses: http, with: { url: *******************************, json: 1, body: x } }
       |                                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: send them in a header: `headers: { Authorization: { env: NAME } }`

    error: dags/bad.yaml:4:81: the request has a body already
       |
     4 |   b: { uses: http, with: { url: *******************************, json: 1, body: x } }
       |                                                                                 ^
    hint: give one of `json` and `body`

    error: dags/bad.yaml:5:33: `url` lacks the key `env`
       |
     5 |   c: { uses: http, with: { url: { envv: HOOK }, method: PSOT, expect: [20x] } }
       |                                 ^

    error: dags/bad.yaml:5:35: unknown key `envv` in `url`
       |
     5 |   c: { uses: http, with: { url: { envv: HOOK }, method: PSOT, expect: [20x] } }
       |                                   ^^^^
    hint: did you mean `env`?

    error: dags/bad.yaml:5:57: unknown value `PSOT`
       |
     5 |   c: { uses: http, with: { url: { envv: HOOK }, method: PSOT, expect: [20x] } }
       |                                                         ^^^^
    hint: did you mean `POST`?

    error: dags/bad.yaml:6:33: `ftp` is not a scheme of the web
       |
     6 |   d: { uses: http, with: { url: ftp://example.com, timeout: 0s } }
       |                                 ^^^^^^^^^^^^^^^^^
    hint: write it with its scheme and host, such as `https://example.com/hook`

    error: dags/bad.yaml:6:61: no server answers within no time
       |
     6 |   d: { uses: http, with: { url: ftp://example.com, timeout: 0s } }
       |                                                             ^^

    9 problems in 1 file
    "#);
}
