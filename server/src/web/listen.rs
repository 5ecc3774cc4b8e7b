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
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::connections::{Counts, Limits, Places, accept, http};

/// The most connections of one listener.
pub const CONNECTIONS: usize = 1024;
/// The most connections of one network, proxies of ours excepted.
const PER_PREFIX: usize = 128;
/// Time for the header of a request, and between two requests of a connection.
const HEADER: Duration = Duration::from_secs(10);
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
    serve_within(listener, router, limits, (HEADER, REQUEST), counts, stop).await;
}

/// The same, within other limits.
async fn serve_within(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    (header, request): (Duration, Duration),
    counts: &Arc<Counts>,
    stop: watch::Receiver<bool>,
) {
    let (form, routes) = (http::one(header), TowerToHyperService::new(router));
    let stopped = stop.clone();
    accept(
        listener,
        &Places::new(limits),
        counts,
        stop,
        |_| true,
        move |stream, place| {
            let (form, routes, stopped) = (form.clone(), routes.clone(), stopped.clone());
            async move {
                let answering = Arc::clone(&place);
                let service = service_fn(move |mut asked: Request<Incoming>| {
                    asked.extensions_mut().insert(ConnectInfo(answering.client()));
                    let (answer, answering) = (routes.call(asked), Arc::clone(&answering));
                    async move {
                        let answer = answer.await;
                        answering.active();
                        answer
                    }
                });
                http::converse(form.serve_connection(TokioIo::new(stream), service), &place, request, stopped).await;
            }
        },
    )
    .await;
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep, timeout};

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
            serve_within(listener, router, limits, (header, request), &counted, stopped).await;
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
