//! Standard input: as it comes, or line by line as a terminal's driver hands it on, with echo and editing.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Output;

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const KILL_LINE: u8 = 0x15;
const BACKSPACES: [u8; 2] = [0x08, 0x7f];

/// What came of waiting for a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A line, without its end.
    Line(String),
    /// `^C`.
    Interrupt,
    /// `^D`, or the end of the input.
    End,
}

/// Standard input of a shell.
#[derive(Debug)]
pub(super) struct Input {
    bytes: mpsc::Receiver<Bytes>,
    pending: VecDeque<u8>,
    /// Where what is typed is shown; none without a terminal.
    echo: Option<Output>,
}

impl Input {
    pub(super) fn new(bytes: mpsc::Receiver<Bytes>, echo: Option<Output>) -> Self {
        Self {
            bytes,
            pending: VecDeque::new(),
            echo,
        }
    }

    /// Returns what comes next, as it comes.
    pub(super) async fn bytes(&mut self) -> Option<Bytes> {
        if self.pending.is_empty() {
            return self.bytes.recv().await;
        }
        Some(Bytes::from(Vec::from(std::mem::take(&mut self.pending))))
    }

    /// Returns the next line.
    pub(super) async fn line(&mut self) -> Typed {
        let mut line = Vec::new();
        loop {
            let Some(byte) = self.byte().await else {
                return match line.is_empty() {
                    true => Typed::End,
                    false => Typed::Line(text(&line)),
                };
            };
            let is_tty = self.echo.is_some();
            match byte {
                b'\n' => {
                    self.show(b"\r\n").await;
                    return Typed::Line(text(&line));
                }
                b'\r' if is_tty => {
                    self.show(b"\r\n").await;
                    return Typed::Line(text(&line));
                }
                INTERRUPT if is_tty => {
                    self.show(b"^C\r\n").await;
                    return Typed::Interrupt;
                }
                END if is_tty && line.is_empty() => return Typed::End,
                END if is_tty => {}
                KILL_LINE if is_tty => {
                    let wiped = b"\x08 \x08".repeat(text(&line).chars().count());
                    self.show(&wiped).await;
                    line.clear();
                }
                byte if is_tty && BACKSPACES.contains(&byte) => {
                    if erase_last(&mut line) {
                        self.show(b"\x08 \x08").await;
                    }
                }
                // Of control characters none does anything here.
                ..0x20 if is_tty => {}
                byte => {
                    line.push(byte);
                    self.show(&[byte]).await;
                }
            }
        }
    }

    /// Waits for `^C` on a terminal; what is typed meanwhile is kept.
    pub(super) async fn interrupt(&mut self) {
        let Some(echo) = self.echo.clone() else {
            return std::future::pending().await;
        };
        loop {
            if let Some(at) = self.pending.iter().position(|byte| *byte == INTERRUPT) {
                self.pending.drain(..=at);
                let (channel, to) = echo;
                drop(to.send((channel, Bytes::from_static(b"^C\r\n"))).await);
                return;
            }
            match self.bytes.recv().await {
                Some(bytes) => self.pending.extend(bytes),
                None => return std::future::pending().await,
            }
        }
    }

    async fn byte(&mut self) -> Option<u8> {
        while self.pending.is_empty() {
            let bytes = self.bytes.recv().await?;
            self.pending.extend(bytes);
        }
        self.pending.pop_front()
    }

    async fn show(&self, bytes: &[u8]) {
        if let Some((channel, to)) = &self.echo {
            drop(to.send((*channel, Bytes::copy_from_slice(bytes))).await);
        }
    }
}

/// Takes the last character off, all of its bytes.
fn erase_last(line: &mut Vec<u8>) -> bool {
    while let Some(byte) = line.pop() {
        if byte & 0xc0 != 0x80 {
            return true;
        }
    }
    false
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}
