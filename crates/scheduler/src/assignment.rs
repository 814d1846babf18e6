//! From a claim to what a kind is handed: rendered parameters, artefacts, children.

use std::collections::BTreeMap;

use serde_json::Value;
use tidemill_dag::template::{Scope, TemplateError};
use tidemill_store::{Claim, With};
use tidemill_task::{Assignment, RunFacts};

/// Renders the parameters of a claimed task and puts together what its kind may read.
pub(crate) fn assignment(
    claim: &Claim,
    environment: &BTreeMap<String, String>,
) -> Result<Assignment, TemplateError> {
    let facts = RunFacts::from(&*claim.facts);
    Ok(Assignment {
        attempt: claim.attempt,
        phase: claim.phase,
        params: params(claim, environment)?,
        inputs: claim.inputs.clone(),
        state: claim.resume.clone(),
        children: claim.children.clone(),
        memory: claim.memory,
        ..Assignment::new(facts, claim.path.clone(), claim.kind.clone())
    })
}

fn params(claim: &Claim, environment: &BTreeMap<String, String>) -> Result<Value, TemplateError> {
    let templates = match &claim.with {
        With::Rendered(value) => return Ok(value.clone()),
        With::Templates(templates) => templates,
    };
    let scope =
        Scope::new(claim.facts.clone()).with_env(environment.clone()).with_item(claim.item.clone());
    let scope = claim
        .outputs
        .iter()
        .fold(scope, |scope, (task, output)| scope.with_output(task.clone(), output.clone()));
    scope.render_map(templates).map(Value::Object)
}
