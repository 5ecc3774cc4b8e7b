//! One command line of SMTP or LMTP (RFC 5321 §4.1, RFC 2033 §4.1), and what a MAIL or RCPT says.
//!
//! Enters: a line without its CRLF. Leaves: the command, its arguments untouched. Spammers write paths as they like; what
//! may be read of them is told beside the path, and whom that satisfies is the session's to say.

/// What the client wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Command<'l> {
    Lhlo,
    Ehlo,
    Helo,
    Mail(&'l [u8]),
    Rcpt(&'l [u8]),
    Data(&'l [u8]),
    Bdat(&'l [u8]),
    Rset,
    Noop,
    Vrfy,
    Help,
    Quit,
    Xforward(&'l [u8]),
    Xclient(&'l [u8]),
    Unknown,
}

/// Reads a line.
pub(super) fn command(line: &[u8]) -> Command<'_> {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (verb, rest) = (&line[..end], line[end..].trim_ascii());
    match verb.to_ascii_uppercase().as_slice() {
        b"LHLO" => Command::Lhlo,
        b"EHLO" => Command::Ehlo,
        b"HELO" => Command::Helo,
        b"MAIL" => Command::Mail(rest),
        b"RCPT" => Command::Rcpt(rest),
        b"DATA" => Command::Data(rest),
        b"BDAT" => Command::Bdat(rest),
        b"RSET" => Command::Rset,
        b"NOOP" => Command::Noop,
        b"VRFY" => Command::Vrfy,
        b"HELP" => Command::Help,
        b"QUIT" => Command::Quit,
        b"XFORWARD" => Command::Xforward(rest),
        b"XCLIENT" => Command::Xclient(rest),
        _ => Command::Unknown,
    }
}

/// The path of a MAIL or RCPT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Path<'l> {
    /// The address, without brackets and source route (RFC 5321 appendix C); empty for the null sender. What is no UTF-8
    /// stands as U+FFFD.
    pub(super) address: String,
    /// Whether it stood in angle brackets, with nothing but parameters behind it, as it must (RFC 5321 §4.1.2).
    pub(super) sound: bool,
    /// What stands behind it.
    parameters: &'l [u8],
}

/// Reads what stands behind MAIL or RCPT, where `keyword` is `FROM:` or `TO:`; none if there is no path.
pub(super) fn path<'l>(arguments: &'l [u8], keyword: &str) -> Option<Path<'l>> {
    let (start, rest) = arguments.split_at_checked(keyword.len())?;
    if !start.eq_ignore_ascii_case(keyword.as_bytes()) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let blank = |text: &[u8]| text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (inner, behind, bracketed) = match rest {
        [b'<', inner @ ..] => match closing(inner) {
            Some(end) => (&inner[..end], &inner[end + 1..], true),
            None => {
                let end = blank(inner);
                (&inner[..end], &inner[end..], false)
            }
        },
        _ => {
            let end = blank(rest);
            (&rest[..end], &rest[end..], false)
        }
    };
    if inner.is_empty() && !bracketed {
        return None;
    }
    let sound = bracketed && (behind.is_empty() || behind.starts_with(b" "));
    let parameters = behind[blank(behind)..].trim_ascii();
    let address = String::from_utf8_lossy(without_route(inner.trim_ascii())).into_owned();
    Some(Path { address, sound, parameters })
}

/// Where the bracket closes: outside quotes, or else, where quotes are not closed themselves, the last one.
fn closing(inner: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in inner.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    inner.iter().rposition(|byte| *byte == b'>')
}

/// `@a,@b:user@domain` is `user@domain`.
fn without_route(path: &[u8]) -> &[u8] {
    let mut literal = false;
    for (at, byte) in path.iter().enumerate().take_while(|_| path.starts_with(b"@")) {
        match byte {
            b'[' => literal = true,
            b']' => literal = false,
            b':' if !literal => return &path[at + 1..],
            _ => {}
        }
    }
    path
}

/// What the parameters of a MAIL say (RFC 5321 §4.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Parameters {
    /// SIZE (RFC 1870); what is larger than can be counted is the largest number.
    pub(super) size: usize,
    /// One of them was not offered, or its value is none.
    pub(super) bad: bool,
}

impl Path<'_> {
    /// Reads the parameters of a MAIL: SIZE, BODY (RFC 6152, without BINARYMIME) and SMTPUTF8 (RFC 6531).
    pub(super) fn of_mail(&self) -> Parameters {
        let mut read = Parameters::default();
        for parameter in self.words() {
            let parameter = parameter.to_ascii_uppercase();
            match parameter.as_slice() {
                b"BODY=7BIT" | b"BODY=8BITMIME" | b"SMTPUTF8" => {}
                [b'S', b'I', b'Z', b'E', b'=', digits @ ..] if (1..=20).contains(&digits.len()) => {
                    let digits =
                        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
                    match digits {
                        Some(digits) => read.size = digits.parse().unwrap_or(usize::MAX),
                        None => read.bad = true,
                    }
                }
                _ => read.bad = true,
            }
        }
        read
    }

    /// Whether a RCPT has parameters, of which none was offered.
    pub(super) fn has_parameters(&self) -> bool {
        self.words().next().is_some()
    }

    fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.parameters.split(|byte| *byte == b' ').filter(|word| !word.is_empty())
    }
}

/// The octets of a chunk, and whether it is the last (RFC 3030 §2).
pub(super) fn chunk(arguments: &[u8]) -> Option<(u64, bool)> {
    let mut words = arguments.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let size = std::str::from_utf8(words.next()?).ok()?;
    if !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size = size.parse().ok()?;
    match (words.next(), words.next()) {
        (None, _) => Some((size, false)),
        (Some(word), None) if word.eq_ignore_ascii_case(b"LAST") => Some((size, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn verbs_have_no_case() {
        for (line, read) in [
            (&b"lhlo x"[..], Command::Lhlo),
            (b"EHLO", Command::Ehlo),
            (b"mAiL FROM:<>  ", Command::Mail(b"FROM:<>")),
            (b"RCPT TO:<a@b> ", Command::Rcpt(b"TO:<a@b>")),
            (b"DATA", Command::Data(b"")),
            (b"BDAT 5 LAST", Command::Bdat(b"5 LAST")),
            (b"XFORWARD ADDR=192.0.2.1", Command::Xforward(b"ADDR=192.0.2.1")),
            (b" NOOP", Command::Unknown),
            (b"", Command::Unknown),
            (b"STARTTLS", Command::Unknown),
            (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2", Command::Unknown),
            (b"\xff\xfe", Command::Unknown),
        ] {
            assert_eq!(command(line), read, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn paths() {
        for (arguments, address, sound, parameters) in [
            ("FROM:<>", "", true, ""),
            ("from: <a@b.example>", "a@b.example", true, ""),
            ("FROM:<a@b.example> SIZE=5 SMTPUTF8", "a@b.example", true, "SIZE=5 SMTPUTF8"),
            ("FROM:<@a.example,@b.example:c@d.example>", "c@d.example", true, ""),
            ("FROM:<@[IPv6:2001:db8::1]:c@d.example>", "c@d.example", true, ""),
            ("FROM:<\"a>b\"@c.example> BODY=7BIT", "\"a>b\"@c.example", true, "BODY=7BIT"),
            ("FROM:<\"a\\\"> b\"@c.example>", "\"a\\\"> b\"@c.example", true, ""),
            ("FROM:<\"a@b.example> SIZE=5", "\"a@b.example", true, "SIZE=5"),
            ("FROM:<x:y@b.example>", "x:y@b.example", true, ""),
            ("FROM:a@b.example", "a@b.example", false, ""),
            ("FROM:a@b.example SIZE=5", "a@b.example", false, "SIZE=5"),
            ("FROM:<a@b.example SIZE=5", "a@b.example", false, "SIZE=5"),
            ("FROM:<a@b.example>x SIZE=5", "a@b.example", false, "SIZE=5"),
            ("FROM:<ä@b.example>", "ä@b.example", true, ""),
            ("FROM:<a b@c.example>", "a b@c.example", true, ""),
        ] {
            let expected = Path { address: address.to_owned(), sound, parameters: parameters.as_bytes() };
            assert_eq!(path(arguments.as_bytes(), "FROM:"), Some(expected), "{arguments}");
        }
        for arguments in ["", "FROM", "FROM:", "FROM: ", "TO:<a@b>", "FROM<a@b>", "FROM:<"] {
            assert_eq!(path(arguments.as_bytes(), "FROM:"), None, "{arguments}");
        }
        assert_eq!(path(b"TO:<\xff@b.example>", "TO:").unwrap().address, "\u{fffd}@b.example");
    }

    #[test]
    fn parameters_of_a_mail() {
        let of = |text: &str| path(format!("FROM:<> {text}").as_bytes(), "FROM:").unwrap().of_mail();
        assert_eq!(of("size=52428800 BODY=8bitmime smtputf8"), Parameters { size: 52_428_800, bad: false });
        assert_eq!(of("SIZE=99999999999999999999"), Parameters { size: usize::MAX, bad: false });
        for bad in
            ["SIZE=", "SIZE=-1", "SIZE=1e3", "SIZE=123456789012345678901", "BODY=BINARYMIME", "RET=HDRS", "AUTH=<>"]
        {
            assert!(of(bad).bad, "{bad}");
        }
    }

    /// RFC 3030 §2.
    #[test]
    fn chunks() {
        for (arguments, read) in [
            ("5", Some((5, false))),
            ("0 last", Some((0, true))),
            ("5  LAST", Some((5, true))),
            ("18446744073709551615", Some((u64::MAX, false))),
            ("18446744073709551616", None),
            ("", None),
            ("-5", None),
            ("+5", None),
            ("5 LAST x", None),
            ("5 FIRST", None),
            ("x", None),
        ] {
            assert_eq!(chunk(arguments.as_bytes()), read, "{arguments}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read(line in prop::collection::vec(any::<u8>(), 0..80), start in prop_oneof![Just("MAIL FROM:<"), Just("RCPT TO:"), Just("BDAT "), Just("")]) {
            let line = [start.as_bytes(), &line].concat();
            match command(&line) {
                Command::Mail(rest) => drop(path(rest, "FROM:").map(|path| path.of_mail())),
                Command::Rcpt(rest) => drop(path(rest, "TO:").map(|path| path.has_parameters())),
                Command::Bdat(rest) => drop(chunk(rest)),
                _ => {}
            }
        }
    }
}
