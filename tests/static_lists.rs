//! Do files of rbldnsd mean here what they mean there? The real program serves the same files, and both are asked about
//! the same addresses: honest files, files of overlapping entries, and lines of scrambled pieces, in every format.
//!
//! Where Firsthand asks for more (values in 127.0.0.0/8, no stray colons in addresses), it must refuse and never differ.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use firsthand_analyzer::listing::Exemptions;
use firsthand_server::config::{ListFormat, Word};
use firsthand_server::lists::{self, Read};
use firsthand_server::zone::{Code, Fixed};
use harness::{FIRSTHAND, PATIENCE, Service};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

/// Where Debian puts the program.
const RBLDNSD: &str = "/usr/sbin/rbldnsd";
/// Unix seconds of the files' present.
const NOW: u64 = 1_795_651_200;

/// One data set: its files, and the addresses that are asked about.
struct Case {
    format: ListFormat,
    files: Vec<Vec<u8>>,
    addresses: Vec<IpAddr>,
}

impl Case {
    fn new(format: ListFormat, text: &str, addresses: Vec<IpAddr>) -> Self {
        Self { format, files: vec![text.as_bytes().to_vec()], addresses }
    }

    fn shown(&self) -> String {
        let files = self.files.iter().map(|file| file.escape_ascii().to_string());
        format!("{} {}", self.format.as_str(), files.collect::<Vec<_>>().join(" + "))
    }
}

/// A rbldnsd that serves each case as a zone of its own, `z0`, `z1` and so on.
struct Rbldnsd {
    child: Child,
    folder: tempfile::TempDir,
    socket: UdpSocket,
}

impl Rbldnsd {
    fn start(cases: &[Case]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // It gives up root, and reads as another user.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let mut zones = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            let files: Vec<String> =
                files(folder.path(), number, case).iter().map(|file| file.display().to_string()).collect();
            zones.push(format!("z{number}:{}:{}", case.format.as_str(), files.join(",")));
        }
        let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(RBLDNSD)
            .args(["-n", "-q", "-4", "-b", &format!("127.0.0.1/{}", address.port())])
            .args(zones)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("rbldnsd must be installed (apt-get install rbldnsd)");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        let this = Self { child, folder, socket };
        this.wait(address);
        this
    }

    /// Waits for the first answer: before it, the files were read.
    fn wait(&self, address: SocketAddr) {
        self.socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let began = Instant::now();
        while self.try_ask("1.0.0.127.z0.", RecordType::A).is_none() {
            assert!(began.elapsed() < PATIENCE, "no answer from {address}: {}", self.log());
        }
        self.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }

    fn log(&self) -> String {
        let mut log = String::new();
        fs::File::open(self.folder.path().join("log")).unwrap().read_to_string(&mut log).unwrap();
        log
    }

    /// What it said of the files of a case: all of it is about lines that it did not take, or not as they are.
    fn warnings(log: &str, number: usize) -> Vec<&str> {
        let name = format!("/z{number}-");
        log.lines().filter(|line| line.contains("file ") && line.contains(&name)).collect()
    }

    fn try_ask(&self, name: &str, kind: RecordType) -> Option<(ResponseCode, BTreeSet<Vec<u8>>)> {
        let mut query = Message::query();
        query.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        let id = query.metadata.id;
        self.socket.send(&query.to_vec().unwrap()).ok()?;
        let mut answer = [0; 4096];
        loop {
            let length = self.socket.recv(&mut answer).ok()?;
            let message = Message::from_vec(&answer[..length]).unwrap();
            if message.metadata.id != id {
                continue;
            }
            let data = message.answers.iter().map(|record| match &record.data {
                RData::A(address) => address.0.octets().to_vec(),
                RData::TXT(text) => text.txt_data.concat(),
                other => panic!("{other:?}"),
            });
            return Some((message.metadata.response_code, data.collect()));
        }
    }

    /// The codes and texts of an address; what is not printable in a text as a question mark, which Firsthand says for it.
    fn ask(&self, number: usize, address: IpAddr) -> (BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>) {
        let name = format!("{}.z{number}.", reversed(address));
        let (code, codes) = self.try_ask(&name, RecordType::A).expect("an answer");
        assert!(matches!(code, ResponseCode::NoError | ResponseCode::NXDomain), "{name}: {code}");
        let (_, texts) = self.try_ask(&name, RecordType::TXT).expect("an answer");
        let printable = |byte: &u8| if *byte == b' ' || byte.is_ascii_graphic() { *byte } else { b'?' };
        (codes, texts.iter().map(|text| text.iter().map(printable).collect()).collect())
    }
}

impl Drop for Rbldnsd {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn files(folder: &std::path::Path, number: usize, case: &Case) -> Vec<PathBuf> {
    let write = |(at, file): (usize, &Vec<u8>)| {
        let path = folder.join(format!("z{number}-{at}"));
        fs::write(&path, file).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        path
    };
    case.files.iter().enumerate().map(write).collect()
}

fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.octets().iter().rev().map(u8::to_string).collect::<Vec<_>>().join("."),
        IpAddr::V6(v6) => {
            (0..32).map(|nibble| format!("{:x}", v6.to_bits() >> (4 * nibble) & 0xf)).collect::<Vec<_>>().join(".")
        }
    }
}

fn read(case: &Case) -> Result<Read, lists::Refusal> {
    let mut set = lists::DataSet::new(case.format, Code::SPAM, NOW);
    for (at, file) in case.files.iter().enumerate() {
        set.add(&format!("file {at}"), file.as_slice());
    }
    set.finish(&Exemptions::only([]))
}

/// The codes and texts of an address.
fn said(fixed: &Fixed, address: IpAddr) -> (BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>) {
    let values = fixed.get(address);
    let text = |value: &firsthand_server::zone::Value| {
        let mut text = Vec::new();
        value.write_text(address, &mut text);
        text
    };
    let codes = values.iter().map(|value| value.code.address().octets().to_vec()).collect();
    (codes, values.iter().filter(|value| value.has_text()).map(text).collect())
}

/// Whether Firsthand may refuse what rbldnsd takes: its own rules, of which the README tells.
fn is_stricter(case: &Case, refusal: &lists::Refusal) -> bool {
    let text = String::from_utf8_lossy(&case.files.concat()).into_owned();
    refusal.mistakes.iter().all(|mistake| {
        let no_address = mistake.what.contains("is no address of this format");
        let too_wide = mistake.what.contains("wider than a /");
        mistake.what.contains("RFC 5782") || too_wide || no_address && text.lines().any(has_stray_colon)
    })
}

/// Whether a colon with no word behind it follows somewhere behind a `::`.
fn has_stray_colon(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("::") else { return false };
    rest.match_indices(':').any(|(at, _)| !rest[at + 1..].starts_with(|next: char| next.is_ascii_hexdigit()))
}

/// Asks both about everything. How many cases both took.
fn compare(cases: &[Case]) -> usize {
    let rbldnsd = Rbldnsd::start(cases);
    let log = rbldnsd.log();
    let mut taken = 0;
    for (number, case) in cases.iter().enumerate() {
        let warnings = Rbldnsd::warnings(&log, number);
        match read(case) {
            Err(refusal) => {
                assert!(!warnings.is_empty() || is_stricter(case, &refusal), "{}: {refusal}", case.shown());
            }
            Ok(read) => {
                let harmless = |warning: &&str| {
                    warning.contains("duplicated entry") && read.remarks.iter().any(|remark| remark.contains("repeat"))
                };
                assert!(warnings.iter().all(harmless), "{}: taken, though {warnings:?}", case.shown());
                taken += 1;
                for address in &case.addresses {
                    let (theirs, ours) = (rbldnsd.ask(number, *address), said(&read.fixed, *address));
                    assert_eq!(ours, theirs, "{address} of {}", case.shown());
                }
            }
        }
    }
    taken
}

/// Numbers that look random and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

fn v4(text: &str) -> IpAddr {
    IpAddr::V4(text.parse::<Ipv4Addr>().unwrap())
}

/// Addresses with everything around them at which classes, slots and blocks begin and end.
fn around(bits: u32) -> impl Iterator<Item = IpAddr> {
    let edges = [bits, bits & !0xff, bits | 0xff, bits & !0xffff, bits | 0xffff, bits & !0xff_ffff, bits | 0xff_ffff];
    let near = edges.into_iter().flat_map(|edge| [edge.wrapping_sub(1), edge, edge.wrapping_add(1)]);
    near.filter(|bits| bits >> 24 != 127).map(|bits| IpAddr::V4(bits.into()))
}

fn around_wide(bits: u128) -> impl Iterator<Item = IpAddr> {
    let edges = [36, 48, 64, 80, 128].map(|length| u128::MAX.checked_shr(length).unwrap_or(0));
    let edges = edges.into_iter().flat_map(move |host| [bits & !host, bits | host]);
    let near = edges.flat_map(|edge| [edge.wrapping_sub(1), edge, edge.wrapping_add(1)]);
    near.filter(|bits| bits >> 64 != 0).map(|bits| IpAddr::V6(bits.into()))
}

/// A value as files write it, or none.
const VALUES: [&str; 10] =
    ["", "", "", " :3", " :4:", " :5:five $", " text of $", " # remark", " :3:=own $", " \tx $1 $$"];

/// Entries in a small part of the address space, so that they meet.
fn overlapping(format: ListFormat, chance: &mut Chance) -> Case {
    let mut lines = vec![":9:default $ $2".to_owned(), "$1 one".to_owned()];
    let mut addresses = Vec::new();
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        let octet = |chance: &mut Chance| [0, 1, 2, 127, 128, 254, 255][chance.below(7)];
        let (a, b, c) = (octet(chance), octet(chance), octet(chance));
        let bits = 20 << 24 | a << 16 | b << 8 | c;
        let wide = 0x2a00u128 << 112 | u128::from(a) << 80 | u128::from(b) << 64 | u128::from(c) << 48 | u128::from(a);
        let exclusion = if chance.below(4) == 0 { "!" } else { "" };
        let value = if exclusion.is_empty() { chance.of(&VALUES) } else { "" };
        let line = match format {
            ListFormat::Ip4set => match chance.below(7) {
                0 => format!("20.{a}.{b}.{c}"),
                1 => format!("20.{a}.{b}"),
                2 => format!("20.{a}"),
                3 => format!("20.{a}.{b}.{c}-255"),
                4 => format!("20.{a}.{b}.{c}-20.255.255.254"),
                5 => format!("20.{a}-255"),
                _ => {
                    let length = 9 + chance.below(24) as u32;
                    format!("{}/{length}", Ipv4Addr::from_bits(bits & !u32::MAX.checked_shr(length).unwrap_or(0)))
                }
            },
            ListFormat::Ip4trie => {
                let length = 8 + chance.below(25) as u32;
                format!("{}/{length}", Ipv4Addr::from_bits(bits & !u32::MAX.checked_shr(length).unwrap_or(0)))
            }
            ListFormat::Ip6trie => {
                let length = [16, 32, 36, 47, 48, 64, 65, 79, 80, 112, 127, 128][chance.below(12)];
                format!("{}/{length}", Ipv6Addr::from_bits(wide & !u128::MAX.checked_shr(length).unwrap_or(0)))
            }
            ListFormat::Ip4tset => format!("20.{a}.{b}.{c}"),
            ListFormat::Ip6tset if exclusion.is_empty() => format!("2a00:0:{a:x}:{b:x}"),
            ListFormat::Ip6tset => Ipv6Addr::from_bits(wide).to_string(),
        };
        addresses.extend(around(bits).take(9));
        addresses.extend(around_wide(wide).skip(12));
        if matches!(format, ListFormat::Ip4trie | ListFormat::Ip6trie) && !seen.insert(line.clone()) {
            continue;
        }
        let exclusion = if format == ListFormat::Ip4tset { "" } else { exclusion };
        lines.push(format!("{exclusion}{line}{value}"));
        match chance.below(12) {
            0 => lines.push(format!(":{}:other {}", 10 + chance.below(3), chance.below(3))),
            1 => lines.push("$2 late".to_owned()),
            2 => lines.push("#$1 never".to_owned()),
            _ => {}
        }
    }
    if chance.below(3) == 0 {
        lines.push("$= base [$=] $ $1".to_owned());
    }
    let is_six = matches!(format, ListFormat::Ip6trie | ListFormat::Ip6tset);
    addresses.retain(|address| address.is_ipv6() == is_six);
    // As one file, or in two.
    let cut = if chance.below(2) == 0 { lines.len() } else { lines.len() / 2 };
    let file = |lines: &[String]| (lines.join("\n") + if lines.is_empty() { "#\n" } else { "\n" }).into_bytes();
    Case { format, files: vec![file(&lines[..cut]), file(&lines[cut..])], addresses }
}

#[test]
fn overlapping_entries_say_the_same() {
    let mut chance = Chance(20_261_126);
    for format in ListFormat::ALL {
        let cases: Vec<Case> = (0..24).map(|_| overlapping(*format, &mut chance)).collect();
        let taken = compare(&cases);
        assert!(taken >= 20, "{}: only {taken} were taken", format.as_str());
    }
}

/// Pieces of which lines are scrambled.
const PIECES: [&str; 36] = [
    "20.1.2.3",
    "20.1.2",
    "20.1",
    "20",
    "20.1.2.0/24",
    "20.1.2.3-9",
    ".",
    "-",
    "/",
    "8",
    "24",
    "32",
    "33",
    "0",
    "255",
    "256",
    " ",
    "\t",
    ":",
    ":3",
    ":3:",
    ":127.0.0.4:",
    ":10.0.0.1",
    ":1:",
    "#",
    ";",
    "!",
    "=",
    "$",
    "$1",
    "$=",
    "$$",
    "text",
    "\u{b}",
    "000",
    "-20.1.3",
];
const WIDE_PIECES: [&str; 32] = [
    "2a00:1:2:3",
    "2a00:1:2:3::4",
    "2a00:1:2",
    "2a00",
    "2a00:1::/48",
    "2a00:1:2:3:4:5:6:7",
    "::",
    ":",
    "/",
    "48",
    "64",
    "128",
    "129",
    "0",
    "ffff",
    "1ffff",
    "g",
    " ",
    ":3",
    ":3:",
    "#",
    ";",
    "!",
    "text",
    "$",
    "1.2.3.4",
    "/36",
    "0001",
    "A",
    " :4:t",
    "\t",
    "=",
];

#[test]
fn scrambled_lines_say_the_same_or_are_refused() {
    let mut chance = Chance(7);
    for format in ListFormat::ALL {
        let is_six = matches!(format, ListFormat::Ip6trie | ListFormat::Ip6tset);
        let pieces: &[&str] = if is_six { &WIDE_PIECES } else { &PIECES };
        let addresses: Vec<IpAddr> = match is_six {
            true => [0x2a00_0001_0002_0003_0000_0000_0000_0004, 0x2a00_0001_0002_0003_0004_0005_0006_0007]
                .into_iter()
                .flat_map(around_wide)
                .collect(),
            false => around(0x1401_0203).chain(around(0x1401_0209)).collect(),
        };
        let cases: Vec<Case> = (0..300)
            .map(|_| {
                let mut line = if chance.below(2) == 0 { pieces[0].to_owned() } else { String::new() };
                for _ in 0..=chance.below(5) {
                    line.push_str(chance.of(pieces));
                }
                // One honest entry, so that the default of a line that is a value shows.
                let honest = if is_six { "2a00:9:9:9" } else { "20.9.9.9" };
                let text = format!(":8:eight $1\n{line}\n{honest}\n");
                let mut case = Case::new(*format, &text, addresses.clone());
                case.addresses.push(if is_six { "2a00:9:9:9::1".parse().unwrap() } else { v4("20.9.9.9") });
                case
            })
            .collect();
        let taken = compare(&cases);
        assert!(taken > 20, "{}: only {taken} were taken", format.as_str());
    }
}

#[test]
fn special_entries_mean_the_same() {
    let special = [
        "$1 one",
        "#$1 one",
        ";$1 one",
        ":$1 one",
        " $1 one",
        "$1",
        "$1one",
        "$10 one",
        "$1  two  words ",
        "$= b $= $",
        "$=",
        "$=b",
        "$TTL 60",
        "$TTL 1h",
        "$TTL 1h30m",
        "$TTL",
        "$TTL 60 # c",
        "$ttl 60",
        "$SOA 0 a.b c.d 0 1h 1h 1h 1h",
        "$SOA x",
        "$NS 0 a.b",
        "$NS x",
        "$NS 0 a.b # c",
        "$FOO",
        "$",
        "$ 1",
        "$DATASET ip4set x",
        "$MAXRANGE4 256",
        "$MAXRANGE4 /24",
        "$MAXRANGE4 16",
        "$MAXRANGE4 x",
        "$TIMESTAMP 2020:01:01",
        "$TIMESTAMP 20200101",
        "$TIMESTAMP 2020-1-1-0",
        "$TIMESTAMP 2020",
        "$TIMESTAMP 2020:13:01",
        "$TIMESTAMP 2020:01:01 2037:01:01",
        "$TIMESTAMP 2020:01:01 x",
        "$TIMESTAMP - -",
        "$TIMESTAMP 2020:1:1:",
        "##$1 one",
        "# $1 one",
        "$1 $= $ $2",
    ];
    let addresses = vec![v4("20.1.1.1"), v4("20.1.2.1"), v4("20.1.1.2")];
    let text = |special: &str| format!("20.1.1.2 early $1 $=\n{special}\n20.1.1.1 :3:x $1 $2 $ $=\n20.1.2\n");
    let cases: Vec<Case> =
        special.iter().map(|line| Case::new(ListFormat::Ip4set, &text(line), addresses.clone())).collect();
    assert!(compare(&cases) > 20);
}

/// G8: what rbldnsd answers with SERVFAIL must not be believed here either.
#[test]
fn an_expired_list_is_known_by_its_stamp() {
    let text = "$TIMESTAMP 2020:01:01:00:00:00 +1d\n20.1.1.1\n";
    let case = Case::new(ListFormat::Ip4set, text, Vec::new());
    assert_eq!(read(&case).unwrap().fixed.expires(), Some(1_577_923_200));
    let rbldnsd = Rbldnsd::start(&[Case::new(ListFormat::Ip4set, "", Vec::new()), case]);
    let (code, _) = rbldnsd.try_ask("1.1.1.20.z1.", RecordType::A).unwrap();
    assert_eq!(code, ResponseCode::ServFail);
}

/// The settings of a service with one list, whose files these are.
fn served(files: &str, more: &str) -> String {
    let list = format!("[[list]]\nname = \"hand\"\ncode = \"127.0.0.20\"\nfile = {files}\n{more}");
    format!("{}{list}", harness::settings(0))
}

/// A service beside whose settings the files stand.
fn serve(files: &[(&str, &str)], settings: &str) -> Service {
    Service::start_with(settings, |folder| {
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    })
}

fn signal(service: &Service, name: &str) {
    assert!(Command::new("kill").args([name, &service.id().to_string()]).status().unwrap().success());
}

/// A FIFO in the place of a file must not make the service deaf to the one who stops it.
#[test]
fn a_service_whose_list_became_a_fifo_serves_on_and_stops() {
    let mut service = serve(&[("hand", "20.1.2.3\n")], &served("\"hand\"", ""));
    let fifo = service.folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::rename(&fifo, service.folder.path().join("hand")).unwrap();
    service.wait("the mistake", |service| service.log().contains("hand: cannot be read: it is no regular file; "));
    assert_eq!(service.ask("3.2.1.20.hand.bl.example.", RecordType::A).1, ["127.0.0.20"]);
    signal(&service, "-TERM");
    service.wait_for_end();
    // It is no reason not to start, either.
    service.restart();
    assert_eq!(service.ask("3.2.1.20.hand.bl.example.", RecordType::A).1, ["127.0.0.20"]);
}

/// G8: a file that a full disk or a slow writer leaves without its second half must not list what that half excludes. The
/// operator's word is another matter.
#[test]
fn a_file_that_is_written_in_its_place_lists_nobody_whom_it_excludes() {
    let files = [("la", "20.1/16\n20.2.0.0/24\n"), ("lb", "!20.1.2.3\n!20.1.2.4\n!20.1.2.5\n")];
    let service = serve(&files, &served("[\"la\", \"lb\"]", ""));
    let codes = |address: &str| service.ask(&format!("{address}.hand.bl.example."), RecordType::A).1;
    let write = |name: &str, text: &str| fs::write(service.folder.path().join(name), text).unwrap();
    let watched = |what: &str| {
        let began = Instant::now();
        while !service.log().contains(what) {
            assert_eq!(codes("3.2.1.20"), [""; 0], "an excluded address is listed");
            assert!(began.elapsed() < PATIENCE, "never said: {what}");
        }
    };
    assert_eq!((codes("3.2.1.20"), codes("9.2.1.20")), (vec![], vec!["127.0.0.20".to_owned()]));
    write("lb", "");
    watched("lb: is empty; write a comment into a list that lists nobody");
    // The writer pauses between an entry and its exclusion.
    write("lb", "# new\n");
    std::thread::sleep(lists::LOOK * 2);
    write("lb", "# new\n!20.1.2.3\n");
    watched("1 exclusions where 3 were");
    service.wait("the swap", |_| codes("4.2.1.20") == ["127.0.0.20"]);
    assert_eq!(codes("3.2.1.20"), [""; 0]);
    write("lb", "# none\n");
    assert!(service.run("reload", &[]).status.success());
    service.wait("the reload to be heeded", |_| codes("3.2.1.20") == ["127.0.0.20"]);
}

/// G8: a mistake in a file that nobody noticed until the machine was restarted must not take the combined zone away.
#[test]
fn a_restart_serves_what_was_taken_last_where_a_file_is_refused() {
    let exempt = "[[exempt]]\nnetworks = [\"20.1.2.4/32\"]\nreason = \"ours\"\n";
    let list = served("\"hand\"", "combined = true\n");
    let mut service = serve(&[("hand", "20.1.2.3 :30:by hand\n20.1.2.4\n")], &list);
    let copy = service.folder.path().join("data/lists/hand");
    service.wait("the copy", |_| copy.exists());
    service.kill();
    fs::write(service.folder.path().join("hand"), "20.1.2.3\nx\n20.1.2.5\n").unwrap();
    // Long enough ago to be no reason to wait.
    let old = std::time::SystemTime::now() - lists::QUIET * 2;
    fs::File::options().write(true).open(service.folder.path().join("hand")).unwrap().set_modified(old).unwrap();
    let data = service.folder.path().join("data");
    fs::write(service.config(), format!("data = {data:?}\n{list}{exempt}")).unwrap();
    service.restart();
    for zone in ["hand.bl.example.", "bl.example."] {
        let ask = |name: &str| service.ask(&format!("{name}.{zone}"), RecordType::A);
        assert_eq!(ask("3.2.1.20").1, ["127.0.0.30"]);
        assert_eq!(service.ask(&format!("3.2.1.20.{zone}"), RecordType::TXT).1, ["by hand"]);
        assert_eq!(ask("4.2.1.20").0, ResponseCode::NXDomain, "it is exempt now");
        assert_eq!(ask("5.2.1.20").0, ResponseCode::NXDomain);
    }
    assert!(service.log().contains("hand:2: ") && service.log().contains("is served, from its copy"));
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_static_list_behind{list=\"hand\"} 1"), "{metrics}");
    // A copy that is not whole is none.
    service.kill();
    fs::write(&copy, "firsthand list 1\n").unwrap();
    service.restart();
    assert_eq!(service.ask("3.2.1.20.bl.example.", RecordType::A).0, ResponseCode::ServFail);
    assert!(service.log().contains("the copy of the list, is not used"));
}

/// What stops being answered by itself is told of before, and at that second.
#[test]
fn the_end_of_a_list_is_in_the_log_and_the_metrics() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let last = jiff::Timestamp::from_second((now + 8) as i64).unwrap().strftime("%Y:%m:%d:%H:%M:%S").to_string();
    let service = serve(&[("hand", &format!("$TIMESTAMP 2020:01:01 {last}\n20.1.2.3\n"))], &served("\"hand\"", ""));
    let metric = |name: &str| {
        let metrics = service.get("/metrics").1;
        let line = format!("firsthand_static_list_{name}_timestamp_seconds{{list=\"hand\"}} ");
        metrics.lines().find_map(|text| text.strip_prefix(&line)?.parse::<u64>().ok())
    };
    assert_eq!(metric("expires"), Some(now + 8));
    assert!((now - 2..=now + 2).contains(&metric("modified").unwrap()));
    service.wait("a look", |service| {
        let looked = "firsthand_static_lists_looked_timestamp_seconds ";
        let metrics = service.get("/metrics").1;
        metrics
            .lines()
            .any(|line| line.strip_prefix(looked).is_some_and(|second| second.parse::<u64>().unwrap() >= now))
    });
    service.wait("the notice", |service| service.log().contains("the static list expires at "));
    service.wait("the end", |service| service.log().contains("the static list expired at "));
    assert_eq!(service.ask("3.2.1.20.hand.bl.example.", RecordType::A).0, ResponseCode::ServFail);
    fs::write(service.folder.path().join("hand"), "20.1.2.3\n").unwrap();
    assert!(service.run("reload", &[]).status.success());
    service.wait("a newer file", |service| service.ask("3.2.1.20.hand.bl.example.", RecordType::A).1.len() == 1);
    assert_eq!(metric("expires"), None);
}

#[test]
fn check_names_the_bad_lines_of_lists() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("firsthand.toml");
    let list = |format: &str| {
        format!("[[list]]\nname = \"manual\"\ncode = \"127.0.0.20\"\nfile = [\"a\", \"b\"]\nformat = \"{format}\"\n")
    };
    let check = |a: &str, b: &str, format: &str| {
        fs::write(&settings, list(format)).unwrap();
        fs::write(folder.path().join("a"), a).unwrap();
        fs::write(folder.path().join("b"), b).unwrap();
        let output = Command::new(FIRSTHAND).args(["check", "--config"]).arg(&settings).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (status, out, err) = check("83.70.1\n10.0.0.1\n", "!83.70.1.9\n$NS 0 a\n", "ip4set");
    assert_eq!(status, Some(0), "{err}");
    assert!(out.contains("list manual: good; 255 IPv4 addresses, 0 IPv6 /64s\n"), "{out}");
    assert!(out.contains("kept out as exempt or as test entries: 1 IPv4, 0 IPv6 addresses\n"), "{out}");
    assert!(out.contains("the first of these: 10.0.0.1, on ") && out.contains("/a:2, exempt by 10.0.0.0/8"), "{out}");
    assert!(err.contains("$NS is not used") && err.contains("/b:2"), "{err}");
    let (status, _, err) = check("#\n", "83.70.1.9 :2:spam\n", "ip4set\"\ncombined = true\n#\"");
    assert!(status == Some(0) && err.contains("/b:1: the value 127.0.0.2 is the code of the list spam"), "{err}");
    let (status, out, _) = check("$TIMESTAMP 2020:01:01 +1d\n", "83.70.1.9\n", "ip4set");
    assert!(
        status == Some(1) && out.contains("manual: expired since 2020-01-02T00:00:00Z: its names would be"),
        "{out}"
    );
    let (status, out, _) = check("$TIMESTAMP 2020:01:01 2037:01:01\n", "83.70.1.9\n", "ip4set");
    assert!(status == Some(0) && out.contains("manual: good until 2037-01-01T00:00:00Z; 1 IPv4"), "{out}");
    let (status, out, err) = check("83.70.1\n", "83.70.1.9-3\nx\n", "ip4set");
    assert_eq!((status, out.contains("list manual: would not be taken")), (Some(1), true));
    assert!(err.contains("/b:1: ") && err.contains("/b:2: "), "{err}");
}
