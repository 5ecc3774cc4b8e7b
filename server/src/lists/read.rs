//! The files of one list, line by line.
//!
//! Enters: bytes, plain or packed by gzip, with the format and the list's code. Leaves: the table, with what should be
//! said about the files all the same; or the mistakes. The files are read as a stream and never held.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use firsthand_analyzer::listing::Exemptions;
use flate2::bufread::MultiGzDecoder;

use super::answers::Answers;
use super::directive::{Directive, directive, special};
use super::flatten::{EXCLUDED, Range, divide, flatten};
use super::lines::{Line, for_each_line};
use super::mistake::{Flaw, Mistake, Refusal};
use super::template::{TEMPLATE_LIMIT, Variables, trimmed, written};
use super::{
    ENTRIES_MAX, FILE_BYTES_MAX, LINE_BYTES_MAX, LINES_MAX, MISTAKES_COUNTED_MAX, MISTAKES_MAX, SIX_ENTRIES_MAX, WIDE,
    WIDEST_FOUR, WIDEST_SIX, address,
};
use crate::config::ListFormat;
use crate::regular_file;
use crate::zone::{ADDRESS_TEXT_LIMIT, ANSWER_LIMIT, Bits, Code, Fixed, FixedBuilder, KeptOut};

/// The number of the value that holds where none is written.
const DEFAULT: u16 = 1;
/// The first two bytes of a gzip member (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How much is read at a time, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;
/// The longest text of an IPv4 address.
const IPV4_TEXT_LIMIT: usize = 15;

/// A list as its files say it.
#[derive(Clone, Debug)]
pub struct Read {
    /// What it lists.
    pub fixed: Fixed,
    /// What was kept out of it (G6).
    pub kept_out: KeptOut,
    /// How many lines exclude something.
    pub exclusions: u64,
    /// The codes that entries answer by the word of the files, each with the first line that writes it.
    pub written: Vec<(Code, String)>,
    /// What the operator should know, each once.
    pub remarks: Vec<String>,
}

/// Reads the files of one list, as one data set, at the Unix second `now`.
///
/// # Errors
/// The first mistakes, or what keeps a file from being read.
pub fn read(
    files: &[impl AsRef<Path>],
    format: ListFormat,
    code: Code,
    exemptions: &Exemptions,
    now: u64,
) -> Result<Read, Refusal> {
    read_until(&AtomicBool::new(false), files, format, code, exemptions, now)
}

/// The same until `stop`, after which the files cannot be read.
pub(super) fn read_until(
    stop: &AtomicBool,
    files: &[impl AsRef<Path>],
    format: ListFormat,
    code: Code,
    exemptions: &Exemptions,
    now: u64,
) -> Result<Read, Refusal> {
    let mut set = DataSet::new(format, code, now);
    for file in files {
        let name = file.as_ref().display().to_string();
        match regular_file::open(file.as_ref()) {
            Ok(input) => set.add(&name, Until { input, stop }),
            Err(error) => set.unreadable(&name, &error),
        }
    }
    set.finish(exemptions).map_err(|mut refusal| {
        let line = refusal.crowded.and_then(|address| line_of(files, format, address));
        if let (Some(line), Some(mistake)) = (line, refusal.mistakes.first_mut()) {
            mistake.what += &format!(", the first on {line}");
        }
        refusal
    })
}

/// The first line that lists an address, alone or among others, as `file:line`; whether another entry wins is not asked.
pub fn line_of(files: &[impl AsRef<Path>], format: ListFormat, address: IpAddr) -> Option<String> {
    // No stamp lies ahead of this.
    let mut set = DataSet::new(format, Code::SPAM, u64::MAX);
    set.sought = Some(address);
    for file in files {
        if let Ok(input) = regular_file::open(file.as_ref()) {
            set.add(&file.as_ref().display().to_string(), input);
        }
        if set.found.is_some() {
            break;
        }
    }
    set.found
}

/// What can be read until `stop`.
struct Until<'s, R> {
    input: R,
    stop: &'s AtomicBool,
}

impl<R: io::Read> io::Read for Until<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the service stops")),
            false => self.input.read(buffer),
        }
    }
}

/// A prefix of a trie, with the line that it stands on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Prefix<K> {
    from: K,
    length: u8,
    /// Counted through all files.
    line: u32,
    id: u16,
}

/// How much a list may have, so that a stranger's costs no more memory and time than it may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) lines: u64,
    pub(super) four: usize,
    pub(super) six: usize,
}

/// One list while its files are read, one after the other.
pub struct DataSet {
    format: ListFormat,
    code: Code,
    now: u64,
    /// The names of the files, with how many lines stood in those before.
    files: Vec<(String, u64)>,
    lines: u64,
    bytes: u64,
    pub(super) bounds: Bounds,
    /// Whether there are more entries or lines than may be.
    is_full: bool,
    exclusions: u64,

    /// The values by their number, without [`EXCLUDED`]: code and template. The first is the list's own.
    templates: Vec<(Code, Box<[u8]>)>,
    numbers: HashMap<Box<[u8]>, u16>,
    /// The codes that the files write, each with its first line.
    written: BTreeMap<Code, u64>,
    key: Vec<u8>,
    /// The value in force.
    current: u16,
    /// Whether a format that knows one value only has it.
    has_value: bool,
    variables: Variables,

    /// Single addresses of an ip4set or ip4tset, each above the number of its value: `address << 16 | id`.
    points: Vec<u64>,
    ranges: Vec<Range<u32>>,
    four: Vec<Prefix<u32>>,
    six: Vec<Prefix<u128>>,

    ttl: Option<u32>,
    expires: Option<u64>,
    not_before: Option<u64>,
    /// What `$MAXRANGE4` says.
    max_range: Option<u64>,
    /// How many entries are wide, and where the first stands.
    wide: Option<(u64, String)>,
    has_soa: bool,
    has_ns: bool,

    mistakes: Vec<Mistake>,
    /// How many there are, those that are not told among them.
    mistaken: u64,
    /// An address whose first line is looked for, in place of entries, and where that stands.
    sought: Option<IpAddr>,
    found: Option<String>,
    remarks: Vec<String>,
}

impl DataSet {
    /// An empty list of one format, whose entries have `code` where its files say nothing else.
    pub fn new(format: ListFormat, code: Code, now: u64) -> Self {
        Self {
            format,
            code,
            now,
            files: Vec::new(),
            lines: 0,
            bytes: 0,
            bounds: Bounds { lines: LINES_MAX, four: ENTRIES_MAX, six: SIX_ENTRIES_MAX },
            is_full: false,
            exclusions: 0,
            templates: vec![(code, Box::default())],
            numbers: HashMap::new(),
            written: BTreeMap::new(),
            key: Vec::new(),
            current: DEFAULT,
            has_value: false,
            variables: Variables::default(),
            points: Vec::new(),
            ranges: Vec::new(),
            four: Vec::new(),
            six: Vec::new(),
            ttl: None,
            expires: None,
            not_before: None,
            max_range: None,
            wide: None,
            has_soa: false,
            has_ns: false,
            mistakes: Vec::new(),
            mistaken: 0,
            sought: None,
            found: None,
            remarks: Vec::new(),
        }
    }

    /// Reads one file.
    pub fn add(&mut self, name: &str, input: impl io::Read) {
        self.files.push((name.to_owned(), self.lines));
        self.current = DEFAULT;
        let before = self.bytes;
        match self.unpacked(input) {
            Err(error) => self.unreadable(name, &error),
            // So is what a full disk leaves, or a writer that has not begun.
            Ok(()) if self.bytes == before => {
                let mend = "write a comment into a list that lists nobody".to_owned();
                self.mistaken += 1;
                self.mistakes.push(Mistake { file: name.to_owned(), line: None, what: "is empty".to_owned(), mend });
            }
            Ok(()) => {}
        }
    }

    /// Notes that a file cannot be read.
    pub fn unreadable(&mut self, name: &str, error: &io::Error) {
        let mend = match error.kind() {
            io::ErrorKind::NotFound => "put it there, or mend the path in the settings",
            io::ErrorKind::PermissionDenied => "let the service's user read it",
            io::ErrorKind::Unsupported => "write the entries into a regular file",
            io::ErrorKind::UnexpectedEof => "it ends too early: copy it again, beside the old one, and rename it",
            _ => "see what is wrong with the file",
        };
        let what = format!("cannot be read: {error}");
        self.mistaken += 1;
        self.mistakes.push(Mistake { file: name.to_owned(), line: None, what, mend: mend.to_owned() });
    }

    fn unpacked(&mut self, mut input: impl io::Read) -> io::Result<()> {
        let mut magic = Vec::with_capacity(GZIP.len());
        input.by_ref().take(GZIP.len() as u64).read_to_end(&mut magic)?;
        let whole = io::Cursor::new(&magic).chain(input);
        match magic == GZIP {
            true => {
                let packed = BufReader::with_capacity(BUFFER_BYTES, whole);
                self.read_lines(&mut BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(packed)))
            }
            false => self.read_lines(&mut BufReader::with_capacity(BUFFER_BYTES, whole)),
        }
    }

    fn read_lines(&mut self, input: &mut impl BufRead) -> io::Result<()> {
        for_each_line(input, |bytes, line| {
            self.bytes += bytes;
            if self.bytes > FILE_BYTES_MAX {
                self.mistake(Flaw::new(format!("more than {FILE_BYTES_MAX} bytes, unpacked"), "divide the list"));
                return ControlFlow::Break(());
            }
            self.lines += 1;
            if self.lines > self.bounds.lines {
                self.mistake(Flaw::new(format!("more than {} lines", self.bounds.lines), "divide the list"));
                self.is_full = true;
                return ControlFlow::Break(());
            }
            match line {
                Line::Whole(line) => self.line(line),
                Line::TooLong => {
                    let what = format!("more than {LINE_BYTES_MAX} bytes in a line");
                    self.mistake(Flaw::new(what, "write a shorter line"));
                }
                Line::Unended => {
                    let mend = "see that it is whole, and end it with a line feed";
                    self.mistake(Flaw::new("the last line has no end, so that the file may be cut short", mend));
                }
            }
            if self.mistaken < MISTAKES_COUNTED_MAX && !self.is_full && self.found.is_none() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })
    }

    /// Notes a mistake on the line that was read last.
    fn mistake(&mut self, flaw: Flaw) {
        self.mistake_on(self.lines, flaw);
    }

    /// Notes a mistake on a line, counted through all files.
    fn mistake_on(&mut self, line: u64, Flaw { what, mend }: Flaw) {
        self.mistaken += 1;
        // One line that is of the other family stands for all.
        let is_told = [address::IS_IPV4, address::IS_IPV6].contains(&mend)
            && self.mistakes.last().is_some_and(|last| last.mend == mend);
        if self.mistakes.len() < MISTAKES_MAX && !is_told {
            let (file, line) = self.place_of(line);
            self.mistakes.push(Mistake { file: file.to_owned(), line: Some(line), what, mend: mend.to_owned() });
        }
    }

    /// The file and the line in it of a line, counted through all files.
    fn place_of(&self, line: u64) -> (&str, u64) {
        let at = self.files.partition_point(|(_, before)| *before < line).saturating_sub(1);
        let (file, before) = &self.files[at];
        (file, line - before)
    }

    /// Where the line that was read last stands.
    fn place(&self) -> String {
        let (file, line) = self.place_of(self.lines);
        format!("{file}:{line}")
    }

    fn line(&mut self, line: &[u8]) {
        let line = trimmed(line);
        let result = match (special(line), line) {
            (_, []) => Ok(()),
            (Some(rest), _) => self.directive(rest),
            (None, [b'#' | b';', ..]) => Ok(()),
            // An IPv6 address begins with a colon where a trie is read, which a /64 of an ip6tset never does.
            (None, [b':', b':', ..]) if self.format == ListFormat::Ip6trie => self.entry(line),
            (None, [b':', ..]) => self.default_value(line),
            (None, _) => self.entry(line),
        };
        if let Err(flaw) = result {
            self.mistake(flaw);
        }
    }

    fn directive(&mut self, rest: &[u8]) -> Result<(), Flaw> {
        match directive(rest, self.has_soa, self.has_ns)? {
            Directive::Ttl(ttl) => self.ttl = ttl,
            Directive::Soa if self.has_soa => {}
            Directive::Soa => {
                self.has_soa = true;
                self.remark(
                    "$SOA is not used: [zone] in the settings gives the zone's name servers, contact and times",
                );
            }
            Directive::Ns if self.has_ns => {}
            Directive::Ns => {
                self.has_ns = true;
                self.remark("$NS is not used: name-servers of [zone] in the settings gives them");
            }
            Directive::Timestamp { made, expires } => {
                if let Some(made) = made.filter(|made| *made > self.now) {
                    self.not_before = self.not_before.max(Some(made));
                    let what = format!("the data is from the future: its stamp lies {} s ahead", made - self.now);
                    return Err(Flaw::new(
                        what,
                        "mend the stamp or the clock; it is read again when the time has come",
                    ));
                }
                self.expires = self.expires.into_iter().chain(expires).min();
            }
            Directive::MaxRange(size) => {
                if let Some(before) = self.max_range.filter(|before| size > *before) {
                    let what = format!("$MAXRANGE4 would rise from {before} to {size}");
                    return Err(Flaw::new(what, "it can only fall: take this line out"));
                }
                self.max_range = Some(size);
            }
            Directive::Variable(name, text) => {
                let text = self.cut(text);
                self.variables.set(name, text);
            }
        }
        Ok(())
    }

    /// A template within its limit.
    fn cut<'l>(&mut self, text: &'l [u8]) -> &'l [u8] {
        if text.len() > TEMPLATE_LIMIT {
            self.remark("texts were cut, as they were too long; the first");
        }
        &text[..text.len().min(TEMPLATE_LIMIT)]
    }

    /// Notes what the operator should know, once, with the place where it was seen first.
    fn remark(&mut self, remark: &str) {
        if !self.remarks.iter().any(|said| said.starts_with(remark)) {
            let place = self.place();
            self.remarks.push(format!("{remark}: {place}"));
        }
    }

    /// Whether the format has one value for all of its entries.
    fn knows_one_value(&self) -> bool {
        matches!(self.format, ListFormat::Ip4tset | ListFormat::Ip6tset)
    }

    fn default_value(&mut self, line: &[u8]) -> Result<(), Flaw> {
        if self.knows_one_value() && self.has_value {
            self.remark("this format has one value, the first; another is not used");
            return Ok(());
        }
        let value = written(line)?;
        let code = value.code.unwrap_or(self.code);
        let text = self.cut(value.text.unwrap_or_default());
        if self.knows_one_value() {
            // It holds for the entries before it, too.
            self.has_value = true;
            self.written.insert(code, self.lines);
            self.templates[0] = (code, text.into());
        } else {
            self.current = self.number(code, text)?;
        }
        Ok(())
    }

    /// The number of a value.
    fn number(&mut self, code: Code, text: &[u8]) -> Result<u16, Flaw> {
        if code == self.code && text.is_empty() {
            return Ok(DEFAULT);
        }
        self.key.clear();
        self.key.extend_from_slice(&code.address().octets());
        self.key.extend_from_slice(text);
        if let Some(number) = self.numbers.get(self.key.as_slice()) {
            return Ok(*number);
        }
        let number = self.templates.len() + 1;
        if number >= ANSWER_LIMIT {
            let what = format!("more than {} different values", ANSWER_LIMIT - 1);
            return Err(Flaw::new(
                what,
                "divide the list, or let texts refer to the address by $ instead of spelling it",
            ));
        }
        self.templates.push((code, text.into()));
        self.written.entry(code).or_insert(self.lines);
        let number = u16::try_from(number).expect("there are fewer values than 65,536");
        self.numbers.insert(self.key.as_slice().into(), number);
        Ok(number)
    }

    /// The number of the value behind an entry, as the rest of its line writes it.
    fn value(&mut self, rest: &[u8]) -> Result<u16, Flaw> {
        let rest = trimmed(rest);
        if matches!(rest, [] | [b'#' | b';', ..]) {
            return Ok(self.current);
        }
        let value = written(rest)?;
        let (code, text) = &self.templates[usize::from(self.current - 1)];
        let code = value.code.unwrap_or(*code);
        match value.text {
            Some(text) => {
                let text = self.cut(text);
                self.number(code, text)
            }
            None => {
                let text = text.clone();
                self.number(code, &text)
            }
        }
    }

    fn entry(&mut self, line: &[u8]) -> Result<(), Flaw> {
        let (excluded, line) = match line {
            [b'!', rest @ ..] if self.format != ListFormat::Ip4tset => (true, trimmed(rest)),
            line => (false, line),
        };
        self.exclusions += u64::from(excluded);
        match self.format {
            ListFormat::Ip4set => {
                let (from, to, rest) = address::ip4set(line)?;
                self.four_may_have(u64::from(to - from) + 1, excluded)?;
                if self.seeks(excluded, Ipv4Addr::from_bits(from), Ipv4Addr::from_bits(to)) {
                    return Ok(());
                }
                let id = if excluded { EXCLUDED } else { self.value(rest)? };
                if from == to {
                    self.points.push(u64::from(from) << 16 | u64::from(id));
                } else {
                    divide(from, to, |from, to, class| self.ranges.push(Range { from, to, id, class }));
                }
            }
            ListFormat::Ip4tset => {
                let (bits, rest) = address::ip4tset(line)?;
                if self.seeks(excluded, Ipv4Addr::from_bits(bits), Ipv4Addr::from_bits(bits)) {
                    return Ok(());
                }
                self.no_value(rest);
                self.points.push(u64::from(bits) << 16 | u64::from(DEFAULT));
            }
            ListFormat::Ip4trie => {
                let (from, length, rest) = address::ip4trie(line)?;
                self.four_may_have(1 << (32 - length), excluded)?;
                if self.seeks(excluded, Ipv4Addr::from_bits(from), Ipv4Addr::from_bits(from | four_host(length))) {
                    return Ok(());
                }
                let id = if excluded { EXCLUDED } else { self.value(rest)? };
                let line = self.line_number()?;
                self.four.push(Prefix { from, length, line, id });
            }
            ListFormat::Ip6trie => {
                let (from, length, rest) = address::ip6trie(line)?;
                self.six_may_have(length, excluded)?;
                if self.seeks(excluded, Ipv6Addr::from_bits(from), Ipv6Addr::from_bits(from | six_host(length))) {
                    return Ok(());
                }
                let id = if excluded { EXCLUDED } else { self.value(rest)? };
                let line = self.line_number()?;
                self.six.push(Prefix { from, length, line, id });
            }
            ListFormat::Ip6tset => {
                let (from, length, rest) = address::ip6tset(line, excluded)?;
                if self.seeks(excluded, Ipv6Addr::from_bits(from), Ipv6Addr::from_bits(from | six_host(length))) {
                    return Ok(());
                }
                self.no_value(rest);
                let id = if excluded { EXCLUDED } else { DEFAULT };
                self.six.push(Prefix { from, length, line: 0, id });
            }
        }
        let four = self.points.len() + self.ranges.len() + self.four.len();
        if four > self.bounds.four || self.six.len() > self.bounds.six {
            let what = format!("more than {} entries", if four > 0 { self.bounds.four } else { self.bounds.six });
            self.is_full = true;
            return Err(Flaw::new(what, "divide the list"));
        }
        Ok(())
    }

    /// Whether entries are only looked through for the address that is sought, and notes where it stands.
    fn seeks(&mut self, excluded: bool, from: impl Into<IpAddr>, to: impl Into<IpAddr>) -> bool {
        let Some(sought) = self.sought else { return false };
        if !excluded && (from.into()..=to.into()).contains(&sought) {
            self.found = Some(self.place());
        }
        true
    }

    fn line_number(&self) -> Result<u32, Flaw> {
        u32::try_from(self.lines).map_err(|_| Flaw::new("more than 4,294,967,295 lines", "divide the list"))
    }

    /// Refuses an IPv4 entry of more addresses than one may have, and notes one of many.
    fn four_may_have(&mut self, size: u64, excluded: bool) -> Result<(), Flaw> {
        if let Some(most) = self.max_range {
            let what = || format!("{size} addresses, and $MAXRANGE4 allows {most}");
            let mend = "write a smaller range, or a larger $MAXRANGE4 above";
            return if size <= most { Ok(()) } else { Err(Flaw::new(what(), mend)) };
        }
        if size > 1 << (32 - WIDEST_FOUR) && !excluded {
            let what = format!("{size} addresses, which is wider than a /{WIDEST_FOUR}");
            return Err(Flaw::new(what, "write smaller networks, or $MAXRANGE4 /0 at the top if that much is meant"));
        }
        self.note_wide(size > 1 << (32 - WIDE.0) && !excluded);
        Ok(())
    }

    /// The same for an IPv6 entry, by the length of its prefix.
    fn six_may_have(&mut self, length: u8, excluded: bool) -> Result<(), Flaw> {
        if length < WIDEST_SIX && !excluded {
            let what = format!("a /{length}, which is wider than a /{WIDEST_SIX}");
            return Err(Flaw::new(what, "write the networks that are meant"));
        }
        self.note_wide(length < WIDE.1 && !excluded);
        Ok(())
    }

    fn note_wide(&mut self, is_wide: bool) {
        if is_wide {
            let first = self.wide.take();
            self.wide = Some(first.map_or_else(|| (1, self.place()), |(count, first)| (count + 1, first)));
        }
    }

    fn no_value(&mut self, rest: &[u8]) {
        if !matches!(trimmed(rest), [] | [b'#' | b';', ..]) {
            self.remark("this format knows no values of entries; what stands behind an address is not used");
        }
    }

    /// The list.
    ///
    /// # Errors
    /// The mistakes, if there are any.
    pub fn finish(mut self, exemptions: &Exemptions) -> Result<Read, Refusal> {
        if self.mistakes.is_empty() {
            let (four, six) = (std::mem::take(&mut self.four), std::mem::take(&mut self.six));
            let four = self.unique(four, |prefix| format!("{}/{}", Ipv4Addr::from_bits(prefix.from), prefix.length));
            let six = self.unique(six, |prefix| format!("{}/{}", Ipv6Addr::from_bits(prefix.from), prefix.length));
            if self.mistakes.is_empty() {
                return self.table(four, six, exemptions);
            }
        }
        let not_before = self.not_before.filter(|_| self.mistaken == 1);
        Err(Refusal { not_before, crowded: None, count: self.mistaken, mistakes: self.mistakes })
    }

    /// Sorts prefixes, and takes out those that stand twice with the same value; with another, the second is a mistake.
    fn unique<K: Copy + Ord>(
        &mut self,
        mut prefixes: Vec<Prefix<K>>,
        name: impl Fn(&Prefix<K>) -> String,
    ) -> Vec<Prefix<K>> {
        prefixes.sort_unstable();
        let mut repeated = 0u64;
        let mut mistakes = Vec::new();
        prefixes.dedup_by(|second, first| {
            let same = (second.from, second.length) == (first.from, first.length);
            if same && second.id != first.id && mistakes.len() < MISTAKES_MAX {
                mistakes.push((u64::from(second.line), u64::from(first.line), name(second)));
            }
            repeated += u64::from(same);
            same
        });
        mistakes.sort_unstable();
        for (second, first, prefix) in mistakes {
            let (file, first) = self.place_of(first);
            let what = format!("{prefix} stands already on {file}:{first} with another value");
            self.mistake_on(second, Flaw::new(what, "take one of the two lines out"));
        }
        if repeated > 0 && self.format != ListFormat::Ip6tset {
            self.remarks.push(format!("{repeated} lines repeat others"));
        }
        prefixes
    }

    fn table(
        mut self,
        four: Vec<Prefix<u32>>,
        six: Vec<Prefix<u128>>,
        exemptions: &Exemptions,
    ) -> Result<Read, Refusal> {
        if let Some((count, first)) = self.wide.take() {
            let (four, six) = WIDE;
            let remark = format!("{count} entries are wider than a /{four} (IPv6: a /{six}); the first: {first}");
            self.remarks.push(remark);
        }
        let mut builder = FixedBuilder::new(exemptions);
        let is_six = matches!(self.format, ListFormat::Ip6trie | ListFormat::Ip6tset);
        let mut answers =
            Answers::of(&self.templates, &self.variables, if is_six { ADDRESS_TEXT_LIMIT } else { IPV4_TEXT_LIMIT });
        let mut points = std::mem::take(&mut self.points);
        points.sort_unstable();
        points.dedup();
        let mut ranges = std::mem::take(&mut self.ranges);
        ranges.sort_unstable();
        let points = points.into_iter().map(|point| {
            let bits = (point >> 16) as u32;
            Range { from: bits, to: bits, id: point as u16, class: 0 }
        });
        let four = four.into_iter().map(|prefix| {
            let host = four_host(prefix.length);
            Range { from: prefix.from, to: prefix.from | host, id: prefix.id, class: 32 - prefix.length }
        });
        let six = six.into_iter().map(|prefix| {
            let host = six_host(prefix.length);
            Range { from: prefix.from, to: prefix.from | host, id: prefix.id, class: 128 - prefix.length }
        });
        // One family, and one of the two kinds of entries, is empty.
        let ranges = merged(points, ranges.into_iter().chain(four));
        let done = flatten(ranges, |from, to, ids| {
            builder.four(from, to, answers.number(ids).map_err(|what| (IpAddr::from(from.to_be_bytes()), what))?);
            Ok(())
        });
        let done = done.and_then(|()| {
            flatten(six, |from, to, ids| {
                builder.six(from, to, answers.number(ids).map_err(|what| (IpAddr::from(from.to_be_bytes()), what))?);
                Ok(())
            })
        });
        if let Err((address, what)) = done {
            let file = self.files.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>().join(", ");
            let what = format!("{address} and what follows: {what}");
            let mistake = Mistake { file, line: None, what, mend: "give these addresses fewer values".to_owned() };
            return Err(Refusal { mistakes: vec![mistake], count: 1, crowded: Some(address), not_before: None });
        }
        let Answers { sets, altered, .. } = answers;
        if altered.cut && !self.remarks.iter().any(|remark| remark.starts_with("texts were cut")) {
            self.remarks.push("texts were cut, as they were too long with the address in them".to_owned());
        }
        if altered.replaced {
            self.remarks.push("characters of texts that are not printable ASCII became question marks".to_owned());
        }
        let (fixed, kept_out) = builder.finish(sets, self.ttl, self.expires);
        let written = self.written.iter().filter(|(code, _)| fixed.codes().contains(code));
        let written = written.map(|(code, line)| {
            let (file, line) = self.place_of(*line);
            (*code, format!("{file}:{line}"))
        });
        let written = written.collect();
        Ok(Read { fixed, kept_out, exclusions: self.exclusions, written, remarks: self.remarks })
    }
}

/// The host part of an IPv4 prefix, all ones.
fn four_host(length: u8) -> u32 {
    u32::MAX.checked_shr(length.into()).unwrap_or(0)
}

/// The host part of an IPv6 prefix, all ones.
fn six_host(length: u8) -> u128 {
    u128::MAX.checked_shr(length.into()).unwrap_or(0)
}

/// Merges two rows of ranges, each ascending by its first address.
fn merged<K: Bits>(
    one: impl Iterator<Item = Range<K>>,
    other: impl Iterator<Item = Range<K>>,
) -> impl Iterator<Item = Range<K>> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if second.from < first.from => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}
