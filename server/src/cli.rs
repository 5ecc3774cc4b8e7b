//! What was typed.

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
