//! One client socket: queries out and answers in, in batches, each answer held against its query.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};
use socket2::{Domain, Protocol, Socket, Type};

use super::addresses::Asked;
use super::latency::Latencies;
use super::question::{Cookie, Expected, QUERY_LIMIT, Record, Writer};
use super::random::Random;

/// Datagrams that one system call takes or gives.
pub(crate) const BATCH: usize = 32;
/// The longest answer that is read whole.
const ANSWER_LIMIT: usize = 1232;
/// What the kernel is asked to hold for a client, bytes: never the place where an answer is lost.
const RECEIVE_BUFFER: usize = 4 << 20;

/// What is asked, in turn, by all sockets.
pub(crate) struct Questions {
    pub(crate) asked: Vec<Asked>,
    pub(crate) next: usize,
    pub(crate) writer: Writer,
    pub(crate) expected: Expected,
    /// Whether every other query is for TXT.
    pub(crate) mixed: bool,
}

impl Questions {
    pub(crate) fn next(&mut self) -> (Asked, Record) {
        let at = self.next;
        self.next = at + 1;
        // The number of addresses is even: half of the queries for each of them are of either type, in two turns.
        let turn = at + at / self.asked.len();
        let record = if self.mixed && turn % 2 == 1 { Record::Txt } else { Record::A };
        (self.asked[at % self.asked.len()], record)
    }
}

/// One query that may wait for its answer.
#[derive(Clone)]
struct Slot {
    query: [u8; QUERY_LIMIT],
    length: usize,
    question: usize,
    id: u16,
    asked: Option<(Asked, Record)>,
    sent: u64,
}

/// A socket that is connected to the server, with its slots.
pub(crate) struct Client {
    socket: UdpSocket,
    slots: Vec<Slot>,
    /// Slots whose query is written and waits to be sent, then how many of them were sent.
    ready: Vec<usize>,
    waiting: usize,
    cookie: Option<Cookie>,
    random: Random,
}

/// Buffers that all clients of a thread share.
pub(crate) struct Buffers {
    answers: Vec<[u8; ANSWER_LIMIT]>,
    incoming: MultiHeaders<SockaddrStorage>,
    outgoing: MultiHeaders<SockaddrStorage>,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Self {
            answers: vec![[0; ANSWER_LIMIT]; BATCH],
            incoming: MultiHeaders::preallocate(BATCH, None),
            outgoing: MultiHeaders::preallocate(BATCH, None),
        }
    }
}

/// What a run has seen.
pub(crate) struct Tally {
    pub(crate) answers: u64,
    pub(crate) listed: u64,
    pub(crate) lost: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) latencies: Latencies,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self { answers: 0, listed: 0, lost: 0, bytes_in: 0, bytes_out: 0, latencies: Latencies::new() }
    }
}

impl Client {
    /// A socket with a source port of its own, from `source` if one is given, with room for `slots` (a power of two)
    /// queries that wait; with a cookie of its own if `cookies` says so.
    pub(crate) fn connect(
        server: SocketAddr,
        source: Option<IpAddr>,
        slots: usize,
        cookies: bool,
        seed: u64,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(server), Type::DGRAM, Some(Protocol::UDP))?;
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        if let Some(source) = source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        socket.connect(&server.into())?;
        let mut random = Random::new(seed);
        let cookie = cookies.then(|| Cookie::of_client(random.next().to_le_bytes()));
        let slot = Slot { query: [0; QUERY_LIMIT], length: 0, question: 0, id: 0, asked: None, sent: 0 };
        Ok(Self {
            socket: socket.into(),
            slots: vec![slot; slots.next_power_of_two()],
            ready: Vec::with_capacity(slots),
            waiting: 0,
            cookie,
            random,
        })
    }

    /// Queries that wait for their answer.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Puts the next question into the slot `at`, to be sent; an answer that it still waits for is lost.
    pub(crate) fn ask(&mut self, at: usize, questions: &mut Questions, tally: &mut Tally) {
        let mask = self.slots.len() - 1;
        let slot = &mut self.slots[at & mask];
        if slot.asked.is_some() {
            tally.lost += 1;
            self.waiting -= 1;
        }
        let (asked, record) = questions.next();
        // The slot's number and noise, so that an answer to what the slot asked before does not pass.
        let noise = self.random.next() as usize & !mask;
        slot.id = (noise | (at & mask)) as u16;
        (slot.length, slot.question) =
            questions.writer.write(&mut slot.query, slot.id, asked.address, record, self.cookie.as_ref());
        slot.asked = Some((asked, record));
        self.waiting += 1;
        self.ready.push(at & mask);
    }

    /// Sends what is ready; what the kernel does not take stays ready.
    pub(crate) fn send(&mut self, now: u64, buffers: &mut Buffers, tally: &mut Tally) -> io::Result<()> {
        let mut done = 0;
        while done < self.ready.len() {
            let batch = &self.ready[done..self.ready.len().min(done + BATCH)];
            for at in batch {
                self.slots[*at].sent = now;
            }
            let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|place| {
                let bytes = batch.get(place).map_or(&[][..], |at| &self.slots[*at].query[..self.slots[*at].length]);
                [IoSlice::new(bytes)]
            });
            let nobody = [None; BATCH];
            let (slices, nobody) = (&slices[..batch.len()], &nobody[..batch.len()]);
            let sent = match sendmmsg(
                self.socket.as_raw_fd(),
                &mut buffers.outgoing,
                slices,
                nobody,
                [],
                MsgFlags::MSG_DONTWAIT,
            ) {
                Ok(results) => results.count(),
                Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => break,
                Err(error) => return Err(error.into()),
            };
            tally.bytes_out += batch[..sent].iter().map(|at| self.slots[*at].length as u64).sum::<u64>();
            done += sent;
        }
        self.ready.drain(..done);
        Ok(())
    }

    /// Takes one batch of answers and calls `freed` with each slot that has its answer; how many there were.
    ///
    /// # Errors
    /// An answer that is wrong, in words.
    pub(crate) fn receive(
        &mut self,
        now: impl Fn() -> u64,
        buffers: &mut Buffers,
        expected: &Expected,
        tally: &mut Tally,
        freed: &mut Vec<usize>,
    ) -> Result<usize, String> {
        let mut lengths = [0; BATCH];
        let mut count = 0;
        {
            let mut slices = buffers.answers.iter_mut().map(|answer| [IoSliceMut::new(answer)]).collect::<Vec<_>>();
            let flags = MsgFlags::MSG_DONTWAIT;
            match recvmmsg(self.socket.as_raw_fd(), &mut buffers.incoming, &mut slices, flags, None) {
                Ok(results) => {
                    for (length, message) in lengths.iter_mut().zip(results) {
                        *length = message.bytes;
                        count += 1;
                    }
                }
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
                Err(error) => return Err(format!("the server is not to be reached: {error}")),
            }
        }
        let now = now();
        for (answer, length) in buffers.answers.iter().zip(lengths).take(count) {
            let answer = &answer[..length];
            tally.bytes_in += length as u64;
            let id = answer.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
            let at = usize::from(id) & (self.slots.len() - 1);
            let slot = &mut self.slots[at];
            let Some((asked, record)) = slot.asked.filter(|_| slot.id == id && length >= 2) else {
                // Too late: it was counted as lost. (An answer with a wrong id ends up here, and its query is lost.)
                continue;
            };
            let wrong = expected.check(answer, &slot.query[..slot.question], (asked, record), self.cookie.as_mut());
            if let Err(what) = wrong {
                let listed = if asked.listed { "listed" } else { "not listed" };
                return Err(format!("{record:?} of {}, which is {listed}: {what}", asked.address));
            }
            slot.asked = None;
            self.waiting -= 1;
            tally.answers += 1;
            tally.listed += u64::from(asked.listed);
            tally.latencies.add(now.saturating_sub(slot.sent));
            freed.push(at);
        }
        Ok(count)
    }

    /// Slots whose query was sent before `then` and has no answer yet.
    pub(crate) fn overdue(&self, then: u64) -> Vec<usize> {
        let late = |slot: &Slot| slot.asked.is_some() && slot.sent < then;
        (0..self.slots.len()).filter(|at| late(&self.slots[*at]) && !self.ready.contains(at)).collect()
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
