//! The words themselves: tables of what software that reflects mail writes, by nature.
//!
//! A line is one software or one language. Each phrase is one that the software fills in and nobody else begins a subject
//! or a text with; a word that people use is none.

use super::families::{Family, explicit, family, vague};
use super::{Nature, Reason};

/// Local parts of mail systems' own addresses.
pub(super) const MAIL_SYSTEMS: &str = r"(?:mailer[-_. ]?daemon|mail[-_. ]?daemon|post[-_. ]?master|poostmaster|mdaemon|mailerdaemon|mail[-_. ]?delivery[-_. ]?(?:sub)?system|system[-_. ]?administrator|maildelivery|mail[-_]delivery|bounce[-_]?handler|postmaster[-_.+][a-z0-9.+-]*|microsoftexchange[0-9a-f]{8,}|imss|[a-z0-9]*_smtp_mail_service|delivery[-_.]?(?:notification|failure|status)s?|undeliverable|mmdf|pmdf|smtp[-_. ]?gateway)\\?(?:\z|@)";

/// Display names of mail systems.
pub(super) const MAIL_SYSTEM_NAMES: &str = r"(?:(?:the )?(?:internet |e-?)?mail(?:er)? delivery? ?(?:sub-?)?(?:system|service|agent|daemon)|mail ?deliver system|mailer[- ]?daemon|(?:system|mail|e-?mail) administrator|mail delivery|delivery (?:sub-?)?system|microsoft (?:exchange|outlook)\z|post ?master|pmdf e-mail interconnect|systemadministrator|administrateur syst|systemadministration|mail system|mail server|gwia)";

/// Local parts of list servers.
pub(super) const LIST_SERVERS: &str = r"(?:majordomo|listserv|listproc|sympa|mailman|ecartis|listar|lyris|smartlist|mlmmj|mailserv|lists?tar|listmaster|mail-list|ezmlm|fml)(?:[-+.=_]|\z)";

/// Authors by their address or name, as `name <local@domain>`.
pub(super) const AUTHOR_WORDS: &[Family] = &[
    family(Nature::Challenge, "Boxbe", r"[@.]boxbe\."),
    family(Nature::Challenge, "Spam Arrest", r"@(?:[a-z0-9-]+\.)*spamarrest\.(?:com|example)>|spam ?arrest"),
    family(Nature::Challenge, "EarthLink spamBlocker", r"spam-?blocker"),
    family(Nature::Challenge, "UOL AntiSpam", r"anti-?spam ?uol|uol ?anti-?spam"),
    family(Nature::Challenge, "Mailblocks", r"mail ?blocks"),
    family(Nature::Challenge, "ChoiceMail", r"choicemail"),
    family(Nature::Challenge, "Vanquish", r"vanquish"),
    family(Nature::Challenge, "SpamLion", r"spamlion"),
    family(Nature::Challenge, "Mailinblack", r"mail ?in ?black"),
    family(Nature::Challenge, "Sendio", r"sendio"),
    family(Nature::Challenge, "Knowspam", r"knowspam"),
    family(Nature::Challenge, "Bluebottle", r"bluebottle"),
    family(Nature::Challenge, "TMDA", r"-confirm-[0-9a-z.]*[0-9][0-9a-z.]*@"),
    family(
        Nature::Challenge,
        "a challenge system",
        r"<(?:[a-z0-9.]*-?challenge|verify-sender|sender-?verif[a-z]*|human-?check|antispam-?confirm|(?:verify|sav)-[0-9a-f][-0-9a-z]{5,}|[a-z0-9.]+-qconfirm-[a-z0-9.]+)[-+._a-z0-9]*@",
    ),
    family(Nature::VirusNotice, "amavis", r"<amavis|amavisd"),
    family(Nature::VirusNotice, "MailScanner", r"mail ?scanner"),
    family(Nature::VirusNotice, "Trend Micro", r"interscan|scanmail|viruswall|trend ?micro"),
    family(Nature::VirusNotice, "Symantec", r"symantec|norton ?(?:anti-?virus)?"),
    family(Nature::VirusNotice, "McAfee", r"groupshield|webshield|mcafee"),
    family(Nature::VirusNotice, "Sophos", r"sophos|puremessage|mail ?monitor"),
    family(Nature::VirusNotice, "Antigen", r"antigen"),
    family(Nature::VirusNotice, "Kaspersky", r"kaspersky|\bkav[a-z]*@"),
    family(Nature::VirusNotice, "qmail-scanner", r"qmail-?scanner|qscand"),
    family(Nature::VirusNotice, "RAV", r"rav ?(?:anti-?virus|milter)|<rav[a-z]*@"),
    family(Nature::VirusNotice, "MIMEsweeper", r"mime-?sweeper|mailsweeper"),
    family(
        Nature::VirusNotice,
        "a virus scanner",
        r"anti[- ]?virus|anti-?vir\b|virus[- ]?(?:alert|scan|notif|filter|wall|guard|admin|check|master|gateway)|viren|f-secure|bitdefender|panda ?(?:anti|secure|perimeter)|e-?safe|gfi ?mail|clamav|clamsmtp|clam ?milter|declude|norman (?:e-?mail|virus|data)|<av(?:-[a-z]+|scan)?@|content[- ]?filter|mail ?security|mail ?guard|ウイルス",
    ),
    family(Nature::AutoReply, "an auto-responder", r"auto-?(?:reply|repl[iy]|respon[ds][a-z]*|answer)"),
    family(Nature::AutoReply, "an auto-responder", r"<(?:vacation|out-?of-?office)[-+._a-z0-9]*@"),
    family(Nature::ListNotice, "LISTSERV", r"l-soft list server|<listserv@"),
    family(Nature::ListNotice, "Majordomo", r"<majordomo(?:-owner|-users)?@"),
    family(Nature::ListNotice, "Sympa", r"<sympa@|<sympa-request@"),
    family(Nature::ListNotice, "Ecartis", r"<(?:ecartis|listar)@"),
    family(Nature::ListNotice, "Lyris", r"<lyris@|lyris listmanager"),
    family(
        Nature::ListNotice,
        "Yahoo! Groups",
        r"<(?:notify|confirm-[a-z0-9]+-[^@]*|reject)@(?:[a-z]+\.)?yahoogroups\.com>|yahoo! ?groups <",
    ),
    family(Nature::ListNotice, "Google Groups", r"@googlegroups\.com>"),
    family(Nature::AbuseReport, "Hotmail", r"<staff@hotmail\.com>"),
];

/// Subjects, from their beginning.
pub(super) const SUBJECT_WORDS: &[Family] = &[
    // Bounces.
    family(
        Nature::Bounce,
        "sendmail",
        r"(?:[a-z0-9.-]+ )?returned (?:e-?)?mail(?::| -|--|\z)|warning: could not send message for past|postmaster notify",
    ),
    family(Nature::Bounce, "qmail", r"failure (?:notice|delivery|report)"),
    family(
        Nature::Bounce,
        "Postfix",
        r"undelivered mail returned to sender|delayed mail \(still being retried\)|mail delivery status report|successful mail delivery report",
    ),
    family(
        Nature::Bounce,
        "Exim",
        r"(?:[a-z0-9.-]+ )?mail delivery failed ?:|warning: message [a-z0-9-]+ delayed|mail failed, returning",
    ),
    family(
        Nature::Bounce,
        "a mail system",
        r"(?:re: ?)?(?:\W{0,4})?(?:(?:e-?)?mail|message|permanent|transient|email)? ?deliver(?:y|ies) (?:status )?(?:notification|failure|failed|failures|error|problem|report|warning|status|delay|has failed|was not|unsuccessful|impossible|message|incomplete|to .* failed)",
    ),
    family(
        Nature::Bounce,
        "a mail system",
        r"(?:e-?mail|message|mail) (?:delivery|could not|couldn'?t|can ?not|not|was not|has not|undeliver|deliver|system error|error|failed|failure|returned|rejected|bounced|status ?-? ?(?:undeliverable|error|failed))",
    ),
    family(
        Nature::Bounce,
        "a mail system",
        r"(?:\W{0,4})?undeliver(?:able|ed|y)|un-?deliverable|non-?deliver(?:y|able|ed)|not delivered|ndr:|ndn:|could not deliver|unable to deliver|can(?:no|')t deliver|failed (?:mail|delivery|message|to deliver)|delivery of .* (?:failed|delayed)",
    ),
    family(
        Nature::Bounce,
        "a mail system",
        r"(?:your )?(?:e-?mail|message|mail)(?: to| for| sent to)? .*(?:could(?:n't| not)|was not|can ?not|has not been|not) (?:be )?(?:deliver|sent)",
    ),
    family(
        Nature::Bounce,
        "a mail system",
        r"there was an error sending your mail|processing error\z|warning(?:: ?|--).*(?:user unknown|could not send|not delivered|undeliver|delayed)|(?:automatic )?(?:e?mail )?bounce(?:d)?(?: (?:e-?mail|mail|message|notification)|\z|:)|rejected (?:e-?mail|mail|message)|(?:e-?mail|mail) returned|user unknown|unknown (?:user|recipient|address)|mailbox (?:full|unavailable|not found)|(?:e-?mail )?address (?:not found|unknown|rejected)|invalid (?:recipient|address|mailbox)",
    ),
    family(
        Nature::Bounce,
        "a mail system (German)",
        r"unzustellbar|nicht zustellbar|(?:mail-?)?zustell(?:ung|fehler|problem)|(?:ihre )?(?:e-?mail|nachricht|mail)[^.]*(?:unzustellbar|nicht zugestellt|zurückgewiesen|konnte nicht)|benachrichtigung zum übermittlungsstatus|fehler bei der (?:zustellung|übermittlung)|rücksendung",
    ),
    family(
        Nature::Bounce,
        "a mail system (French)",
        r"non (?:remis|distribu|délivr)|échec (?:de|d'|du|lors|definitif|définitif)|(?:message|courrier|courriel|mail|e-mail)[^.]*(?:non remis|non distribu|non délivr|n'a pas pu)|(?:avis|rapport|notification) de non[- ](?:remise|distribution)|retour (?:de|du) (?:message|courrier|mail)|erreur (?:de|d'|lors)[^.]*(?:distribution|envoi|livraison|remise)",
    ),
    family(
        Nature::Bounce,
        "a mail system (Spanish)",
        r"no se (?:puede|pudo|ha podido) entregar|(?:error|fallo|falla) (?:en|de) (?:la |el )?(?:entrega|env)|entrega fallida|(?:mensaje|correo)[^.]*(?:no entregado|devuelto|no se pudo|rechazado)|devolución de (?:correo|mensaje)|notificación de (?:estado de )?entrega",
    ),
    family(
        Nature::Bounce,
        "a mail system (Italian)",
        r"non (?:recapitabile|consegnat)|mancat[ao] (?:consegna|recapito)|(?:messaggio|e-?mail|mail|posta)[^.]*(?:non (?:recapit|consegn|è stat)|respint)|consegna (?:fallita|non riuscita)|errore (?:di|nella) consegna|impossibile (?:consegnare|recapitare)",
    ),
    family(
        Nature::Bounce,
        "a mail system (Portuguese)",
        r"não é possível entregar|não entreg|falha (?:na|de|no) (?:entrega|envio)|(?:mensagem|e-?mail)[^.]*(?:não (?:pôde|entreg|foi)|devolvid|retornad|rejeitad)|erro (?:na|de) entrega|retorno de mensagem",
    ),
    family(
        Nature::Bounce,
        "a mail system (Dutch)",
        r"onbestelbaar|niet (?:bezorgd|afgeleverd|bestelbaar)|(?:bericht|e-?mail)[^.]*(?:niet (?:bezorgd|afgeleverd|worden)|onbestelbaar|geweigerd)|fout bij (?:het )?(?:bezorg|aflever)",
    ),
    family(
        Nature::Bounce,
        "a mail system (Nordic)",
        r"kan ikke leveres|kunne ikke leveres|ikke leveret|uleverbar|olevererbar|gick inte att leverera|kunde inte levereras|ej levererat|ei voitu toimittaa|toimittaminen epäonnistui|leveringsfeil|leveransfel",
    ),
    family(
        Nature::Bounce,
        "a mail system (Slavic)",
        r"niedostarcz|nie dostarczono|niedoręcz|zwrot (?:wiadomo|poczty|listu)|nedoručitel|nedoručeno|nebylo možné doru|(?:ваше )?(?:сообщение|письмо)[^.]*не доставлен|недоставлен|не удалось доставить|доставка не|уведомление о (?:состоянии )?доставк|ошибка (?:при )?доставк|возврат (?:письма|почты)|невозможно доставить|не доставлено",
    ),
    family(
        Nature::Bounce,
        "a mail system (Turkish, Hungarian, Greek)",
        r"teslim edil|iletilemedi|gönderilemedi|kézbesíthetetlen|kézbesítési hiba|μη παραδ|αποτυχία παράδοσης",
    ),
    family(
        Nature::Bounce,
        "a mail system (Japanese)",
        r"メールエラー|配信不能|配信エラー|配送エラー|不達|メール(?:を|が)?(?:送信|配信|配送|お届け|送れ|届)|配信できません|送信できません|宛先不明|エラーメール|送信エラー|配信失敗|送信失敗",
    ),
    family(
        Nature::Bounce,
        "a mail system (Chinese)",
        r"(?:系统|系統)?退信|投递失败|投遞失敗|无法(?:投递|送达|传递|发送)|無法(?:投遞|送達|傳遞|傳送)|未送达|未送達|邮件(?:被|发送|投递|无法|未)|郵件(?:被|傳送|投遞|無法|未)|退件|發送失敗|发送失败|來自.*退信|来自.*退信",
    ),
    family(
        Nature::Bounce,
        "a mail system (Korean)",
        r"(?:메일 )?(?:전송|발송|배달)[^.]*(?:실패|오류|지연)|반송|배달되지|배달 못|수신 ?거부|전달되지|전송되지",
    ),
    // Automatic answers. What names itself an answer of a machine before a colon is one.
    explicit(
        Nature::AutoReply,
        "Exchange",
        r"(?:out of office autoreply|automatic reply|automatische antwort|abwesenheitsnotiz|réponse automatique(?: d'absence du bureau)?|respuesta automática|fuera de la oficina|risposta automatica|fuori (?:ufficio|sede)|resposta automática|automatisch antwoord|afwezigheidsbericht|autosvar|automatiskt svar|automatisk svar|automaattinen vastaus|odpowiedź automatyczna|automatyczna odpowiedź|automatická odpověď|automatikus válasz|автоматический ответ|автоматична відповідь|otomatik (?:yanıt|cevap)|αυτόματη απάντηση|自動応答|自动答复|自動回覆|自动回复|자동 회신|răspuns automat) ?(?::|：)",
    ),
    explicit(
        Nature::AutoReply,
        "an auto-responder",
        r"(?:re: ?)?(?:auto[- ]?(?:reply|response|responder|antwort|respond)|automatic (?:response|answer|auto-?reply)|automated (?:reply|response)|vacation(?: reply| message| notice| auto-?reply)?|out[- ]of[- ](?:the[- ])?office(?: auto-?reply| reply| response| notice| message)?|autoreply|away from (?:my |the )?(?:mail|office|desk|e-?mail)) ?(?::|：|\z)",
    ),
    vague(
        Nature::AutoReply,
        "an auto-responder",
        r"(?:i am|i'm|i will be|i'll be) (?:currently )?(?:away|out|on (?:vacation|holiday|leave)|not in)|(?:away|absent|on leave|vacation|holidays?|absence)\b",
    ),
    family(
        Nature::AutoReply,
        "Notes",
        r".* (?:is|are|am) (?:currently )?out of (?:the )?office|.* ist (?:au(?:ß|ss)er haus|nicht im (?:büro|hause?))|.*\((?:away from the office|out of office|automatic (?:response|reply)|auto-?(?:reply|response))\)",
    ),
    vague(
        Nature::AutoReply,
        "a ticket system",
        r"(?:re: ?)?(?:thank(?:s| you) for|we(?: have|'ve)? received|your (?:message|e-?mail|mail|request|enquiry|inquiry|ticket|case|support request)|(?:new )?(?:ticket|case|request|issue)[ :#(]|ticket received|request received|message received|acknowledge?ment|auto ?ack|(?:support )?(?:ticket|request|case) ?(?:#|id|number|opened|created|received|has been))|\[(?:request|ticket|message|case) received\]|\[?ticket ?#",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (German)",
        r"(?:ihre|deine) (?:anfrage|e-?mail|nachricht)|vielen dank für (?:ihre|deine)",
    ),
    family(Nature::AutoReply, "an auto-responder (Spanish)", r"gracias por (?:su|tu|contactar)"),
    // Challenges.
    family(
        Nature::Challenge,
        "a challenge system",
        r"(?:re: ?)?(?:please )?(?:confirm|verify) (?:that )?(?:you(?:r)? (?:sent|message|e-?mail to|mail to|delivery|are (?:a )?(?:human|person|real))|(?:your )?(?:message|delivery|e-?mail) (?:to|sent|delivery)|delivery|sender|you are)|(?:message |sender |e-?mail )?(?:confirmation|verification|authori[sz]ation|authentication) (?:required|needed|requested|request) (?:for|before|to deliver)",
    ),
    family(
        Nature::Challenge,
        "a challenge system",
        r"(?:please )?confirm: re: |(?:unverified|unconfirmed) (?:e-?mail|message|mail|sender)",
    ),
    // Confirmations.
    family(
        Nature::Confirmation,
        "Mailman",
        r"confirm [0-9a-f]{5,}\z|your confirmation is (?:required|needed) to (?:join|leave)|(?:wir benötigen|votre confirmation|ihre bestätigung|se requiere su confirmaci|è necessaria la tua conferma|リスト).*(?:bestätig|requise|nécessaire|confirm|conferma|確認)",
    ),
    family(
        Nature::Confirmation,
        "ezmlm",
        r"confirm (?:un)?subscri(?:be|ption) (?:to|from)|(?:please )?confirm (?:un)?subscri",
    ),
    family(
        Nature::Confirmation,
        "Majordomo",
        r"(?:un)?subscri(?:be|ption) (?:request )?confirmation|[a-z0-9_.-]+ : (?:confirm|un)?subscri[a-z ]* |confirmation(?: request)? (?:for|from) ",
    ),
    family(
        Nature::Confirmation,
        "Sympa",
        r"(?:re: ?)?auth [0-9a-f]{8,}|(?:demande de )?confirmation (?:d'abonnement|d'inscription|requise|de commande)",
    ),
    family(
        Nature::Confirmation,
        "LISTSERV",
        r"command confirmation request|(?:your )?subscription (?:request )?(?:to|for) (?:the )?[a-z0-9_-]+ (?:list )?.*(?:confirm|ok)|(?:re: ?)?.*confirm(?:ation)? code",
    ),
    family(
        Nature::Confirmation,
        "a newsletter",
        r"(?:(?:action|response|activation|confirmation) (?:required|needed|requested)[:! -]*)?(?:.*[:-] ?)?(?:please )?(?:confirm|activate|verify|validate|complete) (?:your |the )?(?:(?:newsletter|mailing list|e-?mail|free)? ?(?:subscription|sign-?up|opt-?in|registration|membership|newsletter|e-?mail address|e-?mail)|account)|confirm (?:your|this) |you(?:'re| are) almost|almost (?:done|there|finished|subscribed)|one (?:last|more) step|account activation|activate your|welcome to .*(?:confirm|activate)",
    ),
    explicit(Nature::Confirmation, "Mailman", r"(?:.*: )?confirm [0-9a-f]{20,}\z"),
    family(
        Nature::Confirmation,
        "Majordomo",
        r"(?:.*-- ?)?confirmation (?:for|of) (?:un)?subscri|(?:.*: )?(?:please )?confirm (?:your )?request to (?:join|leave|subscri)",
    ),
    family(Nature::Confirmation, "Sympa", r".*(?:authentication|confirmation) (?:request|required|needed)"),
    family(
        Nature::Confirmation,
        "a newsletter",
        r".*(?:subscription|newsletter|registration|sign-?up|membership|opt-?in)[: -]*(?:please )?(?:confirm|activation|verification)",
    ),
    vague(
        Nature::Confirmation,
        "a forum",
        r".*(?:добро пожаловать на|welcome to|willkommen (?:bei|im|auf)|bienvenue (?:sur|à|au)|bienvenido a|activeren|aktivier|activer|activar|attiva|activation|aktivierung|confirmaci|petición de confirm|(?:demande|richiesta|pedido) (?:de|di) conf)",
    ),
    family(
        Nature::Confirmation,
        "a newsletter (German)",
        r".*(?:bestätig[a-z]*.*(?:anmeldung|registrierung|newsletter|e-?mail|abo|eintrag)|(?:anmeldung|registrierung|newsletter|abonnement)[a-z-]*.*bestätig)",
    ),
    family(
        Nature::Confirmation,
        "a newsletter (French)",
        r".*(?:confirm[a-z\x80-\xFF]*.*(?:inscription|abonnement|adresse|e-?mail|newsletter|compte)|(?:inscription|abonnement).*confirm|valid[a-z\x80-\xFF]* (?:votre|ton) (?:inscription|abonnement|adresse))",
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Spanish)",
        r".*(?:confirm[a-z\x80-\xFF]*.*(?:suscripci|registro|correo|inscripci|boletín|alta)|(?:suscripción|registro|boletín).*confirm)",
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Italian, Portuguese)",
        r".*(?:conferm[a-z]*.*(?:iscrizione|registrazione|indirizzo|newsletter|e-?mail)|iscrizione.*conferm|confirm[a-z\x80-\xFF]*.*(?:inscriç|assinatura|cadastro|seu e-?mail))",
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Dutch, Nordic)",
        r".*(?:bevestig.*(?:aanmelding|inschrijving|nieuwsbrief|e-?mail|abonnement)|(?:aanmelding|inschrijving).*bevestig|bekræft.*(?:tilmelding|abonnement|e-?mail)|bekräfta.*(?:prenumeration|anmälan|e-?post))",
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Slavic)",
        r".*(?:potwierdź.*(?:subskrypcj|rejestracj|zapis|adres)|potwierdzenie (?:subskrypcji|rejestracji|zapisu)|potvrď.*|подтвер(?:дите|ждение).*(?:подписк|регистрац|адрес|рассылк))",
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Japanese, Chinese, Korean)",
        r".*(?:登録(?:の)?(?:確認|ご確認|手続き)|仮登録|購読(?:の)?(?:確認|申し込み確認)|本登録|メールアドレスの確認|(?:确认|確認).*(?:订阅|訂閱|注册|註冊)|订阅.*确认|激活.*(?:帐|账)|구독.*확인|가입.*(?:확인|인증))",
    ),
    // List servers' notices.
    family(
        Nature::ListNotice,
        "Mailman",
        r"your message to .* awaits moderator|request to mailing list .* rejected|your subscription to .* mailing list has been disabled|(?:auto-response for your message to|the results of your e?-?mail commands?)|you have been (?:un)?subscribed (?:to|from)|welcome to the .* (?:mailing list|digest)|your unsubscription|(?:post by|posting by) (?:a )?non-?member|you (?:are|were) not (?:allowed|authorized|permitted) to post",
    ),
    family(
        Nature::ListNotice,
        "Mailman (other languages)",
        r"(?:ihre nachricht an|ihre e-?mail an|votre message (?:a|à)|su mensaje (?:a|para)|il tuo messaggio a|uw bericht aan|sua mensagem para) .*(?:moderator|modérat|moderador|moderatore|genehmig|bestätig|wartet|attend|espera|aprob)|(?:resultado|ergebnis|résultat|risultat)[a-z]* .*(?:comandos|befehl|e-?mail-?(?:befehl|kommando)|commandes|comandi)|(?:willkommen|bienvenue|bienvenid[oa]|benvenut[oi]|bem-vindo).*(?:liste|lista|mailing)",
    ),
    family(
        Nature::ListNotice,
        "Majordomo",
        r"majordomo (?:results?|help|file|abort)|welcome to [a-z0-9_.-]+\z|your mail to [a-z0-9_.-]+@|non-?member submission|(?:re: )?.*(?:stalled|denied) (?:post|message)|(?:post|message)(?:ing)? (?:stalled|denied|rejected|held)",
    ),
    family(
        Nature::ListNotice,
        "ezmlm",
        r"ezmlm (?:response|warning|probe|report|reject|error|help)|(?:returned|moderate|rejected) (?:post|message)s? (?:for|from|to) |(?:help|info|faq) (?:for|about|from) |goodbye from |welcome to [a-z0-9_.-]+@|result of ezmlm|ezmlm-",
    ),
    family(
        Nature::ListNotice,
        "LISTSERV",
        r"(?:re: ?)?rejected posting to|output of your job|(?:your )?(?:message|posting|distribution)(?: to)? .*(?:has been |was )?(?:rejected|not (?:been )?distributed|held|submitted to the moderator|awaits|awaiting|pending|not approved|not accepted|denied|returned)|you are (?:now|no longer|not) (?:a )?(?:subscribed|member)|you are not authorized to (?:send|post|mail)",
    ),
    family(
        Nature::ListNotice,
        "Sympa",
        r"(?:re: ?)?(?:results of your commands|message (?:distribution|rejected|to moderators|not distributed)|.*(?:distribution (?:is )?(?:denied|not allowed|refused|interdite|refusée)|(?:mail|message|envoi) (?:is )?(?:rejected|refusé|forwarded to (?:the )?moderators?|transmis aux mod)|rejet de votre message|article (?:to be approved|rejected|soumis)))",
    ),
    family(
        Nature::ListNotice,
        "fml",
        r"you .* (?:are|is) not (?:a )?member|(?:your )?(?:post|mail|article|message) .*(?:is )?(?:not (?:sent|accepted|forwarded)|rejected|refused|moderat)|fml (?:command )?(?:status|error|results?)|(?:command|request) (?:status|results?)\b",
    ),
    family(Nature::ListNotice, "Ecartis", r"(?:ecartis|listar) (?:command )?(?:results?|error)|(?:ecartis|listar)[ :]"),
    family(
        Nature::ListNotice,
        "Yahoo! Groups",
        r"unable to deliver your message|your message to .*(?:group|was not|has been|is pending|awaiting)|message not (?:sent|posted|approved)",
    ),
    family(
        Nature::ListNotice,
        "Google Groups",
        r"(?:posting error|message (?:rejected|awaiting moderation|not posted|pending approval)|.*(?:awaiting|pending) moderation|your (?:post|message) .*(?:rejected|moderation|could not be posted))",
    ),
    // Virus scanners' notices.
    family(
        Nature::VirusNotice,
        "amavis",
        r"virus(?:es)? \(.{1,200}\)|virus(?:es)? .*in (?:your )?(?:e-?mail|mail|message)|(?:banned|infected|bad) (?:contents?|files?|attachments?|item|filename).*(?:in|from) (?:mail |message |e-?mail )?(?:from )?(?:you|your)|v i r u s",
    ),
    family(
        Nature::VirusNotice,
        "MailScanner",
        r"(?:warning|warnung|attention|attenzione|aviso)[: -]*(?:e-?mail|message|mail|achtung)? ?.*virus|\{(?:virus|filename|dangerous|spam)\??\}|e-?mail viruses detected|other bad content detected",
    ),
    explicit(
        Nature::VirusNotice,
        "a virus scanner's alert",
        r"(?:[a-z]+ )?interscan (?:nt|msg|messaging|viruswall)[a-z ]* (?:alert|notification)|(?:sophos )?(?:scanmail|esafe|viruswall|antigen|groupshield|webshield|mailmonitor|mailsweeper|gfi mailsecurity|f-secure|qmail-scanner)[a-z ]*(?:alert|notification|message|:) .*|norton antivirus (?:detected|found)|virus_?alert\z",
    ),
    family(
        Nature::VirusNotice,
        "Trend Micro",
        r"(?:\[?scanmail|interscan|\[?viruswall|trend ?micro|\[?emanager|\[?imss)|virus(?:wall)? (?:alert|notification)",
    ),
    family(Nature::VirusNotice, "Symantec", r"(?:norton|symantec) .*(?:detect|found|virus|notif|quarant|violat|delet)"),
    family(
        Nature::VirusNotice,
        "Antigen",
        r"(?:antigen|forefront|sybari)\b.*(?:found|notif|detect|virus|match)|file filter|virus found in a message",
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner",
        r"(?:virus|security|malware|content|antivirus|anti-virus) (?:alert|warning|notification|notice|report|violation|advisory|found|detected)|you (?:sent|have sent|may have|are sending) .*virus",
    ),
    family(Nature::VirusNotice, "a virus scanner (German)", r"virenwarnung|viruswarnung|virenalarm|infizierte"),
    // Receipts older than RFC 8098, or beside it.
    family(
        Nature::Receipt,
        "Outlook",
        r"(?:read|not read|deleted|recalled)(?: receipt)?: |(?:gelesen|ungelesen gelöscht|nicht gelesen): |(?:lu|non lu|lu\(e\)) ?: |(?:leído|no leído|letto|non letto|lido|não lida|lida|gelezen|niet gelezen|läst|læst|lest|luettu|przeczytane|přečteno|olvasott|прочитано|прочтено|okundu|開封済み|開封確認|既読|已读|已讀|읽음) ?(?::|：)",
    ),
    family(
        Nature::Receipt,
        "Notes",
        r"подтверждение (?:прочтения|получения|о прочтении)|(?:return|read|reading|delivery|disposition) (?:receipt|notification|report|confirmation)|confirmation of (?:reading|receipt)|(?:empfangs|lese)bestätigung|accusé de (?:réception|lecture)|confirmation de lecture|confirmación de lectura|acuse de recibo|ricevuta di (?:ritorno|lettura)|conferma di lettura|confirmação de leitura|leesbevestiging|ontvangstbevestiging|開封(?:確認|通知)|メッセージ開封|受信確認|回执|回執|已读回执",
    ),
    family(
        Nature::Receipt,
        "GroupWise",
        r"message status - (?:opened|read|delivered|accepted|deleted)|statut de message|status der nachricht",
    ),
    // Complaints that follow no standard.
    family(Nature::AbuseReport, "Hotmail", r"complaint about message from [0-9a-fx.:]+"),
    family(
        Nature::AbuseReport,
        "a feedback loop",
        r"e-?mail (?:feedback|abuse) report|abuse report|(?:fw|fwd): \[?spam report|spam (?:report|complaint)",
    ),
];

/// Words anywhere in a subject: asked for only where the header shows another sign.
pub(super) const SUBJECT_WORDS_ANYWHERE: &[Family] = &[
    family(
        Nature::AutoReply,
        "an auto-responder",
        r".*\((?:automatic (?:response|reply)|auto-?(?:reply|response)|autoresponse|away|out|(?:away|absent|out)@word@@word@ (?:the )?(?:office|mail|desk))\)|.*\b(?:auto[- ]?(?:reply|response)|automatic (?:reply|response)|automated (?:reply|response|acknowledge?ment)|out of (?:the )?office|on (?:vacation|holiday|annual leave|maternity leave|parental leave|sick leave)|away (?:until|from (?:my|the)|on business))\b",
    ),
    vague(
        Nature::AutoReply,
        "a ticket system",
        r".*(?:ticket|case|request)(?: ?(?:#|id:?|number|nr\.?))? ?[a-z0-9-]*[0-9]{3,}.*(?:received|opened|created|has been)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (German)",
        r".*(?:abwesenheit|automatische (?:antwort|rückantwort|empfangs|benachrichtigung)|nicht im (?:büro|hause?)|(?:im|in) urlaub|urlaubs(?:vertretung|notiz|meldung|abwesenheit)|außer haus|(?:bin|ist)[^.]*(?:abwesend|außer haus|nicht erreichbar)|eingangsbestätigung|autoantwort)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (French)",
        r".*(?:réponse automatique|absen(?:t|ce|te)[ e]?(?:du bureau|jusqu|:|\z| )|message (?:d'absence|automatique)|en congés?|hors du bureau|en vacances|accusé de réception)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Spanish)",
        r".*(?:respuesta automática|auto-?respuesta|fuera de (?:la )?oficina|ausen(?:te|cia)|de vacaciones|vacaciones)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Italian)",
        r".*(?:risposta automatica|autorisposta|fuori (?:ufficio|sede)|assen(?:te|za)|in ferie|per ferie)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Portuguese)",
        r".*(?:resposta automática|auto-?resposta|fora do escritório|ausência|ausente|de férias|em férias)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Dutch)",
        r".*(?:automatisch (?:antwoord|bericht)|autoantwoord|afwezig|niet aanwezig|niet op kantoor|met vakantie|op vakantie|ontvangstbevestiging)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Nordic)",
        r".*(?:autosvar|automatis(?:k|kt) svar|frånvaro|på semester|ej på kontoret|inte på kontoret|ikke på kontoret|ikke til stede|fravær|på ferie|ferie|automaattinen|poissa|lomalla|toimistosta)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Slavic)",
        r".*(?:automatyczna|autoodpowied|poza biurem|nieobecno|na urlopie|urlop|automatick|mimo kancel|nepřítom|dovolen|automatsk|автоматическ|автоответ|вне офиса|в отпуске|отсутств|отпуск|відпустк)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Turkish, Hungarian, Greek, Romanian)",
        r".*(?:otomatik (?:yan|cevap)|ofis dış|izinde|tatilde|automatikus|házon kívül|szabadság|távollét|αυτόματη|εκτός γραφείου|automat la)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Japanese)",
        r".*(?:自動(?:返信|応答|回答|配信)|不在|休暇|お休み|外出|出張|受付(?:完了|いたし|けました)|お問い?合わ?せ(?:ありがとう|を受|受付))",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Chinese)",
        r".*(?:自动(?:回复|答复|应答)|自動(?:回覆|回信|回應|答覆)|不在办公室|不在辦公室|休假|外出|出差)",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Korean)",
        r".*(?:자동 ?(?:회신|응답|답장)|부재 ?중|휴가|출장|자리 ?비움)",
    ),
    family(
        Nature::Challenge,
        "a challenge system",
        r".*(?:requires? (?:your )?(?:confirmation|verification|approval) before|(?:sender|message) (?:verification|confirmation) (?:required|request|needed)|\[?challenge[-/ ]?response|is being held (?:until|pending)|held (?:pending|until|for) (?:your )?(?:confirmation|verification|approval))",
    ),
    vague(
        Nature::Challenge,
        "a challenge system",
        r".*(?:spam ?arrest|spam-?blocker|boxbe|mailblocks|knowspam|choicemail|spamlion|bluebottle|vanquish|mail ?in ?black|sendio|uol ?anti-?spam|anti-?spam ?uol|active spam killer|tmda)",
    ),
    family(
        Nature::Challenge,
        "a challenge system",
        r".*[\[(](?:sender (?:address )?)?(?:verification|verify|confirmation|please confirm)[\])]|.*(?:bitte best(?:ä|ae)tigen)|.*please (?:register|introduce yourself) to reach",
    ),
    family(
        Nature::Challenge,
        "a challenge system",
        r".*(?:your (?:e-?mail|message|mail)(?: to| for| sent)?.*(?:needs|requires|awaits|awaiting|waiting for|is waiting|must be|has not been delivered until|pending) .*(?:confirm|verif|approv|authori|authenticat)|(?:first|one) ?-?time (?:sender|confirmation|verification)|(?:sender|human) (?:check|verification))",
    ),
    family(
        Nature::Challenge,
        "a challenge system (French)",
        r".*(?:(?:votre (?:message|e-?mail|mail)|authentifi|valider votre (?:envoi|e-?mail|message)).*(?:authentifi|valid|confirm)|authentification (?:de|d'|requise))",
    ),
    family(
        Nature::Challenge,
        "a challenge system (Spanish, Portuguese)",
        r".*(?:(?:confirm|verifi)[a-z\x80-\xFF]* (?:de |o |a |su |seu |el )?(?:envio|envío|remetente|remitente|mensagem|mensaje)|sua mensagem.*confirm|su mensaje.*confirm)",
    ),
    family(
        Nature::Challenge,
        "a challenge system (German)",
        r".*(?:bestätig[a-z]* (?:sie )?(?:ihre (?:e-?mail|nachricht|mail)|die zustellung|den versand)|ihre (?:e-?mail|nachricht).*bestätig|absender(?:bestätigung|prüfung|verifi))",
    ),
    family(
        Nature::ListNotice,
        "Mailman (other languages)",
        r".*(?:承認|モデレータ|モデレーター|司会者|メンバーではありません|投稿は拒否|投稿が拒否|投稿できません|審査)",
    ),
    family(Nature::ListNotice, "LISTSERV", r".*(?:subscription|approval|renewal) (?:probe|required|expired|renewal)"),
    family(Nature::ListNotice, "fml", r".*(?:not a member|non-?member|members? only|not (?:a )?subscriber)"),
    family(
        Nature::ListNotice,
        "Ecartis",
        r".*(?:post refused|submission (?:refused|rejected|bounced)|post(?:ing)? (?:refused|not allowed)|moderation (?:required|needed))",
    ),
    family(
        Nature::ListNotice,
        "a list server",
        r".*(?:message (?:held|is held|awaiting|pending) .*(?:moderat|approv)|(?:post|posting|message|submission|article)s? (?:to|for) .*(?:was |has been |is )?(?:rejected|refused|held|denied|returned|moderated|blocked|not allowed)|held for (?:moderat|approv)|awaits? (?:moderat|approv)|unauthori[sz]ed (?:post|sender|submission)|list command|group moderation|command results?)",
    ),
    family(Nature::VirusNotice, "Symantec", r".*(?:symantec|norton)"),
    family(
        Nature::VirusNotice,
        "a virus scanner",
        r".*(?:virus(?:es)?|worm|trojan|malware|malicious code|infected|infection|banned (?:file|attachment)|dangerous attachment|blocked attachment|attachment (?:blocked|removed|violation)|prohibited attachment)[^.?]{0,80}(?:found|detect|alert|warn|notif|report|infect|in (?:your|a|the|mail|message)|sent|block|remov|quarant|reject|was|were|discover|intercept)|.*(?:infected|virus) (?:e-?mail|message|mail|file|attachment)|.*e-?mail quarantined|.*quarantin",
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (German)",
        r".*(?:viren?(?:warnung|alarm|fund|meldung|hinweis|benachrichtigung|schutz|scan)?|würmer?|trojaner)[^.]*(?:gefunden|entdeckt|warnung|infiziert|in (?:ihrer|einer)|erkannt|hinweis|meldung)",
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (French)",
        r".*(?:virus[^.]*(?:détect|trouv|dans (?:votre|un|le)|alerte|bloqu|supprim)|(?:alerte|avertissement|notification)[^.]*virus|infecté)",
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (Spanish, Portuguese)",
        r".*anexo (?:não permitido|bloqueado|removido|proibido)|.*(?:adjunto) (?:no permitido|bloqueado|eliminado|prohibido)|.*(?:vírus|virus)[^.]*(?:detect|encontrad|en (?:su|un|el)|em (?:sua|seu|uma)|no seu|na sua|eliminad|bloque)|.*(?:alerta|aviso|advertencia|notificación|notificação)[^.]*v(?:i|í)rus|.*(?:infectad)",
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (Italian, Dutch, Nordic)",
        r".*virus[^.]*(?:rilevat|trovat|nel (?:suo|tuo)|gevonden|in uw|gedetecteerd|fundet|hittat|funnet|hittades)|.*virus(?:waarschuwing|melding|varning|advarsel|alarm)|.*(?:avviso|allarme) virus",
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (Slavic)",
        r".*(?:wirus[a-z]*[^.]*(?:wykry|znalez|w (?:twojej|wiadomo|li))|(?:обнаружен|найден)[^.]*вирус|вирус[^.]*(?:обнаруж|найден|в (?:вашем|письме|сообщении))|zjištěn vir|vir(?:us)? nalezen)",
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (Japanese, Chinese, Korean)",
        r".*(?:(?:ウイルス|ウィルス).*(?:検出|検知|発見|感染|警告|通知|駆除)|(?:病毒).*(?:警告|通知|发现|發現|检测|檢測|感染|报告)|(?:发现|發現|检测到|檢測到|感染).*病毒|바이러스[^.]*(?:발견|감염|경고|검출))",
    ),
];

/// Words of a text's beginning.
pub(super) const OPENING_WORDS: &[Family] = &[
    // Bounces.
    family(
        Nature::Bounce,
        "Exim",
        r"this message was created automatically by mail delivery software|a message that you (?:have )?sent (?:could|has|was|to|using)|a message that you sent",
    ),
    family(
        Nature::Bounce,
        "qmail",
        r"this is the qmail-send program|i'm afraid i wasn'?t able to deliver|wasn't able to deliver your message to the following|this is a permanent error; i'?ve given up|i(?:'ve| have) given up\. sorry|qmail-send",
    ),
    family(
        Nature::Bounce,
        "Postfix",
        r"this is the (?:postfix|mail system)(?: program)? at host|i'm sorry to have to inform you that|for further assistance, please send mail to",
    ),
    family(
        Nature::Bounce,
        "sendmail",
        r"-+ ?(?:the following addresses had|transcript of session follows|the following addresses have|unsent message|original message follows)|the original message was received (?:at|from)|warning: (?:original )?message (?:is )?still undelivered|deferred: |message could not be delivered for|(?:host|user) unknown",
    ),
    family(
        Nature::Bounce,
        "Exchange",
        r"did not reach (?:some or all of )?the (?:intended|following) recipient|the following recipient(?:s|\(s\))? (?:could not|cannot|was not|were not)|delivery has failed to these recipients|your message (?:has been|was|couldn't be|could not be|wasn't|can't be) (?:delayed|delivered|rejected|blocked|returned)|ihre nachricht hat einige oder alle empf|the e-?mail (?:account|address|system) @more@(?:does not exist|unable)",
    ),
    family(
        Nature::Bounce,
        "Domino",
        r"your (?:message|document):? @more@(?:was undeliverable|because|could not|was not delivered|not delivered)|was not delivered to:|could not be delivered because|failure reasons?:",
    ),
    family(
        Nature::Bounce,
        "Gmail",
        r"delivery to the following recipients? (?:failed|has been delayed|was)|this is an automatically generated delivery status notification|address not found|message (?:not delivered|blocked|wasn't delivered|too large)",
    ),
    family(
        Nature::Bounce,
        "Yahoo",
        r"sorry,? we were unable to deliver|unable to deliver (?:your|the|message|mail)|message from (?:[a-z0-9.]*yahoo[a-z.]*|<?[^ ]+)\.? ?(?:unable|could)",
    ),
    family(
        Nature::Bounce,
        "DragonFly",
        r"this is the dragonfly mail agent|your message to @more@ (?:could not|has not|was not)",
    ),
    family(
        Nature::Bounce,
        "a mail system",
        r"(?:message|mail|e-?mail)(?:\(s\))? @more@(?:(?:could|can)(?:n't| ?not)(?: be| have been)? (?:successfully )?(?:deliver|sent)|(?:was|were|has|have)(?:n't| not)(?: been)? (?:successfully )?deliver|(?:was|is|were|been) (?:undeliver|returned|rejected|refused|bounced|not delivered)|undeliverable)",
    ),
    family(
        Nature::Bounce,
        "a mail system",
        r"(?:unable|failed|failure|attempted|not possible|impossible|problems?) (?:to|in|with)? ?(?:deliver|delivery|send)(?:ing)? (?:of |your |the |this |a |an |mail|message|to |e-?mail)|delivery (?:of|to|for|attempt)[^.]*(?:fail|delay|postpone|suspend|was not|not possible|unsuccessful|reject|refused|defer)|(?:could|did|was|were|can)(?:n't| ?not) (?:be )?(?:deliver|reach|accept)",
    ),
    family(
        Nature::Bounce,
        "a mail system",
        r"(?:failed|following|intended|undeliverable|unsuccessful|invalid|rejected|affected) (?:recipient|address|mail|user|destination)(?:s|es|\(s\)|\(es\))?|(?:recipient|user|mailbox|address|account)(?:'s mailbox| name)?@more@ (?:is |was |does )?(?:unknown|not (?:found|exist|known|listed|valid|recogni|deliver|accept|active|available)|invalid|full|disabled|over ?quota|reject|inactive|no longer)|no such (?:user|mailbox|recipient|account|person|address|local|domain|host)|(?:unknown|invalid|bad|unrouteable|nonexistent) (?:user|recipient|mailbox|address|host|domain|local)|(?:over|exceed(?:s|ed|ing)?|out of) @more@(?:quota|storage|limit)|mailbox @more@full|reason for (?:return|failure|reject)|(?:mail|message|e-?mail) (?:returned|refused|rejected|bounced|error|failure|undeliver)|error (?:message|description|detail|occur|while|during|was)[^.]*",
    ),
    family(
        Nature::Bounce,
        "a mail system (German)",
        r"(?:nachricht|mail|e-?mail)[^.]*(?:konnte[^.]*nicht|nicht (?:zugestellt|ausgeliefert|übermittelt)|unzustellbar|abgewiesen|abgelehnt)|zustellung[^.]*(?:nicht|fehl|gescheitert)|empfänger[^.]*(?:unbekannt|existiert nicht|nicht (?:gefunden|vorhanden))|(?:postfach|mailbox)[^.]*(?:voll|überfüllt|erschöpft)",
    ),
    family(
        Nature::Bounce,
        "a mail system (French)",
        r"n'a (?:pas|pu)[^.]*(?:être )?(?:remis|délivr|distribu|envoy|transmis|achemin|livr)|impossible[^.]*(?:remettre|distribuer|délivrer|envoyer|acheminer|livrer)|(?:boîte|boâte)[^.]*pleine|destinataire[^.]*(?:inconnu|n'existe|introuvable)",
    ),
    family(
        Nature::Bounce,
        "a mail system (Spanish, Portuguese, Italian)",
        r"no (?:se )?(?:pudo|puede|ha podido|ha sido posible|fue posible)[^.]*(?:entreg|enviar)|não (?:pôde|foi possível|pode)[^.]*(?:entreg|envia)|non (?:è stat[oa]|è (?:stato )?possibile|può|ha potuto)[^.]*(?:consegn|recapit|invia)|(?:usuario|destinatario|destinatário|utente|usuário)[^.]*(?:desconocido|no existe|desconhecido|não existe|sconosciuto|inesistente|non esiste)",
    ),
    family(
        Nature::Bounce,
        "a mail system (Dutch, Nordic)",
        r"(?:kon|kan) (?:niet|ikke)[^.]*(?:bezorg|aflever|lever)|niet (?:worden )?(?:bezorgd|afgeleverd)|kunde inte levereras|gick inte att leverera|kunne ikke leveres|ei voitu toimittaa",
    ),
    family(
        Nature::Bounce,
        "a mail system (Slavic)",
        r"не (?:может|могло|могла|удалось|было|была|были)?[^.]*(?:доставлен|доставить)|не доставлен|невозможно доставить|получател[^.]*(?:не (?:найден|существует)|неизвест)|nie (?:można|mogła|została?)[^.]*dostarcz|nebylo možné[^.]*doru",
    ),
    family(
        Nature::Bounce,
        "a mail system (Japanese)",
        r"(?:送信|配信|配送|お届け|送る|届け|転送)@more@(?:できません|できない|出来ません|不可能|失敗|エラー|ませんでした)|メールボックス@more@(?:一杯|いっぱい|存在しない|容量)|(?:宛先|受信者|アドレス)@more@(?:見つかりません|存在しません|不明|誤り|間違)",
    ),
    family(
        Nature::Bounce,
        "a mail system (Chinese)",
        r"(?:无法|未能|不能|無法)@more@(?:投递|送达|发送|投遞|送達|傳送|寄送|递送)|(?:投递|发送|递送|投遞|傳送|寄送)@more@(?:失败|失敗)|退(?:信|回|件)|(?:收件人|收信人|用户|用戶|邮箱|郵箱|信箱)@more@(?:不存在|不正确|已满|已滿|未找到|不接受|拒收)",
    ),
    family(
        Nature::Bounce,
        "a mail system (Korean)",
        r"(?:전송|전달|발송|배달)[^.]*(?:실패|수 없|못|되지 않|불가)|반송|(?:수신자|사용자|메일함|사서함)[^.]*(?:없|존재하지|꽉|초과|가득)",
    ),
    // Automatic answers.
    family(
        Nature::AutoReply,
        "an auto-responder",
        r"this is an auto(?:mated|matic|-?generated|matically generated)? ?(?:auto-?)?(?:reply|response|e-?mail response|acknowledge?ment|answer|message to (?:inform|acknowledge|confirm|let))|i(?: am|'m| will be|'ll be) (?:currently )?(?:out of (?:the )?office|away (?:from|until|on|for)|on (?:vacation|holiday|leave|annual|maternity|business))|(?:is|am) (?:currently )?out of the office|thank you for (?:your (?:e-?mail|message|mail|inquiry|enquiry|request)|contacting|writing)|(?:we have received|we've received|has been received|your (?:message|request|e-?mail|ticket) (?:has been|was) (?:received|opened|created|logged))",
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (other languages)",
        r"(?:dies(?:es)? ist eine automatische|diese (?:e-?mail|nachricht) wurde automatisch|automatisch (?:erstellt|generiert)|bin (?:ich )?(?:bis|vom|derzeit|zurzeit|zur zeit|ab|wieder)|nicht im (?:büro|hause?)|vielen dank für ihre)|ceci est (?:un|une) (?:message|réponse) automatique|(?:je suis|je serai)[^.]*(?:absent|en cong)|respuesta automática|estaré (?:fuera|ausente)|estoy (?:fuera|de vacaciones)|risposta automatica|sarò (?:assente|fuori)|sono (?:assente|fuori|in ferie)|resposta automática|estarei (?:ausente|fora|de f)|ik ben[^.]*(?:afwezig|niet aanwezig|met vakantie)|(?:jag|jeg) er?[^.]*(?:semester|ferie|kontor)|olen[^.]*(?:lomalla|poissa)|jestem[^.]*(?:urlopie|nieobecn|poza)|(?:автоматическ|в отпуске|отсутствую)|(?:自動(?:返信|応答)|不在に|休暇)|(?:自动回复|自動回覆|不在办公室|休假)|(?:자동(?: )?(?:회신|응답)|부재 ?중|휴가)",
    ),
    // Challenges.
    family(
        Nature::Challenge,
        "a challenge system",
        r"(?:to (?:prove|verify|confirm|show)|(?:prove|verify|confirm|certify|authenticate) (?:that )?(?:you(?:r|rself)?)|(?:click|reply|respond|follow|visit|answer|type|enter)[^.]*(?:deliver|releas|approv|verif|confirm|authenticat))[^.]*(?:person|human|message|mail|sender|spam|deliver|real|address)|(?:anti-?spam|spam)[^.]*(?:confirm|verif|authenticat|challenge|approv)[^.]*|message[^.]*(?:held|quarantin|waiting|pending|on hold|queue)[^.]*(?:confirm|verif|until|reply|respond|authenticat)|(?:confirm|verif|approv|authori[sz])[^.]*(?:only once|one time|first time|this once|one-time|will not be asked|whitelist|white list|allowed senders|approved senders)",
    ),
    family(
        Nature::Challenge,
        "a challenge system (other languages)",
        r"(?:votre (?:message|e-?mail|mail))[^.]*(?:authentifi|confirm|valid|cliqu)|(?:sua|seu|su) (?:mensagem|e-?mail|mensaje|correo)[^.]*(?:confirm|verifi|autoriz|clique|haga clic)|(?:ihre|deine) (?:nachricht|e-?mail)[^.]*(?:bestätig|verifizier|klick)",
    ),
    // Confirmations.
    family(
        Nature::Confirmation,
        "a list server",
        r"(?:confirm|verify|activate|complete|validate)[^.]*(?:subscri|sign-?up|registration|request|membership|newsletter|e-?mail address|mailing list|account|opt)|(?:subscri|sign(?:ed)?[- ]?up|regist|newsletter|mailing list|opt(?:ed)?[- ]in)[^.]*(?:confirm|verify|activate|click|reply|complete)|(?:if you (?:did not|didn't|do not|don't|have not)[^.]*(?:request|subscri|sign|regist|want|wish))",
    ),
    family(
        Nature::Confirmation,
        "a list server (other languages)",
        r"bestätig[^.]*(?:anmeld|abonn|regist|newsletter|e-?mail|adresse|eintrag|teilnahme|liste)|(?:anmeld|abonn|regist|eintrag)[^.]*bestätig|confirm[^.]*(?:inscri|abonn|adresse|suscri|registro|correo|bolet|assinatura|cadastro)|(?:inscri|abonn|suscri|registr|assinatura|cadastr)[^.]*(?:confirm|valid)|conferm[^.]*(?:iscri|registr|indirizzo)|bevestig[^.]*(?:aanmeld|inschrij|abonn|adres)|подтверд[^.]*(?:подпис|регистр|адрес)|(?:登録|購読|入会|退会|申し込み)@more@(?:確認|クリック|手続|返信)|(?:确认|確認|激活)@more@(?:订阅|訂閱|注册|註冊|帐|账)|(?:가입|구독)[^.]*(?:확인|인증)",
    ),
    // List servers' notices.
    family(
        Nature::ListNotice,
        "a list server",
        r"(?:your|the) (?:message|post|posting|mail|e-?mail|submission|article|subscription|request|command)s?@more@(?:(?:was|were|has been|have been|is|been) (?:rejected|refused|denied|held|disabled|declined|discarded|blocked|stalled|queued|not (?:allowed|posted|distributed|accepted|sent|delivered))|(?:awaits?|awaiting|waiting for|pending) (?:moderat|approv|the (?:list )?(?:moderat|owner))|moderat)|(?:only|just) (?:those|members|subscribers|people|persons|addresses|list members)@more@(?:may|can|are allowed|subscribed)|(?:you are|you're|address is|is|are)@word@ not@word@ (?:a )?(?:member|subscribed|subscriber)|results of your (?:e-?mail )?commands?|(?:takes|accepts|from|by)@word@@word@ (?:its )?(?:members|subscribers) only",
    ),
    vague(
        Nature::ListNotice,
        "a list server",
        r"(?:held|holding|queued|waiting|awaiting|forwarded|submitted|sent)[^.]*(?:moderat|list (?:owner|admin)|approv)|(?:only|not a|non-?|aren't a|are not an?|by) ?(?:list )?(?:members?|subscribers?|subscribed|authorized|authorised)[^.]*|(?:mailing[- ]?list|the list|this list|list server|list manager|list owner|group)[^.]*(?:reject|refus|denied|not (?:allowed|permitted|authorized|accept|distributed|posted)|moderat|bounce|disabled|welcome|unsubscri|subscri|command|post)|(?:results? of your|your) (?:e-?mail )?commands?|(?:posting|post|message|submission)[^.]*(?:rejected|refused|denied|not (?:allowed|posted|distributed|accepted))[^.]*(?:list|group|moderat|member|subscri)?",
    ),
    family(
        Nature::ListNotice,
        "a list server (other languages)",
        r"(?:liste?|lista|lijst|verteiler|gruppe|groupe|grupo)[^.]*(?:moderat|modérat|moderador|genehmig|mitglied|membre|miembro|membro|abonn|zurückgewiesen|abgelehnt|refus|rechaz|abgewiesen|befehl|commande|comando)|(?:メーリングリスト|リスト)@more@(?:承認|メンバー|会員|投稿|登録|拒否|保留|退会)|(?:not member|メンバーではありません)",
    ),
    // Virus scanners' notices.
    family(
        Nature::VirusNotice,
        "a virus scanner",
        r"(?:virus(?:es)?|worm|trojan|malware|malicious (?:code|software)|infected (?:file|attachment|e-?mail|message)|banned (?:file|attachment|name)|prohibited (?:file|attachment)|dangerous (?:file|attachment)|blocked (?:file|attachment))[^.]*(?:found|detect|clean|delet|quarant|remov|block|stopp|reject|discover|contain|intercept|was|in (?:your|a|an|the))|(?:found|detect|contain|discover|infected|identified|intercept)[^.]*(?:virus|worm|trojan|malware|malicious)",
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (other languages)",
        r"(?:viren?|virus|wurm|trojaner)[^.]*(?:gefunden|entdeckt|infiziert|enthielt|enthält|erkannt|détect|trouv|infect|contenait|contient|detect|encontr|conten|rilevat|trovat|gevonden|fundet|hittat|funnet)|(?:infiziert|infecté|infectad|infettat|besmet)[^.]*|wirus[^.]*|вирус[^.]*|(?:обнаружен|найден)[^.]*вирус|(?:ウイルス|ウィルス|病毒|바이러스)",
    ),
    // Receipts.
    family(
        Nature::Receipt,
        "a receipt",
        r"(?:this|is|the) (?:is a )?(?:return|read|delivery|disposition) (?:receipt|notification|confirmation) for|(?:your (?:message|document|mail|e-?mail))[^.]*(?:was (?:read|opened|displayed|received by|deleted without)|has been (?:read|opened|displayed))|(?:was|were) (?:read|opened|displayed) (?:on|at|by)|the message (?:sent )?(?:on|to|that)[^.]*(?:displayed|read|opened)|no guarantee that the message has been read|(?:angezeigt|gelesen|geöffnet) (?:wurde|worden|am)|wurde[^.]*(?:angezeigt|gelesen|geöffnet)|a été (?:lu|affiché|ouvert)|ha sido leído|se ha mostrado|è stato (?:letto|visualizzato)|foi (?:lida|exibida|aberta)|(?:your (?:document|message)|ihr dokument|votre document)[: ]@more@(?:was (?:received|read|opened) by|wurde|a été)|(?:сообщение|письмо|ваше)@more@(?:прочитан|прочтен|получен)|(?:開封|表示)(?:され|しまし|確認)|已(?:被)?(?:阅读|閱讀|打开|显示)",
    ),
];

/// A mail server's refusal as software quotes it: a reply with a status code, or one behind the words that quote it.
pub(super) const REFUSAL: &str = r"\b[45][0-9][0-9][- ]#?[45]\.[0-9]{1,2}\.[0-9]{1,3}\b|(?:smtp|said|says|reply|response|replied|responded|error(?: code)?|server|returned|reason|code|diagnostic-code:? smtp;?|rcpt to:?[^ ]*|mail from:?[^ ]*|data)[^a-z0-9]{0,6}(?:was |code )?[\W]{0,3}[45][0-9][0-9][ -]|(?:^|[^0-9a-z.])5[05][0-4][ -](?:<|requested|sorry|user|unknown|mail|message|no |recipient|address|invalid|relay|error|5\.|unable|account|not |this|delivery|denied|access|blocked|spam|quota|host|service|transaction|command|permanent|unrouteable|administrative|too |[a-z0-9._-]+@)";

/// The reasons that words of bounces state; where several match, the first of the table holds. So what can mean one thing
/// only stands first, and what also stands in explanations last.
pub(super) const REASON_WORDS: &[(Reason, &str)] = &[
    (
        Reason::Policy,
        r"domain of sender|sender(?:'s)? (?:address|domain|mailbox)@more@(?:reject|does not|not exist|not found|unknown|invalid|refus|verif)|\b5\.1\.[78]\b|(?:spamhaus|spamcop|sorbs|barracudacentral|spam-?rbl|dnsbl|rbl|njabl|abuseat|uceprotect|blackhole|open ?relay database|senderbase)|(?:black|block|deny)[- ]?list|(?:spf|dkim|dmarc|sender ?id|domainkeys|sender policy(?: framework)?)\)?@word@@word@@word@ (?:fail|reject|not |pass|check|record|align|polic|authent|invalid|error)|(?:fail|reject|violat)[a-z]*@word@@word@@word@ \(?(?:spf|dkim|dmarc)\b|(?:reverse (?:dns|lookup|hostname|mapping|address)|\bptr\b|\brdns\b)|client host@more@(?:rejected|blocked|denied)|(?:poor|bad|low|ip|sender) reputation|unauthenticated (?:e-?mail|mail|sender)|not accepted for policy|policy (?:violation|reason|reject)",
    ),
    (
        Reason::MailboxFull,
        r"mailbox(?: is| was| has)?(?: currently| too)?(?: is)?[ _]full|full mailbox|(?:over|exceed[a-z]*|violat[a-z]*)@word@ ?(?:quota|storage (?:limit|allocation|space))|over ?quota|quota@word@ ?(?:violat|exceed|full|reached|is full|error)|(?:mailbox|account|inbox|mail folder|mailfolder|user|recipient)@word@ (?:is |has )?(?:full|over (?:the |its |his |their )?(?:maximum |disk |allowed )?(?:quota|limit|storage|size)|exceeded|out of space)|(?:insufficient|not enough|out of|no) (?:disk |storage |system |mailbox )*(?:space|storage|room)|no space left|(?:maximum|max|limit) (?:mailbox|folder) size|mailbox (?:size limit|exceeds)|(?:mailbox|recipient) storage|メールボックス@more@(?:一杯|いっぱい|容量)|(?:postfach|mailbox)@more@(?:voll|überf|erschöpft)|boîte@more@(?:pleine|satur)|(?:buzón|casilla)@more@(?:llen|exced)|casella@more@pien|caixa@more@chei|(?:邮箱|信箱|空间)@more@(?:已满|已滿|不足|爆滿|超过)|ящик@more@(?:переполн|заполн)|переполнен|(?:용량|메일함)@more@(?:초과|가득|꽉)|przepełnion|plná schránka|posta kutusu@more@dolu",
    ),
    (
        Reason::TooLarge,
        r"(?:message|mail|e-?mail|body|attachments?|line|file)@word@ (?:is |was |are )?(?:too (?:big|large|long)|larger than|exceed@more@(?:size|limit|maximum))|(?:message|mail|body|fixed|maximum|line) (?:size|length|limit)@word@ (?:exceed|limit|too|is)|(?:exceed@more@ (?:message|mail|fixed|maximum|allowed|line) (?:size|limit|length))|message_?too_?(?:large|big)|size limit|line limit|(?:nachricht|mail)@more@zu gro|message@more@trop (?:gros|volumin|grand|lourd)|サイズ@more@(?:超|大き)|(?:邮件|郵件)@more@(?:过大|過大|太大)|too large|messagesize",
    ),
    (
        Reason::RelayingDenied,
        r"relay(?:ing)?@word@ (?:is )?(?:access )?(?:denied|not (?:permitted|allowed)|prohibited|disabled|refused|rejected|operation rejected)|(?:unable|cannot|can't|not (?:allowed|permitted|willing)|won't|unauthori[sz]ed|refus(?:e|ed|es|ing)|will not|do(?:es)? not|don't)(?: to)? relay|no relay|isn't in my list of allowed rcpthosts|(?:not|is not)@word@ gateway (?:user|for)|local delivery only|relay@more@(?:denied|forbidden|interdit|verweigert|nicht (?:erlaubt|gestattet))|permission to relay",
    ),
    (
        Reason::Vacated,
        r"(?:recipient|user|mailbox|address|employee|account|person|he|she|who)@word@ (?:has |have |is |was )?(?:been )?(?:moved|changed (?:his|her|to|address))|user not local; please try|please (?:use|update|try|forward)@more@(?:new|instead|forward-?path)|new (?:e-?mail )?address (?:is|:)|no longer (?:employed|works|with (?:the|us|our|this))|out of (?:the )?office|on vacation",
    ),
    (
        Reason::ContentRejected,
        r"(?:virus(?:es)?|worm|trojan|malware|malicious|phishing)\b|\binfected\b|(?:identified|detected|classified|tagged|marked|flagged|considered|looks|looked|appears|suspected|seems|judged|scored|blocked|rejected|refused|filtered|bounced|listed)@word@ (?:as |like |to be |for |because of |being |due to )?(?:possible |probable |a |potential |likely |high probability of )*(?:spam|unsolicited|junk|uce|ube|bulk)|(?:spam|junk|unsolicited|bulk)@word@ (?:detect|reject|content|score|block|filter|refus|message|mail|e-?mail|found|not accept|suspect|probab|threshold)|(?:^|[^a-z0-9.@-])spam(?:[^a-z0-9.@-]|\z)|(?:content|body|header)@word@ (?:rejected|refused|blocked|denied|not (?:allowed|accepted|acceptable)|violat|restrict|prohibit|filter)|(?:prohibited|banned|forbidden|illegal|blocked|disallowed|dangerous) (?:attachment|content|file|header|extension)|attachment@word@ (?:rejected|blocked|not (?:allowed|accepted)|prohibited|type|removed)|mail rejet|message (?:filtered|content@word@ reject)|(?:does not|doesn't|not)@word@ (?:conform|comply|compliant)@more@rfc|(?:ウイルス|スパム|迷惑メール)|(?:垃圾|病毒)|спам",
    ),
    (
        Reason::MailboxUnavailable,
        r"(?:mailbox|account|user|recipient|address|e-?mail|domain|subscriber)@word@ (?:is |has been |been |was |currently |temporarily |now )*(?:disabled|suspended|inactive|not active|deactivated|locked|closed|frozen|blocked|discontinued|terminated|expired|on hold|unavailable for|not (?:currently )?accepting|not receiving)|(?:disabled|inactive|suspended|deactivated|discontinued|blocked|locked) (?:user|account|mailbox|recipient|address)|suspended|(?:停止|冻结|停用)|(?:deaktiviert|gesperrt|desactivad|disattivat|désactivé|отключен|заблокирован)",
    ),
    (
        Reason::UserUnknown,
        r"(?:user|recipient|mailbox|addressee|alias|account|login|addresses?|person|name)@word@ (?:is |are |was |were |has been |name |address |account |id |rejected: )*(?:unknown|not found|not known|not listed|invalid|nonexist|non-exist|not recogni[sz]ed|undefined|unrouteable)|(?:unknown|invalid|no such|unrouteable|unroutable|nonexistent|non-existent|bad)(?: or@word@)? ?(?:or |local |mail |destination |e-?mail |remote )*(?:user|recipient|mailbox|address|account|person|alias|addressee|host|domain|destination|name|local[- ]part|here)|(?:does not|doesn'?t|do not|did not|didn't|may not|might not)@word@ exist|(?:could ?n[o']?t|can ?not|can't|was ?n[o']?t|unable to|not) (?:be )?(?:find|found|locate|resolve)|recip(?:ient)?notfound|unknown (?:to|in|at)\b|no (?:mailbox|user|account|recipient|one|such|mx|dns)\b|does not like recipient|recipient address rejected: access denied|(?:host|domain|hostname)@word@ (?:is )?(?:not found|unknown|invalid|non-?exist|not (?:resolv|exist)|does not resolve|isn't|not reachable)|not our customer|delivery to this (?:user|recipient|address)|not@word@ (?:registered|valid|listed|a valid|our|known|local|recogni)@word@ ?(?:user|recipient|address|mailbox|in|here|at|by|gateway|domino)?|never (?:existed|logged)|is(?: not|n't) (?:listed|valid|a (?:known|valid)|local)|no longer (?:valid|exist|active|available|in use|on|here|in service)|empfänger@more@(?:unbekannt|existiert|nicht)|(?:adresse|benutzer|konto|postfach)@more@(?:unbekannt|existiert nicht|nicht gefunden|ungültig)|destinataire@more@(?:inconnu|n'existe|introuvable)|(?:usuario|destinatario|cuenta|dirección|buzón)@more@(?:desconocid|no existe|inexistente|inválid)|(?:utente|destinatario|indirizzo|casella)@more@(?:sconosciut|inesistente|non esiste|non valido)|(?:usuário|destinatário|endereço|conta)@more@(?:desconhecid|inexistente|não existe|inválid)|(?:宛先|ユーザ|アドレス|受信者)@more@(?:見つか|存在し|不明|ありません|誤|間違)|(?:用户|用戶|收件人|帐号|账号|帳號|邮箱|地址|收信人)@more@(?:不存在|不正确|不正確|错误|錯誤|未找到|无效|有误)|(?:пользовател|получател|адрес|ящик)@more@(?:не (?:найден|существует)|неизвест|отсутствует)|(?:수신자|사용자|주소|계정|메일)@more@(?:없|존재하지)|ontvanger@more@(?:onbekend|bestaat niet)|mottagare@more@okänd|nieznany|neexistuje|bilinmeyen|ismeretlen",
    ),
    (
        Reason::Expired,
        r"(?:retry|delivery|message|queue|envelope|connection|operation|session|read|transaction|smtp|conversation)@word@ (?:has |have |was )?(?:time(?:d)?[- ]?out|expired|timeout)|(?:retry|retries)@more@(?:exceed|exhaust|expire)|in the queue too long|(?:too long|for too long)|has expired|expired\b|4\.4\.7|(?:not|n't) (?:yet )?(?:been )?deliver@more@(?:within|after|in the last|for the (?:last|past)) |(?:delayed|still (?:be )?(?:being )?(?:trying|retried|undelivered)|will (?:be )?(?:keep|continue|retr)|no action is required|for the (?:last|past)|postponed|will keep trying|try again (?:later|for)|queued for|delivery attempts will|is delayed|have been delayed|has been delayed|を試み|再送|verzögert|retardé|retrasad|ritardat|delay)|did not (?:accept|respond)@more@connect|temps imparti|cannot send message (?:within|for)|not respond|gave up|given up after|giving up after",
    ),
    (
        Reason::Network,
        r"(?:too many|exceeded|maximum)@word@ (?:hops|received)|hop count|(?:mail|routing|forwarding|message)@word@ loop|loops? (?:back|detected)|looping|(?:connection|connect|session|conversation)@word@ (?:refused|reset|lost|dropped|closed|aborted|terminated|failed|error)|(?:could ?n[o']?t|can ?not|can't|unable to|failed to|wasn't able to) (?:establish|connect|contact|reach|open)|no route to|(?:network|host|domain)@word@ (?:unreachable|error|down)|(?:dns|name ?server|mx)@word@ (?:fail|error|time|no answer|loop|problem|not|record|lookup)|lookup@word@ fail|name service error|malformed or unexpected name server|refused to talk to me|i/o error|tls (?:handshake|negotiation|required)|starttls|certificate|socket error|host name lookup|erreur@more@(?:réseau|connexion)|(?:verbindung|netz)@more@(?:fehl|nicht|abgebr)|соединени",
    ),
];

/// The reasons that words state which stand in explanations of many a bounce: asked only when nothing else tells.
pub(super) const LOOSE_REASON_WORDS: &[(Reason, &str)] = &[
    (
        Reason::Policy,
        r"(?:block(?:ed|ing)?|reject(?:ed)?|refus(?:ed|al)|denied|banned|prohibited|restricted|not (?:authori[sz]ed|permitted|allowed|accepted))\b|access denied|reputation|(?:too many|exceed@more@)(?:connection|message|recipient|session|rate|hour|minute)|rate limit|throttl|polic(?:y|ies)|administrativ|greylist|graylist|permission|security|protocol violation|authenticat|abgelehnt|abgewiesen|rejet|rechaz|rifiutat|recusad|geweigerd|拒否|拒绝|拒絕|отклонен|거부",
    ),
    (
        Reason::UserUnknown,
        r"(?:non[- ]?exist|unrouteable|undeliverable address|mailbox@more@(?:unavailable|not available)|recipient@more@(?:reject|refus)|5\.1\.[0-4])|name or service|bad destination",
    ),
    (Reason::MailboxUnavailable, r"unavailable|not available|temporarily"),
];
