//! A workflow as a picture: text, Mermaid, Graphviz, JSON.

use std::fmt::Write;

use serde_json::{Value, json};
use tidemill_dag::load::Dag;
use tidemill_dag::plan::Node;
use tidemill_dag::spec::{ForEach, TriggerRule};

use crate::commands::dag::schedule;
use crate::output::{counted, plain, table};

/// A header, then the tasks in the order in which they can run.
pub(crate) fn text(dag: &Dag) -> String {
    let spec = &dag.spec;
    let mut header =
        format!("{}: {}, {}", spec.dag, schedule(dag), counted(dag.plan.nodes().len(), "task"));
    if let Some(interval) = spec.interval {
        write!(header, ", interval {interval}").expect("a string takes all");
    }
    if let Some(description) = &spec.description {
        write!(header, "\n{}", plain(description)).expect("a string takes all");
    }
    let waves = dag.plan.waves();
    let rows = waves.iter().enumerate().flat_map(|(wave, members)| {
        members.iter().map(move |index| {
            let node = dag.plan.node(*index);
            [
                (wave + 1).to_string(),
                node.name.to_string(),
                node.spec.uses.to_string(),
                after(dag, node),
                remarks(node),
            ]
        })
    });
    format!(
        "{header}\nhash {}\n\n{}",
        &dag.hash[..12],
        table(["wave", "task", "uses", "after", "runs"], rows)
    )
}

fn after(dag: &Dag, node: &Node) -> String {
    let names = node.upstream.iter().map(|index| dag.plan.node(*index).name.to_string());
    names.collect::<Vec<_>>().join(", ")
}

/// What is unusual about when a task runs.
fn remarks(node: &Node) -> String {
    let mut remarks = Vec::new();
    if node.spec.finally {
        remarks.push("at the end, whatever happened".to_owned());
    } else if node.rule() != TriggerRule::AllSucceeded {
        remarks.push(format!("when {}", node.rule().label()));
    }
    if let Some(condition) = node.condition() {
        remarks.push(format!("if {condition}"));
    }
    match node.for_each() {
        Some(ForEach::Expression(text)) => remarks.push(format!("for each of {text}")),
        Some(ForEach::List(list)) => {
            remarks.push(format!("for each of {}", counted(list.len(), "item")));
        }
        None => {}
    }
    remarks.join("; ")
}

/// A Mermaid flow chart.
pub(crate) fn mermaid(dag: &Dag) -> String {
    let mut chart = "flowchart LR\n".to_owned();
    for (index, node) in dag.plan.nodes().iter().enumerate() {
        let (open, close) = if node.for_each().is_some() { ("[[", "]]") } else { ("[", "]") };
        writeln!(
            chart,
            "    t{index}{open}\"{}<br/><small>{}</small>\"{close}",
            node.name, node.spec.uses
        )
        .expect("a string takes all");
    }
    for (from, to, label) in edges(dag) {
        let arrow = if label.is_empty() { "-.->".to_owned() } else { format!("-->|{label}|") };
        writeln!(chart, "    t{from} {arrow} t{to}").expect("a string takes all");
    }
    chart
}

/// Graphviz.
pub(crate) fn dot(dag: &Dag) -> String {
    let mut graph = format!(
        "digraph \"{}\" {{\n    rankdir=LR;\n    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n",
        dag.spec.dag
    );
    for (index, node) in dag.plan.nodes().iter().enumerate() {
        let peripheries = if node.for_each().is_some() { ", peripheries=2" } else { "" };
        writeln!(
            graph,
            "    t{index} [label=\"{}\\n{}\"{peripheries}];",
            node.name, node.spec.uses
        )
        .expect("a string takes all");
    }
    for (from, to, label) in edges(dag) {
        let style =
            if label.is_empty() { "style=dashed".to_owned() } else { format!("label=\"{label}\"") };
        writeln!(graph, "    t{from} -> t{to} [{style}];").expect("a string takes all");
    }
    graph.push_str("}\n");
    graph
}

/// Nodes and edges.
pub(crate) fn json(dag: &Dag) -> Value {
    let name = |index: usize| &dag.plan.nodes()[index].name;
    let nodes: Vec<Value> = dag
        .plan
        .nodes()
        .iter()
        .map(|node| {
            json!({
                "task": node.name,
                "uses": node.spec.uses,
                "description": node.spec.description,
                "when": node.spec.when,
                "finally": node.spec.finally,
                "for_each": node.spec.for_each,
                "limits": node.limits,
            })
        })
        .collect();
    let edges: Vec<Value> = edges(dag)
        .into_iter()
        .map(|(from, to, port)| json!({ "from": name(from), "to": name(to), "port": (!port.is_empty()).then_some(port) }))
        .collect();
    json!({
        "dag": dag.spec.dag,
        "description": dag.spec.description,
        "schedule": dag.spec.schedule,
        "interval": dag.spec.interval,
        "hash": dag.hash,
        "file": dag.path,
        "includes": dag.includes,
        "nodes": nodes,
        "edges": edges,
    })
}

/// From, to, and the port that data flows through; empty for order alone.
fn edges(dag: &Dag) -> Vec<(usize, usize, String)> {
    let mut edges = Vec::new();
    for (to, node) in dag.plan.nodes().iter().enumerate() {
        for from in &node.upstream {
            let maker = &dag.plan.node(*from).name;
            let wires = node
                .spec
                .inputs
                .values()
                .flat_map(|wires| &wires.0)
                .filter(|wire| &wire.task == maker);
            let mut ports: Vec<String> = wires.map(|wire| wire.port.to_string()).collect();
            ports.dedup();
            edges.push((from.0, to, ports.join(", ")));
        }
    }
    edges
}
