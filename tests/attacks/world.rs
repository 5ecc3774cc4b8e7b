//! The ledger and the publisher as the program runs them, with a clock of the test's own.
//!
//! Four feeds: `own` has our traps, `far` and `farther` are somebody else's, `mailboxes` carries mail that people wanted.
//! Trap `N` is `trap@dN.example`. The exemptions are the program's own, so origins lie in 45.0.0.0/8 and 2a00::/16.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, Unit, UnitKey, sample_id};
use firsthand_analyzer::nature::Nature;
use firsthand_server::config::Settings;
use firsthand_server::declared::Current;
use firsthand_server::dns::counters::Counters;
use firsthand_server::follow::Follower;
use firsthand_server::ledger::{Correction, Fact, Ledger, Outcome, Recorded, Withdrawal};
use firsthand_server::metrics::Metrics;
use firsthand_server::publisher::{Orders, Publisher};
use firsthand_server::zone::{ListSettings, Zone, ZoneSettings};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::mail::START;

/// The Unix second at which a world begins.
pub(crate) const NOW: i64 = START * HOUR;

const FEEDS: &str = r#"
[[relay]]
name = "mx1"
hosts = ["mx1.example.net"]
networks = ["10.9.0.10/32"]
[[feed]]
name = "own"
token = "TOKEN-TOKEN-TOKEN-TOKEN"
relays = ["mx1"]
[[feed]]
name = "far"
trust = "foreign"
token = "TOKEN-TOKEN-TOKEN-TOKEM"
relays = ["mx1"]
[[feed]]
name = "farther"
trust = "foreign"
token = "TOKEN-TOKEN-TOKEN-TOKEL"
relays = ["mx1"]
[[feed]]
name = "mailboxes"
kind = "wanted"
token = "TOKEN-TOKEN-TOKEN-TOKEK"
relays = ["mx1"]
"#;

pub(crate) struct World {
    publisher: Publisher,
    pub(crate) ledger: Ledger,
    pub(crate) declared: Arc<Current>,
    pub(crate) orders: Orders,
    pub(crate) metrics: Arc<Metrics>,
    runtime: Runtime,
    _folder: TempDir,
}

impl World {
    /// With so many traps, and these settings before everything else.
    pub(crate) fn new(traps: usize, more: &str) -> Self {
        let mut text = format!("{more}{FEEDS}");
        for trap in 0..traps {
            text += &format!("[[trap]]\naddress = \"trap@d{trap}.example\"\n");
        }
        let settings = Settings::parse(&text, "test", Path::new("")).unwrap().settings;
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path()).unwrap();
        let declared = Arc::new(Current::new(settings, ledger.clone(), NOW).unwrap());
        let lists = vec![ListSettings::spam(), ListSettings::backscatter(), ListSettings::mixed()];
        let zone = Arc::new(ArcSwap::from_pointee(Zone::empty(ZoneSettings::default(), lists).unwrap()));
        let metrics = Arc::new(Metrics::new(Arc::new(Counters::default()), Arc::clone(&zone)).unwrap());
        let exemptions = declared.load().exemptions.clone();
        let follower = Follower::start(zone, exemptions, &ledger, folder.path(), NOW).unwrap();
        let orders = Orders::default();
        let publisher =
            Publisher::new(ledger.clone(), Arc::clone(&declared), follower, Arc::clone(&metrics), orders.clone())
                .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { publisher, ledger, declared, orders, metrics, runtime, _folder: folder }
    }

    /// The registry id of trap `number`.
    pub(crate) fn trap(&self, number: usize) -> String {
        self.ledger.trap_id(&format!("trap@d{number}.example"))
    }

    /// A sample that a feed says a trap took from `from` at a Unix second; `number` tells it from others.
    pub(crate) fn fact(&self, feed: &str, trap: usize, from: &str, at: i64, number: usize) -> Fact {
        let trap = match feed {
            "mailboxes" => self.ledger.recipient_id(&format!("reader{trap}@customers.example")),
            _ => self.trap(trap),
        };
        let unit = UnitKey {
            origin: Origin::parse(from).unwrap(),
            feed: feed.to_owned(),
            trap: trap.clone(),
            nature: Nature::Direct,
            null_sender: false,
            hour: at.div_euclid(HOUR),
        };
        Fact {
            sample: sample_id(feed, &trap, format!("{from} {number} {at}").as_bytes(), None),
            arrived: at * 1000,
            feed: feed.to_owned(),
            trap,
            unit: Ok(unit),
            verdict: "{}".to_owned(),
            proof: "[]".to_owned(),
            framed: Vec::new(),
        }
    }

    /// Keeps facts, many at a time; says how many were new.
    pub(crate) fn record(&self, facts: impl IntoIterator<Item = Fact>) -> usize {
        self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for fact in facts {
                let ledger = self.ledger.clone();
                tasks.spawn(async move { ledger.record(fact).await.unwrap() });
            }
            tasks.join_all().await.into_iter().filter(|recorded| *recorded == Recorded::New).count()
        })
    }

    /// One sample at each of these traps.
    pub(crate) fn hit(&self, feed: &str, traps: impl IntoIterator<Item = usize>, from: &str, at: i64) {
        let facts: Vec<Fact> = traps.into_iter().map(|trap| self.fact(feed, trap, from, at, 0)).collect();
        self.record(facts);
    }

    pub(crate) fn correct(&self, correction: Correction, now: i64) -> Outcome {
        let outcome = self.runtime.block_on(self.ledger.correct(correction, "tester", now)).unwrap();
        self.declared.renew(now).unwrap();
        outcome
    }

    /// Asks in somebody else's name for the removal of each of these, many at a time; the outcomes in any order.
    pub(crate) fn ask_for_others(&self, origins: impl IntoIterator<Item = Origin>, now: i64) -> Vec<Outcome> {
        self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for origin in origins {
                let (ledger, ask) = (self.ledger.clone(), Correction::AskRemoval { origin, proven: false });
                tasks.spawn(async move { ledger.correct(ask, "somebody", now).await.unwrap() });
            }
            tasks.join_all().await
        })
    }

    /// Takes back all that a feed ever said.
    pub(crate) fn withdraw(&self, feed: &str, now: i64) -> Outcome {
        let withdrawal = Withdrawal { feed: Some(feed.to_owned()), ..Withdrawal::default() };
        self.correct(Correction::Retract { withdrawal, reason: "it lied".to_owned() }, now)
    }

    pub(crate) fn tick(&mut self, now: i64) {
        self.publisher.tick(now).unwrap();
    }

    /// Ticks until nothing is left to do.
    pub(crate) fn settle(&mut self, now: i64) {
        for number in 0..1000 {
            self.tick(now);
            if number >= 3 && self.publisher.is_idle() {
                return;
            }
        }
        panic!("never idle");
    }

    pub(crate) fn served(&self) -> Arc<Zone> {
        self.publisher.zone()
    }

    /// What the zone lists at an instant: list, origin, end.
    pub(crate) fn zone(&self, now: i64) -> BTreeMap<(String, String), u64> {
        let zone = self.publisher.zone();
        let entries = zone.lists().iter().enumerate().flat_map(|(index, list)| {
            let live = zone.entries(index).filter(move |(_, until)| *until > now as u64);
            live.map(move |(origin, until)| ((list.label.as_str().to_owned(), origin.to_string()), until))
        });
        entries.collect()
    }

    pub(crate) fn lists(&self, address: &str, now: i64) -> bool {
        self.zone(now).contains_key(&("spam".to_owned(), address.to_owned()))
    }

    /// An origin's units, in an order of their own.
    pub(crate) fn units(&self, address: &str) -> Vec<Unit> {
        let mut units = self.ledger.units(Origin::parse(address).unwrap()).unwrap();
        units.sort_by(|one, other| one.key.cmp(&other.key));
        units
    }
}
