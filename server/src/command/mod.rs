//! One file per subcommand. What was typed becomes a call; what it says is printed here.

pub mod show;
pub mod serve;
pub mod reload;
pub mod submit;
pub mod analyze;
pub mod received;
pub mod why;
pub mod check;
pub mod operator;
pub mod retract;
pub mod exempt;
pub mod trap;
pub mod feed;
pub mod remove;
pub mod brake;
pub mod audit;
pub mod replay;
pub mod drill;
pub mod export;
pub mod backup;
pub mod restore;

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use firsthand_analyzer::received::{Dialect, Handover};

pub use crate::cli::TRY_LATER;
use crate::config::SettingsError;
use crate::ledger::LedgerError;

/// Exit status when the answer is "no".
pub const NO: u8 = 1;
/// Exit status on wrong usage or configuration.
pub const WRONG_USAGE: u8 = 2;
/// Exit status when the disk can no longer be relied on (EX_IOERR of sysexits.h).
pub const IO_ERROR: u8 = 74;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command was called wrongly.
    #[error("{0}")]
    Usage(String),
    /// A file or pipe could not be read or written.
    #[error("{}: {error}", path.display().to_string().escape_debug())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// What was to be written could not be.
    #[error("cannot write the answer: {0}")]
    Output(#[from] std::io::Error),
    /// It may work later.
    #[error("{0}")]
    TryLater(String),
    /// The settings have mistakes.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The ledger says no.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl CommandError {
    /// What to tell the operator: one line a mistake, and on a terminal a picture of each place in the file.
    pub fn explain(&self, pictures: bool) -> String {
        match self {
            Self::Settings(error) if pictures => format!("{:?}", miette::Report::new(error.clone())),
            Self::Settings(error) => error.mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            other => format!("firsthand: {other}"),
        }
    }

    /// The exit status that tells a script what kind of failure it is.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::File { .. } | Self::Settings(_) => ExitCode::from(WRONG_USAGE),
            Self::Ledger(LedgerError::Missing(_) | LedgerError::OtherVersion { .. } | LedgerError::InUse(_)) => {
                ExitCode::from(WRONG_USAGE)
            }
            Self::Ledger(LedgerError::Folder { error, .. } | LedgerError::Unopened { error, .. })
                if is_misplaced(error.kind()) =>
            {
                ExitCode::from(WRONG_USAGE)
            }
            Self::Ledger(LedgerError::Broken { .. } | LedgerError::Damaged { .. } | LedgerError::File { .. }) => {
                ExitCode::from(IO_ERROR)
            }
            Self::TryLater(_) | Self::Ledger(_) => ExitCode::from(TRY_LATER),
            Self::Output(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Self::Output(_) => ExitCode::from(TRY_LATER),
        }
    }
}

/// Whether a folder cannot be had because of where it is, which time does not mend.
fn is_misplaced(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::NotADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::ReadOnlyFilesystem
    )
}

/// The dialect of that name; `auto` expects none.
///
/// # Errors
/// The sentence for the operator, with all names.
pub fn parse_dialect(name: &str) -> Result<Option<Dialect>, String> {
    if name == "auto" {
        return Ok(None);
    }
    let names = || Dialect::DECLARABLE.iter().map(|dialect| dialect.name()).collect::<Vec<_>>().join(", ");
    Dialect::parse(name).map(Some).ok_or_else(|| format!("no dialect is called {name:?}; there are auto, {}", names()))
}

/// The handover of that name.
///
/// # Errors
/// The sentence for the operator, with all names.
pub fn parse_handover(name: &str) -> Result<Handover, String> {
    let names = || Handover::ALL.map(Handover::name).join(", ");
    Handover::parse(name).ok_or_else(|| format!("no handover is called {name:?}; there are {}", names()))
}

/// A network from its text; a bare address is a network of one.
///
/// # Errors
/// The sentence for the operator.
pub fn parse_network(text: &str) -> Result<ipnet::IpNet, String> {
    let bare = text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
    let network: ipnet::IpNet = text
        .parse()
        .or(bare)
        .map_err(|_| format!("{text:?} is no network; write an address or a prefix such as 10.9.0.0/24"))?;
    match network.addr() {
        std::net::IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => {
            Err(format!("{text:?} is an IPv4 network in IPv6 dress; write it as IPv4, such as 10.9.0.0/24"))
        }
        _ => Ok(network),
    }
}

/// Does what was typed.
///
/// # Errors
/// Why it could not be done.
pub fn run(command: crate::cli::Command) -> Result<ExitCode, CommandError> {
    use crate::cli::Command;
    match command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Reload(arguments) => return reload::run(&arguments),
        Command::Submit(arguments) => return submit::run(&arguments),
        Command::Why(arguments) => return why::run(&arguments),
        Command::Check(arguments) => return check::run(&arguments),
        Command::Retract(arguments) => return retract::run(&arguments),
        Command::Replay(arguments) => return replay::run(&arguments),
        Command::Brake(arguments) => return brake::run(&arguments),
        Command::Exempt(arguments) => exempt::run(&arguments),
        Command::Trap(arguments) => trap::run(&arguments),
        Command::Feed(arguments) => feed::run(&arguments),
        Command::Remove(arguments) => remove::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Drill(arguments) => return drill::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Analyze(arguments) => analyze::run(&arguments),
        Command::Received(arguments) => {
            let dialect = parse_dialect(&arguments.dialect).map_err(CommandError::Usage)?;
            received::run(&arguments.file, dialect, arguments.json)
        }
    }
    .map(|()| ExitCode::SUCCESS)
}
