//! dig and kdig: what people type when they look whether an address is listed.

use std::process::Command;

use crate::network::{LISTED, PAGE, SAME_64, SERVERS, UNLISTED, alone, entry, run};

/// Every transport that the tool has, over IPv4 and IPv6: listed addresses have their code and their reason, unlisted
/// ones have nothing, and the tool finds no fault with the answer.
fn look(tool: &str) {
    let ask = |server: &str, transport: &str, name: &str, kind: &str| {
        let at = format!("@{server}");
        let text = run(Command::new(tool).args([at.as_str(), "+norecurse", "+time=20", transport, name, kind]));
        assert!(!text.to_uppercase().contains("WARNING") && !text.contains("malformed"), "{text}");
        text
    };
    for server in SERVERS {
        for transport in ["+notcp", "+tcp", "+noedns", "+cookie"] {
            for (number, address) in LISTED.iter().chain(&[SAME_64]).enumerate() {
                let name = entry(address, "bl.example.");
                let text = ask(server, transport, &name, "A");
                let answer = text.lines().find(|line| line.starts_with(&name)).unwrap_or_else(|| panic!("{text}"));
                assert!(answer.ends_with("127.0.0.2"), "{address}: {text}");
                let text = ask(server, transport, &name, "TXT");
                let page = format!("{PAGE}{address}");
                assert!(text.contains("Listed in spam") && text.contains(&page), "{address}: {text}");
                let Some(unlisted) = UNLISTED.get(number) else {
                    continue;
                };
                for kind in ["A", "TXT"] {
                    let text = ask(server, transport, &entry(unlisted, "bl.example."), kind);
                    assert!(text.contains("status: NXDOMAIN") && text.contains("SOA"), "{unlisted}: {text}");
                    assert!(!text.contains("127.0.0.2"), "{unlisted}: {text}");
                }
            }
        }
        let short = run(Command::new(tool).args([&format!("@{server}"), "+short", &entry(LISTED[0], "bl.example.")]));
        assert_eq!(short, "127.0.0.2\n");
        let short = run(Command::new(tool).args([&format!("@{server}"), "+short", &entry(UNLISTED[0], "bl.example.")]));
        assert_eq!(short, "");
    }
    // A packet capture and a zone's health check ask these.
    for (kind, expected) in [("SOA", "ns.hosting.example."), ("NS", "ns.hosting.example."), ("ANY", "RFC8482")] {
        let name = if kind == "ANY" { entry(LISTED[0], "bl.example.") } else { "bl.example.".to_owned() };
        let text = ask(SERVERS[0], "+notcp", &name, kind);
        assert!(text.contains("status: NOERROR") && text.contains(expected), "{text}");
    }
}

#[test]
fn dig() {
    alone(|_| look("dig"));
}

#[test]
fn kdig() {
    alone(|_| look("kdig"));
}
