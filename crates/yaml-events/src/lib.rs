//! The YAML parser over a text, as one type that is no longer generic.
//!
//! Generic code is built in the crate that names its types, with that crate's optimisation. The program is built for size;
//! reading YAML is what it does at every pause in typing, so it is built here, for speed. Nothing else belongs here.

use granit_parser::{Event, Options, Parser, ScanError, Span, StrInput};

/// The events of a text.
pub struct Events<'t>(Parser<'t, StrInput<'t>>);

impl<'t> Events<'t> {
    /// Begins to read a text.
    pub fn of(text: &'t str, options: Options) -> Self {
        Self(Parser::new_from_str_with_options(text, options))
    }
}

impl<'t> Iterator for Events<'t> {
    type Item = Result<(Event<'t>, Span), ScanError>;

    // Inlined, it would be built anew where it is called.
    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_event()
    }
}
