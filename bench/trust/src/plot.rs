//! Plots as SVG: bars in groups, and lines. Just what docs/trust.md shows.

use crate::report::number;
use std::fmt::Write;

/// Colours that people who see few can tell apart (Okabe and Ito, 2008).
const COLOURS: [&str; 6] = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"];
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 56.0;

/// How a value is turned into a height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// Each power of ten as high as the last; what is not above 0 lies at the foot.
    Log,
}

/// A plot: series of values over the same places.
#[derive(Debug, Clone)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// What is on the axis upwards.
    pub up: String,
    /// What is on the axis to the right.
    pub right: String,
    /// The names of the places.
    pub places: Vec<String>,
    /// A name and a value at each place, or none.
    pub series: Vec<(String, Vec<Option<f64>>)>,
    /// A line to compare with, and what it says.
    pub mark: Option<(f64, String)>,
    /// How heights are reckoned.
    pub scale: Scale,
}

struct Axis {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Axis {
    fn of(plot: &Plot) -> Self {
        let marks = plot.mark.iter().map(|(at, _)| *at);
        let values = plot.series.iter().flat_map(|(_, values)| values).flatten().copied().chain(marks);
        let values: Vec<f64> = values.filter(|value| plot.scale == Scale::Linear || *value > 0.0).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        match plot.scale {
            Scale::Linear => {
                Self { low: low.min(0.0), high: high.max(0.0) * 1.05 + f64::EPSILON, scale: plot.scale }
            }
            Scale::Log => Self {
                low: 10_f64.powf(low.log10().floor()),
                high: 10_f64.powf(high.log10().ceil().max(low.log10().floor() + 1.0)),
                scale: plot.scale,
            },
        }
    }

    fn y(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => {
                (value.max(self.low).log10() - self.low.log10()) / (self.high.log10() - self.low.log10())
            }
        };
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Log => {
                let mut ticks = vec![self.low];
                while ticks.last().is_some_and(|tick| *tick < self.high * 0.99) {
                    ticks.extend(ticks.last().map(|tick| tick * 10.0));
                }
                ticks
            }
            Scale::Linear => {
                let rough = (self.high - self.low) / 5.0;
                let power = 10_f64.powf(rough.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0]
                    .into_iter()
                    .map(|by| by * power)
                    .find(|step| *step >= rough)
                    .unwrap_or(rough);
                let first = (self.low / step).ceil();
                (0..12)
                    .map(|at| (first + f64::from(at)) * step)
                    .take_while(|tick| *tick <= self.high)
                    .collect()
            }
        }
    }
}

impl Plot {
    /// As bars, those of a place side by side.
    pub fn bars(&self) -> String {
        let axis = Axis::of(self);
        let mut svg = self.frame(&axis);
        let slot = (WIDTH - LEFT - RIGHT) / self.places.len() as f64;
        let width = slot * 0.8 / self.series.len() as f64;
        let foot = axis.y(if self.scale == Scale::Linear { 0.0 } else { axis.low });
        for (index, (_, values)) in self.series.iter().enumerate() {
            for (place, value) in values.iter().enumerate() {
                let Some(value) = value else { continue };
                let x = LEFT + slot * (place as f64 + 0.1) + width * index as f64;
                let (y, colour) = (axis.y(*value), COLOURS[index % COLOURS.len()]);
                let (top, height) = (y.min(foot), (y - foot).abs().max(1.0));
                let _ = writeln!(
                    svg,
                    r#"<rect x="{x:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"><title>{}</title></rect>"#,
                    number(*value)
                );
            }
        }
        self.close(svg, &axis)
    }

    /// As lines from place to place.
    pub fn lines(&self) -> String {
        let axis = Axis::of(self);
        let mut svg = self.frame(&axis);
        let slot = (WIDTH - LEFT - RIGHT) / self.places.len() as f64;
        for (index, (_, values)) in self.series.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let points = values.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?)));
            let points: Vec<(f64, f64)> =
                points.map(|(place, value)| (LEFT + slot * (place as f64 + 0.5), axis.y(value))).collect();
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(
                svg,
                r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
                path.join(" ")
            );
            for (x, y) in points {
                let _ = writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"/>"#);
            }
        }
        self.close(svg, &axis)
    }

    /// Title, axes, ticks, legend.
    fn frame(&self, axis: &Axis) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
        );
        let mut text = |x: f64, y: f64, anchor: &str, extra: &str, words: &str| {
            let words = words.replace('&', "&amp;").replace('<', "&lt;");
            let _ = writeln!(
                svg,
                r##"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="#222"{extra}>{words}</text>"##
            );
        };
        text(LEFT, 20.0, "start", " font-size=\"15\" font-weight=\"bold\"", &self.title);
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        text(16.0, middle, "middle", &format!(" transform=\"rotate(-90 16 {middle:.1})\""), &self.up);
        text(f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - 12.0, "middle", "", &self.right);
        let slot = (WIDTH - LEFT - RIGHT) / self.places.len() as f64;
        for (at, place) in self.places.iter().enumerate() {
            // A word a line, so that neighbours do not run into each other.
            for (line, word) in place.split(' ').enumerate() {
                let (x, y) = (LEFT + slot * (at as f64 + 0.5), HEIGHT - BOTTOM + 16.0 + 13.0 * line as f64);
                text(x, y, "middle", " font-size=\"11\"", word);
            }
        }
        let mut x = LEFT;
        for (name, _) in &self.series {
            text(x + 15.0, 46.0, "start", "", name);
            x += 34.0 + 7.0 * name.chars().count() as f64;
        }
        for tick in axis.ticks() {
            text(LEFT - 6.0, axis.y(tick) + 4.0, "end", "", &number(tick));
        }
        let mut x = LEFT;
        for (index, (name, _)) in self.series.iter().enumerate() {
            let _ = writeln!(
                svg,
                r#"<rect x="{x:.1}" y="36" width="11" height="11" fill="{}"/>"#,
                COLOURS[index % COLOURS.len()]
            );
            x += 34.0 + 7.0 * name.chars().count() as f64;
        }
        for tick in axis.ticks() {
            let y = axis.y(tick);
            let _ = writeln!(
                svg,
                r##"<line x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}" stroke="#ddd"/>"##,
                WIDTH - RIGHT
            );
        }
        svg
    }

    fn close(&self, mut svg: String, axis: &Axis) -> String {
        if let Some((at, words)) = &self.mark {
            let (y, right) = (axis.y(*at), WIDTH - RIGHT);
            let _ = writeln!(
                svg,
                r##"<line x1="{LEFT}" x2="{right:.1}" y1="{y:.1}" y2="{y:.1}" stroke="#222" stroke-dasharray="5 4"/>"##
            );
            let _ = writeln!(
                svg,
                r##"<text x="{right:.1}" y="{:.1}" text-anchor="end" fill="#222">{words}</text>"##,
                y - 4.0
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(values: Vec<Option<f64>>, scale: Scale) -> Plot {
        Plot {
            title: "a < b & c".to_owned(),
            up: "up".to_owned(),
            right: "right".to_owned(),
            places: vec!["one".to_owned(), "two".to_owned(), "three".to_owned()],
            series: vec![("ours".to_owned(), values)],
            mark: Some((0.5, "goal".to_owned())),
            scale,
        }
    }

    #[test]
    fn what_is_drawn_stays_inside() {
        for scale in [Scale::Linear, Scale::Log] {
            for values in
                [vec![Some(0.1), None, Some(40.0)], vec![Some(-1.0), Some(0.0), Some(0.2)], vec![None; 3]]
            {
                let drawn = plot(values.clone(), scale);
                let axis = Axis::of(&drawn);
                for value in values.iter().flatten() {
                    let y = axis.y(*value);
                    assert!((TOP - 0.1..=HEIGHT - BOTTOM + 0.1).contains(&y), "{value} at {y}, {scale:?}");
                }
                assert!((2..=12).contains(&axis.ticks().len()), "{:?}", axis.ticks());
                let svg = drawn.bars();
                assert!(
                    svg.contains("a &lt; b &amp; c") && svg.ends_with("</svg>\n") && !svg.contains("NaN"),
                    "{svg}"
                );
                assert_eq!(svg.matches("<rect").count(), 2 + values.iter().flatten().count());
                assert_eq!(drawn.lines().matches("<circle").count(), values.iter().flatten().count());
            }
        }
    }
}
