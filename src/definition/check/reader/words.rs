//! Words of the sentences in which values are shown.

use crate::definition::yaml::{Resolved, is_plain_safe, quoted, resolve};

/// Writes a text so that it can stand in a flow list.
pub(super) fn flow_text(text: &str) -> String {
    if is_plain_safe(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Says what YAML makes of a plain scalar.
pub(crate) fn reading(plain: &str) -> String {
    match resolve(plain) {
        Resolved::Null => "nothing".to_owned(),
        Resolved::Bool(flag) => format!("the boolean {flag}"),
        Resolved::Int(number) => format!("the number {number}"),
        Resolved::Float(number) => format!("the number {number}"),
        Resolved::Text => "text".to_owned(),
    }
}

/// Cuts hostile input short, and makes control characters visible, before it is shown in a sentence.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut out: String = text.chars().take(SHOWN).flat_map(visible).collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    out
}

fn visible(c: char) -> Vec<char> {
    let is_invisible = c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if is_invisible {
        c.escape_default().collect()
    } else {
        vec![c]
    }
}
