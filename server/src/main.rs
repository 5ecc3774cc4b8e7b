//! The door: reads what was typed, calls the command, turns its answer into an exit status.

use std::io::IsTerminal;
use std::process::ExitCode;

use firsthand_server::cli::Cli;

fn main() -> ExitCode {
    let typed = match Cli::typed() {
        Ok(typed) => typed,
        Err(code) => return code,
    };
    match firsthand_server::command::run(typed.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", error.explain(std::io::stderr().is_terminal()));
            error.exit_code()
        }
    }
}
