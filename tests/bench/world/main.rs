//! What would happen to everybody? Thirty days of mail from the guilty and the innocent, under three policies at once.
//!
//! `cargo bench --bench world`; `-- --seed N`, `-- --days N`, `-- --svg FILE` for the plot, `-- --json` for figures that
//! programs read. Ours judges each message as our relay would have written it and replays each origin's evidence whenever
//! it changes; beside it stand "one hit lists" and "believe the bottom Received line". Exit status 1: we miss a bar.

mod actors;
mod bars;
mod forged;
mod mail;
mod measures;
mod plot;
mod policies;
mod quorum;
mod random;
mod spans;
mod tables;
mod traps;

use std::path::PathBuf;
use std::process::ExitCode;

use actors::{Class, World};
use bars::Bar;
use indicatif::{ProgressBar, ProgressStyle};
use mail::Templates;
use measures::{Figures, POLICIES};
use policies::{Evidence, Listed};

/// What was typed.
struct Arguments {
    seed: u64,
    days: i64,
    svg: Option<PathBuf>,
    json: bool,
}

impl Arguments {
    fn read() -> Self {
        let mut read = Self { seed: 1, days: 30, svg: None, json: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
            match word.as_str() {
                "--seed" => read.seed = value().parse().expect("--seed takes a number"),
                "--days" => read.days = value().parse().expect("--days takes a number"),
                "--svg" => read.svg = Some(value().into()),
                "--json" => read.json = true,
                // Cargo's own.
                "--bench" => {}
                _ => panic!("unknown argument: {word}"),
            }
        }
        read
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let world = World::new(arguments.seed, arguments.days);
    let templates = Templates::read();
    let (flood, others): (Vec<usize>, Vec<usize>) =
        (0..world.actors.len()).partition(|actor| world.actors[*actor].class == Class::Flood);

    let progress = progress("judging", world.actors.len());
    let mut evidence = Evidence::default();
    evidence.take(&world, &templates, &others, &|| progress.inc(1));
    let without_flood = evidence.clone();
    evidence.take(&world, &templates, &flood, &|| progress.inc(1));
    let same = evidence.says_the_same_of_ipv4(&without_flood);
    drop(without_flood);
    progress.finish_and_clear();
    let progress = self::progress("listing", evidence.origins().len());
    let listed = Listed::all(&evidence, &traps::registry(), &|| progress.inc(1));
    progress.finish_and_clear();

    let figures = Figures::all(&world, &listed);
    let bars = bars::all(&figures, &evidence, same);
    if arguments.json {
        let report = serde_json::json!({
            "seed": arguments.seed,
            "days": arguments.days,
            "messages": evidence.judged,
            "policies": POLICIES,
            "classes": figures,
            "bars": bars,
        });
        println!("{report:#}");
    } else {
        println!("{} days, seed {}: {} messages judged\n", arguments.days, arguments.seed, evidence.judged);
        println!("{}\n\n{}\n\n{}", tables::guilty(&figures), tables::innocent(&figures), tables::bars(&bars));
    }
    if let Some(path) = arguments.svg {
        std::fs::write(&path, plot::svg(&figures, arguments.days))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    if bars.iter().all(Bar::is_met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn progress(what: &'static str, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}").expect("a template that is right");
    // Nothing is drawn where standard error is no terminal.
    ProgressBar::new(length as u64).with_style(style).with_message(what)
}
