//! The cache, as a worker uses it: asked once before the work, told with its end.

use std::time::Duration;

use tidemill_dag::advance::Verdict;
use tidemill_dag::time::Lapse;
use tidemill_store::{Claim, Store, With};
use tidemill_task::{
    ArtifactStore, Assignment, CacheNote, CacheParts, CacheReport, CachedResult, Caching,
    Completion, Manifest, Miss, Registry,
};
use tokio::time::timeout;

use crate::worker::weather::chain;

/// How long an answer is waited for; the work is done then.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a task asks the cache for.
pub(crate) struct Inquiry {
    parts: CacheParts,
    max_age: Option<Lapse>,
}

/// What came of asking.
pub(crate) struct Answer {
    /// The end of the attempt, where an earlier result stands in.
    pub(crate) completion: Option<Completion>,
    /// What is told with the end.
    pub(crate) report: CacheReport,
}

impl Inquiry {
    /// What a task asks for; `None` if its result never comes from the cache.
    pub(crate) fn of(claim: &Claim, assignment: &Assignment, registry: &Registry) -> Option<Self> {
        let kind = registry.get(assignment.kind.as_str()).ok()?;
        let max_age = match Caching::of(claim.node(), &assignment.kind, kind.policy()) {
            Caching::On { max_age } => max_age,
            Caching::Off(_) => return None,
        };
        let templates = match &claim.with {
            With::Templates(templates) => Some(templates),
            With::Rendered(_) => None,
        };
        let parts = CacheParts::of(assignment, kind.version(), templates, claim.item.clone());
        Some(Self { parts, max_age })
    }

    /// Asks, unless the claim says not to. Whatever goes wrong is a miss.
    pub(crate) async fn ask(
        self,
        claim: &Claim,
        store: &Store,
        artifacts: &ArtifactStore,
    ) -> Answer {
        let found = match claim.unasked {
            Some(reason) => Err(Miss::Unasked { reason }),
            None => match timeout(PATIENCE, self.find(store, artifacts)).await {
                Ok(found) => found,
                Err(elapsed) => Err(Miss::NoAnswer { error: elapsed.to_string() }),
            },
        };
        match found {
            Ok(result) => Answer::hit(&self.parts, result),
            Err(why) => {
                let note = CacheNote::Miss { key: self.parts.key(), why };
                let report = CacheReport { note, parts: Some(self.parts) };
                Answer { completion: None, report }
            }
        }
    }

    async fn find(&self, store: &Store, artifacts: &ArtifactStore) -> Result<CachedResult, Miss> {
        let no_answer = |error: &dyn std::error::Error| Miss::NoAnswer { error: chain(error) };
        let answer = store.cached(&[&self.parts]).await.map_err(|error| no_answer(&error))?.pop();
        let Some(answer) = answer else { return Err(Miss::NeverRan) };
        let result = answer.found.judge(&self.parts, self.max_age, answer.now)?;
        for artifact in &result.artifacts {
            if !artifacts.holds(artifact).await.map_err(|error| no_answer(&error))? {
                let (origin, location) = (result.origin, artifact.location.clone());
                return Err(Miss::ArtifactGone { origin, location });
            }
        }
        Ok(result)
    }
}

impl Answer {
    fn hit(parts: &CacheParts, result: CachedResult) -> Self {
        let report = CacheReport { note: result.note(parts), parts: None };
        let verdict = Verdict::Succeeded { output: result.output.into() };
        let manifest = Manifest { artifacts: result.artifacts };
        Self { completion: Some(Completion { verdict, manifest }), report }
    }
}
