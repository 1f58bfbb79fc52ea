//! What stands between this program and the terminal: tmux and screen swallow what they do not know, unless it is wrapped.

/// A terminal multiplexer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Multiplexer {
    /// None that is known.
    #[default]
    None,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

/// screen takes no longer strings; longer ones come in pieces.
const SCREEN_PIECE: usize = 512;

impl Multiplexer {
    /// Returns the one that the environment tells of. Of several the innermost: it is the one that is written to.
    pub fn of(var: impl Fn(&str) -> String) -> Self {
        let term = var("TERM");
        let (is_tmux, is_screen) = (!var("TMUX").is_empty(), !var("STY").is_empty());
        match (is_tmux, is_screen) {
            // Both name `screen` as their terminal; only tmux has names of its own.
            (true, true) if term.starts_with("tmux") => Self::Tmux,
            (_, true) => Self::Screen,
            (true, false) => Self::Tmux,
            (false, false) => Self::None,
        }
    }

    /// Returns a sequence wrapped for the terminal outside; nothing where there is nothing between.
    ///
    /// The plain sequence is for the multiplexer itself, which takes it where it is told to (`set-clipboard on`); the wrapped
    /// one for the terminal outside, where that is allowed (`allow-passthrough on`). Whichever arrives does the same.
    pub fn passing(self, sequence: &[u8]) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Tmux => {
                let mut wrapped = b"\x1bPtmux;".to_vec();
                for byte in sequence {
                    // An escape inside is doubled.
                    wrapped.extend(std::iter::repeat_n(
                        *byte,
                        if *byte == 0x1b { 2 } else { 1 },
                    ));
                }
                wrapped.extend(b"\x1b\\");
                wrapped
            }
            Self::Screen => {
                let mut wrapped = Vec::new();
                for piece in sequence.chunks(SCREEN_PIECE) {
                    wrapped.extend(b"\x1bP");
                    wrapped.extend(piece);
                    wrapped.extend(b"\x1b\\");
                }
                wrapped
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn innermost_multiplexer_is_written_to() {
        let check = |vars: &[(&str, &str)], expected| {
            let var = |name: &str| {
                let found = vars.iter().find(|(known, _)| *known == name);
                found.map_or_else(String::new, |(_, value)| (*value).to_owned())
            };
            assert_eq!(Multiplexer::of(var), expected, "{vars:?}");
        };
        check(&[("TERM", "xterm")], Multiplexer::None);
        check(&[("TMUX", "/tmp/x,1,0")], Multiplexer::Tmux);
        check(&[("STY", "1.tty"), ("TERM", "screen")], Multiplexer::Screen);
        check(
            &[("STY", "1.tty"), ("TMUX", "x"), ("TERM", "tmux-256color")],
            Multiplexer::Tmux,
        );
    }

    #[test]
    fn sequence_passes_to_the_terminal_outside() {
        let copy = b"\x1b]52;c;aGk=\x07";
        assert_eq!(Multiplexer::None.passing(copy), b"");
        assert_eq!(
            Multiplexer::Tmux.passing(copy),
            b"\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\"
        );
        let long = [b'x'; 700];
        let wrapped = Multiplexer::Screen.passing(&long);
        assert_eq!(wrapped.len(), 700 + 2 * 4);
        assert!(wrapped.starts_with(b"\x1bPx") && wrapped.ends_with(b"x\x1b\\"));
    }
}
