//! A feed's token: read once, kept as a digest.
//!
//! Enters: `token`, `token-file` or `token-digest` of a feed, exactly one of them. Leaves: a [`TokenDigest`] for whoever
//! checks tokens, or the [`Token`] itself for whoever must show one (`firsthand submit`). Refuses: what could be guessed.
//! No message, debug text or picture ever holds a token.
//!
//! Format of `token-digest`: the BLAKE3 digest of the token's bytes, without a line end, as 64 hexadecimal digits
//! (`printf %s "$TOKEN" | b3sum`).

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::{Serialize, Serializer};
use subtle::ConstantTimeEq;

use super::remark::{Flaw, Remarks, SettingsError};
use super::table::{Table, Value};
use super::word::{listed, nearest};

/// The shortest token, in characters: 96 bits where they are random base64.
pub const TOKEN_CHARACTERS_MIN: usize = 16;
/// The longest token, in characters; it stands in a header line.
pub const TOKEN_CHARACTERS_MAX: usize = 1024;
/// The longest token file that is read, in bytes.
pub const TOKEN_FILE_BYTES_MAX: u64 = 4096;
/// The permission bits that let others read or write a token file, or its group write it. That the group may read it is how
/// an MTA's pipe gets at it.
const MODE_OF_OTHERS: u32 = 0o027;
/// How to make a token.
const MAKE_TOKEN: &str = "make one with: openssl rand -base64 32";

/// The BLAKE3 digest of a feed's token. Comparisons take the same time wherever the digests differ; `Debug` shows nothing.
#[derive(Clone, Copy, Eq, Hash)]
#[expect(clippy::derived_hash_with_manual_eq, reason = "equality is of the same bytes, only in constant time")]
pub struct TokenDigest([u8; 32]);

/// A token in clear, for the one request that needs it; `Debug` shows nothing.
#[derive(Clone)]
pub struct Token(String);

impl TokenDigest {
    /// The digest of a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(*blake3::hash(token.as_bytes()).as_bytes())
    }

    /// Whether `presented` is the token of this digest; takes the same time for every wrong token of a length.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        *self == Self::of(presented)
    }

    /// The digest that 64 hexadecimal digits write.
    fn of_hex(digits: &str) -> Result<Self, Flaw> {
        let digest = blake3::Hash::from_hex(digits.to_ascii_lowercase()).map_err(|_| {
            let mend = "write what this prints: printf %s \"$TOKEN\" | b3sum";
            Flaw::new("is not a BLAKE3 digest of 64 hexadecimal digits", mend)
        })?;
        Ok(Self(*digest.as_bytes()))
    }
}

impl PartialEq for TokenDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(hidden)")
    }
}

impl Serialize for TokenDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&blake3::Hash::from_bytes(self.0))
    }
}

impl Token {
    /// The token of the feed `feed` in the settings file at `path`, for a client of the service. Of the other feeds only
    /// the names are looked at, since a client may be unable to read their tokens.
    ///
    /// # Errors
    /// The file is no TOML; it has no such feed; the feed has no token here (`token-digest`), an unreadable one, or one that
    /// the service would refuse.
    pub fn of_feed(path: &Path, feed: &str) -> Result<Self, SettingsError> {
        let text = super::source::text(path)?;
        let remarks = Remarks::new(&text);
        let tree = super::source::tree(&text, &remarks);
        let folder = path.parent().unwrap_or(Path::new(""));
        let token = tree.as_ref().and_then(|tree| of_feed(Table::root(tree, &remarks), feed, folder));
        let (token, _) = remarks.finish(&path.display().to_string(), token)?;
        Ok(token)
    }

    /// The token in clear.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }

    /// The token that `text` is.
    fn of_text(text: &str) -> Result<Self, Flaw> {
        let characters = text.chars().count();
        if characters < TOKEN_CHARACTERS_MIN {
            let what = match characters {
                0 => "the token is empty".to_owned(),
                _ => format!("the token has {characters} of at least {TOKEN_CHARACTERS_MIN} characters"),
            };
            return Err(Flaw::new(what, MAKE_TOKEN));
        }
        if characters > TOKEN_CHARACTERS_MAX {
            return Err(Flaw::new(format!("the token has more than {TOKEN_CHARACTERS_MAX} characters"), MAKE_TOKEN));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let what = "the token holds a character that a header cannot carry (a space, a line end, not ASCII)";
            return Err(Flaw::new(what, MAKE_TOKEN));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Where a feed's token comes from.
pub(super) enum TokenSource<'t> {
    /// `token`
    Text(Value<'t>),
    /// `token-file`
    File(Value<'t>),
    /// `token-digest`
    Digest(Value<'t>),
}

impl<'t> TokenSource<'t> {
    /// The one source that the feed's table names, if it names one; none if it names several.
    pub(super) fn take(table: &mut Table<'t>) -> Option<Option<Self>> {
        let [text, file, digest] = ["token", "token-file", "token-digest"].map(|key| table.take(key));
        for secret in text.iter().chain(&digest) {
            secret.hide();
        }
        let sources = [text.map(Self::Text), file.map(Self::File), digest.map(Self::Digest)];
        let mut sources = sources.into_iter().flatten();
        let Some(source) = sources.next() else { return Some(None) };
        if let Some(second) = sources.next() {
            let what = "is a second token: a feed has one of token, token-file and token-digest";
            second.value().refuse(Flaw::new(what, format!("keep it, or the one on line {}", source.value().line())));
            return None;
        }
        Some(Some(source))
    }

    /// Refuses that the feed of that name has none, where it needs one.
    pub(super) fn refuse_absence(table: &Table<'_>, feed: &str) {
        let mend = format!("write token-file = \"{feed}.token\"; (umask 077; openssl rand -base64 32 > {feed}.token)");
        table.refuse("token", Flaw::new("is missing, and so are token-file and token-digest", mend));
    }

    /// The value that names it.
    pub(super) fn value(&self) -> &Value<'t> {
        match self {
            Self::Text(value) | Self::File(value) | Self::Digest(value) => value,
        }
    }

    /// The digest of the token; a token file is relative to `folder`.
    pub(super) fn digest(&self, folder: &Path) -> Option<TokenDigest> {
        match self {
            Self::Digest(value) => value.parsed("<64 hexadecimal digits>", TokenDigest::of_hex),
            Self::Text(_) | Self::File(_) => Some(self.token(folder)?.digest()),
        }
    }

    /// The token itself; a token file is relative to `folder`.
    fn token(&self, folder: &Path) -> Option<Token> {
        match self {
            Self::Text(value) => value.parsed("<a token>", Token::of_text),
            Self::File(value) => {
                let path = folder.join(value.text("traps.token")?);
                let (text, is_open) = value.noted(file_text(&path))?;
                if is_open {
                    let (shown, file) = (path.display(), path.display().to_string());
                    let what = format!("{file:?} is open to others than its owner, and its group to read");
                    value.warn(Flaw::new(what, format!("close it with: chmod g-w,o= {shown}")));
                }
                value.noted(Token::of_text(text.trim_end_matches(['\r', '\n'])))
            }
            Self::Digest(value) => {
                let what = "holds the token's digest, from which the token cannot be had";
                let mend = "give the token with --token-file or FIRSTHAND_TOKEN, or write token-file here";
                value.refuse(Flaw::new(what, mend));
                None
            }
        }
    }
}

/// The token of the feed `feed`.
fn of_feed(mut file: Table<'_>, feed: &str, folder: &Path) -> Option<Token> {
    let mut names = Vec::new();
    for mut table in file.take("feed").map(|feeds| feeds.tables("feed")).unwrap_or_default() {
        let name = table.take("name").and_then(|name| name.text("traps"));
        if name == Some(feed) {
            let Some(source) = TokenSource::take(&mut table)? else {
                TokenSource::refuse_absence(&table, feed);
                return None;
            };
            return source.token(folder);
        }
        names.extend(name);
    }
    let meant = nearest(feed, names.iter().copied());
    let meant = meant.map(|meant| format!("did you mean {meant:?}? ")).unwrap_or_default();
    let known = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", listed(names)) };
    file.refuse("feed", Flaw::new(format!("the file has no feed {feed:?}"), format!("{meant}{known}")));
    None
}

/// The text of a token file, and whether others can get at it than its owner, and its group to read.
fn file_text(path: &Path) -> Result<(String, bool), Flaw> {
    let shown = path.display();
    let read = || -> io::Result<(Vec<u8>, bool)> {
        let file = File::open(path)?;
        let is_open = file.metadata()?.permissions().mode() & MODE_OF_OTHERS != 0;
        let mut bytes = Vec::new();
        file.take(TOKEN_FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok((bytes, is_open))
    };
    let (bytes, is_open) = read().map_err(|error| {
        let mend = match error.kind() {
            io::ErrorKind::NotFound => format!("make it with: (umask 077; openssl rand -base64 32 > {shown})"),
            _ => "let the user that runs this read it".to_owned(),
        };
        Flaw::new(format!("\"{shown}\" cannot be read: {error}"), mend)
    })?;
    if bytes.len() as u64 > TOKEN_FILE_BYTES_MAX {
        return Err(Flaw::new(format!("\"{shown}\" is longer than {TOKEN_FILE_BYTES_MAX} bytes"), MAKE_TOKEN));
    }
    let text = String::from_utf8(bytes).map_err(|_| Flaw::new(format!("\"{shown}\" is not text"), MAKE_TOKEN))?;
    Ok((text, is_open))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_knows_its_token_and_shows_nothing() {
        let token = Token::of_text("correct-horse-battery").expect("a token");
        assert!(token.digest().matches("correct-horse-battery"));
        assert!(!token.digest().matches("correct-horse-batterz"));
        assert!(!token.digest().matches(""));
        assert_eq!(format!("{token:?} {:?}", token.digest()), "Token(hidden) TokenDigest(hidden)");
        let hex = blake3::hash(b"correct-horse-battery").to_hex();
        assert_eq!(TokenDigest::of_hex(&hex).expect("a digest"), token.digest());
        assert_eq!(TokenDigest::of_hex(&hex.to_uppercase()).expect("a digest"), token.digest());
    }

    #[test]
    fn what_could_be_guessed_or_not_be_sent_is_refused() {
        let long = "a".repeat(TOKEN_CHARACTERS_MAX + 1);
        for text in
            ["", "short", "exactly-15-char", "sixteen chars ab c", "täglich-ein-neues", "sixteen-chars-ab\n", &long]
        {
            let flaw = Token::of_text(text).expect_err("no token");
            assert!(flaw.mend.contains("openssl rand -base64 32"));
            assert!(text.is_empty() || !flaw.what.contains(text), "the message shows the token");
        }
        assert!(TokenDigest::of_hex("abc").is_err());
    }
}
