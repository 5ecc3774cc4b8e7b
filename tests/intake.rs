//! What does the HTTP intake take, what does it refuse, and how does it say so?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use harness::{FIRSTHAND, Service, TOKEN, message, settings};
use hickory_proto::rr::RecordType;

#[test]
fn answers_say_what_is_wrong() {
    let service = Service::start(&settings(3));
    let bearer = format!("Bearer {TOKEN}");
    let sample = message("26.1.2.3", 1);
    let post = |headers: &[(&str, &str)]| {
        let (status, body) = service.submit_with(headers, &sample).unwrap();
        (status, body["error"].as_str().unwrap_or_default().to_owned())
    };
    let trap = ("Firsthand-Trap", "trap@d0.example");
    assert_eq!(post(&[trap]), (401, "no-token".into()));
    assert_eq!(post(&[("Authorization", "Bearer not-the-token-of-any"), trap]), (401, "wrong-token".into()));
    assert_eq!(post(&[("Authorization", &bearer)]), (400, "no-trap".into()));
    assert_eq!(
        post(&[("Authorization", &bearer), ("Firsthand-Trap", "a@nowhere.example")]),
        (404, "unknown-trap".into())
    );
    assert_eq!(
        post(&[("Authorization", &bearer), trap, ("Firsthand-Observed-Peer", "010.1.1.1")]),
        (400, "wrong-peer".into())
    );
    let (status, body) = service.submit("trap@d0.example", &sample).unwrap();
    assert_eq!((status, &body["verdict"]["origin"], &body["evidence"]), (202, &"26.1.2.3".into(), &"counted".into()));
    assert_eq!(service.submit("trap@d0.example", &sample).unwrap().1["repeat"], true);
    // A stranger's body is not read: the answer comes while most of it is still owed.
    let unread = service.post_unfinished(&[("Authorization", "Bearer not-the-token-of-any"), trap], 40 << 20);
    assert_eq!(unread, 401);
    // Mail is never an error: garbage is judged, kept and answered.
    let (status, body) = service.submit("trap@d0.example", b"\xff\x00 no mail at all").unwrap();
    assert_eq!((status, &body["verdict"]["reason"]), (202, &"malformed-header".into()));
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_samples_total{verdict=\"attributed\"} 1"), "{metrics}");
    assert!(metrics.contains("firsthand_samples_refused_total{why=\"wrong-token\"} 2"), "{metrics}");
    assert!(!metrics.contains("26.1.2.3") && !metrics.contains("example"), "{metrics}");
    assert_eq!(service.get("/readyz").0, 200);
}

/// The null sender in the envelope makes a bounce, which never counts for `spam` (G3).
#[test]
fn bounces_list_nobody() {
    let service = Service::start(&settings(3));
    for trap in 0..3 {
        let (trap, bearer) = (format!("trap@d{trap}.example"), format!("Bearer {TOKEN}"));
        let headers = [("Authorization", bearer.as_str()), ("Firsthand-Trap", &trap), ("Firsthand-Mail-From", "<>")];
        let (status, body) = service.submit_with(&headers, &message("26.1.2.3", 1)).unwrap();
        assert_eq!((status, &body["verdict"]["nature"]), (202, &"bounce".into()));
    }
    // Direct mail of another, listed in the same tick or a later one, shows that the publisher has been by.
    for trap in 0..3 {
        service.submit(&format!("trap@d{trap}.example"), &message("26.1.2.4", trap)).unwrap();
    }
    service.wait("the direct one to be listed", |service| service.lists("26.1.2.4"));
    assert!(!service.lists("26.1.2.3"));
}

/// An IPv6 origin is its /64, listed under the 32 nibbles of every address in it, and no further (RFC 5782 §2.4).
#[test]
fn an_ipv6_origin_is_its_slash_64() {
    let service = Service::start(&settings(3));
    for trap in 0..3 {
        let peer = format!("IPv6:2a01:4f8:0:1::{trap}");
        let (_, body) = service.submit(&format!("trap@d{trap}.example"), &message(&peer, 1)).unwrap();
        assert_eq!(
            body["verdict"]["origin"],
            format!("2a01:4f8:0:1::{}", if trap == 0 { String::new() } else { trap.to_string() })
        );
    }
    let lists = |service: &Service, address: &str| {
        let nibbles: String = address
            .parse::<std::net::Ipv6Addr>()
            .unwrap()
            .octets()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        let name: String = nibbles.chars().rev().map(|nibble| format!("{nibble}.")).collect();
        service.ask(&(name + "bl.example."), RecordType::A).1 == ["127.0.0.2"]
    };
    service.wait("the /64 to be listed", |service| lists(service, "2a01:4f8:0:1::2"));
    assert!(lists(&service, "2a01:4f8:0:1:ffff:ffff:ffff:ffff"));
    assert!(!lists(&service, "2a01:4f8:0:2::2") && !lists(&service, "2a01:4f8::2"));
    let why = String::from_utf8(service.run("why", &["2a01:4f8:0:1::77"]).stdout).unwrap();
    assert!(why.contains("2a01:4f8:0:1::/64 is listed in spam"), "{why}");
}

/// A feed over its quota is told when to come again; an installation with too few traps publishes nothing.
#[test]
fn quota_and_quorum_of_traps() {
    let few = settings(2).replace("relays = [\"mx1\"]", "relays = [\"mx1\"]\nquota = \"3/d\"");
    let service = Service::start(&few);
    let statuses: Vec<u16> =
        (0..5).map(|number| service.submit("trap@d0.example", &message("26.1.2.3", number)).unwrap().0).collect();
    assert_eq!(statuses, [202, 202, 202, 429, 429]);
    assert!(service.get("/").1.contains("publishes nothing from evidence"));
    assert!(service.lists("127.0.0.2") && !service.lists("127.0.0.1"));
}

/// G6: an exempt address is not listed whatever the evidence, nor when somebody edits the database.
#[test]
fn exempt_is_never_listed() {
    let exempt = "\n[[exempt]]\nnetworks = [\"26.7.0.0/16\"]\nreason = \"our own mail servers\"\n";
    let mut service = Service::start(&(settings(3) + exempt));
    for (number, peer) in ["26.7.8.9", "203.0.113.9", "26.1.2.4"].into_iter().enumerate() {
        for trap in 0..3 {
            service.submit(&format!("trap@d{trap}.example"), &message(peer, number * 3 + trap)).unwrap();
        }
    }
    service.wait("the direct one to be listed", |service| service.lists("26.1.2.4"));
    assert!(!service.lists("26.7.8.9") && !service.lists("203.0.113.9"));
    let why = String::from_utf8(service.run("why", &["26.7.8.9"]).stdout).unwrap();
    assert!(why.contains("exempt") && why.contains("our own mail servers"), "{why}");
    service.kill();
    let connection = rusqlite::Connection::open(service.ledger()).unwrap();
    connection
        .execute("INSERT INTO listings (list, origin, since, until) VALUES ('spam', '26.7.8.9', 0, 9999999999), ('spam', '10.0.0.1', 0, 9999999999)", [])
        .unwrap();
    drop(connection);
    service.kill_and_restart();
    assert!(service.lists("26.1.2.4") && !service.lists("26.7.8.9") && !service.lists("10.0.0.1"));
}

/// A busy port says which setting to change, in which file.
#[test]
fn a_busy_port_names_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    for (table, other) in [("http", "dns"), ("dns", "http")] {
        let config = folder.path().join(format!("{table}.toml"));
        let data = folder.path().join(table);
        let text = format!(
            "data = {data:?}\n[{table}]\nlisten = [\"127.0.0.1:{port}\"]\n[{other}]\nlisten = [\"127.0.0.1:0\"]\n"
        );
        fs::write(&config, text).unwrap();
        let output = Command::new(FIRSTHAND).args(["serve", "--config"]).arg(&config).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains(&format!("[{table}]"))
                && said.contains(&format!("{table}.toml"))
                && said.contains(&port.to_string()),
            "{said}"
        );
    }
}

/// `submit` says 75 when it may work later and 2 when it will not; `check` names file, line, key and mend.
#[test]
fn exit_statuses() {
    let service = Service::start(&settings(3));
    let (config, server) = (service.config(), service.http.to_string());
    let path = service.folder.path().join("sample.eml");
    fs::write(&path, message("26.1.2.3", 1)).unwrap();
    let submit = |server: &str, trap: &str| {
        let mut command = Command::new(FIRSTHAND);
        command
            .args(["submit", "--feed", "traps", "--trap", trap, "--server", server, "--config"])
            .arg(&config)
            .arg(&path);
        command.output().unwrap().status.code()
    };
    assert_eq!(submit(&server, "trap@d0.example"), Some(0));
    assert_eq!(submit(&server, "a@nowhere.example"), Some(2));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    assert_eq!(submit(&closed, "trap@d0.example"), Some(75));
    let wrong = service.folder.path().join("wrong.toml");
    fs::write(&wrong, "[dns]\nlistn = [\"127.0.0.1:53\"]\n").unwrap();
    let output = Command::new(FIRSTHAND).args(["check", "--config"]).arg(&wrong).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("wrong.toml:2") && said.contains("listn") && said.contains("listen"), "{said}");
}

/// A feed that sends all its bodies slowly holds up no other.
#[test]
fn a_slow_feed_holds_up_no_other() {
    use std::io::Write;
    let other =
        "[[feed]]\nname = \"far\"\ntrust = \"foreign\"\ntoken = \"a-token-for-tests-onlx\"\nrelays = [\"mx1\"]\n";
    let service = Service::start(&(settings(3) + other));
    let head = "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a-token-for-tests-onlx\r\n\
                Firsthand-Trap: trap@d0.example\r\nContent-Type: message/rfc822\r\nContent-Length: 1000\r\n\r\nx";
    let slow: Vec<std::net::TcpStream> = (0..64)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(service.http).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let began = std::time::Instant::now();
    assert_eq!(service.submit("trap@d0.example", &message("26.1.2.3", 1)).unwrap().0, 202);
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    drop(slow);
}

/// C02: where the operator gives intake and metrics listeners of their own, the public one shows neither.
#[test]
fn intake_and_metrics_have_listeners_of_their_own() {
    let apart = settings(3).replace("[http]\n", "[http]\nintake = [\"127.0.0.1:0\"]\nmetrics = [\"127.0.0.1:0\"]\n");
    let mut service = Service::start(&apart);
    assert_eq!(service.get("/").0, 200);
    assert_eq!(service.get("/healthz").0, 200);
    assert_eq!(service.get("/metrics").0, 404);
    assert_eq!(service.submit("trap@d0.example", &message("26.1.2.3", 1)).unwrap().0, 404);
    let port = |what: &str| {
        let line = service.announced.iter().find(|line| line.contains(what)).unwrap();
        line.rsplit("http://").next().unwrap().parse().unwrap()
    };
    let (intake, metrics) = (port("intake on"), port("metrics on"));
    service.http = intake;
    assert_eq!(service.submit("trap@d0.example", &message("26.1.2.3", 1)).unwrap().0, 202);
    assert_eq!((service.get("/").0, service.get("/metrics").0), (404, 404));
    service.http = metrics;
    assert!(service.get("/metrics").1.contains("firsthand_samples_total{verdict=\"attributed\"} 1"));
    assert_eq!(service.get("/address/26.1.2.3").0, 404);
}

/// The digest of a new client certificate in `folder`, as the README has it made.
fn client_certificate(folder: &std::path::Path, name: &str) -> String {
    let [certificate, key] = ["pem", "key"].map(|kind| folder.join(format!("{name}.{kind}")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=DNS:localhost", "-out"])
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let der =
        Command::new("openssl").args(["x509", "-outform", "DER", "-in"]).arg(&certificate).output().unwrap().stdout;
    fs::write(folder.join("der"), der).unwrap();
    let sum = Command::new("sha256sum").arg(folder.join("der")).output().unwrap().stdout;
    String::from_utf8(sum).unwrap()[..64].to_owned()
}

/// A feed is known by its client certificate, without a token; with both, both must be its own.
#[test]
fn a_client_certificate_names_its_feed() {
    let clients = tempfile::tempdir().unwrap();
    let [far, strange] = ["far", "strange"].map(|name| client_certificate(clients.path(), name));
    let text = settings(3).replace(
        "[http]\n",
        "[http]\nintake-tls = [\"127.0.0.1:0\"]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n",
    );
    let feed = format!("[[feed]]\nname = \"far\"\ncertificate-digest = \"{far}\"\nrelays = [\"mx1\"]\n");
    assert_ne!(far, strange);
    let service = Service::start_with(&(text + &feed), |folder| drop(client_certificate(folder, "server")));
    let line = service.announced.iter().find(|line| line.contains("intake on https://")).unwrap();
    let port = line.rsplit(':').next().unwrap();
    let sample = service.folder.path().join("a.eml");
    let post = |client: Option<&str>, token: Option<&str>, number: usize| {
        fs::write(&sample, message("26.1.2.3", number)).unwrap();
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "-w",
            "\n%{http_code}",
            "-H",
            "Content-Type: message/rfc822",
            "-H",
            "Firsthand-Trap: trap@d0.example",
        ]);
        curl.arg("--cacert").arg(service.folder.path().join("server.pem"));
        if let Some(client) = client {
            let [certificate, key] = ["pem", "key"].map(|kind| clients.path().join(format!("{client}.{kind}")));
            curl.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        if let Some(token) = token {
            curl.args(["-H", &format!("Authorization: Bearer {token}")]);
        }
        curl.arg("--data-binary").arg(format!("@{}", sample.display()));
        let output = curl.arg(format!("https://localhost:{port}/api/v1/samples")).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let (body, status) = said.rsplit_once('\n').unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        (status.to_owned(), body["error"].as_str().unwrap_or_default().to_owned())
    };
    let told = |status: &str, error: &str| (status.to_owned(), error.to_owned());
    assert_eq!(post(Some("far"), None, 1), told("202", ""));
    assert_eq!(post(Some("strange"), None, 2), told("401", "wrong-certificate"));
    assert_eq!(post(None, None, 3), told("401", "no-token"));
    assert_eq!(post(None, Some(TOKEN), 4), told("202", ""));
    assert_eq!(post(Some("strange"), Some(TOKEN), 5), told("202", ""));
    assert_eq!(post(Some("far"), Some(TOKEN), 6), told("401", "wrong-certificate"));
    assert_eq!(post(Some("far"), Some("not-the-token-of-any"), 7), told("401", "wrong-token"));
    let connection = rusqlite::Connection::open(service.ledger()).unwrap();
    let mut feeds = connection.prepare("SELECT feed FROM facts ORDER BY fact").unwrap();
    let feeds: Vec<String> = feeds.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(feeds, ["far", "traps", "traps"]);
    let metrics = service.get("/metrics").1;
    let expiry = metrics.lines().find_map(|line| line.strip_prefix("firsthand_http_certificate_expiry_seconds "));
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(expiry.unwrap().parse::<u64>().unwrap() > now, "{expiry:?}");
    // It takes samples, and shows no pages.
    assert_eq!(service.get("/").0, 200);
    let page = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"])
        .arg(service.folder.path().join("server.pem"))
        .arg(format!("https://localhost:{port}/"))
        .output()
        .unwrap();
    assert_eq!(page.stdout, b"404");
}
