//! A picture of folds: time from left to right, one bar for each fold.

mod axis;
mod bars;

use std::fmt::{self, Write as _};

use self::axis::ticks;
use self::bars::{Bar, Piece, bars};
use super::Folds;
use crate::clock::Clock;
use crate::time::Stretch;

/// What a row is in a fold: its name, its colour (after Okabe and Ito, apart for all kinds of sight), and the pattern that tells it without colour.
struct Role {
    name: &'static str,
    id: &'static str,
    pattern: &'static str,
}

const ROLES: [Role; 4] = [
    Role {
        name: "training",
        id: "train",
        pattern: r##"<rect width="8" height="8" fill="#5aa9d6"/>"##,
    },
    Role {
        name: "purged: the label reaches into the test",
        id: "purged",
        pattern: r##"<rect width="8" height="8" fill="#f7dfec"/><path d="M-2 2l4-4M0 8l8-8M6 10l4-4" stroke="#b0457f" stroke-width="1.6"/>"##,
    },
    Role {
        name: "embargo",
        id: "embargo",
        pattern: r##"<rect width="8" height="8" fill="#ededed"/><circle cx="2" cy="2" r="1.3" fill="#6b6b6b"/><circle cx="6" cy="6" r="1.3" fill="#6b6b6b"/>"##,
    },
    Role {
        name: "test",
        id: "test",
        pattern: r##"<rect width="8" height="8" fill="#e69f00"/><path d="M0 2h8M0 6h8" stroke="#b87f00" stroke-width="1"/>"##,
    },
];

const WIDTH: f64 = 960.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 78.0;
/// What is thinner than this could not be seen.
const THINNEST: f64 = 2.5;

/// A picture of folds.
pub struct Picture {
    title: String,
    whole: Stretch,
    bars: Vec<Bar>,
    note: String,
}

impl Picture {
    /// The picture of the folds of a data set.
    pub fn of(folds: &Folds, clock: &Clock<'_>) -> Self {
        let guards = &folds.guards;
        let mut note = format!("gap {} · embargo {}", guards.gap, guards.embargo);
        if let Some(shortened) = &guards.shortened {
            put(
                &mut note,
                format_args!(", shorter than {}: {}", shortened.least, shortened.reason),
            );
        }
        let count = folds.folds.len();
        let noun = if count == 1 { "fold" } else { "folds" };
        let name = folds.split.replace('_', " ");
        let (whole, bars) = bars(folds, clock);
        Self { title: format!("{name}, {count} {noun}"), whole, bars, note }
    }

    /// The picture as SVG: the same folds give the same bytes.
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        let bottom = self.tops().last().copied().unwrap_or(TOP);
        let height = bottom + 40.0;
        put(
            &mut svg,
            format_args!(
                r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="12" fill="#24292f">
<title>{title}</title>
<desc>{description}</desc>
<defs>
"##,
                title = escape(&self.title),
                description = escape(&self.description())
            ),
        );
        for Role { id, pattern, .. } in &ROLES {
            put_line(
                &mut svg,
                format_args!(
                    r#"<pattern id="{id}" width="8" height="8" patternUnits="userSpaceOnUse">{pattern}</pattern>"#
                ),
            );
        }
        put_line(
            &mut svg,
            format_args!(
                r##"</defs>
<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>
<text x="{LEFT}" y="26" font-size="16" font-weight="600">{}</text>
<text x="{}" y="26" text-anchor="end" fill="#57606a">{}</text>"##,
                escape(&capitalised(&self.title)),
                WIDTH - 20.0,
                escape(&self.note)
            ),
        );
        legend(&mut svg);
        self.axis(&mut svg, bottom);
        for (bar, top) in self.bars.iter().zip(self.tops()) {
            self.bar(&mut svg, bar, top);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// Where each bar begins, and at the end where the last one is over.
    fn tops(&self) -> Vec<f64> {
        let mut tops = vec![TOP];
        for (index, bar) in self.bars.iter().enumerate() {
            let next = self.bars.get(index + 1);
            let is_last_inner = bar.is_inner && next.is_some_and(|next| !next.is_inner);
            let apart = if is_last_inner { 9.0 } else { 0.0 };
            tops.push(tops[index] + bar.pitch() + apart);
        }
        tops
    }

    fn x(&self, at: i64) -> f64 {
        let length = (self.whole.until.0 - self.whole.from.0).max(1) as f64;
        LEFT + (at - self.whole.from.0) as f64 / length * (WIDTH - LEFT - RIGHT)
    }

    fn axis(&self, svg: &mut String, bottom: f64) {
        let line = bottom + 2.0;
        for (at, label) in ticks(self.whole) {
            let x = self.x(at.0);
            put_line(
                svg,
                format_args!(
                    r##"<path d="M{x:.1} {y:.1}V{line:.1}" stroke="#d0d7de" stroke-dasharray="2 3"/><text x="{x:.1}" y="{label_y:.1}" text-anchor="middle" fill="#57606a" font-size="11">{label}</text>"##,
                    y = TOP - 6.0,
                    label_y = bottom + 20.0
                ),
            );
        }
        put_line(
            svg,
            format_args!(
                r##"<path d="M{LEFT} {line:.1}H{:.1}" stroke="#8c959f"/>"##,
                WIDTH - RIGHT
            ),
        );
    }

    fn bar(&self, svg: &mut String, bar: &Bar, top: f64) {
        let middle = top + bar.height() / 2.0 + 4.0;
        let (weight, size) = if bar.is_inner { ("400", 10) } else { ("600", 12) };
        let colour = if bar.is_inner { "#57606a" } else { "#24292f" };
        put_line(
            svg,
            format_args!(
                r#"<text x="{:.1}" y="{middle:.1}" text-anchor="end" font-weight="{weight}" font-size="{size}" fill="{colour}">{}</text>"#,
                LEFT - 10.0,
                escape(&bar.name)
            ),
        );
        put_line(
            svg,
            format_args!(
                r##"<rect x="{LEFT}" y="{top:.1}" width="{:.1}" height="{:.1}" rx="2" fill="#f6f8fa"/>"##,
                WIDTH - LEFT - RIGHT,
                bar.height()
            ),
        );
        // Training and tests first: what is thin lies over them.
        let thin = |piece: &&Piece| matches!(piece.role, 1 | 2);
        let pieces = bar.pieces.iter();
        for piece in pieces.clone().filter(|piece| !thin(piece)).chain(pieces.filter(thin)) {
            let (from, until) = (self.x(piece.stretch.from.0), self.x(piece.stretch.until.0));
            let width = (until - from).max(THINNEST);
            put_line(
                svg,
                format_args!(
                    r#"<rect x="{from:.2}" y="{:.2}" width="{width:.2}" height="{:.2}" fill="url(#{})"/>"#,
                    top + piece.above * bar.height(),
                    piece.share * bar.height(),
                    ROLES[piece.role].id
                ),
            );
        }
        put_line(
            svg,
            format_args!(
                r##"<text x="{:.1}" y="{middle:.1}" font-size="{}" fill="#57606a">{} → {}</text>"##,
                WIDTH - RIGHT + 12.0,
                size - 1,
                thousands(bar.rows[0]),
                thousands(bar.rows[3])
            ),
        );
    }

    fn description(&self) -> String {
        let mut text = String::new();
        for bar in &self.bars {
            let [training, purged, embargo, tested] = bar.rows;
            put(
                &mut text,
                format_args!(
                    "Fold {}: {training} rows train, {purged} are purged, {embargo} are in the embargo, {tested} test. ",
                    bar.name
                ),
            );
        }
        text.trim_end().to_owned()
    }
}

fn legend(svg: &mut String) {
    let mut x = LEFT;
    for Role { id, name, .. } in &ROLES {
        put_line(
            svg,
            format_args!(
                r#"<rect x="{x:.1}" y="42" width="22" height="12" rx="2" fill="url(#{id})"/><text x="{:.1}" y="52" font-size="11">{name}</text>"#,
                x + 28.0
            ),
        );
        x += 50.0 + 5.8 * name.len() as f64;
    }
    put_line(
        svg,
        format_args!(
            r##"<text x="{:.1}" y="52" font-size="11" fill="#57606a">rows: training → test</text>"##,
            WIDTH - RIGHT + 12.0
        ),
    );
}

fn put(text: &mut String, more: fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a text takes more text");
}

fn put_line(text: &mut String, more: fmt::Arguments<'_>) {
    put(text, more);
    text.push('\n');
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
