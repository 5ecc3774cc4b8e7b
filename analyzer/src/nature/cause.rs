//! Why an innocent server came to reflect mail, and what its administrator should change.
//!
//! Enters: a nature and what a bounce says. Leaves: a [`Cause`], one of the five ways in which a server answers people
//! who never wrote. Its paragraphs are for the administrator of the listed server, who may read them at three in the
//! morning.

use super::{Bounce, Nature, Reason};

/// What a server does that makes it reflect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// Something answers every message to whoever is named as its sender.
    AutoResponder,
    /// A list server tells strangers that they may not post, or asks them to confirm.
    ListServer,
    /// It took mail for somebody else's domain from a stranger, and could not pass it on.
    Relayed,
    /// It accepted for a mailbox that is full, and had to bounce.
    FullMailbox,
    /// It accepted for a mailbox that does not exist or takes no mail, and had to bounce.
    UnavailableMailbox,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 5] =
        [Self::AutoResponder, Self::ListServer, Self::Relayed, Self::FullMailbox, Self::UnavailableMailbox];

    /// The cause's word in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::AutoResponder => "auto-responder",
            Self::ListServer => "list-server",
            Self::Relayed => "relayed",
            Self::FullMailbox => "full-mailbox",
            Self::UnavailableMailbox => "unavailable-mailbox",
        }
    }

    /// The cause of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }

    /// What made a server send mail of this nature; none if it was sent by its own will.
    pub fn of(nature: Nature, bounce: Option<&Bounce>) -> Option<Self> {
        Some(match nature {
            Nature::Direct | Nature::AbuseReport => return None,
            Nature::AutoReply | Nature::Challenge | Nature::VirusNotice | Nature::Receipt => Self::AutoResponder,
            Nature::ListNotice | Nature::Confirmation => Self::ListServer,
            Nature::Bounce => match bounce {
                Some(bounce) if bounce.refused_elsewhere => Self::Relayed,
                Some(bounce) => match bounce.reason {
                    Reason::MailboxFull => Self::FullMailbox,
                    // What this server may not or cannot pass on was not meant for its own mailboxes.
                    Reason::RelayingDenied | Reason::Network | Reason::Expired => Self::Relayed,
                    Reason::MailboxUnavailable
                    | Reason::UserUnknown
                    | Reason::ContentRejected
                    | Reason::Policy
                    | Reason::TooLarge
                    | Reason::Vacated
                    | Reason::Unstated => Self::UnavailableMailbox,
                },
                None => Self::UnavailableMailbox,
            },
        })
    }

    /// What happened and what to change, in one plain paragraph.
    pub fn paragraph(self) -> &'static str {
        match self {
            Self::AutoResponder => {
                "An automatic answer (vacation notice, ticket acknowledgement, challenge, virus notice or receipt) went to an address that spam had forged as its sender. Let it answer only mail that has passed the spam and virus filters, that names the recipient in To or Cc, and whose sender passes SPF or DKIM; never mail with a null sender, Auto-Submitted, a Precedence of bulk or list, or a List-Id (RFC 3834 section 2); and at most once a week to the same sender. Refuse viruses during SMTP instead of writing to the sender."
            }
            Self::ListServer => {
                "A list server told an address that spam had forged as its sender that it may not post, or asked it to confirm a command. Filter spam before the list server sees it, and refuse posts by strangers during SMTP, or discard them silently (Mailman 2: generic_nonmember_action Discard and respond_to_post_requests No; Mailman 3: default_nonmember_action discard; Sympa: a scenario that ends in reject,quiet; ezmlm: ezmlm-issubn in the editor file, with exit status 99 for strangers). Take subscriptions by a web form with a limit, instead of by mail."
            }
            Self::Relayed => {
                "Most likely this server took a message for another domain from a stranger, could not pass it on, and returned it to an address that spam had forged as its sender. Relay only for your own networks and for clients that have authenticated; a backup MX, gateway or forwarder must know the valid recipients and check as strictly as the server behind it. Look for an open relay, a web form or script that sends mail, a stolen password, or forwarding to a provider that refuses what you accept."
            }
            Self::FullMailbox => {
                "This server accepted a message for a mailbox that was full, and then returned it to an address that spam had forged as its sender. Refuse during SMTP, when the recipient is named, with 452 or 552; filter spam before it fills mailboxes; and let mail that has no room wait or go away rather than bounce."
            }
            Self::UnavailableMailbox => {
                "This server accepted a message for a mailbox that does not exist or takes no mail, or refused its content or size only afterwards, and then returned it to an address that spam had forged as its sender. The server that faces the Internet must know the valid recipients and refuse the others during SMTP with 550 5.1.1, and must filter before it says 250."
            }
        }
    }

    /// How to do it: mail transfer agents, each with what to set.
    pub fn mends(self) -> [(&'static str, &'static str); 4] {
        let [postfix, exim, sendmail, exchange] = match self {
            Self::AutoResponder => [
                "filter before the queue (smtpd_milters or smtpd_proxy_filter), so that responders see no spam",
                "scan and deny in acl_smtp_data; in the autoreply transport set `once` and `once_repeat`, and a condition on $sender_address and the headers above",
                "run filters as milters (INPUT_MAIL_FILTER); use vacation without -j, which answers mail that does not name the user",
                "Set-RemoteDomain Default -AllowedOOFType None -AutoReplyEnabled $false, or Set-MailboxAutoReplyConfiguration -ExternalAudience Known",
            ],
            Self::ListServer => [
                "restrict the list's address in smtpd_recipient_restrictions, by check_recipient_access and a restriction class, or a policy service that knows the members",
                "deny in acl_smtp_rcpt where the recipient is a list and $sender_address is no member (a look-up)",
                "a milter that knows the members, or FEATURE(`compat_check') with access entries",
                "RequireSenderAuthenticationEnabled and AcceptMessagesOnlyFrom refuse only after the message was accepted; block strangers at the edge as well",
            ],
            Self::Relayed => [
                "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination; relay_recipient_maps, or reject_unverified_recipient for domains that you pass on",
                "a narrow hostlist relay_from_hosts; in acl_smtp_rcpt, `deny domains = +relay_to_domains` with `!verify = recipient/callout`",
                "no FEATURE(`promiscuous_relay'); FEATURE(`access_db') with RELAY for your own networks; a milter that asks the next host (milter-ahead)",
                "remove ms-Exch-SMTP-Accept-Any-Recipient from anonymous users of Internet-facing receive connectors; validate recipients at the edge",
            ],
            Self::FullMailbox => [
                "check_policy_service with Dovecot's quota-status service in smtpd_recipient_restrictions",
                "`verify = recipient/quota` (4.95 and later, appendfile), or a look-up of the quota in acl_smtp_rcpt",
                "a milter that asks the mail store for the quota at RCPT",
                "it does not refuse full mailboxes at the edge: filter spam before accepting, raise or clean up mailboxes, and as a last resort Set-RemoteDomain Default -NDREnabled $false",
            ],
            Self::UnavailableMailbox => [
                "local_recipient_maps, relay_recipient_maps and virtual_mailbox_maps, or reject_unverified_recipient; message_size_limit no larger than what the mail store takes; filters before the queue",
                "`require verify = recipient` in acl_smtp_rcpt (recipient/callout where the mailboxes are on another host); scan in acl_smtp_data",
                "FEATURE(`ldap_routing') with bounce, a virtusertable with error:nouser, or a milter such as milter-ahead",
                "recipient filtering on the Edge Transport server (Set-RecipientFilterConfig -RecipientValidationEnabled $true; the accepted domain with AddressBookEnabled); in Exchange Online, an authoritative domain with Directory Based Edge Blocking",
            ],
        };
        [("Postfix", postfix), ("Exim", exim), ("Sendmail", sendmail), ("Exchange", exchange)]
    }
}
