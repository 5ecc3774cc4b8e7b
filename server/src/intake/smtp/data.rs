//! Where a message ends that comes after DATA, and what it is (RFC 5321 §4.1.1.4, §4.5.2).
//!
//! Enters: what the client sends, in any pieces. Leaves: the message, byte for byte, in pieces of what came. Only the five
//! octets CRLF `.` CRLF end it, where the CRLF of the DATA line counts as the first; a dot behind a CRLF is taken away; and
//! everything else is the message's: a bare LF or CR, a NUL, LF `.` LF, LF `.` CRLF, CR `.` CR, CRLF `.` LF, CRLF `.` CR CR
//! LF. A reader that took any of these for an end would let whoever wrote a message write the next one too, in the name of the
//! MTA that brought the first (SMTP smuggling).

use memchr::memchr;

/// What came before the next octet, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum At {
    /// A CRLF.
    #[default]
    LineStart,
    /// A CRLF and a dot, which is none of the message's whatever comes.
    Dot,
    /// A CRLF, a dot, and a CR, which is the message's unless an LF comes.
    DotCr,
    /// A CR.
    Cr,
    /// Anything else.
    Line,
}

/// Reads one message.
#[derive(Clone, Debug, Default)]
pub struct DataReader(At);

/// What the next octets were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'i> {
    /// Octets of the message, at least one.
    Octets(&'i [u8]),
    /// The end.
    End,
    /// Nothing: more must come.
    More,
}

impl DataReader {
    /// Reads from the front of `input`, and leaves there what it did not read. Once it said [`Piece::End`], what is left is
    /// none of the message's.
    pub fn read<'i>(&mut self, input: &mut &'i [u8]) -> Piece<'i> {
        let all: &'i [u8] = input;
        let mut at = 0;
        let octets = |length: usize| Piece::Octets(&all[..length]);
        while let Some(next) = all.get(at).copied() {
            match (self.0, next) {
                (At::LineStart, b'.') => {
                    self.0 = At::Dot;
                    *input = &all[at + 1..];
                    return if at == 0 { self.read(input) } else { octets(at) };
                }
                // Whether the dot was one of two or alone, what follows it is as in the middle of a line.
                (At::Dot, b'\r') => {
                    self.0 = At::DotCr;
                    *input = &all[at + 1..];
                    return self.read(input);
                }
                (At::DotCr, b'\n') => {
                    self.0 = At::LineStart;
                    *input = &all[at + 1..];
                    return Piece::End;
                }
                (At::DotCr, _) => {
                    self.0 = At::Cr;
                    *input = &all[at..];
                    return Piece::Octets(b"\r");
                }
                (At::Cr, b'\n') => self.0 = At::LineStart,
                (_, b'\r') => self.0 = At::Cr,
                _ => {
                    self.0 = At::Line;
                    at = memchr(b'\r', &all[at..]).map_or(all.len(), |length| at + length);
                    continue;
                }
            }
            at += 1;
        }
        *input = &[];
        if at == 0 { Piece::More } else { octets(at) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The message and what is left behind it, read in pieces of these lengths in turn; none if it does not end.
    pub(in super::super) fn read(stream: &[u8], lengths: &[usize]) -> Option<(Vec<u8>, Vec<u8>)> {
        let (mut reader, mut message, mut at, mut lengths) =
            (DataReader::default(), Vec::new(), 0, lengths.iter().cycle());
        while at < stream.len() {
            let length = (*lengths.next().unwrap()).clamp(1, stream.len() - at);
            let mut input = &stream[at..at + length];
            at += length;
            loop {
                match reader.read(&mut input) {
                    Piece::Octets(octets) => {
                        assert!(!octets.is_empty());
                        message.extend_from_slice(octets);
                    }
                    Piece::End => return Some((message, [input, &stream[at..]].concat())),
                    Piece::More => break,
                }
            }
        }
        None
    }

    /// The same by the plainest reading of RFC 5321 §4.5.2.
    pub(in super::super) fn plain(stream: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let after_data = [b"\r\n", stream].concat();
        let end = after_data.windows(5).position(|window| window == b"\r\n.\r\n")?;
        let (mut message, mut at) = (Vec::new(), 2);
        while at < end + 2 {
            let stuffed = after_data[..at].ends_with(b"\r\n") && after_data[at] == b'.';
            if !stuffed {
                message.push(after_data[at]);
            }
            // The octet behind a dot is taken as it is.
            at += 1;
            if stuffed && at < end + 2 {
                message.push(after_data[at]);
                at += 1;
            }
        }
        Some((message, after_data[end + 5..].to_vec()))
    }

    #[test]
    fn nothing_but_crlf_dot_crlf_ends_it() {
        for (stream, message, left) in [
            (&b".\r\n"[..], &b""[..], &b""[..]),
            (b".\r\nQUIT\r\n", b"", b"QUIT\r\n"),
            (b"a\r\n.\r\nNOOP\r\n", b"a\r\n", b"NOOP\r\n"),
            (b"..\r\n.\r\n", b".\r\n", b""),
            (b".a\r\n.\r\n", b"a\r\n", b""),
            (b"...\r\n..a\r\n.\r\n", b"..\r\n.a\r\n", b""),
            (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", b""),
            (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n", b""),
            (b"a\r.\rb\r\n.\r\n", b"a\r.\rb\r\n", b""),
            (b"a\r.\r\nb\r\n.\r\n", b"a\r.\r\nb\r\n", b""),
            (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n", b""),
            (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n", b""),
            (b"a\r\n.\r\r\nb\r\n.\r\n", b"a\r\n\r\r\nb\r\n", b""),
            (b"a\r\n\r.\r\n.\r\n", b"a\r\n\r.\r\n", b""),
            (b"a\r\r\n.\r\n", b"a\r\r\n", b""),
            (b"a\0\xff\r\n.\0\r\n.\r\n", b"a\0\xff\r\n\0\r\n", b""),
            (b"a.\r\n.b.\r\n.\r\n", b"a.\r\nb.\r\n", b""),
        ] {
            let expected = Some((message.to_vec(), left.to_vec()));
            assert_eq!(plain(stream), expected, "{}", stream.escape_ascii());
            for length in 1..=stream.len() {
                assert_eq!(read(stream, &[length]), expected, "{} by {length}", stream.escape_ascii());
            }
        }
        for unfinished in
            [&b"a"[..], b"a\r\n.", b"a\r\n.\r", b"a\n.\n", b"a\n.\r\n", b"a\r.\r", b"a\r\n.\r\r\n", b"a\r\n..\r\n"]
        {
            assert_eq!(read(unfinished, &[1]), None, "{}", unfinished.escape_ascii());
        }
    }

    fn octets() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![
            4 => Just(b'\r'),
            4 => Just(b'\n'),
            4 => Just(b'.'),
            1 => any::<u8>(),
        ];
        prop::collection::vec(octet, 0..60)
    }

    proptest! {
        /// In whatever pieces it comes, it is what the plain reading says.
        #[test]
        fn it_reads_as_the_plain_reading_does(stream in octets(), lengths in prop::collection::vec(1usize..9, 1..5)) {
            prop_assert_eq!(read(&stream, &lengths), plain(&stream));
        }

        /// What a client stuffs (RFC 5321 §4.5.2) comes out as it was, and ends where the client ended it.
        #[test]
        fn stuffing_goes_and_comes(message in octets(), lengths in prop::collection::vec(1usize..9, 1..5)) {
            let mut stream = Vec::new();
            // A client ends what does not end in CRLF.
            let message = if message.is_empty() || message.ends_with(b"\r\n") { message } else { [&message[..], b"\r\n"].concat() };
            for (at, octet) in message.iter().enumerate() {
                if *octet == b'.' && (at == 0 || message[..at].ends_with(b"\r\n")) {
                    stream.push(b'.');
                }
                stream.push(*octet);
            }
            stream.extend_from_slice(b".\r\nNOOP\r\n");
            prop_assert_eq!(read(&stream, &lengths), Some((message, b"NOOP\r\n".to_vec())));
        }
    }
}
