//! The certificate of encrypted DNS, or of the intake over TLS, and its key: read, checked against each other, and replaced while they serve.
//!
//! Enters: two PEM files: a chain, the server's own certificate first, and its key, not encrypted. Leaves: a
//! [`Certificate`] that handshakes take their keys from. Files that change are read again; what cannot be served is
//! told once, and the former pair stays.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, InconsistentKeys, ServerConfig, SignatureScheme};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{error, info};

use crate::connections::stopped;
use crate::regular_file;

/// The longest certificate or key file that is read, in bytes.
const FILE_LIMIT: u64 = 1 << 20;
/// How often the files are looked at. What changed is read when it has stood still for as long: a certificate and its key
/// are seldom replaced in one moment.
const POLL: Duration = Duration::from_secs(2);

/// Where a certificate and its key are.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Pair {
    /// The chain, in PEM.
    pub certificate: PathBuf,
    /// The key, in PEM.
    pub key: PathBuf,
}

/// Why a pair cannot be served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PairError {
    /// The chain is not to be had, for this reason.
    Certificate(String),
    /// The key is not to be had, for this reason.
    Key(String),
    /// The key is another certificate's.
    Mismatch,
}

impl fmt::Display for PairError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(why) => write!(out, "the certificate {why}"),
            Self::Key(why) => write!(out, "the key {why}"),
            Self::Mismatch => out.write_str("the key is not that of the certificate"),
        }
    }
}

impl std::error::Error for PairError {}

/// A pair that fits.
#[derive(Debug)]
pub struct Checked {
    certified: Arc<CertifiedKey>,
    expires: i64,
}

impl Pair {
    /// Reads both files and checks that they fit.
    ///
    /// # Errors
    /// What is wrong with which of them.
    pub fn read(&self) -> Result<Checked, PairError> {
        let chain = text(&self.certificate).map_err(PairError::Certificate)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.map_err(|error| PairError::Certificate(format!("is no PEM: {error}")))?;
        let Some(own) = chain.first() else {
            return Err(PairError::Certificate("file holds no certificate in PEM".to_owned()));
        };
        let expires = expiry(own);
        let expires =
            expires.ok_or_else(|| PairError::Certificate("does not say when it expires".to_owned()))?.as_second();
        let key = text(&self.key).map_err(PairError::Key)?;
        let key = PrivateKeyDer::from_pem_slice(&key)
            .map_err(|_| PairError::Key("file holds no private key in PEM, or an encrypted one".to_owned()))?;
        let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => PairError::Mismatch,
            rustls::Error::InvalidCertificate(error) => PairError::Certificate(format!("is not valid: {error:?}")),
            error => PairError::Key(format!("is of no kind that is known here: {error}")),
        })?;
        Ok(Checked { certified: Arc::new(certified), expires })
    }

    /// What tells that a file was replaced or written.
    fn stamps(&self) -> Stamps {
        [&self.certificate, &self.key].map(|path| {
            let file = fs::metadata(path).ok()?;
            Some((file.dev(), file.ino(), file.size(), (file.mtime(), file.mtime_nsec())))
        })
    }
}

/// Device, inode, size and time of change.
type Stamp = (u64, u64, u64, (i64, i64));
/// Those of the certificate and of the key, where they are there.
type Stamps = [Option<Stamp>; 2];

/// The certificate that is served.
#[derive(Debug)]
pub struct Certificate {
    pair: Pair,
    served: ArcSwap<Checked>,
    /// The files that were read last, whether they could be served or not.
    read: Mutex<Stamps>,
}

impl Certificate {
    /// Serves a pair.
    ///
    /// # Errors
    /// When it cannot be served.
    pub fn load(pair: Pair) -> Result<Arc<Self>, PairError> {
        let stamps = pair.stamps();
        let served = ArcSwap::from_pointee(pair.read()?);
        Ok(Arc::new(Self { pair, served, read: Mutex::new(stamps) }))
    }

    /// When it expires, in Unix seconds.
    pub fn expires(&self) -> i64 {
        self.served.load().expires
    }

    /// Serves, from the next handshake on, what these files were read as by [`Pair::read`].
    pub fn replace(&self, checked: Checked) {
        self.served.store(Arc::new(checked));
    }

    /// Reads the files again. A pair that can be served is, from the next handshake on; another is told in the log.
    pub fn reload(&self) {
        // Before the files: what is written while they are read is seen as a change afterwards.
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = self.pair.stamps();
        let (certificate, key) = (self.pair.certificate.display(), self.pair.key.display());
        match self.pair.read() {
            Ok(checked) => {
                let expires =
                    jiff::Timestamp::from_second(checked.expires).map_or_else(|_| String::new(), |at| at.to_string());
                self.served.store(Arc::new(checked));
                info!(%certificate, expires, "a new certificate is served");
            }
            Err(error) => {
                error!(%error, %certificate, %key, "the new certificate cannot be served; the former one is, still");
            }
        }
    }

    /// Reads the files again whenever they changed, until `stop` says true; tells `renewed` each time.
    pub async fn follow(self: Arc<Self>, renewed: impl Fn(&Self), mut stop: watch::Receiver<bool>) {
        let mut before = self.pair.stamps();
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                () = sleep(POLL) => {}
            }
            // A disk may let its readers wait, and whoever answers queries shall not be among them.
            let this = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || this.look(before));
            let looked = tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                looked = looked => looked,
            };
            let Ok((now, is_renewed)) = looked else { return };
            if is_renewed {
                renewed(&self);
            }
            before = now;
        }
    }

    /// Reads the files again if they changed, and then stood as they did `before`. What they are now, and whether they were
    /// read.
    fn look(&self, before: Stamps) -> (Stamps, bool) {
        let now = self.pair.stamps();
        let changed = now != *self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = changed && now == before;
        if is_due {
            self.reload();
        }
        (now, is_due)
    }

    /// What handshakes on a listener agree on; `protocol` is its name (RFC 7301).
    pub fn terms(self: &Arc<Self>, protocol: &[u8]) -> Arc<ServerConfig> {
        let terms = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows the suites of TLS 1.2 and 1.3");
        let mut terms = terms.with_no_client_auth().with_cert_resolver(Arc::<Self>::clone(self));
        terms.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(terms)
    }
}

impl Certificate {
    /// The same with clients that may show a certificate: whose ever it is, they have its key. No session is resumed, so that
    /// each connection proves it anew.
    pub fn terms_for_clients(self: &Arc<Self>, protocol: &[u8]) -> Arc<ServerConfig> {
        let provider = provider();
        let verifier = AnyIssuer(provider.signature_verification_algorithms);
        let terms = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("ring knows the suites of TLS 1.2 and 1.3");
        let mut terms =
            terms.with_client_cert_verifier(Arc::new(verifier)).with_cert_resolver(Arc::<Self>::clone(self));
        terms.alpn_protocols = vec![protocol.to_vec()];
        terms.session_storage = Arc::new(NoServerSessionStorage {});
        terms.send_tls13_tickets = 0;
        Arc::new(terms)
    }
}

/// Takes any certificate whose key its client has; who signed it is for nobody to say.
#[derive(Debug)]
struct AnyIssuer(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyIssuer {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.served.load().certified))
    }
}

fn provider() -> CryptoProvider {
    ring::default_provider()
}

/// A file within [`FILE_LIMIT`], or why not.
fn text(path: &Path) -> Result<Vec<u8>, String> {
    let read = || -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        regular_file::open(path)?.take(FILE_LIMIT + 1).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error| format!("file {} cannot be read: {error}", path.display()))?;
    if text.len() as u64 > FILE_LIMIT {
        return Err(format!("file {} has more than {FILE_LIMIT} bytes", path.display()));
    }
    Ok(text)
}

/// When a certificate expires (RFC 5280 §4.1.2.5).
fn expiry(certificate: &[u8]) -> Option<jiff::Timestamp> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xA0;
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let mut outer = certificate;
    let (SEQUENCE, mut certificate) = element(&mut outer)? else { return None };
    let (SEQUENCE, mut signed) = element(&mut certificate)? else { return None };
    if signed.first() == Some(&VERSION) {
        element(&mut signed)?;
    }
    // The serial number, the signature's algorithm, the issuer.
    for _ in 0..3 {
        element(&mut signed)?;
    }
    let (SEQUENCE, mut validity) = element(&mut signed)? else { return None };
    element(&mut validity)?;
    let (kind, text) = element(&mut validity)?;
    let digits = std::str::from_utf8(text.strip_suffix(b"Z")?).ok()?;
    let (year, rest) = match kind {
        UTC_TIME => {
            let year: i16 = digits.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, digits.get(2..)?)
        }
        GENERALIZED_TIME => (digits.get(..4)?.parse().ok()?, digits.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| rest.get(2 * at..2 * at + 2)?.parse::<i8>().ok();
    if rest.len() != 10 {
        return None;
    }
    let at = DateTime::new(year, part(0)?, part(1)?, part(2)?, part(3)?, part(4)?, 0).ok()?;
    TimeZone::UTC.to_timestamp(at).ok()
}

/// Takes one DER element off `rest`: its tag and value (X.690 §8.1).
fn element<'d>(rest: &mut &'d [u8]) -> Option<(u8, &'d [u8])> {
    let (&[tag, first], after) = rest.split_first_chunk()?;
    let (length, after) = match first {
        ..=0x7F => (usize::from(first), after),
        0x81..=0x84 => {
            let (bytes, after) = after.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), after)
        }
        _ => return None,
    };
    let (value, after) = after.split_at_checked(length)?;
    *rest = after;
    Some((tag, value))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::process::Command;

    use super::*;

    /// A new pair for `name` in `folder`, good for `days`.
    pub(crate) fn issue(folder: &Path, name: &str, days: u32) -> Pair {
        let pair = Pair { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
        let days = days.to_string();
        let output = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", &days])
            .args(["-subj", &format!("/CN={name}"), "-addext", &format!("subjectAltName=DNS:{name}")])
            .arg("-keyout")
            .arg(&pair.key)
            .arg("-out")
            .arg(&pair.certificate)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        pair
    }

    #[test]
    fn a_pair_is_read_and_says_when_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        // The second is beyond 2049, and so in the other notation (RFC 5280 §4.1.2.5).
        for days in [3, 20_000] {
            let before = jiff::Timestamp::now().as_second();
            let pair = issue(folder.path(), "ns.bl.example", days);
            let good_for = pair.read().unwrap().expires - before;
            assert!((0..60).contains(&(good_for - i64::from(days) * 86_400)), "{good_for}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (pair, other) = (issue(folder.path(), "a.example", 1), issue(other.path(), "b.example", 1));
        let refused = |certificate: &Path, key: &Path| {
            Pair { certificate: certificate.to_owned(), key: key.to_owned() }.read().unwrap_err().to_string()
        };
        assert_eq!(refused(&pair.certificate, &other.key), "the key is not that of the certificate");
        assert!(refused(&pair.certificate, &pair.certificate).starts_with("the key file holds no private key"));
        assert!(refused(&pair.key, &pair.key).starts_with("the certificate file holds no certificate"));
        assert!(refused(Path::new("/no/such"), &pair.key).contains("/no/such cannot be read"));
        assert!(refused(&pair.certificate, Path::new("/no/such")).starts_with("the key file /no/such cannot"));
        fs::write(&other.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(refused(&other.certificate, &other.key).starts_with("the certificate "));
        fs::write(&other.certificate, "-----BEGIN CERTIFICATE-----\nAA").unwrap();
        assert!(refused(&other.certificate, &other.key).starts_with("the certificate is no PEM"));
    }

    /// A FIFO would hold whoever opens it.
    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let refused = Pair { certificate: fifo.clone(), key: fifo }.read().unwrap_err().to_string();
        assert!(refused.ends_with("it is no regular file"), "{refused}");
    }

    #[test]
    fn no_bytes_are_misread_as_an_expiry() {
        let folder = tempfile::tempdir().unwrap();
        let pem = fs::read(issue(folder.path(), "a.example", 1).certificate).unwrap();
        let der = CertificateDer::from_pem_slice(&pem).unwrap();
        assert!(expiry(&der).is_some());
        for length in 0..der.len() {
            assert_eq!(expiry(&der[..length]), None);
        }
        for at in 0..der.len() {
            for change in [0x80, 0x01, 0xFF] {
                let mut changed = der.to_vec();
                changed[at] ^= change;
                // It must only not panic.
                expiry(&changed);
            }
        }
    }

    #[tokio::test]
    async fn new_files_are_served_and_broken_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let pair = issue(folder.path(), "a.example", 1);
        let certificate = Certificate::load(pair.clone()).unwrap();
        let first = certificate.expires();
        fs::write(&pair.key, "no key").unwrap();
        certificate.reload();
        assert_eq!(certificate.expires(), first);
        issue(folder.path(), "a.example", 9);
        certificate.reload();
        assert_eq!((certificate.expires() - first) / 86_400, 8);
    }

    /// A client with a certificate and a key, whether they fit or not, which believes any server.
    #[derive(Debug)]
    struct AnyServer(Arc<CertifiedKey>);

    impl rustls::client::ResolvesClientCert for AnyServer {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }

        fn has_certs(&self) -> bool {
            true
        }
    }

    impl rustls::client::danger::ServerCertVerifier for AnyServer {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &rustls::pki_types::ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
            Ok(rustls::client::danger::ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            provider().signature_verification_algorithms.supported_schemes()
        }
    }

    /// The first certificate that the server knows the client by, or why there is no connection.
    fn shown(
        terms: &Arc<ServerConfig>,
        client: CertifiedKey,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> Result<Option<Vec<u8>>, rustls::Error> {
        let any = Arc::new(AnyServer(Arc::new(client)));
        let mut settings = rustls::ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::<AnyServer>::clone(&any))
            .with_client_cert_resolver(any);
        settings.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = "intake.example".try_into().unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(settings), name).unwrap();
        let mut server = rustls::ServerConnection::new(Arc::clone(terms)).unwrap();
        for _ in 0..10 {
            let mut sent = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut sent).unwrap();
            }
            let mut sent = &sent[..];
            while !sent.is_empty() {
                server.read_tls(&mut sent).unwrap();
                server.process_new_packets()?;
            }
            let mut sent = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut sent).unwrap();
            }
            let mut sent = &sent[..];
            while !sent.is_empty() {
                client.read_tls(&mut sent).unwrap();
                client.process_new_packets()?;
            }
        }
        assert!(!server.is_handshaking());
        Ok(server.peer_certificates().and_then(|chain| chain.first()).map(|own| own.to_vec()))
    }

    /// A certificate is public; who shows it must have its key.
    #[test]
    fn a_client_has_the_key_of_the_certificate_that_it_shows() {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [own, one, two] = folders.each_ref().map(|folder| issue(folder.path(), "x.example", 1));
        let terms = Certificate::load(own).unwrap().terms_for_clients(b"http/1.1");
        let [one, two] = [one, two].map(|pair| pair.read().unwrap().certified);
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let honest = CertifiedKey::new(one.cert.clone(), Arc::clone(&one.key));
            assert_eq!(shown(&terms, honest, version).unwrap().unwrap(), one.cert[0].to_vec());
            let thief = CertifiedKey::new(one.cert.clone(), Arc::clone(&two.key));
            assert!(shown(&terms, thief, version).is_err());
        }
    }
}
