//! The header that a proxy sends before all else, which tells the client (HAProxy's PROXY protocol, versions 1 and 2).
//!
//! Enters: the first octets of a connection from a proxy that the settings name. Leaves: the client, if the header tells
//! one, and how long the header was. Refused: anything that is no whole and sound header, since whoever sends it is not the
//! proxy that was meant.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use firsthand_analyzer::address::canonical;

/// The longest header of version 1 with its CRLF (section 2.1).
const TEXT_MAX: usize = 107;
/// The first octets of version 2 (section 2.2).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// What stands before the addresses of version 2.
const FIXED: usize = 16;
/// The longest header of version 2 that is read: addresses, and what a proxy says of TLS beside them.
pub const HEADER_MAX: usize = 4096;

/// A header, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProxyHeader {
    /// The client; none if the proxy speaks for itself (LOCAL), or does not know (UNKNOWN, a Unix socket).
    pub client: Option<IpAddr>,
    /// The octets that it took.
    pub length: usize,
}

/// What stands there is no header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoHeader;

/// Reads the header at the front of `input`; none while more of it must come, which is at most [`HEADER_MAX`] octets.
///
/// # Errors
/// When it cannot become a header.
pub fn read(input: &[u8]) -> Result<Option<ProxyHeader>, NoHeader> {
    let begins = |start: &[u8]| input.iter().zip(start).all(|(is, wanted)| is == wanted);
    let header = if begins(SIGNATURE) {
        binary(input)?
    } else if begins(b"PROXY ") {
        text(input)?
    } else {
        return Err(NoHeader);
    };
    // No client has that address, which stands for those on a Unix socket.
    match header {
        Some(ProxyHeader { client: Some(client), .. }) if client.is_unspecified() => Err(NoHeader),
        header => Ok(header),
    }
}

fn text(input: &[u8]) -> Result<Option<ProxyHeader>, NoHeader> {
    let head = &input[..input.len().min(TEXT_MAX)];
    let Some(end) = head.windows(2).position(|window| window == b"\r\n") else {
        return if head.len() < TEXT_MAX { Ok(None) } else { Err(NoHeader) };
    };
    let line = std::str::from_utf8(&head[..end]).map_err(|_| NoHeader)?;
    let words: Vec<&str> = line.split(' ').collect();
    let port = |text: &str| {
        let digits = !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && text.parse::<u16>().is_ok()
    };
    let client: Option<IpAddr> = match words.as_slice() {
        // Whatever follows is to be ignored (section 2.1).
        [_, "UNKNOWN", ..] => None,
        [_, family @ ("TCP4" | "TCP6"), source, destination, from, to] if port(from) && port(to) => {
            let address = |text: &str| -> Result<IpAddr, NoHeader> {
                match *family {
                    "TCP4" => text.parse().map(IpAddr::V4).map_err(|_| NoHeader),
                    _ => text.parse().map(IpAddr::V6).map_err(|_| NoHeader),
                }
            };
            address(destination)?;
            Some(canonical(address(source)?))
        }
        _ => return Err(NoHeader),
    };
    Ok(Some(ProxyHeader { client, length: end + 2 }))
}

fn binary(input: &[u8]) -> Result<Option<ProxyHeader>, NoHeader> {
    // An unknown version, command or family is known before the rest has come.
    let local = match input.get(12) {
        None => return Ok(None),
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return Err(NoHeader),
    };
    let Some(&[family, high, low]) = input.get(13..FIXED) else { return Ok(None) };
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > HEADER_MAX {
        return Err(NoHeader);
    }
    let Some(addresses) = input.get(FIXED..length) else { return Ok(None) };
    // Source and destination address and port; what stands behind them (TLVs) is skipped.
    let client = match family {
        _ if local => None,
        // Not known, or a Unix socket.
        0x00 => None,
        0x31 if addresses.len() >= 216 => None,
        0x11 if addresses.len() >= 12 => addresses.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets).into()),
        0x21 if addresses.len() >= 36 => addresses.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into()),
        // Datagrams, or too short.
        _ => return Err(NoHeader),
    };
    Ok(Some(ProxyHeader { client: client.map(canonical), length }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(client: Option<&str>, length: usize) -> Result<Option<ProxyHeader>, NoHeader> {
        Ok(Some(ProxyHeader { client: client.map(|text| text.parse().unwrap()), length }))
    }

    /// Section 2.1.
    #[test]
    fn version_1() {
        for (line, client) in [
            ("PROXY TCP4 198.51.100.7 192.0.2.25 4000 25\r\n", Some("198.51.100.7")),
            ("PROXY TCP6 2001:db8::7 2001:db8::25 65535 25\r\n", Some("2001:db8::7")),
            ("PROXY TCP6 ::ffff:198.51.100.7 ::ffff:192.0.2.25 1 25\r\n", Some("198.51.100.7")),
            ("PROXY UNKNOWN\r\n", None),
            ("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None),
        ] {
            assert_eq!(read(line.as_bytes()), whole(client, line.len()), "{line}");
            assert_eq!(read(&[line.as_bytes(), b"EHLO x\r\n"].concat()), whole(client, line.len()), "{line}");
            for part in 0..line.len() {
                assert_eq!(read(&line.as_bytes()[..part]), Ok(None), "{}", &line[..part]);
            }
        }
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
        assert_eq!((longest.len(), read(longest.as_bytes())), (107, whole(None, 107)));
        let longer = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
        for line in [
            "EHLO x\r\n",
            "PROXY TCP4 198.51.100.7 192.0.2.25 4000\r\n",
            "PROXY TCP4 198.51.100.7 192.0.2.25 4000 25 x\r\n",
            "PROXY TCP4  198.51.100.7 192.0.2.25 4000 25\r\n",
            "PROXY TCP4 2001:db8::7 2001:db8::25 4000 25\r\n",
            "PROXY TCP6 198.51.100.7 192.0.2.25 4000 25\r\n",
            "PROXY TCP4 010.1.1.1 192.0.2.25 4000 25\r\n",
            "PROXY TCP4 198.51.100.7 192.0.2.25 65536 25\r\n",
            "PROXY TCP4 198.51.100.7 192.0.2.25 +25 25\r\n",
            "PROXY TCP4 198.51.100.7 x 4000 25\r\n",
            "PROXY TCP6 :: 2001:db8::25 4000 25\r\n",
            "PROXY UDP4 198.51.100.7 192.0.2.25 4000 25\r\n",
            "PROXY \r\n",
            "proxy TCP4 198.51.100.7 192.0.2.25 4000 25\r\n",
            &longer,
        ] {
            assert_eq!(read(line.as_bytes()), Err(NoHeader), "{line}");
        }
    }

    fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    /// Section 2.2.
    #[test]
    fn version_2_headers() {
        let four = [198, 51, 100, 7, 192, 0, 2, 25, 15, 160, 0, 25];
        let six: Vec<u8> = ["2001:db8::7", "2001:db8::25"]
            .iter()
            .flat_map(|text| text.parse::<Ipv6Addr>().unwrap().octets())
            .chain([15, 160, 0, 25])
            .collect();
        let mapped: Vec<u8> = ["::ffff:198.51.100.7", "::ffff:192.0.2.25"]
            .iter()
            .flat_map(|text| text.parse::<Ipv6Addr>().unwrap().octets())
            .chain([15, 160, 0, 25])
            .collect();
        let with_more = [&four[..], &[0x04, 0, 2, 1, 2]].concat();
        for (header, client) in [
            (version_2(0x21, 0x11, &four), Some("198.51.100.7")),
            (version_2(0x21, 0x11, &with_more), Some("198.51.100.7")),
            (version_2(0x21, 0x21, &six), Some("2001:db8::7")),
            (version_2(0x21, 0x21, &mapped), Some("198.51.100.7")),
            (version_2(0x20, 0x00, &[]), None),
            (version_2(0x20, 0x11, &four), None),
            (version_2(0x21, 0x00, &[1, 2, 3]), None),
            (version_2(0x21, 0x31, &[0; 216]), None),
        ] {
            assert_eq!(read(&header), whole(client, header.len()), "{header:?}");
            assert_eq!(read(&[&header[..], b"\r\n"].concat()), whole(client, header.len()), "{header:?}");
            for part in 0..header.len() {
                assert_eq!(read(&header[..part]), Ok(None), "{:?}", &header[..part]);
            }
        }
        let mut old = version_2(0x21, 0x11, &four);
        old[11] = b'x';
        for header in [
            version_2(0x11, 0x11, &four),
            version_2(0x22, 0x11, &four),
            version_2(0x21, 0x12, &four),
            version_2(0x21, 0x11, &four[..11]),
            version_2(0x21, 0x21, &six[..35]),
            version_2(0x21, 0x31, &[0; 215]),
            version_2(0x21, 0x41, &four),
            version_2(0x21, 0x11, &vec![0; HEADER_MAX]),
            old,
        ] {
            assert_eq!(read(&header), Err(NoHeader), "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read(start in prop_oneof![Just(&b""[..]), Just(&b"PROXY "[..]), Just(&SIGNATURE[..]), Just(&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..])], rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let input = [start, &rest].concat();
            if let Ok(Some(header)) = read(&input) {
                prop_assert!(header.length <= input.len());
                // What follows a header changes nothing in it.
                prop_assert_eq!(read(&input[..header.length]), Ok(Some(header)));
            }
            prop_assert!(input.len() < HEADER_MAX || read(&input) != Ok(None));
        }
    }
}
