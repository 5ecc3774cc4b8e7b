//! The sockets: those that somebody handed over, and those that are bound here.
//!
//! Enters: the addresses of the settings, and the sockets that systemd (LISTEN_FDS) or the process before this one holds.
//! Leaves: a socket or more for each address. What was handed over is used before anything is bound, so that what waits in
//! it is answered; what no setting names is told and closed.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::str::FromStr;
use std::thread;

use listenfd::ListenFd;
use nix::errno::Errno;
use nix::unistd::Group;
use socket2::SockRef;

use super::CommandError;
use crate::config::{ChannelSettings, IntakeSettings, ListenAddress, Settings};
use crate::connections;
use crate::dns::{https, udp};
use crate::web::Served;

/// How often a free pair of ports is looked for when the settings ask for port 0.
const PORT_TRIES: usize = 16;

/// A listener that only says whether the process is well.
const NOTHING: Served = Served { intake: false, pages: false, metrics: false };

/// What a socket is for, as the settings name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// `dns.listen`.
    Dns,
    /// `dns.tls`.
    Tls,
    /// `dns.https`.
    Https,
    /// `http.listen`.
    Http,
    /// `http.intake`.
    Intake,
    /// `http.intake-tls`.
    IntakeTls,
    /// `http.metrics`.
    Metrics,
    /// `listen` of an `[[intake]]` of this kind, and so on.
    Lmtp,
    Smtp,
    TrapServer,
    Milter,
}

impl Role {
    const ALL: [(Self, &'static str, &'static str); 11] = [
        (Self::Dns, "dns", "listen"),
        (Self::Tls, "dns", "tls"),
        (Self::Https, "dns", "https"),
        (Self::Http, "http", "listen"),
        (Self::Intake, "http", "intake"),
        (Self::IntakeTls, "http", "intake-tls"),
        (Self::Metrics, "http", "metrics"),
        (Self::Lmtp, "intake", "lmtp"),
        (Self::Smtp, "intake", "smtp"),
        (Self::TrapServer, "intake", "trap-server"),
        (Self::Milter, "intake", "milter"),
    ];

    /// That of a channel; none if it does not listen.
    fn of(channel: &ChannelSettings) -> Option<Self> {
        match channel {
            ChannelSettings::Lmtp(_) => Some(Self::Lmtp),
            ChannelSettings::Smtp(_) => Some(Self::Smtp),
            ChannelSettings::TrapServer(_) => Some(Self::TrapServer),
            ChannelSettings::Milter(_) => Some(Self::Milter),
            ChannelSettings::Maildir(_) => None,
        }
    }

    /// Its table and key in the settings.
    fn key(self) -> (&'static str, &'static str) {
        let all = Self::ALL.iter();
        all.filter(|(role, ..)| *role == self).map(|(_, table, key)| (*table, *key)).next().unwrap_or(("dns", "listen"))
    }
}

/// How a socket takes what comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Transport {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

/// What is told of a socket that is handed over: `udp dns.listen 127.0.0.1:5300`, the address as the settings have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Label {
    pub(super) transport: Transport,
    /// What it is for; systemd does not know.
    pub(super) role: Option<Role>,
    pub(super) address: ListenAddress,
}

impl std::fmt::Display for Label {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let transport = if self.transport == Transport::Udp { "udp" } else { "tcp" };
        let role = self.role.map_or_else(|| "any".to_owned(), |role| format!("{}.{}", role.key().0, role.key().1));
        write!(out, "{transport} {role} {}", self.address)
    }
}

impl FromStr for Label {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // A path may hold blanks.
        let mut words = text.splitn(3, ' ');
        let transport = match words.next() {
            Some("udp") => Transport::Udp,
            Some("tcp") => Transport::Tcp,
            _ => return Err(()),
        };
        let (table, key) = words.next().and_then(|key| key.split_once('.')).ok_or(())?;
        let role = Role::ALL.iter().find(|(_, of, named)| (*of, *named) == (table, key)).ok_or(())?.0;
        let address = words.next().and_then(|address| address.parse().ok()).ok_or(())?;
        Ok(Self { transport, role: Some(role), address })
    }
}

/// Sockets that somebody else bound.
#[derive(Debug, Default)]
pub(super) struct Inherited(pub(super) Vec<(Label, OwnedFd)>);

impl Inherited {
    /// Those that systemd handed over (sd_listen_fds(3)). To be called once, before any thread is started, as it takes
    /// what names them out of the environment.
    pub(super) fn from_systemd() -> Self {
        let mut handed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for at in 0..handed.len() {
            let label = |transport, address| Label { transport, role: None, address: ListenAddress::Tcp(address) };
            if let Ok(Some(socket)) = handed.take_udp_socket(at) {
                if let Ok(address) = socket.local_addr() {
                    sockets.push((label(Transport::Udp, address), socket.into()));
                }
            } else if let Ok(Some(listener)) = handed.take_tcp_listener(at) {
                if let Ok(address) = listener.local_addr() {
                    sockets.push((label(Transport::Tcp, address), listener.into()));
                }
            } else if let Ok(Some(listener)) = handed.take_unix_listener(at) {
                let path = listener.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned));
                if let Some(path) = path {
                    let label = Label { transport: Transport::Tcp, role: None, address: ListenAddress::Unix(path) };
                    sockets.push((label, listener.into()));
                }
            } else {
                tracing::warn!("the inherited socket {} takes neither datagrams nor connections", at + 3);
            }
        }
        Self(sockets)
    }

    /// All that there are for one address: with port 0, all that share the port of the first.
    fn take(&mut self, transport: Transport, role: Role, address: SocketAddr) -> io::Result<Vec<OwnedFd>> {
        let wanted = ListenAddress::Tcp(address);
        let fits = |label: &Label| {
            let for_it = label.role.is_none_or(|known| known == role);
            label.transport == transport && label.address == wanted && for_it
        };
        let bound = |socket: &OwnedFd| SockRef::from(socket).local_addr().map(|address| address.as_socket());
        let Some((_, first)) = self.0.iter().find(|(label, _)| fits(label)) else { return Ok(Vec::new()) };
        let port = bound(first)?;
        if address.is_ipv6() && address.ip().is_unspecified() && !SockRef::from(first).only_v6()? {
            return Err(io::Error::other("the inherited socket takes IPv4 as well; set BindIPv6Only=ipv6-only"));
        }
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for (label, socket) in std::mem::take(&mut self.0) {
            if fits(&label) && bound(&socket)? == port {
                taken.push(socket);
            } else {
                left.push((label, socket));
            }
        }
        self.0 = left;
        Ok(taken)
    }

    /// All that there are for one path.
    fn take_path(&mut self, role: Role, path: &Path) -> Vec<OwnedFd> {
        let fits = |(label, _): &mut (Label, OwnedFd)| {
            let for_it = label.role.is_none_or(|known| known == role);
            for_it && matches!(&label.address, ListenAddress::Unix(known) if known == path)
        };
        self.0.extract_if(.., fits).map(|(_, socket)| socket).collect()
    }
}

/// The datagram sockets of one address.
pub(super) struct Datagrams {
    /// As the settings have it.
    asked: SocketAddr,
    pub(super) bound: SocketAddr,
    /// One for each thread; only the first ones are sockets of their own.
    pub(super) sockets: Vec<UdpSocket>,
    own: usize,
}

/// One listening socket.
pub(super) struct Stream {
    pub(super) role: Role,
    asked: SocketAddr,
    pub(super) listener: TcpListener,
}

/// One listening socket of an `[[intake]]`.
pub(super) struct Door {
    role: Role,
    asked: ListenAddress,
    /// Which of the settings it is of.
    pub(super) intake: usize,
    pub(super) listener: DoorListener,
}

/// Where a channel takes connections.
pub(super) enum DoorListener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Everything that listens.
#[derive(Default)]
pub(super) struct Listeners {
    pub(super) udp: Vec<Datagrams>,
    pub(super) streams: Vec<Stream>,
    pub(super) doors: Vec<Door>,
}

impl Listeners {
    /// Takes what was inherited, and binds the rest; `config` is named to whoever has to mend it.
    ///
    /// # Errors
    /// When an address is not to be had.
    pub(super) fn open(
        settings: &Settings,
        config: Option<&Path>,
        mut inherited: Inherited,
    ) -> Result<Self, CommandError> {
        let mut listeners = Self::default();
        let (dns, http) = (&settings.dns, &settings.http);
        for address in &dns.listen {
            listeners
                .open_dns(*address, &mut inherited)
                .map_err(|(what, error)| busy(config, Role::Dns, what, *address, &error))?;
        }
        for (role, addresses) in [
            (Role::Tls, &dns.tls),
            (Role::Https, &dns.https),
            (Role::Http, &http.listen),
            (Role::Intake, &http.intake),
            (Role::IntakeTls, &http.intake_tls),
            (Role::Metrics, &http.metrics),
        ] {
            for address in addresses {
                listeners
                    .open_stream(role, *address, *address, &mut inherited)
                    .map_err(|error| busy(config, role, "TCP", *address, &error))?;
            }
        }
        for (number, intake) in settings.intakes.iter().enumerate() {
            listeners.open_doors(number, intake, config, &mut inherited)?;
        }
        for (Label { transport, address, .. }, _) in inherited.0 {
            tracing::warn!(
                "the inherited socket {address} ({transport:?}) is in no setting and is closed: name it, or take it \
                 out of firsthand.socket"
            );
        }
        Ok(listeners)
    }

    /// Datagrams and connections of one address of DNS, on one port.
    fn open_dns(&mut self, asked: SocketAddr, inherited: &mut Inherited) -> Result<(), (&'static str, io::Error)> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let taken = inherited.take(Transport::Udp, Role::Dns, asked).map_err(|error| ("UDP", error))?;
        let own = taken.len();
        if own > 0 {
            let sockets = udp::adopt(taken.into_iter().map(UdpSocket::from).collect(), threads);
            let sockets = sockets.map_err(|error| ("UDP", error))?;
            let bound = sockets[0].local_addr().map_err(|error| ("UDP", error))?;
            self.udp.push(Datagrams { asked, bound, sockets, own });
            return self.open_stream(Role::Dns, asked, bound, inherited).map_err(|error| ("TCP", error));
        }
        let mut tries = if asked.port() == 0 { PORT_TRIES } else { 1 };
        loop {
            tries -= 1;
            let sockets = udp::bind(asked, threads).map_err(|error| ("UDP", error))?;
            let bound = sockets.first().map_or(Ok(asked), UdpSocket::local_addr).map_err(|error| ("UDP", error))?;
            match self.open_stream(Role::Dns, asked, bound, inherited) {
                Ok(()) => {
                    self.udp.push(Datagrams { asked, bound, own: sockets.len(), sockets });
                    return Ok(());
                }
                Err(_) if tries > 0 => {}
                Err(error) => return Err(("TCP", error)),
            }
        }
    }

    /// The listeners of one channel.
    fn open_doors(
        &mut self,
        number: usize,
        intake: &IntakeSettings,
        config: Option<&Path>,
        inherited: &mut Inherited,
    ) -> Result<(), CommandError> {
        let Some(role) = Role::of(&intake.channel) else { return Ok(()) };
        for asked in intake.channel.listen() {
            let mut door = |listener| {
                self.doors.push(Door { role, asked: asked.clone(), intake: number, listener });
            };
            match asked {
                ListenAddress::Tcp(address) => {
                    let opened = streams(role, *address, *address, inherited);
                    let opened = opened.map_err(|error| busy(config, role, "TCP", *address, &error))?;
                    opened.into_iter().map(DoorListener::Tcp).for_each(&mut door);
                }
                ListenAddress::Unix(path) => {
                    let group = intake.channel.socket_group();
                    let opened = local_streams(role, path, group, inherited);
                    let opened = opened.map_err(|error| unbound(path, group, &error))?;
                    opened.into_iter().map(DoorListener::Unix).for_each(&mut door);
                }
            }
        }
        Ok(())
    }

    /// Takes the inherited listeners of an address, or binds `free`.
    fn open_stream(
        &mut self,
        role: Role,
        asked: SocketAddr,
        free: SocketAddr,
        inherited: &mut Inherited,
    ) -> io::Result<()> {
        let opened = streams(role, asked, free, inherited)?;
        self.streams.extend(opened.into_iter().map(|listener| Stream { role, asked, listener }));
        Ok(())
    }

    /// More handles of all sockets, for the process that comes after this one.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn duplicates(&self) -> io::Result<Vec<(Label, OwnedFd)>> {
        let mut all = Vec::new();
        for Datagrams { asked, sockets, own, .. } in &self.udp {
            let address = ListenAddress::Tcp(*asked);
            let label = Label { transport: Transport::Udp, role: Some(Role::Dns), address };
            for socket in &sockets[..*own] {
                all.push((label.clone(), socket.as_fd().try_clone_to_owned()?));
            }
        }
        for Stream { role, asked, listener } in &self.streams {
            let label = Label { transport: Transport::Tcp, role: Some(*role), address: ListenAddress::Tcp(*asked) };
            all.push((label, listener.as_fd().try_clone_to_owned()?));
        }
        for Door { role, asked, listener, .. } in &self.doors {
            let label = Label { transport: Transport::Tcp, role: Some(*role), address: asked.clone() };
            let socket = match listener {
                DoorListener::Tcp(listener) => listener.as_fd(),
                DoorListener::Unix(listener) => listener.as_fd(),
            };
            all.push((label, socket.try_clone_to_owned()?));
        }
        Ok(all)
    }

    /// What is said of each on standard output, for people and for whoever started the process with port 0.
    ///
    /// # Errors
    /// What the system says of an address.
    pub(super) fn announcement(&self, settings: &Settings) -> io::Result<Vec<u8>> {
        let mut output = Vec::new();
        let zone = &settings.zone.name;
        for Datagrams { bound, .. } in &self.udp {
            writeln!(output, "{zone}: DNS on {bound} (UDP and TCP)")?;
        }
        for Stream { role, listener, .. } in &self.streams {
            let (address, path) = (listener.local_addr()?, https::PATH);
            match role {
                Role::Dns => {}
                Role::Tls => writeln!(output, "{zone}: DNS over TLS on {address}")?,
                Role::Https => writeln!(output, "{zone}: DNS over HTTPS on https://{address}{path}")?,
                Role::Http => writeln!(output, "{zone}: HTTP on http://{address}")?,
                Role::Intake => writeln!(output, "{zone}: intake on http://{address}")?,
                Role::IntakeTls => writeln!(output, "{zone}: intake on https://{address}")?,
                Role::Metrics => writeln!(output, "{zone}: metrics on http://{address}")?,
                Role::Lmtp | Role::Smtp | Role::TrapServer | Role::Milter => {}
            }
        }
        for Door { role, asked, listener, .. } in &self.doors {
            let address = match listener {
                DoorListener::Tcp(listener) => listener.local_addr()?.to_string(),
                DoorListener::Unix(_) => asked.to_string(),
            };
            writeln!(output, "{zone}: {} on {address}", role.key().1)?;
        }
        writeln!(output, "{zone}: data in {}", settings.data.display())?;
        Ok(output)
    }
}

/// Takes the inherited listeners of an address, or binds `free`.
fn streams(role: Role, asked: SocketAddr, free: SocketAddr, inherited: &mut Inherited) -> io::Result<Vec<TcpListener>> {
    let taken = inherited.take(Transport::Tcp, role, asked)?;
    let bind = taken.is_empty().then(|| connections::bind(free));
    let listeners = taken.into_iter().map(|socket| Ok(TcpListener::from(socket))).chain(bind);
    listeners.map(|listener| listener.and_then(|listener| listener.set_nonblocking(true).map(|()| listener))).collect()
}

/// Takes the inherited listeners of a path, or binds it.
fn local_streams(
    role: Role,
    path: &Path,
    group: Option<&str>,
    inherited: &mut Inherited,
) -> io::Result<Vec<UnixListener>> {
    let taken: Vec<UnixListener> = inherited.take_path(role, path).into_iter().map(UnixListener::from).collect();
    if !taken.is_empty() {
        for listener in &taken {
            listener.set_nonblocking(true)?;
        }
        return Ok(taken);
    }
    let group = match group {
        Some(name) => Some(Group::from_name(name)?.ok_or_else(|| io::Error::other(NO_GROUP))?.gid),
        None => None,
    };
    Ok(vec![connections::bind_path(path, group)?])
}

/// What is said of a `socket-group` that there is not.
const NO_GROUP: &str = "there is no such group";

/// Why a socket in the file system cannot be had, with the mend.
fn unbound(path: &Path, group: Option<&str>, error: &io::Error) -> CommandError {
    let (shown, group) = (path.display(), group.unwrap_or_default());
    let folder = path.parent().unwrap_or(path).display();
    let why = match (error.kind(), error.raw_os_error().map(Errno::from_raw)) {
        (io::ErrorKind::NotFound, _) => format!(
            "there is no folder {folder}; make it, for this user to write in (deploy/systemd: RuntimeDirectory= makes \
             /run/firsthand)"
        ),
        (io::ErrorKind::AddrInUse, _) => {
            "another process answers on it, or it is a file that is no socket; stop that process, move the file away, or \
             write another path"
                .to_owned()
        }
        (_, Some(Errno::EPERM)) => format!(
            "this user may not give it to group {group:?} (socket-group), of which it is no member; make it one \
             (deploy/systemd: SupplementaryGroups={group})"
        ),
        (io::ErrorKind::PermissionDenied, _) => format!("this user may not write in {folder}; let it, or write another path"),
        (_, None) if error.to_string() == NO_GROUP => {
            format!("there is no group {group:?}; write in socket-group one that the MTA's user is in")
        }
        _ => format!("{error}; write another path"),
    };
    CommandError::Usage(format!("cannot listen on unix:{shown}: {why}"))
}

/// What a listener of HTTP serves; none for those of DNS.
pub(super) fn served(role: Role, settings: &Settings) -> Option<Served> {
    let http = &settings.http;
    match role {
        Role::Dns | Role::Tls | Role::Https | Role::Lmtp | Role::Smtp | Role::TrapServer | Role::Milter => None,
        Role::Http => Some(Served { intake: http.intake.is_empty(), pages: true, metrics: http.metrics.is_empty() }),
        Role::Intake | Role::IntakeTls => Some(Served { intake: true, ..NOTHING }),
        Role::Metrics => Some(Served { metrics: true, ..NOTHING }),
    }
}

fn busy(config: Option<&Path>, role: Role, transport: &str, address: SocketAddr, error: &io::Error) -> CommandError {
    let file = config.map_or_else(|| "a settings file".to_owned(), |path| path.display().to_string());
    let (table, key) = match role.key() {
        ("intake", _) => ("[intake]", "listen"),
        key => key,
    };
    let (port, other) = (address.port(), SocketAddr::new(address.ip(), 0).to_string());
    let other = other.trim_end_matches('0');
    let elsewhere = format!("`{key} = [\"{other}PORT\"]` under [{table}] in {file}");
    let what = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("another process has {transport} port {port}; stop it, or set another port: {elsewhere}")
        }
        io::ErrorKind::AddrNotAvailable => format!(
            "this machine has no address {}; give it that address, or set one that it has: `{key}` under [{table}] in \
             {file}. To an address that comes later firsthand.socket listens at once (FreeBind=yes)",
            address.ip()
        ),
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need CAP_NET_BIND_SERVICE; let systemd hold the socket (firsthand.socket) or give that \
             capability (AmbientCapabilities=), or set a port from 1024: {elsewhere}"
        ),
        _ => format!("{error}; set another address: {elsewhere}"),
    };
    CommandError::Usage(format!("cannot listen on {address}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hindrance_of_a_socket_in_the_file_system_has_its_own_mend() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &str, group: Option<&str>| {
            let path = folder.path().join(path);
            let error = local_streams(Role::Lmtp, &path, group, &mut Inherited::default()).unwrap_err();
            unbound(&path, group, &error).to_string()
        };
        let nowhere = said("run/lmtp", None);
        assert!(nowhere.contains("there is no folder") && nowhere.contains("RuntimeDirectory="), "{nowhere}");
        let nobody = said("lmtp", Some("no-such-group"));
        assert!(
            nobody
                .ends_with("there is no group \"no-such-group\"; write in socket-group one that the MTA's user is in")
        );
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(said("file", None).contains("a file that is no socket"));
        let stranger = unbound(Path::new("/run/x"), Some("postfix"), &io::Error::from(Errno::EPERM)).to_string();
        assert!(stranger.contains("SupplementaryGroups=postfix"), "{stranger}");
        let closed = unbound(Path::new("/run/x"), None, &io::Error::from(Errno::EACCES)).to_string();
        assert!(closed.contains("may not write in /run;"), "{closed}");
    }

    /// What is said is what helps: an address that is not there cannot be stopped.
    #[test]
    fn each_hindrance_has_its_own_mend() {
        let said = |address: &str, kind: io::ErrorKind| {
            busy(Some(Path::new("x.toml")), Role::Dns, "UDP", address.parse().unwrap(), &kind.into()).to_string()
        };
        let busy = said("[::1]:53", io::ErrorKind::AddrInUse);
        assert!(
            busy.contains("another process has UDP port 53; stop it, or set another port: `listen = [\"[::1]:PORT\"]`")
        );
        let absent = said("192.0.2.53:53", io::ErrorKind::AddrNotAvailable);
        assert!(
            absent.contains("no address 192.0.2.53; give it that address") && absent.contains("FreeBind=yes"),
            "{absent}"
        );
        let denied = said("192.0.2.53:53", io::ErrorKind::PermissionDenied);
        assert!(denied.contains("CAP_NET_BIND_SERVICE; let") && denied.contains("192.0.2.53:PORT"), "{denied}");
        assert!(!absent.contains("stop it") && !denied.contains("stop it"));
    }
}
