//! How the session was begun: what a command of the log has to say so that it means the same cluster and catalogue. Pure.

use super::values::quoted;

/// How the session was begun, as far as a context and a namespace do not tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invocation {
    /// Flags with their values, word by word.
    pub flags: Vec<String>,
}

impl Invocation {
    /// Returns how commands begin that are about a context, or about the catalogue alone.
    pub(crate) fn program(&self, context: Option<&str>) -> String {
        let context = context.filter(|name| !name.is_empty());
        let context = context.into_iter().flat_map(|name| ["--context", name]);
        let flags = self.flags.iter().map(String::as_str);
        let words = context
            .chain(flags)
            .map(|word| format!(" {}", quoted(word)));
        format!("bowline{}", words.collect::<String>())
    }
}
