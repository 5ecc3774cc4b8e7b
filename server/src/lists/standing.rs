//! What others may know of the lists while the service runs, and ask of them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What can be told of one list while the service runs.
#[derive(Debug, Default)]
pub struct Standing {
    /// The list's name.
    pub name: String,
    /// How often its files were read and taken.
    pub loads: AtomicU64,
    /// How often its files were refused or could not be read.
    pub failures: AtomicU64,
    /// The Unix second at which they were last taken; 0 for never.
    pub last_success: AtomicU64,
    /// Whether the files as they are now are not what is served: they were refused, or change too often to be read.
    pub is_behind: AtomicBool,
    /// The Unix second at which the newest of the files that are served was written; 0 for none.
    pub modified: AtomicU64,
    /// The last Unix second at which what is served may be believed; 0 for no end.
    pub expires: AtomicU64,
    /// The IPv4 addresses that it lists.
    pub addresses: AtomicU64,
    /// The IPv6 /64s that it lists, at least in part.
    pub networks: AtomicU64,
    /// The IPv4 addresses that were kept out as exempt or as the test entries' (G6).
    pub kept_out: AtomicU64,
}

/// All lists, and what is asked of whoever watches them.
#[derive(Debug)]
pub struct Standings {
    lists: Vec<Standing>,
    /// The Unix second at which the files were last looked at.
    pub looked: AtomicU64,
    reload: AtomicBool,
    again: AtomicBool,
}

impl Standings {
    /// Lists of these names that were never read.
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let standing = |name: &str| Standing { name: name.to_owned(), ..Standing::default() };
        let lists = names.map(standing).collect();
        Self { lists, looked: AtomicU64::new(0), reload: AtomicBool::new(false), again: AtomicBool::new(false) }
    }

    /// The lists, in the order of the settings.
    pub fn lists(&self) -> &[Standing] {
        &self.lists
    }

    /// Asks that all files be read now, changed or not, and also if they were written a moment ago: the operator says so.
    pub fn reload_now(&self) {
        self.reload.store(true, Ordering::Relaxed);
    }

    /// Asks that all files be read again, as soon as they may be read at all: something is exempt no longer.
    pub fn read_again(&self) {
        self.again.store(true, Ordering::Relaxed);
    }

    /// Whether the operator said so since this was asked last.
    pub(super) fn take_reload(&self) -> bool {
        self.reload.swap(false, Ordering::Relaxed)
    }

    /// Whether the files are to be read again, since this was asked last.
    pub(super) fn take_again(&self) -> bool {
        self.again.swap(false, Ordering::Relaxed)
    }
}
