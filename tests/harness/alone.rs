//! A test that has the machine to itself: a network, a file system's mounts and process ids of its own.
//!
//! [`alone_as`] runs a test as the first process of new network, mount and process-id namespaces. There every address is the
//! test's: it binds port 53, puts its own files over those in `/etc`, and takes connections from global addresses. All of
//! it, and every process in it, ends with the test, however that ends.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Says to the test's program that it is inside.
const INSIDE: &str = "FIRSTHAND_TEST_INSIDE";

/// How long a program may take to start, or to answer, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a whole test may take.
const TEST_PATIENCE: Duration = Duration::from_secs(240);

/// Runs a test alone. Its name is that of the function whose closure `T` is.
pub(crate) fn alone_as<T>(test: impl Fn(Place)) {
    // Process 1 is never the one that `cargo test` started.
    if std::process::id() == 1 && std::env::var_os(INSIDE).is_some() {
        return test(Place::new());
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

/// A folder of the test's own.
pub(crate) struct Place(tempfile::TempDir);

/// A program that runs until it is dropped.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Programs give up root, and must reach their own folders below this one.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        run(Command::new("ip").args(["link", "set", "lo", "up"]));
        Self(folder)
    }

    /// Gives this machine an address.
    pub(crate) fn give(&self, address: &str) {
        // No duplicate address detection on lo; without the word an address is tentative at first all the same.
        let flags: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
        let prefix = format!("{address}/{}", if address.contains(':') { 128 } else { 32 });
        run(Command::new("ip").args(["address", "add", &prefix, "dev", "lo"]).args(flags));
    }

    /// A path below the test's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file below the test's folder, with `{folder}` in it put in; its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text.replace("{folder}", self.0.path().to_str().unwrap())).unwrap();
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
