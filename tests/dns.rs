//! Is the program a name server as the standards have it? Asked over its sockets, byte for byte, by the honest and by
//! those that are limited, refused or dropped. The ids are those of RFCs and their sections.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::{PATIENCE, Service, settings};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use socket2::{Domain, Socket, Type};

/// How long a client waits for what must not come.
const SILENCE: Duration = Duration::from_millis(400);

/// A query of class IN with RD; the id is 0x1234.
fn query(name: &str, qtype: RecordType) -> Vec<u8> {
    let mut bytes = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&u16::from(qtype).to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    bytes
}

/// With an OPT record that offers 1232 bytes and has these options.
fn with_opt(mut query: Vec<u8>, options: &[u8]) -> Vec<u8> {
    query[11] += 1;
    query.extend_from_slice(&[0, 0, 41, 4, 0xD0, 0, 0, 0, 0]);
    query.extend_from_slice(&(options.len() as u16).to_be_bytes());
    query.extend_from_slice(options);
    query
}

fn with_cookie(query: Vec<u8>, cookie: &[u8]) -> Vec<u8> {
    with_opt(query, &[&[0, 10, 0, cookie.len() as u8][..], cookie].concat())
}

/// A client at an address of this machine's 127.0.0.0/8.
fn client_at(address: &str, server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// The answer to one query; nothing if there is none for a while.
fn ask(client: &UdpSocket, query: &[u8]) -> Option<Vec<u8>> {
    client.send(query).unwrap();
    let mut answer = [0; 65_535];
    let length = client.recv(&mut answer).ok()?;
    Some(answer[..length].to_vec())
}

fn connect_from(address: &str, server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(address.parse().unwrap(), 0).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn framed(query: &[u8]) -> Vec<u8> {
    [&(query.len() as u16).to_be_bytes()[..], query].concat()
}

fn receive(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn read(bytes: &[u8]) -> Message {
    Message::from_vec(bytes).unwrap()
}

/// The extended error's code.
fn extended_error(message: &Message) -> Option<u16> {
    use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
    match message.edns.as_ref()?.option(EdnsCode::from(15))? {
        EdnsOption::Unknown(15, data) => Some(u16::from_be_bytes([data[0], data[1]])),
        other => panic!("{other:?}"),
    }
}

fn metric(service: &Service, line: &str) -> u64 {
    let (_, text) = service.get("/metrics");
    let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {line} in {text}")).parse().unwrap()
}

/// Settings with these lines under `[dns]`, and with these tables.
fn settings_with(dns: &str, tables: &str) -> String {
    settings(1).replace("[dns]\n", &format!("[dns]\n{dns}\n")) + tables
}

/// 1035/7766-5, 7766-6.2.1.1, 7766-7, 7766-8: many queries in one segment, one of them byte by byte, and its length
/// alone: each gets the answer that UDP gives, in order, and the connection stays. The question comes back as it was
/// asked, odd case and all.
#[test]
fn streams_in_any_pieces_get_what_datagrams_get() {
    let service = Service::start(&settings(1));
    let udp = client_at("127.0.0.1", service.dns);
    let queries: Vec<Vec<u8>> = [
        ("2.0.0.127.bL.eXaMpLe", RecordType::A),
        ("2.0.0.127.SPAM.bl.example", RecordType::TXT),
        ("9.9.9.9.bl.example", RecordType::A),
        ("bl.example", RecordType::SOA),
        ("BL.EXAMPLE", RecordType::NS),
        ("other.example", RecordType::A),
        ("127.bl.example", RecordType::A),
    ]
    .into_iter()
    .map(|(name, qtype)| query(name, qtype))
    .collect();
    let expected: Vec<Vec<u8>> = queries.iter().map(|query| ask(&udp, query).unwrap()).collect();
    for (query, answer) in queries.iter().zip(&expected) {
        assert_eq!(answer[12..query.len()], query[12..], "the question");
    }
    let mut stream = connect_from("127.0.0.1", service.dns);
    stream.write_all(&queries.iter().flat_map(|query| framed(query)).collect::<Vec<_>>()).unwrap();
    for answer in &expected {
        assert_eq!(receive(&mut stream).unwrap(), *answer);
    }
    for byte in framed(&queries[0]) {
        stream.write_all(&[byte]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(receive(&mut stream).unwrap(), expected[0]);
    // Two and a half in one segment, the rest later.
    let three = [&queries[2], &queries[3], &queries[4]].map(|query| framed(query)).concat();
    stream.write_all(&three[..three.len() - 9]).unwrap();
    assert_eq!(
        [receive(&mut stream).unwrap(), receive(&mut stream).unwrap()],
        [expected[2].clone(), expected[3].clone()]
    );
    stream.write_all(&three[three.len() - 9..]).unwrap();
    assert_eq!(receive(&mut stream).unwrap(), expected[4]);
}

/// E06, 8914-4.19, 5782-6: who is refused gets REFUSED with EDE 18 for everything, the test entry included, and never
/// an A record; who is dropped gets nothing, by datagram or by connection; all others are answered.
#[test]
fn the_refused_and_the_dropped_are_never_answered() {
    let service =
        Service::start(&settings_with("refuse = [\"127.0.1.0/24\"]\ndrop = [\"127.0.2.0/24\", \"127.0.1.9/32\"]", ""));
    let names = ["2.0.0.127.bl.example", "9.9.9.9.bl.example", "bl.example", "other.example", "1.0.0.127.bl.example"];
    let types = [RecordType::A, RecordType::TXT, RecordType::ANY, RecordType::SOA, RecordType::NS, RecordType::AXFR];
    let refused = client_at("127.0.1.1", service.dns);
    let mut stream = connect_from("127.0.1.1", service.dns);
    for name in names {
        for qtype in types {
            let query = with_opt(query(name, qtype), &[]);
            stream.write_all(&framed(&query)).unwrap();
            for answer in [ask(&refused, &query).unwrap(), receive(&mut stream).unwrap()] {
                let message = read(&answer);
                assert_eq!(message.metadata.response_code, ResponseCode::Refused, "{name} {qtype}");
                assert_eq!(extended_error(&message), Some(18));
                assert!(message.answers.is_empty() && message.authorities.is_empty() && message.additionals.is_empty());
            }
        }
    }
    for address in ["127.0.2.1", "127.0.1.9"] {
        let dropped = client_at(address, service.dns);
        dropped.set_read_timeout(Some(SILENCE)).unwrap();
        assert_eq!(ask(&dropped, &query(names[0], RecordType::A)), None, "{address}");
        let mut stream = connect_from(address, service.dns);
        let _ = stream.write_all(&framed(&query(names[0], RecordType::A)));
        assert!(receive(&mut stream).is_err(), "{address}");
    }
    let message = read(&ask(&client_at("127.0.3.1", service.dns), &query(names[0], RecordType::A)).unwrap());
    assert_eq!(message.answers.len(), 1);
}

/// RRL, 7873-5.2.5, 6471-3.8: past its rate a network gets TC, or BADCOOKIE with the cookie that opens the door; by it,
/// over TCP, or from an exempt network, everything is answered; in report mode it is counted and sent.
#[test]
fn floods_are_limited_and_the_proven_are_not() {
    let rates = "per-answer = 5\nper-network = 50\ntotal = 1000\nslip = 1\nexempt = [\"127.0.3.0/24\"]\n";
    let service = Service::start(&settings_with("", &format!("[rate-limit]\nmode = \"enforce\"\n{rates}")));
    let plain = query("2.0.0.127.bl.example", RecordType::A);
    let flooder = client_at("127.0.1.1", service.dns);
    let answers: Vec<Vec<u8>> = (0..200).map(|_| ask(&flooder, &plain).unwrap()).collect();
    let is_cut = |answer: &&Vec<u8>| answer[2] & 2 != 0;
    let cut = answers.iter().filter(is_cut).count();
    // A slow machine takes seconds for them, and each brings as much again.
    assert!((20..=195).contains(&cut), "{cut}");
    assert!(answers.iter().filter(is_cut).all(|answer| answer[6..10] == [0; 4] && answer.len() <= plain.len()));
    let client = with_cookie(plain.clone(), b"12345678");
    let told = (0..500)
        .map(|_| ask(&flooder, &client).unwrap())
        .find(|answer| read(answer).metadata.response_code == ResponseCode::BADCOOKIE);
    let told = told.expect("a limit that bites");
    assert_eq!((told[2] & 2, told.len()), (0, client.len() + 16));
    let proven = with_cookie(plain.clone(), &told[told.len() - 24..]);
    for _ in 0..200 {
        assert_eq!(read(&ask(&flooder, &proven).unwrap()).answers.len(), 1);
    }
    let exempt = client_at("127.0.3.1", service.dns);
    let mut stream = connect_from("127.0.1.1", service.dns);
    stream.write_all(&framed(&plain).repeat(200)).unwrap();
    for _ in 0..200 {
        assert_eq!(read(&ask(&exempt, &plain).unwrap()).answers.len(), 1);
        assert_eq!(read(&receive(&mut stream).unwrap()).answers.len(), 1);
    }
    assert_eq!(read(&ask(&client_at("127.0.4.1", service.dns), &plain).unwrap()).answers.len(), 1);

    let service = Service::start(&settings_with("", &format!("[rate-limit]\nmode = \"report\"\n{rates}")));
    let flooder = client_at("127.0.1.1", service.dns);
    for _ in 0..200 {
        assert_eq!(read(&ask(&flooder, &plain).unwrap()).answers.len(), 1);
    }
}

/// 9018-4, 9018-5: the secrets of a file make the cookies, so that servers of one address share them, and a restart with
/// the next stage of a roll costs no client its cookie; without a file, a restart does.
#[test]
fn cookie_secrets_outlive_the_process_and_roll() {
    let mut service = Service::start(&settings(1));
    let asked = query("2.0.0.127.bl.example", RecordType::A);
    let cookie_of = |service: &Service, theirs: &[u8]| {
        let answer = ask(&client_at("127.0.1.1", service.dns), &with_cookie(asked.clone(), theirs)).unwrap();
        assert_eq!((read(&answer).answers.len(), &answer[answer.len() - 24..answer.len() - 16]), (1, &theirs[..8]));
        answer[answer.len() - 24..].to_vec()
    };
    // A cookie that is good comes back as it is; what is none is answered with another, of this second or the next.
    let (old, new) = ("00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100");
    let stages = [vec![old], vec![old, new], vec![new, old], vec![new]];
    let secrets = service.folder.path().join("cookies.secret");
    let text = fs::read_to_string(service.config()).unwrap();
    fs::write(service.config(), text.replace("[dns]\n", "[dns]\ncookie-secrets = \"cookies.secret\"\n")).unwrap();
    let mut cookie: Option<Vec<u8>> = None;
    for (at, stage) in stages.iter().enumerate() {
        fs::write(&secrets, stage.join("\n")).unwrap();
        service.kill_and_restart();
        if let Some(cookie) = &cookie {
            assert_eq!(&cookie_of(&service, cookie), cookie, "stage {at}");
        }
        // The last stage is to follow when nobody has a cookie of the old secret any more.
        if cookie.is_none() || at == 2 {
            cookie = Some(cookie_of(&service, b"abcdefgh"));
        }
    }
    fs::write(&secrets, old).unwrap();
    service.kill_and_restart();
    let cookie = cookie.unwrap();
    let other = cookie_of(&service, &cookie);
    assert_ne!(other, cookie, "the secret that made it is gone");
    assert_eq!(cookie_of(&service, &other), other);
}

/// 7873-5.4, 7873-5.2.2, 6891-6.1.1, 6891-6.1.3: over real sockets, the queries that break a rule or ask for nothing, and
/// what the next reader on the same connection gets.
#[test]
fn odd_queries_get_what_the_rule_says() {
    let service = Service::start(&settings(1));
    let udp = client_at("127.0.0.1", service.dns);
    let mut stream = connect_from("127.0.0.1", service.dns);
    let plain = query("2.0.0.127.bl.example", RecordType::A);
    let bare = with_cookie(b"\x12\x34\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00".to_vec(), b"12345678");
    let mut version = with_opt(plain.clone(), &[]);
    let at = version.len() - 5;
    version[at] = 1;
    let mut update = plain.clone();
    update[2] = 5 << 3;
    for (query, code) in [
        (plain.clone(), 0),
        (bare, 0),
        (with_cookie(plain.clone(), b"1234567"), 1),
        (with_cookie(plain.clone(), &[1; 15]), 1),
        (with_cookie(plain.clone(), &[1; 41]), 1),
        (with_opt(with_opt(plain.clone(), &[]), &[]), 1),
        ([&plain[..], b"x"].concat(), 1),
        (plain[..30].to_vec(), 1),
        (update, 4),
        (version, 16),
        // Unknown options and flags are no fault.
        (with_opt(plain.clone(), b"\x00\x03\x00\x00\xFF\xFE\x00\x02xx"), 0),
    ] {
        stream.write_all(&framed(&query)).unwrap();
        for answer in [ask(&udp, &query).unwrap(), receive(&mut stream).unwrap()] {
            assert_eq!(u16::from(read(&answer).metadata.response_code), code, "{}", query.escape_ascii());
        }
    }
    // Responses are not answered, so that two servers cannot be set on each other.
    let mut response = plain.clone();
    response[2] |= 0x80;
    udp.set_read_timeout(Some(SILENCE)).unwrap();
    assert_eq!(ask(&udp, &response), None);
    assert_eq!(ask(&udp, b"\x12\x34\x01"), None);
}

/// A service with a list of a file `block.txt`, combined, of this content; without one for none.
fn with_list(content: Option<&str>, more: &str) -> Service {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("block.txt");
    if let Some(content) = content {
        fs::write(&file, content).unwrap();
    }
    let list = format!("[[list]]\nname = \"block\"\ncode = \"127.0.0.20\"\nfile = {file:?}\ncombined = true\n{more}");
    let service = Service::start(&settings_with("", &list));
    // The file stays where it is until the end of the test, beside the service's own.
    fs::write(service.folder.path().join("where"), file.to_str().unwrap()).unwrap();
    let _ = folder.keep();
    service
}

fn list_file(service: &Service) -> std::path::PathBuf {
    fs::read_to_string(service.folder.path().join("where")).unwrap().into()
}

/// Puts a file into the place of another as it is done: aside, then renamed.
fn replace(file: &Path, content: &str) {
    fs::write(file.with_extension("new"), content).unwrap();
    fs::rename(file.with_extension("new"), file).unwrap();
}

/// 5782-5-f, 5782-5-c, 8914-4.15, E01, E04: a list whose file is not there knows nobody, and says so (EDE 14), but for its
/// test entries; when it comes, it is served; while it changes, over and over, who stands in every version is listed at
/// every instant, and who stands in none at no instant; when it goes, what was read stands.
#[test]
fn a_file_comes_changes_and_goes_without_a_wrong_answer() {
    let service = with_list(None, "");
    let udp = client_at("127.0.0.1", service.dns);
    let get =
        |name: &str, qtype| read(&ask(&udp, &with_opt(query(&format!("{name}.bl.example"), qtype), &[])).unwrap());
    let codes = |message: &Message| -> Vec<String> {
        let code = |record: &hickory_proto::rr::Record| match &record.data {
            RData::A(address) => address.0.to_string(),
            other => panic!("{other}"),
        };
        message.answers.iter().map(code).collect()
    };
    for name in ["9.9.9.9.block", "9.9.9.9"] {
        let message = get(name, RecordType::A);
        assert_eq!(
            (message.metadata.response_code, extended_error(&message)),
            (ResponseCode::ServFail, Some(14)),
            "{name}"
        );
    }
    assert_eq!(get("9.9.9.9.spam", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    let tests = |service: &Service| {
        for name in ["2.0.0.127", "2.0.0.127.block", "20.0.0.127.block", "20.0.0.127", "2.0.0.127.spam"] {
            assert_eq!(service.ask(&format!("{name}.bl.example."), RecordType::A).1.len(), 1, "{name}");
            assert_eq!(service.ask(&format!("{name}.bl.example."), RecordType::TXT).1.len(), 1, "{name}");
        }
        for name in ["1.0.0.127", "1.0.0.127.block"] {
            assert_eq!(service.ask(&format!("{name}.bl.example."), RecordType::A).1.len(), 0, "{name}");
        }
    };
    tests(&service);
    let file = list_file(&service);
    let version = |at: usize| {
        let mut text = "20.8.4.4\n1.2.3.0/24 :127.0.0.21:\n".to_owned();
        (0..20_000).for_each(|entry| text += &format!("11.{}.{}.{}\n", at % 2, entry / 250, entry % 250));
        text
    };
    replace(&file, &version(0));
    service
        .wait("the file to be read", |service| service.ask("4.4.8.20.bl.example.", RecordType::A).1 == ["127.0.0.20"]);
    let stop = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let asker = scope.spawn(|| {
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) || rounds == 0 {
                assert_eq!(codes(&get("4.4.8.20.block", RecordType::A)), ["127.0.0.20"]);
                assert_eq!(codes(&get("99.3.2.1", RecordType::A)), ["127.0.0.21"]);
                // No half of one version beside a half of another.
                let halves = ["7.9.0.11.block", "7.9.1.11.block"].map(|name| get(name, RecordType::A).answers.len());
                assert!(halves[0] + halves[1] <= 2);
                for name in ["9.9.9.9", "0.4.2.1", "1.0.0.127", "1.0.0.127.block"] {
                    let message = get(name, RecordType::A);
                    assert_eq!(
                        (message.metadata.response_code, message.answers.len()),
                        (ResponseCode::NXDomain, 0),
                        "{name}"
                    );
                }
                assert_eq!(codes(&get("21.0.0.127", RecordType::A)), ["127.0.0.21"]);
                rounds += 1;
            }
            rounds
        });
        for at in 1..4 {
            replace(&file, &version(at));
            let (there, gone) = (at % 2, (at + 1) % 2);
            service.wait("the next version", |service| {
                let listed =
                    |half| !service.ask(&format!("7.9.{half}.11.block.bl.example."), RecordType::A).1.is_empty();
                listed(there) && !listed(gone)
            });
        }
        // A version with a mistake is refused whole, and none is none.
        replace(&file, "9.9.9.9\nthis is no address\n");
        std::thread::sleep(Duration::from_secs(5));
        fs::remove_file(&file).unwrap();
        std::thread::sleep(Duration::from_secs(3));
        stop.store(true, Ordering::Relaxed);
        asker.join().unwrap()
    });
    assert!(rounds > 3, "{rounds}");
    tests(&service);
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

/// 6471-3.5-a, 6471-3.5-b, 5782-7: a file that lists the whole Internet lists no special-use address and nothing of
/// loopback but the test entries; 5782-2.1-b: its texts come whole over TCP, however many.
#[test]
fn a_file_of_everything_spares_what_is_special() {
    let mut text = "$MAXRANGE4 /1\n0.0.0.0/1 :127.0.0.30:everybody $\n128.0.0.0/1 :127.0.0.30:everybody $\n".to_owned();
    (0..16).for_each(|at| text += &format!("20.1.1.1 :127.0.0.{}:{at} {}\n", 40 + at, "x".repeat(180)));
    let service = with_list(Some(&text), "");
    let listed = |address: &str| {
        let octets: Vec<&str> = address.split('.').rev().collect();
        service.ask(&format!("{}.block.bl.example.", octets.join(".")), RecordType::A).1
    };
    service.wait("the file to be read", |_| !listed("20.8.8.8").is_empty());
    for address in [
        "0.1.2.3",
        "10.1.1.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.1.1",
        "172.16.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ] {
        assert!(listed(address).is_empty(), "{address}");
    }
    assert_eq!(listed("127.0.0.30"), ["127.0.0.30"], "a test entry");
    let asked = with_opt(query("1.1.1.20.block.bl.example", RecordType::TXT), &[]);
    let cut = read(&ask(&client_at("127.0.0.1", service.dns), &asked).unwrap());
    assert!(cut.metadata.truncation && cut.answers.is_empty(), "too much for a datagram to a stranger (E08)");
    let mut stream = connect_from("127.0.0.1", service.dns);
    stream.write_all(&framed(&asked)).unwrap();
    let whole = read(&receive(&mut stream).unwrap());
    assert!(whole.answers.len() >= 16 && !whole.metadata.truncation, "{}", whole.answers.len());
    assert!(whole.answers.iter().all(|record| record.ttl == whole.answers[0].ttl), "2181-5.2");
    fs::remove_dir_all(list_file(&service).parent().unwrap()).unwrap();
}

/// 5782-5-a, 5782-5-d, 5782-5-f: in shadow mode nothing is published but the test entries. 6471-3.4: the stages of an end
/// from the settings to the wire.
#[test]
fn shadow_and_sunset_list_nobody() {
    let six = "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0";
    for (tables, tests, told) in [
        ("[policy]\nmode = \"shadow\"\n", true, false),
        ("[zone]\nsunset = \"announced\"\n", true, true),
        ("[zone]\nsunset = \"empty\"\n", true, true),
        ("[zone]\nsunset = \"off\"\n", false, true),
    ] {
        let service = Service::start(&settings_with("", tables));
        for below in ["", "spam.", "mixed.", "backscatter."] {
            for name in ["2.0.0.127", six] {
                let (code, records) = service.ask(&format!("{name}.{below}bl.example."), RecordType::A);
                assert_eq!(
                    (code, records.len()),
                    if tests { (ResponseCode::NoError, 1) } else { (ResponseCode::NXDomain, 0) },
                    "{tables}"
                );
            }
            for name in ["1.0.0.127", "9.9.9.9", "1.2.0.192"] {
                let (code, records) = service.ask(&format!("{name}.{below}bl.example."), RecordType::A);
                assert_eq!((code, records.len()), (ResponseCode::NXDomain, 0), "{tables}: {name}");
            }
        }
        assert_eq!(service.ask("bl.example.", RecordType::TXT).1.len(), usize::from(told), "{tables}");
    }
}

/// 6471-3.6: the service probes nobody: whatever it is told and asked, it opens no connection and no socket but those
/// that it listens on.
#[test]
fn nobody_is_probed() {
    let service = Service::start(&settings(1));
    service.submit("trap@d0.example", &harness::message("20.1.2.3", 1)).unwrap();
    for name in ["3.2.1.20.bl.example.", "2.0.0.127.bl.example.", "other.example."] {
        service.ask(name, RecordType::A);
    }
    let own: Vec<String> = fs::read_dir(format!("/proc/{}/fd", service.id()))
        .unwrap()
        .filter_map(|file| {
            Some(
                fs::read_link(file.ok()?.path())
                    .ok()?
                    .to_str()?
                    .strip_prefix("socket:[")?
                    .trim_end_matches(']')
                    .to_owned(),
            )
        })
        .collect();
    assert!(own.len() >= 3, "{own:?}");
    let listening = [service.dns.port(), service.http.port()];
    for table in ["udp", "udp6", "tcp", "tcp6"] {
        for line in fs::read_to_string(format!("/proc/net/{table}")).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if own.iter().any(|inode| fields[9] == inode) {
                let port = u16::from_str_radix(fields[1].rsplit(':').next().unwrap(), 16).unwrap();
                assert!(listening.contains(&port), "{table}: {line}");
            }
        }
    }
}

/// G8, E10: a flood of garbage over every path costs others nothing: they are answered all the while, and the counts say
/// what came.
#[test]
fn garbage_holds_nobody_up() {
    let service = Service::start(&settings(1));
    let honest = client_at("127.0.0.1", service.dns);
    let plain = query("2.0.0.127.bl.example", RecordType::A);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let garbage = client_at("127.0.5.1", service.dns);
            garbage.set_nonblocking(true).unwrap();
            let mut state = 9u64;
            while !stop.load(Ordering::Relaxed) {
                let mut bytes = [0; 64];
                for byte in &mut bytes {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *byte = (state >> 56) as u8;
                }
                bytes[2] &= 0x7F;
                let _ = garbage.send(&bytes[..usize::from(bytes[0] % 64)]);
                while garbage.recv(&mut [0; 600]).is_ok() {}
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        let began = Instant::now();
        let mut answered = 0;
        while began.elapsed() < Duration::from_secs(2) {
            assert_eq!(read(&ask(&honest, &plain).unwrap()).answers.len(), 1);
            let mut stream = connect_from("127.0.0.1", service.dns);
            stream.write_all(&[&framed(&plain)[..], &[0, 12], &[0xFF; 12]].concat()).unwrap();
            assert_eq!(read(&receive(&mut stream).unwrap()).answers.len(), 1);
            answered += 1;
        }
        stop.store(true, Ordering::Relaxed);
        assert!(answered > 0);
    });
    let (_, text) = service.get("/metrics");
    assert!(text.contains("malformed") && !text.contains("127.0.5.1"), "{text}");
    assert!(metric(&service, "firsthand_connections_total{transport=\"tcp\",what=\"taken\"}") > 0);
}

/// E10, E11: a query log is there only when it is asked for, and holds no address of a client; nobody forges a line; it goes
/// on in a new file when the old one is renamed, and follows the settings at a reload.
#[test]
fn a_query_log_is_kept_on_demand_and_by_networks() {
    let listen = "listen = [\"127.0.0.1:0\"]\n[http]";
    let text = settings(1).replace(listen, &listen.replace("[\"127", "[\"[::1]:0\", \"127"));
    let service = Service::start(&text);
    let (log, moved) = (service.folder.path().join("queries.log"), service.folder.path().join("queries.log.1"));
    let (four, mut stream) = (client_at("127.0.1.77", service.dns), connect_from("127.0.2.77", service.dns));
    let six = service.announced.iter().find_map(|line| line.split_once("DNS on [::1]:")?.1.split(' ').next());
    let six = UdpSocket::bind("[::1]:0").and_then(|socket| {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.connect(("::1", six.unwrap().parse().unwrap())).map(|()| socket)
    });
    let six = six.unwrap();
    let plain = query("2.0.0.127.bL.example", RecordType::A);
    assert!(ask(&four, &plain).is_some());
    let config = fs::read_to_string(service.config()).unwrap();
    let reload = |text: &str| {
        fs::write(service.config(), text).unwrap();
        let output = service.run("reload", &[]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let with_log = config.replace("[dns]\n", "[dns]\nquery-log = \"queries.log\"\n");
    assert!(reload(&with_log).contains("dns.query-log"));

    let lines =
        |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect::<Vec<_>>();
    // Labels of a client's choice: they end the line and begin another, or try to.
    let mut forged = query("a.b.bl.example", RecordType::TXT);
    forged[13] = b'\n';
    forged[15] = b' ';
    for query in [&plain, &forged, &with_opt(query("9.9.9.9.bl.example", RecordType::AAAA), &[])] {
        assert!(ask(&four, query).is_some() && ask(&six, query).is_some());
        stream.write_all(&framed(query)).unwrap();
        receive(&mut stream).unwrap();
    }
    assert!(ask(&four, &plain[..14]).is_some());
    service.wait("ten lines", |_| lines(&log).len() == 10);
    let told: Vec<String> = lines(&log).iter().map(|line| line.split_once("Z ").unwrap().1.to_owned()).collect();
    for client in ["udp 127.0.1.0/24", "tcp 127.0.2.0/24", "udp ::/48"] {
        for rest in [
            "A 2.0.0.127.bL.example test-entry NOERROR",
            "TXT \\010.\\032.bl.example no-name NXDOMAIN",
            "AAAA 9.9.9.9.bl.example no-name NXDOMAIN",
        ] {
            assert!(told.contains(&format!("{client} {rest}")), "{client} {rest}: {told:#?}");
        }
    }
    assert!(told.contains(&"udp 127.0.1.0/24 - - malformed FORMERR".to_owned()), "{told:#?}");
    let whole = fs::read_to_string(&log).unwrap();
    assert!(!whole.contains(".77") && !whole.contains("::1"), "{whole}");
    let began = jiff::Timestamp::now().as_second();
    assert!(lines(&log).iter().all(|line| {
        let at: jiff::Timestamp = line.split(' ').next().unwrap().parse().unwrap();
        (0..60).contains(&(began - at.as_second()))
    }));
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o137, 0);

    fs::rename(&log, &moved).unwrap();
    service.wait("a new file, before anything is asked", |_| log.exists());
    assert!(ask(&four, &plain).is_some());
    service.wait("a line in it", |_| lines(&log).len() == 1);
    assert_eq!(lines(&moved).len(), 10);
    // A folder that is not there costs lines, and no answer; without the setting nothing is written.
    reload(&with_log.replace("queries.log", "no/queries.log"));
    assert!(ask(&four, &plain).is_some() && ask(&six, &plain).is_some());
    service.wait("the loss", |service| metric(service, "firsthand_dns_query_log_lost_total") == 2);
    let said = fs::read_to_string(service.folder.path().join("log")).unwrap();
    assert_eq!(said.matches("the query log cannot be written").count(), 1, "{said}");
    reload(&config);
    assert!(ask(&four, &plain).is_some());
    std::thread::sleep(SILENCE);
    assert_eq!((lines(&log).len(), metric(&service, "firsthand_dns_query_log_lost_total")), (1, 2));
}

/// A query log that may not grow holds whole lines all the same, answers go on, and so does the log when there is room again.
#[test]
fn a_query_log_without_room_ends_with_a_whole_line() {
    const LIMIT: u64 = 32 << 20;
    let mut service = Service::start(&settings_with("query-log = \"queries.log\"", ""));
    service.kill();
    let (program, log) = (service.folder.path().join("firsthand"), service.folder.path().join("queries.log"));
    let limited = format!("#!/bin/sh\nulimit -f {}\ntrap '' XFSZ\nexec {} \"$@\"\n", LIMIT / 512, harness::FIRSTHAND);
    fs::write(&program, limited).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    // Room for some lines and a half; what is before takes none of the disk.
    let start = LIMIT - 1010;
    fs::File::options().write(true).open(&log).unwrap().set_len(start).unwrap();
    service.restart();
    let udp = client_at("127.0.0.1", service.dns);
    let name = "2.0.0.127.bl.example";
    (0..40).for_each(|_| assert!(ask(&udp, &query(name, RecordType::A)).is_some()));
    let written = || {
        let mut file = fs::File::open(&log).unwrap();
        file.seek(SeekFrom::Start(start)).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    };
    let lost = |service: &Service| metric(service, "firsthand_dns_query_log_lost_total");
    service.wait("all lines, written or lost", |service| written().lines().count() as u64 + lost(service) == 40);
    let text = written();
    assert!(text.len() > 900 && text.ends_with(" test-entry NOERROR\n"), "{text}");
    assert!(text.lines().all(|line| line.split(' ').count() == 7), "{text}");
    let before = lost(&service);
    fs::write(&log, "").unwrap();
    assert!(ask(&udp, &query(name, RecordType::A)).is_some());
    service.wait("a line where there is room", |_| fs::read_to_string(&log).unwrap().lines().count() == 1);
    assert_eq!(lost(&service), before);
    let said = fs::read_to_string(service.folder.path().join("log")).unwrap();
    for what in ["the query log cannot be written", "the query log is written again"] {
        assert_eq!(said.matches(what).count(), 1, "{said}");
    }
}
