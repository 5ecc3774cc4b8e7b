//! A feed's client certificate: known by its digest, which is all of the trust.
//!
//! Format of `certificate-digest`: the SHA-256 digest of the certificate in DER, as 64 hexadecimal digits
//! (`openssl x509 -in feed.pem -outform DER | sha256sum`). Who signed the certificate, and until when it was meant to be used,
//! is of no account: it stands for its key, which a handshake proves.

use std::fmt;

use ring::digest::{SHA256, digest};
use serde::{Serialize, Serializer};
use subtle::ConstantTimeEq;

use super::remark::Flaw;

/// The SHA-256 digest of a certificate in DER. Comparisons take the same time wherever the digests differ.
#[derive(Clone, Copy, Eq, Hash)]
#[expect(clippy::derived_hash_with_manual_eq, reason = "equality is of the same bytes, only in constant time")]
pub struct CertificateDigest([u8; 32]);

impl CertificateDigest {
    /// The digest of a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Self(bytes)
    }

    /// The digest that 64 hexadecimal digits write.
    pub(super) fn of_hex(digits: &str) -> Result<Self, Flaw> {
        let flaw = || {
            let mend = "write the 64 digits that this prints: openssl x509 -in feed.pem -outform DER | sha256sum";
            Flaw::new("is not a SHA-256 digest of 64 hexadecimal digits", mend)
        };
        let halves = digits
            .split_at_checked(32)
            .filter(|_| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let (high, low) = halves.ok_or_else(flaw)?;
        let number = |half| u128::from_str_radix(half, 16).map_err(|_| flaw());
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&number(high)?.to_be_bytes());
        bytes[16..].copy_from_slice(&number(low)?.to_be_bytes());
        Ok(Self(bytes))
    }
}

impl PartialEq for CertificateDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for CertificateDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for CertificateDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CertificateDigest({self})")
    }
}

impl Serialize for CertificateDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_sha256sum_prints_it() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(CertificateDigest::of(b"abc").to_string(), abc);
        assert_eq!(CertificateDigest::of_hex(&abc.to_uppercase()).unwrap(), CertificateDigest::of(b"abc"));
        assert_ne!(CertificateDigest::of(b"abd"), CertificateDigest::of(b"abc"));
        for wrong in ["", "ba78", &abc.replace('b', "+"), &format!("{abc}0"), &"é".repeat(32)] {
            assert!(CertificateDigest::of_hex(wrong).is_err(), "{wrong}");
        }
    }
}
