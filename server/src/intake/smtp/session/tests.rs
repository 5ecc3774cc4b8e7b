//! Sessions as clients hold them, well and ill.

use proptest::prelude::*;

use super::*;

fn rules() -> Rules {
    Rules { lmtp: false, strangers: false, xclient: false, hostname: "mx.traps.example".to_owned() }
}

fn lmtp() -> Rules {
    Rules { lmtp: true, ..rules() }
}

fn strangers() -> Rules {
    Rules { strangers: true, ..rules() }
}

/// What a client was told and what it did, as one text: replies as they are, and what came of it behind `>`.
struct Talk {
    session: Session,
    said: String,
    messages: Vec<(Delivery, Vec<u8>)>,
    message: Vec<u8>,
}

impl Talk {
    fn new(rules: Rules) -> Self {
        let session = Session::new(rules);
        Self { session, said: String::new(), messages: Vec::new(), message: Vec::new() }
    }

    /// Says something, in pieces of so many octets. Recipients `no@…` are refused, and `any@…` are not kept.
    fn say(&mut self, octets: &[u8], pieces: usize) -> &mut Self {
        for piece in octets.chunks(pieces) {
            let mut input = piece;
            while let Some(event) = self.session.next(&mut input) {
                match event {
                    Event::Begun => self.message.clear(),
                    Event::Recipient(address) => self.session.answer(match address.split('@').next() {
                        Some("no") => Admission::Refused(reply::UNKNOWN_RECIPIENT),
                        Some("any") => Admission::Unkept,
                        _ => Admission::Kept,
                    }),
                    Event::Octets(octets) => self.message.extend_from_slice(octets),
                    Event::Dropped => self.message = Vec::new(),
                    Event::Message(delivery) => {
                        let message = std::mem::take(&mut self.message);
                        let said = format!(">{} {:?}\r\n", message.len(), delivery.recipients);
                        self.session.replies().extend_from_slice(said.as_bytes());
                        self.messages.push((delivery, message));
                    }
                }
            }
        }
        self.said += &String::from_utf8(std::mem::take(self.session.replies())).unwrap();
        self
    }
}

/// What is told to a client that says all of this at once.
fn told(rules: Rules, said: &[u8]) -> String {
    let mut talk = Talk::new(rules);
    talk.say(said, usize::MAX);
    talk.said
}

/// The codes of what is told, `>` for a message.
fn codes(rules: Rules, said: &str) -> String {
    let told = told(rules, said.as_bytes());
    let code = |line: &str| if line.starts_with('>') { ">".to_owned() } else { line[..3].to_owned() };
    told.lines().map(code).collect::<Vec<_>>().join(" ")
}

/// RFC 2920 §3.1: a whole transaction in two writes, and what each extension offers (RFC 5321 §4.1.1.1).
#[test]
fn a_pipelined_transaction() {
    let told = told(
        rules(),
        b"EHLO x\r\nXFORWARD ADDR=26.1.2.3\r\nMAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME SMTPUTF8\r\n\
          RCPT TO:<t@d.example>\r\nRCPT TO:<no@d.example>\r\nDATA\r\nx: y\r\n\r\n..z\r\n.\r\nQUIT\r\n",
    );
    let names = "NAME ADDR PORT PROTO HELO IDENT SOURCE";
    let expected = format!(
        "220 mx.traps.example ESMTP\r\n250-mx.traps.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n\
         250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250 XFORWARD {names}\r\n250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n\
         250 2.1.5 Ok\r\n550 5.1.1 No such recipient here\r\n354 End it with <CRLF>.<CRLF>\r\n>12 [\"t@d.example\"]\r\n\
         221 2.0.0 Bye\r\n"
    );
    assert_eq!(told, expected);
}

/// What is offered to whom: XFORWARD to MTAs of ours, XCLIENT to whom the settings name, and neither to strangers.
#[test]
fn who_may_state_a_client() {
    assert!(!told(strangers(), b"EHLO x\r\n").contains("XFORWARD"));
    assert_eq!(codes(strangers(), "EHLO x\r\nXFORWARD ADDR=26.1.2.3\r\n").split(' ').next_back(), Some("500"));
    assert_eq!(codes(lmtp(), "LHLO x\r\nXCLIENT ADDR=26.1.2.3\r\n").split(' ').next_back(), Some("500"));
    let mut talk = Talk::new(Rules { xclient: true, ..strangers() });
    talk.say(
        b"EHLO x\r\nXCLIENT ADDR=26.1.2.3\r\nMAIL FROM:<>\r\nEHLO y\r\nXCLIENT ADDR=26.1.2.4\r\nMAIL FROM:<>\r\n",
        7,
    );
    assert!(
        talk.said.contains("250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT\r\n220 "),
        "{}",
        talk.said
    );
    // A second word is the client's own, where a proxy passes on what it says.
    let tail: Vec<&str> = talk.said.lines().filter(|line| !line.starts_with("250")).collect();
    assert_eq!(tail.len(), 4, "{tail:?}");
    assert!(tail[2].starts_with("503") && tail[3].starts_with("503"), "{tail:?}");
    assert_eq!(talk.session.client(), Some(Stated::Address("26.1.2.3".parse().unwrap())));
    assert_eq!(codes(Rules { xclient: true, ..rules() }, "XCLIENT ADDR=26.1\r\n"), "220 501");
    // Nor is a first one a word of the proxy's that told no address, or that could not be read.
    for first in ["XCLIENT NAME=x", "XCLIENT ADDR=[UNAVAILABLE]", "XCLIENT ADDR=26.1"] {
        let mut talk = Talk::new(Rules { xclient: true, ..strangers() });
        talk.say(format!("EHLO x\r\n{first}\r\nEHLO y\r\nXCLIENT ADDR=26.1.2.4\r\n").as_bytes(), 7);
        assert!(talk.said.ends_with("503 5.5.1 Not in this order\r\n"), "{}", talk.said);
        assert_eq!(talk.session.client(), Some(Stated::Unavailable), "{first}");
    }
}

/// XFORWARD_README: it is of one transaction, and is said before it.
#[test]
fn xforward_is_of_one_transaction() {
    let mail = "MAIL FROM:<a@b.example>\r\nRCPT TO:<t@d.example>\r\nDATA\r\n.\r\n";
    let (one, two) = ("XFORWARD ADDR=26.1.2.3\r\n", "XFORWARD HELO=x PROTO=ESMTP\r\n");
    let address = |text: &str| Some(Stated::Address(text.parse().unwrap()));
    for (said, forwarded) in [
        (format!("LHLO x\r\n{one}{two}{mail}{mail}"), vec![address("26.1.2.3"), None]),
        (format!("LHLO x\r\n{two}{one}{mail}"), vec![address("26.1.2.3")]),
        (format!("LHLO x\r\n{one}RSET\r\n{mail}"), vec![None]),
        (format!("LHLO x\r\n{one}LHLO x\r\n{mail}"), vec![None]),
        (format!("LHLO x\r\n{one}XFORWARD ADDR=[UNAVAILABLE]\r\n{mail}"), vec![Some(Stated::Unavailable)]),
        // What cannot be read, or is refused, leaves nobody's address for another message.
        (format!("LHLO x\r\n{one}XFORWARD ADDR=x\r\n{mail}{mail}"), vec![Some(Stated::Unavailable), None]),
        (format!("LHLO x\r\n{one}MAIL FROM:<> SIZE=52428801\r\n{mail}"), vec![None]),
        (format!("LHLO x\r\n{one}MAIL FROM:<> RET=HDRS\r\n{mail}"), vec![None]),
        (format!("LHLO x\r\n{one}MAIL FROM:a@b\r\n{mail}"), vec![None]),
        (
            format!("LHLO x\r\n{one}MAIL FROM:<>\r\nMAIL FROM:<>\r\nRCPT TO:<t@d.example>\r\nDATA\r\n.\r\n"),
            vec![address("26.1.2.3")],
        ),
        (format!("LHLO x\r\nMAIL FROM:<>\r\n{one}RSET\r\n{mail}"), vec![None]),
        (format!("{one}LHLO x\r\n{mail}"), vec![None]),
    ] {
        let mut talk = Talk::new(lmtp());
        talk.say(said.as_bytes(), usize::MAX);
        let stated: Vec<_> = talk.messages.iter().map(|(delivery, _)| delivery.forwarded).collect();
        assert_eq!(stated, forwarded, "{said}");
    }
}

/// RFC 5321 §4.1.4 and RFC 2033 §4: the order of commands, and what each dialect knows.
#[test]
fn the_order_of_commands() {
    for (rules, said, expected) in [
        (rules(), "MAIL FROM:<a@b>\r\n", "220 503"),
        (rules(), "LHLO x\r\nHELO x\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", "220 500 250 250 503"),
        (lmtp(), "HELO x\r\nEHLO x\r\n", "220 500 500"),
        (rules(), "HELO x\r\nRCPT TO:<t@d>\r\nDATA\r\n", "220 250 503 503"),
        (rules(), "HELO x\r\nMAIL FROM:<>\r\nDATA\r\n", "220 250 250 554"),
        (
            rules(),
            "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<no@d>\r\nDATA\r\nRSET\r\nDATA\r\n",
            "220 250 250 550 554 250 503",
        ),
        (
            rules(),
            "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<t@d>\r\nDATA x\r\nHELO x\r\nDATA\r\n",
            "220 250 250 250 501 250 503",
        ),
        (rules(), "NOOP x\r\nVRFY t@d\r\nEXPN t\r\nHELP\r\nRSET\r\nQUIT\r\nNOOP\r\n", "220 250 252 500 214 250 221"),
        (rules(), "STARTTLS\r\nAUTH PLAIN\r\nGET / HTTP/1.1\r\n\r\n", "220 500 500 500 500"),
        (rules(), "PROXY TCP4 26.1.2.3 192.0.2.25 4000 25\r\n", "220 500"),
        (rules(), "HELO x\r\nMAIL FROM:<> SIZE=52428801\r\nMAIL FROM:<> SIZE=52428800\r\n", "220 250 552 250"),
        (rules(), "HELO x\r\nMAIL FROM:<> BODY=BINARYMIME\r\nMAIL FROM:<> RET=HDRS\r\n", "220 250 555 555"),
        (rules(), "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<t@d> NOTIFY=NEVER\r\n", "220 250 250 555"),
        (rules(), "HELO x\r\nMAIL FROM:a@b\r\nMAIL FROM:<a@b\r\nMAIL a@b\r\n", "220 250 501 501 501"),
        (rules(), "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\nRCPT TO:t@d\r\n", "220 250 250 501 501"),
        (rules(), "HELO x\0\r\nHELO \rx\r\n", "220 500 500"),
    ] {
        assert_eq!(codes(rules, said), expected, "{said}");
    }
}

/// The senders of spam are often malformed; the sample is worth more than their form.
#[test]
fn strangers_write_senders_as_they_like() {
    for (mail, sender) in [
        ("MAIL FROM:<a@b.example>", "a@b.example"),
        ("mail from: a@b.example SIZE=x FOO", "a@b.example"),
        ("MAIL FROM:<a b@@c> RET=HDRS", "a b@@c"),
        ("MAIL FROM:<\"a@b.example", "\"a@b.example"),
        ("MAIL FROM:<@x,@y:a@b.example>junk", "a@b.example"),
        ("MAIL FROM:<>", ""),
    ] {
        let mut talk = Talk::new(strangers());
        let said = format!("HELO\r\n{mail}\r\nRCPT TO:t@d.example NOTIFY=NEVER\r\nDATA\r\n.\r\n");
        talk.say(said.as_bytes(), 3);
        assert_eq!(talk.messages.len(), 1, "{mail}: {}", talk.said);
        assert_eq!(talk.messages[0].0.mail_from, sender);
        assert_eq!(talk.messages[0].0.recipients, ["t@d.example"]);
    }
    assert_eq!(codes(strangers(), "HELO x\r\nMAIL FROM:\r\nMAIL a@b\r\n"), "220 250 501 501");
}

/// RFC 3030 §2 and §4.2: chunks are octets, whatever they look like.
#[test]
fn chunks() {
    let start = "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<t@d>\r\n";
    let mut talk = Talk::new(rules());
    let said = format!("{start}BDAT 7\r\n..\r\n.\r\nBDAT 5 LAST\r\nQUIT\nBDAT 0 LAST\r\n");
    talk.say(said.as_bytes(), 4);
    assert_eq!(talk.messages[0].1, b"..\r\n.\r\nQUIT\n");
    assert!(talk.said.ends_with(">12 [\"t@d\"]\r\n503 5.5.1 Not in this order\r\n"), "{}", talk.said);
    let after = |said: &str| {
        let codes = codes(rules(), &format!("{start}{said}"));
        codes.split(' ').skip(11).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(after("BDAT 0 LAST\r\n"), ">");
    assert_eq!(
        after("BDAT 2\r\nxxDATA\r\nRCPT TO:<u@d>\r\nMAIL FROM:<>\r\nRSET\r\nBDAT 0\r\n"),
        "250 503 503 503 250 503"
    );
    // What cannot be told from commands ends the session.
    assert_eq!(after("BDAT x\r\nQUIT\r\n"), "501");
    assert_eq!(after("BDAT 18446744073709551615\r\nQUIT\r\n"), "552");
    assert_eq!(
        codes(lmtp(), "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<no@d>\r\nBDAT 6 LAST\r\nQUIT\r\nQUIT\r\n"),
        codes(lmtp(), "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<no@d>\r\nDATA x\r\nQUIT\r\n").replace("501", "554")
    );
}

/// What is too large is read to its end, so that its client is told, and no further than twice.
#[test]
fn what_is_too_large() {
    let mut talk = Talk::new(lmtp());
    let part = [&vec![b'x'; (1 << 20) - 2][..], b"\r\n"].concat();
    talk.say(b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<t@d>\r\nDATA\r\n", 99);
    for _ in 0..50 {
        talk.say(&part, part.len());
    }
    assert_eq!(talk.message.len(), MESSAGE_LIMIT);
    talk.say(b"y", 1);
    assert_eq!(talk.message.capacity(), 0, "nothing of it is held");
    talk.say(b"\r\n.\r\nNOOP\r\n", 99);
    assert!(talk.messages[0].0.too_large && talk.said.ends_with("250 2.0.0 Ok\r\n"), "{}", talk.said);
    talk.say(b"MAIL FROM:<>\r\nRCPT TO:<t@d>\r\nDATA\r\n", 99);
    for _ in 0..100 {
        talk.say(&part, part.len());
    }
    assert!(!talk.session.is_closed());
    talk.say(b"y", 1);
    assert!(talk.session.is_closed() && talk.said.ends_with("552 5.3.4 The message is too large\r\n"));
    let mut talk = Talk::new(rules());
    talk.say(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<t@d>\r\nBDAT 52428800\r\n", 99);
    for _ in 0..50 {
        talk.say(&part, part.len());
    }
    talk.say(b"BDAT 1\r\nxBDAT 1 LAST\r\nxNOOP\r\n", 5);
    assert!(talk.said.ends_with(
        "250 2.0.0 Ok\r\n552 5.3.4 The message is too large\r\n503 5.5.1 Not in this order\r\n250 2.0.0 Ok\r\n"
    ));
}

/// A line that another reader may see as two ends the session; what is behind it is nobody's word.
#[test]
fn lines_end_in_crlf() {
    for said in ["NOOP\nXFORWARD ADDR=26.1.2.3\r\n", "\n", "NOOP\r\r\n\n"] {
        let mut talk = Talk::new(rules());
        talk.say(format!("EHLO x\r\n{said}MAIL FROM:<>\r\n").as_bytes(), 3);
        assert!(
            talk.session.is_closed() && talk.said.ends_with("521 5.5.2 Lines end in CRLF; closing\r\n"),
            "{}",
            talk.said
        );
    }
    for length in [2045, 2046, 2047, 5000] {
        for pieces in [1, 100, 5000] {
            let mut talk = Talk::new(rules());
            talk.say(format!("NOOP {}\r\n", "x".repeat(length - 5)).as_bytes(), pieces);
            assert_eq!(talk.session.is_closed(), length > 2046, "{length} {pieces}");
            assert!(talk.session.line.capacity() <= 2 * LINE_MAX);
        }
    }
}

/// RFC 5321 §4.5.3.1.8 and §7.8: how many of everything there may be.
#[test]
fn numbers_are_bounded() {
    let recipients = |number: usize| (0..number).map(|at| format!("RCPT TO:<t{at}@d>\r\n")).collect::<String>();
    let count = |rules: Rules, code: &str| {
        let said = format!("EHLO x\r\nLHLO x\r\nMAIL FROM:<>\r\n{}", recipients(1100));
        told(rules, said.as_bytes()).lines().filter(|line| line.starts_with(code)).count()
    };
    assert_eq!((count(lmtp(), "250 2.1.5"), count(lmtp(), "452")), (1000, 100));
    assert_eq!((count(strangers(), "250 2.1.5"), count(strangers(), "421")), (100, 1));
    assert_eq!(codes(rules(), &"X\r\n".repeat(50)), format!("220{} 421", " 500".repeat(20)));
    assert_eq!(codes(strangers(), &"NOOP\r\n".repeat(200)), format!("220{} 421", " 250".repeat(100)));
    assert_eq!(
        codes(strangers(), &("HELO\r\n".to_owned() + &"MAIL FROM:<>\r\nRSET\r\n".repeat(99))).len(),
        4 * 102 - 1
    );
    let mail = "MAIL FROM:<>\r\nRCPT TO:<t@d>\r\nDATA\r\n.\r\n";
    let mut talk = Talk::new(strangers());
    talk.say(("HELO\r\n".to_owned() + &mail.repeat(1001)).as_bytes(), 999);
    assert_eq!(talk.messages.len(), 1000);
    assert!(talk.said.ends_with("421 4.3.2 Enough for one connection; come again\r\n"));
    let long =
        format!("HELO\r\nMAIL FROM:<>\r\nRCPT TO:<{}@d>\r\nRCPT TO:<{}@d>\r\n", "x".repeat(318), "x".repeat(319));
    assert_eq!(codes(rules(), &long), "220 250 250 250 501");
}

/// No octet of a client's is in any reply (ATTACKS E11).
#[test]
fn nothing_is_echoed() {
    let said = "EHLO evil\u{1b}[31m%s\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<evil@d>\r\nRCPT TO:<no@evil>\r\nVRFY evil\r\nNOOP evil\r\n\
                HELP evil\r\nevil\r\nMAIL FROM:evil\r\nBDAT evil\r\n";
    for rules in [rules(), strangers(), lmtp()] {
        let told = told(rules, said.as_bytes());
        assert!(!told.contains("evil") && !told.contains('\u{1b}') && !told.contains("%s"), "{told}");
        assert!(told.split_inclusive("\r\n").all(|line| line.ends_with("\r\n") && line.len() <= 512));
    }
}

/// Pieces of sessions, some sound.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        &b"EHLO x\r\n"[..],
        b"LHLO x\r\n",
        b"MAIL FROM:<a@b>\r\n",
        b"RCPT TO:<t@d>\r\n",
        b"RCPT TO:<no@d>\r\n",
        b"DATA\r\n",
        b"BDAT 5\r\n",
        b"BDAT 3 LAST\r\n",
        b"XFORWARD ADDR=26.1.2.3\r\n",
        b"RSET\r\n",
        b"\r\n.\r\n",
        b"\n.\n",
        b"\r\n.\r\r\n",
        b"..\r\n",
        b"\r",
        b"\n",
    ]);
    prop_oneof![9 => words.prop_map(<[u8]>::to_vec), 1 => prop::collection::vec(any::<u8>(), 0..9)]
}

proptest! {
    /// In whatever pieces it comes, a session is the same.
    #[test]
    fn pieces_make_no_difference(said in prop::collection::vec(piece(), 0..40), pieces in 1usize..20, is_lmtp: bool, by_strangers: bool) {
        let rules = Rules { lmtp: is_lmtp, strangers: by_strangers, ..rules() };
        // As often as not it gets somewhere.
        let hello = if is_lmtp { &b"LHLO x\r\n"[..] } else { b"EHLO x\r\n" };
        let said = [hello, &said.concat()].concat();
        let (mut whole, mut parts) = (Talk::new(rules.clone()), Talk::new(rules));
        whole.say(&said, said.len());
        parts.say(&said, pieces);
        prop_assert_eq!(&whole.said, &parts.said);
        prop_assert_eq!(whole.messages, parts.messages);
        prop_assert_eq!(whole.message, parts.message);
        prop_assert_eq!(whole.session.is_closed(), parts.session.is_closed());
    }
}
