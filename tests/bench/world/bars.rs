//! What our policy must reach in this world.

use serde::Serialize;

use crate::actors::Class;
use crate::measures::Figures;
use crate::policies::Evidence;

/// From this many hits a day at our traps a bot must be listed, and soon.
const BUSY: u32 = 10;

/// The least share of busy bots that must be listed.
const BUSY_LISTED: f64 = 0.99;

/// Hours from the first hit to the listing of a busy bot, at the median.
const BUSY_WAIT: f64 = 12.0;

/// One bar, and what was measured.
#[derive(Serialize, Debug)]
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) bar: String,
    pub(crate) met: bool,
}

impl Bar {
    fn new(what: impl Into<String>, measured: impl Into<String>, bar: impl Into<String>, met: bool) -> Self {
        Self { what: what.into(), measured: measured.into(), bar: bar.into(), met }
    }

    fn none(what: impl Into<String>, measured: usize) -> Self {
        Self::new(what, measured.to_string(), "0", measured == 0)
    }

    pub(crate) fn is_met(&self) -> bool {
        self.met
    }
}

/// Every bar.
pub(crate) fn all(figures: &[Figures], evidence: &Evidence, same: bool) -> Vec<Bar> {
    let innocent = figures.iter().filter(|figures| !figures.guilty);
    let (three, two): (Vec<&Figures>, Vec<&Figures>) =
        innocent.partition(|figures| figures.class == Class::LeakedThreeWanted);
    let in_spam = |figures: &[&Figures]| figures.iter().map(|figures| figures.policies[0].listed).sum::<usize>();
    let named = |class: Class| figures.iter().find(|figures| figures.class == class);
    let mut bars = vec![
        Bar::none("innocents in `spam`, at most two leaked trap domains", in_spam(&two)),
        Bar::none("innocents in `spam`, three leaked, mail wanted", in_spam(&three)),
        Bar::none("samples attributed to another than the relay's peer", evidence.elsewhere),
        Bar::none("samples without an origin", evidence.unattributed),
    ];
    if let Some(backscatter) = named(Class::Backscatter) {
        let (listed, all) = (backscatter.backscatter.listed, backscatter.addresses);
        bars.push(Bar::new(
            "backscattering servers in `backscatter`",
            format!("{listed} of {all}"),
            "all",
            listed == all,
        ));
    }
    for figures in figures {
        let Class::Bot(rate @ BUSY..) = figures.class else { continue };
        let ours = &figures.policies[0];
        let share = ours.listed as f64 / figures.addresses as f64;
        let (wanted, wait) = (format!("≥ {:.0} %", BUSY_LISTED * 100.0), format!("≤ {BUSY_WAIT} h"));
        let what = format!("bots with {rate} hits a day that are listed");
        bars.push(Bar::new(what, format!("{:.1} %", share * 100.0), wanted, share >= BUSY_LISTED));
        let median = ours.median.map_or("never".to_owned(), |median| format!("{median:.1} h"));
        let met = ours.median.is_some_and(|median| median <= BUSY_WAIT);
        bars.push(Bar::new(format!("bots with {rate} hits a day, median time to list"), median, wait, met));
    }
    let off = figures.iter().filter_map(|figures| figures.off_quorum).sum();
    bars.push(Bar::none("listings not begun by the message, and in the hour, that met the quorum", off));
    let measured = if same { "same" } else { "another" };
    bars.push(Bar::new("all evidence on IPv4 with the IPv6 flood and without it", measured, "same", same));
    bars
}
