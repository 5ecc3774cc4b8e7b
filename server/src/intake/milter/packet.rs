//! The packets of the milter protocol, as Sendmail's `libmilter/mfdef.h` names them.
//!
//! A packet is four bytes of length (most significant first), which count what follows: a byte that names the command, and
//! its data. Enters: what an MTA sent. Leaves: a [`Packet`]; and bytes of a [`Reply`]. Refused: a length of nothing or above
//! [`LENGTH_LIMIT`], before any room is taken for it, and data that is not what its command calls for. What nobody here
//! needs (HELO, macros, unknown commands) is not read.

use std::net::IpAddr;

use firsthand_analyzer::address::parse_address;

/// The longest packet that is read: its command and data, bytes. MTAs send bodies in pieces of 64 KiB unless a milter asks
/// for more; of header fields Postfix sends at most 100 KiB (`header_size_limit`).
pub const LENGTH_LIMIT: usize = 1 << 20;
/// The bytes of a packet's length.
pub const LENGTH_BYTES: usize = 4;

/// What is refused: no MTA says such a thing, and what follows cannot be told from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// A packet that has arrived whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Whole<'a> {
    /// The byte that names it.
    pub command: u8,
    /// What follows.
    pub data: &'a [u8],
    /// The bytes that it took, with those of its length.
    pub length: usize,
}

/// The first packet of what arrived; none until all of it is there.
///
/// # Errors
/// A length that no packet has.
pub fn first(arrived: &[u8]) -> Result<Option<Whole<'_>>, Malformed> {
    let Some(length) = length(arrived)? else { return Ok(None) };
    let whole = arrived.get(LENGTH_BYTES..LENGTH_BYTES + length);
    let parts = whole.and_then(<[u8]>::split_first);
    Ok(parts.map(|(command, data)| Whole { command: *command, data, length: LENGTH_BYTES + length }))
}

/// The length of the packet that begins here, without that of the length itself; none until it is there.
///
/// # Errors
/// A length that no packet has.
pub fn length(arrived: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(length) = arrived.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Malformed)?;
    if (1..=LENGTH_LIMIT).contains(&length) { Ok(Some(length)) } else { Err(Malformed) }
}

/// What an MTA says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    /// `O`: what it offers.
    Negotiate(Offer),
    /// `C`: a client has connected; no address where it has none, as one on a Unix socket, or none that can be read.
    Connect(Option<IpAddr>),
    /// `H`: what the client calls itself, which is its word.
    Helo,
    /// `U`: a command of the client that the MTA does not know.
    Unknown,
    /// `D`: macros for what comes next.
    Macros,
    /// `M`: a message begins, with the reverse-path as the client gave it.
    Mail(&'a [u8]),
    /// `R`: a recipient that the MTA takes, as the client gave it.
    Recipient(&'a [u8]),
    /// `T`: there are no more recipients.
    Data,
    /// `L`: a header field.
    Header {
        /// Without the colon.
        name: &'a [u8],
        /// What follows the colon, or what follows one space behind it; a fold is an LF.
        value: &'a [u8],
    },
    /// `N`: the header has ended.
    EndOfHeader,
    /// `B`: a piece of the body, as it is.
    Body(&'a [u8]),
    /// `E`: the message has ended, with what is left of its body.
    EndOfBody(&'a [u8]),
    /// `A`: the message is none.
    Abort,
    /// `K`: the client has gone, and another comes.
    NextClient,
    /// `Q`: the MTA goes.
    Quit,
}

/// What either side can do, as both tell each other first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The version of the protocol.
    pub version: u32,
    /// What a milter may do to a message (`SMFIF_*`).
    pub actions: u32,
    /// What need not be sent or answered, and how (`SMFIP_*`).
    pub protocol: u32,
}

impl<'a> Packet<'a> {
    /// Reads a command's data.
    ///
    /// # Errors
    /// A command that there is not, or data that is not its own.
    pub fn read(command: u8, data: &'a [u8]) -> Result<Self, Malformed> {
        Ok(match command {
            b'O' => Self::Negotiate(offer(data)?),
            b'C' => Self::Connect(peer(data)?),
            b'H' => Self::Helo,
            b'U' => Self::Unknown,
            b'D' => Self::Macros,
            b'M' => Self::Mail(first_argument(data)?),
            b'R' => Self::Recipient(first_argument(data)?),
            b'T' => Self::Data,
            b'L' => {
                let (name, rest) = string(data)?;
                let (value, rest) = string(rest)?;
                if name.is_empty() || !rest.is_empty() {
                    return Err(Malformed);
                }
                Self::Header { name, value }
            }
            b'N' => Self::EndOfHeader,
            b'B' => Self::Body(data),
            b'E' => Self::EndOfBody(data),
            b'A' => Self::Abort,
            b'K' => Self::NextClient,
            b'Q' => Self::Quit,
            _ => return Err(Malformed),
        })
    }
}

/// A string, which a NUL ends, and what follows it.
fn string(data: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let end = memchr::memchr(0, data).ok_or(Malformed)?;
    Ok((&data[..end], &data[end + 1..]))
}

/// The address of MAIL or RCPT, behind which are the parameters of ESMTP.
fn first_argument(data: &[u8]) -> Result<&[u8], Malformed> {
    if data.last() != Some(&0) {
        return Err(Malformed);
    }
    string(data).map(|(argument, _)| argument)
}

fn offer(data: &[u8]) -> Result<Offer, Malformed> {
    let mut numbers =
        data.chunks_exact(4).map(|number| u32::from_be_bytes([number[0], number[1], number[2], number[3]]));
    let mut next = || numbers.next().ok_or(Malformed);
    // What may follow are names of macros, which nobody here needs.
    Ok(Offer { version: next()?, actions: next()?, protocol: next()? })
}

/// The client's address behind its name: a letter for the family, two bytes of port, the address. Sendmail writes `IPv6:`
/// before one of IPv6, as RFC 5321 §4.1.3 does.
fn peer(data: &[u8]) -> Result<Option<IpAddr>, Malformed> {
    let (_, rest) = string(data)?;
    let (family, rest) = rest.split_first().ok_or(Malformed)?;
    if *family == b'U' {
        return Ok(None);
    }
    let (address, left) = string(rest.get(2..).ok_or(Malformed)?)?;
    if !left.is_empty() {
        return Err(Malformed);
    }
    let address = std::str::from_utf8(address).unwrap_or_default();
    match family {
        b'4' => Ok(parse_address(address).filter(IpAddr::is_ipv4).filter(|_| !address.contains(':'))),
        b'6' => {
            let tagged = address.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
            let address = if tagged { &address[5..] } else { address };
            // A mapped address is the IPv4 address that it stands for, which without colons is no address of this family.
            Ok(parse_address(address).filter(|_| address.contains(':')))
        }
        b'L' => Ok(None),
        _ => Err(Malformed),
    }
}

/// What a milter says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply<'a> {
    /// What of the offer is wanted.
    Negotiate(Offer),
    /// Go on.
    Continue,
    /// Take the message, and send no more of it.
    Accept,
    /// Tell the client that the message is taken, and deliver it to nobody.
    Discard,
    /// Let the client try again.
    TryAgain,
    /// Refuse the message with this line: a reply code and an enhanced status code of the same class, and text.
    Refuse(&'static str),
    /// Do not deliver the message to this recipient.
    Remove(&'a [u8]),
    /// An answer is still to come.
    Progress,
}

impl Reply<'_> {
    /// Appends its packet.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; LENGTH_BYTES]);
        match self {
            Self::Negotiate(Offer { version, actions, protocol }) => {
                out.push(b'O');
                for number in [version, actions, protocol] {
                    out.extend_from_slice(&number.to_be_bytes());
                }
            }
            Self::Continue => out.push(b'c'),
            Self::Accept => out.push(b'a'),
            Self::Discard => out.push(b'd'),
            Self::TryAgain => out.push(b't'),
            Self::Progress => out.push(b'p'),
            Self::Refuse(line) => text(out, b'y', line.as_bytes()),
            Self::Remove(recipient) => text(out, b'-', recipient),
        }
        // What is removed came in a packet of the same shape, within the limit.
        let length = (out.len() - start - LENGTH_BYTES) as u32;
        out[start..start + LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    }
}

fn text(out: &mut Vec<u8>, command: u8, string: &[u8]) {
    out.push(command);
    out.extend_from_slice(string);
    out.push(0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_held_against_the_limit_first() {
        assert_eq!(first(b""), Ok(None));
        assert_eq!(first(b"\0\0\0"), Ok(None));
        assert_eq!(first(b"\0\0\0\x02B"), Ok(None));
        assert_eq!(first(b"\0\0\0\x02Bx\0"), Ok(Some(Whole { command: b'B', data: b"x", length: 6 })));
        assert_eq!(first(b"\0\0\0\0"), Err(Malformed));
        assert_eq!(first(b"\0\x10\0\x01"), Err(Malformed));
        assert_eq!(length(b"\0\x10\0\0"), Ok(Some(LENGTH_LIMIT)));
        assert_eq!(first(b"\xff\xff\xff\xff"), Err(Malformed));
    }

    #[test]
    fn each_command_is_read() {
        let read = |packet: &'static [u8]| Packet::read(packet[0], &packet[1..]);
        let offer = Offer { version: 6, actions: 0x1ff, protocol: 0x1f_ffff };
        assert_eq!(read(b"O\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"), Ok(Packet::Negotiate(offer)));
        assert_eq!(read(b"M<a@b.example>\0SIZE=7\0"), Ok(Packet::Mail(b"<a@b.example>")));
        assert_eq!(read(b"M<>\0"), Ok(Packet::Mail(b"<>")));
        assert_eq!(read(b"R<@c:a@b>\0NOTIFY=NEVER\0"), Ok(Packet::Recipient(b"<@c:a@b>")));
        assert_eq!(read(b"LSubject\0 x\n\ty\0"), Ok(Packet::Header { name: b"Subject", value: b" x\n\ty" }));
        assert_eq!(read(b"LX\0\0"), Ok(Packet::Header { name: b"X", value: b"" }));
        assert_eq!(read(b"B\0\xff"), Ok(Packet::Body(b"\0\xff")));
        assert_eq!(read(b"E"), Ok(Packet::EndOfBody(b"")));
        assert_eq!(read(b"DMj\0mx1.example.net\0"), Ok(Packet::Macros));
        let bare = [b"H", b"U", b"T", b"N", b"A", b"K", b"Q"].map(|packet| read(packet).unwrap());
        let names = [Packet::Helo, Packet::Unknown, Packet::Data, Packet::EndOfHeader, Packet::Abort];
        assert_eq!((&bare[..5], bare[5], bare[6]), (&names[..], Packet::NextClient, Packet::Quit));
        for wrong in [
            b"O\0\0\0\x06\0\0\0\0\0\0\0".as_slice(),
            b"M",
            b"M<a@b>",
            b"M<a@b>\0SIZE=7",
            b"R",
            b"L",
            b"LSubject\0",
            b"LSubject\0x",
            b"LSubject\0x\0y",
            b"L\0x\0",
            b"C",
            b"Cname\0",
            b"Cname\x004\0",
            b"Cname\x004\0\x19192.0.2.1",
            b"Cname\x004\0\x19192.0.2.1\0x",
            b"Cname\09\0\x19192.0.2.1\0",
            b"\0",
            b"o",
        ] {
            assert_eq!(Packet::read(wrong[0], &wrong[1..]), Err(Malformed), "{:?}", String::from_utf8_lossy(wrong));
        }
    }

    /// The peer is what can be read as an address of its family in one way, or nobody.
    #[test]
    fn the_peer_is_read_strictly() {
        let peer = |family: char, address: &str| {
            let data = format!("mail.example.net\0{family}\0\x19{address}\0");
            match Packet::read(b'C', data.as_bytes()) {
                Ok(Packet::Connect(peer)) => peer.map(|peer| peer.to_string()),
                other => panic!("{other:?}"),
            }
        };
        for (family, address, read) in [
            ('4', "26.1.2.3", "26.1.2.3"),
            ('6', "IPv6:2a01:4f8::1", "2a01:4f8::1"),
            ('6', "ipv6:2A01:4F8:0::1", "2a01:4f8::1"),
            ('6', "2a01:4f8::1", "2a01:4f8::1"),
            ('6', "IPv6:::ffff:26.1.2.3", "26.1.2.3"),
        ] {
            assert_eq!(peer(family, address).as_deref(), Some(read), "{address}");
        }
        for (family, address) in [
            ('4', "026.1.2.3"),
            ('4', "26.1.2"),
            ('4', "26.1.2.3 "),
            ('4', "2a01:4f8::1"),
            ('4', "::ffff:26.1.2.3"),
            ('4', "IPv6:2a01:4f8::1"),
            ('4', "unknown"),
            ('6', "26.1.2.3"),
            ('6', "IPv6:26.1.2.3"),
            ('6', "IPv6:IPv6:2a01:4f8::1"),
            ('6', "2a01:4f8::1%eth0"),
            ('L', "/var/run/x"),
            ('L', "26.1.2.3"),
        ] {
            assert_eq!(peer(family, address), None, "{family} {address}");
        }
        assert_eq!(Packet::read(b'C', b"localhost\0U"), Ok(Packet::Connect(None)));
        assert_eq!(Packet::read(b'C', b"localhost\0U\0\x0026.1.2.3\0"), Ok(Packet::Connect(None)));
        assert_eq!(Packet::read(b'C', b"x\x004\0\x19\xff\xfe\0"), Ok(Packet::Connect(None)));
    }

    #[test]
    fn replies_are_packets() {
        let mut out = Vec::new();
        for reply in [
            Reply::Negotiate(Offer { version: 6, actions: 8, protocol: 0x1f }),
            Reply::Continue,
            Reply::Remove(b"<a@b>"),
            Reply::Refuse("550 5.7.1 No"),
        ] {
            reply.write(&mut out);
        }
        let negotiate = b"\0\0\0\x0dO\0\0\0\x06\0\0\0\x08\0\0\0\x1f".as_slice();
        assert_eq!(out, [negotiate, b"\0\0\0\x01c\0\0\0\x07-<a@b>\0\0\0\0\x0ey550 5.7.1 No\0"].concat());
    }

    proptest! {
        #[test]
        fn whatever_arrives_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some(Whole { command, data, length })) = first(&bytes) {
                prop_assert!(length <= bytes.len() && data.len() + 1 + LENGTH_BYTES == length);
                let _ = Packet::read(command, data);
            }
            for command in 0..=255 {
                let _ = Packet::read(command, &bytes);
            }
        }
    }
}
