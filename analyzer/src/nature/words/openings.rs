//! What texts of software that reflects mail hold in front.

use crate::nature::Nature;
use crate::nature::families::{Family, family, vague};

/// Words of a text's beginning.
pub(in crate::nature) const OPENING_WORDS: &[Family] = &[
    // Bounces.
    family(
        Nature::Bounce,
        "Exim",
        &[
            r"this message was created automatically by mail delivery software",
            r"a message that you (?:have )?sent (?:could|has|was|to|using)",
            r"a message that you sent",
        ],
    ),
    family(
        Nature::Bounce,
        "qmail",
        &[
            r"this is the qmail-send program",
            r"i'm afraid i wasn'?t able to deliver",
            r"wasn't able to deliver your message to the following",
            r"this is a permanent error; i'?ve given up",
            r"i(?:'ve| have) given up\. sorry",
            r"qmail-send",
        ],
    ),
    family(
        Nature::Bounce,
        "Postfix",
        &[
            r"this is the (?:postfix|mail system)(?: program)? at host",
            r"i'm sorry to have to inform you that",
            r"for further assistance, please send mail to",
        ],
    ),
    family(
        Nature::Bounce,
        "sendmail",
        &[
            r"-+ ?(?:the following addresses had|transcript of session follows|the following addresses have|unsent message|original message follows)",
            r"the original message was received (?:at|from)",
            r"warning: (?:original )?message (?:is )?still undelivered",
            r"deferred: ",
            r"original message(?: as received)? (?:is as )?follows",
            r"message could not be delivered for",
            r"(?:host|user) unknown",
        ],
    ),
    family(
        Nature::Bounce,
        "Exchange",
        &[
            r"did not reach (?:some or all of )?the (?:intended|following) recipient",
            r"the following recipient(?:s|\(s\))? (?:could not|cannot|was not|were not)",
            r"delivery has failed to these recipients",
            r"your message (?:has been|was|couldn't be|could not be|wasn't|can't be) (?:delayed|delivered|rejected|blocked|returned)",
            r"ihre nachricht hat einige oder alle empf",
            r"the e-?mail (?:account|address|system) @more@(?:does not exist|unable)",
        ],
    ),
    family(
        Nature::Bounce,
        "Domino",
        &[
            r"your (?:message|document):? @more@(?:was undeliverable|because|could not|was not delivered|not delivered)",
            r"was not delivered to:",
            r"could not be delivered because",
            r"failure reasons?:",
        ],
    ),
    family(
        Nature::Bounce,
        "Gmail",
        &[
            r"delivery to the following recipients? (?:failed|has been delayed|was)",
            r"this is an automatically generated delivery status notification",
            r"address not found",
            r"message (?:not delivered|blocked|wasn't delivered|too large)",
        ],
    ),
    family(
        Nature::Bounce,
        "Yahoo",
        &[
            r"sorry,? we were unable to deliver",
            r"unable to deliver (?:your|the|message|mail)",
            r"message from (?:[a-z0-9.]*yahoo[a-z.]*|<?[^ ]+)\.? ?(?:unable|could)",
        ],
    ),
    family(
        Nature::Bounce,
        "DragonFly",
        &[r"this is the dragonfly mail agent", r"your message to @more@ (?:could not|has not|was not)"],
    ),
    vague(
        Nature::Bounce,
        "a mail system",
        &[
            r"(?:message|mail|e-?mail)(?:\(s\))? @more@(?:(?:could|can)(?:n't| ?not)(?: be| have been)? (?:successfully )?(?:deliver|sent)|(?:was|were|has|have)(?:n't| not)(?: been)? (?:successfully )?deliver|(?:was|is|were|been) (?:undeliver|returned|rejected|refused|bounced|not delivered)|undeliverable)",
        ],
    ),
    vague(
        Nature::Bounce,
        "a mail system",
        &[
            r"(?:unable|failed|failure|attempted|not possible|impossible|problems?) (?:to|in|with)? ?(?:deliver|delivery|send)(?:ing)? (?:of |your |the |this |a |an |mail|message|to |e-?mail)",
            r"delivery (?:of|to|for|attempt)[^.]*(?:fail|delay|postpone|suspend|was not|not possible|unsuccessful|reject|refused|defer)",
            r"(?:could|did|was|were|can)(?:n't| ?not) (?:be )?(?:deliver|reach|accept)",
        ],
    ),
    vague(
        Nature::Bounce,
        "a mail system",
        &[
            r"(?:failed|following|intended|undeliverable|unsuccessful|invalid|rejected|affected) (?:recipient|address|mail|user|destination)(?:s|es|\(s\)|\(es\))?",
            r"(?:recipient|user|mailbox|address|account)(?:'s mailbox| name)?@more@ (?:is |was |does )?(?:unknown|not (?:found|exist|known|listed|valid|recogni|deliver|accept|active|available)|invalid|full|disabled|over ?quota|reject|inactive|no longer)",
            r"no such (?:user|mailbox|recipient|account|person|address|local|domain|host)",
            r"(?:unknown|invalid|bad|unrouteable|nonexistent) (?:user|recipient|mailbox|address|host|domain|local)",
            r"(?:over|exceed(?:s|ed|ing)?|out of) @more@(?:quota|storage|limit)",
            r"mailbox @more@full",
            r"reason for (?:return|failure|reject)",
            r"(?:mail|message|e-?mail) (?:returned|refused|rejected|bounced|error|failure|undeliver)",
            r"error (?:message|description|detail|occur|while|during|was)[^.]*",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (German)",
        &[
            r"(?:nachricht|mail|e-?mail)[^.]*(?:konnte[^.]*nicht|nicht (?:zugestellt|ausgeliefert|übermittelt)|unzustellbar|abgewiesen|abgelehnt)",
            r"zustellung[^.]*(?:nicht|fehl|gescheitert)",
            r"empfänger[^.]*(?:unbekannt|existiert nicht|nicht (?:gefunden|vorhanden))",
            r"(?:postfach|mailbox)[^.]*(?:voll|überfüllt|erschöpft)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (French)",
        &[
            r"n'a (?:pas|pu)[^.]*(?:être )?(?:remis|délivr|distribu|envoy|transmis|achemin|livr)",
            r"impossible[^.]*(?:remettre|distribuer|délivrer|envoyer|acheminer|livrer)",
            r"(?:boîte|boâte)[^.]*pleine",
            r"destinataire[^.]*(?:inconnu|n'existe|introuvable)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Spanish, Portuguese, Italian)",
        &[
            r"no (?:se )?(?:pudo|puede|ha podido|ha sido posible|fue posible)[^.]*(?:entreg|enviar)",
            r"não (?:pôde|foi possível|pode)[^.]*(?:entreg|envia)",
            r"non (?:è stat[oa]|è (?:stato )?possibile|può|ha potuto)[^.]*(?:consegn|recapit|invia)",
            r"(?:usuario|destinatario|destinatário|utente|usuário)[^.]*(?:desconocido|no existe|desconhecido|não existe|sconosciuto|inesistente|non esiste)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Dutch, Nordic)",
        &[
            r"(?:kon|kan) (?:niet|ikke)[^.]*(?:bezorg|aflever|lever)",
            r"niet (?:worden )?(?:bezorgd|afgeleverd)",
            r"kunde inte levereras",
            r"gick inte att leverera",
            r"kunne ikke leveres",
            r"ei voitu toimittaa",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Slavic)",
        &[
            r"не (?:может|могло|могла|удалось|было|была|были)?[^.]*(?:доставлен|доставить)",
            r"не доставлен",
            r"невозможно доставить",
            r"получател[^.]*(?:не (?:найден|существует)|неизвест)",
            r"nie (?:można|mogła|została?)[^.]*dostarcz",
            r"nebylo možné[^.]*doru",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Japanese)",
        &[
            r"(?:送信|配信|配送|お届け|送る|届け|転送)@more@(?:できません|できない|出来ません|不可能|失敗|エラー|ませんでした)",
            r"メールボックス@more@(?:一杯|いっぱい|存在しない|容量)",
            r"(?:宛先|受信者|アドレス)@more@(?:見つかりません|存在しません|不明|誤り|間違)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Chinese)",
        &[
            r"(?:无法|未能|不能|無法)@more@(?:投递|送达|发送|投遞|送達|傳送|寄送|递送)",
            r"(?:投递|发送|递送|投遞|傳送|寄送)@more@(?:失败|失敗)",
            r"退(?:信|回|件)",
            r"(?:收件人|收信人|用户|用戶|邮箱|郵箱|信箱)@more@(?:不存在|不正确|已满|已滿|未找到|不接受|拒收)",
        ],
    ),
    family(
        Nature::Bounce,
        "a mail system (Korean)",
        &[
            r"(?:전송|전달|발송|배달)[^.]*(?:실패|수 없|못|되지 않|불가)",
            r"반송",
            r"(?:수신자|사용자|메일함|사서함)[^.]*(?:없|존재하지|꽉|초과|가득)",
        ],
    ),
    // Automatic answers.
    family(
        Nature::AutoReply,
        "an auto-responder",
        &[
            r"this is an auto(?:mated|matic|-?generated|matically generated)? ?(?:auto-?)?(?:reply|response|e-?mail response|acknowledge?ment|answer|message to (?:inform|acknowledge|confirm|let))",
            r"i(?: am|'m| will be|'ll be) (?:currently )?(?:out of (?:the )?office|away (?:from|until|on|for)|on (?:vacation|holiday|leave|annual|maternity|business))",
            r"(?:is|am) (?:currently )?out of the office",
            r"thank you for (?:your (?:e-?mail|message|mail|inquiry|enquiry|request)|contacting|writing)",
            r"(?:confirming that )?we(?: have|'ve)? (?:got|received|logged|registered|opened) (?:your|a|the) (?:request|message|e-?mail|ticket|enquiry|inquiry|case)",
            r"(?:just confirming|we confirm) that we",
            r"(?:ticket|case|request)@more@(?:has been|was|is) (?:created|opened|assigned|received|registered|logged)",
            r"(?:internal identification|ticket number|tracking number) (?:is|:)",
            r"(?:we have received|we've received|has been received|your (?:message|request|e-?mail|ticket) (?:has been|was) (?:received|opened|created|logged))",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (other languages)",
        &[
            r"(?:dies(?:es)? ist eine automatische|diese (?:e-?mail|nachricht) wurde automatisch|automatisch (?:erstellt|generiert)|bin (?:ich )?(?:bis|vom|derzeit|zurzeit|zur zeit|ab|wieder)|nicht im (?:büro|hause?)|vielen dank für ihre|haben@more@ticket@more@(?:angelegt|eröffnet|erstellt))",
            r"ceci est (?:un|une) (?:message|réponse) automatique",
            r"(?:je suis|je serai)[^.]*(?:absent|en cong)",
            r"respuesta automática",
            r"estaré (?:fuera|ausente)",
            r"estoy (?:fuera|de vacaciones)",
            r"risposta automatica",
            r"sarò (?:assente|fuori)",
            r"sono (?:assente|fuori|in ferie)",
            r"resposta automática",
            r"estarei (?:ausente|fora|de f)",
            r"ik ben[^.]*(?:afwezig|niet aanwezig|met vakantie)",
            r"(?:jag|jeg) er?[^.]*(?:semester|ferie|kontor)",
            r"olen[^.]*(?:lomalla|poissa)",
            r"jestem[^.]*(?:urlopie|nieobecn|poza)",
            r"(?:автоматическ|в отпуске|отсутствую)",
            r"(?:自動(?:返信|応答)|不在に|休暇)",
            r"(?:自动回复|自動回覆|不在办公室|休假)",
            r"(?:자동(?: )?(?:회신|응답)|부재 ?중|휴가)",
        ],
    ),
    // Challenges.
    family(
        Nature::Challenge,
        "a challenge system",
        &[
            r"your (?:message|mail|e-?mail) to \S+@\S+@more@(?:held|hold|waiting|pending|quarantin|not been delivered|stopped)",
            r"only (?:from|accept|read)@more@(?:approved|allowed|known|let in|people)",
            r"(?:подтверд)@more@(?:отправ|письм|сообщен)",
            r"(?:to (?:prove|verify|confirm|show)|(?:prove|verify|confirm|certify|authenticate) (?:that )?(?:you(?:r|rself)?)|(?:click|reply|respond|follow|visit|answer|type|enter)[^.]*(?:deliver|releas|approv|verif|confirm|authenticat))[^.]*(?:person|human|message|mail|sender|spam|deliver|real|address)",
            r"(?:anti-?spam|spam)[^.]*(?:confirm|verif|authenticat|challenge|approv)[^.]*",
            r"message[^.]*(?:held|quarantin|waiting|pending|on hold|queue)[^.]*(?:confirm|verif|until|reply|respond|authenticat)",
            r"(?:confirm|verif|approv|authori[sz])[^.]*(?:only once|one time|first time|this once|one-time|will not be asked|whitelist|white list|allowed senders|approved senders)",
        ],
    ),
    family(
        Nature::Challenge,
        "a challenge system (other languages)",
        &[
            r"(?:votre (?:message|e-?mail|mail))[^.]*(?:authentifi|confirm|valid|cliqu)",
            r"(?:sua|seu|su) (?:mensagem|e-?mail|mensaje|correo)[^.]*(?:confirm|verifi|autoriz|clique|haga clic)",
            r"(?:ihre|deine) (?:nachricht|e-?mail)[^.]*(?:bestätig|verifizier|klick)",
        ],
    ),
    // Confirmations.
    family(
        Nature::Confirmation,
        "a list server",
        &[
            r"(?:confirm|verify|activate|complete|validate)[^.]*(?:subscri|sign-?up|registration|request|membership|newsletter|e-?mail address|mailing list|account|opt)",
            r"(?:subscri|sign(?:ed)?[- ]?up|regist|newsletter|mailing list|opt(?:ed)?[- ]in)[^.]*(?:confirm|verify|activate|click|reply|complete)",
            r"(?:if you (?:did not|didn't|do not|don't|have not)[^.]*(?:request|subscri|sign|regist|want|wish))",
        ],
    ),
    family(
        Nature::Confirmation,
        "a list server (other languages)",
        &[
            r"bestätig[^.]*(?:anmeld|abonn|regist|newsletter|e-?mail|adresse|eintrag|teilnahme|liste)",
            r"(?:anmeld|abonn|regist|eintrag)[^.]*bestätig",
            r"confirm[^.]*(?:inscri|abonn|adresse|suscri|registro|correo|bolet|assinatura|cadastro)",
            r"(?:inscri|abonn|suscri|registr|assinatura|cadastr)[^.]*(?:confirm|valid)",
            r"conferm[^.]*(?:iscri|registr|indirizzo)",
            r"bevestig[^.]*(?:aanmeld|inschrij|abonn|adres)",
            r"подтверд[^.]*(?:подпис|регистр|адрес)",
            r"(?:登録|購読|入会|退会|申し込み)@more@(?:確認|クリック|手続|返信)",
            r"(?:确认|確認|激活)@more@(?:订阅|訂閱|注册|註冊|帐|账)",
            r"(?:가입|구독)[^.]*(?:확인|인증)",
        ],
    ),
    // List servers' notices.
    family(
        Nature::ListNotice,
        "a list server",
        &[
            r"(?:your|the) (?:message|post|posting|mail|e-?mail|submission|article|subscription|request|command)s?@more@(?:(?:was|were|has been|have been|is|been) (?:rejected|refused|denied|held|disabled|declined|discarded|blocked|stalled|queued|not (?:allowed|posted|distributed|accepted|sent|delivered))|(?:awaits?|awaiting|waiting for|pending) (?:moderat|approv|the (?:list )?(?:moderat|owner))|moderat)",
            r"(?:only|just) (?:those|members|subscribers|people|persons|addresses|list members)@more@(?:may|can|are allowed|subscribed)",
            r"(?:you are|you're|address is|is|are)@word@ not@word@ (?:a )?(?:member|subscribed|subscriber)",
            r"results of your (?:e-?mail )?commands?",
            r"(?:takes|accepts|from|by)@word@@word@ (?:its )?(?:members|subscribers) only",
        ],
    ),
    vague(
        Nature::ListNotice,
        "a list server",
        &[
            r"(?:held|holding|queued|waiting|awaiting|forwarded|submitted|sent)[^.]*(?:moderat|list (?:owner|admin)|approv)",
            r"(?:only|not a|non-?|aren't a|are not an?|by) ?(?:list )?(?:members?|subscribers?|subscribed|authorized|authorised)[^.]*",
            r"(?:mailing[- ]?list|the list|this list|list server|list manager|list owner|group)[^.]*(?:reject|refus|denied|not (?:allowed|permitted|authorized|accept|distributed|posted)|moderat|bounce|disabled|welcome|unsubscri|subscri|command|post)",
            r"(?:results? of your|your) (?:e-?mail )?commands?",
            r"(?:posting|post|message|submission)[^.]*(?:rejected|refused|denied|not (?:allowed|posted|distributed|accepted))[^.]*(?:list|group|moderat|member|subscri)?",
        ],
    ),
    family(
        Nature::ListNotice,
        "a list server (other languages)",
        &[
            r"(?:liste?|lista|lijst|verteiler|gruppe|groupe|grupo)[^.]*(?:moderat|modérat|moderador|genehmig|mitglied|membre|miembro|membro|abonn|zurückgewiesen|abgelehnt|refus|rechaz|abgewiesen|befehl|commande|comando)",
            r"(?:メーリングリスト|リスト)@more@(?:承認|メンバー|会員|投稿|登録|拒否|保留|退会)",
            r"(?:not member|メンバーではありません)",
        ],
    ),
    // Virus scanners' notices.
    family(
        Nature::VirusNotice,
        "a virus scanner",
        &[
            r"(?:message|mail|e-?mail|attachment) (?:that )?you sent@more@(?:blocked|infected|virus|quarantin|banned|not allowed)",
            r"(?:virus(?:es)?|worm|trojan|malware|malicious (?:code|software)|infected (?:file|attachment|e-?mail|message)|banned (?:file|attachment|name)|prohibited (?:file|attachment)|dangerous (?:file|attachment)|blocked (?:file|attachment))[^.]*(?:found|detect|clean|delet|quarant|remov|block|stopp|reject|discover|contain|intercept|was|in (?:your|a|an|the))",
            r"(?:found|detect|contain|discover|infected|identified|intercept)[^.]*(?:virus|worm|trojan|malware|malicious)",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (other languages)",
        &[
            r"(?:viren?|virus|wurm|trojaner)[^.]*(?:gefunden|entdeckt|infiziert|enthielt|enthält|erkannt|détect|trouv|infect|contenait|contient|detect|encontr|conten|rilevat|trovat|gevonden|fundet|hittat|funnet)",
            r"(?:infiziert|infecté|infectad|infettat|besmet)[^.]*",
            r"wirus[^.]*",
            r"вирус[^.]*",
            r"(?:обнаружен|найден)[^.]*вирус",
            r"(?:ウイルス|ウィルス|病毒|바이러스)",
        ],
    ),
    // Receipts.
    family(
        Nature::Receipt,
        "a receipt",
        &[
            r"(?:this|is|the) (?:is a )?(?:return|read|delivery|disposition) (?:receipt|notification|confirmation) for",
            r"(?:your (?:message|document|mail|e-?mail))[^.]*(?:was (?:read|opened|displayed|received by|deleted without)|has been (?:read|opened|displayed))",
            r"(?:was|were) (?:read|opened|displayed) (?:on|at|by)",
            r"the message (?:sent )?(?:on|to|that)[^.]*(?:displayed|read|opened)",
            r"no guarantee that the message has been read",
            r"(?:angezeigt|gelesen|geöffnet) (?:wurde|worden|am)",
            r"wurde[^.]*(?:angezeigt|gelesen|geöffnet)",
            r"a été (?:lu|affiché|ouvert)",
            r"ha sido leído",
            r"se ha mostrado",
            r"è stato (?:letto|visualizzato)",
            r"foi (?:lida|exibida|aberta)",
            r"(?:your (?:document|message)|ihr dokument|votre document)[: ]@more@(?:was (?:received|read|opened) by|wurde|a été)",
            r"(?:сообщение|письмо|ваше)@more@(?:прочитан|прочтен|получен)",
            r"(?:開封|表示)(?:され|しまし|確認)",
            r"已(?:被)?(?:阅读|閱讀|打开|显示)",
        ],
    ),
];
