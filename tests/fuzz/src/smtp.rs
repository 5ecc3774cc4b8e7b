//! SMTP and LMTP sessions, by fuzzing: whatever a client says, in whatever pieces, is answered the same, without a panic and
//! within bounds; no reply holds what the client said; and a message is what the plainest reading of RFC 5321 §4.5.2 says, ended
//! by CRLF.CRLF and nothing else.
//!
//! The first byte chooses the rules, the second the pieces.
#![no_main]

use firsthand_server::intake::smtp::reply::UNKNOWN_RECIPIENT;
use firsthand_server::intake::smtp::session::{Admission, Event, LINE_MAX, Rules, Session};
use firsthand_server::intake::smtp::{attributes, proxy};
use libfuzzer_sys::fuzz_target;

/// The longest reply to one command, and to the most commands that may wait.
const REPLY_MAX: usize = 512;

/// What a client was told and did.
#[derive(Default, PartialEq, Eq, Debug)]
struct Log {
    replies: Vec<u8>,
    messages: Vec<(String, Vec<String>, Vec<u8>)>,
    closed: bool,
}

/// Drives a session; `ended` is told where each message of the stream ended, when it was read an octet at a time.
fn drive(
    rules: Rules,
    stream: &[u8],
    mut length: impl FnMut() -> usize,
    mut look: impl FnMut(&[u8], usize, Option<&[u8]>),
) -> Log {
    let (mut session, mut log, mut message, mut at) = (Session::new(rules), Log::default(), Vec::new(), 0);
    while at < stream.len() {
        let length = length().clamp(1, stream.len() - at);
        let mut input = &stream[at..at + length];
        at += length;
        let mut whole = None;
        while let Some(event) = session.next(&mut input) {
            match event {
                Event::Begun => message.clear(),
                Event::Recipient(address) => {
                    assert!(address.len() <= 3 * LINE_MAX);
                    session.answer(match address.len() % 3 {
                        0 => Admission::Refused(UNKNOWN_RECIPIENT),
                        1 => Admission::Unkept,
                        _ => Admission::Kept,
                    });
                }
                Event::Octets(octets) => {
                    assert!(!octets.is_empty());
                    message.extend_from_slice(octets);
                }
                Event::Dropped => message.clear(),
                Event::Message(delivery) => {
                    assert!(!delivery.too_large && delivery.recipients.len() <= 1000);
                    let octets = std::mem::take(&mut message);
                    whole = Some(octets.clone());
                    session.replies().extend_from_slice(b">\r\n");
                    log.messages.push((delivery.mail_from, delivery.recipients, octets));
                }
            }
        }
        assert!(session.is_closed() || input.is_empty());
        assert!(session.replies().len() <= REPLY_MAX * (1 + length));
        look(session.replies(), at, whole.as_deref());
        log.replies.append(session.replies());
    }
    log.closed = session.is_closed();
    log
}

/// The message behind DATA and how much of the stream it took, by the plainest reading; none if it does not end.
fn plain(stream: &[u8]) -> Option<(Vec<u8>, usize)> {
    let lines = [b"\r\n", stream].concat();
    let end = lines.windows(5).position(|window| window == b"\r\n.\r\n")?;
    let (mut message, mut at) = (Vec::new(), 2);
    while at < end + 2 {
        if lines[..at].ends_with(b"\r\n") && lines[at] == b'.' {
            at += 1;
            if at == end + 2 {
                break;
            }
        }
        message.push(lines[at]);
        at += 1;
    }
    Some((message, end + 3))
}

fuzz_target!(|data: &[u8]| {
    let [choice, pieces, said @ ..] = data else { return };
    let _ = (proxy::read(said), attributes::read(said, attributes::XFORWARD));
    let rules = Rules {
        lmtp: choice & 1 != 0,
        strangers: choice & 2 != 0,
        xclient: choice & 4 != 0,
        hostname: "mx.traps.example".to_owned(),
    };
    // As often as not it gets somewhere by itself.
    let begin = match choice >> 3 & 3 {
        0 => "",
        1 => "EHLO x\r\nLHLO x\r\n",
        2 => "EHLO x\r\nLHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<t@d>\r\nRCPT TO:<tt@d>\r\nDATA\r\n",
        _ => "EHLO x\r\nLHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<t@d>\r\nRCPT TO:<tt@d>\r\nBDAT 9\r\n",
    };
    let stream = [begin.as_bytes(), said].concat();
    // Where DATA was answered, and what it must bring, by when.
    let mut expected: Option<(Option<Vec<u8>>, usize)> = None;
    let single = drive(
        rules.clone(),
        &stream,
        || 1,
        |replies, at, message| {
            if replies.windows(4).any(|window| window == b"354 ") {
                expected = Some(match plain(&stream[at..]) {
                    Some((message, length)) => (Some(message), at + length),
                    None => (None, stream.len()),
                });
            } else if let Some((wanted, end)) = &expected {
                assert!(message.is_none() || at == *end, "a message ended at {at}, not at {end}");
                if at == *end {
                    assert_eq!(message, wanted.as_deref());
                    expected = None;
                } else {
                    assert!(replies.is_empty(), "something was answered within a message");
                }
            }
        },
    );
    assert!(!single.replies.contains(&0x1b) && single.replies.is_ascii());
    let (mut seed, whole) = (u32::from(*pieces) + 1, usize::MAX);
    let parts = drive(
        rules.clone(),
        &stream,
        || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as usize % (2 * usize::from(*pieces) + 2)
        },
        |_, _, _| {},
    );
    assert_eq!(single, parts);
    assert_eq!(single, drive(rules, &stream, || whole, |_, _, _| {}));
});
