//! Does the analyzer name the true peer, or none, on what real MTAs stored under attack? (G1)
//!
//! `corpus/mta-traces` holds messages that MTAs in a laboratory stored, with the peer that each really had;
//! `FORMATS.md` beside them says how they write their lines.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "harness/traces.rs"]
mod harness;

use firsthand_analyzer::sample::Sample;
use firsthand_analyzer::verdict::judge;
use harness::traces;

#[test]
fn the_true_peer_or_none() {
    let (mut right, mut total) = (0, 0);
    for trace in traces() {
        let verdict = judge(&Sample { message: &trace.message, envelope: None, observed_peer: None }, &trace.topology);
        let named = verdict.origin.ok().map(|origin| origin.to_string());
        assert!(named.is_none() || named == trace.truth, "{}: {named:?} for {:?}", trace.id, trace.truth);
        total += 1;
        right += usize::from(named == trace.truth);
    }
    assert!(total > 1000, "{total}");
    assert!(right * 1000 >= total * 999, "{right} of {total}");
}

/// A01, A02, A08: whatever the sender writes below the boundary moves nothing but claims.
#[test]
fn what_the_sender_adds_changes_no_origin() {
    let additions: [&[u8]; 6] = [
        b"Received: from v ([26.9.9.9])\n\tby mx1.relay.example (Postfix) with ESMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000\n",
        b"X-Originating-IP: [26.9.9.9]\nAuthentication-Results: mx1.relay.example; iprev=pass policy.iprev=26.9.9.9\n",
        b"RECEIVED : from v ([26.9.9.9]) by mx1.relay.example (Postfix) with ESMTPA id 1; Mon, 1 Jan 2024 00:00:00 +0000\n",
        b"Resent-From: a@b\nARC-Seal: i=1; cv=pass\nReceived: (from [26.9.9.9]) by mx3.relay.example (8.17/8.17) id 1; Mon, 1 Jan 2024 00:00:00 +0000\n",
        b"\xff\x00\r\nno field at all\nReceived: from v ([26.9.9.9]) by x; Mon, 1 Jan 2024 00:00:00 +0000\n",
        b"Received: by mx1.relay.example (Postfix, from userid 0)\n\tid 4T3; Mon, 1 Jan 2024 00:00:00 +0000\n",
    ];
    for trace in traces() {
        let before = judge(&Sample { message: &trace.message, envelope: None, observed_peer: None }, &trace.topology);
        let Ok(origin) = before.origin else { continue };
        // Right below the last trusted line, where the sender's own bytes begin.
        let boundary = &before.proof.last().unwrap().bytes;
        let at = trace.message.windows(boundary.len()).position(|window| window == boundary.as_slice()).unwrap()
            + boundary.len()
            + 1;
        for addition in additions {
            let message = [&trace.message[..at], addition, &trace.message[at..]].concat();
            let after = judge(&Sample { message: &message, envelope: None, observed_peer: None }, &trace.topology);
            assert_eq!(after.origin, Ok(origin), "{} with {}", trace.id, String::from_utf8_lossy(addition));
            assert_eq!(after.path, before.path, "{}", trace.id);
        }
    }
}
