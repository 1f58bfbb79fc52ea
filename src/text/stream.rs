//! Text that comes in pieces, made harmless piece by piece.

use super::mark_for;

/// Makes bytes harmless on a terminal as they come, line ends and tabs kept; a character may be cut between two pieces.
#[derive(Debug, Clone, Default)]
pub struct StreamCleaner {
    rest: Vec<u8>,
}

impl StreamCleaner {
    /// Takes the next bytes and returns what can be shown of them.
    pub fn feed(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() - cut_len(&self.rest);
        let text = String::from_utf8_lossy(&self.rest[..whole]);
        let shown = text.chars().map(|c| match c {
            '\n' | '\t' => c,
            c => mark_for(c).unwrap_or(c),
        });
        let shown = shown.collect();
        self.rest.drain(..whole);
        shown
    }
}

/// Returns how many bytes at the end begin a character that is not there whole.
fn cut_len(bytes: &[u8]) -> usize {
    let start = bytes.iter().rposition(|byte| byte & 0xc0 != 0x80);
    let Some(start) = start.filter(|start| bytes.len() - start < 4) else {
        return 0;
    };
    let wanted = match bytes[start] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    };
    let found = bytes.len() - start;
    if found < wanted { found } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_survive_a_cut_and_sequences_do_not_survive_at_all() {
        let bytes = "é日🦀\x1b[2J\ta\r\n\u{9b}b\u{202e}".as_bytes();
        for at in 0..bytes.len() {
            let mut cleaner = StreamCleaner::default();
            let shown = cleaner.feed(&bytes[..at]) + &cleaner.feed(&bytes[at..]);
            assert_eq!(shown, "é日🦀␛[2J\ta␍\n\u{fffd}b\u{fffd}", "cut at {at}");
        }
        assert_eq!(
            StreamCleaner::default().feed(b"\xff\x80x"),
            "\u{fffd}\u{fffd}x"
        );
    }
}
