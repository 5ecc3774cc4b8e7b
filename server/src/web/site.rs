//! What every page says of the blocklist as a whole: its name, whom to ask, and how anybody gets onto it.

use super::Shown;

/// The blocklist, as pages show it.
pub(super) struct Site<'a> {
    /// The zone's name.
    pub(super) zone: &'a str,
    /// The operator's mailbox.
    pub(super) contact: &'a str,
    /// The labels of the lists that the operator keeps in files.
    pub(super) lists: Vec<String>,
    /// Whether anything is declared that could bring evidence.
    pub(super) takes_evidence: bool,
}

impl<'a> Site<'a> {
    pub(super) fn of(shown: &'a Shown) -> Self {
        let (zone, declared) = (shown.zone.load(), shown.declared.load());
        let files = zone.lists().iter().filter(|list| list.from_file);
        Self {
            zone: &shown.zone_name,
            contact: &shown.contact,
            lists: files.map(|list| list.label.as_str().to_owned()).collect(),
            takes_evidence: !declared.feeds.is_empty() || !declared.registry.traps.is_empty(),
        }
    }

    /// Whether nobody can be listed but by the operator's files.
    pub(super) fn only_files(&self) -> bool {
        !self.lists.is_empty() && !self.takes_evidence
    }

    /// The labels of the operator's lists in a sentence.
    pub(super) fn named_lists(&self) -> String {
        self.lists.join(", ")
    }

    /// The mailbox as the address of a link (RFC 6068 §2).
    pub(super) fn mailto(&self) -> String {
        mailto(self.contact)
    }
}

fn mailto(mailbox: &str) -> String {
    let mut link = "mailto:".to_owned();
    for byte in mailbox.bytes() {
        match byte {
            b'@' | b'-' | b'.' | b'_' | b'~' | b'+' => link.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => link.push(char::from(byte)),
            byte => link += &format!("%{byte:02X}"),
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_a_link_whatever_its_letters() {
        assert_eq!(mailto("host.master+bl@bl.example"), "mailto:host.master+bl@bl.example");
        assert_eq!(mailto("a?b%&ü@bl.example"), "mailto:a%3Fb%25%26%C3%BC@bl.example");
    }
}
