//! A network of its own for each test: the program that is tested, Firsthand, and a small Internet between them.
//!
//! [`alone`] runs a test as the first process of new network, mount and process-id namespaces. There every address is the
//! test's: it binds port 53, puts its own files over those in `/etc`, and takes connections from global addresses. All of
//! it, and every process in it, ends with the test, however that ends.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use crate::harness::{self, Service, TOKEN, message};

/// Says to the test's program that it is inside.
const INSIDE: &str = "FIRSTHAND_CLIENTS_INSIDE";

/// How long a program may take to start, or to answer, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a whole test may take.
const TEST_PATIENCE: Duration = Duration::from_secs(240);

/// Where Firsthand answers for the zone, as its name servers' addresses.
pub(crate) const SERVERS: [&str; 2] = ["192.0.2.53", "2001:db8::53"];

/// Where a [`crate::tap::Tap`] stands in for it.
pub(crate) const TAPPED: [&str; 2] = ["192.0.2.54", "2001:db8::54"];

/// The resolver of this network.
pub(crate) const RESOLVER: &str = "127.0.0.1:53";

/// Listed in `spam`: an address; one whose neighbours in the same /64 never sent anything; and one whose name lies below
/// that of an IPv4 address.
pub(crate) const LISTED: [&str; 3] = ["83.70.211.36", "2a00:1f:1:2::99", "2001:470:1:2::1"];

/// What a TXT answer says of where to read more, before the address: the default of `zone.page`.
pub(crate) const PAGE: &str = "http://127.0.0.1:8080/address/";

/// Another address of the same listed /64.
pub(crate) const SAME_64: &str = "2a00:1f:1:2:abcd::1";

/// Listed in `mixed` alone.
pub(crate) const MIXED: &str = "83.70.211.38";

/// Listed in `backscatter` alone.
pub(crate) const BACKSCATTER: &str = "83.70.211.39";

/// Not listed: next to each of the listed ones.
pub(crate) const UNLISTED: [&str; 3] = ["83.70.211.37", "2a00:1f:1:3::99", "2001:470:1:3::1"];

/// Runs a test in a network of its own. The test's name is that of the function whose closure `test` is.
pub(crate) fn alone<T: Fn(&Network)>(test: T) {
    // Process 1 is never the one that `cargo test` started.
    if std::process::id() == 1 && std::env::var_os(INSIDE).is_some() {
        return test(&Network::new());
    }
    let user = fs::metadata("/proc/self").unwrap().uid();
    assert_eq!(user, 0, "these tests make networks and run mail servers in them: run them as root");
    let name = std::any::type_name::<T>();
    let name = name.split_once("::").unwrap().1.trim_end_matches("::{{closure}}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output");
    let output = File::create(&path).unwrap();
    let mut child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL"])
        .args(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .expect("setpriv and unshare (package util-linux) are needed");
    let began = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if began.elapsed() > TEST_PATIENCE => break None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let said = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
    assert!(
        status.is_some_and(|status| status.success()) && said.contains("1 passed"),
        "in its own network (ended: {status:?}):\n{said}"
    );
}

/// What a test finds in its network.
pub(crate) struct Network {
    folder: tempfile::TempDir,
    /// Firsthand, with [`LISTED`], [`MIXED`] and [`BACKSCATTER`] listed.
    pub(crate) service: Service,
}

/// A program that runs until it is dropped.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Network {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The programs give up root, and must reach their own folders below this one.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let ours = ["192.0.2.1", "2001:db8::1"];
        let strangers = LISTED.iter().chain(&UNLISTED).chain([&MIXED, &BACKSCATTER, &SAME_64]);
        let addresses = ours.iter().chain(&SERVERS).chain(&TAPPED).chain(strangers);
        run(Command::new("ip").args(["link", "set", "lo", "up"]));
        for address in addresses {
            // No duplicate address detection on lo; without the word an address is tentative at first all the same.
            let flags: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
            let prefix = format!("{address}/{}", if address.contains(':') { 128 } else { 32 });
            run(Command::new("ip").args(["address", "add", &prefix, "dev", "lo"]).args(flags));
        }
        let service = Service::start(&settings());
        let network = Self { folder, service };
        let resolver = network.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:4\n");
        mount(&resolver, "/etc/resolv.conf");
        for (place, owner) in [("bind", "/etc/bind"), ("bind-cache", "/var/cache/bind"), ("unbound", "/etc/unbound")] {
            let place = network.path(place);
            fs::create_dir(&place).unwrap();
            // Where AppArmor confines these programs, they may read their usual folders and no others.
            mount(&place, owner);
        }
        network.list();
        network
    }

    /// A path below the test's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file below the test's folder, with `{folder}` in it put in; its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text.replace("{folder}", self.folder.path().to_str().unwrap())).unwrap();
        path
    }

    /// Starts a program that stays in the foreground; what it says goes to a log.
    pub(crate) fn daemon(&self, name: &str, command: &mut Command) -> Daemon {
        let log = self.path(&format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file).spawn();
        let child = child.unwrap_or_else(|error| panic!("{name} (tests/run installs it): {error}"));
        Daemon { child, log }
    }

    /// Lists what the tests expect to be listed, and looks.
    fn list(&self) {
        let taken = |trap: usize, sender: &str, message: &[u8]| {
            let (bearer, trap) = (format!("Bearer {TOKEN}"), format!("trap@d{trap}.example"));
            let headers = [
                ("Authorization", bearer.as_str()),
                ("Firsthand-Trap", trap.as_str()),
                ("Firsthand-Mail-From", sender),
            ];
            let (status, body) = self.service.submit_with(&headers, message).unwrap();
            assert_eq!(status, 202, "{body}");
        };
        for trap in 0..3 {
            for (number, address) in LISTED.iter().enumerate() {
                let tag = if address.contains(':') { "IPv6:" } else { "" };
                taken(trap, "<sender@sender.example>", &message(&format!("{tag}{address}"), 10 * number + trap));
            }
            for (address, sender) in [(MIXED, "<sender@sender.example>"), (BACKSCATTER, "<>")] {
                let mut reply = message(address, trap);
                let end = reply.windows(2).position(|pair| pair == b"\n\n").unwrap();
                reply.splice(end + 1..end + 1, *b"Auto-Submitted: auto-replied\nIn-Reply-To: <1@d0.example>\n");
                taken(trap, sender, &reply);
            }
        }
        let others = [(MIXED, "mixed.bl.example.", "127.0.0.8"), (BACKSCATTER, "backscatter.bl.example.", "127.0.0.5")];
        for (address, zone, code) in
            LISTED.map(|address| (address, "bl.example.", "127.0.0.2")).into_iter().chain(others)
        {
            let name = entry(address, zone);
            self.service.wait(address, |service| service.ask(&name, RecordType::A).1 == [code]);
        }
        for address in UNLISTED.iter().chain(&[MIXED, BACKSCATTER]) {
            assert_eq!(self.service.ask(&entry(address, "bl.example."), RecordType::A).1, [""; 0], "{address}");
        }
    }
}

impl Daemon {
    /// Waits until `ready`; if the program ends first, or takes too long, says what it said.
    pub(crate) fn wait(&mut self, what: &str, ready: impl Fn() -> bool) {
        let began = Instant::now();
        while !ready() {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "no {what} (ended: {ended:?}):\n{}",
                fs::read_to_string(&self.log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three traps, and Firsthand's listeners at the zone's name servers' addresses and, last, on the loopback.
fn settings() -> String {
    let listen = "\"192.0.2.53:53\", \"[2001:db8::53]:53\", \"[::1]:5300\", \"127.0.0.1:5300\"";
    let settings = harness::settings(3);
    settings.replacen(
        "[dns]\nlisten = [\"127.0.0.1:0\"]",
        // A name server inside the zone would need an address there, which is not for a list to hold.
        &format!("[zone]\nname-servers = [\"ns.hosting.example\"]\n[dns]\nlisten = [{listen}]"),
        1,
    )
}

/// The name under which a zone lists an address (RFC 5782 §2.1, §2.4).
pub(crate) fn entry(address: &str, zone: &str) -> String {
    let labels: Vec<String> = match address.parse().unwrap() {
        IpAddr::V4(address) => address.octets().iter().map(u8::to_string).collect(),
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
            nibbles.map(|nibble| format!("{nibble:x}")).collect()
        }
    };
    let labels: Vec<String> = labels.into_iter().rev().collect();
    format!("{}.{zone}", labels.join("."))
}

/// Asks a resolver, again if need be: the response code and the data of the records of that type.
pub(crate) fn resolve(resolver: SocketAddr, name: &str, kind: RecordType) -> Option<(ResponseCode, Vec<String>)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.connect(resolver).unwrap();
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    let mut answer = [0; 4096];
    for _ in 0..4 {
        if socket.send(&query.to_vec().unwrap()).is_err() {
            continue;
        }
        let Ok(length) = socket.recv(&mut answer) else {
            continue;
        };
        let message = Message::from_vec(&answer[..length]).unwrap();
        let records = message.answers.iter().map(|record| match &record.data {
            RData::A(address) => address.0.to_string(),
            RData::TXT(text) => text.txt_data.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect(),
            other => other.to_string(),
        });
        return Some((message.metadata.response_code, records.collect()));
    }
    None
}

/// Puts a file or a folder in the place of another, in this network alone.
pub(crate) fn mount(ours: &Path, theirs: &str) {
    assert!(Path::new(theirs).exists(), "{theirs} is missing: tests/run installs the package that has it");
    run(Command::new("mount").arg("--bind").arg(ours).arg(theirs));
}

/// Runs a command to its end, which must be a good one; what it wrote.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {text}", output.status);
    text
}
