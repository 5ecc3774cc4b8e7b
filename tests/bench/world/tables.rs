//! The figures as tables that read well on a terminal and in a Markdown page.

use comfy_table::{CellAlignment, Table, presets};

use crate::bars::Bar;
use crate::measures::{Figures, Outcome};

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header.to_vec());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A figure of each policy: ours, one hit, bottom line.
fn each(figures: &Figures, cell: impl Fn(&Outcome) -> String) -> String {
    figures.policies.each_ref().map(cell).join(" · ")
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.1 { format!("{:.1} %", share * 100.0) } else { format!("{:.0} %", share * 100.0) }
}

/// A count with the hours behind it.
fn count(outcome: &Outcome) -> String {
    if outcome.listed == 0 { "0".to_owned() } else { format!("{} ({:.0} h)", outcome.listed, outcome.hours) }
}

fn share(outcome: &Outcome, addresses: usize) -> String {
    percent(outcome.listed as f64 / addresses as f64)
}

fn waits(outcome: &Outcome) -> String {
    let hours = |wait: Option<f64>| wait.map_or("–".to_owned(), |wait| format!("{wait:.1}"));
    format!("{} / {}", hours(outcome.median), hours(outcome.p90))
}

/// How the guilty fare: each cell ours · one hit lists · bottom Received line.
pub(crate) fn guilty(figures: &[Figures]) -> Table {
    let mut table = table(&[
        "guilty",
        "addresses",
        "hits",
        "ever listed",
        "hours to list, median / p90 (ours)",
        "bad time listed",
        "ours in `mixed`",
        "hours listed after",
    ]);
    for figures in figures.iter().filter(|figures| figures.guilty) {
        table.add_row([
            figures.name.clone(),
            figures.addresses.to_string(),
            figures.hits.to_string(),
            each(figures, |outcome| share(outcome, figures.addresses)),
            waits(&figures.policies[0]),
            each(figures, |outcome| percent(outcome.bad_time)),
            percent(figures.mixed.bad_time),
            each(figures, |outcome| format!("{:.0}", outcome.hours_after)),
        ]);
    }
    table
}

/// How the innocent fare: addresses ever listed, with the hours of all together.
pub(crate) fn innocent(figures: &[Figures]) -> Table {
    let mut table = table(&[
        "innocent",
        "addresses",
        "hits",
        "in `spam`",
        "in `mixed`",
        "in `backscatter`",
        "one hit lists",
        "bottom Received line",
    ]);
    for figures in figures.iter().filter(|figures| !figures.guilty) {
        table.add_row([
            figures.name.clone(),
            figures.addresses.to_string(),
            figures.hits.to_string(),
            count(&figures.policies[0]),
            count(&figures.mixed),
            count(&figures.backscatter),
            count(&figures.policies[1]),
            count(&figures.policies[2]),
        ]);
    }
    table
}

/// The bars.
pub(crate) fn bars(bars: &[Bar]) -> Table {
    let mut table = table(&["", "measured", "bar", ""]);
    for bar in bars {
        let verdict = if bar.is_met() { "met" } else { "MISSED" };
        table.add_row([bar.what.as_str(), &bar.measured, &bar.bar, verdict]);
    }
    table
}
