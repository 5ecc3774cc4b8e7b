//! Can an operator say how much a feed is believed, whose mail it may bring, and whether it is heard at all; and is he told
//! when it falls silent?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::process::Command;

use harness::{Service, TOKEN, message, settings};

fn reload(service: &Service, from: &str, to: &str) {
    let text = std::fs::read_to_string(service.config()).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(service.config(), text.replace(from, to)).unwrap();
    let output = service.run("reload", &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A feed that is believed less lists less, from now on and what it said before.
#[test]
fn a_weight_is_applied_to_all_that_is_kept() {
    let service = Service::start(&settings(3));
    for trap in 0..3 {
        service.submit(&format!("trap@d{trap}.example"), &message("26.1.2.3", trap)).unwrap();
    }
    service.wait("it to be listed", |service| service.lists("26.1.2.3"));
    reload(&service, "relays = [\"mx1\"]\n", "relays = [\"mx1\"]\nweight = 0.8\n");
    service.wait("it to be taken off", |service| !service.lists("26.1.2.3"));
    let why = String::from_utf8(service.run("why", &["26.1.2.3"]).stdout).unwrap();
    assert!(why.contains("score 2.3") || why.contains("score 2.4"), "{why}");
    assert!(why.contains("traps (weight 0.8)"), "{why}");
    reload(&service, "weight = 0.8\n", "weight = 0.9\n");
    service.wait("it to be listed again", |service| service.lists("26.1.2.3"));
}

/// A feed brings mail of its own traps only; a recipient that has a trap of his own is not his domain's.
#[test]
fn a_feed_speaks_for_its_traps() {
    let named = "relays = [\"mx1\"]\ntraps = [\"Trap@d0.example\", \"@d9.example\"]\n";
    let more = "[[trap]]\naddress = \"@d9.example\"\n[[trap]]\naddress = \"own@d9.example\"\n";
    let service = Service::start(&(settings(2).replace("relays = [\"mx1\"]\n", named) + more));
    let status = |trap: &str| {
        let (status, body) = service.submit(trap, &message("26.1.2.3", 1)).unwrap();
        (status, body["error"].as_str().unwrap_or_default().to_owned())
    };
    for trap in ["trap@d0.example", "TRAP@D0.example", "anybody@d9.example"] {
        assert_eq!(status(trap), (202, String::new()), "{trap}");
    }
    for trap in ["trap@d1.example", "own@d9.example", "other@d0.example"] {
        assert_eq!(status(trap), (404, "unknown-trap".to_owned()), "{trap}");
    }
}

/// Who fell silent is told of, and by a restart nothing is forgotten.
#[test]
fn a_silent_feed_is_told_of() {
    let mut service =
        Service::start(&settings(1).replace("relays = [\"mx1\"]\n", "relays = [\"mx1\"]\nsilence = \"1s\"\n"));
    let metric = |service: &Service, name: &str| {
        let text = service.get("/metrics").1;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{feed=\"traps\"}} ")));
        line.map(|number| number.parse::<f64>().unwrap())
    };
    assert_eq!(metric(&service, "firsthand_feed_samples_total"), Some(0.0));
    assert_eq!(metric(&service, "firsthand_feed_last_sample_timestamp_seconds"), None);
    service.wait("it to be silent", |service| metric(service, "firsthand_feed_silent") == Some(1.0));
    for number in [1, 2, 2] {
        service.submit("trap@d0.example", &message("26.1.2.3", number)).unwrap();
    }
    assert_eq!(metric(&service, "firsthand_feed_silent"), Some(0.0));
    assert_eq!(metric(&service, "firsthand_feed_samples_total"), Some(2.0));
    let last = metric(&service, "firsthand_feed_last_sample_timestamp_seconds");
    assert!(last > Some(1.7e9));
    Command::new("kill").arg(service.id().to_string()).status().unwrap();
    service.wait_for_end();
    service.restart();
    assert_eq!(metric(&service, "firsthand_feed_samples_total"), Some(0.0));
    assert_eq!(metric(&service, "firsthand_feed_last_sample_timestamp_seconds"), last);
    assert!(metric(&service, "firsthand_feed_wont_seconds") < Some(20.0));
    let metrics = service.get("/metrics").1;
    assert!(!metrics.contains("d0.example") && !metrics.contains("26.1.2.3"), "{metrics}");
}

/// A paused feed's samples wait where they come from, over restarts and reloads; what it brought stays as it was.
#[test]
fn a_feed_can_be_paused() {
    let mut service = Service::start(&settings(3));
    for trap in 0..3 {
        service.submit(&format!("trap@d{trap}.example"), &message("26.1.2.3", trap)).unwrap();
    }
    service.wait("it to be listed", |service| service.lists("26.1.2.3"));
    let feed = |service: &Service, arguments: &[&str]| {
        let output = service.run("feed", arguments);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    };
    assert_eq!(feed(&service, &["pause", "nobody"]).0, 2);
    assert_eq!(feed(&service, &["resume", "traps"]).0, 2);
    let (code, said) = feed(&service, &["pause", "traps", "--reason", "it sends nonsense"]);
    assert!(code == 0 && said.contains("--feed traps"), "{said}");
    assert_eq!(feed(&service, &["pause", "traps"]).0, 2);
    let refused = |service: &Service| {
        let (status, body) = service.submit("trap@d0.example", &message("26.1.2.4", 1)).unwrap();
        assert_eq!((status, &body["error"]), (503, &"paused".into()));
    };
    refused(&service);
    // What cannot be taken now is not told apart from what never could; and a pipe keeps its message.
    assert_eq!(service.submit("x@nowhere.example", &message("26.1.2.4", 1)).unwrap().0, 503);
    std::fs::write(service.folder.path().join("mail.eml"), message("26.1.2.4", 1)).unwrap();
    let path = service.folder.path().join("mail.eml");
    let server = service.http.to_string();
    std::fs::write(service.folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
    let token = service.folder.path().join("token");
    let arguments = ["--server", &server, "--feed", "traps", "--trap", "trap@d0.example", "--token-file"];
    let piped = service.run("submit", &[&arguments[..], &[token.to_str().unwrap(), path.to_str().unwrap()]].concat());
    assert_eq!(piped.status.code(), Some(75), "{}", String::from_utf8_lossy(&piped.stderr));
    reload(&service, "relays = [\"mx1\"]\n", "relays = [\"mx1\"]\nweight = 0.95\n");
    refused(&service);
    service.kill_and_restart();
    refused(&service);
    assert!(service.lists("26.1.2.3"));
    let (_, listed) = feed(&service, &["list", "--json"]);
    let line: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&line["feed"], &line["kind"], &line["weight"]), (&"traps".into(), &"traps".into(), &0.95.into()));
    assert_eq!((&line["paused"]["reason"], &line["silent"]), (&"it sends nonsense".into(), &false.into()));
    assert!(service.get("/metrics").1.contains("firsthand_feed_paused{feed=\"traps\"} 1"));
    // Without a service, in the ledger itself.
    service.kill();
    assert_eq!(feed(&service, &["resume", "traps"]).0, 0);
    service.restart();
    assert_eq!(service.submit("trap@d0.example", &message("26.1.2.4", 1)).unwrap().0, 202);
    assert!(service.get("/metrics").1.contains("firsthand_feed_paused{feed=\"traps\"} 0"));
    let retracted = service.run("retract", &["--feed", "traps", "--reason", "x"]);
    assert!(retracted.status.success());
    let (_, table) = feed(&service, &["list"]);
    assert!(table.contains("withdrawn") && table.contains("retract --feed NAME"), "{table}");
    let (_, listed) = feed(&service, &["list", "--json"]);
    assert!(listed.contains("\"withdrawals\":[1]") && listed.contains("\"paused\":null"), "{listed}");
    let audit = String::from_utf8(service.run("audit", &[]).stdout).unwrap();
    assert!(audit.contains("pause-feed") && audit.contains("resume-feed"), "{audit}");
}
