//! DNS over TCP, TLS and HTTPS, and HTTP, as real clients speak them and as hostile ones hold them open.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use harness::{PATIENCE, Service, settings};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

/// The test entry of the combined zone, which is always there (RFC 5782 §5).
const TEST_ENTRY: &str = "2.0.0.127.bl.example";
/// A query for it, of type A.
const QUERY: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x012\x010\x010\x03127\x02bl\x07example\x00\x00\x01\x00\x01";
/// The name in the certificates.
const NAME: &str = "ns.bl.example";

/// A service with every listener that takes streams.
struct Streams {
    service: Service,
    /// Where certificate and key are.
    folder: tempfile::TempDir,
    tls: SocketAddr,
    https: SocketAddr,
}

/// Starts one with more lines for `[dns]`.
fn start(lines: &str) -> Streams {
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path(), NAME);
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let encrypted = format!(
        "[dns]\ntls = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]\ncertificate = {certificate:?}\nkey = {key:?}\n{lines}\n"
    );
    let service = Service::start(&settings(1).replace("[dns]\n", &encrypted));
    let announced = |what: &str| {
        let line = service.announced.iter().find_map(|line| line.split_once(what)).unwrap().1;
        line.trim_end_matches("/dns-query").parse().unwrap()
    };
    let (tls, https) = (announced("DNS over TLS on "), announced("DNS over HTTPS on https://"));
    Streams { service, folder, tls, https }
}

/// Puts a new certificate and its key into `folder`, as it is done: each made aside and renamed.
fn issue(folder: &Path, name: &str) {
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let aside = |path: &Path| path.with_extension("new");
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9"])
        .args(["-subj", &format!("/CN={name}"), "-addext", &format!("subjectAltName=DNS:{name}")])
        .arg("-keyout")
        .arg(aside(&key))
        .arg("-out")
        .arg(aside(&certificate))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    fs::rename(aside(&key), key).unwrap();
    fs::rename(aside(&certificate), certificate).unwrap();
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn run(program: &str, arguments: &[&str]) -> String {
    said(&Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}")))
}

fn framed(query: &[u8]) -> Vec<u8> {
    [&(query.len() as u16).to_be_bytes()[..], query].concat()
}

/// Connects from an address of this machine's 127.0.0.0/8.
fn connect_from(source: [u8; 4], server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(IpAddr::V4(Ipv4Addr::from(source)), 0).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Asks over an open stream whether the test entry is listed.
fn ask(stream: &mut (impl Read + Write)) -> std::io::Result<()> {
    stream.write_all(&framed(QUERY))?;
    stream.flush()?;
    read_answer(stream)
}

/// Reads the answer to [`QUERY`].
fn read_answer(stream: &mut impl Read) -> std::io::Result<()> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer)?;
    assert!(answer.starts_with(b"\x12\x34") && answer.ends_with(&[127, 0, 0, 2]), "{answer:?}");
    Ok(())
}

/// Waits until the server closes a stream.
fn wait_for_end(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut taken = Vec::new();
    let ended = stream.read_to_end(&mut taken);
    let timed_out = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    assert!(!ended.as_ref().is_err_and(timed_out), "still open after {:?}", began.elapsed());
    began.elapsed()
}

fn metric(service: &Service, line: &str) -> u64 {
    let (_, text) = service.get("/metrics");
    let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {line} in {text}")).parse().unwrap()
}

/// Over each transport the same answer, byte by byte where the client shows it: dig, kdig, curl (RFC 7766, 7858, 8484).
#[test]
fn real_clients_are_answered_over_every_transport() {
    let streams = start("");
    let [dns, tls, https] = [streams.service.dns, streams.tls, streams.https].map(|at| at.port().to_string());
    let answer = run("dig", &["+tcp", "+short", "-p", &dns, "@127.0.0.1", TEST_ENTRY]);
    assert_eq!(answer, "127.0.0.2\n");
    let answer = run("dig", &["+tcp", "+keepopen", "+short", "-p", &dns, "@127.0.0.1", TEST_ENTRY, TEST_ENTRY]);
    assert_eq!(answer, "127.0.0.2\n127.0.0.2\n");
    let ca = format!("+tls-ca={}", streams.folder.path().join("cert.pem").display());
    let name = format!("+tls-hostname={NAME}");
    for transport in [&["+tls"][..], &["+https"], &["+https", "+https-get"]] {
        let port = if transport[0] == "+tls" { &tls } else { &https };
        let common = [&ca, &name, "+timeout=5", "+retry=0", "-p", port, "@127.0.0.1", TEST_ENTRY, "A"];
        let answer = run("kdig", &[transport, &common].concat());
        assert!(answer.contains("127.0.0.2") && answer.contains("NOERROR"), "{transport:?}: {answer}");
        // A name that the certificate does not have is the client's to refuse, and it does: this is the certificate.
        let common = [&ca, "+tls-hostname=other.example", "+timeout=5", "+retry=0", "-p", port, "@127.0.0.1", "x"];
        assert!(!run("kdig", &[transport, &common].concat()).contains("NOERROR"));
    }
    // A pipeline of one connection, and what no query is.
    let mut stream = connect_from([127, 0, 0, 1], streams.service.dns);
    stream.write_all(&framed(QUERY).repeat(50)).unwrap();
    (0..50).for_each(|_| read_answer(&mut stream).unwrap());
    stream.write_all(&[0, 3, 1, 2, 3]).unwrap();
    wait_for_end(&mut stream);
    for transport in ["tcp", "tls", "https"] {
        let line = format!("firsthand_connections_total{{transport=\"{transport}\",what=\"taken\"}}");
        assert!(metric(&streams.service, &line) >= 1, "{transport}");
    }
}

/// RFC 8484: types, lengths, methods, and how long an answer may be kept.
#[test]
fn https_refuses_what_is_no_query_and_says_how_long_an_answer_is_good() {
    let streams = start("");
    let folder = streams.folder.path();
    let ca = folder.join("cert.pem");
    let resolve = format!("{NAME}:{}:127.0.0.1", streams.https.port());
    let base = format!("https://{NAME}:{}", streams.https.port());
    fs::write(folder.join("query"), QUERY).unwrap();
    fs::write(folder.join("long"), vec![0; 4097]).unwrap();
    fs::write(folder.join("response"), [&QUERY[..2], &[0x81], &QUERY[3..]].concat()).unwrap();
    // A name that is not there, and one that is not ours.
    fs::write(folder.join("absent"), [&QUERY[..13], b"9", &QUERY[14..]].concat()).unwrap();
    fs::write(folder.join("foreign"), [&QUERY[..22], b"xx\x07foreign\x00\x00\x01\x00\x01"].concat()).unwrap();
    let curl = |arguments: &[&str]| {
        let fixed =
            ["-sS", "-i", "--http2", "--cacert", ca.to_str().unwrap(), "--resolve", &resolve, "--max-time", "9"];
        let text = run("curl", &[&fixed, arguments].concat());
        let status = text.split(' ').nth(1).unwrap_or_default().to_owned();
        (status, text.to_ascii_lowercase())
    };
    let url = format!("{base}/dns-query");
    let post = |file: &str, kind: &str| {
        let (body, kind) = (format!("@{}", folder.join(file).display()), format!("content-type: {kind}"));
        curl(&["--data-binary", &body, "-H", &kind, &url])
    };
    const MESSAGE: &str = "application/dns-message";
    let (status, text) = post("query", MESSAGE);
    assert!(status == "200" && text.contains("content-type: application/dns-message"), "{text}");
    assert!(text.contains("cache-control: max-age=300"), "{text}");
    // RFC 2308 §5, RFC 8484 §5.1: by the SOA.
    let (status, text) = post("absent", MESSAGE);
    assert!(status == "200" && text.contains("cache-control: max-age=60"), "{text}");
    let (status, text) = post("foreign", MESSAGE);
    assert!(status == "200" && text.contains("cache-control: no-store"), "{text}");
    for (file, kind, wanted) in [
        ("query", "application/octet-stream", "415"),
        ("query", "application/dns-json", "415"),
        ("long", MESSAGE, "413"),
        ("response", MESSAGE, "400"),
    ] {
        // Often enough that an answer which overtakes the body would show.
        for _ in 0..10 {
            let (status, text) = post(file, kind);
            assert_eq!(status, wanted, "{file}, {kind}: {text}");
        }
    }
    for (path, wanted) in [
        ("/", "404"),
        ("/dns-query", "400"),
        ("/dns-query?dns=", "400"),
        ("/dns-query?dns=AAAA", "400"),
        ("/dns-query?dns=A%2B", "400"),
        ("/dns-query?name=x", "400"),
    ] {
        let (status, text) = curl(&[&format!("{base}{path}")]);
        assert_eq!(status, wanted, "{path}: {text}");
    }
    assert_eq!(curl(&[&format!("{url}?dns={}", "A".repeat(6000))]).0, "414");
    let (status, text) = curl(&["-X", "PUT", &url]);
    assert!(status == "405" && text.contains("allow: get, post"), "{text}");
}

/// Whoever holds a listener open, and sends nothing or too slowly, is closed; others are answered all the while.
#[test]
fn slow_clients_are_closed_on_every_listener() {
    let streams = start("tcp-idle = \"1s\"");
    let service = &streams.service;
    let mut held = Vec::new();
    for (listener, drip) in [(service.dns, &[0, 42][..]), (streams.tls, &[0x16, 3, 1]), (streams.https, &[0x16, 3, 1])]
    {
        held.push((listener, Vec::new()));
        held.push((listener, drip.to_vec()));
    }
    held.push((service.http, b"GET / HTTP/1.1\r\n".to_vec()));
    held.push((service.http, Vec::new()));
    std::thread::scope(|scope| {
        for (listener, drip) in held {
            scope.spawn(move || {
                let mut stream = TcpStream::connect(listener).unwrap();
                for byte in drip {
                    stream.write_all(&[byte]).unwrap();
                    std::thread::sleep(Duration::from_millis(20));
                }
                // The handshake has five seconds, HTTP's header ten.
                assert!(wait_for_end(&mut stream) < Duration::from_secs(15));
            });
        }
        // Who finished a handshake and then says nothing has no longer.
        for (listener, protocol) in [(streams.tls, "dot"), (streams.https, "h2")] {
            scope.spawn(move || {
                let began = Instant::now();
                let mut client = Secured::connect(listener, protocol);
                client.child.wait().unwrap();
                assert!(began.elapsed() < Duration::from_secs(6), "{protocol}: {:?}", began.elapsed());
            });
        }
        scope.spawn(|| (0..20).for_each(|_| ask(&mut connect_from([127, 0, 0, 1], service.dns)).unwrap()));
    });
    for transport in ["tcp", "tls", "https"] {
        service.wait("all to be closed", |service| {
            metric(service, &format!("firsthand_connections_open{{transport=\"{transport}\"}}")) == 0
        });
    }
    assert!(metric(service, "firsthand_connections_total{transport=\"tls\",what=\"handshake-failed\"}") >= 2);
}

/// One network does not lock another out, and all of them together do not, either.
#[test]
fn idle_connections_lock_nobody_out() {
    let streams = start("tcp-connections = 1000\ntcp-per-prefix = 400\ntcp-idle = \"60s\"");
    let service = &streams.service;
    let mut held = Vec::new();
    for number in 0..600 {
        held.push(connect_from(
            [127, 0, 1, (number % 200 + 1) as u8],
            [service.dns, streams.tls, streams.https][number % 3],
        ));
        if number % 3 == 0 {
            held.push(connect_from([127, 0, 1, (number % 200 + 1) as u8], service.http));
        }
    }
    let refused = ["tcp", "tls", "https"].map(|transport| {
        let line = format!("firsthand_connections_total{{transport=\"{transport}\",what=\"refused-network\"}}");
        move |service: &Service| metric(service, &line)
    });
    service.wait("the network to be refused", |service| refused.iter().map(|count| count(service)).sum::<u64>() == 200);
    let line = "firsthand_connections_total{transport=\"http\",what=\"refused-network\"}";
    service.wait("HTTP to refuse", |service| metric(service, line) >= 72);
    // The metrics themselves were read from another network.
    ask(&mut connect_from([127, 0, 2, 1], service.dns)).unwrap();
    ask(&mut Secured::connect(streams.tls, "dot")).unwrap();
    // Five more networks want all there is, and more: the first give way, who asks does not.
    let mut active = connect_from([127, 0, 3, 1], service.dns);
    ask(&mut active).unwrap();
    for number in 0..1500 {
        held.push(connect_from([127, 0, 10 + (number / 300) as u8, 1], service.dns));
        if number % 100 == 0 {
            ask(&mut active).unwrap();
            ask(&mut connect_from([127, 0, 4, 1], service.dns)).unwrap();
        }
    }
    ask(&mut active).unwrap();
    assert!(metric(service, "firsthand_connections_total{transport=\"tcp\",what=\"evicted\"}") > 300);
    let open = ["tcp", "tls", "https"]
        .map(|transport| metric(service, &format!("firsthand_connections_open{{transport=\"{transport}\"}}")));
    assert!(open.iter().sum::<u64>() <= 1063, "{open:?}");
}

/// 5,000 idle connections, slow readers and pipelined bursts: UDP answers, memory is bounded.
#[test]
fn five_thousand_connections_cost_little() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let streams = start("tcp-connections = 6000\ntcp-per-prefix = 6000\ntcp-idle = \"60s\"");
    let service = &streams.service;
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(PATIENCE)).unwrap();
    udp.connect(service.dns).unwrap();
    let slowest = |rounds: usize| {
        let times = (0..rounds).map(|_| {
            let began = Instant::now();
            udp.send(QUERY).unwrap();
            udp.recv(&mut [0; 512]).unwrap();
            began.elapsed()
        });
        times.max().unwrap()
    };
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
    };
    slowest(100);
    let before = resident();
    let mut held: Vec<_> = (0..5000).map(|_| connect_from([127, 0, 0, 1], service.dns)).collect();
    service.wait("all to be taken", |service| metric(service, "firsthand_connections_open{transport=\"tcp\"}") == 5000);
    let idle = resident();
    println!("5,000 idle connections: {} KiB", idle.saturating_sub(before));
    assert!(idle.saturating_sub(before) < 30_000, "{before} KiB before, {idle} KiB with 5,000 idle connections");
    // Each asks once and is idle again: nothing stays behind.
    held.iter_mut().for_each(|stream| ask(stream).unwrap());
    let again = resident();
    println!("after a query on each: {} KiB", again.saturating_sub(before));
    assert!(again.saturating_sub(before) < 40_000, "{before} KiB before, {again} KiB after");
    // A hundred ask as much as they may and read nothing.
    let burst = framed(QUERY).repeat(2000);
    for stream in &mut held[..100] {
        stream.set_nonblocking(true).unwrap();
        while matches!(stream.write(&burst), Ok(1..)) {}
    }
    let slow = slowest(200);
    let under_load = resident();
    println!("with a hundred slow readers: {} KiB; slowest UDP answer {slow:?}", under_load.saturating_sub(before));
    assert!(under_load.saturating_sub(before) < 80_000, "{before} KiB before, {under_load} KiB under load");
    assert!(slow < Duration::from_secs(1), "{slow:?}");
}

/// The next handshake shows a new certificate, open connections go on, and a broken pair changes nothing.
#[test]
fn certificates_are_replaced_while_they_serve() {
    let streams = start("tcp-idle = \"60s\"");
    let folder = streams.folder.path();
    let shown = |name: &str| [streams.tls, streams.https].iter().all(|server| subject(*server).contains(name));
    assert!(shown(NAME));
    let expiry = metric(&streams.service, "firsthand_dns_certificate_expiry_seconds");
    assert!(expiry > 1_700_000_000);
    let mut open = Secured::connect(streams.tls, "dot");
    ask(&mut open).unwrap();

    issue(folder, "second.bl.example");
    streams.service.wait("the second certificate", |_| shown("second.bl.example"));
    ask(&mut open).unwrap();

    let log = || fs::read_to_string(streams.service.folder.path().join("log")).unwrap();
    let told = || log().matches("the new certificate cannot be served").count();
    fs::write(folder.join("key.pem"), "-----BEGIN PRIVATE KEY-----\nno key\n-----END PRIVATE KEY-----\n").unwrap();
    streams.service.wait("the broken key to be told", |_| told() == 1);
    std::thread::sleep(Duration::from_secs(5));
    assert!(told() == 1 && shown("second.bl.example"), "{}", log());
    ask(&mut open).unwrap();

    issue(folder, "third.bl.example");
    streams.service.wait("the third certificate", |_| shown("third.bl.example"));
    ask(&mut open).unwrap();
    assert!(metric(&streams.service, "firsthand_dns_certificate_expiry_seconds") >= expiry);
}

/// The subject of the certificate that a listener shows.
fn subject(server: SocketAddr) -> String {
    let client = Command::new("openssl")
        .args(["s_client", "-connect", &server.to_string(), "-servername", NAME])
        .stdin(Stdio::null())
        .output();
    said(&client.unwrap()).lines().find(|line| line.contains("subject=")).unwrap_or_default().to_owned()
}

/// What is wrong with a pair is told with file, line, key and mend, before anything is served.
#[test]
fn a_pair_that_does_not_fit_is_refused_at_the_start() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    issue(folder.path(), NAME);
    issue(other.path(), NAME);
    let file = folder.path().join("firsthand.toml");
    let check = |lines: &str| {
        fs::write(&file, format!("[dns]\ntls = [\"127.0.0.1:0\"]\n{lines}")).unwrap();
        run(harness::FIRSTHAND, &["check", "--config", file.to_str().unwrap()])
    };
    let other_key = other.path().join("key.pem");
    for (lines, told) in [
        (String::new(), "dns.certificate"),
        ("certificate = \"cert.pem\"\n".to_owned(), "dns.key"),
        ("certificate = \"no.pem\"\nkey = \"key.pem\"\n".to_owned(), "no.pem cannot be read"),
        ("certificate = \"cert.pem\"\nkey = \"cert.pem\"\n".to_owned(), "holds no private key"),
        (format!("certificate = \"cert.pem\"\nkey = {other_key:?}\n"), "is not the key of the certificate"),
    ] {
        let output = check(&lines);
        assert!(output.contains(told) && output.contains("firsthand.toml:"), "{lines}: {output}");
    }
    let output = check("certificate = \"cert.pem\"\nkey = \"key.pem\"\n");
    assert!(!output.contains("dns."), "{output}");
}

/// A connection within TLS, by `openssl s_client`.
struct Secured {
    child: Child,
}

impl Secured {
    fn connect(server: SocketAddr, protocol: &str) -> Self {
        let child = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &server.to_string(), "-servername", NAME, "-alpn", protocol])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child }
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.child.stdin.as_mut().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.child.stdin.as_mut().unwrap().flush()
    }
}

impl Read for Secured {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        self.child.stdout.as_mut().unwrap().read(bytes)
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
