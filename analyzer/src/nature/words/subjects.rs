//! What subjects of software that reflects mail begin with.

use crate::nature::Nature;
use crate::nature::families::{Family, explicit, family, vague};

/// Subjects, from their beginning.
pub(in crate::nature) const SUBJECT_WORDS: &[Family] = &[
    // Bounces.
    family(
        Nature::Bounce,
        "sendmail",
        &[
            r"(?:[a-z0-9.-]+ )?returned (?:e-?)?mail(?::| -|--|\z)",
            r"warning: could not send message for past",
            r"postmaster notify",
        ],
    ),
    family(Nature::Bounce, "qmail", &[r"failure (?:notice|delivery|report)"]),
    family(
        Nature::Bounce,
        "Postfix",
        &[
            r"undelivered mail returned to sender",
            r"delayed mail \(still being retried\)",
            r"mail delivery status report",
            r"successful mail delivery report",
        ],
    ),
    family(
        Nature::Bounce,
        "Exim",
        &[
            r"(?:[a-z0-9.-]+ )?mail delivery failed ?:",
            r"warning: message [a-z0-9-]+ delayed",
            r"mail failed, returning",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system",
        &[
            r"(?:re: ?)?(?:\W{0,4})?(?:(?:e-?)?mail|message|permanent|transient|email)? ?deliver(?:y|ies) (?:status )?(?:notification|failure|failed|failures|error|problem|report|warning|status|delay|has failed|was not|unsuccessful|impossible|message|incomplete|to .* failed)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system",
        &[
            r"(?:e-?mail|message|mail) (?:delivery|could not|couldn'?t|can ?not|not|was not|has not|undeliver|deliver|system error|error|failed|failure|returned|rejected|bounced|status ?-? ?(?:undeliverable|error|failed))",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system",
        &[
            r"(?:\W{0,4})?undeliver(?:able|ed|y)",
            r"un-?deliverable",
            r"non-?deliver(?:y|able|ed)",
            r"not delivered",
            r"ndr:",
            r"ndn:",
            r"could not deliver",
            r"unable to deliver",
            r"can(?:no|')t deliver",
            r"failed (?:mail|delivery|message|to deliver)",
            r"delivery of .* (?:failed|delayed)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system",
        &[
            r"(?:your )?(?:e-?mail|message|mail)(?: to| for| sent to)? .*(?:could(?:n't| not)|was not|can ?not|has not been|not) (?:be )?(?:deliver|sent)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system",
        &[
            r"there was an error sending your mail",
            r"processing error\z",
            r"warning(?:: ?|--).*(?:user unknown|could not send|not delivered|undeliver|delayed)",
            r"(?:automatic )?(?:e?mail )?bounce(?:d)?(?: (?:e-?mail|mail|message|notification)|\z|:)",
            r"rejected (?:e-?mail|mail|message)",
            r"(?:e-?mail|mail) returned",
            r"user unknown",
            r"unknown (?:user|recipient|address)",
            r"mailbox (?:full|unavailable|not found)",
            r"(?:e-?mail )?address (?:not found|unknown|rejected)",
            r"invalid (?:recipient|address|mailbox)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (German)",
        &[
            r"unzustellbar",
            r"nicht zustellbar",
            r"(?:mail-?)?zustell(?:ung|fehler|problem)",
            r"(?:ihre )?(?:e-?mail|nachricht|mail)[^.]*(?:unzustellbar|nicht zugestellt|zurückgewiesen|konnte nicht)",
            r"benachrichtigung zum übermittlungsstatus",
            r"fehler bei der (?:zustellung|übermittlung)",
            r"rücksendung",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (French)",
        &[
            r"non (?:remis|distribu|délivr)",
            r"échec (?:de|d'|du|lors|definitif|définitif)",
            r"(?:message|courrier|courriel|mail|e-mail)[^.]*(?:non remis|non distribu|non délivr|n'a pas pu)",
            r"(?:avis|rapport|notification) de non[- ](?:remise|distribution)",
            r"retour (?:de|du) (?:message|courrier|mail)",
            r"erreur (?:de|d'|lors)[^.]*(?:distribution|envoi|livraison|remise)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Spanish)",
        &[
            r"no se (?:puede|pudo|ha podido) entregar",
            r"(?:error|fallo|falla) (?:en|de) (?:la |el )?(?:entrega|env)",
            r"entrega fallida",
            r"(?:mensaje|correo)[^.]*(?:no entregado|devuelto|no se pudo|rechazado)",
            r"devolución de (?:correo|mensaje)",
            r"notificación de (?:estado de )?entrega",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Italian)",
        &[
            r"non (?:recapitabile|consegnat)",
            r"mancat[ao] (?:consegna|recapito)",
            r"(?:messaggio|e-?mail|mail|posta)[^.]*(?:non (?:recapit|consegn|è stat)|respint)",
            r"consegna (?:fallita|non riuscita)",
            r"errore (?:di|nella) consegna",
            r"impossibile (?:consegnare|recapitare)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Portuguese)",
        &[
            r"não é possível entregar",
            r"não entreg",
            r"falha (?:na|de|no) (?:entrega|envio)",
            r"(?:mensagem|e-?mail)[^.]*(?:não (?:pôde|entreg|foi)|devolvid|retornad|rejeitad)",
            r"erro (?:na|de) entrega",
            r"retorno de mensagem",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Dutch)",
        &[
            r"onbestelbaar",
            r"niet (?:bezorgd|afgeleverd|bestelbaar)",
            r"(?:bericht|e-?mail)[^.]*(?:niet (?:bezorgd|afgeleverd|worden)|onbestelbaar|geweigerd)",
            r"fout bij (?:het )?(?:bezorg|aflever)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Nordic)",
        &[
            r"kan ikke leveres",
            r"kunne ikke leveres",
            r"ikke leveret",
            r"uleverbar",
            r"olevererbar",
            r"gick inte att leverera",
            r"kunde inte levereras",
            r"ej levererat",
            r"ei voitu toimittaa",
            r"toimittaminen epäonnistui",
            r"leveringsfeil",
            r"leveransfel",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Slavic)",
        &[
            r"niedostarcz",
            r"nie dostarczono",
            r"niedoręcz",
            r"zwrot (?:wiadomo|poczty|listu)",
            r"nedoručitel",
            r"nedoručeno",
            r"nebylo možné doru",
            r"(?:ваше )?(?:сообщение|письмо)[^.]*не доставлен",
            r"недоставлен",
            r"не удалось доставить",
            r"доставка не",
            r"уведомление о (?:состоянии )?доставк",
            r"ошибка (?:при )?доставк",
            r"возврат (?:письма|почты)",
            r"невозможно доставить",
            r"не доставлено",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Turkish, Hungarian, Greek)",
        &[
            r"teslim edil",
            r"iletilemedi",
            r"gönderilemedi",
            r"kézbesíthetetlen",
            r"kézbesítési hiba",
            r"μη παραδ",
            r"αποτυχία παράδοσης",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Japanese)",
        &[
            r"メールエラー",
            r"配信不能",
            r"配信エラー",
            r"配送エラー",
            r"不達",
            r"メール(?:を|が)?(?:送信|配信|配送|お届け|送れ|届)",
            r"配信できません",
            r"送信できません",
            r"宛先不明",
            r"エラーメール",
            r"送信エラー",
            r"配信失敗",
            r"送信失敗",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Chinese)",
        &[
            r"(?:系统|系統)?退信",
            r"投递失败",
            r"投遞失敗",
            r"无法(?:投递|送达|传递|发送)",
            r"無法(?:投遞|送達|傳遞|傳送)",
            r"未送达",
            r"未送達",
            r"邮件(?:被|发送|投递|无法|未)",
            r"郵件(?:被|傳送|投遞|無法|未)",
            r"退件",
            r"發送失敗",
            r"发送失败",
            r"來自.*退信",
            r"来自.*退信",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Korean)",
        &[
            r"(?:메일 )?(?:전송|발송|배달)[^.]*(?:실패|오류|지연)",
            r"반송",
            r"배달되지",
            r"배달 못",
            r"수신 ?거부",
            r"전달되지",
            r"전송되지",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Hebrew, Arabic, Ukrainian)",
        &[
            r"לא ניתן למסירה",
            r"غير قابل للتسليم",
            r"تعذر (?:تسليم|التسليم)",
            r"(?:лист|повідомлення) не доставлен",
            r"не вдалося доставити",
        ],
    ),
    // Automatic answers. What names itself an answer of a machine before a colon is one.
    explicit(
        Nature::AutoReply,
        "Exchange",
        &[
            r"(?:out of office autoreply|automatic reply|автоответ|תשובה אוטומטית|מענה אוטומטי|رد تلقائي|ตอบกลับอัตโนมัติ|trả lời tự động|balasan otomatis|автоматичен отговор|automatski odgovor|samodejni odgovor|automatinis atsakymas|automatická odpoveď|resposta automàtica|ooo|automatische antwort|abwesenheitsnotiz|réponse automatique(?: d'absence du bureau)?|respuesta automática|fuera de la oficina|risposta automatica|fuori (?:ufficio|sede)|resposta automática|automatisch antwoord|afwezigheidsbericht|autosvar|automatiskt svar|automatisk svar|automaattinen vastaus|odpowiedź automatyczna|automatyczna odpowiedź|automatická odpověď|automatikus válasz|автоматический ответ|автоматична відповідь|otomatik (?:yanıt|cevap)|αυτόματη απάντηση|自動応答|自动答复|自動回覆|自动回复|자동 회신|răspuns automat)(?: ?(?::|：)| (?:-|–|auf) |\z)",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder",
        &[
            r"(?:re: ?)?(?:auto[- ]?(?:reply|response|responder|antwort|respond)|automatic (?:response|answer|auto-?reply)|automated (?:reply|response)|vacation(?: reply| message| notice| auto-?reply)?|out[- ]of[- ](?:the[- ])?office(?: auto-?reply| reply| response| notice| message)?|autoreply|away from (?:my |the )?(?:mail|office|desk|e-?mail)) ?(?::|：|\z)",
        ],
    ),
    vague(
        Nature::AutoReply,
        "an auto-responder",
        &[
            r"(?:i am|i'm|i will be|i'll be) (?:currently )?(?:away|out|on (?:vacation|holiday|leave)|not in)",
            r"(?:away|absent|on leave|vacation|holidays?|absence)\b",
            r"my (?:e-?mail )?address (?:has )?changed",
        ],
    ),
    family(
        Nature::AutoReply,
        "Notes",
        &[
            r".* (?:is|are|am) (?:currently )?out of (?:the )?office",
            r".* (?:est|sera) absente? (?:du bureau|jusqu)",
            r".* (?:está|estará) (?:fuera de la oficina|ausente)",
            r".* (?:è|sarà) (?:fuori ufficio|assente)",
            r".* er ikke på kontoret",
            r"(?:abwesenheitsnotiz|abwesenheitsmeldung|message d'absence|réponse automatique)\z",
            r".* ist (?:au(?:ß|ss)er haus|nicht im (?:büro|hause?))",
            r".*\((?:away from the office|out of office|automatic (?:response|reply)|auto-?(?:reply|response))\)",
        ],
    ),
    vague(
        Nature::AutoReply,
        "a ticket system",
        &[
            r"ticket received",
            r"(?:nouveau|nuevo|neues|nuovo) ticket",
            r"(?:re: ?)?(?:thank(?:s| you) for|we(?: have|'ve)? received|your (?:message|e-?mail|mail|request|enquiry|inquiry|ticket|case|support request)|(?:new )?(?:ticket|case|request|issue)[ :#(]|ticket received|request received|message received|acknowledge?ment|auto ?ack|(?:support )?(?:ticket|request|case) ?(?:#|id|number|opened|created|received|has been))",
            r"\[(?:request|ticket|message|case) received\]",
            r"\[?ticket ?#",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (German)",
        &[r"(?:ihre|deine) (?:anfrage|e-?mail|nachricht)", r"vielen dank für (?:ihre|deine)"],
    ),
    family(Nature::AutoReply, "an auto-responder (Spanish)", &[r"gracias por (?:su|tu|contactar)"]),
    // Challenges.
    family(
        Nature::Challenge,
        "a challenge system",
        &[
            r"(?:re: ?)?(?:please )?(?:confirm|verify) (?:that )?(?:you(?:r)? (?:sent|message|e-?mail to|mail to|delivery|are (?:a )?(?:human|person|real))|(?:your )?(?:message|delivery|e-?mail) (?:to|sent|delivery)|delivery|sender|you are)",
            r"(?:message |sender |e-?mail )?(?:confirmation|verification|authori[sz]ation|authentication) (?:required|needed|requested|request) (?:for|before|to deliver)",
        ],
    ),
    family(
        Nature::Challenge,
        "a challenge system",
        &[r"(?:please )?confirm: re: ", r"(?:unverified|unconfirmed) (?:e-?mail|message|mail|sender)"],
    ),
    // Confirmations.
    family(
        Nature::Confirmation,
        "Mailman",
        &[
            r"confirm [0-9a-f]{5,}\z",
            r"your confirmation is (?:required|needed) to (?:join|leave)",
            r"(?:wir benötigen|votre confirmation|ihre bestätigung|se requiere su confirmaci|è necessaria la tua conferma|リスト).*(?:bestätig|requise|nécessaire|confirm|conferma|確認)",
        ],
    ),
    family(
        Nature::Confirmation,
        "ezmlm",
        &[r"confirm (?:un)?subscri(?:be|ption) (?:to|from)", r"(?:please )?confirm (?:un)?subscri"],
    ),
    family(
        Nature::Confirmation,
        "Majordomo",
        &[
            r"(?:un)?subscri(?:be|ption) (?:request )?confirmation",
            r"[a-z0-9_.-]+ : (?:confirm|un)?subscri[a-z ]* ",
            r"confirmation(?: request)? (?:for|from) ",
        ],
    ),
    family(
        Nature::Confirmation,
        "Sympa",
        &[
            r"(?:re: ?)?auth [0-9a-f]{8,}",
            r"(?:demande de )?confirmation (?:d'abonnement|d'inscription|requise|de commande)",
        ],
    ),
    family(
        Nature::Confirmation,
        "LISTSERV",
        &[
            r"command confirmation request",
            r"(?:your )?subscription (?:request )?(?:to|for) (?:the )?[a-z0-9_-]+ (?:list )?.*(?:confirm|ok)",
            r"(?:re: ?)?.*confirm(?:ation)? code",
        ],
    ),
    family(
        Nature::Confirmation,
        "a newsletter",
        &[
            r"(?:(?:action|response|activation|confirmation) (?:required|needed|requested)[:! -]*)?(?:.*[:-] ?)?(?:please )?(?:confirm|activate|verify|validate|complete) (?:your |the )?(?:(?:newsletter|mailing list|e-?mail|free)? ?(?:subscription|sign-?up|opt-?in|registration|membership|newsletter|e-?mail address|e-?mail)|account)",
            r"confirm (?:your|this) ",
            r"you(?:'re| are) almost",
            r"almost (?:done|there|finished|subscribed)",
            r"one (?:last|more) step",
            r"account activation",
            r"activate your",
            r"welcome to .*(?:confirm|activate)",
        ],
    ),
    explicit(Nature::Confirmation, "Mailman", &[r"(?:.*: )?confirm [0-9a-f]{20,}\z"]),
    family(
        Nature::Confirmation,
        "Majordomo",
        &[
            r"(?:.*-- ?)?confirmation (?:for|of) (?:un)?subscri",
            r"(?:.*: )?(?:please )?confirm (?:your )?request to (?:join|leave|subscri)",
        ],
    ),
    family(Nature::Confirmation, "Sympa", &[r".*(?:authentication|confirmation) (?:request|required|needed)"]),
    family(
        Nature::Confirmation,
        "a newsletter",
        &[
            r".*(?:subscription|newsletter|registration|sign-?up|membership|opt-?in)[: -]*(?:please )?(?:confirm|activation|verification)",
        ],
    ),
    vague(
        Nature::Confirmation,
        "a forum",
        &[
            r"(?:.* )?(?:account|login) details (?:for|at)",
            r"(?:.* )?e-?mail address confirmation",
            r"(?:complete|confirm|activate|verify) your (?:registration|account|sign-?up|membership)",
            r".*(?:добро пожаловать на|welcome to|willkommen (?:bei|im|auf)|bienvenue (?:sur|à|au)|bienvenido a|activeren|aktivier|activer|activar|attiva|activation|aktivierung|confirmaci|petición de confirm|(?:demande|richiesta|pedido) (?:de|di) conf)",
        ],
    ),
    family(
        Nature::Confirmation,
        "a newsletter (German)",
        &[
            r".*(?:bestätig[a-z]*.*(?:anmeldung|registrierung|newsletter|e-?mail|abo|eintrag)|(?:anmeldung|registrierung|newsletter|abonnement)[a-z-]*.*bestätig)",
        ],
    ),
    family(
        Nature::Confirmation,
        "a newsletter (French)",
        &[
            r".*(?:confirm[a-z\x80-\xFF]*.*(?:inscription|abonnement|adresse|e-?mail|newsletter|compte)|(?:inscription|abonnement).*confirm|valid[a-z\x80-\xFF]* (?:votre|ton) (?:inscription|abonnement|adresse))",
        ],
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Spanish)",
        &[
            r".*(?:confirm[a-z\x80-\xFF]*.*(?:suscripci|registro|correo|inscripci|boletín|alta)|(?:suscripción|registro|boletín).*confirm)",
        ],
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Italian, Portuguese)",
        &[
            r".*(?:conferm[a-z]*.*(?:iscrizione|registrazione|indirizzo|newsletter|e-?mail)|iscrizione.*conferm|confirm[a-z\x80-\xFF]*.*(?:inscriç|assinatura|cadastro|seu e-?mail))",
        ],
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Dutch, Nordic)",
        &[
            r".*(?:bevestig.*(?:aanmelding|inschrijving|nieuwsbrief|e-?mail|abonnement)|(?:aanmelding|inschrijving).*bevestig|bekræft.*(?:tilmelding|abonnement|e-?mail)|bekräfta.*(?:prenumeration|anmälan|e-?post))",
        ],
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Slavic)",
        &[
            r".*(?:potwierdź.*(?:subskrypcj|rejestracj|zapis|adres)|potwierdzenie (?:subskrypcji|rejestracji|zapisu)|potvrď.*|подтвер(?:дите|ждение).*(?:подписк|регистрац|адрес|рассылк))",
        ],
    ),
    family(
        Nature::Confirmation,
        "a newsletter (Japanese, Chinese, Korean)",
        &[
            r".*(?:登録(?:の)?(?:確認|ご確認|手続き)|仮登録|購読(?:の)?(?:確認|申し込み確認)|本登録|メールアドレスの確認|(?:确认|確認).*(?:订阅|訂閱|注册|註冊)|订阅.*确认|激活.*(?:帐|账)|구독.*확인|가입.*(?:확인|인증))",
        ],
    ),
    // List servers' notices.
    family(
        Nature::ListNotice,
        "Mailman",
        &[
            r"your message to .* awaits moderator",
            r"request to mailing list .* rejected",
            r"your subscription to .* mailing list has been disabled",
            r"(?:auto-response for your message to|the results of your e?-?mail commands?)",
            r"you have been (?:un)?subscribed (?:to|from)",
            r"welcome to the .* (?:mailing list|digest)",
            r"your unsubscription",
            r"(?:post by|posting by) (?:a )?non-?member",
            r"you (?:are|were) not (?:allowed|authorized|permitted) to post",
        ],
    ),
    family(
        Nature::ListNotice,
        "Mailman (other languages)",
        &[
            r"(?:ihre nachricht an|ihre e-?mail an|votre message (?:a|à)|su mensaje (?:a|para)|il tuo messaggio a|uw bericht aan|sua mensagem para) .*(?:moderator|modérat|moderador|moderatore|genehmig|bestätig|wartet|attend|espera|aprob)",
            r"(?:resultado|ergebnis|résultat|risultat)[a-z]* .*(?:comandos|befehl|e-?mail-?(?:befehl|kommando)|commandes|comandi)",
            r"(?:willkommen|bienvenue|bienvenid[oa]|benvenut[oi]|bem-vindo).*(?:liste|lista|mailing)",
        ],
    ),
    family(
        Nature::ListNotice,
        "Majordomo",
        &[
            r"majordomo (?:results?|help|file|abort)",
            r"welcome to [a-z0-9_.-]+\z",
            r"your mail to [a-z0-9_.-]+@",
            r"non-?member submission",
            r"(?:re: )?.*(?:stalled|denied) (?:post|message)",
            r"(?:post|message)(?:ing)? (?:stalled|denied|rejected|held)",
        ],
    ),
    family(
        Nature::ListNotice,
        "ezmlm",
        &[
            r"ezmlm (?:response|warning|probe|report|reject|error|help)",
            r"(?:returned|moderate|rejected) (?:post|message)s? (?:for|from|to) ",
            r"(?:help|info|faq) (?:for|about|from) ",
            r"goodbye from ",
            r"welcome to [a-z0-9_.-]+@",
            r"result of ezmlm",
            r"ezmlm-",
        ],
    ),
    family(
        Nature::ListNotice,
        "LISTSERV",
        &[
            r"(?:re: ?)?rejected posting to",
            r"output of your job",
            r"(?:your )?(?:message|posting|distribution)(?: to)? .*(?:has been |was )?(?:rejected|not (?:been )?distributed|held|submitted to the moderator|awaits|awaiting|pending|not approved|not accepted|denied|returned)",
            r"you are (?:now|no longer|not) (?:a )?(?:subscribed|member)",
            r"you are not authorized to (?:send|post|mail)",
        ],
    ),
    family(
        Nature::ListNotice,
        "Sympa",
        &[
            r"(?:re: ?)?(?:results of your commands|message (?:distribution|rejected|to moderators|not distributed)|.*(?:distribution (?:is )?(?:denied|not allowed|refused|interdite|refusée)|(?:mail|message|envoi) (?:is )?(?:rejected|refusé|forwarded to (?:the )?moderators?|transmis aux mod)|rejet de votre message|article (?:to be approved|rejected|soumis)))",
        ],
    ),
    family(
        Nature::ListNotice,
        "fml",
        &[
            r"you .* (?:are|is) not (?:a )?member",
            r"(?:your )?(?:post|mail|article|message) .*(?:is )?(?:not (?:sent|accepted|forwarded)|rejected|refused|moderat)",
            r"fml (?:command )?(?:status|error|results?)",
            r"(?:command|request) (?:status|results?)\b",
        ],
    ),
    family(
        Nature::ListNotice,
        "Ecartis",
        &[r"(?:ecartis|listar) (?:command )?(?:results?|error)", r"(?:ecartis|listar)[ :]"],
    ),
    family(
        Nature::ListNotice,
        "Yahoo! Groups",
        &[
            r"unable to deliver your message",
            r"your message to .*(?:group|was not|has been|is pending|awaiting)",
            r"message not (?:sent|posted|approved)",
        ],
    ),
    family(
        Nature::ListNotice,
        "Google Groups",
        &[
            r"(?:posting error|message (?:rejected|awaiting moderation|not posted|pending approval)|.*(?:awaiting|pending) moderation|your (?:post|message) .*(?:rejected|moderation|could not be posted))",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a gateway",
        &[
            r"\W{0,4}(?:message|mail|e-?mail) you sent (?:was |has been )?(?:blocked|rejected|quarantined|infected)",
            r"your (?:message|mail|e-?mail) was blocked: attachment",
            r"virus in (?:ihrer|deiner) (?:nachricht|mail|e-?mail)",
        ],
    ),
    // Virus scanners' notices.
    family(
        Nature::VirusNotice,
        "amavis",
        &[
            r"virus(?:es)? \(.{1,200}\)",
            r"virus(?:es)? .*in (?:your )?(?:e-?mail|mail|message)",
            r"(?:banned|infected|bad) (?:contents?|files?|attachments?|item|filename).*(?:in|from) (?:mail |message |e-?mail )?(?:from )?(?:you|your)",
            r"v i r u s",
        ],
    ),
    family(
        Nature::VirusNotice,
        "MailScanner",
        &[
            r"(?:warning|warnung|attention|attenzione|aviso)[: -]*(?:e-?mail|message|mail|achtung)? ?.*virus",
            r"\{(?:virus|filename|dangerous|spam)\??\}",
            r"e-?mail viruses detected",
            r"other bad content detected",
        ],
    ),
    explicit(
        Nature::VirusNotice,
        "a virus scanner's alert",
        &[
            r"(?:[a-z]+ )?interscan (?:nt|msg|messaging|viruswall)[a-z ]* (?:alert|notification)",
            r"(?:sophos )?(?:scanmail|esafe|viruswall|antigen|groupshield|webshield|mailmonitor|mailsweeper|gfi mailsecurity|f-secure|qmail-scanner)[a-z ]*(?:alert|notification|message|:) .*",
            r"norton antivirus (?:detected|found)",
            r"virus_?alert\z",
        ],
    ),
    family(
        Nature::VirusNotice,
        "Trend Micro",
        &[
            r"(?:\[?scanmail|interscan|\[?viruswall|trend ?micro|\[?emanager|\[?imss)",
            r"virus(?:wall)? (?:alert|notification)",
        ],
    ),
    family(
        Nature::VirusNotice,
        "Symantec",
        &[r"(?:norton|symantec) .*(?:detect|found|virus|notif|quarant|violat|delet)"],
    ),
    family(
        Nature::VirusNotice,
        "Antigen",
        &[
            r"(?:antigen|forefront|sybari)\b.*(?:found|notif|detect|virus|match)",
            r"file filter",
            r"virus found in a message",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner",
        &[
            r"(?:virus|security|malware|content|antivirus|anti-virus) (?:alert|warning|notification|notice|report|violation|advisory|found|detected)",
            r"you (?:sent|have sent|may have|are sending) .*virus",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (German)",
        &[r"virenwarnung", r"viruswarnung", r"virenalarm", r"infizierte"],
    ),
    // Receipts older than RFC 8098, or beside it.
    family(
        Nature::Receipt,
        "Outlook",
        &[
            r"(?:read|not read|deleted|recalled)(?: receipt)?: ",
            r"(?:gelesen|ungelesen gelöscht|nicht gelesen): ",
            r"(?:lu|non lu|lu\(e\)) ?: ",
            r"(?:leído|no leído|letto|non letto|lido|não lida|lida|gelezen|niet gelezen|läst|læst|lest|luettu|przeczytane|přečteno|olvasott|прочитано|прочтено|okundu|開封済み|開封確認|既読|已读|已讀|읽음) ?(?::|：)",
        ],
    ),
    family(
        Nature::Receipt,
        "Notes",
        &[
            r"подтверждение (?:прочтения|получения|о прочтении)",
            r"(?:return|read|reading|disposition) (?:receipt|notification|report|confirmation)",
            r"receipt confirmation",
            r"delivery (?:receipt|confirmation)",
            r"confirmation of (?:reading|receipt)",
            r"(?:empfangs|lese)bestätigung",
            r"accusé de (?:réception|lecture)",
            r"confirmation de lecture",
            r"confirmación de lectura",
            r"acuse de recibo",
            r"ricevuta di (?:ritorno|lettura)",
            r"conferma di lettura",
            r"confirmação de leitura",
            r"leesbevestiging",
            r"ontvangstbevestiging",
            r"開封(?:確認|通知)",
            r"メッセージ開封",
            r"受信確認",
            r"回执",
            r"回執",
            r"已读回执",
        ],
    ),
    family(
        Nature::Receipt,
        "GroupWise",
        &[
            r"message status - (?:opened|read|delivered|accepted|deleted)",
            r"statut de message",
            r"status der nachricht",
        ],
    ),
    // Complaints that follow no standard.
    family(Nature::AbuseReport, "Hotmail", &[r"complaint about message from [0-9a-fx.:]+"]),
    family(
        Nature::AbuseReport,
        "a feedback loop",
        &[
            r"e-?mail (?:feedback|abuse) report",
            r"abuse report",
            r"(?:fw|fwd): \[?spam report",
            r"spam (?:report|complaint)",
        ],
    ),
];
