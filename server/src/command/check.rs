//! `firsthand check`: validates the settings, and holds them to samples of real mail.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use firsthand_analyzer::address::is_special_purpose;
use firsthand_analyzer::listing::Exemptions;
use firsthand_analyzer::received::Dialect;
use firsthand_analyzer::survey::{Host, Misfit, Survey};
use firsthand_analyzer::topology::Topology;
use indicatif::{ProgressBar, ProgressStyle};
use nix::unistd::{AccessFlags, Group, access, getegid, geteuid, getgroups};

use super::serve::empty_zone;
use super::{CommandError, NO, show};
use crate::cli::CheckArguments;
use crate::config::{ChannelSettings, IntakeSettings, ListenAddress, Settings};
use crate::declared::{Declared, topology_of};
use crate::intake::files::{Found, Split, for_each_message};
use crate::ledger::access::mend_of_folder;
use crate::lists;
use crate::publisher::unix_now;
use crate::zone::{Code, KeptOut};

/// Prints what the settings say, or every mistake in them; with samples, where the mail does not fit them.
///
/// # Errors
/// The mistakes.
pub fn run(arguments: &CheckArguments) -> Result<ExitCode, CommandError> {
    let loaded = Settings::load(arguments.config.as_deref())?;
    // Whoever has no settings yet and asks what the mail shows needs no warnings about the defaults.
    if arguments.config.is_some() || arguments.samples.is_empty() {
        for warning in &loaded.warnings {
            eprintln!("{warning}");
        }
    }
    let mut output = io::stdout().lock();
    if arguments.print {
        write!(output, "{}", loaded.settings.to_toml())?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = &loaded.settings;
    if !arguments.samples.is_empty() {
        let feed = feed(settings, arguments.feed.as_deref())?;
        let topology = feed.as_deref().and_then(|feed| topology_of(settings, feed));
        let survey = survey(arguments, topology.as_ref())?;
        return report(&survey, feed.as_deref(), &mut output);
    }
    let name = arguments.config.as_ref().map_or("the defaults".to_owned(), |path| path.display().to_string());
    writeln!(
        output,
        "{name}: good; zone {}, {} relays, {} feeds, {} traps, {} exemptions, {} warnings",
        settings.zone.name,
        settings.relays.len(),
        settings.feeds.len(),
        settings.traps.len(),
        settings.exemptions.len(),
        loaded.warnings.len()
    )?;
    if let Some(flaw) = flaw_of_data(&settings.data) {
        eprintln!("{name}: data: {flaw}; {}", mend_of_folder(&settings.data));
    }
    for flaw in settings.intakes.iter().flat_map(flaws_of_intake) {
        eprintln!("{name}: {flaw}");
    }
    check_lists(settings, &mut output)
}

/// What would keep a service of this user from its data folder, as far as that is to be seen without making it.
fn flaw_of_data(data: &Path) -> Option<String> {
    let there = data.ancestors().find(|folder| folder.symlink_metadata().is_ok());
    let there = there.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !there.is_dir() {
        return Some(format!("{} is no folder", there.display()));
    }
    let denied = access(there, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
    Some(format!("this user cannot write to {}: {}", there.display(), denied.desc()))
}

/// What an `[[intake]]` would miss on this machine, as far as this user can see it: the folders of its sockets, their group,
/// a Maildir.
fn flaws_of_intake(intake: &IntakeSettings) -> Vec<String> {
    let mut flaws = Vec::new();
    let may = |folder: &Path, what: AccessFlags| access(folder, what | AccessFlags::X_OK).err();
    for listen in intake.channel.listen() {
        let ListenAddress::Unix(path) = listen else { continue };
        let folder = path.parent().unwrap_or(path);
        let shown = folder.display();
        if !folder.is_dir() {
            flaws.push(format!(
                "intake.listen: there is no folder {shown} for \"{listen}\"; make it for the service's user (the unit in deploy/systemd makes /run/firsthand at its start)"
            ));
        } else if let Some(denied) = may(folder, AccessFlags::W_OK) {
            flaws.push(format!(
                "intake.listen: this user cannot make \"{listen}\": {shown}: {}; let the service's user write there",
                denied.desc()
            ));
        }
    }
    if let Some(name) = intake.channel.socket_group() {
        let own = |group: &Group| {
            let groups = getgroups().unwrap_or_default();
            geteuid().is_root() || getegid() == group.gid || groups.contains(&group.gid)
        };
        match Group::from_name(name) {
            Ok(None) => flaws.push(format!(
                "intake.socket-group: there is no group {name:?} on this machine; write one that the MTA's user is in"
            )),
            Ok(Some(group)) if !own(&group) => flaws.push(format!(
                "intake.socket-group: this user is not in the group {name:?}, and cannot give a socket to it; the service's user must be (in the unit: SupplementaryGroups={name})"
            )),
            _ => {}
        }
    }
    if let ChannelSettings::Maildir(maildir) = &intake.channel {
        for folder in ["new", "cur"].map(|name| maildir.path.join(name)) {
            let shown = folder.display();
            let rights = AccessFlags::R_OK | AccessFlags::W_OK;
            if let Some(denied) = may(&folder, rights) {
                flaws.push(format!(
                    "intake.path: this user cannot take messages from {shown}: {}; the service's user must be able to read and to write there",
                    denied.desc()
                ));
            }
        }
    }
    flaws
}

/// Reads the static lists and says what they list; exit status 1 where a file would not be taken.
fn check_lists(settings: &Settings, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    let exemptions = Exemptions::standard(Declared::declared_exemptions(settings));
    let now = u64::try_from(unix_now()).unwrap_or_default();
    let all = empty_zone(settings)?.lists().to_vec();
    let mut status = ExitCode::SUCCESS;
    for list in &settings.lists {
        let name = &list.name;
        let code = Code::try_from(list.code).map_err(|error| CommandError::Usage(error.to_string()))?;
        match lists::read(&list.files, list.format, code, &exemptions, now) {
            Ok(read) => {
                let (addresses, networks) = read.fixed.counts();
                let kept_out = read.kept_out;
                let expires = read.fixed.expires().map(|last| (last, lists::instant(last)));
                let good = match &expires {
                    Some((last, since)) if *last < now => {
                        status = ExitCode::from(NO);
                        format!("expired since {since}: its names would be answered with SERVFAIL")
                    }
                    Some((_, until)) => format!("good until {until}"),
                    None => "good".to_owned(),
                };
                writeln!(output, "list {name}: {good}; {addresses} IPv4 addresses, {networks} IPv6 /64s")?;
                if kept_out != KeptOut::default() {
                    let (four, six) = (kept_out.four, kept_out.six);
                    writeln!(
                        output,
                        "list {name}: kept out as exempt or as test entries: {four} IPv4, {six} IPv6 addresses"
                    )?;
                    if let Some(first) = kept_out.first {
                        let exemption = exemptions.covering_address(first);
                        let why = exemption.map_or_else(|| "a test entry".to_owned(), |by| format!("exempt by {by}"));
                        let line = lists::line_of(&list.files, list.format, first);
                        let line = line.map_or_else(String::new, |line| format!(", on {line}"));
                        writeln!(output, "list {name}: the first of these: {first}{line}, {why}")?;
                    }
                }
                for remark in lists::borrowed(&read, name, &all).iter().chain(&read.remarks) {
                    eprintln!("list {name}: {remark}");
                }
            }
            Err(refusal) => {
                eprintln!("{refusal}");
                writeln!(output, "list {name}: would not be taken")?;
                status = ExitCode::from(NO);
            }
        }
    }
    Ok(status)
}

/// The feed under whose relays samples are judged: the one asked for, or the only one; none if there is none.
fn feed(settings: &Settings, asked: Option<&str>) -> Result<Option<String>, CommandError> {
    let names: Vec<&str> = settings.feeds.iter().map(|feed| feed.name.as_str()).collect();
    match (asked, names.as_slice()) {
        (Some(asked), names) if names.contains(&asked) => Ok(Some(asked.to_owned())),
        (Some(asked), names) => {
            Err(CommandError::Usage(format!("no feed is called {asked:?}; there are {}", names.join(", "))))
        }
        (None, []) => Ok(None),
        (None, [only]) => Ok(Some((*only).to_owned())),
        (None, names) => Err(CommandError::Usage(format!("say with --feed whose mail it is: {}", names.join(", ")))),
    }
}

fn survey(arguments: &CheckArguments, topology: Option<&Topology>) -> Result<Survey, CommandError> {
    let style = ProgressStyle::with_template("{spinner} {pos} messages read, {per_sec}");
    let progress = ProgressBar::no_length().with_style(style.expect("the template is a constant"));
    if !io::stderr().is_terminal() {
        progress.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut survey = Survey::default();
    for_each_message(&arguments.samples, Split::Mbox, &mut |Found { message, .. }| {
        survey.add(&message, topology);
        progress.inc(1);
        Ok::<(), CommandError>(())
    })?;
    progress.finish_and_clear();
    Ok(survey)
}

/// Prints the survey; exit status 1 where the topology does not fit.
fn report(survey: &Survey, feed: Option<&str>, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    let Some(feed) = feed else {
        write!(output, "{}", learnt(survey))?;
        return Ok(ExitCode::SUCCESS);
    };
    writeln!(output, "{} messages under the relays of feed {feed}:", survey.count())?;
    let mut table = show::table(&["verdict", "messages"]);
    for (reason, count) in &survey.reasons {
        table.add_row([reason.unwrap_or("attributed").to_owned(), count.to_string()]);
    }
    writeln!(output, "{table}")?;
    let misfits = survey.misfits();
    for (misfit, count) in &misfits {
        writeln!(output, "\n{count} messages: {}", advice(misfit, survey))?;
    }
    for forwarder in survey.forwarders() {
        writeln!(
            output,
            "\nOrigin {} looks like a forwarder: {} of its {} messages bear marks of delivery elsewhere, with rewritten senders of {} domains. These marks are the sender's word, and anyone can write them. A relay's lines are believed: declare it as one only if you arranged the forwarding with its operator; otherwise exempt it.",
            forwarder.origin, forwarder.marked, forwarder.messages, forwarder.domains
        )?;
    }
    if misfits.is_empty() && survey.reasons.contains_key(&None) {
        writeln!(output, "\nThe declared topology fits this mail.")?;
        return Ok(ExitCode::SUCCESS);
    }
    if misfits.is_empty() {
        writeln!(
            output,
            "\nNone of this mail proves an origin, so it does not tell whether the declared topology fits."
        )?;
    }
    Ok(ExitCode::from(NO))
}

/// A misfit in a sentence, with the lines to write.
fn advice(misfit: &Misfit, survey: &Survey) -> String {
    match misfit {
        Misfit::OtherDialect { relay, dialect } if survey.as_declared(relay) > 0 => format!(
            "a line by relay {relay} reads as {} writes, not as declared; {} of its lines are as declared. A sender can bring such a line about, so change nothing unless the host really runs another MTA now.",
            dialect.name(),
            survey.as_declared(relay)
        ),
        Misfit::OtherDialect { relay, dialect } => {
            let name = dialect.name();
            format!(
                "relay {relay} writes as {name} does, not as declared. Write in its [[relay]]:\n  dialect = \"{name}\""
            )
        }
        Misfit::UndeclaredHandover { relay, handover } => {
            let name = handover.name();
            format!(
                "relay {relay} makes the local step {name}, which it does not declare. If nobody but your own filter or delivery agent stands behind that step, add to its [[relay]]:\n  handovers = [\"{name}\"]"
            )
        }
        Misfit::UnknownTop { by } => {
            let found = survey.hosts().into_iter().find(|(name, _)| name.eq_ignore_ascii_case(by));
            let block = found.map_or_else(String::new, |(name, host)| relay_block(&name, &host));
            format!(
                "the first line is by {by}, which is no relay of this feed. If it is yours, add it to the feed's relays:\n{block}"
            )
        }
        Misfit::UnknownPeer { relay, peer, next } => {
            let next = next.as_deref().unwrap_or("?");
            format!(
                "relay {relay} took them from {peer}, a private address that is no relay's; the next line is by {next}. If that host is yours and no balancer, NAT or gateway, declare it:\n[[relay]]\nname = {next:?}\nhosts = [{next:?}]\nnetworks = [\"{}\"]",
                ipnet::IpNet::from(*peer)
            )
        }
        Misfit::UnknownNext { relay, by } => format!(
            "relay {relay} handed on from another relay or by a local step, but the next line is by {by}, which is not that relay's name. If it is that relay's, add to its [[relay]]:\n  hosts = [..., {by:?}]"
        ),
        Misfit::HiddenPeer { relay } => format!(
            "relay {relay} does not say from whom it takes mail (OpenSMTPD: `mask-src`). Nothing can be proven by it; switch that off, or let the channel tell the peer (boundary = \"channel\")."
        ),
        Misfit::Rewritten { line } => format!(
            "a line that should be a relay's is in no dialect that is known; a filter or gateway may rewrite lines:\n  {line}"
        ),
        Misfit::Ambiguous { line } => format!("a line can be read with different peers, and proves none:\n  {line}"),
    }
}

/// What the mail alone shows, as settings to begin with.
fn learnt(survey: &Survey) -> String {
    let hosts = survey.hosts();
    let mut out = format!(
        "# Learnt from {} messages. Mail shows which host wrote a line, never whether that host is yours:\n# strike every relay that is not, and every address that is a balancer's, a NAT's or a gateway's.\n",
        survey.count()
    );
    for (name, host) in &hosts {
        out += &relay_block(name, host);
    }
    let tops: Vec<String> =
        hosts.iter().filter(|(_, host)| host.first > 0).map(|(name, _)| format!("{:?}", relay_name(name))).collect();
    if tops.is_empty() {
        out += "\n# No message has a first Received line that can be read.\n";
    } else {
        let _ =
            write!(out, "\n[[feed]]\nname = \"traps\"\ntoken-file = \"traps.token\"\nrelays = [{}]\n", tops.join(", "));
    }
    out
}

fn relay_name(host: &str) -> String {
    if host.is_empty() { "nameless".to_owned() } else { host.to_owned() }
}

/// The block to write; as a comment where only its constant public address speaks for the host, since a flood of mail from
/// one stranger looks the same.
fn relay_block(name: &str, host: &Host) -> String {
    let block = active_block(name, host);
    if host.networks.iter().all(|address| is_special_purpose(*address)) {
        return block;
    }
    block.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("# {line}\n") }).collect()
}

fn active_block(name: &str, host: &Host) -> String {
    let mut out =
        format!("\n# {} lines, {} of them first\n[[relay]]\nname = {:?}\n", host.lines, host.first, relay_name(name));
    let hosts: BTreeSet<&str> = [name].into_iter().filter(|name| !name.is_empty()).collect();
    let _ = writeln!(out, "hosts = {hosts:?}", hosts = hosts.iter().collect::<Vec<_>>());
    let networks: Vec<String> = host.networks.iter().map(|address| ipnet::IpNet::from(*address).to_string()).collect();
    let public = host.networks.iter().any(|address| !is_special_purpose(*address));
    let remark = match networks.is_empty() {
        true => "   # this mail does not show them: write the addresses that it sends from",
        false if public => "   # a public address: most of this mail came from it. Is it yours, or one stranger's?",
        false => "",
    };
    let _ = writeln!(out, "networks = {networks:?}{remark}");
    match host.likely_dialects().as_slice() {
        [] => {}
        [only] => {
            let _ = writeln!(out, "dialect = {:?}", only.name());
        }
        [first, others @ ..] => {
            let others: Vec<&str> = others.iter().map(|dialect: &Dialect| dialect.name()).collect();
            let _ = writeln!(
                out,
                "dialect = {:?}   # or {}: all read these lines; say which it is",
                first.name(),
                others.join(", ")
            );
        }
    }
    if !host.handovers.is_empty() {
        let steps: Vec<&str> = host.handovers.iter().map(|step| step.name()).collect();
        let _ = writeln!(out, "handovers = {steps:?}   # only if nobody else can stand behind these steps");
    }
    if host.hidden > 0 {
        let _ = writeln!(out, "# {} of its lines do not say from whom it took the message", host.hidden);
    }
    out
}
