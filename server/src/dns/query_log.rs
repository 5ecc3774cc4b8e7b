//! The query log, which there is only if the operator asks for it: a line for each question that was answered.
//!
//! Enters: from the threads that answer, what was asked, from which network, and what was sent. Leaves: lines of a text
//! file, each of seven columns with a space between them:
//!
//! ```text
//! 2026-11-26T05:44:18Z udp 192.0.2.0/24 A 4.3.2.1.bl.example listed NOERROR
//! time of the answer, UTC │ transport │ client's network │ type │ name as it was asked │ kind of answer │ response code
//! ```
//!
//! - Of the client never more than its /24 or /48 is written (ATTACKS E10), and of one of 6to4, whose /48 is one IPv4
//!   address (RFC 3056 §2), its /40.
//! - A type without a name of its own is `TYPE257` (RFC 3597 §5). Type and name are `-` where no question could be read.
//! - Of the name, all but visible ASCII, and the backslash and a dot within a label as well, is `\DDD` (RFC 1035 §5.1):
//!   no name can end a line, begin a column, or pass for another.
//! - The kinds are those of the metrics. Where a limit took the answer, the kind is `asked-for-proof`, with the response code
//!   that was sent (NOERROR came with TC), or `withheld`, with `-`.
//!
//! Nobody who answers waits for the log: lines go into a queue within memory, without a system call, and what finds no room
//! there, or none on the disk, is lost and counted. One thread looks every [`POLL`] for what has come and appends it to the
//! file, which it makes anew when it was renamed or removed. Each write is of whole lines, so that two processes can share
//! a file for a while (O_APPEND).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Transport;
use super::answer::{Kind, Rcode};
use super::counters::Counters;
use super::message::{Question, rr_type};

/// Bytes of lines that wait at most: some seconds of a busy server's.
const QUEUE: usize = 32 << 20;
/// What waits costs more than its bytes; this is added for each piece.
const PIECE: usize = 64;
/// How often the file is looked after, and what waits is written.
const POLL: Duration = Duration::from_millis(100);
/// Bytes that are written in one call, more or less.
const WRITE: usize = 1 << 20;
/// The file's permissions, of which the process' umask may take some away.
const MODE: u32 = 0o640;
/// Where the machine is busy, answers come first: ten steps are a tenth of a thread that answers.
const NICENESS: i32 = 10;

/// What the client was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sent {
    /// An answer.
    Answer(Kind),
    /// A request for proof in place of an answer over a limit, with this response code.
    AskedForProof(Rcode),
    /// Nothing, as the answer was over a limit.
    Withheld,
}

/// Lines that belong together and were not handed over yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: Vec<u8>,
    count: usize,
    /// The Unix second that was written last, and how.
    time: (u64, String),
}

impl Lines {
    /// Adds the line of a question that was answered at `now` (Unix seconds).
    pub(super) fn add(
        &mut self,
        now: u64,
        transport: Transport,
        client: IpAddr,
        question: Option<Question<'_>>,
        sent: Sent,
    ) {
        if self.time.0 != now || self.time.1.is_empty() {
            let second = i64::try_from(now).ok().and_then(|now| jiff::Timestamp::from_second(now).ok());
            self.time = (now, second.unwrap_or_default().to_string());
        }
        let (kind, rcode) = match sent {
            Sent::Answer(kind) => (kind.name(), kind.rcode().name()),
            Sent::AskedForProof(rcode) => ("asked-for-proof", rcode.name()),
            Sent::Withheld => ("withheld", "-"),
        };
        let out = &mut self.text;
        for column in [&self.time.1, transport.name()] {
            out.extend_from_slice(column.as_bytes());
            out.push(b' ');
        }
        write_network(client, out);
        out.push(b' ');
        match question {
            Some(question) => {
                write_type(question.qtype, out);
                out.push(b' ');
                write_name(question.name, out);
            }
            None => out.extend_from_slice(b"- -"),
        }
        for column in [kind, rcode] {
            out.push(b' ');
            out.extend_from_slice(column.as_bytes());
        }
        out.push(b'\n');
        self.count += 1;
    }
}

/// The network of a client that may be written down.
fn write_network(client: IpAddr, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = match client.to_canonical() {
        IpAddr::V4(address) => write!(out, "{}/24", Ipv4Addr::from_bits(address.to_bits() & !0xFF)),
        IpAddr::V6(address) => {
            let length = if address.segments()[0] == 0x2002 { 40 } else { 48 };
            write!(out, "{}/{length}", Ipv6Addr::from_bits(address.to_bits() & u128::MAX << (128 - length)))
        }
    };
}

fn write_type(qtype: u16, out: &mut Vec<u8>) {
    let name = match qtype {
        rr_type::A => "A",
        rr_type::NS => "NS",
        rr_type::SOA => "SOA",
        rr_type::MX => "MX",
        rr_type::TXT => "TXT",
        rr_type::AAAA => "AAAA",
        rr_type::IXFR => "IXFR",
        rr_type::AXFR => "AXFR",
        rr_type::ANY => "ANY",
        // Writing to memory does not fail.
        other => return drop(write!(out, "TYPE{other}")),
    };
    out.extend_from_slice(name.as_bytes());
}

/// Writes a name of whole labels without the final dot, that of the root as `.`.
fn write_name(name: &[u8], out: &mut Vec<u8>) {
    let mut rest = name;
    let mut is_first = true;
    while let Some((length @ 1.., after)) = rest.split_first() {
        if !is_first {
            out.push(b'.');
        }
        is_first = false;
        let (label, next) = after.split_at(usize::from(*length).min(after.len()));
        for byte in label {
            match *byte {
                byte @ b'!'..=b'~' if !matches!(byte, b'.' | b'\\') => out.push(byte),
                byte => out.extend_from_slice(&[b'\\', b'0' + byte / 100, b'0' + byte / 10 % 10, b'0' + byte % 10]),
            }
        }
        rest = next;
    }
    if is_first {
        out.push(b'.');
    }
}

/// Whole lines that wait to be written, and how many.
struct Piece {
    text: Box<[u8]>,
    lines: usize,
}

impl Piece {
    /// What it counts for in the queue.
    fn cost(&self) -> usize {
        self.text.len() + PIECE
    }
}

/// What those who answer and the one who writes share.
struct Shared {
    counters: Arc<Counters>,
    /// What waits, as [`Piece::cost`] has it; at most [`QUEUE`], but for what is being refused.
    waiting: AtomicUsize,
    reopen: AtomicBool,
    stop: AtomicBool,
}

/// A query log that is written. Its thread ends by itself when nobody has this any more, and all is written.
pub struct QueryLog {
    path: PathBuf,
    queue: Sender<Piece>,
    shared: Arc<Shared>,
    writer: JoinHandle<()>,
}

impl QueryLog {
    /// Begins to write into the file `path`, which is made if it is not there. What is lost is counted in `counters`. That
    /// the file cannot be written is told in the log, and tried again until it can.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(path: &Path, counters: &Arc<Counters>) -> io::Result<Arc<Self>> {
        let shared = Arc::new(Shared {
            counters: Arc::clone(counters),
            waiting: AtomicUsize::new(0),
            reopen: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        // It is bounded by the bytes that wait, not by their pieces: one holds a line or a batch of long ones.
        let (queue, pieces) = mpsc::channel();
        let writer = Writer::new(path.to_owned(), Arc::clone(&shared));
        let writer = thread::Builder::new().name("query-log".into()).spawn(move || writer.run(&pieces))?;
        Ok(Arc::new(Self { path: path.to_owned(), queue, shared, writer }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Has the file opened anew before anything else is written.
    pub fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Relaxed);
    }

    /// Writes what waits, and nothing that comes later; returns when that is done, or after `patience`.
    pub fn end(&self, patience: Duration) {
        let began = Instant::now();
        self.shared.stop.store(true, Ordering::Release);
        while !self.writer.is_finished() {
            if began.elapsed() >= patience {
                tracing::warn!(file = %self.path.display(), "the end of the query log could not be written in time");
                return;
            }
            thread::sleep(POLL / 10);
        }
    }

    /// Takes lines to be written, or loses and counts them; `lines` is empty then. Never waits.
    pub(super) fn take(&self, lines: &mut Lines) {
        if lines.count == 0 {
            return;
        }
        let (cost, count) = (lines.text.len() + PIECE, lines.count);
        let fits = self.shared.waiting.fetch_add(cost, Ordering::Relaxed) + cost <= QUEUE;
        if !fits || self.queue.send(Piece { text: lines.text.as_slice().into(), lines: count }).is_err() {
            self.shared.waiting.fetch_sub(cost, Ordering::Relaxed);
            self.shared.counters.lose_logged(count);
        }
        lines.text.clear();
        lines.count = 0;
    }
}

/// The thread that writes.
struct Writer {
    path: PathBuf,
    shared: Arc<Shared>,
    file: Option<File>,
    /// Whole lines that are to be written next, and how many.
    text: Vec<u8>,
    lines: usize,
    /// Whether the last attempt failed, which was told then.
    fails: bool,
}

impl Writer {
    fn new(path: PathBuf, shared: Arc<Shared>) -> Self {
        Self { path, shared, file: None, text: Vec::new(), lines: 0, fails: false }
    }

    fn run(mut self, pieces: &Receiver<Piece>) {
        let thread = rustix::thread::gettid();
        // Whoever may not give way writes all the same.
        let _ = rustix::process::setpriority_process(Some(thread), NICENESS);
        loop {
            // Whoever stops the log has sent before what is to be in it.
            let is_last = self.shared.stop.load(Ordering::Acquire);
            let is_open = self.gather(pieces);
            self.write();
            if is_last || !is_open {
                return;
            }
            thread::sleep(POLL);
        }
    }

    /// Takes what waits, and writes what is much; whether more may come.
    fn gather(&mut self, pieces: &Receiver<Piece>) -> bool {
        loop {
            match pieces.try_recv() {
                Ok(piece) => {
                    self.shared.waiting.fetch_sub(piece.cost(), Ordering::Relaxed);
                    self.text.extend_from_slice(&piece.text);
                    self.lines += piece.lines;
                    if self.text.len() >= WRITE {
                        self.write();
                    }
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// Writes what was gathered, or loses it. Says so once when that begins to fail, and once when it works again.
    fn write(&mut self) {
        let text = std::mem::take(&mut self.text);
        let mut written = 0;
        let result = self.file().and_then(|file| append(file, &text, &mut written));
        let file = self.path.display();
        match result {
            // Whether there is room shows only when something is written.
            Ok(()) if text.is_empty() => {}
            Ok(()) => {
                if std::mem::take(&mut self.fails) {
                    tracing::info!(%file, "the query log is written again");
                }
            }
            Err(error) => {
                let kept = memchr::memchr_iter(b'\n', &text[..written]).count();
                self.shared.counters.lose_logged(self.lines - kept);
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::warn!(
                        %error, %file,
                        "the query log cannot be written; until it can, its lines are lost and counted"
                    );
                }
            }
        }
        self.text = text;
        self.text.clear();
        self.lines = 0;
    }

    /// The file that has the log's name now.
    fn file(&mut self) -> io::Result<&mut File> {
        let is_asked = self.shared.reopen.swap(false, Ordering::Relaxed);
        let known = self.file.take().filter(|file| !is_asked && has_name(file, &self.path));
        let file = match known {
            Some(file) => file,
            None => OpenOptions::new().append(true).create(true).mode(MODE).open(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

/// Whether a file is the one that is found by a name.
fn has_name(file: &File, path: &Path) -> bool {
    let place = |about: fs::Metadata| (about.dev(), about.ino());
    let (ours, named) = (file.metadata().map(place), fs::metadata(path).map(place));
    matches!((ours, named), (Ok(ours), Ok(named)) if ours == named)
}

/// Appends whole lines; `written` is how many bytes of them stand in the file, whole lines as well: a line that fits by
/// half is taken back.
fn append(file: &mut File, text: &[u8], written: &mut usize) -> io::Result<()> {
    while *written < text.len() {
        match file.write(&text[*written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => *written += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let half = half_line(&text[..*written]);
                if half > 0 {
                    // Where it cannot be, the next line begins behind the half one.
                    let _ = file.metadata().and_then(|about| file.set_len(about.len().saturating_sub(half as u64)));
                    *written -= half;
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Bytes after the last whole line.
fn half_line(text: &[u8]) -> usize {
    text.len() - memchr::memrchr(b'\n', text).map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    /// How long anything may take before a test gives up.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn wire(labels: &[&[u8]]) -> Vec<u8> {
        let mut wire = Vec::new();
        for label in labels {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        wire
    }

    fn question(name: &[u8], qtype: u16) -> Question<'_> {
        Question { bytes: name, name, qtype, qclass: 1 }
    }

    /// The line of a question from 192.0.2.77 for `labels`.
    fn line(labels: &[&[u8]]) -> String {
        let (mut lines, name) = (Lines::default(), wire(labels));
        let client = "192.0.2.77".parse().unwrap();
        lines.add(1_795_671_858, Transport::Udp, client, Some(question(&name, 1)), Sent::Answer(Kind::Listed));
        assert_eq!(lines.count, 1);
        String::from_utf8(lines.text).unwrap()
    }

    /// `count` lines of one length.
    fn lines(count: usize, name: &str) -> Lines {
        let mut lines = Lines::default();
        (0..count).for_each(|_| {
            lines.text.extend_from_slice(line(&[name.as_bytes()]).as_bytes());
            lines.count += 1;
        });
        lines
    }

    fn wait(what: &str, done: impl Fn() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < PATIENCE, "waited too long: {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn a_line_has_its_columns_in_order() {
        let labels: Vec<&[u8]> = "4.3.2.1.bL.example".split('.').map(str::as_bytes).collect();
        assert_eq!(line(&labels), "2026-11-26T05:44:18Z udp 192.0.2.0/24 A 4.3.2.1.bL.example listed NOERROR\n");
        let (mut lines, root) = (Lines::default(), wire(&[]));
        let client: IpAddr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
        lines.add(0, Transport::Tls, client, None, Sent::Answer(Kind::Malformed));
        lines.add(1, Transport::Https, client, Some(question(&root, 2)), Sent::Answer(Kind::Foreign));
        for (qtype, sent) in [
            (28, Sent::AskedForProof(Rcode::BadCookie)),
            (257, Sent::Withheld),
            (251, Sent::Answer(Kind::TransferRefused)),
        ] {
            lines.add(1, Transport::Udp, client, Some(question(&root, qtype)), sent);
        }
        assert_eq!(
            String::from_utf8(lines.text).unwrap(),
            "1970-01-01T00:00:00Z tls 2001:db8:1::/48 - - malformed FORMERR\n\
             1970-01-01T00:00:01Z https 2001:db8:1::/48 NS . foreign REFUSED\n\
             1970-01-01T00:00:01Z udp 2001:db8:1::/48 AAAA . asked-for-proof BADCOOKIE\n\
             1970-01-01T00:00:01Z udp 2001:db8:1::/48 TYPE257 . withheld -\n\
             1970-01-01T00:00:01Z udp 2001:db8:1::/48 IXFR . transfer-refused REFUSED\n"
        );
    }

    /// E10: no more of an address than a /24 or a /48, however it is written.
    #[test]
    fn clients_are_networks() {
        for (client, network) in [
            ("192.0.2.255", "192.0.2.0/24"),
            ("0.0.0.1", "0.0.0.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "2001:db8:aaaa::/48"),
            ("::1", "::/48"),
            // 192.0.2.77 by 6to4.
            ("2002:c000:24d:1::1", "2002:c000:200::/40"),
        ] {
            let mut out = Vec::new();
            write_network(client.parse().unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), network, "{client}");
        }
    }

    /// E11: who asks chooses the name, and nothing but the name.
    #[test]
    fn odd_names_are_escaped() {
        for (labels, shown) in [
            (&[&b"a b"[..], b"c\n2026"][..], r"a\032b.c\0102026"),
            (&[b"a.b", b"\\", b"-"], r"a\046b.\092.-"),
            (&[b"\0\x1b[31m\x7f\xff\";"], r#"\000\027[31m\127\255";"#),
            (&["é".as_bytes()], r"\195\169"),
        ] {
            assert_eq!(line(labels).split(' ').nth(4), Some(shown));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn names_can_be_read_back_and_break_no_line(
            labels in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..64), 1..4)
        ) {
            let slices: Vec<&[u8]> = labels.iter().map(Vec::as_slice).collect();
            let line = line(&slices);
            prop_assert!(line.ends_with('\n') && line.trim_end().bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let columns: Vec<&str> = line.trim_end().split(' ').collect();
            prop_assert_eq!(columns.len(), 7);
            let unescaped = columns[4].split('.').map(|label| {
                let (mut bytes, mut rest) = (Vec::new(), label);
                while let Some(first) = rest.bytes().next() {
                    let (byte, length) = if first == b'\\' { (rest[1..4].parse().unwrap(), 4) } else { (first, 1) };
                    bytes.push(byte);
                    rest = &rest[length..];
                }
                bytes
            });
            prop_assert_eq!(unescaped.collect::<Vec<_>>(), labels);
        }
    }

    #[test]
    fn lines_are_appended_and_a_file_that_was_moved_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("queries.log"), folder.path().join("queries.log.1"));
        fs::write(&path, "what was there\n").unwrap();
        let counters = Arc::<Counters>::default();
        let log = QueryLog::start(&path, &counters).unwrap();
        log.take(&mut Lines::default());
        let mut two = lines(2, "first");
        log.take(&mut two);
        assert_eq!((two.count, two.text.len()), (0, 0));
        wait("the first lines", || read(&path).lines().count() == 3);
        assert!(read(&path).starts_with("what was there\n2026-"));
        fs::rename(&path, &moved).unwrap();
        wait("a file without a word", || path.exists());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0, "for the owner and the group");
        log.take(&mut lines(1, "second"));
        wait("the next line", || read(&path).contains("second"));
        assert_eq!((read(&path).lines().count(), read(&moved).lines().count()), (1, 3));
        fs::remove_file(&path).unwrap();
        log.reopen();
        log.take(&mut lines(1, "third"));
        log.end(PATIENCE);
        assert_eq!((read(&path), counters.unlogged()), (line(&[b"third"]), 0));
        log.take(&mut lines(3, "too late"));
        assert_eq!((read(&path).lines().count(), counters.unlogged()), (1, 3));
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later/queries.log");
        let counters = Arc::<Counters>::default();
        let log = QueryLog::start(&path, &counters).unwrap();
        log.take(&mut lines(5, "lost"));
        wait("the loss", || counters.unlogged() == 5);
        fs::create_dir(folder.path().join("later")).unwrap();
        wait("the file", || path.exists());
        log.take(&mut lines(2, "kept"));
        drop(log);
        wait("the lines, though nobody has the log any more", || read(&path).matches("kept").count() == 2);
        assert_eq!(counters.unlogged(), 5);

        // A disk without room.
        let full = QueryLog::start(Path::new("/dev/full"), &counters).unwrap();
        for round in 1..4 {
            full.take(&mut lines(10, "lost"));
            wait("the loss", || counters.unlogged() == 5 + round * 10);
        }
        full.end(PATIENCE);
    }

    /// A file that takes nothing holds up nobody who answers, and memory stays bounded.
    #[test]
    fn a_queue_that_is_full_loses_and_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let counters = Arc::<Counters>::default();
        let log = QueryLog::start(&path, &counters).unwrap();
        let mut taken = 0;
        let name = "x".repeat(63);
        let piece = lines(10_000, &name);
        while counters.unlogged() == 0 {
            let mut next = Lines { text: piece.text.clone(), count: piece.count, ..Lines::default() };
            log.take(&mut next);
            taken += piece.count;
            assert!(taken < 2 * QUEUE / 100);
        }
        taken -= piece.count;
        assert!(taken * line(&[name.as_bytes()]).len() > QUEUE / 2);
        let began = Instant::now();
        log.end(Duration::from_millis(50));
        assert!(began.elapsed() < PATIENCE / 2, "an end does not wait for ever");
        let mut text = String::new();
        // What waited is written when somebody takes it.
        File::open(&path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.lines().count(), counters.unlogged()), (taken, piece.count as u64));
        let whole = line(&[name.as_bytes()]);
        assert!(text.lines().all(|line| line == whole.trim_end()));
        assert_eq!(log.shared.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_half_line_is_seen() {
        for (text, half) in [("", 0), ("a\n", 0), ("a\nbc", 2), ("abc", 3), ("\n\n", 0)] {
            assert_eq!(half_line(text.as_bytes()), half, "{text:?}");
        }
    }
}
