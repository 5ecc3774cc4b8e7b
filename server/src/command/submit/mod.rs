//! `firsthand submit`: hands samples to a running service.
//!
//! One message, from a file or a pipe, is one request, and what the service says of it is the exit status. Several messages, a
//! folder, a Maildir or an mbox are an [`import`]: they go in batches, wait for a service that is busy, and a message that is
//! refused stops no other.

mod import;
mod journal;
mod service;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hyper::StatusCode;
use serde_json::Value;

use super::{CommandError, TRY_LATER};
use crate::cli::SubmitArguments;
use crate::intake::files::{Found, Split, for_each_message, looks_like_mbox};
use crate::intake::http::{MAIL_FROM, OBSERVED_PEER, RECIPIENT, TRAP};
use service::{Answer, Service, detail};

/// The variable that may hold the feed's token.
pub const TOKEN_VARIABLE: &str = "FIRSTHAND_TOKEN";

/// Hands in every message.
///
/// # Errors
/// When a message was not taken; exit status 75 when it may be later, or with `--tempfail` whatever is wrong.
pub fn run(arguments: &SubmitArguments) -> Result<ExitCode, CommandError> {
    let done = submit(arguments);
    if !arguments.tempfail || matches!(&done, Ok(code) if *code == ExitCode::SUCCESS) {
        return done;
    }
    if let Err(error) = done {
        eprintln!("{}", error.explain(io::stderr().is_terminal()));
    }
    Ok(ExitCode::from(TRY_LATER))
}

fn submit(arguments: &SubmitArguments) -> Result<ExitCode, CommandError> {
    let arguments = &with_envelope(arguments)?;
    let service = Service::of(arguments)?;
    match &arguments.paths[..] {
        [path] if !arguments.mbox && arguments.resume.is_none() && !path.is_dir() => {
            hand_in(&service, arguments, path)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => import::run(service, arguments),
    }
}

/// The arguments with what the environment says of the envelope, where it is asked.
fn with_envelope(arguments: &SubmitArguments) -> Result<SubmitArguments, CommandError> {
    let mut arguments = arguments.clone();
    if arguments.envelope_from_environment {
        let variable = |name: &str| {
            let value = std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
            value.ok_or_else(|| CommandError::Usage(format!("the variable {name} is not set; an MTA's pipe sets it")))
        };
        arguments.trap = Some(variable("RECIPIENT")?);
        arguments.mail_from = Some(variable("SENDER")?);
    }
    Ok(arguments)
}

/// Hands in one message.
fn hand_in(service: &Service, arguments: &SubmitArguments, path: &PathBuf) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for_each_message(std::slice::from_ref(path), Split::Never, &mut |Found { place, message }| {
        // What comes by a pipe may begin with such a line, as some MTAs write it.
        if path.as_os_str() != "-" && looks_like_mbox(&message) {
            eprintln!("{}", of_mbox(path));
        }
        let peer = arguments.observed_peer.map(|peer| peer.to_string());
        let said = [
            (TRAP, arguments.trap.as_deref()),
            (RECIPIENT, arguments.recipient.as_deref()),
            (OBSERVED_PEER, peer.as_deref()),
            (MAIL_FROM, arguments.mail_from.as_deref()),
        ];
        let mut headers = vec![("content-type", "message/rfc822"), ("accept", "application/json")];
        headers.extend(said.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let Answer { status, body, .. } = runtime.block_on(service.post(&mut None, &headers, message))?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            StatusCode::ACCEPTED => print(&place, &answer, arguments.json),
            status if comes_later(status) => {
                Err(CommandError::TryLater(format!("not taken ({status}): {}", detail(&answer))))
            }
            status => Err(CommandError::Usage(format!("refused ({status}): {}", detail(&answer)))),
        }
    })
}

/// What is told of a file that seems to be an mbox and was handed in as one message.
fn of_mbox(path: &Path) -> String {
    let path = path.display();
    format!(
        "{path}: it was handed in as one message, and looks like an mbox of several; --mbox cuts it at its \"From \" lines"
    )
}

/// Whether what was answered so may be taken later.
fn comes_later(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT
}

/// Tells of a message that was taken.
fn print(place: &str, answer: &Value, json: bool) -> Result<(), CommandError> {
    let line = if json { answer.to_string() } else { line(place, answer) };
    Ok(writeln!(io::stdout(), "{line}")?)
}

/// One line for people: what the sample proves.
fn line(place: &str, answer: &Value) -> String {
    let verdict = |key: &str| answer.pointer(&format!("/verdict/{key}")).and_then(Value::as_str);
    let framed = answer.pointer("/verdict/framed").and_then(Value::as_array).map_or(0, Vec::len);
    let what = match (verdict("origin"), verdict("reason")) {
        (Some(origin), _) => format!("taken; origin {origin}, {}", verdict("nature").unwrap_or("direct")),
        (None, reason) => format!("taken; no origin ({})", reason.unwrap_or("unknown")),
    };
    let evidence = match answer.get("evidence").and_then(Value::as_str) {
        Some("counted" | "unattributed") | None => String::new(),
        Some(why) => format!("; no evidence: {why}"),
    };
    let repeat = if answer.get("repeat") == Some(&Value::Bool(true)) { "; it was known" } else { "" };
    let framed = match framed {
        0 => String::new(),
        1 => "; names 1 other, which counts for nothing".to_owned(),
        // Of a batch the service tells the first few.
        _ if answer.get("id").is_some() => format!("; names {framed} others or more, which counts for nothing"),
        _ => format!("; names {framed} others, which counts for nothing"),
    };
    format!("{}: {what}{evidence}{framed}{repeat}", place.escape_debug())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Cli;

    /// A recipient may begin as an option does: whoever writes to such a one is a sample, and no mistake of usage.
    #[test]
    fn a_pipe_takes_any_recipient() {
        let script = include_str!("../../../../deploy/recipes/dovecot-sieve/firsthand-submit");
        let command = script.split_once("exec ").unwrap().1.replace("\\\n", " ");
        let words = command.split_whitespace().map(|word| {
            word.replace('"', "").replace("$1", "--server@traps.example").replace("$2", "--help@sender.example")
        });
        Cli::try_parse_from(words).unwrap();
    }
}
