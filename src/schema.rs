//! Schemas: what the fields of a kind are called, hold and mean, from OpenAPI v3.
//!
//! One model serves checking, completion and `explain`, whatever its source: the kinds that every cluster has, built in; a
//! cluster's own documents, custom resources included; and the service definition, whose schema is written by hand. Pure: the
//! documents of a cluster are fetched and kept by [`cluster`](crate::cluster). A schema never says more than its source: what
//! it does not declare is allowed.

mod built_in;
pub(crate) mod check;
mod document;
mod explain;
mod json_schema;
mod names;
mod node;
mod of_cluster;
mod path;
mod view;

pub use built_in::{built_in, built_in_with_texts, service_definition};
pub use check::check_documents;
pub use document::{Document, KindName, Schemas};
pub use explain::{Depth, explain};
pub use json_schema::json_schema;
pub use names::{names_kind, rank};
pub use of_cluster::ClusterSchemas;
pub use path::{Path, Step};
pub use view::{Schema, Shape};
