//! Random numbers that are the same on every machine: SplitMix64 (Steele, Lea, Flood 2014), one stream for each actor, so
//! that who else is in the world moves nobody's mail.

/// Seconds of a day.
pub(crate) const DAY: i64 = 24 * 3600;

/// A stream of random numbers.
pub(crate) struct Random(u64);

impl Random {
    /// The stream of that number under a seed.
    pub(crate) fn of(seed: u64, stream: usize) -> Self {
        let mut start = Self(seed);
        let mixed = start.next() ^ stream as u64;
        Self(Self(mixed).next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A whole number below `bound`, which must not be 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // The bias of a remainder is below 2^-40 for every bound used here.
        (self.next() % bound as u64) as usize
    }

    /// Seconds from `from` up to `to`.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from).max(1) as usize) as i64
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// The seconds until the next event of a Poisson process.
    fn gap(&mut self, a_day: f64) -> f64 {
        let unit = ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        -unit.ln() * DAY as f64 / a_day
    }

    /// The events of a Poisson process with so many a day, from `from` up to `to`.
    pub(crate) fn poisson(&mut self, a_day: f64, from: i64, to: i64) -> Vec<i64> {
        let mut events = Vec::new();
        let mut at = from as f64 + self.gap(a_day);
        while (at as i64) < to {
            events.push(at as i64);
            at += self.gap(a_day);
        }
        events
    }
}
