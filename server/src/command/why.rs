//! `firsthand why ADDRESS`: the listing, score, witnesses and proof for an address; who framed it.
//!
//! It reads the ledger and the files of the static lists itself, so it answers beside a running service and without one.
//! A file is shown as it is now: a service that refuses it goes on with what it took before.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firsthand_analyzer::address::{Origin, parse_address};
use firsthand_analyzer::evidence::HOUR;
use firsthand_analyzer::listing::{Listing, Removal, visible};
use firsthand_analyzer::nature::Cause;
use firsthand_analyzer::received::Source;
use firsthand_analyzer::score::{List, Score, score};
use firsthand_analyzer::verdict::{ProofLine, one_line};
use serde::Serialize;
use serde_json::json;

use super::{CommandError, NO, serve, show};
use crate::cli::WhyArguments;
use crate::config::Settings;
use crate::declared::Declared;
use crate::intake::KeptLine;
use crate::ledger::{Change, Framed, Kept, Ledger};
use crate::lists;
use crate::publisher::unix_now;
use crate::web::{FileEntry, in_files, time};
use crate::zone::{Code, Prefix};

/// The most facts whose proof is shown.
const PROOFS: usize = 20;

/// Everything that is known of an origin.
struct Known {
    origin: Origin,
    listings: Vec<(Change, Option<i64>)>,
    /// What stands against it, in each list.
    scores: Vec<(List, Score)>,
    /// Why it reflects, and how many samples say so.
    causes: Vec<(Cause, u64)>,
    exemption: Option<String>,
    /// How many samples about it count for nothing because they were withdrawn.
    withdrawn: u64,
    /// Who had it taken off, and when that takes effect.
    removals: Vec<Removal>,
    /// What its evidence makes now, published or not.
    wanted: Vec<(List, Listing)>,
    facts: Vec<Kept>,
    /// The static lists that hold it, or may.
    in_files: Vec<InFiles>,
}

/// What one static list says of an address; those that do not hold it are not among them.
struct InFiles {
    list: String,
    files: Vec<PathBuf>,
    /// The zones that hold what it says.
    zones: String,
    combined: bool,
    says: Says,
}

enum Says {
    /// Its values with their texts.
    Entries(Vec<FileEntry>),
    /// It holds addresses of the /64 that was asked about.
    Part,
    /// The first reason why its files would not be taken.
    Unknown(String),
}

/// One trusted line, as it is shown.
#[derive(Serialize)]
struct ShownLine {
    line: String,
    dialect: String,
    rule: String,
    /// What it states: an address, or a local step.
    states: String,
    /// Whether today's grammar reads the same bytes in the same way; if not, how.
    replay: Replay,
    /// Whether it stands in the abuse report that brought the message.
    of_report: bool,
    /// The exact bytes, in base64.
    bytes: String,
}

/// What replaying a trusted line tells.
#[derive(Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Replay {
    /// It is read today as it was then.
    Same,
    /// It is read otherwise.
    Otherwise(String),
}

/// Prints what is known.
///
/// # Errors
/// When the settings or the ledger cannot be read.
pub fn run(arguments: &WhyArguments) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let ledger = Ledger::look(&settings.data)?;
    let declared = Declared::new(&settings, &ledger, unix_now())?;
    let name = arguments.address.trim().trim_end_matches('.').to_ascii_lowercase();
    let address = parse_address(&name);
    if address.is_none() && Origin::parse(&name).is_none() && !could_be_a_name(&name) {
        return Err(CommandError::Usage(format!(
            "{:?} is no address and no host name; write 192.0.2.1, 2001:db8::1 or mail.victim.example",
            arguments.address
        )));
    }
    let framed = ledger.framed(&address.map_or(name.clone(), |address| address.to_string()))?;
    let known = match address.map(Origin::from).or_else(|| Origin::parse(&name)) {
        // Whoever asks for the proof asks about evidence.
        Some(origin) if arguments.proof && !arguments.json => Some(known(origin, &ledger, &declared, Vec::new())?),
        Some(origin) => Some(known(origin, &ledger, &declared, static_lists(&settings, &declared, origin, address)?)?),
        None => None,
    };
    // Whoever asks for the proof asks whether it still holds.
    let holds = !arguments.proof || known.as_ref().is_none_or(replays);
    let status = if holds { ExitCode::SUCCESS } else { ExitCode::from(NO) };
    let mut output = io::stdout().lock();
    if arguments.json {
        let shown = address.map_or(name, |address| address.to_string());
        writeln!(output, "{}", as_json(&shown, known.as_ref(), framed, &declared))?;
        return Ok(status);
    }
    if arguments.proof {
        match &known {
            Some(known) => write!(output, "{}", proof_text(known))?,
            None => writeln!(output, "{} is a name; only addresses are proven.", name.escape_debug())?,
        }
        return Ok(status);
    }
    match &known {
        Some(known) => write!(output, "{}", as_text(known, &declared))?,
        None => writeln!(output, "{} is a name; names are never listed, only addresses.", name.escape_debug())?,
    }
    match framed {
        Some(framed) => writeln!(output, "{}", framed_text(&name, address, &framed))?,
        None if known.is_none() => writeln!(output, "No sample names it.")?,
        None => {}
    }
    Ok(status)
}

fn known(origin: Origin, ledger: &Ledger, declared: &Declared, in_files: Vec<InFiles>) -> Result<Known, CommandError> {
    let now = unix_now();
    let removals = ledger.removals(origin, now)?;
    let units = visible(ledger.units(origin)?, &removals, now);
    Ok(Known {
        origin,
        listings: ledger.listings(origin)?,
        scores: List::ALL.map(|list| (list, score(&units, list, &declared.registry, &declared.policy, now))).to_vec(),
        causes: declared.causes(ledger, origin, now)?,
        exemption: declared.exemptions.covering(origin).map(|exemption| exemption.to_string()),
        wanted: declared.listings(ledger, origin, now)?,
        withdrawn: ledger.withdrawn(origin)?,
        removals,
        facts: ledger.facts(origin, PROOFS)?,
        in_files,
    })
}

/// What the files of the static lists say of an address, or of the /64 that was asked about, as the service would read them.
fn static_lists(
    settings: &Settings,
    declared: &Declared,
    origin: Origin,
    address: Option<IpAddr>,
) -> Result<Vec<InFiles>, CommandError> {
    let (empty, now) = (serve::empty_zone(settings)?, u64::try_from(unix_now()).unwrap_or(0));
    let mut found = Vec::new();
    for (list, index) in settings.lists.iter().zip(List::ALL.len()..) {
        let code = Code::try_from(list.code).map_err(|error| CommandError::Usage(error.to_string()))?;
        let says = match lists::read(&list.files, list.format, code, &declared.exemptions, now) {
            Err(refusal) => Says::Unknown(refusal.mistakes.first().map_or_else(String::new, ToString::to_string)),
            Ok(read) if read.fixed.expires().is_some_and(|last| last < now) => {
                Says::Unknown("it has expired, as its $TIMESTAMP says".to_owned())
            }
            Ok(read) => match (address, origin) {
                (Some(address), _) => {
                    Says::Entries(in_files(&empty.with_file(index, Arc::new(read.fixed)), address, now))
                }
                (None, Origin::V6(upper)) => {
                    match read.fixed.any(Prefix::V6 { bits: u128::from(upper) << 64, nibbles: 16 }) {
                        true => Says::Part,
                        false => continue,
                    }
                }
                (None, Origin::V4(_)) => continue,
            },
        };
        if matches!(&says, Says::Entries(entries) if entries.is_empty()) {
            continue;
        }
        let (zone, name) = (&settings.zone.name, &list.name);
        let zones = if list.combined { format!("{name}.{zone} and {zone}") } else { format!("{name}.{zone} only") };
        found.push(InFiles { list: name.clone(), files: list.files.clone(), zones, combined: list.combined, says });
    }
    Ok(found)
}

fn as_text(known: &Known, declared: &Declared) -> String {
    let Known { origin, listings, exemption, .. } = known;
    let mut out = String::new();
    let now = unix_now();
    let standing: Vec<_> = listings.iter().filter(|(change, ended)| ended.is_none() && change.until > now).collect();
    for (change, _) in &standing {
        out += &format!(
            "{origin} is listed in {} since the hour of {}, until {} unless new evidence comes.\n",
            change.list,
            time(change.since),
            time(change.until)
        );
        out += match List::parse(&change.list) {
            Some(List::Backscatter) => "  (for use on the null sender only: it answers people who never wrote)\n",
            Some(List::Mixed) => "  (for scoring, never for blocking)\n",
            Some(List::Spam) | None => "",
        };
    }
    match (standing.is_empty(), known.in_files.is_empty()) {
        (true, true) => out += &format!("{origin} is not listed.\n"),
        (true, false) => out += &format!("{origin} is not listed by evidence.\n"),
        (false, _) => {}
    }
    out += &files_text(&known.in_files);
    for (change, ended) in listings {
        if let Some(ended) = ended {
            out += &format!("It was listed in {} from {} to {}.\n", change.list, time(change.since), time(*ended));
        }
    }
    for (list, listing) in
        known.wanted.iter().filter(|(list, _)| standing.iter().all(|(change, _)| change.list != list.name()))
    {
        out += &format!(
            "Its evidence would list it in {} until {}, but for what is said below, or the brake.\n",
            list.name(),
            time(listing.until)
        );
    }
    if let Some(cost) = standing.iter().map(|(change, _)| change.framing_cost).min() {
        out += &format!("Framing cost {cost}: the evidence of so many traps would have to go for it to fall.\n");
    }
    if known.withdrawn > 0 {
        let plural = if known.withdrawn == 1 { "sample" } else { "samples" };
        out += &format!(
            "{} {plural} about it were withdrawn and count for nothing; see `firsthand retract --list`.\n",
            known.withdrawn
        );
    }
    for removal in &known.removals {
        let tense = if removal.effective <= now { "took" } else { "takes" };
        out += &format!(
            "That it be taken off was asked or ordered at {}, which {tense} effect at {}: what came before the asking is hidden.\n",
            time(removal.asked),
            time(removal.effective)
        );
    }
    if let Some(exemption) = exemption {
        out += &format!("It is exempt and never in the zone: {exemption}.\n");
    }
    if !declared.publishes {
        out += "This installation publishes nothing from evidence (shadow mode, or too few traps for its quorum).\n";
    }
    if known.scores.iter().all(|(_, score)| score.witnesses.is_empty()) {
        out += "No evidence counts against it.\n";
        return out + &causes_text(known);
    }
    let spam = &known.scores[0].1;
    for (list, score) in &known.scores {
        // What stands in spam stands in mixed too; it is shown where it tells more.
        if !score.witnesses.is_empty() && (*list != List::Mixed || score.witnesses != spam.witnesses) {
            out += &score_text(*list, score, declared);
        }
    }
    out += &causes_text(known);
    out + &facts_text(&known.facts)
}

/// What the static lists say.
fn files_text(lists: &[InFiles]) -> String {
    let mut out = String::new();
    for InFiles { list, files, zones, says, .. } in lists {
        let files = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
        out += &match says {
            Says::Entries(entries) => {
                let entry = |entry: &FileEntry| format!("  {}: {:?}\n", entry.code, entry.text);
                let entries: String = entries.iter().map(entry).collect();
                format!("The static list {list} ({files}) holds it, in {zones}:\n{entries}")
            }
            Says::Part => {
                format!(
                    "The static list {list} ({files}) holds addresses of this /64, in {zones}: ask for one of them.\n"
                )
            }
            Says::Unknown(why) => format!(
                "Whether the static list {list} holds it is not known: {why}. A running service goes on with what it took \
                 before; if that is nothing, names in {zones} that no other list holds are SERVFAIL.\n"
            ),
        };
    }
    out
}

fn score_text(list: List, score: &Score, declared: &Declared) -> String {
    let policy = &declared.policy;
    let mut out = format!(
        "In {}: score {:.2} from {} traps over {} trap domains; a listing begins at {:.2} with {} traps over {} domains and ends below {:.2}.\n",
        list.name(),
        score.value,
        score.traps,
        score.domains,
        policy.list_at,
        policy.traps,
        policy.trap_domains,
        policy.delist_at
    );
    if score.wanted > 0.0 {
        out += &format!(
            "  People wanted its mail: {:.2} of them, weighed by age; in spam it needs a score of at least half of that.\n",
            score.wanted
        );
    }
    let mut table = show::table(&["trap", "tier", "feed", "newest hour", "samples", "weight"]);
    for witness in &score.witnesses {
        table.add_row(vec![
            witness.trap.clone(),
            witness.tier.name().to_owned(),
            match declared.registry.weight(&witness.feed) {
                1.0 => witness.feed.clone(),
                weight => format!("{} (weight {weight})", witness.feed),
            },
            time(witness.newest * HOUR),
            witness.samples.to_string(),
            format!("{:.2}", witness.weight),
        ]);
    }
    out += &format!("{table}\n");
    out
}

/// The width of paragraphs, in characters.
const WIDTH: usize = 78;

/// Why the server reflects, and what its administrator should change.
fn causes_text(known: &Known) -> String {
    let mut out = String::new();
    for (cause, samples) in &known.causes {
        let plural = if *samples == 1 { "sample" } else { "samples" };
        out += &format!("Why it answers people who never wrote: {} ({samples} {plural}).\n", cause.name());
        out += &wrapped(cause.paragraph(), "  ");
        for (mta, what) in cause.mends() {
            out += &wrapped(&format!("{mta}: {what}."), "  - ");
        }
    }
    out
}

/// A paragraph behind `mark`, its lines no longer than [`WIDTH`] where words allow it.
fn wrapped(text: &str, mark: &str) -> String {
    let (mut out, mut line) = (String::new(), mark.to_owned());
    for word in text.split(' ') {
        if line.trim().len() > 1 && line.chars().count() + word.chars().count() >= WIDTH {
            out += line.trim_end();
            out.push('\n');
            line = " ".repeat(mark.len());
        }
        line += word;
        line.push(' ');
    }
    out + line.trim_end() + "\n"
}

fn facts_text(facts: &[Kept]) -> String {
    let mut out = "Proof, the lines that our relays wrote, newest sample first:\n".to_owned();
    for fact in facts.iter().filter(|fact| fact.counted) {
        out += &format!(
            "  sample {} at {}, {}, trap {}\n",
            &fact.sample[..16],
            time(fact.arrived / 1000),
            fact.nature,
            fact.trap
        );
        for line in proof_lines(fact) {
            let place = if line.of_report { "of the report: " } else { "" };
            out += &format!("    {place}{} ({}: {})\n", line.line, line.dialect, line.rule);
            if let Replay::Otherwise(how) = &line.replay {
                out += &format!("    READ OTHERWISE TODAY: {how}\n");
            }
        }
    }
    out
}

fn framed_text(name: &str, address: Option<IpAddr>, framed: &Framed) -> String {
    let samples = if framed.samples == 1 { "1 sample".to_owned() } else { format!("{} samples", framed.samples) };
    let whom = address.map_or_else(|| name.escape_debug().to_string(), |address| address.to_string());
    format!(
        "{whom} was framed: {samples} named it in lines that the sender wrote, the first at {}, the newest at {}. None of that counts against it.",
        time(framed.since / 1000),
        time(framed.newest / 1000)
    )
}

fn as_json(shown: &str, known: Option<&Known>, framed: Option<Framed>, declared: &Declared) -> serde_json::Value {
    let framed = framed.map(|framed| {
        json!({ "samples": framed.samples, "since": time(framed.since / 1000), "newest": time(framed.newest / 1000) })
    });
    let Some(Known { origin, listings, scores, causes, exemption, removals, withdrawn, wanted, facts, in_files }) =
        known
    else {
        return json!({ "address": shown, "framed": framed });
    };
    let listing = |(change, ended): &(Change, Option<i64>)| json!({ "list": change.list, "since": time(change.since), "until": time(change.until), "ended": ended.map(time), "framing_cost": change.framing_cost });
    let now = unix_now();
    let spam = score_json(&scores[0].1);
    let standing = listings.iter().filter(|(change, ended)| ended.is_none() && change.until > now);
    let listed_in: Vec<&str> = standing.map(|(change, _)| change.list.as_str()).collect();
    json!({
        "address": shown,
        "origin": origin.to_string(),
        // Whether its mail may be refused; what else it is in says `listed_in`.
        "listed": listed_in.contains(&List::Spam.name()),
        "listed_in": listed_in,
        "listings": listings.iter().map(listing).collect::<Vec<_>>(),
        // Not in `listed_in`, which is what evidence says.
        "static_lists": in_files.iter().flat_map(files_json).collect::<Vec<_>>(),
        "static_lists_unknown": in_files.iter().filter_map(unknown_json).collect::<Vec<_>>(),
        "published": declared.publishes,
        "exempt": exemption,
        "evidence_lists_in": wanted.iter().map(|(list, listing)| json!({ "list": list.name(), "until": time(listing.until), "framing_cost": listing.framing_cost })).collect::<Vec<_>>(),
        "withdrawn": withdrawn,
        "removals": removals.iter().map(|removal| json!({ "asked": time(removal.asked), "effective": time(removal.effective) })).collect::<Vec<_>>(),
        "score": spam["score"],
        "traps": spam["traps"],
        "trap_domains": spam["trap_domains"],
        "witnesses": spam["witnesses"],
        "lists": scores.iter().map(|(list, score)| (list.name().to_owned(), score_json(score))).collect::<serde_json::Map<_, _>>(),
        "causes": causes.iter().map(|(cause, samples)| json!({
            "cause": cause.name(),
            "samples": samples,
            "text": cause.paragraph(),
            "mends": cause.mends().iter().map(|(mta, what)| ((*mta).to_owned(), json!(what))).collect::<serde_json::Map<_, _>>(),
        })).collect::<Vec<_>>(),
        "framed": framed,
        "proof": facts.iter().map(|fact| json!({
            "sample": fact.sample,
            "arrived": time(fact.arrived / 1000),
            "feed": fact.feed,
            "trap": fact.trap,
            "nature": fact.nature,
            "counted": fact.counted,
            "lines": proof_lines(fact),
        })).collect::<Vec<_>>(),
    })
}

/// The entries of one static list; of a /64 that it holds in part, one without a value.
fn files_json(InFiles { list, files, combined, says, .. }: &InFiles) -> Vec<serde_json::Value> {
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let entry = |entry: Option<&FileEntry>| {
        json!({
            "list": list,
            "code": entry.map(|entry| entry.code),
            "text": entry.map(|entry| &entry.text),
            "combined": combined,
            "files": files,
        })
    };
    match says {
        Says::Entries(entries) => entries.iter().map(|said| entry(Some(said))).collect(),
        Says::Part => vec![entry(None)],
        Says::Unknown(_) => Vec::new(),
    }
}

fn unknown_json(InFiles { list, combined, says, .. }: &InFiles) -> Option<serde_json::Value> {
    match says {
        Says::Unknown(why) => Some(json!({ "list": list, "combined": combined, "why": why })),
        Says::Entries(_) | Says::Part => None,
    }
}

/// Whether a text could be a host name that somebody was framed by; a mistyped address or a network could not.
fn could_be_a_name(text: &str) -> bool {
    text.contains(char::is_alphabetic) && !text.contains(['/', ':'])
}

fn score_json(score: &Score) -> serde_json::Value {
    json!({
        // No evidence sums up to -0.
        "score": score.value + 0.0,
        "traps": score.traps,
        "trap_domains": score.domains,
        "wanted": score.wanted + 0.0,
        "witnesses": score.witnesses.iter().map(|witness| json!({
            "trap": witness.trap,
            "tier": witness.tier.name(),
            "feed": witness.feed,
            "newest": time(witness.newest * HOUR),
            "samples": witness.samples,
            "weight": witness.weight,
        })).collect::<Vec<_>>(),
    })
}

fn proof_lines(fact: &Kept) -> Vec<ShownLine> {
    let kept: Vec<KeptLine> = serde_json::from_str(&fact.proof).unwrap_or_default();
    kept.iter().filter_map(KeptLine::proof_line).map(|line| shown_line(&line)).collect()
}

fn shown_line(line: &ProofLine) -> ShownLine {
    let replay = match line.replay() {
        Some(read) if read == line.read => Replay::Same,
        Some(read) => Replay::Otherwise(format!(
            "today it states {}, by {} ({}: {})",
            states(read.source),
            read.by,
            read.dialect.name(),
            read.rule
        )),
        None => Replay::Otherwise("today it proves nothing".to_owned()),
    };
    ShownLine {
        line: one_line(&line.bytes, usize::MAX),
        dialect: line.read.dialect.name().to_owned(),
        rule: line.read.rule.clone(),
        states: states(line.read.source),
        replay,
        of_report: line.of_report,
        bytes: STANDARD.encode(&line.bytes),
    }
}

fn states(source: Source) -> String {
    match source {
        Source::Peer(peer) => peer.to_string(),
        Source::Handover(step) => step.name().to_owned(),
        Source::Continued => "that the next line is the same relay's".to_owned(),
        Source::Unstated => "no peer".to_owned(),
    }
}

/// The stored lines of every counted fact, bit for bit, and whether each is read today as it was then.
fn proof_text(known: &Known) -> String {
    let mut out = String::new();
    for fact in known.facts.iter().filter(|fact| fact.counted) {
        out +=
            &format!("sample {} at {}, {}, trap {}\n", fact.sample, time(fact.arrived / 1000), fact.nature, fact.trap);
        let kept: Vec<KeptLine> = serde_json::from_str(&fact.proof).unwrap_or_default();
        let (mut report, mut message) = (0, 0);
        for line in kept.iter().filter_map(KeptLine::proof_line) {
            let shown = shown_line(&line);
            let number = if line.of_report { &mut report } else { &mut message };
            *number += 1;
            out += &format!(
                "  line {}{}, by {}: states {} ({}: {})\n",
                number,
                if line.of_report { " of the report" } else { "" },
                line.read.by,
                shown.states,
                shown.dialect,
                shown.rule
            );
            for physical in line.bytes.split(|byte| *byte == b'\n') {
                out += &format!(
                    "    | {}\n",
                    physical.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'")
                );
            }
            out += &match shown.replay {
                Replay::Same => "    read the same today\n".to_owned(),
                Replay::Otherwise(how) => format!("    READ OTHERWISE TODAY: {how}\n"),
            };
        }
    }
    if out.is_empty() {
        out = format!("No fact that counts is kept about {}.\n", known.origin);
    }
    out
}

/// Whether every line of every counted fact is read today as it was then.
fn replays(known: &Known) -> bool {
    known.facts.iter().filter(|fact| fact.counted).flat_map(proof_lines).all(|line| line.replay == Replay::Same)
}
