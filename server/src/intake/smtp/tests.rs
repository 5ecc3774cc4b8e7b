//! Clients that take their time, and what becomes of a session when the service stops: with a patience that a test can wait for.

use std::net::SocketAddr;
use std::path::Path;

use arc_swap::ArcSwap;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};

use super::conversation::network;
use super::*;
use crate::config::Settings;
use crate::connections::{Counts, Limits, Places};
use crate::declared::Current;
use crate::dns::counters::Counters;
use crate::ledger::{Correction, Ledger};
use crate::metrics::Metrics;
use crate::zone::{ListSettings, Zone, ZoneSettings};

const SETTINGS: &str = "[[feed]]\nname = \"seen\"\nboundary = \"channel\"\nnetworks = [\"127.0.0.1\"]\n\
                        [[trap]]\naddress = \"trap@d.example\"\n[[trap]]\naddress = \"trap@e.example\"\n\
                        [[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:24\"]\nfeed = \"seen\"\n\
                        [[intake]]\nkind = \"trap-server\"\nlisten = [\"127.0.0.1:25\"]\nfeed = \"seen\"\nproxies = [\"10.9.0.1\"]\n\
                        [[feed]]\nname = \"few\"\nboundary = \"channel\"\nquota = \"4/d\"\n\
                        [[intake]]\nkind = \"trap-server\"\nlisten = [\"127.0.0.1:26\"]\nfeed = \"few\"\nunknown-recipients = \"accept\"\n\
                        [[intake]]\nkind = \"trap-server\"\nlisten = [\"127.0.0.1:27\"]\nfeed = \"seen\"\nrcpt-delay = \"1s\"\n";

/// Short of everything.
const SHORT: Patience = Patience {
    command: Duration::from_secs(60),
    block: Duration::from_secs(60),
    message: Duration::from_secs(60),
    quiet: Duration::from_secs(60),
    session: Duration::from_secs(60),
    proxy: Duration::from_millis(300),
    write: Duration::from_millis(300),
    stopping: Duration::from_millis(500),
    linger: Duration::from_millis(50),
};
const SOON: Duration = Duration::from_millis(300);
const BEGIN: &str = "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<trap@d.example>\r\nDATA\r\n";

struct World {
    folder: TempDir,
    settings: Settings,
    intake: Intake,
    metrics: Arc<Metrics>,
    places: Arc<Places>,
    counts: Arc<Counts>,
    stop: watch::Sender<bool>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::parse(SETTINGS, "test", Path::new("")).unwrap().settings;
        let ledger = Ledger::open(folder.path()).unwrap();
        let declared = Arc::new(Current::new(settings.clone(), ledger.clone(), 1_795_651_200).unwrap());
        let zone = Zone::empty(ZoneSettings::default(), vec![ListSettings::spam()]).unwrap();
        let zone = Arc::new(ArcSwap::from_pointee(zone));
        let metrics = Arc::new(Metrics::new(Arc::new(Counters::default()), zone).unwrap());
        let intake = Intake::new(declared, ledger, Arc::clone(&metrics));
        let places = Places::new(Limits { connections: 16, per_prefix: 16, unbounded: Vec::new() });
        let (stop, _) = watch::channel(false);
        Self { folder, settings, intake, metrics, places, counts: Arc::default(), stop }
    }

    /// A client of a channel, with what the kernel would hold for it.
    fn client(&self, channel: usize, address: &str, buffer: usize, patience: Patience) -> DuplexStream {
        let (client, server) = duplex(buffer);
        let place = self.places.take(SocketAddr::new(address.parse().unwrap(), 4000), &self.counts).unwrap();
        let (settings, intake) = (self.settings.intakes[channel].clone(), self.intake.clone());
        let stop = self.stop.subscribe();
        tokio::spawn(async move {
            let channel = Channel::of(&settings).unwrap();
            converse_within(server, Around { patience, place: &place, channel, intake: &intake, stop }).await;
            drop(place);
        });
        client
    }

    fn lmtp(&self, patience: Patience) -> DuplexStream {
        self.client(0, "127.0.0.1", 64 << 10, patience)
    }

    fn refused(&self, why: &str) -> u64 {
        self.metrics.refused.with_label_values(&[why]).get()
    }
}

/// Says something every so often until the other side ends; all that it said, and how long that took.
async fn drip(mut client: DuplexStream, first: &str, again: &str) -> (String, Duration) {
    let began = Instant::now();
    let (mut said, mut part) = (Vec::new(), [0; 4096]);
    let _ = client.write_all(first.as_bytes()).await;
    loop {
        match timeout(Duration::from_millis(20), client.read(&mut part)).await {
            Ok(Ok(octets)) if octets > 0 => said.extend_from_slice(&part[..octets]),
            Ok(_) => return (String::from_utf8(said).unwrap(), began.elapsed()),
            Err(_) => drop(client.write_all(again.as_bytes()).await),
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it is not ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_too_long_is_ended() {
    let world = World::new();
    let soon = |change: fn(&mut Patience)| {
        let mut patience = SHORT;
        change(&mut patience);
        patience
    };
    for (patience, first, again) in [
        // Half a command, then less and less of it; and commands without an end, a message, or a pause.
        (soon(|patience| patience.command = SOON), "LHLO x\r\n", "N"),
        (soon(|patience| patience.command = SOON), "", ""),
        (soon(|patience| patience.session = SOON), "LHLO x\r\n", "NOOP\r\n"),
        (soon(|patience| patience.quiet = SOON), "LHLO x\r\n", "NOOP\r\n"),
    ] {
        let (said, took) = drip(world.lmtp(patience), first, again).await;
        assert!(said.ends_with("421 4.4.2 Took too long; closing\r\n"), "{said}");
        assert!(took >= SOON / 2 && took < Duration::from_secs(10), "{took:?}");
    }
    assert_eq!(world.refused("too-slow"), 0);
    for (patience, again) in [
        (soon(|patience| patience.message = SOON), "x\r\n"),
        (soon(|patience| patience.block = SOON), ""),
        (soon(|patience| patience.quiet = SOON), "x"),
    ] {
        let (said, took) = drip(world.lmtp(patience), BEGIN, again).await;
        assert!(said.ends_with("354 End it with <CRLF>.<CRLF>\r\n421 4.4.2 Took too long; closing\r\n"), "{said}");
        assert!(took >= SOON / 2 && took < Duration::from_secs(10), "{took:?}");
    }
    assert_eq!(world.refused("too-slow"), 3);
    let (said, _) = drip(world.client(1, "10.9.0.1", 999, SHORT), "PROXY TCP4 26.1.", "").await;
    assert_eq!(said, "");
    // What never reads what it is told, and what is told more than it reads.
    for _ in 0..2 {
        let mut client = world.client(0, "127.0.0.1", 64, SHORT);
        let sending = async { while client.write_all(b"NOOP\r\n").await.is_ok() {} };
        timeout(Duration::from_secs(5), sending).await.expect("it is ended");
    }
    timeout(Duration::from_secs(5), async {
        while world.counts.open() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("nobody stays");
    assert_eq!(world.intake.metrics.intake_held.get(), 0);
}

/// A client that says no more than its message is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_closed_client_is_answered() {
    let world = World::new();
    let mut client = world.lmtp(SHORT);
    client.write_all(format!("{BEGIN}Subject: x\r\n\r\nx\r\n.\r\n").as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    assert!(said.ends_with("250 2.0.0 Ok: taken\r\n"), "{said}");
    let mut client = world.lmtp(SHORT);
    client.write_all(format!("{BEGIN}Subject: x\r\n\r\nx\r\n.").as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    assert!(said.ends_with("354 End it with <CRLF>.<CRLF>\r\n"), "{said}");
}

/// Where there is no room, a message is read to its end and refused for now; the next one is taken.
#[tokio::test(flavor = "multi_thread")]
async fn without_room_nothing_is_held() {
    let world = World::new();
    let mut taken = world.intake.begin("seen");
    taken.grow(128 << 20).unwrap();
    let mut client = world.lmtp(SHORT);
    let message = format!("{BEGIN}Subject: x\r\n\r\nx\r\n.\r\n");
    client.write_all(message.as_bytes()).await.unwrap();
    let mut said = vec![0; 4096];
    let mut read = 0;
    while !said[..read].ends_with(b"452 4.3.1 Too many messages are on their way in; send it again later.\r\n") {
        let octets = client.read(&mut said[read..]).await.unwrap();
        assert!(octets > 0);
        read += octets;
    }
    drop(taken);
    client.write_all(format!("{message}QUIT\r\n").as_bytes()).await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    assert!(said.ends_with("250 2.0.0 Ok: taken\r\n221 2.0.0 Bye\r\n"), "{said}");
    assert_eq!((world.refused("no-room"), world.intake.metrics.intake_held.get()), (1, 0));
}

/// A pause puts off what began before it: whoever holds messages back until he is found out brings none of them any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_for_what_is_under_way() {
    let world = World::new();
    let mut client = world.lmtp(SHORT);
    client.write_all(BEGIN.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"354 End it with <CRLF>.<CRLF>\r\n") {
        assert!(client.read_buf(&mut said).await.unwrap() > 0);
    }
    let correction = Correction::PauseFeed { feed: "seen".to_owned(), reason: String::new() };
    world.intake.ledger.correct(correction, "test", 1_795_651_200).await.unwrap();
    world.intake.declared.renew(1_795_651_200).unwrap();
    client.write_all(b"Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n").await.unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("450 4.2.1 "), "{said}");
}

/// However many networks of strangers take all the room that they get, our own MTAs and feeds have theirs.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_take_no_room_of_feeds() {
    let world = World::new();
    let mut held = Vec::new();
    for number in 0..40 {
        let mut taken = world.intake.begin_of_strangers(network(format!("26.1.{number}.3").parse().unwrap()));
        while taken.grow(1 << 20).is_ok() {}
        while taken.grow(1).is_ok() {}
        held.push(taken);
    }
    assert!((120 << 20..=128 << 20).contains(&world.intake.metrics.intake_held.get()));
    let message = format!("{BEGIN}Subject: x\r\n\r\nx\r\n.\r\nQUIT\r\n");
    for (channel, client, expected) in [(0, "127.0.0.1", "250 2.0.0"), (1, "26.2.2.3", "451 4.3.0")] {
        let mut client = world.client(channel, client, 64 << 10, SHORT);
        client.write_all(message.replace("LHLO", if channel == 0 { "LHLO" } else { "EHLO" }).as_bytes()).await.unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        let behind = said.split_once("354 ").unwrap().1.split_once("\r\n").unwrap().1;
        assert_eq!(behind[..9], *expected, "{said}");
    }
    drop(held);
    assert_eq!(world.intake.metrics.intake_held.get(), 0);
}

/// Who is idle is told to come again; a message that is on its way has a moment to come, and is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_began() {
    let world = World::new();
    let (mut idle, mut finishing, mut slow) = (world.lmtp(SHORT), world.lmtp(SHORT), world.lmtp(SHORT));
    idle.write_all(b"LHLO x\r\nMAIL FROM:<>\r\n").await.unwrap();
    finishing.write_all(BEGIN.as_bytes()).await.unwrap();
    slow.write_all(BEGIN.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    world.stop.send_replace(true);
    sleep(Duration::from_millis(100)).await;
    finishing.write_all(b"Subject: x\r\n\r\nx\r\n.\r\n").await.unwrap();
    for (client, end) in [
        (&mut idle, "250 2.1.0 Ok\r\n421 4.3.2 Closing; come again\r\n"),
        (&mut finishing, "250 2.0.0 Ok: taken\r\n421 4.3.2 Closing; come again\r\n"),
        (&mut slow, "354 End it with <CRLF>.<CRLF>\r\n421 4.3.2 Closing; come again\r\n"),
    ] {
        let mut said = String::new();
        timeout(Duration::from_secs(5), client.read_to_string(&mut said)).await.unwrap().unwrap();
        assert!(said.ends_with(end), "{said}");
    }
    assert_eq!(world.refused("too-slow"), 0);
}

/// Where each recipient is waited for, a client that names many and goes keeps no place, nor one that has taken too long.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_made_to_wait_may_go() {
    let world = World::new();
    let begin = format!("EHLO x\r\nMAIL FROM:<>\r\n{}", "RCPT TO:<a@b>\r\n".repeat(900));
    let mut gone = world.client(3, "26.1.2.3", 64 << 10, SHORT);
    gone.write_all(begin.as_bytes()).await.unwrap();
    drop(gone);
    let slow = Patience { session: SOON, ..SHORT };
    let (said, took) = drip(world.client(3, "26.1.2.3", 64 << 10, slow), &begin, "").await;
    assert!(said.ends_with("550 5.1.1 No such recipient here\r\n421 4.4.2 Took too long; closing\r\n"), "{said}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    timeout(Duration::from_secs(5), async {
        while world.counts.open() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("nobody stays");
}

/// What a stranger is told of a message to these, behind the command that ends it, and after how long.
async fn probed(world: &World, recipients: &[&str]) -> (String, Duration) {
    let mut client = world.client(2, "26.1.2.3", 64 << 10, SHORT);
    let recipients: String = recipients.iter().map(|recipient| format!("RCPT TO:<{recipient}>\r\n")).collect();
    let said = format!("EHLO x\r\nMAIL FROM:<>\r\n{recipients}DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n");
    let began = Instant::now();
    client.write_all(said.as_bytes()).await.unwrap();
    let mut told = String::new();
    timeout(Duration::from_secs(60), client.read_to_string(&mut told)).await.unwrap().unwrap();
    let behind = told.split_once("354 ").unwrap().1.split_once("\r\n").unwrap().1;
    (behind.to_owned(), began.elapsed())
}

/// A slow disk, or one that fails, tells nobody which addresses are traps (ATTACKS C02): since 0.1.0's first trap server a message
/// for none was taken at once while one for a trap waited for its commit.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_probes_waits_for_the_disk_hit_or_miss() {
    let world = World::new();
    for recipient in ["trap@d.example", "nobody@d.example"] {
        let ledger = rusqlite::Connection::open(world.folder.path().join("ledger.sqlite")).unwrap();
        ledger.busy_timeout(Duration::from_secs(9)).unwrap();
        ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
        let held = Duration::from_secs(2);
        let freed = async {
            sleep(held).await;
            ledger.execute_batch("ROLLBACK").unwrap();
        };
        let recipients = [recipient];
        let ((told, took), ()) = tokio::join!(probed(&world, &recipients), freed);
        assert_eq!(told, "250 2.0.0 Ok: taken\r\n221 2.0.0 Bye\r\n", "{recipient}");
        assert!(took >= held, "{recipient}: {took:?}");
    }
}

/// Nor does a quota tell how many of many are, nor is it used up by naming many.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_asked_for_as_one_whatever_it_hits() {
    for recipients in [["trap@d.example", "TRAP@e.example"], ["no@d.example", "no@e.example"]] {
        let world = World::new();
        let mut told = Vec::new();
        for _ in 0..5 {
            told.push(probed(&world, &recipients).await.0[..9].to_owned());
        }
        assert_eq!(told[..4], ["250 2.0.0"; 4].map(String::from), "{recipients:?}");
        assert_eq!(told[4], "451 4.3.0", "{recipients:?}");
    }
}

#[test]
fn whom_networks_name() {
    let networks: Vec<IpNet> = vec!["127.0.0.1/32".parse().unwrap(), "::/0".parse().unwrap()];
    let named = |address: &str| named(&networks, address.parse().unwrap());
    assert!(named("127.0.0.1") && named("::ffff:127.0.0.1") && named("2001:db8::1"));
    // Whoever is on a Unix socket has no address that could be named.
    assert!(!named("127.0.0.2") && !named("::"));
    let network = |address: &str| network(address.parse().unwrap()).to_string();
    assert_eq!(network("::ffff:26.1.2.3"), "26.1.2.0/24");
    assert_eq!(network("2001:db8:1:2345::1"), "2001:db8:1:2300::/56");
    assert!(!hostname().is_empty());
}
