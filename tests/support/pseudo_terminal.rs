//! A person at a terminal: a program with a pseudo-terminal as its controlling one, of a width that the test sets.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A program that shows nothing new for longer hangs.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Makes the terminal of its standard streams the controlling one of a program.
const SETSID: &str = "/usr/bin/setsid";

/// A program on a terminal.
pub struct PseudoTerminal {
    child: Child,
    keyboard: File,
    shown: Receiver<Vec<u8>>,
    text: String,
    /// Bytes of `text` that an earlier wait has passed.
    passed: usize,
}

impl PseudoTerminal {
    /// Starts a program, whose command names its environment. Standard output is a pipe where `stdout` is one.
    pub fn start(command: &Command, columns: u16) -> PseudoTerminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("its other end");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("its size");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let slave =
            rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");
        let end = |slave: &OwnedFd| Stdio::from(slave.try_clone().expect("a descriptor"));
        let mut started = Command::new(SETSID);
        started.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args()).env_clear();
        started.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        started.env("TERM", "xterm").stdin(end(&slave)).stdout(end(&slave)).stderr(end(&slave));
        if let Some(folder) = command.get_current_dir() {
            started.current_dir(folder);
        }
        let child = started.spawn().expect("the program under test");
        drop((started, slave));
        let keyboard = File::from(master.as_fd().try_clone_to_owned().expect("a descriptor"));
        let (sender, shown) = channel();
        thread::spawn(move || {
            let (mut master, mut buffer) = (File::from(master), [0; 4096]);
            // The other end is closed by every process: EIO.
            while let Ok(read) = master.read(&mut buffer) {
                if read == 0 || sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        PseudoTerminal { child, keyboard, shown, text: String::new(), passed: 0 }
    }

    /// Waits until a text is shown, after the text of the last wait. Returns everything between them.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_for_any(&[text]).1
    }

    /// Waits until one of some texts is shown, and returns its index, with everything before it.
    #[track_caller]
    pub fn wait_for_any(&mut self, texts: &[&str]) -> (usize, String) {
        loop {
            let ahead = &self.text[self.passed..];
            let found = texts.iter().enumerate().filter_map(|(index, text)| Some((ahead.find(text)?, index)));
            if let Some((at, index)) = found.min() {
                let between = ahead[..at].to_owned();
                self.passed += at + texts[index].len();
                return (index, between);
            }
            let Ok(bytes) = self.shown.recv_timeout(WAIT_MAX) else {
                let _ = self.child.kill();
                panic!("waited in vain for {texts:?} in {:?}", self.text);
            };
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Types a line.
    pub fn answer(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).expect("a keyboard");
    }

    /// Types Ctrl-D on an empty line.
    pub fn end_answers(&mut self) {
        self.keyboard.write_all(b"\x04").expect("a keyboard");
    }

    /// Types Ctrl-C.
    pub fn interrupt(&mut self) {
        self.keyboard.write_all(b"\x03").expect("a keyboard");
    }

    /// Waits for the end. Returns the exit code, -1 for a signal, and everything that was shown.
    #[track_caller]
    pub fn finish(mut self) -> (i32, String) {
        while let Ok(bytes) = self.shown.recv_timeout(WAIT_MAX) {
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        let status = self.child.wait().expect("a child to wait for");
        (status.code().unwrap_or(-1), std::mem::take(&mut self.text))
    }
}

impl Drop for PseudoTerminal {
    /// Ends the program of a test that has failed: a shell would wait for its next line for ever.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines that stand on a terminal at the end: a line that was drawn over or cleared is not there.
pub fn screen(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut characters = text.chars();
    let mut column = 0;
    while let Some(character) = characters.next() {
        let line = lines.last_mut().expect("there is one");
        match character {
            '\n' => {
                lines.push(String::new());
                column = 0;
            }
            '\r' => column = 0,
            '\u{1b}' => {
                let mut sequence = String::new();
                // The bracket behind the escape character, the parameters, and the letter that ends the sequence.
                for next in characters.by_ref() {
                    sequence.push(next);
                    if next.is_ascii_alphabetic() {
                        break;
                    }
                }
                if sequence.ends_with('K') {
                    // Both forms that clear: the whole line, and from the cursor on.
                    let kept = if sequence == "[2K" { 0 } else { column };
                    *line = line.chars().take(kept).collect();
                }
            }
            other => {
                let mut cells: Vec<char> = line.chars().collect();
                cells.resize(cells.len().max(column + 1), ' ');
                cells[column] = other;
                (*line, column) = (cells.into_iter().collect(), column + 1);
            }
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}
