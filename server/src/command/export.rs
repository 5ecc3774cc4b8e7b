//! `firsthand export`: the listings as they are published now, for those who serve them elsewhere.
//!
//! What is published is what the zone holds, so the zone is made here as a starting service makes it: from its snapshot
//! and the journal, through the exemptions. The ledger is read in short looks and never written. What the publisher has not
//! come to yet (a correction that was made while no service runs) takes off here what it will take off there, and adds
//! nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use firsthand_analyzer::address::Origin;
use firsthand_analyzer::score::List;

use super::{CommandError, operator, serve, show};
use crate::cli::ExportArguments;
use crate::config::{self, Settings};
use crate::declared::Declared;
use crate::export::{Export, Format, LeftOut};
use crate::follow::{Follower, Started};
use crate::ledger::Ledger;
use crate::publisher::unix_now;
use crate::zone::{Change, DomainName, ListSettings, Zone};

/// The most removals that have taken effect and not been applied, which are looked for in one go.
const REMOVALS: usize = 100_000;

/// Stands for name servers that a master file cannot name.
const NOBODY: &str = "localhost";

/// Writes the export.
///
/// # Errors
/// When the settings or the ledger cannot be read, a list is not known, or the export cannot be written.
pub fn run(arguments: &ExportArguments) -> Result<(), CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let format = Format::parse(&arguments.format)
        .ok_or_else(|| CommandError::Usage(format!("no format is called {:?}", arguments.format)))?;
    let empty = chosen(&serve::empty_zone(&settings)?, &arguments.list)?;
    let name_servers = name_servers(&arguments.name_server, &empty, format)?;
    let left_out = left_out(&settings, &arguments.list);
    for list in &left_out {
        eprintln!("firsthand: {list}");
    }
    let target = arguments.output.as_deref().map(Target::of).transpose()?;
    let ledger = operator::ledger(&settings)?;
    let now = unix_now();
    let zone = published(&settings, &ledger, empty, now)?;
    let settled = zone.settings();
    let primary = if arguments.name_server.is_empty() { &settled.name_servers } else { &name_servers };
    let bar = show::progress(entries(&zone) as u64, "listings");
    let read = |listings: usize| bar.inc(listings as u64);
    let quiet = |_: usize| ();
    let export = |read| Export {
        zone: &zone,
        name_servers: &name_servers,
        primary: &primary[0],
        left_out: &left_out,
        now: u64::try_from(now).unwrap_or(0),
        read,
    };
    match target {
        Some(target) => {
            let told = io::stderr().is_terminal();
            let written = target.write(|out| export(if told { &read } else { &quiet }).write(format, out));
            bar.finish_and_clear();
            let entries = usize::try_from(written?).unwrap_or(usize::MAX);
            let entries = if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") };
            eprintln!("{}: {entries}, serial {}", target.path.display(), zone.serial());
        }
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            export(&quiet).write(format, &mut out)?;
            out.flush()?;
        }
    }
    Ok(())
}

/// The static lists that the exported zones hold beside what is exported: the combined ones, and without names of lists those
/// that have a zone of their own only.
fn left_out(settings: &Settings, names: &[String]) -> Vec<LeftOut> {
    let shown = |list: &config::ListSettings| {
        let files = list.files.iter().map(|file| file.display().to_string().escape_debug().to_string());
        let (apex, own) = (&settings.zone.name, format!("{}.{}", list.name, settings.zone.name));
        LeftOut {
            list: list.name.clone(),
            files: files.collect::<Vec<_>>().join(", "),
            zones: if list.combined { format!("{apex} (and {own})") } else { own },
        }
    };
    settings.lists.iter().filter(|list| list.combined || names.is_empty()).map(shown).collect()
}

/// How many entries all lists of a zone hold.
fn entries(zone: &Zone) -> usize {
    (0..zone.lists().len()).map(|list| zone.counts(list)).map(|(four, six)| four + six).sum()
}

/// The service's zone with the lists of these names and no other; without names, those of the combined zone. Static lists
/// are none of ours, and stay where their files are.
fn chosen(zone: &Zone, names: &[String]) -> Result<Zone, CommandError> {
    let ours: Vec<&ListSettings> =
        zone.lists().iter().filter(|list| List::parse(list.label.as_str()).is_some()).collect();
    for name in names {
        if !ours.iter().any(|list| list.label.as_str() == name) {
            let known: Vec<&str> = ours.iter().map(|list| list.label.as_str()).collect();
            return Err(CommandError::Usage(format!(
                "no list of ours is called {name:?}; there are {}",
                known.join(", ")
            )));
        }
    }
    let wanted = |list: &&&ListSettings| {
        if names.is_empty() { list.combined } else { names.iter().any(|name| name == list.label.as_str()) }
    };
    let lists = ours.iter().filter(wanted).map(|list| (*list).clone()).collect();
    Zone::empty(zone.settings().clone(), lists).map_err(|error| CommandError::Usage(format!("zone: {error}")))
}

/// The name servers that the export names: those that were typed, else the zone's own.
///
/// A server that lies inside the zone would need its address there, and a zone of listings has none, so that BIND would
/// refuse the whole file: such names are left out of a master file, and the operator is told.
fn name_servers(typed: &[String], zone: &Zone, format: Format) -> Result<Vec<DomainName>, CommandError> {
    let apex = &zone.settings().name;
    let inside = |server: &DomainName| format == Format::Zone && server.before(apex).is_some();
    let mut servers = Vec::with_capacity(typed.len());
    for name in typed {
        let server: DomainName =
            name.parse().map_err(|error| CommandError::Usage(format!("--name-server {name:?}: {error}")))?;
        if inside(&server) {
            return Err(CommandError::Usage(format!(
                "--name-server {name} lies inside {apex}, which holds no address for it, and no server would load that"
            )));
        }
        servers.push(server);
    }
    if !typed.is_empty() {
        return Ok(servers);
    }
    let (left_out, mut servers): (Vec<DomainName>, Vec<DomainName>) =
        zone.settings().name_servers.iter().cloned().partition(inside);
    if !left_out.is_empty() {
        let names: Vec<String> = left_out.iter().map(ToString::to_string).collect();
        let instead = if servers.is_empty() { format!(", and {NOBODY} stands in their place") } else { String::new() };
        eprintln!(
            "firsthand: left out as name servers{instead}: {} (inside {apex}, which holds no address for them); name those \
             that will serve this file with --name-server",
            names.join(", ")
        );
    }
    if servers.is_empty() {
        servers.extend(NOBODY.parse::<DomainName>());
    }
    Ok(servers)
}

/// The zone as it is published at `now` (Unix seconds), in the lists of `empty`.
fn published(settings: &Settings, ledger: &Ledger, empty: Zone, now: i64) -> Result<Zone, CommandError> {
    if !operator::a_service_runs(settings) {
        eprintln!(
            "firsthand: no service runs on {}; this is what it published last, less what was corrected since",
            settings.data.display()
        );
    }
    let declared = Declared::new(settings, ledger, now)?;
    let held = Arc::new(ArcSwap::from_pointee(empty));
    let follower = Follower::start(Arc::clone(&held), declared.exemptions.clone(), ledger, &settings.data, now)?;
    // An export without listings would say that nothing is listed, which is not known.
    let (_, Started::Whole) = follower else {
        return Err(CommandError::TryLater(format!(
            "the snapshot and the journal in {} do not tell what is published; a running service writes a new snapshot \
             within minutes of having proven all its listings",
            settings.data.display()
        )));
    };
    let zone = held.load_full();
    if !declared.publishes && entries(&zone) > 0 {
        // The settings of another service, most likely: an empty copy would take the place of a good one.
        return Err(CommandError::Usage(format!(
            "by these settings nothing is published (shadow mode, or too few traps for a quorum), but {} holds published \
             listings: name its settings with --config; a service that starts with these takes the listings off",
            settings.data.display()
        )));
    }
    let changes = to_come(&zone, ledger, &declared, now)?;
    Ok(zone.with(zone.serial(), &changes))
}

/// What the publisher will take off as soon as it comes to it.
fn to_come(zone: &Zone, ledger: &Ledger, declared: &Declared, now: i64) -> Result<Vec<Change>, CommandError> {
    let mut origins: Vec<Origin> = ledger.unsettled()?;
    let due = ledger.due(now, REMOVALS)?.into_iter();
    origins.extend(due.filter_map(|(listing, origin)| listing.is_none().then_some(origin)));
    let mut changes = Vec::new();
    for origin in origins {
        let published = (0..zone.lists().len()).filter_map(|list| Some((list, zone.end(list, origin)?)));
        let published: Vec<(usize, u64)> = published.collect();
        if published.is_empty() {
            continue;
        }
        let proven = declared.listings(ledger, origin, now)?;
        for (list, end) in published {
            let label = zone.lists()[list].label.as_str();
            let listing = proven.iter().find(|(of, _)| of.name() == label).map(|(_, listing)| listing);
            match listing.and_then(|listing| declared.exemptions.admit(origin, listing.until).ok()) {
                Some(entry) if entry.until() >= end => {}
                Some(entry) => changes.push(Change::List { list, entry }),
                None => changes.push(Change::Delist { list, origin }),
            }
        }
    }
    Ok(changes)
}

/// A file that is there whole or stays as it was.
struct Target {
    path: PathBuf,
}

impl Target {
    /// The file at `path`, or the one that it is a link to.
    fn of(path: &Path) -> Result<Self, CommandError> {
        match fs::metadata(path) {
            Ok(there) if !there.is_file() => Err(CommandError::Usage(format!(
                "--output {}: it is no file, which a whole export could take the place of; without --output the export goes to \
                 standard output",
                path.display()
            ))),
            Ok(_) => {
                let path =
                    fs::canonicalize(path).map_err(|error| CommandError::File { path: path.to_owned(), error })?;
                Ok(Self { path })
            }
            Err(_) => Ok(Self { path: path.to_owned() }),
        }
    }

    /// Writes aside, syncs, renames; what was written aside goes if anything fails.
    fn write(&self, fill: impl FnOnce(&mut dyn Write) -> io::Result<u64>) -> Result<u64, CommandError> {
        let failed = |error| CommandError::File { path: self.path.clone(), error };
        let (Some(name), parent) = (self.path.file_name(), self.path.parent()) else {
            return Err(failed(io::ErrorKind::InvalidFilename.into()));
        };
        let folder = parent.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| CommandError::Usage(format!("no random bytes are to be had: {error}")))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{:016x}", u64::from_ne_bytes(random)));
        let aside = folder.join(hidden);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&aside).map_err(failed)?;
        let placed = fill_and_place(file, &aside, &self.path, fill);
        if placed.is_err() {
            // What is left behind is told by the error that led here.
            let _ = fs::remove_file(&aside);
        }
        let count = placed?;
        File::open(folder).and_then(|folder| folder.sync_all())?;
        Ok(count)
    }
}

fn fill_and_place(
    file: File,
    aside: &Path,
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<u64>,
) -> io::Result<u64> {
    let mut out = BufWriter::new(file);
    let count = fill(&mut out)?;
    let file = out.into_inner()?;
    // Name servers run as users of their own; what DNS tells is no secret, whatever the umask.
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.sync_all()?;
    fs::rename(aside, path)?;
    Ok(count)
}
