//! What was typed.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// A DNS blocklist that believes only what its own relays saw.
#[derive(Parser, Debug)]
#[command(name = "firsthand", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Exit status when it may work later (EX_TEMPFAIL of sysexits.h).
pub const TRY_LATER: u8 = 75;

impl Cli {
    /// What was typed; else what to exit with, when it has been told what is wrong with it.
    ///
    /// # Errors
    /// When there is nothing to do: help was asked for, or it cannot be understood. To an MTA that asked for 75 whatever is
    /// wrong (`--tempfail`), this is no other matter.
    pub fn typed() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // If it cannot be told, the exit status says it.
            let _ = error.print();
            let keep = error.use_stderr() && std::env::args_os().any(|argument| argument == "--tempfail");
            if keep { ExitCode::from(TRY_LATER) } else { ExitCode::from(error.exit_code() as u8) }
        })
    }
}

/// The subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the service: intake, ledger, publisher, DNS, web
    #[command(after_help = "Example:\n  firsthand serve --config deploy/quickstart.toml")]
    Serve(ServeArguments),
    /// Let a running service read its settings again: all of them, or none if there is a mistake
    #[command(
        after_help = "Example:\n  firsthand reload --config firsthand.toml\n\nThe same as SIGHUP. Exit status 2 and nothing changed if the settings have a mistake, or if something in them needs a\nrestart."
    )]
    Reload(ReloadArguments),
    /// Hand samples to a running service
    #[command(
        after_help = "Examples:\n  firsthand submit --config firsthand.toml --feed traps --trap sales@traps.example mail.eml\n  … | firsthand submit --tempfail --feed traps --trap sales@traps.example --token-file traps.token\n  firsthand submit --config firsthand.toml --feed traps --trap @old-shop.example --mbox --resume import.log old-shop.mbox\n\nExit status 0: all is taken and on disk; 1: some messages of several were refused; 2: nothing more is taken, as the settings,\nthe token or the one message are wrong; 75: try again later. In a pipe from an MTA, --tempfail makes 75 of all but 0."
    )]
    Submit(SubmitArguments),
    /// Show the listing, score, witnesses and proof for an address, and who framed it
    #[command(
        after_help = "Examples:\n  firsthand why --config firsthand.toml 192.0.2.1\n  firsthand why --config firsthand.toml --proof 192.0.2.1\n  firsthand why --config firsthand.toml mail.victim.example"
    )]
    Why(WhyArguments),
    /// Validate the settings, and hold them to samples of real mail
    #[command(
        after_help = "Examples:\n  firsthand check --config firsthand.toml\n  firsthand check --samples Maildir\n  firsthand check --config firsthand.toml --samples Maildir"
    )]
    Check(CheckArguments),
    /// Take evidence back as if it had never come: a feed's, a trap's, a sample's, a stretch of time's
    #[command(
        after_help = "Examples:\n  firsthand retract --config firsthand.toml --feed partner --dry-run\n  firsthand retract --config firsthand.toml --feed partner --since 2026-11-25T14:00:00Z --reason 'it was broken into'\n  firsthand retract --config firsthand.toml --trap sales@traps.example --reason 'the address leaked'\n  firsthand retract --config firsthand.toml --undo 7"
    )]
    Retract(RetractArguments),
    /// Keep networks out of the zone, whatever the evidence
    #[command(
        after_help = "Examples:\n  firsthand exempt --config firsthand.toml add 26.1.2.0/28 --reason 'a customer, ticket 4711' --until 30d\n  firsthand exempt --config firsthand.toml list\n  firsthand exempt --config firsthand.toml remove 26.1.2.0/28"
    )]
    Exempt(ExemptArguments),
    /// Register traps beside those of the settings
    #[command(
        after_help = "Examples:\n  firsthand trap --config firsthand.toml add sales@traps.example @old-shop.example --tier seeded\n  firsthand trap --config firsthand.toml add - < traps.txt\n  firsthand trap --config firsthand.toml list\n  firsthand trap --config firsthand.toml remove sales@traps.example"
    )]
    Trap(TrapArguments),
    /// Show how the feeds stand, and pause one
    #[command(
        after_help = "Examples:\n  firsthand feed --config firsthand.toml list\n  firsthand feed --config firsthand.toml pause partner --reason 'it sends nonsense since noon'\n  firsthand feed --config firsthand.toml resume partner\n\nA paused feed's samples are put off, so that they wait where they come from; what it brought before counts as ever.\n`firsthand retract --feed NAME` takes that back."
    )]
    Feed(FeedArguments),
    /// Take an address off at once, and answer those who ask for it
    #[command(
        after_help = "Examples:\n  firsthand remove --config firsthand.toml 192.0.2.1 --reason 'the form is mended'\n  firsthand remove --config firsthand.toml --requests\n  firsthand remove --config firsthand.toml --grant 12"
    )]
    Remove(RemoveArguments),
    /// Show the new listings that wait for the brake, and let them go
    #[command(
        after_help = "Examples:\n  firsthand brake --config firsthand.toml\n  firsthand brake --config firsthand.toml --release spam\n\nExit status 1 if anything waits."
    )]
    Brake(BrakeArguments),
    /// Show every correction: who made it, when, and what it did
    #[command(after_help = "Example:\n  firsthand audit --config firsthand.toml --since 7d")]
    Audit(AuditArguments),
    /// Replay the kept evidence under another policy: which listings would come, go or change
    #[command(
        after_help = "Example:\n  firsthand replay --config firsthand.toml --policy new.toml\n\nExit status 1 if any listing would differ."
    )]
    Replay(ReplayArguments),
    /// Fire the attack catalogue at the settings, in memory: exit status 1 if an innocent would be listed
    #[command(
        after_help = "Examples:\n  firsthand drill --config firsthand.toml\n  firsthand drill --config firsthand.toml --json | jq 'select(.held | not)'\n\nRun it after each change of settings. It reads nothing but the settings and keeps nothing."
    )]
    Drill(DrillArguments),
    /// Write the current listings, for those who serve them elsewhere: rbldnsd, BIND and others, resolvers, filters
    #[command(
        after_help = "Examples:\n  firsthand export --config firsthand.toml --format rbldnsd --output /var/lib/rbldns/bl.example\n  firsthand export --config firsthand.toml --format zone --name-server ns1.example.net --output bl.example.zone\n  firsthand export --config firsthand.toml --format plain --list spam --list mixed\n\nFormats:\n  rbldnsd  one dataset of type combined: IPv4, IPv6, test entries, and each list's own zone\n  zone     a master file of the zone; a /64 as the wildcard of its 16 nibbles\n  rpz      a response policy zone: answers that point to a listed address become NXDOMAIN\n  plain    an address or a /64 a line, nothing else but comments (#)\n  json     one document, an entry a line\n\nIt works beside a running service and without one. Entries past their end and exempt addresses are never exported, nor are\nstatic lists, which are files already. Exit status 75 if it is not known what is published."
    )]
    Export(ExportArguments),
    /// Copy the ledger to a file, while the service runs or not
    #[command(
        after_help = "Example:\n  firsthand backup --config firsthand.toml --output /backup/ledger\n\nThe file appears whole and checked, or not at all; it is for its owner only, since it tells of traps. All that was\nacknowledged before the command began is in it. Exit status 74 if the ledger is damaged, 75 if there is no room."
    )]
    Backup(BackupArguments),
    /// Begin again from a backup, with the service stopped
    #[command(
        after_help = "Examples:\n  firsthand restore --config firsthand.toml /backup/ledger\n  firsthand restore --config firsthand.toml --replace /backup/ledger\n\nWhat was published is proven anew: it comes back through the brake, the best proven first, and `firsthand brake --release\nall` lets it go at once. What was taken or corrected after the backup is not in it: what mail queues and feeds hand in\nagain counts once."
    )]
    Restore(RestoreArguments),
    /// Judge messages offline: the origin that each one proves, or why it proves none
    #[command(after_help = "Example:\n  firsthand analyze --relay 10.9.0.0/24 --relay-host 'mx*.example.net' mail.eml")]
    Analyze(AnalyzeArguments),
    /// Read each Received line of a header block on its own
    #[command(after_help = "Example:\n  firsthand received --dialect postfix mail.eml")]
    Received(ReceivedArguments),
}

/// The arguments of `analyze`.
#[derive(Args, Debug)]
pub struct AnalyzeArguments {
    /// Answer one JSON request a line, from FILE or standard input
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-", conflicts_with_all = ["relay", "config", "json"])]
    pub jsonl: Option<String>,
    /// A network of your relays; repeat for more
    #[arg(long, value_name = "NETWORK")]
    pub relay: Vec<String>,
    /// A name (or glob) that your relays write after "by"; repeat for more; none: names are not checked
    #[arg(long, value_name = "NAME")]
    pub relay_host: Vec<String>,
    /// The dialect of your relays' lines
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub dialect: String,
    /// A local step that your relays make: loopback, lmtp, pickup, fetchmail, internal; repeat for more
    #[arg(long, value_name = "STEP")]
    pub handover: Vec<String>,
    /// Use the relays of this settings file
    #[arg(long, value_name = "FILE", requires = "feed", conflicts_with_all = ["relay", "relay_host", "handover"])]
    pub config: Option<PathBuf>,
    /// The feed of that file under whose relays the messages are judged
    #[arg(long, value_name = "NAME", requires = "config")]
    pub feed: Option<String>,
    /// Print JSON Lines
    #[arg(long)]
    pub json: bool,
    /// Messages, mboxes, Maildirs, folders, or - for standard input
    #[arg(value_name = "PATH", required_unless_present = "jsonl")]
    pub paths: Vec<PathBuf>,
}

/// The arguments of `received`.
#[derive(Args, Debug)]
pub struct ReceivedArguments {
    /// Read the lines in this dialect only
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub dialect: String,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// A message or a header block; - for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: String,
}

/// The arguments of `serve`.
#[derive(Args, Debug)]
pub struct ServeArguments {
    /// The settings; without a file: safe local defaults, without a feed
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take the sockets over from the service at the other end of standard input, which starts its successor so
    #[arg(long, hide = true)]
    pub takeover: bool,
}

/// The arguments of `reload`.
#[derive(Args, Debug)]
pub struct ReloadArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The arguments of `submit`.
#[derive(Args, Clone, Debug)]
pub struct SubmitArguments {
    /// The settings of the service: where it listens, and the feed's token
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The feed in whose name the samples are handed in
    #[arg(long, value_name = "NAME")]
    pub feed: String,
    /// The trap that took them
    #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["recipient", "envelope_from_environment"])]
    pub trap: Option<String>,
    /// Who wanted them, where the feed carries mail that people wanted
    #[arg(long, value_name = "ADDRESS", conflicts_with = "trap")]
    pub recipient: Option<String>,
    /// A file with the feed's token (else FIRSTHAND_TOKEN, else the settings)
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Where the service is, if not where the settings say
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub server: Option<SocketAddr>,
    /// The peer that the channel saw
    #[arg(long, value_name = "ADDRESS")]
    pub observed_peer: Option<IpAddr>,
    /// The sender of the envelope; "" for the null sender
    #[arg(long, value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// The trap is in the variable RECIPIENT and the sender of the envelope in SENDER, as Exim, qmail and Courier set them for
    /// pipes: no word of a stranger stands in the command line
    #[arg(long, conflicts_with_all = ["trap", "recipient", "mail_from"])]
    pub envelope_from_environment: bool,
    /// Cut files that begin with a "From " line into messages. Only for mboxes whose writer quotes such lines in bodies:
    /// in others a sender can hide a message that then counts as taken by your relay
    #[arg(long)]
    pub mbox: bool,
    /// Note in FILE what is done, and begin behind that: an import that broke off goes on where it was
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// How long to wait for a service that takes nothing: by default 1h for folders, Maildirs and mboxes once the service has
    /// answered, and not at all for messages
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub patience: Option<Duration>,
    /// Exit with 75 whatever is wrong, so that an MTA keeps the message and bounces it to nobody
    #[arg(long)]
    pub tempfail: bool,
    /// Print the service's answers as JSON Lines
    #[arg(long)]
    pub json: bool,
    /// Messages, Maildirs, folders, or - for standard input, which is one message
    #[arg(value_name = "PATH", default_value = "-")]
    pub paths: Vec<PathBuf>,
}

/// The arguments of `why`.
#[derive(Args, Debug)]
pub struct WhyArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Show the trusted lines of every sample that counts, bit for bit, and replay them: exit status 1 if today's grammar
    /// reads one otherwise
    #[arg(long)]
    pub proof: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// An address, or a host name that may have been framed
    #[arg(value_name = "ADDRESS")]
    pub address: String,
}

/// The arguments of `drill`.
#[derive(Args, Debug)]
pub struct DrillArguments {
    /// The settings
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON Lines, one object an attack
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `export`.
#[derive(Args, Debug)]
pub struct ExportArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The form
    #[arg(long, value_parser = ["rbldnsd", "zone", "rpz", "plain", "json"])]
    pub format: String,
    /// A list; repeat for more; none: the lists of the combined zone
    #[arg(long, value_name = "NAME")]
    pub list: Vec<String>,
    /// A name server to stand in `rbldnsd` and `zone`, in place of the zone's own; repeat for more
    #[arg(long, value_name = "NAME")]
    pub name_server: Vec<String>,
    /// Write this file, which appears whole or not at all; without it, standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The arguments of `backup`.
#[derive(Args, Debug)]
pub struct BackupArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write this file, which appears whole or not at all
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `restore`.
#[derive(Args, Debug)]
pub struct RestoreArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take the place of the ledger that is there, which is kept under a name with the date
    #[arg(long)]
    pub replace: bool,
    /// The serial that secondaries of the zone hold, if the data folder that served it is lost
    #[arg(long, value_name = "SERIAL")]
    pub after_serial: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// What `firsthand backup` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The arguments of `check`.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// The settings
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the settings with every default spelled out
    #[arg(long)]
    pub print: bool,
    /// Hold the settings to this mail (messages, mboxes, Maildirs, folders); without settings, learn relays from it
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "print")]
    pub samples: Vec<PathBuf>,
    /// The feed whose mail that is, if there are several
    #[arg(long, value_name = "NAME", requires = "samples")]
    pub feed: Option<String>,
}

/// The arguments of `retract`.
#[derive(Args, Debug)]
pub struct RetractArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What came by this feed
    #[arg(long, value_name = "NAME", required_unless_present_any = ["trap", "sample", "since", "undo", "list"])]
    pub feed: Option<String>,
    /// What this trap saw: its address, or its registry id
    #[arg(long, value_name = "ADDRESS")]
    pub trap: Option<String>,
    /// One sample, by its id
    #[arg(long, value_name = "ID")]
    pub sample: Option<String>,
    /// What arrived at or after this time (2026-11-25T14:00:00Z, 2026-11-25, or 2h: two hours ago)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// What arrived before this time; without it, what comes later as well
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Only show what would fall
    #[arg(long)]
    pub dry_run: bool,
    /// Show the withdrawals in force
    #[arg(long, conflicts_with_all = ["feed", "trap", "sample", "since", "until", "dry_run", "undo"])]
    pub list: bool,
    /// Undo a withdrawal, by its number
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["feed", "trap", "sample", "since", "until", "dry_run"])]
    pub undo: Option<i64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `exempt`.
#[derive(Args, Debug)]
pub struct ExemptArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub action: ExemptAction,
}

/// What `exempt` does.
#[derive(Subcommand, Debug)]
pub enum ExemptAction {
    /// Exempt a network
    Add {
        /// An address or a network
        #[arg(value_name = "NETWORK")]
        network: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Until when (2026-12-24, or 30d: in thirty days); for good without it
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Show all exemptions
    List {
        /// Print JSON Lines
        #[arg(long)]
        json: bool,
    },
    /// End an exemption that was added by command
    Remove {
        /// The network, as it was added
        #[arg(value_name = "NETWORK")]
        network: String,
    },
}

/// The arguments of `trap`.
#[derive(Args, Debug)]
pub struct TrapArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub action: TrapAction,
}

/// What `trap` does.
#[derive(Subcommand, Debug)]
pub enum TrapAction {
    /// Register traps; one that is known is changed
    Add {
        /// user@domain, @domain for a whole domain (one trap), or - for one a line of standard input
        #[arg(value_name = "ADDRESS", required = true)]
        addresses: Vec<String>,
        /// How surely their mail is unwanted
        #[arg(long, default_value = "pristine", value_parser = ["pristine", "seeded", "recycled", "typo"])]
        tier: String,
        /// Mail is sent from them, so that what answers them proves nothing
        #[arg(long)]
        sends: bool,
        /// Abuse reports are meant for them
        #[arg(long)]
        accepts_reports: bool,
    },
    /// Show all traps
    List {
        /// Print JSON Lines
        #[arg(long)]
        json: bool,
    },
    /// Take a trap off that was registered by command
    Remove {
        /// Its address
        #[arg(value_name = "ADDRESS")]
        address: String,
    },
    /// Tell the registry id of an address
    Id {
        /// The address
        #[arg(value_name = "ADDRESS")]
        address: String,
    },
}

/// The arguments of `feed`.
#[derive(Args, Debug)]
pub struct FeedArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub action: FeedAction,
}

/// What `feed` does.
#[derive(Subcommand, Debug)]
pub enum FeedAction {
    /// Show the feeds: how much each is believed, when it was last heard, whether it is silent, paused or withdrawn
    List {
        /// Print JSON Lines
        #[arg(long)]
        json: bool,
    },
    /// Put a feed's samples off until it is resumed
    Pause {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Why, for the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take a feed's samples again
    Resume {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// The arguments of `remove`.
#[derive(Args, Debug)]
pub struct RemoveArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT", requires = "address")]
    pub reason: Option<String>,
    /// Show the requests that wait
    #[arg(long, conflicts_with = "address")]
    pub requests: bool,
    /// Grant a request, by its number
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["address", "requests", "refuse"])]
    pub grant: Option<i64>,
    /// Refuse a request, by its number
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["address", "requests"])]
    pub refuse: Option<i64>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// The address, or the /64
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,
}

/// The arguments of `brake`.
#[derive(Args, Debug)]
pub struct BrakeArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Let go what waits: of a list, of an address, or all
    #[arg(long, value_name = "LIST|ADDRESS|all")]
    pub release: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `audit`.
#[derive(Args, Debug)]
pub struct AuditArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only from this time on (2026-11-25, or 7d: seven days ago)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Print JSON Lines
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `replay`.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// The settings of the service
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A settings file; if it declares no feed and no trap, only its policy is tried
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
