//! The laws of the milter protocol, by fuzzing: whatever an MTA says, and in whatever pieces it arrives, nothing panics, the
//! same is answered and kept, no more room is held than was asked for, and nobody's mail is kept but that of recipients
//! whose mail is a sample.
//!
//! The first two bytes choose the action, what may be kept, how much room there is, and the pieces; then comes what the MTA
//! says: as it is if the third byte's top bit is set, else behind a negotiation and a client.
#![no_main]

use firsthand_server::config::MilterAction;
use firsthand_server::intake::milter::packet::{self, Malformed};
use firsthand_server::intake::milter::session::{Asked, Content, Recipient, Session, Step};
use libfuzzer_sys::fuzz_target;

/// A negotiation of version 6 with all that there is, and a client.
const BEGIN: &[u8] = b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff\0\0\0\x0fCm\x004\0\x1926.1.2.3\0";

/// Whoever has an `a` in the address is a trap, a `w` one who wants mail.
fn recipient(address: &str) -> Option<Recipient> {
    let (trap, wanted) = (address.contains('a'), address.contains('w'));
    (trap || wanted).then(|| Recipient { id: address.to_ascii_lowercase(), wanted })
}

/// What was said, what was kept, and whether the MTA broke a rule.
type Outcome = (Vec<u8>, Vec<(Vec<String>, Content)>, bool);

fn run(said: &[u8], action: MilterAction, room: usize, keeps: bool, mut pieces: impl FnMut() -> usize) -> Outcome {
    let mut session = Session::new(action);
    let (mut out, mut kept) = (Vec::new(), Vec::new());
    let (mut arrived, mut at, mut left) = (Vec::new(), 0, room);
    loop {
        let mut taken = 0;
        loop {
            let mut grow = |bytes: usize| {
                let enough = left >= bytes;
                left -= if enough { bytes } else { 0 };
                enough
            };
            let mut asked = Asked { recipient: &recipient, grow: &mut grow };
            let step = session.advance(&arrived[taken..], &mut asked, &mut out);
            let Ok((length, step)) = step else { return (out, kept, true) };
            taken += length;
            match step {
                Step::Next => break,
                Step::End => return (out, kept, false),
                Step::Lost(_) => {}
                Step::Keep => {
                    let message = session.message().expect("what is to be kept is there");
                    let ids = message.ids();
                    assert!(!ids.is_empty() && ids.iter().all(|id| id.contains(['a', 'w'])));
                    let content = message.take_content();
                    assert!(content.text.len() <= room);
                    kept.push((ids, content));
                    session.conclude(keeps, &mut out);
                }
            }
        }
        arrived.drain(..taken);
        if at == said.len() {
            return (out, kept, false);
        }
        let end = said.len().min(at + pieces());
        arrived.extend_from_slice(&said[at..end]);
        at = end;
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [choice, size, rest @ ..] = bytes else { return };
    let action = [MilterAction::Accept, MilterAction::Discard, MilterAction::Reject][usize::from(choice % 3)];
    let (keeps, room) = (choice & 0x40 == 0, if choice & 0x80 == 0 { 1 << 20 } else { usize::from(*size) * 8 });
    let said = if rest.first().is_some_and(|byte| byte & 0x80 != 0) { rest.to_vec() } else { [BEGIN, rest].concat() };
    let whole = run(&said, action, room, keeps, || usize::MAX / 2);
    let cut = run(&said, action, room, keeps, || usize::from(size % 16) + 1);
    assert!(whole.1 == cut.1 && whole.2 == cut.2);
    assert_eq!(whole.0, cut.0);
    // What is said is packets, and what is answered is in the proportion of what arrived.
    assert!(whole.0.len() <= 64 + said.len() * 8);
    let mut rest = whole.0.as_slice();
    while let Some(whole) = packet::first(rest).unwrap_or_else(|Malformed| panic!("a reply is no packet")) {
        rest = &rest[whole.length..];
    }
    assert!(rest.is_empty());
});
