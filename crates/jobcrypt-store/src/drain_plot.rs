use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use crate::DrainSample;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 240.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 44.0;

/// Mid-tones, which show on white and on black.
const COLOURS: [&str; 6] = [
    "#1b7fd1", "#c2410c", "#0f9d78", "#a3711a", "#7a6ff0", "#c43d8b",
];
const NO_KEY: &str = "no key id";

/// Draws jobs per key over time, as an SVG without a background.
///
/// ```
/// use jobcrypt_store::{DrainSample, drain_plot};
///
/// let samples = DrainSample::read(
///     r#"{"at":0,"keys":{"AAAAAAAAAAAAAAAAAAAAAA":9},"no_key":0}
///        {"at":60,"keys":{},"no_key":0}"#,
/// )?;
/// assert!(drain_plot(&samples).contains("AAAAAAAAAAAAAAAAAAAAAA"));
/// # Ok::<(), jobcrypt_store::Error>(())
/// ```
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    reason = "a picture shows less than 52 bits"
)]
pub fn drain_plot(samples: &[DrainSample]) -> String {
    let begin = samples.iter().map(|it| it.at).min().unwrap_or(0);
    let end = samples.iter().map(|it| it.at).max().unwrap_or(0);
    let lines = lines(samples);
    let most = lines
        .values()
        .flatten()
        .map(|it| it.1)
        .max()
        .unwrap_or(0)
        .max(1);
    let span = (end - begin).max(1) as f64;
    let x = |at: u64| LEFT + (at - begin) as f64 / span * (WIDTH - LEFT - RIGHT);
    let y = |count: u64| HEIGHT - BOTTOM - count as f64 / most as f64 * (HEIGHT - TOP - BOTTOM);

    let mut svg = head();
    for count in BTreeSet::from([0, most / 2, most]) {
        let _ = writeln!(
            svg,
            r#"<path class="grid" d="M{LEFT} {0:.1}H{1}"/><text x="{2}" y="{3:.1}" text-anchor="end">{count}</text>"#,
            y(count),
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(count) + 4.0
        );
    }
    let _ = writeln!(
        svg,
        r#"<text x="{LEFT}" y="{0}">0</text><text x="{1}" y="{0}" text-anchor="end">{2}</text>"#,
        HEIGHT - BOTTOM + 20.0,
        WIDTH - RIGHT,
        duration(end - begin)
    );
    for (nth, (key, points)) in lines.iter().enumerate() {
        let colour = COLOURS[nth % COLOURS.len()];
        let mut path = String::new();
        for (at, (time, count)) in points.iter().enumerate() {
            let step = if at == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{step}{:.1} {:.1}", x(*time), y(*count));
        }
        let label_y = TOP + 16.0 * nth as f64;
        let _ = writeln!(
            svg,
            r#"<path class="line" stroke="{colour}" d="{path}"/><path class="line" stroke="{colour}" d="M{} {label_y}h16"/><text x="{}" y="{}">{}</text>"#,
            WIDTH - RIGHT + 16.0,
            WIDTH - RIGHT + 38.0,
            label_y + 4.0,
            escaped(key)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// The line of each key: its count in every sample, 0 where a sample does not name it.
fn lines(samples: &[DrainSample]) -> BTreeMap<&str, Vec<(u64, u64)>> {
    let keys: BTreeSet<_> = samples.iter().flat_map(|it| it.keys.keys()).collect();
    let mut lines = BTreeMap::new();
    for key in keys {
        let count = |it: &DrainSample| (it.at, it.keys.get(key).copied().unwrap_or(0));
        lines.insert(&**key, samples.iter().map(count).collect());
    }
    if samples.iter().any(|it| it.no_key > 0) {
        lines.insert(
            NO_KEY,
            samples.iter().map(|it| (it.at, it.no_key)).collect(),
        );
    }
    lines
}

fn head() -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Jobs per key over time">
<style>
text {{ font: 12px system-ui, sans-serif; fill: #444 }}
.grid {{ stroke: #888; stroke-opacity: .3 }}
.line {{ fill: none; stroke-width: 2; stroke-linejoin: round }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #ccc }} }}
</style>
<text x="{LEFT}" y="20" style="font-weight:600">Jobs per key over time</text>
"#
    )
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A file of samples may have been written by others.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
