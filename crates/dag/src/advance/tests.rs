use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::ids::{RunId, WorkerId};
use crate::slots::SlotSize;
use crate::spec::DagSpec;
use crate::state::{RunKind, RunState};
use crate::template::Facts;
use crate::time::DataInterval;

/// A run that is played step by step; effects are told as words, tasks go by their paths.
struct Play {
    plan: Plan,
    view: View,
    now: Timestamp,
}

/// Opens a run of `tasks`; a task without `uses` is a command.
fn open(tasks: Value) -> Play {
    let mut play = unopened(tasks);
    play.tell(&Event::Opened);
    play
}

fn unopened(mut tasks: Value) -> Play {
    for task in tasks.as_object_mut().unwrap().values_mut() {
        task["uses"] = json!("command");
    }
    let spec: DagSpec = serde_json::from_value(json!({ "dag": "test", "tasks": tasks })).unwrap();
    let now = Timestamp::UNIX_EPOCH + TimeDelta::days(20_000);
    let facts = Facts {
        dag: "test".parse().unwrap(),
        hash: "abc".into(),
        run: RunId::from_uuid(uuid::Uuid::from_u128(1)),
        kind: RunKind::Manual,
        interval: DataInterval { start: now - TimeDelta::days(1), end: now },
        zone: "UTC".parse().unwrap(),
        params: [("list".parse().unwrap(), json!(["x", "y"]))].into(),
    };
    let plan = Plan::new(&spec).unwrap();
    Play { view: View::open(&plan, Arc::new(facts)), plan, now }
}

impl Play {
    fn index(&self, path: &str) -> TaskIndex {
        TaskIndex(self.view.tasks.iter().position(|task| task.path.to_string() == path).unwrap())
    }

    fn state(&self, path: &str) -> &TaskState {
        &self.view.tasks[self.index(path).0].state
    }

    fn tell(&mut self, event: &Event) -> Vec<String> {
        self.try_tell(event).unwrap()
    }

    fn try_tell(&mut self, event: &Event) -> Result<Vec<String>, Stale> {
        let effects = advance(&self.plan, &self.view, event, self.now)?;
        self.view.apply(&effects, self.now);
        Ok(effects.iter().map(|effect| self.words(effect)).collect())
    }

    fn words(&self, effect: &Effect) -> String {
        let path = |task: &TaskIndex| &self.view.tasks[task.0].path;
        match effect {
            Effect::Ready { task, phase: 0 } => format!("ready {}", path(task)),
            Effect::Ready { task, phase } => format!("ready {} phase {phase}", path(task)),
            Effect::Run { task, attempt, lease: _ } => {
                format!("run {} attempt {attempt}", path(task))
            }
            Effect::Backoff { task, failures, losses, .. } => {
                format!("pause {} after {failures} failures, {losses} losses", path(task))
            }
            Effect::Expand { task, children, .. } => {
                format!("expand {} to {}", path(task), children.len())
            }
            Effect::Done { task, outcome, reason: None, .. } => {
                format!("{} {}", path(task), outcome.label())
            }
            Effect::Done { task, outcome, reason: Some(reason), .. } => {
                format!("{} {}: {}", path(task), outcome.label(), why(reason))
            }
            Effect::Resize { task, slots } => format!("{} takes {} slots", path(task), slots.taken),
            Effect::AskToStop { task } => format!("stop {}", path(task)),
            Effect::Cancelling => "cancelling".into(),
            Effect::Close { outcome } => format!("close {}", outcome.label()),
        }
    }

    fn claim(&mut self, path: &str) -> Vec<String> {
        self.tell(&self.claim_of(path))
    }

    fn claim_of(&self, path: &str) -> Event {
        let lease = Lease {
            worker: WorkerId::from_uuid(uuid::Uuid::from_u128(2)),
            until: self.now + TimeDelta::minutes(1),
        };
        Event::Claimed { task: self.index(path), lease }
    }

    fn finish(&mut self, path: &str, verdict: Verdict) -> Vec<String> {
        let task = self.index(path);
        let attempt = self.view.tasks[task.0].attempt;
        self.tell(&Event::Finished { task, attempt, verdict })
    }

    /// Claims a task and ends it.
    fn run(&mut self, path: &str, verdict: Verdict) -> Vec<String> {
        self.claim(path);
        self.finish(path, verdict)
    }

    /// Claims a task and loses it.
    fn lose(&mut self, path: &str) -> Vec<String> {
        self.claim(path);
        let task = self.index(path);
        let attempt = self.view.tasks[task.0].attempt;
        self.tell(&Event::Lost { task, attempt, shortage: None })
    }

    /// Claims a task and loses it for want of memory, in a pool of eight slots.
    fn starve(&mut self, path: &str) -> Vec<String> {
        self.claim(path);
        let task = self.index(path);
        let attempt = self.view.tasks[task.0].attempt;
        let size = SlotSize { memory_bytes: None, most: 8 };
        let shortage = Some(Shortage { peak_bytes: None, size });
        self.tell(&Event::Lost { task, attempt, shortage })
    }

    fn run_over(&mut self, path: &str) -> Vec<String> {
        self.tell(&Event::RunOver { task: self.index(path) })
    }

    fn cancel(&mut self, path: &str) -> Vec<String> {
        let task = Some(self.index(path));
        self.tell(&Event::CancelAsked { task })
    }

    fn cancel_run(&mut self) -> Vec<String> {
        self.tell(&Event::CancelAsked { task: None })
    }

    fn wait(&mut self, seconds: i64) -> Vec<String> {
        self.now += TimeDelta::seconds(seconds);
        self.tell(&Event::Waited)
    }
}

fn why(reason: &Reason) -> String {
    match reason {
        Reason::Error { error } | Reason::BadExpression { error } => error.clone(),
        Reason::QueuedTooLong => "queued too long".into(),
        Reason::Poison { losses } => format!("poison after {losses}"),
        Reason::ChildFailed { child } => format!("child {child}"),
        Reason::RuleUnmet { upstream: None } => "rule".into(),
        Reason::RuleUnmet { upstream: Some(upstream) } => format!("rule, by {upstream}"),
        Reason::ConditionFalse => "condition".into(),
        Reason::Cancelled => "cancelled".into(),
    }
}

fn gave(output: Value) -> Verdict {
    Verdict::Succeeded { output: Arc::new(output) }
}

fn done() -> Verdict {
    gave(json!({}))
}

fn failed() -> Verdict {
    Verdict::Failed { error: "no".into(), retry: Retry::MayHelp }
}

fn hopeless() -> Verdict {
    Verdict::Failed { error: "never".into(), retry: Retry::CannotHelp }
}

fn asks_for(labels: &[&str], on_child_failure: OnChildFailure) -> Verdict {
    let child = |label: &&str| Child {
        label: (*label).into(),
        kind: "trial".parse().unwrap(),
        with: None,
        item: None,
        slots: None,
    };
    Verdict::Expanded {
        children: labels.iter().map(child).collect(),
        state: json!("kept"),
        on_child_failure,
    }
}

fn awaits() -> Verdict {
    Verdict::Awaits { run: RunId::from_uuid(uuid::Uuid::from_u128(9)), state: json!("asked") }
}

fn asks(labels: &[&str]) -> Verdict {
    asks_for(labels, OnChildFailure::Fail)
}

const NOTHING: [&str; 0] = [];

mod starting {
    use super::*;

    #[test]
    fn opening_readies_what_waits_for_nothing_in_the_plans_order() {
        let mut play = unopened(json!({ "a": {}, "b": { "needs": ["a"] }, "c": {} }));

        assert_eq!(play.tell(&Event::Opened), ["ready a", "ready c"]);
        assert_eq!(play.tell(&Event::Opened), NOTHING);
    }

    #[test]
    fn a_run_without_tasks_closes_when_it_opens() {
        assert_eq!(unopened(json!({})).tell(&Event::Opened), ["close succeeded"]);
    }

    #[test]
    fn a_run_of_two_steps_runs_them_in_turn_and_closes() {
        let mut play = open(json!({ "a": {}, "b": { "needs": ["a"] } }));

        assert_eq!(play.claim("a"), ["run a attempt 1"]);
        assert_eq!(play.finish("a", done()), ["a succeeded", "ready b"]);
        assert_eq!(play.run("b", done()), ["b succeeded", "close succeeded"]);
    }

    #[test]
    fn a_failure_skips_what_needed_it_and_fails_the_run() {
        let mut play = open(
            json!({ "a": {}, "b": { "needs": ["a"] }, "c": { "needs": ["b"], "when": "all_done" } }),
        );

        assert_eq!(
            play.run("a", hopeless()),
            ["a failed: never", "b skipped: rule, by a", "ready c"]
        );
        assert_eq!(play.run("c", done()), ["c succeeded", "close failed"]);
    }

    #[test]
    fn skips_propagate_through_a_long_chain_in_one_call() {
        let name = |index: usize| format!("t{index:04}");
        let mut tasks = serde_json::Map::new();
        tasks.insert(name(0), json!({}));
        for index in 1..5000 {
            tasks.insert(name(index), json!({ "needs": [name(index - 1)] }));
        }
        let mut play = open(Value::Object(tasks));

        let effects = play.run("t0000", hopeless());

        assert_eq!(effects.len(), 5001);
        assert_eq!(effects.last().unwrap(), "close failed");
    }

    #[test]
    fn early_rules_start_while_others_still_run() {
        let mut play = open(json!({
            "a": {}, "b": {},
            "first": { "needs": ["a", "b"], "when": "one_succeeded" },
            "help": { "needs": ["a", "b"], "when": "one_failed" },
        }));

        assert_eq!(play.run("a", done()), ["a succeeded", "ready first"]);
        assert_eq!(play.run("b", hopeless()), ["b failed: never", "ready help"]);
    }

    #[test]
    fn a_condition_decides_over_outputs_of_any_task_before() {
        let tasks = json!({
            "a": {}, "b": { "needs": ["a"] },
            "big": { "needs": ["b"], "when": "outputs.a.score > 5" },
            "small": { "needs": ["b"], "when": "outputs.a.score <= 5" },
        });
        let mut play = open(tasks);
        play.run("a", gave(json!({ "score": 7 })));

        assert_eq!(play.run("b", done()), ["b succeeded", "ready big", "small skipped: condition"]);
    }

    #[test]
    fn a_condition_reads_the_output_of_the_very_event() {
        let mut play = open(json!({ "a": {}, "b": { "needs": ["a"], "when": "outputs.a == 3" } }));

        assert_eq!(play.run("a", gave(json!(3))), ["a succeeded", "ready b"]);
    }

    #[test]
    fn a_condition_that_cannot_be_evaluated_fails_its_task_with_the_cause() {
        let mut play =
            open(json!({ "a": {}, "b": { "needs": ["a"], "when": "outputs.a.score > 5" } }));

        let effects = play.run("a", gave(json!({})));

        assert_eq!(effects[0], "a succeeded");
        assert!(
            effects[1].starts_with("b failed: evaluate `outputs.a.score > 5`: undefined value"),
            "{}",
            effects[1]
        );
        assert_eq!(effects[2], "close failed");
    }
}

mod attempts {
    use super::*;

    #[test]
    fn a_claim_needs_a_task_that_is_ready() {
        let mut play = open(json!({ "a": {}, "b": { "needs": ["a"] } }));

        assert_eq!(play.try_tell(&play.claim_of("b")), Err(Stale { attempt: Attempt(1) }));
        play.claim("a");
        assert_eq!(play.try_tell(&play.claim_of("a")), Err(Stale { attempt: Attempt(2) }));
    }

    #[test]
    fn only_the_attempt_that_runs_a_task_speaks_for_it() {
        let mut play = open(json!({ "a": { "retries": { "max": 1, "backoff": "0s" } } }));
        let task = play.index("a");
        let speak = |attempt| Event::Finished { task, attempt: Attempt(attempt), verdict: done() };
        let lose = |attempt| Event::Lost { task, attempt: Attempt(attempt), shortage: None };
        play.run("a", failed());

        assert!(play.try_tell(&speak(1)).is_err());
        play.claim("a");
        assert!(play.try_tell(&speak(1)).is_err());
        assert!(play.try_tell(&lose(1)).is_err());
        assert_eq!(play.tell(&speak(2)), ["a succeeded", "close succeeded"]);
        assert!(play.try_tell(&speak(2)).is_err());
        assert!(play.try_tell(&lose(2)).is_err());
    }

    #[test]
    fn an_event_about_a_task_that_does_not_exist_is_stale() {
        let mut play = open(json!({ "a": {} }));
        let task = TaskIndex(9);
        let lease = Lease { worker: WorkerId::generate(), until: play.now };

        assert!(play.try_tell(&Event::Claimed { task, lease }).is_err());
        assert!(play.try_tell(&Event::Lost { task, attempt: Attempt(0), shortage: None }).is_err());
        assert_eq!(play.tell(&Event::CancelAsked { task: Some(task) }), NOTHING);
    }

    #[test]
    fn failures_are_retried_as_often_as_allowed() {
        let mut play = open(json!({ "a": { "retries": { "max": 2, "backoff": "10s..1m" } } }));

        assert_eq!(play.run("a", failed()), ["pause a after 1 failures, 0 losses"]);
        play.wait(10);
        assert_eq!(play.run("a", failed()), ["pause a after 2 failures, 0 losses"]);
        play.wait(20);
        assert_eq!(play.run("a", failed()), ["a failed: no", "close failed"]);
    }

    #[test]
    fn a_failure_that_no_retry_can_help_is_final() {
        let mut play = open(json!({ "a": { "retries": { "max": 2 } } }));

        assert_eq!(play.run("a", hopeless()), ["a failed: never", "close failed"]);
    }

    #[test]
    fn a_pausing_task_is_claimed_only_after_its_pause() {
        let mut play = open(json!({ "a": { "retries": { "max": 1, "backoff": "10s" } } }));
        play.run("a", failed());
        let TaskState::Backoff { until, .. } = *play.state("a") else {
            panic!("{:?}", play.state("a"))
        };

        play.now = until - TimeDelta::microseconds(1);
        assert!(play.try_tell(&play.claim_of("a")).is_err());
        play.now = until;
        assert_eq!(play.claim("a"), ["run a attempt 2"]);
    }

    #[test]
    fn losses_pause_a_task_without_using_its_retries_until_they_poison_it() {
        let mut play = open(json!({ "a": {} }));

        for losses in 1..POISON_AFTER {
            assert_eq!(play.lose("a"), [format!("pause a after 0 failures, {losses} losses")]);
            play.now += TimeDelta::seconds(300);
        }
        assert_eq!(play.lose("a"), ["a failed: poison after 5", "close failed"]);
    }

    #[test]
    fn a_task_that_queues_too_long_fails_but_a_pausing_one_does_not_queue() {
        let limits =
            json!({ "timeout": { "queued": "1m" }, "retries": { "max": 1, "backoff": "1h" } });
        let mut play = open(json!({ "a": limits, "b": limits, "c": {} }));
        play.run("b", failed());

        assert_eq!(play.wait(59), NOTHING);
        assert_eq!(play.wait(1), ["a failed: queued too long"]);
        assert_eq!(play.wait(3600), NOTHING);
    }

    #[test]
    fn a_member_that_queues_too_long_fails_its_mapped_task() {
        let mut play = open(json!({ "m": { "for_each": [1, 2], "timeout": { "queued": "1m" } } }));
        play.run("m[1]", done());

        assert_eq!(
            play.wait(60),
            ["m[0] failed: queued too long", "m failed: child m[0]", "close failed"]
        );
    }
}

mod expanding {
    use super::*;

    #[test]
    fn a_mapped_task_ends_with_the_outputs_of_its_members_in_order() {
        let mut play = open(json!({ "m": { "for_each": "params.list" }, "n": { "needs": ["m"] } }));

        assert_eq!(play.run("m[1]", gave(json!(1))), ["m[1] succeeded"]);
        assert_eq!(play.run("m[0]", gave(json!(0))), ["m[0] succeeded", "m succeeded", "ready n"]);
        assert_eq!(play.view.tasks[0].output.as_deref(), Some(&json!([0, 1])));
    }

    #[test]
    fn a_member_stands_for_a_value_and_is_labelled_with_its_place() {
        let play = unopened(json!({ "m": { "for_each": "params.list" } }));

        let effects = advance(&play.plan, &play.view, &Event::Opened, play.now).unwrap();

        let member = |label: &str, item: &str| Child {
            label: label.into(),
            kind: "command".parse().unwrap(),
            with: None,
            item: Some(json!(item)),
            slots: None,
        };
        let children = vec![member("0", "x"), member("1", "y")];
        let on_child_failure = OnChildFailure::Fail;
        assert_eq!(
            effects,
            [Effect::Expand { task: TaskIndex(0), children, state: None, on_child_failure }]
        );
    }

    #[test]
    fn an_empty_list_succeeds_at_once() {
        let mut play = unopened(
            json!({ "m": { "for_each": [] }, "n": { "needs": ["m"], "when": "not outputs.m" } }),
        );

        assert_eq!(play.tell(&Event::Opened), ["m succeeded", "ready n"]);
    }

    #[test]
    fn a_list_that_is_none_or_too_long_fails_its_task() {
        let list: Vec<usize> = (0..=MOST_CHILDREN).collect();
        let mut play = unopened(
            json!({ "l": { "for_each": list }, "m": { "for_each": "params.list | length" } }),
        );

        let effects = play.tell(&Event::Opened);

        assert_eq!(
            effects[0],
            "l failed: the list has 10001 members, and a task can be mapped over 10000"
        );
        assert!(effects[1].contains("not a list"), "{}", effects[1]);
        assert_eq!(effects[2], "close failed");
    }

    #[test]
    fn a_mapped_task_fails_with_its_first_bad_member_once_all_are_over() {
        let mut play = open(json!({ "m": { "for_each": [1, 2, 3] } }));

        assert_eq!(play.cancel("m[2]"), ["m[2] cancelled: cancelled"]);
        assert_eq!(play.run("m[1]", hopeless()), ["m[1] failed: never"]);
        assert_eq!(
            play.run("m[0]", done()),
            ["m[0] succeeded", "m failed: child m[1]", "close failed"]
        );
    }

    #[test]
    fn an_expanded_task_resumes_in_its_next_phase_after_its_children() {
        let mut play = open(json!({ "a": {} }));

        assert_eq!(play.run("a", asks(&["x", "y"])), ["expand a to 2"]);
        assert_eq!(play.run("a[x]", done()), ["a[x] succeeded"]);
        assert_eq!(play.run("a[y]", done()), ["a[y] succeeded", "ready a phase 1"]);
        assert_eq!(play.claim("a"), ["run a attempt 2"]);
        assert_eq!(play.finish("a", asks(&["z"])), ["expand a to 1"]);
        assert_eq!(play.run("a[z]", done()), ["a[z] succeeded", "ready a phase 2"]);
        assert_eq!(play.run("a", done()), ["a succeeded", "close succeeded"]);
    }

    #[test]
    fn a_task_that_waits_for_a_run_goes_on_when_that_is_over() {
        let mut play = open(json!({ "a": {}, "b": { "needs": ["a"] } }));

        assert_eq!(play.run("a", awaits()), ["expand a to 0"]);
        assert_eq!(play.run_over("a"), ["ready a phase 1"]);
        assert_eq!(play.run_over("a"), NOTHING, "told twice");
        assert_eq!(play.run("a", done()), ["a succeeded", "ready b"]);
        assert_eq!(play.run_over("a"), NOTHING, "told late");
    }

    #[test]
    fn a_task_that_waits_for_its_children_does_not_hear_of_runs() {
        let mut play = open(json!({ "a": {} }));
        play.run("a", asks(&["x"]));

        assert_eq!(play.run_over("a"), NOTHING);
    }

    #[test]
    fn a_task_that_waits_for_a_run_ends_at_once_when_it_is_cancelled() {
        let mut play = open(json!({ "a": {} }));
        play.run("a", awaits());

        let effects = play.cancel_run();

        assert_eq!(effects, ["cancelling", "a cancelled: cancelled", "close cancelled"]);
    }

    #[test]
    fn losses_of_a_phase_that_came_to_its_end_do_not_count_any_more() {
        let mut play = open(json!({ "a": {} }));
        for phase in 0..3 {
            for _ in 0..4 {
                play.lose("a");
                play.now += TimeDelta::days(1);
            }
            assert_eq!(play.view.tasks[0].losses, 4);
            play.run("a", asks(&[&format!("x{phase}")]));
            play.run(&format!("a[x{phase}]"), done());
            assert_eq!(play.view.tasks[0].losses, 0);
        }
    }

    #[test]
    fn a_task_that_ran_out_of_memory_takes_more_slots_until_there_are_no_more() {
        let mut play = open(json!({ "a": { "slots": 3 } }));

        assert_eq!(play.starve("a"), ["pause a after 0 failures, 1 losses", "a takes 6 slots"]);
        play.now += TimeDelta::days(1);
        assert_eq!(play.starve("a"), ["pause a after 0 failures, 2 losses", "a takes 8 slots"]);
        play.now += TimeDelta::days(1);
        assert_eq!(play.starve("a"), ["pause a after 0 failures, 3 losses"]);
    }

    #[test]
    fn members_take_the_slots_of_their_task_and_children_those_that_it_declares() {
        let mut play = open(json!({
            "m": { "for_each": [1], "slots": 2, "needs": ["first"] },
            "a": { "slots": 2 },
            "first": {},
        }));
        let learnt = Slots { declared: 2, taken: 5, learnt_from: Some(9) };
        for path in ["m", "a"] {
            let task = play.index(path);
            play.view.tasks[task.0].slots = learnt;
        }

        play.run("first", done());
        play.run("a", asks(&["x"]));

        let slots = |path: &str| play.view.tasks[play.index(path).0].slots;
        assert_eq!(slots("m[0]"), learnt);
        assert_eq!(slots("a[x]"), Slots::declared(2));
    }

    #[test]
    fn an_expansion_to_nothing_resumes_at_once() {
        let mut play = open(json!({ "a": {} }));

        assert_eq!(play.run("a", asks(&[])), ["ready a phase 1"]);
    }

    #[test]
    fn a_bad_child_fails_its_parent_or_lets_it_resume_as_it_asked() {
        for (choice, then) in [
            (
                OnChildFailure::Fail,
                vec!["a[x] failed: never", "a failed: child a[x]", "close failed"],
            ),
            (OnChildFailure::Resume, vec!["a[x] failed: never", "ready a phase 1"]),
        ] {
            let mut play = open(json!({ "a": {} }));
            play.run("a", asks_for(&["x"], choice));

            assert_eq!(play.run("a[x]", hopeless()), then);
        }
    }

    #[test]
    fn children_of_an_earlier_phase_are_not_judged_again() {
        let mut play = open(json!({ "a": {} }));
        play.run("a", asks_for(&["x"], OnChildFailure::Resume));
        play.run("a[x]", hopeless());
        play.run("a", asks(&["y"]));

        assert_eq!(play.run("a[y]", done()), ["a[y] succeeded", "ready a phase 2"]);
    }

    #[test]
    fn children_may_expand_themselves() {
        let mut play = open(json!({ "m": { "for_each": [1] } }));
        play.run("m[0]", asks(&["fold"]));
        play.run("m[0][fold]", asks(&["trial"]));

        assert_eq!(
            play.run("m[0][fold][trial]", done()),
            ["m[0][fold][trial] succeeded", "ready m[0][fold] phase 1"]
        );
        assert_eq!(play.run("m[0][fold]", done()), ["m[0][fold] succeeded", "ready m[0] phase 1"]);
        assert_eq!(play.run("m[0]", done()), ["m[0] succeeded", "m succeeded", "close succeeded"]);
    }

    #[test]
    fn failing_children_fail_their_parents_all_the_way_up() {
        let mut play = open(json!({ "m": { "for_each": [1] } }));
        play.run("m[0]", asks(&["x"]));

        let effects = play.run("m[0][x]", hopeless());

        assert_eq!(
            effects,
            [
                "m[0][x] failed: never",
                "m[0] failed: child m[0][x]",
                "m failed: child m[0]",
                "close failed"
            ]
        );
    }

    #[test]
    fn bad_labels_and_too_many_children_fail_the_task_that_asks() {
        let many: Vec<String> = (0..=MOST_CHILDREN).map(|index| index.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let bad = "it asked for a child labelled \"a/b\": a label is 1 to 64 letters, digits, `_`, `-` and `.`";
        for (labels, error) in [
            (&["x", "x"][..], "it asked for two children labelled `x`"),
            (&["old"], "it asked for two children labelled `old`"),
            (&["a/b"], bad),
            (&many, "it asked for 10001 children, and may ask for 10000 at once"),
        ] {
            let mut play = open(json!({ "a": { "retries": { "max": 3 } } }));
            play.run("a", asks(&["old"]));
            play.run("a[old]", done());

            assert_eq!(
                play.run("a", asks(labels)),
                [format!("a failed: {error}"), "close failed".into()]
            );
        }
    }
}

mod cancelling {
    use super::*;

    #[test]
    fn a_cancelled_run_ends_what_nobody_runs_and_asks_the_rest_to_stop_once() {
        let retried = json!({ "retries": { "max": 1 } });
        let mut play =
            open(json!({ "a": {}, "b": { "needs": ["a"] }, "c": {}, "d": retried, "e": {} }));
        play.claim("a");
        play.run("d", failed());
        play.run("e", asks(&["x"]));

        let expected = [
            "cancelling",
            "stop a",
            "b cancelled: cancelled",
            "c cancelled: cancelled",
            "d cancelled: cancelled",
            "e cancelled: cancelled",
            "e[x] cancelled: cancelled",
        ];
        assert_eq!(play.cancel_run(), expected);
        assert_eq!(play.cancel_run(), NOTHING);
        assert_eq!(
            play.finish("a", Verdict::Cancelled),
            ["a cancelled: cancelled", "close cancelled"]
        );
        assert_eq!(play.cancel_run(), NOTHING);
    }

    #[test]
    fn a_run_that_is_cancelled_before_it_opens_only_finalises() {
        let mut play =
            unopened(json!({ "a": {}, "b": { "needs": ["a"] }, "clean": { "finally": true } }));

        let effects = play.cancel_run();

        assert_eq!(
            effects,
            ["cancelling", "a cancelled: cancelled", "b cancelled: cancelled", "ready clean"]
        );
        assert_eq!(play.tell(&Event::Opened), NOTHING);
    }

    #[test]
    fn what_an_attempt_says_after_it_was_asked_to_stop() {
        let table = [
            (failed(), "a cancelled: cancelled"),
            (hopeless(), "a cancelled: cancelled"),
            (Verdict::Cancelled, "a cancelled: cancelled"),
            (asks(&["x"]), "a cancelled: cancelled"),
            (done(), "a succeeded"),
        ];
        for (verdict, end) in table {
            let mut play = open(json!({ "a": { "retries": { "max": 3 } } }));
            play.claim("a");
            assert_eq!(play.cancel("a"), ["stop a"]);

            assert_eq!(play.finish("a", verdict)[0], end);
        }
    }

    #[test]
    fn an_attempt_that_is_lost_after_it_was_asked_to_stop_is_not_tried_again() {
        let mut play = open(json!({ "a": {} }));
        play.claim("a");
        play.cancel_run();
        let task = play.index("a");

        let effects = play.tell(&Event::Lost { task, attempt: Attempt(1), shortage: None });

        assert_eq!(effects, ["a cancelled: cancelled", "close cancelled"]);
    }

    #[test]
    fn finalisers_run_after_a_cancel_once_the_rest_is_over_and_keep_their_retries() {
        let mut play = open(json!({
            "a": {}, "b": { "needs": ["a"] },
            "clean": { "finally": true, "retries": { "max": 1, "backoff": "0s" } },
            "mail": { "finally": true, "needs": ["clean"] },
        }));
        play.claim("a");

        assert_eq!(play.cancel_run(), ["cancelling", "stop a", "b cancelled: cancelled"]);
        assert_eq!(play.finish("a", Verdict::Cancelled), ["a cancelled: cancelled", "ready clean"]);
        assert_eq!(play.run("clean", failed()), ["pause clean after 1 failures, 0 losses"]);
        assert_eq!(play.run("clean", done()), ["clean succeeded", "ready mail"]);
        assert_eq!(play.run("mail", done()), ["mail succeeded", "close cancelled"]);
    }

    #[test]
    fn a_finaliser_waits_for_the_children_of_what_was_cancelled() {
        let mut play = open(json!({ "a": {}, "clean": { "finally": true } }));
        play.run("a", asks(&["x", "y"]));
        play.claim("a[x]");

        let effects = play.cancel_run();

        assert_eq!(
            effects,
            ["cancelling", "a cancelled: cancelled", "stop a[x]", "a[y] cancelled: cancelled"]
        );
        assert_eq!(
            play.finish("a[x]", Verdict::Cancelled),
            ["a[x] cancelled: cancelled", "ready clean"]
        );
    }

    #[test]
    fn a_cancelled_task_takes_all_below_it_along_and_nothing_beside_it() {
        let mut play = open(json!({ "a": {}, "b": { "needs": ["a"], "when": "all_done" } }));
        play.run("a", asks_for(&["x", "y"], OnChildFailure::Resume));
        play.run("a[x]", asks(&["deep"]));
        play.claim("a[x][deep]");

        assert_eq!(play.cancel("a[x]"), ["a[x] cancelled: cancelled", "stop a[x][deep]"]);
        assert_eq!(play.run("a[y]", done()), ["a[y] succeeded"]);
        assert_eq!(
            play.finish("a[x][deep]", Verdict::Cancelled),
            ["a[x][deep] cancelled: cancelled", "ready a phase 1"]
        );
        assert_eq!(play.run("a", done()), ["a succeeded", "ready b"]);
        assert_eq!(play.cancel("a"), NOTHING);
    }

    #[test]
    fn a_run_with_a_failed_task_failed_even_if_it_was_cancelled() {
        let mut play = open(json!({ "a": {}, "b": {} }));
        play.run("a", hopeless());

        assert_eq!(play.cancel_run(), ["cancelling", "b cancelled: cancelled", "close failed"]);
    }

    #[test]
    fn nothing_follows_from_any_event_once_a_run_is_closed() {
        let mut play = open(json!({ "a": {} }));
        play.run("a", done());
        assert!(matches!(play.view.run, RunState::Closed { outcome: Outcome::Succeeded, .. }));

        for event in [Event::Opened, Event::Waited, Event::CancelAsked { task: None }] {
            assert_eq!(play.tell(&event), NOTHING);
        }
        assert_eq!(play.cancel("a"), NOTHING);
        assert!(play.try_tell(&play.claim_of("a")).is_err());
    }
}
