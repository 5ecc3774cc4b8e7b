//! Where HTTP connections are accepted: so many, no more of one network than its share, and none that only stands there.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificate::Certificate;
use crate::config::CertificateDigest;
use crate::connections::{Counts, Limits, Place, Places, accept, http, stopped};

/// The most connections of one listener.
pub const CONNECTIONS: usize = 1024;
/// The most connections of one network, proxies of ours excepted.
const PER_PREFIX: usize = 128;
/// Time for the header of a request, and between two requests of a connection.
const HEADER: Duration = Duration::from_secs(10);
/// Time for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The name of HTTP/1.1 in handshakes (RFC 7301 §6).
const PROTOCOL: &[u8] = b"http/1.1";
/// Time for a whole request and its answer, since the connection's start or its last answer.
const REQUEST: Duration = Duration::from_secs(60);

/// Serves `router` until `stop` says true or its sender is gone; open requests then have a moment to end. What comes
/// from `proxies` is counted in total only.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    proxies: &[IpNet],
    counts: &Arc<Counts>,
    stop: watch::Receiver<bool>,
) {
    let limits = Limits { connections: CONNECTIONS, per_prefix: PER_PREFIX, unbounded: proxies.to_vec() };
    serve_within(listener, router, None, limits, (HEADER, REQUEST), counts, stop).await;
}

/// The same within TLS: requests know the digest of the certificate that the client has shown, if it has
/// ([`CertificateDigest`]). Who comes by a proxy shows none of his own.
pub async fn serve_secured(
    listener: TcpListener,
    certificate: &Arc<Certificate>,
    router: Router,
    counts: &Arc<Counts>,
    stop: watch::Receiver<bool>,
) {
    let limits = Limits { connections: CONNECTIONS, per_prefix: PER_PREFIX, unbounded: Vec::new() };
    let terms = certificate.terms_for_clients(PROTOCOL);
    serve_within(listener, router, Some(terms), limits, (HEADER, REQUEST), counts, stop).await;
}

/// The same, within other limits.
async fn serve_within(
    listener: TcpListener,
    router: Router,
    terms: Option<Arc<ServerConfig>>,
    limits: Limits,
    (header, request): (Duration, Duration),
    counts: &Arc<Counts>,
    stop: watch::Receiver<bool>,
) {
    let answering = Answering { header, request, routes: TowerToHyperService::new(router), stop: stop.clone() };
    let (acceptor, counted) = (terms.map(TlsAcceptor::from), Arc::clone(counts));
    accept(
        listener,
        &Places::new(limits),
        counts,
        stop,
        |_| true,
        move |stream, place| {
            let (mut answering, acceptor, counts) = (answering.clone(), acceptor.clone(), Arc::clone(&counted));
            async move {
                let Some(acceptor) = acceptor else { return answering.converse(stream, place, None).await };
                match secured(&acceptor, stream, &mut answering.stop).await {
                    Some(stream) => {
                        let chain = stream.get_ref().1.peer_certificates();
                        let shown = chain.and_then(|chain| chain.first()).map(|own| CertificateDigest::of(own));
                        answering.converse(stream, place, shown).await;
                    }
                    None => counts.handshake_failed(),
                }
            }
        },
    )
    .await;
}

/// The stream after its handshake; none where that fails, takes too long or is stopped.
async fn secured(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    stop: &mut watch::Receiver<bool>,
) -> Option<Box<TlsStream<TcpStream>>> {
    // On the heap for as long as it takes: a handshake's state is large, and would stay part of the connection's.
    let handshake = Box::pin(timeout(HANDSHAKE, acceptor.accept(stream)));
    tokio::select! {
        biased;
        () = stopped(stop) => None,
        secured = handshake => Some(Box::new(secured.ok()?.ok()?)),
    }
}

/// What answers connections.
#[derive(Clone)]
struct Answering {
    header: Duration,
    request: Duration,
    routes: TowerToHyperService<Router>,
    stop: watch::Receiver<bool>,
}

impl Answering {
    /// Answers a connection whose client has `shown` this certificate.
    async fn converse(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        place: Arc<Place>,
        shown: Option<CertificateDigest>,
    ) {
        let (answering, routes) = (Arc::clone(&place), self.routes);
        let service = service_fn(move |mut asked: Request<Incoming>| {
            asked.extensions_mut().insert(ConnectInfo(answering.client()));
            if let Some(shown) = shown {
                asked.extensions_mut().insert(shown);
            }
            let (answer, answering) = (routes.call(asked), Arc::clone(&answering));
            async move {
                let answer = answer.await;
                answering.active();
                answer
            }
        });
        let connection = http::one(self.header).serve_connection(TokioIo::new(stream), service);
        http::converse(connection, &place, self.request, self.stop).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::connections::bind;

    const PAGE: &[u8] = b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n";

    struct Server {
        address: SocketAddr,
        counts: Arc<Counts>,
        stop: watch::Sender<bool>,
        task: JoinHandle<()>,
    }

    fn start(per_prefix: usize, header: Duration, request: Duration) -> Server {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/who", get(async |ConnectInfo(who): ConnectInfo<SocketAddr>| who.ip().to_string()))
            .route("/slow", get(async || sleep(Duration::from_millis(300)).await))
            .route("/take", post(async |body: String| body));
        let counts = Arc::<Counts>::default();
        let limits = Limits { connections: 20, per_prefix, unbounded: Vec::new() };
        let (stop, stopped) = watch::channel(false);
        let counted = Arc::clone(&counts);
        let task = tokio::spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            serve_within(listener, router, None, limits, (header, request), &counted, stopped).await;
        });
        Server { address, counts, stop, task }
    }

    impl Server {
        async fn connect(&self, sent: &[u8]) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(sent).await.unwrap();
            stream
        }
    }

    /// What arrives until the answer is whole, or the connection closed.
    async fn answer(stream: &mut TcpStream) -> String {
        let mut arrived = Vec::new();
        let reading = async {
            while !arrived.ends_with(b"127.0.0.1") && stream.read_buf(&mut arrived).await.is_ok_and(|read| read > 0) {}
        };
        timeout(Duration::from_secs(5), reading).await.unwrap();
        String::from_utf8(arrived).unwrap()
    }

    #[tokio::test]
    async fn clients_are_answered_by_name_and_may_ask_again() {
        let server = start(9, Duration::from_secs(5), Duration::from_secs(5));
        let mut stream = server.connect(PAGE).await;
        for _ in 0..3 {
            let answer = answer(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("127.0.0.1"), "{answer}");
            stream.write_all(PAGE).await.unwrap();
        }
        assert_eq!((server.counts.taken(), server.counts.open()), (1, 1));
    }

    /// Nobody stays by saying nothing, by a header that never ends, by a body that never ends, or by not asking again.
    #[tokio::test]
    async fn slow_clients_are_closed() {
        let server = start(9, Duration::from_millis(200), Duration::from_millis(600));
        let (began, mut slow) = (Instant::now(), Vec::new());
        for sent in [&b""[..], b"GET / HT", PAGE, b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"] {
            slow.push(server.connect(sent).await);
        }
        let dripping = async |stream: &mut TcpStream| {
            while stream.write_all(b"x").await.is_ok() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        let [silent, header, idle, body] = &mut slow[..] else { panic!() };
        let all = async { tokio::join!(answer(silent), dripping(header), answer(idle), dripping(body)) };
        timeout(Duration::from_secs(10), all).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(8) && server.counts.open() == 0, "{:?}", server.counts);
    }

    /// Nobody has us keep what is longer than a header may be.
    #[tokio::test]
    async fn a_long_header_is_refused_before_it_is_read() {
        let server = start(9, Duration::from_secs(5), Duration::from_secs(5));
        let long = format!("GET /who HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(20 << 10));
        let mut stream = server.connect(long.as_bytes()).await;
        let refused = answer(&mut stream).await;
        assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    }

    /// A network has its share, and those who ask are not locked out by those who do not.
    #[tokio::test]
    async fn a_network_has_its_share() {
        let server = start(3, Duration::from_secs(5), Duration::from_secs(5));
        let mut held = Vec::new();
        for _ in 0..3 {
            let mut stream = server.connect(PAGE).await;
            assert!(answer(&mut stream).await.ends_with("127.0.0.1"));
            held.push(stream);
        }
        let mut refused = TcpStream::connect(server.address).await.unwrap();
        let _ = refused.write_all(PAGE).await;
        assert_eq!(answer(&mut refused).await, "");
        assert_eq!(server.counts.refused_by_prefix(), 1);
    }

    #[tokio::test]
    async fn a_stop_lets_open_requests_end() {
        let server = start(9, Duration::from_secs(5), Duration::from_secs(5));
        let (mut idle, mut asked) =
            (server.connect(PAGE).await, server.connect(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await);
        answer(&mut idle).await;
        sleep(Duration::from_millis(100)).await;
        server.stop.send(true).unwrap();
        assert!(answer(&mut asked).await.starts_with("HTTP/1.1 200 "));
        timeout(Duration::from_secs(2), server.task).await.unwrap().unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }
}
