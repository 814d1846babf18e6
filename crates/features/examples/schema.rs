//! Prints the JSON Schema of pipeline files.
#![expect(clippy::print_stdout, reason = "that is what it is for")]

fn main() {
    let schema = tidemill_features::pipeline::schema();
    println!("{schema:#}");
}
