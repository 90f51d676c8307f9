use std::fmt::Write;

use crate::{
    candidate::{Name, Who},
    comparison::everyone,
    numbers,
    results::Results,
    task::{Operation, SIZES},
};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 224.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 44.0;
/// Between the labels of two lines, at least.
const LABEL: f64 = 15.0;

/// Mid-tones, which show on white and on black.
const OURS: [&str; 6] = [
    "#1b7fd1", "#0f9d78", "#c2410c", "#a3711a", "#7a6ff0", "#c43d8b",
];
const PEERS: [&str; 4] = ["#8a8f98", "#8a8f98", "#8a8f98", "#8a8f98"];
const DASHES: [&str; 4] = ["7 4", "2 3", "10 3 2 3", "4 2"];

/// Time per job against size, both logarithmic.
pub(crate) struct Plot {
    title: &'static str,
    lines: Vec<Line>,
    /// Powers of ten, in nanoseconds.
    decades: (i32, i32),
}

struct Line {
    name: Name,
    /// Size and nanoseconds.
    points: Vec<(f64, f64)>,
}

impl Plot {
    pub(crate) fn new(title: &'static str, operation: Operation, results: &Results) -> Self {
        let lines: Vec<Line> = everyone()
            .into_iter()
            .filter(|name| !matches!(name.who, Who::Limit | Who::Naive))
            .filter(|name| results.has(*name, operation))
            .map(|name| Line::new(name, operation, results))
            .collect();
        let times = || {
            lines
                .iter()
                .flat_map(|line| &line.points)
                .map(|point| point.1)
        };
        let least = times().fold(f64::INFINITY, f64::min);
        let most = times().fold(1.0, f64::max);
        Self {
            title,
            decades: decades(least, most),
            lines,
        }
    }

    /// Draws it, without a background, so that it stands on a light page and on a dark one.
    pub(crate) fn svg(&self) -> String {
        let mut svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">
<style>
text {{ font: 12px system-ui, sans-serif; fill: #444 }}
.grid {{ stroke: #888; stroke-opacity: .3 }}
.line {{ fill: none; stroke-width: 2; stroke-linejoin: round }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #ccc }} }}
</style>
<text x="{LEFT}" y="20" style="font-weight:600">{}</text>
"#,
            self.title, self.title
        );
        self.draw_grid(&mut svg);
        self.draw_lines(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_grid(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for decade in self.decades.0..=self.decades.1 {
            let time = 10_f64.powi(decade);
            let y = self.y(time);
            let label = time_label(decade);
            let _ = writeln!(
                svg,
                r#"<path class="grid" d="M{LEFT} {y:.1}H{right}"/><text x="{:.1}" y="{:.1}" text-anchor="end">{label}</text>"#,
                LEFT - 8.0,
                y + 4.0
            );
        }
        for size in SIZES {
            let x = x(bytes(size));
            let label = numbers::size(size);
            let _ = writeln!(
                svg,
                r#"<path class="grid" d="M{x:.1} {TOP}V{bottom}"/><text x="{x:.1}" y="{:.1}" text-anchor="middle">{label}</text>"#,
                bottom + 18.0
            );
        }
    }

    fn draw_lines(&self, svg: &mut String) {
        for (line, label_y) in self.lines.iter().zip(self.label_places()) {
            let (colour, dashes) = self.look(line.name);
            let mut path = String::new();
            for (at, (size, time)) in line.points.iter().enumerate() {
                let step = if at == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{step}{:.1} {:.1}", x(*size), self.y(*time));
            }
            let _ = writeln!(
                svg,
                r#"<path class="line" stroke="{colour}" stroke-dasharray="{dashes}" d="{path}"/>"#
            );
            let (from, to) = (WIDTH - RIGHT + 4.0, WIDTH - RIGHT + 20.0);
            let end = line.points.last().map_or(label_y, |point| self.y(point.1));
            let _ = writeln!(
                svg,
                r#"<path stroke="{colour}" fill="none" d="M{from} {end:.1}L{to} {label_y:.1}"/><text x="{:.1}" y="{:.1}">{}</text>"#,
                to + 4.0,
                label_y + 4.0,
                line.name.title()
            );
        }
    }

    /// Returns the height of each line's label: at the line's end, or as near as the others let it.
    fn label_places(&self) -> Vec<f64> {
        let ends = self.lines.iter().map(|line| {
            let end = line.points.last().map_or(1.0, |point| point.1);
            self.y(end)
        });
        let mut order: Vec<(usize, f64)> = ends.enumerate().collect();
        order.sort_by(|one, other| one.1.total_cmp(&other.1));
        for at in 1..order.len() {
            order[at].1 = order[at].1.max(order[at - 1].1 + LABEL);
        }
        // The lowest must not fall off the picture; those above make room for it.
        let mut lowest = HEIGHT - BOTTOM;
        for (_, y) in order.iter_mut().rev() {
            *y = y.min(lowest);
            lowest = *y - LABEL;
        }
        order.sort_by_key(|(line, _)| *line);
        order.into_iter().map(|(_, y)| y).collect()
    }

    /// jobcrypt's lines are whole and coloured, those of its peers grey and dashed.
    fn look(&self, name: Name) -> (&'static str, &'static str) {
        let is_ours = name.who == Who::Jobcrypt;
        let alike = self
            .lines
            .iter()
            .filter(|line| (line.name.who == Who::Jobcrypt) == is_ours);
        let at = alike.take_while(|line| line.name != name).count();
        if is_ours {
            (OURS[at % OURS.len()], "none")
        } else {
            (PEERS[at % PEERS.len()], DASHES[at % DASHES.len()])
        }
    }

    fn y(&self, time: f64) -> f64 {
        let (low, high) = (f64::from(self.decades.0), f64::from(self.decades.1));
        let share = (time.log10() - low) / (high - low);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }
}

impl Line {
    fn new(name: Name, operation: Operation, results: &Results) -> Self {
        let points = SIZES
            .into_iter()
            .filter_map(|size| Some((bytes(size), results.median(name, operation, size)?)))
            .collect();
        Self { name, points }
    }
}

/// Returns the powers of ten that these times lie between.
fn decades(least: f64, most: f64) -> (i32, i32) {
    let mut falling = (0..LARGEST_DECADE).rev();
    let low = falling.find(|decade| 10_f64.powi(*decade) <= least);
    let high = (1..LARGEST_DECADE).find(|decade| 10_f64.powi(*decade) >= most);
    let low = low.unwrap_or(0);
    (low, high.unwrap_or(LARGEST_DECADE).max(low + 1))
}

/// A second.
const LARGEST_DECADE: i32 = 9;

fn time_label(decade: i32) -> String {
    let (unit, decade) = match decade {
        ..3 => ("ns", decade),
        3..6 => ("µs", decade - 3),
        6..9 => ("ms", decade - 6),
        _ => ("s", decade - 9),
    };
    format!("{} {unit}", 10_f64.powi(decade))
}

fn x(size: f64) -> f64 {
    let (low, high) = (bytes(SIZES[0]).log2(), bytes(SIZES[SIZES.len() - 1]).log2());
    LEFT + (size.log2() - low) / (high - low) * (WIDTH - LEFT - RIGHT)
}

fn bytes(size: usize) -> f64 {
    f64::from(u32::try_from(size).expect("the largest args are 1 MiB"))
}
