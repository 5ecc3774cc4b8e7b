//! Mail that servers send by themselves, and spam that is dressed as such.

use super::mail::Text;

/// A bounce by the standard (RFC 3464).
pub(super) const BOUNCE: Text = Text {
    mail_from: "",
    rest: "From: Mail Delivery System <MAILER-DAEMON@mail.isp.example>\nSubject: Undelivered Mail Returned to Sender\n\
        Auto-Submitted: auto-replied\nMIME-Version: 1.0\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\n\
        I'm sorry to have to inform you that your message could not be delivered.\n\n\
        <nobody@isp.example>: User unknown\n\n--b\nContent-Type: message/delivery-status\n\n\
        Reporting-MTA: dns; mail.isp.example\n\nFinal-Recipient: rfc822; nobody@isp.example\nAction: failed\n\
        Status: 5.1.1\n\n--b\nContent-Type: message/rfc822\n\nFrom: you\nSubject: Cheap watches\n\nBuy now.\n\n--b--\n",
};

/// A bounce that nothing recognises, as one in a hundred may be.
pub(super) const MISREAD: Text = Text {
    mail_from: "office@isp.example",
    rest: "From: Office <office@isp.example>\nSubject: nobody\n\nThere is no such colleague here.\n",
};

/// Automatic answers: one by the standard (RFC 3834), one of older software.
pub(super) const ANSWERS: [Text; 3] = [
    Text {
        mail_from: "",
        rest: "From: G. Hopper <ghopper@isp.example>\nSubject: away from my mail\nAuto-Submitted: auto-replied\n\
            In-Reply-To: <1@traps.example>\n\nI am travelling and will read your mail in December.\n",
    },
    Text {
        mail_from: "ghopper@isp.example",
        rest: "From: G. Hopper <ghopper@isp.example>\nSubject: Out of Office: Cheap watches\n\
            Auto-Submitted: auto-replied (vacation)\nIn-Reply-To: <1@traps.example>\nPrecedence: bulk\n\n\
            I am out of the office until Monday.\n",
    },
    Text {
        mail_from: "",
        rest: "From: ghopper@isp.example\nSubject: Re: Cheap watches\nX-Autoreply: yes\nPrecedence: auto_reply\n\n\
            I am on vacation.\n",
    },
];

/// Requests to confirm a subscription that somebody else asked for, with both kinds of sender.
pub(super) const CONFIRMATIONS: [Text; 2] = [
    Text { mail_from: "", rest: CONFIRMATION },
    Text { mail_from: "gliders-bounces@lists.isp.example", rest: CONFIRMATION },
];

const CONFIRMATION: &str = "From: gliders-request@lists.isp.example\nSubject: confirm 3f9c1a7be0d2\n\
    Reply-To: gliders-confirm+3f9c1a7be0d2@lists.isp.example\nAuto-Submitted: auto-generated\n\
    List-Id: <gliders.lists.isp.example>\nX-Mailman-Version: 2.1.39\nPrecedence: bulk\n\n\
    Mailing list subscription confirmation notice for mailing list Gliders\n\n\
    We have received a request for subscription of your email address to the gliders list. To confirm that you \
    want to be added, simply reply to this message.\n";

/// Spam dressed as a bounce and as an automatic answer, each with both kinds of sender; and what it is.
pub(super) const DRESSED: [(&str, Text); 4] = [
    ("a bounce with the null sender", Text { mail_from: "", rest: DRESSED_BOUNCE }),
    ("a bounce with a sender", Text { mail_from: "offers@sender.example", rest: DRESSED_BOUNCE }),
    ("an answer with the null sender", Text { mail_from: "", rest: DRESSED_ANSWER }),
    ("an answer with a sender", Text { mail_from: "offers@sender.example", rest: DRESSED_ANSWER }),
];

const DRESSED_BOUNCE: &str = "From: MAILER-DAEMON@sender.example\nSubject: Undelivered Mail Returned to Sender\n\
    MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
    --b\nContent-Type: text/plain\n\nCheap watches at http://sender.example/\n\n\
    --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; sender.example\n\n\
    Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n";

const DRESSED_ANSWER: &str = "From: Offers <offers@sender.example>\nSubject: Out of Office: cheap watches\n\
    Auto-Submitted: auto-replied\nIn-Reply-To: <1@traps.example>\n\nBuy at http://sender.example/\n";
