//! The figures as a plot in SVG: how much of the guilty's time each policy lists, and which innocents it lists.
//!
//! Written by hand, since a plot needs little: plain text, a white ground for pages of either colour, and marks that
//! differ in shape as well as in colour.

use std::fmt::Write;

use crate::actors::Class;
use crate::measures::{Figures, POLICIES};

const WIDTH: usize = 1000;
const HEIGHT: usize = 500;

/// Of each policy; they differ in brightness, too.
const COLOURS: [&str; 3] = ["#0b5cad", "#e07b00", "#8a8f98"];
const DASHES: [&str; 3] = ["none", "7 4", "2 4"];

/// A stretch of the plot.
struct Panel {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

const LEFT: Panel = Panel { left: 64.0, right: 404.0, top: 110.0, bottom: 420.0 };
const RIGHT: Panel = Panel { left: 710.0, right: 945.0, top: 110.0, bottom: 420.0 };

impl Panel {
    fn x(&self, share: f64) -> f64 {
        self.left + (self.right - self.left) * share
    }

    fn y(&self, share: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * share
    }
}

/// The whole plot.
pub(crate) fn svg(figures: &[Figures], days: i64) -> String {
    let mut out = String::new();
    frame(&mut out, figures, days)
        .and_then(|()| bad_time(&mut out, figures))
        .and_then(|()| innocents(&mut out, figures))
        .expect("a string takes all");
    out + "</svg>\n"
}

fn frame(out: &mut String, figures: &[Figures], days: i64) -> std::fmt::Result {
    let listed = |policy: usize| {
        let innocent = figures.iter().filter(|figures| !figures.guilty);
        innocent.map(|figures| figures.policies[policy].listed).sum::<usize>()
    };
    let all: usize = figures.iter().filter(|figures| !figures.guilty).map(|figures| figures.addresses).sum();
    let busiest = figures.iter().rfind(|figures| matches!(figures.class, Class::Bot(_)));
    let busiest = busiest.map_or([0.0; 3], |figures| figures.policies.map(|outcome| outcome.bad_time * 100.0));
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"title desc\" \
         font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\" font-size=\"13\" fill=\"#1f2328\">\n\
         <title id=\"title\">{days} simulated days under three listing policies</title>\n\
         <desc id=\"desc\">Left: the share of a bot's time in which it is listed, against its hits a day at our traps. \
         Of the busiest bots' time Firsthand lists {:.0} %, \"one hit lists\" {:.0} %, and believing the bottom Received \
         line {:.0} %. Right: innocent addresses listed, by scenario. Of {all}, Firsthand lists {} in spam, \
         \"one hit lists\" {}, and believing the bottom Received line {}.</desc>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>",
        busiest[0],
        busiest[1],
        busiest[2],
        listed(0),
        listed(1),
        listed(2)
    )?;
    for (policy, name) in POLICIES.iter().enumerate() {
        let x = 64.0 + [0.0, 150.0, 320.0][policy];
        line(out, policy, &[(x, 30.0), (x + 36.0, 30.0)])?;
        mark(out, policy, x + 18.0, 30.0)?;
        text(out, x + 44.0, 34.5, "start", name)?;
    }
    Ok(())
}

/// The left panel.
fn bad_time(out: &mut String, figures: &[Figures]) -> std::fmt::Result {
    heading(out, 64.0, "Bad time listed", "of a bot’s time, the share in which it is listed")?;
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        rule(out, (LEFT.left, LEFT.y(share)), (LEFT.right, LEFT.y(share)))?;
        text(out, LEFT.left - 8.0, LEFT.y(share) + 4.5, "end", &format!("{:.0} %", share * 100.0))?;
    }
    let bots: Vec<(u32, &Figures)> = figures
        .iter()
        .filter_map(|figures| if let Class::Bot(rate) = figures.class { Some((rate, figures)) } else { None })
        .collect();
    // Hits a day on a logarithmic scale, with a little room at both ends.
    let most = f64::from(bots.iter().map(|(rate, _)| *rate).max().unwrap_or(1)).max(2.0).ln();
    let x = |rate: u32| LEFT.x(0.03 + 0.94 * f64::from(rate).ln() / most);
    for (rate, _) in &bots {
        rule(out, (x(*rate), LEFT.bottom), (x(*rate), LEFT.bottom + 5.0))?;
        text(out, x(*rate), LEFT.bottom + 20.0, "middle", &rate.to_string())?;
    }
    text(out, LEFT.x(0.5), LEFT.bottom + 44.0, "middle", "hits a day at our traps")?;
    // Ours last, so that it lies on top.
    for policy in [2, 1, 0] {
        let points: Vec<(f64, f64)> =
            bots.iter().map(|(rate, figures)| (x(*rate), LEFT.y(figures.policies[policy].bad_time))).collect();
        line(out, policy, &points)?;
        for (x, y) in points {
            mark(out, policy, x, y)?;
        }
    }
    Ok(())
}

/// The right panel.
fn innocents(out: &mut String, figures: &[Figures]) -> std::fmt::Result {
    heading(out, 484.0, "Innocents listed", "of each scenario’s addresses, the share that is ever listed")?;
    let innocent: Vec<&Figures> = figures.iter().filter(|figures| !figures.guilty).collect();
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        rule(out, (RIGHT.x(share), RIGHT.top), (RIGHT.x(share), RIGHT.bottom))?;
        text(out, RIGHT.x(share), RIGHT.bottom + 20.0, "middle", &format!("{:.0} %", share * 100.0))?;
    }
    text(out, RIGHT.x(0.5), RIGHT.bottom + 44.0, "middle", "share of its addresses, and how many")?;
    let height = (RIGHT.bottom - RIGHT.top) / innocent.len() as f64;
    let bar = (height - 6.0) / 3.0;
    for (row, figures) in innocent.into_iter().enumerate() {
        let top = RIGHT.top + height * row as f64 + 3.0;
        let name = format!("{} ({})", figures.name, figures.addresses);
        text(out, RIGHT.left - 8.0, top + bar * 1.5 + 4.5, "end", &name)?;
        for (policy, outcome) in figures.policies.iter().enumerate() {
            let end = RIGHT.x(outcome.listed as f64 / figures.addresses as f64);
            let y = top + bar * policy as f64;
            writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                RIGHT.left,
                (end - RIGHT.left).max(1.5),
                bar - 1.0,
                COLOURS[policy]
            )?;
            writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"9.5\" fill=\"#1f2328\">{}</text>",
                end + 4.0,
                y + bar * 0.5 + 3.0,
                outcome.listed
            )?;
        }
    }
    Ok(())
}

fn heading(out: &mut String, x: f64, heading: &str, below: &str) -> std::fmt::Result {
    writeln!(out, "<text x=\"{x}\" y=\"70\" font-size=\"17\" font-weight=\"600\">{heading}</text>")?;
    writeln!(out, "<text x=\"{x}\" y=\"90\" fill=\"#59636e\">{below}</text>")
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) -> std::fmt::Result {
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>")
}

fn rule(out: &mut String, from: (f64, f64), to: (f64, f64)) -> std::fmt::Result {
    let ((x1, y1), (x2, y2)) = (from, to);
    writeln!(out, "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#d1d9e0\"/>")
}

fn line(out: &mut String, policy: usize, points: &[(f64, f64)]) -> std::fmt::Result {
    let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let (colour, dashes) = (COLOURS[policy], DASHES[policy]);
    writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-dasharray=\"{dashes}\"/>",
        points.join(" ")
    )
}

/// A circle, a square, a triangle.
fn mark(out: &mut String, policy: usize, x: f64, y: f64) -> std::fmt::Result {
    let colour = COLOURS[policy];
    let rim = "stroke=\"#ffffff\" stroke-width=\"1.2\"";
    match policy {
        0 => writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5.5\" fill=\"{colour}\" {rim}/>"),
        1 => {
            let (left, top) = (x - 5.0, y - 5.0);
            writeln!(out, "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"10\" height=\"10\" fill=\"{colour}\" {rim}/>")
        }
        _ => {
            let (left, right, top, bottom) = (x - 6.0, x + 6.0, y - 6.5, y + 4.5);
            writeln!(
                out,
                "<polygon points=\"{x:.1},{top:.1} {left:.1},{bottom:.1} {right:.1},{bottom:.1}\" fill=\"{colour}\" {rim}/>"
            )
        }
    }
}
