//! Settings that change while the service runs: all of them at once, or none.
//!
//! Enters: the settings file as it is now. Leaves: everything that goes by it, swapped, with the keys that differ; or the
//! mistakes, and nothing changed. Refused as a whole: settings in which a key differs that is heeded at a start only.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use toml::Table;

use super::rules::{query_log, rules};
use crate::certificate::Certificate;
use crate::config::Settings;
use crate::control::Reloaded;
use crate::declared::Current;
use crate::dns::cookie::SECRET;
use crate::dns::responder::Responder;
use crate::intake::Intake;
use crate::lists::Standings;
use crate::metrics::Metrics;
use crate::publisher::unix_now;

/// The tables and keys that are heeded at a start only.
const AT_START: [&str; 12] = [
    "data",
    "zone",
    "dns.listen",
    "dns.tls",
    "dns.https",
    "dns.certificate",
    "dns.key",
    "dns.tcp-connections",
    "dns.tcp-per-prefix",
    "dns.tcp-idle",
    "http",
    "intake",
];

/// The table whose entries are known from the start; what their files say is not a setting.
const LISTS: &str = "list";

/// What goes by the settings while they can change.
pub(super) struct Reload {
    pub(super) config: Option<PathBuf>,
    /// Those in force.
    pub(super) settings: Settings,
    pub(super) declared: Arc<Current>,
    pub(super) responder: Arc<Responder>,
    pub(super) intake: Intake,
    pub(super) certificate: Option<Arc<Certificate>>,
    /// The static lists, which are read again.
    pub(super) files: Arc<Standings>,
    pub(super) metrics: Arc<Metrics>,
    /// The secret of cookies where the settings name none.
    pub(super) secret: [u8; SECRET],
}

impl Reload {
    /// Reads the settings again, and goes by them if there is no mistake. What came of it is in the log and the metrics.
    pub(super) fn run(&mut self) -> Reloaded {
        match self.replace() {
            Ok(changed) => {
                tracing::info!(changed = changed.join(", "), "settings reloaded");
                self.metrics.reloaded.set(1);
                self.metrics.reloaded_at.set(unix_now());
                Reloaded { changed, mistakes: Vec::new() }
            }
            Err(mistakes) => {
                for mistake in &mistakes {
                    tracing::error!("{mistake}");
                }
                tracing::error!("the settings were not reloaded; those of before stay in force");
                self.metrics.reloaded.set(0);
                Reloaded { changed: Vec::new(), mistakes }
            }
        }
    }

    fn replace(&mut self) -> Result<Vec<String>, Vec<String>> {
        let loaded = Settings::load(self.config.as_deref());
        let loaded = loaded.map_err(|error| error.mistakes.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let settings = loaded.settings;
        let changed = changed(&self.settings, &settings);
        let fixed: Vec<&str> = changed.iter().map(String::as_str).filter(|key| is_fixed(key)).collect();
        if !fixed.is_empty() {
            let plural = if fixed.len() == 1 { "needs" } else { "need" };
            return Err(vec![format!(
                "{} {plural} a restart, so nothing was changed: restart (systemctl restart loses no query, see README), \
                 or write what was there before",
                fixed.join(", ")
            )]);
        }
        // Read and made before anything is swapped, since only this can fail.
        let pair = settings.dns.pair.as_ref().map(|pair| pair.read()).transpose();
        let pair = pair.map_err(|error| vec![format!("dns.certificate: {error}")])?;
        let rules = rules(&settings, self.secret);
        let log = query_log(&settings, &self.responder);
        let log = log.map_err(|error| vec![format!("dns.query-log: no thread can be started: {error}")])?;
        let replaced = self.declared.replace(settings.clone(), unix_now(), |next| {
            self.intake.heed(&next.feeds);
            self.intake.space().hold_to(next.free_space);
        });
        replaced.map_err(|error| vec![error.to_string()])?;
        self.responder.set_rules(rules);
        if let Some(log) = &log {
            log.reopen();
        }
        self.responder.set_query_log(log);
        if let (Some(certificate), Some(checked)) = (&self.certificate, pair) {
            certificate.replace(checked);
            self.metrics.certificate_expiry.set(certificate.expires());
        }
        self.files.reload_now();
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        self.settings = settings;
        Ok(changed)
    }
}

/// Whether a key is heeded at a start only.
fn is_fixed(key: &str) -> bool {
    let within = |fixed: &str| key.strip_prefix(fixed).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    within(LISTS) || AT_START.into_iter().any(within)
}

/// The keys whose values differ: `dns.allow`, or `feed` for entries of which there may be many.
fn changed(before: &Settings, after: &Settings) -> Vec<String> {
    let tree = |settings| Table::try_from(settings).expect("settings are what TOML can hold");
    let (old, new) = (tree(before), tree(after));
    let mut keys = BTreeSet::new();
    differences("", &old, &new, &mut keys);
    // The settings print as the names of files what these hold.
    if before.dns.cookie_secrets != after.dns.cookie_secrets {
        keys.insert("dns.cookie-secrets".to_owned());
    }
    keys.into_iter().collect()
}

fn differences(prefix: &str, old: &Table, new: &Table, keys: &mut BTreeSet<String>) {
    let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in all {
        match (old.get(key), new.get(key)) {
            (old, new) if key == LISTS && prefix.is_empty() && old != new => {
                keys.extend(differences_of_lists(entries(old), entries(new)));
            }
            (Some(toml::Value::Table(old)), Some(toml::Value::Table(new))) => {
                differences(&format!("{prefix}{key}."), old, new, keys);
            }
            (old, new) if old == new => {}
            _ => drop(keys.insert(format!("{prefix}{key}"))),
        }
    }
}

/// The entries of an array of tables.
fn entries(array: Option<&toml::Value>) -> Vec<&Table> {
    array.and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_table).collect()
}

/// Which list differs, and in what: `list.dialups.combined`, or `list.dialups` for one that comes or goes; `list` where
/// only their order does.
fn differences_of_lists(old: Vec<&Table>, new: Vec<&Table>) -> BTreeSet<String> {
    let name = |list: &Table| list.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
    let mut keys = BTreeSet::new();
    for list in &old {
        let key = format!("{LISTS}.{}", name(list));
        match new.iter().find(|other| name(other) == name(list)) {
            Some(other) => differences(&format!("{key}."), list, other, &mut keys),
            None => drop(keys.insert(key)),
        }
    }
    let added = new.iter().filter(|list| old.iter().all(|other| name(other) != name(list)));
    keys.extend(added.map(|list| format!("{LISTS}.{}", name(list))));
    if keys.is_empty() {
        keys.insert(LISTS.to_owned());
    }
    keys
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn settings(text: &str) -> Settings {
        Settings::parse(text, "test.toml", Path::new("")).unwrap().settings
    }

    #[test]
    fn what_differs_is_named_by_its_key() {
        let before = settings("[dns]\nallow = [\"192.0.2.0/24\"]\n");
        assert_eq!(changed(&before, &before), [""; 0]);
        let after = settings(
            "data = \"elsewhere\"\n[dns]\nlisten = [\"127.0.0.1:5301\"]\n[policy]\nlist-at = 3.0\n[[exempt]]\n\
             networks = [\"26.0.0.0/24\"]\nreason = \"x\"\n",
        );
        assert_eq!(changed(&before, &after), ["data", "dns.allow", "dns.listen", "exempt", "policy.list-at"]);
        let lists = |names: &[(&str, &str)]| {
            let list = |(at, (name, more)): (usize, &(&str, &str))| {
                format!("[[list]]\nname = \"{name}\"\ncode = \"127.0.0.{}\"\nfile = \"f\"\n{more}\n", 30 + at)
            };
            settings(&names.iter().enumerate().map(list).collect::<String>())
        };
        let before = lists(&[("aa", ""), ("bb", "")]);
        let after = lists(&[("aa", "combined = true\nformat = \"ip4trie\""), ("cc", "")]);
        assert_eq!(changed(&before, &after), ["list.aa.combined", "list.aa.format", "list.bb", "list.cc"]);
        assert!(changed(&before, &after).iter().all(|key| is_fixed(key)));
        let mut turned = before.clone();
        turned.lists.reverse();
        assert_eq!(changed(&before, &turned), ["list"]);
        assert_eq!(changed(&before, &Settings { lists: Vec::new(), ..before.clone() }), ["list.aa", "list.bb"]);
        let fixed = ["data", "zone.page", "zone.name", "dns.listen", "dns.tcp-idle", "http.proxies", "list"];
        assert!(fixed.iter().all(|key| is_fixed(key)));
        assert!(
            !["dns.allow", "dns.cookie-secrets", "dns.query-log", "feed", "rate-limit.mode"]
                .iter()
                .any(|key| is_fixed(key))
        );
    }
}
