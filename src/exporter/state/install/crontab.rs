//! The block of lines in the user's crontab, read and written through the program `crontab`.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use super::installed_line::shell_words;
use super::period::Period;
use crate::exporter::error::Error;

const BEGIN: &str = "# BEGIN han-sync (han-sync uninstall removes this block)";
const END: &str = "# END han-sync";

/// Builds the block. `words`: the command line of a run.
pub(super) fn block(words: &[String], interval: Duration) -> String {
    let time = match Period::near(interval) {
        Period::Seconds(_) | Period::Minutes(1) => "* * * * *".to_owned(),
        Period::Minutes(minutes) => format!("*/{minutes} * * * *"),
        Period::Hours(1) => "0 * * * *".to_owned(),
        Period::Hours(24) => "0 0 * * *".to_owned(),
        Period::Hours(hours) => format!("0 */{hours} * * *"),
    };
    // cron ends the command at an unescaped percent sign.
    let command = shell_words(words.iter().cloned()).replace('%', r"\%");
    format!("{BEGIN}\n{time} {command}\n{END}\n")
}

/// A crontab with the block in place of an earlier one, else at its end.
pub(super) fn with_block(crontab: &str, block: &str) -> String {
    if let Some((start, end)) = place_of_block(crontab) {
        return format!("{}{block}{}", &crontab[..start], &crontab[end..]);
    }
    let separator = if crontab.is_empty() || crontab.ends_with('\n') { "" } else { "\n" };
    format!("{crontab}{separator}{block}")
}

/// A crontab without the block.
pub(super) fn without_block(crontab: &str) -> String {
    match place_of_block(crontab) {
        Some((start, end)) => format!("{}{}", &crontab[..start], &crontab[end..]),
        None => crontab.to_owned(),
    }
}

/// Place of the block, its last line break included. A block without an end is none: what follows it may be the user's.
fn place_of_block(crontab: &str) -> Option<(usize, usize)> {
    let mut starts = crontab.match_indices(BEGIN).map(|(at, _)| at);
    let start = starts.find(|at| *at == 0 || crontab[..*at].ends_with('\n'))?;
    let end = start + crontab[start..].find(&format!("\n{END}"))? + 1 + END.len();
    Some((start, (end + 1).min(crontab.len())))
}

/// Reports whether a crontab starts `han-sync`, by the block or by a line of the user's own.
pub(super) fn runs_han_sync(crontab: &str) -> bool {
    let lines = crontab.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).any(|word| {
        let word = word.trim_matches(['"', '\'', ';', '&', '(', ')']);
        word.rsplit('/').next() == Some("han-sync")
    })
}

/// Reads the user's crontab; `None` if there is none.
///
/// # Errors
/// A configuration error if the program is missing or denies its service.
pub(super) fn read() -> Result<Option<String>, Error> {
    let mut command = Command::new("crontab");
    command.arg("-l").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.spawn().and_then(finish).map_err(|error| cannot(&error))?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map(Some).map_err(|_| cannot(&"it is not UTF-8"));
    }
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if reason.to_lowercase().contains("no crontab") || reason.is_empty() {
        return Ok(None);
    }
    Err(cannot(&reason))
}

/// Replaces the user's crontab; `None` removes it.
pub(super) fn write(crontab: Option<&str>) -> Result<(), Error> {
    let argument = if crontab.is_some() { "-" } else { "-r" };
    let mut child = Command::new("crontab")
        .arg(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot(&error))?;
    if let (Some(mut stdin), Some(text)) = (child.stdin.take(), crontab) {
        // A program that does not read says why on stderr.
        let _ = stdin.write_all(text.as_bytes());
    }
    let output = finish(child).map_err(|error| cannot(&error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(cannot(&String::from_utf8_lossy(&output.stderr).trim()))
}

/// Reads the pipes of a child, both at once since it may fill either, and waits for its end. `Command::output` panics if it cannot
/// read a pipe.
fn finish(mut child: Child) -> io::Result<Output> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read = thread::scope(|scope| {
        let stderr = thread::Builder::new().spawn_scoped(scope, || read_to_end(stderr))?;
        let stdout = read_to_end(stdout);
        let stderr = stderr.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")));
        Ok::<_, io::Error>((stdout?, stderr?))
    });
    // Even after an error, which has closed the pipes: else the child would stay a zombie.
    let status = child.wait();
    let (stdout, stderr) = read?;
    Ok(Output { status: status?, stdout, stderr })
}

fn read_to_end(pipe: Option<impl Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn cannot(reason: &dyn std::fmt::Display) -> Error {
    Error::configuration(format!(
        "cannot use the crontab of this user: {reason}; install cron, or choose another one by --scheduler"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::process::{ChildStderr, ChildStdout};

    #[test]
    fn block_is_added_once_replaced_and_removed_to_the_byte() {
        let words = |name: &str| ["/usr/bin/han-sync".to_owned(), name.to_owned()];
        let first = block(&words("/a%b"), Duration::from_secs(300));
        assert!(first.contains("\n*/5 * * * * /usr/bin/han-sync '/a\\%b'\n"), "{first}");
        let second = block(&words("/c"), Duration::from_secs(7200));
        assert!(second.contains("\n0 */2 * * * /usr/bin/han-sync /c\n"), "{second}");
        for before in ["", "MAILTO=me\n# mine\n1 2 * * * true\n"] {
            let installed = with_block(before, &first);
            assert_eq!(with_block(&installed, &first), installed);
            let replaced = with_block(&installed, &second);
            assert!(replaced.contains(&second) && !replaced.contains(&first));
            assert_eq!(without_block(&replaced), before);
            let followed = format!("{replaced}3 * * * * true\n");
            assert_eq!(without_block(&followed), format!("{before}3 * * * * true\n"));
        }
        assert_eq!(without_block("# BEGIN han-sync\n1 * * * * mine\n"), "# BEGIN han-sync\n1 * * * * mine\n");
    }

    #[test]
    fn line_of_the_users_own_is_found() {
        assert!(runs_han_sync("*/5 * * * * $HOME/.cargo/bin/han-sync --quiet\n"));
        assert!(!runs_han_sync("# */5 * * * * han-sync\n1 * * * * han-sync-receiver\n"));
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[test]
    fn both_pipes_are_read_however_full_and_the_end_is_told() {
        for script in [
            "head -c 300000 /dev/zero; head -c 200000 /dev/zero >&2; exit 3",
            "head -c 200000 /dev/zero >&2; head -c 300000 /dev/zero; exit 3",
        ] {
            let output = finish(shell(script).spawn().unwrap()).unwrap();
            assert_eq!((output.stdout.len(), output.stderr.len()), (300_000, 200_000));
            assert_eq!(output.status.code(), Some(3));
        }
        let output =
            finish(shell("echo lost; echo told >&2").stdout(Stdio::null()).spawn().unwrap()).unwrap();
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b""[..], &b"told\n"[..]));
    }

    #[test]
    fn pipe_that_cannot_be_read_is_an_error_and_no_panic() {
        // A folder is a file that no `read` reads.
        let unreadable = || OwnedFd::from(File::open("/").unwrap());
        let mut child = shell("true").spawn().unwrap();
        child.stdout = Some(ChildStdout::from(unreadable()));
        assert!(finish(child).is_err());
        let mut child = shell("true").spawn().unwrap();
        child.stderr = Some(ChildStderr::from(unreadable()));
        assert!(finish(child).is_err());
    }
}
