//! One process after another on the same sockets, so that an upgrade loses no query.
//!
//! The process that serves (*old*) starts the program anew (*new*), with a socket pair as its standard input, and sends it
//! every listening socket over that. Both then say, in this order:
//!
//! ```text
//! old → new   "udp dns.listen 127.0.0.1:53" with the socket, and so on; "all"
//! new → old   "ready"      it answers from what was published last, and follows the journal
//! old → new   "released"   it takes no sample and no correction any more, and has closed the ledger
//! new → old   "taken"      it has opened the ledger and published; old answers what it took, and ends
//! ```
//!
//! Until then old answers as well. Where new ends, or says nothing in time, before it is ready, old goes on as if nothing
//! had been; after that, old answers from the zone as it was, and starts the program once more. Where old ends, new goes on.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use tokio::sync::mpsc;

use super::CommandError;
use super::listeners::{Inherited, Label};

/// How long new may take until it answers; it reads the static lists, and gives way to old meanwhile.
const READY: Duration = Duration::from_secs(120);
/// How long new may take from then on, old's end of taking among it.
const TAKEN: Duration = Duration::from_secs(120);
/// How often new looks into the journal meanwhile.
const FOLLOWED: Duration = Duration::from_millis(250);
/// The longest message, bytes.
const MESSAGE: usize = 256;
/// What new is told by on its command line.
const TAKEOVER: &str = "--takeover";

/// One end of the socket pair. Messages keep their bounds.
struct Channel(OwnedFd);

impl Channel {
    fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(ours), theirs))
    }

    fn send(&self, message: &str, socket: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let sockets: Vec<BorrowedFd<'_>> = socket.into_iter().collect();
        if !sockets.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(&sockets));
        }
        sendmsg(&self.0, &[IoSlice::new(message.as_bytes())], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// The next message; none if the other end is closed, and an error of the kind `WouldBlock` if none came in time.
    fn receive(&self, patience: Duration) -> io::Result<Option<(String, Option<OwnedFd>)>> {
        set_socket_timeout(&self.0, Timeout::Recv, Some(patience))?;
        let mut bytes = [0; MESSAGE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Ok(None),
                received => break received?,
            }
        };
        let mut socket = None;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(sockets) = message {
                socket = sockets.last();
            }
        }
        let message = String::from_utf8_lossy(&bytes[..received.bytes]).into_owned();
        Ok((!message.is_empty()).then_some((message, socket)))
    }
}

/// How this process was started.
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// To be asked for at the start, before anybody replaces the program on disk. A path that was typed is kept as it was,
    /// so that it may lead to another program later.
    ///
    /// # Errors
    /// When the system does not say where the program is.
    pub(super) fn of_this_process() -> io::Result<Self> {
        let mut arguments = std::env::args_os();
        let typed = arguments.next().map(PathBuf::from).filter(|path| path.components().count() > 1);
        let path = match typed {
            Some(path) => std::path::absolute(path)?,
            None => std::env::current_exe()?,
        };
        Ok(Self { path, arguments: arguments.filter(|argument| argument != TAKEOVER).collect() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// What there is to tell of the process that comes next.
pub(super) enum News {
    /// It answers.
    Ready,
    /// It has taken over; this one is needed no more.
    Taken,
    /// It has ended, or was ended.
    Failed(String),
}

/// The process that comes next.
pub(super) struct Successor {
    child: Arc<Mutex<Child>>,
    channel: Arc<Channel>,
    news: mpsc::Receiver<News>,
    /// Its process id.
    pub(super) id: u32,
}

impl Successor {
    /// Starts the program anew, and hands it the sockets.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(program: &Program, sockets: &[(Label, OwnedFd)]) -> io::Result<Self> {
        let (channel, theirs) = Channel::pair()?;
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).arg(TAKEOVER).stdin(Stdio::from(theirs));
        // What systemd handed to this process is not what it finds in the next one.
        for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] {
            command.env_remove(name);
        }
        let child = command.spawn()?;
        // It holds the other end of the pair until now, and would hide that new has ended.
        drop(command);
        let (id, child) = (child.id(), Arc::new(Mutex::new(child)));
        let channel = Arc::new(channel);
        let (tell, news) = mpsc::channel(4);
        let sockets: Vec<(String, OwnedFd)> = sockets
            .iter()
            .map(|(label, socket)| Ok((label.to_string(), socket.try_clone()?)))
            .collect::<io::Result<_>>()
            .inspect_err(|_| end(&child))?;
        let (known, heard) = (Arc::clone(&child), Arc::clone(&channel));
        let listen = move || {
            let why = match accompany(&heard, sockets, &tell) {
                Ok(()) => return,
                Err(why) => why,
            };
            end(&known);
            // Whoever does not listen any more is ending.
            let _ = tell.blocking_send(News::Failed(why));
        };
        if let Err(error) = thread::Builder::new().name("successor".into()).spawn(listen) {
            end(&child);
            return Err(error);
        }
        Ok(Self { child, channel, news, id })
    }

    /// What happens next with it. Nothing is lost if the wait is given up.
    pub(super) async fn news(&mut self) -> News {
        self.news.recv().await.unwrap_or_else(|| News::Failed("it was lost from sight".to_owned()))
    }

    /// Says that the ledger is closed.
    pub(super) fn release(&self) {
        if let Err(error) = self.channel.send("released", None) {
            // That it has ended is told by whoever listens to it.
            tracing::warn!(%error, "the new process does not hear that the ledger is closed");
        }
    }

    /// Ends it.
    pub(super) fn end(&self) {
        end(&self.child);
    }
}

fn end(child: &Mutex<Child>) {
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    // It may have ended by itself; there is nobody to tell either way.
    let _ = child.kill();
    let _ = child.wait();
}

/// Old's side of the conversation; the error is why it came to nothing.
fn accompany(channel: &Channel, sockets: Vec<(String, OwnedFd)>, tell: &mpsc::Sender<News>) -> Result<(), String> {
    for (label, socket) in sockets {
        channel.send(&label, Some(socket.as_fd())).map_err(|error| format!("it took no socket: {error}"))?;
    }
    channel.send("all", None).map_err(|error| format!("it took no socket: {error}"))?;
    for (word, patience, news) in [("ready", READY, News::Ready), ("taken", TAKEN, News::Taken)] {
        match channel.receive(patience) {
            Ok(Some((message, _))) if message == word => drop(tell.blocking_send(news)),
            Ok(Some((message, _))) => return Err(format!("it said {message:?} in place of {word:?}")),
            Ok(None) => return Err(format!("it ended before it was {word}; its reason is in the log")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(format!("it was not {word} within {patience:?}"));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

/// New's side of the conversation.
pub(super) struct Takeover(Channel);

impl Takeover {
    /// Takes the sockets.
    ///
    /// # Errors
    /// When standard input is not the other process.
    pub(super) fn begin() -> Result<(Self, Inherited), CommandError> {
        let wrong = |error: &dyn std::fmt::Display| {
            CommandError::Usage(format!("{TAKEOVER} is for a service that starts its successor (SIGUSR2): {error}"))
        };
        let channel = Channel(io::stdin().as_fd().try_clone_to_owned()?);
        let mut sockets = Vec::new();
        loop {
            match channel.receive(READY).map_err(|error| wrong(&error))? {
                Some((message, Some(socket))) => {
                    let label = message.parse().map_err(|()| wrong(&format_args!("{message:?} is no socket")))?;
                    sockets.push((label, socket));
                }
                Some((message, None)) if message == "all" => return Ok((Self(channel), Inherited(sockets))),
                _ => return Err(wrong(&"it does not speak")),
            }
        }
    }

    /// Says that queries are answered, and waits until the ledger is free, or whoever holds it has ended; calls `meanwhile`
    /// again and again.
    ///
    /// # Errors
    /// When the conversation fails.
    pub(super) fn wait_for_release(&self, mut meanwhile: impl FnMut()) -> io::Result<()> {
        match self.0.send("ready", None) {
            // It has ended; the sockets are ours alone.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            sent => sent?,
        }
        loop {
            match self.0.receive(FOLLOWED) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => meanwhile(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Says that the other process is needed no more.
    pub(super) fn taken(self) {
        if let Err(error) = self.0.send("taken", None) {
            tracing::info!(%error, "the process before this one has ended already");
        }
    }
}
