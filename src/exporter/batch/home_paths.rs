//! Home folders in content: each becomes `~`, so that no path names a user of this or of another machine.
//!
//! The user's own home folder is found wherever it lies, others by their form: `/home/NAME`, `/Users/NAME`, `/root`,
//! `C:\Users\NAME`. Separators may be escaped at any depth, as in JSON inside JSON, or percent-encoded; the agent's names of
//! project folders have hyphens instead. Valid JSON stays valid, since only whole escape sequences are replaced. What
//! follows the home folder stays.

use std::borrow::Cow;
use std::fs;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use crate::exporter::batch::keywords::{Keyword, KeywordSearch};
use crate::user_database;

/// The folders that hold home folders, and the home folder of root.
const KEYWORDS: [&str; 3] = ["home", "Users", "root"];
/// Folders below which some systems keep those of [`KEYWORDS`].
const PARENTS: [&[&str]; 12] = [
    &["var"],
    &["usr"],
    &["export"],
    &["data"],
    &["private"],
    &["nfs"],
    &["host"],
    &["host_mnt"],
    &["rootfs"],
    &["run", "host"],
    &["run", "host_mnt"],
    &["System", "Volumes", "Data"],
];
/// Folders below `/Users` and `C:\Users` that belong to nobody.
const SHARED: [&str; 2] = ["Shared", "Public"];
/// Bytes of a user's name up to its last space; a separator has to follow.
const NAME_BYTES_MAX: usize = 64;
/// Bytes before `\home` in which a share of the Windows Subsystem for Linux is named.
const SHARE_BYTES_MAX: usize = 64;

/// Finds and replaces home folders.
#[derive(Debug)]
pub struct HomePaths {
    /// [`KEYWORDS`], the last component of each own home folder, and its name as a project folder of the agent.
    keywords: KeywordSearch,
    own: Vec<OwnHome>,
}

/// A home folder of this user.
#[derive(Debug)]
struct OwnHome {
    /// Components below the root.
    components: Vec<String>,
    /// The agent's name of a project folder at this path: all but letters and digits are hyphens.
    project_name: String,
}

/// A separator in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathSeparator {
    /// A slash, with or without backslashes before it.
    Slash,
    /// So many backslashes, which stand for one.
    Backslashes(usize),
    /// `%2F` or `%5C`.
    Encoded,
}

impl HomePaths {
    /// The home folders of this user: as the environment names it, without links, and in the user database.
    pub fn of_user(home: Option<&Path>) -> HomePaths {
        let resolved = home.and_then(|home| fs::canonicalize(home).ok());
        let folders = [home.map(Path::to_owned), resolved, user_database::home()];
        HomePaths::new(&folders.into_iter().flatten().collect::<Vec<_>>())
    }

    fn new(folders: &[PathBuf]) -> HomePaths {
        let own: Vec<OwnHome> = folders.iter().filter_map(|folder| OwnHome::new(folder)).collect();
        let names = own.iter().flat_map(|home| [home.name(), &home.project_name]);
        let keywords = KEYWORDS.into_iter().chain(names).map(|keyword| Keyword::new(keyword, 0)).collect();
        HomePaths { keywords: KeywordSearch::new(keywords, true), own }
    }

    /// Replaces every home folder; borrows the text if it has none.
    pub fn replace<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = String::new();
        let mut copied = 0;
        for (_, keyword) in self.keywords.find(text.as_bytes()) {
            let home = self.home_at(text.as_bytes(), keyword).filter(|home| home.start >= copied);
            if let Some(home) = home {
                out.push_str(&text[copied..home.start]);
                out.push('~');
                copied = home.end;
            }
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[copied..]);
        Cow::Owned(out)
    }

    /// The home folder of which a keyword is a part.
    fn home_at(&self, text: &[u8], keyword: Range<usize>) -> Option<Range<usize>> {
        let word = &text[keyword.clone()];
        let own = self.own.iter().find_map(|home| home.at(text, &keyword));
        own.or_else(|| {
            KEYWORDS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word)).then_some(())?;
            home_of_any_user(text, &keyword).or_else(|| project_name_of_any_user(text, &keyword))
        })
    }
}

impl OwnHome {
    /// `None` for a path that is not absolute, and for the root.
    fn new(folder: &Path) -> Option<OwnHome> {
        let name = |component: Component| match component {
            Component::Normal(name) => name.to_str().map(str::to_owned),
            _ => None,
        };
        let components: Vec<String> = folder.components().skip(1).map(name).collect::<Option<_>>()?;
        let path = folder.to_str().filter(|_| folder.is_absolute() && !components.is_empty())?;
        let path = path.trim_end_matches('/');
        let hyphen = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        Some(OwnHome { components, project_name: path.chars().map(hyphen).collect() })
    }

    fn name(&self) -> &str {
        &self.components[self.components.len() - 1]
    }

    fn at(&self, text: &[u8], keyword: &Range<usize>) -> Option<Range<usize>> {
        let word = &text[keyword.clone()];
        if word.eq_ignore_ascii_case(self.name().as_bytes()) && !continues_name(text, keyword.end) {
            let (start, _) = separator_before(text, keyword.start)?;
            let start = components_before(text, start, &self.components[..self.components.len() - 1])?;
            return is_beginning(text, start).then_some(start..keyword.end);
        }
        let is_whole = !text[..keyword.start].last().is_some_and(|byte| is_name_byte(*byte))
            && !text.get(keyword.end).is_some_and(u8::is_ascii_alphanumeric);
        let is_project = word.eq_ignore_ascii_case(self.project_name.as_bytes());
        (is_project && is_whole).then_some(keyword.clone())
    }
}

/// The home folder `/home/NAME`, `/Users/NAME`, `/root` or `C:\Users\NAME` around its keyword.
fn home_of_any_user(text: &[u8], keyword: &Range<usize>) -> Option<Range<usize>> {
    let word = &text[keyword.clone()];
    let (separator_start, separator) = separator_before(text, keyword.start)?;
    let drive = drive_before(text, separator_start);
    let is_share = || {
        let before = &text[separator_start.saturating_sub(SHARE_BYTES_MAX)..separator_start];
        let before = before.to_ascii_lowercase();
        [&b"wsl$"[..], b"wsl.localhost"].iter().any(|name| memchr::memmem::find(&before, name).is_some())
    };
    let start = match separator {
        PathSeparator::Backslashes(_) if word.eq_ignore_ascii_case(b"users") => drive?,
        PathSeparator::Backslashes(_) => is_share().then_some(separator_start)?,
        _ if word.eq_ignore_ascii_case(b"users") && drive.is_some() => drive?,
        _ => start_on_unix(text, separator_start, word)?,
    };
    if word == b"root" {
        return (!continues_name(text, keyword.end)).then_some(start..keyword.end);
    }
    let name_start = skip_separator(text, keyword.end, separator)?;
    let name_end = name_end(text, name_start, separator, drive.is_some());
    let name = &text[name_start..name_end];
    let is_shared = SHARED.iter().any(|shared| shared.as_bytes().eq_ignore_ascii_case(name));
    (!name.is_empty() && !is_shared).then_some(start..name_end)
}

/// The beginning of the path whose keyword is preceded by the separator at `separator_start`.
fn start_on_unix(text: &[u8], separator_start: usize, word: &[u8]) -> Option<usize> {
    // `/c/Users`, `/mnt/c/users`: a drive of Windows.
    let letter = separator_start.checked_sub(1).filter(|at| text[*at].is_ascii_alphabetic());
    if word.eq_ignore_ascii_case(b"users")
        && let Some((start, _)) = letter.and_then(|letter| separator_before(text, letter))
    {
        let mount = components_before(text, start, &["mnt"]).filter(|start| is_beginning(text, *start));
        if let Some(start) = mount.or_else(|| is_beginning(text, start).then_some(start)) {
            return Some(start);
        }
    }
    if !KEYWORDS.iter().any(|known| known.as_bytes() == word) {
        return None;
    }
    if is_beginning(text, separator_start) {
        return Some(separator_start);
    }
    let below = |parents: &&[&str]| components_before(text, separator_start, parents);
    PARENTS.iter().filter_map(below).find(|start| is_beginning(text, *start))
}

/// The agent's name of a project folder below a home folder: `-home-NAME-…`, `-Users-NAME-…`, `C--Users-NAME-…`.
fn project_name_of_any_user(text: &[u8], keyword: &Range<usize>) -> Option<Range<usize>> {
    let hyphen = keyword.start.checked_sub(1).filter(|at| text[*at] == b'-')?;
    let drive = hyphen.checked_sub(2).filter(|at| text[at + 1] == b'-' && text[*at].is_ascii_alphabetic());
    let start = drive.unwrap_or(hyphen);
    // A long option begins with a hyphen, too; the name of a folder has a separator or a quote before it.
    if !matches!(text.get(start.checked_sub(1)?)?, b'/' | b'\\' | b'"') {
        return None;
    }
    if &text[keyword.clone()] == b"root" {
        let is_whole = !text.get(keyword.end).is_some_and(u8::is_ascii_alphanumeric);
        return is_whole.then_some(start..keyword.end);
    }
    if text.get(keyword.end) != Some(&b'-') {
        return None;
    }
    let name_start = keyword.end + 1;
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte >= 0x80;
    let length = text[name_start..].iter().take_while(is_name).count();
    (length > 0).then_some(start..name_start + length)
}

/// The separator that ends at `end`, and its beginning.
fn separator_before(text: &[u8], end: usize) -> Option<(usize, PathSeparator)> {
    let before = &text[..end];
    let backslashes = |end: usize| text[..end].iter().rev().take_while(|byte| **byte == b'\\').count();
    match before {
        [.., b'/'] => Some((end - 1 - backslashes(end - 1), PathSeparator::Slash)),
        [.., b'\\'] => Some((end - backslashes(end), PathSeparator::Backslashes(backslashes(end)))),
        [.., b'%', b'2', b'f' | b'F'] | [.., b'%', b'5', b'c' | b'C'] => {
            Some((end - 3, PathSeparator::Encoded))
        }
        _ => None,
    }
}

/// The end of the separator that begins at `start`, which is of the same kind as an earlier one.
fn skip_separator(text: &[u8], start: usize, kind: PathSeparator) -> Option<usize> {
    let backslashes = text[start..].iter().take_while(|byte| **byte == b'\\').count();
    let end = match kind {
        PathSeparator::Slash => {
            let slash = start + backslashes;
            (text.get(slash) == Some(&b'/')).then_some(slash + 1)?
        }
        PathSeparator::Backslashes(number) => (backslashes == number).then_some(start + number)?,
        PathSeparator::Encoded => {
            let encoded = text.get(start..start + 3)?;
            let is_separator = [&b"%2f"[..], b"%5c"].iter().any(|known| encoded.eq_ignore_ascii_case(known));
            is_separator.then_some(start + 3)?
        }
    };
    Some(skip_separator(text, end, kind).unwrap_or(end))
}

/// The beginning of the components that lie before the separator at `separator_start`, their separators included.
fn components_before(text: &[u8], separator_start: usize, components: &[impl AsRef<str>]) -> Option<usize> {
    let mut start = separator_start;
    for component in components.iter().rev() {
        let name = component.as_ref().as_bytes();
        let name_start = start.checked_sub(name.len())?;
        if !text[name_start..start].eq_ignore_ascii_case(name) {
            return None;
        }
        (start, _) = separator_before(text, name_start)?;
    }
    Some(start)
}

/// The beginning of the drive that ends at `end`, as in `C:`. The letter of an escape sequence is none.
fn drive_before(text: &[u8], end: usize) -> Option<usize> {
    let (colon, letter) = (end.checked_sub(1)?, end.checked_sub(2)?);
    let (colon, letter) = match text[..end] {
        [.., b'%', b'3', b'a' | b'A'] => (end - 3, (end - 3).checked_sub(1)?),
        _ if text[colon] == b':' => (colon, letter),
        _ => return None,
    };
    let escapes = text[..letter].iter().rev().take_while(|byte| **byte == b'\\').count();
    let is_drive = text[letter].is_ascii_alphabetic() && escapes % 2 == 0 && letter + 1 == colon;
    (is_drive && is_beginning(text, letter)).then_some(letter)
}

/// The end of a user's name. A name of Windows may have spaces if a separator follows.
fn name_end(text: &[u8], start: usize, separator: PathSeparator, is_windows: bool) -> usize {
    let mut end = start;
    let mut end_without_space = None;
    while let Some(byte) = text.get(end) {
        match byte {
            b'~' if is_windows => end += 1,
            b' ' if is_windows && end - start < NAME_BYTES_MAX => {
                end_without_space.get_or_insert(end);
                end += 1;
            }
            byte if is_name_byte(*byte) || matches!(byte, b'.' | b'+' | b'@') => end += 1,
            b'%' if separator == PathSeparator::Encoded && is_encoded_letter(&text[end..]) => end += 3,
            b'\\' => match escaped_letter(&text[end..]) {
                Some(length) if skip_separator(text, end, separator).is_none() => end += length,
                _ => break,
            },
            _ => break,
        }
    }
    if let Some(end_without_space) = end_without_space
        && skip_separator(text, end, separator).is_none()
    {
        end = end_without_space;
    }
    // A full stop ends a sentence.
    while end > start && text[end - 1] == b'.' {
        end -= 1;
    }
    end
}

/// Bytes of an escape sequence of JSON, escaped or not, if it stands for a character outside of ASCII.
fn escaped_letter(text: &[u8]) -> Option<usize> {
    let backslashes = text.iter().take_while(|byte| **byte == b'\\').count();
    let digits = text.get(backslashes..backslashes + 5)?.strip_prefix(b"u")?;
    let code = u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    (code >= 0x80).then_some(backslashes + 5)
}

/// True for a percent-encoded byte that is no separator.
fn is_encoded_letter(text: &[u8]) -> bool {
    let is_escape = matches!(text, [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    is_escape && skip_separator(text, 0, PathSeparator::Encoded).is_none()
}

/// True if a path can begin at `start`: what is before it is no part of a name, of a URL or of a relative path.
fn is_beginning(text: &[u8], start: usize) -> bool {
    let before = &text[..start];
    match before {
        [] => true,
        // `scheme://home/…`: a host.
        [.., b':', b'/'] => false,
        // Escape sequences: of JSON, of URLs, of terminals.
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., b'\\', b'u', a, b, c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => true,
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [parameters @ .., b'm' | b'K' | b'H' | b'J'] if ends_in_terminal_escape(parameters) => true,
        // `-I/home/…`
        [.., before, b'-', letter] if letter.is_ascii_alphabetic() => !is_name_byte(*before),
        [b'-', _] => true,
        [.., last] => {
            !last.is_ascii_alphanumeric() && !matches!(last, b'_' | b'.' | b'~' | b'}' | b')' | b'*' | b'+')
        }
    }
}

/// True for the introducer of a terminal's escape sequence with its parameters, `[1;32`.
fn ends_in_terminal_escape(text: &[u8]) -> bool {
    let parameters = text.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    text[..text.len() - parameters].ends_with(b"[")
}

/// True if the name that ends at `end` goes on.
fn continues_name(text: &[u8], end: usize) -> bool {
    match text[end..] {
        [b'.', next, ..] => is_name_byte(next),
        [next, ..] => is_name_byte(next),
        [] => false,
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> String {
        let homes = HomePaths::new(&["/srv/people/a.lice".into(), "/".into(), "relative".into()]);
        let once = homes.replace(text).into_owned();
        assert_eq!(homes.replace(&once), once, "a second pass changes nothing");
        once
    }

    #[test]
    fn home_folders_of_every_system_and_spelling_are_replaced() {
        for (text, expected) in [
            ("/home/dev/work/a.rs", "~/work/a.rs"),
            ("in /home/dev. Then", "in ~. Then"),
            ("cd '/Users/j.doe/My Project'", "cd '~/My Project'"),
            ("/root/.bashrc and /root", "~/.bashrc and ~"),
            (r"C:\Users\John Smith\AppData", r"~\AppData"),
            (r"c:\users\JOHNSM~1\x, D:/Users/bob", r"~\x, ~"),
            (
                r#"{"a":"C:\\Users\\bob\\x","b":"{\"c\":\"C:\\\\Users\\\\bob\\\\x\"}"}"#,
                r#"{"a":"~\\x","b":"{\"c\":\"~\\\\x\"}"}"#,
            ),
            (r#""\/home\/dev\/x" "\\\/home\\\/dev""#, r#""~\/x" "~""#),
            (
                r#"{"out":"a\n/home/dev/x\t/home/eve:\u001b[1;32m/Users/z\u001b[0m"}"#,
                r#"{"out":"a\n~/x\t~:\u001b[1;32m~\u001b[0m"}"#,
            ),
            (r#"{"p":"/home/andr\u00e9/x","q":"/home/jürgen/x"}"#, r#"{"p":"~/x","q":"~/x"}"#),
            ("file:///home/dev/x vscode:%2Fhome%2Fdev%2Fx", "file://~/x vscode:~%2Fx"),
            ("c%3A%5CUsers%5Cbob%5Cx", "~%5Cx"),
            ("/mnt/c/Users/bob/x /c/users/bob", "~/x ~"),
            ("/var/home/dev/x /System/Volumes/Data/Users/dev/x", "~/x ~/x"),
            (r"\\wsl$\Ubuntu\home\dev\x", r"\\wsl$\Ubuntu~\x"),
            (
                "PATH=/home/dev/bin:/home/dev/.cargo/bin -I/home/dev/include",
                "PATH=~/bin:~/.cargo/bin -I~/include",
            ),
            ("dev@host:/home/dev//x >/home/dev/log", "dev@host:~//x >~/log"),
            ("~/.claude/projects/-home-dev-work/x.jsonl", "~/.claude/projects/~-work/x.jsonl"),
            (r#""C--Users-bob-x" /-root-x"#, r#""~-x" /~-x"#),
            ("/srv/people/a.lice/x /srv/people/a.lice", "~/x ~"),
            (r"\/srv\/people\/a.lice\/x", r"~\/x"),
            ("projects/-srv-people-a-lice-x", "projects/~-x"),
        ] {
            assert_eq!(replaced(text), expected);
        }
    }

    #[test]
    fn other_text_is_kept() {
        for text in [
            "https://example.com/home/alice",
            "http://home/page",
            "src/home/index.tsx ./home/x ../home/x a.home/b",
            "${ROOT}/home/x $(pwd)/home/x",
            "/workspace/src/home/index.tsx",
            "/home /home/ /home/<user>/x /home/$USER/x /home/*/x",
            "/homepage /root-cause /rootfs/x /root.txt my/root/x",
            "/Users/Shared/x C:\\Users\\Public\\x",
            r#"{"a":"ls /home\nfoo /root2","b":"C:\\Users\nfoo"}"#,
            "--home-dir x -home-page",
            "/srv/people/a.licex /srv/people/a.lice.bak/x /srv/other/a.lice",
            "go home, Users of root",
        ] {
            assert!(
                matches!(HomePaths::new(&["/srv/people/a.lice".into()]).replace(text), Cow::Borrowed(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn json_stays_valid_wherever_a_home_folder_stands() {
        let pieces = [
            "/home/dev",
            "/root",
            "C:\\Users\\bob",
            "\\",
            "\"",
            "\n",
            "é",
            "/",
            "\u{8}",
            "\u{1}",
            "x",
            " ",
            "%2Fhome%2Fa",
            "-home-dev",
        ];
        let count = pieces.len();
        for index in 0..count * count * count {
            let [a, b, c] = [index, index / count, index / count / count].map(|index| pieces[index % count]);
            let inner = serde_json::to_string(&format!("{a}{b}{c}")).unwrap();
            for text in [&inner, &serde_json::to_string(&inner).unwrap()] {
                let replaced = replaced(text);
                serde_json::from_str::<String>(&replaced)
                    .unwrap_or_else(|error| panic!("{text}: {replaced}: {error}"));
            }
        }
    }
}
