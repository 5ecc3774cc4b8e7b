//! What XFORWARD and XCLIENT say of a client (Postfix's XFORWARD_README and XCLIENT_README).
//!
//! Enters: what stands behind the command. Leaves: the address that it names, if it names one. Refused: names that were not
//! offered, and values that are no xtext (RFC 3461 §4) or no address. Of all that they can say, only the address counts here:
//! it is the one thing that the MTA saw itself.

use std::net::IpAddr;

use firsthand_analyzer::address::parse_address;

/// The attributes of XFORWARD, as they are offered.
pub const XFORWARD: &[&str] = &["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"];
/// Those of XCLIENT.
pub const XCLIENT: &[&str] = &["NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"];

/// What was said of the client's address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stated {
    /// This is it.
    Address(IpAddr),
    /// There is none, or it could not be had.
    Unavailable,
}

/// It cannot be read, and nothing of it counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadAttribute;

impl Stated {
    /// The peer that whoever said it saw; none where it names a hop inside the machine.
    pub fn observed(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => observed(address),
            Self::Unavailable => None,
        }
    }
}

/// An address as an observed peer: in its canonical form, and none for the machine itself.
pub fn observed(address: IpAddr) -> Option<IpAddr> {
    Some(address.to_canonical()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}

/// Reads attributes of which the `known` may be there; what they say of the address, if anything.
///
/// # Errors
/// When one of them, or its value, is not as it must be, or there are none.
pub fn read(arguments: &[u8], known: &[&str]) -> Result<Option<Stated>, BadAttribute> {
    let (mut stated, mut any) = (None, false);
    for attribute in arguments.split(|byte| *byte == b' ').filter(|attribute| !attribute.is_empty()) {
        any = true;
        let at = attribute.iter().position(|byte| *byte == b'=').ok_or(BadAttribute)?;
        let (name, value) = (&attribute[..at], decoded(&attribute[at + 1..])?);
        let name = known.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name)).ok_or(BadAttribute)?;
        if *name == "ADDR" && stated.replace(address(&value)?).is_some() {
            // Two addresses are none.
            return Err(BadAttribute);
        }
    }
    if any { Ok(stated) } else { Err(BadAttribute) }
}

fn address(value: &[u8]) -> Result<Stated, BadAttribute> {
    if [&b"[UNAVAILABLE]"[..], b"[TEMPUNAVAIL]"].iter().any(|word| value.eq_ignore_ascii_case(word)) {
        return Ok(Stated::Unavailable);
    }
    const SIX: &str = "IPV6:";
    let text = std::str::from_utf8(value).map_err(|_| BadAttribute)?;
    let six = text.get(..SIX.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(SIX));
    let bare = if six { &text[SIX.len()..] } else { text };
    // Without the tag it is IPv4, but nothing else can be meant by the other form.
    if six && !bare.contains(':') {
        return Err(BadAttribute);
    }
    parse_address(bare).map(Stated::Address).ok_or(BadAttribute)
}

/// RFC 3461 §4: `+` and two hexadecimal digits stand for an octet, in whose place they must stand for some.
fn decoded(xtext: &[u8]) -> Result<Vec<u8>, BadAttribute> {
    let mut value = Vec::with_capacity(xtext.len());
    let mut rest = xtext.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'+' {
            value.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
        let octet = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        value.push(octet.ok_or(BadAttribute)?);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_postfix_says() {
        let address = |text: &str| Ok(Some(Stated::Address(text.parse().unwrap())));
        for (arguments, stated) in [
            ("NAME=spike.porcupine.org ADDR=168.100.189.2 PROTO=ESMTP", address("168.100.189.2")),
            ("HELO=spike.porcupine.org PROTO=ESMTP SOURCE=REMOTE", Ok(None)),
            ("NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::7 PORT=4000", address("2001:db8::7")),
            ("ADDR=IPv6:::ffff:198.51.100.7", address("198.51.100.7")),
            ("ADDR=2001:db8::7", address("2001:db8::7")),
            ("ADDR=198.51+2E100.7", address("198.51.100.7")),
            ("addr=[unavailable]", Ok(Some(Stated::Unavailable))),
            ("ADDR=[TEMPUNAVAIL]", Ok(Some(Stated::Unavailable))),
            ("HELO=x+20ADDR+3D26.1.2.3  IDENT=4T3X", Ok(None)),
            ("ADDR=198.51.100.7 ADDR=198.51.100.8", Err(BadAttribute)),
            ("ADDR=[UNAVAILABLE] ADDR=198.51.100.8", Err(BadAttribute)),
            ("ADDR=010.1.1.1", Err(BadAttribute)),
            ("ADDR=unix:/run/x", Err(BadAttribute)),
            ("ADDR=IPV6:198.51.100.7", Err(BadAttribute)),
            ("ADDR=198.51.100.7+", Err(BadAttribute)),
            ("ADDR=198.51.100.7+2", Err(BadAttribute)),
            ("ADDR=198.51.100.7+zz", Err(BadAttribute)),
            ("ADDR=198.51.100.7+0D+0A", Err(BadAttribute)),
            ("ADDR=", Err(BadAttribute)),
            ("ADDR", Err(BadAttribute)),
            ("LOGIN=x", Err(BadAttribute)),
            ("", Err(BadAttribute)),
            (" ", Err(BadAttribute)),
        ] {
            assert_eq!(read(arguments.as_bytes(), XFORWARD), stated, "{arguments}");
        }
        assert_eq!(read(b"LOGIN=x DESTADDR=192.0.2.25", XCLIENT), Ok(None));
        assert_eq!(read(b"ADDR=\xff", XFORWARD), Err(BadAttribute));
    }

    #[test]
    fn a_hop_inside_the_machine_is_no_peer() {
        for (text, seen) in [
            ("127.0.0.1", None),
            ("127.8.9.1", None),
            ("::1", None),
            ("::ffff:127.0.0.1", None),
            ("0.0.0.0", None),
            ("::", None),
            ("::ffff:26.1.2.3", Some("26.1.2.3")),
            ("26.1.2.3", Some("26.1.2.3")),
            ("2a01:4f8::1", Some("2a01:4f8::1")),
        ] {
            let seen = seen.map(|text| text.parse().unwrap());
            assert_eq!(Stated::Address(text.parse().unwrap()).observed(), seen, "{text}");
        }
        assert_eq!(Stated::Unavailable.observed(), None);
    }

    proptest! {
        #[test]
        fn any_octets_are_read(arguments in prop::collection::vec(any::<u8>(), 0..100), start in prop_oneof![Just(""), Just("ADDR="), Just("HELO=+")]) {
            let _ = read(&[start.as_bytes(), &arguments].concat(), XFORWARD);
        }

        /// Whatever a HELO holds, an MTA that writes it as xtext says nothing of the address by it.
        #[test]
        fn xtext_names_nothing_else(helo in prop::collection::vec(any::<u8>(), 1..40)) {
            let xtext: String = helo.iter().map(|byte| match byte {
                b'!'..=b'~' if !b"+=".contains(byte) => char::from(*byte).to_string(),
                _ => format!("+{byte:02X}"),
            }).collect();
            prop_assert_eq!(decoded(xtext.as_bytes()), Ok(helo));
            prop_assert_eq!(read(format!("HELO={xtext}").as_bytes(), XFORWARD), Ok(None));
        }
    }
}
