//! Can an operator correct what is listed, by commands, with a service and without one, and see what he did?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::process::Output;

use harness::{Service, TOKEN, message, settings};
use serde_json::Value;

/// Lists an address by three traps.
fn list(service: &Service, address: &str, number: usize) {
    for trap in 0..3 {
        let taken = service.submit(&format!("trap@d{trap}.example"), &message(address, number * 10 + trap)).unwrap();
        assert_eq!(taken.0, 202, "{taken:?}");
    }
    service.wait("to be listed", |service| service.lists(address));
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn done(service: &Service, command: &str, arguments: &[&str]) -> String {
    let output = service.run(command, arguments);
    assert_eq!(output.status.code(), Some(0), "{command} {arguments:?}: {}", text(&output));
    text(&output)
}

/// What a command that has an action of its own takes: the action comes before the settings.
fn json(output: &str) -> Value {
    serde_json::from_str(output.lines().next().unwrap()).unwrap()
}

/// G5, 6471-3.9: what would fall is shown, falls, and comes back when it was a mistake.
#[test]
fn a_feed_is_withdrawn_and_restored() {
    let service = Service::start(&settings(4));
    list(&service, "83.70.211.36", 1);
    let dry = service.run("retract", &["--feed", "traps", "--dry-run"]);
    assert!(text(&dry).contains("It would take back 3 samples; 1 listing would fall"), "{}", text(&dry));
    assert!(text(&dry).contains("83.70.211.36"));
    assert!(service.lists("83.70.211.36"));
    let unknown = service.run("retract", &["--feed", "trasp", "--reason", "x"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown));
    let untrapped = service.run("retract", &["--trap", "nobody@x.example", "--reason", "x"]);
    assert_eq!(untrapped.status.code(), Some(2), "{}", text(&untrapped));
    let undated = service.run("retract", &["--feed", "traps", "--since", "yesterdayish", "--reason", "x"]);
    assert_eq!(undated.status.code(), Some(2));
    let did = done(&service, "retract", &["--feed", "traps", "--reason", "it was broken into", "--json"]);
    assert_eq!(json(&did)["samples"], 3);
    service.wait("to fall", |service| !service.lists("83.70.211.36"));
    // Durable, and for what comes later.
    let later = service.submit("trap@d3.example", &message("83.70.211.36", 99)).unwrap();
    assert_eq!((later.0, &later.1["evidence"]), (202, &"withdrawn".into()));
    assert!(done(&service, "retract", &["--list"]).contains("it was broken into"));
    assert!(done(&service, "why", &["83.70.211.36"]).contains("4 samples about it were withdrawn"));
    assert!(service.get("/metrics").1.contains("firsthand_withdrawals_in_force 1"));
    let mut service = service;
    service.kill_and_restart();
    assert!(!service.lists("83.70.211.36"));
    let number = json(&did)["withdrawal"].to_string();
    let undone = done(&service, "retract", &["--undo", &number]);
    assert!(undone.contains("4 samples"), "{undone}");
    service.wait("to come back", |service| service.lists("83.70.211.36"));
    let trail = done(&service, "audit", &[]);
    assert!(trail.contains("it was broken into") && trail.contains("restore"), "{trail}");
}

/// G6: an exemption by command takes effect on what is listed, and outlives the service.
#[test]
fn an_exemption_by_command() {
    let mut service = Service::start(&settings(3));
    list(&service, "83.70.211.36", 1);
    done(&service, "exempt", &["add", "83.70.211.0/24", "--reason", "a customer, ticket 4711"]);
    service.wait("to fall", |service| !service.lists("83.70.211.36"));
    let shown = done(&service, "exempt", &["list"]);
    assert!(shown.contains("ticket 4711") && shown.contains("our own relay mx1"), "{shown}");
    let why = done(&service, "why", &["83.70.211.36"]);
    assert!(why.contains("exempt") && why.contains("ticket 4711"), "{why}");
    service.kill_and_restart();
    assert!(!service.lists("83.70.211.36"));
    // Without a running service the ledger itself is corrected.
    service.kill();
    done(&service, "exempt", &["remove", "83.70.211.0/24"]);
    assert_eq!(service.run("exempt", &["remove", "83.70.211.0/24"]).status.code(), Some(2));
    service.kill_and_restart();
    service.wait("to be listed again", |service| service.lists("83.70.211.36"));
    for wrong in [
        &["add", "nonsense", "--reason", "x"][..],
        &["add", "83.70.211.0/24", "--reason", "x", "--until", "2020-01-01"],
    ] {
        assert_eq!(service.run("exempt", wrong).status.code(), Some(2));
    }
}

/// A trap by command is one at once, and its address is nowhere in the data.
#[test]
fn a_trap_by_command() {
    let service = Service::start(&settings(2));
    let unknown = service.submit("new@d7.example", &message("83.70.211.36", 1)).unwrap();
    assert_eq!(unknown.0, 404);
    let added = done(&service, "trap", &["add", "New@D7.example", "@d8.example", "--tier", "seeded"]);
    assert!(added.contains("seeded"), "{added}");
    for trap in ["trap@d0.example", "new@d7.example", "whoever@d8.example"] {
        assert_eq!(service.submit(trap, &message("83.70.211.36", 2)).unwrap().0, 202);
    }
    assert!(!service.lists("83.70.211.36"), "1 + 0.7 + 0.7 is below 2.5");
    assert_eq!(service.submit("trap@d1.example", &message("83.70.211.36", 2)).unwrap().0, 202);
    service.wait("to be listed", |service| service.lists("83.70.211.36"));
    let shown = done(&service, "trap", &["list", "--json"]);
    assert_eq!(shown.lines().filter(|line| line.contains("by command")).count(), 2, "{shown}");
    for trap in ["new@d7.example", "@d8.example"] {
        done(&service, "trap", &["remove", trap]);
    }
    service.wait("to fall", |service| !service.lists("83.70.211.36"));
    for entry in fs::read_dir(service.folder.path().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap_or_default();
        for address in ["d7.example", "d8.example", "new@"] {
            let found = bytes.windows(address.len()).any(|window| window == address.as_bytes());
            assert!(!found, "F05: {address} in {}", path.display());
        }
    }
    assert_eq!(service.run("trap", &["add", "nobody"]).status.code(), Some(2));
}

/// F01: the operator's removal is at once; the evidence stays, and new evidence lists by the same quorum.
#[test]
fn the_operator_removes_at_once() {
    let service = Service::start(&settings(3));
    list(&service, "83.70.211.36", 1);
    // Units count to the second, and a removal hides what came before it.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(service.run("remove", &["83.70.211.36"]).status.code(), Some(2), "a reason is asked for");
    done(&service, "remove", &["83.70.211.36", "--reason", "the form is mended"]);
    service.wait("to fall", |service| !service.lists("83.70.211.36"));
    let why = done(&service, "why", &["83.70.211.36"]);
    assert!(why.contains("taken off"), "{why}");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    list(&service, "83.70.211.36", 2);
}

/// Wanted mail keeps its sender in mixed, nothing of it is kept but what counts, and it comes only by its own feed.
#[test]
fn wanted_mail_speaks_for_its_sender() {
    let wanted =
        "[[feed]]\nname = \"mailboxes\"\nkind = \"wanted\"\ntoken = \"wanted-token-for-tests\"\nrelays = [\"mx1\"]\n";
    let service = Service::start(&(settings(3) + wanted));
    let authorization = |token: &str| format!("Bearer {token}");
    let post = |token: &str, header: &str, address: &str, number: usize| {
        let headers = [("Authorization", authorization(token)), (header, address.to_owned())];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        service.submit_with(&headers, &message("83.70.211.36", number)).unwrap()
    };
    assert_eq!(post("wanted-token-for-tests", "Firsthand-Trap", "trap@d0.example", 1).0, 400);
    for number in 0..8 {
        let recipient = format!("reader{number}@customers.example");
        assert_eq!(post("wanted-token-for-tests", "Firsthand-Recipient", &recipient, number).0, 202);
    }
    for trap in 0..3 {
        assert_eq!(post(TOKEN, "Firsthand-Trap", &format!("trap@d{trap}.example"), trap).0, 202);
    }
    let mixed = "36.211.70.83.mixed.bl.example.";
    let listed = |service: &Service| service.ask(mixed, hickory_proto::rr::RecordType::A).1 == ["127.0.0.8"];
    service.wait("mixed", listed);
    assert!(!service.lists("83.70.211.36"));
    let why = done(&service, "why", &["83.70.211.36"]);
    assert!(why.contains("People wanted its mail: "), "{why}");
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    let kept: i64 = ledger
        .query_row(
            "SELECT count(*) FROM facts WHERE feed = 'mailboxes' AND (proof != '[]' OR verdict != '{}')",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(kept, 0);
    let bytes = fs::read(service.ledger()).unwrap();
    assert!(!bytes.windows(6).any(|window| window == b"reader"), "F05");
    // Withdrawn, it speaks no more.
    done(&service, "retract", &["--feed", "mailboxes", "--reason", "it was filled by the sender"]);
    service.wait("spam", |service| service.lists("83.70.211.36"));
}

/// G7, end to end: what waits is shown and counted, and goes by hand.
#[test]
fn the_brake_shows_what_waits() {
    let service = Service::start(&(settings(3) + "[brake]\nper-list = 1\nper-feed = 1\ninterval = \"24h\"\n"));
    assert_eq!(service.run("brake", &[]).status.code(), Some(0));
    list(&service, "83.70.211.36", 1);
    for trap in 0..3 {
        service.submit(&format!("trap@d{trap}.example"), &message("83.70.211.37", trap)).unwrap();
    }
    service.wait("the brake", |service| service.get("/metrics").1.contains("firsthand_brake_waiting{list=\"spam\"} 1"));
    assert!(!service.lists("83.70.211.37"));
    let shown = service.run("brake", &[]);
    assert_eq!(shown.status.code(), Some(1));
    assert!(text(&shown).contains("83.70.211.37"), "{}", text(&shown));
    assert!(service.get("/metrics").1.contains("firsthand_framing_cost_least{list=\"spam\"} 1"));
    let why = done(&service, "why", &["83.70.211.37"]);
    assert!(why.contains("would list it in spam"), "{why}");
    done(&service, "brake", &["--release", "83.70.211.37"]);
    service.wait("to be let go", |service| service.lists("83.70.211.37"));
    assert_eq!(service.run("brake", &["--release", "83.70.211.37"]).status.code(), Some(1), "nothing waits of it");
    assert!(done(&service, "audit", &["--json"]).contains("release"));
    let mut service = service;
    service.kill();
    assert_eq!(service.run("brake", &[]).status.code(), Some(75), "no service, no brake");
}

/// A policy is tried before it is live; shadow mode shows and publishes nothing.
#[test]
fn a_policy_is_tried_on_the_kept_facts() {
    let service = Service::start(&settings(4));
    list(&service, "83.70.211.36", 1);
    for trap in 0..2 {
        service.submit(&format!("trap@d{trap}.example"), &message("83.70.211.37", trap)).unwrap();
    }
    let folder = service.folder.path();
    let policy = |text: &str| {
        let path = folder.join("new.toml");
        fs::write(&path, format!("[policy]\n{text}\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let replay = |path: &str| {
        let output = service.run("replay", &["--policy", path, "--json"]);
        (output.status.code(), json(&text(&output)))
    };
    let (status, same) = replay(&policy(""));
    assert_eq!((status, &same["stay"]), (Some(0), &1.into()), "{same}");
    let (status, stricter) = replay(&policy("traps = 4\ntrap-domains = 4"));
    assert_eq!((status, &stricter["go"]), (Some(1), &1.into()), "{stricter}");
    let (_, looser) = replay(&policy("traps = 2\ntrap-domains = 2\nlist-at = 2.0"));
    assert_eq!((&looser["come"], &looser["stay"]), (&1.into(), &1.into()), "{looser}");
    assert_eq!(looser["listings"][0]["origin"], "83.70.211.37");
    let shadow = service.run("replay", &["--policy", &policy("mode = \"shadow\"")]);
    assert!(text(&shadow).contains("publish none"), "{}", text(&shadow));
    assert!(service.lists("83.70.211.36"), "nothing was changed");
}

/// F01, F02, 6471-3.7: the address itself is taken off at once; a request from elsewhere waits for the operator; nobody
/// is told more than the zone tells.
#[test]
fn removal_by_the_page() {
    let proxies = settings(3).replace("[http]\n", "[http]\nproxies = [\"127.0.0.1\"]\n");
    let service = Service::start(&proxies);
    list(&service, "83.70.211.36", 1);
    list(&service, "83.70.211.37", 2);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let page = |address: &str, client: &str| {
        let (status, page) =
            service.exchange("GET", &format!("/address/{address}"), &[("X-Forwarded-For", client)], "");
        assert_eq!(status, 200);
        page.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    let ask = |address: &str, client: &str, token: &str| {
        let headers = [("X-Forwarded-For", client), ("Content-Type", "application/x-www-form-urlencoded")];
        service.exchange("POST", &format!("/address/{address}/removal"), &headers, &format!("token={token}"))
    };
    let stranger = page("83.70.211.36", "26.1.2.3").unwrap();
    // A token of one client is none of another's.
    assert_eq!(ask("83.70.211.36", "83.70.211.36", &stranger).0, 403);
    assert_eq!(ask("83.70.211.36", "83.70.211.36", "").0, 403);
    let (status, queued) = ask("83.70.211.36", "26.1.2.3", &stranger);
    assert_eq!(status, 202, "{queued}");
    assert!(service.lists("83.70.211.36"));
    let requests = done(&service, "remove", &["--requests"]);
    assert!(requests.contains("83.70.211.36"), "{requests}");
    assert!(service.get("/metrics").1.contains("firsthand_removal_requests_waiting 1"));
    done(&service, "remove", &["--refuse", "1"]);
    assert_eq!(service.run("remove", &["--grant", "1"]).status.code(), Some(2));
    // By itself: at once, and the next time later.
    let own = page("83.70.211.37", "83.70.211.37").unwrap();
    let (status, taken) = ask("83.70.211.37", "83.70.211.37", &own);
    assert_eq!(status, 200, "{taken}");
    service.wait("to fall", |service| !service.lists("83.70.211.37"));
    assert_eq!(page("83.70.211.37", "83.70.211.37"), None, "what is not listed has no form");
    let (status, nothing) = ask("83.70.211.37", "83.70.211.37", &own);
    assert!(status == 200 && nothing.contains("Not listed"), "{nothing}");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    list(&service, "83.70.211.37", 3);
    let (status, later) = ask("83.70.211.37", "83.70.211.37", &own);
    assert!(status == 202 && later.contains("takes effect at"), "{later}");
    assert!(service.lists("83.70.211.37"));
    let trail = done(&service, "audit", &[]);
    assert!(trail.contains("the address itself") && trail.contains("answer-removal"), "{trail}");
}

/// What the settings say of a trap stands; a command that would change nothing says so.
#[test]
fn a_trap_of_the_settings_is_changed_there() {
    let service = Service::start(&settings(4));
    let config = service.config();
    for arguments in [["add", "trap@d0.example"], ["remove", "Trap@D0.example"]] {
        let mut command = std::process::Command::new(harness::FIRSTHAND);
        let output = command.arg("trap").args(arguments).arg("--config").arg(&config).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains("by the settings"), "{}", text(&output));
    }
}
