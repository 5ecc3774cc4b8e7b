//! Does whoever serves an export answer as the service does? rbldnsd and BIND load what `firsthand export` writes.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use harness::{PATIENCE, Service, TOKEN, ask, message, settings, text};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use serde_json::Value;

/// Listed in `spam`.
const SPAMMER: &str = "83.70.211.36";
/// Listed in `spam`, as its /64.
const SPAMMER_V6: &str = "2a01:4f8:0:1::25";
/// Listed in `backscatter`.
const REFLECTOR: &str = "83.70.211.40";
/// Listed in both.
const BOTH: &str = "83.70.211.41";

/// Another name server on a port of its own, ended by its id.
struct NameServer {
    child: Child,
    address: SocketAddr,
}

impl NameServer {
    /// Starts what `command` makes of a port, and waits until it answers a question for `probe`.
    fn start(probe: &str, command: impl Fn(u16) -> Command) -> Self {
        let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // Debian has name servers in sbin, which a user's path may lack.
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap());
        let mut command = command(free.port());
        let child = command.env("PATH", path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { child, address: free };
        let began = Instant::now();
        while ask(free, probe, RecordType::A).is_err() {
            assert!(began.elapsed() < PATIENCE, "{command:?} does not answer");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        server
    }

    /// rbldnsd, with `file` as the zone bl.example.
    fn rbldnsd(file: &Path) -> Self {
        Self::rbldnsd_with(file, &[])
    }

    /// The same, with other zones beside.
    fn rbldnsd_with(file: &Path, more: &[String]) -> Self {
        readable(file.parent().unwrap());
        Self::start("2.0.0.127.bl.example.", |port| {
            let mut command = Command::new("rbldnsd");
            command.args(["-n", "-q", "-c", "1s", "-b", &format!("127.0.0.1/{port}")]);
            command.arg(format!("bl.example:combined:{}", file.display())).args(more);
            command
        })
    }

    /// BIND, with zones (name, file), and more in its options.
    fn named(folder: &Path, zones: &[(&str, &Path)], more: &str) -> Self {
        let zone = |(name, file): &(&str, &Path)| format!("zone {name:?} {{ type primary; file {file:?}; }};\n");
        let zones_text: String = zones.iter().map(zone).collect();
        Self::start(zones[0].0, |port| {
            let settings = format!(
                "options {{ directory {folder:?}; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n\
                 pid-file none; session-keyfile none; dnssec-validation no; minimal-responses no; {more} }};\n\
                 controls {{ }};\n{zones_text}"
            );
            let path = folder.join("named.conf");
            fs::write(&path, settings).unwrap();
            let mut command = Command::new("named");
            command.args(["-g", "-n", "1", "-c"]).arg(path);
            command
        })
    }

    /// The response code and the records' data.
    fn answer(&self, name: &str, kind: RecordType) -> (ResponseCode, Vec<String>) {
        answer(self.address, name, kind)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(server: SocketAddr, name: &str, kind: RecordType) -> (ResponseCode, Vec<String>) {
    let message = ask(server, name, kind).unwrap();
    let mut records: Vec<String> = message.answers.iter().map(|record| text(&record.data)).collect();
    records.sort();
    (message.metadata.response_code, records)
}

/// A server that gives up root's rights reads it, too.
fn readable(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A service that lists one address and one /64 in `spam`, one address in `backscatter`, with `more` in its zone's settings.
fn service(more: &str) -> Service {
    let traps = settings(3).replace("example\"\n", "example\"\nsends = false\n");
    let service = Service::start(&format!("{traps}[zone]\n{more}"));
    let bearer = format!("Bearer {TOKEN}");
    for trap in 0..3 {
        let to = format!("trap@d{trap}.example");
        let (spammer_v6, spam) = (format!("IPv6:{SPAMMER_V6}"), "spam@sender.example");
        let sent = [(SPAMMER, spam), (&spammer_v6, spam), (REFLECTOR, "<>"), (BOTH, spam), (BOTH, "<>")];
        for (number, (peer, sender)) in sent.into_iter().enumerate() {
            let headers =
                [("Authorization", bearer.as_str()), ("Firsthand-Trap", &to), ("Firsthand-Mail-From", sender)];
            let (status, body) = service.submit_with(&headers, &message(peer, 10 * trap + number)).unwrap();
            assert_eq!(status, 202, "{body}");
        }
    }
    let listed = |name: String| service.ask(&name, RecordType::A).0 == ResponseCode::NoError;
    service.wait("to be listed", |_| {
        listed(name(SPAMMER, "bl.example."))
            && listed(name(SPAMMER_V6, "bl.example."))
            && listed(name(REFLECTOR, "backscatter.bl.example."))
            && listed(name(BOTH, "backscatter.bl.example."))
            && listed(name(BOTH, "spam.bl.example."))
    });
    service
}

/// The name of an address in a zone (RFC 5782 §2).
fn name(address: &str, zone: &str) -> String {
    let reversed: Vec<String> = match address.parse().unwrap() {
        IpAddr::V4(four) => Ipv4Addr::octets(&four).iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(six) => format!("{:032x}", Ipv6Addr::to_bits(six)).chars().rev().map(String::from).collect(),
    };
    format!("{}.{zone}", reversed.join("."))
}

fn export(service: &Service, arguments: &[&str]) -> String {
    let output = service.run("export", arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The zones that are served, and of which names.
const ZONES: [&str; 4] = ["bl.example.", "spam.bl.example.", "backscatter.bl.example.", "mixed.bl.example."];
const ALL_LISTS: [&str; 6] = ["--list", "spam", "--list", "backscatter", "--list", "mixed"];

/// Addresses that are listed somewhere, and others that are not; test entries (RFC 5782 §5) and their counterparts.
const ADDRESSES: [&str; 19] = [
    SPAMMER,
    BOTH,
    REFLECTOR,
    SPAMMER_V6,
    "83.70.211.35",
    "192.0.2.1",
    "127.0.0.1",
    "127.0.0.2",
    "127.0.0.5",
    "127.0.0.8",
    "127.0.0.3",
    "::ffff:127.0.0.1",
    "::ffff:127.0.0.2",
    "::ffff:127.0.0.5",
    "::ffff:127.0.0.8",
    "::2",
    "2a01:4f8:0:1:ffff:ffff:ffff:ffff",
    "2a01:4f8::1",
    "2a01:4f8:0:2::25",
];

/// A copy is told what the service holds beside it; with that, rbldnsd answers for the static list as we do.
#[test]
fn a_static_list_is_told_and_loaded_beside() {
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("dialups");
    fs::write(&file, ":127.0.0.20:Dynamic $\n45.1.2\n").unwrap();
    let list = format!("[[list]]\nname = \"dialups\"\ncode = \"127.0.0.20\"\nfile = {file:?}\ncombined = true\n");
    let service = service(&list);
    let copy = files.path().join("copy");
    let output = service.run("export", &["--format", "rbldnsd", "--output", copy.to_str().unwrap()]);
    let told = "bl.example (and dialups.bl.example) also holds the static list dialups (";
    assert!(output.status.success() && said(&output).contains(told), "{}", said(&output));
    assert!(fs::read_to_string(&copy).unwrap().lines().nth(1).unwrap().starts_with(&format!("# {told}")));
    let own = |name: &str| format!("{name}:ip4set:{}", file.display());
    let rbldnsd = NameServer::rbldnsd_with(&copy, &[own("bl.example"), own("dialups.bl.example")]);
    for zone in ["bl.example.", "dialups.bl.example."] {
        for kind in [RecordType::A, RecordType::TXT] {
            let name = name("45.1.2.3", zone);
            let answers = rbldnsd.answer(&name, kind);
            assert_eq!((answers.0, answers.1.len()), (ResponseCode::NoError, 1), "{name} {kind}");
            assert_eq!(service.ask(&name, kind), answers, "{name} {kind}");
        }
    }
    assert_eq!(rbldnsd.answer(&name(SPAMMER, "bl.example."), RecordType::A).1, ["127.0.0.2"]);
}

/// Whatever rbldnsd is asked of an address, it answers as we do: in the combined zone and in each list's own.
#[test]
fn rbldnsd_answers_as_we_do() {
    let service = service("page = \"http://bl.example/$1;?a={address}#x\"\ncombined = [\"spam\", \"backscatter\"]\n");
    let file = service.folder.path().join("rbldnsd.txt");
    let mut arguments = vec!["--format", "rbldnsd", "--output", file.to_str().unwrap()];
    arguments.extend(ALL_LISTS);
    export(&service, &arguments);
    let rbldnsd = NameServer::rbldnsd(&file);
    let (mut listed, mut several) = (0, 0);
    for zone in ZONES {
        for address in ADDRESSES {
            for kind in [RecordType::A, RecordType::TXT] {
                let name = name(address, zone);
                let (code, ours) = answer(service.dns, &name, kind);
                let (their_code, theirs) = rbldnsd.answer(&name, kind);
                assert_eq!(theirs, ours, "{kind} of {address} in {zone}");
                // For a name above others, rbldnsd answers NXDOMAIN; these have none below.
                assert_eq!(their_code, code, "{kind} of {address} in {zone}");
                listed += ours.len();
                several += usize::from(ours.len() > 1);
            }
        }
    }
    // A and TXT of the address that is in two lists of the combined zone.
    assert!(listed >= 40 && several >= 2, "{listed} {several}");
    for kind in [RecordType::SOA, RecordType::NS] {
        assert_eq!(rbldnsd.answer("bl.example.", kind), answer(service.dns, "bl.example.", kind));
    }
}

/// G8: a copy that nobody renews turns itself off.
#[test]
fn an_old_copy_in_rbldnsd_turns_itself_off() {
    let service = service("");
    let file = service.folder.path().join("rbldnsd.txt");
    export(&service, &["--format", "rbldnsd", "--output", file.to_str().unwrap()]);
    let text = fs::read_to_string(&file).unwrap();
    let stamp = text.lines().find(|line| line.starts_with("$TIMESTAMP ")).unwrap();
    let (made, _) = stamp.rsplit_once(' ').unwrap();
    fs::write(&file, text.replace(stamp, &format!("{made} +6s"))).unwrap();
    let rbldnsd = NameServer::rbldnsd(&file);
    let listed = name(SPAMMER, "bl.example.");
    assert_eq!(rbldnsd.answer(&listed, RecordType::A), (ResponseCode::NoError, vec!["127.0.0.2".to_owned()]));
    service.wait("it to expire", |_| rbldnsd.answer(&listed, RecordType::A) == (ResponseCode::ServFail, Vec::new()));
}

/// BIND loads the zone without a complaint and answers as we do: addresses, test entries, and the names above them
/// (RFC 8020); no record outlives its listing. The TXT of a wildcard names the /64.
#[test]
fn bind_answers_as_we_do() {
    let service = service(
        "page = \"http://bl.example/$1;?a={address}#x\"\ncombined = [\"spam\", \"backscatter\"]\n\
         name-servers = [\"ns.example.net\"]\ncontact = \"host.master+bl@example.net\"\n",
    );
    let file = service.folder.path().join("bl.example.zone");
    let mut arguments = vec!["--format", "zone", "--output", file.to_str().unwrap()];
    arguments.extend(ALL_LISTS);
    export(&service, &arguments);
    checked("bl.example", &file);
    let named = NameServer::named(service.folder.path(), &[("bl.example", &file)], "recursion no;");
    let mut names: Vec<String> = Vec::new();
    for zone in ZONES {
        names.extend(ADDRESSES.map(|address| name(address, zone)));
        let above = ["83.", "70.83.", "211.70.83.", "82.", "10.a.2.", "1.0.a.2.", "0.a.2.", "b.2.", ""];
        names.extend(above.map(|above| format!("{above}{zone}")));
        names.push(
            name(SPAMMER_V6, zone).split_once("1.0.0.0.0.0.0.0.8.f").map(|(_, rest)| format!("8.f{rest}")).unwrap(),
        );
    }
    for name in names {
        for kind in [RecordType::A, RecordType::TXT, RecordType::AAAA] {
            let (code, mut ours) = answer(service.dns, &name, kind);
            for text in &mut ours {
                // A wildcard cannot name whom it was asked for.
                for asked in [SPAMMER_V6, "2a01:4f8:0:1:ffff:ffff:ffff:ffff"] {
                    *text = text.replace(&format!("a={asked}"), "a=2a01:4f8:0:1::");
                    *text = text.replace(asked, "2a01:4f8:0:1::/64");
                }
            }
            assert_eq!(named.answer(&name, kind), (code, ours), "{kind} of {name}");
        }
    }
    for kind in [RecordType::SOA, RecordType::NS] {
        assert_eq!(named.answer("bl.example.", kind), answer(service.dns, "bl.example.", kind));
    }
    let negative = |server| ask(server, "1.2.0.192.bl.example.", RecordType::A).unwrap().authorities[0].to_string();
    assert_eq!(negative(named.address), negative(service.dns), "RFC 2308");
}

/// In a resolver, an answer that points to a listed address is none any more; a blocklist's answer still is.
#[test]
fn a_resolver_takes_the_policy() {
    let service = service("");
    let folder = service.folder.path();
    let (policy, hosts) = (folder.join("policy.zone"), folder.join("hosts.zone"));
    export(&service, &["--format", "rpz", "--output", policy.to_str().unwrap()]);
    checked("policy.example", &policy);
    fs::write(
        &hosts,
        format!(
            "$TTL 60\n@ SOA localhost. root.localhost. 1 600 300 86400 60\n@ NS localhost.\nbad A {SPAMMER}\n\
             bad6 AAAA 2a01:4f8:0:1::77\ngood A 83.70.211.35\ngood6 AAAA 2a01:4f8:0:2::77\nlisting A 127.0.0.2\n"
        ),
    )
    .unwrap();
    let zones = [("hosts.example", hosts.as_path()), ("policy.example", policy.as_path())];
    let named = NameServer::named(folder, &zones, "recursion yes; response-policy { zone \"policy.example\"; };");
    let bad = || named.answer("bad.hosts.example.", RecordType::A).0;
    // BIND takes up a policy some time after it has loaded its zone.
    service.wait("the policy", |_| bad() == ResponseCode::NXDomain);
    for (host, kind, code) in [
        ("bad", RecordType::A, ResponseCode::NXDomain),
        ("bad6", RecordType::AAAA, ResponseCode::NXDomain),
        ("good", RecordType::A, ResponseCode::NoError),
        ("good6", RecordType::AAAA, ResponseCode::NoError),
        ("listing", RecordType::A, ResponseCode::NoError),
    ] {
        assert_eq!(named.answer(&format!("{host}.hosts.example."), kind).0, code, "{host}");
    }
}

/// `named-checkzone` takes the file, and warns of nothing.
fn checked(zone: &str, file: &Path) {
    let output = Command::new("named-checkzone").arg(zone).arg(file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}");
    let complaint =
        told.lines().any(|line| !line.starts_with(&format!("zone {zone}/IN: loaded serial")) && line != "OK");
    assert!(!complaint, "{told}");
}

/// The other forms; what is corrected while the service is down is heeded; wrong use is told.
#[test]
fn what_is_published_and_nothing_else() {
    let mut service = service("name-servers = [\"ns.bl.example\"]\n");
    let lines =
        |text: &str| -> Vec<String> { text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect() };
    assert_eq!(lines(&export(&service, &["--format", "plain"])), [SPAMMER, BOTH, "2a01:4f8:0:1::/64"]);
    assert_eq!(lines(&export(&service, &["--format", "plain", "--list", "backscatter"])), [REFLECTOR, BOTH]);
    let document: Value = serde_json::from_str(&export(&service, &["--format", "json"])).unwrap();
    assert_eq!(document["zone"], "bl.example");
    assert_eq!(document["lists"], serde_json::json!([{"name": "spam", "code": "127.0.0.2"}]));
    assert_eq!(document["entries"][0]["address"], SPAMMER);
    assert_eq!(document["entries"][2]["network"], "2a01:4f8:0:1::/64");
    for format in ["rbldnsd", "zone", "rpz", "plain", "json"] {
        let text = export(&service, &["--format", format]);
        for secret in ["d0.example", "trap@", "traps\"", "sender.example", "10.9.0.10", TOKEN] {
            assert!(!text.contains(secret), "{format} tells {secret}");
        }
    }
    // This name server lies inside the zone and has no address there: the file must load all the same.
    let zone = service.folder.path().join("bl.zone");
    let output = service.run("export", &["--format", "zone", "--output", zone.to_str().unwrap()]);
    assert!(said(&output).contains("--name-server"), "{}", said(&output));
    checked("bl.example", &zone);
    assert_eq!(fs::metadata(&zone).unwrap().permissions().mode() & 0o777, 0o644);
    // A whole file or the old one, and nothing beside it.
    let names =
        |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert!(!names(service.folder.path()).iter().any(|name| name.to_str().unwrap().starts_with(".bl.zone")));
    let refused: [(&[&str], &str); 5] = [
        (&["--format", "zone", "--list", "spma"], "there are spam, backscatter, mixed"),
        (&["--format", "zone", "--name-server", "ns.bl.example"], "lies inside"),
        (&["--format", "bind"], "possible values"),
        (&["--format", "plain", "--output", "/dev/null"], "it is no file"),
        (&["--format", "plain", "--output", "/nonexistent/file"], "/nonexistent/file"),
    ];
    for (arguments, why) in refused {
        let output = service.run("export", arguments);
        assert!(output.status.code() == Some(2) && said(&output).contains(why), "{arguments:?}: {}", said(&output));
    }
    // After a stop: the same, less what is corrected since.
    service.kill();
    let output = service.run("export", &["--format", "plain"]);
    assert_eq!(lines(&String::from_utf8_lossy(&output.stdout)), [SPAMMER, BOTH, "2a01:4f8:0:1::/64"]);
    assert!(said(&output).contains("no service runs"), "{}", said(&output));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let removed = service.run("remove", &[SPAMMER, "--reason", "mended"]);
    assert!(removed.status.success(), "{}", said(&removed));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(lines(&export(&service, &["--format", "plain"])), [BOTH, "2a01:4f8:0:1::/64"]);
    let config = fs::read_to_string(service.config()).unwrap();
    // Settings that publish nothing are those of another service, as long as something is published.
    let shadow = config.replace("[[relay]]", "[policy]\nmode = \"shadow\"\n[[relay]]");
    fs::write(service.config(), shadow).unwrap();
    let output = service.run("export", &["--format", "plain"]);
    assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{}", said(&output));
    assert!(said(&output).contains("nothing is published"), "{}", said(&output));
    let exempt = "[[exempt]]\nnetworks = [\"2a01:4f8::/32\", \"83.70.211.41\"]\nreason = \"ours\"\n";
    fs::write(service.config(), format!("{config}\n{exempt}")).unwrap();
    assert_eq!(lines(&export(&service, &["--format", "plain"])), [""; 0], "G6");
    fs::write(service.config(), &config).unwrap();
    let retracted = service.run("retract", &["--feed", "traps", "--reason", "it lied"]);
    assert!(retracted.status.success(), "{}", said(&retracted));
    assert_eq!(lines(&export(&service, &["--format", "plain"])), [""; 0], "G5");
    // Nothing to export is no error, and what is not known is not told as nothing.
    checked_empty(&service);
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    ledger.execute("UPDATE journal SET previous = 7 WHERE previous = 0", []).unwrap();
    let output = service.run("export", &["--format", "plain"]);
    assert!(output.status.code() == Some(75) && output.stdout.is_empty(), "{}", said(&output));
    assert!(said(&output).contains("do not tell what is published"), "{}", said(&output));
}

/// An empty zone is one with its test entries.
fn checked_empty(service: &Service) {
    let file = service.folder.path().join("empty.zone");
    export(service, &["--format", "zone", "--output", file.to_str().unwrap()]);
    checked("bl.example", &file);
    assert!(fs::read_to_string(&file).unwrap().contains("2.0.0.127 IN A 127.0.0.2\n"));
    let document: Value = serde_json::from_str(&export(service, &["--format", "json"])).unwrap();
    assert_eq!(document["entries"], serde_json::json!([]));
}
