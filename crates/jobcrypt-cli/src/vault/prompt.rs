//! A question whose answer does not show.

use std::{
    fs::File,
    io::{self, Read, Write},
};

use rustix::{
    io::ioctl_fionread,
    termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr},
};
use zeroize::Zeroizing;

use crate::{exit::Exit, failure::Failure};

const CTRL_C: u8 = 3;
/// What is typed beyond that is lost.
const LONGEST: usize = 4094;

/// Asks on the terminal, and returns one line.
pub(crate) fn hidden(question: &str) -> Result<Zeroizing<String>, Failure> {
    ask(question).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => {
            Failure::new(Exit::Interrupted, "interrupted; nothing was changed")
        }
        _ => Failure::new(Exit::Failed, "the value could not be asked for").because(error),
    })
}

fn ask(question: &str) -> io::Result<Zeroizing<String>> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let hiding = Hiding::begin(&terminal)?;
    (&terminal).write_all(question.as_bytes())?;
    let mut line = Zeroizing::new(Vec::with_capacity(4096));
    let mut byte = Zeroizing::new([0]);
    while (&terminal).read(&mut *byte)? == 1 && *byte != *b"\n" {
        if *byte == [CTRL_C] {
            return Err(io::ErrorKind::Interrupted.into());
        }
        line.push(byte[0]);
    }
    let has_more = ioctl_fionread(&terminal)? > 0;
    drop(hiding);
    (&terminal).write_all(b"\n")?;
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    let wrong = if has_more {
        Some("several lines were pasted, and one is read here; take --from with a file, or -")
    } else if line.len() >= LONGEST {
        Some("a terminal gives no longer lines; take --from with a file")
    } else if line.iter().any(is_control) {
        Some("a key was pressed that is no sign, such as an arrow; type it again")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        return Err(io::Error::other(wrong));
    }
    let text = str::from_utf8(&line).map_err(|_| io::Error::other("it is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// While it lives, what is typed does not show.
struct Hiding<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Hiding<'t> {
    fn begin(terminal: &'t File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // Ctrl-C as a signal would end this process and leave the terminal mute; as a byte it is seen here.
        hidden.local_modes.remove(LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hiding<'_> {
    fn drop(&mut self) {
        // With what was typed beyond the line: a shell would take the rest of a pasted key for commands, and remember it.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}
