//! What a million and ten million origins cost.
//!
//! `cargo bench --bench scale` measures the CPU time of merging and scoring one sample with a million origins in the ledger;
//! `cargo bench --bench scale -- --start` how soon a service with ten million listed origins answers, and its memory.
//! `--origins N` sets another number.
#![allow(clippy::unwrap_used, reason = "a measurement ends at the first thing that goes wrong")]

#[path = "../harness/mod.rs"]
mod harness;

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, UnitKey, sample_id};
use firsthand_analyzer::listing::{Exemptions, replay_all};
use firsthand_analyzer::nature::Nature;
use firsthand_server::config::Settings;
use firsthand_server::declared::Current;
use firsthand_server::dns::counters::Counters;
use firsthand_server::follow::Follower;
use firsthand_server::ledger::{Fact, Ledger};
use firsthand_server::metrics::Metrics;
use firsthand_server::publisher::{Orders, Publisher, unix_now};
use firsthand_server::zone::{Change, ListSettings, Zone, ZoneSettings, snapshot};
use harness::{Service, settings};
use nix::sys::resource::{UsageWho, getrusage};

/// Samples that are merged.
const SAMPLES: usize = 20_000;
/// Trap domains.
const TRAPS: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u32>().ok()
    };
    if arguments.iter().any(|argument| argument == "--start") {
        start(number("--origins").unwrap_or(10_000_000));
    } else {
        merge(number("--origins").unwrap_or(1_000_000));
    }
}

/// Addresses spread over what is global unicast, in the order of their texts.
fn addresses(count: u32) -> Vec<String> {
    let spread = |number: u32| Ipv4Addr::from_bits(0x2000_0000 + number.wrapping_mul(2_654_435_761) % 0x4000_0000);
    let mut texts: Vec<String> = (0..count).map(|number| spread(number).to_string()).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let seconds = |time: nix::sys::time::TimeVal| {
        Duration::from_secs(time.tv_sec() as u64) + Duration::from_micros(time.tv_usec() as u64)
    };
    seconds(usage.user_time()) + seconds(usage.system_time())
}

fn each(spent: Duration, count: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / count as f64
}

/// Units of `texts` at one trap each, and listings of them with their end, if one is given.
fn fill(folder: &Path, texts: &[String], trap: &str, listed: Option<i64>) {
    let mut beside = rusqlite::Connection::open(folder.join("ledger.sqlite")).unwrap();
    beside.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;").unwrap();
    let (now, transaction) = (unix_now(), beside.transaction().unwrap());
    {
        let mut unit =
            transaction.prepare("INSERT INTO units VALUES (?1, 'traps', ?2, 'direct', 0, ?3, 1, ?4)").unwrap();
        for text in texts {
            unit.execute(rusqlite::params![text, trap, now / HOUR, now]).unwrap();
        }
        let mut listing = transaction
            .prepare("INSERT INTO listings (list, origin, since, until, framing_cost) VALUES ('spam', ?1, ?2, ?3, 1)")
            .unwrap();
        for (text, until) in texts.iter().filter_map(|text| Some((text, listed?))) {
            listing.execute(rusqlite::params![text, now, until]).unwrap();
        }
    }
    transaction.commit().unwrap();
    beside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

fn fact(origin: Origin, trap: &str, number: usize, now: i64) -> Fact {
    let unit = UnitKey {
        origin,
        feed: "traps".into(),
        trap: trap.into(),
        nature: Nature::Direct,
        null_sender: false,
        hour: now.div_euclid(HOUR),
    };
    Fact {
        sample: sample_id("traps", trap, &number.to_le_bytes(), None),
        arrived: now * 1000,
        feed: "traps".into(),
        trap: trap.into(),
        unit: Ok(unit),
        // As long as that of a message through one relay.
        verdict: format!("{{\"text\":\"{}\"}}", "v".repeat(200)),
        proof: format!("[\"{}\"]", "p".repeat(500)),
        framed: vec!["victim.example".into()],
    }
}

fn merge(origins: u32) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{}[brake]\nper-list = 1000000\n", settings(TRAPS));
    let settings = Settings::parse(&text, "bench", Path::new("")).unwrap().settings;
    let ledger = Ledger::open(folder.path()).unwrap();
    let traps: Vec<String> = (0..TRAPS).map(|trap| ledger.trap_id(&format!("trap@d{trap}.example"))).collect();
    let texts = addresses(origins);
    fill(folder.path(), &texts, &traps[0], None);
    let now = unix_now();
    let declared = Arc::new(Current::new(settings, ledger.clone(), now).unwrap());
    let lists = vec![ListSettings::spam(), ListSettings::backscatter(), ListSettings::mixed()];
    let zone = Arc::new(ArcSwap::from_pointee(Zone::empty(ZoneSettings::default(), lists).unwrap()));
    let metrics = Arc::new(Metrics::new(Arc::new(Counters::default()), Arc::clone(&zone)).unwrap());
    let exemptions = declared.load().exemptions.clone();
    let follower = Follower::start(zone, exemptions, &ledger, folder.path(), now).unwrap();
    // As after a first start: everything was replayed under what is declared.
    ledger.note("swept", declared.load().digest.clone()).unwrap();
    let mut publisher =
        Publisher::new(ledger.clone(), Arc::clone(&declared), follower, metrics, Orders::default()).unwrap();
    publisher.tick(now).unwrap();

    println!("{} origins with a unit each, {SAMPLES} samples from all over them, CPU time a sample", texts.len());
    println!("{:34} {:>12} {:>22} {:>10}", "", "keep, merge", "read, score, settle", "together");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let origin = |number: usize| Origin::parse(&texts[number * 7919 % texts.len()]).unwrap();
    for (trap, what) in
        traps.iter().enumerate().skip(1).zip(["a second trap, which lists nobody", "a third trap, which lists"])
    {
        let ((number, trap), first) = (trap, trap.0 * SAMPLES);
        let facts: Vec<Fact> = (0..SAMPLES).map(|at| fact(origin(at), trap, first + at, now)).collect();
        let began = cpu();
        runtime.block_on(async {
            let mut writing = tokio::task::JoinSet::new();
            tokio::task::LocalSet::new()
                .run_until(async {
                    for fact in facts {
                        let ledger = ledger.clone();
                        writing.spawn_local(async move { ledger.record(fact).await.unwrap() });
                    }
                    while writing.join_next().await.is_some() {}
                })
                .await;
        });
        let recorded = each(cpu() - began, SAMPLES);
        let began = cpu();
        publisher.tick(now).unwrap();
        while !publisher.is_idle() {
            publisher.tick(now).unwrap();
        }
        publisher.tick(now).unwrap();
        let published = each(cpu() - began, SAMPLES);
        let expected = if number == 2 { SAMPLES } else { 0 };
        assert!(publisher.zone().counts(0).0 + SAMPLES / 100 >= expected);
        println!("{what:34} {recorded:9.1} µs {published:19.1} µs {:7.1} µs", recorded + published);
    }
    let units: Vec<_> = (0..1000).map(|number| (origin(number), ledger.units(origin(number)).unwrap())).collect();
    let seen = declared.load();
    let began = cpu();
    for _ in 0..20 {
        for (origin, units) in &units {
            std::hint::black_box(replay_all(*origin, units, &seen.registry, &seen.policy, now));
        }
    }
    println!("score alone, three units, a listing: {:.1} µs", each(cpu() - began, 20_000));
    let began = cpu();
    for number in 0..SAMPLES {
        std::hint::black_box(ledger.units(origin(number * 3)).unwrap());
    }
    println!("read an origin's units: {:.1} µs", each(cpu() - began, SAMPLES));
    println!("merge into the units alone, durably: {:.1} µs", merge_alone(folder.path(), &texts, &traps[3], now));
}

/// What merging costs without the fact that it comes from: the ledger's own statements, in transactions of its size.
fn merge_alone(folder: &Path, texts: &[String], trap: &str, now: i64) -> f64 {
    let mut beside = rusqlite::Connection::open(folder.join("ledger.sqlite")).unwrap();
    beside.execute_batch("PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY").unwrap();
    let began = cpu();
    for batch in (0..SAMPLES).collect::<Vec<_>>().chunks(512) {
        let transaction = beside.transaction().unwrap();
        for number in batch {
            let unit = rusqlite::params![&texts[number * 7919 % texts.len()], trap, now / HOUR, now];
            let known = transaction
                .prepare_cached(
                    "UPDATE units SET samples = min(samples + 1, 65535), newest = max(newest, ?4) WHERE origin = ?1
                     AND feed = 'traps' AND trap = ?2 AND nature = 'direct' AND null_sender = 0 AND hour = ?3",
                )
                .unwrap()
                .execute(unit)
                .unwrap();
            if known == 0 {
                transaction
                    .prepare_cached("INSERT INTO units VALUES (?1, 'traps', ?2, 'direct', 0, ?3, 1, ?4)")
                    .unwrap()
                    .execute(unit)
                    .unwrap();
                transaction
                    .prepare_cached("SELECT count(*) FROM units WHERE origin = ?1 AND feed = 'traps'")
                    .unwrap()
                    .query_row([&texts[number * 7919 % texts.len()]], |row| row.get::<_, i64>(0))
                    .unwrap();
            }
        }
        transaction.commit().unwrap();
    }
    each(cpu() - began, SAMPLES)
}

/// Memory of a process in MiB: now, and at most.
fn memory(id: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    (field("VmRSS:"), field("VmHWM:"))
}

fn start(origins: u32) {
    let mut service = Service::start(&settings(TRAPS));
    std::thread::sleep(Duration::from_secs(2));
    service.kill();
    let data = service.folder.path().join("data");
    let began = Instant::now();
    let texts = addresses(origins);
    let (trap, epoch) = {
        let ledger = Ledger::look(&data).unwrap();
        (ledger.trap_id("trap@d0.example"), ledger.epoch().unwrap())
    };
    let until = unix_now() + 60 * HOUR;
    fill(&data, &texts, &trap, Some(until));
    let lists = vec![ListSettings::spam(), ListSettings::backscatter(), ListSettings::mixed()];
    let mut zone = Zone::empty(ZoneSettings::default(), lists).unwrap();
    let none = Exemptions::only([]);
    let listed: BTreeSet<Origin> = texts.iter().filter_map(|text| Origin::parse(text)).collect();
    for part in listed.iter().collect::<Vec<_>>().chunks(500_000) {
        let list = |origin: &&Origin| Change::List { list: 0, entry: none.admit(**origin, until).unwrap() };
        zone = zone.with(0, &part.iter().map(list).collect::<Vec<_>>());
    }
    fs::write(data.join("zone.snapshot"), snapshot::write(&zone, &epoch)).unwrap();
    let size = |name: &str| fs::metadata(data.join(name)).unwrap().len() >> 20;
    println!(
        "{} origins, all listed: ledger {} MiB, snapshot {} MiB, made in {:.0?}",
        texts.len(),
        size("ledger.sqlite"),
        size("zone.snapshot"),
        began.elapsed()
    );
    drop(zone);
    let asked = texts[texts.len() / 2].clone();
    let began = Instant::now();
    service.restart();
    let ready = began.elapsed();
    assert!(service.lists(&asked), "{asked}");
    println!(
        "first DNS answer, right                            {:6.2} s after the start",
        began.elapsed().as_secs_f64()
    );
    println!("all listeners open                                 {:6.2} s", ready.as_secs_f64());
    println!(
        "memory after the start                             {:6} MiB, at most {} MiB",
        memory(service.id()).0,
        memory(service.id()).1
    );
    // Until the ledger's table has been held against the zone.
    std::thread::sleep(Duration::from_secs(90));
    assert!(service.lists(&asked), "{asked}");
    println!(
        "a minute and a half later                          {:6} MiB, at most {} MiB",
        memory(service.id()).0,
        memory(service.id()).1
    );
    let metrics = service.get("/metrics").1;
    for line in metrics.lines().filter(|line| {
        line.starts_with("firsthand_zone_entries{")
            || line.starts_with("firsthand_ledger_disagreements")
            || line.starts_with("firsthand_zone_versions")
    }) {
        println!("  {line}");
    }
}
