//! Connections that strangers open: who may have how many, which has to go when there is no room, and one accept loop.
//!
//! Enters: a listener and the [`Limits`] of its kind. Leaves: streams, each with the [`Place`] that it holds while it
//! lives. A place is refused where a network has its share, so that one network never locks another out. Where all
//! places are taken, whoever has been idle longest gives way to the newcomer (RFC 7766 §6.2.3, RFC 9210 §4.4), so that
//! connections held for nothing lock nobody out either. DNS over TCP, TLS and HTTPS share one set of places; each HTTP
//! listener has its own. Nothing here keeps an address longer than its connection (ATTACKS E10).

pub mod http;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Gid;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::warn;

/// Connections that the kernel holds until we accept them.
const BACKLOG: i32 = 1024;
/// How long to wait before accepting again after the system refused to, as when it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What the kernel is asked to hold of a connection that we do not read, and of one whose client does not, bytes; it takes
/// twice as many. Left to itself, or to the buffers of a socket unit, it would hold megabytes of each.
const RECEIVE_BUFFER: usize = 128 << 10;
const SEND_BUFFER: usize = 64 << 10;
/// The prefix of an IPv4 network that is counted as one.
const PREFIX_V4: u32 = 24;
/// The prefix of an IPv6 network that is counted as one: what one customer has at most, as a rule (RFC 6177 §2).
const PREFIX_V6: u32 = 56;
/// What stands for the address of clients on a socket in the file system, who have none.
pub const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
/// Who may open such a socket: its user and its group.
const SOCKET_MODE: u32 = 0o660;
/// Connections that were told to leave and have not yet, at most one for so many places; past it newcomers wait.
const LEAVING_SHARE: usize = 16;
/// Idle times shrink to this part of themselves …
const CROWDED_IDLE: u32 = 4;
/// … when more than so many quarters of the places are taken.
const CROWDED_QUARTERS: usize = 3;

/// How many connections there may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// At once; at least 1.
    pub connections: usize,
    /// At once from one network: IPv4: /24, IPv6: /56; at least 1.
    pub per_prefix: usize,
    /// Networks that are counted in total only, such as reverse proxies.
    pub unbounded: Vec<IpNet>,
}

/// What became of one kind's connections, in numbers.
#[derive(Debug, Default)]
pub struct Counts {
    taken: AtomicU64,
    closed: AtomicU64,
    crowded: AtomicU64,
    evicted: AtomicU64,
    barred: AtomicU64,
    unsecured: AtomicU64,
}

impl Counts {
    /// Connections taken since the start.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    pub fn open(&self) -> u64 {
        // Read first what is written last, so that the difference is never below zero.
        let closed = self.closed.load(Ordering::Acquire);
        self.taken.load(Ordering::Relaxed).saturating_sub(closed)
    }

    /// Connections closed at once, as their network had its share.
    pub fn refused_by_prefix(&self) -> u64 {
        self.crowded.load(Ordering::Relaxed)
    }

    /// Connections that gave way to a newcomer.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Connections of clients whom the operator's rules drop.
    pub fn barred(&self) -> u64 {
        self.barred.load(Ordering::Relaxed)
    }

    /// Connections whose TLS handshake failed or took too long.
    pub fn unsecured(&self) -> u64 {
        self.unsecured.load(Ordering::Relaxed)
    }

    /// Counts a TLS handshake that came to nothing.
    pub fn handshake_failed(&self) {
        add(&self.unsecured);
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// The places of one kind of connections.
#[derive(Debug)]
pub struct Places {
    limits: Limits,
    began: Instant,
    held: Mutex<Held>,
    left: Notify,
}

/// Who holds places.
#[derive(Debug, Default)]
struct Held {
    /// All places held, those of connections that are about to leave among them.
    number: usize,
    /// Those that may stay, by the turn at which each was last active: the first has been idle longest.
    staying: BTreeMap<u64, Arc<Seat>>,
    /// The next turn.
    turn: u64,
    prefixes: HashMap<IpAddr, usize>,
}

/// What a place and the list of those that may stay share.
#[derive(Debug)]
struct Seat {
    leave: Notify,
    counts: Arc<Counts>,
}

/// The place of one connection, given back when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    client: SocketAddr,
    prefix: Option<IpAddr>,
    turn: AtomicU64,
    /// When it was last active, in milliseconds since its places began.
    active: AtomicU64,
    seat: Arc<Seat>,
}

impl Places {
    /// All places free.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, began: Instant::now(), held: Mutex::default(), left: Notify::new() })
    }

    /// Returns when another place may be taken: at once, unless too many of those that were told to leave still have to.
    async fn room(&self) {
        let most = self.limits.connections + self.limits.connections.div_ceil(LEAVING_SHARE);
        loop {
            // Before the look: whoever leaves after it is noticed.
            let left = self.left.notified();
            if self.held().number < most {
                return;
            }
            left.await;
        }
    }

    /// A place for `client`, for which the longest idle may have to leave; none where its network has its share.
    pub fn take(self: &Arc<Self>, client: SocketAddr, counts: &Arc<Counts>) -> Option<Place> {
        let prefix = self.prefix(client.ip());
        let mut guard = self.held();
        let held = &mut *guard;
        let taken = prefix.and_then(|prefix| held.prefixes.get(&prefix)).copied().unwrap_or_default();
        if taken >= self.limits.per_prefix {
            add(&counts.crowded);
            return None;
        }
        if held.staying.len() >= self.limits.connections
            && let Some((_, longest_idle)) = held.staying.pop_first()
        {
            add(&longest_idle.counts.evicted);
            longest_idle.leave.notify_one();
        }
        let seat = Arc::new(Seat { leave: Notify::new(), counts: Arc::clone(counts) });
        let turn = held.next_turn();
        held.staying.insert(turn, Arc::clone(&seat));
        held.number += 1;
        if let Some(prefix) = prefix {
            *held.prefixes.entry(prefix).or_default() += 1;
        }
        add(&counts.taken);
        let active = self.milliseconds().into();
        Some(Place { places: Arc::clone(self), client, prefix, turn: turn.into(), active, seat })
    }

    /// How long a connection may be idle now: less when nearly all places are taken (RFC 7766 §6.2.3).
    fn idle(&self, usual: Duration) -> Duration {
        let crowded = self.held().number * 4 > self.limits.connections * CROWDED_QUARTERS;
        if crowded { usual / CROWDED_IDLE } else { usual }
    }

    /// The network that counts as one with `client`; none for whom no share bounds.
    fn prefix(&self, client: IpAddr) -> Option<IpAddr> {
        let client = client.to_canonical();
        if client == LOCAL.ip() || self.limits.unbounded.iter().any(|network| network.contains(&client)) {
            return None;
        }
        Some(match client {
            IpAddr::V4(four) => Ipv4Addr::from_bits(four.to_bits() >> (32 - PREFIX_V4) << (32 - PREFIX_V4)).into(),
            IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() >> (128 - PREFIX_V6) << (128 - PREFIX_V6)).into(),
        })
    }

    /// Since the places began.
    fn milliseconds(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing that runs under the lock panics between two changes that belong together.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }
}

impl Place {
    /// Whose it is.
    pub fn client(&self) -> SocketAddr {
        self.client
    }

    /// Notes that the client just had a whole query answered: of all connections it is now the last to leave.
    pub fn active(&self) {
        self.active.store(self.places.milliseconds(), Ordering::Relaxed);
        let mut held = self.places.held();
        let turn = self.turn.load(Ordering::Relaxed);
        // One that was told to leave stays told.
        if let Some(seat) = held.staying.remove(&turn) {
            let turn = held.next_turn();
            held.staying.insert(turn, seat);
            self.turn.store(turn, Ordering::Relaxed);
        }
    }

    /// Returns when the connection has to end, as a newcomer needs its place.
    pub async fn evicted(&self) {
        self.seat.leave.notified().await;
    }

    /// When the connection has been idle too long, where `usual` is the limit while there is room for everybody.
    pub fn deadline(&self, usual: Duration) -> Instant {
        self.places.began + Duration::from_millis(self.active.load(Ordering::Relaxed)) + self.places.idle(usual)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held();
        held.staying.remove(self.turn.get_mut());
        held.number -= 1;
        if let Some(prefix) = self.prefix
            && let Some(count) = held.prefixes.get_mut(&prefix)
        {
            *count -= 1;
            if *count == 0 {
                held.prefixes.remove(&prefix);
            }
        }
        drop(held);
        self.places.left.notify_waiters();
        self.seat.counts.closed.fetch_add(1, Ordering::Release);
    }
}

/// Binds a listener to `address`; connections of a former process do not stand in its way.
///
/// # Errors
/// What the system says, `AddrInUse` among it.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // [::] and 0.0.0.0 can then both be bound, as they are for UDP.
        socket.set_only_v6(true)?;
    }
    // On Unix it lets a restart pass connections in TIME_WAIT, and never shares a listening port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Binds a listener to a path, which the user and the `group` may open; one that a process left behind makes way, one that
/// somebody answers on does not.
///
/// # Errors
/// What the system says, `AddrInUse` among it.
pub fn bind_path(path: &Path, group: Option<Gid>) -> io::Result<std::os::unix::net::UnixListener> {
    if let Ok(there) = std::fs::symlink_metadata(path)
        && (!there.file_type().is_socket() || std::os::unix::net::UnixStream::connect(path).is_ok())
    {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    // Made where nobody else looks, so that no client finds it open to too many, or to too few.
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = Path::new(&aside);
    match std::fs::remove_file(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(aside)?;
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(aside, std::fs::Permissions::from_mode(SOCKET_MODE))?;
    if let Some(group) = group {
        std::os::unix::fs::chown(aside, None, Some(group.as_raw()))?;
    }
    std::fs::rename(aside, path)?;
    Ok(listener)
}

/// Accepts until `stop` says true or its sender is gone, and gives each connection that gets a place to `serve`. Ends
/// when all connections have: to end them is for `serve`, which sees the same `stop`. A connection whose place is
/// needed is dropped where it stands; whom `admits` does not let in takes no place.
pub async fn accept<Served>(
    listener: TcpListener,
    places: &Arc<Places>,
    counts: &Arc<Counts>,
    stop: watch::Receiver<bool>,
    admits: impl Fn(IpAddr) -> bool,
    serve: impl Fn(TcpStream, Arc<Place>) -> Served,
) where
    Served: Future<Output = ()> + Send + 'static,
{
    bound_buffers(&SockRef::from(&listener));
    accept_each(listener, places, counts, stop, admits, serve).await;
}

/// The same on a socket in the file system, whose clients have no address ([`LOCAL`]); how many they are is bounded in total.
pub async fn accept_local<Served>(
    listener: UnixListener,
    places: &Arc<Places>,
    counts: &Arc<Counts>,
    stop: watch::Receiver<bool>,
    serve: impl Fn(UnixStream, Arc<Place>) -> Served,
) where
    Served: Future<Output = ()> + Send + 'static,
{
    bound_buffers(&SockRef::from(&listener));
    accept_each(listener, places, counts, stop, |_| true, serve).await;
}

/// Bounds what the kernel holds for each connection: what a listener has, its connections get.
fn bound_buffers(room: &SockRef<'_>) {
    for bounded in [room.set_recv_buffer_size(RECEIVE_BUFFER), room.set_send_buffer_size(SEND_BUFFER)] {
        if let Err(error) = bounded {
            warn!(%error, "the kernel holds as much for a connection as it likes");
        }
    }
}

/// Where connections come in.
trait Listener {
    type Stream;

    /// The next connection, with its client.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn next(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        self.accept()
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.accept().await.map(|(stream, _)| (stream, LOCAL))
    }
}

async fn accept_each<L: Listener, Served>(
    listener: L,
    places: &Arc<Places>,
    counts: &Arc<Counts>,
    mut stop: watch::Receiver<bool>,
    admits: impl Fn(IpAddr) -> bool,
    serve: impl Fn(L::Stream, Arc<Place>) -> Served,
) where
    Served: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepting = async {
            places.room().await;
            listener.next().await
        };
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = accepting => accepted,
        };
        match accepted {
            Ok((_, client)) if !admits(client.ip()) => add(&counts.barred),
            Ok((stream, client)) => {
                if let Some(place) = places.take(client, counts) {
                    let place = Arc::new(place);
                    let serving = serve(stream, Arc::clone(&place));
                    connections.spawn(async move {
                        tokio::select! {
                            biased;
                            () = place.evicted() => {}
                            () = serving => {}
                        }
                    });
                }
            }
            // The client gave up before we took its connection.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Returns once serving shall end.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it whoever could stop us later.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Lets this process open as many files as the system allows it at most; how many that are.
///
/// # Errors
/// What the system says.
pub fn raise_open_files() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    fn places(connections: usize, per_prefix: usize) -> (Arc<Places>, Arc<Counts>) {
        let unbounded = vec!["10.0.0.0/8".parse().unwrap()];
        (Places::new(Limits { connections, per_prefix, unbounded }), Arc::default())
    }

    fn client(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 4000)
    }

    async fn is_evicted(place: &Place) -> bool {
        timeout(Duration::from_millis(20), place.evicted()).await.is_ok()
    }

    /// Places, per network and in total, whatever the spelling of the address.
    #[test]
    fn a_network_has_its_share_and_no_more() {
        let (places, counts) = places(100, 2);
        let held: Vec<_> = ["192.0.2.1", "::ffff:192.0.2.200"].map(|at| places.take(client(at), &counts)).into();
        assert!(held.iter().all(Option::is_some));
        assert!(places.take(client("192.0.2.9"), &counts).is_none());
        assert!(places.take(client("192.0.3.9"), &counts).is_some());
        let six = ["2001:db8:0:1200::1", "2001:db8:0:12ff::1"].map(|at| places.take(client(at), &counts).unwrap());
        assert!(places.take(client("2001:db8:0:1234::1"), &counts).is_none());
        assert!(places.take(client("2001:db8:0:1300::1"), &counts).is_some());
        // Those that a proxy passes on are not the proxy's.
        let proxied: Vec<_> = (0..50).map(|_| places.take(client("10.1.1.1"), &counts).unwrap()).collect();
        assert_eq!((counts.refused_by_prefix(), counts.open()), (2, 54));
        drop((held, six, proxied));
        assert_eq!((counts.open(), counts.taken()), (0, 56));
        assert!(places.held().prefixes.is_empty() && places.held().staying.is_empty());
    }

    /// Whoever reads nothing, or is not read, has the kernel hold little, whatever the listener came with.
    #[tokio::test]
    async fn the_kernel_holds_little_of_a_connection() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        // As ReceiveBuffer= and SendBuffer= of a socket unit do.
        SockRef::from(&listener).set_recv_buffer_size(4 << 20).unwrap();
        SockRef::from(&listener).set_send_buffer_size(4 << 20).unwrap();
        let address = listener.local_addr().unwrap();
        let (places, counts) = places(16, 16);
        let (stop, stopped) = watch::channel(false);
        let (told, mut sizes) = tokio::sync::mpsc::channel(1);
        let serve = move |stream: TcpStream, _| {
            let (room, told) = (SockRef::from(&stream), told.clone());
            let sizes = (room.recv_buffer_size().unwrap(), room.send_buffer_size().unwrap());
            async move { told.send(sizes).await.unwrap() }
        };
        let listener = TcpListener::from_std(listener).unwrap();
        let accepting = tokio::spawn(async move { accept(listener, &places, &counts, stopped, |_| true, serve).await });
        // What connects before it is accepted from has what the listener came with.
        tokio::task::yield_now().await;
        let _client = TcpStream::connect(address).await.unwrap();
        assert_eq!(sizes.recv().await.unwrap(), (2 * RECEIVE_BUFFER, 2 * SEND_BUFFER));
        stop.send(true).unwrap();
        accepting.await.unwrap();
    }

    /// RFC 9210 §4.4: who was active last leaves last, and a newcomer gets in.
    #[tokio::test]
    async fn the_longest_idle_gives_way() {
        let (places, counts) = places(16, 100);
        let held: Vec<_> = (0..16).map(|_| places.take(client("192.0.2.1"), &counts).unwrap()).collect();
        held[0].active();
        let newcomer = places.take(client("192.0.2.1"), &counts).unwrap();
        assert!(is_evicted(&held[1]).await && !is_evicted(&held[0]).await && !is_evicted(&newcomer).await);
        // It has not left yet: one may be about to leave, and for more a newcomer waits.
        held[1].active();
        let room = async |places: &Places| timeout(Duration::from_millis(20), places.room()).await.is_ok();
        assert!(!room(&places).await);
        let mut held = held;
        drop(held.remove(1));
        assert!(room(&places).await);
        let _newcomer = places.take(client("192.0.2.1"), &counts).unwrap();
        assert_eq!((counts.evicted(), counts.open()), (2, 17));
        assert!(is_evicted(&held[1]).await, "the one that was second, after the first became active");
    }

    #[test]
    fn idle_times_shrink_when_few_places_are_left() {
        let (places, counts) = places(4, 100);
        let held: Vec<_> = (0..3).map(|_| places.take(client("192.0.2.1"), &counts).unwrap()).collect();
        assert_eq!(places.idle(Duration::from_secs(8)), Duration::from_secs(8));
        let _last = places.take(client("192.0.2.1"), &counts);
        assert_eq!(places.idle(Duration::from_secs(8)), Duration::from_secs(2));
        assert!(held[0].deadline(Duration::from_secs(8)) <= Instant::now() + Duration::from_secs(2));
    }
}
