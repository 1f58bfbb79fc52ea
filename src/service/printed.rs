//! An object as the server prints it: whatever its kind, the columns that its list would show. Plain data.

use crate::definition::object::GroupKind;

/// An object as the server prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintedObject {
    /// Its kind.
    pub kind: GroupKind,
    /// Its namespace; none where it is in none.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Headings with what stands below them, name and age aside.
    pub facts: Vec<(String, String)>,
}

impl PrintedObject {
    /// Returns the facts on a line: `READY 1/1  UP-TO-DATE 1`.
    pub fn line(&self) -> String {
        let facts = self.facts.iter();
        let facts: Vec<_> = facts.map(|(name, cell)| format!("{name} {cell}")).collect();
        facts.join("  ")
    }
}
