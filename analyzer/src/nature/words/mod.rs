//! The words themselves: tables of what software that reflects mail writes, by nature.
//!
//! An entry is one software or one language, and its phrases are alternatives. Each phrase is one that the software fills
//! in and nobody else begins a subject or a text with; a word that people use is none. In a phrase `@word@` stands for
//! a word or none, and `@more@` for the rest of the sentence.

mod anywhere;
mod openings;
mod reasons;
mod subjects;

pub(super) use anywhere::SUBJECT_WORDS_ANYWHERE;
pub(super) use openings::OPENING_WORDS;
pub(super) use reasons::{LOOSE_REASON_WORDS, REASON_WORDS, REFUSAL};
pub(super) use subjects::SUBJECT_WORDS;

use super::Nature;
use super::families::{Family, Phrases, family};

/// Local parts of mail systems' own addresses.
pub(super) const MAIL_SYSTEMS: Phrases = &[
    r"(?:mailer[-_. ]?daemon|mail[-_. ]?daemon|post[-_. ]?master|poostmaster|mdaemon|mailerdaemon|mail[-_. ]?delivery[-_. ]?(?:sub)?system|system[-_. ]?administrator|maildelivery|mail[-_]delivery|bounce[-_]?handler|postmaster[-_.+][a-z0-9.+-]*|microsoftexchange[0-9a-f]{8,}|imss|[a-z0-9]*_smtp_mail_service|delivery[-_.]?(?:notification|failure|status)s?|undeliverable|mmdf|pmdf|smtp[-_. ]?gateway)\\?(?:\z|@)",
];

/// Display names of mail systems.
pub(super) const MAIL_SYSTEM_NAMES: Phrases = &[
    r"(?:(?:the )?(?:internet |e-?)?mail(?:er)? delivery? ?(?:sub-?)?(?:system|service|agent|daemon)|mail ?deliver system|mailer[- ]?daemon|(?:system|mail|e-?mail) administrator|mail delivery|delivery (?:sub-?)?system|microsoft (?:exchange|outlook)\z|post ?master|pmdf e-mail interconnect|systemadministrator|administrateur syst|systemadministration|mail system|mail server|gwia)",
];

/// Local parts of list servers.
pub(super) const LIST_SERVERS: Phrases = &[
    r"(?:majordomo|listserv|listproc|sympa|mailman|ecartis|listar|lyris|smartlist|mlmmj|mailserv|lists?tar|listmaster|mail-list|ezmlm|fml)(?:[-+.=_]|\z)",
];

/// Authors by their address or name, as `name <local@domain>`.
pub(super) const AUTHOR_WORDS: &[Family] = &[
    family(Nature::Challenge, "Boxbe", &[r"[@.]boxbe\."]),
    family(Nature::Challenge, "Spam Arrest", &[r"@(?:[a-z0-9-]+\.)*spamarrest\.(?:com|example)>", r"spam ?arrest"]),
    family(Nature::Challenge, "EarthLink spamBlocker", &[r"spam-?blocker"]),
    family(Nature::Challenge, "UOL AntiSpam", &[r"anti-?spam ?uol", r"uol ?anti-?spam"]),
    family(Nature::Challenge, "Mailblocks", &[r"mail ?blocks"]),
    family(Nature::Challenge, "ChoiceMail", &[r"choicemail"]),
    family(Nature::Challenge, "Vanquish", &[r"vanquish"]),
    family(Nature::Challenge, "SpamLion", &[r"spamlion"]),
    family(Nature::Challenge, "Mailinblack", &[r"mail ?in ?black"]),
    family(Nature::Challenge, "Sendio", &[r"sendio"]),
    family(Nature::Challenge, "Knowspam", &[r"knowspam"]),
    family(Nature::Challenge, "Bluebottle", &[r"bluebottle"]),
    family(Nature::Challenge, "TMDA", &[r"-confirm-[0-9a-z.]*[0-9][0-9a-z.]*@"]),
    family(
        Nature::Challenge,
        "a challenge system",
        &[
            r"<(?:[a-z0-9.]*-?challenge|verify-sender|sender-?verif[a-z]*|human-?check|antispam-?confirm|(?:verify|sav)-[0-9a-f][-0-9a-z]{5,}|[a-z0-9.]+-qconfirm-[a-z0-9.]+)[-+._a-z0-9]*@",
        ],
    ),
    family(Nature::VirusNotice, "amavis", &[r"<amavis", r"amavisd"]),
    family(Nature::VirusNotice, "MailScanner", &[r"mail ?scanner"]),
    family(Nature::VirusNotice, "Trend Micro", &[r"interscan", r"scanmail", r"viruswall", r"trend ?micro"]),
    family(Nature::VirusNotice, "Symantec", &[r"symantec", r"norton ?(?:anti-?virus)?"]),
    family(Nature::VirusNotice, "McAfee", &[r"groupshield", r"webshield", r"mcafee"]),
    family(Nature::VirusNotice, "Sophos", &[r"sophos", r"puremessage", r"mail ?monitor"]),
    family(Nature::VirusNotice, "Antigen", &[r"antigen"]),
    family(Nature::VirusNotice, "Kaspersky", &[r"kaspersky", r"\bkav[a-z]*@"]),
    family(Nature::VirusNotice, "qmail-scanner", &[r"qmail-?scanner", r"qscand"]),
    family(Nature::VirusNotice, "RAV", &[r"rav ?(?:anti-?virus|milter)", r"<rav[a-z]*@"]),
    family(Nature::VirusNotice, "MIMEsweeper", &[r"mime-?sweeper", r"mailsweeper"]),
    family(
        Nature::VirusNotice,
        "a virus scanner",
        &[
            r"anti[- ]?virus",
            r"anti-?vir\b",
            r"virus[- ]?(?:alert|scan|notif|filter|wall|guard|admin|check|master|gateway)",
            r"viren",
            r"f-secure",
            r"bitdefender",
            r"panda ?(?:anti|secure|perimeter)",
            r"e-?safe",
            r"gfi ?mail",
            r"clamav",
            r"clamsmtp",
            r"clam ?milter",
            r"declude",
            r"norman (?:e-?mail|virus|data)",
            r"<av(?:-[a-z]+|scan)?@",
            r"content[- ]?filter",
            r"mail ?security",
            r"mail ?guard",
            r"ウイルス",
        ],
    ),
    family(Nature::AutoReply, "an auto-responder", &[r"auto-?(?:reply|repl[iy]|respon[ds][a-z]*|answer)"]),
    family(Nature::AutoReply, "an auto-responder", &[r"<(?:vacation|out-?of-?office)[-+._a-z0-9]*@"]),
    family(Nature::ListNotice, "LISTSERV", &[r"l-soft list server", r"<listserv@"]),
    family(Nature::ListNotice, "Majordomo", &[r"<majordomo(?:-owner|-users)?@"]),
    family(Nature::ListNotice, "Sympa", &[r"<sympa@", r"<sympa-request@"]),
    family(Nature::ListNotice, "Ecartis", &[r"<(?:ecartis|listar)@"]),
    family(Nature::ListNotice, "Lyris", &[r"<lyris@", r"lyris listmanager"]),
    family(
        Nature::ListNotice,
        "Yahoo! Groups",
        &[r"<(?:notify|confirm-[a-z0-9]+-[^@]*|reject)@(?:[a-z]+\.)?yahoogroups\.com>", r"yahoo! ?groups <"],
    ),
    family(Nature::ListNotice, "Google Groups", &[r"@googlegroups\.com>"]),
    family(Nature::AbuseReport, "Hotmail", &[r"<staff@hotmail\.com>"]),
];
