//! What was typed.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A DNS blocklist that believes only what its own relays saw.
#[derive(Parser, Debug)]
#[command(name = "firsthand", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the service: intake, ledger, publisher, DNS, web
    #[command(after_help = "Example:\n  firsthand serve --config deploy/quickstart.toml")]
    Serve(ServeArguments),
    /// Hand samples to a running service
    #[command(
        after_help = "Examples:\n  firsthand submit --config firsthand.toml --feed traps --trap sales@traps.example mail.eml\n  … | firsthand submit --feed traps --trap sales@traps.example --token-file traps.token"
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
    /// Fire the attack catalogue at the settings, in memory: exit status 1 if an innocent would be listed
    #[command(
        after_help = "Examples:\n  firsthand drill --config firsthand.toml\n  firsthand drill --config firsthand.toml --json | jq 'select(.held | not)'\n\nRun it after each change of settings. It reads nothing but the settings and keeps nothing."
    )]
    Drill(DrillArguments),
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
}

/// The arguments of `submit`.
#[derive(Args, Debug)]
pub struct SubmitArguments {
    /// The settings of the service: where it listens, and the feed's token
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The feed in whose name the samples are handed in
    #[arg(long, value_name = "NAME")]
    pub feed: String,
    /// The trap that took them
    #[arg(long, value_name = "ADDRESS")]
    pub trap: String,
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
    /// Cut files that begin with a "From " line into messages. Only for mboxes whose writer quotes such lines in bodies:
    /// in others a sender can hide a message that then counts as taken by your relay
    #[arg(long)]
    pub mbox: bool,
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
