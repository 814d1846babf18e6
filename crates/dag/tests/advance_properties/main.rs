//! Random DAGs, and events thrown at their runs by an adversary: claims, all sorts of ends, losses, expansions, cancels,
//! jumps of time, and old events delivered again. Whatever happens, the promises of `advance` hold after every event,
//! and once the adversary stops, the run closes.

#![expect(clippy::unwrap_used, reason = "a test stops where its own set-up is wrong")]

mod oracle;
mod play;
mod shape;

use proptest::prelude::*;

use play::{Play, Step};
use shape::TaskShape;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn promises_hold_after_every_event_and_every_run_closes(
        shapes in prop::collection::vec(any_task(), 1..30),
        steps in prop::collection::vec(any_step(), 0..150),
    ) {
        let mut play = Play::of(&shapes);

        let played = steps.into_iter().try_for_each(|step| play.step(step)).and_then(|()| play.drain());

        if let Err(problem) = played {
            return Err(TestCaseError::fail(format!("{problem}\n{play}")));
        }
    }
}

fn any_task() -> impl Strategy<Value = TaskShape> {
    let choices =
        (0..5usize, prop::option::weighted(0.3, 0..6usize), prop::option::weighted(0.2, 0..4usize));
    (any::<u32>(), choices, prop::bool::weighted(0.15), 0..3u32, prop::bool::weighted(0.2))
        .prop_map(|(needs, (rule, condition, for_each), finally, retries, queues)| TaskShape {
            needs,
            rule,
            condition,
            for_each,
            finally,
            retries,
            queues,
        })
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = any::<prop::sample::Index>;
    prop_oneof![
        12 => who().prop_map(Step::Claim),
        2 => who().prop_map(Step::ClaimAny),
        12 => (who(), any::<u16>()).prop_map(|(who, words)| Step::Finish(who, words)),
        2 => (who(), any::<u16>(), 0..4i32).prop_map(|(who, words, attempt)| Step::FinishAny(who, words, attempt)),
        3 => who().prop_map(Step::Lose),
        3 => who().prop_map(Step::RunOver),
        2 => (0..2000i64).prop_map(Step::Wait),
        3 => who().prop_map(Step::Replay),
        1 => who().prop_map(Step::CancelTask),
        1 => prop::bool::weighted(0.1).prop_map(Step::CancelRun),
    ]
}
