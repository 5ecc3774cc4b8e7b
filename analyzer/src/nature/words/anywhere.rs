//! What subjects of software that reflects mail hold, wherever it stands.

use crate::nature::Nature;
use crate::nature::families::{Family, family, vague};

/// Words anywhere in a subject: asked for only where the header shows another sign.
pub(in crate::nature) const SUBJECT_WORDS_ANYWHERE: &[Family] = &[
    family(
        Nature::AutoReply,
        "an auto-responder",
        &[
            r".*\((?:automatic (?:response|reply)|auto-?(?:reply|response)|autoresponse|away|out|(?:away|absent|out)@word@@word@ (?:the )?(?:office|mail|desk))\)",
            r".*\b(?:auto[- ]?(?:reply|response)|automatic (?:reply|response)|automated (?:reply|response|acknowledge?ment)|out of (?:the )?office|on (?:vacation|holiday|annual leave|maternity leave|parental leave|sick leave)|away (?:until|from (?:my|the)|on business))\b",
        ],
    ),
    vague(
        Nature::AutoReply,
        "a ticket system",
        &[
            r".*(?:ticket|case|request)(?: ?(?:#|id:?|number|nr\.?))? ?[a-z0-9-]*[0-9]{3,}.*(?:received|opened|created|has been)",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (German)",
        &[
            r".*(?:abwesenheit|automatische (?:antwort|rückantwort|empfangs|benachrichtigung)|nicht im (?:büro|hause?)|(?:im|in) urlaub|urlaubs(?:vertretung|notiz|meldung|abwesenheit)|außer haus|(?:bin|ist)[^.]*(?:abwesend|außer haus|nicht erreichbar)|eingangsbestätigung|autoantwort)",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (French)",
        &[
            r".*(?:réponse automatique|absen(?:t|ce|te)[ e]?(?:du bureau|jusqu|:|\z| )|message (?:d'absence|automatique)|en congés?|hors du bureau|en vacances|accusé de réception)",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Spanish)",
        &[
            r".*(?:respuesta automática|auto-?respuesta|fuera de (?:la )?oficina|ausen(?:te|cia)|de vacaciones|vacaciones)",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Italian)",
        &[r".*(?:risposta automatica|autorisposta|fuori (?:ufficio|sede)|assen(?:te|za)|in ferie|per ferie)"],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Portuguese)",
        &[r".*(?:resposta automática|auto-?resposta|fora do escritório|ausência|ausente|de férias|em férias)"],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Dutch)",
        &[
            r".*(?:automatisch (?:antwoord|bericht)|autoantwoord|afwezig|niet aanwezig|niet op kantoor|met vakantie|op vakantie|ontvangstbevestiging)",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Nordic)",
        &[
            r".*(?:autosvar|automatis(?:k|kt) svar|frånvaro|på semester|ej på kontoret|inte på kontoret|ikke på kontoret|ikke til stede|fravær|på ferie|ferie|automaattinen|poissa|lomalla|toimistosta)",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Slavic)",
        &[
            r".*(?:automatyczna|autoodpowied|poza biurem|nieobecno|na urlopie|urlop|automatick|mimo kancel|nepřítom|dovolen|automatsk|автоматическ|автоответ|вне офиса|в отпуске|отсутств|отпуск|відпустк)",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Turkish, Hungarian, Greek, Romanian)",
        &[
            r".*(?:otomatik (?:yan|cevap)|ofis dış|izinde|tatilde|automatikus|házon kívül|szabadság|távollét|αυτόματη|εκτός γραφείου|automat la)",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Japanese)",
        &[
            r".*(?:自動(?:返信|応答|回答|配信)|(?:^|[^\x80-\xff])不在|不在(?:通知|のお知らせ|です|に|のため|中|届)|休暇|お休み|外出|出張|受付(?:完了|いたし|けました)|お問い?合わ?せ(?:ありがとう|を受|受付))",
        ],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Chinese)",
        &[r".*(?:自动(?:回复|答复|应答)|自動(?:回覆|回信|回應|答覆)|不在办公室|不在辦公室|休假|外出|出差)"],
    ),
    family(
        Nature::AutoReply,
        "an auto-responder (Korean)",
        &[r".*(?:자동 ?(?:회신|응답|답장)|부재 ?중|휴가|출장|자리 ?비움)"],
    ),
    family(
        Nature::Challenge,
        "a challenge system",
        &[
            r".*(?:requires? (?:your )?(?:confirmation|verification|approval) before|(?:sender|message) (?:verification|confirmation) (?:required|request|needed)|\[?challenge[-/ ]?response|is being held (?:until|pending)|held (?:pending|until|for) (?:your )?(?:confirmation|verification|approval))",
        ],
    ),
    vague(
        Nature::Challenge,
        "a challenge system",
        &[
            r".*(?:spam ?arrest|spam-?blocker|boxbe|mailblocks|knowspam|choicemail|spamlion|bluebottle|vanquish|mail ?in ?black|sendio|uol ?anti-?spam|anti-?spam ?uol|active spam killer|tmda)",
        ],
    ),
    family(
        Nature::Challenge,
        "a challenge system",
        &[
            r".*[\[(](?:sender (?:address )?)?(?:verification|verify|confirmation|please confirm)[\])]",
            r".*(?:bitte best(?:ä|ae)tigen)",
            r".*please (?:register|introduce yourself) to reach",
        ],
    ),
    family(
        Nature::Challenge,
        "a challenge system",
        &[
            r".*(?:your (?:e-?mail|message|mail)(?: to| for| sent)?.*(?:needs|requires|awaits|awaiting|waiting for|is waiting|must be|has not been delivered until|pending) .*(?:confirm|verif|approv|authori|authenticat)|(?:first|one) ?-?time (?:sender|confirmation|verification)|(?:sender|human) (?:check|verification))",
        ],
    ),
    family(
        Nature::Challenge,
        "a challenge system (French)",
        &[
            r".*(?:(?:votre (?:message|e-?mail|mail)|authentifi|valider votre (?:envoi|e-?mail|message)).*(?:authentifi|valid|confirm)|authentification (?:de|d'|requise))",
        ],
    ),
    family(
        Nature::Challenge,
        "a challenge system (Spanish, Portuguese)",
        &[
            r".*(?:(?:confirm|verifi)[a-z\x80-\xFF]* (?:de |o |a |su |seu |el )?(?:envio|envío|remetente|remitente|mensagem|mensaje)|sua mensagem.*confirm|su mensaje.*confirm)",
        ],
    ),
    family(
        Nature::Challenge,
        "a challenge system (German)",
        &[
            r".*(?:bestätig[a-z]* (?:sie )?(?:ihre (?:e-?mail|nachricht|mail)|die zustellung|den versand)|ihre (?:e-?mail|nachricht).*bestätig|absender(?:bestätigung|prüfung|verifi))",
        ],
    ),
    family(
        Nature::ListNotice,
        "Mailman (other languages)",
        &[
            r".*(?:承認|モデレータ|モデレーター|司会者|メンバーではありません|投稿は拒否|投稿が拒否|投稿できません|審査)",
        ],
    ),
    family(
        Nature::ListNotice,
        "LISTSERV",
        &[r".*(?:subscription|approval|renewal) (?:probe|required|expired|renewal)"],
    ),
    family(Nature::ListNotice, "fml", &[r".*(?:not a member|non-?member|members? only|not (?:a )?subscriber)"]),
    family(
        Nature::ListNotice,
        "Ecartis",
        &[
            r".*(?:post refused|submission (?:refused|rejected|bounced)|post(?:ing)? (?:refused|not allowed)|moderation (?:required|needed))",
        ],
    ),
    family(
        Nature::ListNotice,
        "a list server",
        &[
            r".*(?:message (?:held|is held|awaiting|pending) .*(?:moderat|approv)|(?:post|posting|message|submission|article)s? (?:to|for) .*(?:was |has been |is )?(?:rejected|refused|held|denied|returned|moderated|blocked|not allowed)|held for (?:moderat|approv)|awaits? (?:moderat|approv)|unauthori[sz]ed (?:post|sender|submission)|list command|group moderation|command results?)",
        ],
    ),
    family(Nature::VirusNotice, "Symantec", &[r".*(?:symantec|norton)"]),
    family(
        Nature::VirusNotice,
        "a virus scanner",
        &[
            r".*(?:virus(?:es)?|worm|trojan|malware|malicious code|infected|infection|banned (?:file|attachment)|dangerous attachment|blocked attachment|attachment (?:blocked|removed|violation)|prohibited attachment)[^.?]{0,80}(?:found|detect|alert|warn|notif|report|infect|in (?:your|a|the|mail|message)|sent|block|remov|quarant|reject|was|were|discover|intercept)",
            r".*(?:infected|virus) (?:e-?mail|message|mail|file|attachment)",
            r".*e-?mail quarantined",
            r".*quarantin",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (German)",
        &[
            r".*(?:viren?(?:warnung|alarm|fund|meldung|hinweis|benachrichtigung|schutz|scan)?|würmer?|trojaner)[^.]*(?:gefunden|entdeckt|warnung|infiziert|in (?:ihrer|einer)|erkannt|hinweis|meldung)",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (French)",
        &[
            r".*(?:virus[^.]*(?:détect|trouv|dans (?:votre|un|le)|alerte|bloqu|supprim)|(?:alerte|avertissement|notification)[^.]*virus|infecté)",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (Spanish, Portuguese)",
        &[
            r".*anexo (?:não permitido|bloqueado|removido|proibido)",
            r".*(?:adjunto) (?:no permitido|bloqueado|eliminado|prohibido)",
            r".*(?:vírus|virus)[^.]*(?:detect|encontrad|en (?:su|un|el)|em (?:sua|seu|uma)|no seu|na sua|eliminad|bloque)",
            r".*(?:alerta|aviso|advertencia|notificación|notificação)[^.]*v(?:i|í)rus",
            r".*(?:infectad)",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (Italian, Dutch, Nordic)",
        &[
            r".*virus[^.]*(?:rilevat|trovat|nel (?:suo|tuo)|gevonden|in uw|gedetecteerd|fundet|hittat|funnet|hittades)",
            r".*virus(?:waarschuwing|melding|varning|advarsel|alarm)",
            r".*(?:avviso|allarme) virus",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (Slavic)",
        &[
            r".*(?:wirus[a-z]*[^.]*(?:wykry|znalez|w (?:twojej|wiadomo|li))|(?:обнаружен|найден)[^.]*вирус|вирус[^.]*(?:обнаруж|найден|в (?:вашем|письме|сообщении))|zjištěn vir|vir(?:us)? nalezen)",
        ],
    ),
    family(
        Nature::VirusNotice,
        "a virus scanner (Japanese, Chinese, Korean)",
        &[
            r".*(?:(?:ウイルス|ウィルス).*(?:検出|検知|発見|感染|警告|通知|駆除)|(?:病毒).*(?:警告|通知|发现|發現|检测|檢測|感染|报告)|(?:发现|發現|检测到|檢測到|感染).*病毒|바이러스[^.]*(?:발견|감염|경고|검출))",
        ],
    ),
];
