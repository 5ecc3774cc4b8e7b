//! rspamd and SpamAssassin: they score, so `mixed` is for them as well.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::network::{LISTED, MIXED, PATIENCE, SAME_64, SERVERS, UNLISTED, alone, run};
use crate::resolvers::Resolver;

/// The two rules of ours, in both programs.
const SPAM: &str = "FIRSTHAND_SPAM";
const MIXED_RULE: &str = "FIRSTHAND_MIXED";

/// Every address with the rules that it must meet.
fn expected() -> Vec<(&'static str, Vec<&'static str>)> {
    let listed = LISTED.into_iter().chain([SAME_64]).map(|address| (address, vec![SPAM]));
    listed.chain(UNLISTED.map(|address| (address, vec![]))).chain([(MIXED, vec![MIXED_RULE])]).collect()
}

/// What both are given: a message that `mx.receiver.example` took from an address.
fn mail(address: &str) -> String {
    let tag = if address.contains(':') { "IPv6:" } else { "" };
    format!(
        "Received: from mail.sender.example (unknown [{tag}{address}])\n\
         \tby mx.receiver.example (Postfix) with ESMTP id 4T3X2c1Qz2z9s\n\
         \tfor <b@receiver.example>; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\n\
         From: a@sender.example\nTo: b@receiver.example\nSubject: To {address}\n\
         Date: Mon, 23 Nov 2026 22:02:47 +0000\nMessage-Id: <20261123220247.4711@sender.example>\n\nGood day.\n"
    )
}

/// One HTTP request to rspamd's own port; the body of the answer.
fn rspamd(request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", 11333))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// On Debian's settings, with ours in `local.d`.
#[test]
fn rspamd_scores_what_is_listed() {
    alone(|network| {
        let _resolving = Resolver::Unbound.start(network, SERVERS[0]);
        network.write("rspamd/local.d/rbl.conf", include_str!("settings/rspamd-rbl.conf"));
        network.write("rspamd/local.d/groups.conf", include_str!("settings/rspamd-groups.conf"));
        // Its list of domains takes ten seconds to compile, and no rule of ours looks at domains.
        network.write("rspamd/domains", "example\n");
        let quick = "url_tld = \"{folder}/rspamd/domains\";\ndisable_hyperscan = true;\n";
        network.write("rspamd/override.d/options.inc", quick);
        let place = network.path("rspamd");
        fs::create_dir(place.join("data")).unwrap();
        run(Command::new("chown").arg("-R").arg("_rspamd").arg(&place));
        let mut command = Command::new("rspamd");
        command.args(["-f", "-u", "_rspamd", "-g", "_rspamd", "-c", "/etc/rspamd/rspamd.conf"]);
        command.arg(format!("--var=LOCAL_CONFDIR={}", place.display()));
        for name in ["DBDIR", "LOGDIR", "RUNDIR"] {
            command.arg(format!("--var={name}={}", place.join("data").display()));
        }
        let mut daemon = network.daemon("rspamd", &mut command);
        daemon.wait("rspamd", || {
            rspamd("GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").is_ok_and(|body| body.contains("pong"))
        });
        for (address, rules) in expected() {
            let mail = mail(address);
            let answer = rspamd(&format!(
                "POST /checkv2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIP: {address}\r\nFrom: a@sender.example\r\n\
                 Rcpt: b@receiver.example\r\nContent-Length: {}\r\n\r\n{mail}",
                mail.len()
            ));
            let answer = answer.unwrap();
            let report: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
            let symbols = report["symbols"].as_object().unwrap();
            let ours: Vec<&str> =
                symbols.keys().map(String::as_str).filter(|name| name.contains("FIRSTHAND")).collect();
            assert_eq!(ours, rules, "{address}: {report:#}");
            for rule in rules {
                assert!(symbols[rule]["score"].as_f64().unwrap() > 0.0, "{report:#}");
            }
        }
    });
}

/// On Debian's settings and rules, with ours beside them; the relay that took the message is the receiver's own.
#[test]
fn spamassassin_scores_what_is_listed() {
    alone(|network| {
        let _resolving = Resolver::Unbound.start(network, SERVERS[0]);
        let place = network.path("spamassassin");
        network.write("spamassassin/firsthand.cf", include_str!("settings/spamassassin.cf"));
        network.write("spamassassin/preferences", "");
        for entry in fs::read_dir("/etc/spamassassin").expect("no SpamAssassin: tests/run installs it") {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "pre" || extension == "cf") {
                fs::copy(&path, place.join(path.file_name().unwrap())).unwrap();
            }
        }
        let expected = expected();
        let mailbox: String = expected
            .iter()
            .map(|(address, _)| format!("From a@sender.example Mon Nov 23 22:02:47 2026\n{}\n", mail(address)))
            .collect();
        let mailbox = network.write("spamassassin/mailbox", &mailbox);
        let output = Command::new("spamassassin")
            .args(["-t", "--mbox"])
            .arg(format!("--siteconfigpath={}", place.display()))
            .arg(format!("--prefspath={}", place.join("preferences").display()))
            .stdin(Stdio::from(File::open(mailbox).unwrap()))
            .env("HOME", &place)
            .output()
            .expect("no SpamAssassin: tests/run installs it");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let reports: Vec<&str> = said.split("\nFrom a@sender.example ").collect();
        assert_eq!(reports.len(), expected.len(), "{said}");
        for (address, rules) in expected {
            let report = reports.iter().find(|report| report.contains(&format!("Subject: To {address}\n"))).unwrap();
            let (_, status) = report.split_once("X-Spam-Status: ").unwrap();
            let (_, tests) = status.split_once("tests=").unwrap();
            let tests: String = tests.split(" autolearn").next().unwrap().split_whitespace().collect();
            let ours: Vec<&str> = tests.split(',').filter(|name| name.contains("FIRSTHAND")).collect();
            assert_eq!(ours, rules, "{address}: {report}");
        }
    });
}
