//! Any bytes are judged without a panic, and any bytes below the boundary change nothing but claims (G1).
#![no_main]

use std::net::IpAddr;
use std::sync::Once;

use firsthand_analyzer::received::{Dialect, Handover, Hop};
use firsthand_analyzer::sample::{Header, Sample};
use firsthand_analyzer::survey::Survey;
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};
use firsthand_analyzer::verdict::judge;
use libfuzzer_sys::fuzz_target;

/// The boundary's line, by three MTAs that put nothing of the message into it.
const BOUNDARIES: [(&str, &str); 3] = [
    (
        "postfix",
        "from x.example (unknown [198.51.100.7])\n\tby mx1.example (Postfix) with ESMTP id 4T3X\n\tfor <t@d.example>; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\n",
    ),
    (
        "exim",
        "from [198.51.100.7] (helo=x.example)\n\tby mx1.example with esmtp (Exim 4.96)\n\t(envelope-from <a@b.example>)\n\tid 1xVc9P-000710-23\n\tfor t@d.example;\n\tMon, 23 Nov 2026 22:04:39 +0000\n",
    ),
    (
        "sendmail",
        "from x.example ([198.51.100.7])\n\tby mx1.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6AN\n\tfor <t@d.example>; Mon, 23 Nov 2026 22:09:56 GMT\n",
    ),
];

fn relay(dialect: Option<Dialect>) -> Relay {
    Relay {
        name: "mx1".to_owned(),
        hosts: vec![HostPattern::new("mx1.example")],
        networks: vec!["10.0.0.0/8".parse().expect("a network")],
        dialect,
        handovers: Handover::ALL.to_vec(),
    }
}

/// The analyzer contains mail-parser's panics, and a message that makes it panic has no parts. The fuzzer's own hook would
/// end the run there; what is not contained still ends it, where the fuzzer catches what the target unwinds.
static CONTAINED: Once = Once::new();

fuzz_target!(|data: &[u8]| {
    CONTAINED.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let open = Topology::new(vec![Relay { hosts: Vec::new(), ..relay(None) }], Boundary::Headers);
    for message in [data, &[b"Received: ", data].concat()] {
        let verdict = judge(&Sample { message, envelope: None, observed_peer: None }, &open);
        assert!(verdict.proof.iter().all(|line| line.replay().is_some()), "a proof does not replay");
        if let Ok(header) = Header::read(message) {
            for field in header.all("Received") {
                let _ = Hop::read_loosely(field);
            }
        }
        Survey::default().add(message, Some(&open));
    }
    let peer: IpAddr = "198.51.100.7".parse().expect("an address");
    for (dialect, line) in BOUNDARIES {
        // What begins with white space would belong to the line above; these MTAs put an empty line before it.
        let gap = if matches!(data.first(), Some(b' ' | b'\t')) { "\n" } else { "" };
        let message = [b"Received: ", line.as_bytes(), gap.as_bytes(), data].concat();
        if Header::read(&message).is_err() {
            continue;
        }
        for declared in [Dialect::parse(dialect), None] {
            let topology = Topology::new(vec![relay(declared)], Boundary::Headers);
            let verdict = judge(&Sample { message: &message, envelope: None, observed_peer: None }, &topology);
            assert_eq!(verdict.origin, Ok(peer), "{dialect}: {}", data.escape_ascii());
            assert_eq!(verdict.path.len(), 1);
        }
    }
});
