//! Stands at a name server's address, passes each query on to the service, and notes the names that were asked.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_proto::op::Message;

/// What the tap does to answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Nothing.
    AsTheyAre,
    /// Says NXDOMAIN instead of NODATA, as servers do that do not know empty non-terminals (RFC 8020 §2).
    EmptyDenied,
}

/// A running tap.
pub(crate) struct Tap {
    names: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    /// Stands at `address`, port 53, for the service at `service`.
    pub(crate) fn start(address: &str, service: SocketAddr, answers: Answers) -> Self {
        let socket = UdpSocket::bind(SocketAddr::new(address.parse().unwrap(), 53)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let onward = UdpSocket::bind("127.0.0.1:0").unwrap();
        onward.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        onward.connect(service).unwrap();
        let (names, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (seen, stopped) = (Arc::clone(&names), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut packet = [0; 4096];
            while !stopped.load(Ordering::Relaxed) {
                let Ok((length, client)) = socket.recv_from(&mut packet) else {
                    continue;
                };
                let query = Message::from_vec(&packet[..length]).unwrap();
                seen.lock().unwrap().push(query.queries[0].name().to_ascii().to_ascii_lowercase());
                onward.send(&packet[..length]).unwrap();
                let length = onward.recv(&mut packet).unwrap();
                if answers == Answers::EmptyDenied && packet[6..8] == [0, 0] {
                    packet[3] = packet[3] & 0xf0 | 3;
                }
                socket.send_to(&packet[..length], client).unwrap();
            }
        });
        Self { names, stop, thread: Some(thread) }
    }

    /// The names that were asked so far, in lower case and in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.names.lock().unwrap().clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}
