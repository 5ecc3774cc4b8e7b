//! A machine with an MTA and Firsthand on it, strangers at global addresses, and what is expected of them.

use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hickory_proto::rr::RecordType;

use crate::harness::alone::{PATIENCE, Place, alone_as, mount, run};
use crate::harness::{Service, ask};
use crate::sender::{Attack, offer_mail};

/// The machine's own addresses; its MTA's are those after the loopback.
pub(crate) const OWN: [&str; 2] = ["192.0.2.10", "2001:db8::10"];

/// Where Firsthand answers DNS, and the machine asks.
const SERVER: &str = "127.0.0.1:53";

/// Who writes to traps.
pub(crate) const GUILTY: [&str; 2] = ["45.66.77.88", "2a00:1f:7::88"];

/// Whom they blame.
pub(crate) const INNOCENT: [&str; 2] = ["83.70.211.36", "2a00:1f:2::25"];

/// The domains of the traps, as the recipes have them.
pub(crate) const TRAP_DOMAINS: [&str; 3] = ["traps.example", "old-shop.example", "club.example"];

/// Somebody who wants mail, at the same MTA.
pub(crate) const USER: &str = "user@receiver.example";

/// What a test finds.
pub(crate) struct World {
    place: Place,
    pub(crate) service: Service,
}

/// Runs a test on a machine of its own, where Firsthand goes by a recipe's settings. The test's name is that of the function
/// whose closure `test` is.
pub(crate) fn alone<T: Fn(&World)>(recipe: &str, test: T) {
    alone_as::<T>(|place| test(&World::new(place, recipe)));
}

impl World {
    fn new(place: Place, recipe: &str) -> Self {
        OWN.iter().chain(&GUILTY).chain(&INNOCENT).for_each(|address| place.give(address));
        // Sockets are where the recipes have them.
        let runtime = place.path("run");
        fs::create_dir_all(runtime.join("firsthand")).unwrap();
        mount(&runtime, "/run");
        let settings = format!(
            "[zone]\nname-servers = [\"ns.hosting.example\"]\n[dns]\nlisten = [\"{SERVER}\"]\n[http]\nlisten = [\"127.0.0.1:8080\"]\n{}",
            settings_of(recipe)
        );
        let service = Service::start_with(&settings, |folder| {
            fs::write(folder.join("traps.token"), "a-token-for-tests-only\n").unwrap();
        });
        let resolver = place.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:4\n");
        mount(&resolver, "/etc/resolv.conf");
        Self { place, service }
    }

    /// Writes to traps by every attack, sees who is listed, that `port` refuses the guilty with `code` from then on, and that
    /// it takes an innocent's mail for a user.
    pub(crate) fn lists_the_guilty_only(&self, port: u16, code: u16) {
        self.write_to_traps(port);
        self.lists_nobody_else();
        for (guilty, innocent) in GUILTY.into_iter().zip(INNOCENT) {
            let refused = offer_mail(guilty, &[USER], port);
            assert_eq!(refused.code, code, "{guilty}: {refused:?}");
            assert!(refused.text.contains(guilty), "{refused:?}");
            let taken = offer_mail(innocent, &[USER], port);
            assert_eq!(taken.code, 250, "{innocent}: {taken:?}");
        }
    }

    /// Sends from every guilty address, by every attack, to every trap domain.
    pub(crate) fn write_to_traps(&self, port: u16) {
        for guilty in GUILTY {
            let blamed = INNOCENT[usize::from(guilty.contains(':'))];
            for attack in Attack::ALL {
                for domain in TRAP_DOMAINS {
                    let reply = attack.send(guilty, blamed, &format!("sales@{domain}"), port);
                    println!("{attack:?} {guilty} {domain}: {reply:?}");
                }
            }
        }
    }

    /// Waits until all the guilty are listed and everything is judged, and sees that nobody else is.
    pub(crate) fn lists_nobody_else(&self) {
        for guilty in GUILTY {
            self.wait_until_listed(guilty);
        }
        self.wait_until_quiet();
        for innocent in INNOCENT.into_iter().chain(OWN).chain(["127.0.0.1"]) {
            assert!(!self.is_listed(innocent), "{innocent} is listed: {}", self.why(innocent));
        }
        // By no list of their own, either.
        let listed = self
            .service
            .run("export", &["--format", "plain", "--list", "spam", "--list", "backscatter", "--list", "mixed"]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let listed: Vec<&str> = listed.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        assert_eq!(listed.len(), GUILTY.len(), "{listed:?}");
    }

    /// Waits until the zone lists an address.
    pub(crate) fn wait_until_listed(&self, address: &str) {
        let began = Instant::now();
        while !self.is_listed(address) {
            assert!(
                began.elapsed() < PATIENCE,
                "{address} is not listed: {}\n{}\n{}",
                self.why(address),
                self.service.log(),
                self.mta_log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until nothing came in for a while.
    fn wait_until_quiet(&self) {
        let began = Instant::now();
        let mut before = self.samples();
        loop {
            std::thread::sleep(Duration::from_millis(1500));
            let now = self.samples();
            if now == before {
                return;
            }
            before = now;
            assert!(began.elapsed() < PATIENCE, "samples come without end");
        }
    }

    /// How many samples were taken so far, those that came twice among them.
    pub(crate) fn samples(&self) -> u64 {
        let metrics = self.service.get("/metrics").1;
        let counted = metrics.lines().filter(|line| {
            line.starts_with("firsthand_samples_total{") || line.starts_with("firsthand_samples_repeated_total")
        });
        counted.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).sum()
    }

    /// Waits until the MTA has logged something.
    pub(crate) fn wait_for_mta(&self, what: &str) {
        let began = Instant::now();
        while !self.mta_log().contains(what) {
            assert!(began.elapsed() < PATIENCE, "no {what:?}: {}\n{}", self.mta_log(), self.service.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the MTAs logged.
    pub(crate) fn mta_log(&self) -> String {
        let logs = [
            "postfix/log",
            "postfix.log",
            "exim/log-main",
            "exim/log-panic",
            "exim.log",
            "opensmtpd.log",
            "dovecot.log",
        ];
        logs.iter().filter_map(|name| fs::read_to_string(self.path(name)).ok()).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn is_listed(&self, address: &str) -> bool {
        let answer = ask(SERVER.parse().unwrap(), &entry(address), RecordType::A).unwrap();
        !answer.answers.is_empty()
    }

    /// What `firsthand why` says.
    pub(crate) fn why(&self, address: &str) -> String {
        String::from_utf8_lossy(&self.service.run("why", &[address]).stdout).into_owned()
    }

    /// Adds users to this machine, in this test alone.
    pub(crate) fn add_users(&self, users: &[&str]) {
        for (file, rest) in [("/etc/passwd", ":/nonexistent:/usr/sbin/nologin\n"), ("/etc/group", ":\n")] {
            let mut text = fs::read_to_string(file).unwrap();
            for (number, user) in users.iter().enumerate() {
                if !text.lines().any(|line| line.starts_with(&format!("{user}:"))) {
                    let id = 64900 + number;
                    text += &match file {
                        "/etc/passwd" => format!("{user}:x:{id}:{id}:{rest}"),
                        _ => format!("{user}:x:{id}{rest}"),
                    };
                }
            }
            mount(&self.write(&file[1..], &text), file);
        }
    }

    /// Makes a folder a user's own.
    pub(crate) fn give_folder(&self, path: &Path, user: &str) {
        fs::create_dir_all(path).unwrap();
        run(Command::new("chown").arg("-R").arg(format!("{user}:")).arg(path));
    }
}

impl Deref for World {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

/// A recipe's settings of Firsthand.
fn settings_of(recipe: &str) -> String {
    recipe_file(recipe, "firsthand.toml")
}

/// A file of a recipe, as it stands.
pub(crate) fn recipe_file(recipe: &str, name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/recipes").join(recipe).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The name under which the zone lists an address (RFC 5782 §2.1, §2.4).
fn entry(address: &str) -> String {
    let labels: Vec<String> = match address.parse().unwrap() {
        std::net::IpAddr::V4(address) => address.octets().iter().rev().map(u8::to_string).collect(),
        std::net::IpAddr::V6(address) => {
            let octets = address.octets();
            octets.iter().rev().flat_map(|octet| [octet & 15, octet >> 4]).map(|nibble| format!("{nibble:x}")).collect()
        }
    };
    format!("{}.bl.example.", labels.join("."))
}
