//! The catalogue and the editor: definitions listed, read, checked and written, and drafts kept.

use ropey::Rope;

use crate::app::{CatalogueEntry, CatalogueListing, Msg, OpId, OpenedDefinition, SaveAnswer};
use crate::catalogue::drafts::Base;
use crate::catalogue::{Catalogue, CatalogueError, Digest};
use crate::definition::Definition;
use crate::definition::check::{CheckContext, check};
use crate::definition::diagnostic::{Diagnostic, Position, Severity, Span};
use crate::definition::id::InstanceId;
use crate::editor::Revision;
use crate::failure::Failure;

use super::Runner;
use super::deploys::blocking;

impl Runner {
    pub(super) fn list_catalogue(&self) {
        let (catalogue, drafts, messages) = (
            self.start.catalogue.clone(),
            self.start.drafts.clone(),
            self.messages.clone(),
        );
        self.disk.run(move || {
            let result = listing_of(&catalogue).map(|listing| CatalogueListing {
                drafts: drafts.names(),
                ..listing
            });
            drop(messages.send(Msg::CatalogueListed(result)));
        });
    }

    pub(super) fn show_definition(&self, name: InstanceId) {
        let (catalogue, messages) = (self.start.catalogue.clone(), self.messages.clone());
        self.disk.run(move || {
            let result = catalogue
                .read(&name)
                .map(|text| text.text)
                .map_err(Failure::from);
            drop(messages.send(Msg::DefinitionShown { name, result }));
        });
    }

    pub(super) fn open_definition(&self, editor: OpId, name: InstanceId) {
        let (catalogue, drafts, messages) = (
            self.start.catalogue.clone(),
            self.start.drafts.clone(),
            self.messages.clone(),
        );
        self.disk.run(move || {
            let result = catalogue.read(&name).map_err(Failure::from).map(|current| {
                // A draft that cannot be read must not keep the definition from being edited.
                let draft = drafts.find(&name, &current).ok().flatten();
                OpenedDefinition {
                    text: current.text,
                    digest: current.digest,
                    draft: draft.map(|draft| (draft.text, draft.base)),
                }
            });
            drop(messages.send(Msg::DefinitionOpened { editor, result }));
        });
    }

    pub(super) fn create_definition(&self, name: InstanceId, text: String) {
        let (catalogue, messages) = (self.start.catalogue.clone(), self.messages.clone());
        self.disk.run(move || {
            let result = catalogue
                .create(&name, &text)
                .map(drop)
                .map_err(Failure::from);
            drop(messages.send(Msg::DefinitionCreated { name, result }));
        });
    }

    pub(super) fn check_definition(
        &self,
        editor: OpId,
        context: CheckContext,
        revision: Revision,
        text: Rope,
    ) {
        let messages = self.messages.clone();
        tokio::spawn(async move {
            let check = move || check(&text.to_string(), &context).diagnostics;
            let diagnostics = faults(check).await;
            drop(messages.send(Msg::Checked {
                editor,
                revision,
                diagnostics,
            }));
        });
    }

    pub(super) fn save_definition(
        &self,
        (editor, revision): (OpId, Revision),
        name: InstanceId,
        text: Rope,
        base: Digest,
    ) {
        let (catalogue, messages) = (self.start.catalogue.clone(), self.messages.clone());
        let drafts = self.start.drafts.clone();
        self.disk.run(move || {
            let text = text.to_string();
            drafts.overtake(&name, &text, &base);
            let answer = match catalogue.save(&name, &text, &base) {
                Ok(digest) => SaveAnswer::Saved(digest),
                Err(CatalogueError::Changed { .. }) => SaveAnswer::Changed,
                Err(error) => SaveAnswer::Failed(error.into()),
            };
            drop(messages.send(Msg::Saved {
                editor,
                revision,
                answer,
            }));
        });
    }

    pub(super) fn keep_draft(
        &self,
        (editor, revision): (OpId, Revision),
        name: InstanceId,
        text: Rope,
        base: Base,
    ) {
        let (drafts, messages) = (self.start.drafts.clone(), self.messages.clone());
        let catalogue = self.start.catalogue.clone();
        self.disk.run(move || {
            let kept = drafts.keep(&name, &text.to_string(), &base);
            // Whoever types is told of another's change while it is fresh, and not only on saving.
            let is_changed =
                || !matches!(catalogue.digest(&name), Ok(Some(now)) if now == base.digest);
            let result = kept.map(|()| is_changed()).map_err(Failure::from);
            drop(messages.send(Msg::DraftKept {
                editor,
                revision,
                base: base.digest,
                result,
            }));
        });
    }

    pub(super) fn discard_draft(&self, name: InstanceId) {
        let drafts = self.start.drafts.clone();
        self.disk.run(move || {
            // A draft that stays is offered again, and does no harm.
            let _ = drafts.discard(&name);
        });
    }
}

/// Returns what a check finds; of one that breaks down that it does, since no further one is begun before it is answered.
async fn faults(check: impl FnOnce() -> Vec<Diagnostic> + Send + 'static) -> Vec<Diagnostic> {
    let found = blocking(move || Ok(check())).await;
    found.unwrap_or_else(|failure| {
        let start = Position { line: 1, column: 1 };
        vec![Diagnostic {
            severity: Severity::Error,
            path: String::new(),
            span: Span {
                start,
                end: start,
                bytes: 0..0,
            },
            message: failure.summary,
            fix: None,
        }]
    })
}

/// Reads what the lists show of a catalogue, without its drafts.
///
/// # Errors
/// The directory cannot be read.
pub fn listing_of(catalogue: &Catalogue) -> Result<CatalogueListing, Failure> {
    let listing = catalogue.list()?;
    let mut refused: Vec<_> = listing
        .refused
        .into_iter()
        .map(|file| (file.file_name, file.reason))
        .collect();
    let mut entries = Vec::with_capacity(listing.entries.len());
    for entry in listing.entries {
        match catalogue.read(&entry.name) {
            Ok(text) => {
                let definition = check(&text.text, &CheckContext::default()).definition;
                let definition = definition.as_ref();
                entries.push(CatalogueEntry {
                    name: entry.name,
                    hash: text.digest.as_str().to_owned(),
                    image: definition.and_then(|it| it.image().map(str::to_owned)),
                    namespace: definition.and_then(Definition::namespace),
                });
            }
            Err(error) => refused.push((format!("{}.yaml", entry.name), error.to_string())),
        }
    }
    Ok(CatalogueListing {
        dir: Some(catalogue.dir().to_owned()),
        entries,
        refused,
        drafts: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn check_that_breaks_down_is_answered() {
        let found = faults(|| panic!("as a test wants it")).await;
        let messages: Vec<_> = found.into_iter().map(|fault| fault.message).collect();
        assert_eq!(messages, ["checking the definition broke down"]);
    }
}
