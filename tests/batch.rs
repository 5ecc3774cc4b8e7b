//! Does the HTTP intake take batches, message by message, and answer each of them?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harness::{PATIENCE, Service, TOKEN, message, settings};
use serde_json::{Value, json};

fn line(id: &str, trap: &str, message: &[u8]) -> String {
    json!({"id": id, "trap": trap, "message": STANDARD.encode(message)}).to_string() + "\n"
}

/// Posts a body; the status and the lines of the answer.
fn post(service: &Service, content_type: &str, headers: &[(&str, &str)], body: &str) -> (u16, Vec<Value>) {
    let bearer = format!("Bearer {TOKEN}");
    let mut all = vec![("Authorization", bearer.as_str()), ("Content-Type", content_type)];
    all.extend(headers);
    let (status, answer) = service.exchange("POST", "/api/v1/samples", &all, body);
    (status, answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn statuses(answers: &[Value]) -> Vec<u64> {
    answers.iter().map(|answer| answer["status"].as_u64().unwrap()).collect()
}

/// The samples that the ledger holds.
fn kept(service: &Service) -> i64 {
    let connection = rusqlite::Connection::open(service.ledger()).unwrap();
    connection.query_row("SELECT count(*) FROM facts", [], |row| row.get(0)).unwrap()
}

#[test]
fn each_line_is_answered_in_order() {
    let service = Service::start(&settings(3));
    let mut body = String::new();
    for number in 0..300 {
        body += &line(&format!("n{number}"), "trap@d0.example", &message("26.1.2.3", number));
    }
    body += &line("again", "Trap@D0.example", &message("26.1.2.3", 0));
    body += &line("unknown", "a@nowhere.example", &message("26.1.2.3", 1));
    body += "no JSON\n\n";
    body += "{\"id\":\"key\",\"trap\":\"trap@d0.example\",\"message\":\"\",\"peer\":\"26.1.2.3\"}\n";
    body += "{\"id\":\"peer\",\"trap\":\"trap@d0.example\",\"message\":\"\",\"observed_peer\":\"010.1.1.1\"}\n";
    body += "{\"id\":\"none\",\"message\":\"\"}\n";
    body += line("last", "trap@d1.example", &message("26.1.2.3", 1)).trim_end();
    for content_type in ["application/jsonl", "application/x-ndjson; charset=utf-8", "Application/X-JSONLines"] {
        // What the request says is not said of a line.
        let (status, answers) = post(&service, content_type, &[("Firsthand-Trap", "trap@d0.example")], &body);
        assert_eq!((status, answers.len()), (200, 307));
        for (number, answer) in answers[..300].iter().enumerate() {
            assert_eq!((&answer["id"], &answer["status"]), (&format!("n{number}").into(), &202.into()));
            assert_eq!((&answer["verdict"]["origin"], &answer["evidence"]), (&"26.1.2.3".into(), &"counted".into()));
        }
        assert_eq!(statuses(&answers[300..]), [202, 404, 400, 400, 400, 400, 202]);
        let words: Vec<&str> = answers[301..306].iter().map(|answer| answer["error"].as_str().unwrap()).collect();
        assert_eq!(words, ["unknown-trap", "malformed", "malformed", "wrong-peer", "no-trap"]);
        assert_eq!((&answers[300]["repeat"], &answers[302]["id"]), (&true.into(), &Value::Null));
        assert!(
            answers[303]["id"] == "key" && answers[303]["detail"].as_str().unwrap().contains("unknown field `peer`")
        );
        assert_eq!(kept(&service), 301);
    }
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_samples_total{verdict=\"attributed\"} 301"), "{metrics}");
    assert!(metrics.contains("firsthand_samples_refused_total{why=\"unknown-trap\"} 3"), "{metrics}");
}

#[test]
fn parts_have_headers_of_their_own() {
    let service = Service::start(&settings(3));
    let sample = String::from_utf8(message("26.1.2.3", 1)).unwrap();
    let body = format!(
        "--b\r\nContent-Type: message/rfc822\r\nFirsthand-Trap: trap@d1.example\r\nFirsthand-Mail-From: <>\r\n\r\n{sample}\r\n\
         --b\r\nContent-Type: message/rfc822\r\n\r\n{sample}\r\n--b\r\nContent-Type: text/plain\r\n\r\n{sample}\r\n\
         --b\r\nContent-Type: message/rfc822\r\nFirsthand-Observed-Peer: x\r\n\r\n\r\n--b--\r\n"
    );
    let default = [("Firsthand-Trap", "trap@d0.example")];
    for kind in ["multipart/mixed; boundary=b", "multipart/form-data; boundary=\"b\""] {
        let (status, answers) = post(&service, kind, &default, &body);
        assert_eq!((status, statuses(&answers)), (200, vec![202, 202, 415, 400]), "{answers:?}");
        assert_eq!(
            (&answers[0]["verdict"]["nature"], &answers[1]["verdict"]["nature"]),
            (&"bounce".into(), &"direct".into())
        );
        assert_ne!(answers[0]["sample"], answers[1]["sample"]);
    }
    assert_eq!(statuses(&post(&service, "multipart/mixed; boundary=b", &[], &body).1), [202, 400, 415, 400]);
    // Broken off: what came is kept, and not acknowledged.
    let broken = post(&service, "multipart/mixed; boundary=b", &default, &body.replace("--b--", "--b"));
    assert_eq!((broken.0, &broken.1[0]["error"]), (400, &"malformed".into()));
    assert_eq!(post(&service, "multipart/mixed", &default, &body).0, 415);
    assert_eq!(post(&service, "multipart/digest; boundary=b", &default, &body).0, 415);
    assert_eq!(kept(&service), 2);
}

/// As the README says it.
#[test]
fn curl_sends_parts() {
    let service = Service::start(&settings(3));
    let path = service.folder.path().join("a.eml");
    fs::write(&path, message("26.1.2.3", 1)).unwrap();
    let part =
        |trap: &str| format!("sample=@{};type=message/rfc822;headers=\"Firsthand-Trap: {trap}\"", path.display());
    let output = Command::new("curl")
        .args(["-sS", "-H", &format!("Authorization: Bearer {TOKEN}")])
        .args(["-F", &part("trap@d0.example"), "-F", &part("trap@d1.example"), "-F", &part("x@y.example")])
        .arg(format!("http://{}/api/v1/samples", service.http))
        .output()
        .unwrap();
    let answers: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(statuses(&answers), [202, 202, 404], "{}", String::from_utf8_lossy(&output.stderr));
    assert!(answers.iter().take(2).all(|answer| answer["verdict"]["origin"] == "26.1.2.3"));
}

/// Whoever is no feed has nothing read; what is past a quota is told when to come again, line by line.
#[test]
fn refusals_of_a_batch() {
    let few = settings(3).replace("relays = [\"mx1\"]", "relays = [\"mx1\"]\nquota = \"3/d\"");
    let service = Service::start(&few);
    let headers = [("Authorization", "Bearer not-the-token-of-any"), ("Content-Type", "application/jsonl")];
    assert_eq!(service.exchange("POST", "/api/v1/samples", &headers, "{}\n").0, 401);
    let body: String = (0..5).map(|at| line(&at.to_string(), "trap@d0.example", &message("26.1.2.3", at))).collect();
    let (status, answers) = post(&service, "application/jsonl", &[], &body);
    assert_eq!((status, statuses(&answers)), (200, vec![202, 202, 202, 429, 429]));
    assert!(answers[3]["error"] == "over-quota" && answers[3]["retry_after"].as_u64().unwrap() > 0);
    let many = "{\"message\":\"\"}\n".repeat(10_000);
    assert_eq!(post(&service, "application/jsonl", &[], &many).1.len(), 10_000);
    let (status, refused) = post(&service, "application/jsonl", &[], &(many + "{}"));
    assert_eq!((status, &refused[0]["error"]), (413, &"too-many".into()));
}

/// A line that says 202 is kept through a kill; of a batch that broke off, what came is kept and counts once.
#[test]
fn acknowledged_is_kept_and_broken_off_is_not_acknowledged() {
    let mut service = Service::start(&settings(3));
    let body: String = (0..100).map(|at| line("x", "trap@d0.example", &message("26.1.2.3", at))).collect();
    let head = format!(
        "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/jsonl\r\n\
         Content-Length: {}\r\n\r\n",
        body.len() + 10
    );
    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.write_all((head + &body).as_bytes()).unwrap();
    service.wait("what came to be kept", |service| kept(service) == 100);
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(stream.read(&mut [0; 1]).is_err(), "nothing is acknowledged yet");
    drop(stream);
    let (_, answers) = post(&service, "application/jsonl", &[], &body);
    assert!(answers.len() == 100 && answers.iter().all(|answer| answer["status"] == 202 && answer["repeat"] == true));
    service.kill_and_restart();
    assert_eq!(kept(&service), 100);
}

/// Large messages are taken one after the other; and slow batches, however many, keep nobody out.
#[test]
fn memory_is_bounded_and_shared() {
    let other =
        "[[feed]]\nname = \"far\"\ntrust = \"foreign\"\ntoken = \"a-token-for-tests-onlx\"\nrelays = [\"mx1\"]\n";
    let service = Service::start(&(settings(3) + other));
    let slow: Vec<TcpStream> = (0..50)
        .map(|_| {
            let mut stream = TcpStream::connect(service.http).unwrap();
            let head = "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a-token-for-tests-onlx\r\n\
                        Content-Type: application/jsonl\r\nContent-Length: 100000\r\n\r\n";
            let first = line("x", "trap@d0.example", &message("26.1.2.3", 1));
            stream.write_all((head.to_owned() + &first + "{\"message\":\"").as_bytes()).unwrap();
            stream
        })
        .collect();
    let large = |number: usize| {
        let mut message = message("26.1.2.3", number);
        message.resize(2 << 20, b'x');
        message
    };
    let body: String = (0..8).map(|at| line(&at.to_string(), "trap@d0.example", &large(at))).collect();
    let began = Instant::now();
    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.set_read_timeout(Some(3 * PATIENCE)).unwrap();
    let head = format!(
        "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/jsonl\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let lines: Vec<Value> =
        answer.split("\r\n\r\n").nth(1).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(statuses(&lines), [202; 8], "{:?}", began.elapsed());
    let status = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 200 << 10, "{peak} kB");
    drop(slow);
}
