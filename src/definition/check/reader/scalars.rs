//! Reading scalars as text, numbers, booleans and words, with what YAML makes of them, and lists of texts.

use super::words::{flow_text, reading, shortened};
use super::{MAX_TAKEN_BYTES, Reader, Scalar, Value};
use crate::definition::check::grammar::Rule;
use crate::definition::check::substitute::{RESERVED, substitute};
use crate::definition::check::suggest::nearest;
use crate::definition::diagnostic::{Fix, Severity};
use crate::definition::yaml::{Kind, Resolved, Style, quoted, resolve};

impl<'t> Reader<'t> {
    /// Counts text that is taken out of the tree.
    pub(super) fn take_bytes(&mut self, n_bytes: usize, value: Value) -> bool {
        self.n_taken_bytes = self.n_taken_bytes.saturating_add(n_bytes);
        if self.n_taken_bytes > MAX_TAKEN_BYTES && !self.is_exhausted {
            self.exhaust(value);
        }
        !self.is_exhausted
    }

    /// Reads a scalar of any type as it stands, nothing substituted.
    pub(crate) fn plain_scalar(&mut self, value: Value) -> Option<(String, Resolved)> {
        let tree = self.tree;
        let Kind::Scalar { text, style } = &tree.node(value.node).kind else {
            return None;
        };
        if self.is_exhausted || !self.take_bytes(text.len(), value) {
            return None;
        }
        let resolved = match style {
            Style::Plain => {
                self.warn_of_continuation(value);
                resolve(text)
            }
            Style::Quoted | Style::Block => Resolved::Text,
        };
        Some((text.to_string(), resolved))
    }

    /// Reads text as it stands, nothing substituted. What YAML takes for something else is reported.
    pub(crate) fn plain_text(&mut self, value: Value, wanted: &str) -> Option<String> {
        let tree = self.tree;
        let Kind::Scalar { text, style } = &tree.node(value.node).kind else {
            self.wrong_type(value, wanted);
            return None;
        };
        let resolved = match style {
            Style::Plain => resolve(text),
            Style::Quoted | Style::Block => Resolved::Text,
        };
        match resolved {
            Resolved::Text => return Some(text.to_string()),
            Resolved::Null => self.wrong_type(value, wanted),
            _ => {
                let message = self.not_text(value, text);
                self.report_with(Severity::Error, value, message, quoted(text));
            }
        }
        None
    }

    fn not_text(&self, value: Value, text: &str) -> String {
        format!(
            "`{}` must be text, but YAML reads `{}` as {}; put it in quotes",
            self.name(value),
            shortened(text),
            reading(text)
        )
    }

    /// Reads a scalar of any type, substitutions made.
    pub(crate) fn scalar(&mut self, value: Value, wanted: &str) -> Option<Scalar> {
        let tree = self.tree;
        let Kind::Scalar { text, style } = &tree.node(value.node).kind else {
            self.wrong_type(value, wanted);
            return None;
        };
        if self.is_exhausted {
            return None;
        }
        if *style == Style::Plain {
            self.warn_of_continuation(value);
        }
        let room = MAX_TAKEN_BYTES.saturating_sub(self.n_taken_bytes);
        let mut names: Vec<(&'t str, bool)> = Vec::new();
        let substituted = substitute(text, &self.scope, room, |name, is_known| {
            names.push((name, is_known))
        });
        let n_bytes = substituted.as_ref().map_or(usize::MAX, |text| text.len());
        if !self.take_bytes(n_bytes, value) {
            return None;
        }
        for (name, is_known) in names {
            if !is_known {
                self.warn_of_unknown_parameter(value, name);
            }
            self.referenced.push(name);
        }
        let substituted = substituted?;
        let is_substituted = substituted != *text;
        // What was put in counts as it stands: `port: "${port}"` is a number if the parameter is one.
        let resolved = if *style == Style::Plain || is_substituted {
            resolve(&substituted)
        } else {
            Resolved::Text
        };
        Some(Scalar {
            text: substituted.into_owned(),
            resolved,
            style: *style,
            is_substituted,
        })
    }

    /// A half-typed key that is indented deeper than the value above it is silently a part of that value.
    fn warn_of_continuation(&mut self, value: Value) {
        let span = &self.tree.node(value.node).span;
        if span.start.line != span.end.line && value.node == value.written {
            self.warn(
                value,
                format!(
                    "this text goes on over {} lines without quotes; quote it or use `|` if that is meant, else check the \
                     indentation of the next line",
                    span.end.line - span.start.line + 1
                ),
            );
        }
    }

    fn warn_of_unknown_parameter(&mut self, value: Value, name: &str) {
        if self.faults.is_full() {
            self.faults.drop_one(Severity::Warning);
            return;
        }
        let parameters = self.scope.parameters.keys().map(String::as_str);
        let known = RESERVED.into_iter().chain(parameters);
        let near = nearest(name, known).map(str::to_owned);
        let message = match &near {
            Some(near) => format!(
                "no parameter is named `{name}`, so `${{{name}}}` stays as it is; did you mean `${{{near}}}`?"
            ),
            None if self.scope.is_of_defaults => format!(
                "a default knows `${{id}}` and `${{namespace}}` and no parameter, so `${{{name}}}` stays as it is"
            ),
            None => format!(
                "no parameter is named `{name}`, so `${{{name}}}` stays as it is; define it under `parameters`"
            ),
        };
        let spot = self.spot_within(value, &format!("${{{name}}}"));
        let fix = near.map(|near| Fix {
            title: format!("did you mean `${{{near}}}`?"),
            bytes: spot.span.bytes.clone(),
            replacement: format!("${{{near}}}"),
        });
        self.faults.add(Severity::Warning, spot, message, fix);
    }

    /// Reads text. What YAML takes for something else is reported, with quotes as the fix.
    pub(crate) fn text(&mut self, value: Value, wanted: &str) -> Option<String> {
        let scalar = self.scalar(value, wanted)?;
        if scalar.resolved == Resolved::Text || scalar.is_substituted {
            return Some(scalar.text);
        }
        if scalar.resolved == Resolved::Null {
            self.wrong_type(value, wanted);
            return None;
        }
        let message = self.not_text(value, &scalar.text);
        self.report_with(Severity::Error, value, message, quoted(&scalar.text));
        None
    }

    /// Reads text that a rule holds for.
    pub(crate) fn ruled(&mut self, value: Value, rule: &Rule) -> Option<String> {
        let text = self.text(value, rule.allowed)?;
        if (rule.holds)(&text) {
            return Some(text);
        }
        let message = self.refusal(value, &text, rule.allowed);
        self.error(value, message);
        None
    }

    /// Returns the sentence that refuses a text.
    pub(crate) fn refusal(&self, value: Value, text: &str, allowed: &str) -> String {
        format!(
            "`{}` cannot be `{}`; allowed is {allowed}",
            self.name(value),
            shortened(text)
        )
    }

    /// Reads one of a few words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        value: Value,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let allowed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let allowed = allowed.join(", ");
        let text = self.text(value, &format!("one of {allowed}"))?;
        if let Some((_, chosen)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*chosen);
        }
        let message = format!(
            "`{}` cannot be `{}`; allowed are {allowed}",
            self.name(value),
            shortened(&text)
        );
        match nearest(&text, words.iter().map(|(word, _)| *word)) {
            Some(near) => self.report_with(Severity::Error, value, message, near.to_owned()),
            None => self.error(value, message),
        }
        None
    }

    /// Reads a whole number within a range.
    pub(crate) fn integer(&mut self, value: Value, min: i64, max: i64) -> Option<i64> {
        let wanted = format!("a whole number from {min} to {max}");
        let scalar = self.scalar(value, &wanted)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only whole floats of small size are converted"
        )]
        let number = match scalar.resolved {
            Resolved::Int(number) => number,
            Resolved::Float(float) if float.fract() == 0.0 && float.abs() < 1e15 => float as i64,
            _ => {
                self.not_an_integer(value, &scalar, &wanted);
                return None;
            }
        };
        if !(min..=max).contains(&number) {
            self.error(
                value,
                format!("`{}` must be {wanted}, not {number}", self.name(value)),
            );
            return None;
        }
        if !scalar.is_substituted && number.to_string() != scalar.text {
            let message = format!(
                "YAML reads `{}` as the number {number}; write {number}",
                shortened(&scalar.text)
            );
            self.report_with(Severity::Warning, value, message, number.to_string());
        }
        Some(number)
    }

    pub(crate) fn not_an_integer(&mut self, value: Value, scalar: &Scalar, wanted: &str) {
        let is_quoted_number =
            scalar.style == Style::Quoted && matches!(resolve(&scalar.text), Resolved::Int(_));
        if is_quoted_number {
            let message = format!("`{}` must be {wanted}, without quotes", self.name(value));
            self.report_with(Severity::Error, value, message, scalar.text.clone());
        } else {
            self.wrong_type(value, wanted);
        }
    }

    /// Reads `true` or `false`; the other words that YAML takes for them are accepted with a warning.
    pub(crate) fn boolean(&mut self, value: Value) -> Option<bool> {
        let scalar = self.scalar(value, "true or false")?;
        let (severity, flag) = match (scalar.resolved, resolve(&scalar.text)) {
            (Resolved::Bool(flag), _) if matches!(scalar.text.as_str(), "true" | "false") => {
                return Some(flag);
            }
            (Resolved::Bool(flag), _) => (Severity::Warning, flag),
            (Resolved::Text, Resolved::Bool(flag)) => (Severity::Error, flag),
            _ => {
                self.wrong_type(value, "true or false");
                return None;
            }
        };
        let message = match severity {
            Severity::Warning => format!("YAML reads `{}` as {flag}; write {flag}", scalar.text),
            Severity::Error => format!(
                "`{}` must be true or false, without quotes",
                self.name(value)
            ),
        };
        self.report_with(severity, value, message, flag.to_string());
        (severity == Severity::Warning).then_some(flag)
    }

    /// Reads a list of texts, such as a command.
    pub(crate) fn texts(&mut self, value: Value) -> Option<Vec<String>> {
        if self.is_scalar(value) && !self.is_null(value) {
            self.text_instead_of_list(value);
            return None;
        }
        let items = self.items(value, "a list of texts, such as `[sleep, \"60\"]`")?;
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            texts.extend(self.text(item, "text"));
        }
        Some(texts)
    }

    fn text_instead_of_list(&mut self, value: Value) {
        let wanted = "a list of texts, such as `[sleep, \"60\"]`";
        let Some(scalar) = self.scalar(value, wanted) else {
            return;
        };
        let needs_shell = scalar
            .text
            .contains(|c: char| "\"'$`\\|&;<>()*?\n".contains(c));
        let words: Vec<&str> = if needs_shell {
            vec!["sh", "-c", &scalar.text]
        } else {
            scalar.text.split_whitespace().collect()
        };
        let words: Vec<String> = words.into_iter().map(flow_text).collect();
        let message = format!("`{}` must be {wanted}, not one text", self.name(value));
        self.report_with(
            Severity::Error,
            value,
            message,
            format!("[{}]", words.join(", ")),
        );
    }
}
