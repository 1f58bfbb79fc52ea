//! The documents that a cluster told of itself, by group and version.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::document::{Document, Schemas};

/// A cluster's own documents. Each takes the place of what is built in of its group and version.
#[derive(Clone, Default)]
pub struct ClusterSchemas(BTreeMap<String, Arc<Document>>);

impl ClusterSchemas {
    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns schemas in which these are looked for before `built_in`, and `first` before all.
    pub fn before<'d>(
        &'d self,
        built_in: &'d Document,
        first: Option<&'d Document>,
    ) -> Schemas<'d> {
        let own = self.0.values().map(AsRef::as_ref);
        Schemas(first.into_iter().chain(own).chain([built_in]).collect())
    }
}

impl Extend<(String, Arc<Document>)> for ClusterSchemas {
    fn extend<I: IntoIterator<Item = (String, Arc<Document>)>>(&mut self, documents: I) {
        self.0.extend(documents);
    }
}

impl IntoIterator for ClusterSchemas {
    type Item = (String, Arc<Document>);
    type IntoIter = std::collections::btree_map::IntoIter<String, Arc<Document>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, Arc<Document>)> for ClusterSchemas {
    fn from_iter<I: IntoIterator<Item = (String, Arc<Document>)>>(documents: I) -> Self {
        Self(documents.into_iter().collect())
    }
}

impl PartialEq for ClusterSchemas {
    /// Documents are the same where they are one: they are never changed.
    fn eq(&self, other: &Self) -> bool {
        let documents = |of: &Self| -> Vec<(String, *const Document)> {
            let documents = of.0.iter();
            let documents = documents.map(|(version, it)| (version.clone(), Arc::as_ptr(it)));
            documents.collect()
        };
        documents(self) == documents(other)
    }
}

impl Eq for ClusterSchemas {}

impl fmt::Debug for ClusterSchemas {
    /// Names the documents: nobody reads what they hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
