//! Load for DNS servers, and servers to measure beside ours; `tests/bench/dns` drives it.
//!
//! `cargo bench --bench dns -- load --target 127.0.0.1:5300 --pid PID --entries 1000000 --code 127.0.0.20` asks a server
//! that holds the list which `data` writes for the same `--entries` and `--seed`, checks every answer, and prints one
//! line of JSON; a wrong answer ends it with status 1.
#![allow(clippy::unwrap_used, reason = "a measurement ends at the first thing that goes wrong")]

mod addresses;
mod client;
mod data;
mod echo;
mod flood;
mod hickory;
mod hosted;
mod latency;
mod load;
mod process;
mod question;
mod random;
mod rate;
mod streams;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use addresses::{Entries, Family};
use client::{Client, Questions};
use question::{Expected, Writer};

/// Load for DNS servers, and servers to measure beside ours.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// What Cargo adds.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

/// The list that server and load agree on.
#[derive(Args, Clone)]
struct List {
    /// Entries of the list.
    #[arg(long, default_value_t = 1_000_000)]
    entries: usize,
    /// Which addresses: IPv4, or IPv6 by /64.
    #[arg(long, value_enum, default_value_t = Family::V4)]
    family: Family,
    /// What the entries are drawn by.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Whom to ask, and for what.
#[derive(Args)]
pub(crate) struct Target {
    /// The server; several take turns.
    #[arg(long, required = true)]
    target: Vec<SocketAddr>,
    /// Its process, whose CPU time counts, with that of its descendants; as many as targets, in their order.
    #[arg(long)]
    pid: Vec<u32>,
    #[command(flatten)]
    list: List,
    /// The zone that is asked.
    #[arg(long, default_value = "bl.example")]
    zone: String,
    /// What the A record of a listed address must say.
    #[arg(long, default_value = "127.0.0.20")]
    code: Ipv4Addr,
    /// Which share of the queries asks for listed addresses, from 0 to 1.
    #[arg(long, default_value_t = 0.3)]
    share: f64,
    /// What the questions are drawn by.
    #[arg(long, default_value_t = 1)]
    draw: u64,
    /// Asks for TXT with every other query.
    #[arg(long)]
    mixed: bool,
    /// Sends EDNS and a cookie, the server's half included once it is known.
    #[arg(long)]
    cookies: bool,
    /// Asks from this address.
    #[arg(long)]
    source: Option<IpAddr>,
    /// Sockets, each with a source port of its own.
    #[arg(long, default_value_t = 16)]
    sockets: usize,
    /// Queries of one socket that wait for their answers.
    #[arg(long, default_value_t = 8)]
    window: usize,
    /// Looks at the id alone, for a server that gives no answers.
    #[arg(long)]
    unchecked: bool,
}

impl Target {
    fn questions(&self) -> Questions {
        let entries = Entries::draw(self.list.family, self.list.entries, self.list.seed);
        Questions {
            asked: entries.ask(self.share, self.draw),
            next: 0,
            writer: Writer::new(&self.zone),
            expected: Expected { code: self.code, checked: !self.unchecked },
            mixed: self.mixed,
        }
    }

    fn clients(&self, server: SocketAddr, slots: usize) -> io::Result<Vec<Client>> {
        let connect = |number| Client::connect(server, self.source, slots, self.cookies, self.draw + number as u64);
        (0..self.sockets.max(1)).map(connect).collect()
    }
}

#[derive(Subcommand)]
enum Command {
    /// Writes a list into a file.
    Data {
        #[command(flatten)]
        list: List,
        /// The form of the file.
        #[arg(long, value_enum)]
        form: data::Form,
        /// The value of every entry.
        #[arg(long, default_value = "127.0.0.20")]
        code: Ipv4Addr,
        /// The zone, where the form names it.
        #[arg(long, default_value = "bl.example")]
        zone: String,
        /// The file.
        file: PathBuf,
    },
    /// Keeps the server busy and tells what it answers per second of its CPU time.
    Load {
        #[command(flatten)]
        target: Target,
        /// Turns of each server.
        #[arg(long, default_value_t = 1)]
        rounds: usize,
        /// Seconds of a turn that count.
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
    },
    /// Asks at a fixed rate, whether answers come or not, and counts what is lost.
    Rate {
        #[command(flatten)]
        target: Target,
        /// Queries a second.
        #[arg(long, default_value_t = 100_000)]
        rate: u64,
        /// For how many seconds.
        #[arg(long, default_value_t = 10.0)]
        seconds: f64,
    },
    /// Asks from forged addresses all over many networks, and counts bytes in and out; with --mixed, for TXT.
    Flood {
        #[command(flatten)]
        target: Target,
        /// The first network of the sources; all of them must be local to this host.
        #[arg(long, default_value = "20.0.0.0")]
        base: Ipv4Addr,
        /// How many /24s.
        #[arg(long, default_value_t = 100_000)]
        networks: u32,
        /// The most queries a second.
        #[arg(long, default_value_t = 200_000)]
        rate: u64,
        /// For how many seconds.
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
    },
    /// Holds TCP connections that are idle, that ask and never read, and that ask in bursts.
    Streams {
        #[command(flatten)]
        target: Target,
        /// Connections that say nothing.
        #[arg(long, default_value_t = 5000)]
        idle: usize,
        /// Connections that ask and do not read.
        #[arg(long, default_value_t = 0)]
        slow: usize,
        /// Sends bursts of pipelined queries meanwhile.
        #[arg(long)]
        bursts: bool,
        /// The first network of the sources, one a connection; all of them must be local to this host.
        #[arg(long)]
        base: Option<Ipv4Addr>,
        /// For how many seconds, opening included.
        #[arg(long, default_value_t = 10.0)]
        seconds: f64,
    },
    /// Serves the list with our library in this process.
    Hosted {
        #[command(flatten)]
        list: List,
        /// The value of every entry.
        #[arg(long, default_value = "127.0.0.20")]
        code: Ipv4Addr,
        /// Where.
        #[arg(long)]
        listen: SocketAddr,
        /// Milliseconds from one version of the zone to the next; 0 for one version.
        #[arg(long, default_value_t = 0)]
        tick: u64,
        /// Listings that each version prolongs.
        #[arg(long, default_value_t = 1000)]
        changes: usize,
    },
    /// Serves the list with hickory-server.
    Hickory {
        #[command(flatten)]
        list: List,
        /// The value of every entry.
        #[arg(long, default_value = "127.0.0.20")]
        code: Ipv4Addr,
        /// Where.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Sends every datagram back: what sockets alone cost.
    Echo {
        /// Where.
        #[arg(long)]
        listen: SocketAddr,
        /// Datagrams that one system call takes, up to 128.
        #[arg(long, default_value_t = 64)]
        batch: usize,
        /// Bytes of each answer.
        #[arg(long, default_value_t = 80)]
        size: usize,
    },
}

/// Microseconds with one decimal.
pub(crate) fn micros(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e7).round() / 10.0
}

fn main() -> ExitCode {
    let Some(command) = Arguments::parse().command else {
        println!("tests/bench/dns drives this; to run a part of it alone, see --help");
        return ExitCode::SUCCESS;
    };
    let done = match command {
        Command::Data { list, form, code, zone, file } => {
            let entries = Entries::draw(list.family, list.entries, list.seed);
            data::write(&entries, form, code, &zone, &file).map_err(|error| format!("{}: {error}", file.display()))
        }
        Command::Load { target, rounds, seconds } => {
            load::run(&target, rounds, Duration::from_secs_f64(seconds), |turn| println!("{turn}"))
        }
        Command::Rate { target, rate, seconds } => {
            let report = rate::run(&target, rate, Duration::from_secs_f64(seconds));
            report.map(|report| println!("{report}"))
        }
        Command::Flood { target, base, networks, rate, seconds } => {
            let report = flood::run(&target, base, networks, rate, Duration::from_secs_f64(seconds));
            report.map(|report| println!("{report}"))
        }
        Command::Streams { target, idle, slow, bursts, base, seconds } => {
            let abuse = streams::Abuse { idle, slow, bursts, base, hold: Duration::from_secs_f64(seconds) };
            streams::run(&target, &abuse).map(|report| println!("{report}"))
        }
        Command::Hosted { list, code, listen, tick, changes } => {
            let ticks = (tick > 0).then(|| hosted::Ticks { every: Duration::from_millis(tick), changes });
            hosted::serve(&Entries::draw(list.family, list.entries, list.seed), code, listen, ticks)
                .map_err(|error| error.to_string())
        }
        Command::Hickory { list, code, listen } => {
            let entries = Entries::draw(list.family, list.entries, list.seed);
            hickory::serve(&entries, code, listen).map_err(|error| error.to_string())
        }
        Command::Echo { listen, batch, size } => UdpSocket::bind(listen)
            .and_then(|socket| {
                println!("ready");
                echo::serve(&socket, batch, size)
            })
            .map_err(|error| error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dns: {error}");
            ExitCode::FAILURE
        }
    }
}
