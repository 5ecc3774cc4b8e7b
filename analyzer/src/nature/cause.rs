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

    /// What happened and what to change, in one paragraph.
    pub fn paragraph(self) -> &'static str {
        match self {
            Self::AutoResponder => {
                "An automatic answer (vacation notice, ticket acknowledgement, challenge, virus notice or receipt) went to an address that spam had forged as its sender. Let it answer only mail that has passed the spam and virus filters, that names the recipient in To or Cc, and whose sender passes SPF or DKIM; never mail with a null sender, Auto-Submitted, a Precedence of bulk or list, or a List-Id (RFC 3834 section 2); and at most once a week to the same sender. Refuse viruses during SMTP instead of writing to the sender. Postfix: put the filter before the queue (smtpd_milters or smtpd_proxy_filter). Exim: scan and deny in acl_smtp_data, and use the autoreply transport with `once` and `once_repeat`. Sendmail: run filters as milters (INPUT_MAIL_FILTER), and vacation with -r. Exchange: turn off automatic replies to external senders (Set-RemoteDomain Default -AutoReplyEnabled $false) or limit them to contacts."
            }
            Self::ListServer => {
                "A list server told an address that spam had forged as its sender that it may not post, or asked it to confirm a command. Refuse posts by strangers during SMTP, or discard them silently (Mailman: generic_nonmember_action Discard and respond_to_post_requests off; Sympa: a scenario that ends in reject,quiet; ezmlm: ezmlm-reject without a reply), filter spam before the list server sees it, and take subscriptions by a web form with a rate limit instead of by mail. Postfix: restrict the list's address with check_sender_access, or a policy service that knows the members. Exim: deny in acl_smtp_rcpt with a sender look-up. Sendmail: use a milter or FEATURE(`delay_checks') with access entries. Exchange: require authenticated senders (RequireSenderAuthenticationEnabled) or AcceptMessagesOnlyFrom on the group."
            }
            Self::Relayed => {
                "This server took a message for another domain from a stranger, could not pass it on, and returned it to an address that spam had forged as its sender. Relay only for your own networks and for clients that have authenticated; a backup MX or forwarder must know the valid recipients and apply the same checks as the primary. Look for an open relay, a web form or script that sends mail, a stolen password, or forwarding to another provider that refuses what you accept. Postfix: smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination, and relay_recipient_maps; for forwarded domains, reject_unverified_recipient. Exim: in acl_smtp_rcpt, `require verify = recipient/callout` for domains in relay_to_domains, and a narrow hostlist relay_from_hosts. Sendmail: no promiscuous_relay; FEATURE(`access_db') with RELAY for your own networks, and a milter that asks the next host. Exchange: remove ms-Exch-SMTP-Accept-Any-Recipient from anonymous users on Internet-facing receive connectors, and turn on recipient filtering."
            }
            Self::FullMailbox => {
                "This server accepted a message for a mailbox that was full, and then had to return it to an address that spam had forged as its sender. Refuse during SMTP, when the recipient is named, with 452 or 552. Postfix: check the quota in smtpd_recipient_restrictions (check_policy_service to Dovecot's quota-status service), or verify the recipient with reject_unverified_recipient. Exim: `require verify = recipient/callout` towards the mail store, or a quota look-up in acl_smtp_rcpt. Sendmail: a milter that asks the mail store, or LMTP delivery with FEATURE(`local_lmtp') behind a proxy that checks first. Exchange: let mailboxes that reach ProhibitSendReceiveQuota be refused at the edge, with recipient validation on the server that faces the Internet."
            }
            Self::UnavailableMailbox => {
                "This server accepted a message for a mailbox that does not exist or takes no mail (or refused the content only afterwards), and then had to return it to an address that spam had forged as its sender. The server that faces the Internet must know the valid recipients and refuse the others during SMTP with 550 5.1.1, and must filter before it says 250. Postfix: local_recipient_maps, relay_recipient_maps and virtual_mailbox_maps, or reject_unverified_recipient; filters before the queue. Exim: `require verify = recipient` in acl_smtp_rcpt (with /callout when the mailboxes are on another host). Sendmail: FEATURE(`ldap_routing') with bounce, virtusertable with error:nouser, or a milter such as milter-ahead. Exchange: Set-RecipientFilterConfig -RecipientValidationEnabled $true on the transport or edge server, or Directory Based Edge Blocking in Exchange Online."
            }
        }
    }
}
